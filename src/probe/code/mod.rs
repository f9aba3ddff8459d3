//! Maps the codes, numbers and sentences of services to causes.
//!
//! A code outranks everything else in an answer: the same status has many causes, and messages change.
//! A code that is not in the tables is reported as unknown or as merely possible, never as certain.

mod table;

use self::table::{AADSTS, PASTED, SERVICE};
use super::{
    cause::Cause::{self, self as C},
    check::Check,
    class::Layer,
};
use crate::error::{Detail, Error, ErrorKind};

/// The basis on which a cause was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    /// A code that has one meaning.
    Code,
    /// The kind of the error, or a code that has several meanings.
    Kind,
}

/// Returns the cause of an error that a check encountered, and what the cause follows from.
///
/// In this order: the code, the detail, the status, the kind.
pub(super) fn of_error(error: &Error, check: Check) -> (Cause, Basis) {
    if let Some((cause, basis)) = error.code().and_then(|code| of_code(code, error, check)) {
        return match (cause, check) {
            // Both need a role on the account; the role may well be on the container.
            (C::AccessMissing, Check::ListContainers) => (C::ContainersOutOfScope, Basis::Kind),
            (C::AccessMissing, Check::DelegationKey) => (C::KeyOutOfScope, Basis::Kind),
            _ => (cause, basis),
        };
    }
    // Status codes have other meanings at the authority than at the blob service.
    let signing_in = error.is_in_sign_in() || check.layer() == Layer::Entra;
    if let Some(cause) = error.detail().and_then(of_detail) {
        // During the sign-in, the host without an address is that of the authority.
        let authority = signing_in && cause == C::AccountNotFound;
        // A number that has no row would be more exact than the OAuth error word beside it.
        let is_ambiguous = error.code().is_some() || cause == C::CredentialRejected;
        let basis = if is_ambiguous { Basis::Kind } else { Basis::Code };
        return (if authority { C::Misconfigured } else { cause }, basis);
    }
    let cause = match (error.status(), error.kind()) {
        (Some(401), _) if !signing_in => C::JustAssigned,
        (Some(408), _) => C::RequestTimeout,
        (Some(429), _) if signing_in => C::SignInThrottled,
        (Some(502 | 504), _) => C::Gateway,
        (_, ErrorKind::Unavailable) if signing_in => C::SignInUnavailable,
        (_, ErrorKind::Throttled) if signing_in => C::SignInThrottled,
        (_, ErrorKind::Config) => C::Misconfigured,
        (_, ErrorKind::HostRefused) => C::HostRefused,
        (_, ErrorKind::TenantMismatch) => C::TenantMismatch,
        (_, ErrorKind::CredentialRejected) => C::CredentialRejected,
        (_, ErrorKind::TenantNotFound) => C::TenantNotFound,
        (_, ErrorKind::CredentialUnavailable) => C::CredentialUnavailable,
        (_, ErrorKind::Unauthenticated) => C::TokenInvalid,
        // A role assignment helps against known codes only, so an unknown code must not suggest it.
        (_, ErrorKind::PermissionDenied) if error.code().is_some() => C::Unknown,
        (_, ErrorKind::PermissionDenied) => C::AccessMissing,
        (_, ErrorKind::AccountNotFound) => C::AccountNotFound,
        (_, ErrorKind::ContainerNotFound) => C::ContainerNotFound,
        (_, ErrorKind::BlobNotFound) => C::BlobNotFound,
        (_, ErrorKind::BlobChanged) => C::BlobChanged,
        (_, ErrorKind::RangeNotSatisfiable) => C::RangeInvalid,
        (_, ErrorKind::BadRequest) => C::BadRequest,
        (_, ErrorKind::Unreachable) => C::Unreachable,
        (_, ErrorKind::Untrusted) => C::UntrustedCertificate,
        (_, ErrorKind::Throttled) => C::Throttled,
        (_, ErrorKind::Unavailable) => C::ServiceFailed,
        (_, ErrorKind::Timeout) => C::RequestTimeout,
        (_, ErrorKind::Truncated) => C::AnswerBrokeOff,
        (
            _,
            ErrorKind::UnexpectedAnswer
            | ErrorKind::TooLarge
            | ErrorKind::RepeatedMarker
            | ErrorKind::OutOfOrder,
        ) => C::NotAzure,
        (
            _,
            ErrorKind::Sink
            | ErrorKind::State
            | ErrorKind::StateBusy
            | ErrorKind::StateInvalid
            | ErrorKind::Cancelled
            | ErrorKind::Panicked
            | ErrorKind::Other,
        ) => C::Unknown,
    };
    (cause, Basis::Kind)
}

