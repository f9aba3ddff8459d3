//! Sorts more records by name than fit into memory: an external merge sort on the disk of a state.
//!
//! [`Sorter`] takes records in any order. When they exceed a limit in bytes, it writes them to a file as
//! a sorted run of compressed frames. [`Merging`] merges runs until few enough are left to be read side
//! by side, which [`Sorted`] does. Records with the same name keep the order in which they came. Few
//! enough records never touch the disk.
//!
//! The files serve one pass of one run. They are never synced, and no later run reads them.

mod frame;
mod merge;
mod record;

use std::ops::Range;

use self::frame::{FrameWriter, failed};
pub(super) use self::{
    merge::{Limits, Merging, Sorted},
    record::Record,
};
use super::{format::SORT, state_store::StateFiles};
use crate::{error::Error, store::NameOrder};

/// Takes records in any order.
///
/// Memory: the limit for the records of a run, and one frame for the writer.
pub(super) struct Sorter {
    /// The order of the result.
    order: NameOrder,
    limits: Limits,
    /// The records in memory, one after the other, in the encoding of `record.rs`.
    text: Vec<u8>,
    /// Where the records are in `text`.
    records: Vec<Range<usize>>,
    writer: FrameWriter,
    /// The sorted runs in the file, as ranges of bytes.
    runs: Vec<Range<u64>>,
}

impl Sorter {
    /// Begins a sort, and removes the files of an earlier one.
    pub(super) fn new(
        order: NameOrder,
        limits: Limits,
        disk: &mut dyn StateFiles,
    ) -> Result<Self, Error> {
        remove(disk)?;
        // Runs go into the first file. A merge alternates between the two.
        let [file, _] = SORT;
        let writer = FrameWriter::new(file, limits.frame)?;
        // With room for the record that exceeds the limit, because growing would take twice as much.
        let text = Vec::with_capacity(limits.run + limits.frame);
        let (records, runs) = (Vec::new(), Vec::new());
        Ok(Self { order, limits, text, records, writer, runs })
    }

    /// Adds a record. Records without a name come before all names.
    ///
    /// # Errors
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if the record has more than 16 MiB.
    pub(super) fn push(
        &mut self,
        disk: &mut dyn StateFiles,
        name: Option<&str>,
        content: &[u8],
    ) -> Result<(), Error> {
        self.records.push(record::append(&mut self.text, name, content)?);
        // Counted with the lengths and names, because that is what takes memory.
        if self.text.len() >= self.limits.run { self.write_run(disk) } else { Ok(()) }
    }

    /// Sorts the records in memory by name. The sort is stable, so that equal names keep their
    /// order.
    fn sort(&mut self) {
        let (text, order) = (&self.text, self.order);
        self.records
            .sort_by(|a, b| record::compare(record::at(text, a), record::at(text, b), order));
    }

    /// Sorts the records in memory, and writes them to the file.
    fn write_run(&mut self, disk: &mut dyn StateFiles) -> Result<(), Error> {
        self.sort();
        let start = self.writer.size();
        for record in &self.records {
            self.writer.add(disk, record::at(&self.text, record))?;
        }
        self.writer.end_frame(disk)?;
        self.runs.push(start..self.writer.size());
        // The buffers keep their capacity for the next run.
        self.records.clear();
        self.text.clear();
        Ok(())
    }

    /// Ends the input.
    ///
    /// Few enough records stay in memory. The others are in runs that [`Merging`] then merges.
    pub(super) fn finish(mut self, disk: &mut dyn StateFiles) -> Result<Merging, Error> {
        if self.runs.is_empty() {
            self.sort();
            let records = (self.text, self.records);
            return Ok(Merging::of_records(self.order, self.limits, SORT, records, self.writer));
        }
        if !self.records.is_empty() {
            self.write_run(disk)?;
        }
        Ok(Merging::of_runs(self.order, self.limits, SORT, self.runs, self.writer))
    }
}

/// Removes the files of a sort.
///
/// Both files may be absent.
pub(super) fn remove(disk: &mut dyn StateFiles) -> Result<(), Error> {
    SORT.iter().try_for_each(|file| disk.remove(file)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::ErrorKind, sync::StateStore as _, testing::TestDisk};

    fn sorted(
        names: &[Option<String>],
        order: NameOrder,
        limits: Limits,
        disk: &mut dyn StateFiles,
    ) -> Vec<Record> {
        let mut sorter = Sorter::new(order, limits, disk).unwrap();
        for (number, name) in names.iter().enumerate() {
            sorter.push(disk, name.as_deref(), number.to_string().as_bytes()).unwrap();
        }
        let mut sorted = sorter.finish(disk).unwrap().finish(disk).unwrap();
        std::iter::from_fn(|| sorted.next(disk).unwrap()).collect()
    }

    #[test]
    fn records_come_in_the_order_of_a_sort_in_memory() {
        let orders =
            [NameOrder::Bytes, NameOrder::Utf16, NameOrder::Segments, NameOrder::SegmentsUtf16];
        for seed in 0..300 {
            let mut random = fastrand::Rng::with_seed(seed);
            let order = orders[random.usize(..4)];
            let limits = Limits {
                run: random.usize(1..400),
                frame: random.usize(1..100),
                runs: random.usize(2..5),
            };
            let letters = ['a', '-', '/', '\u{ff08}', '\u{20bb7}'];
            let name = |random: &mut fastrand::Rng| {
                let length = random.usize(..5);
                let name: String =
                    (0..length).map(|_| letters[random.usize(..letters.len())]).collect();
                (random.u8(..10) > 0).then_some(name)
            };
            let names: Vec<_> = (0..random.usize(..200)).map(|_| name(&mut random)).collect();
            let mut want: Vec<_> = names.iter().cloned().enumerate().collect();
            want.sort_by(|(_, a), (_, b)| match (a, b) {
                (Some(a), Some(b)) => order.compare(a, b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            });
            let want: Vec<_> = want
                .into_iter()
                .map(|(n, name)| Record { name, content: n.to_string().into_bytes() })
                .collect();
            let disk = TestDisk::new(1);
            let files = &mut *disk.lock().unwrap();
            assert_eq!(sorted(&names, order, limits, files), want, "SEED={seed}");
            remove(files).unwrap();
            assert!(disk.files().is_empty());
        }
    }

    #[test]
    fn a_changed_byte_on_the_disk_is_an_error() {
        let names: Vec<_> = (0..50).map(|n| Some(format!("{:02}", n * 7 % 50))).collect();
        let limits = Limits { run: 200, frame: 60, runs: 2 };
        for place in 0..400 {
            let disk = TestDisk::new(1);
            let files = &mut *disk.lock().unwrap();
            let mut sorter = Sorter::new(NameOrder::Bytes, limits, files).unwrap();
            for name in &names {
                sorter.push(files, name.as_deref(), b"1").unwrap();
            }
            let merging = sorter.finish(files).unwrap();
            let mut is_there = false;
            disk.damage(SORT[0], |bytes| {
                is_there = bytes.get_mut(place).map(|byte| *byte ^= 0x11).is_some();
            });
            let read = merging.finish(files).and_then(|mut sorted| {
                let mut count = 0;
                while sorted.next(files)?.is_some() {
                    count += 1;
                }
                Ok(count)
            });
            match read {
                Ok(count) => assert!(!is_there && count == names.len(), "{place}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::State, "{place}: {error}"),
            }
        }
    }
}
