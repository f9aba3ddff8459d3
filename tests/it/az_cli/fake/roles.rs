//! The fake's role definitions, built-in and custom.
//!
//! A custom role belongs to the directory: its name is unique there. It is visible at and below its
//! assignable scopes, but not above.

use serde_json::{Value, json};

use super::{Directory, Reply, Request, SUBSCRIPTION, resource_manager::is_at_or_above};

#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    pub id: String,
    pub name: String,
    pub custom: bool,
    pub description: String,
    pub permissions: Value,
    pub assignable_scopes: Vec<String>,
}

impl Role {
    pub(super) fn built_in(id: &str, name: &str, actions: &[&str], data_actions: &[&str]) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            custom: false,
            description: String::new(),
            permissions: json!([{
                "actions": actions, "notActions": [], "dataActions": data_actions, "notDataActions": []
            }]),
            assignable_scopes: vec!["/".to_owned()],
        }
    }

    fn json(&self) -> Value {
        json!({
            "id": format!(
                "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{}",
                self.id
            ),
            "name": self.id,
            "type": "Microsoft.Authorization/roleDefinitions",
            "properties": {
                "roleName": self.name,
                "type": if self.custom { "CustomRole" } else { "BuiltInRole" },
                "description": self.description,
                "assignableScopes": self.assignable_scopes,
                "permissions": self.permissions,
                "createdOn": "2026-11-24T08:49:37.1234567Z",
                "updatedOn": "2026-11-24T08:49:37.1234567Z",
                "createdBy": null,
                "updatedBy": null,
            },
        })
    }

    fn is_assignable_at(&self, scope: &str) -> bool {
        self.assignable_scopes.iter().any(|above| is_at_or_above(above, scope))
    }
}

pub(super) fn answer(
    directory: &mut Directory,
    scope: &str,
    id: Option<&str>,
    request: &Request,
) -> Option<Reply> {
    let Some(id) = id else {
        return (request.method == "GET").then(|| list(directory, scope, request));
    };
    let at = directory.roles.iter().position(|role| role.id == id);
    match (request.method.as_str(), at) {
        ("GET", Some(at)) => Some(Reply::ok(directory.roles[at].json())),
        ("GET", None) => {
            let message = format!("The specified role definition with ID '{id}' does not exist.");
            Some(Reply::error(404, "RoleDefinitionDoesNotExist", &message))
        }
        ("DELETE", None) => Some(Reply { status: 204, body: Value::Null }),
        ("DELETE", Some(at)) if !directory.roles[at].custom => {
            Some(Reply::error(400, "CannotDeleteBuiltInRole", "A built-in role stays."))
        }
        ("DELETE", Some(at)) => {
            if directory.assignments.iter().any(|assignment| assignment.role == id) {
                let message = "There are existing role assignments referencing role (code: RoleDefinitionHasAssignments).";
                return Some(Reply::error(400, "RoleDefinitionHasAssignments", message));
            }
            Some(Reply::ok(directory.roles.remove(at).json()))
        }
        ("PUT", at) => Some(put(directory, scope, id, at, &request.body["properties"])),
        _ => None,
    }
}

fn list(directory: &Directory, scope: &str, request: &Request) -> Reply {
    let mut name = None;
    let mut below = false;
    let filter = request.query.get("$filter").map_or("", String::as_str);
    for clause in filter.split(" and ").filter(|clause| !clause.is_empty()) {
        let named = clause.strip_prefix("roleName eq '").and_then(|rest| rest.strip_suffix('\''));
        match (clause, named) {
            ("atScopeAndBelow()", _) => below = true,
            (_, Some(text)) => name = Some(text.replace("''", "'")),
            ("type eq 'CustomRole'" | "atScope()", None) => {}
            _ => {
                let message = format!("The filter '{filter}' is not supported.");
                return Reply::error(400, "UnsupportedQuery", &message);
            }
        }
    }
    let found = directory.roles.iter().filter(|role| {
        let is_below = || role.assignable_scopes.iter().any(|at| is_at_or_above(scope, at));
        (role.is_assignable_at(scope) || below && is_below())
            && name.as_ref().is_none_or(|name| role.name.eq_ignore_ascii_case(name))
            && (role.custom || !filter.contains("CustomRole"))
    });
    Reply::ok(json!({ "value": found.map(Role::json).collect::<Vec<_>>() }))
}

fn put(
    directory: &mut Directory,
    scope: &str,
    id: &str,
    at: Option<usize>,
    properties: &Value,
) -> Reply {
    let bad = |message: &str| Reply::error(400, "InvalidRoleDefinition", message);
    let scopes = properties["assignableScopes"].as_array();
    let scopes = scopes.map(|scopes| scopes.iter().filter_map(Value::as_str).map(str::to_owned));
    let (Some(name), Some(assignable_scopes)) = (properties["roleName"].as_str(), scopes) else {
        return bad("A required property is missing.");
    };
    let role = Role {
        id: id.to_owned(),
        name: name.to_owned(),
        custom: true,
        description: properties["description"].as_str().unwrap_or_default().to_owned(),
        permissions: properties["permissions"].clone(),
        assignable_scopes: assignable_scopes.collect(),
    };
    if role.assignable_scopes.is_empty() || !role.is_assignable_at(scope) {
        return bad("The scope of the request is not among the assignable scopes.");
    }
    let taken = directory
        .roles
        .iter()
        .any(|other| other.id != id && other.name.eq_ignore_ascii_case(&role.name));
    if taken {
        let message = "A custom role with the same name already exists in this directory. Use a different name";
        return Reply::error(409, "RoleDefinitionWithSameNameExists", message);
    }
    let body = role.json();
    match at {
        Some(at) if !directory.roles[at].custom => return bad("A built-in role stays."),
        Some(at) => directory.roles[at] = role,
        None => directory.roles.push(role),
    }
    Reply { status: 201, body }
}
