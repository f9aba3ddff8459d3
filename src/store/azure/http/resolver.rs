//! Resolves host names for the HTTP client, and checks every address against the host policy.
//!
//! A host name is resolved here and not by the HTTP client, so that the check and the connection use
//! the same DNS answer. This is the defense against DNS rebinding.

use std::{
    collections::BTreeMap,
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{
    cloud::{HostPolicy, Reach, reach},
    error::{Detail, Error, ErrorKind},
    observe,
};

#[cfg(feature = "testing")]
/// A function that resolves a host name, for tests of DNS answers.
pub(super) type LookupFn = Arc<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// The source of the addresses of hosts.
#[derive(Clone, Default)]
pub(super) struct AddressSource {
    /// The addresses of hosts that the service has set, by name in lower case.
    overrides: BTreeMap<String, Vec<IpAddr>>,
    /// A function of a test, instead of the resolver of the operating system.
    #[cfg(feature = "testing")]
    lookup: Option<LookupFn>,
}

impl AddressSource {
    /// Sets the addresses of a host.
    pub(super) fn insert(&mut self, host: &str, addresses: Vec<IpAddr>) {
        self.overrides.insert(host.to_ascii_lowercase(), addresses);
    }

    /// Resolves all other names with a function.
    #[cfg(feature = "testing")]
    pub(super) fn resolve_by(&mut self, lookup: LookupFn) {
        self.lookup = Some(lookup);
    }

    /// Resolves a name, without a check of the addresses.
    async fn lookup(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        if let Some(addresses) = self.overrides.get(&name.to_ascii_lowercase()) {
            // Port 0 is a placeholder: the client uses the port of the URL.
            return Ok(addresses.iter().map(|ip| SocketAddr::new(*ip, 0)).collect());
        }
        #[cfg(feature = "testing")]
        if let Some(lookup) = &self.lookup {
            return lookup(name);
        }
        Ok(tokio::net::lookup_host((name, 0)).await?.collect())
    }
}

impl fmt::Debug for AddressSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressSource").field("overrides", &self.overrides).finish_non_exhaustive()
    }
}

/// The resolver of a client, which returns only addresses that the policy allows.
#[derive(Clone, Debug)]
pub(in crate::store::azure) struct Resolver {
    policy: Arc<HostPolicy>,
    source: Arc<AddressSource>,
    /// The hosts of the proxies. They are not checked, because the operator of this machine chose them
    /// and not a customer.
    proxies: Arc<[String]>,
}

impl Resolver {
    /// Creates a resolver that checks every host except the proxies.
    pub(super) fn new(
        policy: Arc<HostPolicy>,
        source: AddressSource,
        proxies: Vec<String>,
    ) -> Self {
        Self { policy, source: Arc::new(source), proxies: proxies.into() }
    }

    /// Returns the policy that the addresses are checked against.
    pub(super) fn policy(&self) -> &HostPolicy {
        &self.policy
    }

    /// Resolves a host, which is a name or an IP address without brackets.
    ///
    /// # Errors
    /// [`LookupError::Refused`] if the policy refuses at least one of the addresses.
    pub(in crate::store::azure) async fn addresses(
        &self,
        host: &str,
    ) -> Result<Vec<IpAddr>, LookupError> {
        // The HTTP client does not call its resolver for an IP address, so such a host is checked here
        // and by the policy when the store is built.
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, 0)],
            Err(_) => self.source.lookup(host).await.map_err(LookupError::Failed)?,
        };
        self.check(host, &found).map_err(LookupError::Refused)?;
        Ok(found.into_iter().map(|address| address.ip()).collect())
    }

    /// Checks the addresses of a host.
    ///
    /// All of them must be allowed: a name that mixes public and private addresses is more likely an
    /// attack than a storage account.
    fn check(&self, host: &str, addresses: &[SocketAddr]) -> Result<(), RefusedAddress> {
        let refused = |address: &&SocketAddr| !self.policy.allows_address(host, address.ip());
        let Some(address) = addresses.iter().find(refused) else { return Ok(()) };
        let is_private = reach(address.ip()) == Reach::Private;
        observe::host_refused(if is_private { "private_address" } else { "reserved_address" });
        Err(RefusedAddress {
            // Only a private address can be allowed: a reserved one is never a storage account.
            opt_in: is_private.then(|| self.policy.private_opt_in(host)),
            host: host.to_owned(),
        })
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let name = name.as_str();
            let found = resolver.source.lookup(name).await?;
            // INVARIANT: the client connects only to the addresses returned here, so a second DNS answer
            // between check and connection cannot change them.
            if !resolver.proxies.iter().any(|proxy| proxy.eq_ignore_ascii_case(name)) {
                resolver.check(name, &found)?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Why a host has no addresses to connect to.
pub(in crate::store::azure) enum LookupError {
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
pub(in crate::store::azure) struct RefusedAddress {
    host: String,
    /// The builder call that allows the host, if the address is private.
    opt_in: Option<String>,
}

impl RefusedAddress {
    /// Returns the error that callers see.
    pub(in crate::store::azure) fn to_error(&self) -> Error {
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
