//! The host policy: which hosts a store may contact. The service decides, never a customer's data.
//!
//! Origins are compared after the URL parser has normalized them, so octal, decimal and hexadecimal
//! forms of an IP address, letter case and default ports make no difference. There is no I/O here:
//! the store resolves names and passes each address to [`HostPolicy::allows_address`].

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::{
    address::{Reach, reach},
    clouds::{Cloud, DnsZone},
    endpoint::{is_dns_name, parse_url},
};
use crate::name::{AccountName, Field, InvalidName};

/// The authorities that sign principals in, with their clouds.
///
/// Source: Microsoft Learn, "National clouds", app registration and token endpoints.
const AUTHORITIES: [(&str, AzureCloud); 4] = [
    ("https://login.microsoftonline.com", AzureCloud::Public),
    ("https://login.microsoftonline.us", AzureCloud::UsGovernment),
    ("https://login.partner.microsoftonline.cn", AzureCloud::China),
    ("https://login.chinacloudapi.cn", AzureCloud::China),
];

/// The domains of Azure's storage endpoints.
///
/// Source: Microsoft Learn, "Storage account endpoints".
#[cfg(feature = "azure")]
const DOMAINS: [&str; 4] = [
    ".core.windows.net",
    ".core.usgovcloudapi.net",
    ".core.chinacloudapi.cn",
    ".storage.azure.net",
];

/// The hosts, ports and IP addresses that a store may contact.
///
/// # The threat
/// A [`Connection`](crate::Connection) is data that a customer types, and its
/// [custom endpoint](Cloud::Custom) names a host. Without a policy, a customer could enter any host:
///
/// - *Token theft*: the endpoint receives the service's access token, which is valid for every account
///   that the service's principal can access. A custom authority receives its client secret.
/// - *Server-side request forgery (SSRF)*: the endpoint is a host of the service's own network, for
///   example a metadata service at `169.254.169.254` or a database, and the store sends requests there
///   from inside the network.
///
/// Therefore the *service* decides which hosts count, in its own code, when it builds a store.
/// Connection data never changes that decision.
///
/// # The default
/// [`azure`](Self::azure) allows the blob endpoints of Azure's public and national clouds and their
/// authorities, over https on port 443, at public IP addresses. Endpoint and authority must belong to
/// the same cloud, because different companies operate the clouds and a token for one must not reach
/// another. Everything else is refused with [`ErrorKind::HostRefused`](crate::ErrorKind::HostRefused),
/// before anything is sent. The error prints the line of code that allows the host.
///
/// ```
/// use azure_asset_sync::{Connection, Endpoint, HostPolicy};
///
/// let connection = Connection::builder("emulator")
///     .account("devstoreaccount1")
///     .container("training")
///     .cloud(Endpoint::new("https://127.0.0.1:10000/devstoreaccount1")?.into())
///     .build()?;
/// let check = |policy: HostPolicy| policy.check(connection.cloud(), connection.account());
///
/// let refused = check(HostPolicy::azure()).unwrap_err();
/// assert!(refused.to_string().contains(r#"allow_endpoint("https://127.0.0.1:10000")?"#));
///
/// check(HostPolicy::azure().allow_endpoint("https://127.0.0.1:10000")?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Names and addresses
/// A store checks the name of a host and every IP address that the name resolves to. It connects only
/// to addresses that passed the check, so a name that changes its address between check and use (DNS
/// rebinding) gains nothing. If one address of a name is refused, the name is refused.
///
/// - Public addresses are allowed.
/// - Private addresses (`10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16`, `100.64.0.0/10`,
///   `fc00::/7`) are allowed if [`allow_private_addresses`](Self::allow_private_addresses) names the
///   host, or if the address itself was allowed as an endpoint or authority.
/// - Loopback addresses are allowed for `localhost` and for themselves, if allowed as an endpoint or
///   authority.
/// - Link-local addresses, metadata services (`169.254.169.254`, `168.63.129.16`), multicast and
///   reserved ranges are never allowed. An IPv6 address that contains an IPv4 address (mapped, NAT64,
///   6to4) counts as that address.
///
/// If a request goes through an HTTP proxy, the proxy resolves the name, and only the name is checked
/// here. Such a proxy must itself refuse private addresses.
#[doc(alias = "SSRF")]
#[doc(alias = "allowlist")]
///
/// # In a configuration
/// In JSON: `clouds` (`all` or `public`), and the lists `endpoints`, `authorities` and `private_addresses`,
/// which are checked as by the methods. Unknown fields are refused. It belongs to the configuration of the
/// service, never to what a customer sends.
///
/// ```
/// use azure_asset_sync::HostPolicy;
///
/// let json = r#"{"clouds": "public", "private_addresses": ["contoso.blob.core.windows.net"]}"#;
/// let policy: HostPolicy = serde_json::from_str(json)?;
/// let host = "contoso.blob.core.windows.net";
/// assert_eq!(policy, HostPolicy::public_cloud().allow_private_addresses(host)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct HostPolicy {
    azure: AzureClouds,
    /// The allowed origins of custom endpoints: scheme, host and port.
    endpoints: Vec<String>,
    /// The allowed origins of custom authorities.
    authorities: Vec<String>,
    /// The hosts that may have private addresses.
    private: Vec<String>,
}

