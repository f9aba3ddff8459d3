//! The rules about the attributes that a condition names.
//!
//! An attribute can be undocumented, unavailable at the scope of the assignment, not supported for eligible
//! assignments, spelled as in the preview, or unavailable for the actions that the comparison limits.

use super::{
    ScopeLevel, Severity,
    context::{Context, PartRules},
};
use crate::condition::{
    Attribute, Expr, ExprKind, Quantifier, Rule, Source, Span, Value,
    catalog::{ACTIONS, Action, Known, TAG_MARK, is_of_another_service},
    error::quoted,
    operator::Relation,
};

impl PartRules<'_, '_> {
    /// Checks one attribute of a comparison or an `Exists`.
    ///
    /// `span` is the attribute's own place, and `expr` is the expression that contains it. The rules report
    /// at most one spelling problem for an attribute, because the others would only follow from it.
    pub(super) fn attribute(&mut self, expr: &Expr, span: Span, attribute: &Attribute) {
        let path = attribute.path();
        let Some(known) = Known::of(path) else {
            return self.unknown(span, attribute);
        };
        let key = path.get(known.path().len()..).unwrap_or_default().trim_end_matches(TAG_MARK);
        // The key of a tag or of metadata has angle brackets only if somebody forgot to replace it.
        if key.contains(['<', '>']) {
            return self.placeholder(span, path);
        }
        if known == Known::Hns {
            // Narrower scopes have no such attribute. An unknown scope only justifies a warning.
            let narrow = self.context.lint.scope.map(|scope| scope < ScopeLevel::ResourceGroup);
            let message = "isHnsEnabled is only available for assignments on a resource group or above; \
                remove it for an account or a container";
            match narrow {
                Some(false) => {}
                Some(true) => {
                    self.report(Rule::ScopeNotForAttribute, Severity::Error, span, message, None);
                }
                None => {
                    self.report(Rule::ScopeNotForAttribute, Severity::Warning, span, message, None);
                }
            }
        }
        if attribute.source() == Source::Principal {
            let severity =
                if self.context.lint.eligible { Severity::Error } else { Severity::Note };
            let message = "Privileged Identity Management does not support attributes of the principal; \
                make the assignment an active one, without it";
            self.report(Rule::PimPrincipal, severity, span, message, None);
        }
        if known == Known::SubOperation {
            let repair = legacy_repair(self.context, expr);
            let message =
                "this is the spelling of the preview of 2021; write SubOperationMatches{'…'}";
            return self.report(Rule::LegacySpelling, Severity::Note, span, message, repair);
        }
        self.source(expr, span, attribute, known);
    }

    /// Reports an attribute that is not documented, with the most likely reason.
    ///
    /// The order matters: text that was damaged by a web page or a shell looks like a placeholder or a
    /// misspelling too, and the more specific reason has the better repair.
    ///
    /// The order is: HTML entities, a shell's damage, a placeholder, another service's attribute, a provider
    /// without conditions, a tag without its mark, and the most similar documented attribute.
    fn unknown(&mut self, span: Span, attribute: &Attribute) {
        let path = attribute.path();
        let shown = quoted(path);
        let source = attribute.source().as_str();
        let with = |path: &str| Some(self.context.spliced(span, &format!("@{source}[{path}]")));
        let decoded = path.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        if decoded != path {
            let message = format!("{shown} has HTML entities; write the characters themselves");
            let repair = with(&decoded);
            return self.report(Rule::UnknownAttribute, Severity::Error, span, message, repair);
        }
        if let Some(right) = before_the_shell(path) {
            let message = format!(
                "a shell has replaced a `$…` in {shown}, or left its escape; Azure answers that the attribute is not valid. Pass the condition in a file or in single quotes"
            );
            return self.report(Rule::ShellDollar, Severity::Error, span, message, with(&right));
        }
        if path.contains(['<', '>']) && !path.contains('$') {
            return self.placeholder(span, path);
        }
        if is_of_another_service(path) {
            let message = format!("{shown} is an attribute of another service, not checked here");
            return self.report(Rule::UnknownAttribute, Severity::Note, span, message, None);
        }
        let provider = path.trim_start().split_once('/').map(|(provider, _)| provider);
        // `Microsoft.Storage` and the providers of attributes that are no resource of it.
        let supported = [
            "Microsoft.Storage",
            "Microsoft.Authorization",
            "Microsoft.Directory",
            "Microsoft.Network",
        ];
        if let Some(provider) = provider
            && !supported.iter().any(|known| known.eq_ignore_ascii_case(provider))
        {
            let message = format!(
                "{} does not support conditions; Azure answers \"The given role assignment condition is invalid.\"",
                quoted(provider)
            );
            return self.report(Rule::UnsupportedProvider, Severity::Error, span, message, None);
        }
        let (hint, repair) = match path.to_ascii_lowercase().contains("/blobs/tags:") {
            true => {
                let right = format!("{path}{TAG_MARK}");
                (format!("; write {}", quoted(&right)), with(&right))
            }
            false => match Known::nearest(path) {
                Some(right) => (format!("; did you mean `{right}`?"), with(right)),
                None => (String::new(), None),
            },
        };
        let message =
            format!("there is no attribute {shown}; Azure refuses it, or no request has it{hint}");
        self.report(Rule::UnknownAttribute, Severity::Error, span, message, repair);
    }

