//! Listings that mean ill: whatever the bytes, no panic, no long time, and no more memory than a
//! fixed multiple of them.

#[path = "../src/store/page/tests/mutate.rs"]
mod mutate;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    time::{Duration, Instant},
};

use azure_asset_sync::store::Page;

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

/// How many bytes of memory a byte of a body may take: an entry that cannot be read is the most for
/// the least, `<Blob/>` with its reason
const FACTOR: usize = 48;
/// What a body may take whatever its size
const FIXED: usize = 64 << 10;

#[test]
fn hostile_bodies_take_neither_long_nor_much() {
    let cases: u64 = std::env::var("CASES").map_or(20_000, |cases| cases.parse().unwrap());
    let (mut bytes, mut whole, mut slowest, mut steepest) = (0, 0_u64, Duration::ZERO, 0.0_f64);
    for seed in 0..cases {
        let body = mutate::body(seed);
        let before = NOW.with(|now| {
            now.set((now.get().0, now.get().0));
            now.get().0
        });
        let start = Instant::now();
        let page = Page::from_xml(&body);
        let took = start.elapsed();
        let most = NOW.with(|now| now.get().1 - before) as usize;
        let text = || format!("seed {seed}, {} bytes", body.len());
        assert!(took < Duration::from_secs(1), "{}: {took:?}", text());
        assert!(most <= FACTOR * body.len() + FIXED, "{}: {most} bytes of memory", text());
        (bytes, whole) = (bytes + body.len(), whole + u64::from(page.is_ok()));
        slowest = slowest.max(took);
        if body.len() > 4096 {
            steepest = steepest.max(most as f64 / body.len() as f64);
        }
    }
    println!(
        "{cases} bodies of {bytes} bytes, {whole} of them pages; the slowest took {slowest:?}, the largest {steepest:.1} times its size"
    );
}
