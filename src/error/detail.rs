//! What an error tells beyond its kind and code, and how answers say it.
//!
//! Reads answers at fixed places only: their texts quote names that a customer chose.

/// What an answer or the network says beyond kind and code, if that decides what to do
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Detail {
    /// The name service does not know the host
    NameNotFound,
    /// The name service did not answer
    NameServiceFailed,
    /// The host resolves to a private address, which the host policy refuses
    PrivateAddress,
    /// The host resolves to an address that no blob service has: loopback, link-local or reserved
    ReservedAddress,
    /// Nothing listens at the address
    ConnectionRefused,
    /// The endpoint and this machine have no version of TLS in common
    TlsVersion,
    /// The token is not valid at this time: expired, or a clock is wrong
    TokenLifetime,
    /// The token is for another service
    TokenAudience,
    /// The token is of another tenant
    TokenIssuer,
    /// The request had no token, or text that is no token
    TokenMalformed,
    /// The shared access signature has expired or is not valid yet
    SignatureLifetime,
    /// The shared access signature does not fit what it signs: wrong key, or cut when copied
    SignatureMismatch,
    /// The shared access signature has expired, by its own `se`
    SignatureExpired,
    /// The shared access signature is not valid yet, by its own `st`
    SignatureNotYetValid,
    /// The shared access signature does not have the right to this operation
    SignatureRights,
    /// The shared access signature has lost a part
    SignatureCut,
    /// The Azure CLI is not installed on this machine
    CliMissing,
    /// Nobody is signed in to the Azure CLI
    CliSignedOut,
    /// The Azure CLI ended with an error
    CliFailed,
    /// The Azure CLI printed something other than a token
    CliOutput,
    /// The Azure CLI did not end in time
    CliHangs,
    /// This machine has no identity endpoint of Azure
    NoIdentityEndpoint,
    /// The identity endpoint of this machine knows no such identity
    NoSuchIdentity,
    /// The file with the token of a Kubernetes workload cannot be read
    TokenFile,
    /// The blob service itself refused the request, not the account's network rules before it
    BlobService,
    /// The service does not know the requested version of its API
    ApiVersion,
    /// The service lacks a header of the request or does not accept it; not that of the API version
    RequestHeader,
    /// The authority's `invalid_client`
    InvalidClient,
    /// The authority's `unauthorized_client`
    UnauthorizedClient,
    /// The authority's `invalid_request`
    InvalidRequest,
    /// The authority's `invalid_resource`
    InvalidResource,
    /// The authority's `invalid_scope`
    InvalidScope,
    /// The authority's `invalid_grant`
    InvalidGrant,
    /// The authority's `access_denied`
    AccessDenied,
    /// The authority's `temporarily_unavailable`
    TemporarilyUnavailable,
}

impl Detail {
    /// What the body of a refusal by the blob service says beyond its code
    ///
    /// Reads the start of `AuthenticationErrorDetail`, `HeaderName`, and the start of `Message`. The rest of the detail is
    /// never searched or passed on: for signatures it quotes the string to sign, which holds the
    /// names of the account, the container and the blob.
    pub fn in_body(body: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(body.get(..body.len().min(4096)).unwrap_or(body));
        if let Some((_, detail)) = text.split_once("AuthenticationErrorDetail") {
            // In XML, in JSON, or as the Azure CLI prints it.
            let detail = detail.trim_start_matches(['>', '"', ':', ' ', '\r', '\n', '\t']);
            let known = AUTHENTICATION.iter().find(|(start, _)| detail.starts_with(start));
            return known.map(|(_, detail)| *detail);
        }
        if let Some((_, header)) = text.split_once("<HeaderName>") {
            let is_version = header.split('<').next()?.eq_ignore_ascii_case("x-ms-version");
            return Some(if is_version { Self::ApiVersion } else { Self::RequestHeader });
        }
        // Azurite's words, which name no header.
        let (_, message) = text.split_once("<Message>")?;
        message.starts_with("The API version ").then_some(Self::ApiVersion)
    }

    /// The meaning of the word in `error` of an authority's answer
    ///
    /// Source: RFC 6749, section 5.2, and Microsoft Learn, "Microsoft Entra authentication and
    /// authorization error codes".
    pub fn of_oauth(word: &str) -> Option<Self> {
        Some(match word {
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

/// How an `AuthenticationErrorDetail` starts
const AUTHENTICATION: &[(&str, Detail)] = &[
    ("Lifetime validation failed", Detail::TokenLifetime),
    ("Audience validation failed", Detail::TokenAudience),
    ("Issuer validation failed", Detail::TokenIssuer),
    // Azurite's words.
    ("Invalid token audience", Detail::TokenAudience),
    ("Invalid token issuer", Detail::TokenIssuer),
    ("The access token was missing or malformed", Detail::TokenMalformed),
    ("Signature not valid in the specified time frame", Detail::SignatureLifetime),
    // A signature by a user delegation key.
    ("Signature not valid in the specified key time frame", Detail::SignatureLifetime),
    ("Signed expiry", Detail::SignatureLifetime),
    ("Signature did not match", Detail::SignatureMismatch),
    // A request signed with an account key.
    ("The MAC signature found in the HTTP request", Detail::SignatureMismatch),
];
