//! One pass of a probe sends the expected requests, and infers the cause from all responses.

mod grants;

use std::{sync::Arc, time::Duration};

use azure_asset_sync::{
    AzureStore, Clock as _, Connection, Credential, Detail, Diagnosis, Error, ErrorKind, Health,
    Probe, Scan, Store,
    condition::{Limit, Role},
    probe::{Cause, Check, Confidence, EndReason, Outcome, SeenShape, WaitOptions, WizardStep},
    store::{Inspect, ListRequest, Question},
    testing::{
        AnonymousAnswer, Assignment, Behavior, CorsRule, Fault, ManualClock, Propagation, Seed,
        SmallCloud, SmallCloudBuilder, trust,
    },
};
use bytes::Bytes;
use fastrand::Rng;

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

/// Returns the requests that the cloud has received, as method and path.
fn requests(cloud: &SmallCloud) -> Vec<String> {
    let line = |request: azure_asset_sync::testing::LoggedRequest| {
        format!("{} {}?{} {:?}", request.method, request.path, request.query, request.credential)
    };
    cloud.log().into_iter().map(line).collect()
}

#[tokio::test]
async fn a_pass_sends_at_most_six_requests() {
    let rule = || cors().exposed_headers(["content-range"]);
    type With = fn(Probe) -> Probe;
    let rows: [(With, u64); 5] = [
        (|probe| probe, 4),
        (|probe| probe.view_links(), 5),
        (|probe| probe.origin(ORIGIN).unwrap(), 5),
        (|probe| probe.origin(ORIGIN).unwrap().view_links(), 6),
        (|probe| probe.origin(ORIGIN).unwrap().view_links().least_privilege(), 10),
    ];
    for (with, expected) in rows {
        let cloud = builder().cors(rule()).start().await.unwrap();
        let health = with(probe_of(&cloud, "hall-3/").1).run().await;
        assert!(health.is_ready(), "{health}");
        assert_eq!(cloud.requests(), expected, "{:#?}", requests(&cloud));
        assert!(
            requests(&cloud).iter().all(|line| !line.starts_with("PUT")),
            "a probe never writes"
        );
    }
    // The probe sends nothing that needs more than the grant: no container properties, no list of containers.
    let cloud = builder().cors(rule()).start().await.unwrap();
    probe_of(&cloud, "hall-3/").1.origin(ORIGIN).unwrap().run().await;
    for line in requests(&cloud) {
        let known = ["comp=list&", "/oauth2/v2.0/token", "hall-3/a.jpg", "OPTIONS"];
        assert!(known.iter().any(|part| line.contains(part)), "{line}");
        assert!(!line.contains("/smallcloud/?"), "{line}");
    }
}

#[tokio::test]
async fn a_wait_confirms_with_list_requests_only() {
    let clock = ManualClock::auto_advancing();
    let cloud = builder().clock(clock.clone()).start().await.unwrap();
    let (_, probe) = probe_of(&cloud, "");
    let ended = probe.clock(clock).wait(WaitOptions::new(Duration::from_secs(60))).ended().await;
    assert!(ended.unwrap().is_connected());
    assert_eq!(cloud.requests(), 4 + 18 + 2, "{:#?}", requests(&cloud));
    assert!(requests(&cloud)[4..23].iter().all(|line| line.contains("comp=list")));
}

#[tokio::test]
async fn a_condition_for_another_container_and_a_missing_role_have_different_causes() {
    let other = Limit::container(&"another".parse().unwrap()).condition().unwrap();
    let cloud = builder()
        .without_assignments()
        .assignment(reader().condition(other))
        .start()
        .await
        .unwrap();
    let health = probe_of(&cloud, "").1.least_privilege().run().await;
    let diagnosis = health.diagnosis.unwrap();
    assert_eq!(diagnosis.cause, Cause::ConditionMismatch);
    assert_eq!(diagnosis.confidence, Confidence::Likely);
}

