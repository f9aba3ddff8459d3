//! Merges sorted runs, a fixed number at a time, until few enough are left to be read side by side.

use std::{mem, ops::Range};

use super::{
    frame::{Frame, FrameWriter, damaged, failed},
    record::{self, Record},
};
use crate::{error::Error, store::NameOrder, sync::state_store::StateFiles};

/// How much of a sort is in memory.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) struct Limits {
    /// How many bytes of records are sorted at a time.
    pub(in crate::sync) run: usize,
    /// After how many bytes of records a frame ends.
    pub(in crate::sync) frame: usize,
    /// How many runs are merged at a time, at least 2.
    pub(in crate::sync) runs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // 4 MiB, and a frame of 128 KiB for each of 16 runs.
        Self { run: 4 << 20, frame: 128 << 10, runs: 16 }
    }
}

/// A merge of sorted runs, from one file into the other and back.
pub(in crate::sync) struct Merging {
    order: NameOrder,
    limits: Limits,
    /// The file that is read, and the file that is written.
    files: [&'static str; 2],
    /// The runs of the first file that are not merged yet, as ranges of bytes.
    runs: Vec<Range<u64>>,
    /// The runs of the second file.
    merged: Vec<Range<u64>>,
    /// The runs that are being merged, and where the result began.
    group: Option<(RunReaders, u64)>,
    writer: FrameWriter,
    /// All records, if they fit into memory.
    in_memory: Option<RunReaders>,
}

impl Merging {
    /// Begins to merge the runs of the first file, which `writer` has written.
    pub(super) fn of_runs(
        order: NameOrder,
        limits: Limits,
        files: [&'static str; 2],
        runs: Vec<Range<u64>>,
        writer: FrameWriter,
    ) -> Self {
        let merged = Vec::new();
        Self { order, limits, files, runs, merged, group: None, writer, in_memory: None }
    }

    /// Takes records that are sorted and fit into memory, so that there is nothing to merge.
    pub(super) fn of_records(
        order: NameOrder,
        limits: Limits,
        files: [&'static str; 2],
        (text, records): (Vec<u8>, Vec<Range<usize>>),
        writer: FrameWriter,
    ) -> Self {
        let in_memory = Some(RunReaders::in_memory(text, records));
        Self { in_memory, ..Self::of_runs(order, limits, files, Vec::new(), writer) }
    }

    /// Merges one frame more; returns whether there is more to merge.
    pub(in crate::sync) fn step(&mut self, disk: &mut dyn StateFiles) -> Result<bool, Error> {
        let Some((readers, start)) = &mut self.group else { return self.begin_group(disk) };
        let frames = self.writer.frames();
        // A step ends with a frame, so that a run can be paused and cancelled while it merges.
        while self.writer.frames() == frames {
            let Some(first) = readers.first(self.order) else {
                self.writer.end_frame(disk)?;
                self.merged.push(*start..self.writer.size());
                self.group = None;
                return Ok(true);
            };
            self.writer.add(disk, readers.record(first))?;
            readers.advance(first, disk)?;
        }
        Ok(true)
    }

    /// Takes the next runs to merge, or finds that few enough are left.
    fn begin_group(&mut self, disk: &mut dyn StateFiles) -> Result<bool, Error> {
        // With fewer than two runs at a time a merge would never end.
        let most = self.limits.runs.max(2);
        if self.runs.is_empty() && !self.merged.is_empty() {
            // All runs of the first file are merged, so the next round goes the other way.
            let [from, to] = self.files;
            disk.remove(from).map_err(failed)?;
            self.files = [to, from];
            self.runs = mem::take(&mut self.merged);
        }
        if self.merged.is_empty() && self.runs.len() <= most {
            return Ok(false);
        }
        let [from, to] = self.files;
        if self.merged.is_empty() {
            self.writer = FrameWriter::new(to, self.limits.frame)?;
        }
        let runs: Vec<_> = self.runs.drain(..most.min(self.runs.len())).collect();
        self.group = Some((RunReaders::open(from, runs, disk)?, self.writer.size()));
        Ok(true)
    }

    /// Merges everything that is left, and returns the records in order.
    pub(in crate::sync) fn finish(mut self, disk: &mut dyn StateFiles) -> Result<Sorted, Error> {
        // Usually nothing is left, because the caller has stepped to the end.
        while self.step(disk)? {}
        let [from, _] = self.files;
        let readers = match self.in_memory {
            Some(readers) => readers,
            None => RunReaders::open(from, self.runs, disk)?,
        };
        Ok(Sorted { order: self.order, readers })
    }
}

/// Records by ascending name.
///
/// Reads up to [`Limits::runs`] runs side by side, with one frame of each in memory.
pub(in crate::sync) struct Sorted {
    order: NameOrder,
    readers: RunReaders,
}

impl Sorted {
    /// Returns the next record, or `None` after the last one.
    ///
    /// # Errors
    ///
    /// [`State`](crate::ErrorKind::State) if a sort file was changed or removed by somebody.
    pub(in crate::sync) fn next(
        &mut self,
        disk: &mut dyn StateFiles,
    ) -> Result<Option<Record>, Error> {
        let Some(first) = self.readers.first(self.order) else { return Ok(None) };
        let (name, content) = record::parts(self.readers.record(first));
        let name = name.map(|name| {
            String::from_utf8(name.to_vec()).map_err(|_| damaged("a name is not UTF-8"))
        });
        let record = Record { name: name.transpose()?, content: content.to_vec() };
        self.readers.advance(first, disk)?;
        Ok(Some(record))
    }
}

/// Sorted runs that are read side by side.
struct RunReaders {
    file: &'static str,
    readers: Vec<RunReader>,
}

/// The rest of a sorted run: a frame in memory, and the frames after it on disk.
struct RunReader {
    frames: Range<u64>,
    text: Vec<u8>,
    /// The records of the frame that are still to come.
    records: std::iter::Peekable<std::vec::IntoIter<Range<usize>>>,
}

impl RunReaders {
    /// Opens runs of a file, each with its first frame in memory.
    fn open(
        file: &'static str,
        runs: Vec<Range<u64>>,
        disk: &mut dyn StateFiles,
    ) -> Result<Self, Error> {
        let mut readers = Vec::with_capacity(runs.len());
        for frames in runs {
            let records = Vec::new().into_iter().peekable();
            let mut reader = RunReader { frames, text: Vec::new(), records };
            reader.fill(file, disk)?;
            readers.push(reader);
        }
        Ok(Self { file, readers })
    }

    /// Returns a single run whose records are all in memory.
    fn in_memory(text: Vec<u8>, records: Vec<Range<usize>>) -> Self {
        let reader = RunReader { frames: 0..0, text, records: records.into_iter().peekable() };
        Self { file: "", readers: vec![reader] }
    }

    /// Returns which run has the least name. Of several the first, so that equal names keep their order.
    fn first(&mut self, order: NameOrder) -> Option<usize> {
        // A linear search: with at most 16 runs, a heap would save little.
        let mut first: Option<(usize, &[u8])> = None;
        for (place, reader) in self.readers.iter_mut().enumerate() {
            let Some(record) = reader.records.peek() else { continue };
            let record = record::at(&reader.text, record);
            if first.is_none_or(|(_, least)| record::compare(record, least, order).is_lt()) {
                first = Some((place, record));
            }
        }
        first.map(|(place, _)| place)
    }

    /// Returns the next record of a run, or no bytes after its last one.
    fn record(&mut self, place: usize) -> &[u8] {
        let Some(reader) = self.readers.get_mut(place) else { return &[] };
        reader.records.peek().map_or(&[], |record| record::at(&reader.text, record))
    }

    /// Goes on to the next record of a run.
    fn advance(&mut self, place: usize, disk: &mut dyn StateFiles) -> Result<(), Error> {
        let Some(reader) = self.readers.get_mut(place) else { return Ok(()) };
        reader.records.next();
        reader.fill(self.file, disk)
    }
}

impl RunReader {
    /// Reads the next frame if no record is in memory.
    fn fill(&mut self, file: &str, disk: &mut dyn StateFiles) -> Result<(), Error> {
        if self.records.peek().is_some() || self.frames.is_empty() {
            return Ok(());
        }
        let frame = Frame::read(disk, file, self.frames.start)?;
        self.frames.start += frame.size;
        (self.text, self.records) = (frame.text, frame.records.into_iter().peekable());
        Ok(())
    }
}
