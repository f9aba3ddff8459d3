//! A blob that is being read into a page.
//!
//! A draft decides at its end whether the entry becomes a blob or a malformed entry. It is the only
//! place where the scanner and its templates add entries with a blob to a page.

use std::mem;

use super::{
    limits::{MAX_ENTRY, MAX_NAME, MetadataBudget, is_long_name},
    name::Name,
    problem::{ENTRY_TOO_LARGE, NAME_TOO_LONG, NO_NAME, NO_SIZE},
    stop::Stop,
};
use crate::store::{Blob, MAX_PAGE, Malformed, NameOrder, Page};

/// A blob that is partly read.
pub(super) struct Draft<'a> {
    /// The last blob of the page. It is filled in place, because copying a finished blob into the
    /// page would take a considerable part of the time of reading it.
    blob: &'a mut Blob,
    /// Whether there is a name, or why there is none; the name itself is in the blob.
    name: Option<Result<(), &'static str>>,
    /// The size, which is stored in the blob at the end.
    size: Option<u64>,
    /// Why the entry is malformed.
    problem: Option<String>,
    /// Whether the entry has a property that only accounts with a hierarchical namespace have.
    has_path: bool,
    /// Whether the text of the entry is longer than the limit.
    is_large: bool,
    budget: MetadataBudget,
}

impl Draft<'_> {
    /// Adds an entry to a page: `begin` makes the blob, and `read` fills it in.
    ///
    /// If `read` fails, the page is as before. If it succeeds without a name or a size, or with a
    /// problem, the entry becomes a malformed entry.
    #[inline]
    pub(super) fn add<T>(
        page: &mut Page,
        begin: impl FnMut() -> Blob,
        read: impl FnOnce(&mut Draft<'_>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        reserve_blobs(&mut page.blobs);
        // `resize_with` constructs the blob in its place; `push` would construct it and copy it
        // there.
        page.blobs.resize_with(page.blobs.len() + 1, begin);
        // Never `None`, because a blob was just added.
        let Some(blob) = page.blobs.last_mut() else { return Err(Stop::Fallback) };
        let mut draft = Draft {
            blob,
            name: None,
            size: None,
            problem: None,
            has_path: false,
            is_large: false,
            budget: MetadataBudget::default(),
        };
        let read = read(&mut draft);
        let Draft { blob, name, size, problem, has_path, is_large, budget: _ } = draft;
        if let (Ok(_), Some(Ok(())), Some(size), None, false) =
            (&read, name, size, &problem, is_large)
        {
            blob.size = size;
        } else {
            // INVARIANT: `page.blobs` holds only complete blobs whenever `add` returns.
            let name = name.map(|name| name.map(|()| mem::take(&mut blob.name)));
            page.blobs.pop();
            if read.is_ok() {
                page.push_malformed(match is_large {
                    true => Malformed::new(None, ENTRY_TOO_LARGE),
                    false => malformed(name, problem),
                });
            }
        }
        // A malformed entry shows the kind of the account as well.
        if has_path && read.is_ok() {
            page.order = NameOrder::Segments;
        }
        read
    }

    /// Returns the blob, to set properties of it other than its name and size.
    #[inline]
    pub(super) fn blob(&mut self) -> &mut Blob {
        self.blob
    }

    /// Returns the place for the reason why the entry is malformed.
    #[inline]
    pub(super) fn problem(&mut self) -> &mut Option<String> {
        &mut self.problem
    }

    /// Sets the size, or removes it.
    #[inline]
    pub(super) fn set_size(&mut self, size: Option<u64>) {
        self.size = size;
    }

    /// Records that the account has a hierarchical namespace.
    pub(super) fn set_has_path(&mut self) {
        self.has_path = true;
    }

    /// Makes the entry malformed if its text is longer than the limit.
    #[inline]
    pub(super) fn limit_length(&mut self, length: usize) {
        self.is_large = length > MAX_ENTRY;
    }

    /// Sets the name from a text without entities.
    #[inline]
    pub(super) fn set_plain_name(&mut self, name: &[u8]) -> Result<(), Stop> {
        // The copy is checked for UTF-8, not the text: a copy is aligned, so the check is faster.
        if name.len() <= MAX_NAME {
            self.set_name(Ok(String::from_utf8(name.to_vec()).map_err(|_| Stop::Fallback)?));
            return Ok(());
        }
        let name = str::from_utf8(name).map_err(|_| Stop::Fallback)?;
        let is_long = is_long_name(name);
        self.set_name(if is_long { Err(NAME_TOO_LONG) } else { Ok(name.to_owned()) });
        Ok(())
    }

    /// Sets the name, or the reason why there is none. A later `Name` element replaces an earlier
    /// one.
    pub(super) fn set_name(&mut self, name: Name) {
        self.name = Some(name.map(|name| self.blob.name = name));
    }

    /// Adds a pair of metadata.
    pub(super) fn add_metadata(&mut self, key: &[u8], value: String) {
        self.budget.insert(&mut self.blob.metadata, key, value, &mut self.problem);
    }
}

/// Returns the malformed entry for a blob with a problem, or without a name or a size.
#[cold]
fn malformed(name: Option<Name>, problem: Option<String>) -> Malformed {
    let (name, bad_name) = match name {
        Some(Ok(name)) => (Some(name), None),
        Some(Err(why)) => (None, Some(why)),
        None => (None, Some(NO_NAME)),
    };
    let why = bad_name.map(str::to_owned).or(problem);
    Malformed::new(name, why.unwrap_or_else(|| NO_SIZE.to_owned()))
}

/// Reserves room for another blob, in few steps.
///
/// Most pages are small or full, so doubling would allocate up to twice what a page needs.
fn reserve_blobs(blobs: &mut Vec<Blob>) {
    if blobs.len() == blobs.capacity() {
        let steps = [64, 640, usize::from(MAX_PAGE)];
        let step = steps.into_iter().find(|step| *step > blobs.len());
        blobs.reserve_exact(step.unwrap_or(blobs.len() * 2) - blobs.len());
    }
}
