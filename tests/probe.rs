//! One pass of a probe: what it asks, what it tells, and what it concludes from all answers.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use azure_asset_sync::{
    AzureStore, Blob, Clock as _, Cloud, Connection, Credential, Detail, Diagnosis, Error,
    ErrorKind, Health, Probe, Scan, Store,
    condition::{Limit, Role},
    grant::{Form, Grant},
    probe::{
        Cause, Check, Confidence, Drift, Outcome, Outlook, Patience, SeenShape, Why, WizardStep,
    },
    store::{
        Answer, Inspect, ListRequest, Page, Question, ReadRequest,
        inspect::{Challenge, Identity},
    },
    testing::{Assignment, CorsRule, ManualClock, Seed, SmallCloud, SmallCloudBuilder, Spread},
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

/// What the cloud was asked, as method and path
fn asked(cloud: &SmallCloud) -> Vec<String> {
    let line = |asked: azure_asset_sync::testing::Asked| {
        format!("{} {}?{} {:?}", asked.method, asked.path, asked.query, asked.presented)
    };
    cloud.log().into_iter().map(line).collect()
}

#[tokio::test]
async fn a_pass_takes_at_most_six_requests() {
    let rule = || cors().exposed_headers(["content-range"]);
    type With = fn(Probe) -> Probe;
    let rows: [(With, u64); 5] = [
        (|probe| probe, 4),
        (|probe| probe.view_links(), 5),
        (|probe| probe.origin(ORIGIN), 5),
        (|probe| probe.origin(ORIGIN).view_links(), 6),
        (|probe| probe.origin(ORIGIN).view_links().least_privilege(), 10),
    ];
    for (with, expected) in rows {
        let cloud = builder().cors(rule()).start().await.unwrap();
        let health = with(probe_of(&cloud, "hall-3/").1).run().await;
        assert!(health.is_ready(), "{health}");
        assert_eq!(cloud.requests(), expected, "{:#?}", asked(&cloud));
        assert!(asked(&cloud).iter().all(|line| !line.starts_with("PUT")), "it never writes");
    }
    // Nothing wider than the grant: no container properties, no list of containers.
    let cloud = builder().cors(rule()).start().await.unwrap();
    probe_of(&cloud, "hall-3/").1.origin(ORIGIN).run().await;
    for line in asked(&cloud) {
        let known = ["comp=list&", "/oauth2/v2.0/token", "hall-3/a.jpg", "OPTIONS"];
        assert!(known.iter().any(|part| line.contains(part)), "{line}");
        assert!(!line.contains("/smallcloud/?"), "{line}");
    }
}

#[tokio::test]
async fn a_wait_confirms_with_lists_alone() {
    let clock = ManualClock::new();
    let cloud = builder().clock(clock.clone()).start().await.unwrap();
    let (_, probe) = probe_of(&cloud, "");
    let ended = probe.clock(clock).wait(Patience::new(Duration::from_secs(60))).ended().await;
    assert!(ended.unwrap().is_connected());
    assert_eq!(cloud.requests(), 4 + 5, "{:#?}", asked(&cloud));
    assert!(asked(&cloud)[4..].iter().all(|line| line.contains("comp=list")));
}

#[tokio::test]
async fn each_shape_of_a_grant_is_seen() {
    let limit = || Limit::container(&"assets".parse().unwrap());
    let tight = limit().prefix(&"hall-3/".parse().unwrap()).condition().unwrap();
    let wide = limit().condition().unwrap();
    let key = || Assignment::new(Role::BlobDelegator);
    use Check::{ListContainers, OtherList, OtherRead, OutsidePrefix};
    let rows: [(Vec<Assignment>, SeenShape, Vec<Check>); 6] = [
        (vec![reader().condition(tight)], SeenShape::AccountWithCondition, vec![ListContainers]),
        (
            vec![reader().condition(wide)],
            SeenShape::AccountWithCondition,
            vec![OutsidePrefix, ListContainers],
        ),
        (vec![reader().on_container("assets")], SeenShape::Container, vec![OutsidePrefix]),
        (
            vec![reader().on_container("assets"), key()],
            SeenShape::ContainerAndDelegator,
            vec![OutsidePrefix],
        ),
        (
            vec![Assignment::data_only().on_container("assets")],
            SeenShape::Container,
            vec![OutsidePrefix],
        ),
        (
            vec![reader()],
            SeenShape::AccountUnlimited,
            vec![OtherList, OtherRead, OutsidePrefix, ListContainers],
        ),
    ];
    for (assignments, shape, wider) in rows {
        let mut builder = builder().unassigned();
        for assignment in &assignments {
            builder = builder.assignment(assignment.clone());
        }
        let cloud = builder.start().await.unwrap();
        let health = probe_of(&cloud, "hall-3/").1.least_privilege().run().await;
        assert!(health.is_ready(), "{health}");
        let seen = health.privileges.as_ref().unwrap();
        assert_eq!((seen.shape, &seen.wider), (shape, &wider), "{assignments:?}");
        assert!(seen.unknown.is_empty(), "{health}");
        let broad = health.warnings().any(|warning| warning.cause == Cause::BroadAccess);
        assert_eq!(broad, shape == SeenShape::AccountUnlimited, "{health}");
    }
}

