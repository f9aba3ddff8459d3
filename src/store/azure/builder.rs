//! The settings of a store, and the checks that need both the connection and the host policy.
//!
//! [`AzureStoreBuilder::build`] is the only constructor of a store, so no store exists for a host that
//! the policy refuses. It creates the HTTP clients and pipelines, and sends nothing.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use azure_core::http::{ClientOptions, Pipeline, RetryOptions, Transport, Url};
use tokio::task::spawn_blocking;

use super::{
    AzureStore,
    credential::Credential,
    http::{HttpClient, HttpClientBuilder, Turn},
    network::Target,
    token_cache::{Bearer, SCOPE},
    token_transport::TokenTransport,
    transport::StorageTransport,
};
use crate::{
    clock::{Clock, SystemClock},
    cloud::HostPolicy,
    connection::Connection,
    error::{Error, ErrorKind},
    name::TenantId,
    observe,
    store::{Inspect, Question},
};

/// The settings of an [`AzureStore`], and checks of the account that need no credential.
///
/// ```
/// use std::time::Duration;
/// use azure_asset_sync::{AzureStore, Connection, Credential};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connection =
///     Connection::builder("hall 3").account("contosovision").container("training").build()?;
/// let store = AzureStore::builder(&connection)
///     .connect_timeout(Duration::from_secs(5))
///     .request_deadline(Duration::from_secs(60))
///     .build(Credential::Anonymous)?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct AzureStoreBuilder {
    connection: Connection,
    /// The settings of the store's own client.
    http: HttpClientBuilder,
    /// The methods that changed them, for the error if a client is given too.
    own_settings: BTreeSet<&'static str>,
    /// The client that was given.
    given: Option<HttpClient>,
    deadline: Duration,
    clock: Arc<dyn Clock>,
}

