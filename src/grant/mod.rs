//! Grants: the role, scope and condition that a customer applies, and the commands for it.
//!
//! Values and text only, no I/O: a service shows the text to the customer, who runs it. [`Grant`] is
//! built by `builder`, written in ten forms by `render`, and checked by `audit`.

mod assignment;
mod audit;
mod builder;
mod form;
mod invalid;
mod management;
mod quote;
mod render;
mod shape;
mod values;

use std::iter;

use serde::{Deserialize, Serialize};

pub(crate) use self::values::check_origin;
pub use self::{
    assignment::{RoleAssignment, Sharing, arm_guid},
    audit::{Access, Audit, Decision},
    builder::GrantBuilder,
    form::{Form, Pack, Part, Step},
    invalid::InvalidGrant,
    shape::Shape,
};
use crate::{condition::Limit, connection::Connection, name::AccountName};

/// The roles, condition and CORS rule that let a service read a connection.
///
/// A grant consists of role assignments and, if browsers play videos, a CORS rule. It never contains a
/// secret. [`pack`](Self::pack) writes the commands, [`audit`](Self::audit) says what they allow.
///
/// ```
/// use azure_asset_sync::{Connection, grant::{Form, Grant, Shape}};
///
/// let connection =
///     Connection::builder("hall 3").account("contosovision").container("training").build()?;
/// let grant = Grant::builder(&connection)
///     .subscription("11111111-2222-3333-4444-555555555555")
///     .resource_group("vision")
///     .application("99999999-8888-7777-6666-555555555555")
///     .build()?;
/// assert_eq!(grant.shape(), Shape::AccountWithCondition);
/// assert_eq!(grant.assignments().len(), 1);
/// println!("{}", grant.pack(Form::AzBash)?);
/// println!("{}", grant.audit());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// In JSON a grant has the form of [`GrantBuilder`], so a service stores what was requested and gets the
/// same grant back.
#[doc(alias = "RBAC")]
#[doc(alias = "permission")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "GrantBuilder", try_from = "GrantBuilder")]
pub struct Grant {
    connection: Connection,
    /// INVARIANT: of the same account and cloud as `connection`.
    others: Vec<Connection>,
    subscription: String,
    resource_group: String,
    application: String,
    principal: Option<String>,
    shape: Shape,
    origin: Option<String>,
    limit: Option<Limit>,
    replaces: Vec<Grant>,
    assignments: Vec<RoleAssignment>,
}

impl Grant {
    /// Returns the role assignments that the grant consists of.
    ///
    /// One for [`Shape::AccountWithCondition`], and one for each container for the other shapes.
    /// [`Shape::ContainerAndDelegator`] has one more on the account.
    pub fn assignments(&self) -> &[RoleAssignment] {
        &self.assignments
    }

    /// Returns the application (client) ID of the service.
    pub fn application(&self) -> &str {
        &self.application
    }

    /// Returns the connections that the grant is for, in the order in which they were added.
    ///
    /// The first one is that of [`Grant::builder`].
    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        iter::once(&self.connection).chain(&self.others)
    }

    /// Returns the object ID of the service principal, if it is known.
    ///
    /// If it is not, the commands look it up by the application ID.
    pub fn principal(&self) -> Option<&str> {
        self.principal.as_deref()
    }

    /// Returns how much is granted, and by what means.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Returns whether the grant is for the account and the container of a connection.
    ///
    /// The prefix does not matter: a probe shows whether the grant covers it.
    pub(crate) fn is_for(&self, connection: &Connection) -> bool {
        self.connections().any(|ours| {
            ours.account() == connection.account() && ours.container() == connection.container()
        })
    }

    /// Returns the account that all connections of the grant belong to.
    pub(crate) fn account(&self) -> &AccountName {
        self.connection.account()
    }

    fn subscription(&self) -> &str {
        &self.subscription
    }

    fn resource_group(&self) -> &str {
        &self.resource_group
    }

    /// The origin of the pages that play videos, if the grant has a CORS rule.
    fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// The assignments of the earlier grants that this grant replaces.
    fn replaces(&self) -> impl Iterator<Item = &RoleAssignment> {
        self.replaces.iter().flat_map(|earlier| &earlier.assignments)
    }

    /// Returns the resource ID of the resource group.
    fn group_scope(&self) -> String {
        format!("/subscriptions/{}/resourceGroups/{}", self.subscription, self.resource_group)
    }

    /// Returns the resource ID of the storage account.
    fn account_scope(&self) -> String {
        let group = self.group_scope();
        format!("{group}{}storageAccounts/{}", assignment::STORAGE, self.account())
    }

    /// Returns the resource ID of a container.
    fn container_scope(&self, container: &str) -> String {
        format!("{}/blobServices/default/containers/{container}", self.account_scope())
    }

    /// Returns whether the principal can obtain user delegation keys, from which view links are made.
    ///
    /// A key belongs to the account, so only a role on the account counts.
    fn has_view_links(&self) -> bool {
        // Every built-in role of a grant that has actions can obtain keys; the custom role has none.
        let makes_keys = |a: &RoleAssignment| {
            a.is_on_account() && a.role.is_some_and(|role| !role.actions().is_empty())
        };
        self.assignments.iter().any(makes_keys)
    }
}

crate::schema::schema_as!(Grant, GrantBuilder);
