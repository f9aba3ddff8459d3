//! Questions to Azure in JMESPath, which the Azure CLI evaluates itself.
//!
//! The CLI compares texts before it prints anything, so the encoding of its output cannot spoil a
//! comparison. A shell reads words and, after them, the id of an assignment. The id names the resource
//! group: with letters outside ASCII, it needs a terminal that prints them.
//! INVARIANT: no condition and no description has a backslash, which a raw string would change.

use super::{
    super::{Grant, RoleAssignment, Sharing},
    EXPOSED, READ, earlier_descriptions,
};

/// A query with the object id of the service principal in it, which a shell inserts
pub(super) struct Query {
    pub(super) before: String,
    pub(super) after: String,
}

/// A raw string of JMESPath
fn raw(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"\'"))
}

/// The assignments of the principal's role, of a list of those on the scope
fn ours(role_id: &str, what: &str) -> Query {
    Query {
        before: "[?principalId=='".to_owned(),
        after: format!("' && ends_with(roleDefinitionId, '{role_id}')]{what}"),
    }
}

/// Whether an assignment has the principal type and the condition of the grant's
fn is_same(assignment: &RoleAssignment) -> String {
    let condition = assignment.condition.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("principalType=='ServicePrincipal' && (condition || '')=={}", raw(&condition))
}

/// What Azure has in the place of an assignment: nothing, or three words
///
/// The first is `same` or `differs`, for the principal type and the condition. The second says whose
/// it is, by its description: `ours`, that of an `earlier` grant, `unnamed`, or `foreign`. The portal
/// leaves the description empty: without one, an assignment that is the same was made by hand for
/// this grant, and one that differs is `foreign`. The third is its id.
pub(super) fn state(grant: &Grant, assignment: &RoleAssignment) -> Query {
    let replaced = earlier_descriptions(grant, assignment);
    let earlier = match replaced.as_slice() {
        [] => String::new(),
        replaced => {
            let list: Vec<_> = replaced.iter().map(|text| raw(text)).collect();
            format!("contains([{}], description || '') && 'earlier' || ", list.join(", "))
        }
    };
    // The CLI's parser ends a projection after braces, so the second one begins with a list of its own.
    let what = format!(
        ".{{s: {} && 'same' || 'differs', d: description=={} && 'ours' || {earlier}(description || '')=='' && 'unnamed' || 'foreign', i: id}} | [*].join(' ', [s, s=='differs' && d=='unnamed' && 'foreign' || d, i]) | [0]",
        is_same(assignment),
        raw(&assignment.description)
    );
    ours(&assignment.role_id, &what)
}

/// Whether what was created is what was meant: `same` or `differs`
pub(super) fn created(assignment: &RoleAssignment) -> String {
    format!("{} && 'same' || 'differs'", is_same(assignment))
}

/// What a person needs to see of an assignment that is in the way
pub(super) fn shown(assignment: &RoleAssignment) -> Query {
    let what = ".{id: id, description: description, condition: condition, createdBy: createdBy, createdOn: createdOn}";
    ours(&assignment.role_id, what)
}

/// How many other assignments the principal has on containers of the account, of all of its
/// assignments in the subscription
pub(super) fn users(grant: &Grant) -> Query {
    Query {
        before: "length([?principalId=='".to_owned(),
        after: format!(
            "' && (contains(scope, '/storageAccounts/{0}/') || contains(scope, '/storageaccounts/{0}/'))])",
            grant.account()
        ),
    }
}

/// Whether the custom role is as meant, of a list of definitions: nothing, `same` or `differs`
pub(super) fn role(assignment: &RoleAssignment) -> String {
    format!(
        "[?name=='{}'].[roleName=={} && join(',', permissions[].dataActions[])=='{READ}' && join(',', permissions[].actions[])=='' && 'same' || 'differs'] | [0] | [0]",
        assignment.role_id,
        raw(&assignment.role_name)
    )
}

/// The origins of a rule that covers an origin: itself, all, and the wildcards for its subdomains
pub(super) fn origins(origin: &str) -> Vec<String> {
    let mut found = vec![origin.to_owned(), "*".to_owned()];
    if let Some((scheme, host)) = origin.split_once("://") {
        let ends = host.match_indices('.').filter_map(|(at, _)| host.get(at..));
        found.extend(ends.map(|end| format!("{scheme}://*{end}")));
    }
    found
}

/// What the rules for browsers do for the origin: nothing, `complete` or `incomplete`
///
/// The service uses the first rule that has the origin and the method, and looks at no later one.
pub(super) fn cors(origin: &str) -> String {
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

/// The states that leave nothing to do when an assignment is read back
pub(super) fn as_meant(assignment: &RoleAssignment) -> &'static [&'static str] {
    match assignment.sharing {
        // Whichever grant made it, it has no condition and does the same for all.
        Sharing::Account => &["same ours", "same foreign", "same earlier", "same unnamed"],
        _ => &["same ours"],
    }
}
