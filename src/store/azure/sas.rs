//! Shared access signatures: what people paste, and what a refusal of one means.
//!
//! A signature says itself when it is valid and what it allows. A refusal is compared with that, so
//! that it is never taken for a role that has not taken effect yet. Messages quote none of the text.
//!
//! Source: Microsoft Learn, "Create a service SAS", "Create an account SAS" and "Create a user
//! delegation SAS".

use std::{
    borrow::Cow,
    fmt,
    time::{Duration, SystemTime},
};

use azure_core::http::Url;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;

use super::credential::Secret;
use crate::{
    connection::Connection,
    error::{Detail, Error, ErrorKind},
};

/// The size of a signature, an HMAC with SHA-256
const SIGNATURE_BYTES: usize = 32;

/// How many characters a signature has at least that was cut while it was copied
const FEWEST_OF_CUT: usize = 8;

/// Clocks that differ by less prove nothing
const TOLERATED_SKEW: Duration = Duration::from_secs(60);

/// Parameters of requests, which a URL copied from a log can have; a request has its own
const OF_REQUESTS: &[&str] =
    &["restype", "comp", "timeout", "prefix", "delimiter", "marker", "maxresults", "include"];

/// A shared access signature as it is sent, and what it says of itself
#[derive(Clone, Default)]
pub(super) struct Signature {
    /// Without `?`; empty if the credential is none
    query: Secret,
    permissions: Option<String>,
    starts: Option<SystemTime>,
    expires: Option<SystemTime>,
    /// Whether `sig` has not the size of a signature
    is_cut: bool,
}

/// What a request needs
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    List,
    Read,
    Other,
}

impl Signature {
    /// Reads the text of a signature for the connection's container
    pub(super) fn read(text: &str, connection: &Connection) -> Result<Self, Error> {
        let text = trimmed(text).replace("&amp;", "&");
        if text.is_empty() {
            return Err(config("it is empty"));
        }
        if text.contains(char::is_whitespace) {
            return Err(config(
                "it has a blank or a line break in it; copy it again, as one line without blanks",
            ));
        }
        let text = from_connection_string(&text, connection)?;
        let query = if text.contains("://") {
            of_url(text, connection)?
        } else {
            text.trim_start_matches(['?', '&']).to_owned()
        };
        Self::of_query(&query)
    }

    fn of_query(query: &str) -> Result<Self, Error> {
        let query = decoded_once(query);
        let kept: Vec<_> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .filter(|(name, _)| !OF_REQUESTS.contains(&name.to_ascii_lowercase().as_str()))
            .collect();
        let raw = |wanted: &str| kept.iter().find(|(name, _)| *name == wanted).map(|pair| pair.1);
        let value = |wanted: &str| {
            let value = percent_decode_str(raw(wanted)?).decode_utf8().ok()?;
            Some(value.into_owned()).filter(|value| !value.is_empty())
        };
        let Some(sig) = raw("sig") else {
            return Err(config(match STANDARD.decode(query.as_bytes()) {
                Ok(key) if key.len() == 64 => {
                    "it is an account key, which this crate does not take; make a shared access signature with it: `az storage container generate-sas`"
                }
                _ => "it has no `sig`; copy all of it, from `sv=` or `sp=` to the end of `sig=…`",
            }));
        };
        if sig.is_empty() || sig.eq_ignore_ascii_case("redacted") || sig.starts_with("***") {
            return Err(config(
                "its `sig` is empty or removed, as logs and some pages show it; take it from the place that made it",
            ));
        }
        if matches!(value("sr").as_deref(), Some("b" | "bs" | "bv")) {
            return Err(config(
                "it is for a single blob (`sr=b`); make one for the container (`sr=c`)",
            ));
        }
        if value("ss").is_some_and(|services| !services.contains('b')) {
            return Err(config(
                "it is an account signature without the blob service (`ss`); make one for the service Blob and the resource types Container and Object",
            ));
        }
        // A plus means a blank to some readers of queries, and nothing here has blanks.
        let pairs: Vec<_> = kept.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let time = |name| value(name).and_then(|text| time(&text));
        let sig = percent_decode_str(sig).collect::<Vec<_>>();
        Ok(Self {
            permissions: value("sp"),
            starts: time("st"),
            expires: time("se"),
            // A few characters are no start of a signature that anybody has copied.
            is_cut: sig.len() >= FEWEST_OF_CUT
                && !STANDARD.decode(sig).is_ok_and(|sig| sig.len() == SIGNATURE_BYTES),
            query: pairs.join("&").replace('+', "%2B").into(),
        })
    }

    /// The query, without `?`; empty if there is no signature
    pub(super) fn query(&self) -> &str {
        self.query.expose()
    }

