//! Shared access signatures: the forms in which people paste them, and the reasons for a refusal.
//!
//! A signature states when it is valid and what it allows. A refusal is compared with that, so that
//! it is never mistaken for a role assignment that has not propagated yet. Messages never quote the
//! text.
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

use super::secret::Secret;
use crate::{
    connection::Connection,
    error::{Detail, Error, ErrorKind},
};

/// The size of a signature: 32 bytes, an HMAC with SHA-256.
const SIGNATURE_BYTES: usize = 32;

/// The shortest `sig` that is reported as truncated; a shorter one is a placeholder.
const MIN_TRUNCATED_CHARS: usize = 8;

/// The clock difference up to which a start time is not reported as the cause.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Parameters of requests, which a URL from a log may contain and which are removed.
const REQUEST_PARAMETERS: &[&str] =
    &["restype", "comp", "timeout", "prefix", "delimiter", "marker", "maxresults", "include"];

/// A shared access signature in the form in which it is sent, and what it says about itself.
///
/// `Debug` prints nothing of it. The permissions and times are the signature's own claims. They
/// explain a refusal and never replace the service's decision.
#[derive(Clone, Default)]
pub(super) struct SasToken {
    /// The query without `?`; empty for other credentials.
    query: Secret,
    permissions: Option<String>,
    starts_at: Option<SystemTime>,
    expires_at: Option<SystemTime>,
    /// Whether `sig` does not have the size of a signature.
    is_truncated: bool,
}

/// The permission that a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    List,
    Read,
    Other,
}

impl SasToken {
    /// Parses the text of a signature and checks that it is for the connection's container.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with what is wrong and what to copy instead.
    pub(super) fn parse(text: &str, connection: &Connection) -> Result<Self, Error> {
        // HTML pages and mails escape `&`.
        let text = unquoted(text).replace("&amp;", "&");
        if text.is_empty() {
            return Err(config("it is empty"));
        }
        if text.contains(char::is_whitespace) {
            return Err(config("it contains a blank or a line break; copy it again, as one line"));
        }
        let text = from_connection_string(&text, connection)?;
        let query = if text.contains("://") {
            query_of_url(text, connection)?
        } else {
            text.trim_start_matches(['?', '&']).to_owned()
        };
        Self::parse_query(&query)
    }

