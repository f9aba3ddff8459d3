//! Requests of the REST APIs, each a method, an address and a body.

use serde_json::json;

use super::{
    super::{Grant, Part, Step},
    API, EXPOSED, commands, custom_role, definition, pretty, properties, resource, role_resource,
};

pub(super) fn parts(grant: &Grant) -> Vec<Part> {
    let management = grant.management();
    let (arm, graph) = (management.arm, management.graph);
    let application = &grant.application;
    // Where the object id is not known, the answer to the requests for the principal has it.
    let principal = grant.principal.as_deref().unwrap_or("{id of the service principal}");
    let put = |id: &str, body| {
        format!(
            "PUT {arm}{id}?api-version={API}\nContent-Type: application/json\n\n{}",
            pretty(&body)
        )
    };
    let mut apply = Vec::new();
    if let Some((assignment, properties)) = custom_role(grant) {
        let id = role_resource(grant, assignment);
        apply.push(put(&id, json!({ "properties": properties })));
    }
    let assignments: Vec<_> = grant
        .assignments
        .iter()
        .map(|assignment| {
            let properties = properties(grant, assignment, principal);
            put(&resource(assignment), json!({ "properties": properties }))
        })
        .collect();
    apply.extend(assignments.iter().cloned());
    let each = |method: &str| -> Vec<String> {
        let ids = grant.assignments.iter().map(resource);
        ids.map(|id| format!("{method} {arm}{id}?api-version={API}")).collect()
    };
    let mut revoke = each("DELETE");
    if let Some((assignment, _)) = custom_role(grant) {
        revoke.push(format!("DELETE {arm}{}?api-version={API}", definition(grant, assignment)));
    }
    revoke.push(format!("DELETE {graph}/v1.0/servicePrincipals(appId='{application}')"));
    let mut read_back = each("GET");
    read_back.push("properties.condition of the answer must be what was put".to_owned());
    let join = |requests: Vec<String>| vec![requests.join("\n\n")];
    let mut parts = vec![
        commands(
            Step::Principal,
            join(vec![
                format!("GET {graph}/v1.0/servicePrincipals(appId='{application}')?$select=id"),
                format!(
                    "POST {graph}/v1.0/servicePrincipals\nContent-Type: application/json\n\n{}",
                    pretty(&json!({ "appId": application }))
                ),
            ]),
        ),
        commands(Step::Apply, join(apply)),
        commands(Step::ReadBack, join(read_back)),
        // A PUT on the same name changes the condition and the description, and nothing else.
        commands(Step::Update, join(assignments)),
        commands(Step::Revoke, join(revoke)),
    ];
    if let Some(origin) = &grant.origin {
        let rule = json!({
            "allowedOrigins": [origin],
            "allowedMethods": ["GET", "HEAD", "OPTIONS"],
            "allowedHeaders": ["*"],
            "exposedHeaders": EXPOSED,
            "maxAgeInSeconds": 3600,
        });
        let service = format!("{arm}{}/blobServices/default", grant.account_scope());
        let requests = vec![
            format!("GET {service}?api-version=2023-05-01"),
            format!(
                "PUT {service}?api-version=2023-05-01\nContent-Type: application/json\n\n{}",
                pretty(&json!({ "properties": { "cors": { "corsRules": [rule] } } }))
            ),
            "the rules and the other properties of the answer to GET must be in the body too"
                .to_owned(),
        ];
        parts.push(commands(Step::Cors, join(requests)));
    }
    parts
}
