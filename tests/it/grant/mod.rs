//! Each form of a grant passes the intended values to its program, allows what it promises, and has
//! stable names.

mod azure;
mod others;
mod shells;
mod templates;
mod windows;

use azure_asset_sync::{
    Cloud, Connection,
    grant::{Form, Grant, GrantBuilder, Shape, Sharing, Step, arm_guid},
    name::Field,
};
use serde_json::Value as Json;

const SUBSCRIPTION: &str = "11111111-2222-3333-4444-555555555555";
const APPLICATION: &str = "99999999-8888-7777-6666-555555555555";
const PRINCIPAL: &str = "0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e";

/// Prefixes with characters that are special in some language.
const ODD: &[&str] = &[
    "hall-3/",
    "two words/",
    "$HOME/`id`/$(id)/",
    "100%/%PATH%/",
    "a\"b/",
    "!!/!x/",
    "it\u{2019}s \u{201a}low\u{201b}/",
    "${a}/%{b}/$${c}/",
    "[a]?/&|;<>^~#/",
    "OBJECT_ID/\u{e9}\u{4e2d}/",
];

fn connection(prefix: &str) -> Connection {
    let builder = Connection::builder("a").account("contosovision").container("training");
    builder.prefix(prefix).build().unwrap()
}

fn builder(connection: &Connection) -> GrantBuilder {
    Grant::builder(connection)
        .subscription(SUBSCRIPTION)
        .resource_group("vision(eu)")
        .application(APPLICATION)
}

fn condition(grant: &Grant) -> String {
    grant.assignments()[0].condition.as_ref().unwrap().to_string()
}

fn after<'a>(call: &'a [String], option: &str) -> &'a str {
    let at = call
        .iter()
        .position(|argument| argument == option)
        .unwrap_or_else(|| panic!("{option}: {call:?}"));
    &call[at + 1]
}

#[test]
fn each_form_has_every_step_and_can_be_run_twice() {
    let connection = connection("hall-3/");
    for form in Form::ALL {
        for shape in Shape::ALL {
            let make = |builder: GrantBuilder| {
                let builder = builder.resource_group("vision").shape(*shape);
                builder.origin("https://app.contoso.com").build().unwrap()
            };
            let grant = make(builder(&connection));
            let pack = grant.pack(*form).unwrap();
            for step in Step::ALL {
                assert!(
                    pack.step(*step).is_some_and(|text| !text.is_empty()),
                    "{form} {shape} {step:?}"
                );
                let part = pack.parts.iter().find(|p| p.step == *step && p.file.is_none()).unwrap();
                assert!(!part.about.is_empty() && !part.about.contains('\n'), "{form} {step:?}");
            }
            // The service expands `*` before it adds Content-Range, so the rule must name that header.
            let cors = pack.step(Step::Cors).unwrap();
            let names = ["Accept-Ranges", "Content-Length", "Content-Range", "ETag"];
            assert!(names.iter().all(|name| cors.contains(name)), "{form}: {cors}");
            // The old commands need an account key, and remove or duplicate rules.
            assert!(!cors.contains("storage cors") && !cors.contains("AzStorageCORSRule"));
            assert_eq!(pack, make(builder(&connection)).pack(*form).unwrap());
            let text = pack.to_string();
            // The portal and Azure PowerShell generate names, so every step of every form searches for
            // principal, role and scope.
            if !matches!(form, Form::Portal | Form::PowerShell) {
                assert!(
                    grant.assignments().iter().all(|a| text.contains(&a.name)),
                    "{form} {shape}"
                );
            }
            // Each form describes what remains after a revocation in the same words, and the last step
            // removes it.
            let part =
                |step| pack.parts.iter().find(|p| p.step == step && p.file.is_none()).unwrap();
            let about = &part(Step::Revoke).about;
            let links = *shape != Shape::CustomRole;
            assert_eq!(about.contains("up to 7 days"), links, "{form}: {about}");
            assert!(about.contains("CORS rule") && about.contains("service principal"));
            let end = &part(Step::EndShared).text.to_lowercase();
            let ends_links = ["revoke-delegation-keys", "userdelegationkeys"]
                .iter()
                .any(|word| end.contains(word));
            assert_eq!(ends_links, links, "{form} {shape}: {end}");
            let ends_delegator = end.contains("storage blob delegator");
            assert_eq!(ends_delegator, *shape == Shape::ContainerAndDelegator, "{form}: {end}");
            // Instructions for people promise nothing that no program does for them.
            if matches!(form, Form::Portal | Form::Rest) {
                for part in pack.parts.iter().filter(|part| part.file.is_none()) {
                    for promise in ["Fails", "fails if", "Stops", "stops", "unless you confirm"] {
                        assert!(!part.about.contains(promise), "{form}: {}", part.about);
                    }
                }
            }
            let revoke = &part(Step::Revoke).text;
            let of_role = grant.assignments()[0].role_id.as_str();
            let role_goes = revoke.contains("role definition delete")
                || revoke.contains("Remove-AzRoleDefinition")
                || revoke.contains("terraform destroy")
                || revoke.contains(&format!("DELETE https://management.azure.com/subscriptions/{SUBSCRIPTION}/resourceGroups/vision/providers/Microsoft.Authorization/roleDefinitions/{of_role}"))
                || revoke.contains("Roles, find");
            assert!(role_goes || *shape != Shape::CustomRole, "{form}: {revoke}");
            let known =
                make(builder(&connection).principal(PRINCIPAL)).pack(*form).unwrap().to_string();
            assert!(matches!(form, Form::Portal) || known.contains(PRINCIPAL), "{form}");
        }
    }
}

