//! All steps have the intended effect, and running them again changes nothing.

use azure_asset_sync::grant::{Shape, Step};

use super::{
    case::{Case, PREFIX, STEPS, without_descriptions},
    machine::{Machine, find_az},
};

fn applied_twice(shape: Shape) {
    let Some(az) = find_az() else { return };
    let machine = Machine::new(&az);
    let case = Case::new(&machine, shape, "training", PREFIX);
    let expected = case.applied_to(machine.fake.directory());
    for step in STEPS {
        case.run(step).succeeded();
    }
    let applied = machine.fake.directory();
    assert_eq!(without_descriptions(&applied), expected);
    for step in STEPS {
        let outcome = case.run(step).succeeded();
        assert_eq!(outcome.writes(), [""; 0], "{step:?} again");
    }
    assert_eq!(machine.fake.directory(), applied);
    // An update does not change a correct grant either.
    let outcome = case.run(Step::Update).succeeded();
    assert_eq!(outcome.changes(), [""; 0]);
    assert_eq!(machine.fake.directory(), applied);
    machine.assert_no_strays();
}

#[test]
fn a_condition_on_the_account_can_be_applied_twice() {
    applied_twice(Shape::AccountWithCondition);
}

#[test]
fn two_roles_can_be_applied_twice() {
    applied_twice(Shape::ContainerAndDelegator);
}

#[test]
fn a_custom_role_can_be_applied_twice() {
    applied_twice(Shape::CustomRole);
}
