//! Where an account answers, who signs its principals in, and which hosts a store may contact.
//!
//! [`Cloud`] and [`Endpoint`] are part of a connection, so a customer chooses them. [`HostPolicy`] is
//! the service's decision which of these choices count.

mod address;
mod policy;

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

pub(crate) use self::address::{Reach, reach};
#[cfg(feature = "azure")]
pub(crate) use self::policy::is_localhost;
pub use self::policy::{HostPolicy, RefusedHost};
use crate::name::{AccountName, ContainerName, Field, InvalidName};

/// The Azure cloud of a storage account
///
/// In JSON `"public"`, `"us_government"`, `"china"`, `{"dns_zone": 34}` or
/// `{"custom": {"endpoint": "https://…", "authority": "https://…"}}`. Endpoints and authorities are
/// those of Microsoft Learn, "Azure national clouds" and "Storage account endpoints".
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cloud {
    /// Azure, the public cloud
    #[default]
    Public,
    /// Azure Government (United States)
    UsGovernment,
    /// Azure operated by 21Vianet (China)
    China,
    /// An account of the public cloud with an Azure DNS zone endpoint, which has a zone number that
    /// cannot be derived from the account's name
    DnsZone(DnsZone),
    /// An emulator, or another host in front of the account
    ///
    /// A store contacts it only if the service's [`HostPolicy`] allows the host.
    Custom(Endpoint),
}

/// The zone of an account with a DNS zone endpoint: 0 to 50
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct DnsZone(u8);

impl DnsZone {
    const LAST: u8 = 50;
}

impl TryFrom<u8> for DnsZone {
    type Error = InvalidName;

    fn try_from(zone: u8) -> Result<Self, InvalidName> {
        if zone > Self::LAST {
            let rule = "a DNS zone must be 0 to 50";
            return Err(InvalidName::new(Field::Cloud, &zone.to_string(), rule));
        }
        Ok(Self(zone))
    }
}

impl From<DnsZone> for u8 {
    fn from(zone: DnsZone) -> u8 {
        zone.0
    }
}

/// The address of a blob service that none of the public patterns gives
///
/// The container's name is appended to it as a path segment; a path-style address, as an emulator
/// has, includes the account: `https://127.0.0.1:10000/devstoreaccount1`. Plain `http` is for
/// emulators: a token is never sent over it.
///
/// An endpoint is part of a connection and so chosen by a customer. A store refuses it unless the
/// service's [`HostPolicy`] allows its host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawEndpoint", into = "RawEndpoint")]
pub struct Endpoint {
    url: Url,
    authority: Option<Url>,
}

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
    /// A blob service at this address
    ///
    /// # Errors
    /// [`InvalidName`] if it is not an `http` or `https` address, if its host is not a DNS name or an
    /// IP address, or if it has a query, a fragment or user info: those are credentials, which do
    /// not belong in a connection.
    pub fn new(url: &str) -> Result<Self, InvalidName> {
        let parsed = parse_url(url)?;
        let is_of_azure = parsed.host_str().is_some_and(|host| Cloud::of_host(host).is_some());
        if is_of_azure && !parsed.path().trim_matches('/').is_empty() {
            let rule = "the address of an Azure account ends with the host";
            return Err(InvalidName::new(Field::Cloud, url, rule).hint(
                "a container's address goes to `ConnectionBuilder::from_url`, not into an endpoint",
            ));
        }
        Ok(Self { url: parsed, authority: None })
    }

    /// Signs principals in at this authority instead of the public cloud's
    ///
    /// # Errors
    /// [`InvalidName`] if it is not a plain `https` address, because a client secret is sent there, or
    /// if it has a path: the tenant is a field of the connection.
    pub fn with_authority(mut self, url: &str) -> Result<Self, InvalidName> {
        let authority = parse_url(url)?;
        if authority.scheme() != "https" {
            let rule = "an authority must be https: a secret is sent to it";
            return Err(InvalidName::new(Field::Cloud, url, rule));
        }
        if authority.path() != "/" {
            let rule = "an authority must have no path";
            return Err(InvalidName::new(Field::Cloud, url, rule)
                .hint("write the host alone, and give the tenant to the connection"));
        }
        self.authority = Some(authority);
        Ok(self)
    }
}

