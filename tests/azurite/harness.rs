//! Azurite, Microsoft's emulator of Blob Storage, and a sign-in beside it, both over https.
//!
//! Knows nothing of the crate under test, so that any test of a store can include it by its path.
//! Needs `base64`, `http-body-util`, `hyper` (client and server), `hyper-util`, `percent-encoding`,
//! `rcgen`, `serde_json`, `tokio` and `tokio-rustls`.
//!
//! Azurite never checks the signature of a token and has no roles, so it can tell whether a token
//! is well-formed and current, and not whether its principal may do something.

#![allow(dead_code, reason = "each suite that includes this uses a part of it")]

use std::{
    collections::hash_map::DefaultHasher,
    convert::Infallible,
    fs,
    hash::{Hash as _, Hasher as _},
    io::{self, BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1::{SendRequest, handshake},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use percent_encoding::{
    AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode as encode,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::ring::default_provider,
        pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName},
    },
};

/// The account that Azurite has from the start
pub const ACCOUNT: &str = "devstoreaccount1";
/// The only tenant that the sign-in knows
pub const TENANT: &str = "33333333-3333-4333-8333-333333333333";
/// The secret of every application that the sign-in knows
pub const SECRET: &str = "harness~secret";
/// A secret that they once had
pub const EXPIRED_SECRET: &str = "harness~secret-of-last-year";

/// All but what RFC 3986 calls unreserved, and the slash between segments
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// How many connections seed a container at a time: Azurite has one thread, so more gain nothing
const SEEDERS: usize = 8;

/// How long Azurite may take until it listens; it takes a second
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Ends Azurite with its standard input, so that not even a killed test leaves it behind
const END_WITH_PARENT: &str =
    "data:text/javascript,process.stdin.on('end',()=>process.exit()).resume()";

/// The tokens that the sign-in gives, each to an application of its own
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    Valid,
    Expired,
    NotYetValid,
    OtherAudience,
    OtherIssuer,
}

impl Token {
    const ALL: [Self; 5] =
        [Self::Valid, Self::Expired, Self::NotYetValid, Self::OtherAudience, Self::OtherIssuer];

    /// The application that is given such a token
    pub fn client_id(self) -> String {
        format!("44444444-4444-4444-8444-{:012}", self as u8)
    }

    /// A token of this sort, as of now
    pub fn issue(self) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let (from, until) = match self {
            Self::Expired => (now - 7200, now - 3600),
            Self::NotYetValid => (now + 3600, now + 7200),
            _ => (now - 60, now + 3599),
        };
        let audience = match self {
            Self::OtherAudience => "https://vault.azure.net",
            _ => "https://storage.azure.com",
        };
        let issuer = match self {
            Self::OtherIssuer => "https://issuer.invalid",
            _ => "https://sts.windows.net",
        };
        let header = json!({ "alg": "RS256", "typ": "JWT" });
        let claims = json!({
            "aud": audience, "iss": format!("{issuer}/{TENANT}/"), "tid": TENANT,
            "appid": self.client_id(), "oid": self.client_id(), "sub": self.client_id(),
            "iat": from, "nbf": from, "exp": until, "ver": "1.0",
        });
        let [header, claims] = [header, claims].map(|j| URL_SAFE_NO_PAD.encode(j.to_string()));
        format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode("no signature"))
    }
}

/// A running Azurite with an empty account, and its sign-in; both end when this is dropped
pub struct Azurite {
    // Killed by `drop`, before the fields below go.
    child: Child,
    port: u16,
    sign_in: SocketAddr,
    sign_in_task: JoinHandle<()>,
    tokens_given: Arc<AtomicU32>,
    authority: String,
    client: Client,
    installed: PathBuf,
    folder: RunFolder,
}