#[tokio::test]
async fn the_tenant_is_discovered_and_a_wrong_tenant_is_reported() {
    let cloud = builder().start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let store = AzureStore::builder(&connection)
        .policy(trust(&connection))
        .certificate_authority(cloud.certificate_authority());
    assert_eq!(store.discover_tenant().await.unwrap().as_str(), cloud.tenant());
    assert_eq!(cloud.requests(), 1);

    // Accounts that refuse anonymous requests without a challenge still send one if the request
    // has an invalid token.
    for anonymous in AnonymousAnswer::ALL {
        let mut behavior = Behavior::default();
        behavior.anonymous = *anonymous;
        let cloud = builder().behavior(behavior).start().await.unwrap();
        let connection = cloud.connection().build().unwrap();
        let store = AzureStore::builder(&connection)
            .policy(trust(&connection))
            .certificate_authority(cloud.certificate_authority());
        let tenant = store.discover_tenant().await.unwrap();
        assert_eq!(tenant.as_str(), cloud.tenant(), "{anonymous:?}");
        let health = run(&cloud).await;
        assert!(health.is_ready() && health.warnings().next().is_none(), "{health}");
        assert_eq!(health.tenant.as_deref(), Some(cloud.tenant()), "{anonymous:?}");
    }

    let wrong = cloud.connection().tenant("66666666-6666-4666-8666-666666666666").build().unwrap();
    let health = Probe::new(&wrong, cloud.store(&wrong).unwrap()).run().await;
    let diagnosis = health.diagnosis.as_ref().unwrap();
    let expected = (Cause::TenantMismatch, Confidence::Certain);
    assert_eq!((diagnosis.cause, diagnosis.confidence), expected, "{health}");
    assert_eq!(diagnosis.redo(), WizardStep::ServicePrincipal);
    // A credential that needs no tenant can list the container despite the wrong one.
    let signed = AzureStore::builder(&wrong)
        .policy(trust(&wrong))
        .certificate_authority(cloud.certificate_authority())
        .build(cloud.sas())
        .unwrap();
    let health = Probe::new(&wrong, signed).run().await;
    assert!(health.is_ready(), "{health}");
    assert!(health.warnings().any(|warning| warning.cause == Cause::TenantMismatch), "{health}");

    cloud.set_public(true);
    let error = store.discover_tenant().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TenantNotFound);
    let health = run(&cloud).await;
    assert!(health.is_ready());
    assert!(health.warnings().any(|warning| warning.cause == Cause::PublicContainer));
}

#[tokio::test]
async fn a_wrong_clock_and_an_expired_token_have_different_causes() {
    let hour = Duration::from_secs(3600);
    for (builder, refused) in [
        (builder().clock_ahead(2 * hour), true),
        (builder().clock_behind(hour), true),
        (builder().clock_ahead(hour / 6), false),
    ] {
        let cloud = builder.start().await.unwrap();
        let health = run(&cloud).await;
        assert_eq!(health.is_ready(), !refused, "{health}");
        if let Some(diagnosis) = &health.diagnosis {
            assert_eq!(diagnosis.cause, Cause::ClockSkew, "{health}");
        }
        assert!(health.warnings().any(|warning| warning.cause == Cause::ClockSkew), "{health}");
    }
    let health = run(&builder().clock_ahead(Duration::from_secs(240)).start().await.unwrap()).await;
    assert!(health.is_ready() && health.warnings().next().is_none(), "{health}");
}

#[tokio::test]
async fn the_preflight_of_a_probe_is_that_of_a_browser() {
    let rows = [
        (vec![cors().exposed_headers(["content-range"])], None, None),
        // The service expands the star before it adds Content-Range.
        (vec![cors().exposed_headers(["*"])], None, Some(Cause::CorsIncomplete)),
        (vec![cors()], None, Some(Cause::CorsIncomplete)),
        (vec![], Some(Cause::CorsMissing), None),
        (
            vec![CorsRule::new("https://another.example").methods(["GET"])],
            Some(Cause::CorsMissing),
            None,
        ),
        (vec![CorsRule::new(ORIGIN).methods(["HEAD"])], Some(Cause::CorsMissing), None),
    ];
    let cloud = builder().start().await.unwrap();
    for (rules, failure, warning) in rows {
        cloud.set_cors(rules.clone());
        let health = probe_of(&cloud, "").1.origin(ORIGIN).unwrap().run().await;
        assert!(health.is_ready() && health.diagnosis.is_none(), "{rules:?}\n{health}");
        let failed = health.optional_failures().find_map(|failed| failed.diagnosis.as_ref());
        assert_eq!(failed.map(|d| d.cause), failure, "{rules:?}\n{health}");
        assert_eq!(health.warnings().next().map(|d| d.cause), warning, "{rules:?}\n{health}");
        if let Some(diagnosis) = failed {
            assert_eq!(diagnosis.step(), WizardStep::Cors);
            assert!(health.to_string().contains(diagnosis.remedy()), "{health}");
        }
    }
}

