//! Queries in JMESPath, which the Azure CLI evaluates.
//!
//! The CLI compares texts before it prints anything, so the encoding of its output cannot change the
//! result of a comparison. A shell reads single words, followed by the ID of an assignment. The ID
//! contains the resource group: if that has letters outside ASCII, the terminal must be able to print
//! them.
//!
//! INVARIANT: no condition and no description has a backslash, which a raw string would change.

use super::{
    super::{Grant, RoleAssignment, Sharing},
    resource::EXPOSED,
    selection::earlier_descriptions,
};
use crate::condition::catalog::BLOB_READ;

/// A query that contains the object ID of the service principal, which the shell inserts.
///
/// The shell knows the object ID only when the commands run, if the grant does not name it. How it
/// is inserted depends on the quoting of the shell.
pub(super) struct Query {
    /// The text before the object ID.
    pub(super) before: String,
    /// The text after the object ID.
    pub(super) after: String,
}

/// Returns a raw string of JMESPath.
///
/// A single quote is the only character that has to be escaped, because no text has a backslash.
fn raw(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"\'"))
}

/// Returns the query for the principal's assignments of a role, in a list of those on the scope.
///
/// Compares the end of `roleDefinitionId`, because Azure returns it with the scope at which the
/// role was defined.
fn ours(role_id: &str, what: &str) -> Query {
    Query {
        before: "[?principalId=='".to_owned(),
        after: format!("' && ends_with(roleDefinitionId, '{role_id}')]{what}"),
    }
}

/// Returns the test whether an assignment has the principal type and the condition of the grant.
fn is_same(assignment: &RoleAssignment) -> String {
    // No condition is `null` in JMESPath; the empty text makes both comparable.
    let condition = assignment.condition.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("principalType=='ServicePrincipal' && (condition || '')=={}", raw(&condition))
}

/// Returns the query for what Azure has for an assignment: nothing, or three words.
///
/// 1. `same` or `differs`: whether principal type and condition are as intended.
/// 2. Whose the assignment is, by its description: `ours`, `earlier` (of an earlier grant), `unnamed` or
///    `foreign`. The portal leaves the description empty. So an assignment without one that is the same
///    was created by hand for this grant, and one that differs is `foreign`.
/// 3. The ID of the assignment.
pub(super) fn state(grant: &Grant, assignment: &RoleAssignment) -> Query {
    // Without earlier grants, the query is shorter: cmd limits the length of a command.
    let replaced = earlier_descriptions(grant, assignment);
    let earlier = match replaced.as_slice() {
        [] => String::new(),
        replaced => {
            let list: Vec<_> = replaced.iter().map(|text| raw(text)).collect();
            format!("contains([{}], description || '') && 'earlier' || ", list.join(", "))
        }
    };
    // The CLI's parser ends a projection after braces, so the second projection starts with a list.
    let what = format!(
        ".{{s: {} && 'same' || 'differs', d: description=={} && 'ours' || {earlier}(description || '')=='' && 'unnamed' || 'foreign', i: id}} | [*].join(' ', [s, s=='differs' && d=='unnamed' && 'foreign' || d, i]) | [0]",
        is_same(assignment),
        raw(&assignment.description)
    );
    ours(&assignment.role_id, &what)
}

/// Returns the query whether Azure kept what was sent: `same` or `differs`.
///
/// Runs on the answer of the command that created the assignment, not on a list.
pub(super) fn created(assignment: &RoleAssignment) -> String {
    format!("{} && 'same' || 'differs'", is_same(assignment))
}

/// Returns the query for what a person needs to see of an assignment that is in the way.
pub(super) fn shown(assignment: &RoleAssignment) -> Query {
    let what = ".{id: id, description: description, condition: condition, createdBy: createdBy, createdOn: createdOn}";
    ours(&assignment.role_id, what)
}

/// Returns the query for the number of assignments that the principal has on containers of the account,
/// among all assignments of the subscription.
///
/// Azure returns scopes as they were written, and the resource type occurs in two spellings.
pub(super) fn users(grant: &Grant) -> Query {
    Query {
        before: "length([?principalId=='".to_owned(),
        after: format!(
            "' && (contains(scope, '/storageAccounts/{0}/') || contains(scope, '/storageaccounts/{0}/'))])",
            grant.account()
        ),
    }
}

/// Returns the query whether the custom role is as intended: nothing, `same` or `differs`.
///
/// Compares name and data actions, and that there are no other actions. The description may differ.
pub(super) fn role(assignment: &RoleAssignment) -> String {
    format!(
        "[?name=='{}'].[roleName=={} && join(',', permissions[].dataActions[])=='{BLOB_READ}' && join(',', permissions[].actions[])=='' && 'same' || 'differs'] | [0] | [0]",
        assignment.role_id,
        raw(&assignment.role_name)
    )
}

/// Returns the origins of rules that cover an origin: the origin itself, `*`, and the wildcards for its
/// parent domains.
///
/// For example, for `https://app.contoso.com`: the origin itself, `*`, `https://*.contoso.com` and
/// `https://*.com`.
pub(super) fn origins(origin: &str) -> Vec<String> {
    let mut found = vec![origin.to_owned(), "*".to_owned()];
    if let Some((scheme, host)) = origin.split_once("://") {
        // Azure allows a wildcard for the first labels of a host only.
        let ends = host.match_indices('.').filter_map(|(at, _)| host.get(at..));
        found.extend(ends.map(|end| format!("{scheme}://*{end}")));
    }
    found
}

/// Returns the query for what the CORS rules do for the origin: nothing, `complete` or `incomplete`.
///
/// The service uses the first rule that matches origin and method, and ignores later ones (Microsoft
/// Learn, "Cross-Origin Resource Sharing (CORS) support for Azure Storage"). So does the query.
pub(super) fn cors(origin: &str) -> String {
    // The service compares header names without case, but JMESPath does not, so both usual
    // spellings count.
    let exposed: Vec<_> = EXPOSED
        .iter()
        .map(|name| {
            let lower = name.to_ascii_lowercase();
            format!("(contains(exposedHeaders, '{name}') || contains(exposedHeaders, '{lower}'))")
        })
        .collect();
    let origins: Vec<_> = origins(origin)
        .iter()
        .map(|origin| format!("contains(allowedOrigins, '{origin}')"))
        .collect();
    let origins = origins.join(" || ");
    format!(
        "[?({origins}) && contains(allowedMethods, 'GET')].[contains(allowedMethods, 'HEAD') && (contains(allowedHeaders, '*') || contains(allowedHeaders, 'range')) && {} && 'complete' || 'incomplete'] | [0] | [0]",
        exposed.join(" && ")
    )
}

/// Returns the states of [`state`] in which an assignment is as intended.
pub(super) fn as_meant(assignment: &RoleAssignment) -> &'static [&'static str] {
    match assignment.sharing {
        // Every grant creates this assignment in the same way, so its description does not matter.
        // One spelling for each word, because the shells compare the two words as one text.
        Sharing::Account => &["same ours", "same foreign", "same earlier", "same unnamed"],
        _ => &["same ours"],
    }
}
