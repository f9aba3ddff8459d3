//! A connection as somebody typed it, checked as a whole.
//!
//! Checks the form of each field alone: which hosts a store contacts is the decision of
//! [`HostPolicy`](crate::HostPolicy).

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use super::Connection;
use crate::{
    cloud::{Cloud, DnsZone, Endpoint},
    name::{AccountName, ContainerName, Field, InvalidName, Prefix},
};

/// A connection as somebody typed it: raw text, checked as a whole by [`build`](Self::build)
///
/// This is also the shape of a connection in JSON and of a form: `name`, `account`, `container`,
/// and optionally `prefix`, `cloud`, `tenant`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionBuilder {
    #[serde(default)]
    name: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    container: String,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    cloud: Cloud,
    #[serde(default)]
    tenant: Option<String>,
}

impl ConnectionBuilder {
    /// A connection with this label
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Takes account, container, prefix and cloud from a container's URL, as people paste it
    ///
    /// ```
    /// use azure_asset_sync::ConnectionBuilder;
    ///
    /// let url = "https://contosovision.blob.core.windows.net/training/hall-3/";
    /// let connection = ConnectionBuilder::from_url(url)?.name("hall 3").build()?;
    /// assert_eq!(connection.prefix().as_str(), "hall-3/");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidName`] if the host is not a known blob endpoint, or if the URL has a query: that is a
    /// shared access signature, a credential, which belongs to the store.
    pub fn from_url(text: &str) -> Result<Self, InvalidName> {
        let bad = |rule| InvalidName::new(Field::Url, text, rule);
        let url = Url::parse(text.trim()).map_err(|_| {
            bad("it must be a container's address").hint(
                "it looks like `https://ACCOUNT.blob.core.windows.net/CONTAINER`; the portal shows it under the container's properties",
            )
        })?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("it must have no query")
                .hint("give the shared access signature to the store as a credential"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("it must have no user info"));
        }
        if url.scheme() != "https" || url.port().is_some() {
            return Err(bad("it must be an https address without a port")
                .hint("for an emulator set `cloud` to a custom endpoint, which the service's host policy must allow"));
        }
        let (account, cloud) = url.host_str().and_then(known_host).ok_or_else(|| {
            bad("its host is no blob endpoint of a known cloud")
                .hint("an account keeps its own host name behind a private endpoint; for another host set `cloud` to a custom endpoint, which the service's host policy must allow")
        })?;
        let path = percent_encoding::percent_decode_str(url.path())
            .decode_utf8()
            .map_err(|_| bad("its path is not UTF-8"))?;
        let (container, prefix) = path
            .trim_start_matches('/')
            .split_once('/')
            .unwrap_or((path.trim_start_matches('/'), ""));
        Ok(Self {
            name: String::new(),
            account: account.to_owned(),
            container: container.to_owned(),
            prefix: prefix.to_owned(),
            cloud,
            tenant: None,
        })
    }

    /// The label
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The storage account
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = account.into();
        self
    }

    /// The container
    #[must_use]
    pub fn container(mut self, container: impl Into<String>) -> Self {
        self.container = container.into();
        self
    }

    /// The start of the names to cover; empty, the default, for the whole container
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The cloud of the account; [`Cloud::Public`] by default
    #[must_use]
    pub fn cloud(mut self, cloud: Cloud) -> Self {
        self.cloud = cloud;
        self
    }

    /// The customer's tenant, where it is known
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Checks every field
    ///
    /// # Errors
    /// [`InvalidConnection`] with every problem at once, so that a form can mark all its fields.
    pub fn build(self) -> Result<Connection, InvalidConnection> {
        let mut problems = Vec::new();
        let mut keep = |problem| problems.push(problem);
        let name = self.name.try_into().map_err(&mut keep).ok();
        let account = AccountName::try_from(self.account).map_err(&mut keep).ok();
        let container = ContainerName::try_from(self.container).map_err(&mut keep).ok();
        let prefix = Prefix::try_from(self.prefix).map_err(&mut keep).ok();
        let tenant = self.tenant.map(TryInto::try_into).transpose().map_err(&mut keep).ok();
        match (name, account, container, prefix, tenant) {
            (Some(name), Some(account), Some(container), Some(prefix), Some(tenant)) => {
                Ok(Connection { name, account, container, prefix, cloud: self.cloud, tenant })
            }
            _ => Err(InvalidConnection { problems }),
        }
    }
}

impl TryFrom<ConnectionBuilder> for Connection {
    type Error = InvalidConnection;

    fn try_from(builder: ConnectionBuilder) -> Result<Self, InvalidConnection> {
        builder.build()
    }
}

/// The account and the cloud that a blob (or `dfs`) host stands for
fn known_host(host: &str) -> Option<(&str, Cloud)> {
    let (account, rest) = host.split_once('.')?;
    let account = account.strip_suffix("-secondary").unwrap_or(account);
    let cloud = match rest {
        "blob.core.windows.net" | "dfs.core.windows.net" => Cloud::Public,
        "blob.core.usgovcloudapi.net" | "dfs.core.usgovcloudapi.net" => Cloud::UsGovernment,
        "blob.core.chinacloudapi.cn" | "dfs.core.chinacloudapi.cn" => Cloud::China,
        _ => {
            let zone = rest
                .strip_suffix(".blob.storage.azure.net")
                .or_else(|| rest.strip_suffix(".dfs.storage.azure.net"))?
                .strip_prefix('z')?;
            Cloud::DnsZone(DnsZone::try_from(zone.parse::<u8>().ok()?).ok()?)
        }
    };
    Some((account, cloud))
}

impl From<Endpoint> for Cloud {
    fn from(endpoint: Endpoint) -> Self {
        Self::Custom(endpoint)
    }
}

/// Every problem of a connection
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidConnection {
    problems: Vec<InvalidName>,
}

impl InvalidConnection {
    /// The problems, one for each wrong field, in the order of the fields
    pub fn problems(&self) -> &[InvalidName] {
        &self.problems
    }
}

impl fmt::Display for InvalidConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidConnection {}
