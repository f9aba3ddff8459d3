//! HTTP for any number of stores: one pool of connections, one host policy, one set of limits.
//!
//! | files | responsibility |
//! | --- | --- |
//! | `builder`, `headers`, `proxy` | the settings of a client, and their checks |
//! | `resolver` | which addresses a host may have |
//! | `tls` | whom a client trusts |
//! | `limits` | limits for all stores together |
//!
//! Redirects are never followed, because a redirect would take the credential to another host. Bodies
//! are never decompressed, because limits count received bytes.

mod builder;
mod headers;
mod limits;
mod proxy;
mod resolver;
mod tls;

use std::{fmt, sync::Arc};

pub use self::{builder::HttpClientBuilder, limits::Limits};
pub(super) use self::{
    limits::{Gate, Need, Place, Turn},
    resolver::{LookupError, RefusedAddress, Resolver},
};
use crate::{cloud::HostPolicy, error::Error};

/// The HTTP client of any number of stores. Cloning it is cheap, and clones share everything.
///
/// A store that is built without a client makes one of its own. A service with many connections
/// should make one client when it starts and give it to all stores, with
/// [`AzureStoreBuilder::http_client`](super::AzureStoreBuilder::http_client). The stores then share open
/// connections, the certificate authorities of this machine (about 150, which take memory and more
/// than 10 ms to load), the host policy, and the [`Limits`]. Storage and sign-ins use the same client.
///
/// ```
/// use azure_asset_sync::{AzureStore, Connection, Credential, HostPolicy, HttpClient};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // When the service starts:
/// let http = HttpClient::builder()
///     .policy(HostPolicy::public_cloud())
///     .user_agent("my-service/1.2")
///     .build()?;
///
/// // For each connection:
/// let connection =
///     Connection::builder("hall 3").account("contosovision").container("training").build()?;
/// let store =
///     AzureStore::builder(&connection).http_client(http.clone()).build(Credential::Anonymous)?;
/// # Ok(()) }
/// ```
///
/// # Which requests share a connection
/// Requests to the same host, of whichever store. Credentials are sent with each request and not with
/// a connection, so stores with different credentials may share one. The requests with which a
/// [`Probe`](crate::Probe) waits for propagation open a connection each, because a kept connection always
/// reaches the same front end.
///
/// # Runtime
/// Open connections belong to the Tokio runtime in which they were opened. Use a client in one runtime
/// only; a second runtime needs a client of its own.
#[derive(Clone)]
pub struct HttpClient {
    shared: Arc<Shared>,
}

/// What the clones of a client share.
struct Shared {
    /// Keeps connections.
    reuse: reqwest::Client,
    /// Opens a connection for each request.
    fresh: reqwest::Client,
    /// For the identity endpoint of this machine: no proxy, no host policy, no extra headers.
    identity: reqwest::Client,
    resolver: Resolver,
    gate: Gate,
    user_agent: Option<String>,
}

impl HttpClient {
    /// Creates a client with default settings.
    ///
    /// Reads the proxy variables and this machine's certificate authorities, and sends nothing.
    ///
    /// # Errors
    /// Those of [`HttpClientBuilder::build`].
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// Returns a builder for a client with other settings.
    pub fn builder() -> HttpClientBuilder {
        HttpClientBuilder::new()
    }

    /// Returns the hosts that stores of this client may contact.
    pub fn policy(&self) -> &HostPolicy {
        self.shared.resolver.policy()
    }

    /// Returns the client that keeps connections.
    pub(super) fn reuse(&self) -> &reqwest::Client {
        &self.shared.reuse
    }

    /// Returns the client that opens a connection for each request.
    ///
    /// A kept connection always reaches the same front end, and front ends learn of a role assignment
    /// at different times.
    pub(super) fn fresh(&self) -> &reqwest::Client {
        &self.shared.fresh
    }

    /// Returns the client for the identity endpoint of this machine.
    pub(super) fn identity(&self) -> &reqwest::Client {
        &self.shared.identity
    }

    pub(super) fn resolver(&self) -> &Resolver {
        &self.shared.resolver
    }

    /// Returns the gate that all calls of all stores pass.
    pub(super) fn gate(&self) -> &Gate {
        &self.shared.gate
    }

    /// Returns the user agent that the service has set.
    pub(super) fn user_agent(&self) -> Option<&str> {
        self.shared.user_agent.as_deref()
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the clients, whose headers and proxies can contain secrets.
        f.debug_struct("HttpClient").field("policy", self.policy()).finish_non_exhaustive()
    }
}
