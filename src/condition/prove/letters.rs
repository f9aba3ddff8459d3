//! What fixed texts and patterns are made of: trees of their characters, letter case.

use std::{collections::HashMap, sync::OnceLock};

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
