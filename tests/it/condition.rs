//! The condition language agrees with documented conditions and documented decisions, and a printed
//! condition parses to the same condition.

use azure_asset_sync::condition::{
    Base, Condition, Layout, MAX_DEPTH, Operator, Quantifier, Request, Source, Value,
};
use proptest::prelude::*;
use serde_json::Value as Json;

fn rows(text: &str) -> Vec<Json> {
    serde_json::from_str(text).unwrap()
}

fn examples() -> Vec<Json> {
    rows(include_str!("../data/conditions/examples.json"))
}

#[test]
fn documented_conditions_parse_and_print_again() {
    let mut read = 0;
    for row in examples().iter().filter(|row| row["kind"] != "invalid") {
        let text = row["condition"].as_str().unwrap();
        let condition: Condition =
            text.parse().unwrap_or_else(|e| panic!("{}: {e}\n{text}", row["id"]));
        for layout in [Layout::Portal, Layout::OneLine] {
            let printed = condition.print(layout);
            assert_eq!(
                printed.parse::<Condition>().unwrap(),
                condition,
                "{}: {printed}",
                row["id"]
            );
            assert_eq!(printed.parse::<Condition>().unwrap().print(layout), printed);
        }
        read += 1;
    }
    assert_eq!(read, 49);
}

#[test]
fn decisions_agree_with_the_documentation() {
    let examples = examples();
    let (mut decided, mut elsewhere) = (0, Vec::new());
    for row in rows(include_str!("../data/conditions/decisions.json")) {
        // Many rows have no condition: it is the example of the same document.
        let of_source = || {
            let mut same = examples.iter().filter(|e| e["source"] == row["source"]);
            let example = same.next()?;
            same.next().is_none().then(|| example["condition"].as_str()).flatten()
        };
        let Some(text) = row["condition"].as_str().or_else(of_source) else {
            elsewhere.push(row["id"].as_str().unwrap().to_owned());
            continue;
        };
        let condition: Condition = text.parse().unwrap();
        let request: Request = serde_json::from_value(row["context"].clone()).unwrap();
        assert_eq!(condition.allows(&request), row["expected"] == "allow", "{row}\n{text}");
        assert_eq!(condition.trace(&request).allowed(), row["expected"] == "allow", "{row}");
        decided += 1;
    }
    println!("{decided} decided; the conditions of these are not in the tables: {elsewhere:?}");
    assert_eq!(decided, 40);
}

const PAGE: &str = "\
(
 (
  !(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'})
 )
 OR
 (
  @Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'training'
 )
)";

#[test]
fn the_layout_of_the_portal_is_printed_exactly() {
    let condition: Condition = PAGE.parse().unwrap();
    assert_eq!(condition.print(Layout::Portal), PAGE);
    assert_eq!(
        condition.to_string(),
        "((!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'})) OR \
         (@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'training'))"
    );
}

#[test]
fn redundant_parentheses_are_not_part_of_a_condition() {
    let of = |text: &str| text.parse::<Condition>().unwrap();
    let (a, b, c) = ("Exists @Request[a]", "Exists @Request[b]", "Exists @Request[c]");
    assert_eq!(of(&format!("(({a})) && ({b})")), of(&format!("{a} AND {b}")));
    assert_eq!(of(&format!("{a}||{b}")), of(&format!("{a} OR {b}")));
    assert_eq!(of(&format!("!{a}")), of(&format!("NOT ({a})")));
    assert_eq!(of(&format!("{a} OR {b} AND {c}")), of(&format!("{a} OR ({b} AND {c})")));
    assert_ne!(of(&format!("({a} OR {b}) AND {c}")), of(&format!("{a} OR ({b} AND {c})")));
    assert_ne!(of(&format!("({a} AND {b}) AND {c}")), of(&format!("{a} AND {b} AND {c}")));
}

#[test]
fn there_are_28_operators_and_64_for_lists() {
    assert_eq!(Base::ALL.len(), 28);
    let mut lists = 0;
    for &base in Base::ALL {
        let text = format!("@Resource[a] {} 'x'", base.as_str());
        assert!(text.parse::<Condition>().is_ok(), "{text}");
        for quantifier in Quantifier::ALL {
            let text = format!("@Resource[a] {}:{} {{'x'}}", quantifier.as_str(), base.as_str());
            let known = Operator::cross(quantifier, base);
            assert_eq!(text.parse::<Condition>().is_ok(), known.is_some(), "{text}");
            lists += usize::from(known.is_some());
        }
    }
    assert_eq!(lists, 64);
}

