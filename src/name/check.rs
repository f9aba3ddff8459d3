//! The rules of each kind of name, and what was probably meant by a text that breaks them.

use percent_encoding::percent_decode_str;

use super::{Field, InvalidName, may_be_secret, printable};
use crate::unicode;

/// Returns what a legal name was typed or pasted as: with blanks, quotes or slashes around it,
/// percent-encoded, in wide letters, in another letter case, or with underscores
fn meant(value: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
    // No legal name is so long that its text could be longer than this.
    if value.len() > 1024 || may_be_secret(value) {
        return None;
    }
    let around = |c: char| c.is_whitespace() || "\"'`<>{}[]()/,;\u{feff}\u{200b}".contains(c);
    let decoded = percent_decode_str(value).decode_utf8_lossy().into_owned();
    let plain = unicode::nfkc(&decoded);
    let plain = plain.trim_matches(around);
    let candidates = [
        plain.to_owned(),
        plain.to_lowercase(),
        plain.to_lowercase().replace(['_', ' ', '.'], "-"),
    ];
    candidates.into_iter().find(|text| text != value && fits(text))
}

pub(super) fn connection_name(value: &str) -> Result<(), InvalidName> {
    let bad = |rule| Err(InvalidName::new(Field::ConnectionName, value, rule));
    if value.trim().is_empty() {
        return bad("it must not be blank");
    }
    if value.chars().count() > 128 {
        return bad("it must have at most 128 characters");
    }
    if value.chars().any(char::is_control) {
        return bad("it must have no control characters");
    }
    Ok(())
}

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
    // The account's name is the first label of its host, after the container of `abfss://c@a.…`.
    let host = value.split_once("://").map_or(value, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let first = host.split(['.', '?']).next().unwrap_or_default();
    let first = first.strip_suffix("-secondary").unwrap_or(first).to_ascii_lowercase();
    let setting = setting(value, "accountname=");
    let resource = setting.or_else(|| {
        let (_, rest) = value.rsplit_once("/storageAccounts/")?;
        rest.split('/').next()
    });
    Err(if let Some(name) = resource.filter(|name| fits(name)) {
        error.hint(format!("the account is probably `{name}`"))
    } else if host.contains('.') && fits(&first) {
        error.hint(format!("this looks like an address: the account is probably `{first}`"))
    } else if let Some(name) = meant(value, fits) {
        said(error, value, &name)
    } else {
        error
    })
}

/// Returns the value of a setting in a connection string
fn setting<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(';').find_map(|part| {
        let (start, rest) = part.trim().split_at_checked(name.len())?;
        start.eq_ignore_ascii_case(name).then_some(rest)
    })
}

/// Adds what was meant, with the kind of mistake if it is only about what stands around the name
fn said(error: InvalidName, value: &str, name: &str) -> InvalidName {
    error.hint(match value.trim() == name {
        true => format!("remove the blanks around `{name}`"),
        false if value.trim_matches('/') == name => format!("remove the slash: `{name}`"),
        false => format!("did you mean `{name}`?"),
    })
}

pub(super) fn container(value: &str) -> Result<(), InvalidName> {
    let fits = |v: &str| {
        (3..=63).contains(&v.len())
            && v.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !v.starts_with('-')
            && !v.ends_with('-')
            && !v.contains("--")
    };
    if fits(value) || matches!(value, "$root" | "$web" | "$logs" | "$blobchangefeed") {
        return Ok(());
    }
    let error = InvalidName::new(
        Field::Container,
        value,
        "it must be 3 to 63 lower-case letters, digits and single hyphens, and begin and end with a letter or digit",
    );
    Err(if value.contains("://") {
        error.hint("this is a URL: give it to `ConnectionBuilder::from_url`")
    } else if value.starts_with('<') && value.ends_with('>') {
        error.hint("this is a placeholder: put the container's own name here")
    } else if let Some((head, tail)) = value.trim_start_matches('/').split_once('/')
        && fits(head)
        && !tail.is_empty()
    {
        error.hint(format!(
            "the container is probably `{head}` and the prefix `{}`",
            printable(tail)
        ))
    } else if let Some(name) = meant(value, fits) {
        said(error, value, &name)
    } else {
        error
    })
}

pub(super) fn prefix(value: &str) -> Result<(), InvalidName> {
    let bad = |rule| InvalidName::new(Field::Prefix, value, rule);
    if value.contains("://") {
        return Err(bad("it must be a blob name's start, not a URL")
            .hint("give the URL to `ConnectionBuilder::from_url`"));
    }
    let lower = value.to_ascii_lowercase();
    if ["sig=", "sig%3d", "accountkey="].iter().any(|mark| lower.contains(mark)) {
        return Err(bad("it must be a blob name's start, not a signature or a key")
            .hint("give the shared access signature to the store as a credential"));
    }
    if let Some(at) = lower.find("%2f") {
        let decoded = format!(
            "{}/{}",
            value.get(..at).unwrap_or_default(),
            value.get(at + 3..).unwrap_or_default()
        );
        return Err(bad("it must be raw characters, not percent-encoded")
            .hint(format!("did you mean `{}`?", printable(&decoded))));
    }
    if value.contains('*') {
        return Err(bad("it must be plain text: there are no wildcards in a prefix")
            .hint("a prefix covers all names that begin with it"));
    }
    if value.chars().count() > 1024 {
        return Err(bad("it must have at most 1024 characters, as a blob name"));
    }
    Ok(())
}

pub(super) fn tenant(value: &str) -> Result<(), InvalidName> {
    let bad = |rule| InvalidName::new(Field::Tenant, value, rule);
    if matches!(value, "common" | "organizations" | "consumers") {
        return Err(bad("it must be one concrete tenant")
            .hint("a service principal cannot sign in to it; ask the customer for the tenant id"));
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
        "it must be a tenant id (a GUID) or a verified domain such as `contoso.onmicrosoft.com`",
    );
    let path = value.split_once("://").and_then(|(_, rest)| rest.split('/').nth(1));
    let domain = format!("{}.onmicrosoft.com", value.trim().to_ascii_lowercase());
    Err(if let Some(tenant) = path.filter(|text| fits(text)) {
        error.hint(format!("this looks like an address: the tenant is probably `{tenant}`"))
    } else if let Some(tenant) = meant(value, fits) {
        said(error, value, &tenant)
    } else if label(value.trim()) && !may_be_secret(value) {
        error.hint(format!("did you mean `{}`?", printable(&domain)))
    } else {
        error
    })
}

/// Whether the text is a GUID in the form `8-4-4-4-12`
pub(crate) fn is_guid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(n, b)| match n {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}
