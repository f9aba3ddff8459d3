//! Removes assignments and roles with the Azure CLI in PowerShell, and ends what grants share.
//!
//! Deletes one thing after the other and looks again after each. What stays is reported and makes
//! the block fail at the end.

use super::{
    super::{
        super::{Grant, Part, RoleAssignment, Step, quote::powershell as quoted},
        about, query,
        selection::{Removal, leftovers, name_of, revocation, shared_or_earlier},
        windows::powershell as argument,
    },
    block::{Block, ask, role_look, throw, with_object_id},
};
use crate::name::InvalidName;

/// Removes what only this grant uses. Fails if anything of it stays.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
pub(super) fn revoke(grant: &Grant) -> Result<Part, InvalidName> {
    let mut block = Block::with_principal(grant);
    remove_all(&mut block, grant, &revocation(grant))?;
    Ok(block.end(Step::Revoke))
}

/// Removes what earlier grants had and this grant does not use.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
pub(super) fn remove_leftovers(block: &mut Block, grant: &Grant) -> Result<(), InvalidName> {
    remove_all(block, grant, &leftovers(grant))
}

/// Removes in order. If anything stays, goes on with the rest and fails at the end.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
fn remove_all(
    block: &mut Block,
    grant: &Grant,
    removals: &[Removal<'_>],
) -> Result<(), InvalidName> {
    if removals.is_empty() {
        return Ok(());
    }
    block.line("$LEFT = $false");
    for removal in removals {
        match removal {
            Removal::Assignment(assignment) => remove(block, grant, assignment)?,
            Removal::SharedIfUnused(assignment) => revoke_if_unused(block, grant, assignment)?,
            Removal::Role(assignment) => remove_role(block, grant, assignment)?,
        }
    }
    let stop = throw("something is still there: see above");
    block.line(format!("if ($LEFT) {{ {stop} }}"));
    Ok(())
}

/// Deletes an assignment, unless it belongs to another grant.
///
/// Sets `$LEFT` if the assignment stays. Does nothing if there is none, so a second run succeeds.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
fn remove(
    block: &mut Block,
    grant: &Grant,
    assignment: &RoleAssignment,
) -> Result<(), InvalidName> {
    let name = name_of(assignment);
    block.look(grant, assignment)?;
    block.line(format!("if (-not $SAME) {{ {} }}", quoted(&format!("{name}: not assigned"))));
    block.line("elseif ($WHOSE -ceq 'foreign') {");
    block.line("  $LEFT = $true");
    block.show(assignment)?;
    block.say(&format!("KEPT: {name}: the assignment shown above belongs to another grant"));
    block.line("} else {");
    delete(block, grant, assignment)?;
    block.line("}");
    Ok(())
}

/// Deletes the definition of the custom role that an assignment uses.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
fn remove_role(
    block: &mut Block,
    grant: &Grant,
    assignment: &RoleAssignment,
) -> Result<(), InvalidName> {
    role_look(block, grant, assignment)?;
    block.line("if ($ROLE) {");
    block.line(format!(
        // `az` prints why a role cannot be deleted, for example because it is still assigned.
        "  az role definition delete --name {} --scope {} --output none",
        assignment.role_id,
        argument(&grant.group_scope())?
    ));
    block.line("  Assert-Az");
    role_look(block, grant, assignment)?;
    block.line("  if ($ROLE) { $LEFT = $true; 'KEPT: the custom role is still there' } else { 'The custom role was removed.' }");
    block.line("}");
    Ok(())
}

/// Deletes the assignment that was found, and looks again.
///
/// Looks again afterwards, and sets `$LEFT` if the assignment is still there.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
fn delete(
    block: &mut Block,
    grant: &Grant,
    assignment: &RoleAssignment,
) -> Result<(), InvalidName> {
    let name = name_of(assignment);
    block.line("  az role assignment delete --ids $ID --output none");
    block.line("  Assert-Az");
    block.look(grant, assignment)?;
    block.line(format!(
        "  if ($SAME) {{ $LEFT = $true; {} }} else {{ {} }}",
        quoted(&format!("KEPT: {name}: still assigned")),
        quoted(&format!("{name}: removed"))
    ));
    Ok(())
}

/// Deletes the assignment that grants share, if no other assignment needs it.
///
/// Another grant needs the assignment while the principal has assignments on containers of the
/// account.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
fn revoke_if_unused(
    block: &mut Block,
    grant: &Grant,
    assignment: &RoleAssignment,
) -> Result<(), InvalidName> {
    let name = name_of(assignment);
    block.look(grant, assignment)?;
    block.line(format!(
        "$USERS = az role assignment list --all --query {} --output tsv",
        with_object_id(&query::users(grant))?
    ));
    block.line("Assert-Az");
    block.line(format!("if (-not $SAME) {{ {} }}", quoted(&format!("{name}: not assigned"))));
    block.line(format!(
        "elseif (\"$USERS\" -cne '0') {{ {} }}",
        quoted(&format!(
            "{name}: kept, because the application has assignments on containers of the account"
        ))
    ));
    // Only an assignment as a grant creates it is deleted without a question.
    block.line("elseif ($SAME -ceq 'same') {");
    delete(block, grant, assignment)?;
    block.line("} else {");
    block.line("  $LEFT = $true");
    block.show(assignment)?;
    block.say(&about::odd_delegator(&name));
    block.line("}");
    Ok(())
}

/// Ends what other grants use too, and asks before each command.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
pub(super) fn end_shared(grant: &Grant) -> Result<Part, InvalidName> {
    let mut block = match shared_or_earlier(grant) {
        Some(_) => Block::with_principal(grant),
        None => Block::new(grant),
    };
    if let Some(assignment) = shared_or_earlier(grant) {
        block.look(grant, assignment)?;
        let question = about::ends_delegator(grant, &name_of(assignment));
        block.line(format!("if ($SAME -and ({})) {{", ask(&question)));
        block.line("  az role assignment delete --ids $ID --output none");
        block.line("  Assert-Az");
        block.line(format!(
            "}} else {{ {} }}",
            quoted(&format!("{}: nothing was done", name_of(assignment)))
        ));
    }
    if grant.has_view_links() {
        block.line(format!("if ({}) {{", ask(&about::ends_links(grant))));
        block.line(format!(
            "  az storage account revoke-delegation-keys --name {} --resource-group {} --output none",
            grant.account(),
            argument(grant.resource_group())?
        ));
        block.line("  Assert-Az");
        block.line("} else { 'View links: nothing was done' }");
    }
    // Last, because everything before needs the principal to look assignments up.
    block.line(format!("if ({}) {{", ask(&about::ends_principal(grant))));
    block.line(format!("  az ad sp delete --id {} --output none", grant.application()));
    block.line("  Assert-Az");
    block.line("} else { 'Service principal: nothing was done' }");
    Ok(block.end(Step::EndShared))
}
