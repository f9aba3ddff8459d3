//! A block of PowerShell: one script block, which an error ends.

use super::super::{
    super::{Grant, Part, RoleAssignment, Step, quote::powershell as quoted},
    about, commands, query,
    query::Query,
    windows::{self, powershell as argument},
};
use crate::name::InvalidName;

pub(super) struct Block {
    lines: Vec<String>,
}

impl Block {
    pub(super) fn new(grant: &Grant) -> Self {
        let subscription = &grant.subscription;
        let lines = [
            "& {".to_owned(),
            "$ErrorActionPreference = 'Stop'".to_owned(),
            "function Assert-Az { if ($LASTEXITCODE -ne 0) { throw 'Stopped: az has failed, see above' } }".to_owned(),
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

    pub(super) fn with_principal(grant: &Grant) -> Self {
        let mut block = Self::new(grant);
        match &grant.principal {
            Some(id) => block.line(format!("$OID = '{id}'")),
            None => {
                block.line(find_principal(grant));
                block.line("Assert-Az");
                let stop = format!(
                    "there is no service principal of application {} in this directory: create it first",
                    grant.application
                );
                block.line(format!("if (-not $OID) {{ {} }}", throw(&stop)));
            }
        }
        block
    }

    pub(super) fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Sets `$SAME`, `$WHOSE` and `$ID` for an assignment
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
        self.line("$SAME, $WHOSE, $ID = \"$STATE\" -split ' ', 3");
        Ok(())
    }

    pub(super) fn show(&mut self, assignment: &RoleAssignment) -> Result<(), InvalidName> {
        let query = with_object_id(&query::shown(assignment))?;
        self.line(format!(
            "  az role assignment list --scope {} --query {query} --output yaml | Out-Host",
            argument(&assignment.scope)?
        ));
        Ok(())
    }

    pub(super) fn say(&mut self, text: &str) {
        self.line(format!("  {}", quoted(text)));
    }

    pub(super) fn end(mut self, step: Step) -> Part {
        self.line("}");
        commands(step, self.lines)
    }
}

pub(super) fn throw(text: &str) -> String {
    format!("throw {}", quoted(&format!("Stopped: {text}")))
}

/// A list is empty where the principal is missing, whereas `show` would fail
pub(super) fn find_principal(grant: &Grant) -> String {
    let filter = quoted(&format!("appId eq '{}'", grant.application));
    format!("$OID = az ad sp list --filter {filter} --query {} --output tsv", quoted("[0].id"))
}

pub(super) fn with_object_id(query: &Query) -> Result<String, InvalidName> {
    windows::cmd(&query.before)?;
    windows::cmd(&query.after)?;
    Ok(format!("({} + $OID + {})", quoted(&query.before), quoted(&query.after)))
}
