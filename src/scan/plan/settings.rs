//! How a listing is made: the settings that the planner needs.
//!
//! [`ScanOptions`](crate::scan::ScanOptions) has the rest, which concerns requests and verdicts.

use std::num::NonZeroU16;

use crate::store::{Include, ListRequest, MAX_PAGE, NameOrder};

/// How to list.
#[derive(Clone, Debug)]
pub(in crate::scan) struct Settings {
    /// The most requests under way at a time, at least 1.
    pub(in crate::scan) in_flight: usize,
    /// Whether pages are handed out in ascending order of names.
    pub(in crate::scan) is_ascending: bool,
    /// The most blobs on a page; `None` is the limit of the service.
    pub(in crate::scan) page_size: Option<NonZeroU16>,
    /// The items to list besides the current blobs.
    pub(in crate::scan) include: Vec<Include>,
    /// The order to start with, whatever pages state.
    pub(in crate::scan) assumed: Option<NameOrder>,
    /// Whether names that contradict the order end the listing.
    pub(in crate::scan) insists: bool,
}

impl Settings {
    /// Returns whether one name can have more than one entry.
    pub(in crate::scan) fn lists_copies(&self) -> bool {
        let is_copy = |include: &Include| matches!(include, Include::Snapshots | Include::Versions);
        self.include.iter().any(is_copy)
    }

    /// Returns the number of blobs on a full page.
    pub(super) fn blobs_per_page(&self) -> f64 {
        f64::from(self.page_size.map_or(MAX_PAGE, |size| size.get().min(MAX_PAGE)))
    }

    /// Returns a request for the first page of a prefix.
    pub(super) fn request(&self, prefix: &str) -> ListRequest {
        let mut request = ListRequest::new(prefix);
        request.max_results = self.page_size;
        request.include.clone_from(&self.include);
        request
    }
}
