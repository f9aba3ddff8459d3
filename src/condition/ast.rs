//! The parts that a condition consists of, each with its place in the text.

use super::{Operator, Value};

/// A range of bytes of the text
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte
    pub start: usize,
    /// The byte behind the last
    pub end: usize,
}

impl Span {
    pub(super) fn to(self, end: Self) -> Self {
        Self { start: self.start, end: end.end }
    }
}

/// An expression, and where it stands
///
/// Equal to another with the same structure, wherever that stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Expr {
    /// What it is
    pub kind: ExprKind,
    /// Where it stands, parentheses around it included
    pub span: Span,
    /// Whether parentheses are around it
    pub in_parentheses: bool,
}

impl Expr {
    /// Calls with this expression and each within it
    pub(super) fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        visit(self);
        match &self.kind {
            ExprKind::And(parts) | ExprKind::Or(parts) => {
                parts.iter().for_each(|part| part.walk(visit));
            }
            ExprKind::Not(part) => part.walk(visit),
            _ => {}
        }
    }

    /// The attributes that stand in it, without those of expressions within it
    pub(super) fn attributes(&self) -> impl Iterator<Item = &Attribute> {
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
        self.kind == other.kind
    }
}

/// The kinds of expressions
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ExprKind {
    /// `a AND b`, two or more
    And(Vec<Expr>),
    /// `a OR b`, two or more
    Or(Vec<Expr>),
    /// `NOT a`
    Not(Box<Expr>),
    /// `ActionMatches{'pattern', …}`: any of them
    ActionMatches(Vec<String>),
    /// `SubOperationMatches{'name', …}`: any of them
    SubOperationMatches(Vec<String>),
    /// `Exists @Source[path]`
    Exists(Attribute),
    /// `left operator right`
    Compare {
        /// The left side
        left: Operand,
        /// What is compared, and how; it stands between the two sides
        operator: Operator,
        /// The right side
        right: Operand,
    },
}

/// One side of a comparison, and where it stands
///
/// Equal to another with the same content, wherever that stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Operand {
    /// What it is
    pub kind: OperandKind,
    /// Where it stands
    pub span: Span,
}

impl Operand {
    /// The attribute, where it is one
    pub(super) fn attribute(&self) -> Option<&Attribute> {
        match &self.kind {
            OperandKind::Attribute(attribute) => Some(attribute),
            _ => None,
        }
    }

    /// The values, where it is none
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

/// The kinds of operands
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OperandKind {
    /// `@Source[path]`
    Attribute(Attribute),
    /// `'text'`, `10`, `true`, or a bare GUID
    Value(Value),
    /// `{a, b}`
    List(Vec<Value>),
}

/// What a request tells about itself or about what it is for
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attribute {
    source: Source,
    path: String,
    /// The path by which requests find it, made once
    key: String,
}

impl Attribute {
    pub(super) fn new(source: Source, path: &str) -> Self {
        Self { source, path: path.to_owned(), key: Self::key_of(path) }
    }

    /// A path in the letter case by which attributes are found: any, but for the keys of tags
    pub(super) fn key_of(path: &str) -> String {
        // The first: keys may have colons of their own.
        match path.split_once(':') {
            Some((head, key)) if key.ends_with("<$key_case_sensitive$>") => {
                format!("{}:{key}", head.to_ascii_lowercase())
            }
            _ => path.to_ascii_lowercase(),
        }
    }

    /// Whose it is
    pub fn source(&self) -> Source {
        self.source
    }

    /// Its path, as written between the brackets
    pub fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }
}

/// Whose attribute it is
///
/// Deliberately complete: the language has these four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Of who asks
    Principal,
    /// Of what is asked
    Request,
    /// Of what it is asked of
    Resource,
    /// Of the way that the request came
    Environment,
}

impl Source {
    pub(super) const ALL: [Self; 4] =
        [Self::Principal, Self::Request, Self::Resource, Self::Environment];

    /// The source as it is written behind the `@`
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Principal => "Principal",
            Self::Request => "Request",
            Self::Resource => "Resource",
            Self::Environment => "Environment",
        }
    }
}
