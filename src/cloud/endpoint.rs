//! Custom endpoints and authorities: URLs in a connection that name a host of their own.
//!
//! Only the form is checked here. Nothing is resolved or contacted, and whether a store may contact
//! the host is decided by the host policy.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::name::{Field, InvalidName};

/// The most bytes of the URL of an endpoint or authority: longer than any host with a path.
const MAX_URL: usize = 2 << 10;

/// The URL of a blob service that does not follow Azure's patterns, for example of an emulator.
///
/// The container's name is appended as a path segment. The path-style URL of an emulator includes the
/// account: `https://127.0.0.1:10000/devstoreaccount1`. Plain `http` is accepted for emulators, but a
/// token is never sent over it.
///
/// An endpoint is part of a connection and therefore chosen by a customer. A store refuses it unless
/// the service's [`HostPolicy`](crate::HostPolicy) allows its host.
///
/// ```
/// use azure_asset_sync::{Connection, Endpoint};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let azurite = Endpoint::new("http://127.0.0.1:10000/devstoreaccount1")?;
/// let connection = Connection::builder("emulator")
///     .account("devstoreaccount1")
///     .container("training")
///     .cloud(azurite.into())
///     .build()?;
/// assert_eq!(
///     connection.container_url().as_str(),
///     "http://127.0.0.1:10000/devstoreaccount1/training"
/// );
/// # Ok(()) }
/// ```
#[doc(alias = "Azurite")]
#[doc(alias = "emulator")]
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawEndpoint", into = "RawEndpoint")]
pub struct Endpoint {
    url: Url,
    authority: Option<Url>,
}

/// An endpoint in JSON, before it is checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEndpoint {
    endpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authority: Option<String>,
}

impl TryFrom<RawEndpoint> for Endpoint {
    type Error = InvalidName;

    fn try_from(raw: RawEndpoint) -> Result<Self, InvalidName> {
        let endpoint = Self::new(&raw.endpoint)?;
        match raw.authority {
            Some(authority) => endpoint.with_authority(&authority),
            None => Ok(endpoint),
        }
    }
}

impl From<Endpoint> for RawEndpoint {
    fn from(endpoint: Endpoint) -> Self {
        Self { endpoint: endpoint.url.into(), authority: endpoint.authority.map(Into::into) }
    }
}

impl Endpoint {
    /// Returns the URL of the blob service.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the custom authority, if there is one.
    pub(super) fn authority(&self) -> Option<&Url> {
        self.authority.as_ref()
    }

    /// Creates an endpoint from the URL of a blob service.
    ///
    /// # Errors
    /// [`InvalidName`] if the text is longer than 2 KiB, if it is not an `http` or `https` URL, if its host is not a DNS name or an
    /// IP address, or if it has a query, a fragment or user info, because those can be credentials and
    /// do not belong in a connection.
    pub fn new(url: &str) -> Result<Self, InvalidName> {
        Ok(Self { url: parse_url(url)?, authority: None })
    }

    /// Sets the authority that signs principals in; the public cloud's by default.
    ///
    /// # Errors
    /// [`InvalidName`] if the text is longer than 2 KiB, if it is not an `https` URL, because a client secret is sent there, or if it
    /// has a path, because the tenant is a field of the connection.
    pub fn with_authority(mut self, url: &str) -> Result<Self, InvalidName> {
        let authority = parse_url(url)?;
        // No exception for loopback addresses: emulators have no authority of their own.
        if authority.scheme() != "https" {
            let rule = "an authority must be https, because a secret is sent to it";
            return Err(InvalidName::new(Field::Cloud, url, rule));
        }
        if authority.path() != "/" {
            let rule = "an authority must not have a path";
            return Err(InvalidName::new(Field::Cloud, url, rule)
                .hint("write only the host, and set the tenant of the connection"));
        }
        self.authority = Some(authority);
        Ok(self)
    }
}

/// Parses an endpoint or authority without anything that could be a credential.
pub(super) fn parse_url(text: &str) -> Result<Url, InvalidName> {
    let bad = |rule| InvalidName::new(Field::Cloud, text, rule);
    // Before the URL parser, which copies the text several times.
    if text.len() > MAX_URL {
        return Err(bad("it must have at most 2048 bytes"));
    }
    let url = Url::parse(text)
        .map_err(|_| bad("it must be a URL such as `https://127.0.0.1:10000/devstoreaccount1`"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(bad("it must be an http or https URL"));
    }
    // A name with a trailing dot would be another origin than the one that a policy allows.
    if let Some(Host::Domain(name)) = url.host()
        && !is_dns_name(name)
    {
        return Err(bad("its host must be a DNS name without a trailing dot, or an IP address"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it must not contain user info").hint("give a credential to the store"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it must not contain a query or fragment")
            .hint("use a shared access signature as the credential of the store"));
    }
    Ok(url)
}

/// Returns whether a host has the form of a DNS name: at most 253 characters, in labels of 1 to 63.
///
/// The URL parser accepts more, for example quotes, which an error message must not print as code.
pub(super) fn is_dns_name(host: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_plain);
    host.len() <= 253 && host.split('.').all(is_label)
}
