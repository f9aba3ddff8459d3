//! Maps the status and error code of an answer to an error kind and advice.
//!
//! The match arms are ordered: codes that are certain come before statuses, which several causes
//! share. The codes are Azure's own and documented; the texts are for people and name the setting to
//! check in the words of the Azure portal.

use super::{detail::Detail, kind::ErrorKind};

/// Returns whether a text looks like an error code and not like a token or signature.
///
/// A code consists of capitalized words and has at most three digits.
pub(crate) fn is_code(text: &str) -> bool {
    let count = |is: fn(&u8) -> bool| text.bytes().filter(is).count();
    // The longest documented codes have about 60 characters.
    text.len() <= 80
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        // For example `InvalidMd5` and `Crc64Mismatch`.
        && count(u8::is_ascii_digit) <= 3
        // Words have three letters or more on average. Random Base64 has more capitals than that.
        && count(u8::is_ascii_uppercase) * 3 <= text.len()
}

/// The codes for a container that does not exist, is being deleted, or is disabled.
///
/// A container that is being deleted no longer exists for readers. The `dfs` endpoint has its own
/// codes for the same.
const CONTAINER_MISSING: &[&str] = &[
    "ContainerNotFound",
    "ContainerBeingDeleted",
    "ContainerDisabled",
    "FilesystemNotFound",
    "FilesystemBeingDeleted",
    "FilesystemDisabled",
];

/// Returns the kind and the advice for an answer of the blob service.
///
/// `code` is empty if the answer has none. The advice says what happened and then what to do.
pub(super) fn classify(status: u16, code: &str) -> (ErrorKind, &'static str) {
    use ErrorKind::*;
    match (status, code) {
        _ if CONTAINER_MISSING.contains(&code) => (
            ContainerNotFound,
            "the container does not exist; check the container name of the connection",
        ),
        (_, "BlobNotFound" | "PathNotFound") => (
            BlobNotFound,
            "the blob does not exist; it may have been deleted after it was listed, so list again",
        ),
        // From the account's front end. If the blob service sends it, the store corrects the kind.
        (_, "ResourceNotFound" | "AccountNotFound") => (
            AccountNotFound,
            "the storage account does not exist at this endpoint; check the account name and the cloud of the connection",
        ),
        (_, "AuthorizationPermissionMismatch") => (
            PermissionDenied,
            "access denied: the role assignment is missing or has not propagated yet; assign Storage Blob Data Reader on the container, check the container in its condition, or wait some minutes",
        ),
        // Also the answer to an anonymous request through a firewall, so both are named.
        (_, "AuthorizationFailure" | "IpAuthorizationError") => (
            PermissionDenied,
            "access denied: the storage account refuses this machine; check the Networking page of the account (firewalls and virtual networks), or use a credential",
        ),
        (_, "AccountIsDisabled") => {
            (PermissionDenied, "the storage account is disabled; ask its owner to enable it")
        }
        (_, "PublicAccessNotPermitted" | "NoAuthenticationInformation") => {
            (Unauthenticated, "the container does not allow anonymous access; use a credential")
        }
        // 403 with these codes is an authentication failure, whatever the status suggests.
        (401, _) | (403, "AuthenticationFailed" | "InvalidAuthenticationInfo") => (
            Unauthenticated,
            "the storage account did not accept the token or shared access signature; check the tenant, the cloud of the connection, the expiry and the clock of this machine",
        ),
        (403, _) => (
            PermissionDenied,
            "access denied: the storage account refuses the request; check the role assignment and the Networking page of the account",
        ),
        // Without a code the answer comes from another server than the blob service.
        (404, _) => (
            BadRequest,
            "nothing was found at this URL; check the account, the container and the endpoint of the connection",
        ),
        // The only condition that this crate sends is the ETag of a listed blob.
        (304 | 412, "" | "ConditionNotMet") => {
            (BlobChanged, "the blob was overwritten after it was listed; list it again")
        }
        // Conditions of leases, copies and appends, which this crate never sends.
        (304 | 412, _) => (
            BadRequest,
            "a condition of the request is not met; check the endpoint, because this crate sends no such condition",
        ),
        (416, _) => (
            RangeNotSatisfiable,
            "the range starts after the end of the blob; the blob may have been overwritten, so list it again",
        ),
        // A timeout of the service is an answer; the store's own timeouts have the kind `Timeout`.
        (408, _) | (500, "OperationTimedOut") => {
            (Unavailable, "the service timed out; try again later")
        }
        (429, _) | (503, "ServerBusy") => (
            Throttled,
            "the service is busy and asks for fewer requests; try again later, with fewer requests at a time",
        ),
        (500 | 502 | 503 | 504, _) => (
            Unavailable,
            "the service failed; try again later, and give the request ID to Azure support if it persists",
        ),
        (300..=399, _) => (
            UnexpectedAnswer,
            "the endpoint answers with a redirect, which Azure never does; check whether a proxy answers instead",
        ),
        _ => (
            BadRequest,
            "the service refused the request; look up the error code in the Blob Storage documentation",
        ),
    }
}

