//! The rows of an audit as values: requests, and whether they are allowed.
//!
//! Values only: `rows` and `decide` make them.

use serde::{Deserialize, Serialize};

use crate::{
    coded::coded_enum,
    condition::{Condition, Request, Role, read_stored_request},
};

/// Requests of one kind, and whether they are allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "read_stored_request"
    )]
    pub example: Option<Request>,
}

coded_enum! {
    /// Whether the requests of a row are allowed.
    pub enum Decision by as_str {
        /// None of the requests is allowed. This is proved for all values of all open attributes.
        Denied = "denied",
        /// All of the requests are allowed. This is proved for all values of all open attributes.
        Allowed = "allowed",
        /// Some of the requests are allowed, or it could not be proved that none is.
        MayBeAllowed = "may-be-allowed",
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
