//! Credentials are read in every form that people have them in. An error names the variable, the file
//! or the command that helps, and never repeats the input.

use std::time::Duration;

use azure_asset_sync::{
    AzureStore, Connection, Credential, Error, ErrorKind, Probe, Store,
    probe::{Cause, Confidence, Diagnosis, Retry},
    store::{ListRequest, ReadRequest, azure::RawRequest},
    testing::{Fault, Refusal, Seed, SignInRefusal, SmallCloud, trust},
};

use crate::openssl;

const ID: &str = "77777777-7777-4777-8777-777777777777";

fn connection() -> Connection {
    let connection = Connection::builder("x").account("contoso").container("training");
    connection.tenant("contoso.onmicrosoft.com").build().unwrap()
}

fn refused(credential: Credential) -> Error {
    let error = AzureStore::new(&connection(), credential).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(!error.is_transient() && !error.to_string().contains('\n'), "{error}");
    let diagnosis = Diagnosis::of(&error);
    assert_eq!((diagnosis.cause, diagnosis.retry()), (Cause::Misconfigured, Retry::Never));
    error
}

fn certificate(pem: &str) -> Credential {
    Credential::ClientCertificate { client_id: ID.to_owned(), pem: pem.into() }
}

fn secret(client_id: &str, secret: &str) -> Credential {
    Credential::ClientSecret { client_id: client_id.to_owned(), secret: secret.into() }
}

#[tokio::test]
async fn a_certificate_is_found_by_its_key_in_each_form_of_a_pem_text() {
    let (pem, leaf) = openssl::make(&["-newkey", "rsa:2048"]);
    let (_, issuer) = openssl::make(&["-newkey", "rsa:2048"]);
    let key = pem.strip_suffix(&*leaf).unwrap();
    let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "x")).certificate(&*leaf);
    let cloud = cloud.start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let utf16: Vec<u8> =
        format!("\u{feff}{pem}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cert.pem");
    std::fs::write(&path, utf16).unwrap();
    let client_id = cloud.client_id();
    let as_pem = |pem: String| Credential::ClientCertificate {
        client_id: format!(" {client_id}\n"),
        pem: pem.into(),
    };
    for (form, credential) in [
        ("leaf first", as_pem(format!("{key}{leaf}{issuer}"))),
        ("issuer first", as_pem(format!("{issuer}{leaf}{key}"))),
        ("key first", as_pem(format!("{key}{issuer}{leaf}"))),
        ("byte order mark", as_pem(format!("\u{feff}{pem}"))),
        ("CRLF", as_pem(pem.replace('\n', "\r\n"))),
        ("literal line breaks", as_pem(pem.replace('\n', "\\n"))),
        ("blanks for line breaks", as_pem(pem.replace('\n', " "))),
        ("indented", as_pem(pem.replace('\n', "\n    "))),
        ("quoted", as_pem(format!("\"{pem}\""))),
        ("attributes", as_pem(format!("Bag Attributes\n  localKeyID: 01\n{pem}"))),
        ("UTF-16", Credential::certificate_file(client_id, &path).unwrap()),
    ] {
        let store = AzureStore::builder(&connection)
            .policy(trust(&connection))
            .certificate_authority(cloud.certificate_authority())
            .build(credential)
            .unwrap_or_else(|error| panic!("{form}: {error}"));
        let page = store.list(ListRequest::new("")).await;
        assert_eq!(page.unwrap_or_else(|error| panic!("{form}: {error}")).blobs.len(), 1);
    }
}