    /// Parses the query of a signature.
    fn parse_query(query: &str) -> Result<Self, Error> {
        let query = undo_double_encoding(query);
        let parameters: Vec<_> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .filter(|(name, _)| !REQUEST_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()))
            .collect();
        // Names are compared exactly, because the service's parameters are case-sensitive.
        let raw =
            |wanted: &str| parameters.iter().find(|(name, _)| *name == wanted).map(|pair| pair.1);
        let value = |wanted: &str| {
            let value = percent_decode_str(raw(wanted)?).decode_utf8().ok()?;
            Some(value.into_owned()).filter(|value| !value.is_empty())
        };
        let Some(sig) = raw("sig") else {
            return Err(config(match STANDARD.decode(query.as_bytes()) {
                // An account key is 64 bytes in Base64, and people paste it as the signature.
                Ok(key) if key.len() == 64 => {
                    "this is an account key, which this crate does not accept; create a shared access signature with it: `az storage container generate-sas`"
                }
                _ => {
                    "it has no `sig`; copy the whole signature, from `sv=` or `sp=` to the end of `sig=…`"
                }
            }));
        };
        if sig.is_empty() || sig.eq_ignore_ascii_case("redacted") || sig.starts_with("***") {
            return Err(config(
                "its `sig` is empty or redacted, as in logs and on some pages; copy it from the place that created it",
            ));
        }
        if matches!(value("sr").as_deref(), Some("b" | "bs" | "bv")) {
            return Err(config(
                "it is for a single blob (`sr=b`); create one for the container (`sr=c`)",
            ));
        }
        if value("ss").is_some_and(|services| !services.contains('b')) {
            return Err(config(
                "it is an account SAS without the blob service (`ss`); create one with the allowed service Blob and the allowed resource types Container and Object",
            ));
        }
        // Some readers of queries take `+` for a blank, and no value here contains blanks.
        let pairs: Vec<_> =
            parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let time = |name| value(name).and_then(|text| parse_time(&text));
        // Permissions and times are stored for `explain`. A time that cannot be parsed is not an error:
        // the service decides about it.
        let sig = percent_decode_str(sig).collect::<Vec<_>>();
        Ok(Self {
            permissions: value("sp"),
            starts_at: time("st"),
            expires_at: time("se"),
            // Shorter texts are placeholders such as `…` or `<sig>`, not copied signatures.
            is_truncated: sig.len() >= MIN_TRUNCATED_CHARS
                && !STANDARD.decode(sig).is_ok_and(|sig| sig.len() == SIGNATURE_BYTES),
            query: pairs.join("&").replace('+', "%2B").into(),
        })
    }

    /// Returns the query without `?`; empty if there is no signature.
    pub(super) fn query(&self) -> &str {
        self.query.expose()
    }

    /// Adds the reason for a refusal, if the signature itself shows it.
    ///
    /// The service answers the same code for an expired signature, a wrong key and a role that has not
    /// propagated, and only the last of them can pass by itself. So this decides whether waiting helps.
    ///
    /// `now` is this machine's time, which is used if the answer has no `Date` header.
    pub(super) fn explain(&self, error: Error, operation: Operation, now: SystemTime) -> Error {
        let is_refusal =
            matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::PermissionDenied);
        // Other codes have a cause of their own, for example an account that forbids account keys.
        let is_unspecific = matches!(
            error.code(),
            None | Some(
                "AuthenticationFailed"
                    | "AuthorizationFailure"
                    | "AuthorizationPermissionMismatch"
                    | "NoAuthenticationInformation"
            )
        );
        if self.query().is_empty() || !is_refusal || !is_unspecific || error.is_in_sign_in() {
            return error;
        }
        // The service's own time if known, because this machine's clock may be the problem.
        let now = error.served_at().unwrap_or(now);
        // Without `sp` the permissions are in a stored access policy of the container: unknown here.
        let lacks = |wanted| !self.permissions.as_ref().is_none_or(|all| all.contains(wanted));
        let at = |time| humantime::format_rfc3339_seconds(time);
        // In the order of certainty: times and permissions are facts, a mismatch is what remains.
        let (detail, what) = if let Some(end) = self.expires_at.filter(|end| *end < now) {
            (
                Detail::SignatureExpired,
                format!(
                    "the shared access signature expired at {} (`se`); create a new one",
                    at(end)
                ),
            )
        } else if let Some(start) = self.starts_at.filter(|start| *start > now + CLOCK_SKEW) {
            (
                Detail::SignatureNotYetValid,
                format!(
                    "the shared access signature is not valid before {} (`st`); wait until then, or create one without a start time",
                    at(start)
                ),
            )
        } else if operation == Operation::List && lacks('l') {
            (
                Detail::SignatureRights,
                "the shared access signature has no permission to list (`sp` has no `l`); create one with the permissions Read and List".to_owned(),
            )
        } else if operation == Operation::Read && lacks('r') {
            (
                Detail::SignatureRights,
                "the shared access signature has no permission to read (`sp` has no `r`); create one with the permissions Read and List".to_owned(),
            )
        } else {
            match (error.code(), error.detail()) {
                (Some("AuthorizationFailure"), Some(Detail::BlobService))
                | (Some("AuthorizationPermissionMismatch"), _) => (
                    Detail::SignatureRights,
                    "the shared access signature does not allow this operation; check its permissions (`sp`) and, if it was signed with a user delegation key, the role of the principal that signed it".to_owned(),
                ),
                // The account's network rules refused the request, whatever the signature allows.
                (Some("AuthorizationFailure"), _) => return error,
                // The service's clock decides about the lifetime, and its message says so.
                (_, Some(Detail::SignatureLifetime)) => return error,
                _ if self.is_truncated => (
                    Detail::SignatureCut,
                    "the shared access signature is truncated or damaged: its `sig` does not have the length of a signature; copy the whole signature".to_owned(),
                ),
                _ => (
                    Detail::SignatureMismatch,
                    "the shared access signature was not accepted: it was signed with another key, is for another account or container, or was changed afterwards; create a new one".to_owned(),
                ),
            }
        };
        error.with_detail(detail).with_message(&what)
    }
}

impl fmt::Debug for SasToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SasToken").finish_non_exhaustive()
    }
}

/// Removes what surrounds a copied text: blanks, a byte order mark, quotes.
fn unquoted(text: &str) -> &str {
    text.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '"' | '\'' | '`' | '<' | '>')
    })
}

