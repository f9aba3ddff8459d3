//! Crafted redirects and challenges lead no call of a store to another host.
//!
//! Whatever an account or an authority responds, a store contacts only these two, and each receives only
//! the secrets that are meant for it. Every name resolves to a listener that counts connections, and
//! most addresses in the responses lead there. Both servers check each request that they receive.
//!
//! `CASES` is the number of cases for each kind of response, `SEED` the seed of the first. To run more:
//! `CASES=10000 cargo test --test it host_policy_wire:: -- --nocapture`.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use azure_asset_sync::{
    AzureStore, Connection, Credential, Error, ErrorKind, LinkRequest, OwnerMarker, Prefix, Probe,
    Scan, Store, TenantId,
    store::{Inspect, ListRequest, Question, ReadRequest, azure::AzureStoreBuilder},
    testing::trust,
};
use bytes::Bytes;
use fastrand::Rng;
use futures::{FutureExt as _, future::BoxFuture};
use http_body_util::Full;
use hyper::{
    Request, Response,
    header::{HOST, HeaderValue},
};

use crate::{
    crafted_answers::{self, Crafted, Hosts, OWNER, STRANGER, Where},
    scripted_server::{ScriptedServer, TENANT, connection, is_sign_in},
};

/// The secrets that only the authority may receive, only the account may receive, and only the account
/// of a shared access signature may receive.
const SECRET: &str = "client-secret-canary";
const TOKEN: &str = "bearer-canary";
const SIGNATURE: &str = "signature-canary";

/// Counts the connections to every IPv4 address of this machine.
struct Elsewhere {
    port: u16,
    accepted: Arc<AtomicUsize>,
}

impl Elsewhere {
    fn listen() -> Self {
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
}

/// The state that both servers share.
#[derive(Default)]
struct Shared {
    /// The next crafted response.
    crafted: Mutex<Option<Crafted>>,
    /// How many requests the server with the crafted response has received.
    requests: AtomicUsize,
    /// Descriptions of requests that must not be sent.
    faults: Mutex<Vec<String>>,
    /// The names that the store has resolved.
    resolved: Mutex<Vec<String>>,
}

impl Shared {
    /// Records the faults of a request.
    fn check(&self, request: &Request<Bytes>, at: Where) {
        let (uri, body) = (request.uri().to_string(), request.body());
        let authorization = request.headers().get("authorization").map(HeaderValue::as_bytes);
        let mut faults = Vec::new();
        let mut fault = |is_one: bool, what: &str| {
            if is_one {
                faults.push(format!("{what}: {} {uri} at the {at:?}", request.method()));
            }
        };
        // Every header except the one for the token.
        let headers: Vec<_> = request
            .headers()
            .iter()
            .filter(|(name, _)| *name != "authorization")
            .flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()].concat())
            .collect();
        let has = |text: &str| {
            let contains = |bytes: &[u8]| bytes.windows(text.len()).any(|w| w == text.as_bytes());
            (contains(uri.as_bytes()), contains(&headers), contains(body))
        };
        fault(uri.contains("followed"), "a redirect was followed");
        let token = authorization.is_some_and(|value| value != b"Bearer none");
        match at {
            Where::Account => {
                fault(!uri.starts_with("/smallcloud"), "a path outside the account");
                fault(has(SECRET) != (false, false, false), "a client secret");
                let expected = format!("Bearer {TOKEN}");
                fault(token && authorization != Some(expected.as_bytes()), "another token");
                fault(has(TOKEN) != (false, false, false), "a token outside its header");
                let (in_uri, in_headers, in_body) = has(SIGNATURE);
                fault(in_headers || in_body || (in_uri && token), "a signature outside its query");
            }
            Where::Authority => {
                fault(!is_sign_in(request), "a request that is no sign-in");
                fault(!uri.starts_with(&format!("/{TENANT}/")), "a sign-in to another tenant");
                fault(authorization.is_some(), "a token");
                fault(has(TOKEN) != (false, false, false), "a token");
                fault(has(SIGNATURE) != (false, false, false), "a signature");
                let (in_uri, in_headers, _) = has(SECRET);
                fault(in_uri || in_headers, "a client secret outside the body");
            }
        }
        self.faults.lock().unwrap().extend(faults);
    }

    fn answer(&self, request: &Request<Bytes>, at: Where) -> Response<Full<Bytes>> {
        self.check(request, at);
        if let Some(crafted) = &*self.crafted.lock().unwrap()
            && crafted.at == at
        {
            self.requests.fetch_add(1, Ordering::SeqCst);
            return crafted.response();
        }
        let text =
            format!(r#"{{"token_type":"Bearer","expires_in":7200,"access_token":"{TOKEN}"}}"#);
        match at {
            Where::Authority => Response::new(Full::from(text)),
            Where::Account => {
                let page = "<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>";
                Response::new(Full::from(page))
            }
        }
    }
}

