use crate::{
    scan::{Cut, Shard},
    store::NameOrder,
};

/// The names that a run has not come to yet: intervals that ascend and do not touch
#[derive(Clone, Debug)]
pub(super) struct Left(Vec<(Cut, Cut)>);

impl Left {
    /// All names with a prefix
    pub(super) fn all(prefix: &str) -> Self {
        Self(vec![(Cut::At(prefix.to_owned()), Cut::End)])
    }

    pub(super) fn intervals(&self) -> &[(Cut, Cut)] {
        &self.0
    }

    /// The names with that prefix which are not left
    pub(super) fn done(&self, prefix: &str, order: NameOrder) -> Vec<(Cut, Cut)> {
        let mut done = vec![(Cut::At(prefix.to_owned()), Cut::End)];
        for (from, to) in &self.0 {
            if let Some((_, end)) = done.last_mut() {
                *end = from.clone();
            }
            done.push((to.clone(), Cut::End));
        }
        done.retain(|(from, to)| from.compare(to, order).is_lt());
        done
    }

    /// Takes an interval out; gives what of it was left
    pub(super) fn take(&mut self, from: &Cut, to: &Cut, order: NameOrder) -> Vec<(Cut, Cut)> {
        let is_before = |a: &Cut, b: &Cut| a.compare(b, order).is_lt();
        let max = |a: &Cut, b: &Cut| if is_before(a, b) { b.clone() } else { a.clone() };
        let min = |a: &Cut, b: &Cut| if is_before(a, b) { a.clone() } else { b.clone() };
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        for (start, end) in std::mem::take(&mut self.0) {
            let (low, high) = (max(&start, from), min(&end, to));
            if !is_before(&low, &high) {
                left.push((start, end));
                continue;
            }
            if is_before(&start, &low) {
                left.push((start, low.clone()));
            }
            if is_before(&high, &end) {
                left.push((high.clone(), end));
            }
            taken.push((low, high));
        }
        self.0 = left;
        taken
    }

    /// The same for a scan
    pub(super) fn shards(&self, prefix: &str) -> Vec<Shard> {
        let shard = |(from, to): &(Cut, Cut)| {
            let mut shard = Shard { prefix: prefix.to_owned(), ..Shard::default() };
            match from {
                Cut::At(name) if name == prefix => {}
                Cut::At(name) => shard.start = Some(name.clone()),
                Cut::Behind(name) => shard.after = Some(name.clone()),
                Cut::End => {}
            }
            shard.end = match to {
                Cut::At(name) => Some(name.clone()),
                // No name has a NUL, so that this is the first name behind that one.
                Cut::Behind(name) => Some(format!("{name}\0")),
                Cut::End => None,
            };
            shard
        };
        self.0.iter().map(shard).collect()
    }
}
