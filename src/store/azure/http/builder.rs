//! The settings of a client, and the checks before it exists.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use rustls::ClientConfig;

use super::{
    HttpClient, Shared, headers,
    limits::Limits,
    proxy::{Proxies, ProxySettings},
    resolver::{AddressSource, Resolver},
    tls,
};
use crate::{
    cloud::{HostPolicy, is_dns_name},
    error::{Error, ErrorKind},
};

/// The limit for the number of hosts with set addresses.
const MAX_OVERRIDES: usize = 10_000;

/// The timeouts for the identity endpoint.
///
/// The endpoint is on this machine or its local link, so a longer silence means that there is none.
const IDENTITY_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const IDENTITY_READ_TIMEOUT: Duration = Duration::from_secs(20);

/// The settings of an [`HttpClient`].
///
/// ```
/// use std::time::Duration;
/// use azure_asset_sync::{HostPolicy, HttpClient, store::azure::Limits};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let http = HttpClient::builder()
///     .policy(HostPolicy::public_cloud().allow_private_addresses("ours.blob.core.windows.net")?)
///     .user_agent("my-service/1.2")
///     .header("x-egress-team", "vision")
///     .proxy("http://proxy.internal:3128")
///     .no_proxy("ours.blob.core.windows.net, 10.0.0.0/8")
///     .addresses("ours.blob.core.windows.net", ["10.1.2.3".parse()?])
///     .pool_max_idle_per_host(8)
///     .connect_timeout(Duration::from_secs(5))
///     .limits(Limits::new().requests(64.try_into()?))
///     .build()?;
/// # Ok(()) }
/// ```
///
/// | setting | default |
/// | --- | --- |
/// | [`policy`](Self::policy) | the hosts of Azure's clouds |
/// | [`connect_timeout`](Self::connect_timeout), [`read_timeout`](Self::read_timeout) | 10 s, 60 s |
/// | [`proxy`](Self::proxy), [`no_proxy`](Self::no_proxy) | `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY` |
/// | [`user_agent`](Self::user_agent) | the names of this crate and of the SDK |
/// | [`pool_max_idle_per_host`](Self::pool_max_idle_per_host), [`pool_idle_timeout`](Self::pool_idle_timeout) | no limit, 90 s |
/// | [`limits`](Self::limits) | none |
#[derive(Clone)]
#[must_use]
pub struct HttpClientBuilder {
    policy: HostPolicy,
    source: AddressSource,
    override_count: usize,
    /// What was wrong with an argument; reported by `build`.
    problems: Vec<String>,
    connect_timeout: Duration,
    read_timeout: Duration,
    certificates: Vec<String>,
    proxy: ProxySettings,
    no_proxy: Option<String>,
    user_agent: Option<String>,
    headers: Vec<(String, String)>,
    max_idle: usize,
    idle_timeout: Duration,
    limits: Limits,
    #[cfg(feature = "reqwest-0-13")]
    client: Option<reqwest::Client>,
}

impl HttpClientBuilder {
    /// Creates a builder with the default settings.
    pub(super) fn new() -> Self {
        Self {
            policy: HostPolicy::azure(),
            source: AddressSource::default(),
            override_count: 0,
            problems: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            certificates: Vec::new(),
            proxy: ProxySettings::default(),
            no_proxy: None,
            user_agent: None,
            headers: Vec::new(),
            // No limit: the number of idle connections is bounded by the number of concurrent calls.
            max_idle: usize::MAX,
            idle_timeout: Duration::from_secs(90),
            limits: Limits::new(),
            #[cfg(feature = "reqwest-0-13")]
            client: None,
        }
    }

    /// Sets the hosts that stores may contact; [`HostPolicy::azure`] by default.
    ///
    /// The policy belongs to the service. Never derive it from a connection that a customer typed. A
    /// store of a connection with another host fails to build.
    pub fn policy(mut self, policy: HostPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the limit for making a connection, including TLS; 10 seconds by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the limit for silence in the middle of an answer; 60 seconds by default.
    ///
    /// For the time of a whole call see
    /// [`request_deadline`](super::super::AzureStoreBuilder::request_deadline).
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = timeout;
        self
    }

