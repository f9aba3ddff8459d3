//! The rules about the lock of a state, and about who sees what.

use std::io::ErrorKind as Kind;

use super::suite::{LOG, NEW, Suite, WHOLE, bytes, failed, fails, holds, write};
use crate::{
    sync::StateStore,
    testing::conformance::case::{Outcome, expect},
};

impl<S: StateStore, O: FnMut(u32) -> S, L: FnMut(u32)> Suite<O, L> {
    pub(super) fn a_state_has_one_holder(&mut self) -> Outcome {
        let mut files = self.lock()?;
        write(&mut *files, LOG, b"1")?;
        self.is_busy()?;
        // The attempt has not taken the lock away.
        write(&mut *files, LOG, b"2")?;
        self.is_busy()?;
        holds(&mut *files, LOG, Some(b"12"))
    }

    pub(super) fn a_released_lock_is_free_at_once(&mut self) -> Outcome {
        for content in ["1", "12", "123"] {
            let mut files = self.lock()?;
            let last = content.get(content.len() - 1..).unwrap_or_default();
            write(&mut *files, LOG, last.as_bytes())?;
            holds(&mut *files, LOG, Some(content.as_bytes()))?;
            files.release();
        }
        Ok(())
    }

    pub(super) fn a_dropped_lock_is_free_after_it_is_lost(&mut self) -> Outcome {
        let mut files = self.lock()?;
        write(&mut *files, LOG, b"1")?;
        if files.renew_every().is_none() {
            // Only a lease may outlive its holder.
            drop(files);
            files = self.lock()?;
        }
        let mut files = self.lock_after(files)?;
        write(&mut *files, LOG, b"2")?;
        self.is_busy()?;
        holds(&mut *files, LOG, Some(b"12"))
    }

    pub(super) fn a_former_holder_changes_nothing(&mut self) -> Outcome {
        let mut former = self.lock()?;
        write(&mut *former, LOG, b"former")?;
        write(&mut *former, NEW, b"new of the former")?;
        // Under way when the holder stalls.
        former.append("run.base", b"late").map_err(failed("append"))?;
        (self.lose_lock)(self.state);
        let mut holder = self.lock()?;
        holds(&mut *holder, LOG, Some(b"former"))?;
        write(&mut *holder, LOG, b" and later")?;
        write(&mut *holder, WHOLE, b"whole")?;

        let appended = former.append(LOG, b"late").and_then(|()| former.sync(LOG));
        fails("an append and a sync without the lock", appended, Kind::ResourceBusy)?;
        fails("a sync without the lock", former.sync("run.base"), Kind::ResourceBusy)?;
        fails("a rename without the lock", former.rename(NEW, WHOLE), Kind::ResourceBusy)?;
        fails("a removal without the lock", former.remove(LOG), Kind::ResourceBusy)?;
        fails("a truncation without the lock", former.truncate(LOG, 0), Kind::ResourceBusy)?;
        drop(former);
        for files in [&mut holder, &mut self.read()?] {
            holds(&mut **files, LOG, Some(b"former and later"))?;
            holds(&mut **files, WHOLE, Some(b"whole"))?;
            holds(&mut **files, NEW, Some(b"new of the former"))?;
        }
        write(&mut *holder, LOG, b" still")?;
        holder.remove(NEW).map_err(failed("remove"))?;
        holder.release();
        let mut next = self.lock()?;
        holds(&mut *next, LOG, Some(b"former and later still"))?;
        holds(&mut *next, WHOLE, Some(b"whole"))
    }

    pub(super) fn a_former_holder_does_not_free_the_lock(&mut self) -> Outcome {
        let former = self.lock()?;
        (self.lose_lock)(self.state);
        let mut holder = self.lock()?;
        former.release();
        self.is_busy()?;
        write(&mut *holder, LOG, b"1")
    }

    pub(super) fn a_reader_needs_no_lock(&mut self) -> Outcome {
        let mut files = self.lock()?;
        write(&mut *files, WHOLE, b"whole")?;
        holds(&mut *self.read()?, WHOLE, Some(b"whole"))?;
        let mut reader = self.read()?;
        write(&mut *files, LOG, b"1")?;
        holds(&mut *reader, WHOLE, Some(b"whole"))?;
        drop(reader);
        self.is_busy()?;
        files.release();
        holds(&mut *self.read()?, LOG, Some(b"1"))?;
        // Reading has not locked the state.
        self.lock().map(drop)
    }

    pub(super) fn a_reader_changes_nothing(&mut self) -> Outcome {
        let mut files = self.lock()?;
        write(&mut *files, WHOLE, b"whole")?;
        files.release();
        let mut reader = self.read()?;
        let is_refused = reader.append(WHOLE, b"more").and_then(|()| reader.sync(WHOLE)).is_err()
            && reader.append(LOG, b"more").and_then(|()| reader.sync(LOG)).is_err()
            && reader.truncate(WHOLE, 1).is_err()
            && reader.rename(WHOLE, LOG).is_err()
            && reader.remove(WHOLE).is_err();
        expect(is_refused, || "files that are open to read can be changed".to_owned())?;
        let mut files = self.lock()?;
        holds(&mut *files, WHOLE, Some(b"whole"))?;
        holds(&mut *files, LOG, None)
    }

    pub(super) fn a_reader_never_mixes_two_files(&mut self) -> Outcome {
        let (old, new) = (bytes(300_000, 1), bytes(300_000, 2));
        let mut files = self.lock()?;
        write(&mut *files, WHOLE, &old)?;
        let mut reader = self.read()?;
        let end = reader.read(WHOLE, 299_000, 1000).map_err(failed("read"))?;
        expect(Some(&*end) == old.get(299_000..), || "the end has other bytes".to_owned())?;
        write(&mut *files, NEW, &new)?;
        files.rename(NEW, WHOLE).map_err(failed("rename"))?;
        // Also when nothing holds the state any more, and the next run tidies up.
        files.release();
        self.lock()?.release();
        for (start, want) in old.chunks(1000).enumerate() {
            match reader.read(WHOLE, start as u64 * 1000, 1000) {
                Ok(found) => {
                    expect(found == want, || "a reader got bytes of both files".to_owned())?
                }
                // The file is gone, and the reader knows.
                Err(_) => return Ok(()),
            }
        }
        holds(&mut *self.read()?, WHOLE, Some(&new))
    }

    pub(super) fn a_renewal_keeps_the_lock(&mut self) -> Outcome {
        let mut files = self.lock()?;
        write(&mut *files, LOG, b"1")?;
        for _ in 0..3 {
            files.renew().map_err(failed("renew the lock"))?;
        }
        self.is_busy()?;
        write(&mut *files, LOG, b"2")?;
        holds(&mut *files, LOG, Some(b"12"))
    }
}
