//! Settings of a connection that are legal but probably a mistake.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Connection;
use crate::name::printable;

impl Connection {
    /// Returns the settings that are legal but probably a mistake.
    ///
    /// Show them to whoever typed the connection; none of them prevents a scan.
    ///
    /// ```
    /// use azure_asset_sync::Connection;
    ///
    /// let connection = Connection::builder("hall 3")
    ///     .account("contosovision")
    ///     .container("training")
    ///     .prefix("hall-3")
    ///     .build()?;
    /// for warning in connection.warnings() {
    ///     println!("{warning}"); // … also covers names such as `hall-3-old/a.jpg` …
    /// }
    /// # Ok::<(), azure_asset_sync::InvalidConnection>(())
    /// ```
    pub fn warnings(&self) -> Vec<Warning> {
        let prefix = self.prefix.as_str();
        let mut warnings = Vec::new();
        if !prefix.is_empty() && !prefix.ends_with('/') {
            warnings.push(Warning::PrefixWithoutSlash { prefix: prefix.to_owned() });
        }
        // Legal: a blob name can start with a slash, and some tools create such names.
        if prefix.starts_with('/') {
            warnings.push(Warning::PrefixWithLeadingSlash { prefix: prefix.to_owned() });
        }
        // A path copied from a tool that shows the container first.
        if prefix.split('/').next() == Some(self.container.as_str()) {
            warnings.push(Warning::PrefixRepeatsContainer { prefix: prefix.to_owned() });
        }
        warnings
    }
}

/// A setting of a connection that is legal but probably a mistake.
///
/// In JSON: an object whose field `warning` names the variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "warning", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Warning {
    /// The prefix has no trailing slash, so it also covers other folders whose names start with it.
    PrefixWithoutSlash {
        /// The prefix.
        prefix: String,
    },
    /// The prefix starts with a slash, as few blob names do.
    PrefixWithLeadingSlash {
        /// The prefix.
        prefix: String,
    },
    /// The prefix starts with the container's name, which is not part of blob names.
    PrefixRepeatsContainer {
        /// The prefix.
        prefix: String,
    },
    /// A warning that this version of the crate does not know, read from JSON that a newer version wrote.
    #[serde(other)]
    Other,
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
                "prefix `{}` starts with a slash, as few blob names do; did you mean `{}`?",
                printable(prefix),
                printable(prefix.trim_start_matches('/'))
            ),
            Self::PrefixRepeatsContainer { prefix } => write!(
                f,
                "prefix `{}` starts with the container's name, which is not part of blob names; remove it if the container has no folder of that name",
                printable(prefix)
            ),
            Self::Other => f.write_str("a warning of a newer version"),
        }
    }
}