#[tokio::test]
async fn a_grant_that_is_applied_is_seen_as_it_was_meant() {
    let cloud = builder().unassigned().start().await.unwrap();
    let (connection, probe) = probe_of(&cloud, "hall-3/");
    let grant = |principal: Option<&str>| {
        let mut grant = Grant::builder(&connection)
            .subscription("11111111-2222-3333-4444-555555555555")
            .resource_group("vision")
            .application(cloud.client_id());
        if let Some(id) = principal {
            grant = grant.principal(id);
        }
        grant.build().unwrap()
    };
    // Nothing is assigned: the remedy has the command, word for word.
    let health = probe.clone().grant(&grant(None), Form::AzBash).run().await;
    let diagnosis = health.diagnosis.unwrap();
    assert_eq!((diagnosis.cause, diagnosis.redo()), (Cause::AccessMissing, WizardStep::AssignRole));
    let command = diagnosis.command.unwrap();
    assert!(command.contains("az role assignment create"), "{command}");
    let pack = grant(None).pack(Form::AzBash).unwrap();
    assert_eq!(command, pack.step(azure_asset_sync::grant::Step::Apply).unwrap().trim());

    // To another principal than the one that signs in.
    let stranger = "77777777-7777-4777-8777-777777777777";
    let health = probe.clone().grant(&grant(Some(stranger)), Form::AzBash).run().await;
    let diagnosis = health.diagnosis.unwrap();
    assert_eq!(
        (diagnosis.cause, diagnosis.confidence),
        (Cause::WrongPrincipal, Confidence::Certain)
    );

    let right = grant(Some(cloud.object_id()));
    cloud.apply(&right, Duration::ZERO);
    let health = probe.grant(&right, Form::AzBash).least_privilege().run().await;
    assert!(health.is_ready(), "{health}");
    assert_eq!(health.privileges.unwrap().shape, SeenShape::AccountWithCondition);
    assert_eq!(health.object_id.as_deref(), Some(cloud.object_id()));
    assert_eq!(health.tenant.as_deref(), Some(cloud.tenant()));
}

#[tokio::test]
async fn a_condition_for_another_container_is_told_from_no_role() {
    let other = Limit::container(&"another".parse().unwrap()).condition().unwrap();
    let cloud = builder().unassigned().assignment(reader().condition(other)).start().await.unwrap();
    let health = probe_of(&cloud, "").1.least_privilege().run().await;
    let diagnosis = health.diagnosis.unwrap();
    assert_eq!(diagnosis.cause, Cause::ConditionMismatch);
    assert_eq!(diagnosis.confidence, Confidence::Likely);
}

#[tokio::test]
async fn the_tenant_is_discovered_and_a_wrong_one_is_told_before_signing_in() {
    let cloud = builder().start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let store =
        AzureStore::builder(&connection).certificate_authority(cloud.certificate_authority());
    assert_eq!(store.discover_tenant().await.unwrap().as_str(), cloud.tenant());
    assert_eq!(cloud.requests(), 1);

    let wrong = cloud.connection().tenant("66666666-6666-4666-8666-666666666666").build().unwrap();
    let health = Probe::new(&wrong, cloud.store(&wrong).unwrap()).run().await;
    let diagnosis = health.diagnosis.as_ref().unwrap();
    assert_eq!((diagnosis.cause, diagnosis.confidence), (Cause::TokenIssuer, Confidence::Certain));
    assert_eq!(diagnosis.redo(), WizardStep::ServicePrincipal);
    assert_eq!(health.check(Check::Token).unwrap().outcome, Outcome::Skipped);
    assert!(!cloud.log().iter().any(|asked| asked.is_sign_in()), "no secret was sent");

    cloud.set_public(true);
    let error = store.discover_tenant().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TenantNotFound);
    let health = run(&cloud).await;
    assert!(health.is_ready());
    assert!(health.warnings().any(|warning| warning.cause == Cause::PublicContainer));
}

