//! Requests to the REST APIs: a method, a URL, and a body if there is one.
//!
//! The words between two requests say what to take from the answer to the first one. A value in braces
//! has to be filled in. INVARIANT: Azure refuses a request in which one was not filled in.

use serde_json::{Value, json};

use super::{
    super::{Grant, Part, RoleAssignment, Sharing, Step},
    about,
    part::{commands, pretty},
    resource::{API, EXPOSED, STORAGE_API, custom_role, properties, resource, role_resource},
    selection::{
        Removal, earlier_descriptions, name_of, obsolete, obsolete_roles, own, revocation,
        shared_or_earlier,
    },
};

/// Returns all parts of the pack.
pub(super) fn parts(grant: &Grant) -> Vec<Part> {
    let mut parts = vec![
        principal(grant),
        apply(grant),
        read_back(grant),
        change(grant, Step::Update),
        change(grant, Step::Replace),
        revoke(grant),
        end_shared(grant),
    ];
    parts.extend(cors(grant));
    parts
}

/// Returns the object ID, or the placeholder for it. The answer of the first step has the ID.
///
/// Azure refuses the placeholder, because it is not a GUID.
fn object_id(grant: &Grant) -> &str {
    grant.principal().unwrap_or("{id of the service principal}")
}

/// Returns a request to Azure Resource Manager.
///
/// Sent to the management endpoint of the cloud, with the token of the user.
fn request(grant: &Grant, method: &str, path: &str, body: Option<&Value>) -> String {
    let address = format!("{method} {}{path}", grant.management().arm);
    match body {
        Some(body) => format!("{address}\nContent-Type: application/json\n\n{}", pretty(body)),
        None => address,
    }
}

/// Returns the part with the requests of a step.
fn part(step: Step, requests: Vec<String>) -> Part {
    commands(step, vec![requests.join("\n\n")])
}

/// Returns the request that looks an assignment up by principal, role and scope.
///
/// The filter `principalId eq` also returns inherited assignments, so the text says which one
/// counts.
fn look(grant: &Grant, assignment: &RoleAssignment) -> Vec<String> {
    let principal = object_id(grant);
    let path = format!(
        "{}/providers/Microsoft.Authorization/roleAssignments?api-version={API}&$filter=principalId%20eq%20'{principal}'",
        assignment.scope
    );
    vec![
        request(grant, "GET", &path, None),
        format!(
            "Of the answer, look at the one whose properties.scope is the one above and whose properties.roleDefinitionId ends in {}: {}.",
            assignment.role_id,
            name_of(assignment)
        ),
    ]
}

/// Returns the request that writes an assignment under an ID.
///
/// A PUT with the ID of an existing assignment changes it; with a new ID, it creates one.
fn put(grant: &Grant, assignment: &RoleAssignment, id: &str) -> String {
    let body = json!({ "properties": properties(grant, assignment, object_id(grant)) });
    request(grant, "PUT", &format!("{id}?api-version={API}"), Some(&body))
}

/// Creates the service principal with Microsoft Graph, unless it exists.
fn principal(grant: &Grant) -> Part {
    let graph = grant.management().graph;
    let application = grant.application();
    part(
        Step::Principal,
        vec![
            format!("GET {graph}/v1.0/servicePrincipals(appId='{application}')?$select=id"),
            "If the answer is 404:".to_owned(),
            format!(
                "POST {graph}/v1.0/servicePrincipals\nContent-Type: application/json\n\n{}",
                pretty(&json!({ "appId": application }))
            ),
        ],
    )
}