/// An account, an authority, and a listener for all other hosts.
struct World {
    shared: Arc<Shared>,
    elsewhere: Elsewhere,
    hosts: Hosts,
    builder: AzureStoreBuilder,
    connection: Connection,
    /// The stores by the name of their credential.
    stores: BTreeMap<&'static str, Arc<AzureStore>>,
    _servers: [ScriptedServer; 2],
}

fn secret() -> Credential {
    Credential::ClientSecret {
        client_id: "99999999-8888-4777-8666-555555555555".into(),
        secret: SECRET.into(),
    }
}

impl World {
    async fn start() -> Self {
        let (shared, elsewhere) = (Arc::<Shared>::default(), Elsewhere::listen());
        let server = async |at| {
            let (shared, own) = (Arc::clone(&shared), Arc::<Mutex<String>>::default());
            let host = Arc::clone(&own);
            let server = ScriptedServer::start(move |request: Request<Bytes>| {
                let sent = request.headers().get(HOST).map(HeaderValue::as_bytes);
                if sent != Some(host.lock().unwrap().as_bytes()) {
                    shared.faults.lock().unwrap().push(format!("host {sent:?} at the {at:?}"));
                }
                shared.answer(&request, at)
            });
            let server = server.await;
            *own.lock().unwrap() = server.address().to_string();
            server
        };
        let servers = [server(Where::Account).await, server(Where::Authority).await];
        let [account, authority] = servers.each_ref().map(|server| server.address().to_string());
        let connection = connection(&account, &authority);
        let (resolved, trap) =
            (Arc::clone(&shared), SocketAddr::from(([127, 0, 0, 1], elsewhere.port)));
        let builder = AzureStore::builder(&connection)
            .policy(trust(&connection))
            .certificate_authority(servers[0].certificate_authority())
            .certificate_authority(servers[1].certificate_authority())
            .resolve_by(move |name| {
                resolved.resolved.lock().unwrap().push(name.to_owned());
                Ok(vec![trap])
            });
        let sas = format!("sv=2026-04-06&sp=rl&sig={SIGNATURE}");
        let stores = [
            ("token", secret()),
            // This store never receives a token, so all crafted responses of the authority reach it.
            ("no token", secret()),
            ("sas", Credential::Sas(sas.into())),
            ("anonymous", Credential::Anonymous),
        ];
        let stores = stores
            .into_iter()
            .map(|(name, credential)| (name, Arc::new(builder.clone().build(credential).unwrap())));
        Self {
            stores: stores.collect(),
            hosts: Hosts { account, authority, elsewhere: elsewhere.port },
            shared,
            elsewhere,
            builder,
            connection,
            _servers: servers,
        }
    }

    /// Sets the next response.
    fn craft(&self, crafted: Crafted) {
        *self.shared.crafted.lock().unwrap() = Some(crafted);
        self.shared.requests.store(0, Ordering::SeqCst);
    }

    fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Asserts that no other host was contacted or resolved, and that no request had a fault.
    fn assert_kept(&self, case: &str) {
        let faults = self.shared.faults.lock().unwrap();
        assert!(faults.is_empty(), "{case}: {faults:?}");
        let resolved = self.shared.resolved.lock().unwrap();
        assert!(resolved.is_empty(), "{case}: {resolved:?} were resolved");
        let accepted = self.elsewhere.accepted.load(Ordering::SeqCst);
        assert_eq!(accepted, 0, "{case}: connections to other hosts");
    }
}

fn assert_reveals_no_secret(case: &str, error: &Error) {
    let shown = format!("{error} {error:?}");
    for secret in [SECRET, TOKEN, SIGNATURE] {
        assert!(!shown.contains(secret), "{case}: {shown}");
    }
}