/// The clouds of Azure that are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum AzureClouds {
    #[default]
    All,
    Public,
}

impl HostPolicy {
    /// Allows the blob endpoints and authorities of all Azure clouds, and nothing else.
    pub fn azure() -> Self {
        Self::default()
    }

    /// Allows the blob endpoints and authorities of the public cloud, and nothing else.
    ///
    /// Use this if the service's application is registered only in the public cloud. Other companies
    /// operate the national clouds, and a customer who chooses one of them would make the store send
    /// its secret there.
    ///
    /// ```
    /// use azure_asset_sync::{Cloud, HostPolicy};
    ///
    /// let account = "contosovision".parse()?;
    /// assert!(HostPolicy::public_cloud().check(&Cloud::Public, &account).is_ok());
    /// assert!(HostPolicy::public_cloud().check(&Cloud::China, &account).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn public_cloud() -> Self {
        Self { azure: AzureClouds::Public, ..Self::default() }
    }

    /// Returns the clouds, endpoints, authorities and hosts with private addresses that are allowed.
    pub(super) fn parts(&self) -> (AzureClouds, [&[String]; 3]) {
        (self.azure, [&self.endpoints, &self.authorities, &self.private])
    }

    /// Starts with these clouds, and nothing else.
    pub(super) fn of_clouds(azure: AzureClouds) -> Self {
        Self { azure, ..Self::default() }
    }

    /// Also allows custom endpoints with this scheme, host and port.
    ///
    /// Write only the origin, for example `https://127.0.0.1:10000`. A token that the endpoint receives
    /// is valid for *every* storage account that the principal can access, so allow only hosts that
    /// you trust with all of them.
    ///
    /// # Errors
    /// [`InvalidName`] if the text is not an `http` or `https` origin, or is a reserved IP address that
    /// no blob service can have.
    pub fn allow_endpoint(mut self, origin: &str) -> Result<Self, InvalidName> {
        self.endpoints.push(parse_origin(origin)?);
        Ok(self)
    }

    /// Also allows custom authorities with this host and port.
    ///
    /// Client secrets and assertions are sent to an authority.
    ///
    /// # Errors
    /// [`InvalidName`] if the text is not an `https` origin, or is a reserved IP address that no
    /// authority can have.
    pub fn allow_authority(mut self, origin: &str) -> Result<Self, InvalidName> {
        let parsed = parse_origin(origin)?;
        if !parsed.starts_with("https://") {
            let rule = "an authority must be https, because a secret is sent to it";
            return Err(InvalidName::new(Field::Cloud, origin, rule));
        }
        self.authorities.push(parsed);
        Ok(self)
    }

    /// Also allows private IP addresses for this host.
    ///
    /// Call this for accounts that *your* network reaches through a private endpoint: there
    /// `ACCOUNT.blob.core.windows.net` resolves to an address of your virtual network. Do not call it
    /// for hosts that customers choose.
    ///
    /// # Errors
    /// [`InvalidName`] if the text is not a host name.
    pub fn allow_private_addresses(mut self, host: &str) -> Result<Self, InvalidName> {
        let bad = |rule| InvalidName::new(Field::Cloud, host, rule);
        match Host::parse(host) {
            Ok(Host::Domain(name)) if is_dns_name(&name) => self.private.push(name),
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => {
                let rule = "it must be a host name; allow an IP address with `allow_endpoint`";
                return Err(bad(rule));
            }
            _ => return Err(bad("it must be a host name such as `contoso.blob.core.windows.net`")),
        }
        Ok(self)
    }

    /// Checks the endpoint of an account in this cloud, and the authority.
    ///
    /// A store makes the same check when it is built. Call this to check a form before it is saved.
    /// Sends nothing, and does not resolve the host.
    ///
    /// # Errors
    /// [`RefusedHost`] if the policy does not allow the endpoint or the authority.
    pub fn check(&self, cloud: &Cloud, account: &AccountName) -> Result<(), RefusedHost> {
        let endpoint = cloud.service(account).origin().ascii_serialization();
        // A listed endpoint may belong to any cloud: the service has decided about it.
        let is_listed = self.endpoints.contains(&endpoint);
        // The cloud of an Azure endpoint that the policy does not list itself. Only then must the
        // authority be of the same cloud.
        let azure =
            cloud.azure_endpoint(account).filter(|azure| self.azure.allows(*azure) && !is_listed);
        let endpoint_is_allowed = azure.is_some() || is_listed;
        let authority = cloud.authority_origin();
        let fits = |of| self.azure.allows(of) && azure.is_none_or(|azure| azure == of);
        let authority_is_allowed =
            azure_authority(&authority).is_some_and(fits) || self.authorities.contains(&authority);
        if endpoint_is_allowed && authority_is_allowed {
            return Ok(());
        }
        Err(RefusedHost {
            endpoint: (!endpoint_is_allowed).then_some(endpoint),
            // Kept for the message, which explains why Azure's own host can be refused.
            has_path: cloud.service(account).path() != "/",
            authority: (!authority_is_allowed).then_some(authority),
        })
    }

    /// Returns whether the host may have this IP address.
    ///
    /// `host` is a name, or an IP address without brackets, that [`check`](Self::check) has allowed.
    pub fn allows_address(&self, host: &str, address: IpAddr) -> bool {
        // An IP address as a host was allowed as an endpoint or authority, so it is allowed as itself.
        let itself = host.parse() == Ok(address);
        match reach(address) {
            // A public address for `localhost` is a forged DNS answer.
            Reach::Public => !is_localhost(host),
            Reach::Private => {
                itself || self.private.iter().any(|name| name.eq_ignore_ascii_case(host))
            }
            Reach::Loopback => itself || is_localhost(host),
            Reach::Reserved => false,
        }
    }
}

