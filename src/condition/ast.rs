//! The expression tree of a condition, each node with its place in the text.

use serde::{Deserialize, Serialize};

use super::{Operator, Value};

/// A range of bytes of the parsed text.
///
/// ```
/// use azure_asset_sync::condition::Condition;
///
/// let text = "NOT (ActionMatches{'*/read'})";
/// let condition: Condition = text.parse()?;
/// let span = condition.root().span;
/// assert_eq!(&text[span.start..span.end], text);
/// # Ok::<(), azure_asset_sync::condition::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

impl Span {
    /// Returns the range from the start of this one to the end of another.
    pub(super) fn to(self, end: Self) -> Self {
        Self { start: self.start, end: end.end }
    }
}

/// An expression and its place in the text.
///
/// Comparison ignores the place and the parentheses.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Expr {
    /// The expression itself.
    pub kind: ExprKind,
    /// The place in the text, including parentheses around the expression.
    pub span: Span,
    /// Whether the expression is enclosed in parentheses.
    pub in_parentheses: bool,
}

impl Expr {
    /// Calls `visit` for this expression and for each expression within it, parents first.
    pub(super) fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        visit(self);
        match &self.kind {
            ExprKind::And(parts) | ExprKind::Or(parts) => {
                parts.iter().for_each(|part| part.walk(visit));
            }
            ExprKind::Not(part) => part.walk(visit),
            // The other kinds have no nested expressions.
            _ => {}
        }
    }

    /// The attributes that this node compares or tests, without those of nested expressions.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        // A condition rarely has more than two attributes in one comparison, so an array will do.
        let operands = match &self.kind {
            ExprKind::Exists(attribute) => [Some(attribute), None],
            ExprKind::Compare { left, right, .. } => [left.attribute(), right.attribute()],
            _ => [None, None],
        };
        operands.into_iter().flatten()
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        // Equality of the text's structure: the place and the parentheses do not count.
        self.kind == other.kind
    }
}

/// The kinds of expressions.
///
/// ```
/// use azure_asset_sync::condition::{Condition, ExprKind};
///
/// let condition: Condition = "NOT (Exists @Request[a] AND Exists @Request[b])".parse()?;
/// let ExprKind::Not(inner) = &condition.root().kind else { panic!("{condition}") };
/// assert!(matches!(&inner.kind, ExprKind::And(parts) if parts.len() == 2));
/// # Ok::<(), azure_asset_sync::condition::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ExprKind {
    /// `a AND b`: two or more parts.
    And(Vec<Expr>),
    /// `a OR b`: two or more parts.
    Or(Vec<Expr>),
    /// `NOT a`, also written `!a`.
    Not(Box<Expr>),
    /// `ActionMatches{'pattern', …}`: one of the patterns matches the action.
    ActionMatches(Vec<String>),
    /// `SubOperationMatches{'name', …}`: one of the names is a suboperation of the request.
    SubOperationMatches(Vec<String>),
    /// `Exists @Source[path]`: the request has the attribute.
    Exists(Attribute),
    /// `left operator right`.
    Compare {
        /// The left side.
        left: Operand,
        /// The operator between the two sides.
        operator: Operator,
        /// The right side.
        right: Operand,
    },
}

/// One side of a comparison and its place in the text.
///
/// Comparison ignores the place.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Operand {
    /// The operand itself.
    pub kind: OperandKind,
    /// The place in the text.
    pub span: Span,
}

impl Operand {
    /// Returns the attribute, or `None` for values.
    pub(super) fn attribute(&self) -> Option<&Attribute> {
        match &self.kind {
            OperandKind::Attribute(attribute) => Some(attribute),
            _ => None,
        }
    }

    /// Returns the values, or nothing for an attribute.
    pub(super) fn values(&self) -> &[Value] {
        match &self.kind {
            OperandKind::Value(value) => std::slice::from_ref(value),
            OperandKind::List(values) => values,
            OperandKind::Attribute(_) => &[],
        }
    }
}

impl PartialEq for Operand {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// The kinds of operands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OperandKind {
    /// `@Source[path]`.
    Attribute(Attribute),
    /// `'text'`, `10`, `true`, or a GUID without quotes.
    Value(Value),
    /// `{a, b}`.
    List(Vec<Value>),
}

/// An attribute of a request, of its resource, its principal or its environment.
///
/// ```
/// use azure_asset_sync::condition::{Condition, ExprKind, Source};
///
/// let condition: Condition = "Exists @Environment[UtcNow]".parse()?;
/// if let ExprKind::Exists(attribute) = &condition.root().kind {
///     assert_eq!((attribute.source(), attribute.path()), (Source::Environment, "UtcNow"));
/// }
/// # Ok::<(), azure_asset_sync::condition::ParseError>(())
/// ```
///
/// Paths are case-insensitive, except for the keys of index tags. Equality compares them as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attribute {
    source: Source,
    path: String,
    /// The path in the letter case of [`key_of`](Self::key_of), computed once for the evaluation.
    key: String,
}

impl Attribute {
    /// Makes the attribute `@source[path]`.
    pub(super) fn new(source: Source, path: &str) -> Self {
        Self { source, path: path.to_owned(), key: Self::key_of(path) }
    }

    /// Returns a path in lower case, except for the key of an index tag, which is case-sensitive.
    pub(super) fn key_of(path: &str) -> String {
        // Split at the first colon, because keys may contain colons.
        match path.split_once(':') {
            // A key that is case-sensitive is kept as written, or requests would find another tag.
            Some((head, key)) if key.ends_with("<$key_case_sensitive$>") => {
                format!("{}:{key}", head.to_ascii_lowercase())
            }
            _ => path.to_ascii_lowercase(),
        }
    }

    /// Returns whose attribute this is.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Returns the path as written between the brackets.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the path under which a request stores the attribute's values.
    pub(super) fn key(&self) -> &str {
        &self.key
    }
}

/// The source of an attribute.
///
/// The enum is exhaustive: the language has these four sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The principal that makes the request.
    Principal,
    /// The request itself, for example the prefix of a listing.
    Request,
    /// The resource that the request accesses.
    Resource,
    /// The environment: the network path and the time of the request.
    Environment,
}

impl Source {
    /// All sources.
    pub(super) const ALL: [Self; 4] =
        [Self::Principal, Self::Request, Self::Resource, Self::Environment];

    /// Returns the source as written after the `@`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Principal => "Principal",
            Self::Request => "Request",
            Self::Resource => "Resource",
            Self::Environment => "Environment",
        }
    }
}