fn parse_url(text: &str) -> Result<Url, InvalidName> {
    let bad = |rule| InvalidName::new(Field::Cloud, text, rule);
    let url = Url::parse(text).map_err(|_| {
        bad("it must be an address such as `https://127.0.0.1:10000/devstoreaccount1`")
    })?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(bad("it must be an http or https address"));
    }
    if let Some(Host::Domain(name)) = url.host()
        && !policy::is_dns_name(name)
    {
        return Err(bad("its host must be a DNS name without a dot at the end, or an IP address"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it must have no user info").hint("a credential is given to the store"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it must have no query and no fragment")
            .hint("a shared access signature is a credential: give it to the store"));
    }
    Ok(url)
}

impl Cloud {
    /// The address of the account's blob service
    pub(crate) fn service(&self, account: &AccountName) -> Url {
        let url = match self {
            Self::Public => format!("https://{account}.blob.core.windows.net/"),
            Self::UsGovernment => format!("https://{account}.blob.core.usgovcloudapi.net/"),
            Self::China => format!("https://{account}.blob.core.chinacloudapi.cn/"),
            Self::DnsZone(zone) => {
                format!("https://{account}.z{:02}.blob.storage.azure.net/", zone.0)
            }
            Self::Custom(endpoint) => return endpoint.url.clone(),
        };
        #[expect(clippy::expect_used, reason = "an account name is [a-z0-9]{3,24}, a legal label")]
        Url::parse(&url).expect("a host made of an account name and a constant")
    }

    /// Returns the account and the cloud of a blob or `dfs` host
    pub(crate) fn of_host(host: &str) -> Option<(&str, Self)> {
        let (account, rest) = host.split_once('.')?;
        let account = account.strip_suffix("-secondary").unwrap_or(account);
        // The name in a private DNS zone is of the same account.
        let rest = rest.strip_prefix("privatelink.").unwrap_or(rest);
        let cloud = match rest {
            "blob.core.windows.net" | "dfs.core.windows.net" => Self::Public,
            "blob.core.usgovcloudapi.net" | "dfs.core.usgovcloudapi.net" => Self::UsGovernment,
            "blob.core.chinacloudapi.cn" | "dfs.core.chinacloudapi.cn" => Self::China,
            _ => {
                let zone = rest
                    .strip_suffix(".blob.storage.azure.net")
                    .or_else(|| rest.strip_suffix(".dfs.storage.azure.net"))?
                    .strip_prefix('z')?;
                Self::DnsZone(DnsZone::try_from(zone.parse::<u8>().ok()?).ok()?)
            }
        };
        Some((account, cloud))
    }

    /// The address of a container
    pub(crate) fn container(&self, account: &AccountName, container: &ContainerName) -> Url {
        let mut url = self.service(account);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(container.as_str());
        }
        url
    }

    /// The authority that signs principals in, with its scheme
    pub fn authority(&self) -> &str {
        match self {
            Self::UsGovernment => "https://login.microsoftonline.us/",
            Self::China => "https://login.partner.microsoftonline.cn/",
            Self::Custom(Endpoint { authority: Some(url), .. }) => url.as_str(),
            Self::Public | Self::DnsZone(_) | Self::Custom(_) => {
                "https://login.microsoftonline.com/"
            }
        }
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::UsGovernment => f.write_str("us_government"),
            Self::China => f.write_str("china"),
            Self::DnsZone(zone) => write!(f, "dns zone {:02}", zone.0),
            Self::Custom(endpoint) => endpoint.url.fmt(f),
        }
    }
}
