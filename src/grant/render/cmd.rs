//! The Azure CLI at the prompt of cmd.
//!
//! The prompt runs line by line and has no blocks. So a variable says whether all went well so far,
//! every line asks it first, and the last line sets the exit status.

use super::{
    super::{Grant, Part, RoleAssignment, Sharing, Step},
    API, EXPOSED, about, commands, custom_role, name_of, obsolete, obsolete_roles, obsolete_shared,
    own, query,
    query::Query,
    role_file, role_resource, shared_or_earlier,
    windows::{self, cmd as argument},
};
use crate::name::InvalidName;

pub(super) fn parts(grant: &Grant) -> Result<Vec<Part>, InvalidName> {
    let mut parts = vec![
        principal(grant)?,
        apply(grant)?,
        read_back(grant)?,
        update(grant, Step::Update)?,
        update(grant, Step::Replace)?,
        revoke(grant)?,
        end_shared(grant)?,
    ];
    parts.extend(cors(grant)?);
    for part in &parts {
        windows::check_length(&part.text)?;
    }
    parts.extend(role_file(grant));
    Ok(parts)
}

/// Whether the assignment that was found has another grant's description
const IS_ANOTHERS: &str = "\"%WHOSE%\"==\"foreign\"";

struct Lines {
    lines: Vec<String>,
}

impl Lines {
    fn new(grant: &Grant) -> Self {
        let subscription = &grant.subscription;
        let name = grant.management().name;
        let mut lines = Self { lines: vec![] };
        lines.line("set \"GRANT_OK=\" & set \"CLOUD=\" & set \"OID=\"");
        lines.set(
            "CLOUD",
            &format!(
                "az account show --subscription {subscription} --query environmentName --output tsv"
            ),
        );
        lines.line(format!(
            "if \"%CLOUD%\"==\"{name}\" (az account set --subscription {subscription} && set \"GRANT_OK=1\") else echo Stopped: {}",
            about::sign_in(grant)
        ));
        lines
    }

    fn with_principal(grant: &Grant) -> Result<Self, InvalidName> {
        let mut lines = Self::new(grant);
        match &grant.principal {
            Some(id) => lines.line(format!("set \"OID={id}\"")),
            None => {
                let id = &grant.application;
                lines.find_principal(grant)?;
                lines.stop_if(
                    "\"%OID%\"==\"none\"",
                    &format!("there is no service principal of application {id} in this directory: create it first"),
                );
            }
        }
        Ok(lines)
    }

    /// Sets `OID`: a list is empty where the principal is missing, whereas `show` would fail
    fn find_principal(&mut self, grant: &Grant) -> Result<(), InvalidName> {
        let filter = argument(&format!("appId eq '{}'", grant.application))?;
        self.word("OID", &format!("az ad sp list --filter {filter}"), "[0].id")
    }

    fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Sets a variable to the line that a command prints
    fn set(&mut self, variable: &str, command: &str) {
        self.line(format!("for /f \"delims=\" %i in ('{command}') do @set \"{variable}=%i\""));
    }

    fn if_ok(&mut self, rest: &str) {
        self.line(format!("if defined GRANT_OK {rest}"));
    }

    /// INVARIANT: no message has a parenthesis or another character of cmd's.
    fn stop_if(&mut self, condition: &str, message: &str) {
        self.if_ok(&format!("if {condition} (set \"GRANT_OK=\" & echo Stopped: {message})"));
    }

    /// Sets `SAME`, `WHOSE` and `ID` for an assignment; `SAME` is `none` if there is no assignment
    fn look(&mut self, grant: &Grant, assignment: &RoleAssignment) -> Result<(), InvalidName> {
        let query = query::state(grant, assignment);
        let query = Query {
            before: format!("({}", query.before),
            after: format!("{}) || 'none'", query.after),
        };
        self.line("set \"STATE=\" & set \"SAME=\" & set \"WHOSE=-\" & set \"ID=-\"");
        let (scope, query) = (argument(&assignment.scope)?, with_object_id(&query)?);
        self.set(
            "STATE",
            &format!("az role assignment list --scope {scope} --query {query} --output tsv"),
        );
        self.stop_if("not defined STATE", "the assignments cannot be read, see above");
        for (tokens, value, variable) in
            [("1", "%i", "SAME"), ("2", "%i", "WHOSE"), ("2,*", "%j", "ID")]
        {
            self.line(format!(
                "for /f \"tokens={tokens}\" %i in (\"%STATE%\") do @set \"{variable}={value}\""
            ));
        }
        Ok(())
    }

