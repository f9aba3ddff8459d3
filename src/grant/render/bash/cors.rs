//! The CORS rule in bash.
//!
//! A rule is only added. Existing rules belong to others too, so a rule that is in the way stops
//! the block.

use super::{
    super::{
        super::{Grant, Part, Step, quote::bash as quoted},
        about, query,
        resource::EXPOSED,
    },
    block::Block,
};

/// Returns the command that prints whether the rules are sufficient for the origin.
pub(super) fn cors_list(grant: &Grant, origin: &str) -> String {
    format!(
        "az storage account blob-service-properties cors-rule list --account-name {} --resource-group {} --query {} --output tsv | tr -d '\\r'",
        grant.account(),
        quoted(grant.resource_group()),
        quoted(&query::cors(origin))
    )
}

/// Adds a rule for the origin, unless there is one. Returns `None` if the grant has no origin.
///
/// A rule that matches but is not sufficient stops the block: Azure uses the first rule that
/// matches, so a second one would have no effect.
pub(super) fn cors(grant: &Grant) -> Option<Part> {
    let origin = grant.origin()?;
    let mut block = Block::new(grant);
    let on = format!(
        "--account-name {} --resource-group {}",
        grant.account(),
        quoted(grant.resource_group())
    );
    block.line(format!("RULE=$({})", cors_list(grant, origin)));
    block.line("if [ \"$RULE\" = complete ]; then");
    block.line("  echo 'The CORS rule already exists.'");
    block.line("elif [ -n \"$RULE\" ]; then");
    block.line(format!(
        "  az storage account blob-service-properties cors-rule list {on} --output yaml >&2"
    ));
    let stop = about::incomplete_rule(origin);
    block.line(format!("  grant_stop {}", quoted(&stop)));
    block.line("else");
    block.line(format!(
        // OPTIONS is the preflight itself; GET and HEAD are what a player sends after it.
        "  az storage account blob-service-properties cors-rule add {on} --origins {} --methods GET HEAD OPTIONS --allowed-headers '*' --exposed-headers {} --max-age 3600 --output none",
        quoted(origin),
        EXPOSED.join(" ")
    ));
    block.line("  echo 'The CORS rule was added. It takes about a minute to take effect.'");
    block.line("fi");
    Some(block.end(Step::Cors))
}
