//! Recorded responses of the real service are read as expected.
//!
//! Every response is served over TLS on a loopback port, so that transport, SDK, decoder, errors and
//! diagnosis are tested together. Two files are replayed:
//!
//! - `tests/data/recordings.jsonl`: responses written for this project in the format of the real
//!   service. Always replayed. Each has its expectation in the field `expect`.
//! - The file that the environment variable `RECORDINGS` names, by default
//!   `../shared/recordings/recordings.jsonl`: real responses, anonymized. They are not part of this
//!   repository. If the default file is absent, the test says so and replays nothing. Expectations
//!   are in `tests/data/recordings_expected.txt`, by the recording's id.
//!
//! Listings of up to `CASES` bytes (200) are split at every position, longer ones at `CASES` / 10
//! random positions.
//!
//! # Format
//!
//! One JSON object a line:
//!
//! | field | content |
//! | --- | --- |
//! | `id` | unique in its file, without blanks |
//! | `source` | where it was recorded |
//! | `kind` | `list`, `read`, `error`, `challenge`, `token` or `arm` (see below) |
//! | `method` | method of the recorded request |
//! | `status` | HTTP status; `0` for `arm` if only the text is known |
//! | `headers` | headers of the response, in any letter case |
//! | `body` | body of the response as text; can be truncated for `read` |
//! | `body_base64_head` | optional, for `read`: start of a body that is not text |
//! | `note` | anything that a reader should know |
//! | `expect` | the expected result, as below; empty for `list` |
//!
//! Replace account names, GUIDs, signatures and everything else that points to a customer before
//! you send a recording. Length and shape of a value should stay the same.
//!
//! # Expectations
//!
//! - `list`: none. The page is compared field by field with what a general XML library reads.
//! - `read`: `ok` and the number of bytes, or an error as below. The bytes served are `body`,
//!   repeated up to `Content-Length`. The request is for the range that was recorded; if the range
//!   ends at the end of the blob, for ten bytes more.
//! - `error`: the error of a listing, of a read and of a probe, which must all be the same:
//!   `kind status code detail transience id cause confidence`, where `-` is none, transience is
//!   `transient` or `final`, and `id` or `no-id` says whether the error has the request ID.
//! - `challenge`: the same, then `tenant` or `no-tenant` for whether the account's tenant is found.
//! - `token`: the same for a refused sign-in.
//! - `arm`: cause and confidence of the diagnosis of the pasted body, then the refused action if the
//!   body names it; `unknown` if there is no diagnosis.

pub mod expectations;
pub mod lists;
pub mod recording;
pub mod replay;

use std::{env, io::Write as _, path::PathBuf};

use azure_asset_sync::ErrorKind;

use self::{
    expectations::Expectations,
    recording::{Kind, Recording},
    replay::Replay,
};
use crate::acceptance::kit::outcome;

#[tokio::test]
async fn responses_in_the_format_of_the_real_service_are_read_as_expected() {
    let recordings = recording::parse(include_str!("../data/recordings.jsonl"));
    let expectations = Expectations::in_recordings(&recordings);
    check(&recordings, &expectations).await;
    for kind in Kind::ALL {
        assert!(recordings.iter().any(|recording| recording.kind == *kind), "no {kind:?}");
    }
}

#[tokio::test]
async fn recordings_of_the_real_service_are_read_as_expected() {
    let given = env::var_os("RECORDINGS").map(PathBuf::from);
    let usual =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/recordings/recordings.jsonl");
    if given.is_none() && !usual.exists() {
        say("NOTHING WAS REPLAYED: no recordings of the real service; set RECORDINGS=<file>");
        return;
    }
    let path = given.unwrap_or(usual);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("recordings {}: {error}", path.display()));
    let recordings = recording::parse(&text);
    let expectations = Expectations::by_id(include_str!("../data/recordings_expected.txt"));
    check(&recordings, &expectations.or_in_recordings(&recordings)).await;
}

#[tokio::test]
async fn the_tenant_is_found_although_the_account_refuses_anonymous_requests() {
    let recordings = recording::parse(include_str!("../data/recordings.jsonl"));
    let named = |id| recordings.iter().find(|recording| recording.id == id).unwrap();
    let (refusal, challenge) =
        (named("challenge-public-access"), named("challenge-malformed-token"));
    let replay = Replay::start().await;
    let tenant = replay.tenant(refusal, challenge).await.unwrap();
    assert!(challenge.header("www-authenticate").unwrap().contains(tenant.as_str()));
    let error = replay.tenant(refusal, refusal).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::TenantNotFound, Some("PublicAccessNotPermitted"))
    );
}

/// Prints a line that is visible even if the test passes.
fn say(line: &str) {
    // The harness hides the output of `println!` unless the test fails.
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}

/// Replays all recordings, and panics with all differences at once.
async fn check(recordings: &[Recording], expectations: &Expectations) {
    let replay = Replay::start().await;
    let mut differences = Vec::new();
    for recording in recordings {
        if recording.kind == Kind::List {
            differences.extend(lists::difference(&replay, recording).await);
            continue;
        }
        let found = replay.outcome(recording).await;
        let expected = expectations.of(recording);
        if found != expected {
            differences
                .push(format!("{}\n  expected {expected}\n  found    {found}", recording.id));
        }
    }
    let count = |kind| recordings.iter().filter(|recording| recording.kind == kind).count();
    say(&format!(
        "{} lists, {} reads, {} errors, {} challenges, {} tokens, {} arm: {}",
        count(Kind::List),
        count(Kind::Read),
        count(Kind::Error),
        count(Kind::Challenge),
        count(Kind::Token),
        count(Kind::Arm),
        if differences.is_empty() { "all as expected" } else { "NOT ALL AS EXPECTED" },
    ));
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}
