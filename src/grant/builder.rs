//! Makes grants: checks every value that a text will contain, and decides on the assignments.

use url::Url;

use super::{
    Grant, RoleAssignment, Shape, Sharing, arm_guid,
    assignment::{description, places, unambiguous},
};
use crate::{
    condition::{Condition, Limit, Role},
    connection::Connection,
    name::{Field, InvalidName, is_guid},
};

/// Makes a [`Grant`]
#[derive(Clone, Debug)]
#[must_use]
pub struct GrantBuilder {
    connection: Connection,
    others: Vec<Connection>,
    subscription: String,
    resource_group: String,
    application: String,
    principal: Option<String>,
    shape: Shape,
    origin: Option<String>,
    limit: Option<Limit>,
    replaces: Vec<RoleAssignment>,
}

impl GrantBuilder {
    pub(super) fn new(connection: &Connection) -> Self {
        Self {
            connection: connection.clone(),
            others: Vec::new(),
            subscription: String::new(),
            resource_group: String::new(),
            application: String::new(),
            principal: None,
            shape: Shape::default(),
            origin: None,
            limit: None,
            replaces: Vec::new(),
        }
    }

    /// One more connection that the grant is for, of the same account
    ///
    /// Azure keeps one assignment of a role for a principal on an account. So the connections that an
    /// application has on one account under [`Shape::AccountWithCondition`] must be in one grant,
    /// whose condition lists them all. Under the other shapes, this holds for the connections on one
    /// container.
    pub fn also(mut self, connection: &Connection) -> Self {
        self.others.push(connection.clone());
        self
    }

    /// The id of the customer's subscription, a GUID
    pub fn subscription(mut self, id: impl Into<String>) -> Self {
        self.subscription = id.into();
        self
    }

    /// The resource group of the storage account
    pub fn resource_group(mut self, name: impl Into<String>) -> Self {
        self.resource_group = name.into();
        self
    }

    /// The application (client) id of the service, a GUID
    pub fn application(mut self, id: impl Into<String>) -> Self {
        self.application = id.into();
        self
    }

    /// The object id of the service principal in the customer's tenant, if it is known
    ///
    /// It is not the application's own object id. Without it the commands look it up.
    pub fn principal(mut self, object_id: impl Into<String>) -> Self {
        self.principal = Some(object_id.into());
        self
    }

    /// How much is granted; the default is [`Shape::AccountWithCondition`]
    pub fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// The origin of the browsers that play videos, such as `https://app.contoso.com`: adds a rule
    /// for cross-origin requests
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// What the role is limited to; the default is the containers and prefixes of the connections
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// An earlier grant of the same application, which this one takes the place of
    ///
    /// The step [`Update`](super::Step::Update) changes an assignment only if its description is that
    /// of this grant or of an earlier one that is named here, so that it never takes the access of
    /// another connection. It also removes the assignments and the custom role of the earlier grant
    /// that this grant has no use for. Name the earlier grant when a prefix changes, or when a
    /// connection joins or leaves the grant. When this grant has assignments that the earlier one had
    /// not, apply it before the update.
    pub fn replaces(mut self, earlier: &Grant) -> Self {
        self.replaces.extend(earlier.assignments.iter().cloned());
        self
    }

    /// The grant
    ///
    /// # Errors
    /// [`InvalidName`] for the first value that breaks its rule, if the connections are not of one
    /// account, and if the condition cannot be made (see [`Limit::condition`]).
    pub fn build(self) -> Result<Grant, InvalidName> {
        for (field, id) in [
            (Field::Subscription, Some(&self.subscription)),
            (Field::Application, Some(&self.application)),
            (Field::Principal, self.principal.as_ref()),
        ] {
            if let Some(id) = id.filter(|id| !is_guid(id)) {
                let rule = "it must be a GUID such as `11111111-2222-3333-4444-555555555555`";
                return Err(InvalidName::new(field, id, rule));
            }
        }
        check_group(&self.resource_group)?;
        if let Some(origin) = &self.origin {
            check_origin(origin)?;
        }
        let first = &self.connection;
        let is_elsewhere =
            |c: &&Connection| c.account() != first.account() || c.cloud() != first.cloud();
        if let Some(other) = self.others.iter().find(is_elsewhere) {
            let rule = "all connections of a grant must be of one account";
            return Err(InvalidName::new(Field::Account, other.account().as_str(), rule)
                .hint("make a grant for each account"));
        }
        let mut grant = Grant {
            connection: self.connection,
            others: self.others,
            subscription: self.subscription.to_ascii_lowercase(),
            resource_group: self.resource_group,
            application: self.application.to_ascii_lowercase(),
            principal: self.principal.map(|id| id.to_ascii_lowercase()),
            shape: self.shape,
            origin: self.origin,
            replaces: self.replaces,
            assignments: Vec::new(),
        };
        grant.assignments = grant.planned(self.limit.as_ref())?;
        Ok(grant)
    }
}

