//! Reads a container's address in the forms that people paste.
//!
//! Knows addresses alone: whether the names in them are legal is checked when the connection is built.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::{
    cloud::Cloud,
    name::{Field, InvalidName},
};

/// What an address says; the container is never empty
#[derive(Debug)]
pub(super) struct Pasted {
    pub(super) account: String,
    pub(super) container: String,
    pub(super) prefix: String,
    pub(super) cloud: Cloud,
}

const FORM: &str = "it looks like `https://ACCOUNT.blob.core.windows.net/CONTAINER`; the portal shows it under the container's properties";

pub(super) fn read(text: &str) -> Result<Pasted, InvalidName> {
    let bad = |rule| InvalidName::new(Field::Url, text, rule);
    let address = unquoted(text);
    let url =
        Url::parse(&address).map_err(|_| bad("it must be a container's address").hint(FORM))?;
    match url.scheme() {
        "https" => {}
        "http" => {
            return Err(bad("it must be an https address").hint("write `https://`; for an emulator set `cloud` to a custom endpoint, which the service's host policy must allow"));
        }
        "abfss" | "abfs" | "wasbs" | "wasb" => return driver(text, &url),
        "az" | "adl" => {
            return Err(bad("it does not name the account").hint(FORM));
        }
        _ => return Err(bad("it must be an https address").hint(FORM)),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it must have no user info"));
    }
    if url.port().is_some() {
        return Err(bad("it must have no port")
            .hint("for an emulator set `cloud` to a custom endpoint, which the service's host policy must allow"));
    }
    let host = url.host_str().unwrap_or_default().to_owned();
    if is_portal(&host) {
        return portal(text, &url, &host);
    }
    let (account, cloud) = Cloud::of_host(&host).ok_or_else(|| unknown_host(text, &host))?;
    if url.fragment().is_some() {
        return Err(bad("it must have no fragment"));
    }
    let asked = query(&url).map_err(|signed| match signed {
        true => bad("it must have no query")
            .hint("give the shared access signature to the store as a credential"),
        false => bad("its query is not that of a listing").hint("remove what follows the `?`"),
    })?;
    let path = decoded(text, url.path().trim_start_matches('/'))?;
    let (container, prefix) = path.split_once('/').unwrap_or((&path, ""));
    if container.is_empty() {
        return Err(bad("it is the address of an account, not of a container")
            .hint(format!("add the container: `https://{host}/CONTAINER`")));
    }
    Ok(Pasted {
        account: account.to_owned(),
        container: container.to_owned(),
        prefix: match asked {
            Some(asked) if prefix.is_empty() || prefix == asked => asked,
            Some(_) => return Err(bad("its path and its query name different prefixes")),
            None => prefix.to_owned(),
        },
        cloud,
    })
}

/// Removes what editors, mails and shells put around an address, and entities of HTML
fn unquoted(text: &str) -> Cow<'_, str> {
    let around =
        |c: char| c.is_whitespace() || "\"'`<>\u{201c}\u{201d}\u{feff}\u{200b}".contains(c);
    let text = text.trim_matches(around);
    match text.contains("&amp;") {
        true => text.replace("&amp;", "&").into(),
        false => text.into(),
    }
}

/// Returns the prefix that the query of a listing asks for; fails for any other query, with whether it
/// has a signature
fn query(url: &Url) -> Result<Option<String>, bool> {
    let mut prefix = None;
    let is_signed = url.query().is_some_and(|query| query.to_ascii_lowercase().contains("sig="));
    for (key, value) in url.query_pairs() {
        match &*key {
            _ if is_signed => return Err(true),
            "prefix" => prefix = Some(value.into_owned()),
            "restype" | "comp" | "delimiter" | "include" | "maxresults" => {}
            "" if value.is_empty() => {}
            _ => return Err(false),
        }
    }
    Ok(prefix)
}

