//! Why the scanner stops before the end of the text it was given.
//!
//! The scanner, its templates and the readers of elements share this error type. It carries no text
//! of the page, so that nothing of a listing can leak into a message.

use super::limits::Limit;

/// Why the scanner stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The text ends within an element; more of the page is needed.
    NeedMore,
    /// The page has a form that Azure does not write; the XML reader reads the rest.
    Fallback,
    /// The page exceeds a limit.
    OverLimit(Limit),
}
