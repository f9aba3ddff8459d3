//! A `DriftWatch` confirms a finding that lasts, and nothing else: no outage, no chance, no optional check.

use std::time::Duration;

use azure_asset_sync::{
    Health, Probe,
    condition::Role,
    lifecycle::{Event, State},
    probe::{
        Cause, Check, Drift, DriftWatch, EndReason, Outcome, Retry, Retrying, WaitEvent,
        WaitOptions,
    },
    testing::{
        Assignment, CorsRule, Fault, ManualClock, Refusal, Seed, SignInRefusal, SmallCloud,
        SmallCloudBuilder,
    },
};
use futures::StreamExt as _;
use serde_json::json;

const ORIGIN: &str = "https://vision.example";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn rule() -> CorsRule {
    CorsRule::new(ORIGIN)
        .methods(["GET", "HEAD", "OPTIONS"])
        .allowed_headers(["*"])
        .exposed_headers(["Content-Range"])
}

fn builder(clock: &ManualClock) -> SmallCloudBuilder {
    SmallCloud::builder()
        .clock(clock.clone())
        .blob(Seed::new("a.jpg", "abc"))
        .without_assignments()
        .assignment(Assignment::new(Role::BlobDataReader))
        .cors(rule())
}

/// Probes with all optional checks. Each probe signs in anew.
async fn probe(cloud: &SmallCloud, clock: &ManualClock) -> Health {
    let connection = cloud.connection().build().unwrap();
    let probe = Probe::new(&connection, cloud.store(&connection).unwrap()).clock(clock.clone());
    probe
        .origin(ORIGIN)
        .unwrap()
        .view_links()
        .least_privilege()
        .request_timeout(Duration::from_secs(2))
        .run()
        .await
}

/// Stores a watch and reads it again, as a service does between two checks.
fn stored(watch: &DriftWatch) -> DriftWatch {
    let read: DriftWatch = serde_json::from_str(&serde_json::to_string(watch).unwrap()).unwrap();
    assert_eq!(&read, watch);
    read
}

#[tokio::test]
async fn an_outage_is_no_drift_however_long_it_lasts() {
    let clock = ManualClock::auto_advancing();
    let cloud = builder(&clock).start().await.unwrap();
    let mut watch = DriftWatch::new(probe(&cloud, &clock).await);
    assert!(watch.baseline().is_ready(), "{}", watch.baseline());
    let refuse = |status, code: &str| Some(Fault::Refuse(Refusal::new(status, code)));
    let sign_in =
        |status| Some(SignInRefusal::new(status, "temporarily_unavailable", 90033, "busy"));
    let outages = [
        ("throttling", refuse(503, "ServerBusy"), None),
        ("internal errors", refuse(500, "InternalError"), None),
        ("timeouts", refuse(500, "OperationTimedOut"), None),
        ("a reset", Some(Fault::Reset), None),
        ("no answer", Some(Fault::Close), None),
        ("half an answer", Some(Fault::CloseAfter(10)), None),
        ("a token endpoint that is down", None, sign_in(503)),
        ("a token endpoint that throttles", None, sign_in(429)),
    ];
    for (what, fault, refusal) in outages {
        cloud.inject_always(fault);
        cloud.always_refuse_sign_in(refusal);
        for _ in 0..3 {
            clock.advance(HOUR);
            let health = probe(&cloud, &clock).await;
            assert!(!health.is_ready(), "{what}: {health}");
            assert_eq!(Drift::between(watch.baseline(), &health), [], "{what}: {health}");
            // Neither is it a failed test.
            assert_eq!(Event::from(&health), Event::TestUndecided, "{what}: {health}");
            watch.observe(&health);
        }
        assert_eq!((watch.suspected().count(), watch.confirmed().count()), (0, 0), "{what}");
        assert_eq!(Event::of_drift(&watch), None, "{what}");
    }
    cloud.inject_always(None);
    cloud.always_refuse_sign_in(None);
    assert_eq!(Drift::between(watch.baseline(), &probe(&cloud, &clock).await), []);
}

