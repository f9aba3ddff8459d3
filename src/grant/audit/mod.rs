//! A table of the requests that a grant allows, each decided by proof.
//!
//! A row is a family of requests, for example "read a blob of another container": the attributes that
//! the words name are fixed, and all others are open. `rows` lists the families, and `decide` decides each
//! by [`prove`](crate::condition::prove). `access` has the values that come out.

mod access;
mod decide;
mod rows;

use std::fmt;

use serde::{Deserialize, Serialize};

use self::access::Assigned;
pub use self::access::{Access, Decision};
use super::Grant;
use crate::{
    condition::{Condition, Role},
    connection::Connection,
};

/// A table of the requests that a grant allows.
///
/// Each row covers all requests that its words describe; [`Decision`] says whether they are allowed. A row
/// assumes that an attribute is absent if the documentation says that the action does not have it. All
/// other attributes may be absent or have any value: the time, the network, tags, and attributes of the
/// principal.
///
/// ```
/// use azure_asset_sync::{Connection, grant::{Audit, Decision}};
///
/// let connection =
///     Connection::builder("hall 3").account("contosovision").container("training").build()?;
/// let condition = "!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'}) OR \
///     @Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'training'";
/// let audit = Audit::of_condition(&connection, &condition.parse()?);
/// assert!(audit.suffices());
/// let other = audit.rows.iter().find(|row| row.request == "read a blob of another container");
/// assert_eq!(other.ok_or("a row of every audit")?.decision, Decision::Denied);
/// for access in audit.wider() {
///     println!("not needed, but allowed: {}: {}", access.request, access.why);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Audit {
    /// The requests, starting with those that a scan sends.
    pub rows: Vec<Access>,
}

impl Audit {
    /// Audits a condition on the role Storage Blob Data Reader, assigned on the connection's account.
    pub fn of_condition(connection: &Connection, condition: &Condition) -> Self {
        let reader = Assigned {
            role: Some(Role::BlobDataReader),
            container: None,
            condition: Some(condition),
        };
        audit(connection, &[reader])
    }

    /// Returns whether everything that a scan needs is allowed, whatever the open attributes are.
    ///
    /// A row that may be denied, for example outside a time window of the condition, does not
    /// suffice.
    pub fn suffices(&self) -> bool {
        self.rows.iter().all(|row| row.decision == Decision::Allowed || !row.needed)
    }

    /// Returns what is or may be allowed although no scan needs it.
    ///
    /// Roles on the account always allow some requests that no condition limits, such as listing
    /// the names of containers, so this is rarely empty for
    /// [`Shape::AccountWithCondition`](super::Shape::AccountWithCondition).
    pub fn wider(&self) -> impl Iterator<Item = &Access> {
        self.rows.iter().filter(|row| row.decision != Decision::Denied && !row.needed)
    }
}

impl fmt::Display for Audit {
    /// Writes one line for each row: the decision, whether it is needed, the request and the reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Characters, not bytes: the words contain an ellipsis.
        let width = self.rows.iter().map(|row| row.request.chars().count()).max().unwrap_or(0);
        for row in &self.rows {
            let decision = match row.decision {
                Decision::Allowed => "allow",
                Decision::Denied => "deny ",
                Decision::MayBeAllowed => "may  ",
                Decision::Other => "?    ",
            };
            // "missing" and "wider" are the words to look for; the other rows are as they should
            // be.
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

impl Grant {
    /// Returns what the grant allows and denies, and why, for its first connection.
    pub fn audit(&self) -> Audit {
        self.audit_of(&self.connection)
    }

    /// Returns the audit for each connection, in the order in which the connections were added.
    pub fn audits(&self) -> impl Iterator<Item = (&Connection, Audit)> {
        self.connections().map(|connection| (connection, self.audit_of(connection)))
    }

    /// The assignments of the whole grant count, because each of them can allow a request.
    fn audit_of(&self, connection: &Connection) -> Audit {
        let assigned = self.assignments().iter().map(|assignment| Assigned {
            role: assignment.role,
            container: assignment.container.as_deref(),
            condition: assignment.condition.as_ref(),
        });
        audit(connection, &assigned.collect::<Vec<_>>())
    }
}

/// Audits role assignments on the connection's account and its containers.
fn audit(connection: &Connection, assignments: &[Assigned<'_>]) -> Audit {
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
