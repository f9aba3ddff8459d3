//! The steps of a grant keep everything that belongs to other grants, and remove the obsolete parts of
//! earlier versions.

use azure_asset_sync::{
    Connection,
    grant::{Grant, Shape, Step},
};
use serde_json::{Value as Json, json};

use super::{
    PRINCIPAL,
    azure::Azure,
    builder, connection,
    shells::{assert_kept, of, pack, paste},
};

#[test]
fn two_grants_on_one_account_keep_their_access() {
    let (first, second) = (of("training", "hall-3/"), of("other", ""));
    for shape in Shape::ALL {
        let (one, one_pack) = pack(builder(&first).shape(*shape));
        let (two, two_pack) = pack(builder(&second).shape(*shape));
        let own = |grant: &Grant| grant.assignments()[0].name.clone();
        assert_ne!(own(&one), own(&two), "{shape}");
        let mut azure = Azure::new();
        assert!(paste(&mut azure, &one_pack, Step::Apply).ok);
        let alone = azure.assignments.clone();
        let ended = paste(&mut azure, &two_pack, Step::Apply);
        if *shape == Shape::AccountWithCondition {
            // Both grants would need the same assignment: every step of the second stops.
            assert!(!ended.ok && ended.err.contains("hall-3/"), "{ended:?}");
            for step in [Step::Update, Step::Replace, Step::Revoke, Step::ReadBack] {
                assert!(!paste(&mut azure, &two_pack, step).ok, "{step:?}");
                assert_eq!(azure.assignments, alone, "{step:?}");
            }
            // A grant for both connections replaces the first.
            let (both, both_pack) = pack(builder(&first).also(&second).replaces(&one));
            assert!(paste(&mut azure, &both_pack, Step::Update).ok);
            assert_kept(&azure, &both);
            let condition = azure.assignments[0]["condition"].as_str().unwrap();
            assert!(condition.contains("'training'") && condition.contains("'other'"));
            // A grant without the second connection replaces that one.
            let (again, again_pack) = pack(builder(&first).replaces(&both));
            assert!(paste(&mut azure, &again_pack, Step::Update).ok);
            assert_kept(&azure, &again);
            continue;
        }
        assert!(ended.ok, "{shape}: {ended:?}");
        assert_kept(&azure, &one);
        assert_kept(&azure, &two);
        assert!(paste(&mut azure, &two_pack, Step::Revoke).ok);
        assert_eq!(azure.assignments, alone, "{shape}: the other grant is unchanged");
        assert!(paste(&mut azure, &one_pack, Step::ReadBack).ok);
        assert!(paste(&mut azure, &one_pack, Step::Revoke).ok);
        assert!(azure.assignments.is_empty() && azure.roles.is_empty(), "{shape}");
    }
}

/// Another grant can have the same condition, for example if two services read one container.
#[test]
fn another_grants_assignment_is_kept_even_if_its_condition_is_the_same() {
    for shape in Shape::ALL {
        let (_, pack) = pack(builder(&connection("hall-3/")).shape(*shape));
        let mut azure = Azure::new();
        assert!(paste(&mut azure, &pack, Step::Apply).ok);
        azure.assignments[0]["description"] = "of another grant".into();
        let there = azure.assignments[0].clone();
        let before = azure.writes().len();
        for step in [Step::Apply, Step::Update, Step::ReadBack] {
            let ended = paste(&mut azure, &pack, step);
            assert!(!ended.ok && ended.err.contains("of another grant"), "{step:?}: {ended:?}");
        }
        assert_eq!(azure.writes().len(), before, "{shape}: {:?}", azure.writes());
        let ended = paste(&mut azure, &pack, Step::Revoke);
        assert!(!ended.ok && ended.err.contains("KEPT: "), "{shape}: {ended:?}");
        assert!(azure.assignments.contains(&there), "{shape}");
        // An assignment without a description but with another condition may belong to another grant.
        azure.assignments[0]["description"] = "".into();
        azure.assignments[0]["condition"] = "(true)".into();
        for step in [Step::Apply, Step::Update, Step::Revoke] {
            assert!(!paste(&mut azure, &pack, step).ok, "{shape} {step:?}");
        }
        assert_eq!(azure.assignments[0]["condition"], "(true)", "{shape}");
    }
}

