//! The HTTP clients of a store. Each may contact one host, at addresses that the policy allows.
//!
//! A host name is resolved here and not by the HTTP client, so that connections are made only to
//! addresses that were checked. Redirects are never followed, because a redirect would take the
//! credential to another host. Bodies are never decompressed, because limits count received bytes.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use azure_core::http::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::Verifier;

use crate::{
    cloud::{HostPolicy, Reach, is_localhost, reach},
    error::{Detail, Error, ErrorKind},
    observe,
};

/// The use of an HTTP connection after its request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    /// The connection stays open for later requests.
    Reuse,
    /// The connection is closed.
    CloseAfterRequest,
}

/// The source of a host's addresses.
#[derive(Clone, Default)]
pub(super) enum NameResolver {
    /// The resolver of the operating system.
    #[default]
    System,
    /// A function of a test.
    #[cfg(feature = "testing")]
    Custom(LookupFn),
}

#[cfg(feature = "testing")]
/// A function that resolves a host name, for tests of DNS answers.
pub(super) type LookupFn = Arc<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

impl fmt::Debug for NameResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NameResolver")
    }
}

/// The one host that a client may contact.
///
/// Resolves the host for the HTTP client and checks every address, so the check and the connection
/// use the same DNS answer. This is the defense against DNS rebinding.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The scheme, host and port; the rest of the URL is ignored.
    url: Url,
    /// The host name, or the IP address without brackets.
    host: String,
    policy: Arc<HostPolicy>,
    resolver: NameResolver,
}

impl Target {
    /// Creates a target from any URL of the host.
    pub(super) fn new(url: Url, policy: Arc<HostPolicy>, resolver: NameResolver) -> Self {
        // `IpAddr` parses an IPv6 address only without the brackets of a URL.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        Self { url, host, policy, resolver }
    }

    /// Returns whether a request to this URL stays with the host and carries no user info.
    pub(super) fn is_origin_of(&self, url: &Url) -> bool {
        // User info would become an `Authorization` header, beside or instead of the token.
        url.origin() == self.url.origin() && url.username().is_empty() && url.password().is_none()
    }

    /// Resolves the host.
    ///
    /// # Errors
    /// [`LookupError::Refused`] if the policy refuses at least one of the addresses.
    pub(super) async fn addresses(&self) -> Result<Vec<IpAddr>, LookupError> {
        let port = self.url.port_or_known_default().unwrap_or_default();
        // The HTTP client does not call its resolver for an IP address, so such a host is checked here
        // and by the policy when the store is built.
        let found = match self.host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => self.lookup(&self.host).await.map_err(LookupError::Failed)?,
        };
        self.check(&found).map_err(LookupError::Refused)?;
        Ok(found.into_iter().map(|address| address.ip()).collect())
    }

    /// Resolves a name, without a check of the addresses.
    async fn lookup(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        match &self.resolver {
            // Port 0 is a placeholder: the client uses the port of the URL.
            NameResolver::System => Ok(tokio::net::lookup_host((name, 0)).await?.collect()),
            #[cfg(feature = "testing")]
            NameResolver::Custom(lookup) => lookup(name),
        }
    }

    /// Checks the addresses of the host.
    ///
    /// All of them must be allowed: a name that mixes public and private addresses is more likely an
    /// attack than a storage account.
    fn check(&self, addresses: &[SocketAddr]) -> Result<(), RefusedAddress> {
        let refused = |address: &&SocketAddr| !self.policy.allows_address(&self.host, address.ip());
        let Some(address) = addresses.iter().find(refused) else { return Ok(()) };
        let is_private = reach(address.ip()) == Reach::Private;
        observe::host_refused(if is_private { "private_address" } else { "reserved_address" });
        Err(RefusedAddress {
            // Only a private address can be allowed: a reserved one is never a storage account.
            opt_in: is_private.then(|| {
                let origin = self.url.origin().ascii_serialization();
                self.policy.private_opt_in(&origin, &self.host)
            }),
            host: self.host.clone(),
        })
    }

    /// Returns whether the host is this machine or on its local link, where no proxy can reach it.
    fn is_local(&self) -> bool {
        let is_link_local = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        match self.host.parse::<IpAddr>() {
            Ok(ip) => reach(ip) == Reach::Loopback || is_link_local(ip),
            Err(_) => is_localhost(&self.host),
        }
    }
}

