//! Reads a container's URL in the forms that people paste.
//!
//! Only the form of the URL is checked here. Whether the names in it are legal is checked when the
//! connection is built.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::{
    cloud::Cloud,
    name::{Field, InvalidName},
};

/// The parts of a pasted URL.
#[derive(Debug)]
pub(super) struct PastedUrl {
    pub(super) account: String,
    /// Never empty.
    pub(super) container: String,
    pub(super) prefix: String,
    pub(super) cloud: Cloud,
}

/// The most bytes of a pasted text. A prefix of 1,024 four-byte characters has 20 KiB in the portal,
/// which encodes it twice.
const MAX_TEXT: usize = 32 << 10;

const FORM: &str = "use the form `https://ACCOUNT.blob.core.windows.net/CONTAINER`; the Azure portal shows this URL under Properties of the container";
const EMULATOR: &str =
    "for an emulator set `cloud` to a custom endpoint, which the service's host policy must allow";
const SAS_IN_URL: &str = "use the shared access signature as the credential of the store";

/// Reads a URL in any of the accepted forms.
///
/// # Errors
/// [`InvalidName`] for [`Field::Url`], with the expected form or what to use instead.
pub(super) fn parse(text: &str) -> Result<PastedUrl, InvalidName> {
    let bad = |rule| InvalidName::new(Field::Url, text, rule);
    // Before the URL parser, which copies the text several times.
    if text.len() > MAX_TEXT {
        return Err(bad("it must have at most 32 KiB").hint(FORM));
    }
    let address = unquoted(text);
    let url =
        Url::parse(&address).map_err(|_| bad("it must be the URL of a container").hint(FORM))?;
    match url.scheme() {
        "https" => {}
        "http" => {
            return Err(
                bad("it must be an https URL").hint(format!("write `https://`; {EMULATOR}"))
            );
        }
        // URLs of the Hadoop drivers, which Spark and Synapse show.
        "abfss" | "abfs" | "wasbs" | "wasb" => return driver(text, &url),
        // Short forms of other tools, in which the account is a setting and not part of the URL.
        "az" | "adl" => {
            return Err(bad("it does not name the account").hint(FORM));
        }
        _ => return Err(bad("it must be an https URL").hint(FORM)),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it must not contain user info"));
    }
    if url.port().is_some() {
        return Err(bad("it must not contain a port").hint(EMULATOR));
    }
    let host = url.host_str().unwrap_or_default().to_owned();
    // Before the check of the fragment, because the portal keeps its whole address in it.
    if is_portal(&host) {
        return portal(text, &url, &host);
    }
    let (account, cloud) = Cloud::of_host(&host).ok_or_else(|| unknown_host(text, &host))?;
    if url.fragment().is_some() {
        return Err(bad("it must not contain a fragment"));
    }
    let listed_prefix = prefix_in_query(&url).map_err(|signed| match signed {
        true => bad("it must not contain a query").hint(SAS_IN_URL),
        false => bad("its query is not that of a listing").hint("remove the `?` and the rest"),
    })?;
    let path = decoded(text, url.path().trim_start_matches('/'))?;
    let (container, prefix) = path.split_once('/').unwrap_or((&path, ""));
    if container.is_empty() {
        return Err(bad("it is the URL of an account, not of a container")
            .hint(format!("add the container: `https://{host}/CONTAINER`")));
    }
    Ok(PastedUrl {
        account: account.to_owned(),
        container: container.to_owned(),
        prefix: match listed_prefix {
            // A folder in the path and a prefix in the query must agree: either may be the wrong one.
            Some(listed) if prefix.is_empty() || prefix == listed => listed,
            Some(_) => return Err(bad("its path and its query name different prefixes")),
            None => prefix.to_owned(),
        },
        cloud,
    })
}

/// Removes what editors, mail clients and shells put around a URL, and the HTML entity `&amp;`.
fn unquoted(text: &str) -> Cow<'_, str> {
    // Mails use typographic quotes, and some pages add a zero-width space to long URLs.
    let around =
        |c: char| c.is_whitespace() || "\"'`<>\u{201c}\u{201d}\u{feff}\u{200b}".contains(c);
    let text = text.trim_matches(around);
    match text.contains("&amp;") {
        true => text.replace("&amp;", "&").into(),
        false => text.into(),
    }
}

