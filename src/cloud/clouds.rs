//! The Azure clouds: the host of an account, and the authority that signs principals in.
//!
//! Each cloud derives both from the account's name. The hosts of this table are the only ones that the
//! default host policy allows.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use super::endpoint::Endpoint;
use crate::name::{AccountName, ContainerName, Field, InvalidName};

const PUBLIC_AUTHORITY: &str = "https://login.microsoftonline.com/";

/// The Azure cloud of a storage account, which decides its endpoint and its authority.
///
/// In JSON: `"public"`, `"us_government"`, `"china"`, `{"dns_zone": 34}` or
/// `{"custom": {"endpoint": "https://…", "authority": "https://…"}}`. Source: Microsoft Learn, "Azure
/// national clouds" and "Storage account endpoints".
///
/// ```
/// use azure_asset_sync::Cloud;
///
/// assert_eq!(Cloud::UsGovernment.authority(), "https://login.microsoftonline.us/");
/// assert_eq!(serde_json::to_string(&Cloud::China)?, r#""china""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cloud {
    /// The public cloud, Azure.
    #[default]
    Public,
    /// Azure Government, of the United States.
    UsGovernment,
    /// Azure operated by 21Vianet, in China.
    China,
    /// An account of the public cloud with an Azure DNS zone endpoint.
    ///
    /// The zone number is part of the host and cannot be derived from the account's name.
    DnsZone(DnsZone),
    /// An emulator, or another host in front of the account.
    ///
    /// A store contacts it only if the service's [`HostPolicy`](crate::HostPolicy) allows the host.
    Custom(Endpoint),
}

/// The number of an Azure DNS zone, from 0 to 50.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct DnsZone(u8);

impl DnsZone {
    const LAST: u8 = 50;

    /// Returns all zones.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..=Self::LAST).map(Self)
    }
}

impl TryFrom<u8> for DnsZone {
    type Error = InvalidName;

    fn try_from(zone: u8) -> Result<Self, InvalidName> {
        if zone > Self::LAST {
            // Azure's documentation names zones 00 to 50.
            let rule = "a DNS zone must be a number from 0 to 50";
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

impl Cloud {
    /// Returns the URL of the account's blob service.
    pub(crate) fn service(&self, account: &AccountName) -> Url {
        let url = match self {
            Self::Public => format!("https://{account}.blob.core.windows.net/"),
            Self::UsGovernment => format!("https://{account}.blob.core.usgovcloudapi.net/"),
            Self::China => format!("https://{account}.blob.core.chinacloudapi.cn/"),
            Self::DnsZone(zone) => {
                format!("https://{account}.z{:02}.blob.storage.azure.net/", zone.0)
            }
            Self::Custom(endpoint) => return endpoint.url().clone(),
        };
        #[expect(clippy::expect_used, reason = "an account name is [a-z0-9]{3,24}, a legal label")]
        Url::parse(&url).expect("a host made of an account name and a constant")
    }

    /// Returns the account and the cloud of a `blob` or `dfs` host, or `None` for another host.
    pub(crate) fn of_host(host: &str) -> Option<(&str, Self)> {
        let (account, rest) = host.split_once('.')?;
        // The read-only secondary endpoint belongs to the same account.
        let account = account.strip_suffix("-secondary").unwrap_or(account);
        // In a private DNS zone the same account has a name with `privatelink`.
        let rest = rest.strip_prefix("privatelink.").unwrap_or(rest);
        let cloud = match rest {
            // A `dfs` host is the same account with a hierarchical namespace.
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

    /// Returns the URL of a container.
    pub(crate) fn container(&self, account: &AccountName, container: &ContainerName) -> Url {
        let mut url = self.service(account);
        if let Ok(mut path) = url.path_segments_mut() {
            // `pop_if_empty`, so that a path-style endpoint with or without a slash at its end works.
            path.pop_if_empty().push(container.as_str());
        }
        url
    }

    /// Returns the URL of the authority that signs principals in.
    pub fn authority(&self) -> &str {
        match self {
            Self::UsGovernment => "https://login.microsoftonline.us/",
            Self::China => "https://login.partner.microsoftonline.cn/",
            // Accounts with a DNS zone endpoint exist only in the public cloud.
            Self::Public | Self::DnsZone(_) => PUBLIC_AUTHORITY,
            Self::Custom(endpoint) => endpoint.authority().map_or(PUBLIC_AUTHORITY, Url::as_str),
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
            Self::Custom(endpoint) => endpoint.url().fmt(f),
        }
    }
}

impl From<Endpoint> for Cloud {
    fn from(endpoint: Endpoint) -> Self {
        Self::Custom(endpoint)
    }
}

crate::schema::schema_as!(DnsZone, u8);