#[tokio::test]
async fn drift_needs_the_same_finding_twice_apart_in_time() {
    let clock = ManualClock::auto_advancing();
    let cloud = builder(&clock).start().await.unwrap();
    let mut watch = DriftWatch::new(probe(&cloud, &clock).await);

    // The customer replaces the role assignment, so that it is gone for some minutes.
    cloud.unassign_all();
    for _ in 0..3 {
        watch.observe(&probe(&cloud, &clock).await);
        watch = stored(&watch);
        assert!(watch.suspected().any(|finding| finding.drift == Drift::RoleGone));
        assert_eq!((watch.confirmed().count(), Event::of_drift(&watch)), (0, None));
        clock.advance(3 * MINUTE);
    }
    cloud.assign(Assignment::new(Role::BlobDataReader));
    watch.observe(&probe(&cloud, &clock).await);
    assert_eq!(watch.suspected().count(), 0, "a probe has shown the opposite");

    // Now it stays away. An outage in between changes nothing.
    cloud.unassign_all();
    clock.advance(HOUR);
    watch.observe(&probe(&cloud, &clock).await);
    cloud.inject_always(Some(Fault::Refuse(Refusal::new(503, "ServerBusy"))));
    clock.advance(DriftWatch::CONFIRM_AFTER);
    watch.observe(&probe(&cloud, &clock).await);
    assert_eq!(Event::of_drift(&watch), None);
    assert!(watch.suspected().any(|finding| finding.drift == Drift::RoleGone));
    cloud.inject_always(None);
    watch.observe(&probe(&cloud, &clock).await);
    assert!(stored(&watch).confirmed().any(|drift| drift == Drift::RoleGone));
    let event = Event::of_drift(&watch).unwrap();
    assert_eq!(State::Synced.on(event).unwrap(), State::Drifted);
}

#[tokio::test]
async fn view_links_and_cors_neither_block_a_sync_nor_are_hidden() {
    let clock = ManualClock::auto_advancing();
    let cloud = builder(&clock).start().await.unwrap();
    let mut watch = DriftWatch::new(probe(&cloud, &clock).await);
    // The role moves from the account to the container, and the CORS rule is gone.
    cloud.unassign_all();
    cloud.assign(Assignment::new(Role::BlobDataReader).on_container("assets"));
    cloud.set_cors(vec![]);
    for _ in 0..3 {
        clock.advance(HOUR);
        let health = probe(&cloud, &clock).await;
        assert!(health.is_ready() && health.diagnosis.is_none(), "{health}");
        assert_eq!(Event::from(&health), Event::TestPassed);
        let failed: Vec<_> = health.optional_failures().map(|failed| failed.check).collect();
        assert_eq!(failed, [Check::DelegationKey, Check::Preflight, Check::BrowserRead]);
        let text = health.to_string();
        for line in ["ready: a scan can start", "view links cannot be created: "] {
            assert!(text.contains(line), "{text}");
        }
        assert!(health.required().all(|checked| checked.outcome != Outcome::Failed));
        assert_eq!(health.required().count() + health.optional().count(), health.checks.len());
        watch.observe(&health);
    }
    let confirmed: Vec<_> = watch.confirmed().collect();
    assert_eq!(confirmed, [Drift::Broken(Check::DelegationKey), Drift::CorsLost]);
    assert!(confirmed.iter().all(|drift| drift.is_worse() && !drift.needs_test()));
    assert_eq!(Event::of_drift(&watch), None);
    // A connection that is new: the wait ends as soon as a scan can start.
    let connection = cloud.connection().build().unwrap();
    let probe = Probe::new(&connection, cloud.store(&connection).unwrap()).clock(clock.clone());
    let probe = probe.origin(ORIGIN).unwrap().view_links();
    let ended = probe.wait(WaitOptions::new(HOUR)).ended().await.unwrap();
    assert!(ended.is_connected() && ended.elapsed < MINUTE, "{}", ended.health);
    assert_eq!(Event::from(&ended), Event::TestPassed);
    assert_eq!(ended.health.optional_failures().count(), 3);
}

/// A health in which these checks have this outcome, in the form in which a service stores it.
fn health(minutes: u32, checks: &[(&str, &str, Option<Cause>)]) -> Health {
    let checks: Vec<_> = checks
        .iter()
        .map(|(check, outcome, cause)| match cause {
            None => json!({ "check": check, "outcome": outcome }),
            Some(cause) => json!({
                "check": check, "outcome": outcome,
                "diagnosis": { "cause": cause, "confidence": "certain" },
            }),
        })
        .collect();
    let mut health: Health = serde_json::from_value(json!({
        "account": "contosovision", "container": "training", "prefix": "",
        "at": 1_800_000_000, "outlook": "ready", "checks": checks,
    }))
    .unwrap();
    health.at += minutes * MINUTE;
    health
}

