//! Each failure of the network or the service has an error with the documented kind and with advice,
//! and no error contains a secret.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use azure_asset_sync::{
    AzureStore, Cloud, Connection, Credential, Endpoint, Error, ErrorKind, Scan, Store,
    store::{ListRequest, ReadRequest, azure::AzureStoreBuilder},
    testing::{Fault, Refusal, Seed, SmallCloud, trust},
};
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    time::OffsetDateTime,
};
use bytes::Bytes;

use crate::refused_port::RefusedPort;
use crate::silence;

async fn cloud() -> SmallCloud {
    let seeds = ["a.jpg", "b.jpg", "c.jpg"].map(|name| Seed::new(name, name));
    SmallCloud::builder().blobs(seeds).start().await.unwrap()
}

fn builder(cloud: &SmallCloud, connection: &Connection) -> AzureStoreBuilder {
    AzureStore::builder(connection)
        .policy(trust(connection))
        .certificate_authority(cloud.certificate_authority())
}

async fn list(store: impl Store + 'static) -> Result<u64, Error> {
    let scan = Scan::new(store, &Default::default());
    scan.run(()).await.map(|report| report.accepted())
}

/// Returns the error of a listing, after a search for secrets in its text.
async fn failure(cloud: &SmallCloud, store: AzureStore) -> Error {
    let error = list(store).await.unwrap_err();
    let text = format!("{error} {error:?}");
    for secret in [cloud.secret(), cloud.signature(), "wrong-secret", "sig="] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(!error.to_string().contains('\n'), "{error}");
    error
}

#[tokio::test]
async fn a_wrong_secret_an_unknown_application_and_an_unknown_tenant_have_different_errors() {
    let cloud = cloud().await;
    let connection = cloud.connection().build().unwrap();
    let Credential::ClientSecret { client_id, secret } = cloud.credential() else { panic!() };

    let wrong = Credential::ClientSecret { client_id, secret: "wrong-secret".into() };
    let error = failure(&cloud, builder(&cloud, &connection).build(wrong).unwrap()).await;
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::CredentialRejected, Some("AADSTS7000215"))
    );
    assert_eq!(error.status(), Some(401));
    assert_eq!(error.request_id(), Some("33333333-3333-4333-8333-333333333333"));
    assert!(error.to_string().contains("not its Secret ID"), "{error}");

    let stranger = Credential::ClientSecret {
        client_id: "77777777-7777-4777-8777-777777777777".into(),
        secret: secret.clone(),
    };
    let error = failure(&cloud, builder(&cloud, &connection).build(stranger).unwrap()).await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::CredentialRejected, Some("AADSTS700016")));
    assert!(error.to_string().contains("az ad sp create"), "{error}");

    let elsewhere = cloud.connection().tenant("contoso.onmicrosoft.com").build().unwrap();
    let store = builder(&cloud, &elsewhere).build(cloud.credential()).unwrap();
    let error = failure(&cloud, store).await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::TenantNotFound, Some("AADSTS90002")));
}

#[tokio::test]
async fn an_unknown_container_and_an_unknown_account_have_different_errors() {
    let cloud = cloud().await;
    let connection = cloud.connection().container("no-such-container").build().unwrap();
    let error = failure(&cloud, cloud.store(&connection).unwrap()).await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::ContainerNotFound, Some(404)));
    assert!(error.request_id().is_some());
    assert!(error.to_string().contains("`no-such-container`"), "{error}");

    let base = format!("https://{}", cloud.address());
    let endpoint =
        Endpoint::new(&format!("{base}/stranger")).unwrap().with_authority(&base).unwrap();
    let connection = cloud.connection().cloud(Cloud::Custom(endpoint)).build().unwrap();
    let error = failure(&cloud, cloud.store(&connection).unwrap()).await;
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::AccountNotFound, Some("ResourceNotFound"))
    );
}

#[tokio::test]
async fn a_host_without_an_address_is_an_unknown_account() {
    let cloud = cloud().await;
    let endpoint = Endpoint::new("http://nowhere.test/").unwrap();
    let connection = cloud.connection().cloud(Cloud::Custom(endpoint)).build().unwrap();
    // The answer of the system's resolver, so that no name server is queried.
    let text = "failed to lookup address information: Name or service not known";
    let builder =
        builder(&cloud, &connection).resolve_by(move |_| Err(std::io::Error::other(text)));
    let store = builder.build(cloud.sas()).unwrap();
    assert_eq!(failure(&cloud, store).await.kind(), ErrorKind::AccountNotFound);
}

