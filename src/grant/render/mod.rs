//! A grant as text in each form.

mod az;
mod portal;
mod powershell;
mod rest;
mod template;
mod terraform;

use serde_json::{Value, json};

use super::{Form, Grant, Pack, Part, RoleAssignment, Step};
use crate::name::InvalidName;

/// The version of the API of role assignments and definitions
const API: &str = "2022-04-01";

/// The one data action of the custom role
const READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";

/// The headers that a player needs to seek
///
/// Named, because the service expands `*` before it adds `Content-Range`, which so stays hidden.
const EXPOSED: [&str; 4] = ["Accept-Ranges", "Content-Length", "Content-Range", "ETag"];

pub(super) fn pack(grant: &Grant, form: Form) -> Result<Pack, InvalidName> {
    let mut parts = match form {
        Form::Portal => portal::parts(grant),
        Form::AzBash => az::parts(grant, az::Prompt::Bash)?,
        Form::AzPowerShell => az::parts(grant, az::Prompt::PowerShell)?,
        Form::AzCmd => az::parts(grant, az::Prompt::Cmd)?,
        Form::PowerShell => powershell::parts(grant),
        Form::Arm => template::arm(grant)?,
        Form::Bicep => template::bicep(grant)?,
        Form::TerraformAzurerm => terraform::azurerm(grant)?,
        Form::TerraformAzapi => terraform::azapi(grant)?,
        Form::Rest => rest::parts(grant),
    };
    parts.sort_by_key(|part| (part.step, part.file.is_none()));
    Ok(Pack { form, parts })
}

fn commands(step: Step, lines: Vec<String>) -> Part {
    Part { step, file: None, text: lines.join("\n") }
}

fn file(step: Step, name: &'static str, text: String) -> Part {
    Part { step, file: Some(name), text }
}

/// The parts of a template's pack that the Azure CLI does, in bash
fn by_az(grant: &Grant, steps: &[Step]) -> Result<Vec<Part>, InvalidName> {
    let mut parts = az::parts(grant, az::Prompt::Bash)?;
    parts.retain(|part| steps.contains(&part.step) && part.file.is_none());
    Ok(parts)
}

/// The resource id of the definition of the assignment's role
fn definition(grant: &Grant, assignment: &RoleAssignment) -> String {
    format!(
        "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{}",
        grant.subscription, assignment.role_id
    )
}

/// The resource id of the assignment
fn resource(assignment: &RoleAssignment) -> String {
    format!(
        "{}/providers/Microsoft.Authorization/roleAssignments/{}",
        assignment.scope, assignment.name
    )
}

/// The properties of a role assignment in the REST API
fn properties(grant: &Grant, assignment: &RoleAssignment, principal: &str) -> Value {
    let mut properties = json!({
        "roleDefinitionId": definition(grant, assignment),
        "principalId": principal,
        "principalType": "ServicePrincipal",
        "description": assignment.description,
    });
    if let (Some(condition), Some(map)) = (&assignment.condition, properties.as_object_mut()) {
        map.insert("condition".into(), condition.to_string().into());
        map.insert("conditionVersion".into(), "2.0".into());
    }
    properties
}

/// The resource id of the definition of the custom role, as it is made
fn role_resource(grant: &Grant, assignment: &RoleAssignment) -> String {
    format!(
        "{}/providers/Microsoft.Authorization/roleDefinitions/{}",
        grant.group_scope(),
        assignment.role_id
    )
}

/// The definition of the custom role as the body of a request, where the grant has one
fn role_file(grant: &Grant) -> Option<Part> {
    let (_, properties) = custom_role(grant)?;
    Some(file(Step::Apply, "role.json", pretty(&json!({ "properties": properties }))))
}

/// The definition of the custom role in the REST API, where the grant has one
fn custom_role(grant: &Grant) -> Option<(&RoleAssignment, Value)> {
    let assignment = grant.assignments.iter().find(|assignment| assignment.role.is_none())?;
    let properties = json!({
        "roleName": assignment.role_name,
        "description": "Lists and reads blobs; nothing of containers or keys",
        "type": "CustomRole",
        "permissions": [{ "actions": [], "notActions": [], "dataActions": [READ], "notDataActions": [] }],
        "assignableScopes": [grant.group_scope()],
    });
    Some((assignment, properties))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}
