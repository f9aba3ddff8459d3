//! Which hosts a store may contact: the service decides, never the data of a customer.
//!
//! The policy compares origins after the URL parser has normalised them, so that octal, decimal and
//! hexadecimal spellings of an address, letter case and default ports make no difference. It does no
//! I/O: whoever resolves a name passes each address to [`HostPolicy::allows_address`].

use std::{fmt, net::IpAddr};

use url::{Host, Url};

use super::{
    Cloud, DnsZone, Endpoint,
    address::{Reach, reach},
    parse_url,
};
use crate::name::{AccountName, Field, InvalidName};

/// Hosts that sign principals in, and their clouds
///
/// Source: Microsoft Learn, "National clouds", app registration and token endpoints.
const AUTHORITIES: [(&str, AzureCloud); 4] = [
    ("https://login.microsoftonline.com", AzureCloud::Public),
    ("https://login.microsoftonline.us", AzureCloud::UsGovernment),
    ("https://login.partner.microsoftonline.cn", AzureCloud::China),
    ("https://login.chinacloudapi.cn", AzureCloud::China),
];

/// The domains of Azure's storage endpoints
///
/// Source: Microsoft Learn, "Storage account endpoints".
#[cfg(feature = "azure")]
const DOMAINS: [&str; 4] = [
    ".core.windows.net",
    ".core.usgovcloudapi.net",
    ".core.chinacloudapi.cn",
    ".storage.azure.net",
];

/// The hosts, ports and addresses that a store may contact
///
/// A [`Connection`](crate::Connection) is data that a customer types, and a
/// [custom endpoint](Cloud::Custom) in it names a host. Whoever receives a request at that host gets
/// the service's token, and a custom authority gets its client secret. Therefore the *service*
/// decides which hosts count, when it builds a store, and connection data never changes that.
///
/// The default, [`azure`](Self::azure), allows the blob endpoints of Azure's public and national
/// clouds and their sign-in authorities, over https on port 443, at public addresses. Endpoint and
/// authority must be of the same cloud, because different companies operate the clouds, and a token
/// of one must not reach another. Everything else is refused with
/// [`ErrorKind::HostRefused`](crate::ErrorKind::HostRefused), and the error prints the line that
/// allows it.
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
/// A store checks the name of a host before it connects, and every address that the name resolves
/// to. It connects only to addresses that passed, so a name that changes its address between check
/// and use gains nothing. If one address of a name is refused, the name is refused.
///
/// - Public addresses are allowed.
/// - Private addresses (`10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16`, `100.64.0.0/10`,
///   `fc00::/7`) are allowed if [`allow_private_addresses`](Self::allow_private_addresses) names the
///   host, or if the address itself was allowed as an endpoint or authority.
/// - Loopback addresses are allowed for `localhost` and for themselves, if allowed as an endpoint or
///   authority.
/// - Link-local addresses, metadata services (`169.254.169.254`, `168.63.129.16`), multicast and
///   reserved ranges are never allowed. IPv6 addresses that carry an IPv4 address (mapped, NAT64,
///   6to4) count as that address.
///
/// If a request goes through an HTTP proxy, the proxy resolves the name, and only the name is
/// checked here. Such a proxy must itself refuse private addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct HostPolicy {
    azure: AzureClouds,
    /// Scheme, host and port
    endpoints: Vec<String>,
    authorities: Vec<String>,
    /// Hosts that may have private addresses
    private: Vec<String>,
}

/// Which of Azure's clouds are allowed
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum AzureClouds {
    #[default]
    All,
    Public,
}

impl HostPolicy {
    /// Allows the blob endpoints and sign-in authorities of Azure's clouds, and nothing else
    pub fn azure() -> Self {
        Self::default()
    }

    /// Allows those of the public cloud alone
    ///
    /// Other companies and governments operate the national clouds. If the service's application is
    /// registered in the public cloud only, a customer who chooses another cloud must not send its
    /// secret there.
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

    /// Also allows custom endpoints with this scheme, host and port
    ///
    /// Write the origin alone, such as `https://127.0.0.1:10000`. A token for the endpoint is valid
    /// for *every* storage account that the principal can access, so allow only hosts that you trust
    /// with all of them.
    ///
    /// # Errors
    /// [`InvalidName`] if the text is not an `http` or `https` origin, or names an address that no
    /// blob service can have.
    pub fn allow_endpoint(mut self, origin: &str) -> Result<Self, InvalidName> {
        self.endpoints.push(parse_origin(origin)?);
        Ok(self)
    }