impl Azurite {
    /// Starts both, or returns `None` where this machine has no Node.js
    ///
    /// # Panics
    /// Where anything else goes wrong, and where Node.js is missing although `CI` is `true`: a
    /// suite that silently did not run must not pass there.
    pub async fn start() -> Option<Self> {
        let installed = tokio::task::spawn_blocking(install).await.unwrap()?;
        let folder = RunFolder::new();
        let tls = Tls::new();
        let [ca, certificate, key] =
            ["ca.pem", "server.pem", "server.key"].map(|name| folder.0.join(name));
        fs::write(&ca, &tls.authority).unwrap();
        fs::write(&certificate, &tls.certificate).unwrap();
        fs::write(&key, &tls.key).unwrap();

        let log = folder.0.join("stderr.txt");
        let child = Command::new("node")
            .args(["--import", END_WITH_PARENT])
            .arg(installed.join("node_modules/azurite/dist/src/blob/main.js"))
            .args(["--inMemoryPersistence", "--disableTelemetry", "--silent"])
            .args(["--skipApiVersionCheck", "--oauth", "basic"])
            .args(["--blobHost", "127.0.0.1", "--blobPort", "0"])
            .arg("--cert")
            .arg(certificate)
            .arg("--key")
            .arg(key)
            .current_dir(&folder.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        // From here on a panic must not leave the child behind.
        let mut child = Guard(Some(child));
        let stdout = child.0.as_mut().unwrap().stdout.take().unwrap();
        let port = tokio::task::spawn_blocking(move || port(stdout, &log)).await.unwrap();

        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let sign_in = listener.local_addr().unwrap();
        let tokens_given = Arc::new(AtomicU32::new(0));
        let acceptor = TlsAcceptor::from(Arc::clone(&tls.server));
        let sign_in_task = tokio::spawn(serve(listener, acceptor, Arc::clone(&tokens_given)));
        let client = Client {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            connector: TlsConnector::from(tls.client),
        };
        Some(Self {
            child: child.0.take().unwrap(),
            port,
            sign_in,
            sign_in_task,
            tokens_given,
            authority: tls.authority,
            client,
            installed,
            folder,
        })
    }

    /// The address of the blob service of an account, in path style
    pub fn endpoint(&self, account: &str) -> String {
        format!("https://127.0.0.1:{}/{account}", self.port)
    }

    /// The address at which principals sign in
    pub fn sign_in(&self) -> String {
        format!("https://{}", self.sign_in)
    }

    /// The authority that signed the certificates of both, as PEM
    pub fn certificate_authority(&self) -> &str {
        &self.authority
    }

    /// How many tokens the sign-in has given
    pub fn tokens_given(&self) -> u32 {
        self.tokens_given.load(Ordering::Relaxed)
    }

    /// Makes a container
    pub async fn create_container(&self, container: &str) {
        let mut connection = self.client.connect().await;
        let path = format!("/{ACCOUNT}/{container}?restype=container");
        connection.put(&path, "", Bytes::new()).await;
    }

    /// Puts blobs into a container, over several connections at a time
    pub async fn seed(&self, container: &str, blobs: impl IntoIterator<Item = Seed>) {
        let mut blobs: Vec<_> = blobs.into_iter().collect();
        blobs.reverse();
        let blobs = Arc::new(Mutex::new(blobs));
        let mut seeders = JoinSet::new();
        for _ in 0..SEEDERS {
            let mut connection = self.client.connect().await;
            let (blobs, container) = (Arc::clone(&blobs), container.to_owned());
            seeders.spawn(async move {
                loop {
                    let Some(blob) = blobs.lock().unwrap().pop() else { return };
                    let path = format!("/{ACCOUNT}/{container}/{}", encode(&blob.name, PATH));
                    connection.put(&path, &blob.content_type, blob.content).await;
                }
            });
        }
        while let Some(seeder) = seeders.join_next().await {
            seeder.unwrap();
        }
    }

    /// The names of a container's blobs by Microsoft's client for JavaScript
    pub async fn list_independently(&self, container: &str, page_size: u16) -> Vec<String> {
        let output = tokio::process::Command::new("node")
            .arg(self.installed.join("list.mjs"))
            .args([&self.endpoint(ACCOUNT), container, &page_size.to_string()])
            .env("BEARER_TOKEN", Token::Valid.issue())
            .env("NODE_EXTRA_CA_CERTS", self.folder.0.join("ca.pem"))
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        self.sign_in_task.abort();
        end(&mut self.child);
    }
}

/// A child between its start and its place in [`Azurite`]
struct Guard(Option<Child>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(end);
    }
}

