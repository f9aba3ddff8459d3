//! Sorts more records than memory holds, by name: an external merge sort on the disk of a state.
//!
//! [`Sorter`] takes records in any order. When they exceed a limit in bytes, it writes them to a file
//! as a sorted run of compressed frames. [`Merging`] merges runs, a fixed number at a time, until few
//! enough are left to be read side by side, which [`Sorted`] does. Records with the same name keep
//! the order in which they came. Few enough records never touch the disk.
//!
//! The files serve one pass of one run. They are never made durable, and nothing reads them after an
//! interruption.

use std::{cmp::Ordering, io, mem, ops::Range};

use xxhash_rust::xxh3::Xxh3;

use super::disk::Disk;
use crate::{
    error::{Error, ErrorKind},
    store::NameOrder,
};

/// The two files that runs are merged from and to, in turn
pub(super) const FILES: [&str; 2] = ["run.sort", "run.sort-2"];

/// Of Zstandard: the records are read once or twice
const LEVEL: i32 = 1;

/// The lengths of a frame, compressed and not, and the XXH3 of these and its bytes
const HEAD: usize = 16;

/// The length of a name that is not there
const NAMELESS: u32 = u32::MAX;

/// No frame is longer by far: what claims to be is damaged
const LONGEST: u32 = 1 << 26;

/// How much is in memory
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How many bytes of records are sorted at a time
    pub(super) run: usize,
    /// After how many bytes of records a frame ends
    pub(super) frame: usize,
    /// How many runs are merged at a time, at least 2
    pub(super) runs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { run: 4 << 20, frame: 128 << 10, runs: 16 }
    }
}

/// A name and what belongs to it
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) name: Option<String>,
    pub(super) content: Vec<u8>,
}

/// Takes records in any order
pub(super) struct Sorter {
    order: NameOrder,
    limits: Limits,
    text: Vec<u8>,
    records: Vec<Range<usize>>,
    output: Output,
    runs: Vec<Range<u64>>,
}

impl Sorter {
    pub(super) fn new(
        order: NameOrder,
        limits: Limits,
        disk: &mut dyn Disk,
    ) -> Result<Self, Error> {
        remove(disk)?;
        let [file, _] = FILES;
        let output = Output::new(file, limits)?;
        // With room for the record that fills it: to grow would take twice as much.
        let text = Vec::with_capacity(limits.run + limits.frame);
        let (records, runs) = (Vec::new(), Vec::new());
        Ok(Self { order, limits, text, records, output, runs })
    }

    /// Adds a record; what has no name comes before all names
    pub(super) fn push(
        &mut self,
        disk: &mut dyn Disk,
        name: Option<&str>,
        content: &[u8],
    ) -> Result<(), Error> {
        let start = self.text.len();
        let length = |bytes: &[u8]| {
            u32::try_from(bytes.len()).ok().filter(|length| *length < LONGEST / 4).ok_or_else(
                || Error::new(ErrorKind::TooLarge, "an entry of the listing is over 16 MiB"),
            )
        };
        let name_length = name.map_or(Ok(NAMELESS), |name| length(name.as_bytes()))?;
        self.text.extend(name_length.to_le_bytes());
        self.text.extend(length(content)?.to_le_bytes());
        self.text.extend(name.unwrap_or_default().as_bytes());
        self.text.extend(content);
        self.records.push(start..self.text.len());
        if self.text.len() >= self.limits.run { self.spill(disk) } else { Ok(()) }
    }

    fn sort(&mut self) {
        let (text, order) = (&self.text, self.order);
        self.records.sort_by(|a, b| compare(at(text, a), at(text, b), order));
    }

    fn spill(&mut self, disk: &mut dyn Disk) -> Result<(), Error> {
        self.sort();
        let start = self.output.size;
        for record in &self.records {
            self.output.add(disk, at(&self.text, record))?;
        }
        self.output.end_frame(disk)?;
        self.runs.push(start..self.output.size);
        self.records.clear();
        self.text.clear();
        Ok(())
    }

