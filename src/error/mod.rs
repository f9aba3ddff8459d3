//! One error for everything that awaits something.
//!
//! Names no type of another module. Whoever makes an error keeps secrets out of its message.

mod classify;
mod detail;

use std::{
    error::Error as StdError,
    fmt, io,
    sync::Arc,
    time::{Duration, SystemTime},
};

pub(crate) use self::classify::is_code;
use self::classify::{classify, classify_sign_in};
pub use self::{classify::sign_in_code, detail::Detail};

/// What went wrong, in one word to match on
///
/// The word says who must act; [`Error::is_transient`] says whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The settings contradict each other: for example, a token for an endpoint without TLS
    Config,
    /// The service's [`HostPolicy`](crate::HostPolicy) does not allow the endpoint or authority of
    /// the connection, or an address that the host resolves to
    ///
    /// Nothing was sent there. The message prints the line that allows the host.
    HostRefused,
    /// The storage account belongs to another tenant than the customer on record
    TenantMismatch,
    /// The authority refused the credential: wrong or expired secret, unknown application
    CredentialRejected,
    /// The authority does not know the tenant
    TenantNotFound,
    /// No token could be obtained for another reason: for example, the Azure CLI is missing
    CredentialUnavailable,
    /// The storage account did not accept the token or the signature
    Unauthenticated,
    /// The principal may not do this: role, scope, condition, propagation or network rule
    PermissionDenied,
    /// There is no such storage account
    AccountNotFound,
    /// There is no such container in the account
    ContainerNotFound,
    /// There is no such blob, or not this version of it
    BlobNotFound,
    /// The blob is no longer the version that was asked for
    BlobChanged,
    /// The range begins after the end of the blob
    RangeNotSatisfiable,
    /// The service refused the request as malformed, or does not know it
    BadRequest,
    /// Nothing answers at the address: connection refused, reset, no route
    Unreachable,
    /// The endpoint shows a certificate that this machine does not trust, or speaks no TLS that it
    /// does
    Untrusted,
    /// The service asks for fewer requests
    Throttled,
    /// The service failed
    Unavailable,
    /// The complete answer did not arrive within the deadline
    Timeout,
    /// The answer ended too early
    Truncated,
    /// The answer is complete, but is not one of Azure Blob Storage
    UnexpectedAnswer,
    /// The answer is larger than the store accepts
    TooLarge,
    /// The service gave a marker a second time, so the listing would never end
    RepeatedMarker,
    /// The service gave names in another order than it should, so the listing may lack some
    OutOfOrder,
    /// The sink could not take a batch
    Sink,
    /// The state of a sync could not be read or written: no room, no right, a failing disk
    State,
    /// Another run holds the state
    StateBusy,
    /// The state is damaged, of a format that is not known, or of another container
    StateInvalid,
}

impl ErrorKind {
    /// The kind as a stable code, for logs and answers of an API
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::HostRefused => "host_refused",
            Self::TenantMismatch => "tenant_mismatch",
            Self::CredentialRejected => "credential_rejected",
            Self::TenantNotFound => "tenant_not_found",
            Self::CredentialUnavailable => "credential_unavailable",
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionDenied => "permission_denied",
            Self::AccountNotFound => "account_not_found",
            Self::ContainerNotFound => "container_not_found",
            Self::BlobNotFound => "blob_not_found",
            Self::BlobChanged => "blob_changed",
            Self::RangeNotSatisfiable => "range_not_satisfiable",
            Self::BadRequest => "bad_request",
            Self::Unreachable => "unreachable",
            Self::Untrusted => "untrusted",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Truncated => "truncated",
            Self::UnexpectedAnswer => "unexpected_answer",
            Self::TooLarge => "too_large",
            Self::RepeatedMarker => "repeated_marker",
            Self::OutOfOrder => "out_of_order",
            Self::Sink => "sink",
            Self::State => "state",
            Self::StateBusy => "state_busy",
            Self::StateInvalid => "state_invalid",
        }
    }
}

