//! The host policy in JSON, as the configuration of a service has it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::policy::{AzureClouds, HostPolicy};
use crate::name::InvalidName;

/// The JSON form of a policy.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename = "HostPolicy")]
struct PolicyForm {
    /// The clouds of Azure whose hosts are allowed.
    clouds: AzureClouds,
    /// The origins of custom endpoints to allow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    endpoints: Vec<String>,
    /// The origins of custom authorities to allow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorities: Vec<String>,
    /// The host names that may have private IP addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    private_addresses: Vec<String>,
}

impl PolicyForm {
    /// Checks every entry, and returns all problems in one line.
    fn build(self) -> Result<HostPolicy, String> {
        let mut policy = HostPolicy::of_clouds(self.clouds);
        let mut problems = Vec::new();
        let mut add = |field, entries: Vec<String>, allow: Allow| {
            for entry in entries {
                match allow(policy.clone(), &entry) {
                    Ok(extended) => policy = extended,
                    Err(problem) => problems.push(format!("{field}: {problem}")),
                }
            }
        };
        add("endpoints", self.endpoints, HostPolicy::allow_endpoint);
        add("authorities", self.authorities, HostPolicy::allow_authority);
        add("private_addresses", self.private_addresses, HostPolicy::allow_private_addresses);
        match problems.is_empty() {
            true => Ok(policy),
            false => Err(problems.join("; ")),
        }
    }
}

/// A method that extends a policy by one entry.
type Allow = fn(HostPolicy, &str) -> Result<HostPolicy, InvalidName>;

impl Serialize for HostPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (clouds, lists) = self.parts();
        let [endpoints, authorities, private_addresses] = lists.map(<[String]>::to_vec);
        PolicyForm { clouds, endpoints, authorities, private_addresses }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for HostPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PolicyForm::deserialize(deserializer)?.build().map_err(D::Error::custom)
    }
}

crate::schema::schema_as!(HostPolicy, PolicyForm);
