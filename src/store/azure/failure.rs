//! Converts errors and refusals into this crate's [`Error`]: the only place that reads SDK errors.
//!
//! An SDK error can print whole pages, and URLs with signatures. Therefore an SDK error is read here
//! and dropped: no text of it, of an answer's body or of a URL reaches a message. Only codes and
//! words of fixed lists are passed on.

use std::{
    error::Error as StdError,
    io,
    time::{Duration, SystemTime},
};

use azure_core::{
    error::ErrorKind as SdkKind,
    http::{
        StatusCode,
        headers::{HeaderName, Headers},
    },
};

use super::{
    azure_cli::CliFailure,
    http::RefusedAddress,
    no_token::NoToken,
    transport::{MAX_ERROR_BYTES, SERVICE_SERVER, VERSION},
};
use crate::{
    error::{Detail, Error, ErrorKind, sign_in_code},
    name::is_guid,
};

const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");
const DATE: HeaderName = HeaderName::from_static("date");
const SERVER: HeaderName = HeaderName::from_static("server");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");

/// The headers in which a service says how long to wait, with their unit in milliseconds.
const RETRY_AFTER: [(HeaderName, u64); 3] = [
    (HeaderName::from_static("x-ms-retry-after-ms"), 1),
    (HeaderName::from_static("retry-after-ms"), 1),
    (HeaderName::from_static("retry-after"), 1000),
];

/// The longest wait that is passed on: 24 h. No service asks for more, and a larger figure could
/// overflow sums of times.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Converts the error of a request that the SDK sent.
pub(super) fn from_sdk(error: &azure_core::Error) -> Error {
    // A missing token travels in errors of several kinds, so it is looked for before the kind.
    if chain(error).any(|cause| cause.is::<NoToken>()) {
        return from_credential(error);
    }
    match error.kind() {
        SdkKind::HttpResponse { status, error_code, raw_response } => match raw_response {
            Some(raw) => from_response(*status, raw.headers(), raw.body()),
            None => Error::from_response((*status).into(), error_code.as_deref()),
        },
        SdkKind::Credential => from_credential(error),
        SdkKind::Connection | SdkKind::Io => from_network(error),
        SdkKind::DataConversion => Error::new(
            ErrorKind::UnexpectedAnswer,
            "the answer cannot be parsed; check whether a proxy answers instead of the endpoint",
        ),
        // `skip(1)`, because the chain starts with this error itself: an endless recursion.
        _ => match chain(error).skip(1).find_map(as_sdk_error) {
            Some(inner) => from_sdk(inner),
            None => Error::new(
                ErrorKind::BadRequest,
                "the Azure SDK could not send the request; report it with the name of the operation",
            ),
        },
    }
}

/// Converts the error of a body that ended before its length.
pub(super) fn from_body(error: &azure_core::Error) -> Error {
    let error = from_network(error);
    match error.kind() {
        ErrorKind::Timeout => error,
        _ => Error::new(
            ErrorKind::Truncated,
            "the connection closed before the answer was complete; try again",
        ),
    }
}

/// Converts an answer that is not a success.
///
/// The code comes from the `x-ms-error-code` header or else from the body. The body also decides the
/// [`Detail`], and the `Server` header whether the network rules let the request through.
pub(super) fn from_response(status: StatusCode, headers: &Headers, body: &[u8]) -> Error {
    let code =
        headers.get_optional_str(&ERROR_CODE).map(str::to_owned).or_else(|| code_in_body(body));
    let mut error = Error::from_response(status.into(), code.as_deref());
    if let Some(id) = request_id(headers) {
        error = error.with_request_id(id);
    }
    // The body decides between causes that share a code, for example the reasons of a 403.
    error = Detail::in_body(body).into_iter().fold(error, Error::with_detail);
    if error.detail() == Some(Detail::ApiVersion) {
        error = error.with_message(&format!(
            "the service does not support API version {VERSION}; update the emulator, or start Azurite with `--skipApiVersionCheck`"
        ));
    }
    if headers.get_optional_str(&SERVER).is_some_and(|server| server.starts_with(SERVICE_SERVER)) {
        error = refine_service_refusal(error);
    }
    with_times(error, headers)
}