fn listed(minutes: u32) -> Health {
    health(minutes, &[("list", "passed", None)])
}

fn refused(minutes: u32, cause: Cause) -> Health {
    health(minutes, &[("list", "failed", Some(cause))])
}

#[test]
fn only_lasting_findings_are_confirmed() {
    let firewall = |minutes: u32| refused(minutes, Cause::Firewall);
    let role = |minutes: u32| refused(minutes, Cause::AccessMissing);
    let broken = Drift::Broken(Check::List);
    let cases: [(&str, Vec<Health>, &[Drift]); 12] = [
        ("once", vec![firewall(0)], &[]),
        ("twice, too early", vec![firewall(0), firewall(9)], &[]),
        ("twice", vec![firewall(0), firewall(10)], &[broken]),
        ("the same probe twice", vec![firewall(0), firewall(0)], &[]),
        ("often, and then late enough", vec![firewall(0), firewall(5), firewall(11)], &[broken]),
        ("two causes", vec![firewall(0), role(60)], &[]),
        ("two causes in turn", vec![firewall(0), role(60), firewall(120)], &[broken]),
        ("mended in between", vec![firewall(0), listed(30), firewall(60)], &[]),
        ("mended after that", vec![firewall(0), firewall(60), listed(90)], &[]),
        (
            "an outage in between",
            vec![firewall(0), refused(30, Cause::Throttled), firewall(60)],
            &[broken],
        ),
        (
            "nothing listed in between",
            vec![firewall(0), health(30, &[("list", "skipped", None)]), firewall(60)],
            &[broken],
        ),
        ("a clock that was ahead", vec![firewall(90), firewall(0), firewall(20)], &[broken]),
    ];
    for (what, healths, expected) in cases {
        let mut watch = DriftWatch::new(listed(0));
        for health in &healths {
            watch.observe(health);
            watch = stored(&watch);
        }
        assert!(watch.confirmed().eq(expected.iter().copied()), "{what}: {watch:?}");
        assert_eq!(Event::of_drift(&watch).is_some(), !expected.is_empty(), "{what}");
    }
    // The least time can be chosen, but two probes are always needed.
    let mut watch = DriftWatch::new(listed(0)).confirm_after(Duration::ZERO);
    watch.observe(&firewall(1));
    watch.observe(&firewall(1));
    assert_eq!(watch.confirmed().count(), 0);
    watch.observe(&firewall(2));
    assert_eq!(watch.confirmed().count(), 1);
    let mut watch = DriftWatch::new(listed(0)).confirm_after(2 * HOUR);
    watch.observe(&firewall(0));
    watch.observe(&firewall(119));
    assert_eq!(watch.confirmed().count(), 0);
}

#[test]
fn causes_that_pass_or_are_not_understood_are_never_drift() {
    for &cause in Cause::ALL {
        let mut watch = DriftWatch::new(listed(0));
        watch.observe(&refused(0, cause));
        watch.observe(&refused(600, cause));
        let passes = cause.retry() == Retry::Transient;
        // These are inferred from one answer that fails, and are about this machine and its network.
        let is_vague = matches!(cause, Cause::PrivateEndpoint | Cause::ClockSkew | Cause::Unknown);
        assert_eq!(Event::of_drift(&watch).is_none(), passes || is_vague, "{cause}");
    }
    // A check of a newer version, and a failure without a cause.
    let with = |outcome| health(0, &[("blood_pressure", outcome, None), ("list", outcome, None)]);
    let mut watch = DriftWatch::new(with("passed"));
    for minutes in [0, 600, 1200] {
        let mut failed = with("failed");
        failed.at += minutes * MINUTE;
        watch.observe(&failed);
    }
    assert_eq!((watch.suspected().count(), Event::of_drift(&watch)), (0, None));
}

