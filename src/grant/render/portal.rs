//! Steps in the Azure portal.

use super::{
    super::{Grant, Part, Step},
    EXPOSED, commands, custom_role, role_file,
};
use crate::condition::Layout;

pub(super) fn parts(grant: &Grant) -> Vec<Part> {
    let portal = grant.management().portal;
    let account = grant.connection.account();
    let container = grant.connection.container();
    let application = &grant.application;
    let principal = vec![
        format!("1. Open {portal}, and the Cloud Shell (the >_ beside the search)."),
        format!("2. Run: az ad sp create --id {application}"),
        "   An answer that it is in use is fine: then the principal is there already.".to_owned(),
    ];
    let mut apply = Vec::new();
    let mut parts = Vec::new();
    if custom_role(grant).is_some() {
        parts.extend(role_file(grant));
        apply.push(format!(
            "* Open resource group `{}`, Access control (IAM), Add, Add custom role, Start from JSON, and take role.json. Review + create.",
            grant.resource_group
        ));
    }
    for assignment in &grant.assignments {
        let on = match assignment.on_account {
            true => format!("storage account `{account}`"),
            false => format!("storage account `{account}`, Containers, `{container}`"),
        };
        apply.extend([
            format!("* Open {on}, Access control (IAM), Add, Add role assignment."),
            format!("  Role: {}. Next.", assignment.role_name),
            format!("  Members: User, group, or service principal; Select members; search for `{application}`. Next."),
        ]);
        match &assignment.condition {
            Some(condition) => {
                apply.push("  Conditions: Add condition; Editor type: Code; paste:".to_owned());
                apply.push(String::new());
                apply.push(condition.print(Layout::Portal));
                apply.push(String::new());
                apply.push("  Save. Review + assign, twice.".to_owned());
            }
            None => apply.push("  Review + assign, twice.".to_owned()),
        }
    }
    apply
        .push("It takes up to 10 minutes until the assignment is in effect everywhere.".to_owned());
    let where_assigned: Vec<_> = grant
        .assignments
        .iter()
        .map(|assignment| match assignment.on_account {
            true => format!("* {} on storage account `{account}`", assignment.role_name),
            false => format!("* {} on container `{container}`", assignment.role_name),
        })
        .collect();
    let listed = |before: &str, after: &str| {
        let mut lines = vec![before.to_owned()];
        lines.extend(where_assigned.iter().cloned());
        lines.push(after.to_owned());
        lines
    };
    parts.extend([
        commands(Step::Principal, principal),
        commands(Step::Apply, apply),
        commands(
            Step::ReadBack,
            listed(
                "In Access control (IAM), Role assignments, there must be:",
                "Where there is a condition, View/Edit beside it must show the text above.",
            ),
        ),
        commands(
            Step::Update,
            listed(
                "In Access control (IAM), Role assignments, find:",
                "View/Edit its condition, Editor type: Code, paste the new text, Save. It takes up to 5 minutes.",
            ),
        ),
        commands(
            Step::Revoke,
            listed(
                "In Access control (IAM), Role assignments, tick and Remove:",
                "Then, where no other grant is for this application: Microsoft Entra ID, Enterprise applications, Delete. View links that were made live on, up to 7 days.",
            ),
        ),
    ]);
    if let Some(origin) = &grant.origin {
        let lines = vec![
            format!(
                "Open storage account `{account}`, Resource sharing (CORS), Blob service, and add:"
            ),
            format!("  Allowed origins: {origin}"),
            "  Allowed methods: GET, HEAD, OPTIONS".to_owned(),
            format!(
                "  Allowed headers: *   Exposed headers: {}   Max age: 3600",
                EXPOSED.join(",")
            ),
            "Save.".to_owned(),
        ];
        parts.push(commands(Step::Cors, lines));
    }
    parts
}