    /// Also allows custom authorities with this host and port
    ///
    /// Client secrets and assertions are sent to an authority.
    ///
    /// # Errors
    /// [`InvalidName`] if the text is not an `https` origin, or names an address that no authority
    /// can have.
    pub fn allow_authority(mut self, origin: &str) -> Result<Self, InvalidName> {
        let parsed = parse_origin(origin)?;
        if !parsed.starts_with("https://") {
            let rule = "an authority must be https: a secret is sent to it";
            return Err(InvalidName::new(Field::Cloud, origin, rule));
        }
        self.authorities.push(parsed);
        Ok(self)
    }

    /// Also allows private addresses for this host
    ///
    /// Call this for accounts that *your* network reaches through a private endpoint: there
    /// `ACCOUNT.blob.core.windows.net` resolves to an address of your virtual network. Do not call it
    /// for hosts that customers may choose freely.
    ///
    /// # Errors
    /// [`InvalidName`] if the text is not a host name.
    pub fn allow_private_addresses(mut self, host: &str) -> Result<Self, InvalidName> {
        let bad = |rule| InvalidName::new(Field::Cloud, host, rule);
        match Host::parse(host) {
            Ok(Host::Domain(name)) if is_dns_name(&name) => self.private.push(name),
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => {
                let rule = "it must be a host name: allow an address as an endpoint";
                return Err(bad(rule));
            }
            _ => return Err(bad("it must be a host name such as `contoso.blob.core.windows.net`")),
        }
        Ok(self)
    }

    /// Checks the endpoint of an account in this cloud, and the authority
    ///
    /// A store does the same; call this to check a form before it is saved. Sends nothing.
    ///
    /// # Errors
    /// [`RefusedHost`] if the policy does not allow the endpoint or the authority.
    pub fn check(&self, cloud: &Cloud, account: &AccountName) -> Result<(), RefusedHost> {
        let endpoint = cloud.service(account).origin().ascii_serialization();
        let is_listed = self.endpoints.contains(&endpoint);
        // That of an endpoint that is allowed only because it is Azure's.
        let azure =
            cloud.azure_endpoint(account).filter(|azure| self.azure.has(*azure) && !is_listed);
        let endpoint_is_allowed = azure.is_some() || is_listed;
        let authority = cloud.authority_origin();
        let fits = |of| self.azure.has(of) && azure.is_none_or(|azure| azure == of);
        let authority_is_allowed =
            azure_authority(&authority).is_some_and(fits) || self.authorities.contains(&authority);
        if endpoint_is_allowed && authority_is_allowed {
            return Ok(());
        }
        Err(RefusedHost {
            endpoint: (!endpoint_is_allowed).then_some(endpoint),
            has_path: cloud.service(account).path() != "/",
            authority: (!authority_is_allowed).then_some(authority),
        })
    }

    /// Whether the host may have this address
    ///
    /// `host` is a name or an address without brackets, as [`check`](Self::check) allowed it.
    pub fn allows_address(&self, host: &str, address: IpAddr) -> bool {
        let itself = host.parse() == Ok(address);
        match reach(address) {
            Reach::Public => !is_localhost(host),
            Reach::Private => {
                itself || self.private.iter().any(|name| name.eq_ignore_ascii_case(host))
            }
            Reach::Loopback => itself || is_localhost(host),
            Reach::Never => false,
        }
    }
}

#[cfg(feature = "azure")]
impl HostPolicy {
    /// The call that allows private addresses too, for a host that is allowed by its name
    pub(crate) fn private_opt_in(&self, origin: &str, host: &str) -> String {
        let origin = |origins: &[String]| origins.iter().find(|known| *known == origin).cloned();
        let (endpoint, authority) = (origin(&self.endpoints), origin(&self.authorities));
        let calls = [
            ("allow_endpoint", endpoint),
            ("allow_authority", authority),
            ("allow_private_addresses", Some(host.to_owned())),
        ];
        code(calls.iter().filter_map(|(method, text)| Some((*method, text.as_deref()?))))
    }
}

/// The call of a store's builder that gives it a policy
fn code<'a>(calls: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let calls = calls.map(|(method, text)| format!(".{method}(\"{text}\")?"));
    format!(".policy(HostPolicy::azure(){})", calls.collect::<String>())
}

impl AzureClouds {
    /// Whether endpoints of this cloud are allowed
    fn has(self, cloud: AzureCloud) -> bool {
        self == Self::All || cloud == AzureCloud::Public
    }
}

/// A cloud that an endpoint or authority of Azure's own belongs to
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AzureCloud {
    Public,
    UsGovernment,
    China,
}

fn azure_authority(origin: &str) -> Option<AzureCloud> {
    AUTHORITIES.iter().find(|(known, _)| *known == origin).map(|(_, cloud)| *cloud)
}