fn end(child: &mut Child) {
    // Either fails only where the child is gone already.
    let _ = child.kill();
    let _ = child.wait();
}

/// A blob to put into a container
#[derive(Clone, Debug)]
pub struct Seed {
    pub name: String,
    pub content: Bytes,
    pub content_type: String,
}

impl Seed {
    pub fn new(name: impl Into<String>, content: impl Into<Bytes>) -> Self {
        let content_type = "application/octet-stream".to_owned();
        Self { name: name.into(), content: content.into(), content_type }
    }

    pub fn content_type(mut self, content_type: &str) -> Self {
        content_type.clone_into(&mut self.content_type);
        self
    }
}

/// A folder for the files of one run, gone with it
struct RunFolder(PathBuf);

impl RunFolder {
    fn new() -> Self {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let folder = temporary().join(format!("azurite-run-{}-{run}", std::process::id()));
        // A process that was killed may have had the same id.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn temporary() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The folder that Azurite is installed in; `None` where there is no Node.js
fn install() -> Option<PathBuf> {
    static INSTALLED: OnceLock<Option<PathBuf>> = OnceLock::new();
    INSTALLED.get_or_init(install_once).clone()
}

fn install_once() -> Option<PathBuf> {
    const FILES: [(&str, &str); 3] = [
        ("package.json", include_str!("package.json")),
        ("package-lock.json", include_str!("package-lock.json")),
        ("list.mjs", include_str!("list.mjs")),
    ];
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    for program in ["node", npm] {
        let found = Command::new(program).arg("--version").stdin(Stdio::null()).output();
        if found.is_ok_and(|output| output.status.success()) {
            continue;
        }
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "`{program}` is missing, and the Azurite suite must run where CI=true: install Node.js 20 or later"
        );
        // Not by a macro, whose output a passing test keeps to itself.
        let text = format!(
            "\n*** SKIPPED: the Azurite suite, since `{program}` is missing; install Node.js 20 or later\n\n"
        );
        io::Write::write_all(&mut io::stderr(), text.as_bytes()).unwrap();
        return None;
    }
    let mut hasher = DefaultHasher::new();
    FILES.hash(&mut hasher);
    let folder = temporary().join(format!("azurite-{:016x}", hasher.finish()));
    if folder.exists() {
        return Some(folder);
    }
    // Made under another name and renamed when it is whole: what is found above is never half an
    // installation, and of two processes that install at a time one just comes too late.
    let unfinished = temporary().join(format!("azurite-install-{}", std::process::id()));
    let _ = fs::remove_dir_all(&unfinished);
    fs::create_dir_all(&unfinished).unwrap();
    for (name, text) in FILES {
        fs::write(unfinished.join(name), text).unwrap();
    }
    let output = Command::new(npm)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(&unfinished)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "npm could not install Azurite:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    if fs::rename(&unfinished, &folder).is_err() {
        let _ = fs::remove_dir_all(&unfinished);
    }
    assert!(folder.exists(), "the installation of Azurite could not be put in its place");
    Some(folder)
}

/// The port that Azurite says it listens on
fn port(stdout: impl io::Read + Send + 'static, log: &Path) -> u16 {
    let (sender, ports) = mpsc::channel();
    // Reads to the end, since a full pipe would stop Azurite.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let address = line.split_once("successfully listens on https://127.0.0.1:");
            if let Some(port) = address.and_then(|(_, port)| port.trim().parse::<u16>().ok()) {
                let _ = sender.send(port);
            }
        }
    });
    ports.recv_timeout(READY_WITHIN).unwrap_or_else(|error| {
        let log = fs::read_to_string(log).unwrap_or_default();
        panic!("Azurite does not listen ({error}):\n{log}")
    })
}

/// An authority made for one run, and a certificate for 127.0.0.1 that it signed
struct Tls {
    authority: String,
    certificate: String,
    key: String,
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Tls {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL takes a certificate with the name of its issuer for one signed by itself.
        params.distinguished_name.push(DnType::CommonName, "authority of one test");
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer);
        let certificate = certificate.unwrap();
        let server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::clone(authority.der())).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            authority: authority.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            server: Arc::new(server),
            client: Arc::new(client),
        }
    }
}

