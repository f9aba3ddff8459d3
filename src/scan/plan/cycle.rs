//! Markers that come again: a listing that follows them never ends.

use crate::{
    error::{Error, ErrorKind},
    store::Marker,
};

/// Finds that markers go in a circle, with one of them in memory (Brent's algorithm)
#[derive(Debug, Default)]
pub(super) struct MarkerCycle {
    kept: Option<Marker>,
    steps: u64,
    keep_for: u64,
}

impl MarkerCycle {
    /// Whether a marker came before; takes note of it
    pub(super) fn before(&mut self, marker: &Marker) -> bool {
        if self.kept.as_ref() == Some(marker) {
            return true;
        }
        if self.steps == self.keep_for {
            self.kept = Some(marker.clone());
            self.steps = 0;
            self.keep_for = (self.keep_for * 2).max(1);
        }
        self.steps += 1;
        false
    }
}

/// The listing would never end
#[cold]
pub(super) fn repeated_marker() -> Error {
    Error::new(
        ErrorKind::RepeatedMarker,
        "the service gave a marker a second time, so its listing would never end; report it with the container's name",
    )
}
