//! The rule that reports attributes in preview.
//!
//! Source: Microsoft Learn, "Actions and attributes for Azure role assignment conditions for Azure Blob
//! Storage", the notice at its top, read in November 2026. The notice lists the include attribute of
//! listings, and the snapshot attribute for accounts with a hierarchical namespace. The version of April
//! 2024 lists the include attribute and the metadata of containers.

use super::{LintFinding, Severity, context::Context};
use crate::condition::{Rule, catalog::Known};

/// Reports each attribute in preview once, at the first place where it occurs.
pub(super) fn check(context: &Context<'_>, found: &mut Vec<LintFinding>) {
    let mut seen = Vec::new();
    context.root.walk(&mut |expr| {
        for known in expr.attributes().filter_map(|attribute| Known::of(attribute.path())) {
            let Some(state) = state(known) else { continue };
            // One note for an attribute is enough, even if the condition has it in every clause.
            if seen.contains(&known) {
                continue;
            }
            seen.push(known);
            let message = format!(
                "{} {state}; Azure may change it without notice and gives no service level for it",
                known.path()
            );
            let (rule, severity) = (Rule::Preview, Severity::Note);
            found.push(LintFinding { rule, severity, span: expr.span, message, repair: None });
        }
    });
}

/// Returns the state of an attribute in preview, in words, or `None` for one that is generally available.
///
/// The words say how certain the state is, because the documentation has changed over time.
fn state(known: Known) -> Option<&'static str> {
    match known {
        Known::Include => Some("is in preview"),
        Known::Snapshot => Some("is in preview on accounts with a hierarchical namespace"),
        Known::Metadata => Some("was in preview in April 2024 and may still be"),
        _ => None,
    }
}