#[test]
fn names_are_those_that_template_functions_generate() {
    let vectors: Json =
        serde_json::from_str(include_str!("../../data/arm_guid_vectors.json")).unwrap();
    for vector in vectors["vectors"].as_array().unwrap() {
        let arguments: Vec<_> =
            vector["args"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
        assert_eq!(arm_guid(&arguments), vector["guid"], "{arguments:?}");
    }
    // The name depends on the scope, the application, the role, and the purpose of the grant.
    let connection = connection("hall-3/");
    let grant = builder(&connection).principal(PRINCIPAL).build().unwrap();
    let assignment = &grant.assignments()[0];
    let names =
        [assignment.scope.as_str(), APPLICATION, &assignment.role_id, r#"["training/hall-3/"]"#];
    assert_eq!(assignment.name, arm_guid(&names));
    let grant = builder(&connection).shape(Shape::ContainerAndDelegator).build().unwrap();
    let delegator = &grant.assignments()[1];
    assert_eq!(delegator.name, arm_guid(&[&delegator.scope, APPLICATION, &delegator.role_id]));
}

/// A prefix can contain the separator between the places of a list.
#[test]
fn different_places_have_different_names_and_descriptions() {
    let grants: Vec<_> = [&["x,training/y/"][..], &["x", "y/"], &["x-training/y/!"], &["x", "y/!"]]
        .iter()
        .map(|prefixes| {
            let connections: Vec<_> = prefixes.iter().map(|prefix| connection(prefix)).collect();
            let start = builder(&connections[0]);
            connections[1..].iter().fold(start, GrantBuilder::also).build().unwrap()
        })
        .collect();
    for (n, one) in grants.iter().enumerate() {
        for other in &grants[n + 1..] {
            let (one, other) = (&one.assignments()[0], &other.assignments()[0]);
            assert_ne!(one.name, other.name);
            assert_ne!(one.description, other.description);
        }
    }
}

#[test]
fn a_grant_knows_which_grants_share_its_assignments() {
    let place = |container: &str, prefix: &str| {
        let builder = Connection::builder("a").account("contosovision").container(container);
        builder.prefix(prefix).build().unwrap()
    };
    let (a, b, c) =
        (place("training", "hall-3/"), place("training", "hall-4/"), place("other", ""));
    let sharing = |shape: Shape, connections: &[&Connection]| {
        let mut builder = builder(connections[0]).shape(shape);
        for connection in &connections[1..] {
            builder = builder.also(connection);
        }
        let grant = builder.build().unwrap();
        assert!(grant.connections().eq(connections.iter().copied()));
        for (connection, audit) in grant.audits() {
            assert!(audit.suffices(), "{shape} {connection:?}\n{audit}");
        }
        grant.assignments().iter().map(|a| a.sharing).collect::<Vec<_>>()
    };
    use Sharing::{Account, Connections, Own};
    for (shape, connections, expected) in [
        (Shape::AccountWithCondition, &[&a][..], &[Own][..]),
        (Shape::AccountWithCondition, &[&a, &a], &[Own]),
        (Shape::AccountWithCondition, &[&a, &b, &c], &[Connections]),
        (Shape::ContainerAndDelegator, &[&a], &[Own, Account]),
        (Shape::ContainerAndDelegator, &[&a, &b, &c], &[Connections, Own, Account]),
        (Shape::CustomRole, &[&c, &b], &[Own, Own]),
    ] {
        assert_eq!(sharing(shape, connections), expected, "{shape} {connections:?}");
    }
    // An assignment on a container needs no condition if there is no prefix.
    let grant = builder(&a).also(&place("training", "")).shape(Shape::CustomRole).build().unwrap();
    assert_eq!(grant.assignments()[0].condition, None);
    let far = Connection::builder("a").account("fabrikam").container("training").build().unwrap();
    let error = builder(&a).also(&far).build().unwrap_err();
    assert_eq!(error.field(), Field::Account);
    assert!(error.to_string().contains("belong to one storage account"), "{error}");
}

#[test]
fn the_instructions_for_the_portal_match_the_portal() {
    let connection = connection("hall-3/");
    for shape in Shape::ALL {
        let builder = builder(&connection).shape(*shape).origin("https://app.contoso.com");
        let pack = builder.build().unwrap().pack(Form::Portal).unwrap();
        let apply = pack.step(Step::Apply).unwrap();
        // The search for members accepts names, but not application IDs.
        assert!(pack.step(Step::Principal).unwrap().contains("--query displayName"));
        assert!(apply.contains("type the display name") && apply.contains(" Select.\n"), "{apply}");
        assert!(apply.contains("Review + assign, and Review + assign once more."), "{apply}");
        assert!(apply.contains("  Description: Lets application "), "{apply}");
        assert!(apply.contains("\n  Save. Next.\n"), "{apply}");
        assert_eq!(apply.contains("Create."), *shape == Shape::CustomRole);
        assert!(pack.step(Step::Cors).unwrap().contains("Resource sharing (CORS)"));
    }
}

#[test]
fn errors_name_the_field_of_an_invalid_value() {
    let connection = connection("");
    let table = [
        (builder(&connection).subscription("Contoso"), Field::Subscription),
        (builder(&connection).resource_group("a b"), Field::ResourceGroup),
        (builder(&connection).resource_group(""), Field::ResourceGroup),
        (builder(&connection).resource_group("a."), Field::ResourceGroup),
        (builder(&connection).resource_group("--help"), Field::ResourceGroup),
        (builder(&connection).resource_group("-g"), Field::ResourceGroup),
        (builder(&connection).application("app"), Field::Application),
        (builder(&connection).principal("me@contoso.com"), Field::Principal),
        (builder(&connection).origin("app.contoso.com"), Field::Origin),
        (builder(&connection).origin("https://app.contoso.com/"), Field::Origin),
        (builder(&connection).origin("https://app.contoso.com/labels"), Field::Origin),
        (builder(&connection).origin("*"), Field::Origin),
        // The URL standard allows these characters, but they are special in shells.
        (builder(&connection).origin("https://a&b.example"), Field::Origin),
        (builder(&connection).origin("https://$home.example"), Field::Origin),
        (builder(&connection).origin("https://a'b.example"), Field::Origin),
        (builder(&connection).origin("https://`id`.example"), Field::Origin),
        (builder(&connection).origin("https://a(b).example"), Field::Origin),
        (builder(&connection).origin("https://a;b.example"), Field::Origin),
        // Longer than a CORS rule may have.
        (builder(&connection).origin(format!("https://{}", "a.".repeat(124) + "b")), Field::Origin),
    ];
    for (builder, field) in table {
        let error = builder.build().unwrap_err();
        assert_eq!(error.field(), field, "{error}");
    }
    let error = builder(&connection).origin("https://app.contoso.com/").build().unwrap_err();
    assert_eq!(error.fix(), Some("write `https://app.contoso.com`"));
}

#[test]
fn national_clouds_have_other_management_endpoints() {
    for (cloud, az, host) in [
        (Cloud::UsGovernment, "AzureUSGovernment", "management.usgovcloudapi.net"),
        (Cloud::China, "AzureChinaCloud", "management.chinacloudapi.cn"),
    ] {
        let connection = Connection::builder("a")
            .account("abc")
            .container("training")
            .cloud(cloud)
            .build()
            .unwrap();
        let grant = builder(&connection).origin("https://app.contoso.com").build().unwrap();
        for step in Step::ALL {
            // `az cloud set` needs a new sign-in, so no block runs it.
            let pack = grant.pack(Form::AzBash).unwrap();
            let text = pack.step(*step).unwrap();
            assert!(text.contains(&format!("[ \"$CLOUD\" = {az} ] || grant_stop")), "{text}");
            assert!(!text.lines().any(|line| line.trim_start().starts_with("az cloud")), "{text}");
            let pack = grant.pack(Form::AzCmd).unwrap();
            assert!(pack.step(*step).unwrap().contains(&format!("if \"%CLOUD%\"==\"{az}\"")));
            let pack = grant.pack(Form::PowerShell).unwrap();
            let text = pack.step(*step).unwrap();
            assert!(text.contains(&format!("-cne '{az}')")), "{text}");
            assert!(text.contains(&format!("Connect-AzAccount -Environment {az}")), "{text}");
        }
        assert!(grant.pack(Form::Rest).unwrap().step(Step::Apply).unwrap().contains(host));
    }
}
