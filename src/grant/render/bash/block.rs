//! A block of text that people paste: one subshell with one exit status.

use super::super::{
    super::{
        Grant, Part, RoleAssignment, Step,
        quote::{bash as quoted, is_literal_in_double_quotes},
    },
    about, commands, query,
    query::Query,
};

/// The lines of a block, which make it one subshell with one exit status
pub(super) struct Block {
    lines: Vec<String>,
}

impl Block {
    /// The start: the right cloud, and the subscription
    pub(super) fn new(grant: &Grant) -> Self {
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
                block.find_principal(grant);
                block.line(format!("[ -n \"$OID\" ] || grant_stop {}", quoted(&stop)));
            }
        }
        block.line("grant_state() { az role assignment list --scope \"$1\" --query \"$2\" --output tsv | tr -d '\\r'; }");
        block.line("grant_show() { az role assignment list --scope \"$1\" --query \"$2\" --output yaml >&2; }");
        block
    }

    /// Sets `OID`: a list is empty where the principal is missing, whereas `show` would fail
    pub(super) fn find_principal(&mut self, grant: &Grant) {
        let filter = format!("appId eq '{}'", grant.application);
        self.line(format!(
            "OID=$(az ad sp list --filter {} --query '[0].id' --output tsv | tr -d '\\r')",
            quoted(&filter)
        ));
    }

    pub(super) fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Sets `STATE`, `IS` (its first two words) and `ID` for an assignment
    pub(super) fn look(&mut self, grant: &Grant, assignment: &RoleAssignment) {
        let query = with_object_id(&query::state(grant, assignment));
        self.line(format!("STATE=$(grant_state {} {query})", quoted(&assignment.scope)));
        self.line("IS=${STATE%% /*}");
        self.line("ID=${STATE#* * }");
    }

    pub(super) fn show(&mut self, assignment: &RoleAssignment) {
        let query = with_object_id(&query::shown(assignment));
        self.line(format!("  grant_show {} {query}", quoted(&assignment.scope)));
    }

    pub(super) fn end(mut self, step: Step) -> Part {
        self.line(")");
        commands(step, self.lines)
    }
}

pub(super) fn with_object_id(query: &Query) -> String {
    let Query { before, after } = query;
    if [before, after].into_iter().all(|text| is_literal_in_double_quotes(text)) {
        return format!("\"{before}$OID{after}\"");
    }
    let single = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    format!("{}\"$OID\"{}", single(before), single(after))
}
