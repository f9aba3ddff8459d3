//! View links: URLs that show one blob each, to viewers without access of their own.
//!
//! A link is signed on this machine with a user delegation key, so that only the first link of about
//! a day needs a request. Names and content types come from customers: whatever could change the
//! meaning of what is signed is refused here.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use azure_core::http::Pipeline;

use super::{
    AzureStore,
    deadline::within,
    delegation_key::{self, KeyCache},
    delegation_sas::{LinkedContent, SasFields},
    http::{Need, Turn},
    network::Target,
    request::NO_URL,
};
use crate::{
    clock::Clock,
    connection::Connection,
    error::{Error, ErrorKind},
    store::{ContentType, LinkRequest, LinkSigner, Text, ViewLink},
};

/// The default lifetime of a link: one hour.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The longest lifetime of a link: six days. A key is valid for at most seven days.
///
/// Source: Microsoft Learn, "Get User Delegation Key".
const MAX_LIFETIME: Duration = Duration::from_secs(6 * 24 * 60 * 60);

/// How much longer than a link its key is valid: 23 h, in which the key serves other links too.
///
/// One hour less than a day, because the service measures the seven days by its own clock and refuses
/// a key that is one second too long.
const KEY_MARGIN: Duration = Duration::from_secs(23 * 60 * 60);

impl AzureStore {
    /// Returns a signer of links to the container's blobs, for viewers without access of their own.
    ///
    /// All makers of one store share one key, so this may be called for each link.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the store's credential is a shared access signature or
    /// [`Credential::Anonymous`](super::Credential::Anonymous), because the service issues the key only
    /// to a principal.
    #[doc(alias = "presigned URL")]
    #[doc(alias = "SAS")]
    pub fn view_links(&self) -> Result<ViewLinks, Error> {
        // Checked when the signer is created, so that a service finds out when it starts.
        if self.credential.is_none() {
            return Err(Error::new(
                ErrorKind::Config,
                "view links need a principal of Microsoft Entra ID: a shared access signature or anonymous access has no user delegation key to sign with; use another credential for the store",
            ));
        }
        Ok(ViewLinks {
            connection: (*self.connection).clone(),
            pipeline: (*self.pipeline).clone(),
            target: Arc::clone(&self.target),
            turn: self.turn.clone(),
            key_cache: Arc::clone(&self.key_cache),
            lifetime: DEFAULT_LIFETIME,
            deadline: self.deadline,
            clock: Arc::clone(&self.clock),
        })
    }
}

/// Makes links that show one blob each, for a limited time, to whoever has the link.
///
/// Other services call such a link a presigned URL. It is the blob's URL with a *user delegation
/// SAS*: it can read this one blob over https, and nothing else.
///
/// # Permissions
/// The service issues the signing key to the store's principal, which needs the role Storage Blob
/// Delegator or Storage Blob Data Reader on the *storage account*.
/// [`Probe::view_links`](crate::Probe::view_links) checks this in advance. A link shows what the
/// principal may read when the link is opened, role conditions included.
///
/// # Lifetime and revocation
/// A link is valid at once and for [`lifetime`](Self::lifetime): one hour by default, six days at
/// most. There are three ways to end links earlier:
///
/// - Remove the principal's role assignment. All its links stop working when the removal has
///   propagated, which takes minutes.
/// - Revoke the account's user delegation keys with
///   `az storage account revoke-delegation-keys`, and call [`forget_key`](Self::forget_key).
/// - Delete the blob.
///
/// A single link cannot be revoked. The clocks of this machine and of the service may differ by
/// 15 minutes.
///
/// # Cost
/// The first link requests a key, with one request however many links are wanted at that time. The
/// key then signs the links of about a day on this machine: a link takes microseconds, and no
/// request.
///
/// Source: Microsoft Learn, "Create a user delegation SAS".
///
/// A service that takes an `Arc<dyn` [`LinkSigner`]`>` can be tested without an account.
///
/// ```no_run
/// use std::time::Duration;
/// use azure_asset_sync::{Asset, AzureStore, LinkRequest};
///
/// # async fn example(store: AzureStore, asset: Asset) -> Result<(), azure_asset_sync::Error> {
/// let links = store.view_links()?.lifetime(Duration::from_secs(15 * 60))?;
/// let link = links.link(LinkRequest::of(&asset.blob).shown_as(asset.media_type)).await?;
/// let html = format!("<img src=\"{}\">", link.url().replace('&', "&amp;"));
/// # Ok(()) }
/// ```
#[doc(alias = "presigned URL")]
#[doc(alias = "SAS")]
#[derive(Clone)]
#[must_use]
pub struct ViewLinks {
    connection: Connection,
    pipeline: Pipeline,
    target: Arc<Target>,
    turn: Turn,
    key_cache: Arc<KeyCache>,
    lifetime: Duration,
    deadline: Duration,
    clock: Arc<dyn Clock>,
}

impl ViewLinks {
    /// Sets the lifetime of links; one hour by default.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for less than one second or more than six days. A key is valid for at most
    /// seven days, and with longer links each link would need a key of its own.
    #[doc(alias = "expiry")]
    pub fn lifetime(mut self, lifetime: Duration) -> Result<Self, Error> {
        if !(Duration::from_secs(1)..=MAX_LIFETIME).contains(&lifetime) {
            let what = "the lifetime of view links must be from 1 s to 6 days";
            return Err(Error::new(ErrorKind::Config, what));
        }
        self.lifetime = lifetime;
        Ok(self)
    }

