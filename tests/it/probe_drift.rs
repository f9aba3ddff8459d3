//! `Drift::between` reports what changed since a stored health.

use std::time::Duration;

use azure_asset_sync::{
    Connection, Diagnosis, Health, Probe,
    condition::{Limit, Role},
    probe::{Cause, Check, Drift, SeenShape},
    testing::{Assignment, CorsRule, Seed, SmallCloud, SmallCloudBuilder, StorageState},
};

const ORIGIN: &str = "https://vision.example";

fn builder() -> SmallCloudBuilder {
    SmallCloud::builder().blobs(["hall-3/a.jpg", "b.jpg"].map(|name| Seed::new(name, "abc")))
}

fn cors() -> CorsRule {
    CorsRule::new(ORIGIN).methods(["GET", "HEAD", "OPTIONS"]).allowed_headers(["*"])
}

fn reader() -> Assignment {
    Assignment::new(Role::BlobDataReader)
}

fn probe_of(cloud: &SmallCloud, prefix: &str) -> (Connection, Probe) {
    let connection = cloud.connection().prefix(prefix).build().unwrap();
    let probe = Probe::new(&connection, cloud.store(&connection).unwrap());
    (connection, probe)
}

async fn run(cloud: &SmallCloud) -> Health {
    probe_of(cloud, "").1.run().await
}

#[tokio::test]
async fn drift_reports_each_change() {
    let wide = Limit::container(&"assets".parse().unwrap()).condition().unwrap();
    let cloud = builder()
        .without_assignments()
        .assignment(reader().condition(wide.clone()))
        .cors(cors().exposed_headers(["Content-Range"]))
        .start()
        .await
        .unwrap();
    let look = async || {
        let probe = probe_of(&cloud, "hall-3/").1;
        probe.origin(ORIGIN).unwrap().view_links().least_privilege().run().await
    };
    let before = look().await;
    assert!(before.is_ready(), "{before}");
    assert_eq!(Drift::between(&before, &look().await), []);
    // The health is stored as JSON and read again.
    let json = serde_json::to_string(&before).unwrap();
    let stored: Health = serde_json::from_str(&json).unwrap();
    assert_eq!(stored, before);
    assert_eq!(Drift::between(&stored, &look().await), []);

    cloud.assign(reader());
    let broad = look().await;
    let broader = [Check::OtherList, Check::OtherRead].map(Drift::Broadened);
    assert_eq!(Drift::between(&stored, &broad), [&[Drift::ConditionLost], &broader[..]].concat());
    let narrower = [Check::OtherList, Check::OtherRead].map(Drift::Narrowed);
    assert_eq!(Drift::between(&broad, &stored), narrower);

    cloud.unassign_all();
    let drift = Drift::between(&stored, &look().await);
    assert!(drift.starts_with(&[Drift::RoleGone]), "{drift:?}");
    assert!(!drift.contains(&Drift::ConditionLost), "{drift:?}");
    cloud.assign(reader().condition(wide));
    cloud.set_cors(vec![]);
    assert_eq!(Drift::between(&stored, &look().await), [Drift::CorsLost]);
    cloud.set_cors(vec![cors().exposed_headers(["Content-Range"])]);
    cloud.set_public(true);
    // A public container can be listed outside the prefix; the role allowed that before, too.
    assert_eq!(Drift::between(&stored, &look().await), [Drift::ContainerPublic]);
    cloud.set_public(false);
    let mut moved = look().await;
    moved.tenant = Some("66666666-6666-4666-8666-666666666666".into());
    moved.object_id = Some("77777777-7777-4777-8777-777777777777".into());
    assert_eq!(Drift::between(&stored, &moved), [Drift::TenantChanged, Drift::PrincipalChanged]);
}

#[tokio::test]
async fn drift_compares_only_checks_with_the_same_input() {
    let cloud = builder().cors(cors().exposed_headers(["Content-Range"])).start().await.unwrap();
    let look = async |prefix: &str| {
        probe_of(&cloud, prefix).1.origin(ORIGIN).unwrap().least_privilege().run().await
    };
    let good = look("").await;
    cloud.set_storage_state(StorageState::Firewall);
    let walled = look("").await;
    assert_eq!(Drift::between(&good, &walled)[0], Drift::Broken(Check::List));
    cloud.set_storage_state(StorageState::Normal);
    let mended = Drift::between(&walled, &look("").await);
    assert!(mended.iter().all(|change| matches!(change, Drift::Mended(_))), "{mended:?}");
    // "Outside" depends on the prefix.
    assert_eq!(Drift::between(&good, &look("hall-3/").await), []);
    assert_eq!(Drift::between(&look("hall-3/").await, &good), []);
    let mut elsewhere = good.clone();
    elsewhere.container = "another".parse().unwrap();
    assert_eq!(Drift::between(&elsewhere, &good), [Drift::AnotherContainer]);
    // The rule hides a header that a player needs. A failing service is not the fault of the rule.
    cloud.set_cors(vec![cors()]);
    assert_eq!(Drift::between(&good, &look("").await), [Drift::CorsLost]);
    // A wrong clock proves nothing about who can list.
    let skewed = builder().public().clock_ahead(Duration::from_secs(1200)).start().await.unwrap();
    let public = builder().public().start().await.unwrap();
    assert_eq!(Drift::between(&run(&public).await, &run(&skewed).await), []);
}

#[test]
fn a_stored_health_of_a_later_version_can_be_read() {
    let json = r#"{"cause":"not_known_yet","confidence":"certain","evidence":{"took_ms":3}}"#;
    let diagnosis: Diagnosis = serde_json::from_str(json).unwrap();
    assert_eq!(diagnosis.cause, Cause::Other);
    // This version does not know the check and the shape.
    let json = r#"{"check":"blood_pressure","outcome":"passed"}"#;
    let checked: azure_asset_sync::probe::Checked = serde_json::from_str(json).unwrap();
    assert_eq!(checked.check, Check::Other);
    let shape: SeenShape = serde_json::from_str("\"round\"").unwrap();
    assert_eq!(shape, SeenShape::Undetermined);
    for &cause in Cause::ALL {
        let json = serde_json::to_string(&cause).unwrap();
        assert_eq!(json, format!("\"{cause}\""));
        assert_eq!(serde_json::from_str::<Cause>(&json).unwrap(), cause);
    }
}
