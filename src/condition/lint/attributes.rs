//! The rules about the attributes that a condition names.

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
    pub(super) fn attribute(&mut self, expr: &Expr, span: Span, attribute: &Attribute) {
        let path = attribute.path();
        let Some(known) = Known::of(path) else {
            return self.unknown(span, attribute);
        };
        let key = path.get(known.path().len()..).unwrap_or_default().trim_end_matches(TAG_MARK);
        if key.contains(['<', '>']) {
            return self.placeholder(span, path);
        }
        if known == Known::Hns {
            let narrow = self.context.lint.scope.map(|scope| scope < ScopeLevel::ResourceGroup);
            let message = "only assignments on a resource group or above have isHnsEnabled; \
                on an account or a container remove it";
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
            let message = "Privileged Identity Management takes no attributes of the principal; \
                such an assignment must be an active one, made without it";
            self.report(Rule::PimPrincipal, severity, span, message, None);
        }
        if known == Known::SubOperation {
            let repair = legacy_repair(self.context, expr);
            let message = "the spelling of the preview of 2021; write SubOperationMatches{'…'}";
            return self.report(Rule::LegacySpelling, Severity::Note, span, message, repair);
        }
        self.source(expr, span, attribute, known);
    }

    /// Reports an attribute that is not documented, with the most likely reason.
    ///
    /// The order matters: text that was damaged by a web page or a shell looks like a placeholder or a
    /// misspelling too, and the more specific reason has the better repair.
    fn unknown(&mut self, span: Span, attribute: &Attribute) {
        let path = attribute.path();
        let shown = quoted(path);
        let source = attribute.source().as_str();
        let with = |path: &str| Some(self.context.spliced(span, &format!("@{source}[{path}]")));
        let decoded = path.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        if decoded != path {
            let message = format!(
                "{shown} has entities, as the source of web pages has them; write the characters themselves"
            );
            let repair = with(&decoded);
            return self.report(Rule::UnknownAttribute, Severity::Error, span, message, repair);
        }
        if let Some(right) = before_the_shell(path) {
            let message = format!(
                "a shell has replaced a `$…` in {shown}, or was to take an escape away; Azure answers that the attribute is not valid. Give the condition in a file, or between single quotes"
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
                "{} has no conditions; Azure answers \"The given role assignment condition is invalid.\"",
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
            format!("there is no attribute {shown}: Azure refuses it, or nothing has it{hint}");
        self.report(Rule::UnknownAttribute, Severity::Error, span, message, repair);
    }

    /// Reports an attribute that none of the affected actions has.
    fn source(&mut self, expr: &Expr, span: Span, attribute: &Attribute, known: Known) {
        let source = attribute.source();
        let concerned = ACTIONS.iter().zip(&self.influences).filter(|(_, on)| on.has(expr));
        let concerned: Vec<&Action> = concerned.map(|(action, _)| action).collect();
        let has = |source| concerned.iter().any(|action| action.has(source, known));
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
        titles.truncate(3);
        let message = format!(
            "{} is not available for what it stands for here ({}), so this is never true{hint}",
            quoted(&attribute.to_string()),
            titles.join(", ")
        );
        self.report(Rule::SourceNotForAction, Severity::Error, span, message, repair);
    }
}

/// Returns the path before a shell damaged it: a shell removes `$…`, or leaves the escape of the `$`.
fn before_the_shell(path: &str) -> Option<String> {
    if let Some((head, key)) = path.split_once("/tags:") {
        let (key, mark) = key.split_at_checked(key.find('<')?)?;
        let is_mark = mark == "<>" || mark.contains('$') || mark.contains("case_sensitive");
        return is_mark.then(|| format!("{head}/tags:{key}{TAG_MARK}"));
    }
    let (_, mark) = path.split_once("/tags&")?;
    let word: String = mark.chars().filter(|c| !"&$\\`^".contains(*c)).collect();
    matches!(word.as_str(), "" | "keys").then(|| Known::TagKeys.path().to_owned())
}

/// Returns the text with `SubOperationMatches` instead of the spelling of the preview.
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
