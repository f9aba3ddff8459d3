//! A store contacts only hosts that the policy of the service allows, by name and by address, whatever a
//! connection contains and whatever a name resolves to.
//!
//! Names are resolved by functions of the tests, so no name server is queried. A listener that accepts
//! connections on every loopback address represents the hosts that must not be contacted.

mod addresses;
mod shared;

use azure_asset_sync::{
    AzureStore, Connection, Credential, Diagnosis, Endpoint, ErrorKind, HostPolicy, OwnerMarker,
    cloud::RefusedHost,
    probe::Cause,
    testing::{Seed, SmallCloud, trust},
};
use fastrand::Rng;

use crate::{
    scripted_server,
    scripted_server::{TENANT, Trap},
};

const ACCOUNT_HOST: &str = "contoso.blob.core.windows.net";

fn public() -> Connection {
    let builder = Connection::builder("x").account("contoso").container("training");
    builder.tenant(TENANT).build().unwrap()
}

fn custom(endpoint: Endpoint) -> Connection {
    let builder = Connection::builder("x").account("contoso").container("training");
    builder.tenant(TENANT).cloud(endpoint.into()).build().unwrap()
}

fn secret() -> Credential {
    Credential::ClientSecret {
        client_id: "77777777-7777-4777-8777-777777777777".into(),
        secret: "canary".into(),
    }
}

fn credentials() -> [Credential; 4] {
    let sas = Credential::Sas("sv=2026-04-06&sig=canary".into());
    [secret(), Credential::ManagedIdentity { client_id: None }, sas, Credential::Anonymous]
}

#[tokio::test]
async fn json_of_a_customer_does_not_decide_which_hosts_receive_secrets() {
    let trap = Trap::set();
    let host = format!("https://{}", trap.address());
    let azure = format!("https://{ACCOUNT_HOST}");
    for (endpoint, authority) in
        [(&host, Some(&host)), (&host, None), (&azure, Some(&host)), (&azure, None)]
    {
        let mut cloud = serde_json::json!({ "endpoint": endpoint });
        if let Some(authority) = authority {
            cloud["authority"] = authority.as_str().into();
        }
        let text = serde_json::json!({
            "name": "x", "account": "contoso", "container": "training", "tenant": TENANT,
            "cloud": { "custom": cloud },
        });
        let connection: Connection = serde_json::from_value(text).unwrap();
        if endpoint == &azure && authority.is_none() {
            // This is the account's own endpoint in another form.
            AzureStore::new(&connection, secret()).unwrap();
            continue;
        }
        for credential in credentials() {
            let error = AzureStore::new(&connection, credential).unwrap_err();
            assert_eq!((error.kind(), error.is_transient()), (ErrorKind::HostRefused, false));
            assert_eq!(Diagnosis::of(&error).cause, Cause::HostRefused, "{error}");
            let text = error.to_string();
            assert!(text.contains(".policy(HostPolicy::azure()"), "{text}");
            let line = |method| format!(".{method}(\"{host}\")?");
            assert_eq!(text.contains(&line("allow_endpoint")), endpoint == &host, "{text}");
            assert_eq!(text.contains(&line("allow_authority")), authority.is_some(), "{text}");
        }
        let builder = AzureStore::builder(&connection);
        let error = builder.discover_tenant().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostRefused);
        let error = builder.verify_tenant(&TENANT.parse().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostRefused);
        // A policy that allows another host does not allow this one.
        let elsewhere = HostPolicy::azure().allow_endpoint("https://127.0.0.1:9").unwrap();
        let elsewhere = elsewhere.allow_authority("https://127.0.0.1:9").unwrap();
        let error = builder.clone().policy(elsewhere).build(secret()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostRefused);
        builder.policy(trust(&connection)).build(secret()).unwrap();
    }
    trap.assert_untouched("a connection in JSON");
}

