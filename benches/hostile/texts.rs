//! Texts that customers enter (connections, filters, conditions), and state files that were
//! tampered with.

use azure_asset_sync::{
    Blob, Connection, MemoryStore, Prefix, Preview, Rules, Scan,
    condition::{Condition, Lint},
    grant::Audit,
    testing::TestDisk,
    validate::{Filter, FilterBuilder},
};
use serde_json::json;

use crate::{
    measure::{KIB, MIB, Table, outcome},
    tampered::{Parts, bomb, scan},
};

/// Measures all attacks of this file.
pub fn measure(table: &mut Table) {
    connections(table);
    filters(table);
    matches(table);
    conditions(table);
    manifests(table);
}

/// Measures connections with very long fields.
fn connections(table: &mut Table) {
    let base = || {
        json!({
            "name": "x", "account": "contoso", "container": "training",
            "cloud": { "custom": { "endpoint": "https://x.test" } },
        })
    };
    let long = "x".repeat(8 * MIB);
    let mut texts = Vec::new();
    for field in ["name", "account", "container", "tenant", "prefix", "client_id", "unknown"] {
        let mut connection = base();
        connection[field] = long.clone().into();
        texts.push((format!("connection: {field} of 8 MiB"), connection.to_string()));
    }
    let mut connection = base();
    connection["cloud"]["custom"]["endpoint"] = format!("https://{long}").into();
    texts.push(("connection: endpoint of 8 MiB".to_owned(), connection.to_string()));
    texts.push(("connection: 8 MiB of brackets".to_owned(), "[".repeat(8 * MIB)));
    for (name, text) in texts {
        // At most eight copies of the text.
        table.call(&name, 8 * text.len(), || {
            let result = serde_json::from_str::<Connection>(&text);
            let shown = outcome(result.as_ref(), |_| "taken".to_owned());
            (result, shown)
        });
    }
}

/// Measures filters that are as large, or as slow to build, as a customer can make them.
fn filters(table: &mut Table) {
    let many =
        |pattern: &str, count: usize| json!({ "include_regex": vec![pattern; count] }).to_string();
    let globs =
        |pattern: &str, count: usize| json!({ "include": vec![pattern; count] }).to_string();
    let numbered = |make: &dyn Fn(usize) -> String, list: &str| {
        json!({ list: (0..100).map(make).collect::<Vec<_>>() }).to_string()
    };
    let braces = "{a,b}".repeat(8) + &"?".repeat(955);
    for (name, text) in [
        ("braces, 100 KB", globs(&braces, 100)),
        ("braces, 8 deep", globs(&format!("{}{}", "{a,".repeat(8), "}".repeat(8)), 100)),
        ("10,000 characters of globs", globs(&"*?".repeat(80), 100)),
        ("globs with stars", numbered(&|n| format!("*{n:02}*{n:02}*?*{n:02}*"), "include")),
        ("globs, no case", {
            let globs: Vec<_> = (0..100).map(|n| format!("*\u{130}{n}*\u{df}?[a-z]*")).collect();
            json!({ "include": globs, "ignore_case": true }).to_string()
        }),
        ("[ab]*a[ab]{300} 100 times", many("[ab]*a[ab]{300}c", 100)),
        ("[ab]*a[ab]{10}c 100 times", many("[ab]*a[ab]{10}c", 100)),
        ("[ab]*a[ab]{13}c", many("[ab]*a[ab]{13}c", 1)),
        ("distinct automata", numbered(&|n| format!("[ab]*a[ab]{{7}}c{n}"), "include_regex")),
        ("\\w{60}", many("\\w{60}", 1)),
        ("\\w+ 60 times", many("\\w+x\\d", 60)),
        ("\\p{L} without case", many("(?i)\\p{L}+\\p{Lu}\\p{Ll}", 20)),
        ("repetitions of repetitions", many("(?:(?:a{100}){100}){100}", 1)),
        ("49,000 parts", many("(?:a{700}){70}", 1)),
        ("alternatives", {
            let words: Vec<_> = (0..180).map(|n| format!("{n:x}a")).collect();
            many(&words.join("|"), 16)
        }),
        ("word boundaries", many("\\b(a|b)*\\b.{40}\\b", 40)),
        ("1 MiB of text", many(&"a".repeat(MIB), 1)),
        ("100,000 patterns", many("[", 100_000)),
    ] {
        let limit = 8 * MIB + 8 * text.len();
        table.call(&format!("filter: {name}"), limit, || {
            let result = serde_json::from_str::<Filter>(&text);
            let shown = outcome(result.as_ref(), |_| "taken".to_owned());
            (result, shown)
        });
    }
}

