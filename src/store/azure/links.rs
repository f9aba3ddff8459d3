//! Links that show one blob each, for viewers without access of their own.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use azure_core::http::Pipeline;

use super::{
    AzureStore, Secret,
    deadline::within,
    delegation::{self, Keys},
    signature::{Moment, Terms},
};
use crate::{
    clock::Clock,
    connection::Connection,
    error::{Error, ErrorKind},
    store::{Blob, ContentType, Text},
};

/// How long a link lasts unless told
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The longest that a link may last: a key lasts at most seven days, and is for more than one link
///
/// Source: Microsoft Learn, "Get User Delegation Key".
const LONGEST: Duration = Duration::from_secs(6 * 24 * 60 * 60);

/// How much longer than a link its key lasts: for so long no other is asked for
///
/// An hour less than a day, since the service counts the seven days by its own clock, and refuses a
/// key that is a second too long.
const SPARE: Duration = Duration::from_secs(23 * 60 * 60);

impl AzureStore {
    /// What makes links to the container's blobs, for viewers who have no access of their own
    ///
    /// All that come from one store share one key, so this may be called as often as it is handy.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where the store's credential is a shared access signature or nobody:
    /// the key for links is given to principals only.
    pub fn view_links(&self) -> Result<ViewLinks, Error> {
        if self.credential.is_none() {
            return Err(Error::new(
                ErrorKind::Config,
                "view links need a principal: for a shared access signature, or for nobody, there is no key to sign them with",
            ));
        }
        Ok(ViewLinks {
            connection: self.connection.clone(),
            pipeline: self.pipeline.clone(),
            keys: Arc::clone(&self.keys),
            lifetime: LIFETIME,
            deadline: self.deadline,
            clock: Arc::clone(&self.clock),
        })
    }
}

/// Makes links that show one blob each, for a while, to whoever has them
///
/// A link is the blob's URL with a user delegation SAS: it reads this blob, over https, and does
/// nothing else. It is signed with a key that the service gives to the store's principal, which
/// takes Storage Blob Delegator, or Storage Blob Data Reader, on the *account*;
/// [`Probe::view_links`](crate::Probe::view_links) tells beforehand. What a link shows is what the
/// principal may read at the moment it is opened: role conditions hold, and with the role goes every
/// link.
///
/// The key is asked for with the first link, once however many are wanted at that time, and serves
/// the links of about a day. Making one is then a matter of microseconds, without a request.
///
/// Format: Microsoft Learn, "Create a user delegation SAS". A link begins to hold at once, since its
/// key does a quarter of an hour before it is asked for, and so clocks may differ by that.
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
#[derive(Clone)]
#[must_use]
pub struct ViewLinks {
    connection: Connection,
    pipeline: Pipeline,
    keys: Arc<Keys>,
    lifetime: Duration,
    deadline: Duration,
    clock: Arc<dyn Clock>,
}

impl ViewLinks {
    /// How long a link lasts; an hour by default
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for less than a second, and for more than six days: no key lasts longer
    /// than seven, and one that is for a single link would be asked for with each.
    pub fn lifetime(mut self, lifetime: Duration) -> Result<Self, Error> {
        if !(Duration::from_secs(1)..=LONGEST).contains(&lifetime) {
            let what = "the lifetime of view links must be a second to six days";
            return Err(Error::new(ErrorKind::Config, what));
        }
        self.lifetime = lifetime;
        Ok(self)
    }

    /// A link
    ///
    /// Whether there is such a blob, and whether the principal may read it, shows when it is opened.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`] for a name that no URL leads to, with a segment `.` or `..`, and for a
    /// name with a line break, whose signature would be valid for another blob, too;
    /// [`ErrorKind::PermissionDenied`] if the principal may not get a key, with the role that it
    /// lacks; [`ErrorKind::Timeout`] if the key does not come within the store's
    /// [deadline](super::AzureStoreBuilder::request_deadline); and those of any request. All calls
    /// that wait for the same key get the same error, and a later call requests a new one.
    ///
    /// # Cancellation
    /// Dropping the future is safe. The request for a key goes on while another call waits for it.
    pub async fn link(&self, request: LinkRequest) -> Result<ViewLink, Error> {
        let LinkRequest { name, version_id, snapshot, .. } = &request;
        let moments = [version_id, snapshot].into_iter().flatten().map(Text::as_str);
        // What is signed has a line for each field, so a line break would begin another field.
        if moments.chain([name.as_str()]).any(|text| text.contains(['\n', '\r'])) {
            return Err(bad(
                "no signature is safe for a name, version or snapshot with a line break",
            ));
        }
        let mut url = self
            .connection
            .blob_url(&request.name)
            .ok_or_else(|| bad("no URL leads to a name with a segment `.` or `..`, or to none"))?;
        let content_type = request.shown_as.as_ref().map_or("", ContentType::as_str);
        // It becomes a header of the answer, and a line of what is signed.
        if content_type.contains(|c: char| !matches!(c, ' '..='~')) {
            return Err(bad("the content type has characters that no header can have"));
        }
        let now = self.clock.time();
        let until = |time: Duration| now.checked_add(time).map(whole_seconds);
        let (Some(expires_at), Some(asked)) = (until(self.lifetime), until(self.lifetime + SPARE))
        else {
            return Err(delegation::clock_is_off());
        };
        let expiry = delegation::rfc3339(expires_at).ok_or_else(delegation::clock_is_off)?;
        let (pipeline, connection) = (self.pipeline.clone(), self.connection.clone());
        // Inside the request, which all who wait share: whoever came first may have gone.
        let ask = within(self.deadline, delegation::ask(pipeline, connection, now, asked));
        let key = self.keys.get(expires_at, asked, ask).await?;
        let terms = Terms {
            account: self.connection.account().as_str(),
            container: self.connection.container().as_str(),
            blob: &request.name,
            moment: match &request {
                LinkRequest { snapshot: Some(time), .. } => Moment::Snapshot(time.as_str()),
                LinkRequest { version_id: Some(id), .. } => Moment::Version(id.as_str()),
                _ => Moment::Current,
            },
            expiry: &expiry,
            disposition: if is_shown(content_type) { "inline" } else { "attachment" },
            content_type,
        };
        url.set_query(Some(&terms.query(&key)));
        Ok(ViewLink { url: String::from(url).into(), expires_at })
    }

