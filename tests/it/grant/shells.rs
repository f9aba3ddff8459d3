//! The blocks for bash and zsh work when pasted: they send the intended requests, and their exit status
//! is right.

use azure_asset_sync::{
    Connection,
    condition::Limit,
    grant::{Form, Grant, GrantBuilder, Pack, Shape, Step},
    probe::Cause,
    testing::{CorsRule, Seed, SmallCloud},
};
use serde_json::{Value as Json, json};

use super::{
    APPLICATION, ODD, PRINCIPAL, after,
    azure::{Azure, Shell, values},
    builder, connection,
};

const ORIGIN: &str = "https://app.contoso.com";

pub fn pack(builder: GrantBuilder) -> (Grant, Pack) {
    let grant = builder.build().unwrap();
    let pack = grant.pack(Form::AzBash).unwrap();
    (grant, pack)
}

pub fn of(container: &str, prefix: &str) -> Connection {
    let builder = Connection::builder("a").account("contosovision").container(container);
    builder.prefix(prefix).build().unwrap()
}

#[track_caller]
pub fn paste(azure: &mut Azure, pack: &Pack, step: Step) -> super::azure::Ended {
    azure.paste(Shell::Bash, pack.step(step).unwrap())
}

/// Asserts that the assignments in Azure are those of the grant.
#[track_caller]
pub fn assert_kept(azure: &Azure, grant: &Grant) {
    for assignment in grant.assignments() {
        let found: Vec<_> = azure
            .assignments
            .iter()
            .filter(|a| a["scope"] == assignment.scope)
            .filter(|a| a["roleDefinitionId"].as_str().unwrap().ends_with(&assignment.role_id))
            .collect();
        assert_eq!(found.len(), 1, "{}", assignment.role_name);
        let condition = assignment.condition.as_ref().map(ToString::to_string);
        assert_eq!(found[0]["condition"].as_str(), condition.as_deref());
        assert_eq!(found[0]["description"], assignment.description);
        assert_eq!(found[0]["principalId"], PRINCIPAL);
    }
}

#[test]
fn blocks_have_the_intended_effect_and_a_second_run_writes_nothing() {
    for shell in Shell::all() {
        for (n, prefix) in ODD.iter().enumerate() {
            for (m, shape) in Shape::ALL.iter().enumerate() {
                if shell == Shell::Zsh && n % Shape::ALL.len() != m {
                    continue;
                }
                let what = format!("{shell:?} {prefix} {shape}");
                let connection = connection(prefix);
                let (grant, pack) = pack(builder(&connection).shape(*shape).origin(ORIGIN));
                let mut azure = Azure::default();
                for step in [Step::Principal, Step::Apply, Step::Cors, Step::ReadBack] {
                    let ended = azure.paste(shell, pack.step(step).unwrap());
                    assert!(ended.ok, "{what} {step:?}: {ended:?}");
                }
                assert_kept(&azure, &grant);
                let before = azure.writes().len();
                for step in [Step::Principal, Step::Apply, Step::Cors, Step::ReadBack, Step::Update]
                {
                    let ended = azure.paste(shell, pack.step(step).unwrap());
                    assert!(ended.ok, "{what} {step:?}: {ended:?}");
                }
                assert_eq!(azure.writes().len(), before, "{what}: {:?}", azure.writes());
                let ended = azure.paste(shell, pack.step(Step::Revoke).unwrap());
                assert!(ended.ok, "{what}: {ended:?}");
                assert!(azure.assignments.is_empty() && azure.roles.is_empty(), "{what}");
            }
        }
    }
}