    fn show(&mut self, condition: &str, assignment: &RoleAssignment) -> Result<(), InvalidName> {
        self.if_ok(&format!(
            "if {condition} az role assignment list --scope {} --query {} --output yaml",
            argument(&assignment.scope)?,
            with_object_id(&query::shown(assignment))?
        ));
        Ok(())
    }

    /// Sets a variable to the word that a query gives, `none` if it gives nothing
    fn word(&mut self, variable: &str, command: &str, query: &str) -> Result<(), InvalidName> {
        let query = argument(&format!("({query}) || 'none'"))?;
        self.line(format!("set \"{variable}=\""));
        self.set(variable, &format!("{command} --query {query} --output tsv"));
        self.stop_if(&format!("not defined {variable}"), "az has failed, see above");
        Ok(())
    }

    fn end(mut self, step: Step) -> Part {
        self.line("if defined GRANT_OK (echo Done.& cmd /c exit 0) else (echo Failed: see above.& cmd /c exit 1)");
        commands(step, self.lines)
    }
}

fn with_object_id(query: &Query) -> Result<String, InvalidName> {
    let (before, after) = (argument(&query.before)?, argument(&query.after)?);
    let inner = |text: &str| text.trim_matches('"').to_owned();
    Ok(format!("\"{}%OID%{}\"", inner(&before), inner(&after)))
}

fn principal(grant: &Grant) -> Result<Part, InvalidName> {
    let mut lines = Lines::new(grant);
    lines.find_principal(grant)?;
    let id = &grant.application;
    lines.if_ok(&format!(
        "if \"%OID%\"==\"none\" (az ad sp create --id {id} --output none || set \"GRANT_OK=\")"
    ));
    Ok(lines.end(Step::Principal))
}

/// The command that makes an assignment
fn create(assignment: &RoleAssignment) -> Result<String, InvalidName> {
    let condition = match &assignment.condition {
        Some(condition) => {
            let condition = argument(&condition.to_string())?;
            format!(" --condition {condition} --condition-version 2.0")
        }
        None => String::new(),
    };
    Ok(format!(
        "az role assignment create --name {} --assignee-object-id %OID% --assignee-principal-type ServicePrincipal --role {} --scope {} --description {}{condition} --output none",
        assignment.name,
        assignment.role_id,
        argument(&assignment.scope)?,
        argument(&assignment.description)?
    ))
}

fn role_list(grant: &Grant, assignment: &RoleAssignment) -> Result<String, InvalidName> {
    let group = argument(&grant.group_scope())?;
    Ok(format!("az role definition list --name {} --scope {group}", assignment.role_id))
}

