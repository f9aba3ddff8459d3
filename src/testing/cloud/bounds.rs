//! Where a listing begins and ends: `startFrom` and `endBefore`.

use std::cmp::Ordering;

use super::{
    Quirk, Refusal, State,
    behavior::{MisplacedStart, ReversedRange, StartFrom},
    request::BlobRequest,
    unicode_marks::is_mark_or_modifier,
};
use crate::store::NameOrder;

/// The names that `startFrom` and `endBefore` leave
pub(super) struct Bounds<'a> {
    order: NameOrder,
    start: Start<'a>,
    end: Option<&'a str>,
}

enum Start<'a> {
    Anywhere,
    At(&'a str),
    After(&'a str),
    /// After all names that begin so
    AfterAll(&'a str),
}

impl<'a> Bounds<'a> {
    /// The bounds that a request asks for
    pub(super) fn of(request: &'a BlobRequest<'_>, state: &State) -> Result<Self, Refusal> {
        let behavior = &state.behavior;
        let order = behavior.order;
        let (prefix, start) = (request.text("prefix"), request.text("startFrom"));
        let end = Some(request.text("endBefore")).filter(|end| !end.is_empty());
        if behavior.start_from == StartFrom::Ignored {
            return Ok(Self { order, start: Start::Anywhere, end: None });
        }
        let fold = |name: &str| match state.has(Quirk::CaseSensitiveBounds) {
            true => name.to_owned(),
            false => name.to_lowercase(),
        };
        // The service validates the pair without regard to case, and lists with regard to it.
        if let Some(end) = end
            && !start.is_empty()
            && order.compare(&fold(end), &fold(start)) != Ordering::Greater
        {
            return Err(reversed(behavior.reversed_range, end));
        }
        let misplaced = start
            .strip_prefix(prefix)
            .and_then(|rest| rest.chars().next())
            .filter(|c| is_mark_or_modifier(*c) && !state.has(Quirk::StartAtMarks));
        let start = match (misplaced, behavior.misplaced_start, behavior.start_from) {
            _ if start.is_empty() => Start::Anywhere,
            (Some(_), MisplacedStart::Earlier, _) => Start::Anywhere,
            (Some(c), MisplacedStart::Later, _) => {
                Start::AfterAll(start.get(..prefix.len() + c.len_utf8()).unwrap_or(start))
            }
            (None, _, StartFrom::Exclusive) => Start::After(start),
            (None, ..) => Start::At(start),
        };
        Ok(Self { order, start, end })
    }

    /// A name that no listed name comes before; empty for none
    pub(super) fn first(&self) -> &'a str {
        match self.start {
            Start::Anywhere => "",
            Start::At(name) | Start::After(name) | Start::AfterAll(name) => name,
        }
    }

    /// Whether a name is within the bounds
    pub(super) fn allow(&self, name: &str) -> bool {
        let compare = |other| self.order.compare(name, other);
        let has_begun = match self.start {
            Start::Anywhere => true,
            Start::At(first) => compare(first) != Ordering::Less,
            Start::After(first) => compare(first) == Ordering::Greater,
            Start::AfterAll(head) => compare(head) == Ordering::Greater && !name.starts_with(head),
        };
        has_begun && self.end.is_none_or(|end| compare(end) == Ordering::Less)
    }
}

fn reversed(code: ReversedRange, end: &str) -> Refusal {
    let code = match code {
        ReversedRange::InvalidQueryParameterValue => "InvalidQueryParameterValue",
        ReversedRange::OutOfRangeQueryParameterValue => "OutOfRangeQueryParameterValue",
        ReversedRange::InvalidInput => "InvalidInput",
    };
    Refusal::new(400, code).parameter("endBefore", end)
}
