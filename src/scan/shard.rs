//! Shards: shares of a container that a scan lists, and that remain after an interrupted scan.
//!
//! A [`Shard`] is a value that callers store and send between machines. It states its bounds as names;
//! comparing them needs the order of the listing, which a shard may or may not know. In no known order the
//! bounds of a shard that remains from a scan are positions in the listing instead.

use serde::{Deserialize, Serialize};

use super::interval::{Bound, NameRange, greater_name, lesser_name};
use crate::{
    error::{Error, ErrorKind},
    name::Prefix,
    store::NameOrder,
};

/// A part of a container: the names with a prefix, from a start to before an end.
///
/// Shards divide one container among several workers, and describe what an interrupted scan has yet to
/// list. Their JSON form is stable, so they can be stored as a checkpoint between the two.
///
/// Unlike other stored values, a shard with an unknown field or order is refused: a bound that this version
/// of the crate does not understand would make a scan miss names.
///
/// ```
/// use azure_asset_sync::{Prefix, scan::Shard, store::NameOrder};
///
/// let [low, high] = Shard::new(&Prefix::default()).cut_at("hall-07/");
/// assert!(low.has("hall-06/a.jpg", NameOrder::Bytes));
/// assert!(high.has("hall-07/a.jpg", NameOrder::Bytes));
/// assert_eq!(serde_json::to_string(&high).unwrap(), r#"{"prefix":"","start":"hall-07/"}"#);
/// ```
#[doc(alias = "checkpoint")]
#[doc(alias = "partition")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Shard {
    /// The prefix of all its names, compared as a plain string.
    pub prefix: String,
    /// The lower bound of its names, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// The upper bound of its names, exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// The last name that an earlier scan has finished; the shard continues after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The order of the listing, if a scan has found it out.
    ///
    /// The next scan starts with this order and compares the bounds by it. With
    /// [`NameOrder::Unsorted`], `after` and `until` are positions in the listing, wherever the service
    /// lists these names, and `start` and `end` select names byte by byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<NameOrder>,
    /// In no known order: the name at which the shard ends. Neither this name nor anything that the
    /// service lists after it belongs to the shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

impl Shard {
    /// Returns the shard of all names with a prefix.
    pub fn new(prefix: &Prefix) -> Self {
        Self { prefix: prefix.as_str().to_owned(), ..Self::default() }
    }

    /// Returns one shard for each of these ranges of names with a prefix.
    #[cfg(feature = "sync")]
    pub(crate) fn of_ranges(prefix: &str, ranges: &[NameRange]) -> Vec<Self> {
        let shard = |range: &NameRange| {
            let mut shard = Self { prefix: prefix.to_owned(), ..Self::default() };
            match range.from() {
                Bound::Before(name) if name == prefix => {}
                Bound::Before(name) => shard.start = Some(name.clone()),
                Bound::After(name) => shard.after = Some(name.clone()),
                Bound::End => {}
            }
            shard.end = match range.to() {
                Bound::Before(name) => Some(name.clone()),
                // No blob name contains a NUL, so this is the first possible name after `name`.
                Bound::After(name) => Some(format!("{name}\0")),
                Bound::End => None,
            };
            shard
        };
        ranges.iter().map(shard).collect()
    }

    /// Splits the shard into the names before a name, and the names from that name on.
    ///
    /// One of the two is empty if the name lies outside the shard.
    #[must_use]
    pub fn cut_at(self, name: impl Into<String>) -> [Self; 2] {
        let name = name.into();
        let low = Self { end: Some(name.clone()), ..self.clone() };
        [low, Self { start: Some(name), ..self }]
    }

    /// Returns whether a name belongs to the shard and is not finished, if the container is listed in
    /// this order.
    pub fn has(&self, name: &str, order: NameOrder) -> bool {
        name.starts_with(&self.prefix)
            && self.start.as_deref().is_none_or(|start| order.compare(name, start).is_ge())
            && self.after.as_deref().is_none_or(|after| order.compare(name, after).is_gt())
            && self.end.as_deref().is_none_or(|end| order.compare(name, end).is_lt())
    }

