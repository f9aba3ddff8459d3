//! What this process has used.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use azure_asset_sync_peers::Error;
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike as _,
};

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counted
pub struct Counting;

/// Not `fetch_add`, which would be on the bill of those that allocate most, at 50 to 90 times a blob.
/// With one thread the count is the same; with more it is near it.
fn count() {
    ALLOCATIONS.store(ALLOCATIONS.load(Relaxed) + 1, Relaxed);
}

#[expect(unsafe_code, reason = "an allocator is unsafe to implement; this one only counts")]
// SAFETY: every call goes on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those that `System` wants.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// What was used, up to a moment
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// User and system
    pub cpu: Duration,
    pub peak_rss_kib: u64,
    pub allocations: u64,
}

impl Usage {
    /// Of this process
    pub fn now() -> Result<Self, Error> {
        Ok(Self {
            cpu: cpu(UsageWho::RUSAGE_SELF)?,
            peak_rss_kib: peak_rss_kib()?,
            allocations: ALLOCATIONS.load(Relaxed),
        })
    }

    /// Of the processes that this one started, and that ended
    pub fn of_children() -> Result<Self, Error> {
        let peak = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
        let cpu = cpu(UsageWho::RUSAGE_CHILDREN)?;
        Ok(Self { cpu, peak_rss_kib: peak.try_into()?, allocations: 0 })
    }

    /// What was used after `earlier`; the peak is that of all time
    pub fn since(self, earlier: &Self) -> Self {
        Self {
            cpu: self.cpu - earlier.cpu,
            peak_rss_kib: self.peak_rss_kib,
            allocations: self.allocations - earlier.allocations,
        }
    }
}

fn cpu(who: UsageWho) -> Result<Duration, Error> {
    let usage = getrusage(who)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(micros.try_into()?))
}

/// Of this program alone: the peak of `getrusage` begins with that of the process that started it
fn peak_rss_kib() -> Result<u64, Error> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix("kB"));
    Ok(number.ok_or("/proc/self/status has no VmHWM")?.trim().parse()?)
}