#[tokio::test]
async fn an_empty_or_unusual_container_is_ready() {
    let cloud = SmallCloud::builder().start().await.unwrap();
    let health = run(&cloud).await;
    assert!(health.is_ready(), "{health}");
    assert_eq!(health.warnings().next().unwrap().cause, Cause::EmptyListing);
    assert!(health.check(Check::Read).unwrap().note.contains("no blob"), "{health}");

    let seeds =
        [Seed::new("a.jpg", ""), Seed::new("b/../c.jpg", "x"), Seed::new("d.jpg", "x").archived()];
    for seed in seeds {
        let cloud = SmallCloud::builder().blob(seed).start().await.unwrap();
        let health = run(&cloud).await;
        assert!(health.is_ready(), "{health}");
        assert_eq!(health.check(Check::Read).unwrap().outcome, Outcome::Passed, "{health}");
    }
    // Some pages are empty and have a marker.
    for _ in 0..20 {
        let cloud = builder().ragged_pages().start().await.unwrap();
        let health = run(&cloud).await;
        assert!(health.is_ready() && health.warnings().next().is_none(), "{health}");
    }
}

#[tokio::test]
async fn a_token_that_expires_early_is_renewed_once_for_all_requests() {
    let cloud = builder().start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let store = Arc::new(cloud.store(&connection).unwrap());
    let sign_ins = || cloud.log().iter().filter(|request| request.is_sign_in()).count();
    store.list(ListRequest::new("")).await.unwrap();
    assert_eq!(sign_ins(), 1);
    cloud.expire_tokens();
    let lists = (0..64).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.list(ListRequest::new("")).await.map(|_| ()) })
    });
    for list in lists.collect::<Vec<_>>() {
        list.await.unwrap().unwrap();
    }
    assert_eq!(sign_ins(), 2, "64 requests cause one more sign-in");
    // A token that storage never accepts is not renewed repeatedly.
    let report = Scan::new(Arc::clone(&store), connection.prefix()).run(()).await.unwrap();
    assert_eq!(report.requests, 1);
    cloud.unassign_all();
    assert!(store.list(ListRequest::new("")).await.is_err());
    assert_eq!(sign_ins(), 2);
}

#[tokio::test]
async fn least_privilege_is_checked_at_the_end_of_a_wait() {
    for seed in 0..10 {
        fastrand::seed(seed);
        let clock = ManualClock::auto_advancing();
        let spread = [40, 90, 150].map(|s| Propagation::at(Duration::from_secs(s)));
        let limit = Limit::container(&"assets".parse().unwrap()).condition().unwrap();
        let assignment = reader().condition(limit).propagation(spread);
        let cloud = builder()
            .clock(clock.clone())
            .front_ends(3)
            .assignment(assignment)
            .start()
            .await
            .unwrap();
        let probe = probe_of(&cloud, "hall-3/").1.clock(clock).least_privilege();
        let ended = probe.wait(WaitOptions::new(Duration::from_secs(900))).ended().await.unwrap();
        assert!(ended.is_connected(), "{}", ended.health);
        let seen = ended.health.privileges.unwrap();
        assert_eq!(seen.shape, SeenShape::AccountWithCondition, "{seed}");
        assert_eq!(seen.wider, [Check::OutsidePrefix, Check::ListContainers], "{seed}");
    }
}

#[tokio::test]
async fn a_warning_remains_after_the_confirmation() {
    let clock = ManualClock::auto_advancing();
    let cloud = builder().clock(clock.clone()).start().await.unwrap();
    let probe = probe_of(&cloud, "nothing/").1.clock(clock);
    let ended = probe.wait(WaitOptions::new(Duration::from_secs(60))).ended().await.unwrap();
    assert!(ended.is_connected(), "{}", ended.health);
    assert_eq!(ended.health.warnings().next().unwrap().cause, Cause::EmptyListing);
}

