//! A store contacts only hosts that the policy of the service allows, by name and by address, whatever a
//! connection contains and whatever a name resolves to.
//!
//! Names are resolved by functions of the tests, so no name server is queried. A listener that accepts
//! connections on every loopback address represents the hosts that must not be contacted.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use azure_asset_sync::{
    AzureStore, Connection, Credential, Detail, Diagnosis, Endpoint, ErrorKind, HostPolicy,
    OwnerMarker, Probe, Store,
    cloud::RefusedHost,
    probe::{Cause, Check},
    store::{Inspect, ListRequest, Question, ReadRequest, azure::AzureStoreBuilder},
    testing::{Seed, SmallCloud, trust},
};
use fastrand::Rng;

use crate::scripted_server;
use crate::scripted_server::{TENANT, Trap};

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
        assert!(error.to_string().ends_with("no policy allows this address"), "{error}");
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

/// The addresses to which every name resolves now.
#[derive(Clone, Default)]
struct Resolver(Arc<Mutex<Vec<SocketAddr>>>);

impl Resolver {
    fn set(&self, addresses: impl IntoIterator<Item = IpAddr>, port: u16) {
        let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, port));
        *self.0.lock().unwrap() = addresses.collect();
    }

    fn on(&self, builder: AzureStoreBuilder) -> AzureStoreBuilder {
        let addresses = Arc::clone(&self.0);
        builder.resolve_by(move |_| Ok(addresses.lock().unwrap().clone()))
    }
}

/// Networks that the default policy refuses. This list is independent of the crate's own.
const REFUSED: &str = "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 \
    172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 \
    198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4";
const REFUSED_V6: &str = "::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 3fff::/20 5f00::/16 \
    fc00::/7 fe80::/10 fec0::/10 ff00::/8 4000::/3 e000::/4";

fn is_in(networks: &str, address: IpAddr) -> bool {
    let bits = |ip| match ip {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)) << 96, 32),
        IpAddr::V6(ip) => (u128::from(ip), 128),
    };
    networks.split_whitespace().any(|network| {
        let (base, length) = network.split_once('/').unwrap();
        let (base, most) = bits(base.parse().unwrap());
        let (length, (address, width)) = (length.parse::<u32>().unwrap(), bits(address));
        most == width && (length == 0 || (base ^ address) >> (128 - length) == 0)
    })
}

/// Returns an address inside or outside the refused networks.
fn address(rng: &mut Rng, refused: bool) -> IpAddr {
    let within = |rng: &mut Rng, networks: &str| {
        let networks: Vec<_> = networks.split_whitespace().collect();
        let (base, length) = rng.choice(networks).unwrap().split_once('/').unwrap();
        let length: u32 = length.parse().unwrap();
        match base.parse().unwrap() {
            IpAddr::V4(ip) => {
                let host = rng.u32(..).checked_shr(length).unwrap_or(0);
                IpAddr::from(Ipv4Addr::from(u32::from(ip) | host))
            }
            IpAddr::V6(ip) => {
                let host = rng.u128(..).checked_shr(length).unwrap_or(0);
                IpAddr::from(Ipv6Addr::from(u128::from(ip) | host))
            }
        }
    };
    let v4 = |rng: &mut Rng| loop {
        let ip = match refused {
            true => within(rng, REFUSED),
            false => IpAddr::from(Ipv4Addr::from(rng.u32(..))),
        };
        if is_in(REFUSED, ip) == refused {
            let IpAddr::V4(ip) = ip else { unreachable!() };
            return ip;
        }
    };
    match rng.u8(0..8) {
        0..3 => v4(rng).into(),
        3 => v4(rng).to_ipv6_mapped().into(),
        4 => Ipv6Addr::from((0x0064_ff9b_u128 << 96) | u128::from(u32::from(v4(rng)))).into(),
        5 => {
            let embedded = (0x2002_u128 << 112) | (u128::from(u32::from(v4(rng))) << 80);
            Ipv6Addr::from(embedded | rng.u128(..) >> 48).into()
        }
        _ if refused => within(rng, REFUSED_V6),
        _ => loop {
            let global = Ipv6Addr::from((1_u128 << 125) | rng.u128(..) >> 3);
            let ip = IpAddr::from(global);
            if global.segments()[0] != 0x2002 && !is_in(REFUSED_V6, ip) {
                return ip;
            }
        },
    }
}

