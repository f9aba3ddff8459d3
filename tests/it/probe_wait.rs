//! Waiting for a role assignment ends with the right result at the right time, on a simulated clock.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use azure_asset_sync::{
    Backoff, Blob, Clock as _, Connection, Error, Probe, Store,
    probe::{Cause, EndReason, Outlook, Tier, WaitEvent, WaitOptions},
    store::{Answer, Inspect, ListRequest, Page, Question, ReadRequest},
    testing::ManualClock,
};
use bytes::Bytes;
use fastrand::Rng;
use futures::StreamExt as _;

const MINUTE: Duration = Duration::from_secs(60);

fn connection() -> Connection {
    Connection::builder("hall 3").account("contosovision").container("training").build().unwrap()
}

/// When a front end starts to allow some requests, and when it allows all of them.
#[derive(Clone, Copy, Debug)]
struct FrontEnd {
    flaps_from: Duration,
    settled: Option<Duration>,
}

/// An account with several front ends that take turns.
#[derive(Clone, Debug)]
struct Account {
    clock: ManualClock,
    front_ends: Vec<FrontEnd>,
    /// The failure of every request, and when it starts.
    failure: Option<(Duration, u16, &'static str)>,
    /// One in this number of requests is throttled.
    throttled: Option<(u32, Duration)>,
    /// The detail that the service reports in that failure.
    detail: Option<azure_asset_sync::Detail>,
    /// When reads of blobs start to fail.
    reads_until: Option<Duration>,
    /// Whether a request reaches a random front end instead of the next one.
    at_random: bool,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    requests: u32,
    turn: usize,
    /// How many requests each front end has received while it flapped.
    flaps: Vec<u32>,
}

impl Account {
    fn new(clock: &ManualClock, front_ends: Vec<FrontEnd>) -> Self {
        let flaps = vec![0; front_ends.len()];
        let state = Arc::new(Mutex::new(State { flaps, ..State::default() }));
        Self {
            clock: clock.clone(),
            front_ends,
            failure: None,
            throttled: None,
            detail: None,
            reads_until: None,
            at_random: false,
            state,
        }
    }

    fn sharp(clock: &ManualClock, after: Duration) -> Self {
        Self::new(clock, vec![FrontEnd { flaps_from: after, settled: Some(after) }])
    }

    /// Returns when every front end allows all requests.
    fn stable(&self) -> Option<Duration> {
        self.front_ends
            .iter()
            .map(|front_end| front_end.settled)
            .collect::<Option<Vec<_>>>()
            .map(|settled| settled.into_iter().max().unwrap())
    }

