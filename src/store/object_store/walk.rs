//! Pages of a store that lists in no order and without pages.
//!
//! Each complete listing keeps the first names after a position, a window, in memory. The next pages
//! are taken from that window. So a listing of any size takes bounded memory, its names ascend, and a
//! position is the last name of a page, which works in any later call.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use ::object_store::ObjectStore;
use futures::TryStreamExt as _;

use super::{
    super::{Blob, ListRequest, MAX_PAGE, Marker, Page},
    convert::{Doing, blob, failure, path},
    verify::{self, Entry},
};
use crate::error::Error;

/// How many names of a listing are in memory: about 6 MiB.
const WINDOW: usize = 20_000;

/// How many listings can be under way without losing their windows.
const WINDOWS: usize = 4;

/// After how many entries a listing lets other tasks run.
const ENTRIES_AT_A_TIME: usize = 4096;

/// A store without pages.
pub(super) struct Walk {
    store: Arc<dyn ObjectStore>,
    windows: Mutex<VecDeque<Window>>,
}

/// The names of a listing that follow a position.
struct Window {
    prefix: String,
    /// The position; `None` is the start of the listing.
    after: Option<String>,
    entries: VecDeque<Entry>,
    /// Whether no name follows those of the window.
    is_last: bool,
}

impl Walk {
    /// Creates a listing of the store.
    pub(super) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, windows: Mutex::default() }
    }

    /// Returns a page. Ignores `start_from` and the delimiter.
    pub(super) async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let after = request.marker.map(|marker| marker.as_str().to_owned());
        let mut window = match self.take(&request.prefix, after.as_deref()) {
            Some(window) => window,
            None => self.read(request.prefix, after).await?,
        };
        let limit = usize::from(request.max_results.map_or(MAX_PAGE, |n| n.get().min(MAX_PAGE)));
        let mut entries: Vec<Entry> = Vec::new();
        // Two entries with one name are one object and one whose name was shortened, so at most one of
        // them is a blob of the page. A position between them would lose the second one.
        while let Some(next) = window.entries.front() {
            let is_same = entries.last().is_some_and(|last| last.blob.name == next.blob.name);
            if entries.len() >= limit && !is_same {
                break;
            }
            entries.extend(window.entries.pop_front());
        }
        let last = entries.last().map(|entry| entry.blob.name.clone());
        let mut page = Page::default();
        verify::add(&self.store, &mut page, entries).await?;
        if let Some(last) = last
            && !(window.is_last && window.entries.is_empty())
        {
            page.next = Some(Marker::from(last.clone()));
            window.after = Some(last);
            self.keep(window);
        }
        Ok(page)
    }

    /// Takes the window at a position. The first page of a listing never has one, so that a listing
    /// shows what the store has when it begins.
    fn take(&self, prefix: &str, after: Option<&str>) -> Option<Window> {
        let after = after?;
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let at = windows
            .iter()
            .position(|window| window.prefix == prefix && window.after.as_deref() == Some(after))?;
        windows.remove(at)
    }

    /// Keeps the rest of a window for the next page.
    fn keep(&self, window: Window) {
        if window.entries.is_empty() {
            return;
        }
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.push_back(window);
        if windows.len() > WINDOWS {
            windows.pop_front();
        }
    }

    /// Lists the whole store, and returns the first names after a position.
    async fn read(&self, prefix: String, after: Option<String>) -> Result<Window, Error> {
        // A prefix of `object_store` is a folder. The objects of the folder are more than enough.
        let folder = prefix.rsplit_once('/').and_then(|(folder, _)| path(folder).ok());
        let mut listing = self.store.list(folder.as_ref());
        // By name, and by the order of the listing among equal names.
        let mut first: BTreeMap<(String, usize), Blob> = BTreeMap::new();
        let mut is_last = true;
        let mut count = 0;
        while let Some(meta) =
            listing.try_next().await.map_err(|error| failure(error, Doing::List))?
        {
            count += 1;
            if count % ENTRIES_AT_A_TIME == 0 {
                tokio::task::yield_now().await;
            }
            let name = meta.location.as_ref();
            if !name.starts_with(&prefix) || after.as_deref().is_some_and(|after| name <= after) {
                continue;
            }
            let name = name.to_owned();
            first.insert((name.clone(), count), blob(name, meta));
            if first.len() > WINDOW {
                is_last = false;
                let beyond = first.pop_last();
                // All entries of a name are in the same window.
                while let (Some(((name, _), _)), Some(last)) = (&beyond, first.last_entry())
                    && last.key().0 == *name
                {
                    last.remove();
                }
            }
        }
        Ok(Window { prefix, after, entries: in_doubt(first), is_last })
    }
}

/// Marks the entries whose names may have lost a slash: empty objects, which often mark folders,
/// objects with the name of a folder, and names that are listed twice.
fn in_doubt(blobs: BTreeMap<(String, usize), Blob>) -> VecDeque<Entry> {
    let doubts: Vec<bool> = blobs
        .iter()
        .map(|((name, _), blob)| {
            let below = format!("{name}/");
            let of_name = blobs.range((name.clone(), 0)..).take(2);
            blob.size == 0
                || of_name.filter(|((other, _), _)| other == name).count() > 1
                || blobs
                    .range((below.clone(), 0)..)
                    .next()
                    .is_some_and(|((other, _), _)| other.starts_with(&below))
        })
        .collect();
    let blobs = blobs.into_values().zip(doubts);
    blobs.map(|(blob, is_in_doubt)| Entry::new(blob, is_in_doubt)).collect()
}
