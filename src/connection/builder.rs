//! A connection as somebody typed it, checked as a whole.
//!
//! Checks the form of each field alone: which hosts a store contacts is the decision of
//! [`HostPolicy`](crate::HostPolicy).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Connection,
    pasted::{self, Pasted},
};
use crate::{
    cloud::{Cloud, Endpoint},
    name::{AccountName, ContainerName, InvalidName, Prefix},
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

    /// Takes account, container, prefix and cloud from a container's address, as people paste it
    ///
    /// It may be the container's URL at a blob or `dfs` host, also with `-secondary` or `privatelink`, with
    /// a folder after it, or with the query of a listing; an `abfss:` or `wasbs:` address; or the address
    /// of the container's page in the portal. Blanks and quotes around it are ignored.
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
    /// [`InvalidName`] if the text is no such address, and if it has a shared access signature, which is a
    /// credential and belongs to the store.
    pub fn from_url(text: &str) -> Result<Self, InvalidName> {
        let Pasted { account, container, prefix, cloud } = pasted::read(text)?;
        Ok(Self { name: String::new(), account, container, prefix, cloud, tenant: None })
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
