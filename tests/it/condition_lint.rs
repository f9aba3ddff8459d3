//! The linter finds documented mistakes, each rule finds its own mistake and nothing similar, and each
//! suggested repair is valid.

mod table;

use std::collections::BTreeSet;

use azure_asset_sync::condition::{
    Condition, Limit, Lint, LintFinding, Role, Rule, ScopeLevel, Severity, Span,
};
use proptest::prelude::*;
use serde_json::Value as Json;

use self::table::TABLE;

fn examples() -> Vec<Json> {
    serde_json::from_str(include_str!("../data/conditions/examples.json")).unwrap()
}

/// Expands the abbreviations that this file uses.
fn long(text: &str) -> String {
    text.replace("$C", "Microsoft.Storage/storageAccounts/blobServices/containers")
        .replace(
            "$R",
            "ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'}",
        )
        .replace("$L", "SubOperationMatches{'Blob.List'}")
}

fn rules(findings: &[LintFinding]) -> BTreeSet<Rule> {
    findings.iter().map(|finding| finding.rule).collect()
}

#[test]
fn every_documented_mistake_is_found_by_the_rule_for_its_cause() {
    let mut found = 0;
    for row in examples().iter().filter(|row| row["kind"] == "invalid") {
        let cause = row["features"][0].as_str().unwrap();
        let mut text = row["condition"].as_str().unwrap_or_default().to_owned();
        // These mistakes are not in the text, but in the properties of its assignment.
        let lint = match cause {
            "VERSION" => Lint::new().version("1.0"),
            "CLI_VERSION" => Lint::new().azure_cli("2.17.1"),
            "PIM_PRINCIPAL" => Lint::new().eligible(),
            _ => Lint::new(),
        };
        if cause == "TOO_LONG" {
            text = format!("'{}' StringEquals 'a'", "a".repeat(8192));
        }
        let findings = lint.check(&text);
        assert!(
            findings.iter().any(|finding| finding.rule.id() == cause),
            "{}: {cause} is not among {findings:#?}",
            row["id"]
        );
        found += 1;
    }
    assert_eq!(found, 18);
}

#[test]
fn no_documented_condition_has_an_error() {
    for row in examples().iter().filter(|row| row["kind"] != "invalid") {
        let findings = Lint::new().check(row["condition"].as_str().unwrap());
        assert!(
            findings.iter().all(|finding| finding.severity < Severity::Error),
            "{}: {findings:#?}",
            row["id"]
        );
    }
}

#[test]
fn each_rule_finds_its_mistake_and_nothing_similar() {
    for (rule, broken, kept) in TABLE {
        for text in *broken {
            let findings = Lint::new().check(&long(text));
            assert!(rules(&findings).contains(rule), "{rule} is not in {text}: {findings:#?}");
        }
        for text in *kept {
            let findings = Lint::new().check(&long(text));
            assert!(!rules(&findings).contains(rule), "{rule} is in {text}: {findings:#?}");
        }
    }
}

#[test]
fn conditions_of_other_services_have_no_findings() {
    for (action, attribute) in [
        (
            "ContainerRegistry/registries/repositories/content/read",
            "@Request[Microsoft.ContainerRegistry/registries/repositories:name]",
        ),
        (
            "OperationalInsights/workspaces/tables/data/read",
            "@Resource[Microsoft.OperationalInsights/workspaces/tables/record:Vendor<$key_case_sensitive$>]",
        ),
        (
            "KeyVault/vaults/secrets/getSecret/action",
            "@Resource[Microsoft.KeyVault/vaults/secrets:name]",
        ),
    ] {
        let text =
            format!("NOT ActionMatches{{'Microsoft.{action}'}} OR ({attribute} StringLike 'a*')");
        let findings = Lint::new().check(&text);
        assert_eq!(
            rules(&findings),
            [Rule::UnknownAction, Rule::UnknownAttribute].into(),
            "{text}"
        );
        assert!(findings.iter().all(|finding| finding.severity == Severity::Note), "{findings:#?}");
    }
    for action in ["blobs/read", ""] {
        let findings = Lint::new().check(&format!("NOT ActionMatches{{'{action}'}}"));
        let found = findings.iter().find(|finding| finding.rule == Rule::UnknownAction);
        assert_eq!(found.unwrap().severity, Severity::Warning, "{action}");
    }
}

