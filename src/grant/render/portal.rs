//! The steps in the Azure portal, in its own words.
//!
//! Source of the words: Microsoft Learn, "Assign Azure roles using the Azure portal" and "Add or edit
//! Azure role assignment conditions using the Azure portal". People follow these steps, so each says
//! what to compare before something is changed.

use super::{
    super::{Grant, Part, RoleAssignment, Step},
    about,
    part::commands,
    resource::{EXPOSED, custom_role, role_file},
    selection::{name_of, obsolete, obsolete_roles, own, shared_or_earlier},
};
use crate::condition::Layout;

/// Returns all parts of the pack.
///
/// Files first: the user saves them before the steps that upload them.
pub(super) fn parts(grant: &Grant) -> Vec<Part> {
    let mut parts = Vec::from_iter(role_file(grant));
    parts.extend([
        principal(grant),
        apply(grant),
        read_back(grant),
        update(grant),
        replace(grant),
        revoke(grant),
        end_shared(grant),
    ]);
    parts.extend(cors(grant));
    parts
}

/// Returns where to find an assignment in the portal.
fn on(grant: &Grant, assignment: &RoleAssignment) -> String {
    let account = grant.account();
    match &assignment.container {
        None => format!("storage account `{account}`"),
        Some(container) => {
            format!("storage account `{account}`, Data storage, Containers, `{container}`")
        }
    }
}

/// Creates the service principal. The portal has no page for that, so the Cloud Shell does it.
fn principal(grant: &Grant) -> Part {
    let portal = grant.management().portal;
    let application = grant.application();
    let lines = vec![
        format!("1. Open {portal} and start the Cloud Shell (the >_ beside the search)."),
        format!("2. Run: az ad sp create --id {application}"),
        "   If the answer says that it is in use, the service principal already exists.".to_owned(),
        // The name in the customer's directory, which can differ from the name in the service's
        // own.
        format!("3. Run: az ad sp show --id {application} --query displayName --output tsv"),
        "   Note the display name that it prints: the next step searches for it.".to_owned(),
    ];
    commands(Step::Principal, lines)
}

/// Assigns the roles, and creates the custom role before that.
///
/// The portal does not warn that a role is already assigned with another condition, so the user
/// looks first.
fn apply(grant: &Grant) -> Part {
    let mut lines = Vec::new();
    // First, because the list of roles shows only roles that exist.
    if custom_role(grant).is_some() {
        lines.push(format!(
            "* Open resource group `{}`, Access control (IAM), Add, Add custom role. Baseline permissions: Start from JSON, and choose role.json. Review + create, Create.",
            grant.resource_group()
        ));
    }
    for assignment in grant.assignments() {
        lines.extend([
            format!("* Open {}, Access control (IAM), Role assignments.", on(grant, assignment)),
            format!("  If the application has the role {} there already, stop: Azure keeps one assignment of a role. Compare it with the text below, as the step that reads back says.", assignment.role_name),
            "  Add, Add role assignment.".to_owned(),
            format!("  Role: {}. Next.", assignment.role_name),
            format!("  Members: User, group, or service principal. Select members, and type the display name of the service principal: the search does not find the application id. If several have the name, compare the application id in Microsoft Entra ID, Enterprise applications, with {}. Select.", grant.application()),
            format!("  Description: {}", assignment.description),
            "  Next.".to_owned(),
        ]);
        if let Some(condition) = &assignment.condition {
            lines.push("  Conditions: Add condition. Editor type: Code. Paste:".to_owned());
            lines.push(String::new());
            // The portal's editor accepts the text in this layout without changing it.
            lines.push(condition.print(Layout::Portal));
            lines.push(String::new());
            lines.push("  Save. Next.".to_owned());
        }
        lines.push(
            // Tenants with Privileged Identity Management have this tab. An eligible assignment
            // has to be activated by a person, which a service principal cannot do.
            "  If there is a tab Assignment type: Active, Permanent. Review + assign, and Review + assign once more."
                .to_owned(),
        );
    }
    commands(Step::Apply, lines)
}

/// Returns a list of assignments between two lines.
///
/// `before` says what to do with the assignments, and `after` what to compare.
fn listed<'a>(
    grant: &Grant,
    before: &str,
    assignments: impl Iterator<Item = &'a RoleAssignment>,
    after: &str,
) -> Vec<String> {
    let mut lines = vec![before.to_owned()];
    lines.extend(assignments.map(|a| format!("* {}, on {}", a.role_name, on(grant, a))));
    lines.push(after.to_owned());
    lines
}

/// Compares what Azure has with the grant.
///
/// The shared assignment may have the description of another grant, so only the others are listed
/// with theirs.
fn read_back(grant: &Grant) -> Part {
    let mut lines = listed(
        grant,
        "In Access control (IAM), Role assignments, there must be:",
        grant.assignments().iter(),
        "The type must be App. Description (under Edit columns) must be:",
    );
    lines.extend(own(grant).map(|a| format!("  {}", a.description)));
    if grant.assignments().iter().any(|a| a.condition.is_some()) {
        lines.push(
            "In the column Condition, View/Edit, Editor type: Code must show the text above."
                .to_owned(),
        );
    }
    commands(Step::ReadBack, lines)
}

