//! Differential tests: the evaluator agrees with an independent evaluator on random conditions and
//! random requests, and conditions that `Limit` builds deny everything else.

use azure_asset_sync::{
    ContainerName, Prefix,
    condition::{Base, Condition, Limit, Request, ValueType},
};
use fastrand::Rng;

use crate::oracle::{Path, Side, Tree, World};

/// Attributes with the letter of their type.
const ATTRIBUTES: &[(Path, &str)] = &[
    (("Resource", "p/s0"), "s"),
    (("Request", "p/s1"), "s"),
    (("Principal", "p/n2"), "n"),
    (("Environment", "p/t3"), "t"),
    (("Resource", "p/b4"), "b"),
    (("Request", "p/g5"), "g"),
];
const STRINGS: &[&str] = &["'a'", "'A'", "'ab'", "'a*'", "'?b'", r"'a\*'", "'a*b?'", "''"];
const NUMBERS: &[&str] = &["1", "2", "-3", "40"];
const TIMES: &[&str] = &[
    "'2026-01-01T00:00:00.0Z'",
    "'2026-01-01T00:00:00.0000001Z'",
    "'2025-12-31T23:59:59.9999999Z'",
    "'2026-01-01T00:00:00Z'",
];
const BOOLS: &[&str] = &["true", "false"];
const GUIDS: &[&str] = &[
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "8E3AF657-A8FF-443C-A75C-2FE8C4BCB635",
    "0e3af657-a8ff-443c-a75c-2fe8c4bcb635",
];
const ACTIONS: &[&str] = &["Microsoft.X/a/read", "Microsoft.X/a/write", "Microsoft.X/b/read"];
const PATTERNS: &[&str] =
    &["Microsoft.X/a/read", "microsoft.x/A/*", "*/read", "*", "Microsoft.X/a", "x"];
const SUBOPERATIONS: &[&str] = &["Blob.List", "Other"];

fn values_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "s" => STRINGS,
        "n" => NUMBERS,
        "t" => TIMES,
        "b" => BOOLS,
        _ => GUIDS,
    }
}

fn kind_of(base: Base) -> &'static str {
    match base.value_type() {
        ValueType::String => "s",
        ValueType::Integer => "n",
        ValueType::DateTime => "t",
        ValueType::Bool => "b",
        _ => "g",
    }
}

fn some(rng: &mut Rng, from: &[&str], least: usize, most: usize) -> Vec<String> {
    (0..rng.usize(least..=most)).map(|_| from[rng.usize(..from.len())].to_owned()).collect()
}

fn tree(rng: &mut Rng, depth: usize) -> Tree {
    let parts = |rng: &mut Rng| (0..rng.usize(2..4)).map(|_| tree(rng, depth - 1)).collect();
    match rng.u8(..10) {
        0 if depth > 0 => Tree::Not(Box::new(tree(rng, depth - 1))),
        1 if depth > 0 => Tree::And(parts(rng)),
        2 if depth > 0 => Tree::Or(parts(rng)),
        3 => Tree::Action(some(rng, PATTERNS, 1, 2)),
        4 => Tree::SubOperation(some(rng, SUBOPERATIONS, 1, 2)),
        5 => Tree::Exists(ATTRIBUTES[rng.usize(..ATTRIBUTES.len())].0),
        _ => {
            let base = Base::ALL[rng.usize(..Base::ALL.len())];
            let kind = kind_of(base);
            let quantifier = (base.has_cross_product() && rng.bool()).then(|| rng.usize(..4));
            let own: Vec<Path> = ATTRIBUTES
                .iter()
                .filter(|(_, own)| *own == kind || kind == "s" || rng.u8(..8) == 0)
                .map(|(path, _)| *path)
                .collect();
            let side = |rng: &mut Rng| match rng.bool() && !own.is_empty() {
                true => Side::Attribute(own[rng.usize(..own.len())]),
                false if quantifier.is_some() => Side::Values(some(rng, values_of(kind), 0, 3)),
                false => Side::Values(some(rng, values_of(kind), 1, 1)),
            };
            let left = side(rng);
            Tree::Compare(left, quantifier, base, side(rng))
        }
    }
}

