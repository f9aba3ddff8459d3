//! JSON in one line, however a reader splits lines.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

/// Writes a value as JSON, with all control characters and line separators in its texts escaped
///
/// JSON requires that of the first 32 characters only. A terminal obeys other control characters too,
/// and Python's `str.splitlines`, for example, splits lines at U+0085, U+2028 and U+2029.
pub(crate) fn write(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    Ok(value.serialize(&mut Serializer::with_formatter(out, Escaping))?)
}

struct Escaping;

/// Whether some reader does not take the character as a part of the text
pub(super) fn is_unsafe(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        mut fragment: &str,
    ) -> io::Result<()> {
        while let Some((before, behind)) = fragment.split_once(is_unsafe) {
            out.write_all(before.as_bytes())?;
            let control = fragment.get(before.len()..).and_then(|rest| rest.chars().next());
            write!(out, "\\u{:04x}", control.map_or(0, u32::from))?;
            fragment = behind;
        }
        out.write_all(fragment.as_bytes())
    }
}
