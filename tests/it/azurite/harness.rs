//! Runs Azurite, Microsoft's emulator of Blob Storage, and a sign-in endpoint, both over HTTPS.
//!
//! Does not use the crate under test, so any test of a store can include this file by its path.
//! Needs `base64`, `http-body-util`, `hyper` (client and server), `hyper-util`, `percent-encoding`,
//! `rcgen`, `serde_json`, `tokio` and `tokio-rustls`.
//!
//! Azurite does not check the signature of a token and has no roles. It checks whether a token is
//! well-formed and current, but not what its principal is allowed to do.
//!
//! The overrides of `package.json` remove telemetry and databases that Azurite does not need if its data
//! is in memory, and with them most of its dependencies. To write a lock file without host names, run
//! `npm install --ignore-scripts --package-lock-only --omit-lockfile-registry-resolved`.

#![allow(dead_code, reason = "each suite that includes this uses a part of it")]

#[path = "sign_in.rs"]
mod sign_in;

use std::{
    collections::hash_map::DefaultHasher,
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
    time::Duration,
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode as encode};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinError, JoinHandle, JoinSet},
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::ring::default_provider,
        pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName},
    },
};

/// The predefined account of Azurite.
pub const ACCOUNT: &str = "devstoreaccount1";
/// The only tenant that the sign-in knows.
pub const TENANT: &str = "33333333-3333-4333-8333-333333333333";
/// The secret of every application that the sign-in knows.
pub const SECRET: &str = "harness~secret";
/// An expired secret of these applications.
pub const EXPIRED_SECRET: &str = "harness~secret-of-last-year";

/// All characters except the unreserved ones of RFC 3986 and the slash between segments.
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// How many connections seed a container concurrently. Azurite has one thread, so more do not help.
const SEEDERS: usize = 8;

/// The maximum time until Azurite listens; it usually takes a second.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Makes Azurite exit when its standard input ends, so that it also stops if the test is killed.
const END_WITH_PARENT: &str =
    "data:text/javascript,process.stdin.on('end',()=>process.exit()).resume()";

pub use self::sign_in::Token;

