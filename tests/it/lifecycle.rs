//! The states of a connection follow the complete transition table, and its invariants hold for every
//! sequence of events.

use std::collections::BTreeSet;

use azure_asset_sync::{
    ErrorKind, Health, MemoryStore, Probe,
    lifecycle::{Event, State},
    probe::{Drift, EndReason, WaitOutcome},
    store::Blob,
};
use proptest::prelude::*;

/// The next state for each state (row) and event (column), in the order of `State::ALL` and `Event::ALL`.
const TABLE: [(&str, [&str; 14]); 11] = [
    // grant, test: started, noted, passed, failed, sync: started, succeeded, errors, failed,
    // cancelled, drift, edited, disconnected, reconnected
    (
        "draft",
        [
            "awaiting_grant",
            "testing",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "draft",
            "disconnected",
            "",
        ],
    ),
    (
        "awaiting_grant",
        [
            "awaiting_grant",
            "testing",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "draft",
            "disconnected",
            "",
        ],
    ),
    (
        "testing",
        [
            "",
            "",
            "propagating",
            "connected",
            "failed",
            "",
            "",
            "",
            "",
            "awaiting_grant",
            "",
            "draft",
            "disconnected",
            "",
        ],
    ),
    (
        "propagating",
        [
            "",
            "testing",
            "propagating",
            "connected",
            "failed",
            "",
            "",
            "",
            "",
            "awaiting_grant",
            "",
            "draft",
            "disconnected",
            "",
        ],
    ),
    (
        "connected",
        [
            "",
            "testing",
            "",
            "",
            "",
            "syncing",
            "",
            "",
            "",
            "",
            "drifted",
            "draft",
            "disconnected",
            "",
        ],
    ),
    (
        "syncing",
        [
            "",
            "",
            "",
            "",
            "",
            "",
            "synced",
            "synced_with_errors",
            "failed",
            "connected",
            "",
            "",
            "disconnected",
            "",
        ],
    ),
    (
        "synced",
        [
            "",
            "testing",
            "",
            "",
            "",
            "syncing",
            "",
            "",
            "",
            "",
            "drifted",
            "draft",
            "disconnected",
            "",
        ],
    ),
    (
        "synced_with_errors",
        [
            "",
            "testing",
            "",
            "",
            "",
            "syncing",
            "",
            "",
            "",
            "",
            "drifted",
            "draft",
            "disconnected",
            "",
        ],
    ),
    (
        "failed",
        [
            "awaiting_grant",
            "testing",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "draft",
            "disconnected",
            "",
        ],
    ),
    (
        "drifted",
        [
            "awaiting_grant",
            "testing",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "drifted",
            "draft",
            "disconnected",
            "",
        ],
    ),
    ("disconnected", ["", "", "", "", "", "", "", "", "", "", "", "", "", "awaiting_grant"]),
];

/// Returns the name of the next state, or an empty text if the event is not allowed.
fn expected(state: State, event: Event) -> &'static str {
    let row = TABLE.iter().find(|(name, _)| *name == state.as_str()).unwrap();
    row.1[Event::ALL.iter().position(|known| *known == event).unwrap()]
}

#[test]
fn every_event_in_every_state_follows_the_table() {
    assert_eq!((State::ALL.len(), Event::ALL.len()), (11, 14));
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
    assert_eq!(cells, 11 * 14);
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
        assert!(reached.contains(&State::Connected), "{state}");
        if state != State::Disconnected {
            assert_eq!(state.on(Event::Disconnected).unwrap(), State::Disconnected);
        }
    }
}

proptest! {
    #[test]
    fn no_sequence_of_events_breaks_an_invariant(choices in proptest::collection::vec(0..14_usize, 0..200)) {
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
                State::Connected | State::Syncing | State::Synced | State::SyncedWithErrors => tested,
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
    for (outlook, event) in
        [(Ready, Event::TestPassed), (Wait, Event::PropagationNoted), (Stop, Event::TestFailed)]
    {
        let mut health = healthy.clone();
        health.outlook = outlook;
        assert_eq!(Event::from(&health), event);
    }
    for (why, event) in [
        (EndReason::Connected, Event::TestPassed),
        (EndReason::Permanent, Event::TestFailed),
        (EndReason::Deadline, Event::PropagationNoted),
        (EndReason::Unconfirmed, Event::PropagationNoted),
    ] {
        let json = serde_json::json!({
            "reason": why, "health": healthy, "attempts": 1, "elapsed_ms": 1,
        });
        let ended: WaitOutcome = serde_json::from_value(json).unwrap();
        assert_eq!(Event::from(&ended), event);
    }
}

#[test]
fn only_a_deterioration_is_drift() {
    use azure_asset_sync::probe::Check::{List, Read};
    let better = [Drift::Mended(List), Drift::Narrowed(Read), Drift::ContainerPrivate];
    let worse = [
        Drift::AnotherContainer,
        Drift::RoleGone,
        Drift::Broken(List),
        Drift::Broadened(Read),
        Drift::ConditionLost,
        Drift::CorsLost,
        Drift::ContainerPublic,
        Drift::TenantChanged,
        Drift::PrincipalChanged,
    ];
    assert_eq!(Event::of_drift(&[]), None);
    assert_eq!(Event::of_drift(&better), None);
    for drift in worse {
        let mut all = better.to_vec();
        all.push(drift);
        assert_eq!(Event::of_drift(&all), Some(Event::DriftFound), "{all:?}");
    }
}
