//! The detail of an error beyond its kind and code, and how answers express it.
//!
//! Answers are read only at fixed places, because their texts quote names that a customer chose and
//! could otherwise imitate any detail.

use crate::coded::coded_enum;

coded_enum! {
    /// The cause of an error beyond kind and code, if it decides what to do.
    ///
    /// A diagnosis uses it to name one cause where several share a status and a code.
    pub enum Detail by as_str {
        /// The DNS server does not know the host name.
        NameNotFound = "name_not_found",
        /// The DNS server did not answer.
        NameServiceFailed = "name_service_failed",
        /// The host resolves to a private IP address, which the host policy refuses.
        PrivateAddress = "private_address",
        /// The host resolves to a loopback, link-local or reserved IP address, which no blob service has.
        ReservedAddress = "reserved_address",
        /// Nothing listens at the address and port.
        ConnectionRefused = "connection_refused",
        /// The endpoint and this machine have no TLS version in common.
        TlsVersion = "tls_version",
        /// The token is not valid at this time: it has expired, or a clock is wrong.
        TokenLifetime = "token_lifetime",
        /// The token is for another service.
        TokenAudience = "token_audience",
        /// The token is from another tenant.
        TokenIssuer = "token_issuer",
        /// The request had no token, or a text that is not a token.
        TokenMalformed = "token_malformed",
        /// The shared access signature has expired or is not valid yet, as the service says.
        SignatureLifetime = "signature_lifetime",
        /// The shared access signature does not match: it was signed with another key, or changed.
        SignatureMismatch = "signature_mismatch",
        /// The shared access signature has expired, according to its own `se`.
        SignatureExpired = "signature_expired",
        /// The shared access signature is not valid yet, according to its own `st`.
        SignatureNotYetValid = "signature_not_yet_valid",
        /// The shared access signature has no permission for this operation.
        SignatureRights = "signature_rights",
        /// The shared access signature was truncated when it was copied.
        SignatureCut = "signature_cut",
        /// The Azure CLI is not installed on this machine.
        CliMissing = "cli_missing",
        /// Nobody is signed in to the Azure CLI.
        CliSignedOut = "cli_signed_out",
        /// The Azure CLI exited with an error.
        CliFailed = "cli_failed",
        /// The output of the Azure CLI is not a token.
        CliOutput = "cli_output",
        /// The Azure CLI did not exit within its time limit.
        CliHangs = "cli_hangs",
        /// This machine has no managed identity endpoint.
        NoIdentityEndpoint = "no_identity_endpoint",
        /// The managed identity endpoint of this machine does not know the identity.
        NoSuchIdentity = "no_such_identity",
        /// The file with the token of a Kubernetes workload cannot be read.
        TokenFile = "token_file",
        /// The blob service itself refused the request, not the account's network rules before it.
        BlobService = "blob_service",
        /// The service does not support the requested API version.
        ApiVersion = "api_version",
        /// The service misses or does not accept a request header other than the API version.
        RequestHeader = "request_header",
        /// The authority answered `invalid_client`.
        InvalidClient = "invalid_client",
        /// The authority answered `unauthorized_client`.
        UnauthorizedClient = "unauthorized_client",
        /// The authority answered `invalid_request`.
        InvalidRequest = "invalid_request",
        /// The authority answered `invalid_resource`.
        InvalidResource = "invalid_resource",
        /// The authority answered `invalid_scope`.
        InvalidScope = "invalid_scope",
        /// The authority answered `invalid_grant`.
        InvalidGrant = "invalid_grant",
        /// The authority answered `access_denied`.
        AccessDenied = "access_denied",
        /// The authority answered `temporarily_unavailable`.
        TemporarilyUnavailable = "temporarily_unavailable",
    }
}

impl Detail {
    /// Returns the detail in the body of a refusal by the blob service, if it is a known one.
    ///
    /// Reads the start of `AuthenticationErrorDetail`, of `HeaderName` and of `Message`, in the first
    /// 4 KiB. The rest is never searched or passed on: for signatures it quotes the string-to-sign,
    /// which contains the names of the account, the container and the blob.
    pub fn in_body(body: &[u8]) -> Option<Self> {
        // 4 KiB contain the code and the start of the detail of every known answer.
        let text = String::from_utf8_lossy(body.get(..body.len().min(4096)).unwrap_or(body));
        if let Some((_, detail)) = text.split_once("AuthenticationErrorDetail") {
            // The separators of XML, of JSON, and of the output of the Azure CLI.
            let detail = detail.trim_start_matches(['>', '"', ':', ' ', '\r', '\n', '\t']);
            // `starts_with`, because the rest of the detail quotes names that a customer chose.
            let known = AUTHENTICATION.iter().find(|(start, _)| detail.starts_with(start));
            return known.map(|(_, detail)| *detail);
        }
        if let Some((_, header)) = text.split_once("<HeaderName>") {
            // The value of the element, up to its end tag.
            let is_version = header.split('<').next()?.eq_ignore_ascii_case("x-ms-version");
            return Some(if is_version { Self::ApiVersion } else { Self::RequestHeader });
        }
        // Azurite's text, which does not name the header.
        let (_, message) = text.split_once("<Message>")?;
        message.starts_with("The API version ").then_some(Self::ApiVersion)
    }

    /// Returns the detail for the OAuth word in `error` of an authority's answer.
    ///
    /// Source: RFC 6749, section 5.2, and Microsoft Learn, "Microsoft Entra authentication and
    /// authorization error codes".
    pub fn of_oauth(word: &str) -> Option<Self> {
        Some(match word {
            // Words of RFC 6749, which every authority shares; AADSTS numbers are Entra's own.
            "invalid_client" => Self::InvalidClient,
            "unauthorized_client" => Self::UnauthorizedClient,
            "invalid_request" => Self::InvalidRequest,
            "invalid_resource" => Self::InvalidResource,
            "invalid_scope" => Self::InvalidScope,
            "invalid_grant" => Self::InvalidGrant,
            "access_denied" => Self::AccessDenied,
            "temporarily_unavailable" => Self::TemporarilyUnavailable,
            _ => return None,
        })
    }
}

/// The known starts of `AuthenticationErrorDetail`, in the service's own words.
const AUTHENTICATION: &[(&str, Detail)] = &[
    ("Lifetime validation failed", Detail::TokenLifetime),
    ("Audience validation failed", Detail::TokenAudience),
    ("Issuer validation failed", Detail::TokenIssuer),
    // As Azurite writes it.
    ("Invalid token audience", Detail::TokenAudience),
    ("Invalid token issuer", Detail::TokenIssuer),
    ("The access token was missing or malformed", Detail::TokenMalformed),
    ("Signature not valid in the specified time frame", Detail::SignatureLifetime),
    // For a user delegation SAS.
    ("Signature not valid in the specified key time frame", Detail::SignatureLifetime),
    ("Signed expiry", Detail::SignatureLifetime),
    ("Signature did not match", Detail::SignatureMismatch),
    // For a request that was signed with an account key.
    ("The MAC signature found in the HTTP request", Detail::SignatureMismatch),
];
