//! Checked names: values that cannot hold an illegal text.
//!
//! Each type has one constructor (`FromStr` and `TryFrom`), which refuses what Azure would refuse,
//! names the broken rule and suggests a fix. Blob names have no type of their own, because they come
//! from the service and are kept exactly as it returned them.
//!
//! ```
//! use azure_asset_sync::{ContainerName, Prefix};
//!
//! let container: ContainerName = "training".parse()?;
//! let prefix = Prefix::try_from("hall-3/")?;
//! assert_eq!(format!("{container}/{prefix}"), "training/hall-3/");
//!
//! let error = "My_Container".parse::<ContainerName>().unwrap_err();
//! assert_eq!(error.fix(), Some("did you mean `my-container`?"));
//! # Ok::<(), azure_asset_sync::InvalidName>(())
//! ```

mod guid;
mod invalid;
mod printable;
mod rules;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::invalid::{Field, InvalidName};
#[cfg(feature = "azure")]
pub(crate) use self::printable::printable_path;
pub(crate) use self::{
    guid::is_guid,
    printable::{may_be_secret, one_line, printable},
};

/// Defines a checked name: its type, conversions, and serde as a plain string.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Returns the name as text.
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
                // Checked before it is copied, because it may be of any length.
                $check(value)?;
                Ok(Self(value.to_owned()))
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
                // Names in stored connections are checked again, because the store may be older than the rules.
                let value = String::deserialize(deserializer)?;
                value.try_into().map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// The label of a connection: 1 to 128 characters, no control characters.
    ///
    /// The limits are this crate's own. The label is shown to people and never sent to Azure.
    ConnectionName, rules::connection_name
}

name! {
    /// The name of a storage account: 3 to 24 lower-case letters and digits.
    ///
    /// Source: Microsoft Learn, "Storage account overview", "Storage account name".
    ///
    /// ```
    /// use azure_asset_sync::AccountName;
    ///
    /// let account: AccountName = "contosovision".parse()?;
    /// assert!("contoso_vision".parse::<AccountName>().is_err());
    /// # Ok::<(), azure_asset_sync::InvalidName>(())
    /// ```
    AccountName, rules::account
}

name! {
    /// The name of a container: 3 to 63 lower-case letters, digits and single hyphens.
    ///
    /// Also `$root`, `$web`, `$logs` and `$blobchangefeed`, which the service creates. Source:
    /// Microsoft Learn, "Naming and referencing containers, blobs, and metadata".
    ContainerName, rules::container
}

name! {
    /// The start of the blob names that a connection covers, not percent-encoded; empty for all.
    ///
    /// A string prefix, as in the service's listing: `images` covers both `images/a.jpg` and
    /// `images-old/a.jpg`. Source: Microsoft Learn, "List Blobs", parameter `prefix`.
    #[doc(alias = "folder")]
    #[derive(Default)]
    Prefix, rules::prefix
}

name! {
    /// The customer's Microsoft Entra tenant: its ID, or one of its verified domain names.
    ///
    /// `common`, `organizations` and `consumers` are refused, because a service principal signs in to
    /// one specific tenant. Source: Microsoft Learn, "OAuth 2.0 client credentials flow".
    #[doc(alias = "directory")]
    TenantId, rules::tenant
}

impl Prefix {
    /// Returns whether the prefix covers the whole container.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