/// Returns the cause of an error code, with what the status and the detail add.
///
/// Returns `None` for a code that has no row. The caller then looks at the detail and the kind.
fn of_code(code: &str, error: &Error, check: Check) -> Option<(Cause, Basis)> {
    if let Some(number) = code.strip_prefix("AADSTS") {
        return of_number(number).map(|cause| (cause, Basis::Code));
    }
    let cause = match (code, error.status(), error.detail()) {
        ("InvalidHeaderValue", ..) if check.layer() == Layer::Cors => C::PreflightMalformed,
        // One code covers all problems of signatures; the detail names the one.
        (_, _, Some(detail)) if is_of_signature(detail) => of_detail(detail)?,
        // These codes have several causes, and the message in the body tells them apart.
        (
            "AuthenticationFailed"
            | "AuthorizationFailure"
            | "InvalidAuthenticationInfo"
            | "InvalidHeaderValue",
            _,
            Some(detail),
        ) => of_detail(detail)?,
        ("InvalidAuthenticationInfo", Some(400), _) => C::HeaderMalformed,
        _ => of_word(code)?,
    };
    // These codes also concern other headers than the version, and other inputs than names.
    let is_ambiguous =
        code == "OutOfRangeInput" || (code, error.detail()) == ("InvalidHeaderValue", None);
    Some((cause, if is_ambiguous { Basis::Kind } else { Basis::Code }))
}

/// Returns whether a detail is about a shared access signature.
fn is_of_signature(detail: Detail) -> bool {
    matches!(
        detail,
        Detail::SignatureExpired
            | Detail::SignatureNotYetValid
            | Detail::SignatureRights
            | Detail::SignatureCut
            | Detail::SignatureMismatch
    )
}

/// Returns the cause of an `AADSTS` number.
fn of_number(number: &str) -> Option<Cause> {
    let number: u32 = number.parse().ok()?;
    let row = AADSTS.binary_search_by_key(&number, |row| row.0).ok()?;
    AADSTS.get(row).map(|row| row.1)
}

/// Returns the cause of a code that is a word.
fn of_word(code: &str) -> Option<Cause> {
    let row = SERVICE.binary_search_by_key(&code, |row| row.0).ok()?;
    SERVICE.get(row).map(|row| row.1)
}

