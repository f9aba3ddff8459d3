//! Detects continuation markers that repeat: a listing that follows them would never end.

use super::fault::Fault;
use crate::{
    error::{Error, ErrorKind},
    store::Marker,
};

/// Detects a cycle of markers while it keeps only one of them in memory (Brent's algorithm).
#[derive(Debug, Default)]
pub(super) struct MarkerCycle {
    /// The marker that later ones are compared with.
    kept: Option<Marker>,
    /// The number of markers since then.
    steps: u64,
    /// The number of markers after which another one is kept; doubled each time.
    keep_for: u64,
}

impl MarkerCycle {
    /// Records a marker and returns whether it repeats an earlier one.
    ///
    /// A repetition is found after a number of markers proportional to those before and in the cycle.
    pub(super) fn is_repeated(&mut self, marker: &Marker) -> bool {
        if self.kept.as_ref() == Some(marker) {
            return true;
        }
        // The kept marker is replaced at growing intervals, so it is in the cycle at some time, and is kept
        // for long enough to be met again.
        if self.steps == self.keep_for {
            self.kept = Some(marker.clone());
            self.steps = 0;
            self.keep_for = (self.keep_for * 2).max(1);
        }
        self.steps += 1;
        false
    }

    /// Records a marker.
    ///
    /// # Errors
    /// [`Fault::Error`] with [`ErrorKind::RepeatedMarker`] if the marker repeats an earlier one.
    pub(super) fn check(&mut self, marker: &Marker) -> Result<(), Fault> {
        if self.is_repeated(marker) { Err(Fault::Error(repeated_marker())) } else { Ok(()) }
    }
}

/// The error of a listing that would never end.
#[cold]
fn repeated_marker() -> Error {
    Error::new(
        ErrorKind::RepeatedMarker,
        "the service returned the same continuation marker twice, so its listing would never end; report it to the service with the container's name",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_of_any_length_is_found_after_any_start() {
        for (start, length) in [(0, 1), (0, 7), (5, 1), (9, 4), (100, 33)] {
            let mut cycle = MarkerCycle::default();
            let markers = (0..).map(|n| if n < start { n } else { start + (n - start) % length });
            let steps = markers
                .take_while(|n| !cycle.is_repeated(&Marker::from(n.to_string())))
                .take(10_000)
                .count();
            assert!(steps <= 4 * (start + length) + 4, "{start} {length}: {steps}");
        }
    }
}
