//! The processor time of the calling thread. Unlike wall-clock time, it does not grow with the load of
//! the machine. Shared with `tests/malicious/pages.rs`.

#![allow(unreachable_pub, reason = "an integration test includes this file as a module of its own")]

use std::time::Duration;

/// Returns the processor time that the calling thread has used.
#[cfg(unix)]
pub fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    // The clock starts at zero with the thread, so neither field is negative.
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Returns zero: no measurement without the clock of a thread.
#[cfg(not(unix))]
pub fn cpu_time() -> Duration {
    Duration::ZERO
}
