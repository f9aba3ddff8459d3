//! Templates of Azure Resource Manager, in JSON and in Bicep.
//!
//! Both declare the custom role and the assignments. The names of the assignments and the object ID are
//! parameters, which the commands in `bash::deploy` fill in with what Azure already has.

use serde_json::{Value, json};

use super::{
    super::{Grant, Part, Step, quote},
    bash,
    part::{file, pretty},
    resource::{
        API, ROLE_DESCRIPTION, STORAGE_API, custom_role, definition, properties, resource,
        role_resource,
    },
};
use crate::condition::catalog::BLOB_READ;

/// The steps that the Azure CLI does.
///
/// A template cannot delete or compare, and a CORS rule is a property of the blob service: a template
/// that declares it would replace all other properties.
const BY_AZ: &[Step] =
    &[Step::Principal, Step::Cors, Step::ReadBack, Step::Replace, Step::Revoke, Step::EndShared];

/// Returns the parts of the pack with a template in JSON.
///
/// The template is deployed to the resource group of the storage account.
pub(super) fn arm(grant: &Grant) -> Vec<Part> {
    let mut resources = Vec::new();
    let mut depends = Vec::new();
    if let Some((assignment, properties)) = custom_role(grant) {
        depends.push(role_resource(grant, assignment));
        resources.push(json!({
            "type": "Microsoft.Authorization/roleDefinitions",
            "apiVersion": API,
            "name": assignment.role_id,
            "properties": properties,
        }));
    }
    let mut names = Vec::new();
    for (n, assignment) in grant.assignments().iter().enumerate() {
        // The object ID is a parameter, and set below.
        let mut properties = properties(grant, assignment, "");
        if let Some(map) = properties.as_object_mut() {
            for value in map.values_mut() {
                if let Value::String(text) = value {
                    // A description may start with `[`, which would make it an expression.
                    *text = quote::arm(text);
                }
            }
            // After the escaping: this one is meant to be an expression.
            map.insert("principalId".into(), "[parameters('principalId')]".into());
        }
        resources.push(json!({
            "type": "Microsoft.Authorization/roleAssignments",
            "apiVersion": API,
            "name": format!("[parameters('assignmentName{n}')]"),
            "scope": assignment.scope,
            // Only the custom role is created here; built-in roles always exist.
            "dependsOn": if assignment.role.is_none() { depends.clone() } else { Vec::new() },
            "properties": properties,
        }));
        // A parameter, so that the commands can pass the name of an assignment that already exists.
        let name = json!({
            "type": "string",
            "defaultValue": assignment.name,
            "metadata": { "description": "The name of the assignment: that of the one that is there" },
        });
        names.push((format!("assignmentName{n}"), name));
    }
    let mut parameter = json!({
        "type": "string",
        "metadata": { "description": "The object id of the service principal" },
    });
    if let (Some(id), Some(map)) = (grant.principal(), parameter.as_object_mut()) {
        map.insert("defaultValue".into(), id.into());
    }
    let mut parameters = serde_json::Map::from_iter(names);
    parameters.insert("principalId".into(), parameter);
    let template = json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": parameters,
        "resources": resources,
    });
    let mut parts = bash::by_az(grant, BY_AZ);
    parts.push(file(Step::Apply, "grant.json", pretty(&template)));
    parts.extend(deploy(grant, "grant.json"));
    parts
}

/// Returns the commands that deploy the template.
///
/// A second deployment changes only what differs, so it is the update as well.
fn deploy(grant: &Grant, template: &str) -> Vec<Part> {
    [Step::Apply, Step::Update].map(|step| bash::deploy(grant, step, template)).into()
}

/// Returns the parts of the pack with a template in Bicep.
pub(super) fn bicep(grant: &Grant) -> Vec<Part> {
    let mut parts = bash::by_az(grant, BY_AZ);
    parts.push(file(Step::Apply, "grant.bicep", bicep_text(grant)));
    parts.extend(deploy(grant, "grant.bicep"));
    parts
}

/// Returns the template in Bicep.
///
/// Storage account and containers are `existing`: the template changes only assignments and the
/// custom role.
fn bicep_text(grant: &Grant) -> String {
    let quoted = quote::bicep;
    let mut text = String::from("@description('The object id of the service principal')\n");
    match grant.principal() {
        Some(id) => text.push_str(&format!("param principalId string = {}\n", quoted(id))),
        None => text.push_str("param principalId string\n"),
    }
    for (n, assignment) in grant.assignments().iter().enumerate() {
        text.push_str(&format!(
            "\n@description('The name of the assignment: that of the one that is there')\nparam assignmentName{n} string = {}\n",
            quoted(&assignment.name)
        ));
    }
    let account = quoted(grant.account().as_str());
    text.push_str(&format!(
        "\nresource account 'Microsoft.Storage/storageAccounts@{STORAGE_API}' existing = {{\n  name: {account}\n}}\n"
    ));
    // Bicep warns about resources that are declared but not used.
    if grant.assignments().iter().any(|assignment| !assignment.is_on_account()) {
        text.push_str(&format!(
            "
resource blobs 'Microsoft.Storage/storageAccounts/blobServices@{STORAGE_API}' existing = {{
  parent: account
  name: 'default'
}}
"
        ));
    }
    for (n, assignment) in grant.assignments().iter().enumerate() {
        let Some(container) = &assignment.container else { continue };
        text.push_str(&format!(
            "
resource container{n} 'Microsoft.Storage/storageAccounts/blobServices/containers@{STORAGE_API}' existing = {{
  parent: blobs
  name: {}
}}
",
            quoted(container)
        ));
    }
    if let Some((assignment, _)) = custom_role(grant) {
        text.push_str(&format!(
            "
resource role 'Microsoft.Authorization/roleDefinitions@{API}' = {{
  name: {}
  properties: {{
    roleName: {}
    description: {}
    type: 'CustomRole'
    permissions: [
      {{
        actions: []
        notActions: []
        dataActions: [
          {}
        ]
        notDataActions: []
      }}
    ]
    assignableScopes: [
      resourceGroup().id
    ]
  }}
}}
",
            quoted(&assignment.role_id),
            quoted(&assignment.role_name),
            quoted(ROLE_DESCRIPTION),
            quoted(BLOB_READ)
        ));
    }
    for (n, assignment) in grant.assignments().iter().enumerate() {
        let scope = match assignment.container {
            Some(_) => format!("container{n}"),
            None => "account".to_owned(),
        };
        let role = match assignment.role {
            Some(_) => quoted(&definition(grant, assignment)),
            // The symbolic name makes Bicep create the role first.
            None => "role.id".to_owned(),
        };
        text.push_str(&format!(
            "
resource assignment{n} 'Microsoft.Authorization/roleAssignments@{API}' = {{
  name: assignmentName{n}
  scope: {scope}
  properties: {{
    roleDefinitionId: {role}
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: {}
",
            quoted(&assignment.description)
        ));
        if let Some(condition) = &assignment.condition {
            let condition = quoted(&condition.to_string());
            text.push_str(&format!("    condition: {condition}\n    conditionVersion: '2.0'\n"));
        }
        text.push_str("  }\n}\n");
    }
    // For people who want to find the assignments later; Bicep ignores comments.
    let ids: Vec<_> = grant.assignments().iter().map(|a| format!("// {}", resource(a))).collect();
    text.push_str(&format!("\n// makes:\n{}\n", ids.join("\n")));
    text
}
