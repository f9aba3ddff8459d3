//! The grant that a customer applies: which role, where, under which condition, and how.
//!
//! Values and text, no I/O: what is made here is shown to the customer, who runs it.

mod assignment;
mod audit;
mod builder;
mod form;
mod management;
mod quote;
mod render;
mod shape;

use std::iter;

pub(crate) use self::builder::check_origin;
pub use self::{
    assignment::{RoleAssignment, Sharing, arm_guid},
    audit::{Access, Audit, Decision},
    builder::GrantBuilder,
    form::{Form, Pack, Part, Step},
    shape::Shape,
};
use crate::{
    connection::Connection,
    name::{AccountName, InvalidName},
};

/// What a customer applies so that a service can read what a connection covers
///
/// ```
/// use azure_asset_sync::{Connection, grant::{Form, Grant}};
///
/// let connection =
///     Connection::builder("hall 3").account("contosovision").container("training").build()?;
/// let grant = Grant::builder(&connection)
///     .subscription("11111111-2222-3333-4444-555555555555")
///     .resource_group("vision")
///     .application("99999999-8888-7777-6666-555555555555")
///     .build()?;
/// println!("{}", grant.pack(Form::AzBash)?);
/// println!("{}", grant.audit());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    connection: Connection,
    /// INVARIANT: of the same account as the first.
    others: Vec<Connection>,
    subscription: String,
    resource_group: String,
    application: String,
    pub(crate) principal: Option<String>,
    shape: Shape,
    origin: Option<String>,
    /// The assignments of earlier grants that this one takes the place of
    replaces: Vec<RoleAssignment>,
    assignments: Vec<RoleAssignment>,
}

impl Grant {
    /// Starts the grant for a connection
    pub fn builder(connection: &Connection) -> GrantBuilder {
        GrantBuilder::new(connection)
    }

    /// The role assignments that it consists of
    pub fn assignments(&self) -> &[RoleAssignment] {
        &self.assignments
    }

    /// The application (client) id of the service
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The connections that it is for, in the order in which they were given
    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        iter::once(&self.connection).chain(&self.others)
    }

    /// The object id of the service principal, if it is known
    pub fn principal(&self) -> Option<&str> {
        self.principal.as_deref()
    }

    /// Whether it is for the account and the container of a connection
    pub(crate) fn is_for(&self, connection: &Connection) -> bool {
        self.connections().any(|ours| {
            ours.account() == connection.account() && ours.container() == connection.container()
        })
    }

    /// How much is granted
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// What it lets the principal do, and what not, and why, for its first connection
    pub fn audit(&self) -> Audit {
        self.audit_of(&self.connection)
    }

    /// The audit for each connection, in the order in which they were given
    pub fn audits(&self) -> impl Iterator<Item = (&Connection, Audit)> {
        self.connections().map(|connection| (connection, self.audit_of(connection)))
    }

    fn audit_of(&self, connection: &Connection) -> Audit {
        let assigned = self.assignments.iter().map(|assignment| audit::Assigned {
            role: assignment.role,
            container: assignment.container.as_deref(),
            condition: assignment.condition.as_ref(),
        });
        audit::audit(connection, &assigned.collect::<Vec<_>>())
    }

    /// Everything to apply, check, change and revoke it, in a form
    ///
    /// # Errors
    /// [`InvalidName`] if the form has no spelling for a value. The error names a form that has.
    pub fn pack(&self, form: Form) -> Result<Pack, InvalidName> {
        render::pack(self, form)
    }

    fn group_scope(&self) -> String {
        format!("/subscriptions/{}/resourceGroups/{}", self.subscription, self.resource_group)
    }

    fn account_scope(&self) -> String {
        let group = self.group_scope();
        format!("{group}/providers/Microsoft.Storage/storageAccounts/{}", self.account())
    }

    fn container_scope(&self, container: &str) -> String {
        format!("{}/blobServices/default/containers/{container}", self.account_scope())
    }

    pub(crate) fn account(&self) -> &AccountName {
        self.connection.account()
    }

    /// Whether the principal can make keys for view links
    fn has_view_links(&self) -> bool {
        let makes_keys = |a: &RoleAssignment| {
            a.is_on_account() && a.role.is_some_and(|role| !role.actions().is_empty())
        };
        self.assignments.iter().any(makes_keys)
    }

    fn management(&self) -> management::Management {
        management::of(self.connection.cloud())
    }
}
