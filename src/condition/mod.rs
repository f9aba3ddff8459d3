//! Role assignment conditions, version 2.0: the text that limits what a role allows (attribute-based
//! access control, ABAC).
//!
//! The module parses, prints, explains, evaluates and checks conditions offline, by the documented
//! language (Microsoft Learn, "Azure role assignment condition format and syntax"). It does no I/O and
//! uses no store or connection.
//!
//! - [`Condition`] is a parsed condition. It decides about a [`Request`].
//! - [`Limit`] makes a condition from a container, a prefix and other limits.
//! - [`Lint`] finds mistakes, each with its place in the text and, if possible, a repaired text.
//!
//! # The language
//!
//! | construct | true if |
//! | --- | --- |
//! | `ActionMatches{'…/blobs/read'}` | the action matches one of the patterns, in which `*` is a wildcard |
//! | `SubOperationMatches{'Blob.List'}` | the request has one of these suboperations |
//! | `Exists @Request[path]` | the request has the attribute |
//! | `@Resource[path] StringEquals 'text'` | the attribute has this value |
//! | `@Resource[path] StringLike 'a/*'` | the attribute matches the pattern, with `*` and `?` |
//! | `@Resource[path] ForAnyOfAnyValues:StringEquals {'a', 'b'}` | the attribute has one of these values |
//! | `a AND b`, `a OR b`, `NOT a`, `(a)` | as usual; `&&`, `||` and `!` are short forms |
//!
//! A condition usually consists of clauses `(!(guard) OR (limits))` joined by `AND`. The guard names actions,
//! and the limits apply to these actions only, because the clause is true for all others.
//!
//! # Evaluation
//!
//! A comparison is true, false or undecided. It is undecided if the request lacks the attribute, or if a
//! value has another type than the operator compares. `AND` is false if one part is false, `OR` is true if
//! one part is true, and `NOT` keeps undecided. A request is allowed only if the whole condition is true.
//! Azure does not document the undecided cases, so this is the safe reading.
//!
//! ```
//! use azure_asset_sync::condition::{Condition, Layout, Request};
//!
//! let condition: Condition = "!(ActionMatches{'*/blobs/read'}) OR \
//!     @Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'c'"
//!     .parse()?;
//! let name = "Microsoft.Storage/storageAccounts/blobServices/containers:name";
//! let read = Request::new("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read");
//! assert!(condition.allows(&read.clone().resource(name, "c")));
//! assert!(!condition.allows(&read.clone().resource(name, "another")));
//! assert!(!condition.allows(&read), "undecided means denied");
//! println!("{}", condition.print(Layout::Portal));
//! # Ok::<(), azure_asset_sync::condition::ParseError>(())
//! ```

mod ast;
pub(crate) mod catalog;
mod error;
mod eval;
mod explain;
mod lexer;
mod limit;
mod lint;
mod operator;
mod parser;
mod print;
pub(crate) mod prove;
mod request;
mod role;
mod rule;
mod value;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) use self::request::read_stored_request;
pub use self::{
    ast::{Attribute, Expr, ExprKind, Operand, OperandKind, Source, Span},
    error::ParseError,
    eval::{Trace, TraceStep},
    limit::{Limit, MAX_MADE},
    lint::{Lint, LintFinding, ScopeLevel, Severity},
    operator::{Base, Operator, Quantifier, ValueType},
    print::Layout,
    request::{Request, Values},
    role::Role,
    rule::Rule,
    value::Value,
};

/// The largest number of characters that the parser accepts: twice the 8 KB that Azure accepts.
///
/// A printed condition has more parentheses than the text it was parsed from, and must be parseable
/// again. [`Lint`] reports a text of more than 8 KB. Microsoft Learn, "FAQ for Azure role assignment
/// conditions", does not say whether Azure counts bytes or characters. Parsing, checking and evaluating
/// take time proportional to the length.
pub const MAX_LENGTH: usize = 16 << 10;

