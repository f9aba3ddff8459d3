//! Headers that a service adds to each request, and the user agent: which are allowed, and why not.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// The limit for the number of extra headers.
const MAX_HEADERS: usize = 32;

/// The limit for the values of all extra headers together: 8 KiB. The blob service refuses requests
/// with more than 16 KiB of headers.
const MAX_BYTES: usize = 8 << 10;

/// The limit for a user agent, in characters.
const MAX_USER_AGENT: usize = 256;

/// Headers that a store sets itself or that change the meaning of a request, and the reason to refuse
/// them. A name that ends with `-` stands for all names that begin so.
const REFUSED: &[(&str, &str)] = &[
    ("authorization", "the credential decides it"),
    ("x-ms-", "the request decides it"),
    ("metadata", "it authenticates requests to the identity endpoint"),
    ("secret", "it authenticates requests to the identity endpoint"),
    ("x-identity-header", "it authenticates requests to the identity endpoint"),
    ("host", "the connection decides it"),
    ("user-agent", "set it with `user_agent`"),
    ("cookie", "no session is kept"),
    ("origin", "it makes a request a CORS request"),
    ("access-control-", "it makes a request a CORS request"),
    ("referer", "it would reveal URLs"),
    ("range", "the request decides it"),
    ("if-", "the request decides it"),
    ("date", "the request decides it"),
    ("accept", "the request decides it"),
    ("accept-", "bodies are never compressed or translated"),
    ("content-", "the body decides it"),
    ("connection", "the HTTP client decides it"),
    ("keep-alive", "the HTTP client decides it"),
    ("proxy-", "a proxy takes its password from the proxy URL"),
    ("transfer-encoding", "the HTTP client decides it"),
    ("te", "the HTTP client decides it"),
    ("trailer", "the HTTP client decides it"),
    ("upgrade", "the HTTP client decides it"),
    ("expect", "the HTTP client decides it"),
];

/// Returns the headers, and adds their faults to `problems`.
///
/// Values are hidden in the debug output of the HTTP client, and never part of a problem, because they
/// can be keys of a gateway.
pub(super) fn check(headers: &[(String, String)], problems: &mut Vec<String>) -> HeaderMap {
    let mut checked = HeaderMap::new();
    if headers.len() > MAX_HEADERS {
        problems.push(format!("header: {} headers; at most {MAX_HEADERS}", headers.len()));
    }
    let bytes: usize = headers.iter().map(|(_, value)| value.len()).sum();
    if bytes > MAX_BYTES {
        problems.push(format!("header: the values have {bytes} bytes; at most {MAX_BYTES}"));
    }
    for (name, value) in headers {
        let lower = name.to_ascii_lowercase();
        let is = |refused: &str| match refused.ends_with('-') {
            true => lower.starts_with(refused),
            false => lower == refused,
        };
        let Ok(header) = HeaderName::try_from(&lower) else {
            problems.push("header: a name contains characters that HTTP does not allow".to_owned());
            continue;
        };
        if let Some((_, reason)) = REFUSED.iter().find(|(refused, _)| is(refused)) {
            problems.push(format!("header `{header}`: it cannot be set, because {reason}"));
            continue;
        }
        let Ok(mut value) = HeaderValue::try_from(value) else {
            problems.push(format!(
                "header `{header}`: the value contains characters that HTTP does not allow"
            ));
            continue;
        };
        value.set_sensitive(true);
        if checked.insert(header.clone(), value).is_some() {
            problems.push(format!("header `{header}`: it is set twice"));
        }
    }
    checked
}

/// Returns the value of `User-Agent` for a service, or the fault of its text.
pub(super) fn user_agent(text: &str) -> Result<String, String> {
    // Printable ASCII, because other bytes are allowed in headers and lost in logs.
    let is_plain = !text.trim().is_empty() && text.bytes().all(|b| matches!(b, b' '..=b'~'));
    if !is_plain || text.len() > MAX_USER_AGENT {
        return Err(format!(
            "user_agent: it must have 1 to {MAX_USER_AGENT} printable ASCII characters, for example `my-service/1.2`"
        ));
    }
    // `option_env`, because not every build system sets these.
    let version = option_env!("CARGO_PKG_VERSION").unwrap_or("unknown");
    Ok(format!("{} azure-asset-sync/{version}", text.trim()))
}
