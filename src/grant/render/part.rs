//! Makes the parts of a pack from lines and files.
//!
//! Every form uses these, so that files and commands of all forms have the same shape.

use serde_json::Value;

use super::super::{Part, Step};

/// Returns the part with the commands of a step.
pub(super) fn commands(step: Step, lines: Vec<String>) -> Part {
    Part { step, file: None, about: String::new(), text: lines.join("\n") }
}

/// Returns a part to save as a file, which the commands of the step use.
pub(super) fn file(step: Step, name: &'static str, text: String) -> Part {
    Part { step, file: Some(name.into()), about: String::new(), text }
}

/// Formats JSON over several lines, for files and requests that people read.
pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}")
}