/// A connection is removed from a grant or added to one, or the shape changes.
#[test]
fn obsolete_parts_of_an_earlier_grant_are_removed_by_update_and_by_revoke() {
    use Shape::{AccountWithCondition, ContainerAndDelegator, CustomRole};
    let (c, d) = (of("training", "hall-3/"), of("other", ""));
    let make = |connections: &[&Connection], shape| {
        let builder = builder(connections[0]).shape(shape);
        connections[1..].iter().fold(builder, |builder, one| builder.also(one))
    };
    for (from, to) in [
        (ContainerAndDelegator, ContainerAndDelegator),
        (CustomRole, CustomRole),
        (AccountWithCondition, ContainerAndDelegator),
        (AccountWithCondition, CustomRole),
        (ContainerAndDelegator, AccountWithCondition),
        (CustomRole, AccountWithCondition),
    ] {
        for (was, is) in [(vec![&c, &d], vec![&c]), (vec![&c], vec![&c, &d]), (vec![&d], vec![&c])]
        {
            let what = format!("{from} to {to}, {} to {}", was.len(), is.len());
            let (old, old_pack) = pack(make(&was, from));
            let (new, new_pack) = pack(make(&is, to).replaces(&old));
            let is_obsolete = |there: &&mut Json| {
                let role = there["roleDefinitionId"].as_str().unwrap();
                let mut kept = new.assignments().iter();
                !kept.any(|a| a.scope == there["scope"] && role.ends_with(&a.role_id))
            };
            let mut azure = Azure::new();
            assert!(paste(&mut azure, &old_pack, Step::Apply).ok);
            let mut revoked = azure.clone();
            let ended = paste(&mut revoked, &new_pack, Step::Revoke);
            assert!(ended.ok, "{what}: {ended:?}");
            assert!(revoked.assignments.is_empty() && revoked.roles.is_empty(), "{what}");
            // `Apply` adds the new parts, and can stop at parts of the earlier grant.
            paste(&mut azure, &new_pack, Step::Apply);
            let mut anothers = azure.clone();
            let ended = paste(&mut azure, &new_pack, Step::Update);
            assert!(ended.ok, "{what}: {ended:?}");
            assert_kept(&azure, &new);
            assert!(paste(&mut azure, &new_pack, Step::ReadBack).ok, "{what}");
            assert_eq!(azure.assignments.len(), new.assignments().len(), "{what}");
            assert_eq!(azure.roles.len(), usize::from(to == CustomRole), "{what}");
            // If the assignment belongs to another grant now, it is kept, and the update reports that.
            let Some(one) = anothers.assignments.iter_mut().find(is_obsolete) else { continue };
            one["description"] = "of another grant".into();
            let one = one.clone();
            let ended = paste(&mut anothers, &new_pack, Step::Update);
            assert!(!ended.ok && ended.err.contains("KEPT: "), "{what}: {ended:?}");
            assert!(anothers.assignments.contains(&one), "{what}");
        }
    }
}

/// Azure accepts any letter case for the name of a group.
#[test]
fn a_group_in_another_letter_case_is_the_same_group() {
    let (c, d) = (of("training", "hall-3/"), of("other", ""));
    for shape in [Shape::AccountWithCondition, Shape::ContainerAndDelegator] {
        let earlier = builder(&c).also(&d).shape(shape).resource_group("Vision(EU)");
        let (grant, pack) = pack(builder(&c).shape(shape).replaces(&earlier.build().unwrap()));
        let mut azure = Azure::new();
        assert!(paste(&mut azure, &pack, Step::Apply).ok);
        assert!(paste(&mut azure, &pack, Step::Update).ok);
        assert_kept(&azure, &grant);
    }
}