#[cfg(feature = "azure")]
impl HostPolicy {
    /// Returns the builder call that also allows private addresses of an allowed host.
    pub(crate) fn private_opt_in(&self, host: &str) -> String {
        let of_host = |origin: &&String| {
            let url = Url::parse(origin).ok();
            url.is_some_and(|url| url.host_str() == Some(host))
        };
        let kept = |method, origins| {
            let origins: std::slice::Iter<'_, String> = origins;
            origins.filter(of_host).map(move |origin| (method, origin.as_str()))
        };
        let calls = kept("allow_endpoint", self.endpoints.iter())
            .chain(kept("allow_authority", self.authorities.iter()))
            .chain([("allow_private_addresses", host)]);
        builder_call(calls)
    }
}

/// Returns the call of a store's builder that sets a policy with these exceptions.
fn builder_call<'a>(calls: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let calls = calls.map(|(method, text)| format!(".{method}(\"{text}\")?"));
    format!(".policy(HostPolicy::azure(){})", calls.collect::<String>())
}

impl AzureClouds {
    /// Returns whether endpoints and authorities of this cloud are allowed.
    fn allows(self, cloud: AzureCloud) -> bool {
        self == Self::All || cloud == AzureCloud::Public
    }
}

/// The operator of one of Azure's own endpoints or authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AzureCloud {
    Public,
    UsGovernment,
    China,
}

/// Returns the cloud of an authority, or `None` if it is not one of Azure's.
fn azure_authority(origin: &str) -> Option<AzureCloud> {
    AUTHORITIES.iter().find(|(known, _)| *known == origin).map(|(_, cloud)| *cloud)
}

impl Cloud {
    /// Returns the cloud if the endpoint is Azure's own for this account, even as a custom endpoint.
    fn azure_endpoint(&self, account: &AccountName) -> Option<AzureCloud> {
        let url = match self {
            Self::Public | Self::DnsZone(_) => return Some(AzureCloud::Public),
            Self::UsGovernment => return Some(AzureCloud::UsGovernment),
            Self::China => return Some(AzureCloud::China),
            Self::Custom(endpoint) => endpoint.url(),
        };
        // With a path, the connection's container would be part of a blob name in another container.
        if url.path() != "/" {
            return None;
        }
        let is = |cloud: &Self| cloud.service(account).origin() == url.origin();
        let mut zones = DnsZone::all().map(Self::DnsZone);
        if is(&Self::Public) || zones.any(|zone| is(&zone)) {
            return Some(AzureCloud::Public);
        }
        let national =
            [(Self::UsGovernment, AzureCloud::UsGovernment), (Self::China, AzureCloud::China)];
        national.iter().find(|(cloud, _)| is(cloud)).map(|(_, cloud)| *cloud)
    }