#[test]
fn an_error_has_the_position_and_the_expected_token() {
    let rows = [
        ("", 0, "empty"),
        ("   ", 3, "empty"),
        ("@Resource[a] StringEquals \u{2018}x\u{2019}", 26, "typographic"),
        ("@Resource[a] StringEquals 'x\u{2019}", 28, "typographic"),
        ("@Resource[a] StringEquals \"x\"", 26, "single quotes"),
        ("@Resource[a] StringEquals <NAME>", 26, "placeholder"),
        ("@Resource[a] StringEquals 'x", 26, "no closing quote"),
        ("@Resource[a] StringEndsWith '.json'", 13, "StringLike '*end'"),
        ("@Resource[a] StringContains 'x'", 13, "StringLike '*part*'"),
        ("@Resource[a] stringEquals 'x'", 13, "write `StringEquals`"),
        (
            "@Resource[a] forAnyOfAnyValues:StringEquals {'x'}",
            13,
            "write `ForAnyOfAnyValues:StringEquals`",
        ),
        ("@Resource[a] ForAnyOfAnyValues:StringStartsWith {'x'}", 13, "StringLike"),
        ("@Resource[a] == 'x'", 13, "no such operator;"),
        ("@Resource[a] < 5", 13, "no such operator;"),
        ("@Resource[a] <= 5", 13, "no such operator;"),
        ("Resource[a] StringEquals 'x'", 0, "write @Resource"),
        ("@Resource[a] StringEquals &#39;x&#39;", 26, "HTML entity"),
        ("@Resource[a] StringEquals `x`", 26, "single quotes"),
        ("@Resource[a]\u{3000}StringEquals 'x'", 12, "invisible"),
        ("@Resource[a] BoolEquals True", 24, "write `true`"),
        ("@Resource[a] 'x'", 13, "expected an operator"),
        ("@resource[a] StringEquals 'x'", 0, "write @Resource"),
        ("@Blob[a] StringEquals 'x'", 0, "no attribute source"),
        ("@Resource[a StringEquals 'x'", 0, "no closing `]`"),
        ("@Resource.a StringEquals 'x'", 0, "expected `[`"),
        ("NOT Exists 'x'", 11, "expected an attribute"),
        ("ActionMatches('x')", 13, "braces"),
        ("ActionMatches{x}", 14, "single quotes"),
        ("ActionMatches{}", 14, "single quotes"),
        ("actionMatches{'x'}", 0, "write `ActionMatches`"),
        ("ActionMatches{'x'} and ActionMatches{'x'}", 19, "write `AND`"),
        ("(ActionMatches{'x'}", 19, "or `)`"),
        ("ActionMatches{'x'})", 18, "no matching `(`"),
        ("ActionMatches{'x'} ActionMatches{'x'}", 19, "expected `AND`"),
        ("ActionMatches{'x'} AND", 22, "expected an expression"),
        ("@Resource[a] NumericEquals 99999999999999999999", 27, "expected a value"),
    ];
    for (text, offset, what) in rows {
        let error = text.parse::<Condition>().unwrap_err();
        assert_eq!(error.span().start, offset, "{text}: {error}");
        assert!(error.message().contains(what), "{text}: {error}");
        let caret = error.caret();
        let (line, mark) = caret.split_once('\n').unwrap();
        assert!(
            mark.trim_start() == "^" && mark.chars().count() <= line.chars().count() + 1,
            "{caret}"
        );
    }
    let error = "(\n ActionMatches{'x'}\n XOR\n)".parse::<Condition>().unwrap_err();
    assert_eq!((error.line(), error.column()), (3, 2));
    assert_eq!(error.caret(), " XOR\n ^");
}

