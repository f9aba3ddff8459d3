//! The Azure CLI, in the shells that people have.

use serde_json::json;

use super::{
    super::{Grant, Part, RoleAssignment, Step, quote},
    API, EXPOSED, commands, custom_role, definition, resource, role_file, role_resource,
};
use crate::name::{Field, InvalidName};

/// Of the 8,191 characters of a command of cmd, which runs az on Windows, what az leaves
const LONGEST_LINE: usize = 8000;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Prompt {
    Bash,
    PowerShell,
    Cmd,
}

/// An argument: text, or the object id that an earlier command has found
enum Argument<'a> {
    Text(&'a str),
    ObjectId,
}

use Argument::{ObjectId, Text};

impl Prompt {
    fn quote(self, text: &str) -> Result<String, InvalidName> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
        if !text.is_empty() && text.chars().all(plain) {
            return Ok(text.to_owned());
        }
        // On Windows az is a batch file: what PowerShell hands to it, cmd reads once more.
        let for_cmd = quote::cmd(text).ok_or_else(|| {
            let rule = "on Windows there is no spelling for a double quote or a percent sign";
            InvalidName::new(Field::Prefix, text, rule)
                .hint("use the form for bash, in the Cloud Shell for example")
        });
        match self {
            Self::Bash => Ok(quote::bash(text)),
            // PowerShell puts double quotes only around what has blanks; without them a parenthesis
            // ends the block of the batch file.
            Self::PowerShell if text.contains(['(', ')']) && !text.contains(' ') => {
                let rule = "on Windows PowerShell hands its parentheses to az without quotes";
                Err(InvalidName::new(Field::ResourceGroup, text, rule)
                    .hint("use the form for the Az module of PowerShell, or for bash"))
            }
            Self::PowerShell => for_cmd.map(|_| quote::powershell(text)),
            Self::Cmd => for_cmd,
        }
    }

    fn az(self, arguments: &[Argument<'_>]) -> Result<String, InvalidName> {
        let mut line = String::from("az");
        for argument in arguments {
            line.push(' ');
            match (argument, self) {
                (Text(text), _) => line.push_str(&self.quote(text)?),
                (ObjectId, Self::Bash) => line.push_str("\"$OID\""),
                (ObjectId, Self::PowerShell) => line.push_str("$OID"),
                (ObjectId, Self::Cmd) => line.push_str("%OID%"),
            }
        }
        if self != Self::Bash && line.chars().count() > LONGEST_LINE {
            let rule =
                "with it the command has more than 8,191 characters, which cmd does not take";
            let condition = line.split(" --condition ").nth(1).unwrap_or(&line);
            return Err(InvalidName::new(Field::Prefix, condition, rule)
                .hint("use the form for bash, in the Cloud Shell for example"));
        }
        Ok(line)
    }

    fn comment(self, text: &str) -> String {
        match self {
            Self::Bash | Self::PowerShell => format!("# {text}"),
            Self::Cmd => format!("rem {text}"),
        }
    }

    /// The second command where the first fails, without what the first prints
    fn or_else(self, first: &str, second: &str) -> String {
        match self {
            Self::Bash => format!("{first} >/dev/null 2>&1 || {second}"),
            Self::PowerShell => {
                format!("{first} *> $null; if ($LASTEXITCODE -ne 0) {{ {second} }}")
            }
            Self::Cmd => format!("{first} >nul 2>nul || {second}"),
        }
    }

    /// Finds the object id, unless it is known
    fn object_id(self, grant: &Grant) -> Result<String, InvalidName> {
        if let Some(id) = &grant.principal {
            return Ok(match self {
                Self::Bash => format!("OID={id}"),
                Self::PowerShell => format!("$OID = '{id}'"),
                Self::Cmd => format!("set OID={id}"),
            });
        }
        let arguments = ["ad", "sp", "show", "--id", &grant.application, "--query", "id"];
        let arguments: Vec<_> = arguments.map(Text).into_iter().collect();
        let show = format!("{} --output tsv", self.az(&arguments)?);
        Ok(match self {
            Self::Bash => format!("OID=$({show})"),
            Self::PowerShell => format!("$OID = {show}"),
            Self::Cmd => format!("for /f %i in ('{show}') do @set OID=%i"),
        })
    }
}

pub(super) fn parts(grant: &Grant, prompt: Prompt) -> Result<Vec<Part>, InvalidName> {
    let mut parts = vec![
        principal(grant, prompt)?,
        apply(grant, prompt)?,
        read_back(grant, prompt)?,
        revoke(grant, prompt)?,
    ];
    parts.extend(update(grant, prompt)?);
    parts.extend(cors(grant, prompt)?);
    parts.extend(role_file(grant));
    Ok(parts)
}

