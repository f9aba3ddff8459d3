//! JSON on one line, for any definition of a line.
//!
//! Used for everything that this crate writes as JSON Lines. Texts are escaped here, so that
//! writers cannot forget it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

/// Writes a value as JSON, and escapes all control characters and line separators in its texts.
///
/// JSON requires escapes only for the first 32 characters. But terminals obey other control
/// characters too, and Python's `str.splitlines`, for example, splits lines at U+0085, U+2028 and
/// U+2029.
pub(crate) fn write(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    Ok(value.serialize(&mut Serializer::with_formatter(out, Escaping))?)
}

/// A formatter that escapes more characters than JSON requires.
struct Escaping;

/// Returns whether some reader does not treat the character as a part of the text.
pub(super) fn is_unsafe(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

impl Formatter for Escaping {
    // serde_json calls this with the parts of a text that it does not escape itself.
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        mut fragment: &str,
    ) -> io::Result<()> {
        while let Some((before, rest)) = fragment.split_once(is_unsafe) {
            out.write_all(before.as_bytes())?;
            // All of these characters are below U+10000, so four digits are enough.
            let control = fragment.get(before.len()..).and_then(|text| text.chars().next());
            write!(out, "\\u{:04x}", control.map_or(0, u32::from))?;
            fragment = rest;
        }
        out.write_all(fragment.as_bytes())
    }
}
