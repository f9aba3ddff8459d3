//! `Limit` builds the conditions that Azure's guides print, and they allow nothing else.

use std::time::{Duration, SystemTime};

use azure_asset_sync::{
    ContainerName, Prefix,
    condition::{Condition, Layout, Limit, MAX_MADE, Request, Source},
    name::Field,
};
use proptest::prelude::*;

const READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
const CONTAINERS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers";

fn container(name: &str) -> ContainerName {
    name.parse().unwrap()
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

/// Returns a request to read the current version of a blob.
fn read(container: &str, path: &str) -> Request {
    Request::new(READ)
        .resource(&format!("{CONTAINERS}:name"), container)
        .resource(&format!("{CONTAINERS}/blobs:path"), path)
        .resource(&format!("{CONTAINERS}/blobs:isCurrentVersion"), true)
}

fn list(container: &str, prefix: Option<&str>) -> Request {
    let list = Request::new(READ)
        .suboperation("Blob.List")
        .resource(&format!("{CONTAINERS}:name"), container);
    match prefix {
        Some(prefix) => list.request(&format!("{CONTAINERS}/blobs:prefix"), prefix),
        None => list,
    }
}

#[test]
fn the_limit_to_a_container_is_the_text_of_the_guides() {
    let condition = Limit::container(&container("training")).condition().unwrap();
    assert_eq!(
        condition.print(Layout::Portal),
        format!(
            "(\n (\n  !(ActionMatches{{'{READ}'}})\n )\n OR\n (\n  @Resource[{CONTAINERS}:name] StringEquals 'training'\n )\n)"
        )
    );
}

#[test]
fn the_limit_to_a_prefix_has_a_clause_for_reads_and_one_for_lists() {
    let limit = Limit::container(&container("c01")).prefix(&prefix("p/")).current_versions_only();
    let text = format!(
        "\
(
 (
  !(ActionMatches{{'{READ}'}} AND NOT SubOperationMatches{{'Blob.List'}})
 )
 OR
 (
  @Resource[{CONTAINERS}:name] StringEquals 'c01'
  AND
  @Resource[{CONTAINERS}/blobs:path] StringStartsWith 'p/'
  AND
  @Resource[{CONTAINERS}/blobs:isCurrentVersion] BoolEquals true
 )
)
AND
(
 (
  !(ActionMatches{{'{READ}'}} AND SubOperationMatches{{'Blob.List'}})
 )
 OR
 (
  @Resource[{CONTAINERS}:name] StringEquals 'c01'
  AND
  @Request[{CONTAINERS}/blobs:prefix] StringStartsWith 'p/'
 )
)"
    );
    assert_eq!(limit.condition().unwrap().print(Layout::Portal), text);
}

