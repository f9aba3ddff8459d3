//! Reads a cloud from JSON, with an error that names the problem.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{
    clouds::{Cloud, DnsZone},
    endpoint::Endpoint,
};

/// A cloud as an object. Exactly one field is set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    dns_zone: Option<DnsZone>,
    custom: Option<Endpoint>,
}

/// Reads a name, or an object with one field.
struct CloudVisitor;

impl<'de> Visitor<'de> for CloudVisitor {
    type Value = Cloud;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cloud such as `public`, or an object with `dns_zone` or `custom`")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Cloud, E> {
        match name {
            "public" => Ok(Cloud::Public),
            "us_government" => Ok(Cloud::UsGovernment),
            "china" => Ok(Cloud::China),
            _ => Err(E::unknown_variant(
                &name.chars().take(40).collect::<String>(),
                &["public", "us_government", "china", "dns_zone", "custom"],
            )),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Cloud, A::Error> {
        match Form::deserialize(MapAccessDeserializer::new(map))? {
            Form { dns_zone: Some(zone), custom: None } => Ok(Cloud::DnsZone(zone)),
            Form { dns_zone: None, custom: Some(endpoint) } => Ok(Cloud::Custom(endpoint)),
            _ => Err(de::Error::custom("a cloud must have either `dns_zone` or `custom`")),
        }
    }
}

impl<'de> Deserialize<'de> for Cloud {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CloudVisitor)
    }
}
