//! The file operations that a state needs, as a trait.
//!
//! Everything that must survive a crash goes through [`Disk`], so that a test can simulate the crash.
//! Names are flat: there are no folders in a state.

use std::{fmt, io};

/// The files of a state.
///
/// # Contract
/// Bytes that were appended are durable after [`sync`](Self::sync). A [`rename`](Self::rename) and a
/// [`remove`](Self::remove) are durable when they return. A crash may lose bytes that were not synced,
/// or keep a part of them.
pub(crate) trait Disk: Send + Sync + fmt::Debug {
    /// Returns the size of a file in bytes, or `None` if there is no such file.
    fn size(&mut self, name: &str) -> io::Result<Option<u64>>;

    /// Reads exactly `length` bytes from an offset.
    ///
    /// # Errors
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the file ends before, without allocating
    /// `length` bytes.
    fn read(&mut self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>>;

    /// Appends bytes to a file, which is created if it does not exist.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Truncates a file to a size in bytes.
    fn truncate(&mut self, name: &str, size: u64) -> io::Result<()>;

    /// Makes the file and everything that was appended to it durable.
    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Renames a synced file, and replaces the file of the new name in one step.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file, if it exists.
    fn remove(&mut self, name: &str) -> io::Result<()>;
}
