//! Terraform, with two providers for Azure.

use super::{
    super::{Grant, Part, Step, quote::hcl as quoted},
    API, READ, by_az, commands, custom_role, definition, file,
};
use crate::name::InvalidName;

/// The rule for browsers is a part of the storage account's resource, which is not ours to declare
const BY_AZ: &[Step] = &[Step::Cors, Step::ReadBack];

pub(super) fn azurerm(grant: &Grant) -> Result<Vec<Part>, InvalidName> {
    let mut text = principal(grant);
    if let Some((assignment, _)) = custom_role(grant) {
        text.push_str(&format!(
            r#"
resource "azurerm_role_definition" "reader" {{
  role_definition_id = {}
  name               = {}
  scope              = {2}
  assignable_scopes  = [{2}]

  permissions {{
    actions      = []
    data_actions = [{3}]
  }}
}}
"#,
            quoted(&assignment.role_id),
            quoted(&assignment.role_name),
            quoted(&grant.group_scope()),
            quoted(READ)
        ));
    }
    for (n, assignment) in grant.assignments.iter().enumerate() {
        let role = match assignment.role {
            Some(_) => quoted(&definition(grant, assignment)),
            None => "azurerm_role_definition.reader.role_definition_resource_id".to_owned(),
        };
        text.push_str(&format!(
            r#"
resource "azurerm_role_assignment" "reader{n}" {{
  name               = {}
  scope              = {}
  role_definition_id = {role}
  principal_id       = local.principal_id
  principal_type     = "ServicePrincipal"
  description        = {}
"#,
            quoted(&assignment.name),
            quoted(&assignment.scope),
            quoted(&assignment.description)
        ));
        if let Some(condition) = &assignment.condition {
            let condition = quoted(&condition.to_string());
            text.push_str(&format!(
                "  condition          = {condition}\n  condition_version  = \"2.0\"\n"
            ));
        }
        text.push_str("}\n");
    }
    parts(grant, text)
}

pub(super) fn azapi(grant: &Grant) -> Result<Vec<Part>, InvalidName> {
    let mut text = principal(grant);
    if let Some((assignment, _)) = custom_role(grant) {
        text.push_str(&format!(
            r#"
resource "azapi_resource" "role" {{
  type      = "Microsoft.Authorization/roleDefinitions@{API}"
  name      = {}
  parent_id = {2}
  body = {{
    properties = {{
      roleName         = {}
      type             = "CustomRole"
      permissions      = [{{ actions = [], notActions = [], dataActions = [{3}], notDataActions = [] }}]
      assignableScopes = [{2}]
    }}
  }}
}}
"#,
            quoted(&assignment.role_id),
            quoted(&assignment.role_name),
            quoted(&grant.group_scope()),
            quoted(READ)
        ));
    }
    for (n, assignment) in grant.assignments.iter().enumerate() {
        let role = match assignment.role {
            Some(_) => quoted(&definition(grant, assignment)),
            None => "azapi_resource.role.id".to_owned(),
        };
        text.push_str(&format!(
            r#"
resource "azapi_resource" "reader{n}" {{
  type      = "Microsoft.Authorization/roleAssignments@{API}"
  name      = {}
  parent_id = {}
  body = {{
    properties = {{
      roleDefinitionId = {role}
      principalId      = local.principal_id
      principalType    = "ServicePrincipal"
      description      = {}
"#,
            quoted(&assignment.name),
            quoted(&assignment.scope),
            quoted(&assignment.description)
        ));
        if let Some(condition) = &assignment.condition {
            let condition = quoted(&condition.to_string());
            text.push_str(&format!(
                "      condition        = {condition}\n      conditionVersion = \"2.0\"\n"
            ));
        }
        text.push_str("    }\n  }\n}\n");
    }
    parts(grant, text)
}

/// The service principal: as it is given, or made where there is none
fn principal(grant: &Grant) -> String {
    match &grant.principal {
        Some(id) => format!("locals {{\n  principal_id = {}\n}}\n", quoted(id)),
        None => format!(
            r#"resource "azuread_service_principal" "reader" {{
  client_id    = {}
  use_existing = true
}}

locals {{
  principal_id = azuread_service_principal.reader.object_id
}}
"#,
            quoted(&grant.application)
        ),
    }
}

fn parts(grant: &Grant, text: String) -> Result<Vec<Part>, InvalidName> {
    let apply = || vec!["terraform init".to_owned(), "terraform apply".to_owned()];
    let mut parts = by_az(grant, BY_AZ)?;
    parts.extend([
        file(Step::Apply, "grant.tf", text),
        commands(
            Step::Principal,
            vec!["# grant.tf makes the service principal, where there is none".to_owned()],
        ),
        commands(Step::Apply, apply()),
        commands(Step::Update, apply()),
        commands(Step::Revoke, vec!["terraform destroy".to_owned()]),
    ]);
    Ok(parts)
}
