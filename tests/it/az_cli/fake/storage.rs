//! The fake's storage accounts: the properties of the blob service, and the revocation of delegation
//! keys.
//!
//! A PUT replaces all properties of the blob service, so properties that the caller omits are lost.
//! There is no PATCH.

use serde_json::{Value, json};

use super::{Directory, Reply, Request, SUBSCRIPTION, directory::Account};

/// The maximum number of CORS rules of an account.
const MOST_RULES: usize = 5;

/// Returns the group, and the segments after it, in lower case, or `None` for a path without a group.
fn in_group(path: &str) -> Option<(String, Vec<String>)> {
    let path = path.to_ascii_lowercase();
    let rest = path.strip_prefix(&format!("/subscriptions/{SUBSCRIPTION}/resourcegroups/"))?;
    let mut segments = rest.split('/').map(str::to_owned);
    Some((segments.next()?, segments.collect()))
}

fn group_not_found(group: &str) -> Reply {
    let message = format!("Resource group '{group}' could not be found.");
    Reply::error(404, "ResourceGroupNotFound", &message)
}

fn account_not_found(group: &str, name: &str) -> Reply {
    let message = format!(
        "The Resource 'Microsoft.Storage/storageAccounts/{name}' under resource group '{group}' was not found."
    );
    Reply::error(404, "ResourceNotFound", &message)
}

/// Returns an error if a scope names a group or an account that does not exist.
pub(super) fn missing(directory: &Directory, scope: &str) -> Option<Reply> {
    let (group, rest) = in_group(scope)?;
    let mut in_it = directory.accounts.iter().filter(|known| known.group == group).peekable();
    if in_it.peek().is_none() {
        return Some(group_not_found(&group));
    }
    let name = rest.get(3)?;
    let known = in_it.any(|account| account.name == *name);
    (!known).then(|| account_not_found(&group, name))
}

pub(super) fn answer(directory: &mut Directory, request: &Request) -> Option<Reply> {
    let all = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Storage/storageAccounts");
    if request.path.eq_ignore_ascii_case(&all) {
        let accounts: Vec<_> = directory.accounts.iter().map(account).collect();
        return Some(Reply::ok(json!({ "value": accounts })));
    }
    if let Some(missing) = missing(directory, &request.path) {
        return Some(missing);
    }
    let (_, segments) = in_group(&request.path)?;
    let segments: Vec<_> = segments.iter().map(String::as_str).collect();
    let (name, rest) = match segments.as_slice() {
        ["providers", "microsoft.storage", "storageaccounts", name, rest @ ..] => (*name, rest),
        _ => return None,
    };
    let found = directory.accounts.iter_mut().find(|account| account.name == name)?;
    match (request.method.as_str(), rest) {
        ("GET", []) => Some(Reply::ok(account(found))),
        ("POST", ["revokeuserdelegationkeys"]) => {
            found.revoked_keys += 1;
            Some(Reply { status: 200, body: Value::Null })
        }
        ("GET", ["blobservices", "default"]) => Some(Reply::ok(blob_service(found))),
        ("PUT", ["blobservices", "default"]) => Some(put(found, &request.body)),
        ("PATCH", ["blobservices", "default"]) => {
            let message = "The HTTP method PATCH is not supported for this resource.";
            Some(Reply::error(405, "HttpMethodNotAllowed", message))
        }
        ("GET", ["blobservices", "default", "containers", name]) => {
            let known = found.containers.iter().any(|container| container == name);
            Some(match known {
                true => Reply::ok(json!({ "name": name, "properties": {} })),
                false => Reply::error(
                    404,
                    "ContainerNotFound",
                    "The specified container does not exist.",
                ),
            })
        }
        _ => None,
    }
}

fn account(account: &Account) -> Value {
    json!({
        "id": account.id(),
        "name": account.name,
        "type": "Microsoft.Storage/storageAccounts",
        "location": "westeurope",
        "kind": "StorageV2",
        "sku": { "name": "Standard_LRS", "tier": "Standard" },
        "properties": {
            "provisioningState": "Succeeded",
            "isHnsEnabled": false,
            "primaryEndpoints": {
                "blob": format!("https://{}.blob.core.windows.net/", account.name),
            },
        },
    })
}

fn blob_service(account: &Account) -> Value {
    json!({
        "sku": { "name": "Standard_LRS", "tier": "Standard" },
        "id": format!("{}/blobServices/default", account.id()),
        "name": "default",
        "type": "Microsoft.Storage/storageAccounts/blobServices",
        "properties": account.blob_service,
    })
}

fn put(account: &mut Account, body: &Value) -> Reply {
    let mut properties = match &body["properties"] {
        Value::Object(properties) => properties.clone(),
        _ => serde_json::Map::new(),
    };
    // The client sends unset properties as null.
    properties.retain(|_, value| !value.is_null());
    let rules = properties.entry("cors").or_insert_with(|| json!({ "corsRules": [] }));
    let rules = rules["corsRules"].as_array().map_or(&[][..], Vec::as_slice);
    if let Some(reason) = invalid(rules) {
        return Reply::error(400, "InvalidXmlDocument", reason);
    }
    account.blob_service = Value::Object(properties);
    Reply::ok(blob_service(account))
}

fn invalid(rules: &[Value]) -> Option<&'static str> {
    const METHODS: [&str; 8] =
        ["DELETE", "GET", "HEAD", "MERGE", "OPTIONS", "PATCH", "POST", "PUT"];
    if rules.len() > MOST_RULES {
        return Some("The number of CORS rules exceeds the limit.");
    }
    let texts = |rule: &Value, key: &str| -> Option<Vec<String>> {
        let texts = rule[key].as_array()?.iter().map(|text| text.as_str().map(str::to_owned));
        texts.collect()
    };
    for rule in rules {
        let lists = ["allowedOrigins", "allowedMethods", "allowedHeaders", "exposedHeaders"]
            .map(|key| texts(rule, key));
        let [Some(origins), Some(methods), Some(_), Some(_)] = lists else {
            return Some("A list of a CORS rule is missing.");
        };
        if origins.is_empty() || methods.is_empty() || !rule["maxAgeInSeconds"].is_u64() {
            return Some("A CORS rule has no origin, method or age.");
        }
        if !methods.iter().all(|method| METHODS.contains(&method.as_str())) {
            return Some("A CORS rule has an unknown method.");
        }
    }
    None
}
