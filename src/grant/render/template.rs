//! Templates of Azure Resource Manager, in JSON and in Bicep.

use serde_json::{Value, json};

use super::{
    super::{Grant, Part, Step, quote},
    API, ROLE_DESCRIPTION, bash, by_az, custom_role, definition, file, pretty, resource,
    role_resource,
};

/// What templates cannot do, or do only with everything else of the service, the Azure CLI does
const BY_AZ: &[Step] =
    &[Step::Principal, Step::Cors, Step::ReadBack, Step::Replace, Step::Revoke, Step::EndShared];

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
    for (n, assignment) in grant.assignments.iter().enumerate() {
        let mut properties = super::properties(grant, assignment, "");
        if let Some(map) = properties.as_object_mut() {
            for value in map.values_mut() {
                if let Value::String(text) = value {
                    *text = quote::arm(text);
                }
            }
            map.insert("principalId".into(), "[parameters('principalId')]".into());
        }
        resources.push(json!({
            "type": "Microsoft.Authorization/roleAssignments",
            "apiVersion": API,
            "name": format!("[parameters('assignmentName{n}')]"),
            "scope": assignment.scope,
            "dependsOn": if assignment.role.is_none() { depends.clone() } else { Vec::new() },
            "properties": properties,
        }));
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
    if let (Some(id), Some(map)) = (&grant.principal, parameter.as_object_mut()) {
        map.insert("defaultValue".into(), id.as_str().into());
    }
    let mut parameters = serde_json::Map::from_iter(names);
    parameters.insert("principalId".into(), parameter);
    let template = json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": parameters,
        "resources": resources,
    });
    let mut parts = by_az(grant, BY_AZ);
    parts.push(file(Step::Apply, "grant.json", pretty(&template)));
    parts.extend(deploy(grant, "grant.json"));
    parts
}

/// A second deployment changes nothing but a condition that differs, so it is the update too
fn deploy(grant: &Grant, template: &str) -> Vec<Part> {
    [Step::Apply, Step::Update].map(|step| bash::deploy(grant, step, template)).into()
}

pub(super) fn bicep(grant: &Grant) -> Vec<Part> {
    let quoted = quote::bicep;
    let mut text = String::from("@description('The object id of the service principal')\n");
    match &grant.principal {
        Some(id) => text.push_str(&format!("param principalId string = {}\n", quoted(id))),
        None => text.push_str("param principalId string\n"),
    }
    for (n, assignment) in grant.assignments.iter().enumerate() {
        text.push_str(&format!(
            "\n@description('The name of the assignment: that of the one that is there')\nparam assignmentName{n} string = {}\n",
            quoted(&assignment.name)
        ));
    }
    let account = quoted(grant.account().as_str());
    text.push_str(&format!(
        "\nresource account 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {{\n  name: {account}\n}}\n"
    ));
    if grant.assignments.iter().any(|assignment| !assignment.is_on_account()) {
        text.push_str(
            "
resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' existing = {
  parent: account
  name: 'default'
}
",
        );
    }
    for (n, assignment) in grant.assignments.iter().enumerate() {
        let Some(container) = &assignment.container else { continue };
        text.push_str(&format!(
            "
resource container{n} 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' existing = {{
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
            quoted(super::READ)
        ));
    }
    for (n, assignment) in grant.assignments.iter().enumerate() {
        let scope = match assignment.container {
            Some(_) => format!("container{n}"),
            None => "account".to_owned(),
        };
        let role = match assignment.role {
            Some(_) => quoted(&definition(grant, assignment)),
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
    let ids: Vec<_> = grant.assignments.iter().map(|a| format!("// {}", resource(a))).collect();
    text.push_str(&format!("\n// makes:\n{}\n", ids.join("\n")));
    let mut parts = by_az(grant, BY_AZ);
    parts.push(file(Step::Apply, "grant.bicep", text));
    parts.extend(deploy(grant, "grant.bicep"));
    parts
}
