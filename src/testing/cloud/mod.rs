mod assertion;
mod blobs;
mod fault;
mod seed;
mod server;
mod sign_in;
mod xml;

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    io,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::task::JoinHandle;

pub use self::{fault::Fault, seed::Seed};
#[cfg(feature = "azure")]
use crate::{AzureStore, Credential, Error};
use crate::{
    cloud::{Cloud, Endpoint},
    connection::{Connection, ConnectionBuilder},
    store::MAX_PAGE,
};

/// The account of the small cloud
const ACCOUNT: &str = "smallcloud";
/// Its tenant
const TENANT: &str = "11111111-1111-4111-8111-111111111111";
/// Its application, which has a service principal in the tenant
const CLIENT_ID: &str = "22222222-2222-4222-8222-222222222222";
/// The container that blobs are seeded into
const CONTAINER: &str = "assets";

/// A small Azure on a loopback port: blob service and sign-in, over https
///
/// Answers List Blobs (`prefix`, `marker`, `maxresults`, `startFrom`, `delimiter`,
/// `include=metadata`), Get Blob with ranges and `If-Match`, and the token endpoint of Entra for one
/// service principal. Its certificate is signed by an authority of its own, made at the start. It
/// ends when it is dropped.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use azure_asset_sync::{Scan, testing::{Seed, SmallCloud}};
///
/// let cloud = SmallCloud::builder()
///     .blob(Seed::new("a.jpg", b"\xff\xd8\xff".as_slice()))
///     .start()
///     .await?;
/// let connection = cloud.connection().build()?;
/// let store = cloud.store(&connection)?;
/// let report = Scan::new(store, connection.prefix()).run(()).await?;
/// assert_eq!(report.accepted(), 1);
/// # Ok(()) }
/// ```
pub struct SmallCloud {
    address: SocketAddr,
    authority: String,
    secret: String,
    signature: String,
    state: Arc<State>,
    task: JoinHandle<()>,
}

/// What a [`SmallCloud`] starts with
#[derive(Debug, Default)]
#[must_use]
pub struct SmallCloudBuilder {
    blobs: BTreeMap<String, Seed>,
    ragged_pages: bool,
    certificate: Option<String>,
}

impl SmallCloudBuilder {
    /// Puts a blob into the container
    pub fn blob(mut self, seed: Seed) -> Self {
        self.blobs.insert(seed.name().to_owned(), seed);
        self
    }

    /// Puts blobs into the container
    pub fn blobs(mut self, seeds: impl IntoIterator<Item = Seed>) -> Self {
        self.blobs.extend(seeds.into_iter().map(|seed| (seed.name().to_owned(), seed)));
        self
    }

    /// Puts each file below a folder into the container, by its path in the folder
    ///
    /// Links are left out, so that nothing outside the folder is served.
    ///
    /// # Errors
    /// Where the folder cannot be read, or a file's name is not UTF-8.
    pub fn folder(mut self, folder: impl AsRef<Path>) -> io::Result<Self> {
        seed::add_folder(&mut self.blobs, folder.as_ref(), String::new())?;
        Ok(self)
    }

    /// Registers a certificate, as PEM, with the application, which may then sign in with it
    pub fn certificate(mut self, pem: impl Into<String>) -> Self {
        self.certificate = Some(pem.into());
        self
    }

    /// Gives pages that are shorter than asked for, and empty ones with a marker, as Azure may
    pub fn ragged_pages(mut self) -> Self {
        self.ragged_pages = true;
        self
    }

    /// Starts it on a free port of 127.0.0.1, in the Tokio runtime that this is called in
    ///
    /// # Errors
    /// Where no port can be listened on.
    pub async fn start(self) -> io::Result<SmallCloud> {
        let state = Arc::new(State {
            secret: random(),
            signature: random(),
            certificate: self.certificate,
            tokens: Mutex::default(),
            faults: Mutex::default(),
            containers: Mutex::new(BTreeMap::from([(CONTAINER.to_owned(), Arc::new(self.blobs))])),
            ragged_pages: self.ragged_pages,
            requests: AtomicU64::new(0),
        });
        let (listener, acceptor, authority) = server::listen().await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(server::serve(listener, acceptor, Arc::clone(&state)));
        Ok(SmallCloud {
            address,
            authority,
            secret: state.secret.clone(),
            signature: state.signature.clone(),
            state,
            task,
        })
    }
}

