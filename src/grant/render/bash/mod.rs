//! The Azure CLI in bash, zsh, Git Bash and the Cloud Shell.
//!
//! Each block is one subshell: it stops at the first command that fails, its exit status says
//! whether all went well, and it never closes the shell that it is pasted into. An interactive zsh
//! knows no comments, so there are none.

mod block;
mod deploy;

use serde_json::json;

use self::block::{Block, with_object_id};
pub(super) use self::deploy::{deploy, terraform, terraform_destroy};

use super::{
    super::{Grant, Part, RoleAssignment, Sharing, Step, quote::bash as quoted},
    API, EXPOSED, about, custom_role, name_of, obsolete, obsolete_roles, obsolete_shared, own,
    query, role_resource, shared_or_earlier,
};

pub(super) fn parts(grant: &Grant) -> Vec<Part> {
    let mut parts = vec![
        principal(grant),
        apply(grant),
        read_back(grant),
        update(grant),
        replace(grant),
        revoke(grant),
        end_shared(grant),
    ];
    parts.extend(cors(grant));
    parts
}

fn principal(grant: &Grant) -> Part {
    let mut block = Block::new(grant);
    let id = &grant.application;
    block.find_principal(grant);
    block.line("if [ -n \"$OID\" ]; then");
    block.line("  echo 'The service principal is there already.'");
    block.line("else");
    block.line(format!("  az ad sp create --id {id} --output none"));
    block.line("  echo 'The service principal was created.'");
    block.line("fi");
    block.end(Step::Principal)
}

fn apply(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    if let Some((assignment, properties)) = custom_role(grant) {
        let list = role_list(grant, assignment);
        let url = format!("{}?api-version={API}", role_resource(grant, assignment));
        let body = quoted(&json!({ "properties": properties }).to_string());
        block.line(format!("ROLE=$({list})"));
        block.line("if [ \"$ROLE\" = same ]; then");
        block.line("  echo 'The custom role is there already.'");
        block.line("else");
        block.line(format!(
            "  az rest --method put --url {} --body {body} --output none",
            quoted(&url)
        ));
        block.line("  echo 'The custom role was written.'");
        block.line("fi");
    }
    for assignment in &grant.assignments {
        apply_one(&mut block, grant, assignment);
    }
    block.end(Step::Apply)
}

/// Creates an assignment unless Azure has one of the principal's for the role and the scope
fn apply_one(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    block.look(grant, assignment);
    block.line("if [ -z \"$STATE\" ]; then");
    block.line(format!("  MADE=$({} | tr -d '\\r')", create(assignment)));
    let stop = format!("{name}: Azure has not kept what was sent; read it back");
    block.line(format!("  [ \"$MADE\" = same ] || grant_stop {}", quoted(&stop)));
    block.line(format!("  echo {}", quoted(&format!("{name}: assigned"))));
    block.line(format!("elif {}; then", is_usable(assignment)));
    block.line(format!("  echo {}", quoted(&format!("{name}: assigned already"))));
    stop_at_another(block, assignment);
    block.line("fi");
}

/// Whether the assignment that was found has another grant's description
const IS_ANOTHERS: &str = "[ \"${IS##* }\" = foreign ]";

/// The condition under which an assignment that is there needs no change: it gives the access that is
/// meant, and is not another grant's, unless all grants share it
fn is_usable(assignment: &RoleAssignment) -> String {
    let is_same = "[ \"${STATE%% *}\" = same ]";
    match assignment.sharing {
        Sharing::Account => is_same.to_owned(),
        _ => format!("{is_same} && ! {IS_ANOTHERS}"),
    }
}

/// The branches for an assignment that is there and cannot be used
fn stop_at_another(block: &mut Block, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    block.line(format!("elif {IS_ANOTHERS}; then"));
    block.show(assignment);
    block.line(format!("  grant_stop {}", quoted(&about::foreign(&name))));
    block.line("else");
    block.show(assignment);
    block.line(format!("  grant_stop {}", quoted(&about::older(&name))));
}

