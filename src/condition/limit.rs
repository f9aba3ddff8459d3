//! Makes conditions that limit a reader to containers, prefixes, network paths and a time.
//!
//! The text follows the examples of Microsoft Learn: a clause for each operation, `!(guard) OR limits`.
//! What the guard does not name stays allowed, because the clause is true for it.

//! For one container and one prefix, the condition has this form, with the long names abbreviated:
//!
//! ```text
//! (!(ActionMatches{'…/read'} AND NOT SubOperationMatches{'Blob.List'})) OR (container AND path)
//! AND
//! (!(ActionMatches{'…/read'} AND SubOperationMatches{'Blob.List'})) OR (container AND prefix)
//! ```
use std::{collections::BTreeSet, fmt::Write as _, time::SystemTime};

use super::{Condition, catalog::BLOB_READ as READ, parser};
use crate::name::{ContainerName, Field, InvalidName, Prefix};

/// The longest condition that [`Limit`] makes, in bytes.
///
/// Azure's limit is 8 KB. The documentation does not say whether it counts bytes or characters, before
/// or after escaping, so this leaves some room.
pub const MAX_MADE: usize = 8000;

const CONTAINER: &str = "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name]";
const PATH: &str =
    "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path]";
const PREFIX: &str =
    "@Request[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:prefix]";
const CURRENT: &str =
    "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:isCurrentVersion]";

/// The limits for a reader of blobs, from which a condition is made.
///
/// The condition limits `blobs/read`, which is reading and listing. No condition can limit the actions of
/// the control plane, for example listing the names of all containers.
///
/// ```
/// use azure_asset_sync::{ContainerName, Prefix, condition::Limit};
///
/// let training: ContainerName = "training".parse()?;
/// let limit = Limit::container(&training).prefix(&"hall-3/".parse()?).current_versions_only();
/// println!("{}", limit.condition()?);
/// // Without a prefix, one clause is enough for reading and listing.
/// let short = Limit::container(&training).condition()?.to_string();
/// assert!(short.starts_with("((!(ActionMatches{"));
/// # Ok::<(), azure_asset_sync::InvalidName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Limit {
    containers: BTreeSet<String>,
    prefix: String,
    /// Containers with a prefix of their own.
    places: BTreeSet<(String, String)>,
    current_versions_only: bool,
    private_link_only: bool,
    private_endpoint: Option<String>,
    until: Option<SystemTime>,
}

impl Limit {
    /// Starts with one container.
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

    /// Allows another container as well, by `ForAnyOfAnyValues:StringEquals` with a list of names.
    pub fn or_container(mut self, container: &ContainerName) -> Self {
        self.containers.insert(container.to_string());
        self
    }

    /// Allows only names with this prefix, in each of the containers. An empty prefix limits nothing.
    ///
    /// Listings must then ask for a prefix that begins with this one. Other listings are denied, also a
    /// listing of the whole container.
    pub fn prefix(mut self, prefix: &Prefix) -> Self {
        prefix.as_str().clone_into(&mut self.prefix);
        self
    }

    /// Allows another container, with a prefix of its own. An empty prefix limits nothing.
    ///
    /// Use this for connections of one account with different prefixes.
    /// [`or_container`](Self::or_container) applies the same prefix to all containers.
    pub fn or_place(mut self, container: &ContainerName, prefix: &Prefix) -> Self {
        self.places.insert((container.to_string(), prefix.as_str().to_owned()));
        self
    }

    /// Allows only reads of current versions, not of earlier versions or snapshots.
    ///
    /// The condition compares `isCurrentVersion`, which listings do not have. They stay allowed.
    pub fn current_versions_only(mut self) -> Self {
        self.current_versions_only = true;
        self
    }

    /// Allows only requests over a private link, whichever.
    ///
    /// A service outside of the customer's network then needs a private endpoint of its own.
    pub fn private_link_only(mut self) -> Self {
        self.private_link_only = true;
        self
    }

    /// Allows only requests over the private endpoint with this resource id.
    ///
    /// The id has the form `/subscriptions/…/providers/Microsoft.Network/privateEndpoints/name`. It is
    /// compared without regard to letter case.
    pub fn private_endpoint(mut self, resource_id: impl Into<String>) -> Self {
        self.private_endpoint = Some(resource_id.into());
        self
    }

    /// Allows only requests before this time, rounded down to a second.
    ///
    /// The assignment stays in place after that time, and allows no more reads or listings.
    pub fn until(mut self, time: SystemTime) -> Self {
        self.until = Some(time);
        self
    }

