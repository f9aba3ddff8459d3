//! Role assignments: what each is for, who shares it, and the names that Azure knows it by.

use serde_json::Value;
use uuid::Uuid;

use crate::{
    condition::{Condition, Role},
    connection::Connection,
};

/// What follows the resource group in a scope
const STORAGE: &str = "/providers/Microsoft.Storage/";

/// A role for a principal on a scope
///
/// Azure keeps one assignment for a principal, a role and a scope, whatever its condition, and
/// answers a second one with 409 `RoleAssignmentExists`. So every form looks the assignment up by
/// these three, and never by its name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RoleAssignment {
    /// Its name if the grant creates it: a GUID that is the same for the same grant
    pub name: String,
    /// The resource id of the account or the container that it is for
    pub scope: String,
    /// The name of the role
    pub role_name: String,
    /// The GUID of the role's definition
    pub role_id: String,
    /// Its condition, if it has one
    pub condition: Option<Condition>,
    /// The text that the portal shows beside it, which also tells this grant from another
    pub description: String,
    /// Who else uses it
    pub sharing: Sharing,
    pub(crate) role: Option<Role>,
    /// The container that it is on, or `None` if it is on the account
    pub(crate) container: Option<String>,
}

impl RoleAssignment {
    pub(crate) fn is_on_account(&self) -> bool {
        self.container.is_none()
    }

    /// Whether Azure keeps one of the two, for the same principal
    ///
    /// A resource group may be spelled in other letter case, and an account may move to another group.
    pub(super) fn is_in_place_of(&self, other: &Self) -> bool {
        let place = |scope: &str| {
            let at = scope.find(STORAGE).unwrap_or_default();
            scope.get(at..).unwrap_or_default().to_owned()
        };
        self.role_id == other.role_id && place(&self.scope) == place(&other.scope)
    }
}

/// Who uses a role assignment
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sharing {
    /// One connection, that of the grant
    Own,
    /// All connections of the grant: its condition lists their containers
    Connections,
    /// Every grant of the application on the account, whoever made it
    ///
    /// Its removal ends the view links of all of them, so no form removes it unasked while the
    /// principal has an assignment on a container of the account.
    Account,
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

/// What connections cover, each as `container` or `container/prefix`, in order
pub(super) fn places<'a>(connections: impl IntoIterator<Item = &'a Connection>) -> Vec<String> {
    let place = |connection: &Connection| match connection.prefix().as_str() {
        "" => connection.container().to_string(),
        prefix => format!("{}/{prefix}", connection.container()),
    };
    let mut places: Vec<_> = connections.into_iter().map(place).collect();
    places.sort();
    places.dedup();
    places
}

/// Places as one text that no other places have, for a fingerprint
///
/// A prefix may have any character in it, so no separator would do.
pub(super) fn unambiguous(places: &[String]) -> String {
    Value::from(places).to_string()
}

/// The longest description that lists what a grant is for, in characters
const LONGEST: usize = 300;

/// The description of a grant's assignment
///
/// It names everything that the grant is for, because it tells the grant from another one of the same
/// application. A place that some shell or language has no simple spelling for stands as a fingerprint.
pub(super) fn description(application: &str, places: &[String]) -> String {
    let is_plain = |place: &String| {
        place.chars().all(|c| c.is_ascii_alphanumeric() || "-_./ ".contains(c))
            && !place.ends_with(' ')
    };
    let listed = places.join(", ");
    let text = if places.iter().all(is_plain) && listed.len() <= LONGEST {
        listed
    } else {
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
