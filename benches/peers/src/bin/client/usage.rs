//! The processor time, memory and allocations of this process.

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

/// The system allocator with a counter.
pub struct Counting;

/// Counts an allocation.
///
/// Not with `fetch_add`, which would slow down the clients that allocate most, 50 to 90 times per
/// blob. The count is exact with one thread and approximate with more.
fn count() {
    ALLOCATIONS.store(ALLOCATIONS.load(Relaxed) + 1, Relaxed);
}

#[expect(unsafe_code, reason = "an allocator is unsafe to implement; this one only counts")]
// SAFETY: every call is passed unchanged to the system allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `GlobalAlloc`, which is that of `System`.
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

/// What was used up to a moment.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// The processor time, user and system.
    pub cpu: Duration,
    pub peak_rss_kib: u64,
    pub allocations: u64,
}

impl Usage {
    /// Returns the usage of this process.
    pub fn now() -> Result<Self, Error> {
        Ok(Self {
            cpu: cpu(UsageWho::RUSAGE_SELF)?,
            peak_rss_kib: peak_rss_kib()?,
            allocations: ALLOCATIONS.load(Relaxed),
        })
    }

    /// Returns the usage of child processes that have ended.
    pub fn of_children() -> Result<Self, Error> {
        let peak = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
        let cpu = cpu(UsageWho::RUSAGE_CHILDREN)?;
        Ok(Self { cpu, peak_rss_kib: peak.try_into()?, allocations: 0 })
    }

    /// Returns the usage since an earlier moment. The peak is that of the whole process.
    pub fn since(self, earlier: &Self) -> Self {
        Self {
            cpu: self.cpu - earlier.cpu,
            peak_rss_kib: self.peak_rss_kib,
            allocations: self.allocations - earlier.allocations,
        }
    }
}

/// Returns the processor time.
fn cpu(who: UsageWho) -> Result<Duration, Error> {
    let usage = getrusage(who)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(micros.try_into()?))
}

/// Returns the peak memory of this program. That of `getrusage` would include the parent before
/// `exec`.
fn peak_rss_kib() -> Result<u64, Error> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix("kB"));
    Ok(number.ok_or("/proc/self/status has no VmHWM")?.trim().parse()?)
}
