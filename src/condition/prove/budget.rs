//! The bound on the work of a search.

/// How much work searches may do, so that no condition takes long
#[derive(Debug)]
pub(crate) struct Budget {
    left: u64,
}

impl Budget {
    pub(crate) fn new(steps: u64) -> Self {
        Self { left: steps }
    }

    /// Takes at most so many steps out of the budget, as one of its own
    pub(crate) fn share(&mut self, steps: u64) -> Self {
        let share = steps.min(self.left);
        self.left -= share;
        Self { left: share }
    }

    /// Puts back what a share did not use
    pub(crate) fn put_back(&mut self, share: &Self) {
        self.left += share.left;
    }

    /// Whether the budget still had so many steps
    pub(super) fn spend(&mut self, steps: usize) -> bool {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        let enough = steps <= self.left;
        self.left = self.left.saturating_sub(steps);
        enough
    }
}
