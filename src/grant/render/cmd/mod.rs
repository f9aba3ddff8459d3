//! The Azure CLI at the prompt of cmd.
//!
//! The prompt runs line by line and has no blocks. So the variable `GRANT_OK` records whether everything
//! succeeded so far, every line tests it first, and the last line sets the exit status. A line cannot ask a
//! question either: the user confirms by setting a variable before the lines are pasted.
//!
//! `lines` starts and ends the lines, `assign`, `remove` and `cors` have the steps.

mod assign;
mod cors;
mod lines;
mod remove;

use self::lines::Lines;
use super::{
    super::{Grant, Part, Step},
    resource::role_file,
    windows,
};
use crate::name::InvalidName;

/// Returns all parts of the pack.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express a value, or a command is too long for it.
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
    for part in &parts {
        windows::check_length(&part.text)?;
    }
    parts.extend(role_file(grant));
    Ok(parts)
}

/// Creates the service principal, unless it exists.
///
/// A second run changes nothing.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express a value.
fn principal(grant: &Grant) -> Result<Part, InvalidName> {
    let mut lines = Lines::new(grant);
    lines.find_principal(grant)?;
    let id = grant.application();
    lines.if_ok(&format!(
        "if \"%OID%\"==\"none\" (az ad sp create --id {id} --output none || set \"GRANT_OK=\")"
    ));
    Ok(lines.end(Step::Principal))
}