fn decoded(text: &str, path: &str) -> Result<String, InvalidName> {
    let decoded = percent_decode_str(path).decode_utf8();
    decoded
        .map(Cow::into_owned)
        .map_err(|_| InvalidName::new(Field::Url, text, "its path is not UTF-8"))
}

/// An address of the Hadoop drivers: `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX`
fn driver(text: &str, url: &Url) -> Result<Pasted, InvalidName> {
    let bad = |rule| InvalidName::new(Field::Url, text, rule);
    let form = "it looks like `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX`";
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    let (account, cloud) = Cloud::of_host(&host).ok_or_else(|| unknown_host(text, &host))?;
    if url.port().is_some() {
        return Err(bad("it must have no port"));
    }
    if url.username().is_empty() || url.password().is_some() {
        return Err(bad("it must name the container before the `@`").hint(form));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it must have no query")
            .hint("give the shared access signature to the store as a credential"));
    }
    Ok(Pasted {
        account: account.to_owned(),
        container: decoded(text, url.username())?,
        prefix: decoded(text, url.path().trim_start_matches('/'))?,
        cloud,
    })
}

fn is_portal(host: &str) -> bool {
    matches!(
        host,
        "portal.azure.com" | "portal.azure.us" | "portal.azure.cn" | "ms.portal.azure.com"
    )
}

/// The portal's own address of a container's page
///
/// It has the account's resource id in `storageAccountId`, percent-encoded, and the container in
/// `path`, each as a segment after its name.
fn portal(text: &str, url: &Url, host: &str) -> Result<Pasted, InvalidName> {
    let bad = |rule| {
        InvalidName::new(Field::Url, text, rule).hint(
            "open the container in the portal, choose Properties, and copy its URL, or enter account and container by themselves",
        )
    };
    let fragment = url.fragment().unwrap_or_default();
    let segments: Vec<&str> = fragment.split(['/', '?', '&']).collect();
    let after = |name: &str| {
        let place = segments.iter().position(|segment| segment.eq_ignore_ascii_case(name))?;
        percent_decode_str(segments.get(place + 1)?).decode_utf8().ok().map(Cow::into_owned)
    };
    let account =
        after("storageAccountId").map(|id| id.rsplit('/').next().unwrap_or_default().to_owned());
    let account = account.or_else(|| after("storageAccounts"));
    match (account, after("path").or_else(|| after("containerName"))) {
        (Some(account), Some(path)) if !path.is_empty() => {
            let (container, prefix) = path.split_once('/').unwrap_or((&path, ""));
            Ok(Pasted {
                account,
                container: container.to_owned(),
                prefix: prefix.to_owned(),
                cloud: match host {
                    "portal.azure.us" => Cloud::UsGovernment,
                    "portal.azure.cn" => Cloud::China,
                    _ => Cloud::Public,
                },
            })
        }
        (Some(_), _) => Err(bad("it is the portal's page of an account, not of a container")),
        _ => Err(bad("it is a page of the portal that names no container")),
    }
}

fn unknown_host(text: &str, host: &str) -> InvalidName {
    let bad = |rule| InvalidName::new(Field::Url, text, rule);
    let account = host.split('.').next().unwrap_or_default();
    let services = [
        (".file.", "Azure Files"),
        (".queue.", "Azure Queue storage"),
        (".table.", "Azure Table storage"),
    ];
    let service =
        services.iter().find(|(label, _)| host.contains(label) && host.contains(".core."));
    if let Some((_, service)) = service {
        return bad("its host does not serve blobs").hint(format!("it is a host of {service}"));
    }
    if host.contains(".web.core.") {
        return bad("it is the address of a static website")
            .hint(format!("its files are in the container `$web` of the account `{account}`"));
    }
    bad("its host is no blob endpoint of a known cloud")
        .hint("an account keeps its own host name behind a private endpoint; for another host set `cloud` to a custom endpoint, which the service's host policy must allow")
}
