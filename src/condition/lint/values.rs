//! The rules about the values in a condition: their type, and container names and blob names in them.

use super::{Severity, context::PartRules};
use crate::condition::{
    Base, Expr, ExprKind, Operand, Operator, Rule, Span, Value, ValueType,
    catalog::Known,
    error::quoted,
    operator::Relation,
    value::{guid, ticks},
};
use crate::name::ContainerName;

impl PartRules<'_, '_> {
    /// Reports values that do not fit the operator, and lists for an operator of single values.
    ///
    /// Only values that stand in the condition are checked. Those of an attribute are known to the service
    /// only.
    pub(super) fn values(&mut self, operand: &Operand, operator: Operator) {
        let wrong = |value: &Value| match operator.base().value_type() {
            ValueType::String => value.text().is_none(),
            ValueType::Integer => !matches!(value, Value::Integer(_)),
            ValueType::DateTime => value.text().and_then(ticks).is_none(),
            ValueType::Bool => !matches!(value, Value::Bool(_)),
            ValueType::Guid => value.text().and_then(guid).is_none(),
        };
        let message = if operator.quantifier().is_none() && operand.values().len() != 1 {
            format!(
                "{operator} compares single values; for a list write ForAnyOfAnyValues:{operator}, \
                 or use another quantifier"
            )
        } else if operand.values().is_empty() {
            "the list is empty, so this is always true or always false".into()
        } else if let Some(value) = operand.values().iter().find(|value| wrong(value)) {
            let wanted = match operator.base().value_type() {
                ValueType::String => "a text in single quotes",
                ValueType::Integer => "a whole number",
                ValueType::DateTime => "a time such as '2026-01-31T00:00:00.0Z'",
                ValueType::Bool => "true or false",
                ValueType::Guid => "a GUID",
            };
            format!("{operator} needs {wanted}, not {}", quoted(&value.to_string()))
        } else {
            return;
        };
        self.report(Rule::ValueNotOfType, Severity::Error, operand.span, message, None);
    }

    /// Checks a text that is compared with an attribute.
    ///
    /// A container that is compared for equality must be a valid name, or nothing matches. A blob's path and a
    /// prefix have their own checks. Negated comparisons are not checked: an impossible value excludes nothing.
    pub(super) fn text_value(&mut self, known: Option<Known>, base: Base, span: Span, value: &str) {
        let shown = quoted(value);
        // A placeholder is reported once, and no other rule makes sense for it.
        if is_placeholder(known, value) {
            let message = format!(
                "{shown} has a placeholder, so it matches nothing; write the value instead"
            );
            return self.report(Rule::Placeholder, Severity::Warning, span, message, None);
        }
        let exact = base.relation() == Relation::Equals;
        // For a comparison without letter case, capitals are no mistake.
        let folded = if base.ignores_case() { value.to_ascii_lowercase() } else { value.into() };
        match known {
            Some(Known::Container) if exact && folded.parse::<ContainerName>().is_err() => {
                let message = format!(
                    "{shown} is not a valid container name (3 to 63 lower-case letters, digits and single hyphens), so this matches no container"
                );
                self.report(Rule::ContainerValueShape, Severity::Warning, span, message, None);
            }
            Some(Known::Path | Known::Prefix) if !base.is_negative() => {
                self.path_value(base, span, value);
            }
            _ => {}
        }
    }

