//! Checks of what identifies an application: its client ID and its client secret.
//!
//! Both are pasted by people or read from variables and files, so both are cleaned first. Neither
//! value is ever quoted in an error, because people put secrets into the field for the ID.

use super::secret::Secret;
use crate::{
    error::{Error, ErrorKind},
    name::is_guid,
};

/// Returns the application (client) ID without what surrounds it in files and in the registry.
///
/// `field` names the field or variable that the text came from, for the message.
///
/// # Errors
/// [`ErrorKind::Config`] if the text is not a GUID.
pub(super) fn client_id(text: &str, field: &str) -> Result<String, Error> {
    let trimmed = text.trim().trim_start_matches('\u{feff}');
    let id = trimmed.strip_prefix('{').and_then(|id| id.strip_suffix('}')).unwrap_or(trimmed);
    if is_guid(id) {
        return Ok(id.to_owned());
    }
    let hint = if id.is_empty() {
        "it is empty"
    } else if id.starts_with("/subscriptions/") {
        "this is the resource ID of an identity; its overview page shows the client ID"
    } else if id.contains("://") {
        "this looks like an application ID URI"
    } else {
        "this is not a GUID"
    };
    Err(Error::new(
        ErrorKind::Config,
        format!(
            "{field}: {hint}; use the Application (client) ID, for example `00001111-aaaa-2222-bbbb-3333cccc4444`, from the application's overview page"
        ),
    ))
}

/// Returns a client secret without the blanks and line breaks that surround it in files.
///
/// Secrets of Microsoft Entra contain no blanks and no control characters, so this never changes a
/// valid secret.
///
/// # Errors
/// [`ErrorKind::Config`] if nothing is left, or if the text cannot be a secret's value.
pub(super) fn client_secret(secret: &Secret) -> Result<String, Error> {
    let text = secret.expose().trim().trim_start_matches('\u{feff}');
    let bad = |what: &str| Err(Error::new(ErrorKind::Config, format!("client secret: {what}")));
    if text.is_empty() {
        return bad("it is empty");
    }
    if text.contains("-----BEGIN") {
        return bad("this is PEM; use `Credential::ClientCertificate` for it");
    }
    if text.contains(|c: char| c.is_control()) {
        return bad(
            "it contains a line break or another control character; copy only the secret's value",
        );
    }
    Ok(text.to_owned())
}