    /// Ends the input
    pub(super) fn finish(mut self, disk: &mut dyn Disk) -> Result<Merging, Error> {
        let last = match self.runs.is_empty() {
            // All of it is in memory, and stays there.
            true => {
                self.sort();
                Some((self.text, self.records))
            }
            false => {
                if !self.records.is_empty() {
                    self.spill(disk)?;
                }
                None
            }
        };
        let Self { order, limits, runs, output, .. } = self;
        let files = FILES;
        Ok(Merging { order, limits, files, runs, merged: Vec::new(), last, group: None, output })
    }
}

/// Merges runs until few enough are left
pub(super) struct Merging {
    order: NameOrder,
    limits: Limits,
    /// The file that is read, and the one that is written
    files: [&'static str; 2],
    /// Those of the first file that are left
    runs: Vec<Range<u64>>,
    /// Those of the second file
    merged: Vec<Range<u64>>,
    /// All records, if they fit into memory
    last: Option<(Vec<u8>, Vec<Range<usize>>)>,
    /// The runs that are being merged, and where the result began
    group: Option<(Heads, u64)>,
    output: Output,
}

impl Merging {
    /// Merges a little more; returns whether there is more to merge
    pub(super) fn step(&mut self, disk: &mut dyn Disk) -> Result<bool, Error> {
        let Some((heads, start)) = &mut self.group else { return self.begin_group(disk) };
        let frames = self.output.frames;
        while self.output.frames == frames {
            let Some(first) = heads.first(self.order) else {
                self.output.end_frame(disk)?;
                self.merged.push(*start..self.output.size);
                self.group = None;
                return Ok(true);
            };
            self.output.add(disk, heads.record(first))?;
            heads.advance(first, disk)?;
        }
        Ok(true)
    }

    fn begin_group(&mut self, disk: &mut dyn Disk) -> Result<bool, Error> {
        let most = self.limits.runs.max(2);
        if self.runs.is_empty() && !self.merged.is_empty() {
            // The next pass goes the other way.
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
            self.output = Output::new(to, self.limits)?;
        }
        let runs: Vec<_> = self.runs.drain(..most.min(self.runs.len())).collect();
        self.group = Some((Heads::new(from, runs, disk)?, self.output.size));
        Ok(true)
    }

    /// The records in order, once there is nothing more to merge
    pub(super) fn finish(mut self, disk: &mut dyn Disk) -> Result<Sorted, Error> {
        while self.step(disk)? {}
        let [from, _] = self.files;
        let heads = match self.last {
            Some((text, records)) => Heads::in_memory(text, records),
            None => Heads::new(from, self.runs, disk)?,
        };
        Ok(Sorted { order: self.order, heads })
    }
}

/// Records by ascending name
pub(super) struct Sorted {
    order: NameOrder,
    heads: Heads,
}

impl Sorted {
    /// The next record, or `None` after the last one
    pub(super) fn next(&mut self, disk: &mut dyn Disk) -> Result<Option<Record>, Error> {
        let Some(first) = self.heads.first(self.order) else { return Ok(None) };
        let record = self.heads.record(first);
        let (name, content) = parts(record);
        let name = name.map(|name| {
            String::from_utf8(name.to_vec()).map_err(|_| spoiled("it has a name that is no text"))
        });
        let record = Record { name: name.transpose()?, content: content.to_vec() };
        self.heads.advance(first, disk)?;
        Ok(Some(record))
    }
}

/// Runs that are read side by side
struct Heads {
    file: &'static str,
    heads: Vec<Head>,
}

/// What is left of a run: some records in memory, and frames behind them
struct Head {
    frames: Range<u64>,
    text: Vec<u8>,
    records: std::iter::Peekable<std::vec::IntoIter<Range<usize>>>,
}

impl Heads {
    fn new(file: &'static str, runs: Vec<Range<u64>>, disk: &mut dyn Disk) -> Result<Self, Error> {
        let mut heads = Vec::with_capacity(runs.len());
        for frames in runs {
            let mut head =
                Head { frames, text: Vec::new(), records: Vec::new().into_iter().peekable() };
            head.fill(file, disk)?;
            heads.push(head);
        }
        Ok(Self { file, heads })
    }

    fn in_memory(text: Vec<u8>, records: Vec<Range<usize>>) -> Self {
        let head = Head { frames: 0..0, text, records: records.into_iter().peekable() };
        Self { file: "", heads: vec![head] }
    }

