//! One JSON object a line, in and out. A line that is wrong is answered, and the next one read.

use std::{
    error::Error,
    io::{BufWriter, Write, stdout},
};

use azure_asset_sync::condition::{Condition, Lint, Request, Severity};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Question {
    condition: String,
    context: Request,
}

pub(super) fn eval(input: &[u8]) -> Result<bool, Box<dyn Error>> {
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

pub(super) fn lint(input: &[u8]) -> Result<bool, Box<dyn Error>> {
    each(input, |line| {
        let mut fields: serde_json::Map<String, Value> = match serde_json::from_slice(line) {
            Ok(fields) => fields,
            Err(error) => return (json!({ "ok": false, "error": error.to_string() }), false),
        };
        // No condition at all is an empty one. What else is given tells of the assignment.
        let text = match fields.remove("condition") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            Some(_) => return (json!({ "ok": false, "error": "`condition` is no text" }), false),
        };
        let lint: Lint = match serde_json::from_value(Value::Object(fields)) {
            Ok(lint) => lint,
            Err(error) => return (json!({ "ok": false, "error": error.to_string() }), false),
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

fn each(
    input: &[u8],
    mut answer: impl FnMut(&[u8]) -> (Value, bool),
) -> Result<bool, Box<dyn Error>> {
    let mut out = BufWriter::new(stdout().lock());
    let mut all = true;
    let input = input.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(input);
    for line in input.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let (said, ok) = answer(line);
        all &= ok;
        writeln!(out, "{said}")?;
    }
    out.flush()?;
    Ok(all)
}
