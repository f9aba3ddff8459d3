//! Assignments that have another name, for example because they were created in the portal, are found,
//! changed and revoked.

use azure_asset_sync::grant::{Shape, Step};

use super::{
    case::{Case, PREFIX, builder, connection},
    fake::{Directory, PRINCIPAL},
    machine::{Machine, find_az},
};

/// Returns the names of the principal's assignments.
fn names(directory: &Directory) -> Vec<&str> {
    directory.assignments_of(PRINCIPAL).iter().map(|known| known.name.as_str()).collect()
}

/// Returns the directory after the grant is applied, with other names for its assignments.
fn renamed(case: &Case<'_>) -> Directory {
    let mut directory = case.applied_to(case.machine.fake.directory());
    let mine = directory.assignments.iter_mut().filter(|known| known.principal == PRINCIPAL);
    for (n, assignment) in mine.enumerate() {
        assignment.name = format!("c0ffee00-0000-4000-8000-{n:012}");
    }
    directory
}

/// Returns the directory with a change to each of the principal's assignments.
fn changed(directory: &Directory, change: impl Fn(&mut super::fake::Assignment)) -> Directory {
    let mut directory = directory.clone();
    let mine = directory.assignments.iter_mut().filter(|known| known.principal == PRINCIPAL);
    mine.for_each(change);
    directory
}

fn under_another_name(shape: Shape) {
    let Some(az) = find_az() else { return };
    let machine = Machine::new(&az);
    let case = Case::new(&machine, shape, "training", PREFIX);
    let before = machine.fake.directory();
    let meant = renamed(&case);
    let set = |directory: &Directory| machine.fake.state().directory = directory.clone();

    // The assignments are as intended: they are found, and nothing is changed.
    set(&meant);
    for step in [Step::Apply, Step::ReadBack, Step::Update] {
        assert_eq!(case.run(step).succeeded().changes(), [""; 0], "{step:?}");
    }

    // Created by hand, with the right condition and no description: no second assignment is created,
    // and an update adds the description of the grant.
    let by_hand = changed(&meant, |assignment| {
        if assignment.condition.is_some() {
            assignment.description = None;
        }
    });
    assert_ne!(by_hand, meant);
    set(&by_hand);
    assert_eq!(case.run(Step::Apply).succeeded().changes(), [""; 0]);
    case.run(Step::Update).succeeded();
    assert_eq!(machine.fake.directory(), meant);

    // With the condition of an older version of this grant: `Apply` fails.
    let older = changed(&meant, |assignment| {
        let condition = assignment.condition.as_mut();
        let _ = condition.map(|text| *text = text.replace("'training'", "'inspection'"));
    });
    assert_ne!(older, meant);
    set(&older);
    assert_eq!(case.run(Step::Apply).failed().changes(), [""; 0]);
    case.run(Step::ReadBack).failed();
    case.run(Step::Update).succeeded();
    assert_eq!(machine.fake.directory(), meant);

    // `Revoke` removes all of them.
    for directory in [meant, by_hand, older] {
        set(&directory);
        case.run(Step::Revoke).succeeded();
        let after = machine.fake.directory();
        assert_eq!(names(&after), [""; 0]);
        assert_eq!((&after.assignments, &after.roles), (&before.assignments, &before.roles));
    }
    // A second revocation has nothing to do, and succeeds.
    assert_eq!(case.run(Step::Revoke).succeeded().changes(), [""; 0]);
    machine.assert_no_strays();
}

#[test]
fn a_condition_on_the_account_is_found_under_another_name() {
    under_another_name(Shape::AccountWithCondition);
}

#[test]
fn two_roles_are_found_under_other_names() {
    under_another_name(Shape::ContainerAndDelegator);
}

#[test]
fn a_custom_role_is_found_under_another_name() {
    under_another_name(Shape::CustomRole);
}

#[test]
fn a_pack_does_not_depend_on_whether_the_principal_was_known() {
    let Some(az) = find_az() else { return };
    let machine = Machine::new(&az);
    for shape in &Shape::ALL[1..] {
        machine.reset();
        let connection = connection("training", "hall-3/");
        let before = Case::of(&machine, builder(&connection, *shape));
        let after = Case::of(&machine, builder(&connection, *shape).principal(PRINCIPAL));
        machine.fake.state().directory = before.applied_to(machine.fake.directory());
        for step in [Step::Apply, Step::ReadBack] {
            assert_eq!(after.run(step).succeeded().changes(), [""; 0], "{shape} {step:?}");
        }
        after.run(Step::Revoke).succeeded();
        assert_eq!(names(&machine.fake.directory()), [""; 0], "{shape}");
    }
}
