//! Leaves out an entry that is too large to buffer.
//!
//! Follows the entry byte by byte to its end, and keeps nothing of it. Assumes the form in which
//! Azure writes entries: no comments, and no `>` within a tag. Anything else is an error for the
//! whole page.

use super::limits::Limit;

/// The position in an entry that is left out.
#[derive(Debug, Default)]
pub(super) struct Discard {
    /// How many elements are open.
    depth: usize,
    state: State,
}

/// Where the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After a `<`.
    TagStart,
    StartTag {
        /// Whether the last byte was a slash, so that a `>` makes the element empty.
        after_slash: bool,
    },
    EndTag,
}

impl Discard {
    /// Takes the next piece of the entry.
    ///
    /// Returns the offset after the entry, or `None` if the entry does not end in this piece.
    pub(super) fn push(&mut self, text: &[u8]) -> Result<Option<usize>, Limit> {
        for (place, byte) in text.iter().enumerate() {
            self.state = match (self.state, byte) {
                (State::Text, b'<') => State::TagStart,
                (State::Text, _) => State::Text,
                (State::TagStart, b'/') => State::EndTag,
                // Comments and processing instructions may contain anything, also `</Blob>`.
                (State::TagStart, b'!' | b'?' | b'>') => return Err(Limit::Element),
                (State::TagStart, _) => State::StartTag { after_slash: false },
                (State::StartTag { after_slash }, b'>') => {
                    self.depth += usize::from(!after_slash);
                    State::Text
                }
                (State::StartTag { .. }, byte) => State::StartTag { after_slash: *byte == b'/' },
                (State::EndTag, b'>') => {
                    // At depth 0 this tag ends `Blobs`, so the large text before it is no entry.
                    self.depth = self.depth.checked_sub(1).ok_or(Limit::Element)?;
                    State::Text
                }
                (State::EndTag, _) => State::EndTag,
            };
            let has_ended = *byte == b'>' && self.state == State::Text && self.depth == 0;
            if has_ended {
                return Ok(Some(place + 1));
            }
        }
        Ok(None)
    }
}