#[test]
fn the_read_back_fails_for_each_kind_of_drift() {
    type Drift = (&'static str, fn(&mut Azure));
    let drifts: [Drift; 9] = [
        ("condition", |azure| azure.assignments[0]["condition"] = "(true)".into()),
        ("no condition", |azure| azure.assignments[0]["condition"] = Json::Null),
        ("description", |azure| azure.assignments[0]["description"] = "by hand".into()),
        ("no description", |azure| azure.assignments[0]["description"] = Json::Null),
        ("principal type", |azure| azure.assignments[0]["principalType"] = "User".into()),
        ("another principal", |azure| azure.assignments[0]["principalId"] = APPLICATION.into()),
        ("missing", |azure| drop(azure.assignments.remove(0))),
        ("rule for browsers", |azure| azure.rules.clear()),
        ("exposed headers", |azure| azure.rules[0]["exposedHeaders"] = json!(["*"])),
    ];
    let connection = connection("hall-3/");
    for shape in Shape::ALL {
        let (_, pack) = pack(builder(&connection).shape(*shape).origin(ORIGIN));
        let mut azure = Azure::new();
        assert!(paste(&mut azure, &pack, Step::Apply).ok);
        assert!(paste(&mut azure, &pack, Step::Cors).ok);
        let mut table = drifts.to_vec();
        if *shape == Shape::CustomRole {
            table.push(("actions", |azure| {
                azure.roles[0]["permissions"][0]["dataActions"] = json!(["*"]);
            }));
            table.push(("no role", |azure| azure.roles.clear()));
        }
        if *shape == Shape::ContainerAndDelegator {
            table.push(("delegator", |azure| drop(azure.assignments.remove(1))));
            table.push(("its condition", |azure| azure.assignments[1]["condition"] = "x".into()));
        }
        for (what, drift) in table {
            let mut drifted = azure.clone();
            drift(&mut drifted);
            let ended = paste(&mut drifted, &pack, Step::ReadBack);
            assert!(!ended.ok && ended.err.contains("DRIFT: "), "{shape} {what}: {ended:?}");
        }
        azure.failing = Some("role assignment list");
        assert!(!paste(&mut azure, &pack, Step::ReadBack).ok, "{shape}");
    }
}

#[test]
fn an_assignment_under_another_name_is_found_changed_and_revoked() {
    let connection = connection("hall-3/");
    for shape in Shape::ALL {
        let (grant, pack) = pack(builder(&connection).shape(*shape));
        let mut azure = Azure::new();
        assert!(paste(&mut azure, &pack, Step::Apply).ok);
        let other = "/providers/Microsoft.Authorization/roleAssignments/by-hand";
        for assignment in &mut azure.assignments {
            let id = format!("{}{other}", assignment["scope"].as_str().unwrap());
            assignment["id"] = id.into();
        }
        // The portal sets no description.
        azure.assignments[0]["description"] = Json::Null;
        let before = azure.writes().len();
        assert!(paste(&mut azure, &pack, Step::Apply).ok, "{shape}");
        assert_eq!(azure.writes().len(), before, "the access is as intended");
        assert!(paste(&mut azure, &pack, Step::Update).ok, "{shape}");
        assert_kept(&azure, &grant);
        assert!(paste(&mut azure, &pack, Step::ReadBack).ok, "{shape}");
        let ended = paste(&mut azure, &pack, Step::Revoke);
        assert!(ended.ok && azure.assignments.is_empty(), "{shape}: {ended:?}");
    }
    // The name of an assignment does not depend on whether the principal is known.
    let unknown = builder(&connection).build().unwrap();
    let known = builder(&connection).principal(PRINCIPAL).build().unwrap();
    assert_eq!(unknown.assignments(), known.assignments());
}

#[test]
fn only_the_update_changes_an_older_version_of_a_grant() {
    let new = of("training", "hall-4/");
    let (old, old_pack) = pack(builder(&of("training", "hall-3/")));
    for (limit, replaces) in [(true, false), (false, true)] {
        let mut builder = builder(&new);
        if replaces {
            builder = builder.replaces(&old);
        }
        let mut azure = Azure::new();
        if limit {
            // The earlier grant does not limit access to current versions.
            let limit = Limit::container(new.container()).prefix(new.prefix());
            let (_, earlier) = pack(super::builder(&new).limit(limit.clone()));
            assert!(paste(&mut azure, &earlier, Step::Apply).ok);
            builder = builder.limit(limit.current_versions_only());
        } else {
            assert!(paste(&mut azure, &old_pack, Step::Apply).ok);
        }
        let (grant, pack) = pack(builder);
        let before = azure.assignments.clone();
        let ended = paste(&mut azure, &pack, Step::Apply);
        assert!(!ended.ok && ended.err.contains("older version"), "{ended:?}");
        assert_eq!(azure.assignments, before);
        assert!(paste(&mut azure, &pack, Step::Update).ok);
        assert_kept(&azure, &grant);
        assert!(paste(&mut azure, &pack, Step::Revoke).ok);
        assert!(azure.assignments.is_empty());
    }
}

#[test]
fn a_revocation_fails_while_anything_remains() {
    let connection = connection("hall-3/");
    for (shape, failing) in [
        (Shape::AccountWithCondition, "role assignment delete"),
        (Shape::ContainerAndDelegator, "role assignment list"),
        (Shape::CustomRole, "role definition delete"),
        (Shape::CustomRole, "role definition list"),
        (Shape::AccountWithCondition, "ad sp list"),
        (Shape::AccountWithCondition, "account set"),
    ] {
        let (_, pack) = pack(builder(&connection).shape(shape));
        let mut azure = Azure::new();
        assert!(paste(&mut azure, &pack, Step::Apply).ok);
        azure.failing = Some(failing);
        let ended = paste(&mut azure, &pack, Step::Revoke);
        assert!(!ended.ok, "{shape} {failing}: {ended:?}");
        azure.failing = None;
        assert!(paste(&mut azure, &pack, Step::Revoke).ok, "{shape} {failing}");
        assert!(azure.assignments.is_empty() && azure.roles.is_empty());
        assert!(paste(&mut azure, &pack, Step::Revoke).ok, "a second revocation succeeds");
    }
}

#[test]
fn a_missing_principal_is_reported_only_if_the_directory_reports_it() {
    let (_, pack) = pack(builder(&connection("")));
    for step in [Step::Apply, Step::ReadBack, Step::Update, Step::Replace, Step::Revoke] {
        let ended = paste(&mut Azure::default(), &pack, step);
        assert!(!ended.ok && ended.err.contains("create it first"), "{step:?}: {ended:?}");
        let mut azure = Azure { failing: Some("ad sp list"), ..Azure::new() };
        let ended = paste(&mut azure, &pack, step);
        assert!(!ended.ok && !ended.err.contains("create it"), "{step:?}: {ended:?}");
        assert_eq!(azure.writes(), Vec::<String>::new());
    }
    let mut azure = Azure { failing: Some("ad sp list"), ..Azure::new() };
    assert!(!paste(&mut azure, &pack, Step::Principal).ok);
    assert_eq!(azure.writes(), Vec::<String>::new());
}

#[test]
fn each_grant_has_its_own_custom_role_which_is_removed_at_its_scope() {
    let role = |container: &str, group: &str, application: &str| {
        let connection = of(container, "");
        let builder = builder(&connection).resource_group(group).application(application);
        let grant = builder.shape(Shape::CustomRole).build().unwrap();
        let assignment = &grant.assignments()[0];
        (assignment.role_name.clone(), assignment.role_id.clone())
    };
    let all = [
        role("training", "vision", APPLICATION),
        role("other", "vision", APPLICATION),
        role("training", "media", APPLICATION),
        role("training", "vision", PRINCIPAL),
    ];
    for (n, one) in all.iter().enumerate() {
        for other in &all[n + 1..] {
            assert!(one.0 != other.0 && one.1 != other.1, "{one:?} {other:?}");
        }
    }
    let (_, pack) = pack(builder(&connection("")).shape(Shape::CustomRole));
    let revoke = pack.step(Step::Revoke).unwrap();
    let line = revoke.lines().find(|line| line.contains("role definition delete")).unwrap();
    assert!(line.contains("resourceGroups/vision(eu)'"), "{line}");
}

#[test]
fn a_cors_rule_is_added_once_and_none_is_lost() {
    let connection = connection("");
    let (_, pack) = pack(builder(&connection).origin(ORIGIN));
    let complete = json!({
        "allowedOrigins": ["https://a.example", ORIGIN],
        "allowedMethods": ["PUT", "GET", "HEAD"],
        "allowedHeaders": ["x-ms-*", "range"],
        "exposedHeaders": ["etag", "Content-Range", "content-length", "Accept-Ranges"],
    });
    let rule = |origin: &str, methods: &[&str], exposed: &str| json!({ "allowedOrigins": [origin], "allowedMethods": methods, "allowedHeaders": ["*"], "exposedHeaders": [exposed] });
    let get = ["GET", "HEAD"];
    for (rules, ok, added) in [
        (vec![], true, 1),
        (vec![rule("https://other.example", &get, "*")], true, 1),
        (vec![rule(ORIGIN, &["PUT"], "*")], true, 1),
        (vec![complete.clone()], true, 0),
        (vec![rule("https://other.example", &get, "*"), complete.clone()], true, 0),
        // Azure uses the first rule that matches, so a later one has no effect.
        (vec![rule(ORIGIN, &get, "*"), complete.clone()], false, 0),
        (vec![rule("*", &get, "Content-Range")], false, 0),
        (vec![rule("https://*.contoso.com", &get, "*")], false, 0),
        (vec![rule("https://*.fabrikam.com", &get, "*")], true, 1),
    ] {
        let mut azure = Azure { rules: rules.clone(), ..Azure::new() };
        let ended = paste(&mut azure, &pack, Step::Cors);
        assert_eq!(ended.ok, ok, "{rules:?}: {ended:?}");
        assert_eq!(azure.rules.len(), rules.len() + added, "{rules:?}");
        assert!(azure.rules.starts_with(&rules));
        assert_eq!(paste(&mut azure, &pack, Step::Cors).ok, ok);
        assert_eq!(azure.rules.len(), rules.len() + added, "{rules:?}, the second time");
    }
}

#[tokio::test]
async fn the_cors_rule_of_a_grant_satisfies_the_probe() {
    let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "0123456789")).start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let store = cloud.store(&connection).unwrap();
    let probe = azure_asset_sync::probe::Probe::new(&connection, store).origin(ORIGIN).unwrap();
    let causes = async || {
        let health = probe.clone().run().await;
        // The preflight and the read fail for the same reason.
        let failed = health.optional_failures().take(1).filter_map(|one| one.diagnosis.as_ref());
        let found = failed.chain(health.warnings()).map(|d| d.cause);
        found
            .filter(|c| [Cause::CorsMissing, Cause::CorsIncomplete].contains(c))
            .collect::<Vec<_>>()
    };
    assert_eq!(causes().await, [Cause::CorsMissing]);

    let (_, pack) = pack(builder(&super::connection("")).origin(ORIGIN));
    let mut azure = Azure::new();
    assert!(paste(&mut azure, &pack, Step::Cors).ok);
    let call = azure.calls.iter().find(|call| call.contains(&"add".to_owned())).unwrap();
    let rule = CorsRule::new(after(call, "--origins"))
        .methods(values(call, "--methods"))
        .allowed_headers(values(call, "--allowed-headers"))
        .exposed_headers(values(call, "--exposed-headers"));
    cloud.set_cors(vec![rule.clone()]);
    assert_eq!(causes().await, []);
    // An earlier version wrote this rule: the service expands `*` before it adds Content-Range.
    cloud.set_cors(vec![rule.exposed_headers(["*"])]);
    assert_eq!(causes().await, [Cause::CorsIncomplete]);
}