/// Returns a host in one of the many forms that lead to another address.
fn host(rng: &mut Rng, port: u16) -> String {
    let hosts = "127.0.0.1|2130706433|0x7f000001|0x7f.1|0177.0.0.1|127.1|127.0.0.1.|[::1]|\
        [::ffff:127.0.0.1]|[::127.0.0.1]|[::ffff:7f00:1]|[64:ff9b::7f00:1]|[2002:7f00:1::]|\
        [2001:0:7f00:1::]|0.0.0.0|0|[::]|localhost|LOCALHOST|a.localhost|localhost.|169.254.169.254|\
        0xa9fea9fe|[fe80::1]|[fec0::1]|[fd00:ec2::254]|168.63.129.16|0250.077.0201.020|10.0.0.1|\
        172.16.0.1|192.168.0.1|100.100.100.200|224.0.0.1|255.255.255.255|metadata.google.internal|\
        kubernetes.default.svc|redis|contoso.blob.core.windows.net.|contoso.blob.core.windows.net|\
        other.blob.core.windows.net|contoso-secondary.blob.core.windows.net|\
        contoso.blob.core.windows.net.evil.test|contosoblob.core.windows.net|blob.core.windows.net|\
        contoso.z51.blob.storage.azure.net|contoso.z7.blob.storage.azure.net|\
        contoso.z07.blob.storage.azure.net|contoso.blob.core.wind\u{43e}ws.net|\
        contoso.blob.core.windows\u{3002}net|contoso.blob.core.windows.\u{ff4e}et|\
        xn--contoso-1ya.blob.core.windows.net|contoso.privatelink.blob.core.windows.net|\
        contoso.dfs.core.windows.net|user:password@contoso.blob.core.windows.net|\
        contoso.blob.core.windows.net@127.0.0.1|contoso.blob.core.windows.net%00.evil.test|\
        contoso.blob.core.windows.net\\@evil.test|a\")?.allow_private_addresses(\"b|a..b|\
        login.microsoftonline.com|login.microsoftonline.com.|xlogin.microsoftonline.com|\
        login.microsoftonline.us|login.chinacloudapi.cn|management.azure.com|\u{ff11}27.0.0.1";
    let hosts: Vec<_> = hosts.split('|').collect();
    let host = rng.choice(&hosts).unwrap();
    match rng.u8(0..8) {
        0 => format!("{host}:{port}"),
        1 => format!("{host}:{}", rng.choice([22, 80, 443, 2375, 6379, 8443, 10000]).unwrap()),
        2 => format!("{host}:{}", rng.u16(..)),
        _ => (*host).to_owned(),
    }
}

#[test]
fn ten_thousand_crafted_endpoints_are_refused_or_belong_to_azure() {
    let trap = Trap::set();
    let mut rng = Rng::with_seed(11);
    let (mut own, mut refused, mut malformed) = (0, 0, 0);
    let authorities = "https://login.microsoftonline.com/|https://login.microsoftonline.us/|\
        https://login.chinacloudapi.cn/";
    for _ in 0..10_000 {
        let url = |rng: &mut Rng| {
            let scheme = rng.choice(["https://", "https://", "https://", "http://"]).unwrap();
            let path = rng.choice(["", "/", "/x", "/contoso", "/..", "/%2e%2e/"]).unwrap();
            format!("{scheme}{}{path}", host(rng, trap.address().port()))
        };
        let (typed, authority) = (url(&mut rng), rng.bool().then(|| url(&mut rng)));
        let endpoint = Endpoint::new(&typed);
        let endpoint = match &authority {
            Some(authority) => endpoint.and_then(|endpoint| endpoint.with_authority(authority)),
            None => endpoint,
        };
        let Ok(endpoint) = endpoint else {
            malformed += 1;
            continue;
        };
        let connection = custom(endpoint);
        let policy = HostPolicy::azure();
        match policy.check(connection.cloud(), connection.account()) {
            Ok(()) => {
                own += 1;
                let url = connection.container_url();
                let hosts = [ACCOUNT_HOST, "contoso.z07.blob.storage.azure.net"];
                assert!(hosts.contains(&url.host_str().unwrap()), "{typed:?}: {url}");
                assert_eq!((url.scheme(), url.port()), ("https", None), "{typed:?}");
                let authority = connection.cloud().authority();
                let base = &authority[..=authority[8..].find('/').unwrap() + 8];
                assert!(authorities.split('|').any(|known| known == base), "{authority}");
            }
            Err(error) => {
                refused += 1;
                assert_prints_what_allows_it(&connection, &error);
                let error = AzureStore::new(&connection, secret()).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::HostRefused, "{typed:?} {authority:?}");
            }
        }
    }
    println!("endpoints: {own} of the account, {refused} refused, {malformed} malformed");
    assert!(own > 50 && refused > 3000 && malformed > 1000);
    trap.assert_untouched("a crafted endpoint");
}

/// Asserts that the line in the message is code that calls known methods with plain strings, and that
/// this code allows the connection.
fn assert_prints_what_allows_it(connection: &Connection, error: &RefusedHost) {
    let Some(code) = error.opt_in() else {
        assert!(error.to_string().ends_with("no policy can allow this address"), "{error}");
        return;
    };
    assert!(error.to_string().contains(&code), "{error}");
    let mut policy = HostPolicy::azure();
    let calls = code.strip_prefix(".policy(HostPolicy::azure()").unwrap().strip_suffix(")?)");
    for call in calls.unwrap().split(")?") {
        let (method, text) = call.split_once("(\"").unwrap();
        let text = text.strip_suffix('"').unwrap();
        assert!(!text.contains(['"', '\\', '(', ')']), "{code}");
        policy = match method {
            ".allow_endpoint" => policy.allow_endpoint(text),
            ".allow_authority" => policy.allow_authority(text),
            _ => panic!("{code}"),
        }
        .unwrap();
    }
    policy.check(connection.cloud(), connection.account()).unwrap();
}

