//! The files of a state for the holder of its lock.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    time::Duration,
};

use super::{cache::Cache, content::Content, lease::Lease};
use crate::sync::state_store::StateFiles;

/// The files of the holder, with the changes that are not in the state yet.
#[derive(Debug)]
pub(super) struct HolderFiles {
    lease: Lease,
    files: BTreeMap<String, Content>,
    cache: Cache,
    /// How many data objects this holder has named.
    objects: u64,
    /// Objects that these files do not need any more. The state may still name them.
    replaced: Vec<String>,
}

impl HolderFiles {
    pub(super) fn new(lease: Lease) -> Self {
        let files = lease.files().clone().into_iter();
        let files = files.map(|(name, segments)| (name, Content::from(segments))).collect();
        Self { lease, files, cache: Cache::default(), objects: 0, replaced: Vec::new() }
    }

    fn content(&mut self, name: &str) -> io::Result<&mut Content> {
        self.files.get_mut(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Writes what was appended to a file as a segment, which the state does not name yet.
    fn flush(&mut self, name: &str) -> io::Result<()> {
        self.objects += 1;
        let object = self.lease.object(self.objects);
        let content = self.files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        self.replaced.extend(content.flush(self.lease.remote(), &mut self.cache, object)?);
        Ok(())
    }

    /// Makes the present segments of a file those of the state, or removes it there if it is gone.
    fn publish(&mut self, name: &str, removed: Option<&str>) -> io::Result<()> {
        let mut files = self.lease.files().clone();
        if let Some(removed) = removed {
            files.remove(removed);
        }
        match self.files.get(name) {
            Some(content) => files.insert(name.to_owned(), content.segments().to_vec()),
            None => files.remove(name),
        };
        self.lease.publish(files)?;
        self.discard_replaced();
        Ok(())
    }

    /// Discards the objects that nothing needs any more.
    fn discard_replaced(&mut self) {
        if self.replaced.is_empty() {
            return;
        }
        let named: BTreeSet<_> =
            self.lease.files().values().flatten().map(|segment| &segment.object).collect();
        let replaced = std::mem::take(&mut self.replaced);
        let (kept, superfluous): (Vec<_>, Vec<_>) =
            replaced.into_iter().partition(|object| named.contains(object));
        self.replaced = kept;
        self.lease.discard(superfluous);
    }
}

impl StateFiles for HolderFiles {
    fn size(&mut self, name: &str) -> io::Result<Option<u64>> {
        Ok(self.files.get(name).map(Content::size))
    }

    fn read(&mut self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        // A long merge only reads for a while.
        self.lease.renew_if_due()?;
        let content = self.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        content.read(self.lease.remote(), &mut self.cache, offset, length)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.lease.renew_if_due()?;
        if self.files.entry(name.to_owned()).or_default().append(bytes) {
            self.flush(name)?;
        }
        Ok(())
    }

    fn truncate(&mut self, name: &str, size: u64) -> io::Result<()> {
        self.lease.check()?;
        let removed = self.content(name)?.truncate(size);
        self.replaced.extend(removed);
        match self.lease.files().contains_key(name) {
            true => self.publish(name, None),
            // The state has never had the file.
            false => Ok(()),
        }
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.lease.check()?;
        self.content(name)?;
        self.flush(name)?;
        let content = self.files.get(name).map(Content::segments);
        match content == self.lease.files().get(name).map(Vec::as_slice) {
            true => Ok(()),
            false => self.publish(name, None),
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.lease.check()?;
        self.content(from)?;
        self.flush(from)?;
        let content = self.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        // The objects of the replaced file stay until the next run, because others may read them.
        self.files.insert(to.to_owned(), content);
        self.publish(to, Some(from))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.lease.check()?;
        let Some(content) = self.files.remove(name) else { return Ok(()) };
        self.replaced.extend(content.into_segments().into_iter().map(|segment| segment.object));
        match self.lease.files().get(name) {
            Some(segments) => {
                self.replaced.extend(segments.iter().map(|segment| segment.object.clone()));
                self.publish(name, None)
            }
            // The state has never had the file.
            None => {
                self.discard_replaced();
                Ok(())
            }
        }
    }

    fn renew_every(&self) -> Option<Duration> {
        Some(self.lease.renew_every())
    }

    fn renew(&mut self) -> io::Result<()> {
        self.lease.renew()
    }

    fn release(self: Box<Self>) {
        self.lease.release();
    }
}
