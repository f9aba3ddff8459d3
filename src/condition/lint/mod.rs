//! Finds mistakes in conditions, and conditions that allow something else than they seem to.
//!
//! Mistakes of spelling come from the parser. The other rules look at single parts (`parts`), at the
//! condition's effect on sample requests (`listing`), and at attributes in preview (`preview`).

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
use super::{Condition, MAX_LENGTH, ParseError, Role, Rule, Span, error::quoted, parser};

/// Azure's limit for a condition. The documentation does not say whether it counts bytes or characters;
/// bytes are the stricter reading.
const LIMIT: usize = 8 << 10;

/// The severity of a finding.
///
/// An error should block the use of the condition. A warning needs a person's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing: the condition does what it says.
    Note,
    /// Azure accepts the condition, but it allows or denies something else than it seems to.
    Warning,
    /// Azure refuses the condition, or a part of it can never do what it says.
    Error,
}

/// A mistake in a condition, found by [`Lint`].
///
/// ```
/// use azure_asset_sync::condition::{Lint, Severity};
///
/// let text = "(ActionMatches{'*/read'} AND Exists @Request[UtcNow]";
/// for finding in Lint::new().check(text) {
///     assert_eq!(finding.severity, Severity::Error);
///     println!("{}: {}", finding.rule, finding.message);
///     println!("at {:?}", text.get(finding.span.start..finding.span.end));
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LintFinding {
    /// The kind of mistake.
    pub rule: Rule,
    /// The severity.
    pub severity: Severity,
    /// The place in the text.
    pub span: Span,
    /// The mistake, its effect, and the text to write instead.
    pub message: String,
    /// The whole text with this mistake repaired, if there is exactly one repair.
    pub repair: Option<String>,
}

/// The scope of a role assignment, from the narrowest to the widest.
///
/// Some attributes are only available at wide scopes. The order is that of the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ScopeLevel {
    /// One container.
    Container,
    /// A storage account.
    Account,
    /// A resource group.
    ResourceGroup,
    /// A subscription.
    Subscription,
    /// A management group.
    ManagementGroup,
}

