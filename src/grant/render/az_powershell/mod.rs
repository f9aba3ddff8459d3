//! The Azure CLI in PowerShell.
//!
//! Each block is one script block: an error ends it, and leaves the session open.

mod block;

use serde_json::json;

use self::block::{Block, find_principal, throw, with_object_id};
use super::{
    super::{Grant, Part, RoleAssignment, Sharing, Step, quote::powershell as quoted},
    API, EXPOSED, about, custom_role, name_of, obsolete, obsolete_roles, obsolete_shared, own,
    query, role_file, role_resource, shared_or_earlier,
    windows::{self, powershell as argument},
};
use crate::name::InvalidName;

pub(super) fn parts(grant: &Grant) -> Result<Vec<Part>, InvalidName> {
    let mut parts = vec![
        principal(grant)?,
        apply(grant)?,
        read_back(grant)?,
        update(grant)?,
        replace(grant)?,
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

fn principal(grant: &Grant) -> Result<Part, InvalidName> {
    let mut block = Block::new(grant);
    block.line(find_principal(grant));
    block.line("Assert-Az");
    block.line("if ($OID) { 'The service principal is there already.' } else {");
    block.line(format!("  az ad sp create --id {} --output none", grant.application));
    block.line("  Assert-Az");
    block.say("The service principal was created.");
    block.line("}");
    Ok(block.end(Step::Principal))
}

fn apply(grant: &Grant) -> Result<Part, InvalidName> {
    let mut block = Block::with_principal(grant);
    if let Some((assignment, _)) = custom_role(grant) {
        role_look(&mut block, grant, assignment)?;
        let url = format!("{}?api-version={API}", role_resource(grant, assignment));
        block.line("if ($ROLE -ceq 'same') { 'The custom role is there already.' } else {");
        block.line(format!(
            "  az rest --method put --url {} --body {} --output none",
            quoted(&url),
            quoted("@role.json")
        ));
        block.line("  Assert-Az");
        block.say("The custom role was written.");
        block.line("}");
    }
    for assignment in &grant.assignments {
        let name = name_of(assignment);
        block.look(grant, assignment)?;
        block.line("if (-not $SAME) {");
        block.line(format!("  {}", create(assignment)?));
        block.line("  Assert-Az");
        let stop = throw(&format!("{name}: Azure has not kept what was sent; read it back"));
        block.line(format!("  if ($MADE -cne 'same') {{ {stop} }}"));
        block.say(&format!("{name}: assigned"));
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

/// The command that makes an assignment, and sets `$MADE` to whether it is as meant
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

fn role_look(
    block: &mut Block,
    grant: &Grant,
    assignment: &RoleAssignment,
) -> Result<(), InvalidName> {
    block.line(format!(
        "$ROLE = az role definition list --name {} --scope {} --query {} --output tsv",
        assignment.role_id,
        argument(&grant.group_scope())?,
        argument(&query::role(assignment))?
    ));
    block.line("Assert-Az");
    Ok(())
}

fn read_back(grant: &Grant) -> Result<Part, InvalidName> {
    let mut block = Block::with_principal(grant);
    block.line("$BAD = $false");
    for assignment in &grant.assignments {
        let name = name_of(assignment);
        block.look(grant, assignment)?;
        let states = query::as_meant(assignment).iter().map(|state| format!("'{state}'"));
        block.line(format!(
            "if (@({}) -ccontains \"$SAME $WHOSE\") {{ {} }} else {{",
            states.collect::<Vec<_>>().join(", "),
            quoted(&format!("{name}: as meant"))
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
    if let Some(origin) = &grant.origin {
        cors_look(&mut block, grant, origin)?;
        check_word(&mut block, "RULE", "complete", "the rule for browsers");
    }
    let stop = throw("Azure has something else than was meant: see above");
    block.line(format!("if ($BAD) {{ {stop} }}"));
    Ok(block.end(Step::ReadBack))
}

fn check_word(block: &mut Block, variable: &str, wanted: &str, name: &str) {
    block.line(format!(
        "if (${variable} -ceq '{wanted}') {{ '{name}: as meant' }} else {{ $BAD = $true; 'DRIFT: {name}: ' + $(if (${variable}) {{ ${variable} }} else {{ 'missing' }}) }}"
    ));
}

/// Where the object id goes in a body
const PLACE: &str = "\"principalId\":\"OBJECT_ID\"";

/// Puts an assignment as it is meant in the place of the one that was found, and looks again
fn put(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) -> Result<(), InvalidName> {
    let name = name_of(assignment);
    let properties = super::properties(grant, assignment, "OBJECT_ID");
    let body = json!({ "properties": properties }).to_string();
    block.line("  $FILE = [IO.Path]::GetTempFileName()");
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
    let stop = throw(&format!("{name}: Azure has not kept what was sent; read it back"));
    block.line(format!("  if (\"$SAME $WHOSE\" -cne 'same ours') {{ {stop} }}"));
    block.say(&format!("{name}: changed"));
    Ok(())
}

fn update(grant: &Grant) -> Result<Part, InvalidName> {
    let mut block = Block::with_principal(grant);
    for assignment in own(grant) {
        let name = name_of(assignment);
        block.look(grant, assignment)?;
        block.line(format!("if (-not $SAME) {{ {} }}", throw(&about::missing(&name))));
        block.line(format!(
            "if (\"$SAME $WHOSE\" -ceq 'same ours') {{ {} }}",
            quoted(&format!("{name}: as meant already"))
        ));
        block.line("elseif ($WHOSE -ceq 'foreign') {");
        block.show(assignment)?;
        block.line(format!("  {}", throw(&about::anothers(&name))));
        block.line("} else {");
        put(&mut block, grant, assignment)?;
        block.line("}");
    }
    remove_obsolete(&mut block, grant)?;
    Ok(block.end(Step::Update))
}

fn ask(question: &str) -> String {
    format!("(Read-Host {}) -ceq 'yes'", quoted(&format!("{question} Type yes to go on")))
}

fn replace(grant: &Grant) -> Result<Part, InvalidName> {
    let mut block = Block::with_principal(grant);
    for assignment in own(grant) {
        let name = name_of(assignment);
        block.look(grant, assignment)?;
        block.line(format!("if (-not $SAME) {{ {} }}", throw(&about::missing(&name))));
        block.line(format!(
            "if (\"$SAME $WHOSE\" -ceq 'same ours') {{ {} }} else {{",
            quoted(&format!("{name}: as meant already"))
        ));
        block.show(assignment)?;
        block.line(format!(
            "  if (-not ({})) {{ {} }}",
            ask(&about::loses(&name)),
            throw("nothing was changed")
        ));
        put(&mut block, grant, assignment)?;
        block.line("}");
    }
    Ok(block.end(Step::Replace))
}

fn revoke(grant: &Grant) -> Result<Part, InvalidName> {
    let mut block = Block::with_principal(grant);
    block.line("$LEFT = $false");
    for assignment in own(grant).chain(obsolete(grant)) {
        remove(&mut block, grant, assignment)?;
    }
    if let Some(assignment) = shared_or_earlier(grant) {
        revoke_if_unused(&mut block, grant, assignment)?;
    }
    let role = custom_role(grant).map(|(assignment, _)| assignment);
    for assignment in role.into_iter().chain(obsolete_roles(grant)) {
        remove_role(&mut block, grant, assignment)?;
    }
    stop_if_left(&mut block);
    Ok(block.end(Step::Revoke))
}

fn stop_if_left(block: &mut Block) {
    block.line(format!("if ($LEFT) {{ {} }}", throw("something is still there: see above")));
}

/// Removes the assignment that grants share, if no other assignment needs it
fn revoke_if_unused(
    block: &mut Block,
    grant: &Grant,
    assignment: &RoleAssignment,
) -> Result<(), InvalidName> {
    let name = name_of(assignment);
    block.look(grant, assignment)?;
    block.line(format!(
        "$USERS = az role assignment list --all --query {} --output tsv",
        with_object_id(&query::users(grant))?
    ));
    block.line("Assert-Az");
    block.line(format!("if (-not $SAME) {{ {} }}", quoted(&format!("{name}: not assigned"))));
    block.line(format!(
        "elseif (\"$USERS\" -cne '0') {{ {} }}",
        quoted(&format!(
            "{name}: kept, because the application has assignments on containers of the account"
        ))
    ));
    block.line("elseif ($SAME -ceq 'same') {");
    delete(block, grant, assignment)?;
    block.line("} else {");
    block.line("  $LEFT = $true");
    block.show(assignment)?;
    block.say(&about::odd_delegator(&name));
    block.line("}");
    Ok(())
}

/// Removes what earlier grants had and this one has no use for
fn remove_obsolete(block: &mut Block, grant: &Grant) -> Result<(), InvalidName> {
    let assignments = obsolete(grant);
    let shared = obsolete_shared(grant);
    if assignments.is_empty() && shared.is_none() {
        return Ok(());
    }
    block.line("$LEFT = $false");
    for assignment in assignments {
        remove(block, grant, assignment)?;
    }
    if let Some(assignment) = shared {
        revoke_if_unused(block, grant, assignment)?;
    }
    for assignment in obsolete_roles(grant) {
        remove_role(block, grant, assignment)?;
    }
    stop_if_left(block);
    Ok(())
}

/// Deletes an assignment, unless it is another grant's
fn remove(
    block: &mut Block,
    grant: &Grant,
    assignment: &RoleAssignment,
) -> Result<(), InvalidName> {
    let name = name_of(assignment);
    block.look(grant, assignment)?;
    block.line(format!("if (-not $SAME) {{ {} }}", quoted(&format!("{name}: not assigned"))));
    block.line("elseif ($WHOSE -ceq 'foreign') {");
    block.line("  $LEFT = $true");
    block.show(assignment)?;
    block.say(&format!("KEPT: {name}: the assignment that is shown above is another grant's"));
    block.line("} else {");
    delete(block, grant, assignment)?;
    block.line("}");
    Ok(())
}

/// Deletes the definition of the custom role of an assignment
fn remove_role(
    block: &mut Block,
    grant: &Grant,
    assignment: &RoleAssignment,
) -> Result<(), InvalidName> {
    role_look(block, grant, assignment)?;
    block.line("if ($ROLE) {");
    block.line(format!(
        "  az role definition delete --name {} --scope {} --output none",
        assignment.role_id,
        argument(&grant.group_scope())?
    ));
    block.line("  Assert-Az");
    role_look(block, grant, assignment)?;
    block.line("  if ($ROLE) { $LEFT = $true; 'KEPT: the custom role is still there' } else { 'The custom role was removed.' }");
    block.line("}");
    Ok(())
}

fn delete(
    block: &mut Block,
    grant: &Grant,
    assignment: &RoleAssignment,
) -> Result<(), InvalidName> {
    let name = name_of(assignment);
    block.line("  az role assignment delete --ids $ID --output none");
    block.line("  Assert-Az");
    block.look(grant, assignment)?;
    block.line(format!(
        "  if ($SAME) {{ $LEFT = $true; {} }} else {{ {} }}",
        quoted(&format!("KEPT: {name}: still assigned")),
        quoted(&format!("{name}: removed"))
    ));
    Ok(())
}

fn end_shared(grant: &Grant) -> Result<Part, InvalidName> {
    let mut block = match shared_or_earlier(grant) {
        Some(_) => Block::with_principal(grant),
        None => Block::new(grant),
    };
    if let Some(assignment) = shared_or_earlier(grant) {
        block.look(grant, assignment)?;
        let question = about::ends_delegator(grant, &name_of(assignment));
        block.line(format!("if ($SAME -and ({})) {{", ask(&question)));
        block.line("  az role assignment delete --ids $ID --output none");
        block.line("  Assert-Az");
        block.line(format!(
            "}} else {{ {} }}",
            quoted(&format!("{}: nothing was done", name_of(assignment)))
        ));
    }
    if grant.has_view_links() {
        block.line(format!("if ({}) {{", ask(&about::ends_links(grant))));
        block.line(format!(
            "  az storage account revoke-delegation-keys --name {} --resource-group {} --output none",
            grant.account(),
            argument(&grant.resource_group)?
        ));
        block.line("  Assert-Az");
        block.line("} else { 'View links: nothing was done' }");
    }
    block.line(format!("if ({}) {{", ask(&about::ends_principal(grant))));
    block.line(format!("  az ad sp delete --id {} --output none", grant.application));
    block.line("  Assert-Az");
    block.line("} else { 'Service principal: nothing was done' }");
    Ok(block.end(Step::EndShared))
}

fn cors_on(grant: &Grant) -> Result<String, InvalidName> {
    let group = argument(&grant.resource_group)?;
    Ok(format!("--account-name {} --resource-group {group}", grant.account()))
}

fn cors_look(block: &mut Block, grant: &Grant, origin: &str) -> Result<(), InvalidName> {
    block.line(format!(
        "$RULE = az storage account blob-service-properties cors-rule list {} --query {} --output tsv",
        cors_on(grant)?,
        argument(&query::cors(origin))?
    ));
    block.line("Assert-Az");
    Ok(())
}

fn cors(grant: &Grant) -> Result<Option<Part>, InvalidName> {
    let Some(origin) = &grant.origin else { return Ok(None) };
    let mut block = Block::new(grant);
    let on = cors_on(grant)?;
    cors_look(&mut block, grant, origin)?;
    block.line("if ($RULE -ceq 'complete') { 'The rule for browsers is there already.' }");
    block.line("elseif ($RULE) {");
    block.line(format!(
        "  az storage account blob-service-properties cors-rule list {on} --output yaml | Out-Host"
    ));
    block.line(format!("  {}", throw(&about::incomplete_rule(origin))));
    block.line("} else {");
    block.line(format!(
        "  az storage account blob-service-properties cors-rule add {on} --origins {} --methods GET HEAD OPTIONS --allowed-headers '*' --exposed-headers {} --max-age 3600 --output none",
        argument(origin)?,
        EXPOSED.join(" ")
    ));
    block.line("  Assert-Az");
    block.say("The rule for browsers was added. It takes about a minute to work.");
    block.line("}");
    Ok(Some(block.end(Step::Cors)))
}