#[test]
fn an_unusable_certificate_is_described_with_the_command_that_converts_it() {
    let (pem, leaf) = openssl::make(&["-newkey", "rsa:2048"]);
    let (other, _) = openssl::make(&["-newkey", "rsa:2048"]);
    let (elliptic, _) =
        openssl::make(&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    let key = pem.strip_suffix(&*leaf).unwrap();
    let other_key = other.split("-----BEGIN CERTIFICATE").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("cert.pem"), &pem).unwrap();
    let encrypted = openssl::run(&file("cert.pem"), &["pkcs8", "-topk8", "-passout", "pass:x"]);
    let old =
        openssl::run(&file("cert.pem"), &["rsa", "-traditional", "-aes128", "-passout", "pass:x"]);
    let (encrypted, old) = [encrypted, old].map(|bytes| String::from_utf8(bytes).unwrap()).into();
    let pfx = openssl::run(&file("cert.pem"), &["pkcs12", "-export", "-passout", "pass:x"]);
    let der = openssl::run(&file("cert.pem"), &["x509", "-outform", "DER"]);
    let request = openssl::run(&file("cert.pem"), &["req", "-new", "-subj", "/CN=x", "-key"]);
    let request = String::from_utf8(request).unwrap();
    let base64 = |bytes: &[u8]| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(bytes)
    };
    let cut = pem.get(..pem.len() - 60).unwrap();
    for (text, named) in [
        (String::new(), "give PEM text"),
        ("/etc/ssl/canary.pem".to_owned(), "not the path of a file"),
        (leaf.clone(), "no private key"),
        (key.to_owned(), "no certificate"),
        (format!("{other_key}{leaf}"), "belongs to the private key"),
        (elliptic, "openssl req -x509 -newkey rsa:2048"),
        (format!("{encrypted}{leaf}"), "openssl pkey -in"),
        (format!("{old}{leaf}"), "openssl pkey -in"),
        (base64(&pfx), "openssl pkcs12 -in"),
        (base64(&der), "openssl x509 -in"),
        (request, "certificate request"),
        (cut.to_owned(), "truncated or damaged"),
    ] {
        let error = refused(certificate(&text)).to_string();
        assert!(error.contains(named), "{named}: {error}");
        assert!(!error.contains("canary"), "{error}");
    }
    std::fs::write(file("cert.pfx"), &pfx).unwrap();
    std::fs::write(file("cert.der"), &der).unwrap();
    for (name, named) in [
        ("cert.pfx", "openssl pkcs12 -in"),
        ("cert.der", "openssl x509 -in"),
        ("absent.pem", "No such file"),
    ] {
        let error = Credential::certificate_file(ID, file(name)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let error = error.to_string();
        assert!(error.contains(named) && error.contains(name), "{name}: {error}");
    }
}

#[test]
fn a_secret_in_place_of_the_path_of_a_certificate_is_not_repeated() {
    let (pem, _) = openssl::make(&["-newkey", "rsa:2048"]);
    let line = pem.lines().nth(1).unwrap();
    let content = "it is the content of a file and not its path";
    for (path, named) in [
        (&*pem, content),
        (&pem.replace('\n', "\\n"), content),
        (&pem.replace('\n', " "), content),
        (&format!("-----BEGIN PRIVATE KEY-----\n{line}"), content),
        (&format!("eyJhbGciOiJSUzI1NiJ9.{line}.{line}").replace('/', "_"), content),
        (line, "may be a secret"),
        (&format!("abc8Q~{}", line.replace('/', "_")), "may be a secret"),
        (&format!("https://vault.example/x?sig={line}"), "https://vault.example/x…"),
        // The path of a missing file is shown, even with two dots.
        ("service.v1.pem", "service.v1.pem"),
        ("no/such.folder/service.v1.certificates", "no/such.folder/service.v1.certificates"),
    ] {
        let error = Credential::certificate_file(ID, path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let shown = format!("{error} {error:?} {}", Diagnosis::of(&error));
        assert!(shown.contains(named), "{shown}");
        // Neither the key nor a part of it is shown.
        let parts = line.as_bytes().chunks(16).map(|part| String::from_utf8_lossy(part));
        for part in parts {
            assert!(!shown.contains(&*part), "{named}: {shown}");
        }
    }
}

#[tokio::test]
async fn secrets_are_trimmed_and_other_values_in_their_place_are_recognized() {
    let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "x")).start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    for around in ["\n", "\r\n", "  "] {
        let credential =
            secret(&format!("{{{}}}", cloud.client_id()), &format!("{}{around}", cloud.secret()));
        let store = AzureStore::builder(&connection)
            .policy(trust(&connection))
            .certificate_authority(cloud.certificate_authority())
            .build(credential)
            .unwrap();
        store.list(ListRequest::new("")).await.unwrap();
    }
    for (client_id, value, named) in [
        (ID, " \n", "client secret: it is empty"),
        (ID, "can\nary", "line break"),
        (ID, "-----BEGIN PRIVATE KEY-----canary", "ClientCertificate"),
        ("", "x", "it is empty"),
        ("api://canary", "x", "application ID URI"),
        ("canary~8Q~abcdefghijklmnopqrstuvwxyz012345", "x", "Application (client) ID"),
    ] {
        let error = refused(secret(client_id, value)).to_string();
        assert!(error.contains(named) && !error.contains("canary"), "{error}");
    }
    let identity = "/subscriptions/x/userAssignedIdentities/canary".to_owned();
    let error = refused(Credential::ManagedIdentity { client_id: Some(identity) }).to_string();
    assert!(error.contains("resource ID") && !error.contains("canary"), "{error}");
}