fn principal(grant: &Grant, prompt: Prompt) -> Result<Part, InvalidName> {
    let mut lines = Vec::new();
    let cloud = grant.management().az;
    if cloud != "AzureCloud" {
        lines.push(prompt.az(&["cloud", "set", "--name", cloud].map(Text))?);
    }
    lines.push(prompt.az(&["account", "set", "--subscription", &grant.subscription].map(Text))?);
    let id = grant.application.as_str();
    let show = prompt.az(&["ad", "sp", "show", "--id", id].map(Text))?;
    let create = prompt.az(&["ad", "sp", "create", "--id", id].map(Text))?;
    lines.push(prompt.or_else(&show, &create));
    Ok(commands(Step::Principal, lines))
}

/// The command that makes an assignment
///
/// With the principal's type the CLI does not look it up, so that a new one is no error.
fn create(prompt: Prompt, assignment: &RoleAssignment) -> Result<String, InvalidName> {
    let condition = assignment.condition.as_ref().map(ToString::to_string);
    let mut arguments = vec![
        Text("role"),
        Text("assignment"),
        Text("create"),
        Text("--name"),
        Text(&assignment.name),
        Text("--assignee-object-id"),
        ObjectId,
        Text("--assignee-principal-type"),
        Text("ServicePrincipal"),
        Text("--role"),
        Text(&assignment.role_id),
        Text("--scope"),
        Text(&assignment.scope),
        Text("--description"),
        Text(&assignment.description),
    ];
    if let Some(condition) = &condition {
        let rest = ["--condition", condition.as_str(), "--condition-version", "2.0"];
        arguments.extend(rest.map(Text));
    }
    prompt.az(&arguments)
}

fn apply(grant: &Grant, prompt: Prompt) -> Result<Part, InvalidName> {
    let mut lines = vec![prompt.object_id(grant)?];
    if let Some((assignment, _)) = custom_role(grant) {
        // `az role definition create` takes no GUID, and fails the second time.
        let url = format!("{}?api-version={API}", role_resource(grant, assignment));
        let arguments = ["rest", "--method", "put", "--url", &url, "--body", "@role.json"];
        lines.push(prompt.az(&arguments.map(Text))?);
    }
    for assignment in &grant.assignments {
        lines.push(create(prompt, assignment)?);
    }
    Ok(commands(Step::Apply, lines))
}

fn read_back(grant: &Grant, prompt: Prompt) -> Result<Part, InvalidName> {
    let mut lines = Vec::new();
    for assignment in &grant.assignments {
        let query = match assignment.condition {
            Some(_) => format!("[?name=='{}'].condition | [0]", assignment.name),
            None => format!("[?name=='{}'].name | [0]", assignment.name),
        };
        let arguments = ["role", "assignment", "list", "--scope", &assignment.scope, "--query"];
        let mut arguments: Vec<_> = arguments.map(Text).into_iter().collect();
        arguments.extend([Text(&query), Text("--output"), Text("tsv")]);
        let list = prompt.az(&arguments)?;
        let expected = assignment
            .condition
            .as_ref()
            .map_or_else(|| assignment.name.clone(), ToString::to_string);
        let name = &assignment.role_name;
        lines.push(match prompt {
            Prompt::Bash => format!(
                "[ \"$({list})\" = {} ] && echo '{name}: as meant' || {{ echo '{name}: missing, or with another condition' >&2; false; }}",
                quote::bash(&expected)
            ),
            Prompt::PowerShell => format!(
                "if (({list}) -ceq {}) {{ '{name}: as meant' }} else {{ Write-Error '{name}: missing, or with another condition' }}",
                quote::powershell(&expected)
            ),
            Prompt::Cmd => format!("rem must print: {expected}\n{list}"),
        });
    }
    Ok(commands(Step::ReadBack, lines))
}

/// Where the object id goes; in the texts of JSON such quotes are escaped
const PLACE: &str = "\"principalId\":\"OBJECT_ID\"";

