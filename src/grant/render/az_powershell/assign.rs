//! Creates, changes and compares assignments with the Azure CLI in PowerShell.
//!
//! The branches are those of bash. Every call of `az` is followed by `Assert-Az`, because
//! PowerShell does not stop when a program fails.

use serde_json::json;

use super::{
    super::{
        super::{Grant, Part, RoleAssignment, Sharing, Step, quote::powershell as quoted},
        about, query,
        resource::{API, custom_role, properties, role_resource},
        selection::{name_of, own},
        windows::powershell as argument,
    },
    block::{Block, ask, role_look, throw},
    cors::cors_look,
    remove::remove_leftovers,
};
use crate::name::InvalidName;

/// Assigns the roles, and creates the custom role before that.
///
/// The definition of the custom role comes from the file `role.json`.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
pub(super) fn apply(grant: &Grant) -> Result<Part, InvalidName> {
    let mut block = Block::with_principal(grant);
    if let Some((assignment, _)) = custom_role(grant) {
        role_look(&mut block, grant, assignment)?;
        let url = format!("{}?api-version={API}", role_resource(grant, assignment));
        // Writing an unchanged role would need the right to define roles, which the user may not
        // have.
        block.line("if ($ROLE -ceq 'same') { 'The custom role already exists.' } else {");
        block.line(format!(
            "  az rest --method put --url {} --body {} --output none",
            quoted(&url),
            quoted("@role.json")
        ));
        block.line("  Assert-Az");
        block.say("The custom role was written.");
        block.line("}");
    }
    for assignment in grant.assignments() {
        let name = name_of(assignment);
        block.look(grant, assignment)?;
        block.line("if (-not $SAME) {");
        block.line(format!("  {}", create(assignment)?));
        block.line("  Assert-Az");
        let stop = throw(&format!(
            "{name}: Azure did not keep what was sent. Use the step that reads back"
        ));
        block.line(format!("  if ($MADE -cne 'same') {{ {stop} }}"));
        block.say(&format!("{name}: assigned"));
        // Whoever created a shared assignment, it has no condition and serves all grants.
        let usable = match assignment.sharing {
            Sharing::Account => "$SAME -ceq 'same'",
            _ => "$SAME -ceq 'same' -and $WHOSE -cne 'foreign'",
        };
        block.line(format!(
            "}} elseif ({usable}) {{ {} }} else {{",
            quoted(&format!("{name}: assigned already"))
        ));
        block.show(assignment)?;
        let foreign = throw(&about::foreign(&name));
        block.line(format!("  if ($WHOSE -ceq 'foreign') {{ {foreign} }}"));
        block.line(format!("  {}", throw(&about::older(&name))));
        block.line("}");
    }
    Ok(block.end(Step::Apply))
}

/// Returns the command that creates an assignment and sets `$MADE` to whether Azure kept what was sent.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
fn create(assignment: &RoleAssignment) -> Result<String, InvalidName> {
    let condition = match &assignment.condition {
        Some(condition) => {
            let condition = argument(&condition.to_string())?;
            format!(" --condition {condition} --condition-version 2.0")
        }
        None => String::new(),
    };
    Ok(format!(
        "$MADE = az role assignment create --name {} --assignee-object-id $OID --assignee-principal-type ServicePrincipal --role {} --scope {} --description {}{condition} --query {} --output tsv",
        assignment.name,
        assignment.role_id,
        argument(&assignment.scope)?,
        argument(&assignment.description)?,
        argument(&query::created(assignment))?
    ))
}

