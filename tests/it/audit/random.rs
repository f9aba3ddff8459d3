//! Random requests never contradict the rows of an audit of a random condition.

use std::collections::{BTreeMap, BTreeSet};

use azure_asset_sync::{
    Connection,
    condition::{Base, Condition, Request, ValueType},
    grant::{Audit, Decision},
};
use fastrand::Rng;

use crate::oracle::{Path, Side, Tree, World};

macro_rules! blobs {
    ($end:literal) => {
        concat!("Microsoft.Storage/storageAccounts/blobServices/containers/blobs", $end)
    };
}

const READ: &str = blobs!("/read");
const ACCOUNT: Path = ("Resource", "Microsoft.Storage/storageAccounts:name");
const CONTAINER: Path =
    ("Resource", "Microsoft.Storage/storageAccounts/blobServices/containers:name");
const PATH: Path = ("Resource", blobs!(":path"));
const PREFIX: Path = ("Request", blobs!(":prefix"));
const CURRENT: Path = ("Resource", blobs!(":isCurrentVersion"));
const VERSION: Path = ("Request", blobs!(":versionId"));
const SNAPSHOT: Path = ("Request", blobs!(":snapshot"));

/// Attributes of reads only; the constants below have those of lists and of both.
const OF_READS: &[Path] = &[
    ("Resource", blobs!("/tags:Project<$key_case_sensitive$>")),
    ("Resource", blobs!("/tags&$keys$&")),
    ("Resource", "Microsoft.Storage/storageAccounts/encryptionScopes:name"),
];
const OF_LISTS: &[Path] = &[("Request", blobs!(":include"))];
const OF_BOTH: &[Path] = &[
    ("Environment", "UtcNow"),
    ("Environment", "isPrivateLink"),
    ("Environment", "Microsoft.Network/virtualNetworks/subnets"),
    ("Resource", "Microsoft.Storage/storageAccounts:isHnsEnabled"),
    ("Principal", "Microsoft.Directory/CustomSecurityAttributes/Id:Staff_Level"),
    ("Resource", "Microsoft.Storage/notYetKnown:name"),
];

const STRINGS: &[&str] = &[
    "'training'",
    "'other'",
    "'p'",
    "'px'",
    "'secret'",
    "'Training'",
    "'hall-3/'",
    "'hall-3/a.jpg'",
    "'HALL-3/'",
    "'hall-3'",
    "'a.jpg'",
    "'hall-30/'",
    "'x'",
    "''",
    "'metadata'",
    "'true'",
    "'7'",
];
const PATTERNS: &[&str] = &[
    "'p*'",
    "'hall-?/*'",
    "'*.jpg'",
    "'*'",
    "'?'",
    "'tra*ng'",
    r"'\*'",
    "'*3*'",
    "'[a-z]*'",
    "'*a*a*'",
    "'hall-3/*'",
    "'??????*'",
    "'o?her'",
];
const TIMES: &[&str] = &[
    "'2026-01-01T00:00:00.0Z'",
    "'2026-01-01T00:00:00.0000001Z'",
    "'2030-12-31T23:59:59.9999999Z'",
];
const GUIDS: &[&str] =
    &["8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "0e3af657-a8ff-443c-a75c-2fe8c4bcb635"];
const NUMBERS: &[&str] = &["1", "2", "-3", "7"];
const TRUTHS: &[&str] = &["true", "false"];

fn one<T: Clone>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())].clone()
}

fn literal(rng: &mut Rng, base: Base) -> String {
    let pool = match base.value_type() {
        ValueType::String if base.as_str().contains("Like") && rng.u8(..4) > 0 => PATTERNS,
        ValueType::String => STRINGS,
        ValueType::Integer => NUMBERS,
        ValueType::DateTime => TIMES,
        ValueType::Bool => TRUTHS,
        _ => GUIDS,
    };
    one(rng, pool).to_owned()
}

fn attribute(rng: &mut Rng) -> Path {
    match rng.u8(..20) {
        0..=4 => CONTAINER,
        5..=8 => PATH,
        9..=11 => PREFIX,
        12 => one(rng, &[CURRENT, VERSION, SNAPSHOT, ACCOUNT]),
        13..=14 => one(rng, OF_READS),
        15 => one(rng, OF_LISTS),
        _ => one(rng, OF_BOTH),
    }
}

