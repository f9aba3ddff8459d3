//! Maps codes, numbers and sentences of services to causes.
//!
//! A code outranks everything else of an answer. What is not listed here is reported as unknown or
//! as merely possible, never as certain.

use super::{Cause, Check, Layer};
use crate::error::{Detail, Error, ErrorKind};

use Cause as C;

/// Codes of the blob service, of Azure Resource Manager and of Microsoft Graph
const SERVICE: &[(&str, Cause)] = &[
    ("AccountBeingCreated", C::ServiceFailed),
    ("AccountIsDisabled", C::AccountDisabled),
    ("AccountNameInvalid", C::InvalidAccountName),
    ("AccountNotFound", C::AccountNotFound),
    ("AccountRequiresHttps", C::HttpsRequired),
    ("AuthenticationFailed", C::SignatureRejected),
    ("AuthorizationFailed", C::AssignmentForbidden),
    ("AuthorizationFailure", C::Firewall),
    ("AuthorizationPermissionMismatch", C::AccessMissing),
    ("AuthorizationProtocolMismatch", C::SasProtocol),
    ("AuthorizationResourceTypeMismatch", C::SasResourceType),
    ("AuthorizationServiceMismatch", C::SasService),
    ("AuthorizationSourceIPMismatch", C::SasAddress),
    ("Authorization_RequestDenied", C::PrincipalCreationForbidden),
    ("BlobArchived", C::BlobArchived),
    ("BlobBeingRehydrated", C::BlobRehydrating),
    ("BlobNotFound", C::BlobNotFound),
    ("BlobUsesCustomerSpecifiedEncryption", C::CustomerKey),
    ("BothCrc64AndMd5RangeHeaderPresent", C::HeaderInvalid),
    ("ConditionNotMet", C::BlobChanged),
    ("ContainerBeingDeleted", C::ContainerBeingDeleted),
    ("ContainerDisabled", C::ContainerDisabled),
    ("ContainerNotFound", C::ContainerNotFound),
    ("CorsPreflightFailure", C::CorsMissing),
    ("DenyAssignmentAuthorizationFailed", C::DenyAssignment),
    ("EndpointUnsupportedAccountFeatures", C::FeatureUnsupported),
    ("ExpiredAuthenticationToken", C::SignInExpired),
    ("FeatureNotYetSupportedForHierarchicalNamespaceAccounts", C::FeatureUnsupported),
    ("FeatureVersionMismatch", C::VersionInvalid),
    ("FilesystemBeingDeleted", C::ContainerBeingDeleted),
    ("FilesystemDisabled", C::ContainerDisabled),
    ("FilesystemNotFound", C::ContainerNotFound),
    ("InsufficientAccountPermissions", C::AccountRestricted),
    ("InternalError", C::ServiceFailed),
    ("InternalServerError", C::ServiceFailed),
    ("InvalidAuthenticationInfo", C::TokenInvalid),
    ("InvalidAuthenticationToken", C::SignInExpired),
    ("InvalidAuthenticationTokenTenant", C::SubscriptionNotFound),
    ("InvalidHeaderValue", C::VersionInvalid),
    ("InvalidPrincipalId", C::PrincipalMalformed),
    ("InvalidQueryParameterValue", C::QueryInvalid),
    ("InvalidRange", C::RangeInvalid),
    ("InvalidResourceName", C::NameInvalid),
    ("InvalidSubscriptionId", C::SubscriptionNotFound),
    ("InvalidUri", C::AddressInvalid),
    ("IpAuthorizationError", C::Firewall),
    ("KeyBasedAuthenticationNotPermitted", C::KeysForbidden),
    ("KeyVaultEncryptionKeyNotFound", C::EncryptionKeyMissing),
    ("LinkedAuthorizationFailed", C::ManagementForbidden),
    ("MissingRequiredHeader", C::HeaderInvalid),
    ("MissingRequiredQueryParameter", C::QueryInvalid),
    ("MissingSubscription", C::ScopeMalformed),
    ("MutuallyExclusiveQueryParameters", C::QueryInvalid),
    ("NoAuthenticationInformation", C::NoCredential),
    ("OperationTimedOut", C::ServiceTimeout),
    ("OutOfRangeInput", C::NameInvalid),
    ("OutOfRangeQueryParameterValue", C::QueryInvalid),
    ("ParentResourceNotFound", C::ManagedResourceNotFound),
    ("PathNotFound", C::BlobNotFound),
    ("PrincipalNotFound", C::PrincipalNotReplicated),
    ("PrincipalTypeNotSupported", C::PrincipalTypeMismatch),
    ("PublicAccessNotPermitted", C::PublicAccessForbidden),
    ("ReadOnlyDisabledSubscription", C::AccountDisabled),
    ("RequestDisallowedByPolicy", C::PolicyForbids),
    ("RequestForbiddenByContainerEncryptionPolicy", C::EncryptionPolicy),
    ("Request_ResourceNotFound", C::ServicePrincipalMissing),
    ("ResourceGroupNotFound", C::ResourceGroupNotFound),
    ("ResourceNotFound", C::ResourceNotFound),
    ("RoleAssignmentExists", C::AssignmentExists),
    ("RoleAssignmentLimitExceeded", C::AssignmentLimit),
    ("RoleAssignmentUpdateNotPermitted", C::AssignmentNameTaken),
    ("RoleDefinitionDoesNotExist", C::RoleUnknown),
    ("ScopeLocked", C::ScopeLocked),
    ("ServerBusy", C::Throttled),
    ("SubscriptionNotFound", C::SubscriptionNotFound),
    ("SubscriptionRequestsThrottled", C::Throttled),
    ("TlsVersionNotPermitted", C::TlsVersion),
    ("UnmatchedPrincipalType", C::PrincipalTypeMismatch),
    ("UnsupportedHeader", C::HeaderInvalid),
    ("UnsupportedQueryParameter", C::QueryInvalid),
];

