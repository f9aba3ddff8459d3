//! The files of a state when they were opened to read.

use std::{collections::BTreeMap, io};

use super::{cache::Cache, content::Content, head::Files, remote::Remote};
use crate::sync::state_store::StateFiles;

/// The files of one head.
///
/// Segments never change, so a reader has the bytes of that head, or an error if they were removed.
#[derive(Debug)]
pub(super) struct ReaderFiles {
    remote: Remote,
    files: BTreeMap<String, Content>,
    cache: Cache,
}

impl ReaderFiles {
    pub(super) fn new(remote: Remote, files: Files) -> Self {
        let files = files.into_iter().map(|(name, segments)| (name, Content::from(segments)));
        Self { remote, files: files.collect(), cache: Cache::default() }
    }
}

impl StateFiles for ReaderFiles {
    fn size(&mut self, name: &str) -> io::Result<Option<u64>> {
        Ok(self.files.get(name).map(Content::size))
    }

    fn read(&mut self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let content = self.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        content.read(&self.remote, &mut self.cache, offset, length)
    }

    fn append(&mut self, _: &str, _: &[u8]) -> io::Result<()> {
        read_only()
    }

    fn truncate(&mut self, _: &str, _: u64) -> io::Result<()> {
        read_only()
    }

    fn sync(&mut self, _: &str) -> io::Result<()> {
        read_only()
    }

    fn rename(&mut self, _: &str, _: &str) -> io::Result<()> {
        read_only()
    }

    fn remove(&mut self, _: &str) -> io::Result<()> {
        read_only()
    }
}

fn read_only() -> io::Result<()> {
    Err(io::Error::other("the state in the object store is open to read only"))
}