#[test]
fn malicious_text_is_refused_without_a_crash() {
    for text in ["(".repeat(60_000), "!".repeat(60_000), "NOT ".repeat(16_000), "a".repeat(70_000)]
    {
        assert!(text.parse::<Condition>().is_err());
    }
    // Deeply nested `NOT`, and `OR` within `AND`. A condition that parses is printed and parsed again.
    let leaf = "Exists @Request[a]";
    let nots = |depth: usize| format!("{}{leaf}", "!".repeat(depth - 1));
    let chains = |depth: usize| {
        let open = (1..depth).rev().map(|n| if n % 2 == 0 { "a AND (" } else { "a OR (" });
        let open = open.collect::<String>().replace('a', "!Exists @Resource[b]");
        format!("{open}{leaf}{}", ")".repeat(depth - 1))
    };
    let ors = |depth: usize| {
        (1..depth / 2).fold(leaf.to_owned(), |text, _| format!("{leaf} OR {leaf} AND ({text})"))
    };
    for text in [nots(MAX_DEPTH), chains(MAX_DEPTH - 1), ors(MAX_DEPTH)] {
        let condition: Condition = text.parse().unwrap_or_else(|e| panic!("{e}: {text}"));
        for layout in [Layout::Portal, Layout::OneLine] {
            assert_eq!(condition.print(layout).parse().as_ref(), Ok(&condition), "{text}");
        }
    }
    assert!(nots(MAX_DEPTH + 1).parse::<Condition>().is_err());
    assert!(chains(MAX_DEPTH + 1).parse::<Condition>().is_err());
    let parentheses = format!("{}{leaf}{}", "(".repeat(70), ")".repeat(70));
    assert_eq!(parentheses.parse::<Condition>(), leaf.parse());
    let wide = vec!["Exists @Request[a]"; 370].join(" OR ").parse::<Condition>().unwrap();
    assert_eq!(wide.to_string().parse::<Condition>().unwrap(), wide);
}

fn truth(text: &str, request: &Request) -> Option<bool> {
    text.parse::<Condition>().unwrap().evaluate(request)
}

#[test]
fn an_expression_about_a_missing_attribute_is_neither_true_nor_false() {
    let request = Request::new("x").resource("known", "v");
    let (yes, no, unknown) = (
        "@Resource[known] StringEquals 'v'",
        "@Resource[known] StringEquals 'w'",
        "@Resource[other] StringEquals 'v'",
    );
    let table = [(yes, Some(true)), (no, Some(false)), (unknown, None)];
    for (a, left) in table {
        assert_eq!(truth(&format!("NOT {a}"), &request), left.map(|t| !t));
        for (b, right) in table {
            let and = match (left, right) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
            let or = match (left, right) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            };
            assert_eq!(truth(&format!("{a} AND {b}"), &request), and);
            assert_eq!(truth(&format!("{a} OR {b}"), &request), or);
        }
    }
    assert_eq!(truth("Exists @Resource[other]", &request), Some(false));
    assert_eq!(
        truth("@Resource[known] NumericEquals 1", &request),
        None,
        "the value has another type"
    );
}

#[test]
fn values_are_compared_by_their_type() {
    let request = Request::new("A/b/Read")
        .suboperation("Blob.List")
        .resource("text", "a/B?*.jpg")
        .resource("number", 10)
        .attribute(Source::Environment, "UtcNow", "2023-05-01T13:00:00.0000001Z")
        .attribute(Source::Environment, "isPrivateLink", true)
        .attribute(Source::Principal, "id", "8E3AF657-A8FF-443C-A75C-2FE8C4BCB635");
    let holds = [
        "@Resource[TEXT] StringEqualsIgnoreCase 'A/b?*.JPG'",
        "@Resource[text] StringStartsWith 'a/'",
        "@Resource[text] StringNotStartsWith 'A/'",
        "@Resource[text] StringStartsWithIgnoreCase 'A/b'",
        "@Resource[text] StringLike '*.jpg'",
        "@Resource[text] StringLike 'a/?\\?\\*.jpg'",
        "@Resource[text] StringNotLike 'a/\\*.jpg'",
        "@Resource[text] StringLikeIgnoreCase 'A*J?G'",
        "@Resource[number] NumericGreaterThanEquals 10",
        "@Resource[number] NumericLessThan 11",
        "@Resource[number] NumericGreaterThan -1",
        "@Environment[UtcNow] DateTimeGreaterThan '2023-05-01T13:00:00.0Z'",
        "@Environment[UtcNow] DateTimeLessThan '2024-02-29T00:00:00Z'",
        "@Environment[UtcNow] DateTimeLessThan '2023-05-01T13:00:00.1Z'",
        "'2023-05-01T13:00:00.12Z' DateTimeEquals '2023-05-01T13:00:00.1200000Z'",
        "'2023-05-01T13:00:00.12Z' DateTimeGreaterThan '2023-05-01T13:00:00.1199999Z'",
        "@Environment[isPrivateLink] BoolEquals true",
        "@Environment[isPrivateLink] BoolNotEquals false",
        "@Principal[id] GuidEquals 8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        "@Principal[id] ForAnyOfAnyValues:GuidEquals {8e3af657-a8ff-443c-a75c-2fe8c4bcb635}",
        "@Principal[id] ForAnyOfAnyValues:GuidEquals{8e3af657a8ff443ca75c2fe8c4bcb635}",
        "@Principal[id] GuidNotEquals 18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "'a/B?*.jpg' StringEquals @Resource[text]",
        "ActionMatches{'x', 'a/*/read'}",
        "SubOperationMatches{'blob.list'}",
        "@Request[subOperation] ForAnyOfAnyValues:StringEqualsIgnoreCase {'BLOB.LIST'}",
    ];
    for text in holds {
        assert_eq!(truth(text, &request), Some(true), "{text}");
    }
    for text in [
        "@Environment[UtcNow] DateTimeLessThan '2023-02-29T00:00:00Z'",
        "@Resource[text] DateTimeLessThan 'x'",
        "@Resource[text] GuidNotEquals 8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    ] {
        assert_eq!(truth(text, &request), None, "{text}");
    }
}

