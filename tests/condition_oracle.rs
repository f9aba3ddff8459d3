//! Evaluation against another evaluator, which knows nothing of the first one's code: conditions as
//! trees that the test prints itself, three values as numbers, lists by their definition.

use azure_asset_sync::{
    ContainerName, Prefix,
    condition::{
        Base, Condition, Limit, Operator, Quantifier, Request, Source, Value, ValueType, Values,
    },
};
use fastrand::Rng;

/// False, undecided, true: `NOT` is `2 - x`, `AND` the least, `OR` the greatest
type Truth = u8;

#[derive(Clone, Debug)]
enum Tree {
    Not(Box<Tree>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Action(Vec<&'static str>),
    SubOperation(Vec<&'static str>),
    Exists(usize),
    Compare(Side, Option<usize>, usize, Side),
}

#[derive(Clone, Debug)]
enum Side {
    Attribute(usize),
    Values(Vec<&'static str>),
}

/// Attributes, each of a type; and values of that type as they stand in a condition
const ATTRIBUTES: &[(&str, &str)] = &[
    ("Resource", "s"),
    ("Request", "s"),
    ("Principal", "n"),
    ("Environment", "t"),
    ("Resource", "b"),
    ("Request", "g"),
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

fn some<T: Clone>(rng: &mut Rng, from: &[T], least: usize, most: usize) -> Vec<T> {
    (0..rng.usize(least..=most)).map(|_| from[rng.usize(..from.len())].clone()).collect()
}

fn tree(rng: &mut Rng, depth: usize) -> Tree {
    let parts = |rng: &mut Rng| (0..rng.usize(2..4)).map(|_| tree(rng, depth - 1)).collect();
    match rng.u8(..10) {
        0 if depth > 0 => Tree::Not(Box::new(tree(rng, depth - 1))),
        1 if depth > 0 => Tree::And(parts(rng)),
        2 if depth > 0 => Tree::Or(parts(rng)),
        3 => Tree::Action(some(rng, PATTERNS, 1, 2)),
        4 => Tree::SubOperation(some(rng, SUBOPERATIONS, 1, 2)),
        5 => Tree::Exists(rng.usize(..ATTRIBUTES.len())),
        _ => {
            let base = rng.usize(..Base::ALL.len());
            let kind = kind_of(Base::ALL[base]);
            let quantifier =
                (Base::ALL[base].has_cross_product() && rng.bool()).then(|| rng.usize(..4));
            let own: Vec<usize> =
                (0..ATTRIBUTES.len()).filter(|n| ATTRIBUTES[*n].1 == kind || kind == "s").collect();
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

fn list(texts: &[&str]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| format!("'{text}'")).collect();
    texts.join(", ")
}

impl Side {
    fn print(&self, as_list: bool) -> String {
        match self {
            Self::Attribute(n) => format!("@{}[p/{}{n}]", ATTRIBUTES[*n].0, ATTRIBUTES[*n].1),
            Self::Values(values) if as_list => format!("{{{}}}", values.join(",")),
            Self::Values(values) => values[0].to_owned(),
        }
    }
}

impl Tree {
    fn print(&self) -> String {
        let joined = |parts: &[Self], with: &str| {
            parts.iter().map(|part| format!("({})", part.print())).collect::<Vec<_>>().join(with)
        };
        match self {
            Self::Not(part) => format!("!({})", part.print()),
            Self::And(parts) => joined(parts, " AND "),
            Self::Or(parts) => joined(parts, " OR "),
            Self::Action(patterns) => format!("ActionMatches{{{}}}", list(patterns)),
            Self::SubOperation(names) => format!("SubOperationMatches{{{}}}", list(names)),
            Self::Exists(n) => format!("Exists {}", Side::Attribute(*n).print(false)),
            Self::Compare(left, quantifier, base, right) => {
                let operator = quantifier
                    .and_then(|q| Operator::cross(Quantifier::ALL[q], Base::ALL[*base]))
                    .unwrap_or(Operator::single(Base::ALL[*base]));
                let as_list = quantifier.is_some();
                format!("{} {operator} {}", left.print(as_list), right.print(as_list))
            }
        }
    }
}

struct World {
    action: &'static str,
    suboperations: Vec<&'static str>,
    /// For each attribute nothing, or its values
    attributes: Vec<Option<Vec<&'static str>>>,
}

impl World {
    fn new(rng: &mut Rng) -> Self {
        Self {
            action: ACTIONS[rng.usize(..ACTIONS.len())],
            suboperations: some(rng, SUBOPERATIONS, 0, 1),
            attributes: ATTRIBUTES
                .iter()
                .map(|(_, kind)| {
                    rng.u8(..4).gt(&0).then(|| {
                        let most = if rng.u8(..3) == 0 { 3 } else { 1 };
                        some(rng, values_of(kind), 1, most)
                    })
                })
                .collect(),
        }
    }

    fn request(&self) -> Request {
        let mut request = Request::new(self.action);
        for name in &self.suboperations {
            request = request.suboperation(*name);
        }
        for (n, values) in self.attributes.iter().enumerate() {
            let Some(values) = values else { continue };
            let source = match ATTRIBUTES[n].0 {
                "Resource" => Source::Resource,
                "Request" => Source::Request,
                "Principal" => Source::Principal,
                _ => Source::Environment,
            };
            let typed = values.iter().map(|value| match ATTRIBUTES[n].1 {
                "n" => Value::from(value.parse::<i64>().unwrap()),
                "b" => Value::from(*value == "true"),
                _ => Value::from(value.trim_matches('\'')),
            });
            let path = format!("p/{}{n}", ATTRIBUTES[n].1);
            request = request.attribute(source, &path, typed.collect::<Values>());
        }
        request
    }

    fn side<'a>(&'a self, side: &'a Side) -> Option<(Vec<&'a str>, &'static str)> {
        match side {
            Side::Attribute(n) => {
                self.attributes[*n].as_ref().map(|v| (v.clone(), ATTRIBUTES[*n].1))
            }
            Side::Values(values) => Some((values.clone(), "literal")),
        }
    }

    fn truth(&self, tree: &Tree) -> Truth {
        match tree {
            Tree::Not(part) => 2 - self.truth(part),
            Tree::And(parts) => parts.iter().map(|part| self.truth(part)).min().unwrap(),
            Tree::Or(parts) => parts.iter().map(|part| self.truth(part)).max().unwrap(),
            Tree::Action(patterns) => {
                2 * u8::from(patterns.iter().any(|pattern| {
                    let (pattern, action) = (pattern.to_lowercase(), self.action.to_lowercase());
                    glob(
                        &pattern.chars().collect::<Vec<_>>(),
                        &action.chars().collect::<Vec<_>>(),
                        false,
                    )
                }))
            }
            Tree::SubOperation(names) => {
                2 * u8::from(names.iter().any(|name| self.suboperations.contains(name)))
            }
            Tree::Exists(n) => 2 * u8::from(self.attributes[*n].is_some()),
            Tree::Compare(left, quantifier, base, right) => {
                let base = Base::ALL[*base];
                let (Some((left, of_left)), Some((right, of_right))) =
                    (self.side(left), self.side(right))
                else {
                    return 1;
                };
                // Numbers and truths are no texts.
                let no_text =
                    |kind| base.value_type() == ValueType::String && matches!(kind, "n" | "b");
                let undecided = no_text(of_left) || no_text(of_right);
                let one = |left: &str, right: &str| {
                    if undecided { 1 } else { 2 * u8::from(holds(base, left, right)) }
                };
                let with =
                    |left: &&str| right.iter().map(|right| one(left, right)).collect::<Vec<_>>();
                let any = |truths: Vec<Truth>| truths.into_iter().max().unwrap_or(0);
                let all = |truths: Vec<Truth>| truths.into_iter().min().unwrap_or(2);
                match quantifier {
                    None if left.len() != 1 || right.len() != 1 => 1,
                    None => one(left[0], right[0]),
                    Some(0) => any(left.iter().map(|l| any(with(l))).collect()),
                    Some(1) => all(left.iter().map(|l| any(with(l))).collect()),
                    Some(2) => any(left.iter().map(|l| all(with(l))).collect()),
                    Some(_) => all(left.iter().map(|l| all(with(l))).collect()),
                }
            }
        }
    }
}

/// Whether a pattern fits, by trying every length for each `*`
fn glob(pattern: &[char], text: &[char], with_one: bool) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['\\', c @ ('*' | '?'), rest @ ..] if with_one => {
            text.first() == Some(c) && glob(rest, &text[1..], with_one)
        }
        ['*', rest @ ..] => (0..=text.len()).any(|n| glob(rest, &text[n..], with_one)),
        ['?', rest @ ..] if with_one => !text.is_empty() && glob(rest, &text[1..], with_one),
        [c, rest @ ..] => text.first() == Some(c) && glob(rest, &text[1..], with_one),
    }
}

/// By the operator's name, as the documentation defines it
fn holds(base: Base, left: &str, right: &str) -> bool {
    let name = base.as_str();
    let (left, right) = (left.trim_matches('\''), right.trim_matches('\''));
    if let Some(positive) =
        ["NotEquals", "NotStartsWith", "NotLike"].iter().find(|n| name.contains(**n))
    {
        let twin = name.replace(positive, &positive[3..]);
        let twin = Base::ALL.iter().find(|base| base.as_str() == twin).unwrap();
        return !holds(*twin, left, right);
    }
    if name.starts_with("Numeric") || name.starts_with("DateTime") {
        let number = |text: &str| -> i128 {
            if let Ok(number) = text.parse() {
                return number;
            }
            // As digits, with the fraction filled to 7: the order of such numbers is that of time.
            let (time, fraction) = text
                .trim_end_matches('Z')
                .split_once('.')
                .unwrap_or((text.trim_end_matches('Z'), ""));
            let digits: String = time.chars().filter(char::is_ascii_digit).collect();
            format!("{digits}{fraction:0<7}").parse().unwrap()
        };
        let (left, right) = (number(left), number(right));
        return match name.trim_start_matches("Numeric").trim_start_matches("DateTime") {
            "Equals" => left == right,
            "GreaterThan" => left > right,
            "GreaterThanEquals" => left >= right,
            "LessThan" => left < right,
            _ => left <= right,
        };
    }
    let any_case =
        name.ends_with("IgnoreCase") || name.starts_with("Guid") || name.starts_with("Bool");
    let case = |text: &str| if any_case { text.to_lowercase() } else { text.to_owned() };
    let (left, right) = (case(left), case(right));
    if name.contains("StartsWith") {
        left.starts_with(&right)
    } else if name.contains("Like") {
        glob(&right.chars().collect::<Vec<_>>(), &left.chars().collect::<Vec<_>>(), true)
    } else {
        left == right
    }
}

#[test]
fn two_evaluators_agree_on_100_000_requests() {
    let mut rng = Rng::with_seed(20_261_124);
    let mut seen = [0_usize; 3];
    for _ in 0..10_000 {
        let tree = tree(&mut rng, 4);
        let text = tree.print();
        let condition: Condition = text.parse().unwrap_or_else(|e| panic!("{e}\n{text}"));
        for _ in 0..10 {
            let world = World::new(&mut rng);
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
    assert!(seen.iter().all(|count| *count > 10_000), "{seen:?}");
}

const BLOBS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs";

#[test]
fn what_is_made_denies_all_else_in_100_000_requests() {
    let mut rng = Rng::with_seed(7);
    let containers = ["abc", "abd", "abc-other", "xabc", "$web"];
    let prefixes = ["", "p/", "p", "p/q/", "P/", "it\u{2019}s/", "a*/"];
    let names =
        ["", "p", "p/", "p/a", "p/q/a.jpg", "P/a", "pq", "/p/a", "it\u{2019}s/b", "a*/c", "ab/c"];
    let (mut allowed, mut denied) = (0, 0);
    for _ in 0..2_000 {
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
    assert!(allowed + denied >= 100_000 && allowed > 10_000, "{allowed} {denied}");
}
