//! The JSON form in which the ending of a run is read: an object with a tag, or what earlier versions wrote.

use serde::{
    Deserialize, Deserializer,
    de::{
        IntoDeserializer as _,
        value::{Error as ValueError, StrDeserializer},
    },
};

use super::summary::Ending;
use crate::store::NameOrder;

/// An ending beside the fields of a summary, or as an object of its own.
#[derive(Deserialize)]
struct Fields {
    ending: Name,
    missing: Option<u64>,
    of: Option<u64>,
}

/// The field `ending`. Earlier versions wrote an object with the name as its only key, if there were numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Name(String),
    Pair {
        #[serde(default)]
        removals_withheld: Option<Missing>,
    },
}

/// The numbers of an ending with removals that were withheld.
#[derive(Deserialize)]
struct Missing {
    missing: u64,
    of: u64,
}

/// An ending as it is read, also outside of a summary.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Fields(Fields),
    Name(Name),
}

impl Name {
    /// Returns the ending with this name and these numbers.
    fn ending(self, missing: Option<Missing>) -> Ending {
        match self {
            Self::Name(name) => ending(&name, missing),
            // An object with another name is of a newer version.
            Self::Pair { removals_withheld } => ending("removals_withheld", removals_withheld),
        }
    }
}

/// Returns the ending with a name. A name of a newer version is [`Ending::Other`].
fn ending(name: &str, missing: Option<Missing>) -> Ending {
    match (name, missing) {
        ("complete", _) => Ending::Complete,
        ("removals_withheld", Some(Missing { missing, of })) => {
            Ending::RemovalsWithheld { missing, of }
        }
        ("cancelled", _) => Ending::Cancelled,
        _ => Ending::Other,
    }
}

/// Reads the order of a listing. An order of a newer version is one that this version does not know.
///
/// Shards and the files of a state refuse such an order instead, because they rely on it.
pub(super) fn order<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<NameOrder>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let known = |text: String| {
        let text: StrDeserializer<'_, ValueError> = text.as_str().into_deserializer();
        NameOrder::deserialize(text).unwrap_or(NameOrder::Unsorted)
    };
    Ok(text.map(known))
}

impl<'de> Deserialize<'de> for Ending {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Stored::deserialize(deserializer)? {
            Stored::Fields(Fields { ending, missing, of }) => {
                let numbers = missing.zip(of);
                ending.ending(numbers.map(|(missing, of)| Missing { missing, of }))
            }
            Stored::Name(name) => name.ending(None),
        })
    }
}