fn apply(grant: &Grant) -> Result<Part, InvalidName> {
    let mut lines = Lines::with_principal(grant)?;
    if let Some((assignment, _)) = custom_role(grant) {
        lines.word("ROLE", &role_list(grant, assignment)?, &query::role(assignment))?;
        let url = format!("{}?api-version={API}", role_resource(grant, assignment));
        lines.if_ok(&format!(
            "if not \"%ROLE%\"==\"same\" (az rest --method put --url {} --body @role.json --output none || set \"GRANT_OK=\")",
            argument(&url)?
        ));
    }
    for assignment in &grant.assignments {
        let name = name_of(assignment);
        lines.look(grant, assignment)?;
        lines.if_ok(&format!(
            "if \"%SAME%\"==\"none\" ({} || set \"GRANT_OK=\")",
            create(assignment)?
        ));
        lines.show("\"%SAME%\"==\"differs\"", assignment)?;
        if assignment.sharing == Sharing::Account {
            lines.stop_if("\"%SAME% %WHOSE%\"==\"differs foreign\"", &about::foreign(&name));
        } else {
            lines.show("\"%SAME% %WHOSE%\"==\"same foreign\"", assignment)?;
            lines.stop_if(IS_ANOTHERS, &about::foreign(&name));
        }
        lines.stop_if("\"%SAME%\"==\"differs\"", &about::older(&name));
        lines.look(grant, assignment)?;
        lines.stop_if(
            "not \"%SAME%\"==\"same\"",
            &format!("{name}: Azure has not kept what was sent; read it back"),
        );
        lines.if_ok(&format!("echo {name}: assigned"));
    }
    Ok(lines.end(Step::Apply))
}

fn read_back(grant: &Grant) -> Result<Part, InvalidName> {
    let mut lines = Lines::with_principal(grant)?;
    lines.line("set \"BAD=\"");
    for assignment in &grant.assignments {
        let name = name_of(assignment);
        lines.look(grant, assignment)?;
        let wanted = match query::as_meant(assignment) {
            [one] => format!("\"%SAME% %WHOSE%\"==\"{one}\""),
            _ => "\"%SAME%\"==\"same\"".to_owned(),
        };
        lines.if_ok(&format!(
            "if {wanted} (echo {name}: as meant) else (set \"BAD=1\" & echo DRIFT: {name}: %SAME% %WHOSE%)"
        ));
        lines.show(&format!("not {wanted}"), assignment)?;
    }
    if let Some((assignment, _)) = custom_role(grant) {
        lines.word("ROLE", &role_list(grant, assignment)?, &query::role(assignment))?;
        lines.if_ok("if \"%ROLE%\"==\"same\" (echo the custom role: as meant) else (set \"BAD=1\" & echo DRIFT: the custom role: %ROLE%)");
    }
    if let Some(origin) = &grant.origin {
        lines.word("RULE", &cors_list(grant)?, &query::cors(origin))?;
        lines.if_ok("if \"%RULE%\"==\"complete\" (echo the rule for browsers: as meant) else (set \"BAD=1\" & echo DRIFT: the rule for browsers: %RULE%)");
    }
    lines.stop_if("defined BAD", "Azure has something else than was meant: see above");
    Ok(lines.end(Step::ReadBack))
}

/// Changes an assignment by deleting it and creating it again: cmd has no spelling for a body
fn update(grant: &Grant, step: Step) -> Result<Part, InvalidName> {
    let mut lines = Lines::with_principal(grant)?;
    for assignment in own(grant) {
        let name = name_of(assignment);
        lines.look(grant, assignment)?;
        lines.stop_if("\"%SAME%\"==\"none\"", &about::missing(&name));
        lines.show("not \"%SAME% %WHOSE%\"==\"same ours\"", assignment)?;
        if step == Step::Replace {
            lines.stop_if(
                "not \"%SAME% %WHOSE%\"==\"same ours\" if not \"%REPLACE_GRANT%\"==\"yes\"",
                &format!("{} Nothing was changed. To go on, type: set REPLACE_GRANT=yes and paste this again", about::loses(&name)),
            );
        } else {
            lines.stop_if(IS_ANOTHERS, &about::anothers(&name));
        }
        lines.if_ok(&format!(
            "if not \"%SAME% %WHOSE%\"==\"same ours\" (az role assignment delete --ids \"%ID%\" --output none && {} || set \"GRANT_OK=\")",
            create(assignment)?
        ));
        lines.look(grant, assignment)?;
        lines.stop_if(
            "not \"%SAME% %WHOSE%\"==\"same ours\"",
            &format!("{name}: Azure has not kept what was sent; read it back"),
        );
    }
    if step == Step::Replace {
        lines.line("set \"REPLACE_GRANT=\"");
    } else {
        remove_obsolete(&mut lines, grant)?;
    }
    let mut part = lines.end(step);
    part.about = "At the prompt of cmd the old assignment is deleted before the new one is created, so there is no access for some minutes.".to_owned();
    if step == Step::Replace {
        part.about.push_str(" To confirm, type first: set REPLACE_GRANT=yes");
    }
    Ok(part)
}

