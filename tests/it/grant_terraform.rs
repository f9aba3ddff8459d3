//! The Terraform configurations of a grant have what `terraform init` and `terraform plan` need,
//! according to an HCL parser, and to Terraform itself if it is installed.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    io::Write as _,
    process::Command,
};

use azure_asset_sync::{
    Cloud, Connection,
    grant::{Form, Grant, Shape},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hcl::eval::Evaluate as _;
use tempfile::TempDir;

use crate::az_cli::prefixes::PREFIXES;

const SUBSCRIPTION: &str = "11111111-2222-3333-4444-555555555555";
const APPLICATION: &str = "99999999-8888-7777-6666-555555555555";
const PRINCIPAL: &str = "0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e";

/// The source of each provider, and its names for the national clouds.
const PROVIDERS: [(&str, &str, [&str; 2]); 3] = [
    ("azurerm", "hashicorp/azurerm", ["usgovernment", "china"]),
    ("azuread", "hashicorp/azuread", ["usgovernment", "china"]),
    ("azapi", "azure/azapi", ["usgovernment", "china"]),
];

/// Returns the configurations of all shapes, clouds and forms, with and without a known principal.
fn configurations() -> Vec<(String, Cloud, String)> {
    let mut found = Vec::new();
    for cloud in [Cloud::Public, Cloud::UsGovernment, Cloud::China] {
        let connection = Connection::builder("a")
            .account("contosovision")
            .container("training")
            .prefix("hall-3/")
            .cloud(cloud.clone())
            .build()
            .unwrap();
        for shape in Shape::ALL {
            for principal in [None, Some(PRINCIPAL)] {
                let mut builder = Grant::builder(&connection)
                    .subscription(SUBSCRIPTION)
                    .resource_group("vision(eu)")
                    .application(APPLICATION)
                    .origin("https://app.contoso.com")
                    .shape(*shape);
                if let Some(id) = principal {
                    builder = builder.principal(id);
                }
                let grant = builder.build().unwrap();
                for form in [Form::TerraformAzurerm, Form::TerraformAzapi] {
                    let pack = grant.pack(form).unwrap();
                    let what = format!("{form}, {shape}, {cloud:?}, {principal:?}");
                    let text = pack.file("grant.tf").unwrap().to_owned();
                    found.push((what, cloud.clone(), text));
                }
            }
        }
    }
    found
}

fn labels(block: &hcl::Block) -> Vec<&str> {
    block.labels().iter().map(hcl::BlockLabel::as_str).collect()
}

fn blocks<'a>(body: &'a hcl::Body, kind: &str) -> Vec<&'a hcl::Block> {
    body.blocks().filter(|block| block.identifier() == kind).collect()
}

