//! Arguments for az on Windows, where it is a batch file: cmd reads once more what it is given.

use super::super::quote::{self, is_plain};
use crate::name::{Field, InvalidName};

/// Of the 8,191 characters of a command of cmd, which runs az on Windows, what az leaves
const LONGEST_LINE: usize = 8000;

/// An argument at the prompt of cmd
pub(super) fn cmd(text: &str) -> Result<String, InvalidName> {
    if is_plain(text) {
        return Ok(text.to_owned());
    }
    quote::cmd(text).ok_or_else(|| {
        let rule = "on Windows there is no spelling for a double quote or a percent sign";
        InvalidName::new(Field::Prefix, text, rule)
            .hint("use the form for bash, in the Cloud Shell for example")
    })
}

/// An argument in PowerShell
pub(super) fn powershell(text: &str) -> Result<String, InvalidName> {
    if is_plain(text) {
        return Ok(text.to_owned());
    }
    cmd(text)?;
    // PowerShell puts double quotes only around what has blanks; without them cmd gives a meaning to
    // these, and a parenthesis ends the block of the batch file.
    if !text.contains(' ') && text.contains(['(', ')', '&', '|', '<', '>', '^']) {
        let rule = "on Windows PowerShell hands it to az without quotes, and cmd reads its characters in its own way";
        return Err(InvalidName::new(Field::ResourceGroup, text, rule)
            .hint("use the form for the Az module of PowerShell, or for bash"));
    }
    Ok(quote::powershell(text))
}

/// Refuses a text with a line that cmd does not take
pub(super) fn check_length(text: &str) -> Result<(), InvalidName> {
    let Some(line) = text.lines().find(|line| line.chars().count() > LONGEST_LINE) else {
        return Ok(());
    };
    let rule = "with it the command has more than 8,191 characters, which cmd does not take";
    let condition = line.split(" --condition ").nth(1).unwrap_or(line);
    Err(InvalidName::new(Field::Prefix, condition, rule)
        .hint("use the form for bash, in the Cloud Shell for example"))
}
