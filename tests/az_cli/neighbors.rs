//! Two grants on one account: neither takes the other's access.

use azure_asset_sync::grant::{Shape, Step};

use super::{
    case::{Case, rules},
    machine::{Machine, find_az},
};

/// Two containers of one account, for one application: applied one after the other, revoked in the
/// same order
fn beside_another_container(shape: Shape) {
    let Some(az) = find_az() else { return };
    let machine = Machine::new(&az);
    let first = Case::new(&machine, shape, "training", "hall-3/");
    let second = Case::new(&machine, shape, "inspection", "");
    let before = machine.fake.directory();
    first.apply();
    second.apply();
    first.run(Step::ReadBack).succeeded();
    first.run(Step::Revoke).succeeded();
    // Nothing of the first, and everything of the second, with what they share.
    second.run(Step::ReadBack).succeeded();
    let mut expected = second.applied_to(before.clone());
    let mut left = machine.fake.directory();
    for directory in [&mut expected, &mut left] {
        directory.assignments.sort_by(|a, b| a.name.cmp(&b.name));
        for role in &mut directory.roles {
            role.description.clear();
        }
    }
    assert_eq!(left, expected);
    second.run(Step::Revoke).succeeded();
    let left = machine.fake.directory();
    let mine = left.assignments_of(super::fake::PRINCIPAL);
    assert!(mine.is_empty(), "{mine:#?}");
    assert_eq!((left.assignments, left.roles), (before.assignments, before.roles));
    assert_eq!(left.accounts[0].revoked_keys, 0, "this ends the links of others");
    assert_eq!(left.principals.len(), before.principals.len() + 1, "others may need it");
    machine.assert_no_strays();
}

#[test]
fn two_roles_beside_another_container() {
    beside_another_container(Shape::ContainerAndDelegator);
}

#[test]
fn a_custom_role_beside_another_container() {
    beside_another_container(Shape::CustomRole);
}

/// On the account there is one assignment, so the second grant cannot be applied beside the first
#[test]
fn a_condition_on_the_account_does_not_replace_another() {
    let Some(az) = find_az() else { return };
    let machine = Machine::new(&az);
    let shape = Shape::AccountWithCondition;
    let first = Case::new(&machine, shape, "training", "hall-3/");
    let second = Case::new(&machine, shape, "inspection", "");
    machine.fake.state().directory = first.applied_to(machine.fake.directory());
    let applied = machine.fake.directory();
    for step in [Step::Apply, Step::ReadBack, Step::Update, Step::Revoke] {
        assert_eq!(second.run(step).failed().changes(), [""; 0], "{step:?}");
    }
    assert_eq!(machine.fake.directory(), applied);
    first.run(Step::ReadBack).succeeded();
    machine.assert_no_strays();
}

#[test]
fn the_rules_for_browsers_of_others_stay() {
    let Some(az) = find_az() else { return };
    let machine = Machine::new(&az);
    let case = Case::new(&machine, Shape::AccountWithCondition, "training", "");
    let mut directory = machine.fake.directory();
    let foreign = rules(&mut directory)[0].clone();
    for _ in 0..4 {
        rules(&mut directory).push(foreign.clone());
    }
    // There is no room for one more, and none of theirs goes.
    machine.fake.state().directory = directory.clone();
    case.run(Step::Cors).failed();
    assert_eq!(machine.fake.directory(), directory);
}
