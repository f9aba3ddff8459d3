//! The one place where errors of the SDK become this crate's.
//!
//! An SDK error can print whole pages, and URLs with signatures; so it is read here and dropped.

use std::{
    error::Error as StdError,
    io,
    time::{Duration, SystemTime},
};

use azure_core::{
    error::ErrorKind as Sdk,
    http::{
        StatusCode,
        headers::{HeaderName, Headers},
    },
};

use super::{
    VERSION, azure_cli::CliFailure, network::RefusedAddress, token::NoToken,
    transport::MAX_ERROR_BYTES,
};
use crate::{
    error::{Detail, Error, ErrorKind, sign_in_code},
    name::is_guid,
};

const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");
const DATE: HeaderName = HeaderName::from_static("date");
const SERVER: HeaderName = HeaderName::from_static("server");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");

/// The headers in which a service says how long to wait, and their unit in milliseconds
const RETRY_AFTER: [(HeaderName, u64); 3] = [
    (HeaderName::from_static("x-ms-retry-after-ms"), 1),
    (HeaderName::from_static("retry-after-ms"), 1),
    (HeaderName::from_static("retry-after"), 1000),
];

/// No service asks to wait longer; a larger figure would overflow the sums of times
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// A failure of a request
pub(super) fn of(error: &azure_core::Error) -> Error {
    if chain(error).any(|cause| cause.is::<NoToken>()) {
        return of_credential(error);
    }
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
        // Behind the error itself, which would come back here for ever.
        _ => match chain(error).skip(1).find_map(nested) {
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
    let code =
        headers.get_optional_str(&ERROR_CODE).map(str::to_owned).or_else(|| code_in_body(body));
    let mut error = Error::from_response(status.into(), code.as_deref());
    if let Some(id) = request_id(headers) {
        error = error.with_request_id(id);
    }
    error = Detail::in_body(body).into_iter().fold(error, Error::with_detail);
    if error.detail() == Some(Detail::ApiVersion) {
        error = error.with_message(&format!(
            "the service does not know version {VERSION} of its API; update the emulator, or start Azurite with `--skipApiVersionCheck`"
        ));
    }
    if headers.get_optional_str(&SERVER).is_some_and(|server| server.starts_with(SERVICE)) {
        error = by_service(error);
    }
    timed(error, headers)
}

/// Start of the `Server` header if the service itself answers; its front end, which checks networks
/// and tokens, sends `Microsoft-HTTPAPI/2.0` alone
pub(super) const SERVICE: &str = "Windows-Azure-";

/// Corrects a refusal that the service itself sent: the account exists, and its network rules let
/// the request through
fn by_service(error: Error) -> Error {
    match error.code() {
        Some("AuthorizationFailure") => error
            .with_detail(Detail::BlobService)
            .with_message("the account does not allow this operation with this credential; check what the signature or the role allows"),
        Some(code @ "ResourceNotFound") => {
            let code = code.to_owned();
            let what = "there is no such container or blob, or it is not public; check the names, and give the store a credential";
            let found = Error::new(ErrorKind::ContainerNotFound, what).with_code(code);
            let found = error.status().into_iter().fold(found, Error::with_status);
            let id = error.request_id().map(str::to_owned);
            id.into_iter().fold(found, Error::with_request_id)
        }
        _ => error,
    }
}

/// The id under which the service's operator finds the request
pub(super) fn request_id(headers: &Headers) -> Option<&str> {
    // A service could echo there what it was sent.
    headers.get_optional_str(&REQUEST_ID).filter(|id| is_guid(id))
}

/// The time of day at the service
pub(super) fn served_at(headers: &Headers) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get_optional_str(&DATE)?).ok()
}

/// Adds when the service answered, and how long it asked to wait: so many seconds, or a date
fn timed(error: Error, headers: &Headers) -> Error {
    let now = served_at(headers);
    let wait = RETRY_AFTER.iter().find_map(|(name, unit)| {
        let text = headers.get_optional_str(name)?.trim();
        match text.parse::<u64>() {
            Ok(n) => Some(Duration::from_millis(n.saturating_mul(*unit))),
            Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now?).ok(),
        }
    });
    let wait = wait.map(|wait| wait.min(MAX_RETRY_AFTER));
    let error = wait.into_iter().fold(error, Error::with_retry_after);
    now.into_iter().fold(error, Error::with_served_at)
}

/// The code in an error body, for answers without the header: XML, or JSON of the dfs endpoint
fn code_in_body(body: &[u8]) -> Option<String> {
    if body.trim_ascii_start().first() == Some(&b'{') {
        let body = body.get(..MAX_ERROR_BYTES).unwrap_or(body);
        let body: serde_json::Value = serde_json::from_slice(body).ok()?;
        return Some(body.get("error")?.get("code")?.as_str()?.to_owned());
    }
    let text = String::from_utf8_lossy(body.get(..body.len().min(4096))?);
    let (_, rest) = text.split_once("<Code>")?;
    Some(rest.split_once("</Code>")?.0.to_owned())
}

