//! The one error type of all operations that do I/O.
//!
//! Uses no type of another module. Whoever creates an error must keep secrets out of its message.

mod classify;
mod detail;
mod json;
mod kind;

use std::{
    error::Error as StdError,
    fmt, io,
    sync::Arc,
    time::{Duration, SystemTime},
};

pub(crate) use self::classify::is_code;
use self::classify::{classify, classify_sign_in};
pub use self::{classify::sign_in_code, detail::Detail, kind::ErrorKind};
pub use crate::coded::UnknownCode;

/// An error: what happened, to what, and what to do about it.
///
/// [`kind`](Self::kind) says what kind of error it is, and [`is_transient`](Self::is_transient) whether
/// the same request may succeed later. `Display` prints the message in one line, with the HTTP status,
/// the error code and the request ID, for example:
///
/// ```text
/// list container `training`: access denied: … (HTTP 403, AuthorizationPermissionMismatch, request 3f25…)
/// ```
///
/// An error never contains a token, a secret or a URL with a signature. The errors of the SDK, which
/// do, are read and dropped. The type is one pointer wide.
///
/// In JSON an error is an object with `kind`, `message` and what else is known. The errors that caused it
/// are one text there, `source`, because their types cannot be read back.
///
/// ```
/// use azure_asset_sync::{Error, ErrorKind};
///
/// fn handle(error: &Error) -> &'static str {
///     match error.kind() {
///         ErrorKind::PermissionDenied => "ask the customer to assign the role",
///         _ if error.is_transient() => "try again later",
///         _ => "show the message",
///     }
/// }
///
/// let error = Error::from_response(503, Some("ServerBusy"));
/// assert_eq!(error.kind(), ErrorKind::Throttled);
/// assert_eq!(handle(&error), "try again later");
/// ```
#[derive(Clone)]
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
    /// Creates an error of this kind, for implementors of [`Store`](crate::store::Store) and
    /// [`Sink`](crate::sink::Sink).
    ///
    /// The message says in one line what happened, to what, and what to do. It must not contain a
    /// secret.
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

    /// Creates the error for an answer of the blob service.
    ///
    /// `code` is the `x-ms-error-code` header, or `<Code>` of the body. A text that does not look like a
    /// code is dropped, because a malicious service could echo a secret there. Source: Microsoft Learn,
    /// "Blob Storage error codes" and "Common REST API error codes".
    pub fn from_response(status: u16, code: Option<&str>) -> Self {
        // INVARIANT: a code in an error always has the form of a code.
        let code = code.filter(|code| is_code(code));
        let (kind, advice) = classify(status, code.unwrap_or_default());
        let mut error = Self::new(kind, advice);
        error.0.status = Some(status);
        error.0.code = code.map(str::to_owned);
        error
    }

    /// Creates the error for an authority's refusal to sign in.
    ///
    /// `code` is `AADSTS` with a number, which [`sign_in_code`] finds in a text. For a number that is
    /// not known, the OAuth word in `detail` decides. Source: Microsoft Learn, "Microsoft Entra
    /// authentication and authorization error codes".
    pub fn from_sign_in(status: Option<u16>, code: Option<&str>, detail: Option<Detail>) -> Self {
        let (kind, advice) = classify_sign_in(status, code.unwrap_or_default(), detail);
        let mut error = Self::new(kind, format!("sign in: {advice}"));
        error.0.status = status;
        error.0.code = code.map(str::to_owned);
        error.0.detail = detail;
        error.in_sign_in()
    }

    /// Adds the ID that the service gave the request.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// Adds the HTTP status of the answer.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds the error code of the service or of the authority.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Adds the wait that the service requested.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Adds the detail that is known beyond kind and code.
    #[must_use]
    pub fn with_detail(mut self, detail: Detail) -> Self {
        self.0.detail = Some(detail);
        self
    }

    /// Adds the time of day at the service, from its `Date` header.
    #[must_use]
    pub fn with_served_at(mut self, time: SystemTime) -> Self {
        self.0.served_at = Some(time);
        self
    }

    /// Marks the error as one of the sign-in, not of the store.
    #[must_use]
    pub fn in_sign_in(mut self) -> Self {
        self.0.in_sign_in = true;
        self
    }

    /// Adds the cause, which is printed with the error and must not contain a secret.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Creates an error of reading or writing the state of a sync.
    #[cfg(feature = "sync")]
    pub(crate) fn state(what: &str, source: io::Error) -> Self {
        // The contract of `StateFiles`: the lock was lost to another run.
        let kind = match source.kind() {
            io::ErrorKind::ResourceBusy => ErrorKind::StateBusy,
            _ => ErrorKind::State,
        };
        Self::new(kind, format!("could not {what}: {source}")).with_source(source)
    }

    /// Creates an error of writing a batch.
    pub(crate) fn sink(what: &str, source: io::Error) -> Self {
        Self::new(ErrorKind::Sink, format!("the sink could not {what}: {source}"))
            .with_source(source)
    }

    /// Puts the operation before the message.
    pub(crate) fn context(mut self, doing: fmt::Arguments<'_>) -> Self {
        self.0.message = format!("{doing}: {}", self.0.message);
        self
    }

    /// Replaces the message, if more specific advice is known.
    #[cfg(any(feature = "azure", feature = "object-store"))]
    pub(crate) fn with_message(mut self, message: &str) -> Self {
        message.clone_into(&mut self.0.message);
        self
    }

    /// Returns the kind, to match on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns whether the same request may succeed later, without any change.
    ///
    /// True for [`Unreachable`](ErrorKind::Unreachable), [`Throttled`](ErrorKind::Throttled),
    /// [`Unavailable`](ErrorKind::Unavailable), [`Timeout`](ErrorKind::Timeout) and
    /// [`Truncated`](ErrorKind::Truncated), unless the host name does not exist.
    #[doc(alias = "retryable")]
    pub fn is_transient(&self) -> bool {
        // A host name that does not exist, of the authority for example, will not appear by itself.
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

    /// Returns the HTTP status, or `None` if there was no answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns the service's error code: `x-ms-error-code`, or `AADSTS…` of the authority.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Returns the ID under which Azure support finds the request.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Returns the detail that is known beyond kind and code.
    pub fn detail(&self) -> Option<Detail> {
        self.0.detail
    }

    /// Returns whether the sign-in failed, and not the request to storage.
    pub fn is_in_sign_in(&self) -> bool {
        self.0.in_sign_in
    }

    /// Returns the time of day at the service when it answered.
    pub fn served_at(&self) -> Option<SystemTime> {
        self.0.served_at
    }

    /// Returns how long the service wants clients to wait before the next request.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        // The first field opens the parenthesis, and the last line closes it if there was any.
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
