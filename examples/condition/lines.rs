//! `--json`: reads one JSON object from each line, and prints one JSON object for each.
//!
//! A line that is not valid gets an answer with an error, and the next line is read.

use std::{error::Error, io::BufRead};

use azure_asset_sync::condition::{Condition, Lint, Request, Severity};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::terminal::say;

/// A request to evaluate: a condition and the attributes of a request to Azure.
#[derive(Deserialize)]
struct Question {
    condition: String,
    context: Request,
}

/// Evaluates conditions. Returns whether every line could be decided.
pub(super) fn eval(input: impl BufRead) -> Result<bool, Box<dyn Error>> {
    each(input, |line| {
        let question: Question = match serde_json::from_slice(line) {
            Ok(question) => question,
            Err(error) => return (json!({ "error": error.to_string() }), false),
        };
        match question.condition.parse::<Condition>() {
            Ok(condition) => {
                let allowed = condition.allows(&question.context);
                (json!({ "decision": if allowed { "allow" } else { "deny" } }), true)
            }
            Err(error) => {
                let answer = json!({ "error": error.message(), "offset": error.span().start });
                (answer, false)
            }
        }
    })
}

/// Checks conditions. Returns whether no line has a warning or an error.
pub(super) fn lint(input: impl BufRead) -> Result<bool, Box<dyn Error>> {
    each(input, |line| {
        let mut fields: serde_json::Map<String, Value> = match serde_json::from_slice(line) {
            Ok(fields) => fields,
            Err(error) => return (invalid(&error.to_string()), false),
        };
        // A missing condition is an empty one. The other fields describe the role assignment.
        let text = match fields.remove("condition") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            Some(_) => return (invalid("`condition` is not a text"), false),
        };
        let lint: Lint = match serde_json::from_value(Value::Object(fields)) {
            Ok(lint) => lint,
            Err(error) => return (invalid(&error.to_string()), false),
        };
        let findings = lint.check(&text);
        let ok = findings.iter().all(|finding| finding.severity == Severity::Note);
        let findings: Vec<Value> = findings
            .iter()
            .map(|finding| {
                let mut shown = json!({
                    "rule": finding.rule,
                    "severity": finding.severity,
                    "start": finding.span.start,
                    "end": finding.span.end,
                    "message": finding.message,
                });
                if let Some(repair) = &finding.repair {
                    shown["repair"] = repair.as_str().into();
                }
                shown
            })
            .collect();
        (json!({ "ok": ok, "findings": findings }), ok)
    })
}

/// Returns the answer to a line that cannot be checked.
fn invalid(error: &str) -> Value {
    json!({ "ok": false, "findings": [], "error": error })
}

/// Answers each line. Prints an answer before it reads the next line, because the caller may wait
/// for it.
///
/// Returns whether every line was good.
fn each(
    mut input: impl BufRead,
    mut answer: impl FnMut(&[u8]) -> (Value, bool),
) -> Result<bool, Box<dyn Error>> {
    let mut all = true;
    let mut line = Vec::new();
    for n in 0.. {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        // Only the first line can have a byte order mark.
        let text = if n == 0 { line.strip_prefix(b"\xEF\xBB\xBF") } else { None };
        let text = text.unwrap_or(&line);
        if !text.trim_ascii().is_empty() {
            let (shown, ok) = answer(text);
            all &= ok;
            if !say!("{shown}")? {
                return Err("standard output was closed before the end".into());
            }
        }
    }
    Ok(all)
}
