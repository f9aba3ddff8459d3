//! A grant as text in each form.

mod about;
mod az_powershell;
mod bash;
mod cmd;
mod portal;
mod powershell;
mod query;
mod rest;
mod template;
mod terraform;
mod windows;

use serde_json::{Value, json};

use super::{Form, Grant, Pack, Part, RoleAssignment, Sharing, Step};
use crate::name::InvalidName;

/// The version of the API of role assignments and definitions
const API: &str = "2022-04-01";

/// The one data action of the custom role
const READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";

/// What the portal shows beside the custom role
const ROLE_DESCRIPTION: &str = "Lists and reads blobs; no right on containers or keys";

/// The headers that a player needs to seek
///
/// Named, because the service expands `*` before it adds `Content-Range`, which so stays hidden.
const EXPOSED: [&str; 4] = ["Accept-Ranges", "Content-Length", "Content-Range", "ETag"];

pub(super) fn pack(grant: &Grant, form: Form) -> Result<Pack, InvalidName> {
    let mut parts = match form {
        Form::Portal => portal::parts(grant),
        Form::AzBash => bash::parts(grant),
        Form::AzPowerShell => az_powershell::parts(grant)?,
        Form::AzCmd => cmd::parts(grant)?,
        Form::PowerShell => powershell::parts(grant),
        Form::Arm => template::arm(grant),
        Form::Bicep => template::bicep(grant),
        Form::TerraformAzurerm => terraform::azurerm(grant)?,
        Form::TerraformAzapi => terraform::azapi(grant)?,
        Form::Rest => rest::parts(grant),
    };
    parts.sort_by_key(|part| (part.step, part.file.is_none()));
    for part in parts.iter_mut().filter(|part| part.file.is_none()) {
        let about = about::about(grant, part.step, form);
        part.about = if part.about.is_empty() { about } else { format!("{about} {}", part.about) };
    }
    Ok(Pack { form, parts })
}

fn commands(step: Step, lines: Vec<String>) -> Part {
    Part { step, file: None, about: String::new(), text: lines.join("\n") }
}

fn file(step: Step, name: &'static str, text: String) -> Part {
    Part { step, file: Some(name), about: String::new(), text }
}

/// The parts of a template's pack that the Azure CLI does, in bash
fn by_az(grant: &Grant, steps: &[Step]) -> Vec<Part> {
    let mut parts = bash::parts(grant);
    parts.retain(|part| steps.contains(&part.step));
    parts
}

/// What a person calls an assignment
fn name_of(assignment: &RoleAssignment) -> String {
    match &assignment.container {
        Some(container) => format!("{} on container {container}", assignment.role_name),
        None => format!("{} on the account", assignment.role_name),
    }
}

/// The assignments that no other grant uses
fn own(grant: &Grant) -> impl Iterator<Item = &RoleAssignment> {
    grant.assignments.iter().filter(|assignment| assignment.sharing != Sharing::Account)
}

/// The assignments of earlier grants in whose place this grant puts nothing
fn obsolete(grant: &Grant) -> Vec<&RoleAssignment> {
    let mut found: Vec<&RoleAssignment> = Vec::new();
    for earlier in grant.replaces.iter().filter(|a| a.sharing != Sharing::Account) {
        if !grant.assignments.iter().chain(found.iter().copied()).any(|a| a.is_in_place_of(earlier))
        {
            found.push(earlier);
        }
    }
    found
}

/// The custom roles of earlier grants that this grant does not use, each with one of its assignments
fn obsolete_roles(grant: &Grant) -> Vec<&RoleAssignment> {
    let mut found: Vec<&RoleAssignment> = Vec::new();
    for earlier in obsolete(grant).into_iter().filter(|a| a.role.is_none()) {
        let mut others = grant.assignments.iter().chain(found.iter().copied());
        if !others.any(|a| a.role_id == earlier.role_id) {
            found.push(earlier);
        }
    }
    found
}

/// The shared assignment, or that of an earlier grant if this grant has none
fn shared_or_earlier(grant: &Grant) -> Option<&RoleAssignment> {
    shared(grant).or_else(|| obsolete_shared(grant))
}

/// The shared assignment of an earlier grant, if this grant has none
fn obsolete_shared(grant: &Grant) -> Option<&RoleAssignment> {
    let earlier = grant.replaces.iter().find(|a| a.sharing == Sharing::Account);
    earlier.filter(|_| shared(grant).is_none())
}

/// The descriptions that earlier grants gave the assignment in this place
fn earlier_descriptions<'a>(grant: &'a Grant, assignment: &RoleAssignment) -> Vec<&'a str> {
    let earlier = grant.replaces.iter().filter(|a| a.is_in_place_of(assignment));
    let mut found: Vec<_> = earlier.map(|a| a.description.as_str()).collect();
    found.retain(|text| *text != assignment.description);
    found.sort_unstable();
    found.dedup();
    found
}

/// The assignment that every grant of the application on the account uses, if there is one
fn shared(grant: &Grant) -> Option<&RoleAssignment> {
    grant.assignments.iter().find(|assignment| assignment.sharing == Sharing::Account)
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
        "description": ROLE_DESCRIPTION,
        "type": "CustomRole",
        "permissions": [{ "actions": [], "notActions": [], "dataActions": [READ], "notDataActions": [] }],
        "assignableScopes": [grant.group_scope()],
    });
    Some((assignment, properties))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}
