//! A step fails if Azure refuses one of its commands.

use azure_asset_sync::grant::{Shape, Step};

use super::{
    case::Case,
    machine::{Machine, find_az},
};

/// The method and a part of the path that are refused, the step that needs the request, and whether the
/// grant is already applied.
const REFUSALS: [(&str, &str, Step, bool); 14] = [
    ("GET", "/servicePrincipals", Step::Principal, true),
    ("POST", "/servicePrincipals", Step::Principal, false),
    ("GET", "/servicePrincipals", Step::Apply, false),
    ("GET", "/roleAssignments", Step::Apply, false),
    ("PUT", "/roleAssignments/", Step::Apply, false),
    ("PUT", "/roleDefinitions/", Step::Apply, false),
    ("GET", "/blobServices/default", Step::Cors, false),
    ("PUT", "/blobServices/default", Step::Cors, false),
    ("GET", "/roleAssignments", Step::ReadBack, true),
    ("GET", "/blobServices/default", Step::ReadBack, true),
    ("GET", "/roleAssignments", Step::Update, true),
    ("GET", "/roleAssignments", Step::Revoke, true),
    ("DELETE", "/roleAssignments/", Step::Revoke, true),
    ("DELETE", "/roleDefinitions/", Step::Revoke, true),
];

fn refused(shape: Shape) {
    let Some(az) = find_az() else { return };
    let machine = Machine::new(&az);
    let case = Case::new(&machine, shape, "training", "hall-3/");
    let before = machine.fake.directory();
    let applied = case.applied_to(before.clone());
    let mut wrong = Vec::new();
    for (method, part, step, is_applied) in REFUSALS {
        if part == "/roleDefinitions/" && shape != Shape::CustomRole {
            continue;
        }
        let mut directory = if is_applied { applied.clone() } else { before.clone() };
        if step == Step::Apply {
            directory.principals.clone_from(&applied.principals);
        }
        machine.fake.state().directory = directory;
        machine.fake.state().refused = vec![(method, part)];
        let outcome = case.run(step);
        if outcome.ok {
            wrong.push(format!("{step:?}, {method} {part} refused: {outcome}"));
        }
    }
    assert!(wrong.is_empty(), "{shape}: {} wrong\n{}", wrong.len(), wrong.join("\n\n"));
    machine.assert_no_strays();
}

#[test]
fn a_step_for_a_condition_on_the_account_fails_if_it_is_refused() {
    refused(Shape::AccountWithCondition);
}

#[test]
fn a_step_for_a_custom_role_fails_if_it_is_refused() {
    refused(Shape::CustomRole);
}
