//! A grant in the terms of Azure Resource Manager: resource IDs, properties and API versions.
//!
//! Every form that sends or declares a resource takes it from here, so that all forms mean the same.

use serde_json::{Value, json};

use super::{
    super::{Grant, Part, RoleAssignment, Step},
    part::{file, pretty},
};
use crate::condition::catalog::BLOB_READ;

/// The API version of role assignments and role definitions.
pub(super) const API: &str = "2022-04-01";

/// The API version of storage accounts and their blob service.
pub(super) const STORAGE_API: &str = "2023-05-01";

/// The description of the custom role, which the portal shows.
pub(super) const ROLE_DESCRIPTION: &str = "Lists and reads blobs; no right on containers or keys";

/// The response headers that a player needs to seek.
///
/// They are named one by one: the service expands `*` before it adds `Content-Range`, so `*` would hide
/// that header.
pub(super) const EXPOSED: [&str; 4] = ["Accept-Ranges", "Content-Length", "Content-Range", "ETag"];

/// Returns the resource ID of the definition of the assignment's role.
///
/// Below the subscription, as Azure returns it, wherever the role was defined.
pub(super) fn definition(grant: &Grant, assignment: &RoleAssignment) -> String {
    format!(
        "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{}",
        grant.subscription(),
        assignment.role_id
    )
}

/// Returns the resource ID of the assignment, if the grant creates it.
pub(super) fn resource(assignment: &RoleAssignment) -> String {
    format!(
        "{}/providers/Microsoft.Authorization/roleAssignments/{}",
        assignment.scope, assignment.name
    )
}

/// Returns the properties of a role assignment for the REST API.
///
/// `principalType` is given because Azure otherwise looks the principal up, and does not find a new
/// one.
pub(super) fn properties(grant: &Grant, assignment: &RoleAssignment, principal: &str) -> Value {
    let mut properties = json!({
        "roleDefinitionId": definition(grant, assignment),
        "principalId": principal,
        "principalType": "ServicePrincipal",
        "description": assignment.description,
    });
    if let (Some(condition), Some(map)) = (&assignment.condition, properties.as_object_mut()) {
        map.insert("condition".into(), condition.to_string().into());
        // Without the version, Azure refuses a condition.
        map.insert("conditionVersion".into(), "2.0".into());
    }
    properties
}

/// Returns the resource ID of the custom role, as it is created in the resource group.
///
/// Below the resource group, which is the only scope at which the role can be assigned.
pub(super) fn role_resource(grant: &Grant, assignment: &RoleAssignment) -> String {
    format!(
        "{}/providers/Microsoft.Authorization/roleDefinitions/{}",
        grant.group_scope(),
        assignment.role_id
    )
}

/// Returns the file with the definition of the custom role, if the grant has one.
pub(super) fn role_file(grant: &Grant) -> Option<Part> {
    let (_, properties) = custom_role(grant)?;
    Some(file(Step::Apply, "role.json", pretty(&json!({ "properties": properties }))))
}

/// Returns the definition of the custom role and the first assignment that uses it, if the grant has
/// one.
///
/// The role has one data action and no actions, so it cannot even read the properties of
/// containers.
pub(super) fn custom_role(grant: &Grant) -> Option<(&RoleAssignment, Value)> {
    let assignment = grant.assignments().iter().find(|assignment| assignment.role.is_none())?;
    let properties = json!({
        "roleName": assignment.role_name,
        "description": ROLE_DESCRIPTION,
        "type": "CustomRole",
        "permissions": [{ "actions": [], "notActions": [], "dataActions": [BLOB_READ], "notDataActions": [] }],
        "assignableScopes": [grant.group_scope()],
    });
    Some((assignment, properties))
}
