//! The fake's role assignments.
//!
//! A principal can have a role on a scope only once: a second assignment with another name is refused.
//! With the same name only the condition and the description can be changed.

use serde_json::{Value, json};

use super::{Directory, Reply, Request, SUBSCRIPTION, resource_manager::is_at_or_above};

#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    pub name: String,
    pub scope: String,
    /// The GUID of the role definition.
    pub role: String,
    pub principal: String,
    pub principal_type: String,
    pub description: Option<String>,
    pub condition: Option<String>,
    pub condition_version: Option<String>,
}

impl Assignment {
    fn is_for_the_same(&self, other: &Self) -> bool {
        self.principal == other.principal
            && self.role == other.role
            && self.scope.eq_ignore_ascii_case(&other.scope)
    }

    fn json(&self) -> Value {
        let optional = |text: &Option<String>| text.clone().map_or(Value::Null, Value::String);
        json!({
            "id": format!(
                "{}/providers/Microsoft.Authorization/roleAssignments/{}", self.scope, self.name
            ),
            "name": self.name,
            "type": "Microsoft.Authorization/roleAssignments",
            "properties": {
                // Always in this form, whatever form the request used.
                "roleDefinitionId": format!(
                    "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{}",
                    self.role
                ),
                "principalId": self.principal,
                "principalType": self.principal_type,
                "scope": self.scope,
                "description": optional(&self.description),
                "condition": optional(&self.condition),
                "conditionVersion": optional(&self.condition_version),
                "createdOn": "2026-11-24T08:49:37.1234567Z",
                "updatedOn": "2026-11-24T08:49:37.1234567Z",
                "createdBy": super::ADMINISTRATOR,
                "updatedBy": super::ADMINISTRATOR,
                "delegatedManagedIdentityResourceId": null,
            },
        })
    }
}

pub(super) fn answer(
    directory: &mut Directory,
    scope: &str,
    name: Option<&str>,
    request: &Request,
) -> Option<Reply> {
    let Some(name) = name else {
        return (request.method == "GET").then(|| list(directory, scope, request));
    };
    let at = directory.assignments.iter().position(|assignment| {
        assignment.name == name && assignment.scope.eq_ignore_ascii_case(scope)
    });
    match (request.method.as_str(), at) {
        ("GET", Some(at)) => Some(Reply::ok(directory.assignments[at].json())),
        ("GET", None) => {
            let message = format!("The role assignment '{name}' is not found.");
            Some(Reply::error(404, "RoleAssignmentNotFound", &message))
        }
        ("DELETE", Some(at)) => Some(Reply::ok(directory.assignments.remove(at).json())),
        ("DELETE", None) => Some(Reply { status: 204, body: Value::Null }),
        ("PUT", _) => Some(put(directory, scope, name, &request.body["properties"])),
        _ => None,
    }
}

fn list(directory: &Directory, scope: &str, request: &Request) -> Reply {
    let filter = request.query.get("$filter").map_or("", String::as_str);
    let mut at_scope = false;
    let mut principal = None;
    for clause in filter.split(" and ").filter(|clause| !clause.is_empty()) {
        let quoted = |before: &str, after: &str| {
            let inner = clause.strip_prefix(before)?.strip_suffix(after)?;
            Some(inner.to_ascii_lowercase())
        };
        match clause {
            "atScope()" => at_scope = true,
            _ => match quoted("principalId eq '", "'").or_else(|| quoted("assignedTo('", "')")) {
                Some(id) => principal = Some(id),
                None => return bad_filter(clause),
            },
        }
    }
    if at_scope && filter.contains("principalId eq") {
        return bad_filter(filter);
    }
    let found = directory.assignments.iter().filter(|assignment| {
        let related = is_at_or_above(&assignment.scope, scope)
            || !at_scope && is_at_or_above(scope, &assignment.scope);
        related && principal.as_ref().is_none_or(|id| assignment.principal == *id)
    });
    Reply::ok(json!({ "value": found.map(Assignment::json).collect::<Vec<_>>() }))
}

fn bad_filter(filter: &str) -> Reply {
    let message = format!("The filter '{filter}' is not supported.");
    Reply::error(400, "UnsupportedQuery", &message)
}

fn put(directory: &mut Directory, scope: &str, name: &str, properties: &Value) -> Reply {
    let text = |key: &str| properties[key].as_str().map(str::to_owned);
    let (Some(role), Some(principal)) = (text("roleDefinitionId"), text("principalId")) else {
        return Reply::error(400, "InvalidRequestContent", "A required property is missing.");
    };
    let role = role.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    if !directory.roles.iter().any(|known| known.id == role) {
        let message = format!("The specified role definition with ID '{role}' does not exist.");
        return Reply::error(404, "RoleDefinitionDoesNotExist", &message);
    }
    let known = directory.principals.iter().any(|known| known.id == principal);
    // If the request has the principal's type, the principal is not looked up, so a new one is accepted.
    let Some(principal_type) = text("principalType").or(known.then(|| "ServicePrincipal".into()))
    else {
        let message = format!("Principal {principal} does not exist in the directory.");
        return Reply::error(400, "PrincipalNotFound", &message);
    };
    if known && principal_type != "ServicePrincipal" {
        let message = format!("The PrincipalId '{principal}' has type 'ServicePrincipal'.");
        return Reply::error(400, "UnmatchedPrincipalType", &message);
    }
    let wanted = Assignment {
        name: name.to_owned(),
        scope: scope.to_owned(),
        role,
        principal: principal.to_ascii_lowercase(),
        principal_type,
        description: text("description"),
        condition: text("condition"),
        condition_version: text("conditionVersion"),
    };
    if wanted.condition.is_some() != wanted.condition_version.is_some()
        || wanted.condition_version.as_ref().is_some_and(|version| version != "2.0")
    {
        let message = "The given role assignment condition is invalid.";
        return Reply::error(400, "InvalidCondition", message);
    }
    // The name of an assignment is unique in the tenant, across all scopes.
    if let Some(same_name) = directory.assignments.iter_mut().find(|known| known.name == name) {
        if !same_name.is_for_the_same(&wanted) || same_name.principal_type != wanted.principal_type
        {
            let message =
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.";
            return Reply::error(400, "RoleAssignmentUpdateNotPermitted", message);
        }
        *same_name = wanted;
        return Reply::ok(same_name.json());
    }
    if let Some(other) = directory.assignments.iter().find(|known| known.is_for_the_same(&wanted)) {
        let message = format!(
            "The role assignment already exists. The ID of the existing role assignment is {}.",
            other.name.replace('-', "")
        );
        return Reply::error(409, "RoleAssignmentExists", &message);
    }
    let body = wanted.json();
    directory.assignments.push(wanted);
    Reply { status: 201, body }
}