    /// Checks a text that is compared with a blob's path or with the prefix of a listing.
    ///
    /// People write paths as they see them elsewhere: with a leading slash, with the container in front, as a
    /// URL, or URL-encoded. None of these occurs in a blob's name as conditions see it.
    fn path_value(&mut self, base: Base, span: Span, value: &str) {
        let shown = quoted(value);
        let repeats = after_container(&self.containers, value).is_some();
        let problem = if value.starts_with('/') {
            Some("blob names in conditions have no leading slash")
        } else if value.contains("://") {
            Some("conditions see the blob's name, not its URL")
        } else if is_encoded(value) {
            Some("conditions see names without URL encoding")
        } else if repeats {
            Some("blob names in conditions do not begin with the container's name")
        } else {
            None
        };
        // Only the first problem is reported. Its repair removes slashes and the container's name together.
        if let Some(problem) = problem {
            let bare = value.trim_start_matches('/');
            let bare = after_container(&self.containers, bare).unwrap_or(bare);
            let repair =
                (bare != value && !bare.is_empty()).then(|| self.replaced(span, value, bare));
            let message = format!("{problem}, so {shown} matches no blob");
            return self.report(Rule::PathValueShape, Severity::Warning, span, message, repair);
        }
        // A pattern that ends with its only wildcard is a start too.
        let start = match base.relation() {
            Relation::StartsWith => Some(value),
            Relation::Like => value.strip_suffix('*').filter(|start| !start.contains(['*', '?'])),
            _ => None,
        };
        match start {
            Some("") => {
                let message = "every name begins with an empty prefix, so this limits nothing";
                self.report(Rule::EmptyPrefix, Severity::Warning, span, message, None);
            }
            Some(start) if !start.ends_with('/') => {
                let message = format!(
                    "{shown} also covers neighbours such as `{0}-old/` and `{0}.jpg`; for the folder alone end it with `/`",
                    start.trim_end_matches('-')
                );
                let repair = self.replaced(span, start, &format!("{start}/"));
                self.report(Rule::PrefixNoSlash, Severity::Warning, span, message, Some(repair));
            }
            _ => {}
        }
    }

    /// Returns the text with the start of a value within a span replaced.
    ///
    /// The span may be a list, so only the value that begins with the quoted text is changed.
    fn replaced(&self, span: Span, value: &str, with: &str) -> String {
        let inner = self.context.text.get(span.start..span.end).unwrap_or_default();
        self.context.spliced(span, &inner.replacen(&format!("'{value}"), &format!("'{with}"), 1))
    }
}

/// Returns the container names that the condition compares with, sorted.
///
/// A value of a path that begins with one of them and a slash probably repeats the container by mistake.
pub(super) fn containers(root: &Expr) -> Vec<String> {
    let mut names = std::collections::BTreeSet::new();
    root.walk(&mut |expr| {
        if let ExprKind::Compare { left, right, .. } = &expr.kind
            && expr.attributes().any(|a| Known::of(a.path()) == Some(Known::Container))
        {
            let texts = left.values().iter().chain(right.values()).filter_map(Value::text);
            // Only a valid container name can be the mistaken start of a blob's path.
            let is_name = |name: &&str| name.parse::<ContainerName>().is_ok();
            names.extend(texts.filter(is_name).map(str::to_owned));
        }
    });
    names.into_iter().collect()
}

/// Returns the rest of a value that begins with a known container's name and a slash.
fn after_container<'a>(containers: &[String], value: &'a str) -> Option<&'a str> {
    let (name, rest) = value.split_once('/')?;
    containers.binary_search_by(|known| known.as_str().cmp(name)).is_ok().then_some(rest)
}

/// Returns whether a value is a placeholder such as `<name>`, `{{name}}` or `${name}`.
///
/// Container names have no angle brackets or braces, so there a single one is enough. Blob names may
/// contain them.
pub(super) fn is_placeholder(known: Option<Known>, value: &str) -> bool {
    // Braces, brackets and dollar signs are only suspicious in pairs around a word.
    let enclosed = |open: &str, close: &str| {
        value.split_once(open).is_some_and(|(_, rest)| {
            rest.split_once(close).is_some_and(|(word, _)| {
                !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || " _-.".contains(c))
            })
        })
    };
    let in_container = known == Some(Known::Container) && value.contains(['<', '>', '{', '}']);
    in_container || enclosed("<", ">") || enclosed("{{", "}}") || enclosed("${", "}")
}

/// Returns whether a value has a percent sign followed by two hexadecimal digits.
fn is_encoded(value: &str) -> bool {
    value
        .split('%')
        .skip(1)
        .any(|rest| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()))
}
