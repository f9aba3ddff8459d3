//! Remembers the names handed out before they contradicted every order, so that none is returned twice.
//!
//! The first names are kept as they are. After that, only the two ends and the length of each stretch
//! are kept. A stretch is a run of names that ranges have listed without a gap, so the whole listing
//! has the same run. Its length is verified, because a service may start a listing at a place that
//! does not correspond to the whole listing.

use std::collections::HashSet;

use super::{Range, range::Fault};
use crate::{
    error::{Error, ErrorKind},
    store::Blob,
};

/// How many bytes of names are remembered
const ROOM: usize = 1 << 20;

/// All that was handed out, while it is little
#[derive(Debug)]
pub(super) struct Handed {
    /// One name behind the other; `None` once there are too many
    names: Option<(String, Vec<usize>)>,
    /// What ranges have had that are done with
    stretches: Vec<Stretch>,
}

/// What the listing has from one name to another, without a gap
#[derive(Clone, Debug)]
struct Stretch {
    first: String,
    last: String,
    /// The name behind it
    past: Option<String>,
    entries: u64,
}

/// What tells an entry from all others
fn push_key(text: &mut String, blob: &Blob) {
    text.push_str(&blob.name);
    for part in blob.snapshot.iter().chain(&blob.version_id) {
        text.push('\0');
        text.push_str(part.as_str());
    }
}

impl Handed {
    pub(super) fn new() -> Self {
        Self { names: Some(Default::default()), stretches: Vec::new() }
    }

    /// Takes note of a page
    pub(super) fn note(&mut self, blobs: &[Blob]) {
        let Some((text, ends)) = &mut self.names else { return };
        for blob in blobs {
            push_key(text, blob);
            ends.push(text.len());
        }
        if text.len() > ROOM {
            self.names = None;
        }
    }

    /// Takes note of what a range has had that is done with
    pub(super) fn note_range(&mut self, range: &Range) {
        let Some(mut new) = Stretch::of(range) else { return };
        let is_next = |a: &Stretch, b: &Stretch| a.past.as_ref() == Some(&b.first);
        if let Some(at) = self.stretches.iter().position(|known| is_next(known, &new)) {
            new = self.stretches.swap_remove(at).joined(new);
        }
        if let Some(at) = self.stretches.iter().position(|known| is_next(&new, known)) {
            new = new.joined(self.stretches.swap_remove(at));
        }
        self.stretches.push(new);
    }

    /// The names that are remembered
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let (text, ends) = match &self.names {
            Some((text, ends)) => (text.as_str(), ends.as_slice()),
            None => ("", [].as_slice()),
        };
        let starts = std::iter::once(&0).chain(ends);
        let keys = starts.zip(ends).filter_map(|(start, end)| text.get(*start..*end));
        keys.map(|key| key.split_once('\0').map_or(key, |(name, _)| name))
    }

    /// What must not come again: these entries, or else what is in these stretches and ranges
    pub(super) fn into_skipped(self, ranges: &[Range]) -> Skipped {
        match self.names {
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

    /// Whether every name is remembered
    pub(super) fn is_complete(&self) -> bool {
        self.names.is_some()
    }
}

impl Stretch {
    fn of(range: &Range) -> Option<Self> {
        let (first, last) = (range.first.clone()?, range.last.clone()?);
        Some(Self { first, last, past: range.past.clone(), entries: range.names })
    }

    fn joined(self, next: Self) -> Self {
        Self { last: next.last, past: next.past, entries: self.entries + next.entries, ..self }
    }
}

/// What a listing from the start must leave out
#[derive(Debug, Default)]
pub(super) struct Skipped {
    keys: HashSet<String>,
    key: String,
    stretches: Vec<Stretch>,
    inside: Option<Inside>,
}

/// The stretch that a listing is in
#[derive(Debug)]
struct Inside {
    stretch: Stretch,
    /// How many of its entries have come
    count: u64,
    /// Whether its last name has come
    is_over: bool,
}

impl Skipped {
    /// Whether an entry was handed out before; entries must be shown in the order of the listing
    pub(super) fn has(&mut self, blob: &Blob) -> Result<bool, Fault> {
        if !self.keys.is_empty() {
            self.key.clear();
            push_key(&mut self.key, blob);
            return Ok(self.keys.remove(&self.key));
        }
        // Copies of the last name are of the stretch, too.
        if self.inside.as_ref().is_some_and(|it| it.is_over && it.stretch.last != blob.name) {
            self.leave()?;
        }
        if self.inside.is_none() {
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

    fn leave(&mut self) -> Result<(), Fault> {
        match self.inside.take() {
            Some(inside) if !inside.is_over || inside.count != inside.stretch.entries => {
                Err(torn())
            }
            _ => Ok(()),
        }
    }

    /// Checks at the end of a listing that all that was left out has come
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        self.leave()?;
        if self.stretches.is_empty() { Ok(()) } else { Err(torn()) }
    }
}

/// The listing does not have what was handed out in one piece
#[cold]
fn torn() -> Fault {
    Fault::Error(Error::new(
        ErrorKind::OutOfOrder,
        "the service lists names in no known order, and a listing from a name on has others than the whole listing has there, so names may be missing or come twice; scan again without shards and with `in_flight(1)`",
    ))
}
