//! An allocator that counts how much each thread has, and all of them, for tests of memory.
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

/// How much all threads have now, and had at most
static ALL: (AtomicIsize, AtomicIsize) = (AtomicIsize::new(0), AtomicIsize::new(0));

thread_local! {
    /// How much this thread has now, and had at most
    static NOW: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

struct Counting;

fn count(bytes: isize) {
    let all = ALL.0.fetch_add(bytes, Relaxed) + bytes;
    ALL.1.fetch_max(all, Relaxed);
    // At the end of a thread there is nothing to count with.
    let _ = NOW.try_with(|now| {
        let (has, most) = now.get();
        now.set((has + bytes, most.max(has + bytes)));
    });
}

// SAFETY: all is left to the system's allocator.
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
        // The old and the new may be there together.
        count(size as isize);
        count(-(layout.size() as isize));
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What a function returns, and how many bytes more than before this thread had at most meanwhile
pub fn peak<T>(what: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.with(|now| {
        now.set((now.get().0, now.get().0));
        now.get().0
    });
    let result = what();
    (result, NOW.with(|now| now.get().1 - before) as usize)
}

/// Keeps other tests of the binary waiting, so that their memory is not counted
pub fn alone() -> impl Drop {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same as [`peak`] of all threads, for a test that is [`alone`]
pub fn peak_of_all<T>(what: impl FnOnce() -> T) -> (T, usize) {
    let before = ALL.0.load(Relaxed);
    ALL.1.store(before, Relaxed);
    let result = what();
    (result, usize::try_from(ALL.1.load(Relaxed) - before).unwrap_or_default())
}
