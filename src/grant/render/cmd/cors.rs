//! The CORS rule at the prompt of cmd.
//!
//! A rule is only added. Existing rules belong to others too, so a rule that is in the way stops
//! the lines.

use super::{
    super::{
        super::{Grant, Part, Step},
        about, query,
        resource::EXPOSED,
        windows::cmd as argument,
    },
    lines::Lines,
};
use crate::name::InvalidName;

/// Returns the command that lists the rules.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express a value.
pub(super) fn cors_list(grant: &Grant) -> Result<String, InvalidName> {
    Ok(format!(
        "az storage account blob-service-properties cors-rule list --account-name {} --resource-group {}",
        grant.account(),
        argument(grant.resource_group())?
    ))
}

/// Adds a rule for the origin, unless there is one. Returns `None` if the grant has no origin.
///
/// Stops at a rule that matches but is not sufficient, because Azure would never look at a second
/// one.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express a value.
pub(super) fn cors(grant: &Grant) -> Result<Option<Part>, InvalidName> {
    let Some(origin) = grant.origin() else { return Ok(None) };
    let mut lines = Lines::new(grant);
    let list = cors_list(grant)?;
    lines.word("RULE", &list, &query::cors(origin))?;
    lines.if_ok(&format!("if \"%RULE%\"==\"incomplete\" {list} --output yaml"));
    lines.stop_if("\"%RULE%\"==\"incomplete\"", &about::incomplete_rule(origin));
    lines.if_ok(&format!(
        "if \"%RULE%\"==\"none\" (az storage account blob-service-properties cors-rule add --account-name {} --resource-group {} --origins {} --methods GET HEAD OPTIONS --allowed-headers \"*\" --exposed-headers {} --max-age 3600 --output none || set \"GRANT_OK=\")",
        grant.account(),
        argument(grant.resource_group())?,
        argument(origin)?,
        EXPOSED.join(" ")
    ));
    Ok(Some(lines.end(Step::Cors)))
}