/// Returns the cause of a detail that the error was classified with.
fn of_detail(detail: Detail) -> Option<Cause> {
    Some(match detail {
        Detail::NameNotFound => C::AccountNotFound,
        Detail::NameServiceFailed => C::NameServiceFailed,
        Detail::PrivateAddress => C::PrivateEndpoint,
        Detail::ReservedAddress => C::HostRefused,
        Detail::ConnectionRefused => C::Unreachable,
        Detail::TlsVersion => C::TlsVersion,
        Detail::TokenLifetime => C::TokenExpired,
        Detail::TokenAudience => C::TokenAudience,
        Detail::TokenIssuer => C::TokenIssuer,
        Detail::TokenMalformed => C::HeaderMalformed,
        Detail::SignatureLifetime => C::SasLifetime,
        Detail::SignatureMismatch => C::SignatureRejected,
        Detail::SignatureExpired => C::SasExpired,
        Detail::SignatureNotYetValid => C::SasNotYetValid,
        Detail::SignatureRights => C::SasRights,
        Detail::SignatureCut => C::SasCut,
        Detail::CliMissing => C::AzureCliMissing,
        Detail::CliSignedOut => C::AzureCliSignedOut,
        Detail::CliFailed => C::AzureCliFailed,
        Detail::CliOutput => C::AzureCliOutput,
        Detail::CliHangs => C::AzureCliHangs,
        Detail::NoIdentityEndpoint => C::IdentityEndpointMissing,
        Detail::NoSuchIdentity => C::IdentityUnknown,
        Detail::TokenFile => C::TokenFileUnreadable,
        Detail::BlobService => C::OperationForbidden,
        Detail::ApiVersion => C::VersionInvalid,
        Detail::RequestHeader => C::HeaderInvalid,
        Detail::UnauthorizedClient => C::ServicePrincipalMissing,
        Detail::InvalidRequest => C::RequestMalformed,
        Detail::InvalidResource => C::ResourceUnknown,
        Detail::InvalidScope => C::ScopeInvalid,
        Detail::AccessDenied => C::ConditionalAccess,
        Detail::TemporarilyUnavailable => C::SignInUnavailable,
        Detail::InvalidClient | Detail::InvalidGrant => C::CredentialRejected,
        Detail::Other => return None,
    })
}

/// Returns the cause that a pasted text names, and the code or sentence that names it.
///
/// A code anywhere in the text outranks a sentence, because sentences are translated.
pub(super) fn in_text(text: &str) -> Option<(Cause, String)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    // The first known word wins: an answer names its own code before it quotes others.
    for word in text.split(|c| !is_word(c)) {
        let known = match word.strip_prefix("AADSTS") {
            Some(number) => of_number(number),
            None => of_word(word),
        };
        if let Some(cause) = known {
            return Some((in_words(text, word, cause), word.to_owned()));
        }
    }
    // Sentences come in different letter case from different tools.
    let lower = text.to_ascii_lowercase();
    let found = PASTED.iter().find(|(part, _)| lower.contains(&part.to_ascii_lowercase()));
    found.map(|(part, cause)| (*cause, (*part).to_owned()))
}

/// Returns the cause of a code that has several meanings, by the words around the code.
fn in_words(text: &str, code: &str, cause: Cause) -> Cause {
    match code {
        "AADSTS70001" if text.contains("was not found in the directory") => {
            C::ServicePrincipalMissing
        }
        "AuthenticationFailed" | "InvalidAuthenticationInfo" => {
            Detail::in_body(text.as_bytes()).and_then(of_detail).unwrap_or(cause)
        }
        "AuthorizationFailed" => match refused_action(text) {
            Some(action) if !action.eq_ignore_ascii_case(ASSIGN) => C::ManagementForbidden,
            _ => cause,
        },
        // Only Azure Resource Manager names the resource and its group; the blob service does not.
        "ResourceNotFound" if text.contains("under resource group") => C::ManagedResourceNotFound,
        _ => cause,
    }
}

/// The action that assigns a role.
const ASSIGN: &str = "Microsoft.Authorization/roleAssignments/write";

/// Returns the action that Azure Resource Manager names in a refusal.
///
/// Returns `None` if the quoted text does not look like an action: a pasted text can have any content.
pub(super) fn refused_action(text: &str) -> Option<&str> {
    // A refusal on a linked scope first names an action that is allowed, so that one is skipped.
    let linked = text.split_once("not have permission to perform action(s) '");
    let (_, rest) = linked.or_else(|| text.split_once("perform action '"))?;
    let (action, _) = rest.split_once('\'')?;
    // Keeps pasted text out of the diagnosis, unless it has the form of an action.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '*');
    (action.len() <= 200 && action.chars().all(is_plain)).then_some(action)
}
