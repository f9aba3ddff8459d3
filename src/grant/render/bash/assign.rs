//! Creates, changes and compares assignments in bash.
//!
//! Each assignment is looked up first, and every branch prints what it found or did. `selection`
//! decides which assignments a step is about.

use serde_json::json;

use super::{
    super::{
        super::{Grant, Part, RoleAssignment, Sharing, Step, quote::bash as quoted},
        about, query,
        resource::{API, custom_role, properties, role_resource},
        selection::{name_of, own},
    },
    block::{Block, IS_ANOTHERS, ask_function, role_list},
    cors::cors_list,
    remove::remove_leftovers,
};

/// Assigns the roles, and creates the custom role before that.
///
/// The role definition is written first, because an assignment of an unknown role is refused.
pub(super) fn apply(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    if let Some((assignment, properties)) = custom_role(grant) {
        let list = role_list(grant, assignment);
        let url = format!("{}?api-version={API}", role_resource(grant, assignment));
        let body = quoted(&json!({ "properties": properties }).to_string());
        block.line(format!("ROLE=$({list})"));
        // A PUT of a role that is the same would still need the right to define roles, and would
        // show in the activity log.
        block.line("if [ \"$ROLE\" = same ]; then");
        block.line("  echo 'The custom role already exists.'");
        block.line("else");
        block.line(format!(
            "  az rest --method put --url {} --body {body} --output none",
            quoted(&url)
        ));
        block.line("  echo 'The custom role was written.'");
        block.line("fi");
    }
    for assignment in grant.assignments() {
        apply_one(&mut block, grant, assignment);
    }
    block.end(Step::Apply)
}

/// Creates an assignment, unless Azure already has one for the same principal, role and scope.
///
/// A second run prints "assigned already" and changes nothing. Another grant's assignment, or an
/// older version of this one, stops the block, because a create would silently keep the old
/// condition.
pub(super) fn apply_one(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    block.look(grant, assignment);
    block.line("if [ -z \"$STATE\" ]; then");
    block.line(format!("  MADE=$({} | tr -d '\\r')", create(assignment)));
    let stop = format!("{name}: Azure did not keep what was sent. Use the step that reads back");
    block.line(format!("  [ \"$MADE\" = same ] || grant_stop {}", quoted(&stop)));
    block.line(format!("  echo {}", quoted(&format!("{name}: assigned"))));
    // An assignment without a description counts as ours if all else is the same: see
    // `query::state`.
    block.line(format!("elif {}; then", is_usable(assignment)));
    block.line(format!("  echo {}", quoted(&format!("{name}: assigned already"))));
    stop_at_another(block, assignment);
    block.line("fi");
}

/// Returns the test whether an existing assignment needs no change.
///
/// It must give the intended access, and must not be another grant's, unless all grants share it.
pub(super) fn is_usable(assignment: &RoleAssignment) -> String {
    let is_same = "[ \"${STATE%% *}\" = same ]";
    match assignment.sharing {
        Sharing::Account => is_same.to_owned(),
        _ => format!("{is_same} && ! {IS_ANOTHERS}"),
    }
}

/// Writes the branches for an existing assignment that cannot be used.
///
/// Prints the assignment first, so that the user sees whose it is before deciding.
pub(super) fn stop_at_another(block: &mut Block, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    block.line(format!("elif {IS_ANOTHERS}; then"));
    block.show(assignment);
    block.line(format!("  grant_stop {}", quoted(&about::foreign(&name))));
    block.line("else");
    block.show(assignment);
    block.line(format!("  grant_stop {}", quoted(&about::older(&name))));
}

/// Returns the command that creates an assignment and prints whether Azure kept what was sent.
///
/// Because the principal type is given, the CLI does not look the principal up. That lookup would fail for
/// a new principal that has not propagated yet.
fn create(assignment: &RoleAssignment) -> String {
    let condition = match &assignment.condition {
        Some(condition) => {
            format!(" --condition {} --condition-version 2.0", quoted(&condition.to_string()))
        }
        None => String::new(),
    };
    format!(
        "az role assignment create --name {} --assignee-object-id \"$OID\" --assignee-principal-type ServicePrincipal --role {} --scope {} --description {}{condition} --query {} --output tsv",
        assignment.name,
        assignment.role_id,
        quoted(&assignment.scope),
        quoted(&assignment.description),
        quoted(&query::created(assignment))
    )
}