fn world(rng: &mut Rng) -> World {
    let mut world = World {
        action: ACTIONS[rng.usize(..ACTIONS.len())].to_owned(),
        suboperations: some(rng, SUBOPERATIONS, 0, 1),
        attributes: Vec::new(),
    };
    for (path, kind) in ATTRIBUTES {
        if rng.u8(..4) > 0 {
            let most = if rng.u8(..3) == 0 { 3 } else { 1 };
            world.attributes.push((*path, some(rng, values_of(kind), 1, most)));
        }
    }
    world
}

/// Returns how many requests a test makes, which the variable `CASES` sets, at least 10,000.
fn requests() -> usize {
    let cases = std::env::var("CASES").map_or(100_000, |cases| cases.parse().unwrap());
    cases.max(10_000)
}

/// Returns random numbers from the seed of a test plus the variable `SEED`.
fn random(seed: u64) -> Rng {
    let offset: u64 = std::env::var("SEED").map_or(0, |seed| seed.parse().unwrap());
    Rng::with_seed(seed + offset)
}

#[test]
fn two_evaluators_agree_on_random_requests() {
    let mut rng = random(20_261_124);
    let mut seen = [0_usize; 3];
    let requests = requests();
    for _ in 0..requests / 10 {
        let tree = tree(&mut rng, 4);
        let text = tree.print();
        let condition: Condition = text.parse().unwrap_or_else(|e| panic!("{e}\n{text}"));
        for _ in 0..10 {
            let world = world(&mut rng);
            let expected = world.truth(&tree);
            seen[usize::from(expected)] += 1;
            let ours = match condition.evaluate(&world.request()) {
                Some(false) => 0,
                None => 1,
                Some(true) => 2,
            };
            assert_eq!(ours, expected, "{text}\n{:?}", world.request());
        }
    }
    println!("false, undecided, true: {seen:?}");
    assert!(seen.iter().all(|count| *count > requests / 10), "{seen:?}");
}

const BLOBS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs";

#[test]
fn a_generated_condition_denies_everything_else() {
    let mut rng = random(7);
    let requests = requests();
    let containers = ["abc", "abd", "abc-other", "xabc", "$web"];
    let prefixes = ["", "p/", "p", "p/q/", "P/", "it\u{2019}s/", "a*/"];
    let names =
        ["", "p", "p/", "p/a", "p/q/a.jpg", "P/a", "pq", "/p/a", "it\u{2019}s/b", "a*/c", "ab/c"];
    let (mut allowed, mut denied) = (0, 0);
    // Twice as many as needed, because some prefixes are refused.
    for _ in 0..requests / 50 {
        let (container, prefix) =
            (containers[rng.usize(..4)], prefixes[rng.usize(..prefixes.len())]);
        let parsed: ContainerName = container.parse().unwrap();
        let Ok(within) = prefix.parse::<Prefix>() else { continue };
        let condition = Limit::container(&parsed).prefix(&within).condition().unwrap();
        for _ in 0..100 {
            let (at, name) =
                (containers[rng.usize(..containers.len())], names[rng.usize(..names.len())]);
            let request = Request::new(format!("{BLOBS}/read"))
                .resource("Microsoft.Storage/storageAccounts/blobServices/containers:name", at);
            let is_list = rng.bool();
            let (request, given) = match (is_list, rng.u8(..5)) {
                (true, 0) => (request.suboperation("Blob.List"), None),
                (true, _) => (
                    request.suboperation("Blob.List").request(&format!("{BLOBS}:prefix"), name),
                    Some(name),
                ),
                (false, _) => (request.resource(&format!("{BLOBS}:path"), name), Some(name)),
            };
            let inside = at == container
                && (prefix.is_empty() || given.is_some_and(|given| given.starts_with(prefix)));
            assert_eq!(condition.allows(&request), inside, "{condition}\n{request:?}");
            if inside { allowed += 1 } else { denied += 1 }
        }
    }
    println!("{allowed} allowed, {denied} denied");
    assert!(allowed + denied >= requests && allowed > requests / 10, "{allowed} {denied}");
}