#[test]
fn a_refused_connection_is_given_up_within_the_deadline() {
    silence::run(async {
        let cloud = cloud().await;
        let port = RefusedPort::bind();
        let base = format!("https://{}", port.address());
        let endpoint = Endpoint::new(&format!("{base}/x")).unwrap();
        let connection = cloud.connection().cloud(Cloud::Custom(endpoint.clone())).build().unwrap();
        let store = builder(&cloud, &connection).build(cloud.sas()).unwrap();
        let error = store.list(ListRequest::new("")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.to_string().contains("refused") && error.is_transient(), "{error}");
        assert!(!format!("{error:?}").contains(cloud.signature()), "{error:?}");

        let deadline = Duration::from_secs(3);
        let scan = Scan::new(store, connection.prefix()).page_deadline(deadline);
        let start = tokio::time::Instant::now();
        assert_eq!(scan.run(()).await.unwrap_err().kind(), ErrorKind::Unreachable);
        // The retries of the SDK would take 82 s here. The clock advances in steps, so the deadline can
        // pass within one.
        assert!(start.elapsed() <= deadline + silence::STEP, "{:?}", start.elapsed());

        let dead = endpoint.with_authority(&base).unwrap();
        let connection = cloud.connection().cloud(Cloud::Custom(dead)).build().unwrap();
        let store = builder(&cloud, &connection).build(cloud.credential()).unwrap();
        let error = store.list(ListRequest::new("")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.to_string().contains("sign in"), "{error}");
    });
}

