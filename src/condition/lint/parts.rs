//! The rules that look at one part of a condition at a time.

use super::{
    Check, LintFinding, Rule, ScopeLevel, Severity, anywhere,
    influence::Influences,
    quoted,
    values::{containers, is_placeholder},
};
use crate::{
    condition::{
        Attribute, Base, Expr, ExprKind, Operand, Operator, Quantifier, Source, Span, Value,
        ValueType,
        catalog::{
            ACTIONS, Action, Holds, Known, SUBOPERATIONS, TAG_MARK, edits, is_of_another_service,
        },
        operator::Relation,
    },
    wildcard::star_matches,
};

/// Names that differ in more characters are not suggested.
const MAX_EDITS: usize = 6;

const BLOBS: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/";

pub(super) fn check(check: &Check<'_>, found: &mut Vec<LintFinding>) {
    let influences = ACTIONS.iter().map(|action| Influences::on(check.root, action)).collect();
    let containers = containers(check.root);
    let mut parts = Parts { check, found, influences, containers };
    if let Some(at) = bang(check.text) {
        let message = "an interactive bash replaces `!` between double quotes (\"event not found\"); \
            give the condition in a file, or between single quotes";
        let span = Span { start: at, end: at + 1 };
        parts.say(Rule::ShellBang, Severity::Note, span, message, None);
    }
    check.root.walk(&mut |expr| match &expr.kind {
        ExprKind::And(within) | ExprKind::Or(within) => parts.mixed(expr, within),
        ExprKind::ActionMatches(patterns) => parts.action(expr.span, patterns),
        ExprKind::SubOperationMatches(names) => parts.suboperation(expr.span, names),
        ExprKind::Exists(attribute) => parts.attribute(expr, expr.span, attribute),
        ExprKind::Compare { left, operator, right } => {
            parts.comparison(expr, left, *operator, right);
        }
        ExprKind::Not(part) => parts.negated(part),
    });
    parts.role();
}

/// Where the first `!` stands that is no part of a text
fn bang(text: &str) -> Option<usize> {
    let mut in_text = false;
    text.char_indices().find_map(|(at, c)| {
        in_text ^= c == '\'';
        (c == '!' && !in_text).then_some(at)
    })
}

pub(super) struct Parts<'a, 'f> {
    pub(super) check: &'a Check<'a>,
    found: &'f mut Vec<LintFinding>,
    /// For each of [`ACTIONS`], what has an influence on it
    influences: Vec<Influences>,
    /// The names that containers are compared with
    pub(super) containers: Vec<String>,
}

impl Parts<'_, '_> {
    pub(super) fn say(
        &mut self,
        rule: Rule,
        severity: Severity,
        span: Span,
        message: impl Into<String>,
        repair: Option<String>,
    ) {
        self.found.push(LintFinding { rule, severity, span, message: message.into(), repair });
    }

    fn mixed(&mut self, expr: &Expr, within: &[Expr]) {
        let other = |part: &&Expr| match (&expr.kind, &part.kind) {
            (ExprKind::And(_), ExprKind::Or(_)) | (ExprKind::Or(_), ExprKind::And(_)) => {
                !part.in_parentheses
            }
            _ => false,
        };
        for part in within.iter().filter(other) {
            let inner = self.check.text.get(part.span.start..part.span.end).unwrap_or_default();
            let repair = self.check.spliced(part.span, &format!("({inner})"));
            let message = "AND beside OR without parentheses is ambiguous by the documentation; \
                here AND is taken to bind tighter. Write the parentheses";
            self.say(Rule::MixedLogic, Severity::Warning, part.span, message, Some(repair));
        }
    }