/// The command that makes an assignment, and prints whether it is as meant
///
/// With the principal's type the CLI does not look it up, so that a new one is no error.
fn create(assignment: &RoleAssignment) -> String {
    let condition = match &assignment.condition {
        Some(condition) => {
            format!(" --condition {} --condition-version 2.0", quoted(&condition.to_string()))
        }
        None => String::new(),
    };
    format!(
        "az role assignment create --name {} --assignee-object-id \"$OID\" --assignee-principal-type ServicePrincipal --role {} --scope {} --description {}{condition} --query {} --output tsv",
        assignment.name,
        assignment.role_id,
        quoted(&assignment.scope),
        quoted(&assignment.description),
        quoted(&query::created(assignment))
    )
}

fn role_list(grant: &Grant, assignment: &RoleAssignment) -> String {
    format!(
        "az role definition list --name {} --scope {} --query {} --output tsv | tr -d '\\r'",
        assignment.role_id,
        quoted(&grant.group_scope()),
        quoted(&query::role(assignment))
    )
}

fn read_back(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    block.line("BAD=0");
    for assignment in &grant.assignments {
        let name = name_of(assignment);
        block.look(grant, assignment);
        let states =
            query::as_meant(assignment).iter().map(|state| format!("[ \"$IS\" = '{state}' ]"));
        block.line(format!("if {}; then", states.collect::<Vec<_>>().join(" || ")));
        block.line(format!("  echo {}", quoted(&format!("{name}: as meant"))));
        block.line("else");
        block.line("  BAD=1");
        block.line(format!(
            "  printf 'DRIFT: %s: %s\\n' {} \"${{IS:-missing}}\" >&2",
            quoted(&name)
        ));
        block.show(assignment);
        block.line("fi");
    }
    if let Some((assignment, _)) = custom_role(grant) {
        block.line(format!("ROLE=$({})", role_list(grant, assignment)));
        check_word(&mut block, "ROLE", "same", "the custom role");
    }
    if let Some(origin) = &grant.origin {
        block.line(format!("RULE=$({})", cors_list(grant, origin)));
        check_word(&mut block, "RULE", "complete", "the rule for browsers");
    }
    block.line(
        "[ \"$BAD\" = 0 ] || grant_stop 'Azure has something else than was meant: see above'",
    );
    block.end(Step::ReadBack)
}

fn check_word(block: &mut Block, variable: &str, wanted: &str, name: &str) {
    block.line(format!("if [ \"${variable}\" = {wanted} ]; then"));
    block.line(format!("  echo '{name}: as meant'"));
    block.line("else");
    block.line("  BAD=1");
    block.line(format!("  printf 'DRIFT: {name}: %s\\n' \"${{{variable}:-missing}}\" >&2"));
    block.line("fi");
}

/// Where the object id goes in a body
const PLACE: &str = "\"principalId\":\"OBJECT_ID\"";

/// Puts an assignment as it is meant in the place of the one that was found, and looks again
///
/// `az role assignment create` keeps an old condition without a word, and `update` cannot remove one.
fn put(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    let properties = super::properties(grant, assignment, "OBJECT_ID");
    let body = json!({ "properties": properties }).to_string();
    let body = quoted(&body).replace(PLACE, "\"principalId\":\"'\"$OID\"'\"");
    block.line(format!(
        "  az rest --method put --url \"$ID?api-version={API}\" --body {body} --output none"
    ));
    block.look(grant, assignment);
    let stop = format!("{name}: Azure has not kept what was sent; read it back");
    block.line(format!("  [ \"$IS\" = 'same ours' ] || grant_stop {}", quoted(&stop)));
    block.line(format!("  echo {}", quoted(&format!("{name}: changed"))));
}

fn nothing_there(block: &mut Block, assignment: &RoleAssignment) {
    block.line("if [ -z \"$STATE\" ]; then");
    let stop = about::missing(&name_of(assignment));
    block.line(format!("  grant_stop {}", quoted(&stop)));
}

fn update(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    for assignment in own(grant) {
        block.look(grant, assignment);
        nothing_there(&mut block, assignment);
        block.line("elif [ \"$IS\" = 'same ours' ]; then");
        let done = format!("{}: as meant already", name_of(assignment));
        block.line(format!("  echo {}", quoted(&done)));
        block.line(format!("elif {IS_ANOTHERS}; then"));
        block.show(assignment);
        let stop = about::anothers(&name_of(assignment));
        block.line(format!("  grant_stop {}", quoted(&stop)));
        block.line("else");
        put(&mut block, grant, assignment);
        block.line("fi");
    }
    remove_obsolete(&mut block, grant);
    block.end(Step::Update)
}

