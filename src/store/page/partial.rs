//! A page that is being read, which is freed without holding up other tasks.

use std::{
    mem,
    ops::{Deref, DerefMut},
};

use tokio::runtime::Handle;

use crate::store::Page;

/// A page that is not complete yet.
///
/// If the page is refused, or the request ends early, the page is freed on a thread for blocking
/// work: hundreds of thousands of short texts take up to 20 ms, in which a task could not yield.
/// Without a runtime it is freed at once.
#[derive(Default)]
pub(super) struct PartialPage(Page);

impl PartialPage {
    /// Returns the page, which is complete now.
    pub(super) fn into_page(mut self) -> Page {
        mem::take(&mut self.0)
    }
}

impl Deref for PartialPage {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.0
    }
}

impl DerefMut for PartialPage {
    fn deref_mut(&mut self) -> &mut Page {
        &mut self.0
    }
}

impl Drop for PartialPage {
    fn drop(&mut self) {
        // A few blobs may have as many pairs of metadata as a whole page.
        if self.0.blobs.is_empty() {
            return;
        }
        let page = mem::take(&mut self.0);
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn_blocking(|| drop(page)));
        }
    }
}