    fn action(&mut self, span: Span, patterns: &[String]) {
        for pattern in patterns {
            let mut known =
                ACTIONS.iter().filter(|action| star_matches(pattern, action.name)).peekable();
            let shown = quoted(pattern);
            if is_placeholder(None, pattern) {
                self.placeholder(span, pattern);
            } else if is_of_another_service(pattern) {
                let message = format!("{shown} is an action of another service, not checked here");
                self.say(Rule::UnknownAction, Severity::Note, span, message, None);
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
                    "conditions cannot limit an action {shown}: this never matches a request{nearest}"
                );
                // Without a provider it is no action of any service.
                let no_action = ours || !lower.starts_with("microsoft.");
                let severity = if no_action { Severity::Warning } else { Severity::Note };
                self.say(Rule::UnknownAction, severity, span, message, None);
            } else if let Some(role) = self.check.lint.role
                && !known.any(|action| role.allows(action.name))
            {
                let message = format!(
                    "the role {} does not have {shown}: this part does nothing",
                    role.name()
                );
                self.say(Rule::ActionNotInRole, Severity::Note, span, message, None);
            }
        }
    }

    fn suboperation(&mut self, span: Span, names: &[String]) {
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
                None => format!("; there are {}", SUBOPERATIONS.join(", ")),
            };
            let message = format!(
                "there is no suboperation {}: this never matches a request{hint}",
                quoted(name)
            );
            let text = self.check.text.get(span.start..span.end).unwrap_or_default();
            let repair =
                nearest.map(|known| self.check.spliced(span, &text.replacen(name, known, 1)));
            self.say(Rule::UnknownSuboperation, Severity::Error, span, message, repair);
        }
    }

    fn attribute(&mut self, expr: &Expr, span: Span, attribute: &Attribute) {
        let path = attribute.path();
        let Some(known) = Known::of(path) else {
            return self.unknown(span, attribute);
        };
        let key = path.get(known.path().len()..).unwrap_or_default().trim_end_matches(TAG_MARK);
        if key.contains(['<', '>']) {
            return self.placeholder(span, path);
        }
        if known == Known::Hns {
            let narrow = self.check.lint.scope.map(|scope| scope < ScopeLevel::ResourceGroup);
            let message = "only assignments on a resource group or above have isHnsEnabled; \
                on an account or a container remove it";
            match narrow {
                Some(false) => {}
                Some(true) => {
                    self.say(Rule::ScopeNotForAttribute, Severity::Error, span, message, None);
                }
                None => {
                    self.say(Rule::ScopeNotForAttribute, Severity::Warning, span, message, None);
                }
            }
        }
        if attribute.source() == Source::Principal {
            let severity = if self.check.lint.eligible { Severity::Error } else { Severity::Note };
            let message = "Privileged Identity Management takes no attributes of the principal; \
                such an assignment must be an active one, made without it";
            self.say(Rule::PimPrincipal, severity, span, message, None);
        }
        if known == Known::SubOperation {
            let repair = legacy_repair(self.check, expr);
            let message = "the spelling of the preview of 2021; write SubOperationMatches{'…'}";
            return self.say(Rule::LegacySpelling, Severity::Note, span, message, repair);
        }
        self.source(expr, span, attribute, known);
    }

    fn unknown(&mut self, span: Span, attribute: &Attribute) {
        let path = attribute.path();
        let shown = quoted(path);
        let source = attribute.source().as_str();
        let with = |path: &str| Some(self.check.spliced(span, &format!("@{source}[{path}]")));
        let decoded = path.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        if decoded != path {
            let message = format!(
                "{shown} has entities, as the source of web pages has them; write the characters themselves"
            );
            let repair = with(&decoded);
            return self.say(Rule::UnknownAttribute, Severity::Error, span, message, repair);
        }
        if let Some(right) = before_the_shell(path) {
            let message = format!(
                "a shell has replaced a `$…` in {shown}, or was to take an escape away; Azure answers that the attribute is not valid. Give the condition in a file, or between single quotes"
            );
            return self.say(Rule::ShellDollar, Severity::Error, span, message, with(&right));
        }
        if path.contains(['<', '>']) && !path.contains('$') {
            return self.placeholder(span, path);
        }
        if is_of_another_service(path) {
            let message = format!("{shown} is an attribute of another service, not checked here");
            return self.say(Rule::UnknownAttribute, Severity::Note, span, message, None);
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
            return self.say(Rule::UnsupportedProvider, Severity::Error, span, message, None);
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
        self.say(Rule::UnknownAttribute, Severity::Error, span, message, repair);
    }

    fn placeholder(&mut self, span: Span, text: &str) {
        let text = quoted(text);
        let message = format!("a placeholder was left in {text}; put the name in its place");
        self.say(Rule::Placeholder, Severity::Error, span, message, None);
    }

    /// Whether some action, on which this expression has an influence, has the attribute
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
                let text = self.check.text.get(span.start..span.end).unwrap_or_default();
                let repair = text.replacen(&attribute.to_string(), &right, 1);
                (format!("; write {}", quoted(&right)), Some(self.check.spliced(span, &repair)))
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
        self.say(Rule::SourceNotForAction, Severity::Error, span, message, repair);
    }

    fn comparison(&mut self, expr: &Expr, left: &Operand, operator: Operator, right: &Operand) {
        for (operand, other) in [(left, right), (right, left)] {
            let Some(attribute) = operand.attribute() else {
                self.values(operand, operator);
                continue;
            };
            self.attribute(expr, operand.span, attribute);
            let known = Known::of(attribute.path());
            for value in other.values().iter().filter_map(Value::text) {
                self.text_value(known, operator.base(), other.span, value);
            }
            let Some(known) = known else { continue };
            if !suits(known, operator) {
                let message = format!(
                    "{operator} does not compare {}; {}",
                    quoted(&attribute.to_string()),
                    suitable(known)
                );
                self.say(Rule::OperatorNotForAttribute, Severity::Error, expr.span, message, None);
            }
            if operator.base().is_negative() && known.is_optional() {
                self.negative(expr, attribute);
            }
        }
        self.vacuous(expr, left, operator, right);
    }

    fn negative(&mut self, expr: &Expr, attribute: &Attribute) {
        let asked = anywhere(
            self.check.root,
            |kind| matches!(kind, ExprKind::Exists(other) if other == attribute),
        );
        if !asked {
            let message = format!(
                "a request can come without {0}; whether this is then true is not documented, and it is best taken as denied. Say what is meant: add `OR NOT Exists {0}` or `AND Exists {0}`",
                quoted(&attribute.to_string()).trim_matches('`')
            );
            self.say(Rule::NegativeOnOptional, Severity::Note, expr.span, message, None);
        }
    }

    /// What a `NOT` is before; guards are negated too, and have no attributes
    fn negated(&mut self, part: &Expr) {
        let mut found = Vec::new();
        if !matches!(part.kind, ExprKind::Not(_)) {
            part.walk(&mut |expr| {
                if let ExprKind::Compare { operator, .. } = &expr.kind
                    && !operator.base().is_negative()
                {
                    let optional = |a: &&Attribute| {
                        Known::of(a.path()).is_some_and(|known| known.is_optional())
                    };
                    found.extend(expr.attributes().filter(optional).map(|a| (expr, a)));
                }
            });
        }
        for (expr, attribute) in found {
            self.negative(expr, attribute);
        }
    }

    fn vacuous(&mut self, expr: &Expr, left: &Operand, operator: Operator, right: &Operand) {
        if !operator.base().is_negative() {
            return;
        }
        let (left, right) = (differ(left.values()), differ(right.values()));
        let better = match operator.quantifier() {
            Some(Quantifier::AnyAny) if right => Quantifier::AnyAll,
            Some(Quantifier::AnyAny) if left => Quantifier::AllAny,
            Some(Quantifier::AllAny) if right => Quantifier::AllAll,
            Some(Quantifier::AnyAll) if left => Quantifier::AllAll,
            _ => return,
        };
        let right = format!("{}:{}", better.as_str(), operator.base().as_str());
        let true_of = match operator.base().relation() {
            Relation::Like => "true of all that does not fit every one of the patterns",
            _ => "always true: any value differs from one of two different ones",
        };
        let message = format!("{true_of}. For \"none of them\" write {right}");
        let text = self.check.text.get(expr.span.start..expr.span.end).unwrap_or_default();
        let repair = text.replacen(&operator.to_string(), &right, 1);
        let repair = Some(self.check.spliced(expr.span, &repair));
        self.say(Rule::NegatedAnyAny, Severity::Warning, expr.span, message, repair);
    }

    /// What the role can do around the condition
    fn role(&mut self) {
        let named = |suffix: &str| {
            anywhere(self.check.root, |kind| {
                matches!(kind, ExprKind::ActionMatches(patterns)
                    if patterns.iter().any(|pattern| star_matches(pattern, &format!("{BLOBS}{suffix}"))))
            })
        };
        let has = |suffix: &str| {
            self.check.lint.role.map(|role| role.allows(&format!("{BLOBS}{suffix}")))
        };
        let uses = |source: Option<Source>, known: Known| {
            let mut used = false;
            self.check.root.walk(&mut |expr| {
                used |= expr.attributes().any(|attribute| {
                    source.is_none_or(|source| attribute.source() == source)
                        && Known::of(attribute.path()) == Some(known)
                });
            });
            used
        };
        let writes = ["write", "add/action", "delete"].iter().any(|action| named(action));
        let owns = named("tags/write") || named("runAsSuperUser/action");
        let mut say = Vec::new();
        if has("runAsSuperUser/action") == Some(true)
            && !named("runAsSuperUser/action")
            && anywhere(self.check.root, |kind| matches!(kind, ExprKind::ActionMatches(_)))
        {
            let message = "the role has runAsSuperUser/action, which this condition does not name: \
                on accounts with a hierarchical namespace everything stays allowed";
            say.push((Rule::RunAsSuperuserMissing, Severity::Warning, message));
        }
        // Without a role the condition itself lets expect what it can do.
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
            let message = "who may write may also rename (move/action) files into or out of the path \
                on accounts with a hierarchical namespace; name that action too";
            say.push((Rule::MoveDefeatsPath, severity, message));
        }
        let tags = uses(Some(Source::Resource), Known::Tag)
            || uses(Some(Source::Resource), Known::TagKeys);
        if tags
            && !named("tags/write")
            && has("tags/write").unwrap_or(owns)
            && let Some(severity) = sure(has("tags/write"))
        {
            let message = "who may write tags (tags/write) can give a blob the tag that this asks for; \
                name that action too";
            say.push((Rule::TagWriteDefeatsTag, severity, message));
        }
        for (rule, severity, message) in say {
            self.say(rule, severity, self.check.root.span, message, None);
        }
    }
}

