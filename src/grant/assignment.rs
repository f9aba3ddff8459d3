//! Role assignments: scope, role, condition, who shares them, and the names that Azure knows them by.
//!
//! Names are computed, not random: the same grant always has the same names, so a second run of a
//! template or a command finds what the first run created.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    coded::coded_enum,
    condition::{Condition, Role},
    connection::Connection,
};

/// The part after the resource group in the scope of a storage account.
pub(super) const STORAGE: &str = "/providers/Microsoft.Storage/";

/// A role for a principal on a scope.
///
/// Azure keeps one assignment for each principal, role and scope, whatever its condition, and answers a
/// second one with 409 `RoleAssignmentExists`. So every form looks an assignment up by these three, and
/// never by its name.
///
/// ```
/// use azure_asset_sync::{Connection, grant::{Grant, Shape, Sharing}};
///
/// # let connection =
/// #     Connection::builder("hall 3").account("contosovision").container("training").build()?;
/// # let grant = Grant::builder(&connection)
/// #     .subscription("11111111-2222-3333-4444-555555555555")
/// #     .resource_group("vision")
/// #     .application("99999999-8888-7777-6666-555555555555")
/// #     .shape(Shape::ContainerAndDelegator)
/// #     .build()?;
/// let [reader, delegator] = grant.assignments() else { panic!("this shape has two assignments") };
/// assert!(reader.scope.ends_with("/containers/training"));
/// assert_eq!(reader.sharing, Sharing::Own);
/// assert_eq!(delegator.role_name, "Storage Blob Delegator");
/// assert_eq!(delegator.sharing, Sharing::Account, "other grants use it too");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RoleAssignment {
    /// The name under which the grant creates the assignment: a GUID that is the same for the same grant.
    pub name: String,
    /// The resource ID of the account or the container.
    pub scope: String,
    /// The name of the role, as the portal shows it.
    pub role_name: String,
    /// The GUID of the role definition.
    pub role_id: String,
    /// The condition, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// The description that the portal shows. It also distinguishes this grant from others.
    pub description: String,
    /// The grants that use the assignment.
    pub sharing: Sharing,
    /// The built-in role, or `None` for the custom role.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "known_role")]
    pub(crate) role: Option<Role>,
    /// The container of the scope, or `None` if the scope is the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) container: Option<String>,
}

/// Reads a built-in role; `None` if this version of the crate does not know it.
fn known_role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Role>, D::Error> {
    let name = Option::<String>::deserialize(deserializer)?;
    Ok(name.and_then(|name| Role::deserialize(Value::String(name)).ok()))
}

impl RoleAssignment {
    /// Returns whether the scope is the account.
    pub(crate) fn is_on_account(&self) -> bool {
        self.container.is_none()
    }

    /// Returns whether Azure keeps only one of the two assignments, for the same principal.
    ///
    /// Compares what follows the resource group: the group can be written in another letter case, and an
    /// account can move to another group.
    pub(super) fn is_in_place_of(&self, other: &Self) -> bool {
        let place = |scope: &str| {
            // A scope without the text is compared as a whole.
            let at = scope.find(STORAGE).unwrap_or_default();
            scope.get(at..).unwrap_or_default().to_owned()
        };
        self.role_id == other.role_id && place(&self.scope) == place(&other.scope)
    }
}

coded_enum! {
    /// The grants that use a role assignment.
    ///
    /// Decides whether a revocation may remove the assignment.
    pub enum Sharing by as_str {
        /// The one connection of the grant.
        Own = "own",
        /// All connections of the grant, whose containers the condition lists.
        Connections = "connections",
        /// Every grant of the application on the account, whoever created it.
        ///
        /// Removing the assignment ends the view links of all of them. So no form removes it without a
        /// confirmation while the principal has an assignment on a container of the account.
        Account = "account",
    }
}

/// Returns the GUID that the template function `guid(a, b, …)` computes from the same arguments.
///
/// The GUID is a version 5 UUID (RFC 9562) of the arguments, joined by hyphens, in the namespace of Azure
/// Resource Manager.
///
/// ```
/// // `guid('a', 'b', 'c')` in a template:
/// assert_eq!(azure_asset_sync::grant::arm_guid(&["a", "b", "c"]), "a98fa280-e03f-5afa-8d8e-92d0a9c201e8");
/// ```
pub fn arm_guid(arguments: &[&str]) -> String {
    const NAMESPACE: Uuid = Uuid::from_u128(0x11fb_06fb_712d_4ddd_98c7_e71b_bd58_8830);
    Uuid::new_v5(&NAMESPACE, arguments.join("-").as_bytes()).to_string()
}

/// Returns what connections cover, each as `container` or `container/prefix`, sorted and without
/// duplicates.
pub(super) fn places<'a>(connections: impl IntoIterator<Item = &'a Connection>) -> Vec<String> {
    let place = |connection: &Connection| match connection.prefix().as_str() {
        "" => connection.container().to_string(),
        prefix => format!("{}/{prefix}", connection.container()),
    };
    let mut places: Vec<_> = connections.into_iter().map(place).collect();
    // The order in which connections were added must not change the name.
    places.sort();
    places.dedup();
    places
}

/// Returns a text that differs for different places, to compute a fingerprint of.
///
/// JSON, because a prefix can contain any character, and so any plain separator.
pub(super) fn unambiguous(places: &[String]) -> String {
    Value::from(places).to_string()
}

/// The longest description that lists the places of a grant, in bytes.
const LONGEST: usize = 300;

/// Returns the description of an assignment.
///
/// The description names all places of the grant, because it distinguishes the grant from others of the
/// same application. If some shell or language would need quotes for a place, or if the list is too
/// long, a fingerprint replaces the list.
pub(super) fn description(application: &str, places: &[String]) -> String {
    // Characters that no shell and no language interprets between quotes.
    let is_plain = |place: &String| {
        place.chars().all(|c| c.is_ascii_alphanumeric() || "-_./ ".contains(c))
            && !place.ends_with(' ')
    };
    let listed = places.join(", ");
    let text = if places.iter().all(is_plain) && listed.len() <= LONGEST {
        listed
    } else {
        // The fingerprint distinguishes grants; the container names are for people.
        let fingerprint = arm_guid(&[&unambiguous(places)]);
        let mut containers: Vec<_> = places.iter().filter_map(|p| p.split('/').next()).collect();
        containers.dedup();
        let listed = containers.join(", ");
        match listed.len() <= LONGEST {
            true => format!("{listed} with prefix ({fingerprint})"),
            false => format!("{} containers ({fingerprint})", containers.len()),
        }
    };
    format!("Lets application {application} read {text}")
}