/// The largest number of pairs that a comparison of two lists of values may have.
///
/// A useful comparison has an attribute on one side, so it has no pairs of this kind at all.
pub const MAX_PAIRS: usize = 256;

/// The deepest nesting of `AND`, `OR` and `NOT`. The documentation names no limit.
pub const MAX_DEPTH: usize = 32;

/// A parsed role assignment condition.
///
/// Two conditions are equal if they have the same structure. White space, positions and redundant
/// parentheses make no difference. In serde, a condition is its text.
///
/// ```
/// use azure_asset_sync::condition::{Condition, Request};
///
/// let text = "@Request[UtcNow] StringEquals 'x' AND ActionMatches{'*/read'}";
/// let condition: Condition = text.parse()?;
/// assert_eq!(condition.to_string(), text);
/// assert_eq!(condition.evaluate(&Request::new("a/write")), Some(false));
/// assert_eq!(condition.evaluate(&Request::new("a/read")), None, "the request has no UtcNow");
///
/// let error = "@Request[UtcNow] EndsWith 'x'".parse::<Condition>().unwrap_err();
/// assert_eq!((error.line(), error.column()), (1, 18));
/// println!("{error}\n{}", error.caret());
/// # Ok::<(), azure_asset_sync::condition::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    root: Expr,
}

impl Condition {
    /// Returns the expression tree.
    pub fn root(&self) -> &Expr {
        &self.root
    }

    /// Returns the condition as text; [`Display`](fmt::Display) is [`Layout::OneLine`].
    ///
    /// The result parses to an equal condition.
    pub fn print(&self, layout: Layout) -> String {
        print::print(&self.root, layout)
    }

    /// Describes the condition in plain words, with a line for each clause and each limit.
    ///
    /// ```
    /// use azure_asset_sync::{ContainerName, condition::Limit};
    ///
    /// let container: ContainerName = "training".parse()?;
    /// let text = Limit::container(&container).condition()?.explain();
    /// assert!(text.contains("the container's name is `training`"));
    /// # Ok::<(), azure_asset_sync::InvalidName>(())
    /// ```
    pub fn explain(&self) -> String {
        explain::explain(&self.root)
    }

    /// Returns whether the condition allows a request: only if it evaluates to true.
    ///
    /// A comparison is undecided if the request lacks the attribute. A request is denied if the result
    /// depends on such a comparison (Kleene's three-valued logic).
    pub fn allows(&self, request: &Request) -> bool {
        // Undecided is not true, so a request with a missing attribute is denied.
        self.evaluate(request) == Some(true)
    }

    /// Describes the parts of the condition that decide about a request.
    ///
    /// ```
    /// use azure_asset_sync::condition::{Condition, Request};
    ///
    /// let condition: Condition = "@Request[a] StringEquals 'x'".parse()?;
    /// let reason = condition.reason(&Request::new("a/read").request("a", "y"));
    /// assert!(reason.starts_with("not true"), "{reason}");
    /// # Ok::<(), azure_asset_sync::condition::ParseError>(())
    /// ```
    ///
    /// If one of several parts is enough, only the first such part is named.
    pub fn reason(&self, request: &Request) -> String {
        explain::reason(&self.root, request)
    }

    /// Evaluates the condition: true, false, or `None` if the result depends on an attribute that the
    /// request does not have.
    pub fn evaluate(&self, request: &Request) -> Option<bool> {
        eval::evaluate(&self.root, request)
    }

    /// Evaluates the condition and returns the result of each part.
    pub fn trace(&self, request: &Request) -> Trace {
        eval::trace(&self.root, request)
    }
}

impl FromStr for Condition {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parser::parse(text).map(|root| Self { root })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.print(Layout::OneLine))
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Parsing again keeps the limits on length and depth for conditions from outside.
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

crate::schema::schema_as!(Condition, String);
