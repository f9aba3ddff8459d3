//! The acceptance kit, which is the example `acceptance`: each line both ways against the small
//! cloud, and its recording.
//!
//! `different` lists, for each way in which a cloud can differ, the lines that say so; all others
//! must stay as they are. `recording` replays what the kit records, and looks for what it must not
//! hold. `emulator` runs the kit against Azurite.

mod different;
mod emulator;
#[path = "../../examples/acceptance/kit/mod.rs"]
mod kit;
mod pseudonyms;
mod redaction;

use std::collections::BTreeSet;

use azure_asset_sync::{
    AzureStore, Connection, Credential,
    testing::{CorsRule, Seed, SmallCloud, SmallCloudBuilder, trust},
};
use kit::{Outcome, Report};

/// The origin that the rule of the clouds here allows
const ORIGIN: &str = "https://vision.example";

/// Names that tell the orders apart, with a folder and an empty blob
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

/// A cloud that differs in nothing that it has
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

/// The lines with this outcome
fn lines(report: &Report, outcome: Outcome) -> BTreeSet<&'static str> {
    report.lines.iter().filter(|line| line.outcome == outcome).map(|line| line.line).collect()
}