#[tokio::test]
async fn a_response_that_is_not_from_azure_never_passes() {
    let page = || {
        let html = "<html><body>Sign in</body></html>";
        Fault::Replace(200, "text/html", Bytes::from_static(html.as_bytes()))
    };
    let cloud = builder().start().await.unwrap();
    cloud.inject(page());
    let health = run(&cloud).await;
    assert_eq!(health.diagnosis.as_ref().unwrap().cause, Cause::NotAzure, "{health}");
    assert_eq!(health.public, None);
    let connection = cloud.connection().build().unwrap();
    let store = cloud.store(&connection).unwrap();
    for question in [
        Question::List { prefix: String::new() },
        Question::ListOther { container: "another".parse().unwrap(), prefix: String::new() },
        Question::ListContainers,
        Question::Challenge,
    ] {
        cloud.inject(page());
        let error = store.inspect(question.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{question:?}");
    }
}

#[tokio::test]
async fn errors_of_the_sign_in_are_never_reported_as_errors_of_storage() {
    let rows = [
        (Error::from_sign_in(Some(503), None, None), Cause::SignInUnavailable),
        (Error::from_sign_in(Some(401), None, None), Cause::CredentialRejected),
        (Error::from_sign_in(Some(429), None, None), Cause::SignInThrottled),
        (
            Error::from_sign_in(Some(400), Some("AADSTS1"), Some(Detail::UnauthorizedClient)),
            Cause::ServicePrincipalMissing,
        ),
        (
            Error::new(ErrorKind::Unreachable, "no such host")
                .with_detail(Detail::NameNotFound)
                .in_sign_in(),
            Cause::Misconfigured,
        ),
    ];
    for (error, cause) in rows {
        assert_eq!(Diagnosis::of(&error).cause, cause, "{error:?}");
        assert_eq!(Diagnosis::at(Check::List, &error).cause, cause, "{error:?}");
    }
}

#[derive(Debug)]
struct Odd;

#[async_trait::async_trait]
impl azure_core::credentials::TokenCredential for Odd {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<azure_core::credentials::TokenRequestOptions<'_>>,
    ) -> azure_core::Result<azure_core::credentials::AccessToken> {
        let kind = azure_core::error::ErrorKind::Other;
        Err(azure_core::Error::with_message(kind, "an error of another kind"))
    }
}

#[tokio::test]
async fn an_unexpected_error_ends_the_probe_with_an_error() {
    let cloud = builder().start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let store = AzureStore::builder(&connection)
        .policy(trust(&connection))
        .certificate_authority(cloud.certificate_authority())
        .build(Credential::Token(Arc::new(Odd)))
        .unwrap();
    assert!(store.list(ListRequest::new("")).await.is_err());
    let probe = Probe::new(&connection, store);
    for bad in ["https://a\nb", "https://app.example/", "app.example", ""] {
        assert!(probe.clone().origin(bad).is_err(), "{bad:?}");
    }
}

/// Waits for propagation over the network, with one clock for the cloud and the probe.
#[tokio::test]
async fn the_small_cloud_propagates_as_azure_does() {
    for seed in 0..12 {
        let mut rng = Rng::with_seed(seed);
        fastrand::seed(seed);
        let clock = ManualClock::auto_advancing();
        let spread: Vec<_> = (0..rng.usize(1..=3))
            .map(|_| {
                let settled = Duration::from_secs(rng.u64(0..400));
                let from = settled.saturating_sub(Duration::from_secs(rng.u64(0..60)));
                (settled, Propagation::flapping(from, settled))
            })
            .collect();
        let stable = spread.iter().map(|(settled, _)| *settled).max().unwrap();
        let cloud = builder()
            .clock(clock.clone())
            .front_ends(spread.len())
            .assignment(reader().propagation(spread.iter().map(|(_, spread)| *spread)))
            .start()
            .await
            .unwrap();
        let granted = clock.time();
        let probe = probe_of(&cloud, "").1.clock(clock.clone()).granted(granted);
        let ended = probe.wait(WaitOptions::new(Duration::from_secs(900))).ended().await.unwrap();
        assert_eq!(ended.reason, EndReason::Connected, "{seed}: {}", ended.health);
        assert!(ended.elapsed >= stable, "{seed}: {:?} before {stable:?}", ended.elapsed);
        assert!(ended.elapsed < stable + Duration::from_secs(180), "{seed}: {:?}", ended.elapsed);
    }
}

#[tokio::test]
async fn a_signature_is_probed_without_a_token() {
    let cloud = builder().start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let store = AzureStore::builder(&connection)
        .policy(trust(&connection))
        .certificate_authority(cloud.certificate_authority())
        .build(cloud.sas())
        .unwrap();
    let health = Probe::new(&connection, store).view_links().run().await;
    assert!(health.is_ready(), "{health}");
    assert_eq!(health.check(Check::Token).unwrap().outcome, Outcome::Skipped);
    let key = health.check(Check::DelegationKey).unwrap();
    assert_eq!(key.diagnosis.as_ref().unwrap().cause, Cause::NotProbed, "{health}");
    let store = AzureStore::builder(&connection)
        .policy(trust(&connection))
        .certificate_authority(cloud.certificate_authority())
        .build(Credential::Sas("sv=2026-04-06&sig=wrong".into()))
        .unwrap();
    let health = Probe::new(&connection, store).run().await;
    assert_eq!(health.diagnosis.unwrap().cause, Cause::SignatureRejected);
}
