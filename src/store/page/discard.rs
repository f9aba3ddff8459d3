//! Leaves out an entry that is too large to be kept, without keeping it.
//!
//! Assumes the form in which Azure writes entries: no comments, and no `>` within a tag.

use super::limits::Limit;

/// Where in the entry it is
#[derive(Debug, Default)]
pub(super) struct Discard {
    /// How many elements are open
    depth: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
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
    pub(super) fn push(&mut self, text: &[u8]) -> Result<Option<usize>, Limit> {
        for (place, byte) in text.iter().enumerate() {
            self.state = match (self.state, byte) {
                (State::Text, b'<') => State::Start,
                (State::Text, _) => State::Text,
                (State::Start, b'/') => State::Close,
                (State::Start, b'!' | b'?' | b'>') => return Err(Limit::Element),
                (State::Start, _) => State::Open(false),
                (State::Open(is_empty), b'>') => {
                    self.depth += usize::from(!is_empty);
                    State::Text
                }
                (State::Open(_), byte) => State::Open(*byte == b'/'),
                (State::Close, b'>') => {
                    // What ends here is no entry: the elements of the page come after one another.
                    self.depth = self.depth.checked_sub(1).ok_or(Limit::Element)?;
                    State::Text
                }
                (State::Close, _) => State::Close,
            };
            let has_ended = *byte == b'>' && self.state == State::Text && self.depth == 0;
            if has_ended {
                return Ok(Some(place + 1));
            }
        }
        Ok(None)
    }
}
