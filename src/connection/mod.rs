//! What to connect to: a value without a secret.

mod builder;
mod pasted;

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use url::Url;

pub use self::builder::{ConnectionBuilder, InvalidConnection};
use crate::{
    cloud::Cloud,
    name::{AccountName, ConnectionName, ContainerName, Prefix, TenantId, printable},
};

/// All but what RFC 3986 calls unreserved, and the slash between segments
const BLOB_NAME: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A container, or the part of one below a prefix, and where it lives
///
/// A connection says *what* to read; a credential says *who* reads it, and is given to the store. So
/// a connection can be printed, stored and compared. Its JSON form is that of [`ConnectionBuilder`];
/// unknown fields are refused.
///
/// A service takes connections from its customers, so nothing in one is trusted: the service's
/// [`HostPolicy`](crate::HostPolicy) decides which hosts a store contacts, and the service must check
/// that the container belongs to the customer (see `AzureStore`, "Whose container it is").
///
/// ```
/// use azure_asset_sync::Connection;
///
/// let connection = Connection::builder("cameras of hall 3")
///     .account("contosovision")
///     .container("training")
///     .prefix("hall-3/")
///     .build()?;
/// assert_eq!(
///     connection.container_url().as_str(),
///     "https://contosovision.blob.core.windows.net/training"
/// );
/// # Ok::<(), azure_asset_sync::InvalidConnection>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "ConnectionBuilder")]
pub struct Connection {
    name: ConnectionName,
    account: AccountName,
    container: ContainerName,
    #[serde(skip_serializing_if = "Prefix::is_empty")]
    prefix: Prefix,
    cloud: Cloud,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<TenantId>,
}

impl Connection {
    /// Starts a connection with this label
    pub fn builder(name: impl Into<String>) -> ConnectionBuilder {
        ConnectionBuilder::new(name)
    }

    /// The label
    pub fn name(&self) -> &ConnectionName {
        &self.name
    }

    /// The storage account
    pub fn account(&self) -> &AccountName {
        &self.account
    }

    /// The container
    pub fn container(&self) -> &ContainerName {
        &self.container
    }

    /// The start of the names that are covered; empty for all
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// The cloud of the account
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// The customer's tenant, where it is known
    pub fn tenant(&self) -> Option<&TenantId> {
        self.tenant.as_ref()
    }

    /// The same connection, in this tenant
    #[must_use]
    pub fn in_tenant(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// The same connection, to another container of the account
    #[cfg(feature = "azure")]
    pub(crate) fn to_container(&self, container: ContainerName) -> Self {
        Self { container, ..self.clone() }
    }

    /// The address of the container, without a trailing slash
    pub fn container_url(&self) -> Url {
        self.cloud.container(&self.account, &self.container)
    }

    /// The address of a blob in the container, or `None` where no URL leads to it
    ///
    /// A name with a segment `.` or `..` has none: every HTTP client resolves those segments, even
    /// percent-encoded, and the address would be another blob's or the container's own.
    pub fn blob_url(&self, blob: &str) -> Option<Url> {
        if blob.is_empty() || blob.split('/').any(|segment| matches!(segment, "." | "..")) {
            return None;
        }
        let mut url = self.container_url();
        // A URL parser drops tabs and line breaks, so they are encoded before it sees them.
        let path = format!("{}/{}", url.path(), utf8_percent_encode(blob, BLOB_NAME));
        url.set_path(&path);
        Some(url)
    }

    /// What is legal and yet probably not meant; show it to whoever typed the connection
    pub fn warnings(&self) -> Vec<Warning> {
        let prefix = self.prefix.as_str();
        let mut warnings = Vec::new();
        if !prefix.is_empty() && !prefix.ends_with('/') {
            warnings.push(Warning::PrefixWithoutSlash { prefix: prefix.to_owned() });
        }
        if prefix.starts_with('/') {
            warnings.push(Warning::PrefixWithLeadingSlash { prefix: prefix.to_owned() });
        }
        if prefix.split('/').next() == Some(self.container.as_str()) {
            warnings.push(Warning::PrefixRepeatsContainer { prefix: prefix.to_owned() });
        }
        warnings
    }
}

/// Something legal in a connection that people seldom mean
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The prefix has no trailing slash, so it covers neighbours of the folder too
    PrefixWithoutSlash {
        /// The prefix
        prefix: String,
    },
    /// The prefix begins with a slash, which few blob names do
    PrefixWithLeadingSlash {
        /// The prefix
        prefix: String,
    },
    /// The prefix begins with the container's name, which blob names do not include
    PrefixRepeatsContainer {
        /// The prefix
        prefix: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PrefixWithoutSlash { prefix } => {
                let p = printable(prefix);
                write!(
                    f,
                    "prefix `{p}` also covers names such as `{p}-old/a.jpg` and `{p}.jpg`; for the folder alone write `{p}/`"
                )
            }
            Self::PrefixWithLeadingSlash { prefix } => write!(
                f,
                "prefix `{}` begins with a slash, which blob names seldom do; did you mean `{}`?",
                printable(prefix),
                printable(prefix.trim_start_matches('/'))
            ),
            Self::PrefixRepeatsContainer { prefix } => write!(
                f,
                "prefix `{}` begins with the container's name, which is not part of blob names",
                printable(prefix)
            ),
        }
    }
}
