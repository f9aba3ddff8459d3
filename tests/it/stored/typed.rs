//! What people and configurations write is checked as by the builders: misspelled fields and unknown codes
//! are refused, values are bounded, and all problems are reported at once.

use std::error::Error as _;

use azure_asset_sync::{
    AccountName, Cloud, Connection, ContainerName, Error, ErrorKind, Format, HostPolicy,
    InvalidConnection, InvalidName, Kind, Prefix, Rules, TenantId,
    cloud::RefusedHost,
    condition::{Condition, Limit, Lint, ParseError, Request},
    error::UnknownCode,
    grant::{Grant, InvalidGrant, Shape},
    name::Field,
    scan::Shard,
    validate::{Filter, FilterProblem, InvalidFilter},
};
use serde::de::DeserializeOwned;

/// Reads a value and returns the error, or an empty text.
fn error_of<T: DeserializeOwned>(json: &str) -> String {
    serde_json::from_str::<T>(json).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn values_are_checked_as_by_the_builders() {
    let long = format!(
        r#"{{"name":"a","account":"contoso","container":"training","prefix":"{}"}}"#,
        "a".repeat(2_000)
    );
    let many = format!(
        r#"{{"refuse":[{}"x"]}}"#,
        (0..1_001).map(|n| format!("\"e{n}\",")).collect::<String>()
    );
    let patterns = format!(r#"{{"include":[{}"x"]}}"#, "\"a\",".repeat(101));
    for (what, error, expected) in [
        ("account", error_of::<AccountName>(r#""Contoso""#), "did you mean `contoso`?"),
        ("container", error_of::<ContainerName>(r#""a""#), "container `a`"),
        ("tenant", error_of::<TenantId>(r#""common""#), "tenant `common`"),
        ("prefix", error_of::<Prefix>(r#""a*""#), "wildcards"),
        (
            "connection",
            error_of::<Connection>(r#"{"name":"","account":"A","container":"b"}"#),
            "account `A`",
        ),
        ("long prefix", error_of::<Connection>(&long), "prefix"),
        ("cloud", error_of::<Cloud>(r#"{"dns_zone":51}"#), "0 to 50"),
        ("cloud", error_of::<Cloud>(r#""moon""#), "moon"),
        ("endpoint", error_of::<Cloud>(r#"{"custom":{"endpoint":"ftp://a"}}"#), "http or https"),
        ("kind", error_of::<Filter>(r#"{"kinds":["audio"]}"#), "expected one of `image`, `video`"),
        ("patterns", error_of::<Filter>(&patterns), "the limit is 100"),
        ("time", error_of::<Filter>(r#"{"modified_since":"soon"}"#), "not a time"),
        ("reason", error_of::<Rules>(r#"{"on":{"odd_nam":"note"}}"#), "unknown value `odd_nam`"),
        ("action", error_of::<Rules>(r#"{"on":{"odd_name":"shrug"}}"#), "unknown value `shrug`"),
        ("rule's filter", error_of::<Rules>(r#"{"filter":{"include":["a\\b"]}}"#), "include"),
        ("many", error_of::<Rules>(&many), "the limit is 1000"),
        ("size", error_of::<Rules>(r#"{"max_size":{"image":9007199254740993}}"#), "8 PiB"),
        ("size of a kind", error_of::<Rules>(r#"{"max_size":{"audio":1}}"#), "audio"),
        (
            "format",
            error_of::<Format>(r#"{"extension":"a.b","kind":"image","media_type":"x"}"#),
            "media type `x`",
        ),
        (
            "kind",
            error_of::<Format>(r#"{"extension":"a","kind":"audio","media_type":"a/b"}"#),
            "`audio`",
        ),
        (
            "twice",
            error_of::<Rules>(
                r#"{"accept":[{"extension":"a","kind":"image","media_type":"a/b"}],"refuse":["A"]}"#,
            ),
            "both accept and refuse",
        ),
        ("limit", error_of::<Limit>(r#"{"containers":["A"]}"#), "container `A`"),
        ("limit", error_of::<Limit>(r#"{"containers":["abc"],"untill":"x"}"#), "untill"),
        ("lint", error_of::<Lint>(r#"{"scope":"planet"}"#), "`planet`"),
        ("request", error_of::<Request>(r#"{"action":"a","requests":{}}"#), "requests"),
        ("condition", error_of::<Condition>(r#""NOT""#), "line 1"),
        (
            "shard",
            error_of::<Shard>(r#"{"prefix":"","order":"a_value_of_2030"}"#),
            "a_value_of_2030",
        ),
        ("policy", error_of::<HostPolicy>(r#"{"clouds":"moon"}"#), "moon"),
        (
            "policy",
            error_of::<HostPolicy>(r#"{"endpoints":["https://169.254.169.254"]}"#),
            "reserved",
        ),
    ] {
        assert!(error.contains(expected), "{what}: {error:?}");
    }
}

#[test]
fn all_problems_are_reported_at_once_and_by_field() {
    let json = r#"{"endpoints":["ftp://a","https://a/b"],"authorities":["http://c"],"private_addresses":["10.0.0.1"]}"#;
    let error = error_of::<HostPolicy>(json);
    for field in ["endpoints: ", "without a path", "authorities: ", "private_addresses: "] {
        assert!(error.contains(field), "{error}");
    }
    let json = r#"{
        "accept": [{"extension": "", "kind": "image", "media_type": "dicom"}],
        "max_size": {"image": 9007199254740993, "video": 9007199254740994}
    }"#;
    let error = error_of::<Rules>(json);
    for field in ["extension", "media type `dicom`", "max_size.image", "max_size.video"] {
        assert!(error.contains(field), "{error}");
    }
    let connection = Connection::builder("a").account("contoso").container("training");
    let connection = connection.build().unwrap();
    let other = Connection::builder("b").account("fabrikam").container("training").build().unwrap();
    let limit = Limit::container(connection.container()).private_endpoint("name");
    let builder = Grant::builder(&connection)
        .also(&other)
        .subscription("s")
        .application("a")
        .principal("p")
        .resource_group("g.")
        .origin("app.contoso.com")
        .limit(limit);
    let invalid = builder.clone().build().unwrap_err();
    let fields: Vec<_> = invalid.problems().iter().map(InvalidName::field).collect();
    assert_eq!(
        fields,
        [
            Field::Subscription,
            Field::Application,
            Field::Principal,
            Field::ResourceGroup,
            Field::Origin,
            Field::Account,
            Field::PrivateEndpoint,
        ]
    );
    let error = Filter::builder()
        .include("a\\b")
        .format("a.b")
        .min_size(9)
        .max_size(1)
        .modified_since(std::time::SystemTime::UNIX_EPOCH)
        .modified_before(std::time::SystemTime::UNIX_EPOCH)
        .build()
        .unwrap_err();
    let filter = error.source().and_then(|it| it.downcast_ref::<InvalidFilter>()).unwrap();
    let fields: Vec<_> = filter.problems().iter().map(FilterProblem::field).collect();
    assert_eq!(fields, ["include", "formats", "min_size", "modified_since"]);
    assert_eq!(serde_json::to_value(filter).unwrap()["problems"][1]["field"], "formats");
    // The same from JSON, and in a form for a web page.
    let json = serde_json::to_string(&builder).unwrap();
    assert_eq!(error_of::<Grant>(&json), invalid.to_string());
    let problems = serde_json::to_value(&invalid).unwrap();
    assert_eq!(problems["problems"][0]["field"], "subscription");
    assert!(problems["problems"][3]["rule"].as_str().unwrap().contains("1 to 90"));
}

#[test]
fn every_error_of_a_value_becomes_the_error_of_the_crate() {
    fn refused() -> Result<(), Error> {
        let china: Cloud = Cloud::China;
        Ok(HostPolicy::public_cloud().check(&china, &"contoso".parse()?)?)
    }
    fn name() -> Result<AccountName, Error> {
        Ok("A".parse()?)
    }
    fn connection() -> Result<Connection, Error> {
        Ok(Connection::builder("").build()?)
    }
    fn grant() -> Result<Grant, Error> {
        let connection = Connection::builder("a").account("contoso").container("abc").build()?;
        Ok(Grant::builder(&connection).build()?)
    }
    fn condition() -> Result<Condition, Error> {
        Ok("NOT".parse()?)
    }
    fn code() -> Result<Shape, Error> {
        Ok("round".parse()?)
    }
    fn check<T: std::error::Error + 'static>(error: Option<Error>, kind: ErrorKind) {
        let error = error.unwrap();
        let source = error.source().and_then(|source| source.downcast_ref::<T>());
        assert_eq!(source.map(ToString::to_string), Some(error.to_string()));
        assert_eq!(error.kind(), kind);
    }
    check::<RefusedHost>(refused().err(), ErrorKind::HostRefused);
    check::<InvalidName>(name().err(), ErrorKind::Config);
    check::<InvalidConnection>(connection().err(), ErrorKind::Config);
    check::<InvalidGrant>(grant().err(), ErrorKind::Config);
    check::<ParseError>(condition().err(), ErrorKind::Config);
    check::<UnknownCode>(code().err(), ErrorKind::Config);
}

#[test]
fn rules_read_from_json_decide_like_the_rules_that_were_written() {
    let rules = Rules::default()
        .accept(Format::new("DCM", Kind::Image, "application/dicom").alias("Image/X-Dicom"));
    let read: Rules = serde_json::from_value(serde_json::to_value(&rules).unwrap()).unwrap();
    assert_eq!((&read, read.fingerprint()), (&rules, rules.fingerprint()));
    assert_eq!(serde_json::to_string(&Rules::default()).unwrap(), "{}");
}