#[tokio::test]
async fn a_header_of_a_raw_request_replaces_the_header_of_the_store() {
    let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "x")).start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let store = cloud.store(&connection).unwrap();
    let mut url = connection.container_url().clone();
    url.set_query(Some("restype=container&comp=list"));
    let get = || RawRequest::get(url.clone());
    assert_eq!(store.exchange(get()).await.unwrap().status, 200);
    for request in [
        get().header("authorization", "Bearer canary"),
        get().header("Authorization", "Bearer canary"),
        get().header("x-ms-version", "1999-01-01"),
        get().header("x-ms-version", "2026-04-06").header("x-ms-version", "1999-01-01"),
    ] {
        let answer = store.exchange(request).await.unwrap();
        assert!([400, 401, 403].contains(&answer.status), "{answer:?}");
    }
    let error = store.exchange(get().header("x-canary", "can\nary")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    assert!(!format!("{error} {error:?}").contains("ary"), "{error}");
}

/// Returns a store with this shared access signature, at a fixed time.
fn signed(cloud: &SmallCloud, query: &str) -> (Connection, AzureStore) {
    let connection = cloud.connection().build().unwrap();
    let store = AzureStore::builder(&connection)
        .policy(trust(&connection))
        .certificate_authority(cloud.certificate_authority())
        .build(Credential::Sas(query.into()))
        .unwrap();
    (connection, store)
}

#[tokio::test]
async fn a_refused_signature_is_explained_by_its_own_fields_and_is_never_retried() {
    const SIG: &str = "sig=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8%3D";
    let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "x")).start().await.unwrap();
    let mismatch = || Refusal::new(403, "AuthorizationPermissionMismatch");
    let failed = || Refusal::new(403, "AuthenticationFailed");
    let forbidden = || Refusal::new(403, "AuthorizationFailure");
    for (query, refusal, cause, confidence, named) in [
        (
            "se=2020-01-01&sp=rl",
            failed(),
            Cause::SasExpired,
            Confidence::Certain,
            "expired at 2020",
        ),
        // The response of an emulator.
        ("se=2020-01-01T00:00Z&sp=rl", forbidden(), Cause::SasExpired, Confidence::Certain, "2020"),
        (
            "st=2120-01-01&sp=rl",
            failed(),
            Cause::SasNotYetValid,
            Confidence::Certain,
            "before 2120",
        ),
        ("sp=r", mismatch(), Cause::SasRights, Confidence::Certain, "permission to list"),
        ("sp=rl", mismatch(), Cause::SasRights, Confidence::Certain, "delegation key"),
        ("sp=rl", failed(), Cause::SignatureRejected, Confidence::Certain, "another key"),
        ("sp=rl", Refusal::new(403, ""), Cause::SignatureRejected, Confidence::Certain, "key"),
        ("sp=rl", Refusal::new(401, ""), Cause::SignatureRejected, Confidence::Certain, "key"),
    ] {
        let (connection, store) = signed(&cloud, &format!("sv=2026-04-06&{query}&{SIG}"));
        cloud.inject_always(Some(Fault::Refuse(refusal)));
        let error = store.list(ListRequest::new("")).await.unwrap_err();
        let health = Probe::new(&connection, store).run().await;
        cloud.inject_always(None);
        let text = error.to_string();
        assert!(text.contains(named) && !text.contains("AAECAw"), "{query}: {text}");
        let diagnosis = health.diagnosis.unwrap();
        assert_eq!(diagnosis.cause, cause, "{query}: {text}");
        assert!(diagnosis.confidence <= confidence && diagnosis.retry() == Retry::Never);
        assert_eq!(Diagnosis::of(&error).cause, cause, "{query}");
        assert!(!diagnosis.to_string().contains("condition"), "{diagnosis}");
    }
    // Truncated when it was copied, and without the read permission.
    let (_, store) = signed(&cloud, "sv=2026-04-06&sp=rl&sig=AAECAwQFBgcICQ");
    cloud.inject_always(Some(Fault::Refuse(failed())));
    let error = store.list(ListRequest::new("")).await.unwrap_err();
    assert_eq!(Diagnosis::of(&error).cause, Cause::SasCut, "{error}");
    let (_, store) = signed(&cloud, &format!("sv=2026-04-06&sp=l&{SIG}"));
    cloud.inject_always(Some(Fault::Refuse(mismatch())));
    let error = store.read(ReadRequest::new("a.jpg", 0..1)).await.unwrap_err();
    assert!(error.to_string().contains("permission to read"), "{error}");
    // A refusal with another cause keeps that cause.
    cloud.inject_always(Some(Fault::Refuse(Refusal::new(
        403,
        "KeyBasedAuthenticationNotPermitted",
    ))));
    let error = store.list(ListRequest::new("")).await.unwrap_err();
    assert_eq!(Diagnosis::of(&error).cause, Cause::KeysForbidden);
}

