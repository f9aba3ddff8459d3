//! A block of PowerShell that calls `az`: one script block, which an error ends.
//!
//! Comparisons use `-ceq` and `-cne`, because PowerShell's `-eq` ignores letter case.

use super::super::{
    super::{Grant, Part, RoleAssignment, Step, quote::powershell as quoted},
    about,
    part::commands,
    query::{self, Query},
    windows::{self, powershell as argument},
};
use crate::name::InvalidName;

/// The lines of a block in progress.
pub(super) struct Block {
    lines: Vec<String>,
}

impl Block {
    /// Starts a block that first checks the cloud and selects the subscription.
    pub(super) fn new(grant: &Grant) -> Self {
        let subscription = grant.subscription();
        let lines = [
            // A script block of its own: `throw` ends the block, and its variables stay inside.
            "& {".to_owned(),
            // Ends the script block at the first error of a cmdlet; `Assert-Az` does the same for
            // `az`.
            "$ErrorActionPreference = 'Stop'".to_owned(),
            "function Assert-Az { if ($LASTEXITCODE -ne 0) { throw 'Stopped: az has failed, see above' } }".to_owned(),
            // A failure leaves `$CLOUD` empty, which the next line reports with what to do.
            format!("$CLOUD = az account show --subscription {subscription} --query environmentName --output tsv"),
            format!(
                "if ($CLOUD -cne '{}') {{ throw {} }}",
                grant.management().name,
                quoted(&format!("Stopped: {}", about::sign_in(grant)))
            ),
            format!("az account set --subscription {subscription}"),
            "Assert-Az".to_owned(),
        ];
        Self { lines: lines.into() }
    }

    /// Starts a block that knows the object ID of the principal.
    pub(super) fn with_principal(grant: &Grant) -> Self {
        let mut block = Self::new(grant);
        match grant.principal() {
            // A GUID needs no escaping. INVARIANT: the builder checked that it is one.
            Some(id) => block.line(format!("$OID = '{id}'")),
            None => {
                block.line(find_principal(grant));
                block.line("Assert-Az");
                let stop = format!(
                    "there is no service principal of application {} in this directory: create it first",
                    grant.application()
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

    /// Looks an assignment up: sets `$SAME`, `$WHOSE` and `$ID`.
    ///
    /// `$SAME` is empty if there is no assignment. See [`query::state`] for the words.
    ///
    /// # Errors
    /// [`InvalidName`] if a value cannot be passed to `az` on Windows.
    pub(super) fn look(
        &mut self,
        grant: &Grant,
        assignment: &RoleAssignment,
    ) -> Result<(), InvalidName> {
        let query = with_object_id(&query::state(grant, assignment))?;
        self.line(format!(
            "$STATE = az role assignment list --scope {} --query {query} --output tsv",
            argument(&assignment.scope)?
        ));
        self.line("Assert-Az");
        // The quotes turn `$null` into an empty text, which `-split` accepts. At most three parts,
        // because an ID may contain spaces.
        self.line("$SAME, $WHOSE, $ID = \"$STATE\" -split ' ', 3");
        Ok(())
    }

    /// Prints the assignment that is in the way.
    ///
    /// `Out-Host` prints at once; without it, the output would come after an error that ends the block.
    ///
    /// # Errors
    /// [`InvalidName`] if a value cannot be passed to `az` on Windows.
    pub(super) fn show(&mut self, assignment: &RoleAssignment) -> Result<(), InvalidName> {
        let query = with_object_id(&query::shown(assignment))?;
        self.line(format!(
            "  az role assignment list --scope {} --query {query} --output yaml | Out-Host",
            argument(&assignment.scope)?
        ));
        Ok(())
    }

    /// Prints a message, inside a branch.
    pub(super) fn say(&mut self, text: &str) {
        self.line(format!("  {}", quoted(text)));
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

/// Returns the command that sets `$OID` to the object ID of the principal, or to nothing.
///
/// A list is empty if the principal is missing, whereas `az ad sp show` would fail.
pub(super) fn find_principal(grant: &Grant) -> String {
    let filter = quoted(&format!("appId eq '{}'", grant.application()));
    format!("$OID = az ad sp list --filter {filter} --query {} --output tsv", quoted("[0].id"))
}

/// Returns a query as an expression that inserts `$OID`.
///
/// # Errors
/// [`InvalidName`] if the query has a character that cannot be passed to `az` on Windows.
pub(super) fn with_object_id(query: &Query) -> Result<String, InvalidName> {
    // The parts are joined by PowerShell, but the result is an argument that cmd parses. So both
    // parts must be possible in cmd.
    windows::cmd(&query.before)?;
    windows::cmd(&query.after)?;
    Ok(format!("({} + $OID + {})", quoted(&query.before), quoted(&query.after)))
}

/// Returns the test whether the user confirms a question.
pub(super) fn ask(question: &str) -> String {
    format!("(Read-Host {}) -ceq 'yes'", quoted(&format!("{question} Type yes to go on")))
}

/// Sets `$ROLE` to whether the custom role is as intended.
///
/// # Errors
/// [`InvalidName`] if a value cannot be passed to `az` on Windows.
pub(super) fn role_look(
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
