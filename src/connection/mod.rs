//! A connection: which container to read, without any secret.
//!
//! Everything in a connection is typed by a customer and therefore not trusted. Only the form of each
//! field is checked here; the host policy and the checks of ownership decide what a store may read.

mod builder;
mod pasted_url;
mod warning;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use url::Url;

pub use self::{
    builder::{ConnectionBuilder, InvalidConnection},
    warning::Warning,
};
use crate::{
    cloud::Cloud,
    name::{AccountName, ConnectionName, ContainerName, Prefix, TenantId},
    observe::Labels,
};

/// All characters except the unreserved ones of RFC 3986 and the slash between segments.
const BLOB_NAME: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A container, or the part of it below a prefix, in a storage account.
///
/// A connection says *what* to read. A `Credential` says *who*
/// reads it, and is given to the store. Because a connection contains no secret, it can be printed,
/// stored and compared. Its JSON form is that of [`ConnectionBuilder`], and unknown fields are refused.
///
/// A service receives connections from its customers, so nothing in a connection is trusted. The
/// service's [`HostPolicy`](crate::HostPolicy) decides which hosts a store may contact, and the service
/// must check that the container belongs to the customer (see `AzureStore`, "Whose container it is").
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
    /// Returns the label.
    pub fn name(&self) -> &ConnectionName {
        &self.name
    }

    /// Returns the name of the storage account.
    pub fn account(&self) -> &AccountName {
        &self.account
    }

    /// Returns the name of the container.
    pub fn container(&self) -> &ContainerName {
        &self.container
    }

    /// Returns the prefix of the covered blob names; empty for the whole container.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// Returns the cloud of the storage account.
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// Returns the customer's tenant, if it is known.
    pub fn tenant(&self) -> Option<&TenantId> {
        self.tenant.as_ref()
    }

    /// Returns the connection with this tenant, for example a discovered one.
    #[must_use]
    pub fn in_tenant(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// Returns how spans name the connection.
    pub(crate) fn labels(&self) -> Labels<'_> {
        Labels::new(self.name.as_str(), self.account.as_str(), self.container.as_str())
    }

    /// Returns the connection with another container of the account.
    #[cfg(feature = "azure")]
    pub(crate) fn to_container(&self, container: ContainerName) -> Self {
        Self { container, ..self.clone() }
    }

    /// Returns the URL of the container, without a trailing slash.
    pub fn container_url(&self) -> Url {
        self.cloud.container(&self.account, &self.container)
    }

    /// Returns the URL of a blob in the container, or `None` if the name has no URL.
    ///
    /// A name with a segment `.` or `..` has none, because every HTTP client removes such segments,
    /// even percent-encoded: the URL would be that of another blob or of the container. An empty name
    /// has none either.
    ///
    /// ```
    /// use azure_asset_sync::Connection;
    ///
    /// let connection =
    ///     Connection::builder("hall 3").account("contosovision").container("training").build()?;
    /// let url = connection.blob_url("hall-3/frame 1.jpg").map(String::from);
    /// let expected = "https://contosovision.blob.core.windows.net/training/hall-3/frame%201.jpg";
    /// assert_eq!(url.as_deref(), Some(expected));
    /// assert_eq!(connection.blob_url("a/../b.jpg"), None);
    /// # Ok::<(), azure_asset_sync::InvalidConnection>(())
    /// ```
    pub fn blob_url(&self, blob: &str) -> Option<Url> {
        // Percent-encoding the dots does not help: URL parsers treat `%2e` as a dot.
        if blob.is_empty() || blob.split('/').any(|segment| matches!(segment, "." | "..")) {
            return None;
        }
        let mut url = self.container_url();
        // Encoded before the URL parser sees the name, because the parser drops tabs and line breaks.
        let path = format!("{}/{}", url.path(), utf8_percent_encode(blob, BLOB_NAME));
        // INVARIANT: the path begins with the container's path, because a segment `..` was refused above.
        url.set_path(&path);
        Some(url)
    }
}

crate::schema::schema_as!(Connection, ConnectionBuilder);