#[tokio::test]
async fn ten_thousand_resolved_addresses_pass_or_fail_by_their_network() {
    let mut rng = Rng::with_seed(12);
    let resolver = Resolver::default();
    let store = resolver.on(AzureStore::builder(&public())).build(secret()).unwrap();
    let (mut passed, mut private) = (0, 0);
    for _ in 0..10_000 {
        let refused = rng.bool();
        let mut addresses: Vec<_> =
            (0..rng.usize(1..4)).map(|_| address(&mut rng, false)).collect();
        if refused {
            let at = rng.usize(..=addresses.len());
            addresses.insert(at, address(&mut rng, true));
        }
        resolver.set(addresses.clone(), 0);
        let answer = store.inspect(Question::Addresses).await;
        if !refused {
            passed += 1;
            assert_eq!(answer.unwrap().addresses, addresses);
            continue;
        }
        let error = answer.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostRefused, "{addresses:?}");
        private += u32::from(error.detail() == Some(Detail::PrivateAddress));
        assert!(matches!(error.detail(), Some(Detail::PrivateAddress | Detail::ReservedAddress)));
        assert_reveals_nothing(&format!("{error} {error:?}"), &addresses);
        assert_reveals_nothing(&Diagnosis::at(Check::Dns, &error).to_string(), &addresses);
    }
    println!("resolved: {passed} passed, {} refused, of these {private} private", 10_000 - passed);
    assert!(passed > 4000 && private > 500);
}

fn assert_reveals_nothing(text: &str, addresses: &[IpAddr]) {
    for address in addresses {
        assert!(!text.contains(&address.to_string()), "{text}");
    }
}

/// Accepts and counts connections on every address of this machine.
struct Net {
    port: u16,
    accepted: Arc<AtomicUsize>,
}

