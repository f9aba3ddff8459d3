//! [`LinkSigner`]: makes links that show one blob each, to viewers without access of their own.
//!
//! `store::azure` has the implementation for Azure. The trait is here, so that a service can be written
//! and tested against any implementation.

use std::{fmt, sync::Arc, time::SystemTime};

use async_trait::async_trait;

use super::{Blob, ContentType, Text};
use crate::error::Error;

/// Makes links that show one blob each, for a limited time, to whoever has the link.
///
/// `AzureStore::view_links` returns an implementation for Azure, and `testing::FakeLinks` is one for
/// tests. Object safe, and implemented for `Arc<L>` and `Box<L>`.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use std::sync::Arc;
/// use azure_asset_sync::{Error, LinkRequest, LinkSigner, testing::FakeLinks};
///
/// /// The handler of a service: the viewer's browser follows the link.
/// async fn redirect(links: &dyn LinkSigner, name: &str) -> Result<String, Error> {
///     Ok(links.link(LinkRequest::new(name)).await?.url().to_owned())
/// }
///
/// let links: Arc<dyn LinkSigner> = Arc::new(FakeLinks::new());
/// assert!(redirect(&*links, "hall-3/a.jpg").await?.contains("/hall-3/a.jpg?"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Contract
/// - A link can read the requested blob and nothing else. It does not write.
/// - [`ViewLink::expires_at`] is when the service ends the link.
/// - Whether the blob exists is not checked; whoever opens the link gets the error.
/// - Errors, cancellation and concurrency are as for [`Store`](super::Store).
#[doc(alias = "presigned URL")]
#[doc(alias = "Signer")]
#[async_trait]
pub trait LinkSigner: Send + Sync {
    /// Makes a link.
    ///
    /// # Errors
    /// An [`Error`] of any kind except [`ErrorKind::Sink`](crate::ErrorKind::Sink), for example
    /// [`BadRequest`](crate::ErrorKind::BadRequest) for a name that cannot be linked.
    async fn link(&self, request: LinkRequest) -> Result<ViewLink, Error>;

    /// Drops cached keys, so that the next link requests a new one. Does nothing by default.
    fn forget_key(&self) {}
}

macro_rules! forward {
    ($pointer:ident) => {
        #[async_trait]
        impl<L: LinkSigner + ?Sized> LinkSigner for $pointer<L> {
            async fn link(&self, request: LinkRequest) -> Result<ViewLink, Error> {
                (**self).link(request).await
            }

            fn forget_key(&self) {
                (**self).forget_key();
            }
        }
    };
}

forward!(Arc);
forward!(Box);

/// The blob that a link shows, and how.
///
/// ```
/// use azure_asset_sync::LinkRequest;
///
/// // A video that its owner stored as `application/octet-stream`.
/// let request = LinkRequest::new("hall-3/run 7.mp4").shown_as("video/mp4".into());
/// assert_eq!(request.version_id, None); // the content at the time the link is opened
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkRequest {
    /// The blob's name, exactly as the listing returned it.
    pub name: String,
    /// The ID of an earlier version; `None` for the content at the time the link is opened.
    pub version_id: Option<Text>,
    /// The time of a snapshot, which takes precedence over a version.
    pub snapshot: Option<Text>,
    /// The media type of the answer; `None` for the type that the blob's owner stored.
    ///
    /// Browsers display images and videos, and save everything else. They also save a blob without a
    /// type here, because its owner may have stored it as a document with scripts. Elements such as
    /// `<img>` and `<video>` display both.
    pub shown_as: Option<ContentType>,
}

impl LinkRequest {
    /// Requests a link to the blob of this name with its stored type; browsers save it.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), version_id: None, snapshot: None, shown_as: None }
    }

    /// Requests a link to a listed blob.
    ///
    /// For a snapshot or an earlier version the link shows exactly that content. The current version
    /// is linked by its name, even if it has a version ID: such a link stays valid as long as the blob
    /// exists, and it works with role conditions that allow only current versions. If the blob is
    /// overwritten, that link shows the new content; set [`version_id`](Self::version_id) to keep the
    /// old one.
    pub fn of(blob: &Blob) -> Self {
        // Without versioning there is no ID, so the name alone is used.
        let is_old = blob.is_current_version != Some(true);
        Self {
            version_id: blob.version_id.clone().filter(|_| is_old),
            snapshot: blob.snapshot.clone(),
            ..Self::new(&blob.name)
        }
    }

    /// Serves the blob as this media type, whatever its owner stored.
    ///
    /// Browsers then display an image or a video. Many videos are stored as
    /// `application/octet-stream`, and some as an attachment. Other types, such as `text/html` and
    /// `image/svg+xml`, are saved.
    #[must_use]
    pub fn shown_as(mut self, media_type: ContentType) -> Self {
        self.shown_as = Some(media_type);
        self
    }
}

/// A link, which is a secret: whoever has it can read the blob until it expires.
///
/// Never printed and never serialized; only [`url`](Self::url) returns it. A page that embeds a link
/// should send `Referrer-Policy: no-referrer`, so that browsers do not pass the link to other sites.
///
/// ```no_run
/// use azure_asset_sync::{Error, LinkRequest, LinkSigner};
///
/// # async fn example(links: &dyn LinkSigner) -> Result<(), Error> {
/// let link = links.link(LinkRequest::new("hall-3/frame 1.jpg")).await?;
/// println!("{link:?}"); // the URL without its signature, and the expiry
/// # Ok(()) }
/// ```
#[doc(alias = "presigned URL")]
#[derive(Clone)]
pub struct ViewLink {
    url: String,
    expires_at: SystemTime,
}

impl ViewLink {
    /// Creates a link, for implementors of [`LinkSigner`].
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use azure_asset_sync::ViewLink;
    ///
    /// let expires_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    /// let link = ViewLink::new("https://example.com/a.jpg?sig=c2VjcmV0", expires_at);
    /// assert!(!format!("{link:?}").contains("c2VjcmV0"));
    /// ```
    pub fn new(url: impl Into<String>, expires_at: SystemTime) -> Self {
        Self { url: url.into(), expires_at }
    }

    /// Returns the URL with its signature, for the viewer and not for a log.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the expiry, in whole seconds of the service's clock.
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }
}

impl fmt::Debug for ViewLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The query contains the signature.
        let url = self.url().split('?').next().unwrap_or_default();
        f.debug_struct("ViewLink")
            .field("url", &format_args!("{url}?(secret)"))
            .field("expires_at", &self.expires_at)
            .finish()
    }
}
