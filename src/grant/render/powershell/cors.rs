//! The CORS rule with the Az module of PowerShell.
//!
//! The rule is written by requests to Azure Resource Manager, as in the form for REST.

use super::{
    super::{
        super::{Grant, Part, Step, quote::powershell as quoted},
        about, query,
        resource::{EXPOSED, STORAGE_API},
    },
    block::{Block, rest, throw},
};

/// Sets `$SERVICE` to the blob service, `$RULE` to the first rule that matches the origin, and `$COMPLETE`
/// to whether that rule is sufficient.
///
/// A PUT replaces all rules, so `$SERVICE` and `$RULES` keep the existing ones.
pub(super) fn cors_look(block: &mut Block, grant: &Grant, origin: &str) {
    rest(block, "GET", &service_path(grant), "");
    block.line("$SERVICE = $ANSWER.Content | ConvertFrom-Json");
    // Without the filter, a missing property would become a list with one empty element.
    block.line("$RULES = @($SERVICE.properties.cors.corsRules | Where-Object { $_ })");
    // The same origins as in the query for the Azure CLI, so that both forms find the same rule.
    let origins: Vec<_> = query::origins(origin).iter().map(|one| quoted(one)).collect();
    block.line(format!(
        "$RULE = $RULES | Where-Object {{ ($_.AllowedOrigins | Where-Object {{ @({}) -ccontains $_ }}) -and $_.AllowedMethods -contains 'GET' }} | Select-Object -First 1",
        origins.join(", ")
    ));
    block.line(format!(
        "$COMPLETE = $RULE -and $RULE.AllowedMethods -contains 'HEAD' -and ($RULE.AllowedHeaders -contains '*' -or $RULE.AllowedHeaders -contains 'range') -and -not (@('{}') | Where-Object {{ $RULE.ExposedHeaders -notcontains $_ }})",
        EXPOSED.join("', '")
    ));
}

/// Returns the path of the blob service in Azure Resource Manager.
fn service_path(grant: &Grant) -> String {
    format!("{}/blobServices/default?api-version={STORAGE_API}", grant.account_scope())
}

/// Adds a rule for the origin, unless there is one. Returns `None` if the grant has no origin.
pub(super) fn cors(grant: &Grant) -> Option<Part> {
    let origin = grant.origin()?;
    let mut block = Block::new(grant);
    cors_look(&mut block, grant, origin);
    block.line("if ($COMPLETE) { 'The CORS rule already exists.' }");
    block.line("elseif ($RULE) {");
    block.line("  $RULE | Format-List | Out-Host");
    block.line(format!("  {}", throw(&about::incomplete_rule(origin))));
    block.line("} else {");
    let path = service_path(grant);
    let rule = format!(
        "[pscustomobject]@{{ allowedOrigins = @({}); allowedMethods = @('GET', 'HEAD', 'OPTIONS'); allowedHeaders = @('*'); exposedHeaders = @('{}'); maxAgeInSeconds = 3600 }}",
        quoted(origin),
        EXPOSED.join("', '")
    );
    // Existing rules keep their order: Azure uses the first one that matches.
    block.line(format!("  $CORS = [pscustomobject]@{{ corsRules = @($RULES) + @({rule}) }}"));
    block.line(
        "  $SERVICE.properties | Add-Member -Force -NotePropertyName cors -NotePropertyValue $CORS",
    );
    rest(
        &mut block,
        "PUT",
        &path,
        // The default depth of 2 would cut off the rules.
        " -Payload (@{ properties = $SERVICE.properties } | ConvertTo-Json -Depth 20)",
    );
    block.say("The CORS rule was added. It takes about a minute to take effect.");
    block.line("}");
    Some(block.end(Step::Cors))
}
