//! The JSON Schemas in `schemas/` are those of the types.
//!
//! `WRITE_SCHEMAS=1 cargo test --test it stored::schemas` writes them after a deliberate change.

use std::{collections::BTreeMap, fs, path::PathBuf};

use azure_asset_sync::{
    Asset, Blob, Connection, Diagnosis, Error, ErrorKind, Health, HostPolicy, InvalidConnection,
    PreviewReport, Reason, Rejection, Report, Rules,
    condition::{Limit, Lint, LintFinding, ParseError, Request},
    grant::{Audit, Grant, InvalidGrant, Pack, RoleAssignment},
    lifecycle::{Event, State},
    probe::{Drift, DriftWatch, WaitEvent, WaitOutcome},
    scan::Shard,
    sink::{Change, Removal, RunId},
    sync::{Outcome, Status, Summary},
    validate::{Filter, Verdict},
};
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::Value;

/// Keeps the first paragraph of each description, without the link targets of rustdoc.
fn shorten(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get_mut("description") {
                let first = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
                let mut plain = String::new();
                let mut rest = first.as_str();
                while let Some((before, after)) = rest.split_once("](") {
                    plain.push_str(before);
                    rest = after.split_once(')').map_or("", |(_, after)| after);
                }
                plain.push_str(rest);
                *text = plain.replace(['[', ']', '`'], "");
            }
            fields.values_mut().for_each(shorten);
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        _ => {}
    }
}

fn schema<T: JsonSchema>() -> Value {
    // The contract of what is written: it has every field, and readers in other languages get that.
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let schema: Schema = settings.into_generator().into_root_schema_for::<T>();
    let mut value = schema.to_value();
    shorten(&mut value);
    value
}

fn all() -> BTreeMap<&'static str, Value> {
    macro_rules! schemas {
        ($($type:ident)+) => { [$((stringify!($type), schema::<$type>())),+] };
    }
    schemas![
        Asset Audit Blob Change Connection Diagnosis Drift DriftWatch Error ErrorKind Event Filter Grant
        Health HostPolicy InvalidConnection InvalidGrant Limit Lint LintFinding Outcome Pack ParseError PreviewReport
        Reason Rejection Removal Report Request RoleAssignment Rules RunId Shard State Status Summary
        Verdict WaitEvent WaitOutcome
    ]
    .into()
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let is_written = std::env::var_os("WRITE_SCHEMAS").is_some();
    for (name, schema) in all() {
        let path = folder.join(format!("{name}.json"));
        let text = format!("{schema:#}\n");
        if is_written {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &text).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(committed, text, "{name}: run the test with WRITE_SCHEMAS=1");
    }
    let files = fs::read_dir(folder).unwrap().count();
    assert_eq!(files, all().len(), "a file without a type");
}

#[test]
fn a_schema_accepts_codes_of_a_newer_version_only_where_the_type_does() {
    let state = schema::<State>();
    assert_eq!(state["anyOf"][0]["enum"][0], "draft");
    assert_eq!(state["anyOf"][1]["type"], "string");
    let grant = schema::<Grant>();
    assert_eq!(grant["$defs"]["Shape"]["enum"][0], "account-with-condition");
    assert_eq!(grant["additionalProperties"], false);
    assert_eq!(schema::<Health>()["properties"]["at"]["format"], "date-time");
    assert_eq!(schema::<Report>()["properties"]["elapsed"]["format"], "duration");
}