    /// Reports an attribute that none of the affected actions has.
    ///
    /// A comparison affects an action if its result can change the decision about requests of that action.
    /// For example, `@Resource[…blobs:path]` in a clause for `Blob.List` is never available. If another
    /// source has the attribute, the repair uses that source.
    fn source(&mut self, expr: &Expr, span: Span, attribute: &Attribute, known: Known) {
        let source = attribute.source();
        let concerned = ACTIONS.iter().zip(&self.influences).filter(|(_, on)| on.has(expr));
        let concerned: Vec<&Action> = concerned.map(|(action, _)| action).collect();
        let has = |source| concerned.iter().any(|action| action.has(source, known));
        // An attribute in a part that affects no known action is not reported: the action is unknown too.
        if concerned.is_empty() || has(source) {
            return;
        }
        let elsewhere = [Source::Principal, Source::Request, Source::Resource, Source::Environment]
            .into_iter()
            .find(|other| has(*other));
        let (hint, repair) = match elsewhere {
            Some(other) => {
                let right = format!("@{}[{}]", other.as_str(), attribute.path());
                let text = self.context.text.get(span.start..span.end).unwrap_or_default();
                let repair = text.replacen(&attribute.to_string(), &right, 1);
                (format!("; write {}", quoted(&right)), Some(self.context.spliced(span, &repair)))
            }
            None => (String::new(), None),
        };
        let mut titles: Vec<_> = concerned.iter().map(|action| action.title).collect();
        // Three titles are enough for the reader to recognise the clause.
        titles.truncate(3);
        let message = format!(
            "{} is not available for the actions that this part limits ({}), so this is never true{hint}",
            quoted(&attribute.to_string()),
            titles.join(", ")
        );
        self.report(Rule::SourceNotForAction, Severity::Error, span, message, repair);
    }
}

/// Returns the path before a shell damaged it.
///
/// A shell removes `$key_case_sensitive$` or `$keys$` as an unknown variable. If the text was quoted, the
/// backslash or backtick before the `$` may be left in it.
fn before_the_shell(path: &str) -> Option<String> {
    // The path of a tag: the shell removed `$key_case_sensitive$` or part of it.
    if let Some((head, key)) = path.split_once("/tags:") {
        let (key, mark) = key.split_at_checked(key.find('<')?)?;
        let is_mark = mark == "<>" || mark.contains('$') || mark.contains("case_sensitive");
        return is_mark.then(|| format!("{head}/tags:{key}{TAG_MARK}"));
    }
    // The path of the tag keys, `tags&$keys$&`: the shell removed `$keys$`, or the escape is still there.
    let (_, mark) = path.split_once("/tags&")?;
    let word: String = mark.chars().filter(|c| !"&$\\`^".contains(*c)).collect();
    matches!(word.as_str(), "" | "keys").then(|| Known::TagKeys.path().to_owned())
}

/// Returns the text with `SubOperationMatches` instead of the spelling of the preview.
///
/// Only `ForAnyOfAnyValues:StringEquals` has the same meaning. Other comparisons get no repair.
fn legacy_repair(context: &Context<'_>, expr: &Expr) -> Option<String> {
    let ExprKind::Compare { operator, right, .. } = &expr.kind else { return None };
    let simple = !operator.base().is_negative()
        && operator.base().relation() == Relation::Equals
        && operator.quantifier() == Some(Quantifier::AnyAny);
    let names: Vec<_> = right.values().iter().filter_map(Value::text).collect();
    (simple && !names.is_empty()).then(|| {
        let names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
        context.spliced(expr.span, &format!("SubOperationMatches{{{}}}", names.join(", ")))
    })
}
