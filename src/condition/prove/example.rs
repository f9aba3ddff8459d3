//! The result of a search, and the description of an example for people.

use crate::condition::{
    Attribute, Request, Value,
    catalog::{BLOB_LIST, Known},
    error::quoted,
    explain::title,
};

/// The result of a search.
#[derive(Debug)]
pub(crate) enum Found {
    /// Proved: there is no such request in the family.
    None,
    /// There is such a request.
    Example(Example),
    /// Neither was proved: the budget was used up, or the condition is not covered.
    Unproved,
}

/// A request that was found, and the attributes that the decision about it depends on.
#[derive(Clone, Debug)]
pub(crate) struct Example {
    pub(crate) request: Request,
    pub(crate) because: Vec<Attribute>,
}

/// The most values of one attribute that are shown.
const MOST: usize = 4;
/// The most attributes that are shown.
const MOST_ATTRIBUTES: usize = 8;

impl Example {
    /// Describes the attributes, for example "the container's name is `px`, and the request came over a
    /// private link".
    pub(crate) fn words(&self) -> String {
        // The reader knows the operation already, so Blob.List is not repeated. Another suboperation is a
        // circumstance like an attribute.
        let beside = self.request.suboperations().iter().filter(|name| *name != BLOB_LIST);
        let mut words: Vec<String> =
            beside.map(|name| format!("the suboperation is {}", quoted(name))).collect();
        for attribute in &self.because {
            let title = title(attribute);
            let known = Known::of(attribute.path());
            let said = match (self.request.values(attribute), known) {
                (None, _) => format!("the request does not have {title}"),
                // Truth values have a wording of their own for true and for false.
                (Some([Value::Bool(true)]), Some(known)) if known.opposite().is_some() => title,
                (Some([Value::Bool(false)]), Some(known)) if known.opposite().is_some() => {
                    known.opposite().unwrap_or_default().to_owned()
                }
                (Some([]), _) => format!("{title} is an empty list"),
                (Some(values), _) => {
                    let mut shown: Vec<String> = values
                        .iter()
                        .take(MOST)
                        .map(|value| {
                            quoted(&value.text().map_or_else(|| value.to_string(), str::to_owned))
                        })
                        .collect();
                    if values.len() > MOST {
                        shown.push("…".to_owned());
                    }
                    format!("{title} is {}", shown.join(", "))
                }
            };
            // The same attribute may occur in several spellings, but is described once.
            if !words.contains(&said) {
                words.push(said);
            }
        }
        if let Some(more) = words.len().checked_sub(MOST_ATTRIBUTES).filter(|more| *more > 0) {
            words.truncate(MOST_ATTRIBUTES);
            words.push(format!("{more} more are as in the example"));
        }
        // Without attributes and suboperations, the example is a plain request.
        if words.is_empty() {
            words.push("the request has no suboperation".to_owned());
        }
        words.join(", and ")
    }
}