#[test]
fn nothing_runs_in_another_cloud_or_subscription() {
    let connection = connection("");
    let (_, pack) = pack(builder(&connection).origin(ORIGIN));
    for step in Step::ALL {
        for (cloud, failing) in [
            (Some("AzureUSGovernment"), None),
            (None, Some("account show")),
            (None, Some("account set")),
        ] {
            let mut azure = Azure { cloud, failing, ..Azure::new() };
            let ended = paste(&mut azure, &pack, *step);
            assert!(!ended.ok, "{step:?} {failing:?}: {ended:?}");
            assert_eq!(azure.writes(), Vec::<String>::new());
            assert!(failing == Some("account set") || ended.err.contains("az login"), "{ended:?}");
        }
    }
}

#[test]
fn blocks_leave_the_shell_open_and_have_no_comments() {
    let connection = connection("`id`/$(id)/!!/");
    for shape in Shape::ALL {
        let (_, pack) = pack(builder(&connection).shape(*shape).origin(ORIGIN));
        for shell in Shell::all() {
            for step in Step::ALL {
                let text = pack.step(*step).unwrap();
                assert!(!text.lines().any(|line| line.trim_start().starts_with('#')), "{text}");
                assert!(text.starts_with("(\nset -e -o pipefail\nexport MSYS_NO_PATHCONV=1\n"));
                // The shell goes on after a failure, and a variable of the block does not stay.
                let mut azure = Azure { failing: Some("account show"), ..Azure::new() };
                let script = format!("OID=mine\n{text}\necho after-$?-$OID");
                let ended = azure.paste(shell, &script);
                assert!(ended.out.contains("after-1-mine"), "{shell:?} {step:?}: {ended:?}");
            }
        }
    }
}