#[test]
fn the_keys_of_tags_keep_their_letter_case_and_other_paths_do_not() {
    let request = Request::new("x")
        .resource("Tags:Project<$key_case_sensitive$>", "a")
        .resource("Containers:Name", "b");
    assert_eq!(
        truth("@Resource[tags:Project<$key_case_sensitive$>] StringEquals 'a'", &request),
        Some(true)
    );
    assert_eq!(
        truth("@Resource[tags:project<$key_case_sensitive$>] StringEquals 'a'", &request),
        None
    );
    assert_eq!(truth("@Resource[containers:name] StringEquals 'b'", &request), Some(true));
    let request = request.resource("tags:Team:Lead<$key_case_sensitive$>", "c");
    for (key, holds) in [("Team:Lead", Some(true)), ("team:Lead", None)] {
        let text = format!("@Resource[TAGS:{key}<$key_case_sensitive$>] StringEquals 'c'");
        assert_eq!(truth(&text, &request), holds, "{text}");
    }
}

#[test]
fn a_trace_has_the_result_of_each_part_and_the_missing_attributes() {
    let condition: Condition = PAGE.parse().unwrap();
    let read = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
    let trace = condition.trace(&Request::new(read));
    assert!(!trace.allowed());
    let parts: Vec<_> = trace.steps.iter().map(|s| (s.depth, s.truth, s.missing.len())).collect();
    assert_eq!(parts, [(0, None, 0), (1, Some(false), 0), (2, Some(true), 0), (1, None, 1)]);
    let span = trace.steps[2].span;
    assert_eq!(&PAGE[span.start..span.end], format!("(ActionMatches{{'{read}'}})"));
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[^']{0,12}".prop_map(|text| format!("'{text}'")),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<bool>().prop_map(|value| value.to_string()),
        "[0-9a-fA-F]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    ]
}

fn attribute() -> impl Strategy<Value = String> {
    ("(Principal|Request|Resource|Environment)", "[A-Za-z][A-Za-z0-9./:&<>$_ -]{0,20}")
        .prop_map(|(source, path)| format!("@{source}[{path}]"))
}

fn leaf() -> impl Strategy<Value = String> {
    let operand = || {
        prop_oneof![
            attribute(),
            value(),
            prop::collection::vec(value(), 0..4)
                .prop_map(|values| format!("{{{}}}", values.join(",")))
        ]
    };
    let operator = (0..28_usize, prop::option::of(0..4_usize)).prop_map(|(base, quantifier)| {
        let base = Base::ALL[base];
        let cross = quantifier.and_then(|q| Operator::cross(Quantifier::ALL[q], base));
        cross.unwrap_or(Operator::single(base)).to_string()
    });
    prop_oneof![
        "[A-Za-z/*]{0,9}".prop_map(|text| format!("ActionMatches{{'{text}'}}")),
        "[A-Za-z.]{0,9}".prop_map(|text| format!("SubOperationMatches{{'{text}', 'x'}}")),
        attribute().prop_map(|attribute| format!("Exists {attribute}")),
        (operand(), operator, operand()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    leaf().prop_recursive(5, 40, 4, |inner| {
        let join = |separators: &'static [&'static str]| {
            let parts = prop::collection::vec(inner.clone(), 2..4);
            (parts, prop::sample::select(separators)).prop_map(|(parts, separator)| {
                let parts: Vec<_> = parts.iter().map(|part| format!("({part})")).collect();
                parts.join(separator)
            })
        };
        prop_oneof![
            join(&[" AND ", "&&", "\nAND\n"]),
            join(&[" OR ", "||", "\tOR "]),
            inner.clone().prop_map(|part| format!("NOT ({part})")),
            inner.prop_map(|part| format!("!({part})")),
        ]
    })
}

proptest! {
    #[test]
    fn a_printed_condition_parses_to_the_same_condition(text in expression()) {
        let condition: Condition = text.parse().map_err(|e| TestCaseError::fail(format!("{e}: {text}")))?;
        for layout in [Layout::Portal, Layout::OneLine] {
            let printed = condition.print(layout);
            prop_assert_eq!(printed.parse::<Condition>().unwrap(), condition.clone(), "{}", printed);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "(\\PC|[(){}!@',A-Z\\[\\] ]){0,60}") {
        if let Err(error) = text.parse::<Condition>() {
            let _ = (error.to_string(), error.caret());
        }
    }

    #[test]
    fn a_damaged_condition_is_an_error_or_another_condition(
        text in expression(), at: prop::sample::Index, with: char,
    ) {
        let mut chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len());
        chars[at] = with;
        if let Err(error) = chars.into_iter().collect::<String>().parse::<Condition>() {
            let _ = (error.to_string(), error.caret());
        }
    }

    #[test]
    fn patterns_match_as_a_naive_matcher_does(pattern in "[ab*?\\\\]{0,7}", text in "[ab*?\\\\]{0,7}") {
        /// Tries every length for each `*`.
        fn matches(pattern: &[char], text: &[char]) -> bool {
            match pattern {
                [] => text.is_empty(),
                ['\\', c @ ('*' | '?'), rest @ ..] => text.first() == Some(c) && matches(rest, &text[1..]),
                ['*', rest @ ..] => (0..=text.len()).any(|n| matches(rest, &text[n..])),
                ['?', rest @ ..] => !text.is_empty() && matches(rest, &text[1..]),
                [c, rest @ ..] => text.first() == Some(c) && matches(rest, &text[1..]),
            }
        }
        let request = Request::new("x").resource("a", Value::from(text.as_str()));
        let condition = format!("@Resource[a] StringLike '{pattern}'");
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        prop_assert_eq!(truth(&condition, &request), Some(matches(&chars(&pattern), &chars(&text))));
    }
}

#[test]
fn a_text_that_is_longer_than_azure_accepts_is_refused_before_it_is_parsed() {
    use azure_asset_sync::condition::{Lint, MAX_LENGTH, Rule};
    let of = |length: usize, filling: char| {
        let text = "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals ''";
        let filling: String = std::iter::repeat_n(filling, length - text.chars().count()).collect();
        text.replace("''", &format!("'{filling}'"))
    };
    for filling in ['a', '\u{1f600}'] {
        assert!(of(MAX_LENGTH, filling).parse::<Condition>().is_ok(), "{filling}");
        let error = of(MAX_LENGTH + 1, filling).parse::<Condition>().unwrap_err();
        assert_eq!(error.rule(), Rule::TooLong);
        assert!(error.to_string().contains("16384 characters"), "{error}");
        let found = Lint::new().check(&of(MAX_LENGTH + 1, filling));
        let rules: Vec<_> = found.iter().map(|finding| finding.rule).collect();
        assert_eq!(rules, [Rule::TooLong]);
        assert!(found.iter().all(|finding| finding.repair.is_none()));
    }
    assert_eq!(of(64 << 10, '(').parse::<Condition>().unwrap_err().rule(), Rule::TooLong);
}

#[test]
fn two_lists_with_too_many_pairs_are_refused() {
    let text = |left: usize, right: usize| {
        let list = |count: usize| vec!["'a'"; count].join(", ");
        format!("{{{}}} ForAnyOfAnyValues:StringEquals {{{}}}", list(left), list(right))
    };
    assert!(text(16, 16).parse::<Condition>().is_ok());
    for (left, right) in [(16, 17), (1, 257), (800, 800)] {
        let error = text(left, right).parse::<Condition>().unwrap_err();
        assert!(error.to_string().contains("256 pairs"), "{error}");
    }
    // The length of a list that is compared with one attribute is limited only by the text.
    let list = vec!["'a'"; 1500].join(",");
    let path = "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name]";
    assert!(
        format!("{path} ForAnyOfAnyValues:StringEquals {{{list}}}").parse::<Condition>().is_ok()
    );
}
