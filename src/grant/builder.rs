//! Builds grants: checks every value that a text will contain, and plans the assignments.
//!
//! INVARIANT: a [`Grant`] has only values that were checked here, so the renderers can rely on them. For
//! example, no ID needs quotes in any shell.

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

/// Builds a [`Grant`].
///
/// Subscription, resource group and application are required; everything else has a default.
///
/// ```
/// use azure_asset_sync::{Connection, grant::{Grant, Shape}, name::Field};
///
/// let connection = Connection::builder("hall 3")
///     .account("contosovision")
///     .container("training")
///     .prefix("hall-3/")
///     .build()?;
/// let builder = Grant::builder(&connection)
///     .subscription("11111111-2222-3333-4444-555555555555")
///     .resource_group("vision")
///     .shape(Shape::ContainerAndDelegator)
///     .origin("https://app.contoso.com");
/// let error = builder.clone().build().unwrap_err();
/// assert_eq!(error.field(), Field::Application, "it is missing");
///
/// let grant = builder.application("99999999-8888-7777-6666-555555555555").build()?;
/// assert_eq!(grant.assignments().len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

impl Grant {
    /// Starts the grant for a connection.
    pub fn builder(connection: &Connection) -> GrantBuilder {
        GrantBuilder::new(connection)
    }
}

impl GrantBuilder {
    fn new(connection: &Connection) -> Self {
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

    /// Adds a connection of the same account to the grant.
    ///
    /// Azure keeps one assignment for each principal, role and scope. With
    /// [`Shape::AccountWithCondition`], all connections of an application to one account must therefore
    /// be in one grant, whose condition lists their containers. With the other shapes, all connections
    /// to one container must be in one grant.
    ///
    /// ```
    /// use azure_asset_sync::{Connection, grant::Grant};
    ///
    /// let connection = |container: &str| {
    ///     Connection::builder("hall 3").account("contosovision").container(container).build()
    /// };
    /// let (training, archive) = (connection("training")?, connection("archive")?);
    /// let grant = Grant::builder(&training)
    ///     .also(&archive)
    ///     .subscription("11111111-2222-3333-4444-555555555555")
    ///     .resource_group("vision")
    ///     .application("99999999-8888-7777-6666-555555555555")
    ///     .build()?;
    /// assert_eq!(grant.assignments().len(), 1, "one condition lists both containers");
    /// assert!(grant.audits().all(|(_, audit)| audit.suffices()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn also(mut self, connection: &Connection) -> Self {
        self.others.push(connection.clone());
        self
    }

    /// Sets the ID of the customer's subscription, a GUID. Required.
    pub fn subscription(mut self, id: impl Into<String>) -> Self {
        self.subscription = id.into();
        self
    }

    /// Sets the resource group of the storage account. Required.
    pub fn resource_group(mut self, name: impl Into<String>) -> Self {
        self.resource_group = name.into();
        self
    }

    /// Sets the application (client) ID of the service, a GUID. Required.
    pub fn application(mut self, id: impl Into<String>) -> Self {
        self.application = id.into();
        self
    }

    /// Sets the object ID of the service principal in the customer's tenant, a GUID.
    ///
    /// In the portal, this is the object ID under Enterprise applications, not the one under App
    /// registrations. Without it, the commands look the service principal up.
    pub fn principal(mut self, object_id: impl Into<String>) -> Self {
        self.principal = Some(object_id.into());
        self
    }