impl Resolve for Target {
    fn resolve(&self, name: Name) -> Resolving {
        let target = self.clone();
        Box::pin(async move {
            let found = target.lookup(name.as_str()).await?;
            // The client also resolves the host of an HTTP proxy. That host is not checked, because
            // the operator of this machine chose it and not a customer.
            // INVARIANT: the client connects only to the addresses returned here, so a second DNS answer
            // between check and connection cannot change them.
            if name.as_str().eq_ignore_ascii_case(&target.host) {
                target.check(&found)?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Why a host has no addresses to connect to.
pub(super) enum LookupError {
    /// The resolver failed.
    Failed(io::Error),
    /// The host policy refuses an address.
    Refused(RefusedAddress),
}

/// A host has an address that the policy refuses.
///
/// The address itself is not stored: an error must not reveal to a customer what names resolve to
/// inside the service's network.
#[derive(Clone, Debug)]
pub(super) struct RefusedAddress {
    host: String,
    /// The builder call that allows the host, if the address is private.
    opt_in: Option<String>,
}

impl RefusedAddress {
    /// Returns the error that callers see.
    pub(super) fn to_error(&self) -> Error {
        let host = &self.host;
        if let Some(code) = &self.opt_in {
            let what = format!(
                "the host policy refuses `{host}`, because it resolves to a private IP address, probably of a private endpoint; if that endpoint is in your own network, build the store with `{code}`"
            );
            return Error::new(ErrorKind::HostRefused, what).with_detail(Detail::PrivateAddress);
        }
        let what = format!(
            "the host policy refuses `{host}`, because it resolves to an IP address that this host cannot have (loopback, link-local or reserved, or a public one for localhost); check the DNS server of this machine"
        );
        Error::new(ErrorKind::HostRefused, what).with_detail(Detail::ReservedAddress)
    }
}

impl fmt::Display for RefusedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host policy refuses an IP address of the host")
    }
}

impl std::error::Error for RefusedAddress {}

/// The TLS configurations of a store.
pub(super) struct TlsConfigs {
    /// Trusts this machine's certificate authorities.
    platform: ClientConfig,
    /// Trusts the given certificate authorities as well.
    custom: ClientConfig,
}

impl TlsConfigs {
    /// Loads the configurations.
    ///
    /// Loading this machine's authorities takes more than 10 ms on some systems. So it happens once if
    /// no authorities are given, and twice otherwise.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if a PEM text has no certificate.
    pub(super) fn load(authorities: &[String]) -> Result<Self, Error> {
        let custom = tls(authorities)?;
        let platform = if authorities.is_empty() { custom.clone() } else { tls(&[])? };
        Ok(Self { platform, custom })
    }

    /// Returns the configuration for a host; `is_custom` if the host is not one of Azure's.
    pub(super) fn config(&self, is_custom: bool) -> ClientConfig {
        if is_custom { self.custom.clone() } else { self.platform.clone() }
    }
}

/// Returns a TLS configuration that trusts this machine's certificate authorities and the given ones.
fn tls(authorities: &[String]) -> Result<ClientConfig, Error> {
    let config = |what: &str| Error::new(ErrorKind::Config, what);
    let mut roots = Vec::new();
    for pem in authorities {
        // Each text must add at least one certificate. An empty text is a mistake, not a choice.
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.push(certificate.map_err(|_| config("a certificate authority cannot be read; give it as PEM text that begins with `-----BEGIN CERTIFICATE-----`"))?);
        }
        if roots.len() == before {
            return Err(config(
                "the PEM text of a certificate authority contains no certificate; it must begin with `-----BEGIN CERTIFICATE-----`",
            ));
        }
    }
    // Explicit and not the process default, which another crate could change or leave unset.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        Verifier::new_with_extra_roots(roots, Arc::clone(&provider)).map_err(|error| {
            config(&format!("the root certificates of this machine cannot be loaded: {error}"))
        })?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| config(&format!("TLS: {error}")))?
        .dangerous() // the only method that accepts a verifier, also for the platform's own
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// How long a client waits for a connection, and for the next bytes of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    pub(super) connect: Duration,
    pub(super) read: Duration,
}

