//! The Az module of PowerShell.
//!
//! Each block is one script block: an error ends the block and leaves the session open. The module has typed
//! cmdlets, so the blocks compare properties of objects instead of words that a query prints.
//!
//! `block` starts and ends a block, `assign`, `remove` and `cors` have the steps.

mod assign;
mod block;
mod cors;
mod remove;

use self::block::Block;
use super::{
    super::{Grant, Part, Step},
    resource::role_file,
};

/// Returns all parts of the pack.
pub(super) fn parts(grant: &Grant) -> Vec<Part> {
    let mut parts = Vec::from_iter(role_file(grant));
    parts.extend([
        principal(grant),
        assign::apply(grant),
        assign::read_back(grant),
        assign::change(grant, Step::Update),
        assign::change(grant, Step::Replace),
        remove::revoke(grant),
        remove::end_shared(grant),
    ]);
    parts.extend(cors::cors(grant));
    parts
}

/// Creates the service principal, unless it exists.
///
/// A second run only says that the service principal exists.
fn principal(grant: &Grant) -> Part {
    let mut block = Block::new(grant);
    let application = grant.application();
    block.line(format!(
        "if (Get-AzADServicePrincipal -ApplicationId '{application}') {{ 'The service principal already exists.' }} else {{"
    ));
    block.line(format!("  New-AzADServicePrincipal -ApplicationId '{application}' | Out-Null"));
    block.say("The service principal was created.");
    block.line("}");
    block.end(Step::Principal)
}