/// Returns a base operator that probably fits the type of the attribute.
fn base(rng: &mut Rng, attribute: Path) -> Base {
    let value_type = match attribute.1 {
        "UtcNow" => ValueType::DateTime,
        _ if attribute == VERSION || attribute == SNAPSHOT => ValueType::DateTime,
        "isPrivateLink" => ValueType::Bool,
        path if path.ends_with("Enabled") || path.ends_with("isCurrentVersion") => ValueType::Bool,
        _ => ValueType::String,
    };
    let any = rng.u8(..8) == 0;
    let own: Vec<Base> =
        Base::ALL.iter().copied().filter(|base| any || base.value_type() == value_type).collect();
    one(rng, &own)
}

fn comparison(rng: &mut Rng) -> Tree {
    let attribute = attribute(rng);
    if rng.u8(..8) == 0 {
        return Tree::Exists(attribute);
    }
    let base = base(rng, attribute);
    let quantifier = (base.has_cross_product() && rng.u8(..3) == 0).then(|| rng.usize(..4));
    let other = match (quantifier, rng.u8(..16)) {
        (_, 0) => Side::Attribute(self::attribute(rng)),
        (None, _) => Side::Values(vec![literal(rng, base)]),
        (Some(_), _) => Side::Values((0..rng.usize(..4)).map(|_| literal(rng, base)).collect()),
    };
    let attribute = Side::Attribute(attribute);
    let (left, right) = if rng.u8(..8) == 0 { (other, attribute) } else { (attribute, other) };
    Tree::Compare(left, quantifier, base, right)
}

fn limits(rng: &mut Rng, depth: usize) -> Tree {
    let parts = |rng: &mut Rng| (0..rng.usize(2..4)).map(|_| limits(rng, depth - 1)).collect();
    match rng.u8(..10) {
        0..=2 if depth > 0 => Tree::And(parts(rng)),
        3..=5 if depth > 0 => Tree::Or(parts(rng)),
        6 if depth > 0 => Tree::Not(Box::new(limits(rng, depth - 1))),
        _ if rng.u8(..20) == 0 => Tree::SubOperation(vec!["Blob.List".to_owned()]),
        _ => comparison(rng),
    }
}

/// Returns a random condition: some as people write them, some that nobody writes.
fn condition(rng: &mut Rng) -> Tree {
    let read = || Tree::Action(vec![READ.to_owned()]);
    let list = || Tree::SubOperation(vec!["Blob.List".to_owned()]);
    let not = |tree| Tree::Not(Box::new(tree));
    match rng.u8(..6) {
        0 => limits(rng, 3),
        1 | 2 => Tree::And(vec![
            Tree::Or(vec![not(Tree::And(vec![read(), not(list())])), limits(rng, 2)]),
            Tree::Or(vec![not(Tree::And(vec![read(), list()])), limits(rng, 2)]),
        ]),
        _ => Tree::Or(vec![not(read()), limits(rng, 2)]),
    }
}

/// Collects the values in a condition, and similar texts.
fn literals(tree: &Tree, found: &mut BTreeSet<String>) {
    match tree {
        Tree::Not(part) => literals(part, found),
        Tree::And(parts) | Tree::Or(parts) => {
            parts.iter().for_each(|part| literals(part, found));
        }
        Tree::Compare(left, _, _, right) => {
            for side in [left, right] {
                if let Side::Values(values) = side {
                    found.extend(values.iter().cloned());
                }
            }
        }
        Tree::Action(_) | Tree::SubOperation(_) | Tree::Exists(_) => {}
    }
}

