//! What is wrong, or not as it seems, in a condition.

mod actions;
mod attributes;
mod context;
mod influence;
mod listing;
mod parts;
mod preview;
mod values;

use serde::{Deserialize, Serialize};

use self::context::Context;
use super::{Condition, ParseError, Role, Rule, Span, error::quoted, parser};

/// Azure's limit for a condition; bytes or characters is not said
const LIMIT: usize = 8 << 10;

/// How bad a finding is
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing; the condition does what it says
    Note,
    /// Azure takes the condition, and it allows or denies other than it seems to
    Warning,
    /// Azure refuses the condition, or a part of it can never do what it says
    Error,
}

/// Something wrong, or not as it seems, in a condition
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LintFinding {
    /// The kind of mistake
    pub rule: Rule,
    /// How bad it is
    pub severity: Severity,
    /// Where in the text
    pub span: Span,
    /// What it is, what follows from it, and what to do
    pub message: String,
    /// The whole text with this mistake repaired, where there is one repair
    pub repair: Option<String>,
}

/// Where a role is assigned
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ScopeLevel {
    /// On one container
    Container,
    /// On a storage account
    Account,
    /// On a resource group
    ResourceGroup,
    /// On a subscription
    Subscription,
    /// On a management group
    ManagementGroup,
}

/// Checks conditions; what is known of the assignment makes it see more
///
/// ```
/// use azure_asset_sync::condition::{Lint, Rule};
///
/// let findings = Lint::new().check("@Resource[Microsoft.Storage/storageAccounts/\
///     blobServices/containers/blobs:path] StringStartsWith '/hall-3/'");
/// assert!(findings.iter().any(|finding| finding.rule == Rule::PathValueShape));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct Lint {
    role: Option<Role>,
    scope: Option<ScopeLevel>,
    version: Option<String>,
    azure_cli: Option<String>,
    eligible: bool,
}

impl Lint {
    /// Knows nothing of the assignment
    pub fn new() -> Self {
        Self::default()
    }

    /// The role that is assigned
    pub fn role(mut self, role: Role) -> Self {
        self.role = Some(role);
        self
    }

    /// Where the role is assigned
    pub fn scope(mut self, scope: ScopeLevel) -> Self {
        self.scope = Some(scope);
        self
    }

    /// The `conditionVersion` that goes with the condition
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// The version of the Azure CLI that applies it
    pub fn azure_cli(mut self, version: impl Into<String>) -> Self {
        self.azure_cli = Some(version.into());
        self
    }

    /// The assignment is eligible, that is by Privileged Identity Management
    pub fn eligible(mut self) -> Self {
        self.eligible = true;
        self
    }

    /// What is wrong with a condition, in the order of the text
    ///
    /// Text that does not parse is a finding too. Mistakes with a certain repair, such as letter
    /// case, do not hide what comes behind them.
    pub fn check(&self, text: &str) -> Vec<LintFinding> {
        let mut found = Vec::new();
        self.around(text, &mut found);
        // What Azure does not take for its length is not looked at in depth: the rules that make
        // requests take time with its square.
        if let Some((condition, repaired)) = repair_certain(text, &mut found)
            && text.len() <= LIMIT
        {
            let mut more = Vec::new();
            let context = Context { lint: self, text: &repaired.text, root: condition.root() };
            parts::check(&context, &mut more);
            listing::check(&context, &mut more);
            preview::check(&context, &mut more);
            for mut finding in more {
                finding.span = repaired.original(finding.span);
                found.push(finding);
            }
        }
        found.sort_by_key(|finding| (finding.span.start, finding.rule));
        found.dedup();
        found
    }

    /// What concerns the assignment, and the text as a whole
    fn around(&self, text: &str, found: &mut Vec<LintFinding>) {
        let span = Span { start: 0, end: text.len() };
        let mut say = |rule, severity, message: String| {
            found.push(LintFinding { rule, severity, span, message, repair: None });
        };
        if text.len() > LIMIT {
            let length = text.len();
            let message = format!("{length} bytes; Azure takes 8 KB. Use several role assignments");
            say(Rule::TooLong, Severity::Error, message);
        }
        if let Some(version) = self.version.as_deref().filter(|version| *version != "2.0") {
            let version = quoted(version);
            let message = format!(
                "conditionVersion {version}: Azure answers \"The given role assignment condition is invalid.\"; it takes 2.0"
            );
            say(Rule::Version, Severity::Error, message);
        }
        if let Some(version) = &self.azure_cli {
            let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
            let known = (parts.next().flatten(), parts.next().flatten());
            if !matches!(known, (Some(major), Some(minor)) if (major, minor) >= (2, 18)) {
                let version = quoted(version);
                let message = format!(
                    "version {version} of the Azure CLI does not know --condition; it takes 2.18 or later (`az upgrade`)"
                );
                say(Rule::CliVersion, Severity::Error, message);
            }
        }
    }
}

/// A text in which certain mistakes are repaired
struct RepairedText {
    text: String,
    /// For each byte of the text, and for its end, the byte of the original that it stands for
    from: Vec<usize>,
}

impl RepairedText {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), from: (0..=text.len()).collect() }
    }

    /// Where something of the repaired text stands in the original
    fn original(&self, span: Span) -> Span {
        let at = |position: usize| self.from.get(position).copied().unwrap_or_default();
        Span { start: at(span.start), end: at(span.end) }
    }

    fn replace(&mut self, span: Span, with: &str) {
        let at = self.original(span).start;
        self.from.splice(span.start..span.end, std::iter::repeat_n(at, with.len()));
        self.text.replace_range(span.start..span.end, with);
    }
}

/// Repairs what is certain; `None` where something else does not parse
fn repair_certain(text: &str, found: &mut Vec<LintFinding>) -> Option<(Condition, RepairedText)> {
    /// More than anybody makes; the rest is then said of the repaired text
    const MOST: usize = 64;
    let mut repaired = RepairedText::new(text);
    for _ in 0..MOST {
        let error: ParseError = match parser::parse(&repaired.text) {
            Ok(root) => return Some((Condition { root }, repaired)),
            Err(error) => error,
        };
        let span = error.span();
        let original = repaired.original(span);
        let fix = error.fix().map(str::to_owned);
        let repair = fix.as_ref().map(|fix| {
            let (before, after) = (text.get(..original.start), text.get(original.end..));
            format!("{}{fix}{}", before.unwrap_or_default(), after.unwrap_or_default())
        });
        found.push(LintFinding {
            rule: error.rule(),
            severity: Severity::Error,
            span: original,
            message: error.message().to_owned(),
            repair,
        });
        repaired.replace(span, &fix?);
    }
    None
}