    /// Drops the key: the next link asks for a new one
    ///
    /// For an owner who has revoked the account's keys, whereupon links are refused that were good:
    /// else they would be until the key is at its end.
    pub fn forget_key(&self) {
        self.keys.forget();
    }
}

/// Whether browsers may show content of this type in place of saving it
///
/// Images and videos alone: a document, and an image in SVG, could run scripts at the account's origin.
fn is_shown(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let Some((kind, subtype)) = essence.split_once('/') else { return false };
    // With a comma a browser would take the last type of several.
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$&^_.+-".contains(c);
    matches!(kind, "image" | "video")
        && !subtype.is_empty()
        && subtype.chars().all(is_token)
        && !subtype.contains("xml")
        && !subtype.contains("svg")
}

fn bad(what: &str) -> Error {
    Error::new(ErrorKind::BadRequest, format!("make a view link: {what}"))
}

/// What the service's times can say
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

impl fmt::Debug for ViewLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewLinks")
            .field("connection", &self.connection)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// Which blob a link shows, and how
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkRequest {
    /// The blob, by the name that the listing gave
    pub name: String,
    /// An earlier version; `None` shows what the blob has when the link is opened
    pub version_id: Option<Text>,
    /// A snapshot, which goes before a version
    pub snapshot: Option<Text>,
    /// The media type of the answer; with `None` the answer has the type that its owner stored
    ///
    /// Browsers show images and videos. They save everything else, also a blob without a type here,
    /// because its owner may have stored it as a document with scripts. Elements such as `<img>` and
    /// `<video>` show both.
    pub shown_as: Option<ContentType>,
}

impl LinkRequest {
    /// A link to the blob of this name, as its owner stored it; browsers save it
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), version_id: None, snapshot: None, shown_as: None }
    }

    /// A link to what was listed
    ///
    /// To a snapshot, and to an earlier version, since under the name alone would be another
    /// content. The current version of a blob is linked by its name, though it has an id: such a
    /// link lives as long as the blob, and conditions that allow current versions only allow it. So
    /// it shows the new content where the blob has been written since; to see the old one, set
    /// [`version_id`](Self::version_id).
    pub fn of(blob: &Blob) -> Self {
        let is_old = blob.is_current_version != Some(true);
        Self {
            version_id: blob.version_id.clone().filter(|_| is_old),
            snapshot: blob.snapshot.clone(),
            ..Self::new(&blob.name)
        }
    }

    /// Serves the blob as this media type, whatever its owner stored; browsers show an image or a video
    ///
    /// Many videos are stored as `application/octet-stream`, and some as an attachment. Other types,
    /// such as `text/html` and `image/svg+xml`, are saved.
    #[must_use]
    pub fn shown_as(mut self, media_type: ContentType) -> Self {
        self.shown_as = Some(media_type);
        self
    }
}

/// A link, which is a secret: who has it sees the blob until it expires
///
/// Neither printed nor serialised: [`url`](Self::url) gives it out. A page that embeds it does well to
/// send `Referrer-Policy: no-referrer`, so that browsers do not tell it to others.
#[derive(Clone)]
pub struct ViewLink {
    url: Secret,
    expires_at: SystemTime,
}

impl ViewLink {
    /// The URL with its signature, to be given to the viewer and not to a log
    pub fn url(&self) -> &str {
        self.url.expose()
    }

    /// When it ends, in whole seconds by the service's clock
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }
}

impl fmt::Debug for ViewLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url().split('?').next().unwrap_or_default();
        f.debug_struct("ViewLink")
            .field("url", &format_args!("{url}?(secret)"))
            .field("expires_at", &self.expires_at)
            .finish()
    }
}
