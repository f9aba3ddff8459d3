//! The content of a file: segments in the object store, and bytes that are in no segment yet.

use std::io;

use super::{cache::Cache, head::Segment, remote::Remote};

/// How many bytes are collected before they become a segment.
pub(super) const SEGMENT: usize = 4 << 20;

/// The content of one file.
#[derive(Debug, Default)]
pub(super) struct Content {
    segments: Vec<Segment>,
    buffer: Vec<u8>,
}

impl From<Vec<Segment>> for Content {
    fn from(segments: Vec<Segment>) -> Self {
        Self { segments, buffer: Vec::new() }
    }
}

impl Content {
    /// Returns the size in bytes.
    pub(super) fn size(&self) -> u64 {
        self.stored().saturating_add(self.buffer.len() as u64)
    }

    /// Returns how many bytes are in segments.
    fn stored(&self) -> u64 {
        self.segments.iter().fold(0, |sum: u64, segment| sum.saturating_add(segment.length))
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    pub(super) fn into_segments(self) -> Vec<Segment> {
        self.segments
    }

    /// Appends bytes; returns whether they should become a segment.
    pub(super) fn append(&mut self, bytes: &[u8]) -> bool {
        self.buffer.extend(bytes);
        self.buffer.len() >= SEGMENT
    }

    /// Reads exactly `length` bytes from an offset.
    pub(super) fn read(
        &self,
        remote: &Remote,
        cache: &mut Cache,
        offset: u64,
        length: usize,
    ) -> io::Result<Vec<u8>> {
        // Checked before the buffer is allocated: the length may be forged.
        let end = offset.checked_add(length as u64).filter(|end| *end <= self.size());
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let (mut read, mut start) = (Vec::with_capacity(length), 0_u64);
        for segment in &self.segments {
            // Saturating, because a head may be forged.
            let next = start.saturating_add(segment.length);
            let (from, to) = (offset.max(start), end.min(next));
            if from < to {
                cache.read(remote, segment, (from - start, to - start), &mut read)?;
            }
            start = next;
        }
        let from = usize::try_from(offset.max(start) - start).unwrap_or(usize::MAX);
        let to = usize::try_from(end.max(start) - start).unwrap_or(usize::MAX);
        read.extend(self.buffer.get(from..to).unwrap_or_default());
        Ok(read)
    }

    /// Truncates to a size, and returns the objects that are not needed any more.
    pub(super) fn truncate(&mut self, size: u64) -> Vec<String> {
        let kept = size.saturating_sub(self.stored());
        self.buffer.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        let (mut left, mut removed) = (size, Vec::new());
        self.segments.retain_mut(|segment| {
            segment.length = segment.length.min(left);
            left -= segment.length;
            if segment.length == 0 {
                removed.push(std::mem::take(&mut segment.object));
            }
            segment.length > 0
        });
        removed
    }

    /// Writes the buffer as a segment, and returns the objects that the segment has replaced.
    ///
    /// Joins segments at the end that are not larger, like a binary counter, so that a file of many
    /// small records has few segments, and each byte is written again only a few times.
    pub(super) fn flush(
        &mut self,
        remote: &Remote,
        cache: &mut Cache,
        object: String,
    ) -> io::Result<Vec<String>> {
        if self.buffer.is_empty() {
            return Ok(Vec::new());
        }
        let mut length = self.buffer.len() as u64;
        let mut kept = self.segments.len();
        while let Some(last) = kept.checked_sub(1).and_then(|last| self.segments.get(last)) {
            if last.length > length || last.length + length > SEGMENT as u64 {
                break;
            }
            length += last.length;
            kept -= 1;
        }
        let size = self.size();
        let bytes = self.read(
            remote,
            cache,
            size - length,
            usize::try_from(length).map_err(io::Error::other)?,
        )?;
        remote.put(&object, bytes.into())?;
        self.buffer = Vec::new();
        let replaced = self.segments.drain(kept..).map(|segment| segment.object).collect();
        self.segments.push(Segment { object, length });
        Ok(replaced)
    }
}
