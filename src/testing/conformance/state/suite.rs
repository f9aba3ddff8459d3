//! What the rules of the suite for states share: how a state is opened, and how files are compared.

use std::{fmt::Display, io, io::ErrorKind as Kind};

use crate::{
    error::ErrorKind,
    sync::{StateFiles, StateStore},
    testing::conformance::case::{Outcome, expect},
};

/// A file that is replaced as a whole.
pub(super) const WHOLE: &str = "manifest.jsonl.zst";

/// A file before it replaces another.
pub(super) const NEW: &str = "manifest.new";

/// A file to which records are appended.
pub(super) const LOG: &str = "run.journal";

/// A store under test.
pub(super) struct Suite<O, L> {
    pub(super) open: O,
    pub(super) lose_lock: L,
    /// The number of the current state; each rule has its own.
    pub(super) state: u32,
}

/// Describes an error of a step.
pub(super) fn failed<E: Display>(doing: &'static str) -> impl Fn(E) -> String {
    move |error| format!("could not {doing}: {error}")
}

/// Checks that a result is an error of this kind.
pub(super) fn fails<T>(what: &str, result: io::Result<T>, kind: Kind) -> Outcome {
    match result {
        Ok(_) => Err(format!("{what} succeeds, and should fail with {kind:?}")),
        Err(error) => expect(error.kind() == kind, || {
            format!("{what} fails with {:?} ({error}), and should fail with {kind:?}", error.kind())
        }),
    }
}

/// Checks that a file has this content, or that it does not exist.
pub(super) fn holds(files: &mut dyn StateFiles, name: &str, want: Option<&[u8]>) -> Outcome {
    let size = files.size(name).map_err(failed("get a size"))?;
    let wanted = want.map(|want| want.len() as u64);
    expect(size == wanted, || {
        format!("`{name}` has the size {size:?}, and should have {wanted:?}")
    })?;
    let Some(want) = want else {
        return fails("a read of a missing file", files.read(name, 0, 0), Kind::NotFound);
    };
    let found = files.read(name, 0, want.len()).map_err(failed("read a file"))?;
    expect(found == want, || format!("`{name}` has other bytes than were written"))
}

/// Appends to a file and syncs it.
pub(super) fn write(files: &mut dyn StateFiles, name: &str, bytes: &[u8]) -> Outcome {
    files.append(name, bytes).map_err(failed("append"))?;
    files.sync(name).map_err(failed("sync"))
}

/// Returns bytes without a short period, which differ for each seed.
pub(super) fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

impl<S: StateStore, O: FnMut(u32) -> S, L: FnMut(u32)> Suite<O, L> {
    pub(super) fn open(&mut self) -> S {
        (self.open)(self.state)
    }

    pub(super) fn lock(&mut self) -> Result<Box<dyn StateFiles>, String> {
        self.open().lock().map_err(failed("lock the state"))
    }

    pub(super) fn read(&mut self) -> Result<Box<dyn StateFiles>, String> {
        self.open().open_to_read().map_err(failed("open the state to read"))
    }

    /// Checks that nobody else can lock the state.
    pub(super) fn is_busy(&mut self) -> Outcome {
        match self.open().lock() {
            Ok(_) => Err("the state can be locked twice".to_owned()),
            Err(error) => expect(error.kind() == ErrorKind::StateBusy, || {
                format!("a second lock fails with {:?} ({error})", error.kind())
            }),
        }
    }

    /// Drops files without giving the lock back, as a process that is killed, and locks the state again.
    pub(super) fn lock_after(
        &mut self,
        files: Box<dyn StateFiles>,
    ) -> Result<Box<dyn StateFiles>, String> {
        (self.lose_lock)(self.state);
        drop(files);
        self.lock()
    }
}
