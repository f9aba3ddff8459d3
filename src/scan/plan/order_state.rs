//! The order of a listing: the one that the scan relies on, and the ones that its names allow.
//!
//! Where the current order comes from, the best evidence first: names that have contradicted another
//! order, the caller or a shard of an earlier scan, the first page with blobs, and else the likeliest
//! order. Each pair of names that follow each other excludes the orders in which they do not ascend.
//!
//! Names of a listing in no order ascend by chance for a while. So until [`PROOF`] names have ascended, only
//! the first range takes its pages.

use super::range::{ListingMode, MAX_STRAYS};
use crate::store::{NameOrder, Orders};

/// How many names must ascend before a range may end at the first name after it, and before pages of
/// other ranges are taken.
///
/// A listing in no order at all shows that much earlier.
const PROOF: u64 = 32;

/// The order that the scan relies on, with the evidence for it.
#[derive(Debug)]
pub(super) struct OrderState {
    current: NameOrder,
    /// The orders in which all names so far ascend.
    possible: Orders,
    /// Whether an order was given, or names have shown one: what pages state then has no effect.
    is_fixed: bool,
    /// Whether names must ascend, because everything else relies on it.
    is_strict: bool,
    /// Whether names that contradict the order end the listing.
    insists: bool,
    /// Whether one name can have several entries.
    has_copies: bool,
    /// How many names were seen to ascend.
    checked: u64,
    /// The order to use instead, once names have contradicted one that the scan insists on.
    explanation: Option<NameOrder>,
}

impl OrderState {
    /// Returns the state at the start of a listing, at which every order is possible.
    pub(super) fn new(
        current: NameOrder,
        is_fixed: bool,
        is_strict: bool,
        insists: bool,
        has_copies: bool,
    ) -> Self {
        let (possible, checked, explanation) = (Orders::ALL, 0, None);
        Self {
            current,
            possible,
            is_fixed,
            is_strict: is_strict && current != NameOrder::Unsorted,
            insists,
            has_copies,
            checked,
            explanation,
        }
    }

    /// Returns the order that the scan relies on.
    pub(super) fn current(&self) -> NameOrder {
        self.current
    }

    /// Returns whether the scan relies on no order.
    pub(super) fn is_unsorted(&self) -> bool {
        self.current == NameOrder::Unsorted
    }

    /// Returns whether names must ascend.
    ///
    /// A plain loop over one prefix does not need that: it follows the markers of the service.
    pub(super) fn is_strict(&self) -> bool {
        self.is_strict
    }

    /// Returns the orders that explain all names so far.
    pub(super) fn possible(&self) -> Orders {
        self.possible
    }

    /// Returns whether what was handed out must be remembered, in case the order proves wrong.
    ///
    /// A plain loop continues from where it is, and a scan that insists on its order ends.
    pub(super) fn needs_memory(&self) -> bool {
        self.is_strict && !self.insists
    }

    /// Returns how pages are to be read.
    pub(super) fn mode(&self) -> ListingMode {
        ListingMode {
            order: self.current,
            possible: self.possible,
            is_strict: self.is_strict,
            has_copies: self.has_copies,
            // A job that insists on its order can list again; a late name may be one that it lacks.
            max_strays: if self.insists { 0 } else { MAX_STRAYS },
        }
    }

    /// Returns whether the order that the first page with blobs states may replace the current one.
    ///
    /// A page without blobs states the default order because it does not know better.
    pub(super) fn may_become(&self, stated: NameOrder) -> bool {
        stated != self.current
            && stated != NameOrder::default()
            && stated != NameOrder::Unsorted
            && !self.is_fixed
    }

    /// Relies on an order that a page states.
    pub(super) fn begin_with(&mut self, order: NameOrder) {
        self.current = order;
    }

    /// Relies on an order that names have shown. Names are better evidence than what pages state.
    pub(super) fn change_to(&mut self, order: NameOrder) {
        self.current = order;
        self.is_fixed = true;
    }

    /// Relies on no order from now on.
    pub(super) fn give_up(&mut self) {
        // Names that do not ascend are no contradiction from now on.
        self.change_to(NameOrder::Unsorted);
        self.is_strict = false;
    }

    /// Reduces the possible orders.
    pub(super) fn restrict_to(&mut self, orders: Orders) {
        self.possible = self.possible.and(orders);
    }

    /// Records that the service listed one name before another; returns whether the current order
    /// explains that.
    pub(super) fn observe(&mut self, first: &str, second: &str) -> bool {
        self.restrict_to(Orders::that_have(first, second).unwrap_or(Orders::ALL));
        self.possible.has(self.current)
    }

    /// Counts names that were seen to ascend.
    pub(super) fn count_checked(&mut self, names: u64) {
        self.checked += names;
    }

    /// Returns whether enough names have ascended, or no order is relied on.
    pub(super) fn is_proven(&self) -> bool {
        !self.is_strict || self.checked >= PROOF
    }

    /// Returns whether one name comes before another in all possible orders.
    pub(super) fn is_surely_before(&self, a: &str, b: &str) -> bool {
        Orders::that_have(a, b).is_some_and(|orders| orders.and(self.possible) == self.possible)
    }

    /// Returns the order to use once names have contradicted the current one.
    pub(super) fn alternative(&self) -> NameOrder {
        // If the current order is still possible, no order explains what is wrong with the names.
        match self.possible.has(self.current) {
            true => NameOrder::Unsorted,
            false => self.possible.instead_of(self.current),
        }
    }

    /// Returns whether the scan must end because names contradict the order that it insists on. The
    /// alternative is then available as the [explanation](Self::explanation).
    pub(super) fn ends_listing(&mut self, alternative: NameOrder) -> bool {
        self.explanation = Some(alternative).filter(|_| self.insists);
        self.insists
    }

    /// Returns the order that explains all names, after names have contradicted an order that the scan
    /// insists on.
    pub(super) fn explanation(&self) -> Option<NameOrder> {
        self.explanation
    }
}