/// The path of which a shell has made this: it takes `$…` away, or keeps what escapes the `$`
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

/// Whether there are two different ones among the values
fn differ(values: &[Value]) -> bool {
    let lower = |value: &Value| value.to_string().to_lowercase();
    values.first().is_some_and(|first| values.iter().any(|value| lower(value) != lower(first)))
}

/// Whether an operator compares what the attribute holds
fn suits(known: Known, operator: Operator) -> bool {
    let value_type = operator.base().value_type();
    match known.holds() {
        Holds::Text => value_type == ValueType::String,
        Holds::TextOrTexts => {
            matches!(value_type, ValueType::String | ValueType::Integer | ValueType::Bool)
        }
        Holds::Texts => value_type == ValueType::String && operator.quantifier().is_some(),
        Holds::Bool => value_type == ValueType::Bool,
        Holds::Guid => value_type == ValueType::Guid,
        Holds::Time if known == Known::UtcNow => {
            matches!(operator.base(), Base::DateTimeGreaterThan | Base::DateTimeLessThan)
        }
        Holds::Time => value_type == ValueType::DateTime,
    }
}

fn suitable(known: Known) -> &'static str {
    match known.holds() {
        Holds::Text | Holds::TextOrTexts => "write one of the String operators",
        Holds::Texts => {
            "write a String operator with a quantifier, such as ForAnyOfAnyValues:StringEquals"
        }
        Holds::Bool => "write BoolEquals or BoolNotEquals",
        Holds::Guid => "write GuidEquals or GuidNotEquals",
        Holds::Time if known == Known::UtcNow => {
            "write DateTimeGreaterThan or DateTimeLessThan, the only two that it takes"
        }
        Holds::Time => "write one of the DateTime operators",
    }
}

/// The condition with SubOperationMatches in the place of the preview's spelling
fn legacy_repair(check: &Check<'_>, expr: &Expr) -> Option<String> {
    let ExprKind::Compare { operator, right, .. } = &expr.kind else { return None };
    let simple = !operator.base().is_negative()
        && operator.base().relation() == Relation::Equals
        && operator.quantifier() == Some(Quantifier::AnyAny);
    let names: Vec<_> = right.values().iter().filter_map(Value::text).collect();
    (simple && !names.is_empty()).then(|| {
        let names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
        check.spliced(expr.span, &format!("SubOperationMatches{{{}}}", names.join(", ")))
    })
}
