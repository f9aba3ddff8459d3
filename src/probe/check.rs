//! The checks of a probe by name, and how a check can end.
//!
//! Only names and texts: the requests are in `checks`, the results in `checked`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::class::Layer;
use crate::coded::{self, Coded, UnknownCode};

/// One thing that a probe verifies.
///
/// The variants are in the order in which a pass runs them. The serialized names are stable.
///
/// ```
/// use azure_asset_sync::probe::Check;
///
/// assert_eq!(Check::Read.title(), "blobs can be read");
/// assert_eq!(Check::Read.opposite(), "blobs cannot be read");
/// assert_eq!(serde_json::to_string(&Check::OtherList)?, r#""other_list""#);
/// let newer: Check = serde_json::from_str(r#""a_check_of_2030""#)?;
/// assert_eq!(newer, Check::Other);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = crate::coded::open))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Check {
    /// The connection and the grant name the same things. Sends no request.
    Names,
    /// The account's host name resolves to an address.
    Dns,
    /// The account answers over TLS, and names the tenant to sign in to.
    Challenge,
    /// The principal can sign in.
    Token,
    /// The container can be listed with the connection's prefix.
    List,
    /// A byte of a blob can be read.
    Read,
    /// A user delegation key can be obtained, from which view links are made.
    DelegationKey,
    /// A browser's CORS preflight for a ranged read is allowed.
    Preflight,
    /// A browser may use the answer to a read, and sees the headers for seeking.
    BrowserRead,
    /// Least privilege: another container cannot be listed.
    OtherList,
    /// Least privilege: blobs of another container cannot be read.
    OtherRead,
    /// Least privilege: names outside the prefix cannot be listed.
    OutsidePrefix,
    /// Least privilege: the names of the account's containers cannot be listed.
    ListContainers,
    /// A check that this version of the crate does not know, read from a stored health.
    #[serde(other)]
    Other,
}

impl Check {
    /// All checks except [`Other`](Self::Other), in the order in which they run.
    pub const ALL: &[Self] = &[
        Self::Names,
        Self::Dns,
        Self::Challenge,
        Self::Token,
        Self::List,
        Self::Read,
        Self::DelegationKey,
        Self::Preflight,
        Self::BrowserRead,
        Self::OtherList,
        Self::OtherRead,
        Self::OutsidePrefix,
        Self::ListContainers,
    ];

    /// Returns the stable name, for example `delegation_key`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Dns => "dns",
            Self::Challenge => "challenge",
            Self::Token => "token",
            Self::List => "list",
            Self::Read => "read",
            Self::DelegationKey => "delegation_key",
            Self::Preflight => "preflight",
            Self::BrowserRead => "browser_read",
            Self::OtherList => "other_list",
            Self::OtherRead => "other_read",
            Self::OutsidePrefix => "outside_prefix",
            Self::ListContainers => "list_containers",
            Self::Other => "other",
        }
    }

    /// Returns a clause that is true if the check passes, for example `blobs can be read`.
    pub fn title(self) -> &'static str {
        match self {
            Self::Names => "connection and grant match",
            Self::Dns => "the account's host name resolves",
            Self::Challenge => "the account answers over TLS",
            Self::Token => "the principal can sign in",
            Self::List => "the container can be listed",
            Self::Read => "blobs can be read",
            Self::DelegationKey => "view links can be created",
            Self::Preflight => "browsers may request videos",
            Self::BrowserRead => "browsers may play videos",
            Self::OtherList => "other containers cannot be listed",
            Self::OtherRead => "other containers cannot be read",
            Self::OutsidePrefix => "names outside the prefix stay hidden",
            Self::ListContainers => "container names stay hidden",
            Self::Other => "a check of a newer version",
        }
    }

    /// Returns a clause that is true if the check fails, for example `blobs cannot be read`.
    ///
    /// For a check of least privilege, this is what a principal with too much access can do.
    pub fn opposite(self) -> &'static str {
        match self {
            Self::Names => "connection and grant do not match",
            Self::Dns => "the account's host name does not resolve",
            Self::Challenge => "the account does not answer",
            Self::Token => "the principal cannot sign in",
            Self::List => "the container cannot be listed",
            Self::Read => "blobs cannot be read",
            Self::DelegationKey => "view links cannot be created",
            Self::Preflight => "browsers may not request videos",
            Self::BrowserRead => "browsers may not play videos",
            Self::OtherList => "other containers can be listed",
            Self::OtherRead => "other containers can be read",
            Self::OutsidePrefix => "names outside the prefix can be listed",
            Self::ListContainers => "container names can be listed",
            Self::Other => "a check of a newer version fails",
        }
    }

    /// Returns whether a scan, and the reading of its assets, needs the check to pass.
    ///
    /// The others are optional: view links, CORS and least privilege. If one of them fails, a scan and a
    /// sync work nevertheless, so it has no influence on [`Outlook`](super::Outlook).
    ///
    /// ```
    /// use azure_asset_sync::probe::Check;
    ///
    /// assert!(Check::List.is_required() && Check::Read.is_required());
    /// assert!(!Check::DelegationKey.is_required() && !Check::Preflight.is_required());
    /// // A check of a newer version cannot be judged, so it blocks nothing.
    /// assert!(!Check::Other.is_required());
    /// ```
    pub fn is_required(self) -> bool {
        match self {
            Self::Names | Self::Dns | Self::Challenge | Self::Token | Self::List | Self::Read => {
                true
            }
            Self::DelegationKey | Self::Preflight | Self::BrowserRead => false,
            Self::OtherList | Self::OtherRead | Self::OutsidePrefix | Self::ListContainers => false,
            Self::Other => false,
        }
    }

    /// Returns the layer of a failure whose error code does not name one.
    pub fn layer(self) -> Layer {
        match self {
            Self::Names => Layer::Input,
            Self::Dns => Layer::Dns,
            Self::Token => Layer::Entra,
            Self::Preflight | Self::BrowserRead => Layer::Cors,
            _ => Layer::Storage,
        }
    }
}

impl Coded for Check {
    const KNOWN: &'static [Self] = Self::ALL;
    const OTHER: Option<Self> = Some(Self::Other);

    fn code(self) -> &'static str {
        self.as_str()
    }
}

impl FromStr for Check {
    type Err = UnknownCode;

    /// Parses a stable name.
    ///
    /// # Errors
    /// [`UnknownCode`] with the known names, if the text is none of them.
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        coded::parse(text)
    }
}

impl fmt::Display for Check {
    /// Writes the stable name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a check ended.
///
/// A probe returns one of the first four. [`Other`](Self::Other) is read from JSON only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = crate::coded::open))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// The check passed.
    Passed,
    /// The check passed, but the customer should know something, for example that access is wider
    /// than needed.
    Warned,
    /// The check failed. If it is [required](Check::is_required), a scan cannot start.
    Failed,
    /// The check was not made. [`Checked::note`](super::Checked::note) says why.
    Skipped,
    /// An outcome that this version of the crate does not know, read from JSON that a newer version wrote.
    #[serde(other)]
    Other,
}

impl Outcome {
    /// Returns the word for spans.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warned => "warned",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            // Only values that were read have it, and those are not emitted.
            Self::Other => "other",
        }
    }
}