    fn answer(&self) -> Result<(), Error> {
        let now = self.clock.elapsed();
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        if let Some((from, status, code)) = self.failure
            && now >= from
        {
            let error = Error::from_response(status, Some(code));
            return Err(self.detail.into_iter().fold(error, Error::with_detail));
        }
        if let Some((each, wait)) = self.throttled
            && state.requests.is_multiple_of(each)
        {
            return Err(Error::from_response(503, Some("ServerBusy")).with_retry_after(wait));
        }
        let turn = match self.at_random {
            true => fastrand::usize(..self.front_ends.len()),
            false => state.turn,
        };
        state.turn = (turn + 1) % self.front_ends.len();
        let FrontEnd { flaps_from, settled } = self.front_ends[turn];
        let allowed = if settled.is_some_and(|settled| now >= settled) {
            true
        } else if now >= flaps_from {
            state.flaps[turn] += 1;
            state.flaps[turn] % 2 == 1
        } else {
            false
        };
        match allowed {
            true => Ok(()),
            false => Err(Error::from_response(403, Some("AuthorizationPermissionMismatch"))),
        }
    }
}

#[async_trait::async_trait]
impl Store for Account {
    async fn list(&self, _: ListRequest) -> Result<Page, Error> {
        self.answer().map(|()| Page::last(vec![Blob::new("a.jpg", 3)]))
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        if self.reads_until.is_some_and(|until| self.clock.elapsed() >= until) {
            return Err(Error::from_response(403, Some("AuthorizationPermissionMismatch")));
        }
        self.answer().map(|()| Bytes::from_static(b"a"))
    }
}

#[async_trait::async_trait]
impl Inspect for Account {
    async fn inspect(&self, question: Question) -> Result<Answer, Error> {
        match question {
            Question::List { .. } => self.answer().map(|()| Answer::new()),
            Question::Challenge => Ok(Answer::new()),
            _ => Ok(Answer::unknown()),
        }
    }
}

struct End {
    reason: EndReason,
    cause: Option<Cause>,
    attempts: u32,
    at: Duration,
}

async fn wait(account: &Account, options: WaitOptions) -> End {
    wait_since(account, options, None).await
}

async fn wait_since(account: &Account, options: WaitOptions, granted: Option<SystemTime>) -> End {
    let mut probe = Probe::new(&connection(), account.clone()).clock(account.clock.clone());
    if let Some(at) = granted {
        probe = probe.granted(at);
    }
    let ended = probe.wait(options).ended().await.unwrap();
    assert_eq!(ended.elapsed, account.clock.elapsed(), "the wait began with the clock");
    End {
        reason: ended.reason,
        cause: ended.health.diagnosis.map(|diagnosis| diagnosis.cause),
        attempts: ended.attempts,
        at: ended.elapsed,
    }
}

/// Returns a random time in the first `minutes`.
fn within(rng: &mut Rng, minutes: u64) -> Duration {
    Duration::from_millis(rng.u64(0..=minutes * 60_000))
}

#[tokio::test]
async fn a_wait_connects_if_and_only_if_access_is_stable_in_1000_schedules() {
    let mut counts = [0_u32; 4];
    for seed in 0..1000 {
        let mut rng = Rng::with_seed(seed);
        // The pauses use the random numbers of the thread.
        fastrand::seed(seed);
        let clock = ManualClock::auto_advancing();
        let latest = [1, 5, 12, 25][rng.usize(..4)];
        let never = rng.u8(..8) == 0;
        let mut front_ends: Vec<_> = (0..rng.usize(1..=8))
            .map(|_| {
                let settled = within(&mut rng, latest);
                let flaps_from = settled.saturating_sub(within(&mut rng, 4));
                FrontEnd { flaps_from, settled: Some(settled) }
            })
            .collect();
        if never {
            front_ends[0].settled = None;
        }
        let mut account = Account::new(&clock, front_ends);
        if rng.u8(..6) == 0 {
            let wait = Duration::from_secs(rng.u64(1..600));
            account.throttled = Some((rng.u32(5..40), wait));
        }
        let lasting = [
            (403, "AuthorizationFailure", Cause::Firewall),
            (403, "AccountIsDisabled", Cause::AccountDisabled),
            (404, "ContainerNotFound", Cause::ContainerNotFound),
        ][rng.usize(..3)];
        if rng.u8(..6) == 0 {
            account.failure = Some((within(&mut rng, latest), lasting.0, lasting.1));
        }
        let deadline = Duration::from_secs(rng.u64(10..2400));
        let age = within(&mut rng, 20);
        let granted = Some(clock.time() - age);

        let end = wait_since(&account, WaitOptions::new(deadline), granted).await;
        let failed = account.failure.is_some_and(|(from, ..)| end.at >= from);
        let stable = account.stable();
        // The last pause and the confirmations, with a reserve for confirmations that were interrupted.
        let slack = Duration::from_secs(30 + 3 * 60);
        match end.reason {
            EndReason::Connected => {
                counts[0] += 1;
                assert!(stable.is_some_and(|stable| end.at >= stable), "{seed}: {account:?}");
            }
            EndReason::Permanent if end.cause == Some(Cause::AccessMissing) => {
                counts[1] += 1;
                assert!(end.at + age >= 30 * MINUTE, "{seed}: given up at {:?}", end.at);
            }
            EndReason::Permanent => {
                counts[2] += 1;
                let mixed = end.at + age >= 30 * MINUTE;
                assert!(mixed || failed && end.cause == Some(lasting.2), "{seed}: {:?}", end.cause);
            }
            EndReason::Deadline | EndReason::Unconfirmed => {
                counts[3] += 1;
                assert_eq!(end.at, deadline, "{seed}: the last pass is at the deadline");
                assert!(!failed, "{seed}: waited although the failure is permanent");
                let in_time = stable.is_some_and(|stable| stable + slack < deadline);
                assert!(!in_time || account.throttled.is_some(), "{seed}: {account:?}");
            }
            other => panic!("{seed}: {other:?}"),
        }
    }
    println!("connected, too late, permanent, deadline: {counts:?}");
    assert!(counts.iter().all(|count| *count > 5), "{counts:?}");
}

/// If each connection reaches a random front end, no finite number of requests is conclusive.
#[tokio::test]
async fn a_front_end_that_lags_is_rarely_missed() {
    for (count, most) in [(2, 0), (3, 1), (8, 30)] {
        let mut wrong = 0;
        for seed in 0..300 {
            fastrand::seed(seed);
            // The front ends learn of the role one after another, the last much later.
            let mut rng = Rng::with_seed(seed);
            let mut front_ends: Vec<_> = (0..count)
                .map(|_| {
                    let at = within(&mut rng, 2);
                    FrontEnd { flaps_from: at, settled: Some(at) }
                })
                .collect();
            let late = 5 * MINUTE;
            front_ends[0] = FrontEnd { flaps_from: late, settled: Some(late) };
            let mut account = Account::new(&ManualClock::auto_advancing(), front_ends);
            account.at_random = true;
            let end = wait(&account, WaitOptions::new(30 * MINUTE)).await;
            assert_eq!(end.reason, EndReason::Connected);
            wrong += usize::from(end.at < late);
        }
        println!("one of {count} front ends lags: {wrong} of 300 connected too early");
        assert!(wrong <= most, "{wrong} of 300 with {count}");
    }
}

#[tokio::test]
async fn a_role_that_changes_during_the_confirmation_is_noticed() {
    let clock = ManualClock::auto_advancing();
    let mut account = Account::sharp(&clock, Duration::ZERO);
    account.reads_until = Some(Duration::from_secs(10));
    let end = wait(&account, WaitOptions::new(MINUTE)).await;
    assert_eq!((end.reason, end.cause), (EndReason::Deadline, Some(Cause::ReadNotCovered)));
}

#[tokio::test]
async fn inferred_causes_and_renewed_tokens_are_retried_a_limited_number_of_times() {
    let lifetime = "The token is expired";
    let account = |status: u16, code| {
        let mut account = Account::sharp(&ManualClock::auto_advancing(), Duration::ZERO);
        account.failure = Some((Duration::ZERO, status, code));
        account
    };
    // As Azure reports it, with the detail that the body contains.
    let mut expired = account(401, "InvalidAuthenticationInfo");
    expired.detail = Some(azure_asset_sync::Detail::TokenLifetime);
    let end = wait(&expired, WaitOptions::new(30 * MINUTE)).await;
    assert_eq!(
        (end.reason, end.cause),
        (EndReason::Permanent, Some(Cause::TokenExpired)),
        "{lifetime}"
    );
    assert_eq!(end.attempts, 2, "each pass uses a new token");
}

#[tokio::test]
async fn a_deadline_that_passes_while_requests_succeed_is_reported() {
    let account = Account::sharp(&ManualClock::auto_advancing(), Duration::ZERO);
    let end = wait(&account, WaitOptions::new(Duration::from_secs(5))).await;
    assert_eq!(
        (end.reason, end.cause, end.at),
        (EndReason::Unconfirmed, None, Duration::from_secs(5))
    );
    let account = Account::sharp(&ManualClock::auto_advancing(), Duration::ZERO);
    let end = wait(&account, WaitOptions::new(Duration::ZERO)).await;
    assert_eq!((end.reason, end.attempts), (EndReason::Unconfirmed, 1));
    let account = Account::sharp(&ManualClock::auto_advancing(), Duration::ZERO);
    let end = wait(&account, WaitOptions::new(Duration::ZERO).successes(1)).await;
    assert_eq!((end.reason, end.attempts), (EndReason::Connected, 1));
    // The time starts at the first poll.
    let clock = ManualClock::auto_advancing();
    let account = Account::sharp(&clock, 30 * MINUTE);
    let probe = Probe::new(&connection(), account).clock(clock.clone());
    let waiting = probe.wait(WaitOptions::new(20 * MINUTE));
    clock.advance(25 * MINUTE);
    let ended = waiting.ended().await.unwrap();
    assert!(ended.is_connected(), "{}", ended.health);
}

#[tokio::test]
async fn a_permanent_cause_ends_the_wait_after_the_first_pass() {
    let rows = [
        (403, "AuthorizationFailure", Cause::Firewall),
        (403, "KeyBasedAuthenticationNotPermitted", Cause::KeysForbidden),
        (404, "ContainerNotFound", Cause::ContainerNotFound),
        (409, "ContainerDisabled", Cause::ContainerDisabled),
    ];
    for (status, code, cause) in rows {
        let mut account = Account::sharp(&ManualClock::auto_advancing(), Duration::ZERO);
        account.failure = Some((Duration::ZERO, status, code));
        let end = wait(&account, WaitOptions::new(30 * MINUTE)).await;
        assert_eq!((end.reason, end.cause), (EndReason::Permanent, Some(cause)));
        assert_eq!((end.attempts, end.at), (1, Duration::ZERO), "{code}");
    }
}

#[tokio::test]
async fn an_old_grant_needs_no_wait_and_no_confirmation() {
    let clock = ManualClock::auto_advancing();
    let old = clock.time() - 31 * MINUTE;
    let account = Account::sharp(&clock, 100 * MINUTE);
    let end = wait_since(&account, WaitOptions::new(20 * MINUTE), Some(old)).await;
    assert_eq!((end.reason, end.cause), (EndReason::Permanent, Some(Cause::AccessMissing)));
    assert_eq!(end.attempts, 1);

    let account = Account::sharp(&ManualClock::auto_advancing(), Duration::ZERO);
    let end = wait_since(&account, WaitOptions::new(MINUTE), Some(old)).await;
    assert_eq!((end.reason, end.attempts), (EndReason::Connected, 1));
    let account = Account::sharp(&ManualClock::auto_advancing(), Duration::ZERO);
    let end = wait(&account, WaitOptions::new(MINUTE)).await;
    assert_eq!(
        (end.reason, end.attempts),
        (EndReason::Connected, 20),
        "nobody knows how old it is"
    );
    let account = Account::sharp(&ManualClock::auto_advancing(), Duration::ZERO);
    let end = wait(&account, WaitOptions::new(MINUTE).successes(2)).await;
    assert_eq!((end.reason, end.attempts), (EndReason::Connected, 2));
}

#[tokio::test]
async fn retry_after_is_respected_up_to_a_maximum() {
    for (requested, expected) in [(60, 60), (120, 120), (3600, 120)] {
        let clock = ManualClock::auto_advancing();
        let mut account = Account::sharp(&clock, Duration::ZERO);
        account.throttled = Some((1, Duration::from_secs(requested)));
        let probe = Probe::new(&connection(), account).clock(clock);
        let mut events = probe.wait(WaitOptions::new(30 * MINUTE));
        let again = loop {
            if let WaitEvent::Retrying(again) = events.next().await.unwrap() {
                break again;
            }
        };
        assert_eq!(again.next_in, Duration::from_secs(expected), "requested {requested} s");
        assert_eq!(again.diagnosis.unwrap().cause, Cause::Throttled);
    }
}

#[tokio::test]
async fn pauses_respect_the_maximum_and_events_have_what_a_wizard_shows() {
    let clock = ManualClock::auto_advancing();
    let account = Account::sharp(&clock, 12 * MINUTE);
    let probe = Probe::new(&connection(), account).clock(clock.clone()).granted(clock.time());
    let cap = Duration::from_secs(20);
    let options = WaitOptions::new(20 * MINUTE).backoff(Backoff::new(Duration::from_secs(1), cap));
    let mut tiers = Vec::new();
    let mut attempt = 0;
    let mut events = probe.wait(options);
    while let Some(event) = events.next().await {
        let WaitEvent::Retrying(again) = event else { continue };
        attempt += 1;
        assert_eq!(again.attempt, attempt);
        assert!(again.next_in <= cap, "{again:?}");
        assert_eq!(again.left, 20 * MINUTE - clock.elapsed());
        if again.diagnosis.is_some() && tiers.last() != Some(&again.tier) {
            tiers.push(again.tier);
        }
        assert!(!again.to_string().contains('\n'), "{again}");
    }
    assert_eq!(tiers, [Tier::Usual, Tier::Documented, Tier::Worst]);
    assert!(events.next().await.is_none(), "no event follows the end");
}

#[tokio::test]
async fn a_dropped_wait_sends_no_more_requests() {
    let clock = ManualClock::auto_advancing();
    let account = Account::sharp(&clock, 5 * MINUTE);
    let probe = Probe::new(&connection(), account.clone()).clock(clock);
    let mut events = probe.wait(WaitOptions::new(30 * MINUTE));
    assert_eq!(
        account.state.lock().unwrap().requests,
        0,
        "no request is sent before the first poll"
    );
    while !matches!(events.next().await, Some(WaitEvent::Retrying(_))) {}
    let requests = account.state.lock().unwrap().requests;
    drop(events);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(account.state.lock().unwrap().requests, requests);
}

#[tokio::test]
async fn a_throttled_request_does_not_restart_the_confirmation() {
    let mut account = Account::sharp(&ManualClock::auto_advancing(), Duration::ZERO);
    account.throttled = Some((7, Duration::from_secs(1)));
    let end = wait(&account, WaitOptions::new(20 * MINUTE)).await;
    assert_eq!(end.reason, EndReason::Connected, "{:?} after {} passes", end.cause, end.attempts);
    assert!(end.attempts < 40, "{}", end.attempts);
}

/// The paused clock of the runtime.
#[derive(Debug)]
struct Held;

#[async_trait::async_trait]
impl azure_asset_sync::Clock for Held {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn time(&self) -> std::time::SystemTime {
        std::time::SystemTime::UNIX_EPOCH
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_wait_can_be_cancelled_during_a_pause() {
    let account = Account::sharp(&ManualClock::auto_advancing(), MINUTE);
    let probe = Probe::new(&connection(), account).clock(Held);
    let task = tokio::spawn(probe.wait(WaitOptions::new(MINUTE)).ended());
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!task.is_finished());
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn a_plain_store_is_probed_with_a_listing_and_a_read() {
    let clock = ManualClock::auto_advancing();
    let account = Account::sharp(&clock, Duration::ZERO);
    let health = Probe::of_store(&connection(), account.clone()).clock(clock).run().await;
    assert_eq!(health.outlook, Outlook::Ready, "{health}");
    assert_eq!(account.state.lock().unwrap().requests, 2);
}