    /// Which run has the least name; of several the first, so that equal names keep their order
    fn first(&mut self, order: NameOrder) -> Option<usize> {
        let mut first: Option<(usize, &[u8])> = None;
        for (place, head) in self.heads.iter_mut().enumerate() {
            let Some(record) = head.records.peek() else { continue };
            let record = at(&head.text, record);
            if first.is_none_or(|(_, least)| compare(record, least, order).is_lt()) {
                first = Some((place, record));
            }
        }
        first.map(|(place, _)| place)
    }

    fn record(&mut self, place: usize) -> &[u8] {
        let Some(head) = self.heads.get_mut(place) else { return &[] };
        head.records.peek().map_or(&[], |record| at(&head.text, record))
    }

    fn advance(&mut self, place: usize, disk: &mut dyn Disk) -> Result<(), Error> {
        let Some(head) = self.heads.get_mut(place) else { return Ok(()) };
        head.records.next();
        head.fill(self.file, disk)
    }
}

impl Head {
    /// Reads the next frame if no record is in memory
    fn fill(&mut self, file: &str, disk: &mut dyn Disk) -> Result<(), Error> {
        if self.records.peek().is_some() || self.frames.is_empty() {
            return Ok(());
        }
        let head = disk.read(file, self.frames.start, HEAD).map_err(failed)?;
        let Some((lengths, print)) = head.split_first_chunk::<8>() else {
            return Err(spoiled("it breaks off"));
        };
        let length = |bytes: Option<&[u8; 4]>| bytes.map_or(LONGEST, |b| u32::from_le_bytes(*b));
        let (packed, length) = (length(lengths.first_chunk()), length(lengths.last_chunk()));
        if packed >= LONGEST || length >= LONGEST {
            return Err(spoiled("a frame is too long"));
        }
        let frame = disk.read(file, self.frames.start + HEAD as u64, packed as usize);
        let frame = frame.map_err(failed)?;
        if print != fingerprint(lengths, &frame) {
            return Err(spoiled("it has other bytes than were written"));
        }
        self.text = zstd::bulk::decompress(&frame, length as usize).map_err(failed)?;
        self.frames.start += (HEAD + frame.len()) as u64;
        let (mut records, mut end) = (Vec::new(), 0);
        while let Some(size) = self.text.get(end..).and_then(size) {
            records.push(end..end + size);
            end += size;
        }
        if end != self.text.len() || records.is_empty() {
            return Err(spoiled("a record breaks off"));
        }
        self.records = records.into_iter().peekable();
        Ok(())
    }
}

/// Writes frames behind each other
struct Output {
    file: &'static str,
    size: u64,
    /// How many frames were written
    frames: u64,
    most: usize,
    text: Vec<u8>,
    compressor: zstd::bulk::Compressor<'static>,
}

impl Output {
    fn new(file: &'static str, limits: Limits) -> Result<Self, Error> {
        let compressor = zstd::bulk::Compressor::new(LEVEL).map_err(failed)?;
        Ok(Self { file, size: 0, frames: 0, most: limits.frame, text: Vec::new(), compressor })
    }

    fn add(&mut self, disk: &mut dyn Disk, record: &[u8]) -> Result<(), Error> {
        self.text.extend(record);
        if self.text.len() >= self.most { self.end_frame(disk) } else { Ok(()) }
    }

    fn end_frame(&mut self, disk: &mut dyn Disk) -> Result<(), Error> {
        if self.text.is_empty() {
            return Ok(());
        }
        let frame = self.compressor.compress(&self.text).map_err(failed)?;
        // Both are below `LONGEST`: a frame ends with the record that makes it long enough.
        let lengths = [frame.len(), self.text.len()];
        let lengths = lengths.map(|length| u32::try_from(length).unwrap_or(u32::MAX));
        let mut bytes = Vec::with_capacity(HEAD + frame.len());
        bytes.extend(lengths.map(u32::to_le_bytes).as_flattened());
        bytes.extend(fingerprint(&bytes, &frame));
        bytes.extend(frame);
        disk.append(self.file, &bytes).map_err(failed)?;
        self.size += bytes.len() as u64;
        self.frames += 1;
        self.text.clear();
        Ok(())
    }
}

fn fingerprint(lengths: &[u8], frame: &[u8]) -> [u8; 8] {
    let mut print = Xxh3::new();
    print.update(lengths);
    print.update(frame);
    print.digest().to_le_bytes()
}

/// Removes what a sort has left on the disk
pub(super) fn remove(disk: &mut dyn Disk) -> Result<(), Error> {
    FILES.iter().try_for_each(|file| disk.remove(file)).map_err(failed)
}

fn at<'a>(text: &'a [u8], record: &Range<usize>) -> &'a [u8] {
    text.get(record.clone()).unwrap_or_default()
}