fn revoke(grant: &Grant) -> Result<Part, InvalidName> {
    let mut lines = Lines::with_principal(grant)?;
    lines.line("set \"LEFT=\"");
    for assignment in own(grant).chain(obsolete(grant)) {
        remove(&mut lines, grant, assignment)?;
    }
    if let Some(assignment) = shared_or_earlier(grant) {
        revoke_if_unused(&mut lines, grant, assignment)?;
    }
    let role = custom_role(grant).map(|(assignment, _)| assignment);
    for assignment in role.into_iter().chain(obsolete_roles(grant)) {
        remove_role(&mut lines, grant, assignment)?;
    }
    lines.stop_if("defined LEFT", "something is still there: see above");
    Ok(lines.end(Step::Revoke))
}

/// Removes the assignment that grants share, if no other assignment needs it
fn revoke_if_unused(
    lines: &mut Lines,
    grant: &Grant,
    assignment: &RoleAssignment,
) -> Result<(), InvalidName> {
    let name = name_of(assignment);
    lines.look(grant, assignment)?;
    let query = with_object_id(&query::users(grant))?;
    lines.line("set \"USERS=\"");
    lines.set("USERS", &format!("az role assignment list --all --query {query} --output tsv"));
    lines.stop_if("not defined USERS", "the assignments cannot be read, see above");
    lines.if_ok(&format!("if \"%SAME%\"==\"none\" echo {name}: not assigned"));
    lines.if_ok(&format!(
        "if not \"%SAME%\"==\"none\" if not \"%USERS%\"==\"0\" echo {name}: kept, because the application has assignments on containers of the account"
    ));
    let odd = "\"%SAME% %USERS%\"==\"differs 0\"";
    lines.show(odd, assignment)?;
    lines.if_ok(&format!("if {odd} (set \"LEFT=1\" & echo {})", about::odd_delegator(&name)));
    lines.if_ok(
        "if \"%SAME% %USERS%\"==\"same 0\" (az role assignment delete --ids \"%ID%\" --output none || set \"GRANT_OK=\")",
    );
    Ok(())
}

/// Removes what earlier grants had and this one has no use for
fn remove_obsolete(lines: &mut Lines, grant: &Grant) -> Result<(), InvalidName> {
    let assignments = obsolete(grant);
    let shared = obsolete_shared(grant);
    if assignments.is_empty() && shared.is_none() {
        return Ok(());
    }
    lines.line("set \"LEFT=\"");
    for assignment in assignments {
        remove(lines, grant, assignment)?;
    }
    if let Some(assignment) = shared {
        revoke_if_unused(lines, grant, assignment)?;
    }
    for assignment in obsolete_roles(grant) {
        remove_role(lines, grant, assignment)?;
    }
    lines.stop_if("defined LEFT", "something is still there: see above");
    Ok(())
}

/// Deletes an assignment, unless it is another grant's
fn remove(
    lines: &mut Lines,
    grant: &Grant,
    assignment: &RoleAssignment,
) -> Result<(), InvalidName> {
    let name = name_of(assignment);
    lines.look(grant, assignment)?;
    lines.show(IS_ANOTHERS, assignment)?;
    lines.if_ok(&format!(
        "if {IS_ANOTHERS} (set \"LEFT=1\" & echo KEPT: {name}: the assignment that is shown above is another grant's)"
    ));
    lines.if_ok(&format!(
        "if not \"%SAME%\"==\"none\" if not {IS_ANOTHERS} (az role assignment delete --ids \"%ID%\" --output none || set \"GRANT_OK=\")"
    ));
    lines.look(grant, assignment)?;
    lines.if_ok(&format!(
        "if \"%SAME%\"==\"none\" (echo {name}: not assigned) else (set \"LEFT=1\" & echo KEPT: {name}: still assigned)"
    ));
    Ok(())
}

