//! A block of PowerShell that uses the Az module: one script block, which an error ends.
//!
//! Comparisons use `-ceq` and `-ccontains`, because PowerShell's `-eq` ignores letter case.

use super::super::{
    super::{Grant, Part, RoleAssignment, Step, quote::powershell as quoted},
    part::commands,
    selection::earlier_descriptions,
};

/// The lines of a block in progress.
pub(super) struct Block {
    lines: Vec<String>,
}

impl Block {
    /// Starts a block that first checks the cloud and selects the subscription.
    pub(super) fn new(grant: &Grant) -> Self {
        let subscription = grant.subscription();
        let name = grant.management().name;
        let stop = format!(
            "sign in to {name} with an account that has subscription {subscription}: Connect-AzAccount -Environment {name} -Subscription {subscription}, then paste this again"
        );
        let lines = [
            "& {".to_owned(),
            // Ends the script block at the first error of a cmdlet.
            "$ErrorActionPreference = 'Stop'".to_owned(),
            // Without a sign-in, the context is `$null`, and so is its environment: the message is
            // the same.
            format!("if ((Get-AzContext).Environment.Name -cne '{name}') {{ {} }}", throw(&stop)),
            // `Out-Null`, because the context would be printed among the messages.
            format!("Set-AzContext -Subscription '{subscription}' | Out-Null"),
        ];
        Self { lines: lines.into() }
    }

    /// Starts a block that knows the object ID of the principal.
    pub(super) fn with_principal(grant: &Grant) -> Self {
        let mut block = Self::new(grant);
        let application = grant.application();
        match grant.principal() {
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

    /// Adds a line.
    pub(super) fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Prints a message, inside a branch.
    pub(super) fn say(&mut self, text: &str) {
        self.line(format!("  {}", quoted(text)));
    }

    /// Looks an assignment up: sets `$FOUND` to the principal's assignment of the role on the scope, and
    /// `$SAME`, `$OURS` and `$KNOWN` to how it compares with the grant.
    ///
    /// `$KNOWN` means that this grant may change the assignment: it has the description of this grant or
    /// of an earlier one, or somebody created it by hand, as intended and without a description.
    ///
    /// Without the right to read the directory, the module reports the type `Unknown` for every
    /// principal, so that type is accepted too.
    pub(super) fn look(&mut self, grant: &Grant, assignment: &RoleAssignment) {
        let scope = quoted(&assignment.scope);
        let condition = assignment.condition.as_ref().map(ToString::to_string).unwrap_or_default();
        self.line(format!(
            // The cmdlet also returns assignments that are inherited from wider scopes, so the
            // scope is compared.
            "$FOUND = Get-AzRoleAssignment -ObjectId $OID -RoleDefinitionId '{}' -Scope {scope} | Where-Object Scope -eq {scope}",
            assignment.role_id
        ));
        self.line(format!(
            // The quotes turn a condition that is `$null` into an empty text.
            "$SAME = $FOUND -and @('ServicePrincipal', 'Unknown') -ccontains $FOUND.ObjectType -and \"$($FOUND.Condition)\" -ceq {}",
            quoted(&condition)
        ));
        let ours = quoted(&assignment.description);
        // Case-sensitive: descriptions contain prefixes, and names of blobs are case-sensitive.
        self.line(format!("$OURS = $FOUND -and $FOUND.Description -ceq {ours}"));
        // Ours, or that of an earlier grant.
        let mut known = vec![ours];
        known.extend(earlier_descriptions(grant, assignment).into_iter().map(quoted));
        self.line(format!(
            "$KNOWN = (@({}) -ccontains $FOUND.Description) -or ($SAME -and -not $FOUND.Description)",
            known.join(", ")
        ));
    }

    /// Prints the assignment that is in the way.
    pub(super) fn show(&mut self) {
        self.line("  $FOUND | Format-List RoleAssignmentId, Description, Condition | Out-Host");
    }

    /// Ends the script block.
    pub(super) fn end(mut self, step: Step) -> Part {
        self.line("}");
        commands(step, self.lines)
    }
}

/// Returns the statement that ends the block with a message.
pub(super) fn throw(text: &str) -> String {
    format!("throw {}", quoted(&format!("Stopped: {text}")))
}

/// Returns the test whether the user confirms a question.
pub(super) fn ask(question: &str) -> String {
    format!("(Read-Host {}) -ceq 'yes'", quoted(&format!("{question} Type yes to go on")))
}

/// Sends a request to Azure Resource Manager and stops if it is refused.
///
/// `Invoke-AzRestMethod` reports a refusal as an answer, not as an error, so the status is tested.
///
/// `more` is appended to the command, for example a payload.
pub(super) fn rest(block: &mut Block, method: &str, path: &str, more: &str) {
    block.line(format!(
        "  $ANSWER = Invoke-AzRestMethod -Method {method} -Path {}{more}",
        quoted(path)
    ));
    block.line("  if ($ANSWER.StatusCode -ge 300) { throw \"Stopped: $($ANSWER.Content)\" }");
}

/// Sets `$ROLE` to the definition of the custom role, or to nothing.
///
/// The list is empty if the role is missing, whereas `-Id` would fail.
pub(super) fn role_look(block: &mut Block, grant: &Grant, assignment: &RoleAssignment) {
    block.line(format!(
        "$ROLE = Get-AzRoleDefinition -Scope {} -Custom | Where-Object Id -eq '{}'",
        quoted(&grant.group_scope()),
        assignment.role_id
    ));
}