/// Returns the prefix in the query of a listing.
///
/// # Errors
/// For any other query, whether it contains a signature.
fn prefix_in_query(url: &Url) -> Result<Option<String>, bool> {
    let mut prefix = None;
    // `sig=` in any letter case, because a signature must never be stored in a connection.
    let is_signed = url.query().is_some_and(|query| query.to_ascii_lowercase().contains("sig="));
    for (key, value) in url.query_pairs() {
        match &*key {
            _ if is_signed => return Err(true),
            "prefix" => prefix = Some(value.into_owned()),
            // The query of a listing, as Storage Explorer and logs show it.
            "restype" | "comp" | "delimiter" | "include" | "maxresults" => {}
            "" if value.is_empty() => {}
            _ => return Err(false),
        }
    }
    Ok(prefix)
}

/// Removes the percent-encoding of a path.
fn decoded(text: &str, path: &str) -> Result<String, InvalidName> {
    let decoded = percent_decode_str(path).decode_utf8();
    decoded
        .map(Cow::into_owned)
        .map_err(|_| InvalidName::new(Field::Url, text, "its path is not valid UTF-8"))
}

/// Reads a URL of the Hadoop drivers: `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX`.
fn driver(text: &str, url: &Url) -> Result<PastedUrl, InvalidName> {
    let bad = |rule| InvalidName::new(Field::Url, text, rule);
    let form = "use the form `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX`";
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    let (account, cloud) = Cloud::of_host(&host).ok_or_else(|| unknown_host(text, &host))?;
    if url.port().is_some() {
        return Err(bad("it must not contain a port"));
    }
    // In these URLs the user info is the container.
    if url.username().is_empty() || url.password().is_some() {
        return Err(bad("it must name the container before the `@`").hint(form));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it must not contain a query").hint(SAS_IN_URL));
    }
    Ok(PastedUrl {
        account: account.to_owned(),
        container: decoded(text, url.username())?,
        prefix: decoded(text, url.path().trim_start_matches('/'))?,
        cloud,
    })
}

/// Returns whether a host is the Azure portal of a cloud.
fn is_portal(host: &str) -> bool {
    matches!(
        host,
        "portal.azure.com" | "portal.azure.us" | "portal.azure.cn" | "ms.portal.azure.com"
    )
}

/// Reads the URL of a container's page in the Azure portal.
///
/// The fragment has the account's resource ID after `storageAccountId` or `storageAccounts`, and the
/// container after `path` or `containerName`, each as the next segment and percent-encoded.
fn portal(text: &str, url: &Url, host: &str) -> Result<PastedUrl, InvalidName> {
    let bad = |rule| {
        InvalidName::new(Field::Url, text, rule).hint(
            "open the container in the Azure portal, choose Properties and copy its URL, or enter the account and the container separately",
        )
    };
    let fragment = url.fragment().unwrap_or_default();
    // The portal separates by slashes in its paths, and by `?` and `&` in newer pages.
    let segments: Vec<&str> = fragment.split(['/', '?', '&']).collect();
    let after = |name: &str| {
        let place = segments.iter().position(|segment| segment.eq_ignore_ascii_case(name))?;
        percent_decode_str(segments.get(place + 1)?).decode_utf8().ok().map(Cow::into_owned)
    };
    let account =
        after("storageAccountId").map(|id| id.rsplit('/').next().unwrap_or_default().to_owned());
    // In a resource ID that is not percent-encoded, the account follows its type.
    let account = account.or_else(|| after("storageAccounts"));
    match (account, after("path").or_else(|| after("containerName"))) {
        (Some(account), Some(path)) if !path.is_empty() => {
            let (container, prefix) = path.split_once('/').unwrap_or((&path, ""));
            Ok(PastedUrl {
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
        (Some(_), _) => Err(bad("it is the Azure portal's page of an account, not of a container")),
        _ => Err(bad("it is a page of the Azure portal that names no container")),
    }
}

/// Returns the error for a host that is not a blob endpoint, with what the host is if that is known.
fn unknown_host(text: &str, host: &str) -> InvalidName {
    let bad = |rule| InvalidName::new(Field::Url, text, rule);
    let account = host.split('.').next().unwrap_or_default();
    // Other services of the same account have hosts that differ only in the second label.
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
        return bad("it is the URL of a static website")
            .hint(format!("its files are in the container `$web` of the account `{account}`"));
    }
    bad("its host is not a blob endpoint of a known cloud")
        .hint("with a private endpoint too, use the account's own host name; for another host set `cloud` to a custom endpoint, which the service's host policy must allow")
}
