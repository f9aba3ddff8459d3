//! What people read before a text that they paste: what it does, what it takes, what it costs.

use super::super::{Grant, Sharing, Step};

/// The words before a step, the same in every form
pub(super) fn about(grant: &Grant, step: Step) -> String {
    let application = &grant.application;
    let account = grant.account();
    match step {
        Step::Principal => format!(
            "Adds the service principal of application {application} to your directory, unless it is there. It has no access until a role is assigned. You need the right to add applications, for example as Cloud Application Administrator."
        ),
        Step::Apply => {
            let roles: Vec<_> = grant
                .assignments
                .iter()
                .map(|a| match &a.container {
                    Some(container) => format!("{} on container {container}", a.role_name),
                    None => format!("{} on storage account {account}", a.role_name),
                })
                .collect();
            format!(
                "Assigns {}. It costs {}. You need the right to assign roles there, for example as Role Based Access Control Administrator. A second run changes nothing. If the application has the role there for something else, the step stops, and shows what it found. The assignment takes up to 10 minutes to work everywhere.",
                roles.join(", and "),
                grant.shape.cost()
            )
        }
        Step::Cors => format!(
            "Lets pages of {} read blobs of storage account {account} by range, which videos need. You need the right to change the account, for example as Storage Account Contributor. Other rules stay as they are, and a second run changes nothing. If a rule for this origin exposes too little, the step stops, because Azure uses the first rule that matches.",
            grant.origin.as_deref().unwrap_or_default()
        ),
        Step::ReadBack => "Compares what Azure has with what was meant: principal type, condition and description of each assignment, whatever its name. Fails if anything is missing or differs. Changes nothing.".to_owned(),
        Step::Update => "Puts the condition and the description above in the place of an older version of this grant, or of an earlier grant that it replaces. Stops if the assignment belongs to another grant. The change takes up to 10 minutes to work everywhere.".to_owned(),
        Step::Replace => "Azure keeps one assignment of a role for an application on one scope. If the step that assigns the role has found another grant's assignment, this step can put this grant in its place: the other grant then loses its access. It shows what is there, and does nothing unless you confirm. The better way is one grant that covers both connections.".to_owned(),
        Step::Revoke => {
            let mut text = "Removes what only this grant uses, and fails if anything of it stays.".to_owned();
            let connections = grant.connections().count();
            if connections > 1 {
                text.push_str(&format!(" This ends access for all {connections} connections of the grant."));
            }
            if grant.assignments.iter().any(|a| a.sharing == Sharing::Account) {
                text.push_str(" Storage Blob Delegator on the account is shared: it goes with the last container that the application can read.");
            }
            text.push(' ');
            text.push_str(&stays(grant));
            text
        }
        Step::EndShared => format!("Other grants may use what this ends, so it does nothing unless you confirm each command. {}", stays(grant)),
    }
}

/// What a revocation does not end, the same in every form
fn stays(grant: &Grant) -> String {
    let mut text = String::from("What stays after a revocation:");
    if grant.has_view_links() {
        text.push_str(" view links that were made earlier work up to 7 days (the user delegation keys of the account end them, with the links of every other service);");
    }
    if let Some(origin) = &grant.origin {
        text.push_str(&format!(" the rule for browsers of {origin}, which gives no access by itself (remove it in the portal, under Resource sharing (CORS));"));
    }
    text.push_str(" the service principal, which has no access without a role.");
    text
}

/// What to say about the sign-in, for tools that have one
pub(super) fn sign_in(grant: &Grant) -> String {
    let name = grant.management().name;
    format!(
        "sign in to {name} with an account that has subscription {}: az cloud set --name {name}, then az login, then paste this again",
        grant.subscription
    )
}

// What the commands say. INVARIANT: no parenthesis, quote or other character with a meaning in cmd,
// which has these words outside quotes.

/// Another grant's assignment is in the way
pub(super) fn foreign(name: &str) -> String {
    format!(
        "{name}: the application has this role there for something else, shown above, and replacing it would end that access. Make one grant for both connections, or use the step that replaces another grant"
    )
}

/// An older version of the grant is in the way
pub(super) fn older(name: &str) -> String {
    format!(
        "{name}: an older version of this grant is there, shown above. Use the step that changes the condition"
    )
}

/// There is nothing to change
pub(super) fn missing(name: &str) -> String {
    format!("{name}: not assigned. Use the step that assigns it")
}

/// An update came upon another grant's assignment
pub(super) fn anothers(name: &str) -> String {
    format!("{name}: the assignment that is shown above is of another grant. Nothing was changed")
}

/// What a replacement costs
pub(super) fn loses(name: &str) -> String {
    format!(
        "{name}: whoever uses the assignment that is shown above loses what this grant does not give."
    )
}

/// Nothing uses the shared assignment, and yet no grant made it as it is
pub(super) fn odd_delegator(name: &str) -> String {
    format!(
        "KEPT: {name}: no container needs it, but its condition or its principal type is not what a grant makes. Look at the assignment that is shown above, and delete it by hand"
    )
}

pub(super) fn ends_delegator(grant: &Grant, name: &str) -> String {
    format!(
        "This removes {name} for every grant of application {}: view links stop working for all of them.",
        grant.application
    )
}

pub(super) fn ends_links(grant: &Grant) -> String {
    format!(
        "This ends every view link to storage account {} that rests on a user delegation key, of every service.",
        grant.account()
    )
}

pub(super) fn ends_principal(grant: &Grant) -> String {
    format!(
        "This deletes the service principal of application {} from your directory: every grant of the application ends.",
        grant.application
    )
}

/// A rule for the origin is there that no other rule can make up for
pub(super) fn incomplete_rule(origin: &str) -> String {
    format!(
        "a rule for {origin} is there, shown above, and allows or exposes too little. Azure uses the first rule that matches, so another one would not help. In the portal, under Resource sharing, give it the methods GET and HEAD, the allowed headers * and the exposed headers {}",
        super::EXPOSED.join(",")
    )
}