    /// Trusts the certificate authorities in this PEM text, for all hosts but Azure's own.
    ///
    /// For emulators and private hosts with an authority of their own. Azure's blob endpoints and
    /// authorities are verified with the certificate authorities of this machine only. To trust a proxy
    /// that inspects TLS, add its authority to those.
    pub fn certificate_authority(mut self, pem: impl Into<String>) -> Self {
        self.certificates.push(pem.into());
        self
    }

    /// Sends all requests through this proxy, instead of those in the environment.
    ///
    /// An `http` or `https` URL, which can contain a user name and a password:
    /// `http://user:password@proxy.example:3128`. Requests to loopback and link-local addresses, and to
    /// the identity endpoint of the machine, never use a proxy.
    ///
    /// A proxy resolves host names itself, so only the name of a host is checked then. Such a proxy
    /// must itself refuse private addresses.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = ProxySettings::All(url.into());
        self
    }

    /// Uses no proxy, whatever the environment says.
    pub fn without_proxy(mut self) -> Self {
        self.proxy = ProxySettings::Direct;
        self
    }

    /// Sets the hosts that are reached without the proxy, instead of those in `NO_PROXY`.
    ///
    /// In the form of that variable: names, IP addresses and networks, separated by commas. A name
    /// includes its subdomains, and `*` is every host.
    pub fn no_proxy(mut self, hosts: impl Into<String>) -> Self {
        self.no_proxy = Some(hosts.into());
        self
    }

    /// Sets the addresses of a host, which is then not resolved.
    ///
    /// The policy checks these addresses too, so a private address also needs
    /// [`HostPolicy::allow_private_addresses`]. The port is that of the URL.
    pub fn addresses(
        mut self,
        host: impl AsRef<str>,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let (host, addresses) = (host.as_ref(), addresses.into_iter().collect::<Vec<_>>());
        self.override_count += 1;
        // Not kept beyond the limit, so that the builder is bounded too.
        if self.override_count == MAX_OVERRIDES + 1 {
            self.problems.push(format!("addresses: more than {MAX_OVERRIDES} hosts"));
        } else if !is_dns_name(host) {
            self.problems.push(format!("addresses: `{}` is not a host name", host.escape_debug()));
        } else if addresses.is_empty() {
            self.problems.push(format!("addresses: `{host}` has no address"));
        } else if self.override_count <= MAX_OVERRIDES {
            self.source.insert(host, addresses);
        }
        self
    }

    /// Resolves host names with this function instead of the system's resolver.
    ///
    /// For tests of what a name may resolve to. A port other than 0 replaces the port of a URL that
    /// names none.
    #[cfg(feature = "testing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
    pub fn resolve_by(
        mut self,
        lookup: impl Fn(&str) -> std::io::Result<Vec<std::net::SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        // Only the source of addresses changes: the host policy checks what the function returns.
        self.source.resolve_by(Arc::new(lookup));
        self
    }

    /// Sets the name and version of the service in `User-Agent`, for example `my-service/1.2`.
    ///
    /// The name and version of this crate follow it. They replace the text of the SDK, which also names
    /// the operating system.
    pub fn user_agent(mut self, product: impl Into<String>) -> Self {
        self.user_agent = Some(product.into());
        self
    }

    /// Adds a header to each request to storage and to the authority, for a gateway or for tracing.
    ///
    /// Headers that a store sets itself, or that change the meaning of a request, are refused: among
    /// them `authorization`, `host`, `cookie`, `range`, `if-*` and `x-ms-*`. At most 32 headers with
    /// 8 KiB of values. Values are hidden in all debug output.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets how many idle connections are kept for each host; no limit by default.
    ///
    /// More connections are open while more calls are in flight. Those are limited by
    /// [`Limits::requests`] and by each scan.
    pub fn pool_max_idle_per_host(mut self, most: usize) -> Self {
        self.max_idle = most;
        self
    }

    /// Sets how long an idle connection is kept; 90 seconds by default.
    pub fn pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets limits for all stores of the client together; none by default.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sends all requests with this client.
    ///
    /// [`policy`](Self::policy) and [`limits`](Self::limits) still apply; every other setting belongs
    /// to the given client, and [`build`](Self::build) fails if one is set here. What the client of
    /// this crate does is then up to the caller:
    ///
    /// - *Addresses*: the policy checks the names of hosts, and not what they resolve to. A service
    ///   whose customers type endpoints needs a
    ///   [resolver](https://docs.rs/reqwest/0.13/reqwest/struct.ClientBuilder.html#method.dns_resolver)
    ///   that refuses private addresses; [`HostPolicy::allows_address`] decides.
    /// - *Redirects*: the client must not follow any (`redirect::Policy::none()`), because a redirect
    ///   can take a signature to another host.
    /// - *Compression*: the client must not decompress bodies, because limits count received bytes.
    /// - *Proxies*: with a managed identity, no proxy may receive requests to the identity endpoint.
    /// - *Front ends*: a [`Probe`](crate::Probe) that waits for propagation may reach the same front
    ///   end each time, unless the client keeps no idle connections.
    ///
    /// ```
    /// use azure_asset_sync::HttpClient;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let _ = rustls::crypto::ring::default_provider().install_default();
    /// let client = reqwest::Client::builder()
    ///     .redirect(reqwest::redirect::Policy::none())
    ///     .tcp_keepalive(std::time::Duration::from_secs(30))
    ///     .build()?;
    /// let http = HttpClient::builder().reqwest_client(client).build()?;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "reqwest-0-13")]
    #[cfg_attr(docsrs, doc(cfg(feature = "reqwest-0-13")))]
    pub fn reqwest_client(mut self, client: reqwest::Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Creates the client.
    ///
    /// Reads the proxy variables and this machine's certificate authorities, and sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with everything that is wrong with the settings, or if there is no TLS
    /// provider: neither of the features `rustls-ring` and `rustls-aws-lc` is on, and the process has no
    /// provider of its own.
    pub fn build(self) -> Result<HttpClient, Error> {
        let mut problems = self.problems.clone();
        let gate = self.limits.gate().map_err(|what| problems.push(what)).ok();
        #[cfg(feature = "reqwest-0-13")]
        if let Some(client) = self.client.clone() {
            problems.extend(self.settings_of_the_client());
            return match gate {
                Some(gate) if problems.is_empty() => Ok(self.with_client(client, gate)),
                _ => Err(invalid(&problems)),
            };
        }
        let headers = headers::check(&self.headers, &mut problems);
        let mut roots = Vec::new();
        for pem in &self.certificates {
            match tls::certificates(pem) {
                Ok(certificates) => roots.extend(certificates),
                Err(what) => problems.push(what.to_owned()),
            }
        }
        let user_agent = self.user_agent.as_deref().map(headers::user_agent).transpose();
        let user_agent = user_agent.map_err(|what| problems.push(what)).unwrap_or_default();
        let proxies = self.proxy.resolve(self.no_proxy.as_deref());
        let proxies = proxies.map_err(|what| problems.push(what)).ok();
        let (Some(gate), Some(Proxies { proxies, hosts }), true) =
            (gate, proxies, problems.is_empty())
        else {
            return Err(invalid(&problems));
        };
        let tls = tls::load(roots)?;
        let identity = self.identity(tls.clone())?;
        let resolver = Resolver::new(Arc::new(self.policy), self.source, hosts);
        let client = |max_idle| {
            let builder = builder(self.connect_timeout, self.read_timeout, tls.clone())
                .dns_resolver(Arc::new(resolver.clone()))
                .default_headers(headers.clone())
                .pool_idle_timeout(self.idle_timeout)
                .pool_max_idle_per_host(max_idle);
            let builder = proxies.iter().cloned().fold(builder, reqwest::ClientBuilder::proxy);
            create(user_agent.iter().fold(builder, reqwest::ClientBuilder::user_agent))
        };
        let (reuse, fresh) = (client(self.max_idle)?, client(0)?);
        let shared = Shared { reuse, fresh, identity, resolver, gate, user_agent };
        Ok(HttpClient { shared: Arc::new(shared) })
    }

    /// Creates the client for the managed identity endpoint of this machine.
    ///
    /// The host policy does not apply, because the operator of the machine sets the endpoint's address.
    /// No proxy may see the request: it is plain HTTP and carries the header that authenticates this
    /// process.
    fn identity(&self, tls: ClientConfig) -> Result<reqwest::Client, Error> {
        let connect_timeout = self.connect_timeout.min(IDENTITY_CONNECT_TIMEOUT);
        create(builder(connect_timeout, self.read_timeout.min(IDENTITY_READ_TIMEOUT), tls))
    }

    /// Returns the policy, which is checked before a client exists.
    pub(in crate::store::azure) fn host_policy(&self) -> &HostPolicy {
        &self.policy
    }

    /// Returns whether certificate authorities were given.
    pub(in crate::store::azure) fn has_certificates(&self) -> bool {
        !self.certificates.is_empty()
    }
}