impl Cloud {
    /// The cloud whose own endpoint for this account the connection names, in whatever words
    fn azure_endpoint(&self, account: &AccountName) -> Option<AzureCloud> {
        let url = match self {
            Self::Public | Self::DnsZone(_) => return Some(AzureCloud::Public),
            Self::UsGovernment => return Some(AzureCloud::UsGovernment),
            Self::China => return Some(AzureCloud::China),
            Self::Custom(Endpoint { url, .. }) => url,
        };
        // Below a path, the name of the container would be part of a blob's name in another one.
        if url.path() != "/" {
            return None;
        }
        let is = |cloud: &Self| cloud.service(account).origin() == url.origin();
        let mut zones = (0..=DnsZone::LAST).map(|zone| Self::DnsZone(DnsZone(zone)));
        if is(&Self::Public) || zones.any(|zone| is(&zone)) {
            return Some(AzureCloud::Public);
        }
        let national =
            [(Self::UsGovernment, AzureCloud::UsGovernment), (Self::China, AzureCloud::China)];
        national.iter().find(|(cloud, _)| is(cloud)).map(|(_, cloud)| *cloud)
    }

    fn authority_origin(&self) -> String {
        let authority = self.authority();
        // Azure's own are written as origins with a slash.
        Url::parse(authority)
            .map_or_else(|_| authority.to_owned(), |url| url.origin().ascii_serialization())
    }

    /// Whether the host of the endpoint is none of Azure's
    #[cfg(feature = "azure")]
    pub(crate) fn has_own_endpoint(&self, account: &AccountName) -> bool {
        let url = self.service(account);
        let host = url.host_str().unwrap_or_default();
        !DOMAINS.iter().any(|domain| host.ends_with(domain))
    }

    /// Whether the host of the authority is none of Azure's
    #[cfg(feature = "azure")]
    pub(crate) fn has_own_authority(&self) -> bool {
        let is_of = |url: &Url, (known, _): &(&str, _)| {
            url.host_str().is_some_and(|host| known.strip_prefix("https://") == Some(host))
        };
        Url::parse(self.authority()).is_ok_and(|url| !AUTHORITIES.iter().any(|a| is_of(&url, a)))
    }
}

/// Whether a name means this machine (RFC 6761)
pub(crate) fn is_localhost(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    last.eq_ignore_ascii_case("localhost")
}

/// Whether a host has only characters of DNS names, in labels that are not empty
///
/// The URL parser accepts more, such as quotes, which an error message must not print as code.
pub(super) fn is_dns_name(host: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    host.split('.').all(|label| !label.is_empty() && label.bytes().all(is_plain))
}

fn parse_origin(text: &str) -> Result<String, InvalidName> {
    let bad = |rule| InvalidName::new(Field::Cloud, text, rule);
    let url = parse_url(text)?;
    let origin = url.origin().ascii_serialization();
    if url.path() != "/" {
        return Err(bad("it must be an origin without a path").hint(format!("write `{origin}`")));
    }
    if literal(&url).is_some_and(|ip| reach(ip) == Reach::Never) {
        return Err(bad("no blob service and no authority has this address"));
    }
    Ok(origin)
}

fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
        Host::Domain(_) => None,
    }
}

/// A connection names a host that the service's [`HostPolicy`] does not allow
///
/// The message prints the line that allows the host, for whoever operates the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedHost {
    endpoint: Option<String>,
    /// Whether the endpoint has a path after its host
    has_path: bool,
    authority: Option<String>,
}

impl RefusedHost {
    /// The refused endpoint: scheme, host and port
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// The refused authority: scheme, host and port
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// The call that allows what was refused, or `None` if no policy can allow it
    pub fn opt_in(&self) -> Option<String> {
        let origins = [("allow_endpoint", &self.endpoint), ("allow_authority", &self.authority)];
        let calls: Vec<_> = origins
            .iter()
            .filter_map(|(method, origin)| Some((*method, origin.as_deref()?)))
            .collect();
        let can_be_allowed = calls.iter().all(|(_, origin)| parse_origin(origin).is_ok());
        can_be_allowed.then(|| code(calls.into_iter()))
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
                let host = endpoint.strip_prefix("https://").unwrap_or_default();
                if self.has_path && Cloud::of_host(host).is_some() {
                    f.write_str(
                        ", because an endpoint of Azure has no path and belongs to the connection's account (the address of a container goes to `ConnectionBuilder::from_url`)",
                    )?;
                }
            }
            (None, authority) => {
                let authority = authority.as_deref().unwrap_or_default();
                write!(f, "authority `{authority}`")?;
                if azure_authority(authority).is_some() {
                    f.write_str(", which is not that of the endpoint's cloud")?;
                }
            }
        }
        f.write_str(": a connection does not decide where the service's credentials go; ")?;
        match self.opt_in() {
            Some(code) => write!(f, "if the host is yours, build the store with `{code}`"),
            None => f.write_str("no policy allows this address"),
        }
    }
}

impl std::error::Error for RefusedHost {}
