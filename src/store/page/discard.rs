//! Leaves out an entry that is too large to be kept, without keeping it.
//!
//! Assumes the form in which Azure writes entries: no comments, and no `>` within a tag.

use super::limits::Excess;

/// Where in the entry it is
#[derive(Debug, Default)]
pub(super) struct Discard {
    /// How many elements are open
    depth: usize,
    at: At,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Text,
    /// Behind a `<`
    Start,
    /// In a start tag; whether the last byte was a slash
    Open(bool),
    /// In an end tag
    Close,
}

impl Discard {
    /// Takes more of the entry: the place behind its end, or `None` if there is more of it
    pub(super) fn push(&mut self, text: &[u8]) -> Result<Option<usize>, Excess> {
        for (place, byte) in text.iter().enumerate() {
            self.at = match (self.at, byte) {
                (At::Text, b'<') => At::Start,
                (At::Text, _) => At::Text,
                (At::Start, b'/') => At::Close,
                (At::Start, b'!' | b'?' | b'>') => return Err(Excess::Element),
                (At::Start, _) => At::Open(false),
                (At::Open(is_empty), b'>') => {
                    self.depth += usize::from(!is_empty);
                    At::Text
                }
                (At::Open(_), byte) => At::Open(*byte == b'/'),
                (At::Close, b'>') => {
                    // What ends here is no entry: the elements of the page come after one another.
                    self.depth = self.depth.checked_sub(1).ok_or(Excess::Element)?;
                    At::Text
                }
                (At::Close, _) => At::Close,
            };
            let has_ended = *byte == b'>' && self.at == At::Text && self.depth == 0;
            if has_ended {
                return Ok(Some(place + 1));
            }
        }
        Ok(None)
    }
}
