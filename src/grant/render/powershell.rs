//! The Az module of PowerShell.
//!
//! Each block is one script block: an error ends it, and leaves the session open.

use super::{
    super::{Grant, Part, RoleAssignment, Sharing, Step, quote::powershell as quoted},
    API, EXPOSED, about, commands, custom_role, earlier_descriptions, name_of, obsolete,
    obsolete_roles, obsolete_shared, own, query, role_file, role_resource, shared,
    shared_or_earlier,
};

pub(super) fn parts(grant: &Grant) -> Vec<Part> {
    let mut parts = Vec::from_iter(role_file(grant));
    parts.extend([
        principal(grant),
        apply(grant),
        read_back(grant),
        update(grant),
        replace(grant),
        revoke(grant),
        end_shared(grant),
    ]);
    parts.extend(cors(grant));
    parts
}

struct Block {
    lines: Vec<String>,
}

impl Block {
    fn new(grant: &Grant) -> Self {
        let subscription = &grant.subscription;
        let name = grant.management().name;
        let stop = format!(
            "sign in to {name} with an account that has subscription {subscription}: Connect-AzAccount -Environment {name} -Subscription {subscription}, then paste this again"
        );
        let lines = [
            "& {".to_owned(),
            "$ErrorActionPreference = 'Stop'".to_owned(),
            format!("if ((Get-AzContext).Environment.Name -cne '{name}') {{ {} }}", throw(&stop)),
            format!("Set-AzContext -Subscription '{subscription}' | Out-Null"),
        ];
        Self { lines: lines.into() }
    }

    fn with_principal(grant: &Grant) -> Self {
        let mut block = Self::new(grant);
        let application = &grant.application;
        match &grant.principal {
            Some(id) => block.line(format!("$OID = '{id}'")),
            None => {
                block.line(format!(
                    "$OID = (Get-AzADServicePrincipal -ApplicationId '{application}').Id"
                ));
                let stop = format!(
                    "there is no service principal of application {application} in this directory: create it first"
                );
                block.line(format!("if (-not $OID) {{ {} }}", throw(&stop)));
            }
        }
        block
    }

    fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn say(&mut self, text: &str) {
        self.line(format!("  {}", quoted(text)));
    }

    /// Sets `$FOUND` to the principal's assignment of the role on the scope, and `$SAME`, `$OURS` and
    /// `$KNOWN` to what it has of the grant's
    ///
    /// `$KNOWN` says that it is the grant's to change: it has the description of this grant or of an
    /// earlier one, or somebody made it by hand, as it is meant and without a description.
    ///
    /// Without the right to read the directory, the module gives every principal the type `Unknown`.
    fn look(&mut self, grant: &Grant, assignment: &RoleAssignment) {
        let scope = quoted(&assignment.scope);
        let condition = assignment.condition.as_ref().map(ToString::to_string).unwrap_or_default();
        self.line(format!(
            "$FOUND = Get-AzRoleAssignment -ObjectId $OID -RoleDefinitionId '{}' -Scope {scope} | Where-Object Scope -eq {scope}",
            assignment.role_id
        ));
        self.line(format!(
            "$SAME = $FOUND -and @('ServicePrincipal', 'Unknown') -ccontains $FOUND.ObjectType -and \"$($FOUND.Condition)\" -ceq {}",
            quoted(&condition)
        ));
        let ours = quoted(&assignment.description);
        self.line(format!("$OURS = $FOUND -and $FOUND.Description -ceq {ours}"));
        let mut known = vec![ours];
        known.extend(earlier_descriptions(grant, assignment).into_iter().map(quoted));
        self.line(format!(
            "$KNOWN = (@({}) -ccontains $FOUND.Description) -or ($SAME -and -not $FOUND.Description)",
            known.join(", ")
        ));
    }

    fn show(&mut self) {
        self.line("  $FOUND | Format-List RoleAssignmentId, Description, Condition | Out-Host");
    }

    fn end(mut self, step: Step) -> Part {
        self.line("}");
        commands(step, self.lines)
    }
}

fn throw(text: &str) -> String {
    format!("throw {}", quoted(&format!("Stopped: {text}")))
}

fn principal(grant: &Grant) -> Part {
    let mut block = Block::new(grant);
    let application = &grant.application;
    block.line(format!(
        "if (Get-AzADServicePrincipal -ApplicationId '{application}') {{ 'The service principal is there already.' }} else {{"
    ));
    block.line(format!("  New-AzADServicePrincipal -ApplicationId '{application}' | Out-Null"));
    block.say("The service principal was created.");
    block.line("}");
    block.end(Step::Principal)
}

