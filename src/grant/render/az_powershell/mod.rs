//! The Azure CLI in PowerShell.
//!
//! Each block is one script block: an error ends the block and leaves the session open. `az` is a program, so
//! PowerShell does not stop when it fails; `Assert-Az` after each call does that.
//!
//! `block` starts and ends a block, `assign`, `remove` and `cors` have the steps.

mod assign;
mod block;
mod cors;
mod remove;

use self::block::{Block, find_principal};
use super::{
    super::{Grant, Part, Step},
    resource::role_file,
    windows,
};
use crate::name::InvalidName;

/// Returns all parts of the pack.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows, or a command is too long for it.
pub(super) fn parts(grant: &Grant) -> Result<Vec<Part>, InvalidName> {
    let mut parts = vec![
        principal(grant)?,
        assign::apply(grant)?,
        assign::read_back(grant)?,
        assign::change(grant, Step::Update)?,
        assign::change(grant, Step::Replace)?,
        remove::revoke(grant)?,
        remove::end_shared(grant)?,
    ];
    parts.extend(cors::cors(grant)?);
    // Before the files are added, which no shell runs.
    for part in &parts {
        windows::check_length(&part.text)?;
    }
    parts.extend(role_file(grant));
    Ok(parts)
}

/// Creates the service principal, unless it exists.
///
/// A second run only says that the service principal exists.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
fn principal(grant: &Grant) -> Result<Part, InvalidName> {
    let mut block = Block::new(grant);
    block.line(find_principal(grant));
    block.line("Assert-Az");
    block.line("if ($OID) { 'The service principal already exists.' } else {");
    block.line(format!("  az ad sp create --id {} --output none", grant.application()));
    block.line("  Assert-Az");
    block.say("The service principal was created.");
    block.line("}");
    Ok(block.end(Step::Principal))
}
