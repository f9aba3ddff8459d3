//! The position of a range in a listing in no known order.
//!
//! A scan that resumes lists everything again from the start of the prefix, and hands out nothing until it
//! has reached the name that was finished last.

/// Where a range is in a listing in no known order.
#[derive(Debug, Default)]
pub(super) struct UnsortedState {
    /// The name that the listing must reach before anything is handed out.
    pub(super) awaited: Option<Awaited>,
    /// The name before which the range ends.
    pub(super) until: Option<String>,
    /// The name after which the listing continues.
    pub(super) position: Option<String>,
}

/// A name that the listing must reach.
#[derive(Debug)]
pub(super) struct Awaited {
    pub(super) name: String,
    /// Whether the name itself is to be handed out.
    pub(super) is_included: bool,
    /// Whether the listing has reached the name.
    pub(super) is_found: bool,
}

impl Awaited {
    /// Awaits the end of the entries with a name.
    pub(super) fn after(name: String) -> Self {
        Self { name, is_included: false, is_found: false }
    }
}

impl UnsortedState {
    /// Returns whether a name belongs to the part of the listing that was finished earlier.
    pub(super) fn is_finished(&mut self, name: &str) -> bool {
        let Some(awaited) = &mut self.awaited else { return false };
        let is_it = awaited.name == name;
        if is_it && awaited.is_included || awaited.is_found && !is_it {
            self.awaited = None;
            return false;
        }
        awaited.is_found |= is_it;
        true
    }
}