/// Sends a request to Azure Resource Manager, and stops at a refusal, which is no error of its own
fn rest(block: &mut Block, method: &str, path: &str, more: &str) {
    block.line(format!(
        "  $ANSWER = Invoke-AzRestMethod -Method {method} -Path {}{more}",
        quoted(path)
    ));
    block.line("  if ($ANSWER.StatusCode -ge 300) { throw \"Stopped: $($ANSWER.Content)\" }");
}

/// Sets `$ROLE` to the definition: a list is empty where it is missing, whereas `-Id` would fail
fn role_look(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    block.line(format!(
        "$ROLE = Get-AzRoleDefinition -Scope {} -Custom | Where-Object Id -eq '{}'",
        quoted(&grant.group_scope()),
        assignment.role_id
    ));
}

fn role_is_same(assignment: &RoleAssignment) -> String {
    format!(
        "$ROLE -and $ROLE.Name -ceq {} -and ($ROLE.DataActions -join ',') -ceq '{}' -and -not $ROLE.Actions",
        quoted(&assignment.role_name),
        super::READ
    )
}

fn apply(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    if let Some((assignment, _)) = custom_role(grant) {
        role_look(&mut block, grant, assignment);
        block.line(format!(
            "if ({}) {{ 'The custom role is there already.' }} else {{",
            role_is_same(assignment)
        ));
        let path = format!("{}?api-version={API}", role_resource(grant, assignment));
        rest(&mut block, "PUT", &path, " -Payload (Get-Content -Raw role.json)");
        block.say("The custom role was written.");
        block.line("}");
    }
    for assignment in &grant.assignments {
        let name = name_of(assignment);
        block.look(grant, assignment);
        block.line("if (-not $FOUND) {");
        block.line(format!("  {} | Out-Null", create(assignment)));
        block.say(&format!("{name}: assigned"));
        let usable = match assignment.sharing {
            Sharing::Account => "$SAME",
            _ => "$SAME -and $KNOWN",
        };
        block.line(format!(
            "}} elseif ({usable}) {{ {} }} else {{",
            quoted(&format!("{name}: assigned already"))
        ));
        block.show();
        block.line(format!("  if (-not $KNOWN) {{ {} }}", throw(&about::foreign(&name))));
        block.line(format!("  {}", throw(&about::older(&name))));
        block.line("}");
    }
    block.end(Step::Apply)
}

fn create(assignment: &RoleAssignment) -> String {
    let condition = match &assignment.condition {
        Some(condition) => {
            format!(" -Condition {} -ConditionVersion '2.0'", quoted(&condition.to_string()))
        }
        None => String::new(),
    };
    format!(
        "New-AzRoleAssignment -ObjectId $OID -ObjectType ServicePrincipal -RoleDefinitionId '{}' -Scope {} -Description {}{condition}",
        assignment.role_id,
        quoted(&assignment.scope),
        quoted(&assignment.description)
    )
}

fn read_back(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    block.line("$BAD = $false");
    for assignment in &grant.assignments {
        let name = name_of(assignment);
        block.look(grant, assignment);
        let wanted = if shared(grant) == Some(assignment) { "$SAME" } else { "$SAME -and $OURS" };
        block.line(format!("if ({wanted}) {{ {} }} else {{", quoted(&format!("{name}: as meant"))));
        block.line("  $BAD = $true");
        block.say(&format!("DRIFT: {name}: missing, or not as meant"));
        block.show();
        block.line("}");
    }
    if let Some((assignment, _)) = custom_role(grant) {
        role_look(&mut block, grant, assignment);
        block.line(format!(
            "if ({}) {{ 'the custom role: as meant' }} else {{ $BAD = $true; 'DRIFT: the custom role: missing, or not as meant' }}",
            role_is_same(assignment)
        ));
    }
    if let Some(origin) = &grant.origin {
        cors_look(&mut block, grant, origin);
        block.line("if ($COMPLETE) { 'the rule for browsers: as meant' } else { $BAD = $true; 'DRIFT: the rule for browsers: missing, or not as meant' }");
    }
    let stop = throw("Azure has something else than was meant: see above");
    block.line(format!("if ($BAD) {{ {stop} }}"));
    block.end(Step::ReadBack)
}