/// Returns values for requests: those in the condition, and similar ones.
fn pool(tree: &Tree) -> Vec<String> {
    let mut found = BTreeSet::new();
    literals(tree, &mut found);
    for value in found.clone() {
        if let Some(text) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            let plain = text.replace('\\', "");
            let shorter: String = plain.chars().skip(1).collect();
            for near in [
                plain.replace('*', "").replace('?', "x"),
                plain.replace('*', "xa").replace('?', "a"),
                plain.to_lowercase(),
                plain.to_uppercase(),
                format!("{plain}x"),
                format!("hall-3/{plain}"),
                format!("{plain}.jpg"),
                shorter,
                plain,
            ] {
                found.insert(format!("'{near}'"));
            }
        } else if let Ok(number) = value.parse::<i64>() {
            found.extend([number - 1, number + 1].map(|number| number.to_string()));
        }
    }
    found.extend(["'x'", "'a.jpg'", "true", "false", "'true'", "0"].map(str::to_owned));
    found.extend(["'2025-12-31T23:59:59.9999999Z'", "'2040-01-01T00:00:00Z'"].map(str::to_owned));
    found.into_iter().collect()
}

/// Returns a random request that some row covers.
fn world(rng: &mut Rng, pool: &[String], prefix: &str) -> World {
    let texts: Vec<&str> =
        pool.iter().filter_map(|value| value.strip_prefix('\'')?.strip_suffix('\'')).collect();
    let is_list = rng.u8(..3) == 0;
    let mut world = World { action: READ.to_owned(), ..World::default() };
    let mut set = |path: Path, value: String| world.attributes.push((path, vec![value]));
    set(ACCOUNT, "'contoso'".to_owned());
    let is_name = |name: &&str| {
        !name.is_empty() && name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '$'))
    };
    let names: Vec<&str> = texts.iter().copied().filter(is_name).collect();
    let container = match rng.u8(..10) {
        0..=3 => "training",
        4 => "zzz",
        _ => one(rng, &names),
    };
    set(CONTAINER, format!("'{container}'"));
    let text = |rng: &mut Rng| {
        let text = one(rng, &texts);
        if rng.u8(..3) == 0 { format!("{prefix}{text}") } else { text.to_owned() }
    };
    if is_list {
        if rng.u8(..4) > 0 {
            set(PREFIX, format!("'{}'", text(rng)));
        }
    } else {
        let path = text(rng);
        set(PATH, format!("'{}'", if path.is_empty() { "a".to_owned() } else { path }));
        let time = one(rng, TIMES).to_owned();
        match rng.u8(..5) {
            0 => {
                set(CURRENT, "false".to_owned());
                set(VERSION, time);
            }
            1 => {
                set(CURRENT, "false".to_owned());
                set(SNAPSHOT, time);
            }
            _ => set(CURRENT, "true".to_owned()),
        }
    }
    if is_list {
        world.suboperations.push("Blob.List".to_owned());
    } else if rng.u8(..8) == 0 {
        world.suboperations.push("Blob.Read.WithTagConditions".to_owned());
    }
    for path in OF_BOTH.iter().chain(if is_list { OF_LISTS } else { OF_READS }) {
        if rng.bool() {
            let count = if rng.u8(..6) == 0 { rng.usize(..4) } else { 1 };
            let values = (0..count).map(|_| one(rng, pool)).collect();
            world.attributes.push((*path, values));
        }
    }
    world
}

fn text_of(world: &World, path: Path) -> Option<&str> {
    let [value] = world.get(path)? else { return None };
    value.strip_prefix('\'')?.strip_suffix('\'')
}

/// Returns the words of the row that covers a request.
fn row(audit: &Audit, world: &World, prefix: &str) -> String {
    let container = text_of(world, CONTAINER).unwrap();
    let has_rows = |name: &str| {
        let words = format!("properties and metadata of `{name}`");
        audit.rows.iter().any(|row| row.request == words)
    };
    let is_list = world.suboperations.iter().any(|name| name == "Blob.List");
    if !has_rows(container) {
        return if is_list { "list another container" } else { "read a blob of another container" }
            .to_owned();
    }
    if is_list {
        return match text_of(world, PREFIX) {
            None => format!("list `{container}`, no prefix"),
            Some(requested) if requested.starts_with(prefix) => {
                format!("list `{container}`, prefix `{prefix}…`")
            }
            Some(_) => format!("list `{container}`, another prefix"),
        };
    }
    if !text_of(world, PATH).unwrap().starts_with(prefix) {
        return format!("read another blob of `{container}`");
    }
    let what = match (container, world.get(VERSION), world.get(SNAPSHOT)) {
        ("training", Some(_), None) => "an old version of ",
        ("training", None, Some(_)) => "a snapshot of ",
        _ => "",
    };
    format!("read {what}`{container}/{prefix}…`")
}