/// Numbers of the authority
const AADSTS: &[(u32, Cause)] = &[
    (50_001, C::ResourceUnknown),
    (50_012, C::CertificateRejected),
    (50_013, C::AssertionMalformed),
    (50_020, C::NotAServicePrincipal),
    (50_027, C::AssertionMalformed),
    (50_034, C::NotAServicePrincipal),
    (50_059, C::TenantMalformed),
    (50_074, C::InteractionRequired),
    (50_076, C::InteractionRequired),
    (50_079, C::InteractionRequired),
    (50_158, C::InteractionRequired),
    (50_173, C::SignInExpired),
    (50_194, C::AuthorityInvalid),
    (50_196, C::SignInLoop),
    (53_000, C::ConditionalAccess),
    (53_001, C::ConditionalAccess),
    (53_002, C::ConditionalAccess),
    (53_003, C::ConditionalAccess),
    (53_004, C::ConditionalAccess),
    (65_001, C::ConsentMissing),
    (70_001, C::ApplicationDisabled),
    (70_002, C::SecretWrong),
    (70_008, C::SignInExpired),
    (70_011, C::ScopeInvalid),
    (70_021, C::FederationMissing),
    (70_025, C::FederationMissing),
    (70_043, C::SignInExpired),
    (90_002, C::TenantNotFound),
    (90_006, C::SignInUnavailable),
    (90_012, C::SignInUnavailable),
    (90_013, C::RequestMalformed),
    (90_014, C::RequestMalformed),
    (90_024, C::SignInUnavailable),
    (90_033, C::SignInUnavailable),
    (90_038, C::WrongCloud),
    (90_055, C::SignInThrottled),
    (90_094, C::ConsentMissing),
    (90_099, C::ConsentMissing),
    (500_011, C::ResourceUnknown),
    (500_014, C::ResourceDisabled),
    (500_021, C::TenantRestricted),
    (500_133, C::AssertionTime),
    (500_212, C::ConditionalAccess),
    (500_213, C::ConditionalAccess),
    (530_032, C::ConditionalAccess),
    (530_035, C::ConditionalAccess),
    (700_011, C::ServicePrincipalMissing),
    (700_016, C::ServicePrincipalMissing),
    (700_021, C::AssertionMalformed),
    (700_023, C::AssertionMalformed),
    (700_024, C::AssertionTime),
    (700_025, C::PublicClient),
    (700_027, C::CertificateRejected),
    (700_082, C::SignInExpired),
    (700_084, C::SignInExpired),
    (700_211, C::FederationMissing),
    (700_212, C::FederationMissing),
    (700_213, C::FederationMissing),
    (900_021, C::TenantMalformed),
    (900_023, C::TenantMalformed),
    (900_144, C::RequestMalformed),
    (900_382, C::CrossCloud),
    (1_000_031, C::ApplicationDisabled),
    (1_000_502, C::CertificateRejected),
    (1_002_012, C::ScopeInvalid),
    (5_000_224, C::TenantBlocked),
    (5_000_225, C::TenantBlocked),
    (5_002_727, C::AssertionMalformed),
    (7_000_112, C::ApplicationDisabled),
    (7_000_214, C::CertificateRejected),
    (7_000_215, C::SecretWrong),
    (7_000_216, C::SecretMissing),
    (7_000_218, C::SecretMissing),
    (7_000_222, C::SecretExpired),
    (7_000_229, C::ServicePrincipalMissing),
    (7_000_274, C::CertificateRejected),
    (7_000_277, C::CertificateRejected),
    (7_002_137, C::CertificateRejected),
    (9_001_023, C::AuthorityInvalid),
];