#[test]
fn a_change_for_the_better_is_no_drift_and_a_newer_change_is_read() {
    let mut watch = DriftWatch::new(refused(0, Cause::Firewall));
    watch.observe(&listed(0));
    watch.observe(&listed(600));
    assert_eq!((watch.suspected().count(), watch.confirmed().count()), (0, 0));

    use azure_asset_sync::probe::Check::{DelegationKey, List, Read};
    let rows = [
        (Drift::AnotherContainer, json!({"drift": "another_container"}), true),
        (Drift::RoleGone, json!({"drift": "role_gone"}), true),
        (Drift::Broken(List), json!({"drift": "broken", "check": "list"}), true),
        (
            Drift::Broken(DelegationKey),
            json!({"drift": "broken", "check": "delegation_key"}),
            false,
        ),
        (Drift::Mended(List), json!({"drift": "mended", "check": "list"}), false),
        (Drift::Broadened(Read), json!({"drift": "broadened", "check": "read"}), true),
        (Drift::Narrowed(Read), json!({"drift": "narrowed", "check": "read"}), false),
        (Drift::ConditionLost, json!({"drift": "condition_lost"}), true),
        (Drift::CorsLost, json!({"drift": "cors_lost"}), false),
        (Drift::ContainerPublic, json!({"drift": "container_public"}), true),
        (Drift::ContainerPrivate, json!({"drift": "container_private"}), false),
        (Drift::TenantChanged, json!({"drift": "tenant_changed"}), true),
        (Drift::PrincipalChanged, json!({"drift": "principal_changed"}), true),
        (Drift::Other, json!({"drift": "other"}), false),
    ];
    for (drift, json, needs_test) in rows {
        assert_eq!(serde_json::to_value(drift).unwrap(), json);
        assert_eq!(serde_json::from_value::<Drift>(json).unwrap(), drift);
        assert_eq!(drift.needs_test(), needs_test, "{drift}");
        assert!(!drift.to_string().is_empty());
    }
    for newer in [json!({"drift": "moon_phase"}), json!({"drift": "broken", "of": 3})] {
        assert_eq!(serde_json::from_value::<Drift>(newer).unwrap(), Drift::Other);
    }
    // What a service stored before it had other fields.
    let mut json = serde_json::to_value(&watch).unwrap();
    assert_eq!(json["confirm_after"], "PT10M");
    json["of_a_newer_version"] = 1.into();
    json["findings"] = json!([{ "drift": { "drift": "moon_phase" },
        "since": "2026-11-24T08:49:37Z", "is_confirmed": true }]);
    let read: DriftWatch = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(Event::of_drift(&read), None);
    json.as_object_mut().unwrap().retain(|key, _| key == "baseline");
    let read: DriftWatch = serde_json::from_value(json).unwrap();
    assert_eq!(read, DriftWatch::new(refused(0, Cause::Firewall)));
}

#[tokio::test]
async fn a_wait_for_optional_checks_never_fails_because_of_them() {
    let options = || WaitOptions::new(HOUR).successes(2).optional_checks();
    // The CORS rule takes effect after a while, or never.
    for takes_effect in [true, false] {
        let clock = ManualClock::auto_advancing();
        let cloud = builder(&clock).start().await.unwrap();
        cloud.set_cors(vec![]);
        let connection = cloud.connection().build().unwrap();
        let probe = Probe::new(&connection, cloud.store(&connection).unwrap());
        let probe = probe.clock(clock.clone()).origin(ORIGIN).unwrap().view_links();
        let mut events = probe.wait(options());
        let (mut waited, mut ended) = (0, None);
        while let Some(event) = events.next().await {
            match event {
                WaitEvent::Retrying(Retrying { diagnosis: Some(diagnosis), .. }) => {
                    assert_eq!(diagnosis.cause, Cause::CorsMissing);
                    waited += 1;
                    if takes_effect && waited == 3 {
                        cloud.set_cors(vec![rule()]);
                    }
                }
                WaitEvent::Ended(outcome) => ended = Some(outcome),
                _ => {}
            }
        }
        let ended = ended.unwrap();
        assert_eq!(ended.reason, EndReason::Connected, "{}", ended.health);
        assert_eq!(ended.health.optional_failures().count(), if takes_effect { 0 } else { 2 });
        assert!(waited >= 3 && ended.elapsed < 6 * MINUTE, "{waited} {:?}", ended.elapsed);
    }
    // The deadline comes first.
    let clock = ManualClock::auto_advancing();
    let cloud = builder(&clock).start().await.unwrap();
    cloud.set_cors(vec![]);
    let connection = cloud.connection().build().unwrap();
    let probe = Probe::new(&connection, cloud.store(&connection).unwrap()).clock(clock.clone());
    let probe = probe.origin(ORIGIN).unwrap();
    let ended = probe.wait(WaitOptions::new(MINUTE).successes(2).optional_checks()).ended().await;
    let ended = ended.unwrap();
    assert_eq!((ended.reason, ended.elapsed), (EndReason::Connected, MINUTE));
}