/// A running Azurite with an empty account, and its sign-in. Both stop when this is dropped.
pub struct Azurite {
    // `drop` kills the child before the fields below are dropped.
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
    /// Starts both, or returns `None` if this machine has no Node.js.
    ///
    /// # Panics
    /// Panics on any other failure, and if Node.js is missing although `CI` is `true`, because in CI a
    /// suite that did not run must not pass.
    pub async fn start() -> Option<Self> {
        let installed = joined(tokio::task::spawn_blocking(install).await)?;
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
        // From here on a panic must also stop the child.
        let mut child = Guard(Some(child));
        let stdout = child.0.as_mut().unwrap().stdout.take().unwrap();
        let port = joined(tokio::task::spawn_blocking(move || port(stdout, &log)).await);

        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let sign_in = listener.local_addr().unwrap();
        let tokens_given = Arc::new(AtomicU32::new(0));
        let acceptor = TlsAcceptor::from(Arc::clone(&tls.server));
        let sign_in_task =
            tokio::spawn(sign_in::serve(listener, acceptor, Arc::clone(&tokens_given)));
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

    /// Returns the path-style address of the blob service of an account.
    pub fn endpoint(&self, account: &str) -> String {
        format!("https://127.0.0.1:{}/{account}", self.port)
    }

    /// Returns the address of the sign-in.
    pub fn sign_in(&self) -> String {
        format!("https://{}", self.sign_in)
    }

    /// Returns the PEM text of the authority that signed both certificates.
    pub fn certificate_authority(&self) -> &str {
        &self.authority
    }

    /// Returns the number of tokens that the sign-in has issued.
    pub fn tokens_given(&self) -> u32 {
        self.tokens_given.load(Ordering::Relaxed)
    }

    /// Requests an address without a credential. Returns the status and the body.
    pub async fn get_anonymously(&self, url: &str) -> (u16, Vec<u8>) {
        let mut connection = self.client.connect().await;
        let path = url.strip_prefix("https://").unwrap().split_once('/').unwrap().1;
        let request = Request::builder()
            .method(Method::GET)
            .uri(format!("/{path}"))
            .header("host", &connection.host)
            .body(Full::default());
        connection.sender.ready().await.unwrap();
        let response = connection.sender.send_request(request.unwrap()).await.unwrap();
        let status = response.status().as_u16();
        (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    /// Creates a container.
    pub async fn create_container(&self, container: &str) {
        let mut connection = self.client.connect().await;
        let path = format!("/{ACCOUNT}/{container}?restype=container");
        connection.put(&path, "", Bytes::new()).await;
    }

    /// Writes blobs to a container over several connections.
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
            joined(seeder);
        }
    }

    /// Lists the names of a container's blobs with Microsoft's client for JavaScript.
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

/// Kills the child process unless it was moved to [`Azurite`].
struct Guard(Option<Child>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(end);
    }
}

fn end(child: &mut Child) {
    // Both fail only if the child has ended already.
    let _ = child.kill();
    let _ = child.wait();
}

/// Returns the result of a task, and resumes its panic in the caller.
fn joined<T>(result: Result<T, JoinError>) -> T {
    result.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// A blob to write to a container.
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

/// A folder for the files of one run, which is removed when this is dropped.
struct RunFolder(PathBuf);

impl RunFolder {
    fn new() -> Self {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let folder = temporary().join(format!("azurite-run-{}-{run}", std::process::id()));
        // A killed process can have had the same ID.
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

/// Returns the folder of the Azurite installation, or `None` without Node.js.
fn install() -> Option<PathBuf> {
    // A failure is kept too, so that not every test waits for a missing network.
    static INSTALLED: OnceLock<Result<Option<PathBuf>, String>> = OnceLock::new();
    INSTALLED.get_or_init(install_once).clone().unwrap_or_else(|what| panic!("{what}"))
}

fn install_once() -> Result<Option<PathBuf>, String> {
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
        if std::env::var_os("CI").is_some_and(|ci| ci == "true") {
            return Err(format!(
                "`{program}` is missing, and the Azurite suite must run where CI=true: install Node.js 22 or later"
            ));
        }
        // Written to the stream directly, because the harness hides the output of a passing test.
        let text = format!(
            "\n*** SKIPPED: the Azurite suite, because `{program}` is missing; install Node.js 22 or later\n\n"
        );
        io::Write::write_all(&mut io::stderr(), text.as_bytes()).unwrap();
        return Ok(None);
    }
    let mut hasher = DefaultHasher::new();
    FILES.hash(&mut hasher);
    let folder = temporary().join(format!("azurite-{:016x}", hasher.finish()));
    if folder.exists() {
        return Ok(Some(folder));
    }
    // Installed under another name and renamed when complete: the folder above is never incomplete,
    // and if two processes install concurrently, the second rename fails without harm.
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
    if !output.status.success() {
        return Err(format!(
            "npm could not install Azurite:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let renamed = fs::rename(&unfinished, &folder);
    if folder.exists() {
        let _ = fs::remove_dir_all(&unfinished);
        return Ok(Some(folder));
    }
    Err(format!("the installation of Azurite could not be put in its place: {renamed:?}"))
}

/// Returns the port from Azurite's output.
fn port(stdout: impl io::Read + Send + 'static, log: &Path) -> u16 {
    let (sender, ports) = mpsc::channel();
    // Reads to the end, because a full pipe would block Azurite.
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

/// A certificate authority for one run, and a certificate for 127.0.0.1 that it signed.
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
        // OpenSSL treats a certificate with the name of its issuer as self-signed.
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

/// An HTTP client for Azurite that uses no SDK.
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
            // Azurite requires the length, and hyper omits it for an empty body.
            .header("content-length", content.len())
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