/// Puts an assignment as it is meant in the place of the one that was found, and looks again
fn put(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    match &assignment.condition {
        Some(condition) => {
            block.line(format!("  $FOUND.Condition = {}", quoted(&condition.to_string())));
            block.line("  $FOUND.ConditionVersion = '2.0'");
        }
        None => {
            block.line("  $FOUND.Condition = $null");
            block.line("  $FOUND.ConditionVersion = $null");
        }
    }
    block.line(format!("  $FOUND.Description = {}", quoted(&assignment.description)));
    block.line("  Set-AzRoleAssignment -InputObject $FOUND | Out-Null");
    block.look(grant, assignment);
    let stop = throw(&format!("{name}: Azure has not kept what was sent; read it back"));
    block.line(format!("  if (-not ($SAME -and $OURS)) {{ {stop} }}"));
    block.say(&format!("{name}: changed"));
}

fn update(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    for assignment in own(grant) {
        let name = name_of(assignment);
        block.look(grant, assignment);
        block.line(format!("if (-not $FOUND) {{ {} }}", throw(&about::missing(&name))));
        block.line(format!(
            "if ($SAME -and $OURS) {{ {} }}",
            quoted(&format!("{name}: as meant already"))
        ));
        block.line("elseif (-not $KNOWN) {");
        block.show();
        block.line(format!("  {}", throw(&about::anothers(&name))));
        block.line("} else {");
        put(&mut block, grant, assignment);
        block.line("}");
    }
    remove_obsolete(&mut block, grant);
    block.end(Step::Update)
}

fn ask(question: &str) -> String {
    format!("(Read-Host {}) -ceq 'yes'", quoted(&format!("{question} Type yes to go on")))
}

fn replace(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    for assignment in own(grant) {
        let name = name_of(assignment);
        block.look(grant, assignment);
        block.line(format!("if (-not $FOUND) {{ {} }}", throw(&about::missing(&name))));
        block.line(format!(
            "if ($SAME -and $OURS) {{ {} }} else {{",
            quoted(&format!("{name}: as meant already"))
        ));
        block.show();
        block.line(format!(
            "  if (-not ({})) {{ {} }}",
            ask(&about::loses(&name)),
            throw("nothing was changed")
        ));
        put(&mut block, grant, assignment);
        block.line("}");
    }
    block.end(Step::Replace)
}

fn delete(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    block.line("  $FOUND | Remove-AzRoleAssignment | Out-Null");
    block.look(grant, assignment);
    block.line(format!(
        "  if ($FOUND) {{ $LEFT = $true; {} }} else {{ {} }}",
        quoted(&format!("KEPT: {name}: still assigned")),
        quoted(&format!("{name}: removed"))
    ));
}

fn revoke(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    block.line("$LEFT = $false");
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
    stop_if_left(&mut block);
    block.end(Step::Revoke)
}

fn stop_if_left(block: &mut Block) {
    block.line(format!("if ($LEFT) {{ {} }}", throw("something is still there: see above")));
}

/// Removes the assignment that grants share, if no other assignment needs it
fn revoke_if_unused(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    block.look(grant, assignment);
    block.line(format!(
        "$USERS = @(Get-AzRoleAssignment -ObjectId $OID | Where-Object Scope -like '*/storageAccounts/{}/*').Count",
        grant.account()
    ));
    block.line(format!("if (-not $FOUND) {{ {} }}", quoted(&format!("{name}: not assigned"))));
    block.line(format!(
        "elseif ($USERS -ne 0) {{ {} }}",
        quoted(&format!(
            "{name}: kept, because the application has assignments on containers of the account"
        ))
    ));
    block.line("elseif ($SAME) {");
    delete(block, grant, assignment);
    block.line("} else {");
    block.line("  $LEFT = $true");
    block.show();
    block.say(&about::odd_delegator(&name));
    block.line("}");
}

/// Removes what earlier grants had and this one has no use for
fn remove_obsolete(block: &mut Block, grant: &Grant) {
    let assignments = obsolete(grant);
    let shared = obsolete_shared(grant);
    if assignments.is_empty() && shared.is_none() {
        return;
    }
    block.line("$LEFT = $false");
    for assignment in assignments {
        remove(block, grant, assignment);
    }
    if let Some(assignment) = shared {
        revoke_if_unused(block, grant, assignment);
    }
    for assignment in obsolete_roles(grant) {
        remove_role(block, grant, assignment);
    }
    stop_if_left(block);
}

/// Deletes an assignment, unless it is another grant's
fn remove(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    let name = name_of(assignment);
    block.look(grant, assignment);
    block.line(format!("if (-not $FOUND) {{ {} }}", quoted(&format!("{name}: not assigned"))));
    block.line("elseif (-not $KNOWN) {");
    block.line("  $LEFT = $true");
    block.show();
    block.say(&format!("KEPT: {name}: the assignment that is shown above is another grant's"));
    block.line("} else {");
    delete(block, grant, assignment);
    block.line("}");
}