    /// Sets how much is granted. The default is [`Shape::AccountWithCondition`].
    pub fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// Adds a CORS rule for the pages of this origin, which then can play videos. For example
    /// `https://app.contoso.com`.
    #[doc(alias = "cors")]
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// Sets what the role is limited to. The default is the containers and prefixes of the connections.
    #[doc(alias = "condition")]
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Names an earlier grant of the same application, which this grant replaces.
    ///
    /// Call this when a prefix changes, or when a connection joins or leaves the grant. The step
    /// [`Update`](super::Step::Update) changes an assignment only if its description is that of this
    /// grant or of an earlier grant named here, so it never takes access from another connection. The
    /// step also removes the assignments and the custom role of the earlier grant that this grant does
    /// not use. If this grant has assignments that the earlier one did not have, apply this grant before
    /// the update.
    ///
    /// ```
    /// use azure_asset_sync::{Connection, grant::{Form, Grant, Step}};
    ///
    /// let connection = |prefix: &str| {
    ///     Connection::builder("hall 3")
    ///         .account("contosovision")
    ///         .container("training")
    ///         .prefix(prefix)
    ///         .build()
    /// };
    /// let (before, after) = (connection("hall-3/")?, connection("hall-4/")?);
    /// let builder = |connection| {
    ///     Grant::builder(connection)
    ///         .subscription("11111111-2222-3333-4444-555555555555")
    ///         .resource_group("vision")
    ///         .application("99999999-8888-7777-6666-555555555555")
    /// };
    /// let earlier = builder(&before).build()?;
    /// let grant = builder(&after).replaces(&earlier).build()?;
    /// let pack = grant.pack(Form::AzBash)?;
    /// println!("{}", pack.step(Step::Update).ok_or("every form has this step")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replaces(mut self, earlier: &Grant) -> Self {
        self.replaces.extend(earlier.assignments.iter().cloned());
        self
    }

    /// Builds the grant.
    ///
    /// # Errors
    /// [`InvalidName`] for the first value that is missing or breaks its rule, if the connections belong
    /// to different accounts, or if the condition cannot be built (see [`Limit::condition`]).
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
        // The cloud is compared as well: account names are unique only within one.
        let first = &self.connection;
        let is_elsewhere =
            |c: &&Connection| c.account() != first.account() || c.cloud() != first.cloud();
        if let Some(other) = self.others.iter().find(is_elsewhere) {
            let rule = "all connections of a grant must belong to one storage account";
            return Err(InvalidName::new(Field::Account, other.account().as_str(), rule)
                .hint("build one grant for each storage account"));
        }
        let mut grant = Grant {
            connection: self.connection,
            others: self.others,
            // GUIDs in one letter case, because names of assignments are computed from them.
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
    /// Returns the assignments that the grant consists of, by its shape.
    ///
    /// # Errors
    /// [`InvalidName`] if a condition cannot be built.
    fn planned(&self, limit: Option<&Limit>) -> Result<Vec<RoleAssignment>, InvalidName> {
        let reader = Role::BlobDataReader;
        if self.shape == Shape::AccountWithCondition {
            // One assignment for all connections, because Azure keeps only one of this role on the
            // account.
            let all: Vec<_> = self.connections().collect();
            let limit = limit.cloned().unwrap_or_else(|| limit_of(&self.connection, &all));
            let condition = Some(limit.condition()?);
            return Ok(vec![self.built_in(reader, None, &all, condition)]);
        }
        let mut assignments = Vec::new();
        let mut done = Vec::new();
        for connection in self.connections() {
            let container = connection.container();
            // Two connections can differ by prefix only; they share the assignment on their
            // container.
            if done.contains(&container) {
                continue;
            }
            done.push(container);
            let of_it: Vec<_> = self.connections().filter(|c| c.container() == container).collect();
            // A role on the container needs no condition that names the container, so a condition is
            // needed only for a prefix or an explicit limit.
            let condition = match limit {
                Some(limit) => Some(limit.condition()?),
                None if of_it.iter().any(|c| c.prefix().is_empty()) => None,
                None => Some(limit_of(connection, &of_it).condition()?),
            };
            let container = Some(container.as_str());
            assignments.push(match self.shape {
                Shape::CustomRole => {
                    // One role serves all containers of the grant.
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

    /// Returns the name and the GUID of the custom role, which no other grant has.
    ///
    /// The name must be unique in the directory. An account name is unique in its cloud, and the start
    /// of the GUID distinguishes applications that read the same container.
    fn custom_role(&self) -> (String, String) {
        let mut containers: Vec<_> =
            self.connections().map(|c| c.container().to_string()).collect();
        containers.sort();
        containers.dedup();
        let id = arm_guid(&[&self.account_scope(), &self.application, &containers.join(",")]);
        let first = containers.first().map_or("", String::as_str);
        let account = self.account();
        // Eight hexadecimal digits, as short as people can compare.
        let mark = id.get(..8).unwrap_or(&id);
        (format!("Blob data reader {account} {first} {mark}"), id)
    }

    /// Returns the assignment of a built-in role.
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

    /// Returns the assignment of a role, on a container or on the account.
    ///
    /// The name follows from scope, application, role and places, so the same grant always has the
    /// same names.
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
            // Connections with the same container and prefix are one place.
            sharing: match places.len() {
                1 => Sharing::Own,
                _ => Sharing::Connections,
            },
            role,
            container: container.map(str::to_owned),
        }
    }
}

/// Returns the limit to what the connections cover.
///
/// Containers with the same prefix share one clause, which keeps the condition short.
///
/// A prefix of its own needs a clause of its own, which pairs the container with the prefix.
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

/// Checks the name of a resource group.
///
/// Source: Microsoft Learn, "Naming rules and restrictions for Azure resources". Azure also allows a
/// hyphen at the start, but a tool would take such a name for an option, for example `--help`.
///
/// # Errors
/// [`InvalidName`] with the rule, for the field [`Field::ResourceGroup`].
fn check_group(name: &str) -> Result<(), InvalidName> {
    let legal = |c: char| c.is_alphanumeric() || "-_.()".contains(c);
    let ok = (1..=90).contains(&name.chars().count())
        && name.chars().all(legal)
        && !name.ends_with('.')
        && !name.starts_with('-');
    if ok {
        return Ok(());
    }
    let rule = "it must be 1 to 90 letters, digits, hyphens, underscores, periods and parentheses, without a hyphen at the start and without a period at the end";
    Err(InvalidName::new(Field::ResourceGroup, name, rule))
}

/// Checks that a text is an origin exactly as browsers send it: no slash at the end, no default port.
///
/// Azure compares the origin of a CORS rule as text, so any difference makes the rule useless.
///
/// # Errors
/// [`InvalidName`] with the rule and, if possible, the origin to write instead.
pub(crate) fn check_origin(origin: &str) -> Result<(), InvalidName> {
    let bad = |rule| InvalidName::new(Field::Origin, origin, rule);
    // The limit of a CORS rule; before the URL parser, which copies the text several times.
    if origin.len() > 256 {
        return Err(bad("it must have at most 256 characters"));
    }
    let url = Url::parse(origin).map_err(|_| bad("it must be a scheme and a host"))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(bad("it must start with https:// or http://"));
    }
    // The serialization of the URL standard is what browsers send, so anything else never matches.
    let ours = url.origin().ascii_serialization();
    if ours != origin {
        let rule = "browsers send only the scheme, the host and a port that is not the default";
        return Err(bad(rule).hint(format!("write `{ours}`")));
    }
    // The URL standard allows `&`, `$`, `'` and other characters in a host, but shells interpret them.
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.:/[]".contains(c);
    if !origin.chars().all(legal) {
        let rule = "a host may have only letters, digits, hyphens, underscores and periods";
        return Err(bad(rule));
    }
    Ok(())
}
