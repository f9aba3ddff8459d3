//! The acceptance kit (the example `acceptance`) reports each difference between a cloud and this
//! crate's assumptions, and its recordings can be replayed.
//!
//! `different` runs the kit against small clouds that each differ in one way, and checks that exactly
//! the expected lines report the difference. `redaction` replays the recordings of the kit, and checks
//! that they identify no account. `emulator` runs the kit against Azurite.

mod different;
mod emulator;
#[path = "../../examples/acceptance/kit/mod.rs"]
pub mod kit;
mod pseudonyms;
mod redaction;

use std::collections::BTreeSet;

use azure_asset_sync::{
    AzureStore, Connection, Credential,
    testing::{CorsRule, Seed, SmallCloud, SmallCloudBuilder, trust},
};
use kit::{Outcome, Report};

/// The origin that the CORS rule of these clouds allows.
const ORIGIN: &str = "https://vision.example";

/// Names that each order sorts differently.
const NAMES: &[&str] =
    &["B.jpg", "a.jpg", "c-1.jpg", "c/1.jpg", "c/2.jpg", "d.jpg", "e.jpg", "\u{e000}.jpg"];

fn seeds() -> Vec<Seed> {
    let mut seeds: Vec<_> = NAMES.iter().map(|name| Seed::new(*name, "content")).collect();
    seeds[0] = Seed::new(NAMES[0], "content").metadata("camera", "hall 3");
    seeds.push(Seed::new("f-empty.jpg", ""));
    seeds.push(Seed::new("\u{1f600}.jpg", "content"));
    seeds
}

fn rule(exposed: &str) -> CorsRule {
    CorsRule::new(ORIGIN)
        .methods(["GET", "HEAD", "OPTIONS"])
        .allowed_headers(["range", "x-ms-*"])
        .exposed_headers([exposed])
}

/// Returns a cloud without differences.
fn usual() -> SmallCloudBuilder {
    SmallCloud::builder().blobs(seeds()).cors(rule("Content-Range"))
}

async fn run(cloud: &SmallCloud) -> Report {
    run_as(cloud, cloud.credential()).await
}

async fn run_as(cloud: &SmallCloud, credential: Credential) -> Report {
    let connection = cloud.connection().build().unwrap();
    let store = open(&connection, cloud.certificate_authority(), credential);
    kit::run(&store, &connection, Some(ORIGIN)).await.unwrap()
}

fn open(connection: &Connection, authority: &str, credential: Credential) -> AzureStore {
    AzureStore::builder(connection)
        .policy(trust(connection))
        .certificate_authority(authority)
        .build(credential)
        .unwrap()
}

/// Returns the names of the lines with this outcome.
fn lines(report: &Report, outcome: Outcome) -> BTreeSet<&'static str> {
    report.lines.iter().filter(|line| line.outcome == outcome).map(|line| line.line).collect()
}
