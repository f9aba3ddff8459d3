//! Prefix trees of fixed texts, and the reverse of case folding.
//!
//! A position in a tree tells at once which fixed texts a text equals, begins with, or is the start of. An
//! automaton therefore needs one number for all fixed texts, whatever their count.

use std::{collections::HashMap, sync::OnceLock};

/// Fixed texts as a tree: each edge is a character, and texts with a common start share nodes.
///
/// Nodes are numbers, and the root is 0.
pub(super) struct PrefixTree {
    /// The children of each node.
    children: Vec<HashMap<char, usize>>,
    parents: Vec<usize>,
    /// Whether some comparison tests for the start that leads to the node.
    pub(super) is_start: Vec<bool>,
    /// The time at which a depth-first walk enters a node.
    enters: Vec<usize>,
    /// The time at which the walk leaves a node.
    leaves: Vec<usize>,
}

/// The position of a text in a tree: the deepest node reached, and whether the text has left the tree.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) node: usize,
    pub(super) is_off: bool,
}

impl PrefixTree {
    /// Makes a tree with only the root.
    pub(super) fn new() -> Self {
        Self {
            children: vec![HashMap::new()],
            parents: vec![0],
            is_start: vec![false],
            enters: Vec::new(),
            leaves: Vec::new(),
        }
    }

    /// Adds a text and returns its last node.
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

    /// Numbers the nodes in the order of a depth-first walk, so that [`is_below`](Self::is_below) takes
    /// constant time. Must be called after the last [`add`](Self::add).
    pub(super) fn number(&mut self) {
        self.enters = vec![0; self.children.len()];
        self.leaves = vec![0; self.children.len()];
        let mut clock = 0;
        // An explicit stack, because a text may be as long as the whole condition.
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

    /// Returns whether a node is `above` or one of its descendants.
    pub(super) fn is_below(&self, node: usize, above: usize) -> bool {
        // A descendant is entered later and left earlier than its ancestor.
        let time = |times: &[usize], node: usize| times.get(node).copied().unwrap_or_default();
        time(&self.enters, above) <= time(&self.enters, node)
            && time(&self.leaves, node) <= time(&self.leaves, above)
    }

    /// Returns the characters that lead from a node to its children, sorted.
    pub(super) fn next_chars(&self, node: usize) -> Vec<char> {
        let mut ways: Vec<char> = self
            .children
            .get(node)
            .into_iter()
            .flat_map(|children| children.keys().copied())
            .collect();
        ways.sort_unstable();
        ways
    }

    /// Advances a position by one character.
    ///
    /// Once a text has left the tree, its position no longer changes: no fixed text can equal it any more, and
    /// its starts are known.
    pub(super) fn step(&self, place: Place, c: char) -> Place {
        if place.is_off {
            return place;
        }
        if let Some(child) = self.children.get(place.node).and_then(|children| children.get(&c)) {
            return Place { node: *child, is_off: false };
        }
        // Outside of the tree only the starts that comparisons test for matter. Moving up to the deepest
        // of them merges states, which keeps their number small.
        let mut node = place.node;
        while node != 0 && self.is_start.get(node) == Some(&false) {
            node = self.parents.get(node).copied().unwrap_or_default();
        }
        Place { node, is_off: true }
    }
}

/// Returns characters in lower case and all others whose lower case contains one of them.
///
/// For example, `k` gives `k`, `K` and the Kelvin sign U+212A.
pub(super) fn with_unfolded<'a>(lower: impl IntoIterator<Item = &'a char>) -> Vec<char> {
    let all = lower.into_iter().flat_map(|c| {
        let others = unfolded().get(c).into_iter().flatten();
        std::iter::once(*c).chain(others.copied())
    });
    all.collect()
}

/// The table of [`with_unfolded`]: for each lower-case character, the others that become it.
fn unfolded() -> &'static HashMap<char, Vec<char>> {
    static TABLE: OnceLock<HashMap<char, Vec<char>>> = OnceLock::new();
    /// The end of the planes with scripts that have letter case. A test checks the others.
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
    fn only_the_first_two_planes_have_letter_case() {
        let others = (0x20000..=0x10_ffff).filter_map(char::from_u32);
        assert!(others.into_iter().all(|c| c.to_lowercase().eq([c])));
        let twice =
            (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| c.to_lowercase().len() > 1);
        assert_eq!(twice.collect::<String>(), "\u{130}");
    }
}
