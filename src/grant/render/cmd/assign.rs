//! Creates, changes and compares assignments at the prompt of cmd.
//!
//! There are no branches: each line has its own condition, and the order of the lines is that of
//! the branches in the other forms.

use super::{
    super::{
        super::{Grant, Part, RoleAssignment, Sharing, Step},
        about, query,
        resource::{API, custom_role, role_resource},
        selection::{name_of, own},
        windows::cmd as argument,
    },
    cors::cors_list,
    lines::{IS_ANOTHERS, Lines, role_list},
    remove::remove_leftovers,
};
use crate::name::InvalidName;

/// Returns the command that creates an assignment.
///
/// Has no query for the result, unlike in bash: the caller looks again instead.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express a value.
fn create(assignment: &RoleAssignment) -> Result<String, InvalidName> {
    let condition = match &assignment.condition {
        Some(condition) => {
            let condition = argument(&condition.to_string())?;
            format!(" --condition {condition} --condition-version 2.0")
        }
        None => String::new(),
    };
    Ok(format!(
        "az role assignment create --name {} --assignee-object-id %OID% --assignee-principal-type ServicePrincipal --role {} --scope {} --description {}{condition} --output none",
        assignment.name,
        assignment.role_id,
        argument(&assignment.scope)?,
        argument(&assignment.description)?
    ))
}

/// Assigns the roles, and creates the custom role before that.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express a value.
pub(super) fn apply(grant: &Grant) -> Result<Part, InvalidName> {
    let mut lines = Lines::with_principal(grant)?;
    if let Some((assignment, _)) = custom_role(grant) {
        lines.word("ROLE", &role_list(grant, assignment)?, &query::role(assignment))?;
        let url = format!("{}?api-version={API}", role_resource(grant, assignment));
        lines.if_ok(&format!(
            "if not \"%ROLE%\"==\"same\" (az rest --method put --url {} --body @role.json --output none || set \"GRANT_OK=\")",
            argument(&url)?
        ));
    }
    for assignment in grant.assignments() {
        let name = name_of(assignment);
        lines.look(grant, assignment)?;
        lines.if_ok(&format!(
            "if \"%SAME%\"==\"none\" ({} || set \"GRANT_OK=\")",
            create(assignment)?
        ));
        // Shown before the messages, because each line can only test conditions, not branch.
        lines.show("\"%SAME%\"==\"differs\"", assignment)?;
        // A shared assignment may have any description, as long as it is the same otherwise.
        if assignment.sharing == Sharing::Account {
            lines.stop_if("\"%SAME% %WHOSE%\"==\"differs foreign\"", &about::foreign(&name));
        } else {
            lines.show("\"%SAME% %WHOSE%\"==\"same foreign\"", assignment)?;
            lines.stop_if(IS_ANOTHERS, &about::foreign(&name));
        }
        lines.stop_if("\"%SAME%\"==\"differs\"", &about::older(&name));
        lines.look(grant, assignment)?;
        lines.stop_if(
            "not \"%SAME%\"==\"same\"",
            &format!("{name}: Azure did not keep what was sent. Use the step that reads back"),
        );
        lines.if_ok(&format!("echo {name}: assigned"));
    }
    Ok(lines.end(Step::Apply))
}

/// Compares what Azure has with the grant. Changes nothing.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express a value.
pub(super) fn read_back(grant: &Grant) -> Result<Part, InvalidName> {
    let mut lines = Lines::with_principal(grant)?;
    lines.line("set \"BAD=\"");
    for assignment in grant.assignments() {
        let name = name_of(assignment);
        lines.look(grant, assignment)?;
        // cmd has no "or", so a shared assignment is compared by its first word alone.
        let wanted = match query::as_meant(assignment) {
            [one] => format!("\"%SAME% %WHOSE%\"==\"{one}\""),
            _ => "\"%SAME%\"==\"same\"".to_owned(),
        };
        lines.if_ok(&format!(
            "if {wanted} (echo {name}: as intended) else (set \"BAD=1\" & echo DRIFT: {name}: %SAME% %WHOSE%)"
        ));
        lines.show(&format!("not {wanted}"), assignment)?;
    }
    if let Some((assignment, _)) = custom_role(grant) {
        lines.word("ROLE", &role_list(grant, assignment)?, &query::role(assignment))?;
        lines.if_ok("if \"%ROLE%\"==\"same\" (echo the custom role: as intended) else (set \"BAD=1\" & echo DRIFT: the custom role: %ROLE%)");
    }
    if let Some(origin) = grant.origin() {
        lines.word("RULE", &cors_list(grant)?, &query::cors(origin))?;
        lines.if_ok("if \"%RULE%\"==\"complete\" (echo the CORS rule: as intended) else (set \"BAD=1\" & echo DRIFT: the CORS rule: %RULE%)");
    }
    // After all comparisons, so that one run shows all differences.
    lines.stop_if("defined BAD", "Azure does not match this grant: see above");
    Ok(lines.end(Step::ReadBack))
}

/// Changes assignments to what the grant intends.
///
/// Deletes the assignment and creates it again, because cmd cannot express the body of a request.
/// [`Step::Update`] stops if another grant owns the assignment; [`Step::Replace`] needs a confirmation.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express a value.
pub(super) fn change(grant: &Grant, step: Step) -> Result<Part, InvalidName> {
    let mut lines = Lines::with_principal(grant)?;
    for assignment in own(grant) {
        let name = name_of(assignment);
        lines.look(grant, assignment)?;
        lines.stop_if("\"%SAME%\"==\"none\"", &about::missing(&name));
        lines.show("not \"%SAME% %WHOSE%\"==\"same ours\"", assignment)?;
        if step == Step::Replace {
            lines.stop_if(
                "not \"%SAME% %WHOSE%\"==\"same ours\" if not \"%REPLACE_GRANT%\"==\"yes\"",
                &format!("{} Nothing was changed. To go on, type: set REPLACE_GRANT=yes and paste this again", about::loses(&name)),
            );
        } else {
            lines.stop_if(IS_ANOTHERS, &about::anothers(&name));
        }
        lines.if_ok(&format!(
            // `&&` and `||`: a failure of either command clears `GRANT_OK`.
            "if not \"%SAME% %WHOSE%\"==\"same ours\" (az role assignment delete --ids \"%ID%\" --output none && {} || set \"GRANT_OK=\")",
            create(assignment)?
        ));
        lines.look(grant, assignment)?;
        lines.stop_if(
            "not \"%SAME% %WHOSE%\"==\"same ours\"",
            &format!("{name}: Azure did not keep what was sent. Use the step that reads back"),
        );
    }
    if step == Step::Replace {
        // The confirmation counts once.
        lines.line("set \"REPLACE_GRANT=\"");
    } else {
        remove_leftovers(&mut lines, grant)?;
    }
    let mut part = lines.end(step);
    // The other forms change the assignment in place; the customer has to know this difference.
    part.about = "At the prompt of cmd the old assignment is deleted before the new one is created, so there is no access for some minutes.".to_owned();
    if step == Step::Replace {
        part.about.push_str(" To confirm, type first: set REPLACE_GRANT=yes");
    }
    Ok(part)
}
