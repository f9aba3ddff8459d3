//! Removes assignments and roles in bash, and ends what grants share.
//!
//! Deletes one thing after the other and looks again after each. What stays is reported and makes
//! the block fail at the end.

use super::{
    super::{
        super::{Grant, Part, RoleAssignment, Step, quote::bash as quoted},
        about, query,
        selection::{Removal, leftovers, name_of, revocation, shared_or_earlier},
    },
    block::{Block, IS_ANOTHERS, ask_function, role_list, with_object_id},
};

/// Stops with an error if anything that was to be removed is still there.
pub(super) const NOTHING_LEFT: &str =
    "[ \"$LEFT\" = 0 ] || grant_stop 'something is still there: see above'";

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
    block.line("LEFT=0");
    for removal in removals {
        match removal {
            Removal::Assignment(assignment) => remove(block, grant, assignment),
            Removal::SharedIfUnused(assignment) => revoke_if_unused(block, grant, assignment),
            Removal::Role(assignment) => remove_role(block, grant, assignment),
        }
    }
    // Only now, so that one thing that cannot be removed does not keep the others.
    block.line(NOTHING_LEFT);
}

/// Deletes an assignment, unless it belongs to another grant.
///
/// Sets `LEFT` if the assignment stays. Does nothing if there is none, so a second run succeeds.
pub(super) fn remove(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    block.look(grant, assignment);
    block.line("if [ -z \"$STATE\" ]; then");
    block.line(format!("  echo {}", quoted(&format!("{name}: not assigned"))));
    block.line(format!("elif {IS_ANOTHERS}; then"));
    block.line("  LEFT=1");
    block.show(assignment);
    let kept = format!("KEPT: {name}: the assignment shown above belongs to another grant");
    block.line(format!("  echo {} >&2", quoted(&kept)));
    block.line("else");
    delete(block, grant, assignment);
    block.line("fi");
}

/// Deletes the definition of the custom role that an assignment uses.
///
/// A role that is still assigned somewhere cannot be deleted; then the role stays and `LEFT` is
/// set.
pub(super) fn remove_role(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let list = role_list(grant, assignment);
    block.line(format!("ROLE=$({list})"));
    block.line("if [ -n \"$ROLE\" ]; then");
    block.line(format!(
        // `|| LEFT=1` instead of the exit of `set -e`: the other things are removed nevertheless.
        "  az role definition delete --name {} --scope {} --output none || LEFT=1",
        assignment.role_id,
        quoted(&grant.group_scope())
    ));
    block.line(format!("  ROLE=$({list})"));
    block.line("  if [ -n \"$ROLE\" ]; then LEFT=1; echo 'KEPT: the custom role is still there' >&2; else echo 'The custom role was removed.'; fi");
    block.line("fi");
}

/// Deletes the assignment that was found, and looks again.
///
/// The exit status of the deletion is no proof, so the block looks again. Sets `LEFT` if the
/// assignment is still there.
fn delete(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    block.line("  az role assignment delete --ids \"$ID\" --output none");
    block.look(grant, assignment);
    let kept = format!("KEPT: {name}: still assigned");
    block.line(format!(
        "  if [ -n \"$STATE\" ]; then LEFT=1; echo {} >&2; else echo {}; fi",
        quoted(&kept),
        quoted(&format!("{name}: removed"))
    ));
}

/// Deletes the assignment that grants share, if no other assignment needs it.
///
/// Counts the assignments of the principal on all containers of the account. While there is one,
/// another grant needs the shared assignment. Keeps an assignment that no grant creates in this
/// form.
pub(super) fn revoke_if_unused(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    let users = with_object_id(&query::users(grant));
    block.look(grant, assignment);
    block.line(format!(
        // `--all` covers the subscription; a scope would not include the containers below the
        // account.
        "USERS=$(az role assignment list --all --query {users} --output tsv | tr -d '\\r')"
    ));
    block.line("if [ -z \"$STATE\" ]; then");
    block.line(format!("  echo {}", quoted(&format!("{name}: not assigned"))));
    // Fails safe: if the number cannot be read, `set -e` has already ended the block.
    block.line("elif [ \"$USERS\" != 0 ]; then");
    block.line(format!(
        "  printf '%s: kept, because the application has assignments on containers of the account (%s)\\n' {} \"$USERS\"",
        quoted(&name)
    ));
    block.line("elif [ \"${STATE%% *}\" = same ]; then");
    delete(block, grant, assignment);
    block.line("else");
    block.line("  LEFT=1");
    block.show(assignment);
    block.line(format!("  echo {} >&2", quoted(&about::odd_delegator(&name))));
    block.line("fi");
}

/// Ends what other grants use too, and asks before each command.
pub(super) fn end_shared(grant: &Grant) -> Part {
    // Without a shared assignment, the object ID is not needed and not looked up.
    let mut block = match shared_or_earlier(grant) {
        Some(_) => Block::with_principal(grant),
        None => Block::new(grant),
    };
    ask_function(&mut block);
    if let Some(assignment) = shared_or_earlier(grant) {
        let name = name_of(assignment);
        block.look(grant, assignment);
        let question = about::ends_delegator(grant, &name);
        block.line(format!("if [ -n \"$STATE\" ] && grant_ask {}; then", quoted(&question)));
        block.line("  az role assignment delete --ids \"$ID\" --output none");
        block.line(format!("  echo {}", quoted(&format!("{name}: removed"))));
        block.line("else");
        block.line(format!("  echo {}", quoted(&format!("{name}: nothing was done"))));
        block.line("fi");
    }
    if grant.has_view_links() {
        let account = grant.account();
        block.line(format!("if grant_ask {}; then", quoted(&about::ends_links(grant))));
        block.line(format!(
            // Ends the keys of all services: Azure cannot revoke a single key.
            "  az storage account revoke-delegation-keys --name {account} --resource-group {} --output none",
            quoted(grant.resource_group())
        ));
        block.line("  echo 'View links: ended'");
        block.line("else");
        block.line("  echo 'View links: nothing was done'");
        block.line("fi");
    }
    // Last, because everything before needs the principal to look assignments up.
    block.line(format!("if grant_ask {}; then", quoted(&about::ends_principal(grant))));
    block.line(format!("  az ad sp delete --id {} --output none", grant.application()));
    block.line("  echo 'Service principal: deleted'");
    block.line("else");
    block.line("  echo 'Service principal: nothing was done'");
    block.line("fi");
    block.end(Step::EndShared)
}