/// `az role assignment create` keeps an old condition without a word, so there is another way
fn update(grant: &Grant, prompt: Prompt) -> Result<Vec<Part>, InvalidName> {
    let mut lines = Vec::new();
    let conditioned: Vec<_> = grant.assignments.iter().filter(|a| a.condition.is_some()).collect();
    if conditioned.is_empty() {
        let text = "nothing to change: no assignment of this grant has a condition";
        return Ok(vec![commands(Step::Update, vec![prompt.comment(text)])]);
    }
    lines.push(prompt.object_id(grant)?);
    for assignment in conditioned {
        // All properties, or the CLI refuses.
        let body = json!({
            "id": resource(assignment),
            "name": assignment.name,
            "type": "Microsoft.Authorization/roleAssignments",
            "scope": assignment.scope,
            "roleDefinitionId": definition(grant, assignment),
            "principalId": "OBJECT_ID",
            "principalType": "ServicePrincipal",
            "description": assignment.description,
            "condition": assignment.condition.as_ref().map(ToString::to_string),
            "conditionVersion": "2.0",
        })
        .to_string();
        match prompt {
            Prompt::Bash => lines.push(format!(
                "az role assignment update --role-assignment {}",
                quote::bash(&body).replace(PLACE, "\"principalId\":\"'\"$OID\"'\"")
            )),
            Prompt::PowerShell => {
                lines.push(format!(
                    "[IO.File]::WriteAllText(\"$PWD/assignment.json\", {}.Replace('{PLACE}', '\"principalId\":\"' + $OID + '\"'))",
                    quote::powershell(&body)
                ));
                lines.push("az role assignment update --role-assignment assignment.json".into());
            }
            Prompt::Cmd => {
                lines.push(prompt.comment(
                    "between the two there is no access; the new one takes minutes to take effect",
                ));
                let id = resource(assignment);
                lines.push(prompt.az(&["role", "assignment", "delete", "--ids", &id].map(Text))?);
                lines.push(create(prompt, assignment)?);
            }
        }
    }
    Ok(vec![commands(Step::Update, lines)])
}

fn cors(grant: &Grant, prompt: Prompt) -> Result<Option<Part>, InvalidName> {
    let Some(origin) = &grant.origin else { return Ok(None) };
    let account = grant.connection.account().as_str();
    let on = ["--account-name", account, "--services", "b", "--auth-mode", "login"];
    let query = format!("[?AllowedOrigins=='{origin}'] | [0].AllowedOrigins");
    let mut arguments: Vec<_> = ["storage", "cors", "list"].map(Text).into_iter().collect();
    arguments
        .extend(["--account-name", account, "--services", "b", "--auth-mode", "login"].map(Text));
    arguments.extend([Text("--query"), Text(&query), Text("--output"), Text("tsv")]);
    let list = prompt.az(&arguments)?;
    let mut arguments: Vec<_> = ["storage", "cors", "add"].map(Text).into_iter().collect();
    arguments.extend(on.map(Text));
    arguments.extend(["--methods", "GET", "HEAD", "OPTIONS", "--origins", origin].map(Text));
    arguments.extend(["--allowed-headers", "*", "--exposed-headers"].map(Text));
    arguments.extend(EXPOSED.map(Text));
    arguments.extend(["--max-age", "3600"].map(Text));
    let add = prompt.az(&arguments)?;
    // A second run must not add the rule again: there is room for five.
    let line = match prompt {
        Prompt::Bash => format!("[ -n \"$({list})\" ] || {add}"),
        Prompt::PowerShell => format!("if (-not ({list})) {{ {add} }}"),
        Prompt::Cmd => format!("rem only where this prints nothing:\n{list}\n{add}"),
    };
    Ok(Some(commands(Step::Cors, vec![line])))
}

fn revoke(grant: &Grant, prompt: Prompt) -> Result<Part, InvalidName> {
    let mut lines = Vec::new();
    for assignment in &grant.assignments {
        let id = resource(assignment);
        lines.push(prompt.az(&["role", "assignment", "delete", "--ids", &id].map(Text))?);
    }
    let has_keys = grant
        .assignments
        .iter()
        .any(|a| a.on_account && a.role.is_some_and(|r| !r.actions().is_empty()));
    if has_keys {
        lines.push(prompt.comment(
            "view links that were made live on, up to 7 days; this ends them, and those of others",
        ));
        let account = grant.connection.account().as_str();
        let arguments =
            ["storage", "account", "revoke-delegation-keys", "--name", account, "--resource-group"];
        let mut arguments: Vec<_> = arguments.map(Text).into_iter().collect();
        arguments.push(Text(&grant.resource_group));
        lines.push(prompt.az(&arguments)?);
    }
    if let Some((assignment, _)) = custom_role(grant) {
        lines.push(prompt.comment("only where nothing else uses the role"));
        lines.push(
            prompt.az(&["role", "definition", "delete", "--name", &assignment.role_id].map(Text))?,
        );
    }
    if grant.origin.is_some() {
        lines.push(prompt.comment(
            "the rule for browsers: remove it in the portal; `az storage cors clear` removes all rules",
        ));
    }
    lines.push(prompt.comment("only where no other grant is for this application"));
    lines.push(prompt.az(&["ad", "sp", "delete", "--id", &grant.application].map(Text))?);
    Ok(commands(Step::Revoke, lines))
}
