//! The texts that people read before they paste commands, and that the commands print.
//!
//! The words are the same in every form, so that a customer who changes the form reads the same promise:
//! what the step does, which right it needs, and what it cannot undo.

use super::{
    super::{Form, Grant, Step},
    resource::EXPOSED,
    selection::{obsolete, shared_or_earlier},
};
use crate::condition::Role;

/// Returns the words before a step.
///
/// They differ between the forms only where commands compare and stop by themselves: in the portal and
/// with single requests, people have to do that.
///
/// Each text says what the step does, which right the user needs (with a role that has it), what a
/// second run does, and how long a change takes. Sources of the rights and times: Microsoft Learn,
/// "Assign Azure roles using the Azure portal" and "Troubleshoot Azure RBAC".
pub(super) fn about(grant: &Grant, step: Step, form: Form) -> String {
    let application = grant.application();
    let account = grant.account();
    // Only here do people compare and decide themselves.
    let by_hand = matches!(form, Form::Portal | Form::Rest);
    let either = |hand: &'static str, command: &'static str| if by_hand { hand } else { command };
    match step {
        Step::Principal => format!(
            "Adds the service principal of application {application} to your directory, unless it already exists. It has no access until a role is assigned. You need the right to add applications, for example as Cloud Application Administrator."
        ),
        Step::Apply => {
            // All roles are named in one sentence, since one run assigns them all.
            let roles: Vec<_> = grant
                .assignments()
                .iter()
                .map(|a| match &a.container {
                    Some(container) => format!("{} on container {container}", a.role_name),
                    None => format!("{} on storage account {account}", a.role_name),
                })
                .collect();
            format!(
                "Assigns {}. It needs {}. You need the right to assign roles there, for example as Role Based Access Control Administrator. {} The assignment takes up to 10 minutes to take effect everywhere.",
                roles.join(", and "),
                grant.shape().cost(),
                either(
                    "Stop if the application already has the role there for another purpose.",
                    "A second run changes nothing. If the application already has the role there for another purpose, the step stops and shows what it found."
                )
            )
        }
        Step::Cors => format!(
            "Lets pages of {} read blobs of storage account {account} by range, which videos need. You need the right to change the account, for example as Storage Account Contributor. {}",
            grant.origin().unwrap_or_default(),
            either(
                "Keep the other rules as they are. If a rule for this origin exposes too little, change that rule, because Azure uses the first rule that matches.",
                "Other rules stay as they are, and a second run changes nothing. If a rule for this origin exposes too little, the step stops, because Azure uses the first rule that matches."
            )
        ),
        Step::ReadBack => either(
            "Compare what Azure has with this grant: principal type, condition and description of each assignment, whatever its name. Nothing may be missing or differ.",
            "Compares what Azure has with this grant: principal type, condition and description of each assignment, whatever its name. Fails if anything is missing or differs. Changes nothing.",
        )
        .to_owned(),
        Step::Update => {
            let mut text = "Changes the assignment of an older version of this grant, or of an earlier grant that it replaces, to the condition and the description above.".to_owned();
            // The order matters to the customer: access that is removed before the new one works is
            // an outage.
            if !obsolete(grant).is_empty() {
                text.push_str(" Also removes what the earlier grant had and this grant does not need: apply this grant first, so that no access is missing between the two.");
            }
            text.push(' ');
            text.push_str(either(
                "Stop if the assignment belongs to another grant.",
                "Stops if the assignment belongs to another grant.",
            ));
            text.push_str(" The change takes up to 10 minutes to take effect everywhere.");
            text
        }
        Step::Replace => format!(
            "Azure keeps one assignment of a role for an application on one scope. If the step that assigns the role has found another grant's assignment, this step can replace that assignment with this grant's: the other grant then loses its access. {} It is better to make one grant that covers both connections.",
            either(
                "Look at what is there, and ask whoever uses it before you change it.",
                "It shows what is there, and does nothing unless you confirm."
            )
        ),
        Step::Revoke => {
            let mut text = either(
                "Removes what only this grant uses. Look again at the end: nothing of it may remain.",
                "Removes what only this grant uses, and fails if anything of it remains.",
            )
            .to_owned();
            let connections = grant.connections().count();
            // One grant can serve several connections, and the customer may think of only one.
            if connections > 1 {
                text.push_str(&format!(" This ends access for all {connections} connections of the grant."));
            }
            if shared_or_earlier(grant).is_some() {
                let delegator = Role::BlobDelegator.name();
                text.push_str(&format!(" {delegator} on the account is shared: it goes with the last container that the application can read."));
            }
            text.push(' ');
            text.push_str(&stays(grant));
            text
        }
        Step::EndShared => format!(
            "{} {}",
            either(
                "Other grants may use what this ends. Ask whoever uses it before each part.",
                "Other grants may use what this ends, so it does nothing unless you confirm each command."
            ),
            stays(grant)
        ),
        // No form writes a part for it.
        Step::Other => String::new(),
    }
}