#[cfg(feature = "reqwest-0-13")]
impl HttpClientBuilder {
    /// Returns a problem for each setting that belongs to the given client.
    fn settings_of_the_client(&self) -> Vec<String> {
        let default = Self::new();
        let set = [
            ("connect_timeout", self.connect_timeout != default.connect_timeout),
            ("read_timeout", self.read_timeout != default.read_timeout),
            ("certificate_authority", !self.certificates.is_empty()),
            ("proxy", !matches!(self.proxy, ProxySettings::Environment)),
            ("no_proxy", self.no_proxy.is_some()),
            ("addresses", self.override_count > 0),
            ("user_agent", self.user_agent.is_some()),
            ("header", !self.headers.is_empty()),
            ("pool_max_idle_per_host", self.max_idle != default.max_idle),
            ("pool_idle_timeout", self.idle_timeout != default.idle_timeout),
        ];
        set.into_iter()
            .filter(|(_, is_set)| *is_set)
            .map(|(name, _)| format!("{name}: set it at the `reqwest` client that was given"))
            .collect()
    }

    /// Returns a client that sends everything with the given one.
    fn with_client(self, client: reqwest::Client, gate: super::Gate) -> HttpClient {
        // Only a probe resolves with it, to show the addresses of the account.
        let resolver = Resolver::new(Arc::new(self.policy), self.source, Vec::new());
        let (reuse, fresh, identity) = (client.clone(), client.clone(), client);
        let shared = Shared { reuse, fresh, identity, resolver, gate, user_agent: None };
        HttpClient { shared: Arc::new(shared) }
    }
}