/// A call of the public API.
type Call = fn(Arc<AzureStore>) -> BoxFuture<'static, Result<(), Error>>;

macro_rules! calls {
    ($($name:literal: $store:ident => $call:expr;)+) => {
        &[$(($name, |$store| async move { $call.await.map(|_| ()) }.boxed())),+]
    };
}

const ORIGIN: &str = "https://app.example";

/// Calls that send the credential.
const CALLS: &[(&str, Call)] = calls! {
    "list": store => store.list(ListRequest::new(""));
    "read": store => store.read(ReadRequest::new("a.jpg", 0..4096));
    "read a range": store => store.read(ReadRequest::new("a.jpg", 4096..8192));
    "marker": store => store.verify_marker(&OwnerMarker::generate().unwrap());
    "list one": store => store.inspect(Question::List { prefix: String::new() });
    "list other": store => store.inspect(Question::ListOther {
        container: "other".parse().unwrap(),
        prefix: "a/".into(),
    });
    "read other": store => store.inspect(Question::ReadOther {
        container: "other".parse().unwrap(),
        blob: "b.jpg".into(),
    });
    "containers": store => store.inspect(Question::ListContainers);
    "browser": store => store.inspect(Question::BrowserRead {
        blob: "a.jpg".into(),
        origin: ORIGIN.into(),
    });
    "scan": store => Scan::new(store, &Prefix::default()).run(());
};

/// Calls that need a token.
const WITH_TOKEN: &[(&str, Call)] = calls! {
    "link": store => store.view_links().unwrap().link(LinkRequest::new("a.jpg"));
    "key": store => store.inspect(Question::DelegationKey);
};

/// Calls that send no credential.
const ANONYMOUS: &[(&str, Call)] = calls! {
    "challenge": store => store.inspect(Question::Challenge);
    "preflight": store => store.inspect(Question::Preflight { origin: ORIGIN.into() });
};

/// Calls that only sign in.
const SIGN_IN: &[(&str, Call)] = calls! {
    "token": store => store.inspect(Question::Token);
};

