//! The rules for each kind of name, and suggestions for texts that break them.
//!
//! A suggestion repeats parts of the text, so a text that may be a secret gets none.

use percent_encoding::percent_decode_str;

use super::{
    guid::is_guid,
    invalid::{Field, InvalidName},
    printable::{may_be_secret, printable},
};
use crate::unicode;

/// The most bytes of a text that is searched for the name that was meant: more than a pasted URL or
/// connection string has.
const MAX_SEARCHED: usize = 4 << 10;

/// Returns the legal name that a text probably stands for.
///
/// Undoes blanks, quotes and slashes around the name, percent-encoding, full-width letters, another
/// letter case, and underscores instead of hyphens.
fn suggestion(value: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
    // The text of a legal name, even percent-encoded, is never longer.
    if value.len() > 1024 || may_be_secret(value) {
        return None;
    }
    let around = |c: char| c.is_whitespace() || "\"'`<>{}[]()/,;\u{feff}\u{200b}".contains(c);
    let decoded = percent_decode_str(value).decode_utf8_lossy().into_owned();
    let plain = unicode::nfkc(&decoded);
    let plain = plain.trim_matches(around);
    // From the most literal to the freest reading; the first legal one is suggested.
    let candidates = [
        plain.to_owned(),
        plain.to_lowercase(),
        plain.to_lowercase().replace(['_', ' ', '.'], "-"),
    ];
    candidates.into_iter().find(|text| text != value && fits(text))
}

/// Checks the label of a connection: not blank, at most 128 characters, no control characters.
///
/// # Errors
/// [`InvalidName`] with the broken rule, as for all checks of this file.
pub(super) fn connection_name(value: &str) -> Result<(), InvalidName> {
    let bad = |rule| Err(InvalidName::new(Field::ConnectionName, value, rule));
    // The bytes come first: they bound the time of the other checks, however long the text is.
    if value.len() > 4 * 128 || value.chars().count() > 128 {
        return bad("it must have at most 128 characters");
    }
    if value.trim().is_empty() {
        return bad("it must not be blank");
    }
    if value.chars().any(char::is_control) {
        return bad("it must not contain control characters");
    }
    Ok(())
}