/// Converts the example of a row for the reference evaluator.
fn example(request: &Request) -> World {
    let json = serde_json::to_value(request).unwrap();
    let known = [ACCOUNT, CONTAINER, PATH, PREFIX, CURRENT, VERSION, SNAPSHOT];
    let known = known.iter().chain(OF_READS).chain(OF_LISTS).chain(OF_BOTH);
    let mut world = World { action: request.action().to_owned(), ..World::default() };
    world.suboperations = request.suboperations().to_vec();
    for path in known {
        // Keys of tags keep their letter case; everything else is in lower case.
        let key = match path.1.split_once(':') {
            Some((head, key)) if key.ends_with('>') => format!("{}:{key}", head.to_lowercase()),
            _ => path.1.to_lowercase(),
        };
        let written = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => format!("'{text}'"),
            other => other.to_string(),
        };
        match &json[path.0.to_lowercase()][&key] {
            serde_json::Value::Null => {}
            serde_json::Value::Array(values) => {
                world.attributes.push((*path, values.iter().map(written).collect()));
            }
            value => world.attributes.push((*path, vec![written(value)])),
        }
    }
    world
}

fn connection(prefix: &str) -> Connection {
    let builder = Connection::builder("hall 3").account("contoso").container("training");
    builder.prefix(prefix).build().unwrap()
}

/// Returns the number of conditions from `CASES`. The default is small, because every build runs the test.
fn cases(least: usize) -> usize {
    std::env::var("CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(least)
}

#[test]
fn no_request_contradicts_a_row() {
    const REQUESTS: usize = 40;
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_130);
    let mut rng = Rng::with_seed(seed);
    let mut seen: BTreeMap<(Decision, bool), usize> = BTreeMap::new();
    let (mut examples, mut unproved) = (0, 0);
    for n in 0..cases(1_000) {
        let tree = condition(&mut rng);
        let text = tree.print();
        let condition: Condition = text.parse().unwrap_or_else(|e| panic!("{e}\n{text}"));
        let prefix = ["hall-3/", "", "hall-3"][n % 3];
        let connection = connection(prefix);
        let audit = Audit::of_condition(&connection, &condition);
        for row in &audit.rows {
            let Some(request) = &row.example else {
                unproved += usize::from(row.decision == Decision::MayBeAllowed);
                continue;
            };
            examples += 1;
            let world = example(request);
            assert_eq!(row.decision, Decision::MayBeAllowed, "{text}\n{audit}");
            assert!(condition.allows(request), "{text}\n{row:?}");
            assert_eq!(world.truth(&tree), 2, "{text}\n{row:?}");
            assert_eq!(self::row(&audit, &world, prefix), row.request, "{text}\n{row:?}");
        }
        let pool = pool(&tree);
        for _ in 0..REQUESTS {
            let world = world(&mut rng, &pool, prefix);
            let is_allowed = world.truth(&tree) == 2;
            let request = world.request();
            assert_eq!(condition.allows(&request), is_allowed, "{text}\n{request:?}");
            let words = row(&audit, &world, prefix);
            let row = audit.rows.iter().find(|row| row.request == words);
            let row = row.unwrap_or_else(|| panic!("no row `{words}`\n{text}\n{audit}"));
            *seen.entry((row.decision, is_allowed)).or_default() += 1;
            let contradicts = match row.decision {
                Decision::Denied => is_allowed,
                Decision::Allowed => !is_allowed,
                _ => false,
            };
            assert!(!contradicts, "case {n}\n{text}\n{request:?}\n{row:?}\n{audit}");
        }
    }
    println!("{seen:?}; {examples} examples; {unproved} rows without proof or example");
    // Only comparisons of incompatible types, and patterns from the request, remain without proof.
    assert!(unproved * 20 < examples, "{unproved} of {examples}");
}
