//! The grant that a customer applies: which role, where, under which condition, and how.
//!
//! Values and text, no I/O: what is made here is shown to the customer, who runs it.

mod audit;
mod form;
mod quote;
mod render;

use std::fmt;

use url::Url;
use uuid::Uuid;

pub use self::{
    audit::{Access, Audit, Decision},
    form::{Form, Pack, Part, Step},
};
use crate::{
    cloud::Cloud,
    condition::{Condition, Limit, Role},
    connection::Connection,
    name::{Field, InvalidName, is_guid},
};

/// How much is granted, and by what means
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// Storage Blob Data Reader on the account, limited by a condition
    #[default]
    AccountWithCondition,
    /// Storage Blob Data Reader on the container, and Storage Blob Delegator on the account
    ContainerAndDelegator,
    /// A custom role with the one data action, on the container
    CustomRole,
}

impl Shape {
    /// All of them
    pub const ALL: &[Self] =
        &[Self::AccountWithCondition, Self::ContainerAndDelegator, Self::CustomRole];

    /// Its stable name, such as `custom-role`
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountWithCondition => "account-with-condition",
            Self::ContainerAndDelegator => "container-and-delegator",
            Self::CustomRole => "custom-role",
        }
    }

    /// What the customer pays for it, in access and in work
    pub fn cost(self) -> &'static str {
        match self {
            Self::AccountWithCondition => {
                "one role assignment. The names and properties of all containers of the account can be read too, and keys for view links be made: no condition limits that"
            }
            Self::ContainerAndDelegator => {
                "two role assignments. View links work; the names of other containers cannot be listed. The principal can make keys for view links, which reach only what it can read itself"
            }
            Self::CustomRole => {
                "a custom role, which somebody with the right to define roles must make. Nothing beyond listing and reading the blobs: no view links, and no container properties"
            }
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A role for a principal on a scope
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RoleAssignment {
    /// Its name, a GUID that is the same for the same grant, so that a second run changes nothing
    pub name: String,
    /// The resource id of what it is for
    pub scope: String,
    /// The name of the role
    pub role_name: String,
    /// The GUID of the role's definition
    pub role_id: String,
    /// What it is limited to
    pub condition: Option<Condition>,
    /// What the portal shows beside it
    pub description: String,
    pub(crate) role: Option<Role>,
    pub(crate) on_account: bool,
}

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
    pub(crate) connection: Connection,
    subscription: String,
    resource_group: String,
    application: String,
    pub(crate) principal: Option<String>,
    shape: Shape,
    origin: Option<String>,
    assignments: Vec<RoleAssignment>,
}

impl Grant {
    /// Starts the grant for a connection
    pub fn builder(connection: &Connection) -> GrantBuilder {
        GrantBuilder {
            connection: connection.clone(),
            subscription: String::new(),
            resource_group: String::new(),
            application: String::new(),
            principal: None,
            shape: Shape::default(),
            origin: None,
            limit: None,
        }
    }

    /// The role assignments that it consists of
    pub fn assignments(&self) -> &[RoleAssignment] {
        &self.assignments
    }

    /// The application (client) id of the service
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The object id of the service principal, where it is known
    pub fn principal(&self) -> Option<&str> {
        self.principal.as_deref()
    }

    /// Whether it is for the account and the container of a connection
    pub(crate) fn is_for(&self, connection: &Connection) -> bool {
        self.connection.account() == connection.account()
            && self.connection.container() == connection.container()
    }

    /// How much is granted
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// What it lets the principal do, and what not, and why
    pub fn audit(&self) -> Audit {
        let assignments = self.assignments.iter().map(|assignment| audit::Assigned {
            role: assignment.role,
            container: (!assignment.on_account).then(|| self.connection.container().as_str()),
            condition: assignment.condition.as_ref(),
        });
        audit::audit(&self.connection, &assignments.collect::<Vec<_>>())
    }

    /// Everything to apply, check, change and revoke it, in a form
    ///
    /// # Errors
    /// [`InvalidName`] where the form has no spelling for a value; another form has.
    pub fn pack(&self, form: Form) -> Result<Pack, InvalidName> {
        render::pack(self, form)
    }

    fn group_scope(&self) -> String {
        format!("/subscriptions/{}/resourceGroups/{}", self.subscription, self.resource_group)
    }

    fn account_scope(&self) -> String {
        format!(
            "{}/providers/Microsoft.Storage/storageAccounts/{}",
            self.group_scope(),
            self.connection.account()
        )
    }

    fn container_scope(&self) -> String {
        format!(
            "{}/blobServices/default/containers/{}",
            self.account_scope(),
            self.connection.container()
        )
    }
}

/// The name that a template's `guid(a, b, …)` makes of the same arguments
///
/// A UUID of version 5 (RFC 9562) in the namespace of Azure Resource Manager, of the arguments with
/// hyphens between them.
///
/// ```
/// assert_eq!(azure_asset_sync::grant::arm_guid(&["a", "b", "c"]), "a98fa280-e03f-5afa-8d8e-92d0a9c201e8");
/// ```
pub fn arm_guid(arguments: &[&str]) -> String {
    const NAMESPACE: Uuid = Uuid::from_u128(0x11fb_06fb_712d_4ddd_98c7_e71b_bd58_8830);
    Uuid::new_v5(&NAMESPACE, arguments.join("-").as_bytes()).to_string()
}