#[test]
fn changes_that_other_programs_make_to_a_text_are_repaired() {
    let right = "!(ActionMatches{'a'}) AND @Environment[isPrivateLink] BoolEquals true";
    let quotes =
        ["&quot;", "&apos;", "&#39;", "\u{201f}", "\u{2032}", "\u{b4}", "\u{ff07}", "\u{203a}"];
    let mut wrong: Vec<_> = quotes.map(|quote| right.replacen('\'', quote, 1)).into();
    wrong.extend([
        right.replace("@Environment", "Environment"),
        right.replace("true", "TRUE"),
        right.replace("AND", "&amp;&amp;"),
        right.replace(" BoolEquals", "&nbsp;BoolEquals"),
    ]);
    for text in wrong {
        let repair = Lint::new().check(&text).into_iter().find_map(|finding| finding.repair);
        let repaired = repair.unwrap_or_else(|| panic!("{text}"));
        assert_eq!(repaired.parse(), right.parse::<Condition>(), "{text}: {repaired}");
    }
}

#[test]
fn the_properties_of_the_assignment_allow_more_findings() {
    let write =
        "!(ActionMatches{'$C/blobs/write'}) OR @Resource[$C/blobs:path] StringStartsWith 'p/'";
    let tag = "!($R) OR @Resource[$C/blobs/tags:a<$key_case_sensitive$>] StringEquals 'b'";
    let hns = "@Resource[Microsoft.Storage/storageAccounts:isHnsEnabled] BoolEquals true";
    let table = [
        (Lint::new().role(Role::BlobDataReader), write, Rule::ActionNotInRole, true),
        (Lint::new().role(Role::BlobDataContributor), write, Rule::ActionNotInRole, false),
        (Lint::new().role(Role::BlobDataContributor), write, Rule::MoveDefeatsPath, true),
        (Lint::new().role(Role::BlobDataReader), write, Rule::MoveDefeatsPath, false),
        (Lint::new().role(Role::BlobDataOwner), write, Rule::RunAsSuperuserMissing, true),
        (Lint::new().role(Role::BlobDataContributor), write, Rule::RunAsSuperuserMissing, false),
        (Lint::new().role(Role::BlobDataOwner), tag, Rule::TagWriteDefeatsTag, true),
        (Lint::new().role(Role::BlobDataContributor), tag, Rule::TagWriteDefeatsTag, false),
        (Lint::new().scope(ScopeLevel::Account), hns, Rule::ScopeNotForAttribute, true),
        (Lint::new().scope(ScopeLevel::ResourceGroup), hns, Rule::ScopeNotForAttribute, false),
        (Lint::new().version("1.0"), hns, Rule::Version, true),
        (Lint::new().version("2.0"), hns, Rule::Version, false),
        (Lint::new().azure_cli("2.9.1"), hns, Rule::CliVersion, true),
        (Lint::new().azure_cli("2.18.0"), hns, Rule::CliVersion, false),
        (Lint::new().azure_cli("3.0"), hns, Rule::CliVersion, false),
        (Lint::new().azure_cli("latest"), hns, Rule::CliVersion, true),
    ];
    let mut covered: BTreeSet<Rule> = TABLE.iter().map(|(rule, ..)| *rule).collect();
    for (lint, text, rule, expected) in table {
        let findings = lint.check(&long(text));
        assert_eq!(rules(&findings).contains(&rule), expected, "{rule} {lint:?}: {findings:#?}");
        covered.insert(rule);
    }
    covered.insert(Rule::TooLong);
    assert_eq!(covered, Rule::ALL.iter().copied().collect(), "each rule has a row");
}

#[test]
fn a_repair_removes_its_finding_and_a_span_covers_the_mistake() {
    let texts =
        TABLE.iter().flat_map(|(rule, broken, _)| broken.iter().map(move |text| (*rule, *text)));
    let mut repaired = BTreeSet::new();
    for (rule, text) in texts {
        let text = long(text);
        for finding in Lint::new().check(&text) {
            assert!(text.get(finding.span.start..finding.span.end).is_some(), "{finding:?}");
            let Some(repair) = finding.repair.filter(|_| finding.rule == rule) else { continue };
            let again = Lint::new().check(&repair);
            let count =
                |findings: &[LintFinding]| findings.iter().filter(|f| f.rule == rule).count();
            let before = Lint::new().check(&text);
            assert!(count(&again) < count(&before), "{rule}: {text}\n{repair}\n{again:#?}");
            repaired.insert(rule);
        }
    }
    println!("{} rules have repairs: {repaired:?}", repaired.len());
    assert!(repaired.len() >= 14, "{repaired:?}");
}

