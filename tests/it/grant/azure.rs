//! A fake Azure with a shell script in place of `az`, which passes its arguments to this module and
//! prints the result, with its query evaluated.
//!
//! The fake has at most one assignment for a principal, a role and a scope, as Azure does.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use serde_json::{Value as Json, json};

use super::PRINCIPAL;

/// The state of the fake, and every call that reached it.
#[derive(Clone, Debug, Default)]
pub struct Azure {
    pub cloud: Option<&'static str>,
    pub principal: bool,
    pub assignments: Vec<Json>,
    pub roles: Vec<Json>,
    pub rules: Vec<Json>,
    pub calls: Vec<Vec<String>>,
    /// A command that fails, for example `role assignment delete`.
    pub failing: Option<&'static str>,
}

/// The result of a script.
#[derive(Debug)]
pub struct Ended {
    pub ok: bool,
    pub out: String,
    pub err: String,
}

/// How a script reaches its shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// Pasted line by line into a bash that expands `!` like an interactive one.
    Bash,
    /// Pasted line by line into an interactive zsh.
    Zsh,
}

impl Shell {
    /// Returns the shells that this machine has.
    pub fn all() -> Vec<Self> {
        let has_zsh = Command::new("zsh").arg("--version").output().is_ok();
        if has_zsh { vec![Self::Bash, Self::Zsh] } else { vec![Self::Bash] }
    }

    fn command(self) -> Command {
        let (name, arguments): (_, &[&str]) = match self {
            Self::Bash => ("bash", &["--norc", "-o", "history", "-o", "histexpand"]),
            Self::Zsh => ("zsh", &["-f", "-i"]),
        };
        let mut command = Command::new(name);
        command.args(arguments);
        command
    }
}

