//! The parts of data objects that were read last.
//!
//! A state is read in small pieces that follow each other, each of which would be a request.

use std::{collections::VecDeque, io};

use bytes::Bytes;

use super::{head::Segment, remote::Remote};

/// The size of a part in bytes.
const PART: u64 = 256 << 10;

/// How many parts are kept: 4 MiB, and more than a sort reads in turn.
const PARTS: usize = 16;

/// The parts that were read last, the latest one at the end.
#[derive(Debug, Default)]
pub(super) struct Cache(VecDeque<Part>);

#[derive(Debug)]
struct Part {
    object: String,
    /// The offset in the object, a multiple of [`PART`].
    start: u64,
    bytes: Bytes,
}

impl Cache {
    /// Appends the bytes from `start` to `end` of a segment.
    pub(super) fn read(
        &mut self,
        remote: &Remote,
        segment: &Segment,
        (start, end): (u64, u64),
        read: &mut Vec<u8>,
    ) -> io::Result<()> {
        if end - start >= PART {
            read.extend(remote.get(&segment.object, start..end)?);
            return Ok(());
        }
        let mut at = start;
        while at < end {
            let bytes = self.part(remote, segment, at / PART * PART, end)?;
            let from = usize::try_from(at % PART).unwrap_or(usize::MAX);
            let length = usize::try_from(end - at).unwrap_or(usize::MAX);
            let bytes = bytes.get(from..).unwrap_or_default();
            let bytes = bytes.get(..length).unwrap_or(bytes);
            // INVARIANT: never empty, so that the loop ends: a part reaches its end or `end`.
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            read.extend(bytes);
            at += bytes.len() as u64;
        }
        Ok(())
    }

    /// Returns the part at an offset, at least up to `end` or its own end.
    fn part(
        &mut self,
        remote: &Remote,
        segment: &Segment,
        start: u64,
        end: u64,
    ) -> io::Result<Bytes> {
        let part_end = start.saturating_add(PART);
        let needed = end.min(part_end) - start;
        let place = self.0.iter().position(|part| {
            part.start == start
                && part.object == segment.object
                && part.bytes.len() as u64 >= needed
        });
        let part = match place.and_then(|place| self.0.remove(place)) {
            Some(part) => part,
            None => {
                let range = start..part_end.min(segment.length);
                let bytes = remote.get(&segment.object, range)?;
                Part { object: segment.object.clone(), start, bytes }
            }
        };
        let bytes = part.bytes.clone();
        self.0.push_back(part);
        if self.0.len() > PARTS {
            self.0.pop_front();
        }
        Ok(bytes)
    }
}