fn replace(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    ask_function(&mut block);
    for assignment in own(grant) {
        let name = name_of(assignment);
        block.look(grant, assignment);
        nothing_there(&mut block, assignment);
        block.line("elif [ \"$IS\" = 'same ours' ]; then");
        block.line(format!("  echo {}", quoted(&format!("{name}: as meant already"))));
        block.line("else");
        block.show(assignment);
        block.line(format!(
            "  grant_ask {} || grant_stop 'nothing was changed'",
            quoted(&about::loses(&name))
        ));
        put(&mut block, grant, assignment);
        block.line("fi");
    }
    block.end(Step::Replace)
}

fn ask_function(block: &mut Block) {
    block.line("grant_ask() { printf '%s Type yes to go on: ' \"$1\" >&2; ANSWER=; read -r ANSWER || ANSWER=; [ \"$ANSWER\" = yes ]; }");
}

fn revoke(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    block.line("LEFT=0");
    for assignment in own(grant).chain(obsolete(grant)) {
        remove(&mut block, grant, assignment);
    }
    if let Some(assignment) = shared_or_earlier(grant) {
        revoke_if_unused(&mut block, grant, assignment);
    }
    let role = custom_role(grant).map(|(assignment, _)| assignment);
    for assignment in role.into_iter().chain(obsolete_roles(grant)) {
        remove_role(&mut block, grant, assignment);
    }
    block.line(NOTHING_LEFT);
    block.end(Step::Revoke)
}

const NOTHING_LEFT: &str = "[ \"$LEFT\" = 0 ] || grant_stop 'something is still there: see above'";

/// Removes what earlier grants had and this one has no use for
fn remove_obsolete(block: &mut Block, grant: &Grant) {
    let assignments = obsolete(grant);
    let shared = obsolete_shared(grant);
    if assignments.is_empty() && shared.is_none() {
        return;
    }
    block.line("LEFT=0");
    for assignment in assignments {
        remove(block, grant, assignment);
    }
    if let Some(assignment) = shared {
        revoke_if_unused(block, grant, assignment);
    }
    for assignment in obsolete_roles(grant) {
        remove_role(block, grant, assignment);
    }
    block.line(NOTHING_LEFT);
}

/// Deletes an assignment, unless it is another grant's
fn remove(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    block.look(grant, assignment);
    block.line("if [ -z \"$STATE\" ]; then");
    block.line(format!("  echo {}", quoted(&format!("{name}: not assigned"))));
    block.line(format!("elif {IS_ANOTHERS}; then"));
    block.line("  LEFT=1");
    block.show(assignment);
    let kept = format!("KEPT: {name}: the assignment that is shown above is another grant's");
    block.line(format!("  echo {} >&2", quoted(&kept)));
    block.line("else");
    delete(block, grant, assignment);
    block.line("fi");
}

/// Deletes the definition of the custom role of an assignment
fn remove_role(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let list = role_list(grant, assignment);
    block.line(format!("ROLE=$({list})"));
    block.line("if [ -n \"$ROLE\" ]; then");
    block.line(format!(
        "  az role definition delete --name {} --scope {} --output none || LEFT=1",
        assignment.role_id,
        quoted(&grant.group_scope())
    ));
    block.line(format!("  ROLE=$({list})"));
    block.line("  if [ -n \"$ROLE\" ]; then LEFT=1; echo 'KEPT: the custom role is still there' >&2; else echo 'The custom role was removed.'; fi");
    block.line("fi");
}

fn delete(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    block.line("  az role assignment delete --ids \"$ID\" --output none");
    block.look(grant, assignment);
    let kept = format!("KEPT: {name}: still assigned");
    block.line(format!(
        "  if [ -n \"$STATE\" ]; then LEFT=1; echo {} >&2; else echo {}; fi",
        quoted(&kept),
        quoted(&format!("{name}: removed"))
    ));
}