impl AzureStoreBuilder {
    /// Creates a builder with the default policy, timeouts and clock.
    pub(super) fn new(connection: &Connection) -> Self {
        Self {
            connection: connection.clone(),
            http: HttpClient::builder(),
            own_settings: BTreeSet::new(),
            given: None,
            deadline: Duration::from_secs(5 * 60),
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets the hosts that the store may contact; [`HostPolicy::azure`] by default.
    ///
    /// The policy belongs to the service. Never derive it from a connection that a customer typed,
    /// because that connection could then send the service's credential to any host.
    ///
    /// ```
    /// use azure_asset_sync::{AzureStore, Connection, Credential, Endpoint, HostPolicy};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let connection = Connection::builder("emulator")
    ///     .account("devstoreaccount1")
    ///     .container("training")
    ///     .cloud(Endpoint::new("http://127.0.0.1:10000/devstoreaccount1")?.into())
    ///     .build()?;
    /// let store = AzureStore::builder(&connection)
    ///     .policy(HostPolicy::azure().allow_endpoint("http://127.0.0.1:10000")?)
    ///     .build(Credential::Sas("sv=2026-04-06&sp=rl&sig=c2VjcmV0".into()))?;
    /// # Ok(()) }
    /// ```
    pub fn policy(self, policy: HostPolicy) -> Self {
        self.with("policy", |http| http.policy(policy))
    }

    /// Sends all requests with this client, which other stores may share.
    ///
    /// The client has the host policy, the timeouts of connections and the certificate authorities. If
    /// one of these is also set here, [`build`](Self::build) fails.
    ///
    /// ```
    /// use azure_asset_sync::{AzureStore, Connection, Credential, HttpClient};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let http = HttpClient::new()?;
    /// for container in ["training", "validation"] {
    ///     let builder = Connection::builder(container).account("contosovision");
    ///     let connection = builder.container(container).build()?;
    ///     let store = AzureStore::builder(&connection).http_client(http.clone());
    ///     let store = store.build(Credential::Anonymous)?;
    /// }
    /// # Ok(()) }
    /// ```
    pub fn http_client(mut self, client: HttpClient) -> Self {
        self.given = Some(client);
        self
    }

    /// Changes the settings of the store's own client.
    fn with(
        mut self,
        name: &'static str,
        change: impl FnOnce(HttpClientBuilder) -> HttpClientBuilder,
    ) -> Self {
        self.http = change(self.http);
        self.own_settings.insert(name);
        self
    }

    /// Resolves host names with this function instead of the system's resolver.
    ///
    /// For tests of what a name may resolve to. A port other than 0 replaces the port of a URL that
    /// names none.
    #[cfg(feature = "testing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
    pub fn resolve_by(
        self,
        lookup: impl Fn(&str) -> std::io::Result<Vec<std::net::SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        self.with("resolve_by", |http| http.resolve_by(lookup))
    }

    /// Sets the limit for making a connection, including TLS; 10 seconds by default.
    ///
    /// A slower connection fails with [`ErrorKind::Timeout`].
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.with("connect_timeout", |http| http.connect_timeout(timeout))
    }

    /// Sets the limit for silence in the middle of an answer; 60 seconds by default.
    ///
    /// The time starts again with each piece of the answer. A longer silence fails with
    /// [`ErrorKind::Timeout`].
    pub fn read_timeout(self, timeout: Duration) -> Self {
        self.with("read_timeout", |http| http.read_timeout(timeout))
    }

    /// Sets the limit for a call of the store, from the sign-in to the last byte; 5 minutes by
    /// default.
    ///
    /// It applies to each `list`, `read` and `inspect`, to [`discover_tenant`](Self::discover_tenant),
    /// to [`ViewLinks::link`](super::ViewLinks::link) and to the checks of ownership. A call that
    /// takes longer fails with [`ErrorKind::Timeout`], even while the service still sends. Use a
    /// longer deadline to read large ranges over slow networks.
    #[doc(alias = "timeout")]
    pub fn request_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Trusts the certificate authorities in this PEM text, for a custom endpoint or authority only.
    ///
    /// For an emulator or a private host with its own authority. Azure's own hosts are verified with
    /// the certificate authorities of this machine. To trust a proxy that inspects TLS, add its
    /// authority to those. A text that is not PEM fails in [`build`](Self::build).
    ///
    /// ```no_run
    /// use azure_asset_sync::{AzureStore, Connection, Credential, HostPolicy};
    ///
    /// # fn example(connection: Connection, credential: Credential)
    /// #     -> Result<(), Box<dyn std::error::Error>> {
    /// let pem = std::fs::read_to_string("azurite-ca.pem")?;
    /// let store = AzureStore::builder(&connection)
    ///     .policy(HostPolicy::azure().allow_endpoint("https://127.0.0.1:10000")?)
    ///     .certificate_authority(pem)
    ///     .build(credential)?;
    /// # Ok(()) }
    /// ```
    pub fn certificate_authority(self, pem: impl Into<String>) -> Self {
        self.with("certificate_authority", |http| http.certificate_authority(pem))
    }

    /// Sets the clock for the times of view links and their keys; the machine's clock by default.
    ///
    /// Tokens and deadlines always use the machine's clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns the tenant of the account's subscription, where a service principal must sign in.
    ///
    /// Sends one request without a credential. The account answers with a challenge that names its
    /// tenant. If the account refuses without a challenge, as accounts without public access can, a
    /// second request carries a text that is not a token. Only challenges that name one of Azure's
    /// authorities count, and nothing is sent to the authority that a challenge names.
    ///
    /// # Errors
    /// [`ErrorKind::TenantNotFound`] if the account names no tenant, for example because its container
    /// is public or its firewall answers first; those of [`build`](Self::build), and those of a
    /// request.
    ///
    /// ```no_run
    /// use azure_asset_sync::{AzureStore, Connection, Error};
    ///
    /// # async fn example(connection: Connection) -> Result<(), Error> {
    /// let tenant = AzureStore::builder(&connection).discover_tenant().await?;
    /// let connection = connection.in_tenant(tenant);
    /// # Ok(()) }
    /// ```
    pub async fn discover_tenant(&self) -> Result<TenantId, Error> {
        // A store without a credential, because the account sends its challenge to anybody.
        let builder = self.clone();
        // Reading this machine's certificate authorities can take more than 10 ms.
        let store = spawn_blocking(move || builder.build(Credential::Anonymous))
            .await
            .map_err(|_| Error::new(ErrorKind::Config, "the store could not be created, because the Tokio runtime is shutting down or the setup panicked"))??;
        let answer = store.inspect(Question::Challenge).await?;
        answer.challenge.map(|challenge| challenge.tenant).ok_or_else(|| {
            let what = "the storage account does not say which tenant it belongs to; ask the customer for the Directory (tenant) ID from the overview page of Microsoft Entra ID";
            let error = Error::new(ErrorKind::TenantNotFound, what);
            // Status and code say whether the firewall or public access prevented a challenge.
            let error = answer.status.into_iter().fold(error, Error::with_status);
            answer.code.into_iter().fold(error, Error::with_code)
        })
    }

    /// Creates the store, which signs in with `credential`.
    ///
    /// Reads the proxy variables and this machine's certificate authorities, and sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::HostRefused`] if the [policy](Self::policy) refuses the connection's endpoint or
    /// authority. [`ErrorKind::Config`] if the credential does not fit the connection, if a certificate
    /// authority cannot be read, or if one was given for a connection with Azure's own hosts only.
    pub fn build(self, credential: Credential) -> Result<AzureStore, Error> {
        let (account, cloud) = (self.connection.account(), self.connection.cloud());
        let policy =
            self.given.as_ref().map_or_else(|| self.http.host_policy(), HttpClient::policy);
        // INVARIANT: this check comes before any request, so no code path can contact a host that the
        // policy refuses.
        policy
            .check(cloud, account)
            .inspect_err(|_| observe::host_refused("policy"))
            .map_err(|refused| Error::new(ErrorKind::HostRefused, refused.to_string()))?;
        let authority = Url::parse(cloud.authority()).map_err(|_| {
            Error::new(ErrorKind::Config, "the authority of the connection's cloud is not a URL")
        })?;
        let service = cloud.service(account);
        let http = self.client(cloud.has_own_endpoint(account) || cloud.has_own_authority())?;
        let target = |url| Arc::new(Target::new(url, http.clone()));
        let (storage, authority) = (target(service), target(authority));

        // All problems of the credential are found here, before the first request.
        let sas = credential.sas_token(&self.connection)?;
        let transport = match credential.uses_identity_endpoint() {
            true => TokenTransport::to_identity_endpoint(http.identity().clone()),
            false => TokenTransport::to_authority(authority),
        };
        let credential =
            credential.token_source(&self.connection, transport, self.deadline)?.map(Arc::new);
        // No retries of the SDK: the scan owns them, with its own limits and its own backoff.
        let mut options = ClientOptions { retry: RetryOptions::none(), ..Default::default() };
        if let Some(credential) = &credential {
            // The authentication policy refuses this too. Here the error comes before the sign-in.
            if self.connection.container_url().scheme() != "https" {
                return Err(Error::new(
                    ErrorKind::Config,
                    "a token is never sent without TLS; use an https endpoint, a shared access signature or `Credential::Anonymous`",
                ));
            }
            options.per_try_policies.push(Arc::new(Bearer::new(Arc::clone(credential), SCOPE)));
        }
        let options = |client| {
            let transport = StorageTransport::new(client, Arc::clone(&storage));
            ClientOptions {
                transport: Some(Transport::new(Arc::new(transport))),
                ..options.clone()
            }
        };
        let pipeline = |options| {
            // For the `User-Agent`. `option_env`, because not every build system sets these.
            let (name, version) = (option_env!("CARGO_PKG_NAME"), option_env!("CARGO_PKG_VERSION"));
            Pipeline::new(name, version, options, Vec::new(), Vec::new(), None)
        };
        let unpooled = options(http.fresh().clone());
        let options = options(http.reuse().clone());
        Ok(AzureStore {
            pipeline: Arc::new(pipeline(options.clone())),
            unpooled: Arc::new(pipeline(unpooled)),
            options: Arc::new(options),
            connection: Arc::new(self.connection),
            sas: Arc::new(sas),
            credential,
            target: storage,
            turn: Turn::default(),
            deadline: self.deadline,
            key_cache: Arc::default(),
            clock: self.clock,
        })
    }

    /// Returns the client that was given, or else one of the store's own.
    fn client(&self, has_custom_host: bool) -> Result<HttpClient, Error> {
        let config = |what: String| Err(Error::new(ErrorKind::Config, what));
        if let Some(client) = &self.given {
            if self.own_settings.is_empty() {
                return Ok(client.clone());
            }
            let set: Vec<_> = self.own_settings.iter().map(|name| format!("`{name}`")).collect();
            return config(format!(
                "the store was given an HTTP client and {}; set these at `HttpClient::builder`, because all stores of a client share them",
                set.join(", ")
            ));
        }
        if self.http.has_certificates() && !has_custom_host {
            return config(
                "a certificate authority was given, but the connection has no custom endpoint or authority; Azure's own hosts are verified with the certificate authorities of this machine, so remove it".to_owned(),
            );
        }
        self.http.clone().build()
    }
}

impl fmt::Debug for AzureStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureStoreBuilder")
            .field("connection", &self.connection)
            .field("http", &self.http)
            .field("http_client", &self.given)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