/// Returns the error for settings that cannot be used, all in one.
fn invalid(problems: &[String]) -> Error {
    Error::new(ErrorKind::Config, format!("HTTP client: {}", problems.join("; ")))
}

/// Returns a client builder without a proxy, and without what other crates could enable through
/// features of the client.
///
/// Cargo unifies features: another crate of the program can enable compression or another resolver for
/// all clients. So each of them is turned off explicitly.
fn builder(connect: Duration, read: Duration, tls: ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(connect)
        .read_timeout(read)
        // Also not the one of the operating system; proxies are added explicitly.
        .no_proxy()
        // A redirect would repeat the request, with its signature in the query, at another host.
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // A small compressed body could otherwise expand far beyond every limit.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        // Another resolver would bypass the check of addresses.
        .no_hickory_dns()
}

/// Creates a client.
fn create(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Error> {
    let what = "the HTTP client could not be created from these settings";
    builder.build().map_err(|_| Error::new(ErrorKind::Config, what))
}

impl fmt::Debug for HttpClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the certificates, the proxy and the headers: they can contain keys and passwords.
        f.debug_struct("HttpClientBuilder")
            .field("policy", &self.policy)
            .field("connect_timeout", &self.connect_timeout)
            .field("read_timeout", &self.read_timeout)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