/// Corrects the advice for a refusal that the blob service itself sent.
///
/// The account's front end checks network rules and tokens before a request reaches the service. So
/// this refusal proves that the account exists and that its network rules let the request through.
fn refine_service_refusal(error: Error) -> Error {
    match error.code() {
        // From the front end this code means the network rules; from the service, the credential.
        Some("AuthorizationFailure") => error
            .with_detail(Detail::BlobService)
            .with_message("the account does not allow this operation with this credential; check the permissions of the shared access signature, or the role assignment"),
        // The service says so for a missing container and for an anonymous request alike.
        Some(code @ "ResourceNotFound") => {
            let code = code.to_owned();
            let what = "the container or blob does not exist, or is not public; check the names, and use a credential";
            let found = Error::new(ErrorKind::ContainerNotFound, what).with_code(code);
            let found = error.status().into_iter().fold(found, Error::with_status);
            let id = error.request_id().map(str::to_owned);
            id.into_iter().fold(found, Error::with_request_id)
        }
        _ => error,
    }
}

/// Returns the ID under which Azure support finds the request.
pub(super) fn request_id(headers: &Headers) -> Option<&str> {
    // Only GUIDs: a malicious endpoint could echo a token or signature in this header.
    headers.get_optional_str(&REQUEST_ID).filter(|id| is_guid(id))
}

/// Returns the service's time of day, from the `Date` header.
pub(super) fn served_at(headers: &Headers) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get_optional_str(&DATE)?).ok()
}

/// Adds the service's time and the wait that it asked for, which is a number or a date.
fn with_times(error: Error, headers: &Headers) -> Error {
    let now = served_at(headers);
    // The first header that can be read wins; the milliseconds are more exact.
    let wait = RETRY_AFTER.iter().find_map(|(name, unit)| {
        let text = headers.get_optional_str(name)?.trim();
        match text.parse::<u64>() {
            // INVARIANT: no arithmetic with the service's numbers can overflow.
            Ok(n) => Some(Duration::from_millis(n.saturating_mul(*unit))),
            Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now?).ok(),
        }
    });
    let wait = wait.map(|wait| wait.min(MAX_RETRY_AFTER));
    let error = wait.into_iter().fold(error, Error::with_retry_after);
    now.into_iter().fold(error, Error::with_served_at)
}

/// Returns the code of an error body in XML, or in JSON as the `dfs` endpoint writes it.
fn code_in_body(body: &[u8]) -> Option<String> {
    // JSON, from the `dfs` endpoint.
    if body.trim_ascii_start().first() == Some(&b'{') {
        let body = body.get(..MAX_ERROR_BYTES).unwrap_or(body);
        let body: serde_json::Value = serde_json::from_slice(body).ok()?;
        return Some(body.get("error")?.get("code")?.as_str()?.to_owned());
    }
    let text = String::from_utf8_lossy(body.get(..body.len().min(4096))?);
    let (_, rest) = text.split_once("<Code>")?;
    Some(rest.split_once("</Code>")?.0.to_owned())
}

/// Converts the error of a sign-in: the authority's refusal, or a source of tokens that has none.
///
/// Every error of this function is marked as one of the sign-in, so that a diagnosis does not blame
/// the storage account for it.
pub(super) fn from_credential(error: &azure_core::Error) -> Error {
    // This crate's own reasons come first: the SDK wraps them in errors of its own.
    for cause in chain(error) {
        if let Some(reason) = cause.downcast_ref::<NoToken>() {
            return reason.to_error();
        }
        let own = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(failure) = own.and_then(|own| own.downcast_ref::<CliFailure>()) {
            return failure.to_error();
        }
    }
    // The authority's answer is nested at a depth that depends on the credential.
    let answer = chain(error).filter_map(as_sdk_error).find_map(|inner| match inner.kind() {
        SdkKind::HttpResponse { status, raw_response, .. } => {
            Some((*status, raw_response.as_deref()))
        }
        _ => None,
    });
    if let Some((status, raw)) = answer {
        let body = raw.map_or(&[][..], |raw| raw.body());
        let detail = oauth_detail(body);
        let code = sign_in_code(&String::from_utf8_lossy(body));
        let mut error = Error::from_sign_in(Some(status.into()), code.as_deref(), detail);
        error = trace_id(body).into_iter().fold(error, Error::with_request_id);
        return raw.into_iter().fold(error, |error, raw| with_times(error, raw.headers()));
    }
    if chain(error)
        .filter_map(as_sdk_error)
        .any(|e| matches!(e.kind(), SdkKind::Connection | SdkKind::Io))
    {
        let inner = from_network(error);
        return match inner.kind() {
            // The host without an address is the authority's here, not the account's.
            ErrorKind::AccountNotFound => Error::new(
                ErrorKind::Unreachable,
                "sign in: the authority's host name does not exist; check the cloud of the connection",
            )
            .with_detail(Detail::NameNotFound)
            .in_sign_in(),
            _ => inner.context(format_args!("sign in")).in_sign_in(),
        };
    }
    // If the SDK could not parse the answer, its error message quotes the authority's text. Only the
    // AADSTS number is taken from that text.
    if let Some(code) = chain(error).find_map(|cause| sign_in_code(&cause.to_string())) {
        return Error::from_sign_in(None, Some(&code), None);
    }
    Error::new(
        ErrorKind::CredentialUnavailable,
        "sign in: no token could be obtained; check that the source of the credential is set up on this machine",
    )
    .in_sign_in()
}

