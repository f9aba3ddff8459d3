//! The recordings of the kit can be replayed, and do not identify the account.

use std::collections::BTreeSet;

use azure_asset_sync::{
    store::{NameOrder, Page},
    testing::{Behavior, Fault, Quirk, Refusal, Seed, SmallCloud},
};
use fastrand::Rng;

use super::{kit::Report, rule, run, usual};
use crate::recordings::{
    expectations::Expectations,
    lists,
    recording::{self, Kind, Recording},
    replay::Replay,
};

/// Replays a recording as `tests/it/recordings.rs` does.
pub async fn replay(text: &str) -> Vec<Recording> {
    let recordings = recording::parse(text);
    let expectations = Expectations::in_recordings(&recordings);
    let replay = Replay::start().await;
    for recording in &recordings {
        if recording.kind == Kind::List {
            assert_eq!(lists::difference(&replay, recording).await, None);
        } else {
            let found = replay.outcome(recording).await;
            assert_eq!(found, expectations.of(recording), "{}", recording.id);
        }
    }
    recordings
}

#[tokio::test]
async fn the_recording_replays() {
    let mut quirks = vec![None];
    quirks.extend([Quirk::NoCodeHeader, Quirk::OtherServer, Quirk::EmptyBlobRangeOk].map(Some));
    for quirk in quirks {
        let builder = usual().versioned().blob(Seed::new("g\u{1}&<\r\u{fffe}.jpg", "x"));
        let cloud = quirk.into_iter().fold(builder, |b, quirk| b.quirk(quirk)).start().await;
        let report = run(&cloud.unwrap()).await;
        assert_eq!(report.withheld, 0, "{quirk:?}");
        let recordings = replay(&report.recording).await;
        for kind in [Kind::List, Kind::Read, Kind::Error, Kind::Challenge] {
            assert!(recordings.iter().any(|recording| recording.kind == kind), "{kind:?}");
        }
    }
}

/// Returns a random word, which no text of the service contains.
fn word(rng: &mut Rng) -> String {
    let letters = (0..rng.usize(8..16)).map(|_| rng.char('a'..='z'));
    let word: String = letters.collect();
    if rng.bool() { word } else { format!("{}{}", word[..1].to_uppercase(), &word[1..]) }
}

fn no_secret(text: &str, secrets: &BTreeSet<String>) {
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "{secret:?} is in:\n{text}");
    }
}

/// Returns everything that the kit prints and records.
fn shown(report: &Report) -> String {
    super::kit::table(&report.lines)
        + &serde_json::to_string(&report.lines).unwrap()
        + &report.recording
}

#[tokio::test]
async fn a_recording_does_not_identify_the_account() {
    let mut rng = Rng::with_seed(5);
    let orders = [NameOrder::Utf16, NameOrder::Segments, NameOrder::Unsorted, NameOrder::Bytes];
    for (round, order) in orders.into_iter().cycle().take(12).enumerate() {
        let mut secrets = BTreeSet::new();
        let mut secret = |rng: &mut Rng| {
            let word = word(rng);
            secrets.insert(word.clone());
            word
        };
        let mut seeds = Vec::new();
        for n in 0..12 {
            let (folder, name) = (secret(&mut rng), secret(&mut rng));
            let content = if n == 0 { String::new() } else { secret(&mut rng) };
            let seed = Seed::new(format!("{folder}/{name} {n}.{}", secret(&mut rng)), content)
                .content_type(format!("image/{}", secret(&mut rng)))
                .content_language(secret(&mut rng))
                .content_disposition(format!("attachment; filename=\"{}\"", secret(&mut rng)))
                .cache_control(secret(&mut rng))
                .content_md5(rng.u128(..).to_be_bytes())
                .metadata(secret(&mut rng), secret(&mut rng))
                .listed("Owner", secret(&mut rng))
                .listed("EncryptionScope", secret(&mut rng));
            seeds.push(seed);
        }
        let mut behavior = Behavior::default();
        behavior.order = order;
        let cloud = SmallCloud::builder()
            .blobs(seeds)
            .behavior(behavior)
            .versioned()
            .cors(rule("Content-Range"))
            .start()
            .await
            .unwrap();
        // A text that the service echoes in the responses to the second and later requests.
        let name = secrets.first().unwrap().clone();
        let echo =
            format!("{name} {} {} smallcloud 203.0.113.7", cloud.secret(), cloud.signature());
        cloud.inject(Fault::Slow { chunk: usize::MAX, pause: std::time::Duration::ZERO });
        for code in ["AuthenticationFailed", "InvalidHeaderValue"] {
            let refusal = Refusal::new(403, code)
                .message(format!("Refused to {echo}."))
                .detail(format!("String to sign used was r\n/blob/smallcloud/assets/{name} {echo}"))
                .element("HeaderValue", echo.clone())
                .element(name.clone(), name.clone());
            cloud.inject(Fault::Refuse(refusal));
        }
        let report = run(&cloud).await;
        secrets.extend(cloud.tokens());
        secrets.extend(cloud.delegation_keys());
        secrets.extend(
            [cloud.tenant(), cloud.client_id(), cloud.object_id(), cloud.secret()]
                .map(str::to_owned),
        );
        let others = [cloud.signature(), "smallcloud", "assets", "127.0.0.1", "203.0.113.7"];
        secrets.extend(others.map(str::to_owned));
        no_secret(&shown(&report), &secrets);
        // Replaying takes most of the time, so not every round is replayed.
        if round >= orders.len() {
            continue;
        }
        let recordings = replay(&report.recording).await;
        let lists = recordings.iter().filter(|recording| recording.kind == Kind::List);
        assert!(lists.count() > 5, "{}", report.recording);
    }
}

#[tokio::test]
async fn the_names_of_a_recording_sort_like_those_of_the_account() {
    for order in [NameOrder::Utf16, NameOrder::SegmentsUtf16, NameOrder::Bytes] {
        let mut behavior = Behavior::default();
        behavior.order = order;
        let cloud = usual().behavior(behavior).start().await.unwrap();
        let report = run(&cloud).await;
        let first = &recording::parse(&report.recording)[0];
        let page = Page::from_xml(first.body.as_bytes()).unwrap();
        let sorted = |order: NameOrder| {
            let mut pairs = page.blobs.windows(2);
            pairs.all(|pair| order.compare(&pair[0].name, &pair[1].name).is_lt())
        };
        for other in [NameOrder::Utf16, NameOrder::SegmentsUtf16, NameOrder::Bytes] {
            assert_eq!(sorted(other), other == order, "{order:?} read as {other:?}");
        }
    }
}
