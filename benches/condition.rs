//! The condition language: the example condition of the portal's guide, parsed and evaluated, and
//! conditions of 1, 2, 4 and 8 KiB. `benches/instructions.sh` counts instructions instead of time.
//!
//! There is no peer to compare with. The nearest, regorus 0.14.1 with the feature `azure-rbac`,
//! parses 8 of the 59 valid conditions of `tests/data/conditions` as they are, and 34 after their
//! syntax is adapted (`NOT` instead of `!`, parentheses after functions, quoted GUIDs). It does not
//! parse lists with a quantifier or tag keys. For those 34 conditions and the 63 requests of the
//! test data, 1,635 decisions agree. In 463 cases regorus fails because an attribute is missing.
//! There this crate denies, or allows in 57 cases because of `… OR NOT Exists attribute`, the
//! documented idiom. 44 decisions differ, all of them for `NOT (attribute StringEquals 'x')`
//! without the attribute: regorus allows, and this crate denies.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a benchmark may panic"
)]

use azure_asset_sync::{
    Connection,
    condition::{Condition, Lint, Request},
    grant::Audit,
};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

const READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
const NAME: &str = "Microsoft.Storage/storageAccounts/blobServices/containers:name";

/// Returns the example condition.
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

/// Returns a condition of this many KiB: one clause repeated for different containers.
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
    // A different action, so that every clause is evaluated and allows the request.
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

/// Returns texts of this many KiB that are expensive for their length: patterns, lists, many short
/// parts.
fn hostile(kind: &str, kilobytes: usize) -> String {
    const BLOBS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs";
    let length = (kilobytes << 10) - 256;
    let fill =
        |part: &str, between: &str| vec![part; length / (part.len() + between.len())].join(between);
    match kind {
        "pattern" => format!("@Resource[{BLOBS}:path] StringLike '{}b'", fill("*a", "")),
        "paths" => {
            let paths = (0..length / 8).map(|n| format!("'{n:04}*'")).collect::<Vec<_>>().join(",");
            format!("@Resource[{BLOBS}:path] ForAnyOfAnyValues:StringLike {{{paths}}}")
        }
        "parts" => fill("Exists @Environment[UtcNow]", " OR "),
        _ => format!("ActionMatches{{{}}}", fill("'*/blobs/*/*/*/*/reax'", ",")),
    }
}

const KINDS: [&str; 4] = ["pattern", "paths", "parts", "actions"];

#[divan::bench(args = KINDS, consts = [2, 4, 8])]
fn lint_hostile<const KILOBYTES: usize>(bencher: Bencher<'_, '_>, kind: &str) {
    let text = hostile(kind, KILOBYTES);
    bencher.bench(|| Lint::new().check(black_box(&text)));
}

#[divan::bench(args = KINDS, consts = [2, 4, 8])]
fn audit_hostile<const KILOBYTES: usize>(bencher: Bencher<'_, '_>, kind: &str) {
    let condition: Condition = hostile(kind, KILOBYTES).parse().unwrap();
    let connection = Connection::builder("hall").account("smallcloud").container("training");
    let connection = connection
        .tenant("11111111-1111-4111-8111-111111111111")
        .prefix("a".repeat(500))
        .build()
        .unwrap();
    bencher.bench(|| Audit::of_condition(black_box(&connection), black_box(&condition)));
}
