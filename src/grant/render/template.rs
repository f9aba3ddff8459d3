//! Templates of Azure Resource Manager, in JSON and in Bicep.

use serde_json::{Value, json};

use super::{
    super::{Grant, Part, Step, quote},
    API, by_az, commands, custom_role, definition, file, pretty, resource, role_resource,
};
use crate::name::InvalidName;

/// What templates cannot do, or do only with everything else of the service, the Azure CLI does
const BY_AZ: &[Step] = &[Step::Principal, Step::Cors, Step::ReadBack, Step::Revoke];

pub(super) fn arm(grant: &Grant) -> Result<Vec<Part>, InvalidName> {
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
    for assignment in &grant.assignments {
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
            "name": assignment.name,
            "scope": assignment.scope,
            "dependsOn": if assignment.role.is_none() { depends.clone() } else { Vec::new() },
            "properties": properties,
        }));
    }
    let mut parameter = json!({
        "type": "string",
        "metadata": { "description": "The object id of the service principal" },
    });
    if let (Some(id), Some(map)) = (&grant.principal, parameter.as_object_mut()) {
        map.insert("defaultValue".into(), id.as_str().into());
    }
    let template = json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": { "principalId": parameter },
        "resources": resources,
    });
    let mut parts = by_az(grant, BY_AZ)?;
    parts.push(file(Step::Apply, "grant.json", pretty(&template)));
    parts.extend(deploy(grant, "grant.json"));
    Ok(parts)
}

/// A second deployment changes nothing but a condition that differs, so it is the update too
fn deploy(grant: &Grant, template: &str) -> Vec<Part> {
    let find = match &grant.principal {
        Some(id) => format!("OID={id}"),
        None => format!("OID=$(az ad sp show --id {} --query id --output tsv)", grant.application),
    };
    let deploy = format!(
        "az deployment group create --resource-group {} --template-file {template} --parameters principalId=\"$OID\"",
        quote::bash(&grant.resource_group)
    );
    let lines = vec![find, deploy];
    vec![commands(Step::Apply, lines.clone()), commands(Step::Update, lines)]
}

pub(super) fn bicep(grant: &Grant) -> Result<Vec<Part>, InvalidName> {
    let quoted = quote::bicep;
    let mut text = String::from("@description('The object id of the service principal')\n");
    match &grant.principal {
        Some(id) => text.push_str(&format!("param principalId string = {}\n", quoted(id))),
        None => text.push_str("param principalId string\n"),
    }
    let account = quoted(grant.connection.account().as_str());
    text.push_str(&format!(
        "\nresource account 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {{\n  name: {account}\n}}\n"
    ));
    if grant.assignments.iter().any(|assignment| !assignment.on_account) {
        let container = quoted(grant.connection.container().as_str());
        text.push_str(&format!(
            "
resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' existing = {{
  parent: account
  name: 'default'
}}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' existing = {{
  parent: blobs
  name: {container}
}}
"
        ));
    }
    if let Some((assignment, _)) = custom_role(grant) {
        text.push_str(&format!(
            "
resource role 'Microsoft.Authorization/roleDefinitions@{API}' = {{
  name: {}
  properties: {{
    roleName: {}
    description: 'Lists and reads blobs; nothing of containers or keys'
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
            quoted(super::READ)
        ));
    }
    for (n, assignment) in grant.assignments.iter().enumerate() {
        let scope = if assignment.on_account { "account" } else { "container" };
        let role = match assignment.role {
            Some(_) => quoted(&definition(grant, assignment)),
            None => "role.id".to_owned(),
        };
        text.push_str(&format!(
            "
resource assignment{n} 'Microsoft.Authorization/roleAssignments@{API}' = {{
  name: {}
  scope: {scope}
  properties: {{
    roleDefinitionId: {role}
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: {}
",
            quoted(&assignment.name),
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
    let mut parts = by_az(grant, BY_AZ)?;
    parts.push(file(Step::Apply, "grant.bicep", text));
    parts.extend(deploy(grant, "grant.bicep"));
    Ok(parts)
}
