//! Two grants on one account: neither takes the other's access.

use azure_asset_sync::{
    Connection,
    grant::{Shape, Step},
};

use super::{
    case::{Case, builder, connection, rules},
    fake::{NAMESAKE, PRINCIPAL},
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
    let mut after = machine.fake.directory();
    for directory in [&mut expected, &mut after] {
        directory.assignments.sort_by(|a, b| a.name.cmp(&b.name));
        for role in &mut directory.roles {
            role.description.clear();
        }
    }
    assert_eq!(after, expected);
    second.run(Step::Revoke).succeeded();
    let mut after = machine.fake.directory();
    let mine = after.assignments_of(PRINCIPAL);
    assert!(mine.is_empty(), "{mine:#?}");
    assert_eq!((&after.assignments, &after.roles), (&before.assignments, &before.roles));
    assert_eq!(after.account().revoked_keys, 0, "this ends the links of others");
    assert_eq!(after.principals.len(), before.principals.len() + 1, "others may need it");
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
    // Nor is it replaced before somebody says so.
    for answer in ["", "no\n", "echo pasted after it\n", "y\n"] {
        assert_eq!(second.answer(Step::Replace, answer).changes(), [""; 0], "{answer:?}");
    }
    assert_eq!(machine.fake.directory(), applied);
    first.run(Step::ReadBack).succeeded();
    second.answer(Step::Replace, "yes\n").succeeded();
    second.run(Step::ReadBack).succeeded();
    first.run(Step::ReadBack).failed();
    machine.assert_no_strays();
}

#[test]
fn connections_join_a_grant_and_leave_it() {
    let Some(az) = find_az() else { return };
    let machine = Machine::new(&az);
    let shape = Shape::AccountWithCondition;
    let (training, inspection) = (connection("training", "a/"), connection("inspection", ""));
    let first = Case::of(&machine, builder(&training, shape));
    let both = builder(&training, shape).also(&inspection).replaces(&first.grant);
    let both = Case::of(&machine, both);
    let second = Case::of(&machine, builder(&inspection, shape).replaces(&both.grant));
    let before = machine.fake.directory();
    machine.fake.state().directory = first.applied_to(before.clone());
    let name = first.grant.assignments()[0].name.clone();
    for case in [&both, &second] {
        case.run(Step::Apply).failed();
        case.run(Step::Update).succeeded();
        case.run(Step::ReadBack).succeeded();
        let directory = machine.fake.directory();
        let mine = directory.assignments_of(PRINCIPAL);
        let meant = case.grant.assignments()[0].condition.as_ref().map(ToString::to_string);
        assert_eq!((mine.len(), &mine[0].name, &mine[0].condition), (1, &name, &meant));
    }
    // What is another grant's by now stays.
    for case in [&first, &both] {
        assert_eq!(case.run(Step::Revoke).failed().changes(), [""; 0]);
    }
    second.run(Step::Revoke).succeeded();
    assert_eq!(machine.fake.directory().assignments, before.assignments);
    machine.assert_no_strays();
}

/// A scope contains the name of its group, too
#[test]
fn what_is_shared_goes_with_the_last_grant_on_an_account_that_is_called_like_its_group() {
    let Some(az) = find_az() else { return };
    let machine = Machine::new(&az);
    let on = Connection::builder("a").account(NAMESAKE).container("training").build().unwrap();
    let builder = builder(&on, Shape::ContainerAndDelegator).resource_group(NAMESAKE);
    let case = Case::of(&machine, builder);
    let before = machine.fake.directory();
    for step in [Step::Principal, Step::Apply, Step::Revoke] {
        case.run(step).succeeded();
    }
    assert_eq!(machine.fake.directory().assignments, before.assignments);
}

#[test]
fn what_ends_the_access_of_others_waits_for_an_answer() {
    let Some(az) = find_az() else { return };
    let machine = Machine::new(&az);
    let case = Case::new(&machine, Shape::ContainerAndDelegator, "training", "");
    let applied = case.applied_to(machine.fake.directory());
    machine.fake.state().directory = applied.clone();
    for answers in ["", "no\nno\nno\n", "echo yes\nexit\n\n"] {
        assert_eq!(case.answer(Step::EndShared, answers).writes(), [""; 0], "{answers:?}");
    }
    assert_eq!(machine.fake.directory(), applied);
    case.answer(Step::EndShared, "no\nyes\nno\n").succeeded();
    let mut expected = applied.clone();
    expected.account().revoked_keys = 1;
    assert_eq!(machine.fake.directory(), expected);
    case.answer(Step::EndShared, "yes\nno\nyes\n").succeeded();
    let after = machine.fake.directory();
    assert!(after.principals.iter().all(|known| known.id != PRINCIPAL));
    let mine = after.assignments_of(PRINCIPAL);
    assert_eq!(mine.len(), 1, "the reader stays: {mine:#?}");
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
