//! Tokens, and what to do if storage refuses one before its time is over.
//!
//! One request for a token serves all who wait for it. A credential that panics counts as one that
//! gives no token.

use std::{
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
    http::{
        Context, Request, StatusCode,
        headers::AUTHORIZATION,
        policies::{Policy, PolicyResult},
    },
    time::{Duration, OffsetDateTime},
};
use futures::FutureExt as _;

use super::token::NoToken;

/// How long before its end a token is not used any more, as for the SDK
const EARLY: Duration = Duration::minutes(5);

/// Makes a credential with an empty cache
pub(super) type Make = Box<dyn Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync>;

/// A credential that can forget its tokens
///
/// The SDK's credentials keep a token until shortly before it ends, also one that storage has
/// refused: after a revocation or a key roll-over, or before it knew the principal. So they are
/// made anew.
pub(super) struct Renewable {
    make: Make,
    state: Mutex<State>,
}

struct State {
    source: Arc<Source>,
    /// Whether storage has taken a token of this source
    accepted: bool,
    /// Whether it had taken one of the source before
    was_accepted: bool,
}

/// A credential, and its token: what is refused of one says nothing of the next
struct Source {
    credential: Arc<dyn TokenCredential>,
    /// Locked while it is asked for, so that one request asks for all
    token: tokio::sync::Mutex<Option<AccessToken>>,
}

impl Source {
    fn new(credential: Arc<dyn TokenCredential>) -> Arc<Self> {
        Arc::new(Self { credential, token: tokio::sync::Mutex::new(None) })
    }

    async fn token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let mut kept = self.token.lock().await;
        let now = OffsetDateTime::now_utc();
        if let Some(token) = kept.as_ref().filter(|token| token.expires_on > now + EARLY) {
            return Ok(token.clone());
        }
        // A credential that panics is as one without a token: the answer made it.
        let asked = AssertUnwindSafe(self.credential.get_token(scopes, options)).catch_unwind();
        let asked = asked.await.unwrap_or_else(|_| Err(NoToken::InAnswer.into_error()));
        match (asked, kept.as_ref()) {
            (Ok(token), _) => Ok(kept.insert(token).clone()),
            (Err(_), Some(token)) if token.expires_on > now => Ok(token.clone()),
            (Err(error), _) => Err(error),
        }
    }
}

impl Renewable {
    pub(super) fn new(make: Make) -> azure_core::Result<Self> {
        let source = Source::new(make()?);
        let state = State { source, accepted: false, was_accepted: false };
        Ok(Self { make, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each critical section leaves a whole state, whatever panics in it.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn source(&self) -> Arc<Source> {
        Arc::clone(&self.state().source)
    }

    fn accepted(&self, source: &Arc<Source>) {
        let mut state = self.state();
        state.accepted |= Arc::ptr_eq(&state.source, source);
    }

    /// Forgets a source whose token was refused, and whether to try a new one at once
    ///
    /// Not at once where no token of the source was ever taken: a new one would hardly be. The
    /// next request gets one. Of requests that are refused together the first renews, for all.
    fn renew(&self, refused: &Arc<Source>) -> bool {
        let mut state = self.state();
        if !Arc::ptr_eq(&state.source, refused) {
            return state.was_accepted;
        }
        let Ok(credential) = (self.make)() else { return false };
        let was_accepted = state.accepted;
        *state = State { source: Source::new(credential), accepted: false, was_accepted };
        was_accepted
    }
}

impl fmt::Debug for Renewable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewable").finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenCredential for Renewable {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        self.source().token(scopes, options).await
    }
}

/// Adds the token to a request, and sends it a second time where that was taken before and is no
/// longer
///
/// The SDK's policy has one token for all requests and drops it on each refusal. Of many requests
/// that are refused together some then drop the new one, or get the old one again.
#[derive(Debug)]
pub(super) struct Bearer {
    credential: Arc<Renewable>,
    scope: &'static str,
}

impl Bearer {
    pub(super) fn new(credential: Arc<Renewable>, scope: &'static str) -> Self {
        Self { credential, scope }
    }

    /// Sends it with a token; the source that this was of
    async fn send_once(
        &self,
        context: &Context<'_>,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> azure_core::Result<(Arc<Source>, azure_core::http::AsyncRawResponse)> {
        let other = |what| azure_core::Error::with_message(ErrorKind::Other, what);
        if request.url().scheme() != "https" {
            return Err(other("a token is never sent without TLS"));
        }
        let (policy, rest) =
            next.split_first().ok_or_else(|| other("the pipeline has no transport"))?;
        let source = self.credential.source();
        let token = source.token(&[self.scope], None).await?;
        request.insert_header(AUTHORIZATION, format!("Bearer {}", token.token.secret()));
        let response = policy.send(context, request, rest).await?;
        if response.status() != StatusCode::Unauthorized {
            self.credential.accepted(&source);
        }
        Ok((source, response))
    }
}

#[async_trait]
impl Policy for Bearer {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let (source, response) = self.send_once(context, request, next).await?;
        if response.status() != StatusCode::Unauthorized || !self.credential.renew(&source) {
            return Ok(response);
        }
        request.body_mut().reset().await?;
        Ok(self.send_once(context, request, next).await?.1)
    }
}