    /// Says of a refusal what the signature itself tells
    pub(super) fn explain(&self, error: Error, right: Right, now: SystemTime) -> Error {
        let is_refusal =
            matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::PermissionDenied);
        // Other codes name a cause of their own, for example an account that forbids keys.
        let is_open = matches!(
            error.code(),
            None | Some(
                "AuthenticationFailed"
                    | "AuthorizationFailure"
                    | "AuthorizationPermissionMismatch"
                    | "NoAuthenticationInformation"
            )
        );
        if self.query().is_empty() || !is_refusal || !is_open || error.is_in_sign_in() {
            return error;
        }
        let now = error.served_at().unwrap_or(now);
        let lacks = |wanted| !self.permissions.as_ref().is_none_or(|all| all.contains(wanted));
        let at = |time| humantime::format_rfc3339_seconds(time);
        let (detail, what) = if let Some(end) = self.expires.filter(|end| *end < now) {
            (
                Detail::SignatureExpired,
                format!(
                    "the shared access signature expired at {} (`se`); make a new one",
                    at(end)
                ),
            )
        } else if let Some(start) = self.starts.filter(|start| *start > now + TOLERATED_SKEW) {
            (
                Detail::SignatureNotYetValid,
                format!(
                    "the shared access signature is not valid before {} (`st`); wait until then, or make one without a start",
                    at(start)
                ),
            )
        } else if right == Right::List && lacks('l') {
            (
                Detail::SignatureRights,
                "the shared access signature has no right to list (`sp` has no `l`); make one with the permissions Read and List".to_owned(),
            )
        } else if right == Right::Read && lacks('r') {
            (
                Detail::SignatureRights,
                "the shared access signature has no right to read (`sp` has no `r`); make one with the permissions Read and List".to_owned(),
            )
        } else {
            match (error.code(), error.detail()) {
                (Some("AuthorizationFailure"), Some(Detail::BlobService))
                | (Some("AuthorizationPermissionMismatch"), _) => (
                    Detail::SignatureRights,
                    "the shared access signature does not allow this; check its permissions (`sp`) and, if it was made with a user delegation key, the role of the principal that made it".to_owned(),
                ),
                // The network rules refuse it, whatever it is.
                (Some("AuthorizationFailure"), _) => return error,
                (_, Some(Detail::SignatureLifetime)) => return error,
                _ if self.is_cut => (
                    Detail::SignatureCut,
                    "the shared access signature is cut: its `sig` is too short or too long for a signature; copy all of it".to_owned(),
                ),
                _ => (
                    Detail::SignatureMismatch,
                    "the shared access signature was not accepted: it was made with another key, for another account or container, or changed after it was made; make a new one".to_owned(),
                ),
            }
        };
        error.with_detail(detail).with_message(&what)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature").finish_non_exhaustive()
    }
}

/// Removes what surrounds a text that was copied: blanks, a byte order mark, quotes
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '"' | '\'' | '`' | '<' | '>')
    })
}

/// The signature in a connection string, or the text if it is none
fn from_connection_string<'a>(text: &'a str, connection: &Connection) -> Result<&'a str, Error> {
    let part = |name: &str| {
        text.split(';').find_map(|part| {
            let (key, value) = part.split_once('=')?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    };
    if let Some(signature) = part("SharedAccessSignature") {
        if let Some(endpoint) = part("BlobEndpoint") {
            let url = Url::parse(endpoint).map_err(|_| {
                config("it is a connection string whose `BlobEndpoint` is not an address")
            })?;
            check_host(&url, connection)?;
        }
        return Ok(signature);
    }
    if part("AccountKey").is_some() {
        return Err(config(
            "it is a connection string with an account key, which this crate does not take; make a shared access signature, or sign in with Microsoft Entra ID",
        ));
    }
    Ok(text)
}

/// The query of a URL, if that is the URL of the connection's container or service
fn of_url(text: &str, connection: &Connection) -> Result<String, Error> {
    let url = Url::parse(text).map_err(|_| config("it looks like a URL but cannot be parsed"))?;
    check_host(&url, connection)?;
    let path = url.path().trim_end_matches('/');
    let container = connection.container_url();
    let container = container.path().trim_end_matches('/');
    let service = connection.cloud().service(connection.account());
    let service = service.path().trim_end_matches('/');
    let below = path.strip_prefix(container).filter(|rest| rest.starts_with('/'));
    if path != container && path != service && below.is_none() {
        return Err(config(
            "its URL is of another container than the connection; make one for the connection's container",
        ));
    }
    let query = url.query().unwrap_or_default();
    // A signature for a directory names it by its depth.
    if below.is_some() && !query.split('&').any(|pair| pair.starts_with("sdd=")) {
        return Err(config("its URL is of a blob in the container; make one for the container"));
    }
    Ok(query.to_owned())
}

fn check_host(url: &Url, connection: &Connection) -> Result<(), Error> {
    let service = connection.cloud().service(connection.account());
    let host = |url: &Url| {
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        host.replacen(".dfs.", ".blob.", 1).replacen(".privatelink.", ".", 1)
    };
    let port = |url: &Url| url.port_or_known_default();
    if host(url) != host(&service) || port(url) != port(&service) {
        return Err(config(
            "its URL is of another account than the connection; make one for the connection's account",
        ));
    }
    Ok(())
}

/// Undoes a second percent-encoding, of the signature alone or of all of the query
fn decoded_once(query: &str) -> Cow<'_, str> {
    let lower = query.to_ascii_lowercase();
    let is_twice = lower.contains("%25") || !lower.contains("sig=") && lower.contains("sig%3d");
    match is_twice {
        // Times and Base64 have no percent sign of their own.
        true => percent_decode_str(query).decode_utf8().unwrap_or(Cow::Borrowed(query)),
        false => Cow::Borrowed(query),
    }
}

