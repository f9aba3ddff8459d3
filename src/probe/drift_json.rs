//! The JSON form of a drift: an object with a tag, as all enums with values have it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{check::Check, drift::Drift};

/// A drift as an object.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename = "Drift")]
struct Form {
    /// What changed.
    drift: String,
    /// The check that changed, if the change is about a check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    check: Option<Check>,
}

/// A drift as it is read. Earlier versions wrote a name, or an object with the name as its only key.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Object(Form),
    Name(String),
    Pair(BTreeMap<String, Check>),
}

impl Form {
    /// Returns the form of a drift.
    fn of(drift: &Drift) -> Self {
        let (name, check) = match *drift {
            Drift::AnotherContainer => ("another_container", None),
            Drift::RoleGone => ("role_gone", None),
            Drift::Broken(check) => ("broken", Some(check)),
            Drift::Mended(check) => ("mended", Some(check)),
            Drift::Broadened(check) => ("broadened", Some(check)),
            Drift::Narrowed(check) => ("narrowed", Some(check)),
            Drift::ConditionLost => ("condition_lost", None),
            Drift::CorsLost => ("cors_lost", None),
            Drift::ContainerPublic => ("container_public", None),
            Drift::ContainerPrivate => ("container_private", None),
            Drift::TenantChanged => ("tenant_changed", None),
            Drift::PrincipalChanged => ("principal_changed", None),
            Drift::Other => ("other", None),
        };
        Self { drift: name.to_owned(), check }
    }
}

/// Returns the drift with a name. A name of a newer version is [`Drift::Other`].
fn drift(name: &str, check: Option<Check>) -> Drift {
    match (name, check) {
        ("another_container", _) => Drift::AnotherContainer,
        ("role_gone", _) => Drift::RoleGone,
        ("broken", Some(check)) => Drift::Broken(check),
        ("mended", Some(check)) => Drift::Mended(check),
        ("broadened", Some(check)) => Drift::Broadened(check),
        ("narrowed", Some(check)) => Drift::Narrowed(check),
        ("condition_lost", _) => Drift::ConditionLost,
        ("cors_lost", _) => Drift::CorsLost,
        ("container_public", _) => Drift::ContainerPublic,
        ("container_private", _) => Drift::ContainerPrivate,
        ("tenant_changed", _) => Drift::TenantChanged,
        ("principal_changed", _) => Drift::PrincipalChanged,
        _ => Drift::Other,
    }
}

impl Serialize for Drift {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Form::of(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Drift {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Stored::deserialize(deserializer)? {
            Stored::Object(form) => drift(&form.drift, form.check),
            Stored::Name(name) => drift(&name, None),
            Stored::Pair(pair) => match pair.into_iter().next() {
                Some((name, check)) => drift(&name, Some(check)),
                None => Drift::Other,
            },
        })
    }
}

crate::schema::schema_as!(Drift, Form);
