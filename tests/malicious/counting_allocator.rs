//! An allocator that counts the allocated bytes of each thread and of all threads.
#![allow(dead_code, reason = "each binary that includes this file uses a part of it")]
#![allow(unsafe_code, reason = "an allocator is unsafe to implement; this one only counts")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicIsize, Ordering::Relaxed},
    },
};

/// The current and the maximum number of bytes of all threads.
static ALL: (AtomicIsize, AtomicIsize) = (AtomicIsize::new(0), AtomicIsize::new(0));

thread_local! {
    /// The current and the maximum number of bytes of this thread.
    static NOW: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

struct Counting;

fn count(bytes: isize) {
    let all = ALL.0.fetch_add(bytes, Relaxed) + bytes;
    ALL.1.fetch_max(all, Relaxed);
    // The thread-local counter no longer exists when a thread ends.
    let _ = NOW.try_with(|now| {
        let (has, most) = now.get();
        now.set((has + bytes, most.max(has + bytes)));
    });
}

// SAFETY: all calls are forwarded to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // The old and the new block can exist at the same time.
        count(size as isize);
        count(-(layout.size() as isize));
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Runs a function. Returns its result, and the maximum number of bytes that this thread had in addition
/// to those before the call.
pub fn peak<T>(what: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.with(|now| {
        now.set((now.get().0, now.get().0));
        now.get().0
    });
    let result = what();
    (result, NOW.with(|now| now.get().1 - before) as usize)
}

/// Makes other tests of the binary wait until the guard is dropped, so that their memory is not counted.
pub fn alone() -> impl Drop {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Like [`peak`], for all threads. The caller must hold the guard of [`alone`].
pub fn peak_of_all<T>(what: impl FnOnce() -> T) -> (T, usize) {
    let before = ALL.0.load(Relaxed);
    ALL.1.store(before, Relaxed);
    let result = what();
    (result, usize::try_from(ALL.1.load(Relaxed) - before).unwrap_or_default())
}
