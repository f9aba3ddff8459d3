//! The bound on the work of a search.
//!
//! Satisfiability of conditions is NP-hard, so some conditions would take very long. A bound on steps
//! keeps every audit short, and unlike a timeout it gives the same answer on every machine.

/// The number of steps that searches may still take.
#[derive(Debug)]
pub(crate) struct Budget {
    left: u64,
}

impl Budget {
    /// Starts with this many steps.
    pub(crate) fn new(steps: u64) -> Self {
        Self { left: steps }
    }

    /// Takes at most `steps` out of this budget and returns them as a budget of its own.
    pub(crate) fn share(&mut self, steps: u64) -> Self {
        let share = steps.min(self.left);
        self.left -= share;
        Self { left: share }
    }

    /// Returns the unused steps of a share to this budget.
    pub(crate) fn put_back(&mut self, share: &Self) {
        self.left += share.left;
    }

    /// Spends steps and returns whether there were enough.
    ///
    /// Once this returned false, the budget is used up: nothing that follows counts as proved.
    pub(super) fn spend(&mut self, steps: usize) -> bool {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        // A failed attempt uses up the rest, so that nothing after it looks proved.
        let enough = steps <= self.left;
        self.left = self.left.saturating_sub(steps);
        enough
    }
}
