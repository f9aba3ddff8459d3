//! Random samples that do not depend on the order in which names come.
//!
//! Each name gets a number, its hash. The names with the least numbers are a random sample of all names,
//! and are found in one pass with memory for the sample alone.

use std::collections::BTreeMap;

use crate::validate::Fnv;

/// The items with the least numbers of all that were offered; of each number, the first item.
///
/// A number that is among the least at the end always was, so no earlier item with that number was
/// dropped.
#[derive(Debug)]
pub(super) struct Least<T> {
    most: usize,
    kept: BTreeMap<u64, T>,
}

impl<T> Least<T> {
    /// Returns an empty sample of at most so many items.
    pub(super) fn new(most: usize) -> Self {
        Self { most, kept: BTreeMap::new() }
    }

    /// Keeps an item if its number is one of the least and new.
    pub(super) fn offer(&mut self, number: u64, make: impl FnOnce() -> T) {
        // Most items are not among the least, and must cost no more than this comparison.
        let is_full = self.kept.len() >= self.most;
        if is_full && self.kept.last_key_value().is_none_or(|(last, _)| number >= *last) {
            return;
        }
        self.kept.entry(number).or_insert_with(make);
        if self.kept.len() > self.most {
            self.kept.pop_last();
        }
    }

    /// Returns the item with a number.
    pub(super) fn get(&self, number: u64) -> Option<&T> {
        self.kept.get(&number)
    }

    /// Returns the number of items.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Returns the items by ascending number.
    pub(super) fn into_values(self) -> impl Iterator<Item = T> {
        self.kept.into_values()
    }
}

/// Hashes texts to numbers, the same on every machine.
///
/// Samples of two previews can be compared, so the hash must not depend on the process.
#[derive(Clone, Debug)]
pub(super) struct Numbers(Fnv);

impl Numbers {
    /// Returns a hash function; another seed gives other numbers.
    pub(super) fn new(seed: u64) -> Self {
        let mut start = Fnv::default();
        start.bytes(seed.to_le_bytes());
        Self(start)
    }

    /// Returns the number of a text.
    pub(super) fn of(&self, text: impl IntoIterator<Item = u8>) -> u64 {
        let mut print = self.0.clone();
        print.bytes(text);
        // If texts differ only at their end, FNV leaves the upper bits alike. So the last step of
        // SplitMix64 follows (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
        // OOPSLA 2014).
        let mut number = print.finish();
        number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ number >> 31
    }
}

/// Returns as many items of a list as wanted, evenly by rank.
///
/// Random samples cluster by chance. Chosen by rank from a larger sample, they are spread over all names.
pub(super) fn spread<T>(list: Vec<T>, wanted: usize) -> Vec<T> {
    let (length, wanted) = (list.len(), wanted.min(list.len()));
    // The middles of as many equal parts.
    let mut ranks = (0..wanted).map(|n| (2 * n + 1) * length / (2 * wanted)).peekable();
    let is_wanted = |(rank, item)| (ranks.next_if_eq(&rank).is_some()).then_some(item);
    list.into_iter().enumerate().filter_map(is_wanted).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_sample_does_not_depend_on_the_order(mut numbers in prop::collection::vec(0_u64..50, 0..80), most in 0_usize..20) {
            let keep = |numbers: &[u64]| {
                let mut least = Least::new(most);
                numbers.iter().for_each(|&number| least.offer(number, || number));
                least.into_values().collect::<Vec<_>>()
            };
            let kept = keep(&numbers);
            numbers.reverse();
            prop_assert_eq!(&keep(&numbers), &kept);
            numbers.sort_unstable();
            numbers.dedup();
            numbers.truncate(most);
            prop_assert_eq!(kept, numbers);
        }

        #[test]
        fn items_are_chosen_with_even_gaps(length in 0_usize..200, wanted in 0_usize..50) {
            let chosen = spread((0..length).collect(), wanted);
            prop_assert_eq!(chosen.len(), wanted.min(length));
            for pair in chosen.windows(2) {
                prop_assert!((pair[1] - pair[0]).abs_diff(length / chosen.len()) <= 1);
            }
        }
    }
}
