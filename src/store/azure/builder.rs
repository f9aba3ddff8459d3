//! The settings of a store, and the one place where a connection meets the policy of the service.

use std::{fmt, sync::Arc, time::Duration};

use azure_core::http::{ClientOptions, Pipeline, RetryOptions, Transport, Url};
use tokio::task::spawn_blocking;

use super::{
    AzureStore, Credential, SCOPE,
    network::{self, Connections, Names, Target, Timeouts},
    renew::Bearer,
    transport::StorageTransport,
};
use crate::{
    clock::{Clock, SystemClock},
    cloud::HostPolicy,
    connection::Connection,
    error::{Error, ErrorKind},
    name::TenantId,
    store::{Inspect, Question},
};

/// Settings of an [`AzureStore`]
#[derive(Clone)]
#[must_use]
pub struct AzureStoreBuilder {
    connection: Connection,
    policy: HostPolicy,
    names: Names,
    timeouts: Timeouts,
    deadline: Duration,
    certificates: Vec<String>,
    clock: Arc<dyn Clock>,
}

impl AzureStoreBuilder {
    pub(super) fn new(connection: &Connection) -> Self {
        Self {
            connection: connection.clone(),
            policy: HostPolicy::azure(),
            names: Names::default(),
            timeouts: Timeouts { connect: Duration::from_secs(10), read: Duration::from_secs(60) },
            deadline: Duration::from_secs(5 * 60),
            certificates: Vec::new(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Which hosts the store may contact; [`HostPolicy::azure`] by default
    ///
    /// The policy is the service's own. Never derive it from a connection that a customer typed.
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
    pub fn policy(mut self, policy: HostPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Resolves host names by this function instead of the system's name service
    ///
    /// For tests of what a name may resolve to. A port other than 0 replaces that of a URL that
    /// names none.
    #[cfg(feature = "testing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
    pub fn resolve_by(
        mut self,
        lookup: impl Fn(&str) -> std::io::Result<Vec<std::net::SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        self.names = Names::Given(Arc::new(lookup));
        self
    }

    /// How long a connection may take to be made; 10 seconds by default
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.connect = timeout;
        self
    }

    /// How long the service may be silent in the middle of an answer; 60 seconds by default
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.read = timeout;
        self
    }

    /// How long any call of the store may take, from the sign-in to the last byte; 5 minutes by
    /// default
    ///
    /// Applies to each `list`, `read` and `inspect`, to [`discover_tenant`](Self::discover_tenant),
    /// to [`ViewLinks::link`](super::ViewLinks::link) and to the checks of ownership. A call that
    /// takes longer fails with [`ErrorKind::Timeout`], however busily the service sends. Allow more
    /// for reads of large ranges over slow networks.
    pub fn request_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Trusts the certificate authorities in this PEM text for the custom endpoint and the custom
    /// authority of the connection
    ///
    /// Azure's own hosts are verified by the authorities of this machine alone. To trust a proxy
    /// that inspects TLS, add its authority to those.
    pub fn certificate_authority(mut self, pem: impl Into<String>) -> Self {
        self.certificates.push(pem.into());
        self
    }

    /// Tells the time by this clock where view links and their keys are dated; the machine's by
    /// default
    ///
    /// Tokens and deadlines go by the machine's, whatever is given here.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The tenant of the account's subscription: where a service principal must sign in
    ///
    /// Sends one request without a credential, which the account answers with a challenge that names
    /// the tenant. If it refuses without a challenge, as accounts without public access can, a second
    /// request carries a text that is no token. Only challenges by the authorities of Azure's clouds
    /// count. Nothing is sent to the authority that a challenge names.
    ///
    /// # Errors
    /// [`ErrorKind::TenantNotFound`] if the account names no tenant, as when it is public or its
    /// firewall answers first; those of [`build`](Self::build), and those of a request.
    pub async fn discover_tenant(&self) -> Result<TenantId, Error> {
        let builder = self.clone();
        // Reading this machine's certificate authorities takes more than 10 ms.
        let store = spawn_blocking(move || builder.build(Credential::Anonymous))
            .await
            .map_err(|_| Error::new(ErrorKind::Config, "the store could not be set up"))??;
        let answer = store.inspect(Question::Challenge).await?;
        answer.challenge.map(|challenge| challenge.tenant).ok_or_else(|| {
            let what = "the account does not say which tenant it belongs to; ask the customer for the Directory (tenant) ID";
            let error = Error::new(ErrorKind::TenantNotFound, what);
            let error = answer.status.into_iter().fold(error, Error::with_status);
            answer.code.into_iter().fold(error, Error::with_code)
        })
    }

    /// The store, for the principal that the credential stands for
    ///
    /// # Errors
    /// [`ErrorKind::HostRefused`] if the [policy](Self::policy) refuses the connection's endpoint or
    /// authority; [`ErrorKind::Config`] if credential and connection do not fit together, or a
    /// certificate cannot be read or is for no host of the connection.
    pub fn build(self, credential: Credential) -> Result<AzureStore, Error> {
        let (account, cloud) = (self.connection.account(), self.connection.cloud());
        self.policy
            .check(cloud, account)
            .map_err(|refused| Error::new(ErrorKind::HostRefused, refused.to_string()))?;
        let authority = Url::parse(cloud.authority())
            .map_err(|_| Error::new(ErrorKind::Config, "the authority is not a URL"))?;
        let (trusts_endpoint, trusts_authority) =
            (cloud.has_own_endpoint(account), cloud.has_own_authority());
        if !self.certificates.is_empty() && !trusts_endpoint && !trusts_authority {
            return Err(Error::new(
                ErrorKind::Config,
                "a certificate authority applies to a custom endpoint or authority, and the connection has none; Azure's own hosts are verified by the authorities of this machine",
            ));
        }
        let private = network::tls(&self.certificates)?;
        let public = match self.certificates.is_empty() {
            true => private.clone(),
            false => network::tls(&[])?,
        };
        let pick = |trusted| if trusted { private.clone() } else { public.clone() };
        let policy = Arc::new(self.policy);
        let target = |url| Arc::new(Target::new(url, Arc::clone(&policy), self.names.clone()));
        let (storage, authority) = (target(cloud.service(account)), target(authority));
        let client = |connections| {
            network::client(&storage, self.timeouts, pick(trusts_endpoint), connections)
        };
        let (client, lone) = (client(Connections::Kept)?, client(Connections::ForOneRequest)?);

        let signature = credential.signature(&self.connection)?;
        let transport = match credential.uses_identity_endpoint() {
            true => (network::identity_client(self.timeouts, public.clone())?, None),
            false => {
                let tls = pick(trusts_authority);
                let client = network::client(&authority, self.timeouts, tls, Connections::Kept)?;
                (client, Some(authority))
            }
        };
        let credential =
            credential.token(&self.connection, transport, self.deadline)?.map(Arc::new);
        let mut options = ClientOptions { retry: RetryOptions::none(), ..Default::default() };
        if let Some(credential) = &credential {
            if self.connection.container_url().scheme() != "https" {
                return Err(Error::new(
                    ErrorKind::Config,
                    "a token is never sent without TLS; use an https endpoint, a shared access signature or no credential",
                ));
            }
            options.per_try_policies.push(Arc::new(Bearer::new(Arc::clone(credential), SCOPE)));
        }
        let options = |client| ClientOptions {
            transport: Some(Transport::new(Arc::new(StorageTransport {
                client,
                target: Arc::clone(&storage),
            }))),
            ..options.clone()
        };
        let pipeline = |options| {
            let (name, version) = (option_env!("CARGO_PKG_NAME"), option_env!("CARGO_PKG_VERSION"));
            Pipeline::new(name, version, options, Vec::new(), Vec::new(), None)
        };
        let (fresh, options) = (options(lone), options(client.clone()));
        Ok(AzureStore {
            pipeline: pipeline(options.clone()),
            fresh: pipeline(fresh),
            options,
            connection: self.connection,
            signature,
            credential,
            client,
            target: storage,
            deadline: self.deadline,
            keys: Arc::default(),
            clock: self.clock,
        })
    }
}

impl fmt::Debug for AzureStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the certificates: their PEM text can have the private key beside them.
        f.debug_struct("AzureStoreBuilder")
            .field("connection", &self.connection)
            .field("policy", &self.policy)
            .field("timeouts", &self.timeouts)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