/// Deletes the definition of the custom role of an assignment
fn remove_role(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    role_look(block, grant, assignment);
    block.line("if ($ROLE) {");
    block.line(format!(
        "  Remove-AzRoleDefinition -Id '{}' -Scope {} -Force | Out-Null",
        assignment.role_id,
        quoted(&grant.group_scope())
    ));
    role_look(block, grant, assignment);
    block.line("  if ($ROLE) { $LEFT = $true; 'KEPT: the custom role is still there' } else { 'The custom role was removed.' }");
    block.line("}");
}

fn end_shared(grant: &Grant) -> Part {
    let mut block = match shared_or_earlier(grant) {
        Some(_) => Block::with_principal(grant),
        None => Block::new(grant),
    };
    if let Some(assignment) = shared_or_earlier(grant) {
        let name = name_of(assignment);
        block.look(grant, assignment);
        let question = about::ends_delegator(grant, &name);
        block.line(format!("if ($FOUND -and ({})) {{", ask(&question)));
        block.line("  $FOUND | Remove-AzRoleAssignment | Out-Null");
        block.line(format!("}} else {{ {} }}", quoted(&format!("{name}: nothing was done"))));
    }
    if grant.has_view_links() {
        block.line(format!("if ({}) {{", ask(&about::ends_links(grant))));
        block.line(format!(
            "  Revoke-AzStorageAccountUserDelegationKeys -ResourceGroupName {} -StorageAccountName '{}'",
            quoted(&grant.resource_group),
            grant.account()
        ));
        block.line("} else { 'View links: nothing was done' }");
    }
    block.line(format!("if ({}) {{", ask(&about::ends_principal(grant))));
    block.line(format!("  Remove-AzADServicePrincipal -ApplicationId '{}'", grant.application));
    block.line("} else { 'Service principal: nothing was done' }");
    block.end(Step::EndShared)
}

/// Sets `$SERVICE` to the blob service as it is, `$RULE` to the rule that Azure would use, and
/// `$COMPLETE`
fn cors_look(block: &mut Block, grant: &Grant, origin: &str) {
    rest(block, "GET", &service_path(grant), "");
    block.line("$SERVICE = $ANSWER.Content | ConvertFrom-Json");
    block.line("$RULES = @($SERVICE.properties.cors.corsRules | Where-Object { $_ })");
    let origins: Vec<_> = query::origins(origin).iter().map(|one| quoted(one)).collect();
    block.line(format!(
        "$RULE = $RULES | Where-Object {{ ($_.AllowedOrigins | Where-Object {{ @({}) -ccontains $_ }}) -and $_.AllowedMethods -contains 'GET' }} | Select-Object -First 1",
        origins.join(", ")
    ));
    block.line(format!(
        "$COMPLETE = $RULE -and $RULE.AllowedMethods -contains 'HEAD' -and ($RULE.AllowedHeaders -contains '*' -or $RULE.AllowedHeaders -contains 'range') -and -not (@('{}') | Where-Object {{ $RULE.ExposedHeaders -notcontains $_ }})",
        EXPOSED.join("', '")
    ));
}

fn service_path(grant: &Grant) -> String {
    format!("{}/blobServices/default?api-version=2023-05-01", grant.account_scope())
}

fn cors(grant: &Grant) -> Option<Part> {
    let origin = grant.origin.as_ref()?;
    let mut block = Block::new(grant);
    cors_look(&mut block, grant, origin);
    block.line("if ($COMPLETE) { 'The rule for browsers is there already.' }");
    block.line("elseif ($RULE) {");
    block.line("  $RULE | Format-List | Out-Host");
    block.line(format!("  {}", throw(&about::incomplete_rule(origin))));
    block.line("} else {");
    let path = service_path(grant);
    let rule = format!(
        "[pscustomobject]@{{ allowedOrigins = @({}); allowedMethods = @('GET', 'HEAD', 'OPTIONS'); allowedHeaders = @('*'); exposedHeaders = @('{}'); maxAgeInSeconds = 3600 }}",
        quoted(origin),
        EXPOSED.join("', '")
    );
    block.line(format!("  $CORS = [pscustomobject]@{{ corsRules = @($RULES) + @({rule}) }}"));
    block.line(
        "  $SERVICE.properties | Add-Member -Force -NotePropertyName cors -NotePropertyValue $CORS",
    );
    rest(
        &mut block,
        "PUT",
        &path,
        " -Payload (@{ properties = $SERVICE.properties } | ConvertTo-Json -Depth 20)",
    );
    block.say("The rule for browsers was added. It takes about a minute to work.");
    block.line("}");
    Some(block.end(Step::Cors))
}