/// Changes the condition, and removes what earlier grants had.
///
/// The portal edits the condition in place, so access is never interrupted.
fn update(grant: &Grant) -> Part {
    let mut lines = if own(grant).any(|a| a.condition.is_some()) {
        listed(
            grant,
            "In Access control (IAM), Role assignments, find:",
            own(grant),
            "If the description is that of this grant or of an earlier grant that it replaces: in the column Condition, View/Edit. Editor type: Code. Paste the text above. Save. Otherwise the assignment belongs to another grant: do not change it.",
        )
    } else {
        vec!["No assignment of this grant has a condition, so there is none to change.".to_owned()]
    };
    let obsolete = obsolete(grant);
    if !obsolete.is_empty() {
        let descriptions: Vec<_> = obsolete.iter().map(|a| a.description.clone()).collect();
        lines.extend(listed(
            grant,
            "The earlier grant had these, which this grant does not need. If the description is one of those below, select and Remove them:",
            obsolete.into_iter(),
            "The descriptions:",
        ));
        lines.extend(descriptions.into_iter().map(|text| format!("  {text}")));
    }
    lines.extend(obsolete_roles(grant).into_iter().map(|a| remove_role(grant, a)));
    commands(Step::Update, lines)
}

/// Replaces another grant's assignment.
///
/// Tells the user to note the assignment first, because the portal cannot undo it.
fn replace(grant: &Grant) -> Part {
    let mut lines = Vec::new();
    for assignment in own(grant) {
        let condition = match assignment.condition {
            Some(_) => "note its condition (View/Edit) and its description",
            None => "note its description",
        };
        lines.push(format!(
            "* {}: ask whoever made the assignment that is there whether it is still needed, and {condition}. Only then Remove it, and assign the role as above.",
            name_of(assignment)
        ));
    }
    commands(Step::Replace, lines)
}

/// Removes what only this grant uses.
///
/// An assignment without a description counts as this grant's if the condition is the same.
fn revoke(grant: &Grant) -> Part {
    let mut lines = listed(
        grant,
        "In Access control (IAM), Role assignments, find these, and look at the description. If it is this grant's, or if there is none and the condition is this grant's, select and Remove them. With another description, the assignment belongs to another grant:",
        own(grant).chain(obsolete(grant)),
        "Look again: none of them may be there.",
    );
    if let Some(assignment) = shared_or_earlier(grant) {
        lines.push(format!(
            "Remove {} on {} only if the application has no role on any other container of the account.",
            assignment.role_name,
            on(grant, assignment)
        ));
    }
    let role = custom_role(grant).map(|(assignment, _)| assignment);
    let roles = role.into_iter().chain(obsolete_roles(grant));
    lines.extend(roles.map(|a| remove_role(grant, a)));
    commands(Step::Revoke, lines)
}

/// Returns the line that deletes a custom role.
fn remove_role(grant: &Grant, assignment: &RoleAssignment) -> String {
    format!(
        "Open resource group `{}`, Access control (IAM), Roles, find `{}`, Delete.",
        grant.resource_group(),
        assignment.role_name
    )
}

/// Ends what other grants use too.
fn end_shared(grant: &Grant) -> Part {
    let mut lines = vec!["Do each of these only if no other grant needs what it ends.".to_owned()];
    if let Some(assignment) = shared_or_earlier(grant) {
        lines.push(format!(
            "* {}: {}, Access control (IAM), Role assignments, select it and Remove. {}",
            assignment.role_name,
            on(grant, assignment),
            about::ends_delegator(grant, &name_of(assignment))
        ));
    }
    // The portal has no button for this, so the Cloud Shell does it.
    if grant.has_view_links() {
        let account = grant.account();
        lines.push(format!(
            "* View links: in the Cloud Shell, run: az storage account revoke-delegation-keys --name {account} --resource-group '{}'",
            grant.resource_group()
        ));
    }
    lines.push(format!(
        "* Service principal: Microsoft Entra ID, Enterprise applications, the one with application ID {}, Properties, Delete.",
        grant.application()
    ));
    if let Some(origin) = grant.origin() {
        lines.push(format!(
            "* CORS rule: storage account `{}`, Settings, Resource sharing (CORS), Blob service, delete the row of {origin}, Save.",
            grant.account()
        ));
    }
    commands(Step::EndShared, lines)
}

/// Adds a CORS rule. Returns `None` if the grant has no origin.
///
/// The portal shows the rules as rows. Their order matters: Azure uses the first row that matches.
fn cors(grant: &Grant) -> Option<Part> {
    let origin = grant.origin()?;
    let exposed = EXPOSED.join(",");
    let lines = vec![
        format!(
            "Open storage account `{}`, Settings, Resource sharing (CORS), Blob service.",
            grant.account()
        ),
        format!(
            "If a row has the origin {origin}, * or a wildcard that covers it, give that row the methods, the headers and the exposed headers below as well: Azure uses the first row that matches. Otherwise add a row:"
        ),
        format!("  Allowed origins: {origin}"),
        "  Allowed methods: GET, HEAD, OPTIONS".to_owned(),
        format!("  Allowed headers: *   Exposed headers: {exposed}   Max age: 3600"),
        "Save.".to_owned(),
    ];
    Some(commands(Step::Cors, lines))
}
