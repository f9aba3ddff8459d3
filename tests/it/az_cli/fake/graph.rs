//! The fake's Microsoft Graph: service principals.

use serde_json::{Value, json};

use super::{Directory, Reply, Request, directory::Principal};

/// Answers a request, or returns `None` if the path is unknown.
pub(super) fn answer(directory: &mut Directory, request: &Request) -> Option<Reply> {
    let path = request.path.strip_prefix("/v1.0")?;
    let filter = request.query.get("$filter").map_or("", String::as_str);
    match (request.method.as_str(), path) {
        // The application is registered in the service's tenant, not in this one.
        ("GET", "/applications") => Some(Reply::ok(json!({ "value": [] }))),
        ("GET", "/servicePrincipals") => list(directory, filter),
        ("POST", "/servicePrincipals") => Some(create(directory, &request.body)),
        ("POST", "/directoryObjects/getByIds") => {
            let ids = request.body["ids"].as_array()?;
            let found = directory
                .principals
                .iter()
                .filter(|known| ids.iter().any(|id| id.as_str() == Some(known.id.as_str())));
            Some(Reply::ok(json!({ "value": found.map(principal).collect::<Vec<_>>() })))
        }
        ("GET", path) if path.starts_with("/applications/") => Some(not_found()),
        (method, path) => {
            let key = path.strip_prefix("/servicePrincipals")?;
            let application = key.strip_prefix("(appId='").and_then(|rest| rest.strip_suffix("')"));
            let id = key.strip_prefix('/').filter(|id| !id.contains('/'));
            if application.is_none() && id.is_none() {
                return None;
            }
            let at = directory.principals.iter().position(|known| {
                Some(known.id.as_str()) == id || Some(known.application.as_str()) == application
            });
            match (method, at) {
                ("GET" | "DELETE", None) => Some(not_found()),
                ("GET", Some(at)) => Some(Reply::ok(principal(&directory.principals[at]))),
                ("DELETE", Some(at)) => {
                    let id = directory.principals.remove(at).id;
                    // The assignments of a deleted principal remain.
                    let mine = directory.assignments.iter_mut();
                    for assignment in mine.filter(|assignment| assignment.principal == id) {
                        assignment.principal_type = "Unknown".to_owned();
                    }
                    Some(Reply { status: 204, body: Value::Null })
                }
                _ => None,
            }
        }
    }
}

fn not_found() -> Reply {
    let message = "The resource does not exist or one of its queried reference-property objects are not present.";
    Reply::error(404, "Request_ResourceNotFound", message)
}

fn list(directory: &Directory, filter: &str) -> Option<Reply> {
    let application = filter
        .strip_prefix("servicePrincipalNames/any(c:c eq '")
        .and_then(|rest| rest.strip_suffix("')"))
        .or_else(|| filter.strip_prefix("appId eq '").and_then(|rest| rest.strip_suffix('\'')))?;
    let found = directory.principals.iter().filter(|known| known.application == application);
    Some(Reply::ok(json!({ "value": found.map(principal).collect::<Vec<_>>() })))
}

fn create(directory: &mut Directory, body: &Value) -> Reply {
    let Some(application) = body["appId"].as_str() else {
        return Reply::error(400, "Request_BadRequest", "The appId is missing.");
    };
    if directory.principals.iter().any(|known| known.application == application) {
        let message = format!(
            "The service principal cannot be created, updated, or restored because the service principal name {application} is already in use."
        );
        return Reply::error(409, "Request_MultipleObjectsWithSameKeyValue", &message);
    }
    let body = principal(directory.add_principal(application));
    Reply { status: 201, body }
}

fn principal(known: &Principal) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.servicePrincipal",
        "id": known.id,
        "appId": known.application,
        "accountEnabled": true,
        "displayName": "Vision service",
        "servicePrincipalNames": [known.application],
        "servicePrincipalType": "Application",
    })
}
