//! The handle of a running small cloud: how to connect to it, and the secrets that tests look for.
//!
//! `builder` creates a cloud; `controls` has the methods that change a running one.

use std::{net::SocketAddr, sync::Arc};

use tokio::task::JoinHandle;

use super::{
    identity::{ACCOUNT, CLIENT_ID, CONTAINER, OBJECT_ID, TENANT},
    state::State,
};
#[cfg(feature = "azure")]
use crate::{AzureStore, Credential, Error, testing::policy::trust};
use crate::{
    cloud::{Cloud, Endpoint},
    connection::{Connection, ConnectionBuilder},
};

/// A small Azure on a loopback port: blob service and sign-in, over HTTPS.
///
/// For tests of services that list and read blobs. The client talks real HTTP to it, so that a test
/// covers the SDK, retries, TLS and sign-in.
///
/// # What it simulates
/// - List Blobs with `prefix`, `marker`, `maxresults`, `startFrom`, `endBefore`, `delimiter` and
///   `include=metadata`.
/// - Get Blob with ranges and `If-Match`, and Get Blob Properties.
/// - List Containers, Get Container Properties, Get Container ACL.
/// - Get User Delegation Key, and signatures with such keys.
/// - CORS preflights and CORS headers.
/// - The token endpoint of Entra, for one service principal, with a secret or a certificate.
/// - Role assignments of that principal with conditions, evaluated for each request, and their
///   propagation to several front ends.
///
/// Headers, error bodies, the elements of listings and the order of names are those of the real
/// service. [`Behavior`](super::Behavior) sets what is not known of the service, and
/// [`Quirk`](super::Quirk) contradicts what is known.
///
/// # What it does not simulate
/// - Operations that write: use [`put`](Self::put) and [`Seed`](super::Seed).
/// - Old versions, snapshots, leases and soft-deleted blobs. Listings can show
///   [their elements](super::Seed::listed).
/// - Account keys, account SAS, stored access policies, and other principals.
/// - DNS and host names for each account: the account is the first segment of the path, as for
///   emulators.
/// - The `Transfer-Encoding` of answers to HEAD, and header names in capital letters.
///
/// # Port and lifetime
/// It listens on a free port of 127.0.0.1, which differs each time. A certificate authority that is
/// created at the start signs its certificate; clients must trust
/// [`certificate_authority`](Self::certificate_authority). It runs in the Tokio runtime that
/// started it, and stops, with all connections, when it is dropped. Keep it in a variable for as
/// long as a test needs it.
///
/// # Clock and determinism
/// Its time is that of the [`Clock`](crate::Clock) given to
/// [`SmallCloudBuilder::clock`](super::SmallCloudBuilder::clock). With a
/// [`ManualClock`](crate::testing::ManualClock) minutes of propagation pass at once. The account,
/// the tenant, the principal, the order of names and the order of front ends are the same in every
/// run. Request IDs, ETags, tokens, keys and the sizes of [ragged
/// pages](super::SmallCloudBuilder::ragged_pages) are random.
///
/// # Example
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
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
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "emulator")]
#[doc(alias = "azurite")]
#[doc(alias = "mock")]
pub struct SmallCloud {
    address: SocketAddr,
    authority: String,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl SmallCloud {
    /// Creates the handle of a running cloud; dropping the handle aborts the task.
    pub(super) fn new(
        address: SocketAddr,
        authority: String,
        state: Arc<State>,
        task: JoinHandle<()>,
    ) -> Self {
        Self { address, authority, state, task }
    }

    /// Returns the state that the connections share.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Returns a builder for a connection to the container `assets`, as a customer would enter it.
    pub fn connection(&self) -> ConnectionBuilder {
        // The same port for both services, so a test needs one address only.
        let base = format!("https://{}", self.address);
        let endpoint = Endpoint::new(&format!("{base}/{ACCOUNT}"))
            .and_then(|endpoint| endpoint.with_authority(&base));
        let connection =
            Connection::builder("small cloud").account(ACCOUNT).container(CONTAINER).tenant(TENANT);
        match endpoint {
            Ok(endpoint) => connection.cloud(Cloud::Custom(endpoint)),
            // Does not happen for a loopback address. Without it, requests would fail visibly.
            Err(_) => connection,
        }
    }

    /// Returns the credential of the service principal: the client ID and the secret.
    #[cfg(feature = "azure")]
    pub fn credential(&self) -> Credential {
        Credential::ClientSecret {
            client_id: CLIENT_ID.to_owned(),
            secret: self.state.secret().into(),
        }
    }

    /// Returns a shared access signature for the container `assets`, which lists and reads.
    #[cfg(feature = "azure")]
    #[doc(alias = "SAS")]
    pub fn sas(&self) -> Credential {
        Credential::Sas(format!("sv=2026-04-06&sp=rl&sig={}", self.state.signature()).into())
    }

    /// Builds a store for a connection, with the cloud's credential, certificate authority and
    /// clock.
    ///
    /// The host policy of the store is [`trust`](crate::testing::trust), which allows the hosts of
    /// the connection.
    ///
    /// # Errors
    /// As [`AzureStoreBuilder::build`](crate::store::azure::AzureStoreBuilder::build).
    #[cfg(feature = "azure")]
    pub fn store(&self, connection: &Connection) -> Result<AzureStore, Error> {
        AzureStore::builder(connection)
            .policy(trust(connection))
            .certificate_authority(self.certificate_authority())
            .clock(Arc::clone(self.state.clock()))
            .build(self.credential())
    }

    /// Returns the certificate of the certificate authority that clients must trust, as PEM.
    pub fn certificate_authority(&self) -> &str {
        &self.authority
    }

    /// Returns the address and the port on which the cloud listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the ID of the tenant.
    pub fn tenant(&self) -> &str {
        TENANT
    }

    /// Returns the application (client) ID of the service principal.
    #[doc(alias = "application_id")]
    pub fn client_id(&self) -> &str {
        CLIENT_ID
    }

    /// Returns the object ID of the service principal, which roles are assigned to.
    #[doc(alias = "principal_id")]
    pub fn object_id(&self) -> &str {
        OBJECT_ID
    }

    /// Returns the client secret, so that a test can check that no output contains it.
    pub fn secret(&self) -> &str {
        self.state.secret()
    }

    /// Returns the signature of [`sas`](Self::sas), so that a test can check that no output
    /// contains it.
    pub fn signature(&self) -> &str {
        self.state.signature()
    }

    /// Returns the tokens issued so far, so that a test can check that no output contains one.
    pub fn tokens(&self) -> Vec<String> {
        self.state.tokens().all()
    }

    /// Returns the user delegation keys that were issued and not revoked, in Base64, so that a test
    /// can check that no output contains one.
    pub fn delegation_keys(&self) -> Vec<String> {
        self.state.delegation_keys().all()
    }
}

/// Shows the address only, because all else may be secret.
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
