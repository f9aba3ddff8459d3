//! Maps the status and code of an answer to a kind and advice.

use super::{Detail, ErrorKind};

/// Whether a text is made of words that begin with a capital, with hardly a digit, as codes are
/// and tokens and signatures are not
pub(crate) fn is_code(text: &str) -> bool {
    let count = |is: fn(&u8) -> bool| text.bytes().filter(is).count();
    text.len() <= 80
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        // `InvalidMd5`, `Crc64Mismatch`.
        && count(u8::is_ascii_digit) <= 3
        && count(u8::is_ascii_uppercase) * 3 <= text.len()
}

pub(super) fn classify(status: u16, code: &str) -> (ErrorKind, &'static str) {
    use ErrorKind::*;
    match (status, code) {
        (
            _,
            "ContainerNotFound"
            | "ContainerBeingDeleted"
            | "ContainerDisabled"
            | "FilesystemNotFound"
            | "FilesystemBeingDeleted"
            | "FilesystemDisabled",
        ) => {
            (ContainerNotFound, "there is no such container; check its spelling in the connection")
        }
        (_, "BlobNotFound" | "PathNotFound") => {
            (BlobNotFound, "there is no such blob; it may have been deleted since it was listed")
        }
        (_, "ResourceNotFound" | "AccountNotFound") => (
            AccountNotFound,
            "the storage account does not exist here; check the account and the cloud of the connection",
        ),
        (_, "AuthorizationPermissionMismatch") => (
            PermissionDenied,
            "the principal lacks the permission; assign Storage Blob Data Reader, check the condition's container, or wait for the assignment to take effect",
        ),
        (_, "AuthorizationFailure" | "IpAuthorizationError") => (
            PermissionDenied,
            "the account refuses this caller; check the account's firewall and network rules, or the missing credential",
        ),
        (_, "AccountIsDisabled") => {
            (PermissionDenied, "the storage account is disabled; its owner must enable it")
        }
        (_, "PublicAccessNotPermitted" | "NoAuthenticationInformation") => {
            (Unauthenticated, "the container is not public; give the store a credential")
        }
        (401, _) | (403, "AuthenticationFailed" | "InvalidAuthenticationInfo") => (
            Unauthenticated,
            "the account did not accept the token or signature; check the tenant, the token's audience (the cloud), the expiry and this machine's clock",
        ),
        (403, _) => (
            PermissionDenied,
            "the account refuses the request; check the role assignment and the network rules",
        ),
        (404, _) => (
            BadRequest,
            "nothing is found at this address; check the account, the container and the endpoint",
        ),
        (304 | 412, "" | "ConditionNotMet") => {
            (BlobChanged, "the blob has changed since it was listed; list it again")
        }
        // Leases, copies and appends have conditions too, and this crate sets none of them.
        (304 | 412, _) => (BadRequest, "a condition of the request does not hold"),
        (416, _) => (
            RangeNotSatisfiable,
            "the range begins behind the blob's end; the blob may have changed",
        ),
        (408, _) | (500, "OperationTimedOut") => {
            (Unavailable, "the service timed out; try again later")
        }
        (429, _) | (503, "ServerBusy") => {
            (Throttled, "the service asks for fewer requests; try again later")
        }
        (500 | 502 | 503 | 504, _) => (Unavailable, "the service failed; try again later"),
        (300..=399, _) => {
            (UnexpectedAnswer, "the endpoint redirects, which Azure does not; check it for a proxy")
        }
        _ => (BadRequest, "the service refused the request"),
    }
}

pub(super) fn classify_sign_in(
    status: Option<u16>,
    code: &str,
    detail: Option<Detail>,
) -> (ErrorKind, &'static str) {
    use ErrorKind::*;
    let busy = (Throttled, "the authority asks for fewer requests; try again later");
    let down = (Unavailable, "the authority failed; try again later");
    match (code, status) {
        ("AADSTS90002" | "AADSTS900021" | "AADSTS900023", _) => (
            TenantNotFound,
            "the authority knows no such tenant; check the connection's tenant and cloud",
        ),
        ("AADSTS7000215", _) => {
            (CredentialRejected, "the client secret is wrong; give the secret's value, not its id")
        }
        ("AADSTS7000222", _) => {
            (CredentialRejected, "the client secret has expired; make a new one")
        }
        ("AADSTS700016" | "AADSTS7000229" | "AADSTS700011", _) => (
            CredentialRejected,
            "the tenant has no service principal of this application; create it there with `az ad sp create --id` and the application id",
        ),
        ("AADSTS90055", _) | (_, Some(429)) => busy,
        ("AADSTS90033" | "AADSTS90024" | "AADSTS90006" | "AADSTS90012" | "AADSTS50196", _)
        | (_, Some(500..)) => down,
        _ if detail == Some(Detail::TemporarilyUnavailable) => down,
        ("", Some(300..=399)) => (
            UnexpectedAnswer,
            "the authority redirects, which Microsoft Entra does not; check it for a proxy or a login page",
        ),
        ("", _) => (
            CredentialRejected,
            "the authority refused the credential; check application, secret and tenant",
        ),
        _ => (
            CredentialRejected,
            "the authority refused the sign-in; look its AADSTS number up at https://login.microsoftonline.com/error",
        ),
    }
}

/// `AADSTS` and its number, where they stand anywhere in a text
///
/// For stores whose SDK has lost the authority's answer and kept its words. Nothing else of the
/// text is passed on.
pub fn sign_in_code(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("AADSTS")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).take(12).collect();
    (!digits.is_empty()).then(|| format!("AADSTS{digits}"))
}
