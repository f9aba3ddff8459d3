//! Removes assignments and roles at the prompt of cmd, and ends what grants share.
//!
//! Deletes one thing after the other and looks again after each. What stays is reported and clears
//! `GRANT_OK` at the end.

use super::{
    super::{
        super::{Grant, Part, RoleAssignment, Step},
        about, query,
        selection::{Removal, leftovers, name_of, revocation, shared_or_earlier},
        windows::cmd as argument,
    },
    lines::{IS_ANOTHERS, Lines, role_list, with_object_id},
};
use crate::name::InvalidName;

/// Removes what only this grant uses. Fails if anything of it stays.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express a value.
pub(super) fn revoke(grant: &Grant) -> Result<Part, InvalidName> {
    let mut lines = Lines::with_principal(grant)?;
    remove_all(&mut lines, grant, &revocation(grant))?;
    Ok(lines.end(Step::Revoke))
}

/// Removes what earlier grants had and this grant does not use.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express a value.
pub(super) fn remove_leftovers(lines: &mut Lines, grant: &Grant) -> Result<(), InvalidName> {
    remove_all(lines, grant, &leftovers(grant))
}

/// Removes in order. If anything stays, goes on with the rest and fails at the end.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express a value.
fn remove_all(
    lines: &mut Lines,
    grant: &Grant,
    removals: &[Removal<'_>],
) -> Result<(), InvalidName> {
    if removals.is_empty() {
        return Ok(());
    }
    lines.line("set \"LEFT=\"");
    for removal in removals {
        match removal {
            Removal::Assignment(assignment) => remove(lines, grant, assignment)?,
            Removal::SharedIfUnused(assignment) => revoke_if_unused(lines, grant, assignment)?,
            Removal::Role(assignment) => remove_role(lines, grant, assignment)?,
        }
    }
    lines.stop_if("defined LEFT", "something is still there: see above");
    Ok(())
}

/// Deletes an assignment, unless it belongs to another grant.
///
/// Sets `LEFT` if the assignment stays. Does nothing if there is none, so a second run succeeds.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express a value.
fn remove(
    lines: &mut Lines,
    grant: &Grant,
    assignment: &RoleAssignment,
) -> Result<(), InvalidName> {
    let name = name_of(assignment);
    lines.look(grant, assignment)?;
    // Shown even though nothing is deleted, so that the user can see whose it is.
    lines.show(IS_ANOTHERS, assignment)?;
    lines.if_ok(&format!(
        "if {IS_ANOTHERS} (set \"LEFT=1\" & echo KEPT: {name}: the assignment shown above belongs to another grant)"
    ));
    lines.if_ok(&format!(
        "if not \"%SAME%\"==\"none\" if not {IS_ANOTHERS} (az role assignment delete --ids \"%ID%\" --output none || set \"GRANT_OK=\")"
    ));
    lines.look(grant, assignment)?;
    lines.if_ok(&format!(
        "if \"%SAME%\"==\"none\" (echo {name}: not assigned) else (set \"LEFT=1\" & echo KEPT: {name}: still assigned)"
    ));
    Ok(())
}

/// Deletes the definition of the custom role that an assignment uses.
///
/// A role that is still assigned somewhere cannot be deleted; then the role stays and `LEFT` is
/// set.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express a value.
fn remove_role(
    lines: &mut Lines,
    grant: &Grant,
    assignment: &RoleAssignment,
) -> Result<(), InvalidName> {
    let list = role_list(grant, assignment)?;
    lines.word("ROLE", &list, &query::role(assignment))?;
    lines.if_ok(&format!(
        "if not \"%ROLE%\"==\"none\" (az role definition delete --name {} --scope {} --output none || set \"GRANT_OK=\")",
        assignment.role_id,
        argument(&grant.group_scope())?
    ));
    lines.word("ROLE", &list, &query::role(assignment))?;
    lines.if_ok(
        "if not \"%ROLE%\"==\"none\" (set \"LEFT=1\" & echo KEPT: the custom role is still there)",
    );
    Ok(())
}

/// Deletes the assignment that grants share, if no other assignment needs it.
///
/// Another grant needs the assignment while the principal has assignments on containers of the
/// account. Keeps an assignment that no grant creates in this form.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express a value.
fn revoke_if_unused(
    lines: &mut Lines,
    grant: &Grant,
    assignment: &RoleAssignment,
) -> Result<(), InvalidName> {
    let name = name_of(assignment);
    lines.look(grant, assignment)?;
    let query = with_object_id(&query::users(grant))?;
    lines.line("set \"USERS=\"");
    lines.set("USERS", &format!("az role assignment list --all --query {query} --output tsv"));
    // Fails safe: without the number, nothing is deleted.
    lines.stop_if("not defined USERS", "the assignments cannot be read, see above");
    lines.if_ok(&format!("if \"%SAME%\"==\"none\" echo {name}: not assigned"));
    lines.if_ok(&format!(
        "if not \"%SAME%\"==\"none\" if not \"%USERS%\"==\"0\" echo {name}: kept, because the application has assignments on containers of the account"
    ));
    // Not used by any container, but with a condition or another principal type than a grant
    // creates.
    let odd = "\"%SAME% %USERS%\"==\"differs 0\"";
    lines.show(odd, assignment)?;
    lines.if_ok(&format!("if {odd} (set \"LEFT=1\" & echo {})", about::odd_delegator(&name)));
    lines.if_ok(
        "if \"%SAME% %USERS%\"==\"same 0\" (az role assignment delete --ids \"%ID%\" --output none || set \"GRANT_OK=\")",
    );
    Ok(())
}

/// Ends what other grants use too, if the user confirmed it by a variable.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express a value.
pub(super) fn end_shared(grant: &Grant) -> Result<Part, InvalidName> {
    let mut lines = match shared_or_earlier(grant) {
        Some(_) => Lines::with_principal(grant)?,
        None => Lines::new(grant),
    };
    let mut variables = Vec::new();
    // The prompt cannot ask a question that pasted lines do not answer, so a variable confirms.
    let mut guarded = |lines: &mut Lines, variable: &'static str, question: &str, command: &str| {
        lines.if_ok(&format!(
            "if \"%{variable}%\"==\"yes\" ({command} || set \"GRANT_OK=\") else echo {question} Nothing was done. To do it, type: set {variable}=yes and paste this again"
        ));
        variables.push(variable);
    };
    if let Some(assignment) = shared_or_earlier(grant) {
        lines.look(grant, assignment)?;
        let question = about::ends_delegator(grant, &name_of(assignment));
        let command = "az role assignment delete --ids \"%ID%\" --output none";
        guarded(&mut lines, "END_DELEGATOR", &question, command);
    }
    if grant.has_view_links() {
        let command = format!(
            "az storage account revoke-delegation-keys --name {} --resource-group {} --output none",
            grant.account(),
            argument(grant.resource_group())?
        );
        guarded(&mut lines, "END_LINKS", &about::ends_links(grant), &command);
    }
    let command = format!("az ad sp delete --id {} --output none", grant.application());
    guarded(&mut lines, "END_PRINCIPAL", &about::ends_principal(grant), &command);
    // Each confirmation counts once.
    for variable in &variables {
        lines.line(format!("set \"{variable}=\""));
    }
    let names: Vec<_> = variables.iter().map(|name| format!("set {name}=yes")).collect();
    let mut part = lines.end(Step::EndShared);
    part.about = format!("To confirm, type first what you want to end: {}", names.join(", or "));
    Ok(part)
}