    /// Returns the scheme, host and port of the authority.
    fn authority_origin(&self) -> String {
        let authority = self.authority();
        // Every authority is a valid URL; the text itself would be refused by the policy.
        Url::parse(authority)
            .map_or_else(|_| authority.to_owned(), |url| url.origin().ascii_serialization())
    }

    /// Returns whether the host of the endpoint is outside of Azure's domains.
    #[cfg(feature = "azure")]
    pub(crate) fn has_own_endpoint(&self, account: &AccountName) -> bool {
        !is_azure_host(self.service(account).host_str().unwrap_or_default())
    }

    /// Returns whether the authority is not one of Azure's.
    #[cfg(feature = "azure")]
    pub(crate) fn has_own_authority(&self) -> bool {
        // An authority on a port of its own is not Azure's, but its certificate names Azure's host.
        Url::parse(self.authority())
            .is_ok_and(|url| !is_azure_host(url.host_str().unwrap_or_default()))
    }
}

/// Returns whether a host is one of Azure's storage endpoints or authorities.
#[cfg(feature = "azure")]
pub(crate) fn is_azure_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    DOMAINS.iter().any(|domain| host.ends_with(domain))
        || AUTHORITIES.iter().any(|(known, _)| known.strip_prefix("https://") == Some(&*host))
}

/// Returns whether a name means this machine (RFC 6761).
pub(crate) fn is_localhost(host: &str) -> bool {
    // Also names below `localhost`.
    let last = host.rsplit('.').next().unwrap_or_default();
    last.eq_ignore_ascii_case("localhost")
}

/// Returns the normalized scheme, host and port of a URL without a path.
fn parse_origin(text: &str) -> Result<String, InvalidName> {
    let bad = |rule| InvalidName::new(Field::Cloud, text, rule);
    let url = parse_url(text)?;
    let origin = url.origin().ascii_serialization();
    if url.path() != "/" {
        return Err(bad("it must be an origin, without a path").hint(format!("write `{origin}`")));
    }
    if ip_literal(&url).is_some_and(|ip| reach(ip) == Reach::Reserved) {
        return Err(bad("this IP address is reserved: no blob service and no authority has it"));
    }
    Ok(origin)
}

/// Returns the IP address of a URL's host, if the host is one.
fn ip_literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
        Host::Domain(_) => None,
    }
}

/// A connection with a host that the service's [`HostPolicy`] does not allow.
///
/// The message has the line of code that allows the host, for the operator of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedHost {
    endpoint: Option<String>,
    /// Whether the endpoint has a path.
    has_path: bool,
    authority: Option<String>,
}

impl RefusedHost {
    /// Returns the refused endpoint (scheme, host and port), or `None` if it is allowed.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// Returns the refused authority (scheme, host and port), or `None` if it is allowed.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Returns the builder call that allows the host, or `None` if no policy can allow it.
    pub fn opt_in(&self) -> Option<String> {
        let origins = [("allow_endpoint", &self.endpoint), ("allow_authority", &self.authority)];
        let calls: Vec<_> = origins
            .iter()
            .filter_map(|(method, origin)| Some((*method, origin.as_deref()?)))
            .collect();
        // A reserved address is refused by `allow_endpoint` too, so no advice is printed for it.
        let can_be_allowed = calls.iter().all(|(_, origin)| parse_origin(origin).is_ok());
        can_be_allowed.then(|| builder_call(calls.into_iter()))
    }
}

impl fmt::Display for RefusedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host policy refuses ")?;
        match (&self.endpoint, &self.authority) {
            (Some(endpoint), Some(authority)) => {
                write!(f, "endpoint `{endpoint}` and authority `{authority}`")?;
            }
            (Some(endpoint), None) => {
                write!(f, "endpoint `{endpoint}`")?;
                // A container URL that was entered as an endpoint is a frequent mistake.
                let host = endpoint.strip_prefix("https://").unwrap_or_default();
                if self.has_path && Cloud::of_host(host).is_some() {
                    f.write_str(
                        ", because an endpoint of Azure has no path and belongs to the connection's account (for the URL of a container use `ConnectionBuilder::from_url`)",
                    )?;
                }
            }
            (None, authority) => {
                let authority = authority.as_deref().unwrap_or_default();
                write!(f, "authority `{authority}`")?;
                if azure_authority(authority).is_some() {
                    f.write_str(", which belongs to another cloud than the endpoint")?;
                }
            }
        }
        f.write_str(": a connection must not decide where the service's credentials are sent; ")?;
        match self.opt_in() {
            Some(code) => write!(f, "if you operate the host, build the store with `{code}`"),
            None => f.write_str("no policy can allow this address"),
        }
    }
}

impl std::error::Error for RefusedHost {}