#[test]
fn an_assignment_of_another_grant_is_replaced_only_after_a_confirmation() {
    let (one, one_pack) = pack(builder(&of("training", "hall-3/")));
    let (two, two_pack) = pack(builder(&of("other", "")));
    let mut azure = Azure::new();
    assert!(paste(&mut azure, &one_pack, Step::Apply).ok);
    for answer in ["", "\n", "no\n", "y\n", "YES\n"] {
        let ended = azure.answer(two_pack.step(Step::Replace).unwrap(), answer);
        assert!(!ended.ok && ended.err.contains("hall-3/"), "{answer:?}: {ended:?}");
        assert_kept(&azure, &one);
    }
    assert!(azure.answer(two_pack.step(Step::Replace).unwrap(), "yes\n").ok);
    assert_kept(&azure, &two);
}

/// The shared assignment is removed with the last container, whoever described it; a foreign one is
/// reported and kept.
#[test]
fn the_shared_assignment_is_removed_when_nothing_uses_it() {
    let (_, pack) = pack(builder(&connection("hall-3/")).shape(Shape::ContainerAndDelegator));
    let mut applied = Azure::new();
    assert!(paste(&mut applied, &pack, Step::Apply).ok);
    for (description, condition, goes) in [
        ("by hand".into(), Json::Null, true),
        (Json::Null, Json::Null, true),
        ("by hand".into(), Json::from("(true)"), false),
    ] {
        let mut azure = applied.clone();
        azure.assignments[1]["description"] = description;
        azure.assignments[1]["condition"] = condition;
        let ended = paste(&mut azure, &pack, Step::Revoke);
        assert_eq!((ended.ok, azure.assignments.is_empty()), (goes, goes), "{ended:?}");
        assert!(!ended.out.contains("because the application"), "{ended:?}");
        assert_eq!(ended.err.contains("KEPT: "), !goes, "{ended:?}");
    }
}

#[test]
fn each_part_that_others_use_is_ended_only_after_its_own_confirmation() {
    let connection = connection("");
    let ends = ["role assignment delete", "storage account revoke-delegation-keys", "ad sp delete"];
    for shape in Shape::ALL {
        let (_, pack) = pack(builder(&connection).shape(*shape));
        let mut azure = Azure::new();
        assert!(paste(&mut azure, &pack, Step::Apply).ok);
        let before = azure.writes().len();
        // If the block is pasted, its questions have no answer.
        assert!(paste(&mut azure, &pack, Step::EndShared).ok);
        assert!(azure.answer(pack.step(Step::EndShared).unwrap(), "\nno\n\n").ok);
        assert_eq!(azure.writes().len(), before, "{shape}: {:?}", azure.writes());
        assert!(azure.answer(pack.step(Step::EndShared).unwrap(), "yes\nyes\nyes\n").ok);
        let ended = &azure.writes()[before..];
        let wanted = match shape {
            Shape::AccountWithCondition => &ends[1..],
            Shape::ContainerAndDelegator => &ends[..],
            _ => &ends[2..],
        };
        assert_eq!(ended, wanted, "{shape}");
        // No other step ends any of these parts.
        for step in Step::ALL.iter().filter(|step| **step != Step::EndShared) {
            let text = pack.step(*step).unwrap_or_default();
            assert!(!text.contains("ad sp delete") && !text.contains("revoke-delegation"));
        }
    }
}

#[test]
fn a_resource_group_with_the_name_of_the_account_is_not_taken_for_a_grant() {
    let connection = connection("hall-3/");
    let builder = builder(&connection).resource_group("contosovision");
    let (_, pack) = pack(builder.shape(Shape::ContainerAndDelegator));
    let mut azure = Azure::new();
    assert!(paste(&mut azure, &pack, Step::Apply).ok);
    // Another account of the group.
    azure.assignments.push(json!({
        "id": "x",
        "principalId": PRINCIPAL,
        "scope": "/subscriptions/s/resourceGroups/contosovision/providers/Microsoft.Storage/storageAccounts/fabrikam/blobServices/default/containers/a",
    }));
    assert!(paste(&mut azure, &pack, Step::Revoke).ok);
    assert_eq!(azure.assignments.len(), 1, "{:?}", azure.assignments);
}