/// Returns what a revocation does not end.
///
/// View links work until their key ends, at most 7 days (Microsoft Learn, "Get User Delegation
/// Key"). A CORS rule and a service principal give no access on their own, so a revocation leaves
/// them.
fn stays(grant: &Grant) -> String {
    let mut text = String::from("What remains after a revocation:");
    if grant.has_view_links() {
        text.push_str(" view links that were made earlier work up to 7 days (the user delegation keys of the account end them, with the links of every other service);");
    }
    if let Some(origin) = grant.origin() {
        text.push_str(&format!(" the CORS rule for {origin}, which gives no access by itself (remove it in the portal, under Resource sharing (CORS));"));
    }
    text.push_str(" the service principal, which has no access without a role.");
    text
}

/// Returns what to do if the Azure CLI is signed in to another cloud or subscription.
///
/// Cloud and subscription are checked first, because a command in the wrong directory fails with a
/// message about something else.
pub(super) fn sign_in(grant: &Grant) -> String {
    let name = grant.management().name;
    format!(
        "sign in to {name} with an account that has subscription {}: az cloud set --name {name}, then az login, then paste this again",
        grant.subscription()
    )
}

// What the commands print.
//
// INVARIANT: no parenthesis, quote or other character with a meaning in cmd, whose `echo` prints these
// words without quotes.

/// Another grant's assignment is in the way.
///
/// The step stops here. Replacing the assignment is a step of its own, which the user has to
/// choose.
pub(super) fn foreign(name: &str) -> String {
    format!(
        "{name}: the application already has this role here for another purpose, shown above. Replacing that assignment would end that access. Make one grant for both connections, or use the step that replaces the assignment of another grant"
    )
}

/// An older version of this grant is in the way.
///
/// Applying never changes an assignment; the step that changes the condition does.
pub(super) fn older(name: &str) -> String {
    format!(
        "{name}: an older version of this grant exists, shown above. Use the step that changes the condition"
    )
}

/// The assignment to change does not exist.
pub(super) fn missing(name: &str) -> String {
    format!("{name}: not assigned. Use the step that assigns it")
}

/// An update found another grant's assignment.
pub(super) fn anothers(name: &str) -> String {
    format!("{name}: the assignment shown above belongs to another grant. Nothing was changed")
}

/// The question before another grant's assignment is replaced.
pub(super) fn loses(name: &str) -> String {
    format!(
        "{name}: whoever uses the assignment shown above loses all access that this grant does not give."
    )
}

/// A revocation keeps the shared assignment, because no grant creates one like it.
///
/// Somebody created it by hand, perhaps for another purpose, so only a person can decide.
pub(super) fn odd_delegator(name: &str) -> String {
    format!(
        "KEPT: {name}: no container needs it, but its condition or its principal type is not what a grant creates. Look at the assignment shown above, and delete it by hand"
    )
}

/// The question before the shared assignment is removed.
pub(super) fn ends_delegator(grant: &Grant, name: &str) -> String {
    format!(
        "This removes {name} for every grant of application {}: view links stop working for all of them.",
        grant.application()
    )
}

/// The question before the user delegation keys of the account are revoked.
///
/// Azure can revoke only all user delegation keys of an account together.
pub(super) fn ends_links(grant: &Grant) -> String {
    format!(
        "This ends every view link to storage account {} that rests on a user delegation key, of every service.",
        grant.account()
    )
}

/// The question before the service principal is deleted.
pub(super) fn ends_principal(grant: &Grant) -> String {
    format!(
        "This deletes the service principal of application {} from your directory: every grant of the application ends.",
        grant.application()
    )
}

/// A CORS rule for the origin exists but is not sufficient.
///
/// Azure uses the first rule that matches, so a second rule would not help.
pub(super) fn incomplete_rule(origin: &str) -> String {
    format!(
        "a rule for {origin} exists, shown above, and allows or exposes too little. Azure uses the first rule that matches, so a second rule would not help. In the portal, under Resource sharing, give the rule the methods GET and HEAD, the allowed headers * and the exposed headers {}",
        EXPOSED.join(",")
    )
}
