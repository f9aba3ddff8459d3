//! The result of a search, and an example in words: what the attributes that it depends on are.

use crate::condition::{
    Attribute, Request, Value,
    catalog::{BLOB_LIST, Known},
    error::quoted,
    explain::title,
};

/// How a search ended
#[derive(Debug)]
pub(crate) enum Found {
    /// No request of the family is so
    None,
    /// This one is
    Example(Example),
    /// Neither was proved
    Unproved,
}

/// A request of a family, and the attributes that make it what was looked for
#[derive(Clone, Debug)]
pub(crate) struct Example {
    pub(crate) request: Request,
    pub(crate) because: Vec<Attribute>,
}

/// More values of one attribute, and more attributes, are not shown
const MOST: usize = 4;
const MOST_ATTRIBUTES: usize = 8;

impl Example {
    /// Such as "the container's name is `px`, and the request came over a private link"
    pub(crate) fn words(&self) -> String {
        // Which operation it is, the row says; a suboperation beside that is a circumstance.
        let beside = self.request.suboperations().iter().filter(|name| *name != BLOB_LIST);
        let mut words: Vec<String> =
            beside.map(|name| format!("the suboperation is {}", quoted(name))).collect();
        for attribute in &self.because {
            let title = title(attribute);
            let known = Known::of(attribute.path());
            let said = match (self.request.values(attribute), known) {
                (None, _) => format!("the request does not have {title}"),
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
            if !words.contains(&said) {
                words.push(said);
            }
        }
        if let Some(more) = words.len().checked_sub(MOST_ATTRIBUTES).filter(|more| *more > 0) {
            words.truncate(MOST_ATTRIBUTES);
            words.push(format!("{more} more are as in the example"));
        }
        if words.is_empty() {
            words.push("the request has no suboperation".to_owned());
        }
        words.join(", and ")
    }
}
