//! Which requests go through a proxy: the settings of the service, or the variables of the environment.
//!
//! The variables are read here and not by the HTTP client. With a feature that another crate can turn
//! on, the HTTP client would also read the settings of the operating system, and the hosts of the
//! proxies must be known, because they are not checked by the host policy.

use std::env;

use reqwest::{NoProxy, Proxy};
use url::Url;

/// Hosts that no proxy can reach: this machine and its local link, in all forms of their addresses.
const LOCAL: &str = "localhost,127.0.0.0/8,169.254.0.0/16,::1,fe80::/10,\
    ::ffff:127.0.0.0/104,::ffff:169.254.0.0/112,64:ff9b::127.0.0.0/104,2002:7f00::/24";

/// The proxies of a client.
#[derive(Clone, Default)]
pub(super) enum ProxySettings {
    /// The variables of the environment, when the client is built.
    #[default]
    Environment,
    /// No proxy.
    Direct,
    /// One proxy for all requests; the text may contain a password.
    All(String),
}

/// The proxies of a client, and their hosts.
#[derive(Default)]
pub(super) struct Proxies {
    pub(super) proxies: Vec<Proxy>,
    pub(super) hosts: Vec<String>,
}

impl ProxySettings {
    /// Returns the proxies, or their fault.
    ///
    /// `excepted` is a list of hosts that are reached directly, in the form of `NO_PROXY`. `None`
    /// stands for that variable.
    pub(super) fn resolve(&self, excepted: Option<&str>) -> Result<Proxies, String> {
        let excepted = excepted.map_or_else(|| variable("NO_PROXY"), str::to_owned);
        let excepted = NoProxy::from_string(&format!("{excepted},{LOCAL}"));
        let mut found = Proxies::default();
        let [http, https] = match self {
            Self::Direct => return Ok(found),
            Self::All(url) => [("the proxy", Some(url.clone())), ("the proxy", Some(url.clone()))],
            // In a CGI program a client could set `HTTP_PROXY` through a header.
            Self::Environment if env::var_os("REQUEST_METHOD").is_some() => return Ok(found),
            Self::Environment => ["HTTP_PROXY", "HTTPS_PROXY"].map(|name| {
                let set = |name| Some((name, variable(name))).filter(|(_, url)| !url.is_empty());
                let (name, url) = set(name).or_else(|| set("ALL_PROXY")).unzip();
                (name.unwrap_or_default(), url)
            }),
        };
        // The text is not part of a message, because it can contain a password.
        let bad = |name| {
            format!("{name} is not an http or https URL such as `http://proxy.example:3128`")
        };
        type Make = fn(&str) -> reqwest::Result<Proxy>;
        let kinds: [(_, Make); 2] =
            [(http, |url| Proxy::http(url)), (https, |url| Proxy::https(url))];
        for ((name, url), make) in kinds {
            let Some(url) = url else { continue };
            found.hosts.push(host(&url).ok_or_else(|| bad(name))?);
            let proxy = make(&url).map_err(|_| bad(name))?;
            found.proxies.push(proxy.no_proxy(excepted.clone()));
        }
        Ok(found)
    }
}

/// Returns a variable of the environment, in upper or else in lower case; empty if it is not set.
fn variable(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    env::var(name).or_else(|_| env::var(lower)).unwrap_or_default()
}

/// Returns the host of a proxy, whose URL may lack its scheme; `None` if it is not a URL.
fn host(proxy: &str) -> Option<String> {
    let parse = |text: &str| {
        let url = Url::parse(text).ok()?;
        matches!(url.scheme(), "http" | "https").then_some(())?;
        url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned())
    };
    match proxy.contains("://") {
        true => parse(proxy),
        false => parse(&format!("http://{proxy}")),
    }
}
