//! Decides the rows of an audit: by the roles, by the scopes, and by proof under the conditions.
//!
//! Assignments add up: a request is allowed if one of them allows it. A proof that takes too long counts as
//! "may be allowed", so an audit errs on the side of warning.

use super::{
    access::{Access, Assigned, Decision},
    rows::{Kind, Places, Row},
};
use crate::{
    condition::{
        Condition,
        catalog::{BLOB_READ, CONTAINERS},
        prove::{self, Budget, Example, Family, Found},
    },
    connection::Connection,
    wildcard::star_matches,
};

/// How many steps the proofs of all rows together may take.
///
/// Bounds the audit of the largest condition to a fraction of a second.
const STEPS: u64 = 20_000_000;

/// How many steps one proof may take, so that one hard row leaves enough for the others.
const STEPS_OF_QUESTION: u64 = 2_000_000;

/// The least telling reason: other reasons win over it.
const NO_ACTION: &str = "the role does not have the action";
/// The reason of a row that could not be decided.
const UNPROVED: &str =
    "the conditions are too large or too entangled to prove that this is denied; split them up";

/// Decides all rows for the assignments.
///
/// The budget is shared: rows that come first are the ones that a scan needs, so they are decided
/// first.
pub(super) fn table(connection: &Connection, assignments: &[Assigned<'_>]) -> Vec<Access> {
    let mut budget = Budget::new(STEPS);
    let places = Places::of(connection, assignments, &mut budget);
    let mut table = Vec::new();
    for row in places.rows() {
        let access = match &row.kind {
            Kind::Data(families) => data(&row, families, assignments, &mut budget),
            Kind::Control { action, of_account } => {
                let (is_allowed, why) = control(&row, action, *of_account, assignments);
                let decision = if is_allowed { Decision::Allowed } else { Decision::Denied };
                access(&row, decision, why)
            }
        };
        // The row was decided once for a group of containers that no condition distinguishes.
        let same = row.same.into_iter().map(|(name, request)| {
            let name = name.as_str();
            let example = access.example.clone();
            let example = example.map(|it| it.resource(&format!("{CONTAINERS}:name"), name));
            Access { request, example, ..access.clone() }
        });
        let same: Vec<Access> = same.collect();
        table.push(access);
        table.extend(same);
    }
    table
}

/// Returns a decided row without an example.
fn access(row: &Row, decision: Decision, why: String) -> Access {
    Access { request: row.words.clone(), decision, needed: row.needed, why, example: None }
}

/// Decides requests for a data action, which conditions can limit.
///
/// Conditions are collected from the assignments that have the action on this container. Without a
/// condition, such an assignment allows everything.
fn data(
    row: &Row,
    families: &[Family],
    assignments: &[Assigned<'_>],
    budget: &mut Budget,
) -> Access {
    let mut reasons = Vec::new();
    let mut conditions: Vec<&Condition> = Vec::new();
    for assigned in assignments {
        let has = |family: &Family| match assigned.role {
            Some(role) => role.allows(family.action()),
            None => family.action() == BLOB_READ,
        };
        if !families.iter().all(has) {
            reasons.push(NO_ACTION.to_owned());
        } else if assigned.container.is_some() && assigned.container != row.container.as_deref() {
            reasons.push("the role is assigned on another container".to_owned());
        } else if let Some(condition) = assigned.condition {
            conditions.push(condition);
        } else {
            // Nothing can take this access away again, so the other assignments do not matter.
            let why = "the role has the action, without a condition".to_owned();
            return access(row, Decision::Allowed, why);
        }
    }
    if conditions.is_empty() {
        return access(row, Decision::Denied, most_telling(reasons));
    }
    match decided(families, &conditions, budget) {
        Decided::Denied => {
            let sample = families.first().map(Family::sample).unwrap_or_default();
            reasons.extend(conditions.iter().map(|condition| condition.reason(&sample)));
            access(row, Decision::Denied, most_telling(reasons))
        }
        Decided::Allowed => {
            let sample = families.first().map(Family::sample).unwrap_or_default();
            // One of the conditions allows the request; the reason is that of this one.
            let deciding = conditions.iter().find(|condition| condition.allows(&sample));
            let why = deciding.map(|condition| condition.reason(&sample)).unwrap_or_default();
            access(row, Decision::Allowed, why)
        }
        Decided::Sometimes(example) => {
            let why = format!("if {}", example.words());
            let example = Some(example.request);
            Access { example, ..access(row, Decision::MayBeAllowed, why) }
        }
        Decided::Unproved => access(row, Decision::MayBeAllowed, UNPROVED.to_owned()),
    }
}

/// The result of the proofs of a row.
enum Decided {
    Denied,
    Allowed,
    /// Some requests are allowed, for example this one.
    Sometimes(Example),
    Unproved,
}

/// Decides families of requests under conditions. A request is allowed if one condition allows it.
///
/// First looks for one allowed request, then for one denied request: a row is "allowed" only if there is
/// no denied one.
fn decided(families: &[Family], conditions: &[&Condition], budget: &mut Budget) -> Decided {
    let mut example = None;
    let mut unproved = false;
    // One allowed request is enough to exclude "denied".
    'search: for family in families {
        for condition in conditions {
            let mut share = budget.share(STEPS_OF_QUESTION);
            let found = prove::allowed(condition, family, &mut share);
            budget.put_back(&share);
            match found {
                Found::None => {}
                Found::Unproved => unproved = true,
                Found::Example(found) => {
                    example = Some(found);
                    break 'search;
                }
            }
        }
    }
    let Some(example) = example else {
        // Nothing was found, but a proof that was given up may have missed something.
        return if unproved { Decided::Unproved } else { Decided::Denied };
    };
    for family in families {
        let mut share = budget.share(STEPS_OF_QUESTION);
        let found = prove::denied(conditions, family, &mut share);
        budget.put_back(&share);
        if !matches!(found, Found::None) {
            return Decided::Sometimes(example);
        }
    }
    Decided::Allowed
}

/// Decides requests for an action, which no condition can limit.
///
/// Actions are not data actions: conditions do not apply to them, so role and scope decide alone.
fn control(
    row: &Row,
    action: &str,
    of_account: bool,
    assignments: &[Assigned<'_>],
) -> (bool, String) {
    let mut reasons = Vec::new();
    for assigned in assignments {
        let has = assigned
            .role
            .is_some_and(|role| role.actions().iter().any(|pattern| star_matches(pattern, action)));
        let why = match () {
            () if !has => NO_ACTION,
            () if assigned.container.is_none() => {
                return (
                    true,
                    "an action of the role on the account; no condition limits it".into(),
                );
            }
            () if !of_account && row.container.as_deref() == assigned.container => {
                return (
                    true,
                    "an action of the role on this container; no condition limits it".into(),
                );
            }
            () if of_account => "it takes a role on the account; this one is on the container",
            () => "the role is assigned on another container",
        };
        reasons.push(why.to_owned());
    }
    (false, most_telling(reasons))
}

/// Returns the reason to show among those of several assignments.
///
/// Prefers a reason other than that the role lacks the action, because such a role is not meant to allow
/// the request.
fn most_telling(mut reasons: Vec<String>) -> String {
    let position = reasons.iter().position(|reason| reason != NO_ACTION);
    if reasons.is_empty() {
        "no role is assigned".to_owned()
    } else {
        reasons.swap_remove(position.unwrap_or(0))
    }
}
