//! Removes assignments and roles with the Az module of PowerShell, and ends what grants share.
//!
//! Deletes one thing after the other and looks again after each. What stays is reported and makes
//! the block fail at the end.

use super::{
    super::{
        super::{Grant, Part, RoleAssignment, Step, quote::powershell as quoted},
        about,
        selection::{Removal, leftovers, name_of, revocation, shared_or_earlier},
    },
    block::{Block, ask, role_look, throw},
};

/// Removes what only this grant uses. Fails if anything of it stays.
pub(super) fn revoke(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    remove_all(&mut block, grant, &revocation(grant));
    block.end(Step::Revoke)
}

/// Removes what earlier grants had and this grant does not use.
pub(super) fn remove_leftovers(block: &mut Block, grant: &Grant) {
    remove_all(block, grant, &leftovers(grant))
}

/// Removes in order. If anything stays, goes on with the rest and fails at the end.
fn remove_all(block: &mut Block, grant: &Grant, removals: &[Removal<'_>]) {
    if removals.is_empty() {
        return;
    }
    block.line("$LEFT = $false");
    for removal in removals {
        match removal {
            Removal::Assignment(assignment) => remove(block, grant, assignment),
            Removal::SharedIfUnused(assignment) => revoke_if_unused(block, grant, assignment),
            Removal::Role(assignment) => remove_role(block, grant, assignment),
        }
    }
    let stop = throw("something is still there: see above");
    block.line(format!("if ($LEFT) {{ {stop} }}"));
}

/// Deletes an assignment, unless it belongs to another grant.
///
/// Sets `$LEFT` if the assignment stays. Does nothing if there is none, so a second run succeeds.
fn remove(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    block.look(grant, assignment);
    block.line(format!("if (-not $FOUND) {{ {} }}", quoted(&format!("{name}: not assigned"))));
    block.line("elseif (-not $KNOWN) {");
    block.line("  $LEFT = $true");
    block.show();
    block.say(&format!("KEPT: {name}: the assignment shown above belongs to another grant"));
    block.line("} else {");
    delete(block, grant, assignment);
    block.line("}");
}

/// Deletes the definition of the custom role that an assignment uses.
///
/// `-Force` only suppresses the question; a role that is still assigned is not deleted.
fn remove_role(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    role_look(block, grant, assignment);
    block.line("if ($ROLE) {");
    block.line(format!(
        "  Remove-AzRoleDefinition -Id '{}' -Scope {} -Force | Out-Null",
        assignment.role_id,
        quoted(&grant.group_scope())
    ));
    role_look(block, grant, assignment);
    block.line("  if ($ROLE) { $LEFT = $true; 'KEPT: the custom role is still there' } else { 'The custom role was removed.' }");
    block.line("}");
}

/// Deletes the assignment that was found, and looks again.
///
/// Looks again afterwards, and sets `$LEFT` if the assignment is still there.
fn delete(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    block.line("  $FOUND | Remove-AzRoleAssignment | Out-Null");
    block.look(grant, assignment);
    block.line(format!(
        "  if ($FOUND) {{ $LEFT = $true; {} }} else {{ {} }}",
        quoted(&format!("KEPT: {name}: still assigned")),
        quoted(&format!("{name}: removed"))
    ));
}

/// Deletes the assignment that grants share, if no other assignment needs it.
///
/// Another grant needs the assignment while the principal has assignments on containers of the
/// account.
fn revoke_if_unused(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    block.look(grant, assignment);
    block.line(format!(
        // `@(…)` makes a list also of one or no assignment, which otherwise has no `Count`.
        "$USERS = @(Get-AzRoleAssignment -ObjectId $OID | Where-Object Scope -like '*/storageAccounts/{}/*').Count",
        grant.account()
    ));
    block.line(format!("if (-not $FOUND) {{ {} }}", quoted(&format!("{name}: not assigned"))));
    block.line(format!(
        "elseif ($USERS -ne 0) {{ {} }}",
        quoted(&format!(
            "{name}: kept, because the application has assignments on containers of the account"
        ))
    ));
    // Only an assignment as a grant creates it is deleted without a question.
    block.line("elseif ($SAME) {");
    delete(block, grant, assignment);
    block.line("} else {");
    block.line("  $LEFT = $true");
    block.show();
    block.say(&about::odd_delegator(&name));
    block.line("}");
}

/// Ends what other grants use too, and asks before each command.
pub(super) fn end_shared(grant: &Grant) -> Part {
    let mut block = match shared_or_earlier(grant) {
        Some(_) => Block::with_principal(grant),
        None => Block::new(grant),
    };
    if let Some(assignment) = shared_or_earlier(grant) {
        let name = name_of(assignment);
        block.look(grant, assignment);
        let question = about::ends_delegator(grant, &name);
        block.line(format!("if ($FOUND -and ({})) {{", ask(&question)));
        block.line("  $FOUND | Remove-AzRoleAssignment | Out-Null");
        block.line(format!("}} else {{ {} }}", quoted(&format!("{name}: nothing was done"))));
    }
    if grant.has_view_links() {
        block.line(format!("if ({}) {{", ask(&about::ends_links(grant))));
        block.line(format!(
            "  Revoke-AzStorageAccountUserDelegationKeys -ResourceGroupName {} -StorageAccountName '{}'",
            quoted(grant.resource_group()),
            grant.account()
        ));
        block.line("} else { 'View links: nothing was done' }");
    }
    // Last, because everything before needs the principal to look assignments up.
    block.line(format!("if ({}) {{", ask(&about::ends_principal(grant))));
    block.line(format!("  Remove-AzADServicePrincipal -ApplicationId '{}'", grant.application()));
    block.line("} else { 'Service principal: nothing was done' }");
    block.end(Step::EndShared)
}
