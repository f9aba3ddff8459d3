//! The builder of a connection, which checks all fields together and reports all problems at once.
//!
//! Only the form of each field is checked. [`HostPolicy`](crate::HostPolicy) decides which hosts a
//! store may contact.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    Connection,
    pasted_url::{self, PastedUrl},
};
use crate::{
    cloud::Cloud,
    name::{AccountName, ContainerName, InvalidName, Prefix},
};

/// The fields of a connection as typed, which [`build`](Self::build) checks.
///
/// This is also the form of a connection in JSON and on a web page: `name`, `account`, `container`, and
/// optionally `prefix`, `cloud` and `tenant`. Unknown fields are refused.
///
/// Customers choose the fields, so each has a limit, which is checked before a text is searched or copied:
/// 128 characters for `name`, 24 for `account`, 63 for `container`, 1,024 for `prefix`, 253 for `tenant`,
/// and 2 KiB for a custom endpoint or authority in `cloud`. A message shows at most 80 characters of a
/// field. A service should limit the size of the whole JSON text too.
///
/// ```
/// use azure_asset_sync::{Connection, ConnectionBuilder};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let form = r#"{"name":"hall 3","account":"contosovision","container":"training"}"#;
/// let builder: ConnectionBuilder = serde_json::from_str(form)?;
/// let connection: Connection = builder.prefix("hall-3/").build()?;
///
/// let invalid = Connection::builder("").account("Contoso").container("a").build().unwrap_err();
/// assert_eq!(invalid.problems().len(), 3);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

impl Connection {
    /// Starts a connection with this label.
    pub fn builder(name: impl Into<String>) -> ConnectionBuilder {
        ConnectionBuilder::new(name)
    }
}

impl ConnectionBuilder {
    /// Starts a connection with this label; account and container are still missing.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Reads account, container, prefix and cloud from a pasted URL, or from the address of another tool.
    ///
    /// | form | from |
    /// | --- | --- |
    /// | `https://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX` | the portal and most tools; also at a `dfs` host, with `-secondary` or `privatelink`, or with the query of a listing |
    /// | `https://portal.azure.com/#…` | the container's page in the Azure portal |
    /// | `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX` | Hadoop, Spark, Synapse; also `abfs`, `wasbs`, `wasb`, `az` and `azure` |
    /// | `az://CONTAINER/PREFIX` | object_store, fsspec; also `azure`, `abfs` and `abfss` |
    ///
    /// The hosts of the national clouds and of DNS zones work, too. The last form names no account: set
    /// [`account`](Self::account) and, if it is not public, [`cloud`](Self::cloud). Blanks and quotes
    /// around the text are ignored. The same as [`str::parse`].
    ///
    /// ```
    /// use azure_asset_sync::ConnectionBuilder;
    ///
    /// let url = "https://contosovision.blob.core.windows.net/training/hall-3/";
    /// let connection = ConnectionBuilder::from_url(url)?.name("hall 3").build()?;
    /// assert_eq!(connection.prefix().as_str(), "hall-3/");
    ///
    /// let builder: ConnectionBuilder = "az://training/hall-3/".parse()?;
    /// assert_eq!(builder.name("hall 3").account("contosovision").build()?, connection);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidName`] if the text is longer than 32 KiB, if it is not such a URL, or if it contains a shared access signature, which
    /// is a credential and belongs to the store.
    pub fn from_url(text: &str) -> Result<Self, InvalidName> {
        Self::default().url(text)
    }

    /// Sets container and prefix from a URL, and account and cloud if the URL names them.
    ///
    /// The forms are those of [`from_url`](Self::from_url).
    ///
    /// ```
    /// use azure_asset_sync::Connection;
    ///
    /// let connection = Connection::builder("hall 3")
    ///     .account("contosovision")
    ///     .url("az://training/hall-3/")?
    ///     .build()?;
    /// assert_eq!(connection.container().as_str(), "training");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`from_url`](Self::from_url).
    pub fn url(mut self, text: &str) -> Result<Self, InvalidName> {
        let PastedUrl { account, container, prefix } = pasted_url::parse(text)?;
        if let Some((account, cloud)) = account {
            (self.account, self.cloud) = (account, cloud);
        }
        (self.container, self.prefix) = (container, prefix);
        Ok(self)
    }

    /// Sets the label.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the name of the storage account.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = account.into();
        self
    }

    /// Sets the name of the container.
    #[must_use]
    pub fn container(mut self, container: impl Into<String>) -> Self {
        self.container = container.into();
        self
    }

    /// Sets the prefix of the blob names to cover; empty by default, for the whole container.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the cloud of the storage account; [`Cloud::Public`] by default.
    #[must_use]
    pub fn cloud(mut self, cloud: Cloud) -> Self {
        self.cloud = cloud;
        self
    }

    /// Sets the customer's tenant, if it is known: an ID or a domain name.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Returns the text of the account, unchecked.
    #[cfg(feature = "azure")]
    pub(crate) fn account_text(&self) -> &str {
        &self.account
    }

    /// Returns the text of the container, unchecked.
    #[cfg(feature = "azure")]
    pub(crate) fn container_text(&self) -> &str {
        &self.container
    }

    /// Returns the cloud.
    #[cfg(feature = "azure")]
    pub(crate) fn cloud_value(&self) -> &Cloud {
        &self.cloud
    }

    /// Checks every field and creates the connection.
    ///
    /// # Errors
    /// [`InvalidConnection`] with all problems, so that a form can mark every wrong field.
    pub fn build(self) -> Result<Connection, InvalidConnection> {
        // Every field is checked before the first problem is returned.
        let mut problems = Vec::new();
        let mut keep = |problem| problems.push(problem);
        let name = self.name.try_into().map_err(&mut keep).ok();
        let account = AccountName::try_from(self.account).map_err(&mut keep).ok();
        let container = ContainerName::try_from(self.container).map_err(&mut keep).ok();
        let prefix = Prefix::try_from(self.prefix).map_err(&mut keep).ok();
        // A missing tenant is allowed, an empty one is not.
        let tenant = self.tenant.map(TryInto::try_into).transpose().map_err(&mut keep).ok();
        match (name, account, container, prefix, tenant) {
            (Some(name), Some(account), Some(container), Some(prefix), Some(tenant)) => {
                Ok(Connection { name, account, container, prefix, cloud: self.cloud, tenant })
            }
            // INVARIANT: every `None` above has pushed its problem, so the list is not empty.
            _ => Err(InvalidConnection { problems }),
        }
    }
}

impl FromStr for ConnectionBuilder {
    type Err = InvalidName;

    /// The same as [`ConnectionBuilder::from_url`].
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::from_url(text)
    }
}

impl TryFrom<ConnectionBuilder> for Connection {
    type Error = InvalidConnection;

    fn try_from(builder: ConnectionBuilder) -> Result<Self, InvalidConnection> {
        builder.build()
    }
}

/// All problems of a connection, in one line. In JSON: an object with the list `problems`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InvalidConnection {
    problems: Vec<InvalidName>,
}

impl InvalidConnection {
    /// Returns the problems, one for each wrong field, in the order of the fields.
    pub fn problems(&self) -> &[InvalidName] {
        &self.problems
    }
}

impl fmt::Display for InvalidConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one line, because it is shown in logs as well as on pages.
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