impl Net {
    fn cast() -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let (port, accepted) = (listener.local_addr().unwrap().port(), Arc::default());
        let count: Arc<AtomicUsize> = Arc::clone(&accepted);
        std::thread::spawn(move || {
            // The connection is counted before it closes, so a client that sees the end was counted.
            while let Ok(_connection) = listener.accept() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { port, accepted }
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn no_connection_is_made_to_a_refused_address() {
    let net = Net::cast();
    let mut rng = Rng::with_seed(13);
    let resolver = Resolver::default();
    let policy = HostPolicy::azure().allow_private_addresses(ACCOUNT_HOST).unwrap();
    for policy in [HostPolicy::azure(), policy] {
        let builder = resolver.on(AzureStore::builder(&public()).policy(policy));
        for credential in [secret(), Credential::Anonymous] {
            let store = builder.clone().build(credential).unwrap();
            for _ in 0..100 {
                // Every address of 127.0.0.0/8 belongs to this machine.
                let mut ip = Ipv4Addr::from(0x7f00_0000 | rng.u32(1..0xff_ffff));
                if rng.u8(0..8) == 0 {
                    ip = Ipv4Addr::UNSPECIFIED;
                }
                let ip = match rng.bool() {
                    true => IpAddr::from(ip),
                    false => ip.to_ipv6_mapped().into(),
                };
                resolver.set([ip], net.port);
                let error = match rng.u8(0..4) {
                    0 => store.list(ListRequest::new("")).await.unwrap_err(),
                    1 => store.read(ReadRequest::new("a.jpg", 0..1)).await.unwrap_err(),
                    2 => store.inspect(Question::Challenge).await.unwrap_err(),
                    _ => {
                        let origin = "https://app.example".to_owned();
                        store.inspect(Question::Preflight { origin }).await.unwrap_err()
                    }
                };
                assert_eq!(error.kind(), ErrorKind::HostRefused, "{ip}: {error}");
                assert_eq!(error.detail(), Some(Detail::ReservedAddress), "{ip}: {error}");
                assert_reveals_nothing(&format!("{error:?}"), &[ip]);
            }
        }
    }
    assert_eq!(net.accepted(), 0);
    // The same resolver leads to the listener if the address is allowed.
    let connection = custom(Endpoint::new("https://localhost").unwrap());
    let builder = resolver.on(AzureStore::builder(&connection).policy(trust(&connection)));
    resolver.set([IpAddr::from(Ipv4Addr::LOCALHOST)], net.port);
    let store = builder.build(Credential::Anonymous).unwrap();
    assert_eq!(store.list(ListRequest::new("")).await.unwrap_err().kind(), ErrorKind::Unreachable);
    assert_eq!(net.accepted(), 1);
}

#[tokio::test]
async fn a_name_that_changes_its_address_after_the_check_is_checked_again() {
    let net = Net::cast();
    let (asked, port) = (Arc::new(AtomicUsize::new(0)), net.port);
    let count = Arc::clone(&asked);
    let builder = AzureStore::builder(&public()).resolve_by(move |_| {
        // Resolves to a public address first, and then to this machine.
        let ip = match count.fetch_add(1, Ordering::SeqCst) {
            0 => Ipv4Addr::new(20, 60, 1, 1),
            _ => Ipv4Addr::LOCALHOST,
        };
        Ok(vec![SocketAddr::from((ip, port))])
    });
    let store = builder.build(Credential::Anonymous).unwrap();
    assert_eq!(store.inspect(Question::Addresses).await.unwrap().addresses.len(), 1);
    let error = store.list(ListRequest::new("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HostRefused);
    assert_eq!((asked.load(Ordering::SeqCst), net.accepted()), (2, 0));
}

#[tokio::test]
async fn a_private_endpoint_is_refused_with_the_line_that_allows_it() {
    let resolver = Resolver::default();
    let connection = public();
    let builder = resolver.on(AzureStore::builder(&connection));
    let line = format!(".policy(HostPolicy::azure().allow_private_addresses(\"{ACCOUNT_HOST}\")?)");
    let allowed = HostPolicy::azure().allow_private_addresses("CONTOSO.blob.core.windows.net");
    let allowed = builder.clone().policy(allowed.unwrap()).build(Credential::Anonymous).unwrap();
    let other = HostPolicy::azure().allow_private_addresses("other.blob.core.windows.net");
    let other = builder.clone().policy(other.unwrap()).build(Credential::Anonymous).unwrap();
    let refused = builder.build(Credential::Anonymous).unwrap();
    for ip in ["10.1.2.3", "172.31.0.4", "192.168.7.9", "100.64.0.5", "fd12:3456::7"] {
        let ip: IpAddr = ip.parse().unwrap();
        resolver.set([ip], 0);
        for store in [&refused, &other] {
            let error = store.inspect(Question::Addresses).await.unwrap_err();
            assert_eq!(error.detail(), Some(Detail::PrivateAddress), "{error}");
            assert!(error.to_string().contains(&line), "{error}");
            assert!(error.to_string().contains("private endpoint"), "{error}");
            let cause = Diagnosis::at(Check::Dns, &error).cause;
            assert_eq!(cause, Cause::PrivateEndpoint);
        }
        assert_eq!(allowed.inspect(Question::Addresses).await.unwrap().addresses, [ip]);
    }
    // The host is already allowed by name; the suggested line allows both host and address.
    let own = custom(Endpoint::new("https://azurite:10000/contoso").unwrap());
    let policy = HostPolicy::azure().allow_endpoint("https://azurite:10000").unwrap();
    let policy = policy.allow_endpoint("https://elsewhere.test").unwrap();
    let store = resolver.on(AzureStore::builder(&own).policy(policy));
    let store = store.build(Credential::Anonymous).unwrap();
    let line = ".policy(HostPolicy::azure().allow_endpoint(\"https://azurite:10000\")?\
        .allow_private_addresses(\"azurite\")?)";
    let error = store.inspect(Question::Addresses).await.unwrap_err();
    assert!(error.to_string().contains(line), "{error}");
    assert!(!error.to_string().contains("elsewhere"), "{error}");
    // The report for the customer contains no address either.
    resolver.set(["10.1.2.3".parse().unwrap()], 0);
    let health = Probe::new(&connection, refused).run().await;
    assert_eq!(health.diagnosis.as_ref().unwrap().cause, Cause::PrivateEndpoint, "{health}");
    let shown = format!("{health} {}", serde_json::to_string(&health).unwrap());
    assert!(!shown.contains("10.1.2.3"), "{shown}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_not_reported_as_a_refused_host() {
    let builder = AzureStore::builder(&public());
    let failing = builder.resolve_by(|_| Err(io::Error::other("failed to lookup address")));
    let store = failing.build(Credential::Anonymous).unwrap();
    let error = store.list(ListRequest::new("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountNotFound, "{error}");
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
