//! The rows of an audit as values: requests, and whether they are allowed.
//!
//! Values only: `rows` and `decide` make them.

use std::fmt;

use serde::Serialize;

use crate::condition::{Condition, Request, Role};

/// Requests of one kind, and whether they are allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Access {
    /// The requests, in words.
    pub request: String,
    /// Whether the requests are allowed.
    pub decision: Decision,
    /// Whether a scan of the connection sends such requests.
    pub needed: bool,
    /// Why the requests are allowed or denied; for [`Decision::MayBeAllowed`], the example in words.
    pub why: String,
    /// For [`Decision::MayBeAllowed`]: one request that the conditions allow.
    ///
    /// `None` if the conditions are too large for an example and for a proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Request>,
}

/// Whether the requests of a row are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Decision {
    /// None of the requests is allowed. This is proved for all values of all open attributes.
    Denied,
    /// All of the requests are allowed. This is proved for all values of all open attributes.
    Allowed,
    /// Some of the requests are allowed, or it could not be proved that none is.
    MayBeAllowed,
}

impl Decision {
    /// Returns the stable name, for example `may-be-allowed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Allowed => "allowed",
            Self::MayBeAllowed => "may-be-allowed",
        }
    }
}

impl fmt::Display for Decision {
    /// Writes the stable name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The parts of a role assignment that decide about a request.
pub(super) struct Assigned<'a> {
    /// The built-in role, or `None` for the custom role, which can read and list and nothing else.
    pub(super) role: Option<Role>,
    /// The container of the scope, or `None` if the scope is the account.
    pub(super) container: Option<&'a str>,
    /// The condition, if there is one.
    pub(super) condition: Option<&'a Condition>,
}