/// Deletes the definition of the custom role of an assignment
fn remove_role(
    lines: &mut Lines,
    grant: &Grant,
    assignment: &RoleAssignment,
) -> Result<(), InvalidName> {
    let list = role_list(grant, assignment)?;
    lines.word("ROLE", &list, &query::role(assignment))?;
    lines.if_ok(&format!(
        "if not \"%ROLE%\"==\"none\" (az role definition delete --name {} --scope {} --output none || set \"GRANT_OK=\")",
        assignment.role_id,
        argument(&grant.group_scope())?
    ));
    lines.word("ROLE", &list, &query::role(assignment))?;
    lines.if_ok(
        "if not \"%ROLE%\"==\"none\" (set \"LEFT=1\" & echo KEPT: the custom role is still there)",
    );
    Ok(())
}

fn end_shared(grant: &Grant) -> Result<Part, InvalidName> {
    let mut lines = match shared_or_earlier(grant) {
        Some(_) => Lines::with_principal(grant)?,
        None => Lines::new(grant),
    };
    let mut variables = Vec::new();
    let mut guarded = |lines: &mut Lines, variable: &'static str, question: &str, command: &str| {
        lines.if_ok(&format!(
            "if \"%{variable}%\"==\"yes\" ({command} || set \"GRANT_OK=\") else echo {question} Nothing was done. To do it, type: set {variable}=yes and paste this again"
        ));
        variables.push(variable);
    };
    if let Some(assignment) = shared_or_earlier(grant) {
        lines.look(grant, assignment)?;
        let question = about::ends_delegator(grant, &name_of(assignment));
        let command = "az role assignment delete --ids \"%ID%\" --output none";
        guarded(&mut lines, "END_DELEGATOR", &question, command);
    }
    if grant.has_view_links() {
        let command = format!(
            "az storage account revoke-delegation-keys --name {} --resource-group {} --output none",
            grant.account(),
            argument(&grant.resource_group)?
        );
        guarded(&mut lines, "END_LINKS", &about::ends_links(grant), &command);
    }
    let command = format!("az ad sp delete --id {} --output none", grant.application);
    guarded(&mut lines, "END_PRINCIPAL", &about::ends_principal(grant), &command);
    for variable in &variables {
        lines.line(format!("set \"{variable}=\""));
    }
    let names: Vec<_> = variables.iter().map(|name| format!("set {name}=yes")).collect();
    let mut part = lines.end(Step::EndShared);
    part.about = format!("To confirm, type first what you want to end: {}", names.join(", or "));
    Ok(part)
}

fn cors_list(grant: &Grant) -> Result<String, InvalidName> {
    Ok(format!(
        "az storage account blob-service-properties cors-rule list --account-name {} --resource-group {}",
        grant.account(),
        argument(&grant.resource_group)?
    ))
}

fn cors(grant: &Grant) -> Result<Option<Part>, InvalidName> {
    let Some(origin) = &grant.origin else { return Ok(None) };
    let mut lines = Lines::new(grant);
    let list = cors_list(grant)?;
    lines.word("RULE", &list, &query::cors(origin))?;
    lines.if_ok(&format!("if \"%RULE%\"==\"incomplete\" {list} --output yaml"));
    lines.stop_if("\"%RULE%\"==\"incomplete\"", &about::incomplete_rule(origin));
    lines.if_ok(&format!(
        "if \"%RULE%\"==\"none\" (az storage account blob-service-properties cors-rule add --account-name {} --resource-group {} --origins {} --methods GET HEAD OPTIONS --allowed-headers \"*\" --exposed-headers {} --max-age 3600 --output none || set \"GRANT_OK=\")",
        grant.account(),
        argument(&grant.resource_group)?,
        argument(origin)?,
        EXPOSED.join(" ")
    ));
    Ok(Some(lines.end(Step::Cors)))
}
