//! What fixed texts and patterns are made of: trees of their characters, sets of bits, letter case.

use std::{collections::HashMap, sync::OnceLock};

use crate::condition::value::Part;

/// Fixed texts as a tree of their characters
pub(super) struct Tree {
    /// For each node the children
    children: Vec<HashMap<char, usize>>,
    parents: Vec<usize>,
    /// Whether a text is told to begin with what leads to the node
    pub(super) is_start: Vec<bool>,
    /// When a walk over the tree enters a node, and when it has seen all below
    enters: Vec<usize>,
    leaves: Vec<usize>,
}

/// How far a text has come in a tree: to a node, and whether it went on where the tree does not
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) node: usize,
    pub(super) is_off: bool,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self {
            children: vec![HashMap::new()],
            parents: vec![0],
            is_start: vec![false],
            enters: Vec::new(),
            leaves: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, text: impl Iterator<Item = char>) -> usize {
        let mut node = 0;
        for c in text {
            let next = self.children.len();
            let Some(children) = self.children.get_mut(node) else { return node };
            let child = *children.entry(c).or_insert(next);
            if child == next {
                self.children.push(HashMap::new());
                self.parents.push(node);
                self.is_start.push(false);
            }
            node = child;
        }
        node
    }

    /// Numbers the nodes in the order of a walk, so that "below" is a comparison
    pub(super) fn number(&mut self) {
        self.enters = vec![0; self.children.len()];
        self.leaves = vec![0; self.children.len()];
        let mut clock = 0;
        let mut stack = vec![(0, false)];
        while let Some((node, is_seen)) = stack.pop() {
            let times = if is_seen { &mut self.leaves } else { &mut self.enters };
            if let Some(time) = times.get_mut(node) {
                *time = clock;
            }
            clock += 1;
            if !is_seen {
                stack.push((node, true));
                let below = self.children.get(node).into_iter().flat_map(HashMap::values);
                stack.extend(below.map(|child| (*child, false)));
            }
        }
    }

    pub(super) fn is_below(&self, node: usize, above: usize) -> bool {
        let time = |times: &[usize], node: usize| times.get(node).copied().unwrap_or_default();
        time(&self.enters, above) <= time(&self.enters, node)
            && time(&self.leaves, node) <= time(&self.leaves, above)
    }

    /// The characters with which the tree goes on
    pub(super) fn ways(&self, node: usize) -> Vec<char> {
        let mut ways: Vec<char> = self
            .children
            .get(node)
            .into_iter()
            .flat_map(|children| children.keys().copied())
            .collect();
        ways.sort_unstable();
        ways
    }

    pub(super) fn step(&self, place: Place, c: char) -> Place {
        if place.is_off {
            return place;
        }
        if let Some(child) = self.children.get(place.node).and_then(|children| children.get(&c)) {
            return Place { node: *child, is_off: false };
        }
        // Off the tree, only the texts that it began with are remembered.
        let mut node = place.node;
        while node != 0 && self.is_start.get(node) == Some(&false) {
            node = self.parents.get(node).copied().unwrap_or_default();
        }
        Place { node, is_off: true }
    }
}

/// All patterns of `StringLike` that compare in the same way: for each of them, how many of its single
/// characters fit, for each number that is possible
///
/// Each pattern has words of its own, in which a bit more than its characters is in use. So nothing is
/// carried from one pattern to the next.
#[derive(Default)]
pub(super) struct Patterns {
    /// The single characters, and which bit says that those before fit
    singles: Vec<(usize, Part)>,
    /// Before which of them a `*` stands
    pub(super) stars: Vec<u64>,
    pub(super) start: Vec<u64>,
    masks: HashMap<char, Vec<u64>>,
}

impl Patterns {
    /// Adds a pattern; which bit says that a text fits it
    pub(super) fn add(&mut self, parts: &[Part]) -> usize {
        let first = self.stars.len() * 64;
        let count = parts.iter().filter(|part| **part != Part::Many).count();
        let words = self.stars.len() + count / 64 + 1;
        self.stars.resize(words, 0);
        self.start.resize(words, 0);
        set(&mut self.start, first);
        let mut bit = first;
        for part in parts {
            if *part == Part::Many {
                set(&mut self.stars, bit);
            } else {
                self.singles.push((bit, *part));
                bit += 1;
            }
        }
        bit
    }

    pub(super) fn step(&mut self, fits: &mut [u64], c: char) {
        if fits.is_empty() {
            return;
        }
        let (singles, words) = (&self.singles, self.stars.len());
        let mask = self.masks.entry(c).or_insert_with(|| {
            let mut mask = vec![0; words];
            let fit = |part: &Part| *part == Part::One || *part == Part::Just(c);
            let all = singles.iter().filter(|(_, part)| fit(part));
            all.for_each(|(bit, _)| set(&mut mask, *bit));
            mask
        });
        let mut carry = 0;
        for ((fits, mask), stars) in fits.iter_mut().zip(mask).zip(&self.stars) {
            let next = *fits & *mask;
            *fits = next << 1 | carry | *fits & stars;
            carry = next >> 63;
        }
    }
}

pub(super) fn is_set(bits: &[u64], at: usize) -> bool {
    bits.get(at / 64).copied().unwrap_or_default() >> (at % 64) & 1 == 1
}

pub(super) fn set(bits: &mut [u64], at: usize) {
    if let Some(word) = bits.get_mut(at / 64) {
        *word |= 1 << (at % 64);
    }
}

/// Characters in lower case, and the others that become them
pub(super) fn with_unfolded<'a>(lower: impl IntoIterator<Item = &'a char>) -> Vec<char> {
    let all = lower.into_iter().flat_map(|c| {
        let others = unfolded().get(c).into_iter().flatten();
        std::iter::once(*c).chain(others.copied())
    });
    all.collect()
}

/// For each character in lower case, the others that become it, alone or with more
fn unfolded() -> &'static HashMap<char, Vec<char>> {
    static TABLE: OnceLock<HashMap<char, Vec<char>>> = OnceLock::new();
    /// Behind the planes of the scripts that have letter case
    const END: u32 = 0x20000;
    TABLE.get_or_init(|| {
        let mut table: HashMap<char, Vec<char>> = HashMap::new();
        for c in (0..END).filter_map(char::from_u32) {
            let mut lower = c.to_lowercase();
            if lower.clone().ne([c]) {
                lower.by_ref().for_each(|lower| table.entry(lower).or_default().push(c));
            }
        }
        table
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_character_of_later_planes_has_a_lower_case() {
        let others = (0x20000..=0x10_ffff).filter_map(char::from_u32);
        assert!(others.into_iter().all(|c| c.to_lowercase().eq([c])));
        let twice =
            (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| c.to_lowercase().len() > 1);
        assert_eq!(twice.collect::<String>(), "\u{130}");
    }
}