impl SmallCloud {
    /// Starts with nothing in the container
    pub fn builder() -> SmallCloudBuilder {
        SmallCloudBuilder::default()
    }

    /// A connection to its container, as its customer would type it
    pub fn connection(&self) -> ConnectionBuilder {
        let base = format!("https://{}", self.address);
        let endpoint = Endpoint::new(&format!("{base}/{ACCOUNT}"))
            .and_then(|endpoint| endpoint.with_authority(&base));
        let connection =
            Connection::builder("small cloud").account(ACCOUNT).container(CONTAINER).tenant(TENANT);
        match endpoint {
            Ok(endpoint) => connection.cloud(Cloud::Custom(endpoint)),
            // An address of ours is an address; without it the build would say so.
            Err(_) => connection,
        }
    }

    /// The credential of its service principal
    #[cfg(feature = "azure")]
    pub fn credential(&self) -> Credential {
        Credential::ClientSecret {
            client_id: CLIENT_ID.to_owned(),
            secret: self.secret.as_str().into(),
        }
    }

    /// A shared access signature of its container
    #[cfg(feature = "azure")]
    pub fn sas(&self) -> Credential {
        Credential::Sas(format!("sv=2026-04-06&sp=rl&sig={}", self.signature).into())
    }

    /// A store on a connection of it, with its credential and its certificate authority
    ///
    /// # Errors
    /// Those of [`AzureStore::builder`].
    #[cfg(feature = "azure")]
    pub fn store(&self, connection: &Connection) -> Result<AzureStore, Error> {
        AzureStore::builder(connection)
            .certificate_authority(self.certificate_authority())
            .build(self.credential())
    }

    /// The certificate of the authority that signed its own, as PEM
    pub fn certificate_authority(&self) -> &str {
        &self.authority
    }

    /// Where it listens
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The application id of its service principal
    pub fn client_id(&self) -> &str {
        CLIENT_ID
    }

    /// The secret of its service principal, so that a test can look for it where it must not be
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The signature of [`sas`](Self::sas), for the same purpose
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// The tokens that it has given, for the same purpose
    pub fn tokens(&self) -> Vec<String> {
        lock(&self.state.tokens).iter().cloned().collect()
    }

    /// Puts a blob into the container, in the place of one of the same name
    pub fn put(&self, seed: Seed) {
        let mut containers = lock(&self.state.containers);
        let blobs = containers.entry(CONTAINER.to_owned()).or_default();
        Arc::make_mut(blobs).insert(seed.name().to_owned(), seed);
    }

    /// Makes the next request to the blob service fail in this way; each call is for one request
    pub fn inject(&self, fault: Fault) {
        lock(&self.state.faults).push_back(fault);
    }

    /// How many requests it was sent, sign-ins included
    pub fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for SmallCloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmallCloud").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for SmallCloud {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct State {
    secret: String,
    signature: String,
    certificate: Option<String>,
    tokens: Mutex<HashSet<String>>,
    faults: Mutex<VecDeque<Fault>>,
    containers: Mutex<BTreeMap<String, Arc<BTreeMap<String, Seed>>>>,
    ragged_pages: bool,
    requests: AtomicU64,
}

impl State {
    fn container(&self, name: &str) -> Option<Arc<BTreeMap<String, Seed>>> {
        lock(&self.containers).get(name).cloned()
    }

    /// At most so many blobs on this page: what was asked for, or less of it
    fn page_size(&self, asked: Option<u16>) -> usize {
        let full = asked.unwrap_or(MAX_PAGE).min(MAX_PAGE).into();
        if self.ragged_pages { fastrand::usize(0..=full) } else { full }
    }
}

/// None of the critical sections can panic half-way, so a poisoned lock guards a whole value
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn random() -> String {
    format!("{:032x}", fastrand::u128(..))
}
