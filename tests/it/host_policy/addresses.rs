//! The addresses to which a name resolves are checked when a connection is made, and errors reveal none.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use azure_asset_sync::{
    AzureStore, Credential, Detail, Diagnosis, Endpoint, ErrorKind, HostPolicy, Probe, Store,
    probe::{Cause, Check},
    store::{Inspect, ListRequest, Question, ReadRequest, azure::AzureStoreBuilder},
    testing::trust,
};
use fastrand::Rng;

use super::{ACCOUNT_HOST, custom, public, secret};

/// The addresses to which every name resolves now.
#[derive(Clone, Default)]
pub(super) struct Resolver(Arc<Mutex<Vec<SocketAddr>>>);

impl Resolver {
    pub(super) fn set(&self, addresses: impl IntoIterator<Item = IpAddr>, port: u16) {
        let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, port));
        *self.0.lock().unwrap() = addresses.collect();
    }

    /// Returns a function that resolves every name.
    pub(super) fn lookup(
        &self,
    ) -> impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static {
        let addresses = Arc::clone(&self.0);
        move |_| Ok(addresses.lock().unwrap().clone())
    }

    fn on(&self, builder: AzureStoreBuilder) -> AzureStoreBuilder {
        builder.resolve_by(self.lookup())
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
pub(super) fn address(rng: &mut Rng, refused: bool) -> IpAddr {
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
pub(super) struct Net {
    port: u16,
    accepted: Arc<AtomicUsize>,
}

impl Net {
    pub(super) fn cast() -> Self {
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

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn accepted(&self) -> usize {
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
    let (lookups, port) = (Arc::new(AtomicUsize::new(0)), net.port);
    let count = Arc::clone(&lookups);
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
    assert_eq!((lookups.load(Ordering::SeqCst), net.accepted()), (2, 0));
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