/// Returns the signature in a connection string, or the text if it is not a connection string.
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
                config("the `BlobEndpoint` of the connection string is not a URL; copy the connection string again")
            })?;
            check_host(&url, connection)?;
        }
        return Ok(signature);
    }
    // INVARIANT: an account key is never used or stored. It allows everything in the account.
    if part("AccountKey").is_some() {
        return Err(config(
            "it is a connection string with an account key, which this crate does not accept; create a shared access signature, or sign in with Microsoft Entra ID",
        ));
    }
    Ok(text)
}

/// Returns the query of a URL of the connection's container, a directory in it, or its blob service.
fn query_of_url(text: &str, connection: &Connection) -> Result<String, Error> {
    let url = Url::parse(text)
        .map_err(|_| config("it looks like a URL but cannot be parsed; copy the URL again"))?;
    check_host(&url, connection)?;
    let path = url.path().trim_end_matches('/');
    let container = connection.container_url();
    let container = container.path().trim_end_matches('/');
    let service = connection.cloud().service(connection.account());
    let service = service.path().trim_end_matches('/');
    let below = path.strip_prefix(container).filter(|rest| rest.starts_with('/'));
    if path != container && path != service && below.is_none() {
        return Err(config(
            "its URL is for another container than the connection's; create one for the connection's container",
        ));
    }
    let query = url.query().unwrap_or_default();
    // The signature of a directory has the directory's depth in `sdd`.
    if below.is_some() && !query.split('&').any(|pair| pair.starts_with("sdd=")) {
        return Err(config("its URL is for a blob in the container; create one for the container"));
    }
    Ok(query.to_owned())
}

/// Checks that a URL has the host of the connection's account, as a `dfs` or `privatelink` host too.
fn check_host(url: &Url, connection: &Connection) -> Result<(), Error> {
    let service = connection.cloud().service(connection.account());
    // A signature is valid at all hosts of its account.
    let host = |url: &Url| {
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        host.replacen(".dfs.", ".blob.", 1).replacen(".privatelink.", ".", 1)
    };
    let port = |url: &Url| url.port_or_known_default();
    if host(url) != host(&service) || port(url) != port(&service) {
        return Err(config(
            "its URL is for another account than the connection's; create one for the connection's account",
        ));
    }
    Ok(())
}

/// Removes a second percent-encoding, of the signature alone or of the whole query.
fn undo_double_encoding(query: &str) -> Cow<'_, str> {
    let lower = query.to_ascii_lowercase();
    let is_twice = lower.contains("%25") || !lower.contains("sig=") && lower.contains("sig%3d");
    match is_twice {
        // No value contains a percent sign, so `%25` proves a second encoding.
        true => percent_decode_str(query).decode_utf8().unwrap_or(Cow::Borrowed(query)),
        false => Cow::Borrowed(query),
    }
}

/// Parses a time of a signature, which may lack its seconds or its time of day.
fn parse_time(text: &str) -> Option<SystemTime> {
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

    /// Parses a text for the container `training` of the account `contoso`.
    fn read(text: &str) -> Result<String, String> {
        let connection = Connection::builder("x").account("contoso").container("training");
        let signature = SasToken::parse(text, &connection.build().unwrap());
        signature.map(|read| read.query().to_owned()).map_err(|error| error.to_string())
    }

    /// Every form is sent as the same query.
    #[test]
    fn pasted_forms_of_a_signature_are_accepted() {
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

    /// Each message names the mistake, and none contains the signature or key.
    #[test]
    fn unusable_texts_are_explained_and_not_quoted() {
        let key = STANDARD.encode([7; 64]);
        for (text, expected) in [
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
            ("https://contoso.blob.core.windows.net/training/a.jpg?sig=canary", "for a blob"),
            ("BlobEndpoint=https://other.test/;SharedAccessSignature=sig=canary", "account"),
            ("AccountName=contoso;AccountKey=canary;EndpointSuffix=x", "account key"),
            (&key, "account key"),
            ("https://?sig=canary", "URL"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains("canary") && !error.contains(&key), "{error}");
        }
    }

    /// A date, minutes, seconds and fractions of seconds, as tools write them.
    #[test]
    fn all_time_formats_are_parsed() {
        let midnight = parse_time("2030-01-02T00:00:00Z").unwrap();
        for text in ["2030-01-02", "2030-01-02T00:00Z", "2030-01-02T00:00:00.0000000Z"] {
            assert_eq!(parse_time(text), Some(midnight), "{text}");
        }
        assert_eq!(parse_time("tomorrow"), None);
    }
}