/// Returns filters that are slow to match.
fn slow() -> Vec<(&'static str, FilterBuilder)> {
    let filter = Filter::builder;
    let hundred = (0..100).fold(filter(), |filter, n| filter.exclude(format!("*thumb-{n:02}*")));
    vec![
        ("230 states", filter().exclude_regex("[ab]*a[ab]{230}c")),
        ("a table", filter().exclude_regex("[ab]*a[ab]{10}c")),
        ("100 globs", hundred),
        ("stars", filter().exclude(format!("*{}", "a*".repeat(100)))),
        ("extensions", (0..100).fold(filter(), |filter, n| filter.format(format!("x{n}")))),
    ]
}

/// Measures pages of names that are slow to match.
fn matches(table: &mut Table) {
    let mut rng = fastrand::Rng::with_seed(3);
    let mut name = |n: usize, length: usize| {
        let letters = (0..length).map(|_| if rng.bool() { 'a' } else { 'b' });
        format!("{n:05}{}.jpg", letters.collect::<String>())
    };
    let names: Vec<_> = (0..5000).map(|n| name(n, 1000)).collect();
    for (what, builder) in slow() {
        let Ok(filter) = builder.build() else {
            println!("filter {what}: refused");
            continue;
        };
        let count = if what == "230 states" { 200 } else { names.len() };
        let scan = || {
            let blobs = names.iter().take(count).map(|name| Blob::new(name.as_str(), 1));
            let rules = Rules::default().filter(filter.clone());
            Scan::new(blobs.collect::<MemoryStore>(), &Prefix::default()).rules(rules)
        };
        let limit = 47 * MIB + 27 * MIB;
        table.future(&format!("match: {what}, {count} names of 1 KiB, a scan"), limit, || {
            let scan = scan();
            async move { outcome(scan.run(()).await, |report| format!("{} blobs", report.total())) }
        });
        table.future(&format!("match: {what}, {count} names of 1 KiB, a preview"), limit, || {
            let preview = Preview::new(scan());
            async move { outcome(preview.run().await, |_| "a report".to_owned()) }
        });
        table.future(&format!("match: {what}, {count} names of 1 KiB, a job"), limit, || {
            let (disk, scan) = (TestDisk::new(2500), scan());
            async move {
                outcome(disk.job(scan).run(()).await, |s| format!("{} added", s.counts.added))
            }
        });
    }
}

const BLOBS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs";

/// Returns conditions of up to `most` bytes that are expensive to parse or to audit.
fn condition_texts(most: usize) -> Vec<(&'static str, String)> {
    let fill = |open: &str, part: &dyn Fn(usize) -> String, joined: &str, close: &str, most| {
        let (mut text, mut n) = (format!("{open}{}", part(0)), 1);
        while text.len() + joined.len() + part(n).len() + close.len() <= most {
            text = format!("{text}{joined}{}", part(n));
            n += 1;
        }
        text + close
    };
    let action = format!("!(ActionMatches{{'{BLOBS}/read'}})");
    let read = format!("!(ActionMatches{{'{BLOBS}/read'}} AND SubOperationMatches{{'Blob.List'}})");
    let path = |n: usize| format!("@Resource[{BLOBS}:path] StringLike '{n}*'");
    let prefix = |n: usize| format!("@Request[{BLOBS}:prefix] StringStartsWith 'p{n}'");
    let tag =
        |n: usize| format!("@Resource[{BLOBS}/tags:t{n}<$key_case_sensitive$>] StringEquals '{n}'");
    let list =
        |values: &str| format!("@Resource[{BLOBS}:path] ForAnyOfAnyValues:StringLike {{{values}}}");
    let star = |n: usize| format!("'*{n}?*a*'");
    vec![
        ("OR of paths", fill(&format!("({action} OR "), &path, " OR ", ")", most)),
        ("AND of prefixes", fill(&format!("({read} OR ("), &prefix, " AND ", "))", most)),
        ("distinct tags", fill(&format!("({action} OR "), &tag, " OR ", ")", most)),
        (
            "mixed",
            fill(
                &format!("({action} OR "),
                &|n| match n % 3 {
                    0 => format!("({} AND {})", path(n), tag(n)),
                    1 => format!("NOT ({} AND {})", prefix(n), path(n)),
                    _ => format!("({} OR {})", tag(n), prefix(n)),
                },
                " OR ",
                ")",
                most,
            ),
        ),
        ("a list of values", {
            let open = list("").trim_end_matches('}').to_owned();
            fill(&format!("({action} OR {open}"), &star, ", ", "})", most)
        }),
        (
            "clauses",
            fill("", &|n| format!("({action} OR {} OR {})", path(n), prefix(n)), " AND ", "", most),
        ),
        ("parentheses", format!("{}{action}{}", "(".repeat(most / 3), ")".repeat(most / 3))),
        ("not not", format!("{}{action}", "NOT ".repeat(most / 5))),
        (
            "a long value",
            format!("({action} OR {})", list(&format!("'{}'", "*a".repeat(most / 3)))),
        ),
        ("no text", "\u{0}".repeat(most)),
        ("quotes", "'".repeat(most)),
    ]
}

