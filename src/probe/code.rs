//! From the words of services to causes.

use super::{Cause, Check, Layer};
use crate::error::{Detail, Error, ErrorKind};

use Cause as C;

/// Codes of the blob service, of Azure Resource Manager and of Microsoft Graph
const SERVICE: &[(&str, Cause)] = &[
    ("AccountBeingCreated", C::ServiceFailed),
    ("AccountIsDisabled", C::AccountDisabled),
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
    ("ConditionNotMet", C::BlobChanged),
    ("ContainerBeingDeleted", C::ContainerBeingDeleted),
    ("ContainerDisabled", C::ContainerDisabled),
    ("ContainerNotFound", C::ContainerNotFound),
    ("CorsPreflightFailure", C::CorsMissing),
    ("EndpointUnsupportedAccountFeatures", C::FeatureUnsupported),
    ("FeatureNotYetSupportedForHierarchicalNamespaceAccounts", C::FeatureUnsupported),
    ("FeatureVersionMismatch", C::VersionInvalid),
    ("InsufficientAccountPermissions", C::AccountRestricted),
    ("InternalError", C::ServiceFailed),
    ("InvalidHeaderValue", C::VersionInvalid),
    ("InvalidQueryParameterValue", C::QueryInvalid),
    ("InvalidRange", C::RangeInvalid),
    ("InvalidResourceName", C::NameInvalid),
    ("InvalidUri", C::AddressInvalid),
    ("IpAuthorizationError", C::Firewall),
    ("KeyBasedAuthenticationNotPermitted", C::KeysForbidden),
    ("KeyVaultEncryptionKeyNotFound", C::EncryptionKeyMissing),
    ("NoAuthenticationInformation", C::NoCredential),
    ("OperationTimedOut", C::ServiceTimeout),
    ("OutOfRangeInput", C::NameInvalid),
    ("OutOfRangeQueryParameterValue", C::QueryInvalid),
    ("PrincipalNotFound", C::PrincipalNotReplicated),
    ("PublicAccessNotPermitted", C::PublicAccessForbidden),
    ("RequestDisallowedByPolicy", C::PolicyForbids),
    ("RequestForbiddenByContainerEncryptionPolicy", C::EncryptionPolicy),
    ("ResourceNotFound", C::ResourceNotFound),
    ("RoleAssignmentExists", C::AssignmentExists),
    ("RoleAssignmentLimitExceeded", C::AssignmentLimit),
    ("RoleAssignmentUpdateNotPermitted", C::AssignmentNameTaken),
    ("ScopeLocked", C::ScopeLocked),
    ("ServerBusy", C::Throttled),
    ("UnsupportedQueryParameter", C::QueryInvalid),
];

/// Numbers of the authority
const AADSTS: &[(u32, Cause)] = &[
    (50_001, C::ResourceUnknown),
    (50_012, C::CertificateRejected),
    (50_034, C::NotAServicePrincipal),
    (50_196, C::SignInLoop),
    (53_003, C::ConditionalAccess),
    (65_001, C::ConsentMissing),
    (70_001, C::ApplicationDisabled),
    (70_002, C::SecretWrong),
    (70_011, C::ScopeInvalid),
    (70_021, C::FederationMissing),
    (90_002, C::TenantNotFound),
    (90_006, C::SignInUnavailable),
    (90_012, C::SignInUnavailable),
    (90_013, C::RequestMalformed),
    (90_024, C::SignInUnavailable),
    (90_033, C::SignInUnavailable),
    (90_038, C::WrongCloud),
    (90_055, C::SignInThrottled),
    (90_099, C::ConsentMissing),
    (500_011, C::ResourceUnknown),
    (500_021, C::TenantRestricted),
    (530_032, C::ConditionalAccess),
    (530_035, C::ConditionalAccess),
    (700_011, C::ServicePrincipalMissing),
    (700_016, C::ServicePrincipalMissing),
    (700_024, C::AssertionTime),
    (700_025, C::PublicClient),
    (700_027, C::CertificateRejected),
    (700_211, C::FederationMissing),
    (700_213, C::FederationMissing),
    (900_023, C::TenantMalformed),
    (900_144, C::RequestMalformed),
    (900_382, C::CrossCloud),
    (1_000_031, C::ApplicationDisabled),
    (1_002_012, C::ScopeInvalid),
    (7_000_112, C::ApplicationDisabled),
    (7_000_215, C::SecretWrong),
    (7_000_218, C::SecretMissing),
    (7_000_222, C::SecretExpired),
    (7_000_229, C::ServicePrincipalMissing),
    (9_001_023, C::AuthorityInvalid),
];

