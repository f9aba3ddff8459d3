//! The assignments and roles that each step is about.
//!
//! A grant can replace earlier grants and share an assignment with other grants. What a step may change or
//! remove is decided here once, and each form only spells it.

use super::super::{Grant, RoleAssignment, Sharing};

/// One thing that a step removes.
pub(super) enum Removal<'a> {
    /// An assignment, unless it belongs to another grant.
    Assignment(&'a RoleAssignment),
    /// The assignment that all grants of the application share, if no other assignment needs it.
    SharedIfUnused(&'a RoleAssignment),
    /// The definition of the custom role that an assignment uses.
    Role(&'a RoleAssignment),
}

/// Returns what a revocation removes, in order.
///
/// INVARIANT: a role comes after its assignments, because Azure deletes no role that is assigned.
pub(super) fn revocation(grant: &Grant) -> Vec<Removal<'_>> {
    let role = grant.assignments().iter().find(|assignment| assignment.role.is_none());
    removals(
        own(grant).chain(obsolete(grant)),
        shared_or_earlier(grant),
        role.into_iter().chain(obsolete_roles(grant)),
    )
}

/// Returns what earlier grants had and this grant does not use, in the order of the removal.
///
/// Empty if there is nothing to remove.
pub(super) fn leftovers(grant: &Grant) -> Vec<Removal<'_>> {
    removals(obsolete(grant), obsolete_shared(grant), obsolete_roles(grant))
}

/// Puts the three kinds in their order.
fn removals<'a>(
    assignments: impl IntoIterator<Item = &'a RoleAssignment>,
    shared: Option<&'a RoleAssignment>,
    roles: impl IntoIterator<Item = &'a RoleAssignment>,
) -> Vec<Removal<'a>> {
    let assignments = assignments.into_iter().map(Removal::Assignment);
    let shared = shared.into_iter().map(Removal::SharedIfUnused);
    assignments.chain(shared).chain(roles.into_iter().map(Removal::Role)).collect()
}

/// Returns the name of an assignment as people say it, for example in messages.
///
/// For example `Storage Blob Data Reader on container training`.
pub(super) fn name_of(assignment: &RoleAssignment) -> String {
    match &assignment.container {
        Some(container) => format!("{} on container {container}", assignment.role_name),
        None => format!("{} on the account", assignment.role_name),
    }
}

/// Returns the assignments that no other grant uses.
///
/// A revocation may remove these without asking.
pub(super) fn own(grant: &Grant) -> impl Iterator<Item = &RoleAssignment> {
    grant.assignments().iter().filter(|assignment| assignment.sharing != Sharing::Account)
}

/// Returns the assignment that every grant of the application on the account uses, if there is one.
pub(super) fn shared(grant: &Grant) -> Option<&RoleAssignment> {
    grant.assignments().iter().find(|assignment| assignment.sharing == Sharing::Account)
}

/// Returns the shared assignment, or that of an earlier grant if this grant has none.
pub(super) fn shared_or_earlier(grant: &Grant) -> Option<&RoleAssignment> {
    shared(grant).or_else(|| obsolete_shared(grant))
}

/// Returns the shared assignment of an earlier grant, if this grant has none.
///
/// Removed only if no other assignment of the principal needs it; see [`Removal::SharedIfUnused`].
pub(super) fn obsolete_shared(grant: &Grant) -> Option<&RoleAssignment> {
    let earlier = grant.replaces().find(|a| a.sharing == Sharing::Account);
    earlier.filter(|_| shared(grant).is_none())
}

/// Returns the assignments of earlier grants that this grant does not replace with its own.
///
/// An assignment at the same place as one of this grant is changed, not removed.
pub(super) fn obsolete(grant: &Grant) -> Vec<&RoleAssignment> {
    let mut found: Vec<&RoleAssignment> = Vec::new();
    for earlier in grant.replaces().filter(|a| a.sharing != Sharing::Account) {
        if !grant
            .assignments()
            .iter()
            .chain(found.iter().copied())
            .any(|a| a.is_in_place_of(earlier))
        {
            found.push(earlier);
        }
    }
    found
}

/// Returns the custom roles of earlier grants that this grant does not use, each by one of its
/// assignments.
pub(super) fn obsolete_roles(grant: &Grant) -> Vec<&RoleAssignment> {
    let mut found: Vec<&RoleAssignment> = Vec::new();
    for earlier in obsolete(grant).into_iter().filter(|a| a.role.is_none()) {
        let mut others = grant.assignments().iter().chain(found.iter().copied());
        if !others.any(|a| a.role_id == earlier.role_id) {
            found.push(earlier);
        }
    }
    found
}

/// Returns the descriptions that earlier grants gave to this assignment.
///
/// An assignment with one of them belongs to an earlier grant, so this grant may change it.
pub(super) fn earlier_descriptions<'a>(
    grant: &'a Grant,
    assignment: &RoleAssignment,
) -> Vec<&'a str> {
    let earlier = grant.replaces().filter(|a| a.is_in_place_of(assignment));
    let mut found: Vec<_> = earlier.map(|a| a.description.as_str()).collect();
    found.retain(|text| *text != assignment.description);
    found.sort_unstable();
    found.dedup();
    found
}