/// Measures conditions of up to 16 Ki characters, the most that is parsed.
fn conditions(table: &mut Table) {
    let path = |n: usize| format!("@Resource[{BLOBS}:path] StringLike '{n}*'");
    let connection = Connection::builder("x").account("contoso").container("training");
    let connection = connection.prefix("hall-3/").build().unwrap();
    for (length, most) in [("8 KB", 8 << 10), ("16 Ki", 16 << 10)] {
        for (name, text) in condition_texts(most) {
            let limit = 32 * MIB;
            table.call(&format!("condition of {length}, {name}: parse"), limit, || {
                let result = text.parse::<Condition>();
                let shown = outcome(result.as_ref(), |_| "taken".to_owned());
                (result, shown)
            });
            table.call(&format!("condition of {length}, {name}: lint"), limit, || {
                let found = Lint::new().check(&text);
                let shown = format!("{} findings", found.len());
                (found, shown)
            });
            let Ok(condition) = text.parse::<Condition>() else { continue };
            table.call(&format!("condition of {length}, {name}: audit"), limit, || {
                let audit = Audit::of_condition(&connection, &condition);
                let shown = format!("{} rows", audit.rows.len());
                (audit, shown)
            });
            table.call(&format!("condition of {length}, {name}: explain"), limit, || {
                let text = condition.explain();
                let shown = format!("{} bytes", text.len());
                (text, shown)
            });
        }
    }
    let long = path(1).repeat(10 * MIB / path(1).len());
    table.call("condition of 10 MiB: parse", MIB, || {
        let result = long.parse::<Condition>();
        let shown = outcome(result.as_ref(), |_| "taken".to_owned());
        (result, shown)
    });
    table.call("condition of 10 MiB: lint", MIB, || {
        let found = Lint::new().check(&long);
        let shown = format!("{} findings", found.len());
        (found, shown)
    });
}

/// Measures manifests that claim, or decompress to, much more than they contain.
fn manifests(table: &mut Table) {
    let row = "{\"name\":\"a\",\"size\":0}\n";
    for (name, rows, count) in [
        ("rows of 200 MiB", row.repeat(10_000_000), 10_000_000),
        ("spaces of 1 GiB", " ".repeat(1 << 30), 1),
        (
            "a name of 200 MiB",
            format!("{{\"name\":\"{}\",\"size\":0}}\n", "n".repeat(200 * MIB)),
            1,
        ),
        ("16 MiB of rows in a block", row.repeat(700_000), 5000),
        ("5,001 rows in a block", row.repeat(5001), 5001),
    ] {
        let title = format!("manifest: {name}, a job");
        if !table.wants(&title) {
            continue;
        }
        let (frame, block) = bomb(&rows, count);
        drop(rows);
        let parts = Parts { frames: vec![frame], blocks: json!([block]), ..Parts::new() };
        let file = parts.file(true);
        let tampered = || {
            let disk = TestDisk::new(10);
            crate::tampered::block_on(disk.job(scan(30)).run(())).unwrap();
            disk.damage("manifest.jsonl.zst", |bytes| bytes.clone_from(&file));
            disk
        };
        let disk = tampered();
        table.call(&format!("manifest: {name}, rows"), 24 * MIB, || {
            let result = disk.manifest().and_then(|manifest| {
                manifest
                    .into_iter()
                    .flat_map(|m| m.rows())
                    .find_map(Result::err)
                    .map_or(Ok(()), Err)
            });
            let shown = outcome(result.as_ref(), |()| "read".to_owned());
            (result, format!("{shown} ({} KiB)", file.len() / KIB))
        });
        table.future(&title, 24 * MIB, || {
            let disk = tampered();
            async move { outcome(disk.job(scan(29)).run(()).await, |_| "ran".to_owned()) }
        });
    }
}
