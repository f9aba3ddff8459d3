//! What only a probe asks.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use url::Url;

use super::Store;
use crate::{
    error::Error,
    name::{ContainerName, TenantId, is_guid},
};

/// A store that can look around its container too: at the network, the sign-in, the neighbours
///
/// A probe asks these questions beyond a [`Store`]'s two. Nobody has to: a probe of a plain store
/// leaves those checks out, and says so.
///
/// # Contract
/// - Each question is one request or none, and [`Question::Challenge`] at most two. Requests read;
///   nothing is written or changed.
/// - A question that a store has no answer for is [`Answer::unknown`], not an error.
/// - An answer that says *no*, such as a 403, is an [`Error`] with status and code.
/// - A credential goes to the connection's own endpoint and authority, and nowhere else: the store
///   reports what an answer says of other hosts, and does not contact them.
///
/// Object safe, and implemented by `Arc<S>` and `Box<S>`.
#[async_trait]
pub trait Inspect: Store {
    /// Asks one question
    ///
    /// # Errors
    /// [`Error`] of any kind but [`ErrorKind::Sink`](crate::ErrorKind::Sink).
    async fn inspect(&self, question: Question) -> Result<Answer, Error>;
}

macro_rules! forward {
    ($pointer:ident) => {
        #[async_trait]
        impl<S: Inspect + ?Sized> Inspect for $pointer<S> {
            async fn inspect(&self, question: Question) -> Result<Answer, Error> {
                (**self).inspect(question).await
            }
        }
    };
}

forward!(Arc);
forward!(Box);

/// A question of a probe
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// Which addresses has the host? Asks the name service only
    Addresses,
    /// Lists the container without a credential: whom does it send to sign in, and is it public?
    ///
    /// The expected refusal, 401 with a challenge, is an answer and no error. An account that forbids
    /// public access can refuse with 409 and no challenge; then a second request, with a text that is
    /// no token, gets one.
    Challenge,
    /// Signs in, or takes the token that is at hand; sends nothing to the storage account
    Token,
    /// Lists one name of the container over a connection that is closed behind it
    ///
    /// Front ends learn of a change one after the other, and a connection leads to one of them.
    List {
        /// The prefix
        prefix: String,
    },
    /// Reads the first byte of a blob as a page of this origin would
    BrowserRead {
        /// The blob
        blob: String,
        /// The origin, such as `https://app.example`
        origin: String,
    },
    /// Asks for a key for view links, valid for a few minutes
    DelegationKey,
    /// Asks what a browser asks before a ranged read by a page of this origin; has no credential
    Preflight {
        /// The origin
        origin: String,
    },
    /// Lists one name of a container of the same account, with a prefix
    ListOther {
        /// The container
        container: ContainerName,
        /// The prefix
        prefix: String,
    },
    /// Reads the first byte of a blob in a container of the same account
    ReadOther {
        /// The container
        container: ContainerName,
        /// The blob
        blob: String,
    },
    /// Lists one name of the account's containers
    ListContainers,
}

/// What an answer tells; each part only where it does
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// Whether the store can answer such questions at all
    pub known: bool,
    /// The HTTP status
    pub status: Option<u16>,
    /// The service's own word where it said no, as in the refusal of [`Question::Challenge`]
    pub code: Option<String>,
    /// The id under which the service's operator finds the request
    pub request_id: Option<String>,
    /// The time of day at the service
    pub served_at: Option<SystemTime>,
    /// The addresses of the host
    pub addresses: Vec<IpAddr>,
    /// Whom the account sends to sign in
    pub challenge: Option<Challenge>,
    /// Whom the token stands for
    pub identity: Option<Identity>,
    /// What browsers are allowed
    pub cors: Option<Cors>,
}

impl Answer {
    /// An answer that tells nothing yet
    pub fn new() -> Self {
        Self { known: true, ..Self::default() }
    }

    /// No answer: the store does not know such questions
    pub fn unknown() -> Self {
        Self::default()
    }
}

/// Where an account sends who comes without a token
///
/// It has passed the list of known authorities: a challenge that names another host is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The authority's host
    pub host: String,
    /// The tenant of the account's subscription
    pub tenant: TenantId,
}

/// The hosts that sign principals in, for each national cloud
///
/// Source: Microsoft Learn, "National clouds", app registration and token endpoints.
pub const AUTHORITIES: &[&str] = &[
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
];

impl Challenge {
    /// Reads a `WWW-Authenticate` header of the blob service
    ///
    /// `None` where it is no bearer challenge for Azure Storage by a known authority over https that
    /// names the tenant by its id.
    /// Source: Microsoft Learn, "Authorize with Microsoft Entra ID", bearer challenge.
    pub fn parse(header: &str) -> Option<Self> {
        let rest = header.strip_prefix("Bearer ")?;
        let field = |name: &str| {
            rest.split([' ', ',']).find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let plain = |text: &str| text.trim_matches('"').to_owned();
        if plain(field("resource_id")?).trim_end_matches('/') != "https://storage.azure.com" {
            return None;
        }
        let text = plain(field("authorization_uri")?);
        // Before the parser repairs it: no user info, no backslash, no other port can hide in it.
        let authority = text.strip_prefix("https://")?.split('/').next()?;
        let host = AUTHORITIES.iter().find(|known| authority.eq_ignore_ascii_case(known))?;
        let url = Url::parse(&text).ok()?;
        // An id: a domain name could be any text that the service knows, such as a signature.
        let tenant = url.path_segments()?.next().filter(|tenant| is_guid(tenant))?;
        Some(Self { host: (*host).to_owned(), tenant: tenant.parse().ok()? })
    }
}

/// Whom a token stands for, as its claims tell
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The tenant that issued it
    pub tenant: Option<String>,
    /// The object id of the principal: what a role is assigned to
    pub object_id: Option<String>,
    /// The application (client) id
    pub application: Option<String>,
    /// When it ends
    pub expires: Option<SystemTime>,
}

/// What a browser is allowed, by the `Access-Control` headers of an answer
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cors {
    /// `Access-Control-Allow-Origin`
    pub allow_origin: Option<String>,
    /// `Access-Control-Allow-Methods`, of a preflight
    pub allow_methods: Option<String>,
    /// `Access-Control-Allow-Headers`, of a preflight
    pub allow_headers: Option<String>,
    /// `Access-Control-Expose-Headers`, of a read
    pub expose_headers: Option<String>,
    /// `Access-Control-Max-Age`, of a preflight
    pub max_age: Option<Duration>,
}