    /// Makes a link, usually without a request.
    ///
    /// Does not check that the blob exists or that the principal may read it; whoever opens the link
    /// then gets the error.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`] for a name that has no URL, because it has a segment `.` or `..`, and
    /// for a name with a line break, because its signature would be valid for another blob too.
    /// [`ErrorKind::PermissionDenied`] if the principal may not get a key, with the missing role.
    /// [`ErrorKind::Timeout`] if the key does not arrive within the store's
    /// [deadline](super::AzureStoreBuilder::request_deadline). Also those of any request. All calls
    /// that wait for the same key get the same error, and a later call requests a new key.
    ///
    /// # Cancellation
    /// Dropping the future is safe. The request for a key continues while another call waits for it.
    pub async fn link(&self, request: LinkRequest) -> Result<ViewLink, Error> {
        let LinkRequest { name, version_id, snapshot, .. } = &request;
        let selectors = [version_id, snapshot].into_iter().flatten().map(Text::as_str);
        // INVARIANT: no field of the signed text contains a line break, because each line of that
        // text is one field, and a line break would let a name add fields.
        if selectors.chain([name.as_str()]).any(|text| text.contains(['\n', '\r'])) {
            return Err(bad_request(
                "the blob name, version or snapshot contains a line break, so no safe signature is possible; rename the blob",
            ));
        }
        let mut url = self.connection.blob_url(&request.name).ok_or_else(|| bad_request(NO_URL))?;
        let content_type = request.shown_as.as_ref().map_or("", ContentType::as_str);
        // The content type becomes a header of the answer and a line of the signed text.
        if content_type.contains(|c: char| !matches!(c, ' '..='~')) {
            return Err(bad_request(
                "the content type contains characters that HTTP headers do not allow",
            ));
        }
        let now = self.clock.time();
        // In whole seconds before the comparison with the key's expiry, which has no fractions.
        let until = |time: Duration| now.checked_add(time).map(whole_seconds);
        let (Some(expires_at), Some(requested_expiry)) =
            (until(self.lifetime), until(self.lifetime + KEY_MARGIN))
        else {
            return Err(delegation_key::clock_out_of_range());
        };
        let expiry =
            delegation_key::rfc3339(expires_at).ok_or_else(delegation_key::clock_out_of_range)?;
        let (pipeline, connection) = (self.pipeline.clone(), self.connection.clone());
        // The deadline is inside the request that all waiting callers share, because the caller that
        // sent it may have been dropped.
        let (target, turn, deadline) = (Arc::clone(&self.target), self.turn.clone(), self.deadline);
        let request_for_key = async move {
            let _place = target.http().gate().enter(&turn, Need::Little).await?;
            let key = delegation_key::request_key(pipeline, connection, now, requested_expiry);
            within(deadline, key).await
        };
        // Usually no await here: the key of about a day is cached.
        let key = self.key_cache.get(expires_at, requested_expiry, request_for_key).await?;
        let fields = SasFields {
            account: self.connection.account().as_str(),
            container: self.connection.container().as_str(),
            blob: &request.name,
            // A snapshot takes precedence, as documented at `LinkRequest::snapshot`.
            content: match &request {
                LinkRequest { snapshot: Some(time), .. } => LinkedContent::Snapshot(time.as_str()),
                LinkRequest { version_id: Some(id), .. } => LinkedContent::Version(id.as_str()),
                _ => LinkedContent::Current,
            },
            expiry: &expiry,
            // Always set, so that the stored disposition of a customer never decides.
            disposition: if is_displayable(content_type) { "inline" } else { "attachment" },
            content_type,
        };
        url.set_query(Some(&fields.query(&key)));
        Ok(ViewLink::new(url, expires_at))
    }

    /// Drops the key, so that the next link requests a new one.
    ///
    /// Call this after the owner has revoked the account's user delegation keys. Otherwise the store
    /// signs with the revoked key until it expires, and the service refuses those links.
    pub fn forget_key(&self) {
        self.key_cache.forget();
    }
}

/// Returns whether browsers may display content of this type instead of saving it.
///
/// Only images and videos: a document or an SVG image could run scripts in the account's origin.
fn is_displayable(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let Some((kind, subtype)) = essence.split_once('/') else { return false };
    // No comma: of several types in one header, browsers take the last one.
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$&^_.+-".contains(c);
    matches!(kind, "image" | "video")
        && !subtype.is_empty()
        && subtype.chars().all(is_token)
        // `image/svg+xml`, and any other type that a browser parses as XML.
        && !subtype.contains("xml")
        && !subtype.contains("svg")
}

/// The error for a link that cannot be made safely.
fn bad_request(what: &str) -> Error {
    Error::new(ErrorKind::BadRequest, format!("make a view link: {what}"))
}

/// Rounds a time down to the whole seconds of the service's format.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

#[async_trait]
impl LinkSigner for ViewLinks {
    async fn link(&self, request: LinkRequest) -> Result<ViewLink, Error> {
        // The method of the type itself, which takes precedence over that of the trait.
        self.link(request).await
    }

    fn forget_key(&self) {
        self.forget_key();
    }
}

impl fmt::Debug for ViewLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewLinks")
            .field("connection", &self.connection)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
