//! Prints a condition as text, in the layout of the Azure portal or on one line.
//!
//! The printed text parses to an equal condition. Parentheses are written wherever the documentation
//! calls a mix of operators ambiguous, so the text means the same to Azure and to its reader.

//!
//! ```text
//! (
//!  (
//!   !(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'})
//!  )
//!  OR
//!  (
//!   @Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'training'
//!  )
//! )
//! ```
use std::fmt::{self, Write as _};

use super::{Attribute, Expr, ExprKind, Operand, OperandKind, Value};

/// The layout of a printed condition.
///
/// ```
/// use azure_asset_sync::condition::{Condition, Layout};
///
/// let condition: Condition = "Exists @Request[a] OR Exists @Request[b]".parse()?;
/// let line = "((Exists @Request[a]) OR (Exists @Request[b]))";
/// assert_eq!(condition.print(Layout::OneLine), line);
/// assert_eq!(condition.print(Layout::Portal).lines().count(), 9);
/// # Ok::<(), azure_asset_sync::condition::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layout {
    /// On several lines, indented as in the Azure portal.
    Portal,
    /// On one line, for command lines and templates.
    OneLine,
}

/// Prints an expression.
pub(super) fn print(expr: &Expr, layout: Layout) -> String {
    let mut out = String::new();
    match layout {
        Layout::OneLine => inline(&mut out, expr),
        Layout::Portal => {
            block(&mut out, expr, 0);
            // Each line ends with a line feed, the text does not.
            out.pop();
        }
    }
    out
}

/// Prints on one line.
///
/// Each part of an `OR` and each nested mix is put in parentheses, because the documentation calls `AND`
/// next to `OR` without parentheses ambiguous.
fn inline(out: &mut String, expr: &Expr) {
    match &expr.kind {
        ExprKind::Or(parts) => {
            out.push('(');
            for (n, part) in parts.iter().enumerate() {
                out.push_str(if n > 0 { " OR " } else { "" });
                // `OR` in `OR` needs no parentheses of its own: `inline` writes them around every `OR`.
                match part.kind {
                    ExprKind::Or(_) => inline(out, part),
                    _ => parenthesised(out, part),
                }
            }
            out.push(')');
        }
        ExprKind::And(parts) => {
            for (n, part) in parts.iter().enumerate() {
                out.push_str(if n > 0 { " AND " } else { "" });
                match part.kind {
                    // Without parentheses, an `AND` in an `AND` would be parsed as one list and no longer be equal.
                    ExprKind::And(_) => parenthesised(out, part),
                    _ => inline(out, part),
                }
            }
        }
        ExprKind::Not(part) => match part.kind {
            // The documentation writes `NOT` before these two without parentheses.
            ExprKind::SubOperationMatches(_) | ExprKind::Exists(_) => {
                out.push_str("NOT ");
                inline(out, part);
            }
            ExprKind::Or(_) => {
                out.push('!');
                inline(out, part);
            }
            _ => {
                out.push('!');
                parenthesised(out, part);
            }
        },
        ExprKind::ActionMatches(patterns) => function(out, "ActionMatches", patterns),
        ExprKind::SubOperationMatches(names) => function(out, "SubOperationMatches", names),
        ExprKind::Exists(attribute) => put(out, format_args!("Exists {attribute}")),
        ExprKind::Compare { left, operator, right } => {
            put(out, format_args!("{left} {operator} {right}"));
        }
    }
}

/// Prints an expression in parentheses.
fn parenthesised(out: &mut String, expr: &Expr) {
    out.push('(');
    inline(out, expr);
    out.push(')');
}

/// Prints a function with its texts in braces.
fn function(out: &mut String, name: &str, texts: &[String]) {
    let texts: Vec<_> = texts.iter().map(|text| format!("'{text}'")).collect();
    put(out, format_args!("{name}{{{}}}", texts.join(", ")));
}

/// Prints one line for each parenthesis, operator and comparison, indented by one space for each level.
fn block(out: &mut String, expr: &Expr, level: usize) {
    match &expr.kind {
        ExprKind::Or(parts) => {
            line(out, level, "(");
            for (n, part) in parts.iter().enumerate() {
                if n > 0 {
                    line(out, level + 1, "OR");
                }
                match part.kind {
                    ExprKind::Or(_) => block(out, part, level + 1),
                    _ => {
                        line(out, level + 1, "(");
                        block(out, part, level + 2);
                        line(out, level + 1, ")");
                    }
                }
            }
            line(out, level, ")");
        }
        ExprKind::And(parts) => {
            for (n, part) in parts.iter().enumerate() {
                if n > 0 {
                    line(out, level, "AND");
                }
                match part.kind {
                    ExprKind::And(_) => {
                        line(out, level, "(");
                        block(out, part, level + 1);
                        line(out, level, ")");
                    }
                    _ => block(out, part, level),
                }
            }
        }
        _ => {
            let mut text = String::new();
            inline(&mut text, expr);
            line(out, level, &text);
        }
    }
}

/// Prints a line with its indentation.
fn line(out: &mut String, level: usize, text: &str) {
    put(out, format_args!("{:level$}{text}\n", ""));
}

/// Appends formatted text.
fn put(out: &mut String, text: fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _ = out.write_fmt(text);
}

/// `@Source[path]`, as in a condition.
impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}[{}]", self.source().as_str(), self.path())
    }
}

/// The operand as in a condition.
impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            OperandKind::Attribute(attribute) => attribute.fmt(f),
            OperandKind::Value(value) => value.fmt(f),
            OperandKind::List(values) => {
                f.write_str("{")?;
                for (n, value) in values.iter().enumerate() {
                    f.write_str(if n > 0 { ", " } else { "" })?;
                    value.fmt(f)?;
                }
                f.write_str("}")
            }
        }
    }
}

/// The value as in a condition; text is in single quotes.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Numbers, truth values and GUIDs stand without quotes.
            Self::Bool(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Guid(guid) => f.write_str(guid),
        }
    }
}