impl Grant {
    /// The assignments that the grant consists of
    fn planned(&self, limit: Option<&Limit>) -> Result<Vec<RoleAssignment>, InvalidName> {
        let reader = Role::BlobDataReader;
        if self.shape == Shape::AccountWithCondition {
            let all: Vec<_> = self.connections().collect();
            let limit = limit.cloned().unwrap_or_else(|| limit_of(&self.connection, &all));
            let condition = Some(limit.condition()?);
            return Ok(vec![self.built_in(reader, None, &all, condition)]);
        }
        let mut assignments = Vec::new();
        let mut done = Vec::new();
        for connection in self.connections() {
            let container = connection.container();
            if done.contains(&container) {
                continue;
            }
            done.push(container);
            let of_it: Vec<_> = self.connections().filter(|c| c.container() == container).collect();
            // On the container itself, a condition that names only it would say nothing.
            let condition = match limit {
                Some(limit) => Some(limit.condition()?),
                None if of_it.iter().any(|c| c.prefix().is_empty()) => None,
                None => Some(limit_of(connection, &of_it).condition()?),
            };
            let container = Some(container.as_str());
            assignments.push(match self.shape {
                Shape::CustomRole => {
                    let (name, id) = self.custom_role();
                    self.assigned(container, (&name, id, None), &of_it, condition)
                }
                _ => self.built_in(reader, container, &of_it, condition),
            });
        }
        if self.shape == Shape::ContainerAndDelegator {
            let role = Role::BlobDelegator;
            let scope = self.account_scope();
            assignments.push(RoleAssignment {
                name: arm_guid(&[&scope, &self.application, role.id()]),
                scope,
                role_name: role.name().to_owned(),
                role_id: role.id().to_owned(),
                condition: None,
                description: format!(
                    "Lets application {} make keys for view links to blobs that it can read",
                    self.application
                ),
                sharing: Sharing::Account,
                role: Some(role),
                container: None,
            });
        }
        Ok(assignments)
    }

    /// The name and the GUID of the custom role, which no other grant has
    ///
    /// The name must be unique in the directory. An account's name is unique in its cloud, and the
    /// start of the GUID tells the applications apart that read one container.
    fn custom_role(&self) -> (String, String) {
        let mut containers: Vec<_> =
            self.connections().map(|c| c.container().to_string()).collect();
        containers.sort();
        containers.dedup();
        let id = arm_guid(&[&self.account_scope(), &self.application, &containers.join(",")]);
        let first = containers.first().map_or("", String::as_str);
        let account = self.account();
        let mark = id.get(..8).unwrap_or(&id);
        (format!("Blob data reader {account} {first} {mark}"), id)
    }

    fn built_in(
        &self,
        role: Role,
        container: Option<&str>,
        connections: &[&Connection],
        condition: Option<Condition>,
    ) -> RoleAssignment {
        let named = (role.name(), role.id().to_owned(), Some(role));
        self.assigned(container, named, connections, condition)
    }

    fn assigned(
        &self,
        container: Option<&str>,
        (role_name, role_id, role): (&str, String, Option<Role>),
        connections: &[&Connection],
        condition: Option<Condition>,
    ) -> RoleAssignment {
        let scope = match container {
            Some(container) => self.container_scope(container),
            None => self.account_scope(),
        };
        let places = places(connections.iter().copied());
        RoleAssignment {
            name: arm_guid(&[&scope, &self.application, &role_id, &unambiguous(&places)]),
            scope,
            role_name: role_name.to_owned(),
            role_id,
            condition,
            description: description(&self.application, &places),
            sharing: match places.len() {
                1 => Sharing::Own,
                _ => Sharing::Connections,
            },
            role,
            container: container.map(str::to_owned),
        }
    }
}

/// The limit that covers what the connections cover, of which one is the first
fn limit_of(first: &Connection, connections: &[&Connection]) -> Limit {
    let limit = Limit::container(first.container()).prefix(first.prefix());
    connections.iter().filter(|one| **one != first).fold(limit, |limit, one| {
        if one.prefix() == first.prefix() {
            limit.or_container(one.container())
        } else {
            limit.or_place(one.container(), one.prefix())
        }
    })
}

/// Checks a name as Azure does, and that no tool takes it for an option
///
/// Source: Microsoft Learn, "Naming rules and restrictions for Azure resources". Azure allows a hyphen at
/// the start, but a command that names such a group, as `--help`, would do something else.
fn check_group(name: &str) -> Result<(), InvalidName> {
    let legal = |c: char| c.is_alphanumeric() || "-_.()".contains(c);
    let ok = (1..=90).contains(&name.chars().count())
        && name.chars().all(legal)
        && !name.ends_with('.')
        && !name.starts_with('-');
    if ok {
        return Ok(());
    }
    let rule = "it must be 1 to 90 letters, digits, hyphens, underscores, periods and parentheses, not beginning with a hyphen and not ending with a period";
    Err(InvalidName::new(Field::ResourceGroup, name, rule))
}

pub(crate) fn check_origin(origin: &str) -> Result<(), InvalidName> {
    let bad = |rule| InvalidName::new(Field::Origin, origin, rule);
    let url = Url::parse(origin).map_err(|_| bad("it must be a scheme and a host"))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(bad("it must begin with https:// or http://"));
    }
    let ours = url.origin().ascii_serialization();
    if ours != origin {
        let rule =
            "browsers send a scheme, a host and a port that is not the usual one, nothing else";
        return Err(bad(rule).hint(format!("write `{ours}`")));
    }
    // The URL standard lets `&`, `$`, `'` and others pass in a host, and shells do not.
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.:/[]".contains(c);
    if !origin.chars().all(legal) {
        let rule = "a host has letters, digits, hyphens, underscores and periods";
        return Err(bad(rule));
    }
    Ok(())
}
