//! Role assignment conditions, version 2.0: the text that limits what a role allows.
//!
//! Reads, prints and evaluates the documented language (Microsoft Learn, "Azure role assignment
//! condition format and syntax"), offline. It knows nothing of storage or of connections.
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
//! assert!(!condition.allows(&read), "what cannot be decided is denied");
//! println!("{}", condition.print(Layout::Portal));
//! # Ok::<(), azure_asset_sync::condition::ParseError>(())
//! ```

mod ast;
mod catalog;
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

/// How many characters a condition may have: twice the 8 KB that Azure takes
///
/// A condition that was printed has more parentheses than it needs, and must be readable again.
/// [`Lint`] reports a text of more than 8 KB, whose unit Microsoft Learn, "FAQ for Azure role assignment
/// conditions", does not say. Reading, checking and evaluating take time in proportion to the length.
pub const MAX_LENGTH: usize = 16 << 10;

/// How many pairs of values two lists that stand in a comparison may make
///
/// Lists are compared with an attribute; one of the two is then no list of the text.
pub const MAX_PAIRS: usize = 256;

/// How deep `AND`, `OR` and `NOT` may nest in each other; the documentation names no limit
pub const MAX_DEPTH: usize = 32;

/// A condition, parsed
///
/// Two conditions are equal where they have the same structure, wherever their parts stand in the
/// text. Parentheses that change nothing are no part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    root: Expr,
}

impl Condition {
    /// The expression that it consists of
    pub fn root(&self) -> &Expr {
        &self.root
    }

    /// The text in a layout; [`Display`](fmt::Display) is [`Layout::OneLine`]
    pub fn print(&self, layout: Layout) -> String {
        print::print(&self.root, layout)
    }

    /// What it says, in plain words, a line for each clause and each limit
    pub fn explain(&self) -> String {
        explain::explain(&self.root)
    }

    /// Whether the condition lets a request through: only where it is true
    ///
    /// An attribute that the request has not makes its comparison neither true nor false, and what
    /// depends on it is denied (Kleene's three-valued logic).
    pub fn allows(&self, request: &Request) -> bool {
        self.evaluate(request) == Some(true)
    }

    /// Why a request is let through or stopped: the parts that decide it, in words
    ///
    /// Where one part is enough to decide, it is the first one.
    pub fn reason(&self, request: &Request) -> String {
        explain::reason(&self.root, request)
    }

    /// True, false, or `None` where it depends on what the request does not tell
    pub fn evaluate(&self, request: &Request) -> Option<bool> {
        eval::evaluate(&self.root, request)
    }

    /// The same, with what each part of the condition came to
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
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
