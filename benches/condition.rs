//! The condition language: the condition that the portal's guide gives, parsed and evaluated.

use azure_asset_sync::condition::{Condition, Request};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

const READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
const NAME: &str = "Microsoft.Storage/storageAccounts/blobServices/containers:name";

fn text() -> String {
    format!(
        "(\n (\n  !(ActionMatches{{'{READ}'}})\n )\n OR\n (\n  @Resource[{NAME}] StringEquals 'training'\n )\n)"
    )
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    let text = text();
    bencher.bench(|| black_box(&text).parse::<Condition>());
}

#[divan::bench]
fn evaluate(bencher: Bencher<'_, '_>) {
    let condition: Condition = text().parse().unwrap();
    let request = Request::new(READ).resource(NAME, "training");
    bencher.bench(|| condition.allows(black_box(&request)));
}
