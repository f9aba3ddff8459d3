//! Sends the requests of the REST form with curl, and follows the instructions between them.

use azure_asset_sync::grant::Step;
use serde_json::Value;

use super::{
    case::Case,
    fake::{ADMINISTRATOR, ADMINISTRATOR_SECRET, PRINCIPAL, TENANT},
};

/// A request in a text, with the instructions that follow it.
struct Written<'a> {
    method: &'a str,
    url: &'a str,
    body: Option<String>,
    words: String,
}

fn read(text: &str) -> Vec<Written<'_>> {
    let mut found: Vec<Written<'_>> = Vec::new();
    let mut in_body = false;
    for line in text.lines() {
        match line.split_once(' ') {
            Some((method @ ("GET" | "PUT" | "POST" | "DELETE"), url)) if !in_body => {
                found.push(Written { method, url, body: None, words: String::new() });
            }
            _ => {
                let Some(request) = found.last_mut() else { continue };
                in_body |= line == "{";
                match in_body {
                    true => request.body.get_or_insert_default().push_str(line),
                    false => request.words.push_str(&format!("{line}\n")),
                }
                in_body &= line != "}";
            }
        }
    }
    found
}

/// The status and the body of a response.
type Answer = (u16, Value);

pub struct Person<'a> {
    case: &'a Case<'a>,
    requests: usize,
}

impl<'a> Person<'a> {
    pub fn new(case: &'a Case<'a>) -> Self {
        Self { case, requests: 0 }
    }

    fn curl(&mut self, arguments: &[&str], body: &str) -> Result<Answer, String> {
        self.requests += 1;
        let mut command = vec!["curl", "--silent", "--show-error", "--globoff"];
        command.extend(["--write-out", "\n%{http_code}", "--data-binary", "@-"]);
        command.extend(arguments);
        let outcome = self.case.machine.run(&command, "bin", body);
        let (body, status) = outcome.output.rsplit_once('\n').ok_or_else(|| outcome.to_string())?;
        let status = status.parse().map_err(|_| outcome.to_string())?;
        let body = if body.is_empty() { "null" } else { body };
        Ok((status, serde_json::from_str(body).map_err(|error| format!("{error}: {outcome}"))?))
    }

    fn send(&mut self, method: &str, url: &str, body: &str) -> Result<Answer, String> {
        let host = url.split("/").take(3).collect::<Vec<_>>().join("/");
        let form = format!(
            "grant_type=client_credentials&client_id={ADMINISTRATOR}&client_secret={ADMINISTRATOR_SECRET}&scope={host}/.default"
        );
        let sign_in = format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token");
        let (_, token) = self.curl(&[&sign_in], &form)?;
        let token = token["access_token"].as_str().unwrap_or_default();
        let authorization = format!("Authorization: Bearer {token}");
        let kind = "Content-Type: application/json";
        self.curl(&["--request", method, "--header", &authorization, "--header", kind, url], body)
    }

    /// Follows a step. Returns the number of requests.
    pub fn follow(&mut self, step: Step) -> Result<usize, String> {
        let text = self.case.pack.step(step).ok_or("there is no text")?;
        let before = self.requests;
        // The result of the last lookup of an assignment, and the response to the last other request.
        let (mut found, mut last) = (None, (0, Value::Null));
        for request in read(text) {
            let fill = |text: &str| {
                let id = found.as_ref().and_then(|known: &Value| known["id"].as_str());
                text.replace("{id of the service principal}", PRINCIPAL)
                    .replace("{id of the assignment}", id.unwrap_or("{id of the assignment}"))
            };
            let (url, body) = (fill(request.url), request.body.as_deref().map(fill));
            let is_assignment = url.contains("/roleAssignments");
            let is_needed = match (request.method, step) {
                ("POST", Step::Principal) => last.0 == 404,
                ("PUT", Step::Apply) if is_assignment => found.is_none(),
                ("PUT", Step::Update) => found.is_some(),
                ("DELETE", _) if is_assignment || url.contains("{id") => found.is_some(),
                ("PUT", Step::Cors) => true,
                _ => true,
            };
            if !is_needed {
                continue;
            }
            let body = match (step, body) {
                (Step::Cors, Some(body)) => {
                    let Some(body) = with_rules(&body, &last.1) else { continue };
                    body
                }
                (_, body) => body.unwrap_or_default(),
            };
            let answer = self.send(request.method, &url, &body)?;
            let is_lookup = request.method == "GET" && is_assignment;
            if is_lookup && request.words.contains("ends in ") {
                found = looked_up(&url, &request.words, &answer.1);
            }
            let may_be_missing = request.method == "GET" && step == Step::Principal;
            if answer.0 >= 300 && !may_be_missing {
                return Err(format!("{} {url}: {} {}", request.method, answer.0, answer.1));
            }
            if step == Step::ReadBack && is_lookup {
                as_the_words_say(&request.words, found.as_ref())?;
            }
            last = answer;
        }
        Ok(self.requests - before)
    }
}

/// Returns the assignment in a response that has the scope of the request and the role that the
/// instructions name.
fn looked_up(url: &str, words: &str, answer: &Value) -> Option<Value> {
    let scope = url.strip_prefix("https://")?.split_once('/')?.1;
    let scope = format!("/{}", scope.split("/providers/Microsoft.Authorization/").next()?);
    let role = words.split("ends in ").nth(1)?.get(..36)?;
    let mut all = answer["value"].as_array()?.iter();
    let found = all.find(|known| {
        let properties = &known["properties"];
        let is_role = properties["roleDefinitionId"].as_str().is_some_and(|id| id.ends_with(role));
        is_role && properties["scope"].as_str().is_some_and(|at| at.eq_ignore_ascii_case(&scope))
    });
    found.cloned()
}

fn as_the_words_say(words: &str, found: Option<&Value>) -> Result<(), String> {
    let found = &found.ok_or_else(|| format!("missing: {words}"))?["properties"];
    let mut compared = 0;
    for line in words.lines() {
        if let Some((name, wanted)) = line.split_once(" must be: ") {
            compared += 1;
            let name = name.strip_prefix("properties.").unwrap_or(name);
            if found[name] != wanted {
                return Err(format!("{name} is {}, and must be {wanted}", found[name]));
            }
        }
    }
    let has_none = words.contains("There must be no properties.condition.");
    if compared < 2 || has_none && !found["condition"].is_null() {
        return Err(format!("{words}\n{found}"));
    }
    Ok(())
}

/// Returns a body with the rules and the properties of a response filled in, or `None` if nothing has to
/// be changed.
fn with_rules(body: &str, answer: &Value) -> Option<String> {
    let mut body: Value = serde_json::from_str(body).ok()?;
    let rules = body["properties"]["cors"]["corsRules"].as_array_mut()?;
    let rule = rules.pop()?;
    let mut all = answer["properties"]["cors"]["corsRules"].as_array()?.clone();
    if all.contains(&rule) {
        return None;
    }
    all.push(rule);
    let mut properties = answer["properties"].clone();
    properties["cors"]["corsRules"] = all.into();
    body["properties"] = properties;
    Some(body.to_string())
}
