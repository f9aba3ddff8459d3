//! Two grants on one account do not affect each other's access.

use azure_asset_sync::{
    Connection,
    grant::{Shape, Step},
};

use super::{
    case::{Case, builder, connection, rules},
    fake::{NAMESAKE, PRINCIPAL},
    machine::{Machine, find_az},
};

/// Applies grants for two containers of one account and one application, and revokes them in the same
/// order.
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
    // The first is gone completely, and the second is complete, with the parts that both share.
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
    assert_eq!(after.account().revoked_keys, 0, "revoking keys would end the links of others");
    assert_eq!(
        after.principals.len(),
        before.principals.len() + 1,
        "others may need the principal"
    );
    machine.assert_no_strays();
}

#[test]
fn two_roles_do_not_affect_another_container() {
    beside_another_container(Shape::ContainerAndDelegator);
}

#[test]
fn a_custom_role_does_not_affect_another_container() {
    beside_another_container(Shape::CustomRole);
}

/// The account can have only one such assignment, so the second grant cannot be applied with the first.
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
    // The assignment is not replaced without a confirmation.
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
fn connections_can_be_added_to_a_grant_and_removed() {
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
    // An assignment that belongs to another grant now is kept.
    for case in [&first, &both] {
        assert_eq!(case.run(Step::Revoke).failed().changes(), [""; 0]);
    }
    second.run(Step::Revoke).succeeded();
    assert_eq!(machine.fake.directory().assignments, before.assignments);
    machine.assert_no_strays();
}

/// The scope of an account also contains the name of its group.
#[test]
fn shared_parts_are_removed_with_the_last_grant_although_the_group_has_the_name_of_the_account() {
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
fn steps_that_end_the_access_of_others_need_a_confirmation() {
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
    assert_eq!(mine.len(), 1, "the reader role is kept: {mine:#?}");
    machine.assert_no_strays();
}

#[test]
fn the_cors_rules_of_others_are_kept() {
    let Some(az) = find_az() else { return };
    let machine = Machine::new(&az);
    let case = Case::new(&machine, Shape::AccountWithCondition, "training", "");
    let mut directory = machine.fake.directory();
    let foreign = rules(&mut directory)[0].clone();
    for _ in 0..4 {
        rules(&mut directory).push(foreign.clone());
    }
    // The account has the maximum number of rules, and none of them is removed.
    machine.fake.state().directory = directory.clone();
    case.run(Step::Cors).failed();
    assert_eq!(machine.fake.directory(), directory);
}
