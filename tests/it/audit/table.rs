//! The audit of each condition that people write has the expected rows.

use std::collections::BTreeMap;

use azure_asset_sync::{
    Connection,
    condition::{Condition, Limit},
    grant::{Audit, Decision, Grant, GrantBuilder, Shape},
};

const OTHER: &str = "read a blob of another container";
const LIST_OTHER: &str = "list another container";

fn connection(prefix: &str) -> Connection {
    let builder = Connection::builder("a").account("contosovision").container("training");
    builder.prefix(prefix).build().unwrap()
}

fn builder(connection: &Connection) -> GrantBuilder {
    Grant::builder(connection)
        .subscription("11111111-2222-3333-4444-555555555555")
        .resource_group("vision(eu)")
        .application("99999999-8888-7777-6666-555555555555")
}

fn table(audit: &Audit) -> BTreeMap<&str, Decision> {
    audit.rows.iter().map(|row| (row.request.as_str(), row.decision)).collect()
}

fn why<'a>(audit: &'a Audit, request: &str) -> &'a str {
    let row = audit.rows.iter().find(|row| row.request == request);
    row.map_or_else(|| panic!("no row `{request}`\n{audit}"), |row| row.why.as_str())
}

/// Returns a condition that allows everything except reads and lists, which must satisfy the limits.
fn limited(limits: &str) -> Condition {
    let mut text = format!("!(ActionMatches{{'BLOBS/read'}}) OR {limits}");
    for (short, path) in [
        ("NAME", "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name]"),
        ("PATH", "@Resource[BLOBS:path]"),
        ("PREFIX", "@Request[BLOBS:prefix]"),
        ("TAG", "@Resource[BLOBS/tags:Project<$key_case_sensitive$>]"),
        ("SCOPE", "@Resource[Microsoft.Storage/storageAccounts/encryptionScopes:name]"),
        ("HNS", "@Resource[Microsoft.Storage/storageAccounts:isHnsEnabled]"),
        ("STAFF", "@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:Staff_Level]"),
        ("SUBNET", "@Environment[Microsoft.Network/virtualNetworks/subnets]"),
        ("LINK", "@Environment[isPrivateLink]"),
        ("NOW", "@Environment[UtcNow]"),
        ("BLOBS", "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"),
    ] {
        text = text.replace(short, path);
    }
    text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn access_outside_the_container_is_never_reported_as_denied() {
    let connection = connection("hall-3/");
    let ours = "NAME StringEquals 'training'";
    // The part that OR adds, its effect on reads and lists of another container, and the reason.
    for (limits, read, list, said) in [
        // Nine kinds that the audit once reported as denied, and similar conditions.
        ("NOW DateTimeLessThan '2030-01-01T00:00:00.0Z'", 'm', 'm', "the time is `20"),
        ("NOW DateTimeGreaterThan '2030-01-01T00:00:00.0Z'", 'm', 'm', "the time is `2030-01-02"),
        ("NOT NOW DateTimeLessThan '2030-01-01T00:00:00.0Z'", 'm', 'm', "the time is `2030-01-02"),
        (
            "(NOW DateTimeGreaterThan '2030-01-01T00:00:00Z' AND NOW DateTimeLessThan '2030-01-01T00:00:00.0000002Z')",
            'm',
            'm',
            "the time is `2030-01-01T00:00:00.0000001Z`",
        ),
        (
            "(NOW DateTimeGreaterThan '2030-01-01T00:00:00Z' AND NOW DateTimeLessThan '2030-01-01T00:00:00.0000001Z')",
            'd',
            'd',
            "",
        ),
        ("LINK BoolEquals true", 'm', 'm', "the request came over a private link"),
        ("LINK BoolEquals false", 'm', 'm', "the request did not come over a private link"),
        ("LINK BoolNotEquals true", 'm', 'm', "the request did not come over a private link"),
        ("(LINK BoolEquals false AND LINK BoolEquals true)", 'd', 'd', ""),
        ("SUBNET StringNotLike '*'", 'd', 'd', ""),
        ("SUBNET StringLike '/subscriptions/*'", 'm', 'm', "the subnet is `/subscriptions/"),
        ("NAME StringLike 'p*'", 'm', 'm', "the container's name is `p"),
        (
            "NAME StringLike 'p*' AND NAME StringNotLike 'px*'",
            'm',
            'm',
            "the container's name is `p",
        ),
        (
            "NAME StringLike 'p*' AND NAME StringLike '*q' AND NAME StringNotLike '*?*'",
            'd',
            'd',
            "",
        ),
        ("NAME StringLikeIgnoreCase 'P?Q'", 'm', 'm', "the container's name is `p"),
        ("NAME StringStartsWith 'train'", 'm', 'm', "the container's name is `train"),
        ("NAME StringEqualsIgnoreCase 'TRAINING'", 'd', 'd', ""),
        ("NAME StringNotEquals 'training'", 'a', 'a', ""),
        ("NAME ForAnyOfAnyValues:StringNotEquals {'a1a', 'b2b'}", 'a', 'a', ""),
        ("NAME ForAnyOfAllValues:StringNotEquals {'a1a', 'b2b'}", 'a', 'a', ""),
        ("NAME StringLike 'Photos*'", 'd', 'd', ""),
        ("TAG StringEquals 'x'", 'm', 'd', "the index tag `Project` is `x`"),
        ("TAG StringNotEquals 'x'", 'm', 'd', "the index tag `Project` is `"),
        ("TAG NumericLessThan 5", 'm', 'd', "the index tag `Project` is `"),
        ("STAFF StringEquals TAG", 'm', 'd', "the principal's custom security attribute"),
        ("STAFF NumericGreaterThanEquals 3", 'm', 'm', "the principal's custom security attribute"),
        ("NOT Exists SCOPE", 'm', 'a', "the request does not have the encryption scope's name"),
        ("Exists SCOPE", 'm', 'd', "the encryption scope's name is `"),
        ("NOT Exists NOW", 'm', 'm', "the request does not have the time"),
        ("HNS BoolEquals true", 'm', 'm', "the account has a hierarchical namespace"),
        ("HNS BoolEquals false", 'm', 'm', "the account has no hierarchical namespace"),
        ("PATH StringLike '*.jpg'", 'm', 'd', "the blob's name is `"),
        ("PATH StringNotStartsWith 'hall-3/'", 'm', 'd', "the blob's name is `"),
        ("PREFIX StringStartsWith 'p'", 'd', 'm', "the prefix of the listing is `p"),
        ("NOT Exists PREFIX", 'a', 'm', "the request does not have the prefix"),
        ("SubOperationMatches{'Blob.Read.WithTagConditions'}", 'm', 'd', "the suboperation"),
        ("@Resource[Microsoft.Storage/notYetKnown:name] StringEquals 'x'", 'm', 'm', "notYetKnown"),
    ] {
        let condition = limited(&format!("{ours} OR {limits}"));
        let audit = Audit::of_condition(&connection, &condition);
        let table = table(&audit);
        assert!(audit.suffices(), "{limits}\n{audit}");
        for (request, expected) in [(OTHER, read), (LIST_OTHER, list)] {
            let expected = match expected {
                'a' => Decision::Allowed,
                'd' => Decision::Denied,
                _ => Decision::MayBeAllowed,
            };
            assert_eq!(table[request], expected, "{limits}: {request}\n{audit}");
            let is_wider = audit.wider().any(|row| row.request == request);
            assert_eq!(is_wider, expected != Decision::Denied, "{limits}: {request}");
            if expected == Decision::MayBeAllowed {
                let row = audit.rows.iter().find(|row| row.request == request).unwrap();
                assert!(row.why.contains(said), "{limits}: {}", row.why);
                let example = row.example.as_ref().unwrap();
                assert!(condition.allows(example), "{limits}: {example:?}");
            }
        }
    }
}

#[test]
fn each_container_in_a_condition_has_its_own_rows() {
    let connection = connection("hall-3/");
    let validation = "validation".parse().unwrap();
    let test = "test".parse().unwrap();
    let limit = Limit::container(connection.container())
        .or_container(&validation)
        .or_container(&test)
        .prefix(connection.prefix());
    let grant = builder(&connection).limit(limit).build().unwrap();
    let audit = grant.audit();
    let table = table(&audit);
    for name in ["training", "validation", "test"] {
        assert_eq!(table[&*format!("read `{name}/hall-3/…`")], Decision::Allowed, "{audit}");
        assert_eq!(table[&*format!("list `{name}`, prefix `hall-3/…`")], Decision::Allowed);
        assert_eq!(table[&*format!("list `{name}`, no prefix")], Decision::Denied);
        assert_eq!(table[&*format!("list `{name}`, another prefix")], Decision::Denied);
        assert_eq!(table[&*format!("read another blob of `{name}`")], Decision::Denied);
    }
    assert_eq!((table[OTHER], table[LIST_OTHER]), (Decision::Denied, Decision::Denied));
    let wider: Vec<_> = audit.wider().map(|row| row.request.as_str()).collect();
    assert!(wider.contains(&"read `validation/hall-3/…`"), "{wider:?}");
    assert!(wider.contains(&"list `test`, prefix `hall-3/…`"), "{wider:?}");
    let condition = limited("NAME StringEquals 'training' OR NAME StringEquals 'validation'");
    let audit = Audit::of_condition(&connection, &condition);
    assert_eq!(self::table(&audit)["read another blob of `validation`"], Decision::Allowed);
}

#[test]
fn requests_that_a_scan_needs_must_be_allowed_unconditionally() {
    let connection = connection("hall-3/");
    let mine = "NAME StringEquals 'training'";
    for (limits, expected, said) in [
        ("LINK BoolEquals true", Decision::MayBeAllowed, "if the request came over a private link"),
        ("TAG StringEquals 'x'", Decision::MayBeAllowed, "if the index tag `Project` is `x`"),
        ("PATH StringLike '*.jpg'", Decision::MayBeAllowed, "if the blob's name is `hall-3/"),
        ("PATH StringStartsWith 'hall'", Decision::Allowed, "the blob's name begins with `hall`"),
        ("PATH StringLike 'h*l-?/*'", Decision::Allowed, "the blob's name matches the pattern"),
        ("PATH StringStartsWithIgnoreCase 'HALL-3/'", Decision::Allowed, "begins with `HALL-3/`"),
        ("PATH StringStartsWith 'HALL-3/'", Decision::Denied, "not true: the blob's name begins"),
        ("PATH StringNotEquals 'hall-4/'", Decision::Allowed, "the blob's name is not"),
    ] {
        let audit = Audit::of_condition(&connection, &limited(&format!("{mine} AND {limits}")));
        let read = "read `training/hall-3/…`";
        assert_eq!(table(&audit)[read], expected, "{limits}\n{audit}");
        assert!(why(&audit, read).contains(said), "{limits}: {}", why(&audit, read));
        // A list request has neither a path nor a tag.
        assert!(!audit.suffices(), "{audit}");
    }
}

#[test]
fn the_audit_shows_what_a_condition_cannot_limit() {
    let connection = connection("");
    let page: Condition = Limit::container(connection.container()).condition().unwrap();
    let audit = Audit::of_condition(&connection, &page);
    assert!(audit.suffices());
    let table = table(&audit);
    assert_eq!(table["read `training/…`"], Decision::Allowed);
    assert_eq!(table["list `training`, no prefix"], Decision::Allowed);
    assert_eq!((table[OTHER], table[LIST_OTHER]), (Decision::Denied, Decision::Denied));
    // Guides say "It cannot read anything else in the Storage Account". It can:
    let wider: Vec<_> = audit.wider().map(|row| row.request.as_str()).collect();
    assert_eq!(
        wider,
        [
            "read an old version of `training/…`",
            "read a snapshot of `training/…`",
            "list the names of all containers",
            "properties and metadata of `training`",
            "properties and metadata of another container",
            "a key for view links (user delegation key)",
        ]
    );
    assert_eq!(audit, builder(&connection).build().unwrap().audit());
    let current = Limit::container(connection.container()).current_versions_only();
    let audit = Audit::of_condition(&connection, &current.condition().unwrap());
    assert!(audit.suffices(), "{audit}");
    assert_eq!(self::table(&audit)["read a snapshot of `training/…`"], Decision::Denied);
}

#[test]
fn each_shape_allows_exactly_what_it_promises() {
    let connection = connection("hall-3/");
    let rows = [
        ("list the names of all containers", [true, false, false]),
        ("properties and metadata of `training`", [true, true, false]),
        ("properties and metadata of another container", [true, false, false]),
        ("a key for view links (user delegation key)", [true, true, false]),
        ("read `training/hall-3/…`", [true, true, true]),
        ("list `training`, prefix `hall-3/…`", [true, true, true]),
        ("list `training`, no prefix", [false, false, false]),
        ("list `training`, another prefix", [false, false, false]),
        ("read another blob of `training`", [false, false, false]),
        (OTHER, [false, false, false]),
        (LIST_OTHER, [false, false, false]),
        ("write `training/hall-3/…`", [false, false, false]),
    ];
    for (n, shape) in Shape::ALL.iter().enumerate() {
        let grant = builder(&connection).shape(*shape).build().unwrap();
        let audit = grant.audit();
        assert!(audit.suffices(), "{audit}");
        let table = table(&audit);
        for (request, allowed) in rows {
            let expected = if allowed[n] { Decision::Allowed } else { Decision::Denied };
            assert_eq!(table[request], expected, "{shape}: {request}\n{audit}");
        }
        assert!(!shape.cost().is_empty());
    }
}

#[test]
fn an_audit_reports_missing_access_with_the_reason() {
    let connection = connection("hall-3/");
    let condition = limited("PATH StringStartsWith 'hall-3/'");
    let audit = Audit::of_condition(&connection, &condition);
    assert!(!audit.suffices());
    let row =
        audit.rows.iter().find(|row| row.request == "list `training`, prefix `hall-3/…`").unwrap();
    assert_eq!((row.decision, row.needed), (Decision::Denied, true));
    assert_eq!(row.why, "the request does not have the blob's name");
    let shown = audit.to_string();
    assert!(shown.contains("deny   missing  list"), "{audit}");
    assert!(shown.contains("allow  needed   read `training/hall-3/…`"), "{audit}");
    assert!(shown.contains("allow  wider    list the names"), "{audit}");
    assert!(shown.contains("may    wider    read a blob of another container"), "{audit}");
}

#[test]
fn the_json_of_a_row_is_stable() {
    let connection = connection("hall-3/");
    let condition = limited("NAME StringEquals 'training' OR LINK BoolEquals true");
    let audit = Audit::of_condition(&connection, &condition);
    let json = serde_json::to_value(&audit).unwrap();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(
        rows[0],
        serde_json::json!({
            "request": "read `training/hall-3/…`",
            "decision": "allowed",
            "needed": true,
            "why": "the container's name is `training`",
        })
    );
    let other = rows.iter().find(|row| row["request"] == LIST_OTHER).unwrap();
    assert_eq!(other["decision"], "may-be-allowed");
    assert_eq!(other["example"]["environment"]["isprivatelink"], true);
    assert!(rows.iter().any(|row| row["decision"] == "denied"));
}

#[test]
fn a_row_without_proof_is_never_denied() {
    let connection = connection("hall-3/");
    let all = |part: &dyn Fn(usize) -> String, between: &str, count: usize| {
        (0..count).map(part).collect::<Vec<_>>().join(between)
    };
    // A path that contains all words exists, but an automaton needs too many states to find it.
    let contains = all(&|n| format!("PATH StringLike '*{n:03}*'"), " AND ", 120);
    let lists = all(&|n| format!("'*{n:03}*'"), ",", 1500);
    for limits in [
        format!("{contains} AND PATH StringNotLike '*x'"),
        format!("PATH ForAnyOfAllValues:StringLike {{{lists}}} AND PATH StringNotLike '*x*'"),
    ] {
        let audit = Audit::of_condition(&connection, &limited(&limits));
        for request in ["read `training/hall-3/…`", "read another blob of `training`", OTHER] {
            let row = audit.rows.iter().find(|row| row.request == request).unwrap();
            assert_eq!(row.decision, Decision::MayBeAllowed, "{audit}");
            assert_eq!(row.example, None, "{audit}");
            assert!(row.why.contains("too large or too entangled"), "{}", row.why);
        }
        assert_eq!(table(&audit)[LIST_OTHER], Decision::Denied, "a list has no path");
    }
}

#[test]
fn each_container_of_a_long_condition_has_rows() {
    let connection = connection("hall-3/");
    let names: Vec<String> = (0..900).map(|n| format!("'c{n:03}'")).collect();
    let limits = format!("NAME ForAnyOfAnyValues:StringEquals {{'training',{}}}", names.join(","));
    let audit = Audit::of_condition(&connection, &limited(&limits));
    let allowed = |row: &&azure_asset_sync::grant::Access| {
        row.decision == Decision::Allowed && row.request.starts_with("read `c")
    };
    assert_eq!(audit.rows.iter().filter(allowed).count(), 900);
    assert_eq!(table(&audit)[OTHER], Decision::Denied);
    let longest = audit.rows.iter().map(|row| row.why.len()).max().unwrap();
    assert!(longest < 400, "{longest}");
}
