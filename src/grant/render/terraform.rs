//! Terraform, with the provider azurerm or azapi.
//!
//! The configuration declares only what this grant alone uses, because `terraform destroy` deletes
//! everything that is declared. So the service principal is a data source, and the Azure CLI assigns
//! Storage Blob Delegator, which grants share.

use icu_normalizer::ComposingNormalizerBorrowed;

use super::{
    super::{Grant, Part, RoleAssignment, Sharing, Step, quote::hcl as quoted},
    bash,
    part::file,
    resource::{API, ROLE_DESCRIPTION, custom_role, definition},
};
use crate::{
    condition::catalog::BLOB_READ,
    name::{Field, InvalidName},
};

/// The steps that the Azure CLI does.
///
/// The CORS rule is a part of the storage account's resource, which the customer declares elsewhere.
const BY_AZ: &[Step] =
    &[Step::Principal, Step::Cors, Step::ReadBack, Step::Replace, Step::EndShared];

/// Returns the parts of the pack for the provider azurerm.
///
/// `resource_provider_registrations = "none"`, because a customer's user often may not register
/// providers.
pub(super) fn azurerm(grant: &Grant) -> Result<Vec<Part>, InvalidName> {
    let environment = quoted(grant.management().terraform);
    let mut text = head(
        grant,
        r#"    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.0, < 5.0"
    }
"#,
    );
    text.push_str(&format!(
        r#"
provider "azurerm" {{
  features {{}}
  environment                     = {environment}
  subscription_id                 = {}
  resource_provider_registrations = "none"
}}
"#,
        quoted(grant.subscription())
    ));
    text.push_str(&principal(grant));
    if let Some((assignment, _)) = custom_role(grant) {
        text.push_str(&format!(
            r#"
resource "azurerm_role_definition" "reader" {{
  role_definition_id = {}
  name               = {}
  scope              = {2}
  description        = {3}
  assignable_scopes  = [{2}]

  permissions {{
    actions      = []
    data_actions = [{4}]
  }}
}}
"#,
            quoted(&assignment.role_id),
            quoted(&assignment.role_name),
            quoted(&grant.group_scope()),
            quoted(ROLE_DESCRIPTION),
            quoted(BLOB_READ)
        ));
    }
    for (n, assignment) in own(grant) {
        let role = match assignment.role {
            Some(_) => quoted(&definition(grant, assignment)),
            // The attribute, not the text of the ID: Terraform then creates the role first.
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

/// Returns the parts of the pack for the provider azapi.
///
/// This provider sends the properties unchanged to Azure Resource Manager, as the form for REST
/// does.
pub(super) fn azapi(grant: &Grant) -> Result<Vec<Part>, InvalidName> {
    let environment = quoted(grant.management().terraform);
    let mut text = head(
        grant,
        r#"    azapi = {
      source  = "azure/azapi"
      version = ">= 2.0, < 3.0"
    }
"#,
    );
    text.push_str(&format!(
        r#"
provider "azapi" {{
  environment     = {environment}
  subscription_id = {}
}}
"#,
        quoted(grant.subscription())
    ));
    text.push_str(&principal(grant));
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
      description      = {3}
      type             = "CustomRole"
      permissions      = [{{ actions = [], notActions = [], dataActions = [{4}], notDataActions = [] }}]
      assignableScopes = [{2}]
    }}
  }}
}}
"#,
            quoted(&assignment.role_id),
            quoted(&assignment.role_name),
            quoted(&grant.group_scope()),
            quoted(ROLE_DESCRIPTION),
            quoted(BLOB_READ)
        ));
    }
    for (n, assignment) in own(grant) {
        // The service returns the ID of a role below the subscription, wherever the role was defined. A
        // later plan compares with that ID, so this ID is used.
        let role = quoted(&definition(grant, assignment));
        let depends = match assignment.role {
            Some(_) => "",
            // The role is referred to by a text, so Terraform cannot see the dependency.
            None => "\n  depends_on = [azapi_resource.role]\n",
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
        text.push_str(&format!("    }}\n  }}\n{depends}}}\n"));
    }
    parts(grant, text)
}

/// Returns the assignments that no other grant uses, with their numbers.
///
/// The numbers name the Terraform resources, so they count the shared assignment too: a change of
/// shape does not rename resources.
fn own(grant: &Grant) -> impl Iterator<Item = (usize, &RoleAssignment)> {
    let is_own = |(_, a): &(usize, &RoleAssignment)| a.sharing != Sharing::Account;
    grant.assignments().iter().enumerate().filter(is_own)
}

/// Returns the block that `terraform init` reads: every provider with its source.
///
/// azuread is listed only if the object ID has to be looked up.
fn head(grant: &Grant, provider: &str) -> String {
    let azuread = match grant.principal() {
        Some(_) => "",
        None => {
            r#"    azuread = {
      source  = "hashicorp/azuread"
      version = ">= 3.0, < 4.0"
    }
"#
        }
    };
    format!("terraform {{\n  required_providers {{\n{provider}{azuread}  }}\n}}\n")
}

/// Returns the declaration of the object ID: as given, or from a data source.
fn principal(grant: &Grant) -> String {
    match grant.principal() {
        Some(id) => format!("\nlocals {{\n  principal_id = {}\n}}\n", quoted(id)),
        None => format!(
            r#"
provider "azuread" {{
  environment = {}
}}

data "azuread_service_principal" "reader" {{
  client_id = {}
}}

locals {{
  principal_id = data.azuread_service_principal.reader.object_id
}}
"#,
            quoted(grant.management().terraform),
            quoted(grant.application())
        ),
    }
}

/// Returns the parts of the pack with a configuration.
///
/// The configuration is a file; the commands look at Azure before Terraform does.
///
/// # Errors
/// [`InvalidName`] if Terraform would change the text.
fn parts(grant: &Grant, text: String) -> Result<Vec<Part>, InvalidName> {
    // Terraform normalizes all text to Unicode form NFC, so a prefix in another form would name other
    // blobs.
    let nfc = ComposingNormalizerBorrowed::new_nfc();
    if !nfc.is_normalized(&text) {
        let mut prefixes = grant.connections().map(|c| c.prefix().as_str());
        // Names the value to change: it is a prefix or the resource group, since all others are
        // ASCII.
        let odd = prefixes.find(|prefix| !nfc.is_normalized(prefix));
        let (field, value) = match odd {
            Some(prefix) => (Field::Prefix, prefix),
            None => (Field::ResourceGroup, grant.resource_group()),
        };
        let rule =
            "Terraform rewrites text to Unicode form NFC, and the blobs have it in another form";
        return Err(InvalidName::new(field, value, rule)
            .hint("use the form for bash, or that for Bicep, which keep it as it is"));
    }
    let mut parts = bash::by_az(grant, BY_AZ);
    // The words differ from those of bash: Terraform needs a folder, and keeps its state there.
    let mut apply = bash::terraform(grant, Step::Apply);
    apply.about = "Save grant.tf in an empty folder of its own, and run this there: Terraform keeps its state beside it.".into();
    parts.extend([
        file(Step::Apply, "grant.tf", text),
        apply,
        bash::terraform(grant, Step::Update),
        bash::terraform_destroy(grant),
    ]);
    Ok(parts)
}
