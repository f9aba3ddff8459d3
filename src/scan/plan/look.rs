//! A look at a single name: the first one from some name on.
//!
//! It is the cheapest request with `start_from`: a page of one blob. If it fails, nothing is lost.

use std::num::NonZeroU16;

use super::{cycle::MarkerCycle, start_from};
use crate::store::{ListRequest, Marker, Page};

/// A request for the first name from some name on.
///
/// The answer shows whether the store supports `start_from`, and a name at which a range can be split.
#[derive(Debug)]
pub(super) struct Look {
    /// The prefix that is listed.
    root: String,
    /// The folder that is looked into.
    dir: String,
    /// The name that the listing should start from.
    from: String,
    /// Where to continue after an empty page.
    marker: Option<Marker>,
    markers: MarkerCycle,
}

impl Look {
    /// Returns a look, or `None` if the service cannot start from that name.
    pub(super) fn new(root: &str, dir: &str, from: String) -> Option<Self> {
        start_from::is_safe(root, &from).then(|| Self {
            root: root.to_owned(),
            dir: dir.to_owned(),
            from,
            marker: None,
            markers: MarkerCycle::default(),
        })
    }

    /// Returns the prefix that is listed.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// Returns the folder that is looked into.
    pub(super) fn dir(&self) -> &str {
        &self.dir
    }

    /// Returns the name that the listing should start from.
    pub(super) fn from(&self) -> &str {
        &self.from
    }

    /// Returns whether the look was at a single character in a folder: a guess, about which nothing was
    /// known.
    pub(super) fn is_guess(&self) -> bool {
        self.from.strip_prefix(&self.dir).is_some_and(|rest| rest.chars().count() == 1)
    }

    /// Returns the next request.
    pub(super) fn request(&self) -> ListRequest {
        let mut request = ListRequest::new(&self.root);
        request.marker.clone_from(&self.marker);
        // A marker already says where to continue.
        request.start_from = Some(self.from.clone()).filter(|_| self.marker.is_none());
        request.max_results = NonZeroU16::new(1);
        request
    }

    /// Moves to the page after an empty one; returns `false` if there is none, or if markers repeat.
    pub(super) fn advance(&mut self, page: &Page) -> bool {
        match &page.next {
            Some(next) if !self.markers.is_repeated(next) => {
                self.marker = Some(next.clone());
                true
            }
            _ => false,
        }
    }
}