/// Checks the name of a storage account.
///
/// For a pasted host name, connection string or resource ID, the error suggests the account in it.
pub(super) fn account(value: &str) -> Result<(), InvalidName> {
    let fits = |v: &str| {
        (3..=24).contains(&v.len())
            && v.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    if fits(value) {
        return Ok(());
    }
    let error =
        InvalidName::new(Field::Account, value, "it must be 3 to 24 lower-case letters and digits");
    if value.len() > MAX_SEARCHED {
        return Err(error);
    }
    // The account is the first label of its host; in `abfss://CONTAINER@ACCOUNT.…` after the `@`.
    let host = value.split_once("://").map_or(value, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let first = host.split(['.', '?']).next().unwrap_or_default();
    // The host of the secondary endpoint.
    let first = first.strip_suffix("-secondary").unwrap_or(first).to_ascii_lowercase();
    // People paste a connection string or a resource ID into the field for the account.
    let setting = setting(value, "accountname=");
    let resource = setting.or_else(|| {
        let (_, rest) = value.rsplit_once("/storageAccounts/")?;
        rest.split('/').next()
    });
    Err(if let Some(name) = resource.filter(|name| fits(name)) {
        error.hint(format!("the account is probably `{name}`"))
    } else if host.contains('.') && fits(&first) {
        error.hint(format!("this looks like a URL: the account is probably `{first}`"))
    } else if let Some(name) = suggestion(value, fits) {
        with_suggestion(error, value, &name)
    } else {
        error
    })
}

/// Returns the value of a setting in a connection string.
fn setting<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(';').find_map(|part| {
        let (start, rest) = part.trim().split_at_checked(name.len())?;
        start.eq_ignore_ascii_case(name).then_some(rest)
    })
}

/// Adds a suggestion, and names the mistake if only blanks or slashes surround the name.
fn with_suggestion(error: InvalidName, value: &str, name: &str) -> InvalidName {
    error.hint(match value.trim() == name {
        true => format!("remove the blanks around `{name}`"),
        false if value.trim_matches('/') == name => format!("remove the slash: `{name}`"),
        false => format!("did you mean `{name}`?"),
    })
}

/// Checks the name of a container.
///
/// For a pasted URL or path, the error says which part belongs into which field.
pub(super) fn container(value: &str) -> Result<(), InvalidName> {
    let fits = |v: &str| {
        (3..=63).contains(&v.len())
            && v.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !v.starts_with('-')
            && !v.ends_with('-')
            && !v.contains("--")
    };
    // The service's own containers break the rule for names.
    if fits(value) || matches!(value, "$root" | "$web" | "$logs" | "$blobchangefeed") {
        return Ok(());
    }
    let error = InvalidName::new(
        Field::Container,
        value,
        "it must be 3 to 63 lower-case letters, digits and single hyphens, and begin and end with a letter or digit",
    );
    if value.len() > MAX_SEARCHED {
        return Err(error);
    }
    Err(if value.contains("://") {
        error.hint("this is a URL: give it to `ConnectionBuilder::from_url`")
    } else if value.starts_with('<') && value.ends_with('>') {
        error.hint("this is a placeholder: replace it with the name of the container")
    } else if let Some((head, tail)) = value.trim_start_matches('/').split_once('/')
        && fits(head)
        && !tail.is_empty()
    {
        error.hint(format!(
            "the container is probably `{head}` and the prefix `{}`",
            printable(tail)
        ))
    } else if let Some(name) = suggestion(value, fits) {
        with_suggestion(error, value, &name)
    } else {
        error
    })
}

/// Checks a prefix of blob names.
///
/// A blob name may contain almost any character, so only certain mistakes are refused: a
/// URL, a secret, percent-encoding, a wildcard, or a text that is longer than any blob name.
pub(super) fn prefix(value: &str) -> Result<(), InvalidName> {
    let bad = |rule| InvalidName::new(Field::Prefix, value, rule);
    let too_long = || bad("it must have at most 1024 characters, like a blob name");
    // The bytes come first: they bound the time and the copies of the other checks.
    if value.len() > 4 * 1024 {
        return Err(too_long());
    }
    if value.contains("://") {
        return Err(bad("it must be the start of a blob name, not a URL")
            .hint("give the URL to `ConnectionBuilder::from_url`"));
    }
    // Signatures and keys are refused, because a prefix is stored and logged.
    let lower = value.to_ascii_lowercase();
    if ["sig=", "sig%3d", "accountkey="].iter().any(|mark| lower.contains(mark)) {
        return Err(bad("it must be the start of a blob name, not a signature or a key")
            .hint("use the shared access signature as the credential of the store"));
    }
    // A percent sign is legal in a blob name, but `%2F` almost always is an encoded slash.
    if let Some(at) = lower.find("%2f") {
        // Only the first one: a suggestion that decodes all of them could be wrong.
        let decoded = format!(
            "{}/{}",
            value.get(..at).unwrap_or_default(),
            value.get(at + 3..).unwrap_or_default()
        );
        return Err(bad("it must not be percent-encoded")
            .hint(format!("did you mean `{}`?", printable(&decoded))));
    }
    if value.contains('*') {
        return Err(bad("it must not contain wildcards")
            .hint("a prefix covers all names that begin with it"));
    }
    if value.chars().count() > 1024 {
        return Err(too_long());
    }
    Ok(())
}

/// Checks the ID or domain name of a tenant.
///
/// Whether the domain is verified is not checked; the authority answers with
/// [`TenantNotFound`](crate::ErrorKind::TenantNotFound) if not.
pub(super) fn tenant(value: &str) -> Result<(), InvalidName> {
    let bad = |rule| InvalidName::new(Field::Tenant, value, rule);
    // These names of the authority stand for "any tenant" of a user's sign-in.
    if matches!(value, "common" | "organizations" | "consumers") {
        return Err(bad("it must be one specific tenant")
            .hint("a service principal cannot sign in to it; ask the customer for the Directory (tenant) ID"));
    }
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    let is_domain =
        |text: &str| text.len() <= 253 && text.contains('.') && text.split('.').all(label);
    let fits = |text: &str| is_guid(text) || is_domain(text);
    if fits(value) {
        return Ok(());
    }
    let error = bad(
        "it must be a Directory (tenant) ID, which is a GUID, or a verified domain such as `contoso.onmicrosoft.com`",
    );
    if value.len() > MAX_SEARCHED {
        return Err(error);
    }
    let path = value.split_once("://").and_then(|(_, rest)| rest.split('/').nth(1));
    // Every tenant has a domain of this form, so a bare name is probably its first label.
    let domain = format!("{}.onmicrosoft.com", value.trim().to_ascii_lowercase());
    Err(if let Some(tenant) = path.filter(|text| fits(text)) {
        error.hint(format!("this looks like a URL: the tenant is probably `{tenant}`"))
    } else if let Some(tenant) = suggestion(value, fits) {
        with_suggestion(error, value, &tenant)
    } else if label(value.trim()) && !may_be_secret(value) {
        error.hint(format!("did you mean `{}`?", printable(&domain)))
    } else {
        error
    })
}
