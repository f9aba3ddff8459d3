//! A range of a listing in no known order: all that its prefix has, page after page from the start.

use super::{Batch, Coverage, Next, Range, handed::Skipped, range::Fault};
use crate::{
    error::{Error, ErrorKind},
    scan::{
        Shard,
        interval::{Bound, NameRange},
    },
    store::{NameOrder, Orders, Page},
};

impl Range {
    /// Lists all of a shard from now on, in whatever order: behind the last page, or anew
    ///
    /// What a scan has left goes from one place in the listing to another. Other bounds select names.
    pub(super) fn go_unsorted(&mut self, shard: &Shard, has_copies: bool) {
        if self.stray.take().is_some() {
            // A page before this one had names that came late.
            self.next = Next::First;
            self.awaited.clone_from(&self.last);
            self.tail.clear();
            self.restart_markers();
        } else if self.has_ended() || self.resumes {
            // What it has left to others is its own now.
            self.next = self.asked.clone();
            if self.has_recent {
                self.awaited.clone_from(&self.last);
                self.tail.clear();
            }
        }
        self.position = match &self.last {
            None => self.await_start_of(shard),
            Some(last) if has_copies => {
                let mut others = self.tail.iter().rev().map(|blob| &blob.name);
                others.find(|name| *name != last).cloned()
            }
            Some(last) => Some(last.clone()),
        };
        self.until.clone_from(&shard.until);
        (self.start, self.end) = (shard.start.clone().unwrap_or_default(), shard.end.clone());
        if shard.is_from_ordered_scan() {
            self.until = self.end.take();
            self.start.clear();
        }
        (self.after, self.past) = (None, None);
        (self.is_busy, self.is_joined, self.is_cut, self.resumes) = (false, false, false, false);
    }

    /// Awaits the place at which a shard begins; returns the name behind which that is
    fn await_start_of(&mut self, shard: &Shard) -> Option<String> {
        let order = shard.order.unwrap_or(NameOrder::Unsorted);
        self.awaited.clone_from(&shard.after);
        if let Some(start) = shard.start.as_ref().filter(|_| shard.is_from_ordered_scan())
            && shard.after.as_ref().is_none_or(|after| order.compare(after, start).is_lt())
        {
            self.awaited = Some(start.clone());
            self.begins_at_awaited = true;
            return None;
        }
        shard.after.clone()
    }

    /// Takes its next page: what is of the shard and was not handed out before
    ///
    /// The bounds of the shard select names, wherever the listing has them.
    pub(super) fn take_unsorted(
        &mut self,
        mut page: Page,
        skipped: &mut Skipped,
        has_copies: bool,
    ) -> Result<Batch, Fault> {
        let order = NameOrder::Unsorted;
        self.is_busy = false;
        let skip = self.repeated(&page.blobs, order, Orders::ALL, 0).count;
        page.blobs.drain(..skip);
        page.malformed.retain(|entry| entry.at >= skip && self.awaited.is_none());
        let before = self.last.clone();
        self.note(&page.blobs);
        let mut blobs = Vec::with_capacity(page.blobs.len());
        let last = page.blobs.last().map(|blob| blob.name.clone());
        // With copies of a name more of the last one may follow.
        let mut position = before.filter(|before| has_copies && Some(before) != last.as_ref());
        for blob in page.blobs {
            if self.is_done_with(&blob.name) {
                continue;
            }
            if self.until.as_ref() == Some(&blob.name) {
                page.next = None;
                break;
            }
            if !has_copies || Some(&blob.name) != last.as_ref() {
                position.get_or_insert_default().clone_from(&blob.name);
            }
            if self.has(&blob.name, order)
                && blob.name.starts_with(&self.prefix)
                && !skipped.has(&blob)?
            {
                blobs.push(blob);
            }
        }
        if self.awaited.is_none() && position.is_some() {
            self.position = position;
        }
        self.go_on(page.next)?;
        if let (Next::Ended, Some(name), false) = (&self.next, &self.awaited, self.is_found) {
            return Err(gone(name));
        }
        let to = match (&self.next, &self.position) {
            (Next::Ended, _) => Bound::End,
            (_, Some(position)) => Bound::After(position.clone()),
            (_, None) => Bound::Before(String::new()),
        };
        let names = NameRange::new(Bound::Before(String::new()), to);
        Ok(Batch::new(blobs, page.malformed, 1, Coverage::new(&self.root, names, order)))
    }

    /// Whether the listing has not come behind the name that is awaited
    fn is_done_with(&mut self, name: &str) -> bool {
        let Some(awaited) = &self.awaited else { return false };
        let is_it = awaited == name;
        if is_it && self.begins_at_awaited || self.is_found && !is_it {
            self.awaited = None;
            return false;
        }
        self.is_found |= is_it;
        true
    }
}

#[cold]
fn gone(name: &str) -> Fault {
    Fault::Error(Error::new(
        ErrorKind::OutOfOrder,
        format!(
            "the service lists names in no known order, and `{}`, behind which to go on, is gone; scan again from the start",
            name.escape_debug()
        ),
    ))
}