/// A token that could not be obtained
pub(super) fn of_credential(error: &azure_core::Error) -> Error {
    for cause in chain(error) {
        if let Some(reason) = cause.downcast_ref::<NoToken>() {
            return reason.to_error();
        }
        let own = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(failure) = own.and_then(|own| own.downcast_ref::<CliFailure>()) {
            return failure.to_error();
        }
    }
    let answer = chain(error).filter_map(nested).find_map(|inner| match inner.kind() {
        Sdk::HttpResponse { status, raw_response, .. } => Some((*status, raw_response.as_deref())),
        _ => None,
    });
    if let Some((status, raw)) = answer {
        let body = raw.map_or(&[][..], |raw| raw.body());
        let detail = oauth(body);
        let code = sign_in_code(&String::from_utf8_lossy(body));
        let mut error = Error::from_sign_in(Some(status.into()), code.as_deref(), detail);
        error = trace_id(body).into_iter().fold(error, Error::with_request_id);
        return raw.into_iter().fold(error, |error, raw| timed(error, raw.headers()));
    }
    if chain(error).filter_map(nested).any(|e| matches!(e.kind(), Sdk::Connection | Sdk::Io)) {
        let inner = of_network(error);
        return match inner.kind() {
            ErrorKind::AccountNotFound => Error::new(
                ErrorKind::Unreachable,
                "sign in: the authority's host name does not exist; check the cloud of the connection",
            )
            .with_detail(Detail::NameNotFound)
            .in_sign_in(),
            _ => inner.context(format_args!("sign in")).in_sign_in(),
        };
    }
    // Where the SDK could not read the answer, the answer's words stand in its message: it quotes
    // the text that it had no room for.
    if let Some(code) = chain(error).find_map(|cause| sign_in_code(&cause.to_string())) {
        return Error::from_sign_in(None, Some(&code), None);
    }
    Error::new(
        ErrorKind::CredentialUnavailable,
        "sign in: no token could be obtained; check that the source of the credential is set up on this machine",
    )
    .in_sign_in()
}

/// The word in `error` of the authority's answer
fn oauth(body: &[u8]) -> Option<Detail> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    Detail::of_oauth(body.get("error")?.as_str()?)
}

/// The id under which the authority's operator finds the request
fn trace_id(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let id = body.get("trace_id")?.as_str()?;
    is_guid(id).then(|| id.to_owned())
}

/// A connection that could not be made, or broke
pub(super) fn of_network(error: &(dyn StdError + 'static)) -> Error {
    if let Some(refused) = chain(error).find_map(|cause| cause.downcast_ref::<RefusedAddress>()) {
        return refused.to_error();
    }
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
        // The resolver's error has no type of its own; its text is that of the system.
        let text = cause.to_string();
        if text.contains("invalid dns name") {
            return of_lookup(false);
        }
        if text.contains("dns error") || text.contains("failed to lookup address") {
            return of_lookup(chain(error).any(|cause| is_passing(&cause.to_string())));
        }
        if text.contains("invalid peer certificate") {
            return Error::new(
                ErrorKind::Untrusted,
                "the endpoint's certificate is not trusted; check for a proxy, or add its certificate authority to the store",
            );
        }
        if text.contains("ProtocolVersion") || text.contains("peer is incompatible") {
            return Error::new(
                ErrorKind::Untrusted,
                "the endpoint speaks no version of TLS that this machine does; TLS 1.2 and 1.3 are offered",
            )
            .with_detail(Detail::TlsVersion);
        }
    }
    if refused {
        return Error::new(
            ErrorKind::Unreachable,
            "the connection was refused; check the endpoint, its port and the network",
        )
        .with_detail(Detail::ConnectionRefused);
    }
    Error::new(
        ErrorKind::Unreachable,
        "the connection failed or broke; check the endpoint and the network, or try again later",
    )
}

/// Whether the resolver says that it did not get an answer, in the words of glibc, musl and Windows
pub(super) fn is_passing(text: &str) -> bool {
    ["Temporary failure", "Try again", "temporary error"].iter().any(|part| text.contains(part))
}

/// A host without an address: a passing failure of the name service is none of the name's
pub(super) fn of_lookup(passing: bool) -> Error {
    if passing {
        let what = "the name service does not answer; try again later";
        return Error::new(ErrorKind::Unreachable, what).with_detail(Detail::NameServiceFailed);
    }
    Error::new(
        ErrorKind::AccountNotFound,
        "the account's host name does not exist; check the account and the cloud of the connection",
    )
    .with_detail(Detail::NameNotFound)
}

pub(super) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn nested<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a azure_core::Error> {
    error.downcast_ref::<azure_core::Error>()
}
