//! What a grant allows: a table of requests, each decided by proof.
//!
//! A row stands for a family of requests, such as "read a blob of another container": what its words
//! say is fixed, and everything else about the request is open. `rows` names the families, `decide`
//! decides them by [`prove`](crate::condition::prove).

mod decide;
mod rows;

use std::fmt;

use serde::Serialize;

use crate::{
    condition::{Condition, Request, Role},
    connection::Connection,
};

/// What a grant lets a principal do: a table of requests
///
/// Each row stands for all requests that its words describe. See [`Decision`] for what a row says of
/// them. A row assumes what the documentation of role assignment conditions says about an action: an
/// attribute that the action does not have is absent. All other attributes may be absent or may have any
/// values: the time, the network, tags, and attributes of the principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Audit {
    /// The requests; those that a scan makes come first
    pub rows: Vec<Access>,
}

/// Requests of one kind, and whether they are allowed
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Access {
    /// The requests, in words
    pub request: String,
    /// Whether they are allowed
    pub decision: Decision,
    /// Whether a scan of the connection makes them
    pub needed: bool,
    /// Why they are allowed or not; for [`Decision::MayBeAllowed`] the example in words
    pub why: String,
    /// For [`Decision::MayBeAllowed`], one of the requests that an evaluation of the conditions allows
    ///
    /// `None` if the conditions are too large or too entangled for an example and for a proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Request>,
}

/// Whether the requests of a row are allowed
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Decision {
    /// None of them is: this is proved for all values of everything that is open
    Denied,
    /// All of them are: this is proved for all values of everything that is open
    Allowed,
    /// Some of them are, or it could not be proved that none is
    MayBeAllowed,
}

impl Decision {
    /// Its stable name, such as `may-be-allowed`
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Allowed => "allowed",
            Self::MayBeAllowed => "may-be-allowed",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Audit {
    /// The audit of a condition: Storage Blob Data Reader on the connection's account, under it
    pub fn of_condition(connection: &Connection, condition: &Condition) -> Self {
        let reader = Assigned {
            role: Some(Role::BlobDataReader),
            container: None,
            condition: Some(condition),
        };
        audit(connection, &[reader])
    }

    /// Whether everything that a scan needs is allowed, whatever the circumstances
    pub fn suffices(&self) -> bool {
        self.rows.iter().all(|row| row.decision == Decision::Allowed || !row.needed)
    }

    /// What is or may be allowed although no scan needs it
    pub fn wider(&self) -> impl Iterator<Item = &Access> {
        self.rows.iter().filter(|row| row.decision != Decision::Denied && !row.needed)
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.request.chars().count()).max().unwrap_or(0);
        for row in &self.rows {
            let decision = match row.decision {
                Decision::Allowed => "allow",
                Decision::Denied => "deny ",
                Decision::MayBeAllowed => "may  ",
            };
            let mark = match (row.decision == Decision::Denied, row.needed) {
                (true, true) => "missing",
                (false, true) => "needed ",
                (false, false) => "wider  ",
                (true, false) => "       ",
            };
            writeln!(f, "{decision}  {mark}  {:width$}  {}", row.request, row.why)?;
        }
        Ok(())
    }
}

/// What of a role assignment decides
pub(super) struct Assigned<'a> {
    /// The role; `None` for the custom role, which reads and lists and nothing else
    pub(super) role: Option<Role>,
    /// The container that it is made on; the account if `None`
    pub(super) container: Option<&'a str>,
    pub(super) condition: Option<&'a Condition>,
}

/// The audit of role assignments on the connection's account and its containers
pub(super) fn audit(connection: &Connection, assignments: &[Assigned<'_>]) -> Audit {
    Audit { rows: decide::table(connection, assignments) }
}

#[cfg(test)]
mod tests {
    use super::{Assigned, Decision, audit};
    use crate::connection::Connection;

    #[test]
    fn a_role_on_another_container_has_rows_of_its_own() {
        let builder = Connection::builder("a").account("contoso").container("training");
        let connection = builder.prefix("hall-3/").build().unwrap();
        let limit = "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path] StringStartsWith 'hall-3/'";
        let limit = limit.parse().unwrap();
        let on = |container, condition| Assigned { role: None, container, condition };
        let assigned = [on(Some("training"), None), on(Some("second"), Some(&limit))];
        let audit = audit(&connection, &assigned);
        let decision =
            |request: &str| audit.rows.iter().find(|row| row.request == request).unwrap().decision;
        for (request, expected) in [
            ("read `training/hall-3/…`", Decision::Allowed),
            ("read another blob of `training`", Decision::Allowed),
            ("read `second/hall-3/…`", Decision::Allowed),
            ("read another blob of `second`", Decision::Denied),
            ("list `second`, prefix `hall-3/…`", Decision::Denied),
            ("read a blob of another container", Decision::Denied),
        ] {
            assert_eq!(decision(request), expected, "{request}\n{audit}");
        }
    }
}
