//! A block of bash: one subshell with one exit status.
//!
//! `set -e` ends the subshell at the first command that fails, and the subshell keeps the user's shell
//! open and unchanged. `tr -d '\r'` is there because `az` on Windows ends its lines with CR LF.

use super::super::{
    super::{
        Grant, Part, RoleAssignment, Step,
        quote::{bash as quoted, is_literal_in_double_quotes},
    },
    about,
    part::commands,
    query::{self, Query},
};

/// The test whether the assignment that was found has another grant's description.
pub(super) const IS_ANOTHERS: &str = "[ \"${IS##* }\" = foreign ]";

/// The lines of a block in progress.
pub(super) struct Block {
    lines: Vec<String>,
}

impl Block {
    /// Starts a block that first checks the cloud and selects the subscription.
    pub(super) fn new(grant: &Grant) -> Self {
        let management = grant.management();
        let subscription = grant.subscription();
        let stop = quoted(&about::sign_in(grant));
        let lines = [
            // Parentheses make a subshell, so that options, variables and functions of the user's
            // shell stay as they are.
            "(".to_owned(),
            // `pipefail`, because otherwise the status of `tr` would hide that of `az`.
            "set -e -o pipefail".to_owned(),
            // Git Bash otherwise rewrites arguments that start with a slash, such as scopes.
            "export MSYS_NO_PATHCONV=1".to_owned(),
            // `exit` leaves the subshell only, never the shell that the text is pasted into.
            "grant_stop() { printf 'Stopped: %s\\n' \"$1\" >&2; exit 1; }".to_owned(),
            format!(
                // A failure (nobody is signed in) must reach the message of the next line, so it
                // does not end the subshell here.
                "CLOUD=$(az account show --subscription {subscription} --query environmentName --output tsv | tr -d '\\r') || CLOUD="
            ),
            format!("[ \"$CLOUD\" = {} ] || grant_stop {stop}", management.name),
            format!("az account set --subscription {subscription}"),
        ];
        Self { lines: lines.into() }
    }

    /// Starts a block that knows the object ID of the principal and can look up assignments.
    ///
    /// Stops if the service principal is missing: every later command would fail with a message
    /// that is harder to understand.
    pub(super) fn with_principal(grant: &Grant) -> Self {
        let mut block = Self::new(grant);
        match grant.principal() {
            // A GUID needs no quotes. INVARIANT: the builder checked that it is one.
            Some(id) => block.line(format!("OID={id}")),
            None => {
                let stop = format!(
                    "there is no service principal of application {} in this directory: create it first. Assignments of one that was deleted show in the portal as Identity not found",
                    grant.application()
                );
                block.find_principal(grant);
                block.line(format!("[ -n \"$OID\" ] || grant_stop {}", quoted(&stop)));
            }
        }
        // As functions, so that the lines below, which people read, stay short.
        block.line("grant_state() { az role assignment list --scope \"$1\" --query \"$2\" --output tsv | tr -d '\\r'; }");
        block.line("grant_show() { az role assignment list --scope \"$1\" --query \"$2\" --output yaml >&2; }");
        block
    }

    /// Sets `OID` to the object ID of the principal, or to nothing.
    ///
    /// A list is empty if the principal is missing, whereas `az ad sp show` would fail and end the block.
    pub(super) fn find_principal(&mut self, grant: &Grant) {
        let filter = format!("appId eq '{}'", grant.application());
        self.line(format!(
            "OID=$(az ad sp list --filter {} --query '[0].id' --output tsv | tr -d '\\r')",
            quoted(&filter)
        ));
    }

    /// Adds a line.
    pub(super) fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Looks an assignment up: sets `STATE`, `IS` (its first two words) and `ID`.
    ///
    /// `STATE` is empty if there is no assignment. See [`query::state`] for the words.
    pub(super) fn look(&mut self, grant: &Grant, assignment: &RoleAssignment) {
        let query = with_object_id(&query::state(grant, assignment));
        self.line(format!("STATE=$(grant_state {} {query})", quoted(&assignment.scope)));
        // The ID starts with a slash, and the two words before it have none.
        self.line("IS=${STATE%% /*}");
        self.line("ID=${STATE#* * }");
    }

    /// Prints the assignment that is in the way.
    pub(super) fn show(&mut self, assignment: &RoleAssignment) {
        let query = with_object_id(&query::shown(assignment));
        self.line(format!("  grant_show {} {query}", quoted(&assignment.scope)));
    }

    /// Ends the subshell.
    pub(super) fn end(mut self, step: Step) -> Part {
        self.line(")");
        commands(step, self.lines)
    }
}

/// Returns a query as an argument, with the value of `OID` inserted by the shell.
///
/// Double quotes read better, but an interactive shell replaces some characters in them. A query with
/// such a character is put together from single-quoted parts.
pub(super) fn with_object_id(query: &Query) -> String {
    // Readable if possible: one pair of double quotes with `$OID` inside.
    let Query { before, after } = query;
    if [before, after].into_iter().all(|text| is_literal_in_double_quotes(text)) {
        return format!("\"{before}$OID{after}\"");
    }
    // Otherwise `'…'"$OID"'…'`: the shell replaces nothing but the variable.
    let single = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    format!("{}\"$OID\"{}", single(before), single(after))
}

/// Returns the command that prints whether the custom role is as intended.
///
/// Prints nothing if the role does not exist.
pub(super) fn role_list(grant: &Grant, assignment: &RoleAssignment) -> String {
    format!(
        "az role definition list --name {} --scope {} --query {} --output tsv | tr -d '\\r'",
        assignment.role_id,
        quoted(&grant.group_scope()),
        quoted(&query::role(assignment))
    )
}

/// Defines the function that asks for confirmation.
///
/// Anything but `yes`, including the end of the input, means no.
pub(super) fn ask_function(block: &mut Block) {
    block.line("grant_ask() { printf '%s Type yes to go on: ' \"$1\" >&2; ANSWER=; read -r ANSWER || ANSWER=; [ \"$ANSWER\" = yes ]; }");
}
