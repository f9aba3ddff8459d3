//! Makes conditions from what a reader shall be limited to.

use std::{collections::BTreeSet, fmt::Write as _, time::SystemTime};

use super::{Condition, catalog::BLOB_READ as READ, parser};
use crate::name::{ContainerName, Field, InvalidName, Prefix};

/// The longest condition that is made, in bytes
///
/// Azure's limit is 8 KB, and does not say of what: bytes or characters, before or after escaping.
pub const MAX_MADE: usize = 8000;

const CONTAINER: &str = "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name]";
const PATH: &str =
    "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path]";
const PREFIX: &str =
    "@Request[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:prefix]";
const CURRENT: &str =
    "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:isCurrentVersion]";

/// What a reader of blobs shall be limited to, from which a condition is made
///
/// The condition limits `blobs/read`: reading and listing. What else the role allows, such as
/// listing the names of all containers, no condition can limit.
///
/// ```
/// use azure_asset_sync::{ContainerName, Prefix, condition::Limit};
///
/// let training: ContainerName = "training".parse()?;
/// let limit = Limit::container(&training).prefix(&"hall-3/".parse()?).current_versions_only();
/// println!("{}", limit.condition()?);
/// # Ok::<(), azure_asset_sync::InvalidName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Limit {
    containers: BTreeSet<String>,
    prefix: String,
    places: BTreeSet<(String, String)>,
    current_versions_only: bool,
    private_link_only: bool,
    private_endpoint: Option<String>,
    until: Option<SystemTime>,
}

impl Limit {
    /// To one container
    pub fn container(container: &ContainerName) -> Self {
        Self {
            containers: BTreeSet::from([container.to_string()]),
            prefix: String::new(),
            places: BTreeSet::new(),
            current_versions_only: false,
            private_link_only: false,
            private_endpoint: None,
            until: None,
        }
    }

    /// To another container as well
    pub fn or_container(mut self, container: &ContainerName) -> Self {
        self.containers.insert(container.to_string());
        self
    }

    /// To names with this prefix, in each of the containers; an empty one limits nothing
    ///
    /// Lists must then ask for names that begin with it, or they are denied.
    pub fn prefix(mut self, prefix: &Prefix) -> Self {
        prefix.as_str().clone_into(&mut self.prefix);
        self
    }

    /// To names with a prefix of its own in one more container; an empty prefix limits nothing
    ///
    /// Use it if connections of one account have different prefixes:
    /// [`or_container`](Self::or_container) gives all containers the same one.
    pub fn or_place(mut self, container: &ContainerName, prefix: &Prefix) -> Self {
        self.places.insert((container.to_string(), prefix.as_str().to_owned()));
        self
    }

    /// To reads of current versions: no earlier ones, and no snapshots
    pub fn current_versions_only(mut self) -> Self {
        self.current_versions_only = true;
        self
    }

    /// To requests that come over a private link, whichever
    pub fn private_link_only(mut self) -> Self {
        self.private_link_only = true;
        self
    }

    /// To requests that come over this private endpoint, given by its resource id
    pub fn private_endpoint(mut self, resource_id: impl Into<String>) -> Self {
        self.private_endpoint = Some(resource_id.into());
        self
    }

    /// To requests before this time, to the second
    pub fn until(mut self, time: SystemTime) -> Self {
        self.until = Some(time);
        self
    }

    /// The condition
    ///
    /// # Errors
    /// [`InvalidName`] for a value with a quote, a backslash or a control character, for which the
    /// language has no documented spelling, for what is no private endpoint's id, for a time that it
    /// cannot write, and where the condition would be longer than [`MAX_MADE`].
    pub fn condition(&self) -> Result<Condition, InvalidName> {
        let text = self.text()?;
        if text.len() > MAX_MADE {
            let rule = "with it the condition has more than 8,000 bytes, which Azure does not take";
            let longest = self.containers.last().map_or("", String::as_str);
            return Err(InvalidName::new(Field::Container, longest, rule)
                .hint("use several role assignments, or one on each container"));
        }
        // What is made here is in the language, but for a value that slipped through `quoted`.
        let root = parser::parse(&text).map_err(|_| {
            InvalidName::new(Field::Prefix, &self.prefix, "it cannot be written in a condition")
        })?;
        Ok(Condition { root })
    }

