//! The tables of codes, numbers and sentences, and the cause of each.
//!
//! Data only. A row is here if a page of the documentation or a recorded answer has the code; a code
//! without a row is reported as unknown, never guessed.

use super::super::cause::Cause as C;

/// Codes of the blob service, of Azure Resource Manager and of Microsoft Graph.
///
/// Sources: Microsoft Learn, "Common REST API error codes", "Blob Storage error codes", "Troubleshoot
/// common Azure deployment errors" and "Microsoft Graph error responses"; codes that these pages do not
/// have were seen in recorded answers.
///
/// INVARIANT: sorted by code, for the binary search.
pub(super) const SERVICE: &[(&str, C)] = &[
    ("AccountBeingCreated", C::ServiceFailed),
    ("AccountIsDisabled", C::AccountDisabled),
    ("AccountNameInvalid", C::InvalidAccountName),
    ("AccountNotFound", C::AccountNotFound),
    ("AccountRequiresHttps", C::HttpsRequired),
    // The message in the body names the reason; see `of_detail`.
    ("AuthenticationFailed", C::SignatureRejected),
    // From Azure Resource Manager. The refused action decides; see `in_words`.
    ("AuthorizationFailed", C::AssignmentForbidden),
    // From the blob service, and only about the firewall. The similar names are easily confused.
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
    // Reads are pinned to an ETag, so the blob has changed.
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
    // In practice the header `x-ms-version`; in a preflight, the CORS headers.
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
    // Also for other inputs than names, so it is never certain.
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
    // From the blob service. Azure Resource Manager has the same code; see `in_words`.
    ("ResourceNotFound", C::ResourceNotFound),
    ("RoleAssignmentExists", C::AssignmentExists),
    ("RoleAssignmentLimitExceeded", C::AssignmentLimit),
    ("RoleAssignmentUpdateNotPermitted", C::AssignmentNameTaken),
    ("RoleDefinitionDoesNotExist", C::RoleUnknown),
    ("ScopeLocked", C::ScopeLocked),
    // A 503 that means throttling.
    ("ServerBusy", C::Throttled),
    ("SubscriptionNotFound", C::SubscriptionNotFound),
    ("SubscriptionRequestsThrottled", C::Throttled),
    ("TlsVersionNotPermitted", C::TlsVersion),
    ("UnmatchedPrincipalType", C::PrincipalTypeMismatch),
    ("UnsupportedHeader", C::HeaderInvalid),
    ("UnsupportedQueryParameter", C::QueryInvalid),
];

/// Numbers of errors of Microsoft Entra ID, without the letters `AADSTS`.
///
/// Source: Microsoft Learn, "Microsoft Entra authentication and authorization error codes".
///
/// INVARIANT: sorted by number, for the binary search.
pub(super) const AADSTS: &[(u32, C)] = &[
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
    // Also for an application that is not in the directory; see `in_words`.
    (70_001, C::ApplicationDisabled),
    // A general number; more specific ones tell a wrong secret from a missing one.
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
    // The clock of the machine that made the assertion is wrong, or the assertion is old.
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

/// Parts of messages that people paste, for texts without a code.
///
/// Sources: Microsoft Learn, "Cross-Origin Resource Sharing (CORS) support for Azure Storage" and
/// "Troubleshoot Azure role assignment conditions"; answers of the Azure CLI. The first match wins.
pub(super) const PASTED: &[(&str, C)] = &[
    ("CORS not enabled or no matching rule found", C::CorsMissing),
    ("role assignment condition is invalid", C::ConditionInvalid),
    ("Resource attribute", C::ConditionMangled),
    ("Insufficient privileges to complete the operation", C::DirectoryReadForbidden),
];

#[cfg(test)]
mod tests {
    use super::{AADSTS, SERVICE};

    #[test]
    fn tables_are_sorted_for_the_binary_search() {
        assert!(SERVICE.is_sorted_by(|a, b| a.0 < b.0));
        assert!(AADSTS.is_sorted_by(|a, b| a.0 < b.0));
    }
}