/// What happened, to what, and what to do about it
///
/// One pointer wide. Never holds a token, a secret or a URL with a signature: the errors of the
/// SDK, which do, are read and dropped.
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    status: Option<u16>,
    code: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    detail: Option<Detail>,
    served_at: Option<SystemTime>,
    in_sign_in: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind; the message says what happened and what to do, in one line
    ///
    /// For implementors of [`Store`](crate::store::Store) and [`Sink`](crate::sink::Sink).
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            status: None,
            code: None,
            request_id: None,
            retry_after: None,
            detail: None,
            served_at: None,
            in_sign_in: false,
            source: None,
        }))
    }

    /// The error that a blob service's answer stands for
    ///
    /// `code` is the `x-ms-error-code` header, or `<Code>` of the body; what has not the shape of a
    /// code is left out, since a service could echo there what it was sent. Source: Microsoft Learn,
    /// "Blob Storage error codes" and "Common REST API error codes".
    pub fn from_response(status: u16, code: Option<&str>) -> Self {
        let code = code.filter(|code| is_code(code));
        let (kind, advice) = classify(status, code.unwrap_or_default());
        let mut error = Self::new(kind, advice);
        error.0.status = Some(status);
        error.0.code = code.map(str::to_owned);
        error
    }

    /// The error that an authority's refusal to sign in stands for
    ///
    /// `code` is `AADSTS` with a number, for which [`sign_in_code`] looks. The number is the
    /// authority's own and may change, so what it does not tell the OAuth word in `detail` does.
    /// Source: Microsoft Learn, "Microsoft Entra authentication and authorization error codes".
    pub fn from_sign_in(status: Option<u16>, code: Option<&str>, detail: Option<Detail>) -> Self {
        let (kind, advice) = classify_sign_in(status, code.unwrap_or_default(), detail);
        let mut error = Self::new(kind, format!("sign in: {advice}"));
        error.0.status = status;
        error.0.code = code.map(str::to_owned);
        error.0.detail = detail;
        error.in_sign_in()
    }

    /// Names the request that failed, as the service calls it
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// Adds the HTTP status of the answer
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds the error code of the service or of the authority
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Adds how long the service asked to wait
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Adds what is known beyond kind and code
    #[must_use]
    pub fn with_detail(mut self, detail: Detail) -> Self {
        self.0.detail = Some(detail);
        self
    }

    /// Adds the time of day at the service, as its `Date` header tells
    #[must_use]
    pub fn with_served_at(mut self, time: SystemTime) -> Self {
        self.0.served_at = Some(time);
        self
    }

    /// Says that it arose while a token was asked for, and not at the store
    #[must_use]
    pub fn in_sign_in(mut self) -> Self {
        self.0.in_sign_in = true;
        self
    }

    /// Adds the cause; it is printed with the error, so it must hold no secret
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    #[cfg(feature = "sync")]
    pub(crate) fn state(what: &str, source: io::Error) -> Self {
        Self::new(ErrorKind::State, format!("could not {what}: {source}")).with_source(source)
    }

    pub(crate) fn sink(what: &str, source: io::Error) -> Self {
        Self::new(ErrorKind::Sink, format!("the sink could not {what}: {source}"))
            .with_source(source)
    }

    /// Puts what was being done before the message
    pub(crate) fn context(mut self, doing: fmt::Arguments<'_>) -> Self {
        self.0.message = format!("{doing}: {}", self.0.message);
        self
    }

    /// Says this in the place of its message, where it is known better what to do
    #[cfg(feature = "azure")]
    pub(crate) fn with_message(mut self, message: &str) -> Self {
        message.clone_into(&mut self.0.message);
        self
    }

    /// The same error, for another who waited for the same
    #[cfg(feature = "azure")]
    pub(crate) fn again(&self) -> Self {
        Self(self.0.clone())
    }

    /// What went wrong, in one word
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same request may succeed a little later
    pub fn is_transient(&self) -> bool {
        // A name that does not exist is no passing failure, whatever host it is of.
        self.0.detail != Some(Detail::NameNotFound)
            && matches!(
                self.0.kind,
                ErrorKind::Unreachable
                    | ErrorKind::Throttled
                    | ErrorKind::Unavailable
                    | ErrorKind::Timeout
                    | ErrorKind::Truncated
            )
    }

    /// The HTTP status of the answer, where there was one
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The service's own word: `x-ms-error-code`, or `AADSTS…` of the authority
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The id under which Azure's support finds the request
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// What is known beyond kind and code
    pub fn detail(&self) -> Option<Detail> {
        self.0.detail
    }

    /// Whether it arose while a token was asked for
    pub fn is_in_sign_in(&self) -> bool {
        self.0.in_sign_in
    }

    /// The time of day at the service when it answered
    pub fn served_at(&self) -> Option<SystemTime> {
        self.0.served_at
    }

    /// How long the service asked to wait before the next request
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        let mut open = " (";
        let mut field = |f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>| {
            write!(f, "{open}{text}")?;
            open = ", ";
            Ok::<_, fmt::Error>(())
        };
        if let Some(status) = self.0.status {
            field(f, format_args!("HTTP {status}"))?;
        }
        if let Some(code) = &self.0.code {
            field(f, format_args!("{code}"))?;
        }
        if let Some(id) = &self.0.request_id {
            field(f, format_args!("request {id}"))?;
        }
        if open == ", " { f.write_str(")") } else { Ok(()) }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("status", &self.0.status)
            .field("code", &self.0.code)
            .field("request_id", &self.0.request_id)
            .field("retry_after", &self.0.retry_after)
            .field("detail", &self.0.detail)
            .field("served_at", &self.0.served_at)
            .field("in_sign_in", &self.0.in_sign_in)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
