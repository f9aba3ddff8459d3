//! Remembers the names handed out before they contradicted every order, so that none is returned twice.
//!
//! The first names are kept as they are. After that, only the two ends and the length of each stretch
//! are kept. A stretch is a run of names that ranges have listed without a gap, so the whole listing
//! has the same run. Its length is verified, because a service may start a listing at a position that
//! does not correspond to the whole listing.
//!
//! [`Handed`] collects while the order of names is not contradicted. [`Skipped`] is made from it once the
//! listing starts again.

use std::collections::HashSet;

use super::{fault::Fault, range::Range};
use crate::{
    error::{Error, ErrorKind},
    store::Blob,
};

/// The most bytes of names that are remembered: 1 MiB.
const MAX_BYTES: usize = 1 << 20;

/// Everything that was handed out, while that is little.
#[derive(Debug)]
pub(super) struct Handed {
    /// The keys of all entries, one after the other, with their ends; `None` once there are too many.
    keys: Option<(String, Vec<usize>)>,
    /// The names that finished ranges have received.
    stretches: Vec<Stretch>,
}

/// The part of the listing from one name to another, without a gap.
#[derive(Clone, Debug)]
struct Stretch {
    /// The first name.
    first: String,
    /// The last name.
    last: String,
    /// The name after the stretch.
    past: Option<String>,
    /// The number of entries, which is the same in every listing that has the stretch.
    entries: u64,
}

/// Appends the key of an entry: its name, and what distinguishes it from other entries of that name.
fn push_key(text: &mut String, blob: &Blob) {
    text.push_str(&blob.name);
    for part in blob.snapshot.iter().chain(&blob.version_id) {
        // No blob name contains a NUL.
        text.push('\0');
        text.push_str(part.as_str());
    }
}

impl Handed {
    /// Returns the memory of a listing from which nothing was handed out.
    pub(super) fn new() -> Self {
        Self { keys: Some(Default::default()), stretches: Vec::new() }
    }

    /// Records the blobs of a page.
    pub(super) fn note(&mut self, blobs: &[Blob]) {
        // One text instead of many strings: no allocation for each name.
        let Some((text, ends)) = &mut self.keys else { return };
        for blob in blobs {
            push_key(text, blob);
            ends.push(text.len());
        }
        // From here on, only stretches are known.
        if text.len() > MAX_BYTES {
            self.keys = None;
        }
    }

    /// Records a finished range.
    pub(super) fn note_range(&mut self, range: &Range) {
        let Some(mut new) = Stretch::of(range) else { return };
        let is_next = |a: &Stretch, b: &Stretch| a.past.as_ref() == Some(&b.first);
        // Joined with its neighbors, so that the memory grows with the gaps and not with the ranges.
        if let Some(at) = self.stretches.iter().position(|known| is_next(known, &new)) {
            new = self.stretches.swap_remove(at).joined(new);
        }
        if let Some(at) = self.stretches.iter().position(|known| is_next(&new, known)) {
            new = new.joined(self.stretches.swap_remove(at));
        }
        self.stretches.push(new);
    }

    /// Returns the names that are remembered.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let (text, ends) = match &self.keys {
            Some((text, ends)) => (text.as_str(), ends.as_slice()),
            None => ("", [].as_slice()),
        };
        let starts = std::iter::once(&0).chain(ends);
        let keys = starts.zip(ends).filter_map(|(start, end)| text.get(*start..*end));
        keys.map(|key| key.split_once('\0').map_or(key, |(name, _)| name))
    }

    /// Returns what must not come again: the remembered entries, or else the stretches of the finished
    /// ranges and of the given ones.
    pub(super) fn into_skipped(self, ranges: &[Range]) -> Skipped {
        match self.keys {
            Some((text, ends)) => {
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let keys = starts.zip(&ends).filter_map(|(start, end)| text.get(start..*end));
                Skipped { keys: keys.map(str::to_owned).collect(), ..Skipped::default() }
            }
            None => {
                let live = ranges.iter().filter_map(Stretch::of);
                let stretches = self.stretches.into_iter().chain(live).collect();
                Skipped { stretches, ..Skipped::default() }
            }
        }
    }

    /// Returns whether every name is remembered.
    pub(super) fn is_complete(&self) -> bool {
        self.keys.is_some()
    }
}

impl Stretch {
    /// Returns what a range has received, or `None` if that is nothing.
    fn of(range: &Range) -> Option<Self> {
        Some(Self {
            first: range.first()?.to_owned(),
            last: range.last()?.to_owned(),
            past: range.past().map(str::to_owned),
            entries: range.names(),
        })
    }

    /// Returns both stretches as one; the second follows the first.
    fn joined(self, next: Self) -> Self {
        Self { last: next.last, past: next.past, entries: self.entries + next.entries, ..self }
    }
}

/// The entries that a listing from the start must leave out.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    /// The keys of the entries to leave out, while all of them are remembered.
    keys: HashSet<String>,
    /// The key of the last entry; kept to reuse its memory.
    key: String,
    /// The stretches that the listing has not reached yet.
    stretches: Vec<Stretch>,
    inside: Option<Inside>,
}

/// The stretch that the listing is in.
#[derive(Debug)]
struct Inside {
    stretch: Stretch,
    /// The number of its entries that have come.
    count: u64,
    /// Whether its last name has come.
    is_over: bool,
}

impl Skipped {
    /// Returns whether an entry was handed out before. Must be called in the order of the listing.
    ///
    /// # Errors
    /// [`Fault::Error`] if the listing does not have a stretch in one piece.
    pub(super) fn has(&mut self, blob: &Blob) -> Result<bool, Fault> {
        if !self.keys.is_empty() {
            self.key.clear();
            push_key(&mut self.key, blob);
            // An entry that comes a second time is new, so its key is removed.
            return Ok(self.keys.remove(&self.key));
        }
        // Copies of the last name belong to the stretch, too.
        if self.inside.as_ref().is_some_and(|it| it.is_over && it.stretch.last != blob.name) {
            self.leave()?;
        }
        if self.inside.is_none() {
            // Stretches begin with names that no other stretch has.
            let begins = |known: &Stretch| known.first == blob.name;
            let at = self.stretches.iter().position(begins);
            let enter = |stretch| Inside { stretch, count: 0, is_over: false };
            self.inside = at.map(|at| enter(self.stretches.swap_remove(at)));
        }
        let Some(inside) = &mut self.inside else { return Ok(false) };
        inside.count += 1;
        inside.is_over |= inside.stretch.last == blob.name;
        Ok(true)
    }

    /// Leaves a stretch and checks that all of it has come.
    fn leave(&mut self) -> Result<(), Fault> {
        match self.inside.take() {
            Some(inside) if !inside.is_over || inside.count != inside.stretch.entries => {
                Err(torn_stretch())
            }
            _ => Ok(()),
        }
    }

    /// Checks at the end of a listing that everything left out has come.
    ///
    /// # Errors
    /// [`Fault::Error`] if a stretch is missing or incomplete.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        self.leave()?;
        if self.stretches.is_empty() { Ok(()) } else { Err(torn_stretch()) }
    }
}

/// The listing does not have in one piece what was handed out in one piece.
#[cold]
fn torn_stretch() -> Fault {
    Fault::Error(Error::new(
        ErrorKind::OutOfOrder,
        "the service lists names in no known order, and a listing that starts from a name differs from the whole listing at that place, so names may be missing or come twice; scan again without shards and with `in_flight(1)`",
    ))
}