/// What people paste from a terminal: parts of messages that have no code of their own
const PASTED: &[(&str, Cause)] = &[
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
    if let Some(cause) = error.code().and_then(|code| of_code(code, error, check)) {
        return match (cause, check) {
            // What only a role on the account allows.
            (C::AccessMissing, Check::ListContainers) => (C::ContainersOutOfScope, By::Kind),
            (C::AccessMissing, Check::DelegationKey) => (C::KeyOutOfScope, By::Kind),
            _ => (cause, By::Code),
        };
    }
    let signing_in = error.is_in_sign_in() || check.layer() == Layer::Entra;
    if let Some(cause) = error.detail().and_then(of_detail) {
        // The host that has no address is then the authority's, not the account's.
        let authority = signing_in && cause == C::AccountNotFound;
        return (if authority { C::Misconfigured } else { cause }, By::Code);
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

fn of_code(code: &str, error: &Error, check: Check) -> Option<Cause> {
    if let Some(number) = code.strip_prefix("AADSTS") {
        let number: u32 = number.parse().ok()?;
        let row = AADSTS.binary_search_by_key(&number, |row| row.0).ok()?;
        return AADSTS.get(row).map(|row| row.1);
    }
    Some(match (code, error.status(), error.detail()) {
        (_, _, Some(Detail::TokenLifetime)) => C::TokenExpired,
        (_, _, Some(Detail::TokenAudience)) => C::TokenAudience,
        (_, _, Some(Detail::TokenIssuer)) => C::TokenIssuer,
        ("InvalidAuthenticationInfo", Some(400), _) => C::HeaderMalformed,
        ("InvalidAuthenticationInfo", ..) => C::TokenInvalid,
        ("InvalidHeaderValue", ..) if check.layer() == Layer::Cors => C::PreflightMalformed,
        _ => {
            let row = SERVICE.binary_search_by_key(&code, |row| row.0).ok()?;
            SERVICE.get(row)?.1
        }
    })
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
        Detail::UnauthorizedClient => C::ServicePrincipalMissing,
        Detail::InvalidRequest => C::RequestMalformed,
        Detail::InvalidResource => C::ResourceUnknown,
        Detail::InvalidScope => C::ScopeInvalid,
        Detail::AccessDenied => C::ConditionalAccess,
        Detail::TemporarilyUnavailable => C::SignInUnavailable,
        Detail::InvalidClient | Detail::InvalidGrant => C::CredentialRejected,
    })
}

/// The cause that a text from a terminal or a portal tells of
pub(super) fn in_text(text: &str) -> Option<(Cause, String)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for word in text.split(|c| !is_word(c)) {
        let known = match word.strip_prefix("AADSTS") {
            Some(number) => number.parse().ok().and_then(|number: u32| {
                let row = AADSTS.binary_search_by_key(&number, |row| row.0).ok()?;
                AADSTS.get(row).map(|row| row.1)
            }),
            None => SERVICE
                .binary_search_by_key(&word, |row| row.0)
                .ok()
                .and_then(|row| SERVICE.get(row))
                .map(|row| row.1),
        };
        if let Some(cause) = known {
            return Some((cause, word.to_owned()));
        }
    }
    let lower = text.to_ascii_lowercase();
    let found = PASTED.iter().find(|(part, _)| lower.contains(&part.to_ascii_lowercase()));
    found.map(|(part, cause)| (*cause, (*part).to_owned()))
}