const AZ: &str = "#!/bin/bash
printf '%s\\0' \"$@\" >\"$GRANT_FAKE/ask\"
{ read -r status; cat; exit \"$status\"; } <\"$GRANT_FAKE/answer\"
";

impl Azure {
    /// Returns a fake with the service principal.
    pub fn new() -> Self {
        Self { principal: true, ..Self::default() }
    }

    /// Pastes a script into a shell.
    pub fn paste(&mut self, shell: Shell, script: &str) -> Ended {
        self.run(shell.command(), &format!("{script}\n"))
    }

    /// Runs a script in bash, and answers its questions with these lines.
    pub fn answer(&mut self, script: &str, answers: &str) -> Ended {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script");
        fs::write(&path, script).unwrap();
        let mut command = Command::new("bash");
        command.arg(path);
        self.run(command, answers)
    }

    fn run(&mut self, mut command: Command, stdin: &str) -> Ended {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let az = path.join("az");
        fs::write(&az, AZ).unwrap();
        let mut permissions = fs::metadata(&az).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        fs::set_permissions(&az, permissions).unwrap();
        // If a block ends before it reads its answer, the shell runs the answer as a command.
        std::os::unix::fs::symlink("/bin/true", path.join("yes")).unwrap();
        for name in ["ask", "answer"] {
            let made = Command::new("mkfifo").arg(path.join(name)).status().unwrap();
            assert!(made.success());
        }
        let mut child = command
            .current_dir(path)
            .env("PATH", format!("{}:{}", path.display(), std::env::var("PATH").unwrap()))
            .env("GRANT_FAKE", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let ended = thread::scope(|scope| {
            let serving = scope.spawn(|| self.serve(path));
            let ended = child.wait_with_output().unwrap();
            fs::write(path.join("ask"), "\u{2}").unwrap();
            serving.join().unwrap();
            ended
        });
        Ended {
            ok: ended.status.success(),
            out: String::from_utf8_lossy(&ended.stdout).into_owned(),
            err: String::from_utf8_lossy(&ended.stderr).into_owned(),
        }
    }

    /// Answers calls until the script ends.
    fn serve(&mut self, path: &Path) {
        loop {
            let text = fs::read_to_string(path.join("ask")).unwrap();
            if text == "\u{2}" {
                return;
            }
            let call: Vec<String> = text.split_terminator('\0').map(str::to_owned).collect();
            self.calls.push(call.clone());
            let answer = self.handle(&call);
            let (status, text) = match answer {
                Some(value) => (0, printed(&call, value)),
                None => (3, String::new()),
            };
            fs::write(path.join("answer"), format!("{status}\n{text}")).unwrap();
        }
    }

    fn handle(&mut self, call: &[String]) -> Option<Json> {
        let words: Vec<_> =
            call.iter().take_while(|word| !word.starts_with('-')).map(String::as_str).collect();
        let words = words.join(" ");
        if self.failing == Some(words.as_str()) {
            return None;
        }
        let of = |option: &str| super::after(call, option).to_owned();
        match words.as_str() {
            "account show" => {
                Some(json!({ "environmentName": self.cloud.unwrap_or("AzureCloud") }))
            }
            "account set" => Some(Json::Null),
            "ad sp list" => {
                assert_eq!(of("--filter"), format!("appId eq '{}'", super::APPLICATION));
                let found = self.principal.then(|| json!({ "id": PRINCIPAL }));
                Some(found.into_iter().collect())
            }
            "ad sp create" => {
                self.principal = true;
                Some(Json::Null)
            }
            "ad sp delete" => {
                self.principal = false;
                Some(Json::Null)
            }
            "role assignment list" => {
                let all = call.contains(&"--all".to_owned());
                let wanted = |a: &&Json| all || a["scope"].as_str() == Some(of("--scope").as_str());
                Some(self.assignments.iter().filter(wanted).cloned().collect())
            }
            "role assignment create" => {
                let id = format!(
                    "{}/providers/Microsoft.Authorization/roleAssignments/{}",
                    of("--scope"),
                    of("--name")
                );
                let role = of("--role");
                let is_there = |a: &&Json| {
                    a["scope"] == of("--scope")
                        && a["roleDefinitionId"].as_str().is_some_and(|id| id.ends_with(&role))
                };
                if let Some(there) = self.assignments.iter().find(is_there) {
                    return Some(there.clone());
                }
                let condition = call.contains(&"--condition".to_owned()).then(|| of("--condition"));
                let made = json!({
                    "id": id,
                    "name": of("--name"),
                    "scope": of("--scope"),
                    "principalId": of("--assignee-object-id"),
                    "principalType": of("--assignee-principal-type"),
                    "roleDefinitionId": format!("/x/roleDefinitions/{role}"),
                    "description": of("--description"),
                    "condition": condition,
                });
                self.assignments.push(made.clone());
                Some(made)
            }
            "role assignment delete" => {
                let before = self.assignments.len();
                self.assignments.retain(|a| a["id"] != of("--ids"));
                (self.assignments.len() < before).then_some(Json::Null)
            }
            "role definition list" => {
                let wanted = |role: &&Json| role["name"] == of("--name");
                Some(self.roles.iter().filter(wanted).cloned().collect())
            }
            "role definition delete" => {
                self.roles.retain(|role| role["name"] != of("--name"));
                Some(Json::Null)
            }
            "rest" => {
                let url = of("--url");
                let id = url.split('?').next().unwrap();
                let body: Json = serde_json::from_str(&of("--body")).unwrap();
                let mut properties = body["properties"].clone();
                if id.contains("/roleDefinitions/") {
                    properties["name"] = id.rsplit('/').next().unwrap().into();
                    self.roles.push(properties);
                    return Some(Json::Null);
                }
                let there = self.assignments.iter_mut().find(|a| a["id"] == id)?;
                for name in ["principalType", "description", "condition"] {
                    there[name] = properties[name].clone();
                }
                assert_eq!(there["principalId"], properties["principalId"]);
                Some(Json::Null)
            }
            "storage account blob-service-properties cors-rule list" => {
                Some(self.rules.clone().into())
            }
            "storage account blob-service-properties cors-rule add" => {
                self.rules.push(json!({
                    "allowedOrigins": values(call, "--origins"),
                    "allowedMethods": values(call, "--methods"),
                    "allowedHeaders": values(call, "--allowed-headers"),
                    "exposedHeaders": values(call, "--exposed-headers"),
                    "maxAgeInSeconds": 3600,
                }));
                Some(Json::Null)
            }
            "storage account revoke-delegation-keys" | "deployment group create" => {
                Some(Json::Null)
            }
            other => panic!("az has no command `{other}`: {call:?}"),
        }
    }

    /// Returns the calls that change something, without their options.
    pub fn writes(&self) -> Vec<String> {
        let is_write = |call: &&Vec<String>| {
            ["create", "delete", "add", "rest", "revoke-delegation-keys"]
                .iter()
                .any(|word| call.iter().any(|argument| argument == word))
        };
        let words = |call: &Vec<String>| {
            let words: Vec<_> = call.iter().take_while(|word| !word.starts_with('-')).collect();
            words.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(" ")
        };
        self.calls.iter().filter(is_write).map(words).collect()
    }
}

/// Returns the values of an option that accepts several.
pub fn values(call: &[String], option: &str) -> Vec<String> {
    let at = call.iter().position(|argument| argument == option).unwrap();
    call[at + 1..].iter().take_while(|value| !value.starts_with("--")).cloned().collect()
}

/// Returns the output of `az` for a result.
fn printed(call: &[String], value: Json) -> String {
    let has = |option: &str| call.contains(&option.to_owned());
    let value = match has("--query") {
        true => {
            let query = jmespath::compile(super::after(call, "--query")).unwrap();
            serde_json::to_value(query.search(value).unwrap()).unwrap()
        }
        false => value,
    };
    match (has("--output").then(|| super::after(call, "--output")), value) {
        (Some("none"), _) | (_, Json::Null) => String::new(),
        (Some("tsv"), Json::String(text)) => format!("{text}\n"),
        (_, value) => format!("{value}\n"),
    }
}