/// Returns the kind and the advice for an authority's refusal.
///
/// AADSTS numbers are documented but may change. So only numbers with advice of their own are listed,
/// and every other number leads to the page that explains it.
pub(super) fn classify_sign_in(
    status: Option<u16>,
    code: &str,
    detail: Option<Detail>,
) -> (ErrorKind, &'static str) {
    use ErrorKind::*;
    let busy = (Throttled, "Microsoft Entra ID asks for fewer requests; try again later");
    let down = (Unavailable, "Microsoft Entra ID failed; try again later");
    match (code, status) {
        ("AADSTS90002" | "AADSTS900021" | "AADSTS900023", _) => (
            TenantNotFound,
            "the tenant does not exist; check the Directory (tenant) ID and the cloud of the connection",
        ),
        ("AADSTS7000215", _) => (
            CredentialRejected,
            "the client secret is wrong; use the secret's Value, not its Secret ID",
        ),
        ("AADSTS7000222", _) => (
            CredentialRejected,
            "the client secret has expired; create a new one under Certificates & secrets of the application",
        ),
        ("AADSTS700016" | "AADSTS7000229" | "AADSTS700011", _) => (
            CredentialRejected,
            "the application has no service principal in this tenant; create one there with `az ad sp create --id` and the application (client) ID",
        ),
        // Throttling and outages first: a number must not turn a transient failure into a permanent one.
        ("AADSTS90055", _) | (_, Some(429)) => busy,
        ("AADSTS90033" | "AADSTS90024" | "AADSTS90006" | "AADSTS90012" | "AADSTS50196", _)
        | (_, Some(500..)) => down,
        _ if detail == Some(Detail::TemporarilyUnavailable) => down,
        // Without a number: the answer is probably not one of Entra.
        ("", Some(300..=399)) => (
            UnexpectedAnswer,
            "the authority answers with a redirect, which Microsoft Entra ID never does; check whether a proxy or a login page answers instead",
        ),
        ("", _) => (
            CredentialRejected,
            "Microsoft Entra ID refused the credential; check the application (client) ID, the secret and the tenant",
        ),
        _ => (
            CredentialRejected,
            "Microsoft Entra ID refused the sign-in; look up the AADSTS number at https://login.microsoftonline.com/error",
        ),
    }
}

/// Returns the first `AADSTS` number in a text, or `None` if there is none.
///
/// For stores whose SDK keeps only the text of the authority's answer. Nothing else of the text is
/// returned, because it can contain names and IDs.
///
/// ```
/// use azure_asset_sync::error::sign_in_code;
///
/// let text = "AADSTS7000215: Invalid client secret provided.";
/// assert_eq!(sign_in_code(text).as_deref(), Some("AADSTS7000215"));
/// ```
pub fn sign_in_code(text: &str) -> Option<String> {
    // At most 12 digits, so that nothing else of the text can be smuggled out as a number.
    let (_, rest) = text.split_once("AADSTS")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).take(12).collect();
    (!digits.is_empty()).then(|| format!("AADSTS{digits}"))
}