#[test]
fn each_option_limits_only_what_it_names() {
    let base = Limit::container(&container("c01"));
    let allows = |limit: &Limit, request: &Request| limit.condition().unwrap().allows(request);
    let (inside, outside) = (read("c01", "p/a"), read("c02", "p/a"));

    assert!(allows(&base, &inside) && !allows(&base, &outside));
    assert!(allows(&base, &list("c01", None)) && !allows(&base, &list("c02", None)));
    let two = base.clone().or_container(&container("c02"));
    assert!(allows(&two, &inside) && allows(&two, &outside) && !allows(&two, &read("c03", "a")));
    let other = Request::new("Microsoft.Storage/storageAccounts/blobServices/containers/read");
    assert!(allows(&base, &other), "a container that the condition does not name is not limited");

    let current = base.clone().current_versions_only();
    let old = read("c01", "a").resource(&format!("{CONTAINERS}/blobs:isCurrentVersion"), false);
    assert!(allows(&base, &old) && !allows(&current, &old) && allows(&current, &inside));
    assert!(allows(&current, &list("c01", None)));

    let private = base.clone().private_link_only();
    let over_link = |yes| inside.clone().attribute(Source::Environment, "isPrivateLink", yes);
    assert!(allows(&private, &over_link(true)));
    assert!(!allows(&private, &over_link(false)) && !allows(&private, &inside));

    let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/privateEndpoints/e";
    let endpoint = base.clone().private_endpoint(id);
    let over = |id: &str| {
        inside.clone().attribute(Source::Environment, "Microsoft.Network/privateEndpoints", id)
    };
    assert!(allows(&endpoint, &over(&id.to_uppercase())) && !allows(&endpoint, &over("other")));

    let until = base.until(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let at = |time| inside.clone().attribute(Source::Environment, "UtcNow", time);
    assert!(allows(&until, &at("2027-01-15T07:59:59.9999999Z")));
    assert!(!allows(&until, &at("2027-01-15T08:00:00.0Z")));
}

#[test]
fn a_value_that_cannot_be_written_safely_is_refused_with_the_reason() {
    for text in ["it's/", "a\\b/", "a\nb/"] {
        let limit = Limit::container(&container("c01")).prefix(&prefix(text));
        let error = limit.condition().unwrap_err();
        assert_eq!(error.field(), Field::Prefix);
        assert!(error.to_string().contains("cannot contain a quote"), "{error}");
    }
    let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/privateEndpoints/x' OR 'a' StringEquals 'a";
    let injected = Limit::container(&container("c01")).private_endpoint(id);
    assert!(injected.condition().unwrap_err().to_string().contains("cannot contain a quote"));
    for id in [
        "",
        "pe",
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a",
    ] {
        let limit = Limit::container(&container("c01")).private_endpoint(id);
        assert!(limit.condition().unwrap_err().to_string().contains("resource id"), "{id}");
    }
    let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/privateEndpoints/";
    for (length, is_taken) in [(1024, true), (1025, false)] {
        let id = format!("{id}{}", "x".repeat(length - id.len()));
        let limit = Limit::container(&container("c01")).private_endpoint(id);
        assert_eq!(limit.condition().is_ok(), is_taken, "{length}");
    }
    let second = Duration::from_secs(1);
    for time in [SystemTime::UNIX_EPOCH - second, SystemTime::UNIX_EPOCH + second * u32::MAX * 60] {
        let limit = Limit::container(&container("c01")).until(time);
        assert!(limit.condition().unwrap_err().to_string().contains("year"), "{time:?}");
    }
    let plain =
        Limit::container(&container("$web")).prefix(&prefix("\u{4e2d}\u{6587} (1) {a} OR @b"));
    let made = plain.condition().unwrap();
    assert_eq!(made.to_string().parse::<Condition>().unwrap(), made);
}

#[test]
fn the_length_of_a_condition_is_limited() {
    let mut limit = Limit::container(&container("container-000"));
    for n in 1..400 {
        limit = limit.or_container(&container(&format!("container-{n:03}")));
    }
    assert!(limit.condition().unwrap().to_string().len() <= MAX_MADE + 20);
    for n in 400..500 {
        limit = limit.or_container(&container(&format!("container-{n:03}")));
    }
    assert!(limit.condition().unwrap_err().to_string().contains("8,000 bytes"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_outside_the_container_and_prefix_is_allowed(
        (name, requested) in ("(data|pics|data2)", "(data|Data|pics|data2|other)"),
        (start, path) in ("[ab]{0,2}/?", "[abA/]{0,5}"),
        (listing, sent) in any::<(bool, bool)>(),
    ) {
        prop_assume!(!start.starts_with('/'));
        let condition = Limit::container(&container(&name)).prefix(&prefix(&start)).condition().unwrap();
        let request = match listing {
            true => list(&requested, sent.then_some(path.as_str())),
            false => read(&requested, &path),
        };
        let has_prefix = sent || !listing || start.is_empty();
        let inside = requested == name && has_prefix && path.starts_with(&start);
        let inside = inside || (requested == name && start.is_empty());
        prop_assert_eq!(condition.allows(&request), inside, "{} {:?}", condition, request);
    }
}
