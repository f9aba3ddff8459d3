//! The CORS rule with the Azure CLI in PowerShell.
//!
//! A rule is only added. Existing rules belong to others too, so a rule that is in the way stops
//! the block.

use super::{
    super::{
        super::{Grant, Part, Step},
        about, query,
        resource::EXPOSED,
        windows::powershell as argument,
    },
    block::{Block, throw},
};
use crate::name::InvalidName;

/// Returns the options that name the storage account.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
fn cors_on(grant: &Grant) -> Result<String, InvalidName> {
    let group = argument(grant.resource_group())?;
    Ok(format!("--account-name {} --resource-group {group}", grant.account()))
}

/// Sets `$RULE` to whether the rules are sufficient for the origin.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
pub(super) fn cors_look(block: &mut Block, grant: &Grant, origin: &str) -> Result<(), InvalidName> {
    block.line(format!(
        "$RULE = az storage account blob-service-properties cors-rule list {} --query {} --output tsv",
        cors_on(grant)?,
        argument(&query::cors(origin))?
    ));
    block.line("Assert-Az");
    Ok(())
}

/// Adds a rule for the origin, unless there is one. Returns `None` if the grant has no origin.
///
/// Stops at a rule that matches but is not sufficient, because Azure would never look at a second
/// one.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
pub(super) fn cors(grant: &Grant) -> Result<Option<Part>, InvalidName> {
    let Some(origin) = grant.origin() else { return Ok(None) };
    let mut block = Block::new(grant);
    let on = cors_on(grant)?;
    cors_look(&mut block, grant, origin)?;
    block.line("if ($RULE -ceq 'complete') { 'The CORS rule already exists.' }");
    block.line("elseif ($RULE) {");
    block.line(format!(
        "  az storage account blob-service-properties cors-rule list {on} --output yaml | Out-Host"
    ));
    block.line(format!("  {}", throw(&about::incomplete_rule(origin))));
    block.line("} else {");
    block.line(format!(
        // PowerShell on Unix expands an unquoted star to file names.
        "  az storage account blob-service-properties cors-rule add {on} --origins {} --methods GET HEAD OPTIONS --allowed-headers '*' --exposed-headers {} --max-age 3600 --output none",
        argument(origin)?,
        EXPOSED.join(" ")
    ));
    block.line("  Assert-Az");
    block.say("The CORS rule was added. It takes about a minute to take effect.");
    block.line("}");
    Ok(Some(block.end(Step::Cors)))
}