#[tokio::test]
async fn a_secret_that_expires_during_a_scan_is_not_a_transient_error() {
    let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "x")).start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    let store = cloud.store(&connection).unwrap();
    store.list(ListRequest::new("")).await.unwrap();
    cloud.always_refuse_sign_in(Some(SignInRefusal::new(
        401,
        "invalid_client",
        7_000_222,
        "The provided client secret keys are expired.",
    )));
    cloud.expire_tokens();
    for _ in 0..3 {
        let error = store.list(ListRequest::new("")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CredentialRejected, "{error}");
        let diagnosis = Diagnosis::of(&error);
        assert_eq!((diagnosis.cause, diagnosis.retry()), (Cause::SecretExpired, Retry::Never));
        assert!(!error.is_transient());
    }
    let health =
        Probe::new(&connection, store).request_timeout(Duration::from_secs(20)).run().await;
    assert_eq!(health.diagnosis.unwrap().cause, Cause::SecretExpired);
}

#[tokio::test]
async fn an_unknown_error_number_of_the_authority_is_reported_as_unknown() {
    let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "x")).start().await.unwrap();
    let connection = cloud.connection().build().unwrap();
    for word in [
        "invalid_client",
        "unauthorized_client",
        "invalid_request",
        "invalid_scope",
        "invalid_resource",
        "invalid_grant",
        "access_denied",
        "a_new_word",
    ] {
        cloud.refuse_sign_in(400, word, 7_999_999, "Something new.");
        let health = Probe::new(&connection, cloud.store(&connection).unwrap()).run().await;
        let diagnosis = health.diagnosis.unwrap();
        assert_eq!(diagnosis.confidence, Confidence::Possible, "{word}: {diagnosis}");
        assert_eq!(diagnosis.evidence.code.as_deref(), Some("AADSTS7999999"));
    }
}

#[tokio::test]
async fn an_emulator_that_is_too_old_is_reported_with_the_version_that_it_lacks() {
    let cloud = SmallCloud::builder().blob(Seed::new("a.jpg", "x")).start().await.unwrap();
    let store = cloud.store(&cloud.connection().build().unwrap()).unwrap();
    let text = "The API version 2026-04-06 is not supported by Azurite. Please upgrade Azurite.";
    let refusal = Refusal::new(400, "InvalidHeaderValue").message(text);
    cloud.inject(Fault::Refuse(refusal));
    let error = store.list(ListRequest::new("")).await.unwrap_err();
    let diagnosis = Diagnosis::of(&error);
    assert_eq!(
        (diagnosis.cause, diagnosis.confidence),
        (Cause::VersionInvalid, Confidence::Certain)
    );
    assert!(error.to_string().contains("version 2026-04-06"), "{error}");
    assert!(error.to_string().contains("--skipApiVersionCheck"), "{error}");
}
