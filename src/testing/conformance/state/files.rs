//! The rules about the files of a state.

use std::io::ErrorKind as Kind;

use super::suite::{LOG, NEW, Suite, WHOLE, bytes, failed, fails, holds, write};
use crate::{
    sync::{StateFiles, StateStore},
    testing::conformance::case::{Outcome, expect},
};

impl<S: StateStore, O: FnMut(u32) -> S, L: FnMut(u32)> Suite<O, L> {
    pub(super) fn a_new_state_has_no_files(&mut self) -> Outcome {
        holds(&mut *self.read()?, WHOLE, None)?;
        let mut files = self.lock()?;
        for name in [WHOLE, NEW, LOG, "lock-of-another-kind", "a.0"] {
            holds(&mut *files, name, None)?;
        }
        Ok(())
    }

    pub(super) fn appended_bytes_are_read_back_in_any_range(&mut self) -> Outcome {
        let (mut files, want) = (self.lock()?, bytes(1000, 1));
        for (number, part) in want.chunks(70).enumerate() {
            files.append(LOG, part).map_err(failed("append"))?;
            // Synced or not, the holder reads its own bytes.
            if number % 4 == 1 {
                files.sync(LOG).map_err(failed("sync"))?;
            }
            holds(&mut *files, LOG, want.get(..number * 70 + part.len()))?;
        }
        for (start, end) in [(0, 0), (0, 1), (69, 71), (139, 561), (999, 1000), (1000, 1000)] {
            let found = files.read(LOG, start as u64, end - start).map_err(failed("read"))?;
            let want = want.get(start..end).unwrap_or_default();
            expect(found == want, || format!("the bytes from {start} to {end} are others"))?;
        }
        files.append(LOG, &[]).map_err(failed("append nothing"))?;
        holds(&mut *files, LOG, Some(&want))
    }

    pub(super) fn many_megabytes_are_read_back(&mut self) -> Outcome {
        const PART: usize = 700_001;
        let (mut files, parts) = (self.lock()?, 30);
        for part in 0..parts {
            files.append(NEW, &bytes(PART, part)).map_err(failed("append"))?;
        }
        let check = |files: &mut dyn StateFiles, name: &str| {
            // Backwards, and each range over the border of two parts.
            for part in (1..parts).rev() {
                let (start, length) = (part * PART as u64 - 5000, 10_000);
                let found = files.read(name, start, length).map_err(failed("read"))?;
                let [mut want, next] = [part - 1, part].map(|part| bytes(PART, part));
                want.extend(next);
                let want = want.get(PART - 5000..PART + 5000).unwrap_or_default();
                expect(found == want, || format!("the bytes from {start} on are others"))?;
            }
            let size = files.size(name).map_err(failed("get a size"))?;
            expect(size == Some(parts * PART as u64), || format!("the size is {size:?}"))
        };
        check(&mut *files, NEW)?;
        files.sync(NEW).map_err(failed("sync"))?;
        files.rename(NEW, WHOLE).map_err(failed("rename"))?;
        check(&mut *files, WHOLE)?;
        check(&mut *self.read()?, WHOLE)
    }

    pub(super) fn a_read_after_the_end_is_an_unexpected_eof(&mut self) -> Outcome {
        let mut files = self.lock()?;
        write(&mut *files, LOG, &bytes(100, 1))?;
        // Lengths that no machine can allocate, as a damaged state may name them.
        let huge = isize::MAX.unsigned_abs();
        for (offset, length) in [(0, 101), (100, 1), (99, 2), (101, 0), (0, huge), (u64::MAX, huge)]
        {
            let what = format!("a read of {length} bytes from {offset} of 100 bytes");
            fails(&what, files.read(LOG, offset, length), Kind::UnexpectedEof)?;
        }
        holds(&mut *files, LOG, Some(&bytes(100, 1)))
    }

    pub(super) fn a_missing_file_is_not_found(&mut self) -> Outcome {
        let mut files = self.lock()?;
        write(&mut *files, WHOLE, b"1")?;
        fails("a read", files.read(LOG, 0, 1), Kind::NotFound)?;
        fails("a truncation", files.truncate(LOG, 0), Kind::NotFound)?;
        fails("a sync", files.sync(LOG), Kind::NotFound)?;
        fails("a rename", files.rename(LOG, WHOLE), Kind::NotFound)?;
        holds(&mut *files, WHOLE, Some(b"1"))?;
        files.remove(LOG).map_err(failed("remove a missing file"))?;
        holds(&mut *files, LOG, None)
    }

    pub(super) fn a_truncated_file_goes_on_at_its_new_end(&mut self) -> Outcome {
        let mut files = self.lock()?;
        for part in ["one ", "two ", "three "] {
            write(&mut *files, LOG, part.as_bytes())?;
        }
        files.append(LOG, b"four").map_err(failed("append"))?;
        for (size, want) in
            [(16, "one two three fo"), (14, "one two three "), (5, "one t"), (5, "one t")]
        {
            files.truncate(LOG, size).map_err(failed("truncate"))?;
            holds(&mut *files, LOG, Some(want.as_bytes()))?;
        }
        write(&mut *files, LOG, b"en")?;
        holds(&mut *files, LOG, Some(b"one ten"))?;
        files.truncate(LOG, 0).map_err(failed("truncate to nothing"))?;
        holds(&mut *files, LOG, Some(b""))?;
        write(&mut *files, LOG, b"new")?;
        holds(&mut *files, LOG, Some(b"new"))?;
        holds(&mut *self.read()?, LOG, Some(b"new"))
    }