#[test]
fn a_policy_accepts_only_origins_and_host_names() {
    let azure = HostPolicy::azure;
    for bad in [
        "127.0.0.1:10000",
        "https://x.test/path",
        "https://x.test?sig=x",
        "https://user@x.test",
        "https://x.test.",
        "https://a..b",
        "ftp://x.test",
        "https://169.254.169.254",
        "http://0xa9fea9fe",
        "http://168.63.129.16:32526",
        "https://[::ffff:169.254.169.254]",
        "https://[fe80::1]",
        "https://0.0.0.0",
        "https://x\".test",
        "",
    ] {
        azure().allow_endpoint(bad).unwrap_err();
        azure().allow_authority(bad).unwrap_err();
    }
    azure().allow_authority("http://x.test").unwrap_err();
    for bad in ["10.0.0.1", "[::1]", "https://x.test", "x.test:443", "x.test.", "", "*.test", "a b"]
    {
        azure().allow_private_addresses(bad).unwrap_err();
    }
    let allowed = azure().allow_endpoint("HTTP://LocalHost:80").unwrap();
    assert_eq!(allowed, azure().allow_endpoint("http://localhost").unwrap());
    assert_ne!(allowed, azure().allow_endpoint("https://localhost").unwrap());
}

#[test]
fn a_certificate_authority_applies_only_to_custom_hosts() {
    let (_, authority) = scripted_server::tls(&["x.test"]);
    let build = |connection: &Connection| {
        let builder = AzureStore::builder(connection).policy(trust(connection));
        builder.certificate_authority(&authority).build(secret())
    };
    let own = Endpoint::new(&format!("https://{ACCOUNT_HOST}")).unwrap();
    let known = own.clone().with_authority("https://login.microsoftonline.us").unwrap();
    let port = own.clone().with_authority("https://login.microsoftonline.com:8443").unwrap();
    let others = [
        "https://contoso-secondary.blob.core.windows.net",
        "https://contoso.dfs.core.windows.net",
        "https://other.blob.core.usgovcloudapi.net",
        "https://contoso.blob.core.windows.net:8443",
    ];
    let others = others.map(|text| custom(Endpoint::new(text).unwrap()));
    let azures = [public(), custom(own.clone()), custom(known), custom(port)];
    for connection in azures.into_iter().chain(others) {
        let error = build(&connection).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("custom endpoint"), "{error}");
    }
    for connection in [
        custom(Endpoint::new("https://x.test").unwrap()),
        custom(own.with_authority("https://x.test").unwrap()),
    ] {
        build(&connection).unwrap();
    }
    // The text can contain a private key next to the certificate.
    let builder = AzureStore::builder(&public()).certificate_authority("canary");
    assert!(!format!("{builder:?}").contains("canary"), "{builder:?}");
}

#[tokio::test]
async fn a_container_is_bound_to_its_owner_by_tenant_or_by_marker() {
    let seeds = [Seed::new("a/x.jpg", "x")];
    let cloud = SmallCloud::builder().blobs(seeds).start().await.unwrap();
    let connection = cloud.connection().prefix("a/").build().unwrap();
    let builder = AzureStore::builder(&connection)
        .policy(trust(&connection))
        .certificate_authority(cloud.certificate_authority());
    builder.verify_tenant(&cloud.tenant().parse().unwrap()).await.unwrap();
    for (tenant, kind) in [
        ("66666666-6666-4666-8666-666666666666", ErrorKind::TenantMismatch),
        ("contoso.onmicrosoft.com", ErrorKind::Config),
    ] {
        let error = builder.verify_tenant(&tenant.parse().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!error.to_string().contains(cloud.tenant()), "{error}");
    }
    cloud.set_challenge(Some(String::new()));
    let error = builder.verify_tenant(&cloud.tenant().parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TenantNotFound, "a missing response proves nothing");

    let (marker, stranger) = (OwnerMarker::generate().unwrap(), OwnerMarker::generate().unwrap());
    assert_ne!(marker, stranger);
    let text = serde_json::to_string(&marker).unwrap();
    assert_eq!(serde_json::from_str::<OwnerMarker>(&text).unwrap(), marker);
    for bad in ["", "x", &"0".repeat(33), &"A".repeat(32), &"/".repeat(32)] {
        assert_eq!(bad.parse::<OwnerMarker>().unwrap_err().kind(), ErrorKind::Config);
    }
    let store = cloud.store(&connection).unwrap();
    for (marker, content) in [(marker, ""), (OwnerMarker::generate().unwrap(), "x")] {
        let error = store.verify_marker(&marker).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BlobNotFound, "{error}");
        let name = marker.blob_name(connection.prefix());
        assert!(name.starts_with("a/"), "{name}");
        cloud.put(Seed::new(name, content));
        store.verify_marker(&marker).await.unwrap();
        store.verify_marker(&stranger).await.unwrap_err();
    }
}
