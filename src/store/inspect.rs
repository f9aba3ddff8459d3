//! [`Inspect`]: the questions that only a probe asks a store.
//!
//! The questions are about the surroundings of a container: the network, the sign-in, and what else
//! the credential can access. Nothing here does I/O, and an answer contains facts only; the probe
//! draws conclusions.

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

/// A store that can also inspect the surroundings of its container.
///
/// A probe asks these questions in addition to those of [`Store`]. The trait is optional: a probe
/// of a plain store skips the checks that need it, and reports that it did. It is object safe, and
/// implemented for `Arc<S>` and `Box<S>`.
///
/// A store without a network answers nothing:
///
/// ```
/// use azure_asset_sync::{Error, MemoryStore, store::*};
/// use bytes::Bytes;
///
/// struct Offline(MemoryStore);
///
/// #[async_trait::async_trait]
/// impl Inspect for Offline {
///     async fn inspect(&self, _: Question) -> Result<Answer, Error> {
///         Ok(Answer::unknown())
///     }
/// }
///
/// # #[async_trait::async_trait]
/// # impl Store for Offline {
/// #     async fn list(&self, request: ListRequest) -> Result<Page, Error> {
/// #         self.0.list(request).await
/// #     }
/// #     async fn read(&self, request: ReadRequest) -> Result<Bytes, Error> {
/// #         self.0.read(request).await
/// #     }
/// # }
/// ```
///
/// # Contract
/// - A question takes at most one request, [`Question::Challenge`] at most two. Requests only read.
/// - If the store cannot answer a question, it returns [`Answer::unknown`], not an error.
/// - If the service refuses, for example with status 403, the store returns an [`Error`] with
///   status and code.
/// - A credential is sent to the endpoint and the authority of the connection only. The store
///   reports other hosts that an answer names, and does not contact them.
/// - Errors, cancellation and concurrency are as for [`Store`].
#[async_trait]
pub trait Inspect: Store {
    /// Answers a question.
    ///
    /// # Errors
    /// An [`Error`] of any kind except [`ErrorKind::Sink`](crate::ErrorKind::Sink).
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

/// A question of a probe about the surroundings of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// Asks for the addresses of the host. Sends a request to the name service only.
    Addresses,
    /// Lists the container without a credential: which authority does the account name, and is the
    /// container public?
    ///
    /// The expected refusal, 401 with a challenge, is an answer and not an error. An account that
    /// forbids public access can refuse with 409 and without a challenge. A second request with an
    /// invalid token then gets one.
    Challenge,
    /// Gets a token, or uses a cached one; sends nothing to the storage account.
    Token,
    /// Lists one name of the container over a connection of its own.
    ///
    /// Front ends of the service learn of a change at different times, and a connection stays with
    /// one of them, so a reused connection would show only one front end.
    List {
        /// The prefix.
        prefix: String,
    },
    /// Reads the first byte of a blob as a web page of this origin would.
    BrowserRead {
        /// The name of the blob.
        blob: String,
        /// The origin, for example `https://app.example`.
        origin: String,
    },
    /// Requests a user delegation key, valid for a few minutes, which view links need.
    DelegationKey,
    /// Sends the CORS preflight of a ranged read by a web page of this origin, without a
    /// credential.
    Preflight {
        /// The origin.
        origin: String,
    },
    /// Lists one name with a prefix in another container of the account.
    ListOther {
        /// The container.
        container: ContainerName,
        /// The prefix.
        prefix: String,
    },
    /// Reads the first byte of a blob in another container of the account.
    ReadOther {
        /// The container.
        container: ContainerName,
        /// The name of the blob.
        blob: String,
    },
    /// Lists one container of the account.
    ListContainers,
}

/// The facts of an answer; each is absent if the answer does not contain it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// Whether the store can answer the question at all.
    pub known: bool,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The error code of a refusal that is an answer, as for [`Question::Challenge`].
    pub code: Option<String>,
    /// The request ID, by which the operator of the service finds the request.
    pub request_id: Option<String>,
    /// The time at the service, from the `Date` header.
    pub served_at: Option<SystemTime>,
    /// The addresses of the host.
    pub addresses: Vec<IpAddr>,
    /// The authority and tenant that the account names.
    pub challenge: Option<Challenge>,
    /// The principal of the token.
    pub identity: Option<Identity>,
    /// The permissions of a browser.
    pub cors: Option<Cors>,
}

