//! The fake's deployments of templates to a resource group.
//!
//! Supports only the parts of the template language that the packs use: parameters and texts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Directory, Reply, Request, assignments, roles};

/// Answers a request, or returns `None` if the method is unknown.
pub(super) fn answer(
    directory: &mut Directory,
    group: &str,
    action: &str,
    request: &Request,
) -> Option<Reply> {
    match (request.method.as_str(), action) {
        ("POST", "validate") => {
            // Validates without changing the directory.
            Some(deploy(&mut directory.clone(), group, &request.body["properties"]))
        }
        ("PUT", "") => Some(deploy(directory, group, &request.body["properties"])),
        ("GET", "") => Some(Reply::ok(deployment(&Value::Null))),
        ("GET", "operationstatuses") => Some(Reply::ok(json!({ "status": "Succeeded" }))),
        _ => None,
    }
}

fn deploy(directory: &mut Directory, group: &str, properties: &Value) -> Reply {
    let template = &properties["template"];
    let mut values = BTreeMap::new();
    for (name, parameter) in template["parameters"].as_object().into_iter().flatten() {
        let given = &properties["parameters"][name]["value"];
        let value = if given.is_null() { &parameter["defaultValue"] } else { given };
        match value.as_str() {
            Some(value) => values.insert(name.as_str(), value),
            None => return invalid(&format!("The value for parameter '{name}' is not provided.")),
        };
    }
    for resource in template["resources"].as_array().into_iter().flatten() {
        let resource = match evaluated(resource, &values) {
            Ok(resource) => resource,
            Err(expression) => return invalid(&format!("'{expression}' is not known.")),
        };
        let scope = resource["scope"].as_str().unwrap_or(group);
        let (Some(kind), Some(name)) = (resource["type"].as_str(), resource["name"].as_str())
        else {
            return invalid("A resource has no type or no name.");
        };
        let put = Request {
            method: "PUT".to_owned(),
            host: super::Host::ResourceManager,
            path: String::new(),
            query: BTreeMap::new(),
            body: json!({ "properties": resource["properties"] }),
            authorization: String::new(),
        };
        let reply = match kind {
            "Microsoft.Authorization/roleAssignments" => {
                assignments::answer(directory, scope, Some(name), &put)
            }
            "Microsoft.Authorization/roleDefinitions" => {
                roles::answer(directory, scope, Some(name), &put)
            }
            _ => None,
        };
        match reply {
            Some(reply) if reply.status < 300 => {}
            Some(refused) => return refused,
            None => return invalid(&format!("'{kind}' is not known.")),
        }
    }
    Reply { status: 200, body: deployment(properties) }
}

/// Returns a resource with its expressions evaluated, or the unknown expression.
fn evaluated(value: &Value, parameters: &BTreeMap<&str, &str>) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) if text.starts_with("[[") => Value::from(&text[1..]),
        Value::String(text) if text.starts_with('[') && text.ends_with(']') => {
            let name = text.strip_prefix("[parameters('").and_then(|t| t.strip_suffix("')]"));
            let value = name.and_then(|name| parameters.get(name)).ok_or_else(|| text.clone())?;
            Value::from(*value)
        }
        Value::Array(values) => {
            values.iter().map(|value| evaluated(value, parameters)).collect::<Result<_, _>>()?
        }
        Value::Object(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| evaluated(value, parameters).map(|value| (key.clone(), value)));
            Value::Object(entries.collect::<Result<_, _>>()?)
        }
        other => other.clone(),
    })
}

fn invalid(message: &str) -> Reply {
    Reply::error(400, "InvalidTemplate", message)
}

fn deployment(properties: &Value) -> Value {
    json!({
        "id": "deployments/grant",
        "name": "grant",
        "type": "Microsoft.Resources/deployments",
        "properties": {
            "mode": "Incremental",
            "provisioningState": "Succeeded",
            "parameters": properties["parameters"],
            "dependencies": [],
            "outputResources": [],
        },
    })
}