#[tokio::test]
async fn a_wrong_clock_is_told_from_an_expired_token() {
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
async fn browsers_are_asked_for_as_they_will_ask() {
    let rows = [
        (vec![cors().exposed_headers(["content-range"])], None, None),
        (vec![cors().exposed_headers(["*"])], None, None),
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
        let health = probe_of(&cloud, "").1.origin(ORIGIN).run().await;
        assert_eq!(health.diagnosis.as_ref().map(|d| d.cause), failure, "{rules:?}\n{health}");
        assert_eq!(health.warnings().next().map(|d| d.cause), warning, "{rules:?}\n{health}");
        if let Some(diagnosis) = &health.diagnosis {
            assert_eq!(diagnosis.step(), WizardStep::Cors);
        }
    }
}

#[tokio::test]
async fn an_empty_or_odd_container_is_still_ready() {
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
    // Pages that are empty and have a marker.
    for _ in 0..20 {
        let cloud = builder().ragged_pages().start().await.unwrap();
        let health = run(&cloud).await;
        assert!(health.is_ready() && health.warnings().next().is_none(), "{health}");
    }
}

#[tokio::test]
async fn a_token_that_ended_early_is_renewed_once_for_all() {
    let cloud = builder().start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let store = Arc::new(cloud.store(&connection).unwrap());
    let sign_ins = || cloud.log().iter().filter(|asked| asked.is_sign_in()).count();
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
    assert_eq!(sign_ins(), 2, "64 requests, one sign-in");
    // A token that storage never took is not asked for again and again.
    let report = Scan::new(Arc::clone(&store), connection.prefix()).run(()).await.unwrap();
    assert_eq!(report.requests, 1);
    cloud.unassign_all();
    assert!(store.list(ListRequest::new("")).await.is_err());
    assert_eq!(sign_ins(), 2);
}

#[tokio::test]
async fn drift_tells_what_has_changed() {
    let wide = Limit::container(&"assets".parse().unwrap()).condition().unwrap();
    let cloud = builder()
        .unassigned()
        .assignment(reader().condition(wide.clone()))
        .cors(cors().exposed_headers(["*"]))
        .start()
        .await
        .unwrap();
    let look = async || {
        let probe = probe_of(&cloud, "hall-3/").1;
        probe.origin(ORIGIN).view_links().least_privilege().run().await
    };
    let before = look().await;
    assert!(before.is_ready(), "{before}");
    assert_eq!(look().await.drift(&before), []);
    // As it is stored, and read again.
    let json = serde_json::to_string(&before).unwrap();
    let stored: Health = serde_json::from_str(&json).unwrap();
    assert_eq!(look().await.drift(&stored), []);

    cloud.assign(reader());
    let broad = look().await;
    let broader = [Check::OtherList, Check::OtherRead].map(Drift::Broadened);
    assert_eq!(broad.drift(&stored), [&[Drift::ConditionLost], &broader[..]].concat());
    let narrower = [Check::OtherList, Check::OtherRead].map(Drift::Narrowed);
    assert_eq!(stored.drift(&broad), narrower);

    cloud.unassign_all();
    let drift = look().await.drift(&stored);
    assert!(drift.starts_with(&[Drift::RoleGone]), "{drift:?}");
    assert!(!drift.contains(&Drift::ConditionLost), "{drift:?}");
    cloud.assign(reader().condition(wide));
    cloud.set_cors(vec![]);
    assert_eq!(look().await.drift(&stored), [Drift::CorsLost]);
    cloud.set_cors(vec![cors().exposed_headers(["*"])]);
    cloud.set_public(true);
    // An open container can be listed outside the prefix by anybody; so it was before, by the role.
    assert_eq!(look().await.drift(&stored), [Drift::ContainerPublic]);
    cloud.set_public(false);
    let mut moved = look().await;
    moved.tenant = Some("66666666-6666-4666-8666-666666666666".into());
    moved.object_id = Some("77777777-7777-4777-8777-777777777777".into());
    assert_eq!(moved.drift(&stored), [Drift::TenantChanged, Drift::PrincipalChanged]);
}

#[test]
fn a_stored_health_of_a_later_version_is_read() {
    let json = r#"{"cause":"not_known_yet","confidence":"certain","evidence":{"took_ms":3}}"#;
    let diagnosis: Diagnosis = serde_json::from_str(json).unwrap();
    assert_eq!(diagnosis.cause, Cause::Unknown);
    for &cause in Cause::ALL {
        let json = serde_json::to_string(&cause).unwrap();
        assert_eq!(json, format!("\"{cause}\""));
        assert_eq!(serde_json::from_str::<Cause>(&json).unwrap(), cause);
    }
}

/// Propagation over the wire, on clocks that the cloud and the probe share
#[tokio::test]
async fn the_small_cloud_propagates_as_azure_does() {
    for seed in 0..12 {
        let mut rng = Rng::with_seed(seed);
        fastrand::seed(seed);
        let clock = ManualClock::new();
        let spread: Vec<_> = (0..rng.usize(1..=3))
            .map(|_| {
                let settled = Duration::from_secs(rng.u64(0..400));
                let from = settled.saturating_sub(Duration::from_secs(rng.u64(0..60)));
                (settled, Spread::flapping(from, settled))
            })
            .collect();
        let stable = spread.iter().map(|(settled, _)| *settled).max().unwrap();
        let cloud = builder()
            .clock(clock.clone())
            .front_ends(spread.len())
            .assignment(reader().spread(spread.iter().map(|(_, spread)| *spread)))
            .start()
            .await
            .unwrap();
        let granted = clock.time();
        let probe = probe_of(&cloud, "").1.clock(clock.clone());
        let deadline = Duration::from_secs(600);
        let ended = probe.wait(Patience::new(deadline).granted(granted)).ended().await.unwrap();
        assert_eq!(ended.why, Why::Connected, "{seed}: {}", ended.health);
        assert!(ended.elapsed >= stable, "{seed}: {:?} before {stable:?}", ended.elapsed);
        assert!(ended.elapsed < stable + Duration::from_secs(60), "{seed}: {:?}", ended.elapsed);
    }
}

/// A store that answers what a test tells it to
struct Told {
    connection: Connection,
    answers: Mutex<Vec<(Question, Result<Answer, Error>)>>,
}

fn told(
    connection: Connection,
    answers: impl IntoIterator<Item = (Question, Result<Answer, Error>)>,
) -> Probe {
    let answers = Mutex::new(answers.into_iter().collect());
    Probe::new(&connection.clone(), Told { connection, answers })
}

#[async_trait::async_trait]
impl Store for Told {
    async fn list(&self, _: ListRequest) -> Result<Page, Error> {
        assert_eq!(self.connection.account().as_str(), "contosovision");
        Ok(Page::last(vec![Blob::new("a.jpg", 3)]))
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        Ok(Bytes::from_static(b"a"))
    }
}

#[async_trait::async_trait]
impl Inspect for Told {
    async fn inspect(&self, question: Question) -> Result<Answer, Error> {
        let mut answers = self.answers.lock().unwrap();
        let position = answers.iter().position(|(asked, _)| *asked == question);
        position.map_or_else(|| Ok(Answer::unknown()), |at| answers.remove(at).1)
    }
}

fn contoso() -> azure_asset_sync::ConnectionBuilder {
    Connection::builder("hall 3").account("contosovision").container("training")
}

fn challenge(host: &str, tenant: &str) -> Answer {
    let header = format!(
        "Bearer authorization_uri=https://{host}/{tenant}/oauth2/authorize resource_id=https://storage.azure.com"
    );
    let mut answer = Answer::new();
    answer.status = Some(401);
    answer.challenge = Some(Challenge::parse(&header).unwrap());
    answer.served_at = Some(SystemTime::now());
    answer
}

const TENANT: &str = "66666666-6666-4666-8666-666666666666";

#[tokio::test]
async fn a_wrong_cloud_is_told_by_the_challenge() {
    for (cloud, host, wrong) in [
        (Cloud::Public, "login.microsoftonline.com", false),
        (Cloud::Public, "login.microsoftonline.us", true),
        (Cloud::Public, "login.chinacloudapi.cn", true),
        (Cloud::UsGovernment, "login.microsoftonline.us", false),
        (Cloud::UsGovernment, "login.microsoftonline.com", true),
        (Cloud::China, "login.partner.microsoftonline.cn", false),
        (Cloud::China, "login.chinacloudapi.cn", false),
    ] {
        let connection = contoso().cloud(cloud.clone()).build().unwrap();
        let probe = told(connection, [(Question::Challenge, Ok(challenge(host, TENANT)))]);
        let cause = probe.run().await.diagnosis.map(|diagnosis| diagnosis.cause);
        assert_eq!(cause, wrong.then_some(Cause::WrongCloud), "{cloud} {host}");
    }
}

#[tokio::test]
async fn a_token_of_another_tenant_is_told_where_the_connection_names_a_domain() {
    let connection = contoso().tenant("contoso.onmicrosoft.com").build().unwrap();
    let mut token = Answer::new();
    let mut identity = Identity::default();
    identity.tenant = Some("88888888-8888-4888-8888-888888888888".into());
    token.identity = Some(identity);
    let probe = told(
        connection,
        [
            (Question::Challenge, Ok(challenge("login.microsoftonline.com", TENANT))),
            (Question::Token, Ok(token)),
        ],
    );
    let health = probe.run().await;
    assert_eq!(health.diagnosis.unwrap().cause, Cause::TokenIssuer);
}

#[tokio::test]
async fn a_private_endpoint_is_told_from_a_dead_network() {
    let unreachable = || Error::new(ErrorKind::Unreachable, "nothing answers");
    for (address, cause) in [
        ("10.1.2.3", Cause::PrivateEndpoint),
        ("172.16.0.9", Cause::PrivateEndpoint),
        ("fd00::1", Cause::PrivateEndpoint),
        ("20.60.1.1", Cause::Unreachable),
    ] {
        let mut answer = Answer::new();
        answer.addresses = vec![address.parse::<IpAddr>().unwrap()];
        let answers =
            [(Question::Addresses, Ok(answer)), (Question::Challenge, Err(unreachable()))];
        let health = told(contoso().build().unwrap(), answers).run().await;
        assert_eq!(health.diagnosis.unwrap().cause, cause, "{address}");
    }
}

#[tokio::test]
async fn a_name_service_that_fails_is_waited_for_and_a_name_that_is_none_is_not() {
    for (kind, detail, cause, outlook) in [
        (
            ErrorKind::Unreachable,
            Detail::NameServiceFailed,
            Cause::NameServiceFailed,
            Outlook::Wait,
        ),
        (ErrorKind::AccountNotFound, Detail::NameNotFound, Cause::AccountNotFound, Outlook::Stop),
    ] {
        let error = || Error::new(kind, "no address").with_detail(detail);
        let answers = [(Question::Addresses, Err(error())), (Question::Challenge, Err(error()))];
        let health = told(contoso().build().unwrap(), answers).run().await;
        assert_eq!((health.diagnosis.unwrap().cause, health.outlook), (cause, outlook));
        // Behind a proxy the name need not be known here.
        let answers = [
            (Question::Addresses, Err(error())),
            (Question::Challenge, Ok(challenge("login.microsoftonline.com", TENANT))),
        ];
        let health = told(contoso().build().unwrap(), answers).run().await;
        assert!(health.is_ready(), "{health}");
    }
}

#[tokio::test]
async fn a_signature_is_probed_without_a_token() {
    let cloud = builder().start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let store = AzureStore::builder(&connection)
        .certificate_authority(cloud.certificate_authority())
        .build(cloud.sas())
        .unwrap();
    let health = Probe::new(&connection, store).view_links().run().await;
    assert!(health.is_ready(), "{health}");
    assert_eq!(health.check(Check::Token).unwrap().outcome, Outcome::Skipped);
    assert_eq!(health.check(Check::DelegationKey).unwrap().outcome, Outcome::Skipped);
    let store = AzureStore::builder(&connection)
        .certificate_authority(cloud.certificate_authority())
        .build(Credential::Sas("sv=2026-04-06&sig=wrong".into()))
        .unwrap();
    let health = Probe::new(&connection, store).run().await;
    assert_eq!(health.diagnosis.unwrap().cause, Cause::SignatureRejected);
}
