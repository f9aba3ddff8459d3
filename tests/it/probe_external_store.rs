//! A probe of a store that the caller implements, with responses that the small cloud cannot give:
//! other clouds, other tenants, network failures.

use std::{
    net::IpAddr,
    sync::Mutex,
    time::{Duration, SystemTime},
};

use azure_asset_sync::{
    Blob, Cloud, Connection, Detail, Error, ErrorKind, Probe, Store,
    probe::{Cause, EndReason, Outlook, WaitOptions},
    store::{
        Answer, Inspect, ListRequest, Page, Question, ReadRequest,
        inspect::{Challenge, Identity},
    },
    testing::ManualClock,
};
use bytes::Bytes;

/// A store that gives the answers of a test.
struct AnsweringStore {
    connection: Connection,
    answers: Mutex<Vec<(Question, Result<Answer, Error>)>>,
}

fn probe_of(
    connection: Connection,
    answers: impl IntoIterator<Item = (Question, Result<Answer, Error>)>,
) -> Probe {
    let answers = Mutex::new(answers.into_iter().collect());
    Probe::new(&connection.clone(), AnsweringStore { connection, answers })
}

#[async_trait::async_trait]
impl Store for AnsweringStore {
    async fn list(&self, _: ListRequest) -> Result<Page, Error> {
        assert_eq!(self.connection.account().as_str(), "contosovision");
        Ok(Page::last(vec![Blob::new("a.jpg", 3)]))
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        Ok(Bytes::from_static(b"a"))
    }
}

#[async_trait::async_trait]
impl Inspect for AnsweringStore {
    async fn inspect(&self, question: Question) -> Result<Answer, Error> {
        let mut answers = self.answers.lock().unwrap();
        let position = answers.iter().position(|(expected, _)| *expected == question);
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
async fn a_wrong_cloud_is_recognized_by_the_challenge() {
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
        let probe = probe_of(connection, [(Question::Challenge, Ok(challenge(host, TENANT)))]);
        let cause = probe.run().await.diagnosis.map(|diagnosis| diagnosis.cause);
        assert_eq!(cause, wrong.then_some(Cause::WrongCloud), "{cloud} {host}");
    }
}

#[tokio::test]
async fn a_token_of_another_tenant_is_reported_if_the_connection_names_a_domain() {
    let connection = contoso().tenant("contoso.onmicrosoft.com").build().unwrap();
    let mut token = Answer::new();
    let mut identity = Identity::default();
    identity.tenant = Some("88888888-8888-4888-8888-888888888888".into());
    token.identity = Some(identity);
    let probe = probe_of(
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
async fn a_private_endpoint_and_a_broken_network_have_different_causes() {
    let unreachable = || Error::new(ErrorKind::Unreachable, "nothing answers");
    for (address, cause) in [
        ("10.1.2.3", Cause::PrivateEndpoint),
        ("172.16.0.9", Cause::PrivateEndpoint),
        ("fd00::1", Cause::PrivateEndpoint),
        ("100.64.0.5", Cause::PrivateEndpoint),
        ("::ffff:10.1.2.3", Cause::PrivateEndpoint),
        ("64:ff9b::10.1.2.3", Cause::PrivateEndpoint),
        ("20.60.1.1", Cause::Unreachable),
    ] {
        let mut answer = Answer::new();
        answer.addresses = vec![address.parse::<IpAddr>().unwrap()];
        let answers =
            [(Question::Addresses, Ok(answer)), (Question::Challenge, Err(unreachable()))];
        let health = probe_of(contoso().build().unwrap(), answers).run().await;
        // A private address would reveal the structure of the service's network.
        let is_private = cause == Cause::PrivateEndpoint;
        let address = address.parse::<IpAddr>().unwrap().to_string();
        assert_eq!(!health.to_string().contains(&address), is_private, "{health}");
        assert_eq!(health.diagnosis.unwrap().cause, cause, "{address}");
    }
}

#[tokio::test]
async fn a_failing_name_server_is_transient_and_a_name_that_does_not_exist_is_not() {
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
        let health = probe_of(contoso().build().unwrap(), answers).run().await;
        assert_eq!((health.diagnosis.unwrap().cause, health.outlook), (cause, outlook));
        // If a proxy is used, only the proxy has to resolve the name.
        let answers = [
            (Question::Addresses, Err(error())),
            (Question::Challenge, Ok(challenge("login.microsoftonline.com", TENANT))),
        ];
        let health = probe_of(contoso().build().unwrap(), answers).run().await;
        assert!(health.is_ready(), "{health}");
    }
}

#[tokio::test]
async fn a_wait_gives_up_on_a_private_endpoint_only_if_it_stays_unreachable() {
    let mut answer = Answer::new();
    answer.addresses = vec!["10.1.2.3".parse::<IpAddr>().unwrap()];
    let failed = || Err(Error::new(ErrorKind::Timeout, "no answer"));
    let answers = |times: usize| {
        let mut answers = Vec::new();
        for _ in 0..times {
            answers.push((Question::Addresses, Ok(answer.clone())));
            answers.push((Question::Challenge, failed()));
        }
        answers
    };
    for (times, why, attempts) in [(1, EndReason::Connected, 41), (3, EndReason::Permanent, 3)] {
        let probe = probe_of(contoso().build().unwrap(), answers(times))
            .clock(ManualClock::auto_advancing());
        let ended = probe.wait(WaitOptions::new(Duration::from_secs(600))).ended().await.unwrap();
        assert_eq!(ended.reason, why, "{times}: {}", ended.health);
        assert!(ended.attempts <= attempts, "{}", ended.attempts);
    }
    // An empty list of addresses is not a private endpoint.
    let answers = [(Question::Addresses, Ok(Answer::new())), (Question::Challenge, failed())];
    let health = probe_of(contoso().build().unwrap(), answers).run().await;
    assert_eq!(health.diagnosis.unwrap().cause, Cause::RequestTimeout);
}

#[tokio::test]
async fn a_requested_check_without_a_result_is_a_warning() {
    let probe = probe_of(contoso().build().unwrap(), []).view_links();
    let health = probe.origin("https://app.example").unwrap().run().await;
    assert!(health.is_ready(), "{health}");
    let causes: Vec<_> = health.warnings().map(|warning| warning.cause).collect();
    assert_eq!(causes, [Cause::NotProbed; 3], "{health}");
}

#[tokio::test]
async fn a_preflight_must_allow_get_requests_with_ranges() {
    let origin = "https://app.example";
    for (methods, headers, good) in [
        ("GET", "range", true),
        ("GET,HEAD", "*", true),
        ("PUT", "range", false),
        ("GET", "x-ms-version", false),
    ] {
        let mut answer = Answer::new();
        let mut cors = azure_asset_sync::store::inspect::Cors::default();
        cors.allow_origin = Some(origin.into());
        cors.allow_methods = Some(methods.into());
        cors.allow_headers = Some(headers.into());
        answer.cors = Some(cors);
        let answers = [(Question::Preflight { origin: origin.into() }, Ok(answer))];
        let probe = probe_of(contoso().build().unwrap(), answers).origin(origin).unwrap();
        let health = probe.run().await;
        assert!(health.is_ready(), "{health}");
        let failed = health.optional_failures().find_map(|failed| failed.diagnosis.as_ref());
        let failed = failed.map(|diagnosis| diagnosis.cause);
        assert_eq!(failed, (!good).then_some(Cause::CorsMissing), "{methods} {headers}");
    }
}
