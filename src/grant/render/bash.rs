//! The Azure CLI in bash, zsh, Git Bash and the Cloud Shell.
//!
//! Each block is one subshell: it stops at the first command that fails, its exit status says
//! whether all went well, and it never closes the shell that it is pasted into. An interactive zsh
//! knows no comments, so there are none.

use serde_json::json;

use super::{
    super::{Grant, Part, RoleAssignment, Sharing, Step, quote::bash as quoted},
    API, EXPOSED, about, commands, custom_role, name_of, own, query,
    query::Query,
    role_resource, shared,
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

/// The lines of a block, which make it one subshell with one exit status
pub(super) struct Block {
    lines: Vec<String>,
}

impl Block {
    /// The start: the right cloud, and the subscription
    fn new(grant: &Grant) -> Self {
        let management = grant.management();
        let subscription = &grant.subscription;
        let stop = quoted(&about::sign_in(grant));
        let lines = [
            "(".to_owned(),
            "set -e -o pipefail".to_owned(),
            "export MSYS_NO_PATHCONV=1".to_owned(),
            "grant_stop() { printf 'Stopped: %s\\n' \"$1\" >&2; exit 1; }".to_owned(),
            format!(
                "CLOUD=$(az account show --subscription {subscription} --query environmentName --output tsv | tr -d '\\r') || CLOUD="
            ),
            format!("[ \"$CLOUD\" = {} ] || grant_stop {stop}", management.name),
            format!("az account set --subscription {subscription}"),
        ];
        Self { lines: lines.into() }
    }

    /// The start of a block about assignments: it knows the object id, and can look them up
    pub(super) fn with_principal(grant: &Grant) -> Self {
        let mut block = Self::new(grant);
        match &grant.principal {
            Some(id) => block.line(format!("OID={id}")),
            None => {
                let stop = format!(
                    "there is no service principal of application {} in this directory: create it first. Assignments of one that was deleted show in the portal as Identity not found",
                    grant.application
                );
                block.line(format!(
                    "OID=$(az ad sp show --id {} --query id --output tsv | tr -d '\\r') || OID=",
                    grant.application
                ));
                block.line(format!("[ -n \"$OID\" ] || grant_stop {}", quoted(&stop)));
            }
        }
        block.line("grant_state() { az role assignment list --scope \"$1\" --query \"$2\" --output tsv | tr -d '\\r'; }");
        block.line("grant_show() { az role assignment list --scope \"$1\" --query \"$2\" --output yaml >&2; }");
        block
    }

    fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Sets `STATE`, `IS` (its first two words) and `ID` for an assignment
    pub(super) fn look(&mut self, grant: &Grant, assignment: &RoleAssignment) {
        let query = with_object_id(&query::state(grant, assignment));
        self.line(format!("STATE=$(grant_state {} {query})", quoted(&assignment.scope)));
        self.line("IS=${STATE%% /*}");
        self.line("ID=${STATE#* * }");
    }

    fn show(&mut self, assignment: &RoleAssignment) {
        let query = with_object_id(&query::shown(assignment));
        self.line(format!("  grant_show {} {query}", quoted(&assignment.scope)));
    }

    fn end(mut self, step: Step) -> Part {
        self.line(")");
        commands(step, self.lines)
    }
}

fn with_object_id(query: &Query) -> String {
    format!("{}\"$OID\"{}", quoted(&query.before), quoted(&query.after))
}

fn principal(grant: &Grant) -> Part {
    let mut block = Block::new(grant);
    let id = &grant.application;
    block.line(format!("if az ad sp show --id {id} --output none 2>/dev/null; then"));
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
pub(super) fn apply_one(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    block.look(grant, assignment);
    block.line("if [ -z \"$STATE\" ]; then");
    block.line(format!("  MADE=$({} | tr -d '\\r')", create(assignment)));
    let stop = format!("{name}: Azure has not kept what was sent; read it back");
    block.line(format!("  [ \"$MADE\" = same ] || grant_stop {}", quoted(&stop)));
    block.line(format!("  echo {}", quoted(&format!("{name}: assigned"))));
    block.line("elif [ \"${STATE%% *}\" = same ]; then");
    block.line(format!("  echo {}", quoted(&format!("{name}: assigned already"))));
    stop_at_another(block, assignment);
    block.line("fi");
}

/// The branches for an assignment that is there and differs
pub(super) fn stop_at_another(block: &mut Block, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    block.line("elif [ \"$IS\" = 'differs foreign' ]; then");
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
        block.line("elif [ \"$IS\" = 'differs foreign' ]; then");
        block.show(assignment);
        let stop = about::anothers(&name_of(assignment));
        block.line(format!("  grant_stop {}", quoted(&stop)));
        block.line("else");
        put(&mut block, grant, assignment);
        block.line("fi");
    }
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
    for assignment in own(grant) {
        let name = name_of(assignment);
        block.look(grant, assignment);
        block.line("if [ -z \"$STATE\" ]; then");
        block.line(format!("  echo {}", quoted(&format!("{name}: not assigned"))));
        block.line("elif [ \"$IS\" = 'differs foreign' ]; then");
        block.line("  LEFT=1");
        block.show(assignment);
        let kept = format!("KEPT: {name}: the assignment that is shown above is another grant's");
        block.line(format!("  echo {} >&2", quoted(&kept)));
        block.line("else");
        delete(&mut block, grant, assignment);
        block.line("fi");
    }
    if let Some(assignment) = shared(grant) {
        revoke_if_unused(&mut block, grant, assignment);
    }
    if let Some((assignment, _)) = custom_role(grant) {
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
    block.line("[ \"$LEFT\" = 0 ] || grant_stop 'something is still there: see above'");
    block.end(Step::Revoke)
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
    block.line("elif [ \"$USERS\" = 0 ] && [ \"${STATE%% *}\" = same ]; then");
    delete(block, grant, assignment);
    block.line("else");
    block.line(format!(
        "  printf '%s: kept, because other grants of the application use it (%s)\\n' {} \"$USERS\"",
        quoted(&name)
    ));
    block.line("fi");
}

fn end_shared(grant: &Grant) -> Part {
    let mut block = match shared(grant) {
        Some(_) => Block::with_principal(grant),
        None => Block::new(grant),
    };
    ask_function(&mut block);
    if let Some(assignment) = shared(grant) {
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

/// Deploys a template over what was found, if that is this grant's to change
///
/// The names of the assignments that are there go into the template, which otherwise would ask for a
/// second assignment of the same role.
pub(super) fn deploy(grant: &Grant, step: Step, template: &str) -> Part {
    let mut block = Block::with_principal(grant);
    let mut names = String::new();
    for (n, assignment) in grant.assignments.iter().enumerate() {
        block.look(grant, assignment);
        block.line("if [ -z \"$STATE\" ]; then");
        match step {
            Step::Update => {
                let stop = about::missing(&name_of(assignment));
                block.line(format!("  grant_stop {}", quoted(&stop)));
            }
            _ => block.line(format!("  NAME{n}={}", assignment.name)),
        }
        block.line("elif [ \"${STATE%% *}\" = same ]; then");
        block.line(format!("  NAME{n}=${{ID##*/}}"));
        if step == Step::Update && assignment.sharing != Sharing::Account {
            block
                .line("elif [ \"$IS\" = 'differs ours' ] || [ \"$IS\" = 'differs earlier' ]; then");
            block.line(format!("  NAME{n}=${{ID##*/}}"));
        }
        stop_at_another(&mut block, assignment);
        block.line("fi");
        names.push_str(&format!(" assignmentName{n}=\"$NAME{n}\""));
    }
    block.line(format!(
        "az deployment group create --resource-group {} --template-file {template} --parameters principalId=\"$OID\"{names} --output none",
        quoted(&grant.resource_group)
    ));
    block.line("echo 'Deployed.'");
    block.end(step)
}

/// Applies with Terraform, unless Azure has an assignment that Terraform cannot take over
///
/// A name is a part of what Terraform declares, so it cannot work on an assignment of another name.
pub(super) fn terraform(grant: &Grant, step: Step) -> Part {
    let mut block = Block::with_principal(grant);
    for assignment in own(grant) {
        let name = name_of(assignment);
        let another = format!("[ -n \"$STATE\" ] && [ \"${{ID##*/}}\" != {} ]", assignment.name);
        block.look(grant, assignment);
        block.line(match step {
            Step::Update => format!("if {another} && [ \"${{IS##* }}\" = foreign ]; then"),
            _ => format!("if {another}; then"),
        });
        block.show(assignment);
        let stop = format!(
            "{name}: the application has this role there already, under another name than the one in grant.tf, and Terraform cannot rename it. If it is this grant's, remove it with the step that revokes of the form for bash, and paste this again; if it is another grant's, make one grant for both connections"
        );
        block.line(format!("  grant_stop {}", quoted(&stop)));
        block.line("fi");
    }
    block.line("terraform init");
    block.line("terraform apply");
    if let Some(assignment) = shared(grant) {
        apply_one(&mut block, grant, assignment);
    }
    block.end(step)
}

/// Destroys with Terraform, and looks at what stays
pub(super) fn terraform_destroy(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    block.line("terraform init");
    block.line("terraform destroy");
    block.line("LEFT=0");
    for assignment in own(grant) {
        block.look(grant, assignment);
        block.line("if [ -n \"$STATE\" ]; then");
        block.line("  LEFT=1");
        block.show(assignment);
        let kept = format!("KEPT: {}: still assigned, see above", name_of(assignment));
        block.line(format!("  echo {} >&2", quoted(&kept)));
        block.line("fi");
    }
    if let Some(assignment) = shared(grant) {
        revoke_if_unused(&mut block, grant, assignment);
    }
    if let Some((assignment, _)) = custom_role(grant) {
        block.line(format!("ROLE=$({})", role_list(grant, assignment)));
        block.line(
            "if [ -n \"$ROLE\" ]; then LEFT=1; echo 'KEPT: the custom role is still there' >&2; fi",
        );
    }
    block.line("[ \"$LEFT\" = 0 ] || grant_stop 'something is still there: see above'");
    block.end(Step::Revoke)
}
