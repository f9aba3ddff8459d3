//! The rules about actions and suboperations, and about what the role allows around the condition.
//!
//! A condition never fails because of an unknown action or suboperation: the guard just does not match,
//! and the clause limits nothing. That makes misspelled names dangerous, so similar names are suggested.

use super::{
    Severity,
    context::{PartRules, anywhere},
    values::is_placeholder,
};
use crate::condition::{
    ExprKind, Rule, Source, Span,
    catalog::{ACTIONS, Known, SUBOPERATIONS, edits, is_of_another_service},
    error::quoted,
};
use crate::wildcard::star_matches;

/// Names that differ in more characters are not suggested.
const MAX_EDITS: usize = 6;

/// The start of all actions on blobs.
const BLOBS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/";

impl PartRules<'_, '_> {
    /// Checks the patterns of an `ActionMatches`.
    ///
    /// For example, `'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/raed'` matches no
    /// action, and the most similar one is suggested. `'*/blobs/write'` exists, but has no effect if the
    /// role only reads.
    pub(super) fn action(&mut self, span: Span, patterns: &[String]) {
        for pattern in patterns {
            let mut known =
                ACTIONS.iter().filter(|action| star_matches(pattern, action.name)).peekable();
            let shown = quoted(pattern);
            // A placeholder would also be an unknown action, and this message says more.
            if is_placeholder(None, pattern) {
                self.placeholder(span, pattern);
            } else if is_of_another_service(pattern) {
                let message = format!("{shown} is an action of another service, not checked here");
                self.report(Rule::UnknownAction, Severity::Note, span, message, None);
            } else if known.peek().is_none() {
                let lower = pattern.to_ascii_lowercase();
                let ours = ["microsoft.storage/", "microsoft.authorization/"]
                    .iter()
                    .any(|provider| lower.starts_with(provider));
                let nearest = ACTIONS
                    .iter()
                    .filter_map(|action| {
                        Some((edits(pattern, action.name, MAX_EDITS)?, action.name))
                    })
                    .min()
                    .map(|(_, name)| format!("; did you mean `{name}`?"))
                    .unwrap_or_default();
                let message = format!(
                    "conditions cannot limit the action {shown}, so this never matches a request{nearest}"
                );
                // An action of another Microsoft service may be one that these tables do not know. Text
                // without a provider is not an action of any service.
                let no_action = ours || !lower.starts_with("microsoft.");
                let severity = if no_action { Severity::Warning } else { Severity::Note };
                self.report(Rule::UnknownAction, severity, span, message, None);
            } else if let Some(role) = self.context.lint.role
                && !known.any(|action| role.allows(action.name))
            {
                let message = format!(
                    "the role {} does not have {shown}, so this part has no effect",
                    role.name()
                );
                self.report(Rule::ActionNotInRole, Severity::Note, span, message, None);
            }
        }
    }

    /// Checks the names of a `SubOperationMatches`. Letter case makes no difference to Azure.
    pub(super) fn suboperation(&mut self, span: Span, names: &[String]) {
        for name in names {
            if SUBOPERATIONS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                continue;
            }
            if is_placeholder(None, name) {
                self.placeholder(span, name);
                continue;
            }
            let similar = SUBOPERATIONS
                .iter()
                .filter_map(|known| Some((edits(name, known, MAX_EDITS)?, *known)));
            let nearest = similar.min().map(|(_, known)| known);
            let hint = match nearest {
                Some(known) => format!("; did you mean `{known}`?"),
                None => format!("; the suboperations are {}", SUBOPERATIONS.join(", ")),
            };
            let message = format!(
                "there is no suboperation {}, so this never matches a request{hint}",
                quoted(name)
            );
            let text = self.context.text.get(span.start..span.end).unwrap_or_default();
            let repair =
                nearest.map(|known| self.context.spliced(span, &text.replacen(name, known, 1)));
            self.report(Rule::UnknownSuboperation, Severity::Error, span, message, repair);
        }
    }

    /// Checks for actions by which a principal can get around the condition.
    ///
    /// If the role is known, its actions decide. Without a role, the actions that the condition names
    /// show what the principal can probably do, and the findings are only notes.
    ///
    /// - `runAsSuperUser/action` bypasses conditions on accounts with a hierarchical namespace.
    /// - `move/action` renames a blob, so a limit on the path can be avoided.
    /// - `tags/write` sets index tags, so a limit on a tag can be avoided.
    pub(super) fn role(&mut self) {
        // Whether the condition limits an action on blobs by name or by a wildcard.
        let named = |suffix: &str| {
            anywhere(self.context.root, |kind| {
                matches!(kind, ExprKind::ActionMatches(patterns)
                    if patterns.iter().any(|pattern| star_matches(pattern, &format!("{BLOBS}{suffix}"))))
            })
        };
        // Whether the role has an action on blobs, or `None` if the role is unknown.
        let has = |suffix: &str| {
            self.context.lint.role.map(|role| role.allows(&format!("{BLOBS}{suffix}")))
        };
        // Whether the condition compares an attribute, of one source or of any.
        let uses = |source: Option<Source>, known: Known| {
            let mut used = false;
            self.context.root.walk(&mut |expr| {
                used |= expr.attributes().any(|attribute| {
                    source.is_none_or(|source| attribute.source() == source)
                        && Known::of(attribute.path()) == Some(known)
                });
            });
            used
        };
        // A principal that may write or delete can probably rename, and an owner can set tags.
        let writes = ["write", "add/action", "delete"].iter().any(|action| named(action));
        let owns = named("tags/write") || named("runAsSuperUser/action");
        let mut say = Vec::new();
        if has("runAsSuperUser/action") == Some(true)
            && !named("runAsSuperUser/action")
            && anywhere(self.context.root, |kind| matches!(kind, ExprKind::ActionMatches(_)))
        {
            let message = "the role has runAsSuperUser/action, which this condition does not limit: \
                on accounts with a hierarchical namespace everything stays allowed";
            say.push((Rule::RunAsSuperuserMissing, Severity::Warning, message));
        }
        // An unknown role only justifies a note.
        let sure = |has: Option<bool>| match has {
            Some(true) => Some(Severity::Warning),
            Some(false) => None,
            None => Some(Severity::Note),
        };
        if uses(None, Known::Path)
            && !named("move/action")
            && has("move/action").unwrap_or(writes)
            && let Some(severity) = sure(has("move/action"))
        {
            let message = "a principal that can write can also rename (move/action) files into or out of the path \
                on accounts with a hierarchical namespace; limit that action too";
            say.push((Rule::MoveDefeatsPath, severity, message));
        }
        let tags = uses(Some(Source::Resource), Known::Tag)
            || uses(Some(Source::Resource), Known::TagKeys);
        if tags
            && !named("tags/write")
            && has("tags/write").unwrap_or(owns)
            && let Some(severity) = sure(has("tags/write"))
        {
            let message = "a principal that can write tags (tags/write) can give a blob the tag that this checks; \
                limit that action too";
            say.push((Rule::TagWriteDefeatsTag, severity, message));
        }
        for (rule, severity, message) in say {
            self.report(rule, severity, self.context.root.span, message, None);
        }
    }
}
