//! An allocator that counts how much each thread has, for tests of memory.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    /// How much this thread has now, and had at most
    static NOW: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

struct Counting;

fn count(bytes: isize) {
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