    /// Makes the condition.
    ///
    /// ```
    /// use azure_asset_sync::{ContainerName, condition::{Limit, Lint, Severity}};
    ///
    /// let container: ContainerName = "training".parse()?;
    /// let condition = Limit::container(&container).prefix(&"hall-3/".parse()?).condition()?;
    /// let findings = Lint::new().check(&condition.to_string());
    /// assert!(findings.iter().all(|finding| finding.severity == Severity::Note));
    /// assert!(Limit::container(&container).private_endpoint("name").condition().is_err());
    /// # Ok::<(), azure_asset_sync::InvalidName>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidName`] in these cases:
    /// - A value has a quote, a backslash or a control character, which the language cannot express.
    /// - The id is not the resource id of a private endpoint.
    /// - The time is before 1970 or after 9999.
    /// - The condition would be longer than [`MAX_MADE`].
    pub fn condition(&self) -> Result<Condition, InvalidName> {
        let text = self.text()?;
        if text.len() > MAX_MADE {
            let rule = "the condition has more than 8,000 bytes; Azure accepts 8 KB";
            let longest = self.containers.last().map_or("", String::as_str);
            return Err(InvalidName::new(Field::Container, longest, rule)
                .hint("use several role assignments, or one on each container"));
        }
        // The text is made from the language's own words and from values that `quoted` has checked, so
        // this does not fail. A mistake here must not become a condition that means something else.
        let root = parser::parse(&text).map_err(|_| {
            InvalidName::new(Field::Prefix, &self.prefix, "it cannot be written in a condition")
        })?;
        Ok(Condition { root })
    }

    /// Writes the clauses.
    fn text(&self) -> Result<String, InvalidName> {
        // Limits that reads and listings share.
        let mut everywhere = Vec::new();
        if self.private_link_only {
            everywhere.push("@Environment[isPrivateLink] BoolEquals true".to_owned());
        }
        if let Some(id) = &self.private_endpoint {
            const TYPE: &str = "/providers/microsoft.network/privateendpoints/";
            /// The most bytes of a resource ID: more than its longest names have together.
            const MAX_ID: usize = 1024;
            if id.len() > MAX_ID {
                let rule = "it must have at most 1024 bytes";
                return Err(InvalidName::new(Field::PrivateEndpoint, id, rule));
            }
            let lower = id.to_ascii_lowercase();
            if !lower.starts_with("/subscriptions/") || !lower.contains(TYPE) {
                let rule = "it must be a resource id such as `/subscriptions/…/providers/Microsoft.Network/privateEndpoints/name`";
                return Err(InvalidName::new(Field::PrivateEndpoint, id, rule));
            }
            let id = quoted(Field::PrivateEndpoint, id)?;
            // A private endpoint's id is compared without letter case, because Azure's tools spell it differently.
            everywhere.push(format!(
                "@Environment[Microsoft.Network/privateEndpoints] StringEqualsIgnoreCase {id}"
            ));
        }
        if let Some(time) = self.until {
            /// The first second of the year 10000.
            const END: u64 = 253_402_300_800;
            let since = time.duration_since(SystemTime::UNIX_EPOCH);
            if since.is_err() || since.is_ok_and(|since| since.as_secs() >= END) {
                let rule = "it must be in a year from 1970 to 9999";
                return Err(InvalidName::new(Field::Until, &format!("{time:?}"), rule));
            }
            let time = humantime::format_rfc3339_seconds(time).to_string();
            // Seconds are enough, and the language needs a fraction.
            let time = time.replace('Z', ".0Z");
            everywhere.push(format!("@Environment[UtcNow] DateTimeLessThan '{time}'"));
        }
        let action = format!("ActionMatches{{'{READ}'}}");
        let has_prefix = !self.prefix.is_empty() || self.places.iter().any(|(_, p)| !p.is_empty());
        // Reads have the blob's path and version, listings have a prefix. Without limits on these, one
        // clause serves both.
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

    /// Returns the comparisons of the containers and prefixes with the attribute that a read or a listing
    /// has.
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
        // A container with a prefix of its own is an alternative to the containers that share one.
        let mut places = vec![format!("({first})")];
        for (container, prefix) in &self.places {
            let container = quoted(Field::Container, container)?;
            let place = with_prefix(format!("{CONTAINER} StringEquals {container}"), prefix)?;
            places.push(format!("({place})"));
        }
        Ok(format!("({})", places.join(" OR ")))
    }
}

/// Writes a clause that allows everything the guard does not match, and what fulfils all limits.
fn clause(guard: &str, limits: &[String]) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write!(text, "(!({guard})) OR ({})", limits.join(" AND "));
    text
}

/// Quotes a value, if the language can express it.
fn quoted(field: Field, value: &str) -> Result<String, InvalidName> {
    if value.contains(['\'', '\\']) || value.contains(char::is_control) {
        let rule = "a condition cannot contain a quote, a backslash or a control character";
        return Err(InvalidName::new(field, value, rule)
            .hint("leave it out, and limit by the container alone"));
    }
    Ok(format!("'{value}'"))
}
