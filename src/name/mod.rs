//! Names that cannot hold an illegal value.
//!
//! Each type has one constructor (`FromStr` and `TryFrom`). It refuses what Azure would refuse, and
//! says which rule is broken and what was probably meant. Blob names have no type of their own:
//! they come from the service and are kept exactly as it gave them.

mod check;
mod shown;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::shown::looks_secret;
#[cfg(feature = "azure")]
pub(crate) use self::shown::printable_path;
pub(crate) use self::{
    check::is_guid,
    shown::{may_be_secret, one_line, printable},
};

/// The field of a connection that a value was meant for
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The label of the connection
    ConnectionName,
    /// The storage account
    Account,
    /// The container
    Container,
    /// The folder prefix
    Prefix,
    /// The tenant of the customer's directory
    Tenant,
    /// The cloud, or the endpoint in its place
    Cloud,
    /// A pasted container URL
    Url,
    /// The customer's subscription
    Subscription,
    /// The resource group of the storage account
    ResourceGroup,
    /// The application (client) id of the service
    Application,
    /// The object id of the service principal
    Principal,
    /// The origin of a browser
    Origin,
    /// The resource id of a private endpoint
    PrivateEndpoint,
    /// The time until which something is granted
    Until,
}

impl Field {
    /// The field as it is written in a configuration
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConnectionName => "name",
            Self::Account => "account",
            Self::Container => "container",
            Self::Prefix => "prefix",
            Self::Tenant => "tenant",
            Self::Cloud => "cloud",
            Self::Url => "url",
            Self::Subscription => "subscription",
            Self::ResourceGroup => "resource_group",
            Self::Application => "application",
            Self::Principal => "principal",
            Self::Origin => "origin",
            Self::PrivateEndpoint => "private_endpoint",
            Self::Until => "until",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A value that breaks the rule of its field
///
/// The message has the field, the value, the rule and, if it can be guessed, the fix. A value that may
/// be a secret is not shown, because people paste keys and signed URLs into the wrong field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} `{value}` is not valid: {rule}{}", self.hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default())]
pub struct InvalidName {
    field: Field,
    value: String,
    rule: &'static str,
    hint: Option<String>,
}

impl InvalidName {
    pub(crate) fn new(field: Field, value: &str, rule: &'static str) -> Self {
        let hint = looks_secret(value).then(|| {
            "it looks like a secret, which belongs in a credential; if it has been stored or logged as a name, replace it"
                .to_owned()
        });
        Self { field, value: printable(value), rule, hint }
    }

    /// Adds what was probably meant, unless the value may be a secret: a hint repeats parts of it
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = self.hint.or_else(|| Some(hint.into()));
        self
    }

    /// The field that the value was meant for
    pub fn field(&self) -> Field {
        self.field
    }

    /// Returns the value in printable form: control characters escaped, at most 80 characters, without a
    /// URL's query, and replaced if it may be a secret
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The rule that it breaks
    pub fn rule(&self) -> &'static str {
        self.rule
    }

    /// What was probably meant
    pub fn fix(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The name as text
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;

            fn from_str(value: &str) -> Result<Self, InvalidName> {
                Self::try_from(value.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(value: String) -> Result<Self, InvalidName> {
                $check(&value)?;
                Ok(Self(value))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidName;

            fn try_from(value: &str) -> Result<Self, InvalidName> {
                value.parse()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = String::deserialize(deserializer)?;
                value.try_into().map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// The label of a connection: 1 to 128 characters, no control characters
    ///
    /// The bounds are this crate's own; the label is shown to people and never sent to Azure.
    ConnectionName, check::connection_name
}

name! {
    /// The name of a storage account: 3 to 24 lower-case letters and digits
    ///
    /// Source: Microsoft Learn, "Storage account overview", "Storage account name".
    AccountName, check::account
}

name! {
    /// The name of a container: 3 to 63 lower-case letters, digits and single hyphens
    ///
    /// `$root`, `$web`, `$logs` and `$blobchangefeed` are the service's own. Source: Microsoft
    /// Learn, "Naming and referencing containers, blobs, and metadata".
    ContainerName, check::container
}

name! {
    /// The start of the names that a connection covers, in raw characters; empty for all
    ///
    /// It is a string prefix, as the service takes it: `images` covers `images/a.jpg` and
    /// `images-old/a.jpg` alike. Source: Microsoft Learn, "List Blobs", parameter `prefix`.
    #[derive(Default)]
    Prefix, check::prefix
}

name! {
    /// The customer's Entra tenant: its id, or one of its verified domain names
    ///
    /// `common`, `organizations` and `consumers` are no tenants: a service principal signs in to a
    /// concrete one. Source: Microsoft Learn, "OAuth 2.0 client credentials flow".
    TenantId, check::tenant
}

impl Prefix {
    /// Whether it covers the whole container
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