/// Assigns the roles, and creates the custom role before that.
fn apply(grant: &Grant) -> Part {
    let mut requests = Vec::new();
    // First, because an assignment of an unknown role is refused.
    if let Some((assignment, properties)) = custom_role(grant) {
        let path = format!("{}?api-version={API}", role_resource(grant, assignment));
        let body = json!({ "properties": properties });
        requests.push(request(grant, "PUT", &path, Some(&body)));
    }
    for assignment in grant.assignments() {
        requests.extend(look(grant, assignment));
        requests.push(match assignment.sharing {
            // Whoever created it, a shared assignment without a condition serves all grants.
            Sharing::Account => "If there is one without a condition, there is nothing to do. If there is one with a condition, stop. If there is none:".to_owned(),
            _ => "If there is one with the same condition, and with the same description or none, there is nothing to do. If there is any other, stop: it is an older version of this grant, or another grant's, as its description says. If there is none:".to_owned(),
        });
        requests.push(put(grant, assignment, &resource(assignment)));
    }
    part(Step::Apply, requests)
}

/// Compares what Azure has with the grant.
///
/// Lists the properties that must be equal; everything else may differ.
fn read_back(grant: &Grant) -> Part {
    let mut requests = Vec::new();
    for assignment in grant.assignments() {
        requests.extend(look(grant, assignment));
        let condition = match &assignment.condition {
            // Printed as it is stored: a condition is compared as text.
            Some(condition) => format!("properties.condition must be: {condition}"),
            None => "There must be no properties.condition.".to_owned(),
        };
        requests.push(format!(
            "properties.principalType must be: ServicePrincipal\nproperties.description must be: {}\n{condition}",
            assignment.description
        ));
    }
    if let Some((assignment, _)) = custom_role(grant) {
        let path = format!("{}?api-version={API}", role_resource(grant, assignment));
        requests.push(request(grant, "GET", &path, None));
        requests.push("properties.permissions must be that of the step that assigns.".to_owned());
    }
    part(Step::ReadBack, requests)
}

/// Changes assignments to what the grant intends, also if they belong to another grant when the step is
/// [`Step::Replace`].
fn change(grant: &Grant, step: Step) -> Part {
    let mut requests = Vec::new();
    for assignment in own(grant) {
        requests.extend(look(grant, assignment));
        let name = name_of(assignment);
        requests.push(match step {
            Step::Replace => format!("{} Ask whoever made it, and only then, with its id:", about::loses(&name)),
            _ => {
                let mut known = vec![assignment.description.as_str()];
                known.extend(earlier_descriptions(grant, assignment));
                format!("If its properties.description is none of these, it is another grant's: stop. If it has none, and its condition is the one below, somebody made it by hand for this grant. With its id:\n{}", known.join("\n"))
            }
        });
        requests.push(put(grant, assignment, "{id of the assignment}"));
    }
    // A replacement takes over one assignment and removes nothing else.
    if step == Step::Update {
        for assignment in obsolete(grant) {
            remove(&mut requests, grant, assignment);
        }
        // After the assignments, because Azure deletes no role that is assigned.
        for assignment in obsolete_roles(grant) {
            requests.push(delete_role(grant, assignment));
        }
    }
    part(step, requests)
}

/// Removes what only this grant uses.
fn revoke(grant: &Grant) -> Part {
    let mut requests = Vec::new();
    for removal in revocation(grant) {
        match removal {
            Removal::Assignment(assignment) => remove(&mut requests, grant, assignment),
            Removal::SharedIfUnused(assignment) => {
                revoke_if_unused(&mut requests, grant, assignment)
            }
            Removal::Role(assignment) => requests.push(delete_role(grant, assignment)),
        }
    }
    part(Step::Revoke, requests)
}

/// Deletes the assignment that grants share, if no other assignment needs it.
fn revoke_if_unused(requests: &mut Vec<String>, grant: &Grant, assignment: &RoleAssignment) {
    requests.extend(look(grant, assignment));
    let path = format!(
        "/subscriptions/{}/providers/Microsoft.Authorization/roleAssignments?api-version={API}&$filter=principalId%20eq%20'{}'",
        grant.subscription(),
        object_id(grant)
    );
    requests.push(request(grant, "GET", &path, None));
    requests.push(format!(
        "If no properties.scope of this answer has /storageAccounts/{}/ in it, no other grant needs it: delete it, with its id.",
        grant.account()
    ));
    requests.push(delete(grant));
}