#[test]
fn a_mistake_with_a_certain_repair_does_not_hide_later_mistakes() {
    let text = long(
        "@resource[$C:name] stringEquals ‘Training’ and @Resource[$C/blobs:path] StringStartsWith 'p'",
    );
    let findings = Lint::new().check(&text);
    let at = |rule: Rule| {
        let finding = findings.iter().find(|f| f.rule == rule);
        let span = finding.unwrap_or_else(|| panic!("{rule}: {findings:#?}")).span;
        &text[span.start..span.end]
    };
    assert_eq!(at(Rule::LetterCase), "@resource");
    assert_eq!(at(Rule::UnicodeQuotes), "‘");
    assert_eq!(at(Rule::ContainerValueShape), "‘Training’");
    assert_eq!(at(Rule::PrefixNoSlash), "'p'");

    // Spans are also correct if repairs are not made in the order of the text.
    for malicious in ["‘‘'‘\"uidequal‘‘Mi‘so)-", "(‘'‘)", "@Resource[x] stringequals ‘'‘é’"]
    {
        for finding in Lint::new().check(malicious) {
            let Span { start, end } = finding.span;
            assert!(malicious.get(start..end).is_some(), "{malicious}: {finding:?}");
        }
    }
}

#[test]
fn lists_are_repaired_with_the_documented_idiom() {
    let text = long(
        "!($R) OR (@Resource[$C:name] StringEquals 'abc' AND @Resource[$C/blobs:path] StringStartsWith 'p/')",
    );
    let findings = Lint::new().check(&text);
    let finding = findings.iter().find(|f| f.rule == Rule::ListAlwaysDenied).unwrap();
    let repaired: Condition = finding.repair.as_ref().unwrap().parse().unwrap();
    let (container, prefix) = ("abc".parse().unwrap(), "p/".parse().unwrap());
    assert_eq!(repaired, Limit::container(&container).prefix(&prefix).condition().unwrap());
}

#[test]
fn generated_conditions_have_no_findings() {
    let (one, two) = ("abc".parse().unwrap(), "abd".parse().unwrap());
    let limits = [
        Limit::container(&one),
        Limit::container(&one).or_container(&two),
        Limit::container(&one).prefix(&"p/".parse().unwrap()),
        Limit::container(&one).current_versions_only(),
        Limit::container(&one).private_link_only().until(std::time::UNIX_EPOCH),
        Limit::container(&one).prefix(&"p/q/".parse().unwrap()).current_versions_only(),
    ];
    for limit in limits {
        let text = limit.condition().unwrap().to_string();
        let lint = Lint::new().role(Role::BlobDataReader).scope(ScopeLevel::Account).version("2.0");
        let findings = lint.check(&text);
        assert!(findings.iter().all(|f| f.severity == Severity::Note), "{text}: {findings:#?}");
    }
}

#[test]
fn a_condition_is_explained_in_words() {
    let limit = Limit::container(&"abc".parse().unwrap()).prefix(&"p/".parse().unwrap());
    assert_eq!(
        limit.current_versions_only().condition().unwrap().explain(),
        "\
to read a blob:
  - the container's name is `abc`
  - the blob's name begins with `p/`
  - it is the current version
to list blobs:
  - the container's name is `abc`
  - the prefix of the listing begins with `p/`
all other actions of the role are not limited
"
    );
    let explained = |text: &str| long(text).parse::<Condition>().unwrap().explain();
    let text = explained(
        "NOT (ActionMatches{'a'} AND NOT SubOperationMatches{'b'}) OR Exists @Resource[c]",
    );
    assert_eq!(
        text.lines().next(),
        Some("if the action is `a` and it is not true that the suboperation is `b`:")
    );
    let text = explained("NOT NOT ($R)");
    assert!(text.contains("it is not true that the action is"), "{text}");
    for row in examples() {
        let Ok(condition) = row["condition"].as_str().unwrap_or_default().parse::<Condition>()
        else {
            continue;
        };
        assert!(condition.explain().lines().count() >= 2, "{row}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_makes_the_linter_panic(
        at in 0usize..2000, cut in 0usize..40, with in "[ -~‘’“”é\u{a0}]{0,6}", row in 0usize..49
    ) {
        let rows = examples();
        let text = rows[row]["condition"].as_str().unwrap_or_default();
        let characters: Vec<char> = text.chars().collect();
        let at = at.min(characters.len());
        let end = (at + cut).min(characters.len());
        let broken: String =
            characters[..at].iter().chain(&with.chars().collect::<Vec<_>>()).chain(&characters[end..]).collect();
        for finding in Lint::new().check(&broken) {
            prop_assert!(broken.get(finding.span.start..finding.span.end).is_some(), "{finding:?}");
        }
        if let Ok(condition) = broken.parse::<Condition>() {
            condition.explain();
        }
    }
}