impl Answer {
    /// Creates an answer without facts.
    pub fn new() -> Self {
        Self { known: true, ..Self::default() }
    }

    /// Creates the answer of a store that cannot answer the question.
    pub fn unknown() -> Self {
        Self::default()
    }
}

/// The authority and tenant at which an account wants a caller without a token to sign in.
///
/// The host is one of [`AUTHORITIES`]: a challenge that names another host is not accepted as one.
#[doc(alias = "WWW-Authenticate")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The host of the authority.
    pub host: String,
    /// The tenant of the account's subscription.
    pub tenant: TenantId,
}

/// The hosts at which principals sign in, of all national clouds.
///
/// Source: Microsoft Learn, "National clouds", app registration and token endpoints.
pub const AUTHORITIES: &[&str] = &[
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
];

impl Challenge {
    /// Parses a `WWW-Authenticate` header of the blob service.
    ///
    /// Returns `None` unless the header is a bearer challenge for Azure Storage that names a known
    /// authority over https, and the tenant by its ID.
    ///
    /// ```
    /// use azure_asset_sync::store::inspect::Challenge;
    ///
    /// let header = "Bearer authorization_uri=https://login.microsoftonline.com/\
    ///     aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb/oauth2/authorize resource_id=https://storage.azure.com";
    /// let challenge = Challenge::parse(header).ok_or("no challenge")?;
    /// assert_eq!(challenge.host, "login.microsoftonline.com");
    ///
    /// assert_eq!(Challenge::parse(&header.replace("login.", "login-")), None);
    /// # Ok::<(), &str>(())
    /// ```
    ///
    /// Source: Microsoft Learn, "Authorize with Microsoft Entra ID", bearer challenge.
    pub fn parse(header: &str) -> Option<Self> {
        let rest = header.strip_prefix("Bearer ")?;
        // Parameters are separated by blanks here, although RFC 9110 has commas.
        let field = |name: &str| {
            rest.split([' ', ',']).find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        // Quotes are optional.
        let plain = |text: &str| text.trim_matches('"').to_owned();
        if plain(field("resource_id")?).trim_end_matches('/') != "https://storage.azure.com" {
            return None;
        }
        let text = plain(field("authorization_uri")?);
        // The text is compared before it is parsed, because the parser repairs URLs: so no user
        // info, no backslash and no port can hide in the authority.
        let authority = text.strip_prefix("https://")?.split('/').next()?;
        let host = AUTHORITIES.iter().find(|known| authority.eq_ignore_ascii_case(known))?;
        // Only the tenant is taken from the path; the rest of the URL is never used.
        let url = Url::parse(&text).ok()?;
        // A GUID only: a domain name could be any text that whoever answers has put there.
        let tenant = url.path_segments()?.next().filter(|tenant| is_guid(tenant))?;
        Some(Self { host: (*host).to_owned(), tenant: tenant.parse().ok()? })
    }
}

/// The principal of a token, according to its claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The tenant that issued the token.
    pub tenant: Option<String>,
    /// The object ID of the principal, to which roles are assigned.
    pub object_id: Option<String>,
    /// The application (client) ID.
    pub application: Option<String>,
    /// When the token expires.
    pub expires: Option<SystemTime>,
}

/// The permissions of a browser, according to the `Access-Control` headers of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cors {
    /// The header `Access-Control-Allow-Origin`.
    pub allow_origin: Option<String>,
    /// The header `Access-Control-Allow-Methods` of a preflight.
    pub allow_methods: Option<String>,
    /// The header `Access-Control-Allow-Headers` of a preflight.
    pub allow_headers: Option<String>,
    /// The header `Access-Control-Expose-Headers` of a read.
    pub expose_headers: Option<String>,
    /// The header `Access-Control-Max-Age` of a preflight.
    pub max_age: Option<Duration>,
}