/// Writes to Azurite, by no SDK
struct Client {
    address: SocketAddr,
    connector: TlsConnector,
}

impl Client {
    async fn connect(&self) -> Connection {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let name = ServerName::from(self.address.ip());
        let tls = self.connector.connect(name, tcp).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(tls)).await.unwrap();
        tokio::spawn(connection);
        let authorization = format!("Bearer {}", Token::Valid.issue());
        Connection { sender, host: self.address.to_string(), authorization }
    }
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    authorization: String,
}

impl Connection {
    async fn put(&mut self, path: &str, content_type: &str, content: Bytes) {
        let mut request = Request::builder()
            .method(Method::PUT)
            .uri(path)
            .header("host", &self.host)
            .header("authorization", &self.authorization)
            .header("x-ms-version", "2025-11-05");
        if !content_type.is_empty() {
            request = request
                .header("x-ms-blob-type", "BlockBlob")
                .header("x-ms-blob-content-type", content_type);
        }
        let request = request.body(Full::new(content)).unwrap();
        self.sender.ready().await.unwrap();
        let response = self.sender.send_request(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(status == 201, "PUT {path}: {status} {}", String::from_utf8_lossy(&body));
    }
}

/// The token endpoint of Entra, for client secrets
async fn serve(listener: TcpListener, acceptor: TlsAcceptor, tokens_given: Arc<AtomicU32>) {
    // Ends with this task, and so do its connections.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let (acceptor, tokens_given) = (acceptor.clone(), Arc::clone(&tokens_given));
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|request| answer(request, &tokens_given));
            // A client that goes away is no failure of the server.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    tokens_given: &AtomicU32,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let tenant = path.strip_suffix("/oauth2/v2.0/token").map(|path| path.trim_start_matches('/'));
    let post = request.method() == Method::POST;
    let form = request.into_body().collect().await.unwrap_or_default().to_bytes();
    let form = String::from_utf8_lossy(&form);
    let field = |name: &str| {
        let value = form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let value = value.unwrap_or_default().replace('+', " ");
        percent_decode_str(&value).decode_utf8_lossy().into_owned()
    };
    let client_id = field("client_id");
    let token = Token::ALL.into_iter().find(|token| token.client_id() == client_id);
    let secret = field("client_secret");
    let (status, body) = match (tenant, token) {
        (Some(tenant), _) if tenant != TENANT => refusal(
            400,
            "invalid_request",
            90002,
            "Tenant was not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
        ),
        (Some(_), None) => refusal(
            400,
            "unauthorized_client",
            700_016,
            "Application was not found in the directory 'Contoso'.",
        ),
        (Some(_), Some(_)) if secret == EXPIRED_SECRET => refusal(
            401,
            "invalid_client",
            7_000_222,
            "The provided client secret keys for app are expired.",
        ),
        (Some(_), Some(_)) if secret != SECRET => refusal(
            401,
            "invalid_client",
            7_000_215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.",
        ),
        (Some(_), Some(token))
            if post
                && field("grant_type") == "client_credentials"
                && field("scope") == "https://storage.azure.com/.default" =>
        {
            tokens_given.fetch_add(1, Ordering::Relaxed);
            let token = token.issue();
            let body = json!({
                "token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599,
                "access_token": token,
            });
            (200, body)
        }
        _ => refusal(400, "invalid_request", 900_144, "The request is not one for a token."),
    };
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/json; charset=utf-8")
        .body(Full::new(body.to_string().into()));
    Ok(response.unwrap())
}

/// An error as Entra writes it, line breaks included, over whose escapes clients have stumbled
fn refusal(status: u16, error: &str, code: u32, text: &str) -> (u16, serde_json::Value) {
    let trace = "55555555-5555-4555-8555-555555555555";
    let description = format!(
        "AADSTS{code}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: {trace}\r\nTimestamp: 2026-01-01 00:00:00Z"
    );
    let body = json!({
        "error": error, "error_description": description, "error_codes": [code],
        "timestamp": "2026-01-01 00:00:00Z", "trace_id": trace, "correlation_id": trace,
        "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
    });
    (status, body)
}
