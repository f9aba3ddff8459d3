//! Everything that a service stores or sends survives a trip through JSON, and is read from JSON that the
//! version before wrote and that a later version will write.
//!
//! `tests/data/stored` has a file for each value, as the version before serde worked in both directions wrote
//! it. Files are never changed, only added: they are what services have in their databases.

mod codes;
mod random;
mod samples;
mod schemas;
mod typed;

use std::fs;

use serde_json::{Map, Value, json};

use self::samples::{Sample, Visit};

/// Fields whose values are objects with keys of the caller or of the customer.
const MAPS: [&str; 12] = [
    "collisions",
    "environment",
    "findings",
    "formats",
    "kinds",
    "max_size",
    "metadata",
    "on",
    "principal",
    "rejections",
    "request",
    "resource",
];

/// Fields of stored values that have a code. Not among them is `verdict`: every entry is accepted or rejected,
/// in every version.
const CODES: [&str; 28] = [
    "cause",
    "change",
    "check",
    "confidence",
    "decision",
    "detail",
    "drift",
    "ending",
    "event",
    "form",
    "kind",
    "layer",
    "limit",
    "order",
    "outcome",
    "outlook",
    "phase",
    "reason",
    "retry",
    "role",
    "rule",
    "severity",
    "shape",
    "sharing",
    "step",
    "tier",
    "total",
    "warning",
];

/// Returns a copy of the JSON for each object in it, with an unknown field in that object.
fn with_unknown_fields(json: &Value) -> Vec<Value> {
    changed(json, "", &|key, value| match value {
        Value::Object(fields) if !MAPS.contains(&key) => {
            let mut fields = fields.clone();
            fields.insert("a_field_of_2030".into(), json!({ "deep": [1] }));
            Some(Value::Object(fields))
        }
        _ => None,
    })
}

/// Returns a copy of the JSON for each code in it, with an unknown code instead.
fn with_unknown_codes(json: &Value) -> Vec<Value> {
    changed(json, "", &|key, value| match value {
        Value::String(_) if CODES.contains(&key) => Some("a_value_of_2030".into()),
        _ => None,
    })
}

/// Returns a copy of the JSON for each part of it that a function changes. The function gets the key of the
/// nearest object.
fn changed(json: &Value, key: &str, change: &dyn Fn(&str, &Value) -> Option<Value>) -> Vec<Value> {
    let mut copies: Vec<_> = change(key, json).into_iter().collect();
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                // Below a map, the key is not the name of a field.
                let name_of = if MAPS.contains(&key) { "" } else { name.as_str() };
                for copy in changed(value, name_of, change) {
                    let mut fields: Map<String, Value> = fields.clone();
                    fields.insert(name.clone(), copy);
                    copies.push(Value::Object(fields));
                }
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                for copy in changed(item, key, change) {
                    let mut items = items.clone();
                    items[at] = copy;
                    copies.push(Value::Array(items));
                }
            }
        }
        _ => {}
    }
    copies
}

/// Reads a value, and checks that it is the same after another trip.
fn read<T: Sample>(name: &str, json: &Value) -> T {
    let value: T = serde_json::from_value(json.clone())
        .unwrap_or_else(|error| panic!("{name}: {error}\n{json:#}"));
    let again: T = serde_json::from_value(serde_json::to_value(&value).unwrap()).unwrap();
    assert_same(name, &again, &value);
    value
}

/// Checks that two values are equal in all fields; not all types have `PartialEq`.
fn assert_same<T: Sample>(name: &str, one: &T, other: &T) {
    assert_eq!(format!("{one:?}"), format!("{other:?}"), "{name}");
    let [one, other] = [one, other].map(|value| serde_json::to_value(value).unwrap());
    assert_eq!(one, other, "{name}");
}

/// What an earlier version wrote.
fn stored(name: &str) -> Option<Value> {
    let path = format!("{}/tests/data/stored/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

/// Checks each sample, and counts what was checked.
#[derive(Default)]
struct Check {
    files: usize,
    fields: usize,
    codes: usize,
}

impl Visit for Check {
    fn sample<T: Sample>(&mut self, name: &str, value: &T) {
        let json = serde_json::to_value(value).unwrap();
        assert_same(name, &read::<T>(name, &json), value);
        for json in [Some(json), stored(name)].into_iter().flatten() {
            read::<T>(name, &json);
            self.files += 1;
            for newer in with_unknown_fields(&json) {
                read::<T>(name, &newer);
                self.fields += 1;
            }
            // A list of codes as a whole, such as all states, has no field.
            let is_list = json.as_array().is_some_and(|all| all.iter().all(Value::is_string));
            let newer = match is_list {
                true => changed(&json, "", &|_, value| {
                    value.is_string().then(|| "a_value_of_2030".into())
                }),
                false => with_unknown_codes(&json),
            };
            for newer in newer {
                read::<T>(name, &newer);
                self.codes += 1;
            }
        }
    }

    fn typed<T: Sample>(&mut self, name: &str, value: &T) {
        let json = serde_json::to_value(value).unwrap();
        assert_same(name, &read::<T>(name, &json), value);
        for json in [Some(json), stored(name)].into_iter().flatten() {
            read::<T>(name, &json);
            self.files += 1;
            for misspelled in with_unknown_fields(&json) {
                let error =
                    serde_json::from_value::<T>(misspelled.clone()).unwrap_err().to_string();
                assert!(error.contains("a_field_of_2030"), "{name}: {error}\n{misspelled:#}");
                self.fields += 1;
            }
        }
    }
}

#[tokio::test]
async fn stored_values_are_read_from_earlier_and_later_versions() {
    let mut check = Check::default();
    samples::visit(&mut check).await;
    let Check { files, fields, codes } = check;
    // Most samples have a file; a test that finds no field and no code would prove nothing.
    assert!(files >= 80 && fields >= 300 && codes >= 300, "{files} {fields} {codes}");
}
