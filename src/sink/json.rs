use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

/// Writes a value as JSON without line breaks, and every control character in it escaped
///
/// JSON itself wants that of the first 32 only, but a terminal obeys some of the others too.
pub(super) fn write(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    Ok(value.serialize(&mut Serializer::with_formatter(out, Escaping))?)
}

struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        mut fragment: &str,
    ) -> io::Result<()> {
        while let Some((before, behind)) = fragment.split_once(char::is_control) {
            out.write_all(before.as_bytes())?;
            let control = fragment.get(before.len()..).and_then(|rest| rest.chars().next());
            write!(out, "\\u{:04x}", control.map_or(0, u32::from))?;
            fragment = behind;
        }
        out.write_all(fragment.as_bytes())
    }
}