/// Makes a [`Grant`]
#[derive(Clone, Debug)]
#[must_use]
pub struct GrantBuilder {
    connection: Connection,
    subscription: String,
    resource_group: String,
    application: String,
    principal: Option<String>,
    shape: Shape,
    origin: Option<String>,
    limit: Option<Limit>,
}

impl GrantBuilder {
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

    /// The object id of the service principal in the customer's tenant, where it is known
    ///
    /// It is not the application's own object id. Without it the commands look it up.
    pub fn principal(mut self, object_id: impl Into<String>) -> Self {
        self.principal = Some(object_id.into());
        self
    }

    /// How much is granted; [`Shape::AccountWithCondition`] unless told
    pub fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// The origin of the browsers that shall play videos, such as `https://app.contoso.com`: adds a
    /// rule for cross-origin requests
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// What the role is limited to; the connection's container and prefix unless told
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The grant
    ///
    /// # Errors
    /// [`InvalidName`] for the first value that breaks its rule, and where the condition cannot be
    /// made (see [`Limit::condition`]).
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
        let whole_container = self.limit.is_none() && self.connection.prefix().is_empty();
        let limit = self.limit.unwrap_or_else(|| {
            Limit::container(self.connection.container()).prefix(self.connection.prefix())
        });
        let mut grant = Grant {
            connection: self.connection,
            subscription: self.subscription.to_ascii_lowercase(),
            resource_group: self.resource_group,
            application: self.application.to_ascii_lowercase(),
            principal: self.principal.map(|id| id.to_ascii_lowercase()),
            shape: self.shape,
            origin: self.origin,
            assignments: Vec::new(),
        };
        // On the container itself, a condition that names only it would say nothing.
        let on_container = match whole_container {
            true => None,
            false => Some(limit.condition()?),
        };
        let reader = Role::BlobDataReader;
        grant.assignments = match self.shape {
            Shape::AccountWithCondition => {
                vec![grant.built_in(reader, true, Some(limit.condition()?))]
            }
            Shape::ContainerAndDelegator => vec![
                grant.built_in(reader, false, on_container),
                grant.built_in(Role::BlobDelegator, true, None),
            ],
            Shape::CustomRole => {
                let id = arm_guid(&[&grant.group_scope(), CUSTOM_ROLE]);
                let scope = grant.container_scope();
                vec![grant.assigned(scope, CUSTOM_ROLE, id, None, on_container)]
            }
        };
        Ok(grant)
    }
}

/// The name of the custom role
const CUSTOM_ROLE: &str = "Blob Reader (data only)";

impl Grant {
    fn built_in(&self, role: Role, on_account: bool, limit: Option<Condition>) -> RoleAssignment {
        let scope = if on_account { self.account_scope() } else { self.container_scope() };
        self.assigned(scope, role.name(), role.id().to_owned(), Some(role), limit)
    }

    fn assigned(
        &self,
        scope: String,
        role_name: &str,
        role_id: String,
        role: Option<Role>,
        condition: Option<Condition>,
    ) -> RoleAssignment {
        let principal = self.principal.as_ref().unwrap_or(&self.application);
        RoleAssignment {
            name: arm_guid(&[&scope, principal, &role_id]),
            on_account: scope == self.account_scope(),
            scope,
            role_name: role_name.to_owned(),
            role_id,
            role,
            condition,
            description: format!(
                "Lets application {} read container {}",
                self.application,
                self.connection.container()
            ),
        }
    }
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
    if ours == origin {
        return Ok(());
    }
    let rule = "browsers send a scheme, a host and a port that is not the usual one, nothing else";
    Err(bad(rule).hint(format!("write `{ours}`")))
}

/// Where a cloud is managed: its name for az, Az PowerShell, Azure Resource Manager, Microsoft
/// Graph, the portal
struct Management {
    az: &'static str,
    arm: &'static str,
    graph: &'static str,
    portal: &'static str,
}

impl Grant {
    fn management(&self) -> Management {
        match self.connection.cloud() {
            Cloud::UsGovernment => Management {
                az: "AzureUSGovernment",
                arm: "https://management.usgovcloudapi.net",
                graph: "https://graph.microsoft.us",
                portal: "https://portal.azure.us",
            },
            Cloud::China => Management {
                az: "AzureChinaCloud",
                arm: "https://management.chinacloudapi.cn",
                graph: "https://microsoftgraph.chinacloudapi.cn",
                portal: "https://portal.azure.cn",
            },
            // An endpoint of one's own is a private one, or a custom domain, of the public cloud.
            Cloud::Public | Cloud::DnsZone(_) | Cloud::Custom(_) => Management {
                az: "AzureCloud",
                arm: "https://management.azure.com",
                graph: "https://graph.microsoft.com",
                portal: "https://portal.azure.com",
            },
        }
    }
}
