//! A share of a container: names with a prefix, between bounds, in an order.

use serde::{Deserialize, Serialize};

use super::plan::Cut;
use crate::{
    error::{Error, ErrorKind},
    name::Prefix,
    store::NameOrder,
};

/// A part of a container: the names below a prefix, from a start to before an end
///
/// What a worker of several lists, what is left of a scan that was interrupted, and what is kept
/// as JSON between the two.
///
/// ```
/// use azure_asset_sync::{Prefix, scan::Shard, store::NameOrder};
///
/// let [low, high] = Shard::new(&Prefix::default()).cut_at("hall-07/");
/// assert!(low.has("hall-06/a.jpg", NameOrder::Bytes));
/// assert!(high.has("hall-07/a.jpg", NameOrder::Bytes));
/// assert_eq!(serde_json::to_string(&high).unwrap(), r#"{"prefix":"","start":"hall-07/"}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Shard {
    /// The start of its names, as a plain string prefix
    pub prefix: String,
    /// The first name that may be of it, inclusive
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// The first name that is of it no longer, exclusive
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// The last name that is done with: it goes on behind this one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The order of the listing, if a scan has found it out: another one begins with it, and compares
    /// the bounds by it
    ///
    /// With [`NameOrder::Unsorted`] `after` and `until` are places in the listing, wherever the service
    /// has these names, and `start` and `end` select names byte by byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<NameOrder>,
    /// In no known order: the name that is of it no longer, nor is what the service lists after it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

impl Shard {
    /// All names below a prefix
    pub fn new(prefix: &Prefix) -> Self {
        Self { prefix: prefix.as_str().to_owned(), ..Self::default() }
    }

    /// The names before a name, and those from it on
    #[must_use]
    pub fn cut_at(self, name: impl Into<String>) -> [Self; 2] {
        let name = name.into();
        let low = Self { end: Some(name.clone()), ..self.clone() };
        [low, Self { start: Some(name), ..self }]
    }

    /// Whether a name is of it and not done with, in a container that is listed in this order
    pub fn has(&self, name: &str, order: NameOrder) -> bool {
        name.starts_with(&self.prefix)
            && self.start.as_deref().is_none_or(|start| order.compare(name, start).is_ge())
            && self.after.as_deref().is_none_or(|after| order.compare(name, after).is_gt())
            && self.end.as_deref().is_none_or(|end| order.compare(name, end).is_lt())
    }

    /// Where its names begin in this order
    pub(super) fn first(&self, order: NameOrder) -> &str {
        // Without an order it says nothing of names what the listing had before them.
        let after = self.after.as_ref().filter(|_| order != NameOrder::Unsorted);
        let names = [Some(&self.prefix), self.start.as_ref(), after];
        names.into_iter().flatten().max_by(|a, b| order.compare(a, b)).map_or("", String::as_str)
    }

    /// Whether a scan has left it that relied on an order: then its bounds are names of the listing
    pub(super) fn is_left_in_order(&self) -> bool {
        self.order.is_some_and(|order| order != NameOrder::Unsorted)
    }

    /// What is left of it behind a name, in a listing in no known order
    pub(super) fn behind(&self, name: String) -> Self {
        let (after, order) = (Some(name), Some(NameOrder::Unsorted));
        match self.is_left_in_order() {
            true => {
                let (prefix, until) = (self.prefix.clone(), self.end.clone());
                Self { prefix, after, order, until, ..Self::default() }
            }
            false => Self { after, order, ..self.clone() },
        }
    }

    /// Whether it is all that its prefix has
    pub(super) fn is_whole(&self) -> bool {
        self.start.is_none() && self.end.is_none() && self.after.is_none()
    }

