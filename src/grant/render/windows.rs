//! Arguments for `az` on Windows.
//!
//! There `az` is a batch file, so cmd parses every argument a second time, whichever shell passes it.
//! What cmd cannot express is refused here, with a hint to a form that can.

use super::super::quote::{self, is_plain};
use crate::name::{Field, InvalidName};

/// The longest line of a text, in characters.
///
/// A command of cmd has at most 8,191 characters (Microsoft Learn, "Command prompt line string
/// limitation"). The batch file `az` adds the path of its interpreter to that.
const LONGEST_LINE: usize = 8000;

/// Returns an argument at the prompt of cmd.
///
/// # Errors
/// [`InvalidName`] if the text has a double quote, a percent sign or a line break.
pub(super) fn cmd(text: &str) -> Result<String, InvalidName> {
    if is_plain(text) {
        return Ok(text.to_owned());
    }
    // Only a prefix can have such a character: all other values were checked by the builder.
    quote::cmd(text).ok_or_else(|| {
        let rule = "on Windows there is no spelling for a double quote or a percent sign";
        InvalidName::new(Field::Prefix, text, rule)
            .hint("use the form for bash, in the Cloud Shell for example")
    })
}

/// Returns an argument of `az` in PowerShell.
///
/// Stricter than [`cmd`], because PowerShell decides by itself whether to quote an argument for a
/// program.
///
/// # Errors
/// [`InvalidName`] if cmd would change the text.
pub(super) fn powershell(text: &str) -> Result<String, InvalidName> {
    if is_plain(text) {
        return Ok(text.to_owned());
    }
    cmd(text)?;
    // PowerShell puts double quotes only around arguments with spaces. Without quotes, cmd gives these
    // characters a meaning, and a parenthesis ends the block of the batch file.
    if !text.contains(' ') && text.contains(['(', ')', '&', '|', '<', '>', '^']) {
        let rule = "on Windows PowerShell hands it to az without quotes, and cmd reads its characters in its own way";
        return Err(InvalidName::new(Field::ResourceGroup, text, rule)
            .hint("use the form for the Az module of PowerShell, or for bash"));
    }
    Ok(quote::powershell(text))
}

/// Checks that every line of a text is short enough for cmd.
///
/// Counts characters, as cmd does, not bytes.
///
/// # Errors
/// [`InvalidName`] with the condition of the first line that is too long.
pub(super) fn check_length(text: &str) -> Result<(), InvalidName> {
    let Some(line) = text.lines().find(|line| line.chars().count() > LONGEST_LINE) else {
        return Ok(());
    };
    let rule = "with it the command has more than 8,191 characters, which cmd does not take";
    // Only a condition makes a line this long: it lists all containers of the grant.
    let condition = line.split(" --condition ").nth(1).unwrap_or(line);
    Err(InvalidName::new(Field::Prefix, condition, rule)
        .hint("use the form for bash, in the Cloud Shell for example"))
}
