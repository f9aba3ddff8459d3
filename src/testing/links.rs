//! View links for tests, which need no account and no key.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

use crate::{
    clock::{Clock, SystemClock},
    error::{Error, ErrorKind},
    store::{LinkRequest, LinkSigner, ViewLink},
};

/// A [`LinkSigner`] whose links lead nowhere.
///
/// The URL has the name of the blob and the number of the link, and a signature that no service accepts.
/// A link expires an hour after it was made, by the [`clock`](Self::clock). Clones share the record.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use azure_asset_sync::{ErrorKind, LinkRequest, LinkSigner, testing::FakeLinks};
///
/// let links = FakeLinks::new();
/// let link = links.link(LinkRequest::new("hall 3/a.jpg")).await?;
/// assert_eq!(link.url(), "https://links.invalid/hall%203/a.jpg?number=1&sig=fake");
///
/// links.fail(Some(ErrorKind::PermissionDenied));
/// let error = links.link(LinkRequest::new("b.jpg")).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::PermissionDenied);
/// assert_eq!(links.requests().len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FakeLinks {
    clock: Arc<dyn Clock>,
    lifetime: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    requests: Vec<LinkRequest>,
    failure: Option<ErrorKind>,
    forgotten: usize,
}

impl FakeLinks {
    /// Creates a signer with the machine's clock and a lifetime of one hour.
    pub fn new() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            lifetime: Duration::from_secs(60 * 60),
            state: Arc::default(),
        }
    }

    /// Sets the clock that the expiry is taken from.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets the lifetime of links.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Fails each link from now on with an error of this kind; `None` makes links again.
    pub fn fail(&self, kind: Option<ErrorKind>) {
        self.state().failure = kind;
    }

    /// Returns the requests so far, with those that failed.
    pub fn requests(&self) -> Vec<LinkRequest> {
        self.state().requests.clone()
    }

    /// Returns how often [`LinkSigner::forget_key`] was called.
    pub fn forgotten_keys(&self) -> usize {
        self.state().forgotten
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No change can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for FakeLinks {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl LinkSigner for FakeLinks {
    async fn link(&self, request: LinkRequest) -> Result<ViewLink, Error> {
        let mut state = self.state();
        state.requests.push(request.clone());
        if let Some(kind) = state.failure {
            return Err(Error::new(kind, "a fault that the test has injected"));
        }
        let mut url = "https://links.invalid".to_owned();
        for segment in request.name.split('/') {
            let segment = percent_encoding::utf8_percent_encode(segment, SEGMENT);
            // Writing to a string cannot fail.
            let _ = write!(url, "/{segment}");
        }
        let _ = write!(url, "?number={}&sig=fake", state.requests.len());
        Ok(ViewLink::new(url, self.clock.time() + self.lifetime))
    }

    fn forget_key(&self) {
        self.state().forgotten += 1;
    }
}

/// All characters except the unreserved ones of RFC 3986.
const SEGMENT: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