/// Parts of messages that people paste, for texts without a code
const PASTED: &[(&str, Cause)] = &[
    ("CORS not enabled or no matching rule found", C::CorsMissing),
    ("role assignment condition is invalid", C::ConditionInvalid),
    ("Resource attribute", C::ConditionMangled),
    ("Insufficient privileges to complete the operation", C::DirectoryReadForbidden),
];

/// How certain a cause is: a code of the service's own is, a kind of ours leaves room
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Code,
    Kind,
}

pub(super) fn of_error(error: &Error, check: Check) -> (Cause, By) {
    if let Some((cause, by)) = error.code().and_then(|code| of_code(code, error, check)) {
        return match (cause, check) {
            // What only a role on the account allows.
            (C::AccessMissing, Check::ListContainers) => (C::ContainersOutOfScope, By::Kind),
            (C::AccessMissing, Check::DelegationKey) => (C::KeyOutOfScope, By::Kind),
            _ => (cause, by),
        };
    }
    let signing_in = error.is_in_sign_in() || check.layer() == Layer::Entra;
    if let Some(cause) = error.detail().and_then(of_detail) {
        // The host that has no address is then the authority's, not the account's.
        let authority = signing_in && cause == C::AccountNotFound;
        // The OAuth error word is vaguer than the number beside it, which is not known here.
        let is_vague = error.code().is_some() || cause == C::CredentialRejected;
        let by = if is_vague { By::Kind } else { By::Code };
        return (if authority { C::Misconfigured } else { cause }, by);
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
        // A code that is not known here is none of those that a role assignment mends.
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
            ErrorKind::Sink | ErrorKind::State | ErrorKind::StateBusy | ErrorKind::StateInvalid,
        ) => C::Unknown,
    };
    (cause, By::Kind)
}

fn of_code(code: &str, error: &Error, check: Check) -> Option<(Cause, By)> {
    if let Some(number) = code.strip_prefix("AADSTS") {
        return of_number(number).map(|cause| (cause, By::Code));
    }
    let cause = match (code, error.status(), error.detail()) {
        ("InvalidHeaderValue", ..) if check.layer() == Layer::Cors => C::PreflightMalformed,
        // What the signature itself says is surer than the code, which says the same of all of them.
        (_, _, Some(detail)) if is_of_signature(detail) => of_detail(detail)?,
        // The body says it.
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
    // Other headers, and other inputs than names, have these codes too.
    let is_vague =
        code == "OutOfRangeInput" || (code, error.detail()) == ("InvalidHeaderValue", None);
    Some((cause, if is_vague { By::Kind } else { By::Code }))
}

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

fn of_number(number: &str) -> Option<Cause> {
    let number: u32 = number.parse().ok()?;
    let row = AADSTS.binary_search_by_key(&number, |row| row.0).ok()?;
    AADSTS.get(row).map(|row| row.1)
}

fn of_word(code: &str) -> Option<Cause> {
    let row = SERVICE.binary_search_by_key(&code, |row| row.0).ok()?;
    SERVICE.get(row).map(|row| row.1)
}

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
    })
}

/// Returns the cause that a pasted text names, and the code or sentence that names it
pub(super) fn in_text(text: &str) -> Option<(Cause, String)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for word in text.split(|c| !is_word(c)) {
        let known = match word.strip_prefix("AADSTS") {
            Some(number) => of_number(number),
            None => of_word(word),
        };
        if let Some(cause) = known {
            return Some((in_words(text, word, cause), word.to_owned()));
        }
    }
    let lower = text.to_ascii_lowercase();
    let found = PASTED.iter().find(|(part, _)| lower.contains(&part.to_ascii_lowercase()));
    found.map(|(part, cause)| (*cause, (*part).to_owned()))
}

/// Returns the cause of a code that has several meanings, by the words around it
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
        // Azure Resource Manager's sentence; the blob service names no resource.
        "ResourceNotFound" if text.contains("under resource group") => C::ManagedResourceNotFound,
        _ => cause,
    }
}

const ASSIGN: &str = "Microsoft.Authorization/roleAssignments/write";

/// Returns the action that Azure Resource Manager names in a refusal, if it looks like an action
pub(super) fn refused_action(text: &str) -> Option<&str> {
    // A refusal on a linked scope first names an action that is allowed.
    let linked = text.split_once("not have permission to perform action(s) '");
    let (_, rest) = linked.or_else(|| text.split_once("perform action '"))?;
    let (action, _) = rest.split_once('\'')?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '*');
    (action.len() <= 200 && action.chars().all(is_plain)).then_some(action)
}
