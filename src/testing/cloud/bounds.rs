//! Where a listing begins and ends: `startFrom` and `endBefore`.

use std::cmp::Ordering;

use super::{
    behavior::{MisplacedStart, ReversedRange, StartFrom},
    quirk::Quirk,
    refusal::Refusal,
    request::BlobRequest,
    state::State,
    unicode_marks::is_mark_or_modifier,
};
use crate::store::NameOrder;

/// The range of names that `startFrom` and `endBefore` select.
pub(super) struct Bounds<'a> {
    order: NameOrder,
    start: Start<'a>,
    end: Option<&'a str>,
}

/// The lower bound.
enum Start<'a> {
    /// No lower bound.
    Anywhere,
    /// This name and later ones.
    At(&'a str),
    /// Names after this one.
    After(&'a str),
    /// Names after all names with this prefix.
    AfterPrefix(&'a str),
}

impl<'a> Bounds<'a> {
    /// Returns the bounds of a request.
    ///
    /// # Errors
    /// Fails with 400 if `endBefore` is not after `startFrom`.
    pub(super) fn of(request: &'a BlobRequest<'_>, state: &State) -> Result<Self, Refusal> {
        let behavior = state.behavior();
        let order = behavior.order;
        let (prefix, start) = (request.text("prefix"), request.text("startFrom"));
        // An empty bound is no bound.
        let end = Some(request.text("endBefore")).filter(|end| !end.is_empty());
        if behavior.start_from == StartFrom::Ignored {
            return Ok(Self { order, start: Start::Anywhere, end: None });
        }
        let fold = |name: &str| match state.has(Quirk::CaseSensitiveBounds) {
            true => name.to_owned(),
            false => name.to_lowercase(),
        };
        // The service compares the two without regard to case here, and with regard to it in
        // listings.
        if let Some(end) = end
            && !start.is_empty()
            && order.compare(&fold(end), &fold(start)) != Ordering::Greater
        {
            return Err(reversed(behavior.reversed_range, end));
        }
        // Only if the bound is within the prefix. Other bounds are before or after all names.
        let misplaced = start
            .strip_prefix(prefix)
            .and_then(|rest| rest.chars().next())
            .filter(|c| is_mark_or_modifier(*c) && !state.has(Quirk::StartAtMarks));
        let start = match (misplaced, behavior.misplaced_start, behavior.start_from) {
            // An empty `startFrom` is an absent one, whatever the behavior is.
            _ if start.is_empty() => Start::Anywhere,
            (Some(_), MisplacedStart::Earlier, _) => Start::Anywhere,
            (Some(c), MisplacedStart::Later, _) => {
                Start::AfterPrefix(start.get(..prefix.len() + c.len_utf8()).unwrap_or(start))
            }
            (None, _, StartFrom::Exclusive) => Start::After(start),
            (None, ..) => Start::At(start),
        };
        Ok(Self { order, start, end })
    }

    /// Returns a name that is not after any listed name; empty if there is no lower bound.
    pub(super) fn first(&self) -> &'a str {
        match self.start {
            Start::Anywhere => "",
            Start::At(name) | Start::After(name) | Start::AfterPrefix(name) => name,
        }
    }

    /// Returns whether a name is within the bounds.
    pub(super) fn allow(&self, name: &str) -> bool {
        let compare = |other| self.order.compare(name, other);
        let has_begun = match self.start {
            Start::Anywhere => true,
            Start::At(first) => compare(first) != Ordering::Less,
            Start::After(first) => compare(first) == Ordering::Greater,
            Start::AfterPrefix(head) => {
                compare(head) == Ordering::Greater && !name.starts_with(head)
            }
        };
        has_begun && self.end.is_none_or(|end| compare(end) == Ordering::Less)
    }
}

/// Returns the refusal of an `endBefore` that is not after `startFrom`.
fn reversed(code: ReversedRange, end: &str) -> Refusal {
    let code = match code {
        ReversedRange::InvalidQueryParameterValue => "InvalidQueryParameterValue",
        ReversedRange::OutOfRangeQueryParameterValue => "OutOfRangeQueryParameterValue",
        ReversedRange::InvalidInput => "InvalidInput",
    };
    Refusal::new(400, code).parameter("endBefore", end)
}