/// Returns what the OAuth word in `error` of the authority's answer means.
fn oauth_detail(body: &[u8]) -> Option<Detail> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    Detail::of_oauth(body.get("error")?.as_str()?)
}

/// Returns the ID under which Microsoft support finds the sign-in.
fn trace_id(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let id = body.get("trace_id")?.as_str()?;
    is_guid(id).then(|| id.to_owned())
}

/// Converts the error of a connection that could not be made or that broke.
///
/// The order decides: an address that the policy refuses, then the most specific cause in the chain.
/// The text of an error is only compared, and never passed on.
pub(super) fn from_network(error: &(dyn StdError + 'static)) -> Error {
    if let Some(refused) = chain(error).find_map(|cause| cause.downcast_ref::<RefusedAddress>()) {
        return refused.to_error();
    }
    // Only reported at the end, because a later cause in the chain may be more specific.
    let mut refused = false;
    for cause in chain(error) {
        if let Some(error) = cause.downcast_ref::<reqwest::Error>()
            && error.is_timeout()
        {
            return Error::new(
                ErrorKind::Timeout,
                "the endpoint did not answer within the connect or read timeout; check the endpoint and the network, or try again later",
            );
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            refused |= io.kind() == io::ErrorKind::ConnectionRefused;
        }
        // The HTTP client has no public type for errors of the resolver and of TLS. The texts below
        // are those of the system's resolver and of rustls.
        let text = cause.to_string();
        if text.contains("invalid dns name") {
            return from_lookup(false);
        }
        if text.contains("dns error") || text.contains("failed to lookup address") {
            return from_lookup(chain(error).any(|cause| is_temporary(&cause.to_string())));
        }
        if text.contains("invalid peer certificate") {
            return Error::new(
                ErrorKind::Untrusted,
                "the endpoint's TLS certificate is not trusted; check for a proxy that inspects TLS; add its certificate authority to this machine, or, for a host that is not Azure's, to the store",
            );
        }
        if text.contains("ProtocolVersion") || text.contains("peer is incompatible") {
            return Error::new(
                ErrorKind::Untrusted,
                "the endpoint and this machine have no TLS version in common; this machine offers TLS 1.2 and 1.3",
            )
            .with_detail(Detail::TlsVersion);
        }
    }
    if refused {
        return Error::new(
            ErrorKind::Unreachable,
            "the connection was refused: nothing listens at this address and port; check the endpoint, its port and the firewall",
        )
        .with_detail(Detail::ConnectionRefused);
    }
    Error::new(
        ErrorKind::Unreachable,
        "the connection could not be made or broke; check the endpoint and the network, or try again later",
    )
}

/// Returns whether a resolver's message, of glibc, musl or Windows, means that it got no answer.
pub(super) fn is_temporary(text: &str) -> bool {
    ["Temporary failure", "Try again", "temporary error"].iter().any(|part| text.contains(part))
}

/// Returns the error for a host without an address.
///
/// A name service that does not answer says nothing about the name, so that error is transient.
pub(super) fn from_lookup(temporary: bool) -> Error {
    if temporary {
        let what = "the DNS server did not answer; check the network, or try again later";
        return Error::new(ErrorKind::Unreachable, what).with_detail(Detail::NameServiceFailed);
    }
    Error::new(
        ErrorKind::AccountNotFound,
        "the storage account's host name does not exist; check the account name and the cloud of the connection",
    )
    .with_detail(Detail::NameNotFound)
}

/// Returns an error and its causes, the outermost first.
pub(super) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Returns the cause as an SDK error, if it is one.
fn as_sdk_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a azure_core::Error> {
    error.downcast_ref::<azure_core::Error>()
}
