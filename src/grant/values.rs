//! Checks of single values of a grant.

use url::Url;

use crate::name::{Field, InvalidName};

/// Checks the name of a resource group.
///
/// Source: Microsoft Learn, "Naming rules and restrictions for Azure resources". Azure also allows a
/// hyphen at the start, but a tool would take such a name for an option, for example `--help`.
///
/// # Errors
/// [`InvalidName`] with the rule, for the field [`Field::ResourceGroup`].
pub(super) fn check_group(name: &str) -> Result<(), InvalidName> {
    let legal = |c: char| c.is_alphanumeric() || "-_.()".contains(c);
    let ok = (1..=90).contains(&name.chars().count())
        && name.chars().all(legal)
        && !name.ends_with('.')
        && !name.starts_with('-');
    if ok {
        return Ok(());
    }
    let rule = "it must be 1 to 90 letters, digits, hyphens, underscores, periods and parentheses, without a hyphen at the start and without a period at the end";
    Err(InvalidName::new(Field::ResourceGroup, name, rule))
}

/// Checks that a text is an origin exactly as browsers send it: no slash at the end, no default port.
///
/// Azure compares the origin of a CORS rule as text, so any difference makes the rule useless.
///
/// # Errors
/// [`InvalidName`] with the rule and, if possible, the origin to write instead.
pub(crate) fn check_origin(origin: &str) -> Result<(), InvalidName> {
    let bad = |rule| InvalidName::new(Field::Origin, origin, rule);
    // The limit of a CORS rule; before the URL parser, which copies the text several times.
    if origin.len() > 256 {
        return Err(bad("it must have at most 256 characters"));
    }
    let url = Url::parse(origin).map_err(|_| bad("it must be a scheme and a host"))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(bad("it must start with https:// or http://"));
    }
    // The serialization of the URL standard is what browsers send, so anything else never matches.
    let ours = url.origin().ascii_serialization();
    if ours != origin {
        let rule = "browsers send only the scheme, the host and a port that is not the default";
        return Err(bad(rule).hint(format!("write `{ours}`")));
    }
    // The URL standard allows `&`, `$`, `'` and other characters in a host, but shells interpret them.
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.:/[]".contains(c);
    if !origin.chars().all(legal) {
        let rule = "a host may have only letters, digits, hyphens, underscores and periods";
        return Err(bad(rule));
    }
    Ok(())
}
