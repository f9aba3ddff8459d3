use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Diagnosis, Layer};
use crate::{error::Error, store::Answer};

/// Something that a probe looks at, in this order
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Check {
    /// Whether what was typed fits together; asks nobody
    Names,
    /// Whether the account's host has addresses
    Dns,
    /// Whether the account answers over TLS, and whom it sends to sign in
    Challenge,
    /// Whether the principal can sign in
    Token,
    /// Whether the container can be listed, with the connection's prefix
    List,
    /// Whether a byte of a blob can be read
    Read,
    /// Whether a key for view links can be had
    DelegationKey,
    /// Whether browsers may ask for ranges
    Preflight,
    /// Whether browsers may use the answer
    BrowserRead,
    /// Least privilege: another container cannot be listed
    OtherList,
    /// Least privilege: blobs of another container cannot be read
    OtherRead,
    /// Least privilege: names outside the prefix cannot be listed
    OutsidePrefix,
    /// Least privilege: the names of the containers cannot be listed
    ListContainers,
    /// A check of a later version of this crate, as a stored health can have it
    #[serde(other)]
    Unknown,
}

impl Check {
    /// All of them
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

    /// Its stable name
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
            Self::Unknown => "unknown",
        }
    }

    /// What it is about, in words
    pub fn title(self) -> &'static str {
        match self {
            Self::Names => "names fit together",
            Self::Dns => "the account's host has an address",
            Self::Challenge => "the account answers over TLS",
            Self::Token => "the principal signs in",
            Self::List => "the container can be listed",
            Self::Read => "blobs can be read",
            Self::DelegationKey => "view links can be made",
            Self::Preflight => "browsers may ask for videos",
            Self::BrowserRead => "browsers may play videos",
            Self::OtherList => "other containers cannot be listed",
            Self::OtherRead => "blobs elsewhere cannot be read",
            Self::OutsidePrefix => "names outside the prefix stay hidden",
            Self::ListContainers => "names of containers stay hidden",
            Self::Unknown => "a check of a later version",
        }
    }

    /// What is so where it does not hold, in words
    pub fn opposite(self) -> &'static str {
        match self {
            Self::Names => "names do not fit together",
            Self::Dns => "the account's host has no address",
            Self::Challenge => "the account does not answer",
            Self::Token => "the principal cannot sign in",
            Self::List => "the container cannot be listed",
            Self::Read => "blobs cannot be read",
            Self::DelegationKey => "view links cannot be made",
            Self::Preflight => "browsers may not ask for videos",
            Self::BrowserRead => "browsers may not play videos",
            Self::OtherList => "other containers can be listed",
            Self::OtherRead => "blobs elsewhere can be read",
            Self::OutsidePrefix => "names outside the prefix can be listed",
            Self::ListContainers => "names of containers can be listed",
            Self::Unknown => "a check of a later version does not hold",
        }
    }

    /// The layer that its failures are of, where their codes do not tell
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

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a check ended
///
/// Deliberately complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be
    Passed,
    /// Good enough to go on, and worth knowing
    Warned,
    /// Not as it must be
    Failed,
    /// Not looked at; the note says why
    Skipped,
}

/// What an answer showed, for whoever must find the request again
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Evidence {
    /// The HTTP status, where there was one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The service's own code: `x-ms-error-code`, or `AADSTS…` of the authority
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The action that Azure Resource Manager refused, such as
    /// `Microsoft.Authorization/roleAssignments/write`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The id under which Azure's support finds the request
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How long the answer took; in JSON in milliseconds
    #[serde(default, rename = "took_ms", with = "millis")]
    pub took: Duration,
}

impl Evidence {
    pub(super) fn of_error(error: &Error, took: Duration) -> Self {
        Self {
            status: error.status(),
            code: error.code().map(str::to_owned),
            action: None,
            request_id: error.request_id().map(str::to_owned),
            took: to_millis(took),
        }
    }

    pub(super) fn of_time(took: Duration) -> Self {
        Self { took: to_millis(took), ..Self::default() }
    }

    pub(super) fn of_answer(answer: &Answer, took: Duration) -> Self {
        Self {
            status: answer.status,
            code: answer.code.clone(),
            action: None,
            request_id: answer.request_id.clone(),
            took: to_millis(took),
        }
    }
}

/// In whole milliseconds, as it is stored
fn to_millis(took: Duration) -> Duration {
    Duration::from_millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}

impl fmt::Display for Evidence {
    /// In the form `HTTP 403, Code, request id`, without what is not known
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.status.map(|status| format!("HTTP {status}")),
            self.code.clone(),
            self.request_id.as_ref().map(|id| format!("request {id}")),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

pub(super) mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

/// A check, and how it ended
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Checked {
    /// What was looked at
    pub check: Check,
    /// How it ended
    pub outcome: Outcome,
    /// What there is to say of it; empty for nothing
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// What the answer showed
    #[serde(default)]
    pub evidence: Evidence,
    /// What is wrong, where something is
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Diagnosis>,
}

impl Checked {
    pub(super) fn new(check: Check, outcome: Outcome, note: impl Into<String>) -> Self {
        Self { check, outcome, note: note.into(), evidence: Evidence::default(), diagnosis: None }
    }

    pub(super) fn with(mut self, evidence: Evidence) -> Self {
        self.evidence = evidence;
        self
    }

    pub(super) fn because(mut self, diagnosis: Diagnosis) -> Self {
        self.diagnosis = Some(diagnosis);
        self
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.outcome {
            Outcome::Passed => "ok  ",
            Outcome::Warned => "note",
            Outcome::Failed => "FAIL",
            Outcome::Skipped => "-   ",
        };
        write!(f, "{mark}  {:36}", self.check.title())?;
        let evidence = self.evidence.to_string();
        match (self.note.is_empty(), evidence.is_empty()) {
            (true, true) => Ok(()),
            (false, true) => write!(f, "  {}", self.note),
            (true, false) => write!(f, "  {evidence}"),
            (false, false) => write!(f, "  {} ({evidence})", self.note),
        }
    }
}