    fn text(&self) -> Result<String, InvalidName> {
        let mut everywhere = Vec::new();
        if self.private_link_only {
            everywhere.push("@Environment[isPrivateLink] BoolEquals true".to_owned());
        }
        if let Some(id) = &self.private_endpoint {
            const TYPE: &str = "/providers/microsoft.network/privateendpoints/";
            let lower = id.to_ascii_lowercase();
            if !lower.starts_with("/subscriptions/") || !lower.contains(TYPE) {
                let rule = "it must be a resource id such as `/subscriptions/…/providers/Microsoft.Network/privateEndpoints/name`";
                return Err(InvalidName::new(Field::PrivateEndpoint, id, rule));
            }
            let id = quoted(Field::PrivateEndpoint, id)?;
            everywhere.push(format!(
                "@Environment[Microsoft.Network/privateEndpoints] StringEqualsIgnoreCase {id}"
            ));
        }
        if let Some(time) = self.until {
            /// The first second of the year 10000
            const END: u64 = 253_402_300_800;
            let since = time.duration_since(SystemTime::UNIX_EPOCH);
            if since.is_err() || since.is_ok_and(|since| since.as_secs() >= END) {
                let rule = "it must be in a year from 1970 to 9999";
                return Err(InvalidName::new(Field::Until, &format!("{time:?}"), rule));
            }
            let time = humantime::format_rfc3339_seconds(time).to_string();
            let time = time.replace('Z', ".0Z");
            everywhere.push(format!("@Environment[UtcNow] DateTimeLessThan '{time}'"));
        }
        let action = format!("ActionMatches{{'{READ}'}}");
        let has_prefix = !self.prefix.is_empty() || self.places.iter().any(|(_, p)| !p.is_empty());
        // Without anything that only reads or only lists have, one clause is for both.
        if !has_prefix && !self.current_versions_only {
            everywhere.insert(0, self.place(PATH)?);
            return Ok(clause(&action, &everywhere));
        }
        let (mut read, mut list) = (everywhere.clone(), everywhere);
        read.insert(0, self.place(PATH)?);
        list.insert(0, self.place(PREFIX)?);
        if self.current_versions_only {
            read.push(format!("{CURRENT} BoolEquals true"));
        }
        let reads = clause(&format!("{action} AND NOT SubOperationMatches{{'Blob.List'}}"), &read);
        let lists = clause(&format!("{action} AND SubOperationMatches{{'Blob.List'}}"), &list);
        Ok(format!("({reads}) AND ({lists})"))
    }

    /// The containers, each with its prefix on the attribute that a read or a list has
    fn place(&self, attribute: &str) -> Result<String, InvalidName> {
        let mut names = self.containers.iter().map(|name| quoted(Field::Container, name));
        let first = match self.containers.len() {
            1 => {
                let name = names.next().transpose()?.unwrap_or_default();
                format!("{CONTAINER} StringEquals {name}")
            }
            _ => {
                let names = names.collect::<Result<Vec<_>, _>>()?.join(", ");
                format!("{CONTAINER} ForAnyOfAnyValues:StringEquals {{{names}}}")
            }
        };
        let with_prefix = |container: String, prefix: &str| match prefix {
            "" => Ok(container),
            _ => {
                let prefix = quoted(Field::Prefix, prefix)?;
                Ok(format!("{container} AND {attribute} StringStartsWith {prefix}"))
            }
        };
        let first = with_prefix(first, &self.prefix)?;
        if self.places.is_empty() {
            return Ok(first);
        }
        let mut places = vec![format!("({first})")];
        for (container, prefix) in &self.places {
            let container = quoted(Field::Container, container)?;
            let place = with_prefix(format!("{CONTAINER} StringEquals {container}"), prefix)?;
            places.push(format!("({place})"));
        }
        Ok(format!("({})", places.join(" OR ")))
    }
}

/// Lets through what the guard does not name, and of the rest what holds all the limits
fn clause(guard: &str, limits: &[String]) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write!(text, "(!({guard})) OR ({})", limits.join(" AND "));
    text
}

fn quoted(field: Field, value: &str) -> Result<String, InvalidName> {
    if value.contains(['\'', '\\']) || value.contains(char::is_control) {
        let rule =
            "a quote, a backslash or a control character has no documented spelling in a condition";
        return Err(InvalidName::new(field, value, rule)
            .hint("leave it out of the condition, and limit by the container alone"));
    }
    Ok(format!("'{value}'"))
}
