//! The one place where errors of the SDK become this crate's.
//!
//! An SDK error can print whole pages, and URLs with signatures; so it is read here and dropped.

use std::{error::Error as StdError, io, time::Duration};

use azure_core::{
    error::ErrorKind as Sdk,
    http::{
        StatusCode,
        headers::{HeaderName, Headers},
    },
};

use crate::error::{Error, ErrorKind};

const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");

/// The headers in which a service says how long to wait, and their unit in milliseconds
const RETRY_AFTER: [(HeaderName, u64); 3] = [
    (HeaderName::from_static("x-ms-retry-after-ms"), 1),
    (HeaderName::from_static("retry-after-ms"), 1),
    (HeaderName::from_static("retry-after"), 1000),
];

/// A failure of a request
pub(super) fn of(error: &azure_core::Error) -> Error {
    match error.kind() {
        Sdk::HttpResponse { status, error_code, raw_response } => match raw_response {
            Some(raw) => of_response(*status, raw.headers(), raw.body()),
            None => Error::from_response((*status).into(), error_code.as_deref()),
        },
        Sdk::Credential => of_credential(error),
        Sdk::Connection | Sdk::Io => of_network(error),
        Sdk::DataConversion => Error::new(
            ErrorKind::UnexpectedAnswer,
            "the answer cannot be read; check the endpoint for a proxy",
        ),
        _ => match chain(error).find_map(nested) {
            Some(inner) => of(inner),
            None => Error::new(ErrorKind::BadRequest, "the SDK refused the request"),
        },
    }
}

/// A body that broke off
pub(super) fn of_body(error: &azure_core::Error) -> Error {
    let error = of_network(error);
    match error.kind() {
        ErrorKind::Timeout => error,
        _ => Error::new(ErrorKind::Truncated, "the answer broke off; try again"),
    }
}

/// An answer of the service that is no success
pub(super) fn of_response(status: StatusCode, headers: &Headers, body: &[u8]) -> Error {
    let code = headers
        .get_optional_str(&ERROR_CODE)
        .map(str::to_owned)
        .or_else(|| code_in_body(body))
        .filter(|code| code.len() <= 100 && code.bytes().all(|b| b.is_ascii_alphanumeric()));
    let mut error = Error::from_response(status.into(), code.as_deref());
    if let Some(id) = headers.get_optional_str(&REQUEST_ID) {
        error = error.with_request_id(id);
    }
    waiting(error, headers)
}

/// Adds how long the answer asked to wait
fn waiting(error: Error, headers: &Headers) -> Error {
    let wait = RETRY_AFTER.iter().find_map(|(name, unit)| {
        let n: u64 = headers.get_optional_str(name)?.trim().parse().ok()?;
        Some(Duration::from_millis(n.saturating_mul(*unit)))
    });
    wait.into_iter().fold(error, Error::with_retry_after)
}

/// `<Code>` of an error body, for answers without the header
fn code_in_body(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body.get(..body.len().min(4096))?).ok()?;
    let (_, rest) = text.split_once("<Code>")?;
    Some(rest.split_once("</Code>")?.0.to_owned())
}

/// A token that could not be had
pub(super) fn of_credential(error: &azure_core::Error) -> Error {
    let answer = chain(error).filter_map(nested).find_map(|inner| match inner.kind() {
        Sdk::HttpResponse { status, raw_response, .. } => Some((*status, raw_response.as_deref())),
        _ => None,
    });
    if let Some((status, raw)) = answer {
        let body = raw.map_or(&[][..], |raw| raw.body());
        let code = aadsts(&String::from_utf8_lossy(body));
        let (kind, advice) = match code.as_deref() {
            Some("AADSTS90002" | "AADSTS900023") => (
                ErrorKind::TenantNotFound,
                "the authority knows no such tenant; check the connection's tenant and cloud",
            ),
            Some("AADSTS7000215") => (
                ErrorKind::CredentialRejected,
                "the client secret is wrong; give the secret's value, not its id",
            ),
            Some("AADSTS7000222") => {
                (ErrorKind::CredentialRejected, "the client secret has expired; make a new one")
            }
            Some("AADSTS700016" | "AADSTS7000229") => (
                ErrorKind::CredentialRejected,
                "the tenant has no service principal of this application; create it there with `az ad sp create --id` and the application id",
            ),
            _ if status.is_server_error() || u16::from(status) == 429 => {
                (ErrorKind::Unavailable, "the authority failed; try again later")
            }
            _ => (
                ErrorKind::CredentialRejected,
                "the authority refused the credential; check application, secret and tenant",
            ),
        };
        let mut error = Error::new(kind, format!("sign in: {advice}")).with_status(status.into());
        error = code.into_iter().fold(error, Error::with_code);
        error = trace_id(body).into_iter().fold(error, Error::with_request_id);
        return raw.into_iter().fold(error, |error, raw| waiting(error, raw.headers()));
    }
    if chain(error).filter_map(nested).any(|e| matches!(e.kind(), Sdk::Connection | Sdk::Io)) {
        let inner = of_network(error);
        return match inner.kind() {
            ErrorKind::AccountNotFound => Error::new(
                ErrorKind::Unreachable,
                "sign in: the authority's host name does not exist; check the cloud of the connection",
            ),
            _ => inner.context(format_args!("sign in")),
        };
    }
    Error::new(
        ErrorKind::CredentialUnavailable,
        "sign in: no token could be had; check that the source of the credential is set up on this machine",
    )
}

/// The id under which the authority's operator finds the request
fn trace_id(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let id = body.get("trace_id")?.as_str()?;
    let plain =
        !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    plain.then(|| id.to_owned())
}

/// `AADSTS` and its digits, wherever they stand
fn aadsts(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("AADSTS")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).take(12).collect();
    (!digits.is_empty()).then(|| format!("AADSTS{digits}"))
}

/// A connection that could not be made, or broke
fn of_network(error: &azure_core::Error) -> Error {
    let mut refused = false;
    for cause in chain(error) {
        if let Some(error) = cause.downcast_ref::<reqwest::Error>()
            && error.is_timeout()
        {
            return Error::new(
                ErrorKind::Timeout,
                "no answer in time; check the endpoint and the network, or try again later",
            );
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            refused |= io.kind() == io::ErrorKind::ConnectionRefused;
        }
        // The resolver's error has no type of its own; its text is that of the system. A passing
        // failure says so, and is none of the name's.
        let text = cause.to_string();
        if text.contains("dns error") || text.contains("failed to lookup address") {
            return if chain(error).any(|c| c.to_string().contains("Temporary failure")) {
                Error::new(
                    ErrorKind::Unreachable,
                    "the name service does not answer; try again later",
                )
            } else {
                Error::new(
                    ErrorKind::AccountNotFound,
                    "the account's host name does not exist; check the account and the cloud of the connection",
                )
            };
        }
        if text.contains("invalid peer certificate") {
            return Error::new(
                ErrorKind::Untrusted,
                "the endpoint's certificate is not trusted; check for a proxy, or add its certificate authority to the store",
            );
        }
    }
    Error::new(
        ErrorKind::Unreachable,
        if refused {
            "the connection was refused; check the endpoint, its port and the network"
        } else {
            "the connection failed or broke; check the endpoint and the network, or try again later"
        },
    )
}

fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn nested<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a azure_core::Error> {
    error.downcast_ref::<azure_core::Error>()
}