    /// Whether nothing of it is between two cuts
    pub(super) fn is_apart(&self, from: &Cut, to: &Cut, order: NameOrder) -> bool {
        let ends_before = match (from, &self.end) {
            (Cut::At(from) | Cut::Behind(from), Some(end)) => order.compare(end, from).is_le(),
            _ => false,
        };
        let begins_behind = match to {
            Cut::At(to) => order.compare(self.first(order), to).is_ge(),
            Cut::Behind(to) => order.compare(self.first(order), to).is_gt(),
            Cut::End => false,
        };
        ends_before || begins_behind
    }

    /// What of it is not between two cuts: before, and behind
    pub(super) fn without(&self, from: &Cut, to: &Cut, order: NameOrder) -> Vec<Self> {
        let mut left = Vec::new();
        let known = Self { order: Some(order), ..self.clone() };
        // What is before the first cut.
        if let Cut::At(name) | Cut::Behind(name) = from {
            let low = Self { end: Some(self.lesser_end(name, order)), ..known.clone() };
            if low.can_have_any(order) {
                left.push(low);
            }
        }
        let high = match to {
            Cut::End => None,
            Cut::At(name) => Some(Self { start: Some(self.greater_start(name, order)), ..known }),
            Cut::Behind(name) => {
                Some(Self { after: Some(self.greater_after(name, order)), ..known })
            }
        };
        left.extend(high.filter(|high| high.can_have_any(order)));
        left
    }

    fn lesser_end(&self, name: &str, order: NameOrder) -> String {
        match &self.end {
            Some(end) if order.compare(end, name).is_lt() => end.clone(),
            _ => name.to_owned(),
        }
    }

    fn greater_start(&self, name: &str, order: NameOrder) -> String {
        match &self.start {
            Some(start) if order.compare(start, name).is_gt() => start.clone(),
            _ => name.to_owned(),
        }
    }

    fn greater_after(&self, name: &str, order: NameOrder) -> String {
        match &self.after {
            Some(after) if order.compare(after, name).is_gt() => after.clone(),
            _ => name.to_owned(),
        }
    }

    /// Whether a name can be before the end at all
    pub(super) fn can_have_any(&self, order: NameOrder) -> bool {
        let Some(end) = &self.end else { return true };
        order.compare(self.first(order), end).is_lt()
    }
}

/// The order in which these shards are disjoint and have names: the likeliest of them
pub(super) fn order_of(shards: &[Shard]) -> Result<NameOrder, Error> {
    let mut known = shards.iter().filter_map(|shard| shard.order);
    if let Some(order) = known.clone().find(|order| *order == NameOrder::Unsorted).or(known.next())
    {
        return check_disjoint(shards, order).map(|()| order);
    }
    let orders = NameOrder::KNOWN.into_iter();
    let mut fitting = orders.filter(|order| {
        shards.iter().all(|shard| shard.can_have_any(*order))
            && check_disjoint(shards, *order).is_ok()
    });
    fitting
        .next()
        .map_or_else(|| check_disjoint(shards, NameOrder::Bytes).map(|()| NameOrder::Bytes), Ok)
}

/// That no name is of two shards
pub(super) fn check_disjoint(shards: &[Shard], order: NameOrder) -> Result<(), Error> {
    // In no known order what a scan has left is from one place in the listing to another.
    let is_by_name = |shard: &&Shard| order != NameOrder::Unsorted || shard.order.is_none();
    let shards = shards.iter().filter(is_by_name);
    let mut sorted: Vec<_> = shards.map(|shard| (shard.first(order), shard)).collect();
    sorted.sort_by(|(a, _), (b, _)| order.compare(a, b));
    for ((_, a), (start, b)) in sorted.iter().zip(sorted.iter().skip(1)) {
        let is_before_end = a.end.as_ref().is_none_or(|end| order.compare(start, end).is_lt());
        if start.starts_with(&a.prefix) && is_before_end {
            return Err(Error::new(
                ErrorKind::Config,
                format!("the shards {a:?} and {b:?} overlap; give each name to one of them"),
            ));
        }
    }
    Ok(())
}
