//! The condition language: the condition that the portal's guide gives, parsed and evaluated.

use azure_asset_sync::condition::{Condition, Lint, Request};
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

/// A condition of so many KB: the same clause again and again, for another container each time
fn long(kilobytes: usize) -> String {
    let mut text = text();
    for n in 0.. {
        let clause = self::text().replace("training", &format!("training-{n}"));
        if text.len() + clause.len() + 5 > kilobytes << 10 {
            break;
        }
        text.push_str("\nAND\n");
        text.push_str(&clause);
    }
    text
}

#[divan::bench(args = [1, 2, 4, 8])]
fn parse_kilobytes(bencher: Bencher<'_, '_>, kilobytes: usize) {
    let text = long(kilobytes);
    bencher.bench(|| black_box(&text).parse::<Condition>());
}

#[divan::bench(args = [1, 2, 4, 8])]
fn evaluate_kilobytes(bencher: Bencher<'_, '_>, kilobytes: usize) {
    // Another action: each clause is looked at, and lets the request through.
    let condition: Condition = long(kilobytes).parse().unwrap();
    let request =
        Request::new("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write");
    bencher.bench(|| condition.allows(black_box(&request)));
}

#[divan::bench(args = [1, 2, 4, 8])]
fn lint_kilobytes(bencher: Bencher<'_, '_>, kilobytes: usize) {
    let text = long(kilobytes);
    bencher.bench(|| Lint::new().check(black_box(&text)));
}
