//! The fake's Resource Manager: dispatches requests by their path.

use serde_json::json;

use super::{
    Directory, Reply, Request, SUBSCRIPTION, TENANT, assignments, deployments, roles, storage,
};

/// Answers a request, or returns `None` if the path is unknown.
pub(super) fn answer(directory: &mut Directory, request: &Request) -> Option<Reply> {
    if !request.query.contains_key("api-version") {
        let message =
            "The api-version query parameter (?api-version=) is required for all requests.";
        return Some(Reply::error(400, "MissingApiVersionParameter", message));
    }
    // IDs are compared without regard to letter case.
    let path = request.path.to_ascii_lowercase();
    let path = path.trim_end_matches('/');
    if path == "/subscriptions" {
        return Some(Reply::ok(json!({ "value": [subscription()] })));
    }
    if path == "/tenants" {
        return Some(Reply::ok(json!({ "value": [{ "tenantId": TENANT }] })));
    }
    let mine = format!("/subscriptions/{SUBSCRIPTION}");
    if path == mine {
        return Some(Reply::ok(subscription()));
    }
    if path.starts_with("/subscriptions/") && !path.starts_with(&format!("{mine}/")) {
        let message = "The subscription could not be found.";
        return Some(Reply::error(404, "SubscriptionNotFound", message));
    }
    const AUTHORIZATION: &str = "/providers/microsoft.authorization/";
    if let Some(at) = path.rfind(AUTHORIZATION) {
        // The index is valid in the original, because ASCII lower case keeps lengths.
        let scope = &request.path[..at];
        if let Some(missing) = storage::missing(directory, scope) {
            return Some(missing);
        }
        let (kind, name) = match path[at + AUTHORIZATION.len()..].split_once('/') {
            Some((kind, name)) => (kind, Some(name)),
            None => (&path[at + AUTHORIZATION.len()..], None),
        };
        return match kind {
            "roleassignments" => assignments::answer(directory, scope, name, request),
            "roledefinitions" => roles::answer(directory, scope, name, request),
            _ => None,
        };
    }
    const DEPLOYMENTS: &str = "/providers/microsoft.resources/deployments/";
    if let Some(at) = path.rfind(DEPLOYMENTS) {
        let group = &request.path[..at];
        if let Some(missing) = storage::missing(directory, group) {
            return Some(missing);
        }
        let action = path[at + DEPLOYMENTS.len()..].split('/').nth(1).unwrap_or_default();
        return deployments::answer(directory, group, action, request);
    }
    storage::answer(directory, request)
}

fn subscription() -> serde_json::Value {
    json!({
        "id": format!("/subscriptions/{SUBSCRIPTION}"),
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
        "displayName": "Contoso production",
        "state": "Enabled",
        "managedByTenants": [],
    })
}

/// Returns whether a scope is at or above another.
pub(super) fn is_at_or_above(above: &str, scope: &str) -> bool {
    let (above, scope) = (above.to_ascii_lowercase(), scope.to_ascii_lowercase());
    let rest = scope.strip_prefix(above.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