/// A time of a signature, which may lack its seconds or its time of day
fn time(text: &str) -> Option<SystemTime> {
    let text = match (text.len(), text.strip_suffix('Z')) {
        (10, _) => format!("{text}T00:00:00Z"),
        (17, Some(minutes)) => format!("{minutes}:00Z"),
        _ => text.to_owned(),
    };
    humantime::parse_rfc3339(&text).ok()
}

fn config(what: &str) -> Error {
    Error::new(ErrorKind::Config, format!("shared access signature: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let connection = Connection::builder("x").account("contoso").container("training");
        let signature = Signature::read(text, &connection.build().unwrap());
        signature.map(|read| read.query().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn signatures_are_read_in_the_forms_in_which_people_have_them() {
        const QUERY: &str = "sv=2026-04-06&sp=rl&se=2030-01-01T00:00:00Z&sig=a%2Bb%2Fc%3D";
        let host = "contoso.blob.core.windows.net";
        for text in [
            QUERY.to_owned(),
            format!("?{QUERY}\r\n"),
            format!("\u{feff}\"{QUERY}\"\n"),
            format!("'https://{host}/training?{QUERY}'"),
            format!("https://{host}/?{QUERY}"),
            format!("https://{host}?{QUERY}"),
            format!("https://{host}:443/training/?{QUERY}"),
            format!("https://{host}/training?restype=container&comp=list&{QUERY}"),
            format!("https://contoso.dfs.core.windows.net/training?{QUERY}"),
            QUERY.replace('&', "&amp;"),
            QUERY.replace("%2B", "+"),
            QUERY.replace('%', "%25"),
            percent_encoding::utf8_percent_encode(QUERY, percent_encoding::NON_ALPHANUMERIC)
                .to_string(),
            format!("BlobEndpoint=https://{host}/;SharedAccessSignature={QUERY}"),
            format!("FileEndpoint=https://x.test;SharedAccessSignature={QUERY}"),
        ] {
            assert_eq!(read(&text).as_deref(), Ok(QUERY), "{text}");
        }
        let directory = format!("{QUERY}&sr=d&sdd=1");
        let url = format!("https://{host}/training/hall-3?{directory}");
        assert_eq!(read(&url).as_deref(), Ok(&*directory));
    }

    #[test]
    fn what_is_no_signature_for_the_container_is_named_and_not_quoted() {
        let key = STANDARD.encode([7; 64]);
        for (text, named) in [
            (" \n", "is empty"),
            ("sv=2026-04-06&sp=rl", "no `sig`"),
            ("sv=2026-04-06&sig=", "`sig` is empty"),
            ("sv=2026-04-06&sig=REDACTED", "`sig` is empty"),
            ("sv=2026-04-06&sp=rl&\nsig=canary", "line break"),
            ("sv=2026-04-06&sr=b&sig=canary", "single blob"),
            ("ss=fq&srt=sco&sig=canary", "blob service"),
            ("https://contoso.blob.core.windows.net/other?sig=canary", "another container"),
            ("https://contoso.blob.core.windows.net/trainings?sig=canary", "another container"),
            ("https://other.blob.core.windows.net/training?sig=canary", "another account"),
            ("https://contoso.blob.core.chinacloudapi.cn/training?sig=canary", "another account"),
            ("https://contoso.blob.core.windows.net/training/a.jpg?sig=canary", "of a blob"),
            ("BlobEndpoint=https://other.test/;SharedAccessSignature=sig=canary", "account"),
            ("AccountName=contoso;AccountKey=canary;EndpointSuffix=x", "account key"),
            (&key, "account key"),
            ("https://?sig=canary", "URL"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
            assert!(!error.contains("canary") && !error.contains(&key), "{error}");
        }
    }

    #[test]
    fn times_of_signatures_are_read_in_each_form() {
        let whole = time("2030-01-02T00:00:00Z").unwrap();
        for text in ["2030-01-02", "2030-01-02T00:00Z", "2030-01-02T00:00:00.0000000Z"] {
            assert_eq!(time(text), Some(whole), "{text}");
        }
        assert_eq!(time("tomorrow"), None);
    }
}