/// Checks conditions for mistakes. Facts about the role assignment allow more checks.
///
/// ```
/// use azure_asset_sync::condition::{Lint, Role, Rule};
///
/// let findings = Lint::new().check("@Resource[Microsoft.Storage/storageAccounts/\
///     blobServices/containers/blobs:path] StringStartsWith '/hall-3/'");
/// let slash = findings.iter().find(|finding| finding.rule == Rule::PathValueShape);
/// let repaired = slash.and_then(|finding| finding.repair.as_deref());
/// assert!(repaired.is_some_and(|text| text.ends_with("StringStartsWith 'hall-3/'")));
///
/// // With the role, the check also sees actions that the role does not have.
/// let write = "!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write'})";
/// let findings = Lint::new().role(Role::BlobDataReader).check(write);
/// assert!(findings.iter().any(|finding| finding.rule == Rule::ActionNotInRole));
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
    /// Makes a check without facts about the assignment.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the role that is assigned.
    ///
    /// This allows checks for actions that the role does not have, and for those that get around the
    /// condition.
    pub fn role(mut self, role: Role) -> Self {
        self.role = Some(role);
        self
    }

    /// Sets the scope of the assignment.
    ///
    /// This allows a check for attributes that are not available there.
    pub fn scope(mut self, scope: ScopeLevel) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Sets the `conditionVersion` that accompanies the condition.
    ///
    /// ```
    /// use azure_asset_sync::condition::{Lint, Rule};
    ///
    /// let findings = Lint::new().version("1.0").check("ActionMatches{'*/read'}");
    /// assert!(findings.iter().any(|finding| finding.rule == Rule::Version));
    /// ```
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Sets the version of the Azure CLI that will apply the condition, as `az version` shows it.
    pub fn azure_cli(mut self, version: impl Into<String>) -> Self {
        self.azure_cli = Some(version.into());
        self
    }

    /// Marks the assignment as eligible, which means managed by Privileged Identity Management.
    ///
    /// ```
    /// use azure_asset_sync::condition::{Lint, Rule, Severity};
    ///
    /// let text = "@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:a_b] StringEquals 'x'";
    /// let findings = Lint::new().eligible().check(text);
    /// let finding = findings.iter().find(|finding| finding.rule == Rule::PimPrincipal);
    /// assert_eq!(finding.map(|finding| finding.severity), Some(Severity::Error));
    /// ```
    pub fn eligible(mut self) -> Self {
        self.eligible = true;
        self
    }

    /// Returns the mistakes in a condition, in the order of the text.
    ///
    /// Text that does not parse is a finding too. A mistake with a certain repair, for example the wrong
    /// letter case, does not hide later mistakes: the check goes on with the repaired text. Spans always
    /// refer to `text`. Of a text with more than [`MAX_LENGTH`] characters only the length is a finding.
    pub fn check(&self, text: &str) -> Vec<LintFinding> {
        let mut found = Vec::new();
        self.around(text, &mut found);
        // Before the text is copied for repairs.
        if text.char_indices().nth(MAX_LENGTH).is_some() {
            found.sort_by_key(|finding| finding.rule);
            return found;
        }
        // A text that is too long for Azure is not checked further, because some rules take time that
        // grows with the square of the length.
        // Mistakes of the parser come first, because the other rules need a tree.
        if let Some((condition, repaired)) = repair_certain(text, &mut found)
            && text.len() <= LIMIT
        {
            let mut more = Vec::new();
            let context = Context { lint: self, text: &repaired.text, root: condition.root() };
            parts::check(&context, &mut more);
            listing::check(&context, &mut more);
            preview::check(&context, &mut more);
            // The rules ran on the repaired text. Their spans are translated to the original.
            for mut finding in more {
                finding.span = repaired.original(finding.span);
                found.push(finding);
            }
        }
        found.sort_by_key(|finding| (finding.span.start, finding.rule));
        // Several rules may see the same mistake through both sides of a comparison.
        found.dedup();
        found
    }

    /// Checks the facts about the assignment and the length of the text.
    fn around(&self, text: &str, found: &mut Vec<LintFinding>) {
        let span = Span { start: 0, end: text.len() };
        let mut say = |rule, severity, message: String| {
            found.push(LintFinding { rule, severity, span, message, repair: None });
        };
        if text.len() > LIMIT {
            let length = text.len();
            let message =
                format!("{length} bytes; Azure accepts 8 KB. Use several role assignments");
            say(Rule::TooLong, Severity::Error, message);
        }
        if let Some(version) = self.version.as_deref().filter(|version| *version != "2.0") {
            let version = quoted(version);
            let message = format!(
                "conditionVersion {version}: Azure answers \"The given role assignment condition is invalid.\"; write 2.0"
            );
            say(Rule::Version, Severity::Error, message);
        }
        if let Some(version) = &self.azure_cli {
            let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
            let known = (parts.next().flatten(), parts.next().flatten());
            // An unparsable version counts as too old, because the answer should be on the safe side.
            if !matches!(known, (Some(major), Some(minor)) if (major, minor) >= (2, 18)) {
                let version = quoted(version);
                let message = format!(
                    "version {version} of the Azure CLI does not support --condition; upgrade to 2.18 or later (`az upgrade`)"
                );
                say(Rule::CliVersion, Severity::Error, message);
            }
        }
    }
}

/// A text in which mistakes with a certain repair were repaired.
struct RepairedText {
    text: String,
    /// The byte of the original for each byte of the text and for its end.
    from: Vec<usize>,
}

impl RepairedText {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), from: (0..=text.len()).collect() }
    }

    /// Translates a span of the repaired text to the original.
    fn original(&self, span: Span) -> Span {
        let at = |position: usize| self.from.get(position).copied().unwrap_or_default();
        Span { start: at(span.start), end: at(span.end) }
    }

    /// Replaces a span of the repaired text.
    fn replace(&mut self, span: Span, with: &str) {
        let at = self.original(span).start;
        // Each byte of the replacement maps to the start of what it replaced.
        self.from.splice(span.start..span.end, std::iter::repeat_n(at, with.len()));
        self.text.replace_range(span.start..span.end, with);
    }
}

/// Parses the text and repairs mistakes with a certain repair until it parses.
///
/// Adds a finding for each mistake. Returns `None` if a mistake has no certain repair.
fn repair_certain(text: &str, found: &mut Vec<LintFinding>) -> Option<(Condition, RepairedText)> {
    /// The most repairs. Each one parses the text again, so the number bounds the time.
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
        // The repair starts from the original text, so that it repairs this mistake alone.
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
