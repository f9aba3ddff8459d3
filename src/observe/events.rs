//! The events, one function for each. Each is called once for a request, a batch or a decision.

use std::time::Duration;

use tracing::Level;

use super::{
    counters,
    names::{TARGET, event, metric},
};
use crate::error::Error;

/// Emits an event into the current span.
macro_rules! emit {
    ($name:path, $level:ident, { $($fields:tt)* }, $($text:tt)+) => {
        tracing::event!(name: $name, target: TARGET, Level::$level, { $($fields)* }, $($text)+)
    };
}

/// Returns whole milliseconds.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A check of a probe was made.
pub(crate) fn checked(check: &'static str, outcome: &'static str, cause: Option<&'static str>) {
    emit!(event::CHECK, DEBUG, { check, outcome, cause }, "check `{check}`: {outcome}");
}

/// A pass of a wait has ended, and another one follows.
pub(crate) fn probe_retry(
    attempt: u32,
    delay: Duration,
    (successes, needed): (u32, u32),
    cause: Option<&'static str>,
) {
    let delay_ms = millis(delay);
    emit!(
        event::PROBE_RETRY, INFO,
        { attempt, delay_ms, successes, needed, cause },
        "the connection is checked again"
    );
}

/// A request for a page is sent again after a delay.
pub(crate) fn retry(attempt: u32, delay: Duration, error: &Error) {
    let kind = error.kind().as_str();
    let (delay_ms, status, code) = (millis(delay), error.status(), error.code());
    emit!(
        event::RETRY, INFO,
        { attempt, delay_ms, error = kind, status, code, request_id = error.request_id() },
        "a page is requested again after an error: {kind}"
    );
    counters::add(metric::RETRIES, [("error", kind)], 1);
}

/// A scan was throttled. `in_flight` requests are allowed from now on.
pub(crate) fn throttle(in_flight: usize, retry_after: Option<Duration>) {
    let retry_after_ms = retry_after.map(millis);
    emit!(event::THROTTLE, WARN, { in_flight, retry_after_ms }, "the service throttles this scan");
    counters::add(metric::THROTTLES, [], 1);
}

/// A range was split. There are so many ranges now.
pub(crate) fn split(ranges: usize) {
    emit!(event::SPLIT, DEBUG, { ranges }, "a range of names was split");
}

/// A scan continues in another order.
pub(crate) fn order_changed(order: &'static str) {
    emit!(event::ORDER_CHANGED, INFO, { order }, "names contradict the order that was assumed");
}

/// A run begins, or resumes.
#[cfg(feature = "sync")]
pub(crate) fn job_started(run: impl std::fmt::Display, number: u64, is_resumed: bool) {
    let run = run.to_string();
    tracing::Span::current().record("run", run.as_str());
    emit!(event::STATE_LOCKED, DEBUG, {}, "the state of the run is locked");
    emit!(event::JOB_STARTED, INFO, { run, number, is_resumed }, "a run has started");
}

/// A state could not be opened.
#[cfg(feature = "sync")]
pub(crate) fn state_not_opened(error: &Error) {
    if error.kind() == crate::error::ErrorKind::StateBusy {
        emit!(event::STATE_BUSY, WARN, {}, "another run has locked the state");
    }
}

/// A run has released its state.
#[cfg(feature = "sync")]
pub(crate) fn state_released() {
    emit!(event::STATE_RELEASED, DEBUG, {}, "the state of the run is released");
}

/// A batch with this sequence number, or progress without a batch after so many batches, is durable.
#[cfg(feature = "sync")]
pub(crate) fn committed(batches: u64, changes: usize) {
    match changes {
        0 => emit!(event::CHECKPOINT, DEBUG, { batches }, "the progress of the run is durable"),
        _ => emit!(event::COMMIT, DEBUG, { batch = batches, changes }, "a batch is committed"),
    }
    counters::add(metric::CHANGES, [], changes as u64);
}

/// A job must list again.
#[cfg(feature = "sync")]
pub(crate) fn relist(order: &'static str) {
    emit!(event::RELIST, INFO, { order }, "the run lists again in another order");
}

/// A job reports no removals.
#[cfg(feature = "sync")]
pub(crate) fn removals_withheld(missing: u64, assets: u64) {
    emit!(
        event::REMOVALS_WITHHELD, WARN,
        { missing, assets },
        "removals are withheld: {missing} of {assets} assets are missing"
    );
}

/// A token has arrived, and is valid for this time.
#[cfg(feature = "azure")]
pub(crate) fn token_fetched(lifetime: Duration) {
    emit!(event::TOKEN_FETCHED, INFO, { expires_in_s = lifetime.as_secs() }, "a token was fetched");
    counters::add(metric::TOKENS, [("outcome", "fetched")], 1);
}

/// No token has arrived.
#[cfg(feature = "azure")]
pub(crate) fn token_failed(is_old_valid: bool) {
    emit!(event::TOKEN_FAILED, WARN, { is_old_valid }, "no token was returned");
    counters::add(metric::TOKENS, [("outcome", "failed")], 1);
}

/// Storage has refused a token.
#[cfg(feature = "azure")]
pub(crate) fn token_renewed(is_sent_again: bool) {
    emit!(event::TOKEN_RENEWED, INFO, { is_sent_again }, "storage refused the token");
}

/// The host policy has refused a host.
#[cfg(feature = "azure")]
pub(crate) fn host_refused(reason: &'static str) {
    emit!(event::HOST_REFUSED, WARN, { reason }, "the host policy refused a host: {reason}");
    counters::add(metric::HOSTS_REFUSED, [("reason", reason)], 1);
}

/// The body of a page was received.
#[cfg(feature = "azure")]
pub(crate) fn page_received(bytes: usize) {
    counters::add(metric::PAGE_BYTES, [], bytes as u64);
}