/// Compares what Azure has with the grant. Changes nothing.
///
/// Looks assignments up by principal, role and scope, so an assignment with another name counts
/// too. Goes on after a difference, so that one run shows all of them.
pub(super) fn read_back(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    // A variable instead of an exit: all assignments are compared before the block fails.
    block.line("BAD=0");
    for assignment in grant.assignments() {
        let name = name_of(assignment);
        block.look(grant, assignment);
        // The words are compared as one text, because an assignment is as intended only in certain
        // pairs.
        let states =
            query::as_meant(assignment).iter().map(|state| format!("[ \"$IS\" = '{state}' ]"));
        block.line(format!("if {}; then", states.collect::<Vec<_>>().join(" || ")));
        block.line(format!("  echo {}", quoted(&format!("{name}: as intended"))));
        block.line("else");
        block.line("  BAD=1");
        block.line(format!(
            "  printf 'DRIFT: %s: %s\\n' {} \"${{IS:-missing}}\" >&2",
            quoted(&name)
        ));
        block.show(assignment);
        block.line("fi");
    }
    if let Some((assignment, _)) = custom_role(grant) {
        block.line(format!("ROLE=$({})", role_list(grant, assignment)));
        // The role is compared too: a customer can add actions to a custom role.
        check_word(&mut block, "ROLE", "same", "the custom role");
    }
    if let Some(origin) = grant.origin() {
        block.line(format!("RULE=$({})", cors_list(grant, origin)));
        // Other origins do not matter, so only the rule that matches this origin is compared.
        check_word(&mut block, "RULE", "complete", "the CORS rule");
    }
    block.line("[ \"$BAD\" = 0 ] || grant_stop 'Azure does not match this grant: see above'");
    block.end(Step::ReadBack)
}

/// Writes the comparison of a variable with the word that a query prints if all is as intended.
fn check_word(block: &mut Block, variable: &str, wanted: &str, name: &str) {
    block.line(format!("if [ \"${variable}\" = {wanted} ]; then"));
    block.line(format!("  echo '{name}: as intended'"));
    block.line("else");
    block.line("  BAD=1");
    block.line(format!("  printf 'DRIFT: {name}: %s\\n' \"${{{variable}:-missing}}\" >&2"));
    block.line("fi");
}

/// Where the object ID goes in a request body.
const PLACE: &str = "\"principalId\":\"OBJECT_ID\"";

/// Writes the intended assignment over the existing one, and looks again.
///
/// `az role assignment create` silently keeps an old condition, and `update` cannot remove one, so the
/// request goes to the REST API.
fn put(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    let properties = properties(grant, assignment, "OBJECT_ID");
    let body = json!({ "properties": properties }).to_string();
    // The body is quoted as a whole, and only then the variable is put in: quotes end, `"$OID"`,
    // quotes start again.
    let body = quoted(&body).replace(PLACE, "\"principalId\":\"'\"$OID\"'\"");
    block.line(format!(
        "  az rest --method put --url \"$ID?api-version={API}\" --body {body} --output none"
    ));
    block.look(grant, assignment);
    let stop = format!("{name}: Azure did not keep what was sent. Use the step that reads back");
    // Both words: the condition and the description must have been written.
    block.line(format!("  [ \"$IS\" = 'same ours' ] || grant_stop {}", quoted(&stop)));
    block.line(format!("  echo {}", quoted(&format!("{name}: changed"))));
}

/// Writes the branch that stops if the assignment does not exist.
///
/// An update never creates: if the assignment is missing, somebody removed it, and that should be
/// noticed.
fn nothing_there(block: &mut Block, assignment: &RoleAssignment) {
    block.line("if [ -z \"$STATE\" ]; then");
    let stop = about::missing(&name_of(assignment));
    block.line(format!("  grant_stop {}", quoted(&stop)));
}

/// Changes assignments to what the grant intends.
///
/// [`Step::Update`] stops if another grant owns the assignment; [`Step::Replace`] asks instead.
pub(super) fn change(grant: &Grant, step: Step) -> Part {
    let mut block = Block::with_principal(grant);
    if step == Step::Replace {
        ask_function(&mut block);
    }
    for assignment in own(grant) {
        let name = name_of(assignment);
        block.look(grant, assignment);
        nothing_there(&mut block, assignment);
        block.line("elif [ \"$IS\" = 'same ours' ]; then");
        block.line(format!("  echo {}", quoted(&format!("{name}: already as intended"))));
        if step == Step::Replace {
            block.line("else");
            block.show(assignment);
            let question = quoted(&about::loses(&name));
            block.line(format!("  grant_ask {question} || grant_stop 'nothing was changed'"));
        } else {
            block.line(format!("elif {IS_ANOTHERS}; then"));
            block.show(assignment);
            block.line(format!("  grant_stop {}", quoted(&about::anothers(&name))));
            block.line("else");
        }
        put(&mut block, grant, assignment);
        block.line("fi");
    }
    if step == Step::Update {
        remove_leftovers(&mut block, grant);
    }
    block.end(step)
}
