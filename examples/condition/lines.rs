//! One JSON object a line, in and out. A line that is wrong is answered, and the next one read.

use std::{error::Error, io::BufRead};

use azure_asset_sync::condition::{Condition, Lint, Request, Severity};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::terminal::say;

#[derive(Deserialize)]
struct Question {
    condition: String,
    context: Request,
}

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

pub(super) fn lint(input: impl BufRead) -> Result<bool, Box<dyn Error>> {
    each(input, |line| {
        let mut fields: serde_json::Map<String, Value> = match serde_json::from_slice(line) {
            Ok(fields) => fields,
            Err(error) => return (unread(&error.to_string()), false),
        };
        // No condition at all is an empty one. What else is given tells of the assignment.
        let text = match fields.remove("condition") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            Some(_) => return (unread("`condition` is no text"), false),
        };
        let lint: Lint = match serde_json::from_value(Value::Object(fields)) {
            Ok(lint) => lint,
            Err(error) => return (unread(&error.to_string()), false),
        };
        let findings = lint.check(&text);
        let ok = findings.iter().all(|finding| finding.severity == Severity::Note);
        let findings: Vec<Value> = findings
            .iter()
            .map(|finding| {
                let mut said = json!({
                    "rule": finding.rule,
                    "severity": finding.severity,
                    "start": finding.span.start,
                    "end": finding.span.end,
                    "message": finding.message,
                });
                if let Some(repair) = &finding.repair {
                    said["repair"] = repair.as_str().into();
                }
                said
            })
            .collect();
        (json!({ "ok": ok, "findings": findings }), ok)
    })
}

/// The answer to a line in which there is nothing to check
fn unread(error: &str) -> Value {
    json!({ "ok": false, "findings": [], "error": error })
}

/// Each answer is written before the next line is awaited: who asks may wait for it.
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
        let text = if n == 0 { line.strip_prefix(b"\xEF\xBB\xBF") } else { None };
        let text = text.unwrap_or(&line);
        if !text.trim_ascii().is_empty() {
            let (said, ok) = answer(text);
            all &= ok;
            if !say!("{said}")? {
                return Err("the standard output was closed before the end".into());
            }
        }
    }
    Ok(all)
}