/// Creates the client for one host.
///
/// Reads the proxy variables, unless the host is this machine or on its local link.
pub(super) fn client(
    target: &Target,
    timeouts: Timeouts,
    tls: ClientConfig,
    pooling: Pooling,
) -> Result<reqwest::Client, Error> {
    let builder = builder(timeouts, tls).dns_resolver(Arc::new(target.clone()));
    // A proxy would resolve `localhost` to itself.
    let builder = if target.is_local() { builder.no_proxy() } else { builder };
    build(builder.pool_max_idle_per_host(match pooling {
        // No limit: the number of idle connections is bounded by the number of concurrent calls.
        Pooling::Reuse => usize::MAX,
        Pooling::CloseAfterRequest => 0,
    }))
}

/// The timeouts for the identity endpoint.
///
/// The endpoint is on this machine or its local link, so a longer silence means that there is none.
const IDENTITY_TIMEOUTS: Timeouts =
    Timeouts { connect: Duration::from_secs(2), read: Duration::from_secs(20) };

/// Creates the client for the managed identity endpoint of this machine.
///
/// The host policy does not apply, because the operator of the machine sets the endpoint's address.
/// No proxy may see the request: it is plain HTTP and carries the header that authenticates this
/// process.
pub(super) fn identity_client(
    timeouts: Timeouts,
    tls: ClientConfig,
) -> Result<reqwest::Client, Error> {
    let timeouts = Timeouts {
        connect: timeouts.connect.min(IDENTITY_TIMEOUTS.connect),
        read: timeouts.read.min(IDENTITY_TIMEOUTS.read),
    };
    build(builder(timeouts, tls).no_proxy())
}

/// Returns a client builder without what other crates could enable through features of the client.
///
/// Cargo unifies features: another crate of the program can enable compression or another resolver for
/// all clients. So each of them is turned off explicitly.
fn builder(timeouts: Timeouts, tls: ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(timeouts.connect)
        .read_timeout(timeouts.read)
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
fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Error> {
    let what =
        "the HTTP client could not be created; check HTTPS_PROXY and the other proxy variables";
    builder.build().map_err(|_| Error::new(ErrorKind::Config, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spellings of the same origin are accepted, and look-alike hosts are not.
    #[test]
    fn a_request_stays_with_its_origin() {
        let url = |text: &str| Url::parse(text).unwrap();
        let target = |text| Target::new(url(text), Arc::default(), NameResolver::System);
        let storage = target("https://contoso.blob.core.windows.net/");
        for same in [
            "https://contoso.blob.core.windows.net:443/x?sig=y",
            "HTTPS://CONTOSO.blob.core.windows.net",
        ] {
            assert!(storage.is_origin_of(&url(same)), "{same}");
        }
        for other in [
            "http://contoso.blob.core.windows.net/",
            "https://contoso.blob.core.windows.net:8443/",
            // A trailing dot is another origin, and another name in certificates.
            "https://contoso.blob.core.windows.net./",
            "https://user@contoso.blob.core.windows.net/",
            "https://other.blob.core.windows.net/",
            "https://contoso.blob.core.windows.net.evil.test/",
            "https://127.0.0.1/",
        ] {
            assert!(!storage.is_origin_of(&url(other)), "{other}");
        }
        let local = [
            "http://127.0.0.1:10000",
            "http://[::1]",
            // An IPv4 loopback address in IPv6 form.
            "http://[::ffff:127.0.0.1]",
            "http://a.localhost",
            "http://169.254.169.254",
        ];
        assert!(local.iter().all(|text| target(text).is_local()));
        let remote =
            ["https://10.0.0.1", "https://contoso.blob.core.windows.net", "https://localhost.test"];
        assert!(!remote.iter().any(|text| target(text).is_local()));
    }
}