/// The lengths of a record's name and content, and what is behind them
fn lengths(record: &[u8]) -> Option<(u32, u32, &[u8])> {
    let (name, rest) = record.split_first_chunk()?;
    let (content, rest) = rest.split_first_chunk()?;
    Some((u32::from_le_bytes(*name), u32::from_le_bytes(*content), rest))
}

/// The size of the first record, if it is there as a whole
fn size(text: &[u8]) -> Option<usize> {
    let (name, content, rest) = lengths(text)?;
    let name = if name == NAMELESS { 0 } else { name as usize };
    let size = name.checked_add(content as usize)?;
    (size <= rest.len()).then_some(text.len() - rest.len() + size)
}

/// The name of a record, and its content
fn parts(record: &[u8]) -> (Option<&[u8]>, &[u8]) {
    match lengths(record) {
        Some((NAMELESS, _, rest)) => (None, rest),
        Some((name, _, rest)) => {
            let (name, content) = rest.split_at_checked(name as usize).unwrap_or_default();
            (Some(name), content)
        }
        None => (None, &[]),
    }
}

fn compare(a: &[u8], b: &[u8], order: NameOrder) -> Ordering {
    // Sound names only come from `str`, and what is none shows when it is read.
    let text = |bytes| str::from_utf8(bytes).unwrap_or_default();
    match (parts(a).0, parts(b).0) {
        (Some(a), Some(b)) => order.compare(text(a), text(b)),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

fn failed(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound => spoiled("it breaks off"),
        _ => Error::state("sort the names of the listing", error),
    }
}

fn spoiled(what: &str) -> Error {
    Error::new(
        ErrorKind::State,
        format!(
            "a file in which the run sorts names is not as it was written: {what}; run it again"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDisk;

    fn sorted(
        names: &[Option<String>],
        order: NameOrder,
        limits: Limits,
        disk: &mut TestDisk,
    ) -> Vec<Record> {
        let mut sorter = Sorter::new(order, limits, disk).unwrap();
        for (number, name) in names.iter().enumerate() {
            sorter.push(disk, name.as_deref(), number.to_string().as_bytes()).unwrap();
        }
        let mut sorted = sorter.finish(disk).unwrap().finish(disk).unwrap();
        std::iter::from_fn(|| sorted.next(disk).unwrap()).collect()
    }

    #[test]
    fn records_come_in_the_order_of_a_sort_in_memory_whatever_the_limits() {
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
            let mut disk = TestDisk::new(1);
            assert_eq!(sorted(&names, order, limits, &mut disk), want, "SEED={seed}");
            remove(&mut disk).unwrap();
            assert!(disk.files().is_empty());
        }
    }

    #[test]
    fn a_byte_that_changes_on_the_disk_is_an_error() {
        let names: Vec<_> = (0..50).map(|n| Some(format!("{:02}", n * 7 % 50))).collect();
        let limits = Limits { run: 200, frame: 60, runs: 2 };
        for place in 0..400 {
            let mut disk = TestDisk::new(1);
            let mut sorter = Sorter::new(NameOrder::Bytes, limits, &mut disk).unwrap();
            for name in &names {
                sorter.push(&mut disk, name.as_deref(), b"1").unwrap();
            }
            let merging = sorter.finish(&mut disk).unwrap();
            let mut is_there = false;
            disk.damage(FILES[0], |bytes| {
                is_there = bytes.get_mut(place).map(|byte| *byte ^= 0x11).is_some();
            });
            let read = merging.finish(&mut disk).and_then(|mut sorted| {
                let mut count = 0;
                while sorted.next(&mut disk)?.is_some() {
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