/// Removes the assignment that grants share, if no other assignment needs it
fn revoke_if_unused(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    let users = with_object_id(&query::users(grant));
    block.look(grant, assignment);
    block.line(format!(
        "USERS=$(az role assignment list --all --query {users} --output tsv | tr -d '\\r')"
    ));
    block.line("if [ -z \"$STATE\" ]; then");
    block.line(format!("  echo {}", quoted(&format!("{name}: not assigned"))));
    block.line("elif [ \"$USERS\" != 0 ]; then");
    block.line(format!(
        "  printf '%s: kept, because the application has assignments on containers of the account (%s)\\n' {} \"$USERS\"",
        quoted(&name)
    ));
    block.line("elif [ \"${STATE%% *}\" = same ]; then");
    delete(block, grant, assignment);
    block.line("else");
    block.line("  LEFT=1");
    block.show(assignment);
    block.line(format!("  echo {} >&2", quoted(&about::odd_delegator(&name))));
    block.line("fi");
}

fn end_shared(grant: &Grant) -> Part {
    let mut block = match shared_or_earlier(grant) {
        Some(_) => Block::with_principal(grant),
        None => Block::new(grant),
    };
    ask_function(&mut block);
    if let Some(assignment) = shared_or_earlier(grant) {
        let name = name_of(assignment);
        block.look(grant, assignment);
        let question = about::ends_delegator(grant, &name);
        block.line(format!("if [ -n \"$STATE\" ] && grant_ask {}; then", quoted(&question)));
        block.line("  az role assignment delete --ids \"$ID\" --output none");
        block.line(format!("  echo {}", quoted(&format!("{name}: removed"))));
        block.line("else");
        block.line(format!("  echo {}", quoted(&format!("{name}: nothing was done"))));
        block.line("fi");
    }
    if grant.has_view_links() {
        let account = grant.account();
        block.line(format!("if grant_ask {}; then", quoted(&about::ends_links(grant))));
        block.line(format!(
            "  az storage account revoke-delegation-keys --name {account} --resource-group {} --output none",
            quoted(&grant.resource_group)
        ));
        block.line("  echo 'View links: ended'");
        block.line("else");
        block.line("  echo 'View links: nothing was done'");
        block.line("fi");
    }
    block.line(format!("if grant_ask {}; then", quoted(&about::ends_principal(grant))));
    block.line(format!("  az ad sp delete --id {} --output none", grant.application));
    block.line("  echo 'Service principal: deleted'");
    block.line("else");
    block.line("  echo 'Service principal: nothing was done'");
    block.line("fi");
    block.end(Step::EndShared)
}

fn cors_list(grant: &Grant, origin: &str) -> String {
    format!(
        "az storage account blob-service-properties cors-rule list --account-name {} --resource-group {} --query {} --output tsv | tr -d '\\r'",
        grant.account(),
        quoted(&grant.resource_group),
        quoted(&query::cors(origin))
    )
}

fn cors(grant: &Grant) -> Option<Part> {
    let origin = grant.origin.as_ref()?;
    let mut block = Block::new(grant);
    let on = format!(
        "--account-name {} --resource-group {}",
        grant.account(),
        quoted(&grant.resource_group)
    );
    block.line(format!("RULE=$({})", cors_list(grant, origin)));
    block.line("if [ \"$RULE\" = complete ]; then");
    block.line("  echo 'The rule for browsers is there already.'");
    block.line("elif [ -n \"$RULE\" ]; then");
    block.line(format!(
        "  az storage account blob-service-properties cors-rule list {on} --output yaml >&2"
    ));
    let stop = about::incomplete_rule(origin);
    block.line(format!("  grant_stop {}", quoted(&stop)));
    block.line("else");
    block.line(format!(
        "  az storage account blob-service-properties cors-rule add {on} --origins {} --methods GET HEAD OPTIONS --allowed-headers '*' --exposed-headers {} --max-age 3600 --output none",
        quoted(origin),
        EXPOSED.join(" ")
    ));
    block.line("  echo 'The rule for browsers was added. It takes about a minute to work.'");
    block.line("fi");
    Some(block.end(Step::Cors))
}
