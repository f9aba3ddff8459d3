//! The HTTP clients of a store: each may contact one host, at addresses that the policy allows.
//!
//! A name is resolved here and not by the HTTP client, so that a connection is made only to
//! addresses that were checked. Redirects are never followed, because a credential must not follow
//! one, and bodies are never decompressed, because bounds count the bytes that arrive.

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
};

/// What becomes of a connection after its request
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Connections {
    /// It is kept for the next
    Kept,
    /// It is closed
    ForOneRequest,
}

/// What resolves host names
#[derive(Clone, Default)]
pub(super) enum Names {
    /// The system's name service
    #[default]
    System,
    /// The function of a test
    #[cfg(feature = "testing")]
    Given(Given),
}

#[cfg(feature = "testing")]
pub(super) type Given = Arc<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

/// The one host that a client may contact
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Scheme, host and port
    url: Url,
    /// The name, or the address without brackets
    host: String,
    policy: Arc<HostPolicy>,
    names: Names,
}

impl Target {
    pub(super) fn new(url: Url, policy: Arc<HostPolicy>, names: Names) -> Self {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        Self { url, host, policy, names }
    }

    /// Whether a request to this address stays with the host
    pub(super) fn is_origin_of(&self, url: &Url) -> bool {
        url.origin() == self.url.origin() && url.username().is_empty() && url.password().is_none()
    }

    /// The addresses of the host
    ///
    /// # Errors
    /// [`ErrorKind::HostRefused`] if the policy refuses one of them.
    pub(super) async fn addresses(&self) -> Result<Vec<IpAddr>, LookupError> {
        let port = self.url.port_or_known_default().unwrap_or_default();
        let found = match self.host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => self.lookup(&self.host).await.map_err(LookupError::Failed)?,
        };
        self.check(&found).map_err(LookupError::Refused)?;
        Ok(found.into_iter().map(|address| address.ip()).collect())
    }

    async fn lookup(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        match &self.names {
            // The client replaces the port 0 by that of the address.
            Names::System => Ok(tokio::net::lookup_host((name, 0)).await?.collect()),
            #[cfg(feature = "testing")]
            Names::Given(lookup) => lookup(name),
        }
    }

    /// All addresses must pass: a name that mixes them is more likely an attack than a service
    fn check(&self, addresses: &[SocketAddr]) -> Result<(), RefusedAddress> {
        let refused = |address: &&SocketAddr| !self.policy.allows_address(&self.host, address.ip());
        match addresses.iter().find(refused) {
            None => Ok(()),
            Some(address) => Err(RefusedAddress {
                opt_in: (reach(address.ip()) == Reach::Private).then(|| {
                    let origin = self.url.origin().ascii_serialization();
                    self.policy.private_opt_in(&origin, &self.host)
                }),
                host: self.host.clone(),
            }),
        }
    }

    /// Whether the host is this machine or its link, which no proxy can reach for us
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
            // The client resolves two names: the host's, and that of a proxy, which whoever operates
            // this machine has chosen.
            if name.as_str().eq_ignore_ascii_case(&target.host) {
                target.check(&found)?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Why a host has no addresses to connect to
pub(super) enum LookupError {
    Failed(io::Error),
    Refused(RefusedAddress),
}

/// A host has an address that the policy refuses
///
/// The address is not kept: an error must not reveal what names resolve to inside a network.
#[derive(Clone, Debug)]
pub(super) struct RefusedAddress {
    host: String,
    /// The call that allows it, if the address is private
    opt_in: Option<String>,
}

impl RefusedAddress {
    pub(super) fn to_error(&self) -> Error {
        let host = &self.host;
        if let Some(code) = &self.opt_in {
            let what = format!(
                "the host policy refuses `{host}`, which resolves to a private address: it probably has a private endpoint; if that is in your own network, build the store with `{code}`"
            );
            return Error::new(ErrorKind::HostRefused, what).with_detail(Detail::PrivateAddress);
        }
        let what = format!(
            "the host policy refuses `{host}`, which resolves to an address that no blob service has; check the name service of this machine"
        );
        Error::new(ErrorKind::HostRefused, what).with_detail(Detail::ReservedAddress)
    }
}

impl fmt::Display for RefusedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host policy refuses an address of the host")
    }
}

impl std::error::Error for RefusedAddress {}

/// What is trusted: this machine's certificate authorities, and these
///
/// Reading this machine's takes milliseconds, so a store does it once for each set of authorities.
pub(super) fn tls(authorities: &[String]) -> Result<ClientConfig, Error> {
    let config = |what: &str| Error::new(ErrorKind::Config, what);
    let mut roots = Vec::new();
    for pem in authorities {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.push(certificate.map_err(|_| config("a certificate authority is no PEM text"))?);
        }
        if roots.len() == before {
            return Err(config("a certificate authority's PEM text has no certificate"));
        }
    }
    // Named rather than taken from the process, so that no other crate can change or lack it.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider))
        .map_err(|error| config(&format!("this machine's root certificates: {error}")))?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| config(&format!("TLS: {error}")))?
        .dangerous() // the only method that takes a verifier, the platform's included
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// How long a client waits
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    pub(super) connect: Duration,
    pub(super) read: Duration,
}

/// The client for one host
///
/// Reads the proxy variables, unless the host is this machine.
pub(super) fn client(
    target: &Target,
    timeouts: Timeouts,
    tls: ClientConfig,
    connections: Connections,
) -> Result<reqwest::Client, Error> {
    let builder = builder(timeouts, tls).dns_resolver(Arc::new(target.clone()));
    let builder = if target.is_local() { builder.no_proxy() } else { builder };
    build(builder.pool_max_idle_per_host(match connections {
        Connections::Kept => usize::MAX,
        Connections::ForOneRequest => 0,
    }))
}

/// How long the identity endpoint may take to accept a connection, and to answer
///
/// It is on this machine or its link, so a longer silence means that it is not there.
const IDENTITY: Timeouts =
    Timeouts { connect: Duration::from_secs(2), read: Duration::from_secs(20) };

/// The client for the identity endpoint of this machine
///
/// Whoever operates the machine has set its address, so the policy does not apply. No proxy may see
/// the request: it is plain HTTP and carries the header that authenticates this process.
pub(super) fn identity_client(
    timeouts: Timeouts,
    tls: ClientConfig,
) -> Result<reqwest::Client, Error> {
    let timeouts = Timeouts {
        connect: timeouts.connect.min(IDENTITY.connect),
        read: timeouts.read.min(IDENTITY.read),
    };
    build(builder(timeouts, tls).no_proxy())
}

/// Turns off what other crates could turn on by the features of the HTTP client
fn builder(timeouts: Timeouts, tls: ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(timeouts.connect)
        .read_timeout(timeouts.read)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .no_hickory_dns()
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Error> {
    let what = "the HTTP client could not be made; check the proxy variables";
    builder.build().map_err(|_| Error::new(ErrorKind::Config, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_stays_with_its_origin() {
        let url = |text: &str| Url::parse(text).unwrap();
        let target = |text| Target::new(url(text), Arc::default(), Names::System);
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