#[tokio::test]
async fn a_truncated_body_is_retried_and_reported_as_truncated_if_it_stays_so() {
    let cloud = cloud().await;
    let store = || cloud.store(&cloud.connection().build().unwrap()).unwrap();
    for at in [0, 1, 700, 1500] {
        cloud.inject(Fault::CloseAfter(at));
        let error = store().list(ListRequest::new("")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated, "cut at {at}: {error}");
        cloud.inject(Fault::CloseAfter(at));
        assert_eq!(list(store()).await.unwrap(), 3, "cut at {at}");
    }
    cloud.inject(Fault::CloseAfter(1));
    let error = store().read(ReadRequest::new("a.jpg", 0..5)).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

#[test]
fn a_connection_that_is_closed_or_silent_is_transient() {
    silence::run(async {
        let cloud = cloud().await;
        let connection = cloud.connection().build().unwrap();
        cloud.inject(Fault::Close);
        assert_eq!(list(cloud.store(&connection).unwrap()).await.unwrap(), 3);

        cloud.inject(Fault::Stall);
        let store = builder(&cloud, &connection)
            .read_timeout(silence::STEP / 2)
            .build(cloud.credential())
            .unwrap();
        let error = store.list(ListRequest::new("")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(error.is_transient(), "{error:?}");
    });
}

#[tokio::test]
async fn an_unexpected_response_is_never_an_empty_container() {
    let cloud = cloud().await;
    let store = cloud.store(&cloud.connection().build().unwrap()).unwrap();
    let listing = "<?xml version=\"1.0\"?><EnumerationResults><Blobs/></EnumerationResults>";
    for (content_type, body) in [
        ("text/html", "<html><body>Sign in</body></html>"),
        ("application/xml", "<html><body>Sign in</body></html>"),
        ("application/vnd.apache.arrow.stream", "ARROW"),
        ("text/html", listing),
        ("application/json", "{}"),
    ] {
        cloud.inject(Fault::Replace(200, content_type, Bytes::from_static(body.as_bytes())));
        let error = store.list(ListRequest::new("")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{content_type}: {error}");
    }
    cloud.inject(Fault::Replace(200, "application/xml", Bytes::from_static(listing.as_bytes())));
    assert_eq!(store.list(ListRequest::new("")).await.unwrap().blobs, []);
}

#[tokio::test]
async fn an_error_code_is_found_in_the_body_if_no_header_has_it() {
    let cloud = cloud().await;
    let store = cloud.store(&cloud.connection().build().unwrap()).unwrap();
    let error = |code: &str| {
        let body = format!("\u{feff}<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
        Fault::Replace(403, "application/xml", body.into())
    };
    for read in [false, true] {
        let ask = async |fault| {
            cloud.inject(fault);
            match read {
                false => store.list(ListRequest::new("")).await.unwrap_err(),
                true => store.read(ReadRequest::new("a.jpg", 0..1)).await.unwrap_err(),
            }
        };
        let found = ask(error("AuthenticationFailed")).await;
        let got = (found.kind(), found.code());
        assert_eq!(got, (ErrorKind::Unauthenticated, Some("AuthenticationFailed")), "{found:?}");
        // A text that is not a code is not passed on.
        for text in ["<b>sig=SECRET", cloud.signature(), &cloud.tokens()[0]] {
            let found = ask(error(text)).await;
            let got = (found.kind(), found.code());
            assert_eq!(got, (ErrorKind::PermissionDenied, None), "{found:?}");
        }
        let page = Bytes::from_static(b"<html>blocked by the proxy</html>");
        let found = ask(Fault::Replace(407, "text/html", page)).await;
        assert_eq!((found.kind(), found.status()), (ErrorKind::BadRequest, Some(407)));
    }
}

/// A credential that the caller implements.
#[derive(Debug)]
struct Mine {
    token: &'static str,
    requests: AtomicU32,
}

#[async_trait::async_trait]
impl TokenCredential for Mine {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        assert_eq!(scopes, ["https://storage.azure.com/.default"]);
        self.requests.fetch_add(1, Ordering::Relaxed);
        let expires_on = OffsetDateTime::now_utc() + azure_core::time::Duration::hours(1);
        Ok(AccessToken::new(self.token, expires_on))
    }
}

#[tokio::test]
async fn a_credential_of_the_caller_is_called_once_and_never_shown() {
    let cloud = cloud().await;
    let connection = cloud.connection().build().unwrap();
    let mine = Arc::new(Mine { token: "no-such-token", requests: AtomicU32::new(0) });
    let credential = Credential::Token(mine.clone());
    let store = builder(&cloud, &connection).build(credential).unwrap();
    let error = failure(&cloud, store).await;
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(!format!("{error:?}").contains(mine.token));
    assert_eq!(mine.requests.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn errors_of_the_service_keep_the_status_code_request_id_and_retry_delay() {
    let cloud = cloud().await;
    let store = cloud.store(&cloud.connection().build().unwrap()).unwrap();
    const WAIT: Duration = Duration::from_secs(7);
    let rows = [
        (403, "AuthorizationPermissionMismatch", ErrorKind::PermissionDenied, false),
        (403, "AuthorizationFailure", ErrorKind::PermissionDenied, false),
        (403, "AuthenticationFailed", ErrorKind::Unauthenticated, false),
        (403, "AccountIsDisabled", ErrorKind::PermissionDenied, false),
        (409, "PublicAccessNotPermitted", ErrorKind::Unauthenticated, false),
        (404, "ContainerNotFound", ErrorKind::ContainerNotFound, false),
        (400, "InvalidQueryParameterValue", ErrorKind::BadRequest, false),
        (302, "", ErrorKind::UnexpectedAnswer, false),
        (429, "TooManyRequests", ErrorKind::Throttled, true),
        (500, "InternalError", ErrorKind::Unavailable, true),
        (500, "OperationTimedOut", ErrorKind::Unavailable, true),
        (503, "ServerBusy", ErrorKind::Throttled, true),
    ];
    for (status, code, kind, transient) in rows {
        for read in [false, true] {
            cloud.inject(Fault::Refuse(Refusal::new(status, code).retry_after(WAIT)));
            let error = match read {
                false => store.list(ListRequest::new("")).await.unwrap_err(),
                true => store.read(ReadRequest::new("a.jpg", 0..1)).await.unwrap_err(),
            };
            assert_eq!((error.kind(), error.is_transient()), (kind, transient), "{error:?}");
            assert_eq!(error.status(), Some(status));
            assert_eq!(error.code().unwrap_or_default(), code);
            assert_eq!(error.retry_after(), Some(WAIT));
            assert!(error.request_id().is_some());
        }
    }
}

#[tokio::test]
async fn an_untrusted_certificate_is_reported_and_not_retried() {
    let cloud = cloud().await;
    let connection = cloud.connection().build().unwrap();
    for credential in [cloud.sas(), cloud.credential()] {
        let store =
            AzureStore::builder(&connection).policy(trust(&connection)).build(credential).unwrap();
        let error = failure(&cloud, store).await;
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Untrusted, false));
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}

#[tokio::test]
async fn a_name_that_no_url_can_contain_is_refused_and_reads_no_other_blob() {
    let cloud = cloud().await;
    let store = cloud.store(&cloud.connection().build().unwrap()).unwrap();
    for name in ["..", ".", "x/../a.jpg", "./a.jpg", "a.jpg/.", ""] {
        let error = store.read(ReadRequest::new(name, 0..1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest, "{name}");
    }
    assert_eq!(cloud.requests(), 0);
}

#[tokio::test]
async fn contradictory_options_are_refused_before_any_request() {
    let cloud = cloud().await;
    let connection = cloud.connection().build().unwrap();
    let refused = |connection: &Connection, credential| {
        let store = AzureStore::builder(connection).policy(trust(connection));
        let error = store.build(credential).unwrap_err();
        assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        error.to_string()
    };
    let plain = Endpoint::new("http://127.0.0.1:1/x").unwrap();
    let plain = cloud.connection().cloud(plain.into()).build().unwrap();
    assert!(refused(&plain, cloud.credential()).contains("TLS"));

    let public = Connection::builder("x").account("contoso").container("training");
    let no_tenant = public.clone().build().unwrap();
    assert!(refused(&no_tenant, cloud.credential()).contains("tenant"));

    for sas in [
        "sv=1&sp=rl",
        "https://contoso.blob.core.windows.net/other?sig=SECRET",
        "https://contoso.blob.core.windows.net/training/a.jpg?sig=SECRET",
        "https://other.blob.core.windows.net/training?sig=SECRET",
    ] {
        refused(&no_tenant, Credential::Sas(sas.into()));
    }
    for sas in ["?sig=x", "sig=x", "https://contoso.blob.core.windows.net/training?sig=x"] {
        AzureStore::new(&no_tenant, Credential::Sas(sas.into())).unwrap();
    }
    let certificate = |pem: &str| Credential::ClientCertificate {
        client_id: "77777777-7777-4777-8777-777777777777".into(),
        pem: pem.into(),
    };
    assert!(refused(&connection, certificate("SECRET")).contains("no certificate"));
    let only = cloud.certificate_authority();
    assert!(refused(&connection, certificate(only)).contains("private key"));
    let store = AzureStore::builder(&connection).policy(trust(&connection));
    let error = store.certificate_authority("x").build(cloud.sas());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_public_container_needs_no_credential_and_a_private_one_reports_that_it_does() {
    let cloud = cloud().await;
    let connection = cloud.connection().build().unwrap();
    let store = builder(&cloud, &connection).build(Credential::Anonymous).unwrap();
    assert_eq!(failure(&cloud, store).await.kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn no_printable_value_contains_a_secret() {
    let cloud = cloud().await;
    let connection = cloud.connection().build().unwrap();
    let store = builder(&cloud, &connection).build(cloud.sas()).unwrap();
    let scan = Scan::new(cloud.store(&connection).unwrap(), connection.prefix());
    let mine = Credential::Token(Arc::new(Mine { token: "no-such-token", requests: 0.into() }));
    assert!(!format!("{mine:?}").contains("no-such-token"), "{mine:?}");
    let shown = format!(
        "{:?} {:?} {store:?} {scan:?} {connection:?} {} {:?} {cloud:?}",
        cloud.credential(),
        cloud.sas(),
        serde_json::to_string(&connection).unwrap(),
        builder(&cloud, &connection),
    );
    assert!(!shown.contains(cloud.secret()) && !shown.contains(cloud.signature()), "{shown}");
}

#[tokio::test]
async fn short_and_empty_pages_still_list_the_complete_container() {
    let names: Vec<_> = (0..500).map(|n| format!("{n:03}.jpg")).collect();
    let seeds = names.iter().map(|name| Seed::new(name, "x"));
    let cloud = SmallCloud::builder().blobs(seeds).ragged_pages().start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let scan = Scan::new(cloud.store(&connection).unwrap(), connection.prefix());
    let report = scan.page_size(9.try_into().unwrap()).run(()).await.unwrap();
    assert_eq!(report.accepted(), 500);
    assert!(report.pages > 56, "{} pages: no page was short", report.pages);
}
