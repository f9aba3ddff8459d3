//! The lines of cmd: each runs only if all lines before it succeeded.
//!
//! INVARIANT: no message has a parenthesis, a quote or another character with a meaning in cmd, because
//! `echo` prints messages without quotes.

use super::super::{
    super::{Grant, Part, RoleAssignment, Step},
    about,
    part::commands,
    query::{self, Query},
    windows::cmd as argument,
};
use crate::name::InvalidName;

/// The test whether the assignment that was found has another grant's description.
pub(super) const IS_ANOTHERS: &str = "\"%WHOSE%\"==\"foreign\"";

/// The lines in progress.
pub(super) struct Lines {
    lines: Vec<String>,
}

impl Lines {
    /// Starts lines that first check the cloud and select the subscription.
    pub(super) fn new(grant: &Grant) -> Self {
        let subscription = grant.subscription();
        let name = grant.management().name;
        let mut lines = Self { lines: vec![] };
        // Variables of the prompt outlive a paste, so an earlier run must not be taken for this
        // one.
        lines.line("set \"GRANT_OK=\" & set \"CLOUD=\" & set \"OID=\"");
        lines.set(
            "CLOUD",
            &format!(
                "az account show --subscription {subscription} --query environmentName --output tsv"
            ),
        );
        lines.line(format!(
            // Only this line sets `GRANT_OK`. Every later line tests the variable.
            "if \"%CLOUD%\"==\"{name}\" (az account set --subscription {subscription} && set \"GRANT_OK=1\") else echo Stopped: {}",
            about::sign_in(grant)
        ));
        lines
    }

    /// Starts lines that know the object ID of the principal.
    ///
    /// # Errors
    /// [`InvalidName`] if cmd cannot express a value.
    pub(super) fn with_principal(grant: &Grant) -> Result<Self, InvalidName> {
        let mut lines = Self::new(grant);
        match grant.principal() {
            Some(id) => lines.line(format!("set \"OID={id}\"")),
            // Looked up, because the grant does not name it.
            None => {
                let id = grant.application();
                lines.find_principal(grant)?;
                lines.stop_if(
                    "\"%OID%\"==\"none\"",
                    &format!("there is no service principal of application {id} in this directory: create it first"),
                );
            }
        }
        Ok(lines)
    }

    /// Sets `OID` to the object ID of the principal, or to `none`.
    ///
    /// A list is empty if the principal is missing, whereas `az ad sp show` would fail.
    ///
    /// # Errors
    /// [`InvalidName`] if cmd cannot express a value.
    pub(super) fn find_principal(&mut self, grant: &Grant) -> Result<(), InvalidName> {
        let filter = argument(&format!("appId eq '{}'", grant.application()))?;
        self.word("OID", &format!("az ad sp list --filter {filter}"), "[0].id")
    }

    /// Adds a line that runs in any case.
    pub(super) fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Sets a variable to the line that a command prints.
    pub(super) fn set(&mut self, variable: &str, command: &str) {
        // The only way in cmd to put the output of a command into a variable. `delims=` keeps
        // spaces.
        self.line(format!("for /f \"delims=\" %i in ('{command}') do @set \"{variable}=%i\""));
    }

    /// Adds a line that runs if all lines before it succeeded.
    pub(super) fn if_ok(&mut self, rest: &str) {
        self.line(format!("if defined GRANT_OK {rest}"));
    }

    /// Stops with a message if a condition holds.
    pub(super) fn stop_if(&mut self, condition: &str, message: &str) {
        self.if_ok(&format!("if {condition} (set \"GRANT_OK=\" & echo Stopped: {message})"));
    }

    /// Looks an assignment up: sets `SAME`, `WHOSE` and `ID`.
    ///
    /// `SAME` is `none` if there is no assignment, because `for` skips an empty line and would leave the
    /// variable of an earlier assignment. See [`query::state`] for the words.
    ///
    /// # Errors
    /// [`InvalidName`] if cmd cannot express a value.
    pub(super) fn look(
        &mut self,
        grant: &Grant,
        assignment: &RoleAssignment,
    ) -> Result<(), InvalidName> {
        let query = query::state(grant, assignment);
        let query = Query {
            before: format!("({}", query.before),
            // `none` instead of nothing, because `for` skips empty output.
            after: format!("{}) || 'none'", query.after),
        };
        self.line("set \"STATE=\" & set \"SAME=\" & set \"WHOSE=-\" & set \"ID=-\"");
        let (scope, query) = (argument(&assignment.scope)?, with_object_id(&query)?);
        self.set(
            "STATE",
            &format!("az role assignment list --scope {scope} --query {query} --output tsv"),
        );
        self.stop_if("not defined STATE", "the assignments cannot be read, see above");
        // `2,*` puts everything after the second word into `%j`, since an ID may contain spaces.
        for (tokens, value, variable) in
            [("1", "%i", "SAME"), ("2", "%i", "WHOSE"), ("2,*", "%j", "ID")]
        {
            self.line(format!(
                "for /f \"tokens={tokens}\" %i in (\"%STATE%\") do @set \"{variable}={value}\""
            ));
        }
        Ok(())
    }

    /// Prints the assignment that is in the way, if a condition holds.
    ///
    /// # Errors
    /// [`InvalidName`] if cmd cannot express a value.
    pub(super) fn show(
        &mut self,
        condition: &str,
        assignment: &RoleAssignment,
    ) -> Result<(), InvalidName> {
        self.if_ok(&format!(
            "if {condition} az role assignment list --scope {} --query {} --output yaml",
            argument(&assignment.scope)?,
            with_object_id(&query::shown(assignment))?
        ));
        Ok(())
    }

    /// Sets a variable to the word that a query prints, or to `none` if it prints nothing.
    ///
    /// # Errors
    /// [`InvalidName`] if cmd cannot express a value.
    pub(super) fn word(
        &mut self,
        variable: &str,
        command: &str,
        query: &str,
    ) -> Result<(), InvalidName> {
        let query = argument(&format!("({query}) || 'none'"))?;
        self.line(format!("set \"{variable}=\""));
        self.set(variable, &format!("{command} --query {query} --output tsv"));
        self.stop_if(&format!("not defined {variable}"), "az has failed, see above");
        Ok(())
    }

    /// Ends the lines with the exit status.
    pub(super) fn end(mut self, step: Step) -> Part {
        // `cmd /c exit` sets the exit status without closing the prompt.
        self.line("if defined GRANT_OK (echo Done.& cmd /c exit 0) else (echo Failed: see above.& cmd /c exit 1)");
        commands(step, self.lines)
    }
}

/// Returns a query as an argument in which cmd inserts the value of `OID`.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express the query.
pub(super) fn with_object_id(query: &Query) -> Result<String, InvalidName> {
    let (before, after) = (argument(&query.before)?, argument(&query.after)?);
    // The parts are quoted one by one, but stand in one pair of quotes around the variable.
    let inner = |text: &str| text.trim_matches('"').to_owned();
    Ok(format!("\"{}%OID%{}\"", inner(&before), inner(&after)))
}

/// Returns the command that lists the custom role.
///
/// # Errors
/// [`InvalidName`] if cmd cannot express a value.
pub(super) fn role_list(grant: &Grant, assignment: &RoleAssignment) -> Result<String, InvalidName> {
    let group = argument(&grant.group_scope())?;
    Ok(format!("az role definition list --name {} --scope {group}", assignment.role_id))
}