    /// Returns the greatest of the lower bounds, at which the names begin in this order.
    ///
    /// The prefix is one of them, because a shard may have a start before its prefix.
    pub(super) fn first(&self, order: NameOrder) -> &str {
        // In no known order `after` is a position in the listing, and does not bound names.
        let after = self.after.as_ref().filter(|_| order != NameOrder::Unsorted);
        let names = [Some(&self.prefix), self.start.as_ref(), after];
        names.into_iter().flatten().max_by(|a, b| order.compare(a, b)).map_or("", String::as_str)
    }

    /// Returns whether the shard remains from a scan that relied on an order, so that its bounds are
    /// names that the service has listed.
    pub(super) fn is_from_ordered_scan(&self) -> bool {
        self.order.is_some_and(|order| order != NameOrder::Unsorted)
    }

    /// Returns what remains after a name in a listing in no known order.
    ///
    /// A shard that remains from an ordered scan has bounds that the service has listed, so its end
    /// becomes a position. The end of any other shard still selects names.
    pub(super) fn resumed_after(&self, name: String) -> Self {
        let (after, order) = (Some(name), Some(NameOrder::Unsorted));
        match self.is_from_ordered_scan() {
            true => {
                let (prefix, until) = (self.prefix.clone(), self.end.clone());
                Self { prefix, after, order, until, ..Self::default() }
            }
            false => Self { after, order, ..self.clone() },
        }
    }

    /// Returns whether the shard has no bounds besides its prefix.
    pub(super) fn is_whole_prefix(&self) -> bool {
        self.start.is_none() && self.end.is_none() && self.after.is_none()
    }

    /// Returns whether the shard has no name in a range.
    pub(super) fn is_apart(&self, range: &NameRange, order: NameOrder) -> bool {
        let end = self.end.as_deref().map_or(Bound::End, Bound::Before);
        let ends_before = range.from() != &Bound::End && end.compare(range.from(), order).is_le();
        ends_before || range.to().is_before(self.first(order), order)
    }

    /// Returns the parts of the shard before and after a range, without the empty ones.
    ///
    /// The parts record the order, so that a later scan compares their bounds as this one did.
    pub(super) fn without(&self, range: &NameRange, order: NameOrder) -> Vec<Self> {
        let known = Self { order: Some(order), ..self.clone() };
        // The name that the lower bound touches is excluded even if the bound comes after that name:
        // a page starts after a name only if an earlier page has finished the name.
        let low = range.from().name().map(|name| Self {
            end: Some(lesser_name(self.end.as_deref(), name, order)),
            ..known.clone()
        });
        let high = match range.to() {
            Bound::End => None,
            Bound::Before(name) => Some(Self {
                start: Some(greater_name(self.start.as_deref(), name, order)),
                ..known
            }),
            Bound::After(name) => Some(Self {
                after: Some(greater_name(self.after.as_deref(), name, order)),
                ..known
            }),
        };
        low.into_iter().chain(high).filter(|part| part.can_have_names(order)).collect()
    }

    /// Returns whether the lower bounds come before the end.
    pub(super) fn can_have_names(&self, order: NameOrder) -> bool {
        self.end.as_ref().is_none_or(|end| order.compare(self.first(order), end).is_lt())
    }
}

/// Returns the order to assume for these shards: the order that one of them knows, or else the
/// likeliest order in which they are disjoint and can have names.
///
/// # Errors
/// [`ErrorKind::Config`] if the shards overlap.
pub(super) fn order_of(shards: &[Shard]) -> Result<NameOrder, Error> {
    let mut known = shards.iter().filter_map(|shard| shard.order);
    if let Some(order) = known.clone().find(|order| *order == NameOrder::Unsorted).or(known.next())
    {
        return check_disjoint(shards, order).map(|()| order);
    }
    let orders = NameOrder::KNOWN.into_iter();
    // A shard without names would not have been made, so an order in which one is empty is unlikely.
    let mut fitting = orders.filter(|order| {
        shards.iter().all(|shard| shard.can_have_names(*order))
            && check_disjoint(shards, *order).is_ok()
    });
    fitting
        .next()
        .map_or_else(|| check_disjoint(shards, NameOrder::Bytes).map(|()| NameOrder::Bytes), Ok)
}

/// Checks that no name belongs to two shards.
///
/// # Errors
/// [`ErrorKind::Config`] if two shards overlap in this order.
pub(super) fn check_disjoint(shards: &[Shard], order: NameOrder) -> Result<(), Error> {
    // In no known order, the shards that remain from a scan are stretches of the listing, and names do
    // not tell whether they overlap.
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