/// Returns a store and a call that reaches this server.
fn pick(rng: &mut Rng, at: Where) -> (&'static str, &'static str, Call) {
    let (credential, tables): (_, &[_]) = match (at, rng.u8(0..4)) {
        (Where::Authority, _) => ("no token", &[CALLS, WITH_TOKEN, SIGN_IN]),
        (_, 0) => ("sas", &[CALLS, ANONYMOUS]),
        (_, 1) => ("anonymous", &[CALLS, ANONYMOUS]),
        _ => ("token", &[CALLS, WITH_TOKEN, ANONYMOUS]),
    };
    let calls: Vec<_> = tables.iter().copied().flatten().collect();
    let (name, call) = rng.choice(calls).unwrap();
    (credential, name, *call)
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

fn cases() -> (std::ops::Range<u64>, Instant) {
    let seed = number("SEED", 0);
    (seed..seed + number("CASES", 300), Instant::now())
}

#[tokio::test]
async fn crafted_redirects_lead_to_no_other_host() {
    let world = World::start().await;
    let ((seeds, start), mut by_call) = (cases(), BTreeMap::<&str, u32>::new());
    for seed in seeds {
        let mut rng = Rng::with_seed(seed);
        let crafted = crafted_answers::redirect(&mut rng, &world.hosts);
        let (at, status, text) = (crafted.at, crafted.status, format!("{crafted:?}"));
        world.craft(crafted);
        if at == Where::Account && rng.u8(0..24) == 0 {
            // `discover_tenant` builds a store for each call, and a probe makes many calls.
            let case = format!("seed {seed}, tenant: {text}");
            let error = world.builder.discover_tenant().await.unwrap_err();
            assert_eq!(error.status(), Some(status), "{case}: {error}");
            let tenant: TenantId = TENANT.parse().unwrap();
            let error = world.builder.verify_tenant(&tenant).await.unwrap_err();
            assert_eq!(error.status(), Some(status), "{case}: {error}");
            assert_eq!(world.requests(), 2, "{case}");
            let store = Arc::clone(&world.stores["token"]);
            assert!(!Probe::new(&world.connection, store).run().await.is_ready(), "{case}");
            world.assert_kept(&case);
            *by_call.entry("tenant and probe").or_default() += 1;
            continue;
        }
        let (credential, name, call) = pick(&mut rng, at);
        let case = format!("seed {seed}, {name} by {credential}: {text}");
        let error = call(Arc::clone(&world.stores[credential])).await.unwrap_err();
        assert_reveals_no_secret(&case, &error);
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{case}: {error}");
        assert_eq!(error.status(), Some(status), "{case}: {error}");
        assert_eq!(error.is_in_sign_in(), at == Where::Authority, "{case}: {error}");
        assert!(!error.is_transient(), "{case}: {error}");
        assert_eq!(world.requests(), 1, "{case}");
        world.assert_kept(&case);
        *by_call.entry(name).or_default() += 1;
    }
    println!("redirects in {:?}: {by_call:?}", start.elapsed());
}

#[tokio::test]
async fn crafted_challenges_lead_to_no_other_authority() {
    let world = World::start().await;
    let ((seeds, start), mut by_call) = (cases(), BTreeMap::<&str, u32>::new());
    let (mut found, mut refused) = (0, 0);
    let owner: TenantId = OWNER.parse().unwrap();
    for seed in seeds {
        let mut rng = Rng::with_seed(seed);
        let crafted = crafted_answers::challenge(&mut rng, &world.hosts);
        let (at, is_plain, text) = (crafted.at, crafted.is_plain, format!("{crafted:?}"));
        let asks_twice = matches!(crafted.status, 401 | 404 | 409);
        world.craft(crafted);
        if at == Where::Account && rng.bool() {
            let case = format!("seed {seed}, tenant: {text}");
            let tenant = match rng.u8(0..12) {
                0 => world.builder.discover_tenant().await,
                1 => world.builder.verify_tenant(&owner).await.map(|()| owner.clone()),
                2 => {
                    let stranger: TenantId = STRANGER.parse().unwrap();
                    let error = world.builder.verify_tenant(&stranger).await.unwrap_err();
                    let kinds = [ErrorKind::TenantNotFound, ErrorKind::TenantMismatch];
                    assert!(kinds.contains(&error.kind()), "{case}: {error}");
                    assert_reveals_no_secret(&case, &error);
                    match error.kind() {
                        ErrorKind::TenantMismatch => Ok(owner.clone()),
                        _ => Err(error),
                    }
                }
                _ => {
                    let store = &world.stores["token"];
                    let answer = store.inspect(Question::Challenge).await.unwrap();
                    let tenant = answer.challenge.map(|challenge| challenge.tenant);
                    tenant.ok_or_else(|| Error::new(ErrorKind::TenantNotFound, "none"))
                }
            };
            match &tenant {
                Ok(tenant) => assert_eq!(tenant.as_str(), OWNER, "{case}"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::TenantNotFound, "{case}: {error}")
                }
            }
            assert!(!is_plain || tenant.is_ok(), "{case}");
            (found, refused) =
                (found + u32::from(tenant.is_ok()), refused + u32::from(tenant.is_err()));
            world.assert_kept(&case);
            continue;
        }
        let (credential, name, call) = pick(&mut rng, at);
        let case = format!("seed {seed}, {name} by {credential}: {text}");
        let result = call(Arc::clone(&world.stores[credential])).await;
        // Only the call for a challenge succeeds with a challenge.
        assert!(result.is_err() || name == "challenge", "{case}");
        if let Err(error) = result {
            assert_reveals_no_secret(&case, &error);
            let no_response = [ErrorKind::Unreachable, ErrorKind::Timeout, ErrorKind::HostRefused];
            assert!(!no_response.contains(&error.kind()), "{case}: {error}");
            assert_eq!(error.is_in_sign_in(), at == Where::Authority, "{case}: {error}");
        }
        assert!(world.requests() <= 1 + usize::from(asks_twice), "{case}: {}", world.requests());
        world.assert_kept(&case);
        *by_call.entry(name).or_default() += 1;
    }
    println!(
        "challenges in {:?}: {found} name the owner, {refused} nobody, {by_call:?}",
        start.elapsed()
    );
    // About one in 25 cases names the owner's tenant.
    assert!(found + refused < 100 || (found > 0 && refused > 0));
}
