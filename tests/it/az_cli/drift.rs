//! The read-back step fails for each possible difference between Azure and the applied grant.

use azure_asset_sync::grant::{Shape, Step};
use serde_json::json;

use super::{
    case::{Case, ORIGIN, builder, connection, rules},
    fake::{Directory, OTHER_PRINCIPAL, PRINCIPAL},
    machine::{Machine, find_az},
};

type Change = fn(&mut Directory);
/// Changes the assignment at an index.
type ChangeAt = fn(&mut Directory, usize);

/// Changes of one assignment of the grant.
const OF_ASSIGNMENTS: [(&str, ChangeAt); 7] = [
    ("it is missing", |directory, at| {
        directory.assignments.remove(at);
    }),
    ("it has another condition", |directory, at| {
        let condition = directory.assignments[at].condition.as_mut();
        match condition {
            Some(condition) => *condition = condition.replace("training", "Training"),
            None => {
                directory.assignments[at].condition = Some("(1 NumericEquals 2)".to_owned());
                directory.assignments[at].condition_version = Some("2.0".to_owned());
            }
        }
    }),
    ("it is for another role", |directory, at| {
        directory.assignments[at].role = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635".to_owned();
    }),
    ("it is on another container", |directory, at| {
        let account = directory.account().id();
        directory.assignments[at].scope =
            format!("{account}/blobServices/default/containers/inspection");
    }),
    ("it is inherited", |directory, at| {
        let account = directory.account().id();
        directory.assignments[at].scope = account.split("/providers/").next().unwrap().to_owned();
    }),
    ("it is for another principal", |directory, at| {
        directory.assignments[at].principal = OTHER_PRINCIPAL.to_owned();
    }),
    ("it is for a principal of another type", |directory, at| {
        directory.assignments[at].principal_type = "Group".to_owned();
    }),
];

const OF_RULES: [(&str, Change); 6] = [
    ("the rule is missing", |directory| {
        rules(directory).pop();
    }),
    ("the rule exposes `*`", |directory| {
        rules(directory)[1]["exposedHeaders"] = json!(["*"]);
    }),
    ("the rule does not expose Content-Range", |directory| {
        rules(directory)[1]["exposedHeaders"] = json!(["Accept-Ranges", "Content-Length", "ETag"]);
    }),
    ("the rule is for another origin", |directory| {
        rules(directory)[1]["allowedOrigins"] = json!(["https://app.contoso.com.example"]);
    }),
    ("the rule does not allow GET", |directory| {
        rules(directory)[1]["allowedMethods"] = json!(["HEAD"]);
    }),
    ("a rule before it decides, and exposes nothing", |directory| {
        rules(directory)[0]["allowedOrigins"] = json!(["*"]);
        rules(directory)[0]["exposedHeaders"] = json!([]);
    }),
];

const OF_ROLES: [(&str, Change); 3] = [
    ("the role is missing", |directory| {
        directory.roles.retain(|role| !role.custom);
    }),
    ("the role allows more", |directory| {
        let role = directory.roles.iter_mut().find(|role| role.custom).unwrap();
        let write = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write";
        role.permissions[0]["dataActions"].as_array_mut().unwrap().push(json!(write));
    }),
    ("the role allows less", |directory| {
        let role = directory.roles.iter_mut().find(|role| role.custom).unwrap();
        role.permissions[0]["dataActions"] = json!([]);
    }),
];

const HARMLESS: [(&str, Change); 3] = [
    ("the scope has other letter case", |directory| {
        for assignment in &mut directory.assignments {
            assignment.scope = assignment.scope.replace("resourceGroups", "resourcegroups");
        }
    }),
    ("the rule is for other origins too", |directory| {
        rules(directory)[1]["allowedOrigins"] = json!(["https://other.contoso.com", ORIGIN]);
    }),
    ("the principal has other access as well", |directory| {
        let mut more = directory.assignments[1].clone();
        more.principal = PRINCIPAL.to_owned();
        more.name = "00000000-0000-4000-8000-00000000000a".to_owned();
        more.scope = format!("/subscriptions/{}", super::fake::SUBSCRIPTION);
        directory.assignments.insert(0, more);
    }),
];

fn read_back(shape: Shape) {
    let Some(az) = find_az() else { return };
    let machine = Machine::new(&az);
    let grant = builder(&connection("training", "hall-3/"), shape).principal(PRINCIPAL);
    let case = Case::of(&machine, grant);
    let applied = case.applied_to(machine.fake.directory());
    let mine: Vec<_> = (0..applied.assignments.len())
        .filter(|at| applied.assignments[*at].principal == PRINCIPAL)
        .collect();
    let mut wrong = Vec::new();
    let mut check = |what: &str, drifted: Directory, expected: bool| {
        machine.fake.state().directory = drifted;
        let outcome = case.run(Step::ReadBack);
        assert_eq!(outcome.writes(), [""; 0]);
        if outcome.ok != expected {
            wrong.push(format!("{what}: {outcome}"));
        }
    };
    for (n, (what, change)) in OF_ASSIGNMENTS.into_iter().enumerate() {
        // If the grant has two assignments, the changes alternate between them.
        let at = mine[n % mine.len()];
        let mut drifted = applied.clone();
        change(&mut drifted, at);
        check(&format!("assignment {at}: {what}"), drifted, false);
    }
    // The CORS rules do not depend on the shape.
    let of_any = shape == Shape::AccountWithCondition;
    let of_rules = if of_any { &OF_RULES[..] } else { &[] };
    let harmless = if of_any { &HARMLESS[..] } else { &[] };
    let of_roles = if shape == Shape::CustomRole { &OF_ROLES[..] } else { &[] };
    let drifts = of_rules.iter().chain(of_roles).map(|(what, change)| (what, change, false));
    check("nothing", applied.clone(), true);
    for (what, change, expected) in drifts.chain(harmless.iter().map(|(w, c)| (w, c, true))) {
        let mut drifted = applied.clone();
        change(&mut drifted);
        check(what, drifted, expected);
    }
    assert!(wrong.is_empty(), "{shape}: {} wrong\n{}", wrong.len(), wrong.join("\n\n"));
    machine.assert_no_strays();
}

#[test]
fn drift_of_a_condition_on_the_account_is_found() {
    read_back(Shape::AccountWithCondition);
}

#[test]
fn drift_of_two_roles_is_found() {
    read_back(Shape::ContainerAndDelegator);
}

#[test]
fn drift_of_a_custom_role_is_found() {
    read_back(Shape::CustomRole);
}
