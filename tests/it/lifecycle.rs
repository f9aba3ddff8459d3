//! The states of a connection follow the complete transition table, and its invariants hold for every
//! sequence of events.

use std::collections::BTreeSet;

use azure_asset_sync::{
    Error, ErrorKind, Health, MemoryStore, Probe,
    lifecycle::{Event, State},
    probe::{Cause, EndReason, Retry, WaitOutcome},
    store::Blob,
};
use proptest::prelude::*;

/// For each state, in the order of `State::ALL`: each next state, and the events that lead to it.
type Row = (&'static str, &'static [(&'static str, &'static [&'static str])]);

const TABLE: [Row; 16] = [
    (
        "draft",
        &[
            ("awaiting_grant", &["grant_issued"]),
            ("testing", &["test_started"]),
            ("draft", &["edited"]),
            ("disconnected", &["disconnected"]),
        ],
    ),
    (
        "awaiting_grant",
        &[
            ("awaiting_grant", &["grant_issued"]),
            ("testing", &["test_started"]),
            ("draft", &["edited"]),
            ("disconnected", &["disconnected"]),
        ],
    ),
    (
        "testing",
        &[
            ("propagating", &["propagation_noted"]),
            ("awaiting_grant", &["test_undecided", "cancelled"]),
            ("connected", &["test_passed"]),
            ("failed", &["test_failed"]),
            ("draft", &["edited"]),
            ("disconnected", &["disconnected"]),
        ],
    ),
    (
        "retesting",
        &[
            ("propagating", &["propagation_noted"]),
            ("connected", &["test_undecided", "test_passed", "cancelled"]),
            ("failed", &["test_failed"]),
            ("draft", &["edited"]),
            ("disconnected", &["disconnected"]),
        ],
    ),
    (
        "propagating",
        &[
            ("testing", &["test_started"]),
            ("propagating", &["propagation_noted", "test_undecided"]),
            ("connected", &["test_passed"]),
            ("failed", &["test_failed"]),
            ("awaiting_grant", &["cancelled"]),
            ("draft", &["edited"]),
            ("disconnected", &["disconnected"]),
        ],
    ),
    (
        "connected",
        &[
            ("retesting", &["test_started"]),
            ("syncing", &["sync_started"]),
            ("drifted", &["drift_found"]),
            ("draft", &["edited"]),
            ("disconnected", &["disconnected"]),
        ],
    ),
    (
        "syncing",
        &[
            ("synced", &["sync_succeeded"]),
            ("synced_with_errors", &["sync_had_errors"]),
            ("removals_withheld", &["sync_withheld_removals"]),
            ("sync_failed", &["sync_failed"]),
            ("syncing_elsewhere", &["sync_busy"]),
            ("sync_interrupted", &["sync_interrupted"]),
            ("failed", &["sync_lost_access"]),
            ("connected", &["cancelled"]),
            ("disconnected", &["disconnected"]),
        ],
    ),
    (
        "syncing_elsewhere",
        &[
            ("syncing", &["sync_started"]),
            ("synced", &["sync_succeeded"]),
            ("synced_with_errors", &["sync_had_errors"]),
            ("removals_withheld", &["sync_withheld_removals"]),
            ("sync_failed", &["sync_failed"]),
            ("syncing_elsewhere", &["sync_busy"]),
            ("sync_interrupted", &["sync_interrupted"]),
            ("failed", &["sync_lost_access"]),
            ("connected", &["cancelled"]),
            ("disconnected", &["disconnected"]),
        ],
    ),
    (
        "synced",
        &[
            ("retesting", &["test_started"]),
            ("syncing", &["sync_started"]),
            ("drifted", &["drift_found"]),
            ("draft", &["edited"]),
            ("disconnected", &["disconnected"]),
        ],
    ),
    (
        "synced_with_errors",
        &[
            ("retesting", &["test_started"]),
            ("syncing", &["sync_started"]),
            ("drifted", &["drift_found"]),
            ("draft", &["edited"]),
            ("disconnected", &["disconnected"]),
        ],
    ),
    (
        "removals_withheld",
        &[
            ("retesting", &["test_started"]),
            ("syncing", &["sync_started"]),
            ("drifted", &["drift_found"]),
            ("draft", &["edited"]),
            ("disconnected", &["disconnected"]),
        ],
    ),
    (
        "sync_failed",
        &[
            ("retesting", &["test_started"]),
            ("syncing", &["sync_started"]),
            ("drifted", &["drift_found"]),
            ("draft", &["edited"]),
            ("disconnected", &["disconnected"]),
        ],
    ),
    (
        "sync_interrupted",
        &[
            ("retesting", &["test_started"]),
            ("syncing", &["sync_started"]),
            ("drifted", &["drift_found"]),
            ("draft", &["edited"]),
            ("disconnected", &["disconnected"]),
        ],
    ),
    (
        "failed",
        &[
            ("awaiting_grant", &["grant_issued"]),
            ("testing", &["test_started"]),
            ("draft", &["edited"]),
            ("disconnected", &["disconnected"]),
        ],
    ),
    (
        "drifted",
        &[
            ("awaiting_grant", &["grant_issued"]),
            ("testing", &["test_started"]),
            ("drifted", &["drift_found"]),
            ("draft", &["edited"]),
            ("disconnected", &["disconnected"]),
        ],
    ),
    ("disconnected", &[("awaiting_grant", &["reconnected"])]),
];

/// Returns the name of the next state, or an empty text if the event is not allowed.
fn expected(state: State, event: Event) -> &'static str {
    let (_, next) = TABLE.iter().find(|(name, _)| *name == state.as_str()).unwrap();
    next.iter().find(|(_, events)| events.contains(&event.as_str())).map_or("", |(next, _)| next)
}

#[test]
fn every_event_in_every_state_follows_the_table() {
    assert_eq!((State::ALL.len(), Event::ALL.len()), (16, 19));
    for (state, (name, _)) in State::ALL.iter().zip(TABLE) {
        assert_eq!(state.as_str(), name);
        for &event in Event::ALL {
            let next = state.on(event);
            let found = next.as_ref().map_or("", |next| next.as_str());
            assert_eq!(found, expected(*state, event), "{state} on {event}");
            assert_eq!(state.events().any(|known| known == event), next.is_ok());
            if let Err(error) = next {
                assert_eq!(error.kind(), ErrorKind::Config);
                assert!(!error.is_transient());
                let text = error.to_string();
                for part in [state.as_str(), event.as_str()] {
                    assert!(text.contains(&format!("`{part}`")), "{text}");
                }
                let (_, can) = text.split_once("possible events are ").unwrap();
                let named: Vec<_> = can.split(", ").collect();
                let events: Vec<_> = state.events().map(Event::as_str).collect();
                assert_eq!(named, events);
            }
        }
    }
}

#[test]
fn the_documentation_has_the_same_table() {
    let source = include_str!("../../src/lifecycle.rs");
    let mut columns: Vec<&str> = Vec::new();
    let mut cells = 0;
    for line in source.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let row: Vec<_> = line.trim_end_matches(" |").split(" | ").collect();
        match row[0] {
            "from" => columns = row[1..].to_vec(),
            "---" => {}
            state => {
                let state = state.trim_matches('`');
                let state = State::ALL.iter().find(|known| known.as_str() == state).unwrap();
                for (event, cell) in columns.iter().zip(&row[1..]) {
                    let event = Event::ALL.iter().find(|known| known.as_str() == *event).unwrap();
                    let cell = if *cell == "–" { "" } else { cell };
                    assert_eq!(cell, expected(*state, *event), "{state} on {event}");
                    cells += 1;
                }
            }
        }
    }
    assert_eq!(cells, 16 * 19);
}

/// Returns all states that can be reached from this state, including the state itself.
fn reached(from: State) -> BTreeSet<State> {
    let mut found = BTreeSet::from([from]);
    let mut todo = vec![from];
    while let Some(state) = todo.pop() {
        for event in state.events() {
            let next = state.on(event).unwrap();
            if found.insert(next) {
                todo.push(next);
            }
        }
    }
    found
}

#[test]
fn every_state_can_be_reached_from_a_draft_and_can_be_disconnected_and_reconnected() {
    assert_eq!(State::default(), State::Draft);
    assert_eq!(reached(State::Draft).len(), State::ALL.len());
    for &state in State::ALL {
        let reached = reached(state);
        assert!(reached.contains(&State::Disconnected), "{state}");
        assert!(reached.contains(&State::Synced), "{state} is a dead end");
        if state != State::Disconnected {
            assert_eq!(state.on(Event::Disconnected).unwrap(), State::Disconnected);
        }
    }
}

/// The states of a connection whose last test has passed, and that can be synced.
const WORKING: [State; 6] = [
    State::Connected,
    State::Synced,
    State::SyncedWithErrors,
    State::RemovalsWithheld,
    State::SyncFailed,
    State::SyncInterrupted,
];

#[test]
fn only_a_lasting_problem_leads_to_failed_or_drifted() {
    let lasting = [Event::TestFailed, Event::SyncLostAccess, Event::DriftFound];
    for &state in State::ALL {
        for event in state.events() {
            let next = state.on(event).unwrap();
            let is_bad = matches!(next, State::Failed | State::Drifted);
            assert_eq!(is_bad, lasting.contains(&event), "{state} on {event}");
            // Nothing but a lasting problem, an edit or a disconnection takes away what a test has shown.
            let takes_away = [Event::Edited, Event::Disconnected, Event::PropagationNoted];
            if WORKING.contains(&state) && !lasting.contains(&event) && !takes_away.contains(&event)
            {
                let others = [State::Retesting, State::Syncing];
                assert!(WORKING.contains(&next) || others.contains(&next), "{state} on {event}");
            }
        }
    }
}

#[test]
fn a_test_that_decides_nothing_leaves_a_working_connection_as_it_is() {
    for state in WORKING {
        for event in [Event::TestUndecided, Event::Cancelled] {
            let after = state.on(Event::TestStarted).unwrap().on(event).unwrap();
            assert_eq!(after.on(Event::SyncStarted).unwrap(), State::Syncing, "{state} on {event}");
        }
    }
    // A connection that has never worked still has to be tested.
    for state in [State::Draft, State::AwaitingGrant, State::Failed, State::Drifted] {
        let after = state.on(Event::TestStarted).unwrap().on(Event::TestUndecided).unwrap();
        assert!(after.on(Event::SyncStarted).is_err() && after.on(Event::TestStarted).is_ok());
    }
}

#[test]
fn each_error_of_a_sync_has_an_event_and_a_way_back() {
    use ErrorKind::*;
    let lost = [
        HostRefused,
        TenantMismatch,
        TenantNotFound,
        CredentialRejected,
        Unauthenticated,
        PermissionDenied,
        AccountNotFound,
        ContainerNotFound,
    ];
    let not_lost = [
        Config,
        CredentialUnavailable,
        BlobNotFound,
        BlobChanged,
        RangeNotSatisfiable,
        BadRequest,
        Unreachable,
        Untrusted,
        Throttled,
        Unavailable,
        Timeout,
        Truncated,
        UnexpectedAnswer,
        TooLarge,
        RepeatedMarker,
        OutOfOrder,
        Sink,
        State,
        StateInvalid,
    ];
    use azure_asset_sync::lifecycle::State as S;
    for kind in lost.into_iter().chain(not_lost).chain([StateBusy]) {
        let error = Error::new(kind, "it failed");
        let event = Event::from(&error);
        assert_eq!(Event::of_sync_error(kind), event);
        for running in [S::Syncing, S::SyncingElsewhere] {
            let after = running.on(event).unwrap();
            if lost.contains(&kind) {
                assert!(!error.is_transient(), "{kind:?}");
                assert_eq!(after, S::Failed, "{kind:?}");
                let tested = after.on(Event::TestStarted).unwrap().on(Event::TestPassed).unwrap();
                assert_eq!(tested.on(Event::SyncStarted).unwrap(), S::Syncing, "{kind:?}");
            } else {
                let busy = kind == StateBusy;
                assert_eq!(after, if busy { S::SyncingElsewhere } else { S::SyncFailed });
                assert_eq!(after.on(Event::SyncStarted).unwrap(), S::Syncing, "{kind:?}");
            }
        }
    }
    // A process that died in mid-sync.
    let after = S::Syncing.on(Event::SyncInterrupted).unwrap();
    assert_eq!(after, S::SyncInterrupted);
    assert_eq!(after.on(Event::SyncStarted).unwrap(), S::Syncing);
}

proptest! {
    #[test]
    fn no_sequence_of_events_breaks_an_invariant(choices in proptest::collection::vec(0..Event::ALL.len(), 0..200)) {
        let mut state = State::default();
        let mut tested = false;
        for choice in choices {
            let event = Event::ALL[choice];
            let next = state.on(event);
            prop_assert_eq!(next.as_ref().map_or("", |next| next.as_str()), expected(state, event));
            // A forbidden event changes nothing.
            state = next.unwrap_or(state);
            // A sync needs a test that has passed since the last edit, failure, drift or disconnection.
            tested = match state {
                State::Connected if event == Event::TestPassed => true,
                state if WORKING.contains(&state) => tested,
                State::Retesting | State::Syncing | State::SyncingElsewhere => tested,
                _ => false,
            };
            prop_assert!(state != State::Syncing || tested);
        }
    }
}

#[test]
fn names_are_stable_in_json() {
    for &state in State::ALL {
        let json = serde_json::to_string(&state).unwrap();
        assert_eq!(json, format!("\"{state}\""));
        assert_eq!(serde_json::from_str::<State>(&json).unwrap(), state);
    }
    for &event in Event::ALL {
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(json, format!("\"{event}\""));
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }
    assert_eq!(serde_json::from_str::<State>("\"Draft\"").unwrap(), State::Other);
}

async fn health() -> Health {
    let connection = azure_asset_sync::Connection::builder("c")
        .account("contosovision")
        .container("training")
        .build()
        .unwrap();
    let store = MemoryStore::from_iter([Blob::new("a.jpg", 1)]);
    Probe::of_store(&connection, store).run().await
}

#[tokio::test]
async fn the_result_of_a_probe_is_an_event() {
    use azure_asset_sync::probe::Outlook::{Ready, Stop, Wait};
    let healthy = health().await;
    let because = |cause: Cause| {
        let json = serde_json::json!({ "cause": cause, "confidence": "certain" });
        Some(serde_json::from_value(json).unwrap())
    };
    for (outlook, event) in
        [(Ready, Event::TestPassed), (Wait, Event::PropagationNoted), (Stop, Event::TestFailed)]
    {
        let mut health = healthy.clone();
        health.outlook = outlook;
        assert_eq!(Event::from(&health), event);
    }
    for &cause in Cause::ALL {
        let mut health = healthy.clone();
        (health.outlook, health.diagnosis) = (Wait, because(cause));
        let is_transient = cause.retry() == Retry::Transient;
        let event = if is_transient { Event::TestUndecided } else { Event::PropagationNoted };
        assert_eq!(Event::from(&health), event, "{cause}");
    }
    for (why, cause, event) in [
        (EndReason::Connected, None, Event::TestPassed),
        (EndReason::Permanent, Some(Cause::Firewall), Event::TestFailed),
        (EndReason::Deadline, Some(Cause::AccessMissing), Event::PropagationNoted),
        (EndReason::Deadline, Some(Cause::Throttled), Event::TestUndecided),
        (EndReason::Unconfirmed, None, Event::PropagationNoted),
    ] {
        let mut health = healthy.clone();
        health.diagnosis = cause.and_then(because);
        let json = serde_json::json!({
            "reason": why, "health": health, "attempts": 1, "elapsed_ms": 1,
        });
        let ended: WaitOutcome = serde_json::from_value(json).unwrap();
        assert_eq!(Event::from(&ended), event);
    }
}