    pub(super) fn a_rename_replaces_the_other_file(&mut self) -> Outcome {
        let mut files = self.lock()?;
        for content in [&b"first"[..], b"second, which is longer", b"3"] {
            write(&mut *files, NEW, content)?;
            files.rename(NEW, WHOLE).map_err(failed("rename"))?;
            holds(&mut *files, NEW, None)?;
            holds(&mut *files, WHOLE, Some(content))?;
            holds(&mut *self.read()?, WHOLE, Some(content))?;
        }
        Ok(())
    }

    pub(super) fn a_removed_file_begins_again(&mut self) -> Outcome {
        let mut files = self.lock()?;
        write(&mut *files, LOG, b"before")?;
        for _ in 0..2 {
            files.remove(LOG).map_err(failed("remove"))?;
            holds(&mut *files, LOG, None)?;
        }
        files.append(LOG, b"never synced").map_err(failed("append"))?;
        files.remove(LOG).map_err(failed("remove a file that was not synced"))?;
        write(&mut *files, LOG, b"after")?;
        holds(&mut *files, LOG, Some(b"after"))
    }

    pub(super) fn files_do_not_affect_each_other(&mut self) -> Outcome {
        let names = ["run.journal", "run.jsonl.zst", "run.base", "run.sort", "run.sort-2", "run"];
        let mut files = self.lock()?;
        for round in 0..3 {
            for name in names {
                files
                    .append(name, format!("{name}{round}").as_bytes())
                    .map_err(failed("append"))?;
            }
            files.sync("run.sort").map_err(failed("sync"))?;
        }
        files.remove("run.sort").map_err(failed("remove"))?;
        files.truncate("run.base", 3).map_err(failed("truncate"))?;
        for name in names {
            let all = [0, 1, 2].map(|round| format!("{name}{round}")).concat();
            let want = match name {
                "run.sort" => None,
                "run.base" => Some(&b"run"[..]),
                _ => Some(all.as_bytes()),
            };
            holds(&mut *files, name, want)?;
        }
        Ok(())
    }

    pub(super) fn synced_files_outlive_their_holder(&mut self) -> Outcome {
        let mut files = self.lock()?;
        write(&mut *files, LOG, b"synced")?;
        files.append(LOG, b", and not").map_err(failed("append"))?;
        files.append(NEW, b"not synced").map_err(failed("append"))?;
        let mut files = self.lock_after(files)?;
        // What was not synced may be there, all or a first part of it.
        let size = files.size(LOG).map_err(failed("get a size"))?.unwrap_or_default();
        let all = b"synced, and not";
        let want = usize::try_from(size).ok().and_then(|size| all.get(..size));
        expect(size >= 6 && want.is_some(), || format!("`{LOG}` has {size} bytes"))?;
        holds(&mut *files, LOG, want)?;
        files.truncate(LOG, 6).map_err(failed("truncate"))?;
        files.remove(NEW).map_err(failed("remove"))?;
        write(&mut *files, LOG, b" again")?;
        holds(&mut *files, LOG, Some(b"synced again"))?;
        files.release();
        holds(&mut *self.lock()?, LOG, Some(b"synced again"))
    }

    pub(super) fn truncated_renamed_and_removed_files_outlive_their_holder(&mut self) -> Outcome {
        let mut files = self.lock()?;
        for name in [LOG, NEW, "run.base"] {
            write(&mut *files, name, b"content")?;
        }
        files.truncate(LOG, 4).map_err(failed("truncate"))?;
        files.sync(LOG).map_err(failed("sync"))?;
        files.rename(NEW, WHOLE).map_err(failed("rename"))?;
        files.remove("run.base").map_err(failed("remove"))?;
        let mut files = self.lock_after(files)?;
        holds(&mut *files, LOG, Some(b"cont"))?;
        holds(&mut *files, WHOLE, Some(b"content"))?;
        holds(&mut *files, NEW, None)?;
        holds(&mut *files, "run.base", None)
    }

    pub(super) fn many_synced_records_are_one_file(&mut self) -> Outcome {
        let (mut files, mut want) = (self.lock()?, Vec::new());
        for number in 0..200_u64 {
            let record = bytes(1 + usize::try_from(number * 37 % 300).unwrap_or_default(), number);
            write(&mut *files, LOG, &record)?;
            want.extend(record);
        }
        holds(&mut *files, LOG, Some(&want))?;
        holds(&mut *self.read()?, LOG, Some(&want))?;
        holds(&mut *self.lock_after(files)?, LOG, Some(&want))
    }
}