/// Returns the text of an attribute, or `None` if it contains a reference.
fn text(block: &hcl::Block, key: &str) -> Option<String> {
    let attribute = block.body().attributes().find(|attribute| attribute.key() == key)?;
    match attribute.expr() {
        hcl::Expression::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// Returns the sources by the local names of `required_providers`.
fn required(body: &hcl::Body) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for terraform in blocks(body, "terraform") {
        for required in blocks(terraform.body(), "required_providers") {
            for attribute in required.body().attributes() {
                let value = attribute.expr().evaluate(&hcl::eval::Context::new()).unwrap();
                let value = serde_json::to_value(value).unwrap();
                let source = value["source"].as_str().unwrap_or_default().to_ascii_lowercase();
                assert!(value["version"].is_string(), "no version: {value}");
                let earlier = found.insert(attribute.key().to_owned(), source);
                assert_eq!(earlier, None, "{} is required twice", attribute.key());
            }
        }
    }
    found
}

/// Returns the local names of the providers of all resources and data sources.
fn used(body: &hcl::Body) -> BTreeSet<String> {
    let declared = blocks(body, "resource").into_iter().chain(blocks(body, "data"));
    declared.map(|block| labels(block)[0].split('_').next().unwrap().to_owned()).collect()
}

#[test]
fn each_provider_in_use_is_required_with_its_source() {
    for (what, _, text) in configurations() {
        let body = hcl::parse(&text).unwrap_or_else(|error| panic!("{what}: {error}\n{text}"));
        let required = required(&body);
        let used = used(&body);
        assert!(used.contains(if what.contains("azapi") { "azapi" } else { "azurerm" }), "{what}");
        for name in &used {
            let known = PROVIDERS.iter().find(|(known, ..)| known == name);
            let source = known.unwrap_or_else(|| panic!("{what}: {name}")).1;
            assert_eq!(required.get(name).map(String::as_str), Some(source), "{what}: {name}");
        }
        let unused: Vec<_> = required.keys().filter(|name| !used.contains(*name)).collect();
        assert!(unused.is_empty(), "{what}: {unused:?} would be downloaded for nothing");
    }
}

#[test]
fn each_provider_is_configured_for_the_subscription_and_the_cloud() {
    for (what, cloud, configuration) in configurations() {
        let body = hcl::parse(&configuration).unwrap();
        let providers = blocks(&body, "provider");
        for name in used(&body) {
            let mine: Vec<_> = providers.iter().filter(|block| labels(block) == [&name]).collect();
            assert!(mine.len() <= 1, "{what}: {name} is configured twice");
            let environment = mine.first().and_then(|block| text(block, "environment"));
            let national = PROVIDERS.iter().find(|(known, ..)| *known == name).unwrap().2;
            let wanted = match cloud {
                Cloud::UsGovernment => Some(national[0]),
                Cloud::China => Some(national[1]),
                _ => None,
            };
            let is_public =
                environment.as_deref().is_none_or(|name| matches!(name, "public" | "global"));
            match wanted {
                None => assert!(is_public, "{what}: {name} is for {environment:?}"),
                Some(wanted) => assert_eq!(environment.as_deref(), Some(wanted), "{what}: {name}"),
            }
            // Since version 4 azurerm does not start without a subscription.
            if name == "azurerm" {
                let subscription = mine.first().and_then(|block| text(block, "subscription_id"));
                assert_eq!(subscription.as_deref(), Some(SUBSCRIPTION), "{what}");
                let features = blocks(mine[0].body(), "features");
                assert_eq!(features.len(), 1, "{what}: azurerm does not start without `features`");
            }
        }
    }
}

/// Collects the first two names of each reference, for example `azurerm_role_definition.reader`.
fn references(value: &hcl::Expression, found: &mut BTreeSet<String>) {
    match value {
        hcl::Expression::Traversal(traversal) => {
            let hcl::Expression::Variable(root) = &traversal.expr else { return };
            let mut path = vec![root.as_str().to_owned()];
            for operator in &traversal.operators {
                if let hcl::TraversalOperator::GetAttr(name) = operator {
                    path.push(name.as_str().to_owned());
                }
            }
            let long = if path[0] == "data" { 3 } else { 2 };
            found.insert(path[..path.len().min(long)].join("."));
        }
        hcl::Expression::Array(values) => {
            values.iter().for_each(|value| references(value, found));
        }
        hcl::Expression::Object(object) => {
            object.values().for_each(|value| references(value, found));
        }
        _ => {}
    }
}

#[test]
fn each_reference_has_exactly_one_declaration() {
    fn walk(body: &hcl::Body, found: &mut BTreeSet<String>) {
        body.attributes().for_each(|attribute| references(attribute.expr(), found));
        body.blocks().for_each(|block| walk(block.body(), found));
    }
    for (what, _, text) in configurations() {
        let body = hcl::parse(&text).unwrap();
        let mut declared = BTreeSet::new();
        let mut declare = |name: String| {
            assert!(declared.insert(name.clone()), "{what}: {name} is declared twice");
        };
        for block in blocks(&body, "resource") {
            declare(labels(block).join("."));
        }
        for block in blocks(&body, "data") {
            declare(format!("data.{}", labels(block).join(".")));
        }
        for block in blocks(&body, "locals") {
            block.body().attributes().for_each(|local| declare(format!("local.{}", local.key())));
        }
        let mut referred = BTreeSet::new();
        walk(&body, &mut referred);
        let unknown: Vec<_> = referred.difference(&declared).collect();
        assert!(unknown.is_empty(), "{what}: {unknown:?}");
    }
}

/// Terraform with a working folder.
struct Terraform {
    program: OsString,
    folder: TempDir,
}

impl Terraform {
    fn find() -> Option<Self> {
        let program = std::env::var_os("TERRAFORM").unwrap_or_else(|| "terraform".into());
        let terraform = Self { program, folder: tempfile::tempdir().unwrap() };
        std::fs::write(terraform.folder.path().join("terraform.rc"), "").unwrap();
        let found = terraform.command(&["version"]).output().is_ok_and(|out| out.status.success());
        if !found {
            // Written to the stream directly, because the harness hides the output of a passing test.
            let say = b"!! Terraform is not installed: the configurations were not checked with it (set TERRAFORM)\n";
            std::io::stderr().write_all(say).unwrap();
        }
        found.then_some(terraform)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_CLI_CONFIG_FILE", self.folder.path().join("terraform.rc"));
        command
    }

    /// Returns what Terraform prints for a configuration and an input.
    fn run(&self, arguments: &[&str], configuration: &str, input: &str) -> String {
        std::fs::write(self.folder.path().join("grant.tf"), configuration).unwrap();
        std::fs::write(self.folder.path().join("input"), input).unwrap();
        let input = std::fs::File::open(self.folder.path().join("input")).unwrap();
        let output = self.command(arguments).stdin(input).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}\n{configuration}");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn terraform_requires_exactly_the_providers_in_use() {
    let Some(terraform) = Terraform::find() else { return };
    for (what, _, text) in configurations() {
        let said = terraform.run(&["providers"], &text, "");
        let wanted = used(&hcl::parse(&text).unwrap());
        for (name, source, _) in PROVIDERS {
            assert_eq!(
                said.contains(&format!("provider[registry.terraform.io/{source}]")),
                wanted.contains(name),
                "{what}: {source}\n{said}"
            );
        }
        assert_eq!(said.matches("provider[").count(), wanted.len(), "{what}:\n{said}");
    }
}

/// Terraform normalizes text to NFC, so a prefix in another Unicode form would become another prefix.
#[test]
fn terraform_reads_each_condition_unchanged() {
    let Some(terraform) = Terraform::find() else { return };
    let (mut expressions, mut meant, mut refused) = (Vec::new(), Vec::new(), BTreeSet::new());
    for prefix in PREFIXES {
        let builder = Connection::builder("a").account("contosovision").container("training");
        let connection = builder.prefix(prefix).build().unwrap();
        for shape in Shape::ALL {
            let grant = Grant::builder(&connection)
                .subscription(SUBSCRIPTION)
                .resource_group("vision(eu)")
                .application(APPLICATION)
                .shape(*shape)
                .build()
                .unwrap();
            for form in [Form::TerraformAzurerm, Form::TerraformAzapi] {
                let Ok(pack) = grant.pack(form) else {
                    refused.insert(prefix);
                    continue;
                };
                for line in pack.file("grant.tf").unwrap().lines() {
                    let expression =
                        line.split_once('=').filter(|(name, _)| name.trim() == "condition");
                    expressions.extend(expression.map(|(_, expression)| expression.to_owned()));
                }
                let conditions = grant.assignments().iter().filter_map(|a| a.condition.as_ref());
                meant.extend(conditions.map(ToString::to_string));
            }
        }
    }
    let composed = ["e\u{301}/o\u{308}/", "\u{1100}\u{1161}/"];
    assert_eq!(refused, composed.into());
    assert_eq!(expressions.len(), meant.len());
    let configuration = format!("locals {{\n  all = [{}]\n}}\n", expressions.join(","));
    let said = terraform.run(&["console"], &configuration, "base64encode(jsonencode(local.all))\n");
    let said = BASE64_STANDARD.decode(said.trim().trim_matches('"')).unwrap();
    let read: Vec<String> = serde_json::from_slice(&said).unwrap();
    assert_eq!(read, meant);
}