/// Compares what Azure has with the grant. Changes nothing.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
pub(super) fn read_back(grant: &Grant) -> Result<Part, InvalidName> {
    let mut block = Block::with_principal(grant);
    // Goes on after a difference, so that one run shows all of them.
    block.line("$BAD = $false");
    for assignment in grant.assignments() {
        let name = name_of(assignment);
        block.look(grant, assignment)?;
        let states = query::as_meant(assignment).iter().map(|state| format!("'{state}'"));
        block.line(format!(
            "if (@({}) -ccontains \"$SAME $WHOSE\") {{ {} }} else {{",
            states.collect::<Vec<_>>().join(", "),
            quoted(&format!("{name}: as intended"))
        ));
        block.line("  $BAD = $true");
        block.line(format!(
            "  {} + $(if ($SAME) {{ \"$SAME $WHOSE\" }} else {{ 'missing' }})",
            quoted(&format!("DRIFT: {name}: "))
        ));
        block.show(assignment)?;
        block.line("}");
    }
    if let Some((assignment, _)) = custom_role(grant) {
        role_look(&mut block, grant, assignment)?;
        check_word(&mut block, "ROLE", "same", "the custom role");
    }
    if let Some(origin) = grant.origin() {
        cors_look(&mut block, grant, origin)?;
        check_word(&mut block, "RULE", "complete", "the CORS rule");
    }
    let stop = throw("Azure does not match this grant: see above");
    block.line(format!("if ($BAD) {{ {stop} }}"));
    Ok(block.end(Step::ReadBack))
}

/// Writes the comparison of a variable with the word that a query prints if all is as intended.
fn check_word(block: &mut Block, variable: &str, wanted: &str, name: &str) {
    block.line(format!(
        "if (${variable} -ceq '{wanted}') {{ '{name}: as intended' }} else {{ $BAD = $true; 'DRIFT: {name}: ' + $(if (${variable}) {{ ${variable} }} else {{ 'missing' }}) }}"
    ));
}

/// Where the object ID goes in a request body.
const PLACE: &str = "\"principalId\":\"OBJECT_ID\"";

/// Writes the intended assignment over the existing one, and looks again.
///
/// The body goes through a file, because `az` on Windows is a batch file, to which no double quote can be
/// passed.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
fn put(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) -> Result<(), InvalidName> {
    let name = name_of(assignment);
    let properties = properties(grant, assignment, "OBJECT_ID");
    let body = json!({ "properties": properties }).to_string();
    block.line("  $FILE = [IO.Path]::GetTempFileName()");
    // `finally` deletes the file also if `az` fails.
    block.line("  try {");
    block.line(format!(
        "    [IO.File]::WriteAllText($FILE, {}.Replace('{PLACE}', '\"principalId\":\"' + $OID + '\"'))",
        quoted(&body)
    ));
    block.line(format!(
        "    az rest --method put --url ($ID + '?api-version={API}') --body ('@' + $FILE) --output none"
    ));
    block.line("    Assert-Az");
    block.line("  } finally { Remove-Item $FILE }");
    block.look(grant, assignment)?;
    let stop =
        throw(&format!("{name}: Azure did not keep what was sent. Use the step that reads back"));
    block.line(format!("  if (\"$SAME $WHOSE\" -cne 'same ours') {{ {stop} }}"));
    block.say(&format!("{name}: changed"));
    Ok(())
}

/// Changes assignments to what the grant intends.
///
/// [`Step::Update`] stops if another grant owns the assignment; [`Step::Replace`] asks instead.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
pub(super) fn change(grant: &Grant, step: Step) -> Result<Part, InvalidName> {
    let mut block = Block::with_principal(grant);
    for assignment in own(grant) {
        let name = name_of(assignment);
        block.look(grant, assignment)?;
        block.line(format!("if (-not $SAME) {{ {} }}", throw(&about::missing(&name))));
        let done = quoted(&format!("{name}: already as intended"));
        // A replacement and an update differ only in what follows: a question, or a stop.
        let unchanged = format!("if (\"$SAME $WHOSE\" -ceq 'same ours') {{ {done} }}");
        if step == Step::Replace {
            block.line(format!("{unchanged} else {{"));
            block.show(assignment)?;
            let (question, stop) = (ask(&about::loses(&name)), throw("nothing was changed"));
            block.line(format!("  if (-not ({question})) {{ {stop} }}"));
        } else {
            block.line(unchanged);
            block.line("elseif ($WHOSE -ceq 'foreign') {");
            block.show(assignment)?;
            block.line(format!("  {}", throw(&about::anothers(&name))));
            block.line("} else {");
        }
        put(&mut block, grant, assignment)?;
        block.line("}");
    }
    if step == Step::Update {
        remove_leftovers(&mut block, grant)?;
    }
    Ok(block.end(step))
}
