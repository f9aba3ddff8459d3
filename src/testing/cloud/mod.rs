//! A small Azure on a loopback port.
//!
//! `server` speaks HTTP, `service` answers for the blob service and `sign_in` for Entra. The other
//! files each hold one part of what the two know. Nothing here is shared with the code under test but
//! conditions and roles, which a test of theirs covers.

mod access;
mod assertion;
mod assignment;
mod behavior;
mod blob_service;
mod bounds;
mod builder;
mod container;
mod container_api;
mod controls;
mod cors;
mod fault;
mod list_blobs;
mod log;
mod marker;
mod message;
mod quirk;
mod read_blob;
mod refusal;
mod request;
mod resettable;
mod seed;
mod server;
mod sign_in;
mod state;
mod storage_state;
mod token;
mod unicode_marks;
mod user_delegation;
mod xml;

use std::{net::SocketAddr, sync::Arc};

use tokio::task::JoinHandle;

use self::state::{State, lock, random};
pub use self::{
    assignment::{Assignment, Propagation},
    behavior::{
        AnonymousAnswer, Behavior, MisplacedStart, PreflightNames, ReversedRange, SignInText,
        StartFrom,
    },
    builder::SmallCloudBuilder,
    cors::CorsRule,
    fault::Fault,
    log::{LoggedRequest, PresentedCredential},
    quirk::Quirk,
    refusal::Refusal,
    seed::Seed,
    sign_in::SignInRefusal,
    storage_state::StorageState,
};
#[cfg(feature = "azure")]
use crate::{AzureStore, Credential, Error};
use crate::{
    cloud::{Cloud, Endpoint},
    connection::{Connection, ConnectionBuilder},
};

/// The account of the small cloud
const ACCOUNT: &str = "smallcloud";
/// Its tenant
const TENANT: &str = "11111111-1111-4111-8111-111111111111";
/// Its application, which has a service principal in the tenant
const CLIENT_ID: &str = "22222222-2222-4222-8222-222222222222";
/// The object id of that service principal
const OBJECT_ID: &str = "44444444-4444-4444-8444-444444444444";
/// The container that blobs are seeded into
const CONTAINER: &str = "assets";

/// A small Azure on a loopback port: blob service and sign-in, over https
///
/// Answers List Blobs (`prefix`, `marker`, `maxresults`, `startFrom`, `endBefore`, `delimiter`,
/// `include=metadata`), Get Blob with ranges and `If-Match`, Get Blob Properties, List Containers,
/// Get Container Properties, Get Container ACL, Get User Delegation Key, CORS preflights, and the token endpoint of
/// Entra for one service principal. Its role assignments decide what the principal may do; their
/// conditions are evaluated for each request, also for one with a signature by the principal's keys.
///
/// Headers, error bodies, the elements of listings and the order of names are those of the real
/// service. [`Behavior`] sets what is not known of it, and [`Quirk`] what contradicts it. What differs: the answer to a HEAD has no
/// `Transfer-Encoding`, and header names are in lower case.
///
/// An authority of its own, made at the start, signs its certificate. It ends when it is dropped.
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
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl SmallCloud {
    /// Starts with nothing in the container
    pub fn builder() -> SmallCloudBuilder {
        SmallCloudBuilder::new()
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
            secret: self.state.secret.as_str().into(),
        }
    }

    /// A shared access signature of its container
    #[cfg(feature = "azure")]
    pub fn sas(&self) -> Credential {
        Credential::Sas(format!("sv=2026-04-06&sp=rl&sig={}", self.state.signature).into())
    }

    /// A store on a connection of it, with its credential, its certificate authority and its clock
    ///
    /// The store's policy is [`trust`](super::trust): it allows whatever hosts the test has written
    /// into the connection.
    ///
    /// # Errors
    /// Those of [`AzureStore::builder`].
    #[cfg(feature = "azure")]
    pub fn store(&self, connection: &Connection) -> Result<AzureStore, Error> {
        AzureStore::builder(connection)
            .policy(super::trust(connection))
            .certificate_authority(self.certificate_authority())
            .clock(Arc::clone(&self.state.clock))
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

    /// Its tenant
    pub fn tenant(&self) -> &str {
        TENANT
    }

    /// The application id of its service principal
    pub fn client_id(&self) -> &str {
        CLIENT_ID
    }

    /// The object id of its service principal, which is what roles are assigned to
    pub fn object_id(&self) -> &str {
        OBJECT_ID
    }

    /// The secret of its service principal, so that a test can check that nothing reveals it
    pub fn secret(&self) -> &str {
        &self.state.secret
    }

    /// The signature of [`sas`](Self::sas), for the same purpose
    pub fn signature(&self) -> &str {
        &self.state.signature
    }

    /// The tokens that it has given, for the same purpose
    pub fn tokens(&self) -> Vec<String> {
        lock(&self.state.tokens).all()
    }

    /// The user delegation keys that it has given and not revoked, in Base64, for the same purpose
    pub fn delegation_keys(&self) -> Vec<String> {
        lock(&self.state.keys).all()
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
