//! Creates, changes and compares assignments with the Az module of PowerShell.
//!
//! The branches are those of bash. Assignments are objects here, which are changed and sent back.

use super::{
    super::{
        super::{Grant, Part, RoleAssignment, Sharing, Step, quote::powershell as quoted},
        about,
        resource::{API, custom_role, role_resource},
        selection::{name_of, own, shared},
    },
    block::{Block, ask, rest, role_look, throw},
    cors::cors_look,
    remove::remove_leftovers,
};
use crate::condition::catalog::BLOB_READ;

/// Assigns the roles, and creates the custom role before that.
///
/// The definition of the custom role comes from the file `role.json`.
pub(super) fn apply(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    if let Some((assignment, _)) = custom_role(grant) {
        role_look(&mut block, grant, assignment);
        block.line(format!(
            "if ({}) {{ 'The custom role already exists.' }} else {{",
            role_is_same(assignment)
        ));
        let path = format!("{}?api-version={API}", role_resource(grant, assignment));
        rest(&mut block, "PUT", &path, " -Payload (Get-Content -Raw role.json)");
        block.say("The custom role was written.");
        block.line("}");
    }
    for assignment in grant.assignments() {
        let name = name_of(assignment);
        block.look(grant, assignment);
        block.line("if (-not $FOUND) {");
        block.line(format!("  {} | Out-Null", create(assignment)));
        block.say(&format!("{name}: assigned"));
        // Whoever created a shared assignment, it has no condition and serves all grants.
        let usable = match assignment.sharing {
            Sharing::Account => "$SAME",
            _ => "$SAME -and $KNOWN",
        };
        block.line(format!(
            "}} elseif ({usable}) {{ {} }} else {{",
            quoted(&format!("{name}: assigned already"))
        ));
        block.show();
        block.line(format!("  if (-not $KNOWN) {{ {} }}", throw(&about::foreign(&name))));
        block.line(format!("  {}", throw(&about::older(&name))));
        block.line("}");
    }
    block.end(Step::Apply)
}

/// Returns the command that creates an assignment.
fn create(assignment: &RoleAssignment) -> String {
    let condition = match &assignment.condition {
        Some(condition) => {
            format!(" -Condition {} -ConditionVersion '2.0'", quoted(&condition.to_string()))
        }
        None => String::new(),
    };
    format!(
        "New-AzRoleAssignment -ObjectId $OID -ObjectType ServicePrincipal -RoleDefinitionId '{}' -Scope {} -Description {}{condition}",
        assignment.role_id,
        quoted(&assignment.scope),
        quoted(&assignment.description)
    )
}

/// Returns the test whether the custom role in `$ROLE` is as intended.
///
/// Compares name and data actions, and that there are no other actions.
fn role_is_same(assignment: &RoleAssignment) -> String {
    format!(
        "$ROLE -and $ROLE.Name -ceq {} -and ($ROLE.DataActions -join ',') -ceq '{}' -and -not $ROLE.Actions",
        quoted(&assignment.role_name),
        BLOB_READ
    )
}

/// Compares what Azure has with the grant. Changes nothing.
pub(super) fn read_back(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    // Goes on after a difference, so that one run shows all of them.
    block.line("$BAD = $false");
    for assignment in grant.assignments() {
        let name = name_of(assignment);
        block.look(grant, assignment);
        // Every grant creates the shared assignment in the same way, so its description does not
        // matter.
        let wanted = if shared(grant) == Some(assignment) { "$SAME" } else { "$SAME -and $OURS" };
        block.line(format!(
            "if ({wanted}) {{ {} }} else {{",
            quoted(&format!("{name}: as intended"))
        ));
        block.line("  $BAD = $true");
        block.say(&format!("DRIFT: {name}: missing, or not as intended"));
        block.show();
        block.line("}");
    }
    if let Some((assignment, _)) = custom_role(grant) {
        role_look(&mut block, grant, assignment);
        block.line(format!(
            "if ({}) {{ 'the custom role: as intended' }} else {{ $BAD = $true; 'DRIFT: the custom role: missing, or not as intended' }}",
            role_is_same(assignment)
        ));
    }
    if let Some(origin) = grant.origin() {
        cors_look(&mut block, grant, origin);
        block.line("if ($COMPLETE) { 'the CORS rule: as intended' } else { $BAD = $true; 'DRIFT: the CORS rule: missing, or not as intended' }");
    }
    let stop = throw("Azure does not match this grant: see above");
    block.line(format!("if ($BAD) {{ {stop} }}"));
    block.end(Step::ReadBack)
}

/// Writes the intended assignment over the existing one, and looks again.
fn put(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    match &assignment.condition {
        Some(condition) => {
            block.line(format!("  $FOUND.Condition = {}", quoted(&condition.to_string())));
            block.line("  $FOUND.ConditionVersion = '2.0'");
        }
        None => {
            // An assignment that had a condition must lose it, and the version with it.
            block.line("  $FOUND.Condition = $null");
            block.line("  $FOUND.ConditionVersion = $null");
        }
    }
    // The found object is changed and sent back, so that its name and ID stay.
    block.line(format!("  $FOUND.Description = {}", quoted(&assignment.description)));
    // The success of the cmdlet is not proof enough: what Azure has afterwards is compared below.
    block.line("  Set-AzRoleAssignment -InputObject $FOUND | Out-Null");
    block.look(grant, assignment);
    let stop =
        throw(&format!("{name}: Azure did not keep what was sent. Use the step that reads back"));
    block.line(format!("  if (-not ($SAME -and $OURS)) {{ {stop} }}"));
    block.say(&format!("{name}: changed"));
}

/// Changes assignments to what the grant intends.
///
/// [`Step::Update`] stops if another grant owns the assignment; [`Step::Replace`] asks instead.
pub(super) fn change(grant: &Grant, step: Step) -> Part {
    let mut block = Block::with_principal(grant);
    for assignment in own(grant) {
        let name = name_of(assignment);
        block.look(grant, assignment);
        block.line(format!("if (-not $FOUND) {{ {} }}", throw(&about::missing(&name))));
        let done = quoted(&format!("{name}: already as intended"));
        // A replacement and an update differ only in what follows: a question, or a stop.
        let unchanged = format!("if ($SAME -and $OURS) {{ {done} }}");
        if step == Step::Replace {
            block.line(format!("{unchanged} else {{"));
            block.show();
            let (question, stop) = (ask(&about::loses(&name)), throw("nothing was changed"));
            block.line(format!("  if (-not ({question})) {{ {stop} }}"));
        } else {
            block.line(unchanged);
            block.line("elseif (-not $KNOWN) {");
            block.show();
            block.line(format!("  {}", throw(&about::anothers(&name))));
            block.line("} else {");
        }
        put(&mut block, grant, assignment);
        block.line("}");
    }
    if step == Step::Update {
        remove_leftovers(&mut block, grant);
    }
    block.end(step)
}