/// Returns the request that deletes the assignment that was looked up.
///
/// The ID has to be filled in, so nothing is deleted that nobody looked at.
fn delete(grant: &Grant) -> String {
    request(grant, "DELETE", &format!("{{id of the assignment}}?api-version={API}"), None)
}

/// Returns the request that deletes a custom role.
///
/// Azure refuses to delete a role that is still assigned.
fn delete_role(grant: &Grant, assignment: &RoleAssignment) -> String {
    let path = format!("{}?api-version={API}", role_resource(grant, assignment));
    request(grant, "DELETE", &path, None)
}

/// Deletes an assignment, unless it belongs to another grant.
fn remove(requests: &mut Vec<String>, grant: &Grant, assignment: &RoleAssignment) {
    requests.extend(look(grant, assignment));
    let condition = match &assignment.condition {
        Some(condition) => format!("this properties.condition: {condition}"),
        None => "no properties.condition".to_owned(),
    };
    let mut known = vec![assignment.description.as_str()];
    known.extend(earlier_descriptions(grant, assignment));
    requests.push(format!(
        "Delete it, with its id, if its properties.description is one of those below, or if it has none and {condition}. Otherwise it is another grant's and stays.\n{}",
        known.join("\n")
    ));
    requests.push(delete(grant));
    requests.push("Look again: it must be gone.".to_owned());
}

/// Ends what other grants use too.
///
/// Each request has an API version that is no version until the user has decided: Azure refuses it
/// as it stands.
fn end_shared(grant: &Grant) -> Part {
    let mut requests = Vec::new();
    if let Some(assignment) = shared_or_earlier(grant) {
        requests.push(about::ends_delegator(grant, &name_of(assignment)));
        requests.extend(look(grant, assignment));
        requests.push(delete(grant));
    }
    if grant.has_view_links() {
        requests.push(about::ends_links(grant));
        let path = format!(
            "{}/revokeUserDelegationKeys?api-version={{{STORAGE_API} once that is meant}}",
            grant.account_scope()
        );
        requests.push(request(grant, "POST", &path, None));
    }
    requests.push(about::ends_principal(grant));
    requests.push(format!(
        "DELETE {}/{{v1.0 once that is meant}}/servicePrincipals(appId='{}')",
        grant.management().graph,
        grant.application()
    ));
    part(Step::EndShared, requests)
}

/// Adds a CORS rule. Returns `None` if the grant has no origin.
///
/// A PUT replaces all properties of the blob service, so the body has to repeat those of the
/// answer.
fn cors(grant: &Grant) -> Option<Part> {
    let origin = grant.origin()?;
    let rule = json!({
        "allowedOrigins": [origin],
        "allowedMethods": ["GET", "HEAD", "OPTIONS"],
        "allowedHeaders": ["*"],
        "exposedHeaders": EXPOSED,
        "maxAgeInSeconds": 3600,
    });
    let path = format!("{}/blobServices/default?api-version={STORAGE_API}", grant.account_scope());
    // The placeholder is a text where a rule belongs, so the service refuses a body with it.
    let rules = json!(["{each rule of the answer}", rule]);
    let body = json!({ "properties": { "{each other property of the answer}": {}, "cors": { "corsRules": rules } } });
    Some(part(
        Step::Cors,
        vec![
            request(grant, "GET", &path, None),
            format!(
                "Look at properties.cors.corsRules. If a rule has the origin {origin}, * or a wildcard that covers it, and the method GET, the first such rule decides: if it has what the rule below has, there is nothing to do; otherwise change that rule. If there is none, add the rule below. This request replaces all rules, so the body must have every rule and property of the answer:"
            ),
            request(grant, "PUT", &path, Some(&body)),
        ],
    ))
}
