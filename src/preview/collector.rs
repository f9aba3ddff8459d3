//! Remembers of each verdict what the report needs, in bounded memory.
//!
//! Memory does not grow with the listing: samples and examples have a fixed number, folders are counted up
//! to a limit, and sizes are counted by powers of two. The report does not depend on the order in which
//! verdicts come, except for which of two colliding names is the earlier one.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
};

use tokio::runtime::Handle;

use super::{
    nearest::Nearest,
    report::{
        Collision, Estimate, Folder, Folders, PreviewReport, SizeBucket, Sizes, StopAfter, Total,
    },
    sample::{Least, Numbers, spread},
};
use crate::{
    scan::Report,
    store::Blob,
    unicode::folded,
    validate::{Asset, Finding, Reason, Rejection, Verdict},
};

/// The least number of names from which samples are chosen by rank.
const POOL: usize = 4096;

/// The number of names that are remembered as the earlier one of a collision: about 6 MiB for each kind
/// of collision.
const REMEMBERED: usize = 1 << 16;

/// The most folders that are counted separately.
const COUNTED_FOLDERS: usize = 10_000;

/// The most folders in the report.
const SHOWN_FOLDERS: usize = 20;

/// The state of a preview that is running.
pub(super) struct Collector {
    blobs: u64,
    /// The sum of what the assets cost of a quota.
    quota: u64,
    numbers: Numbers,
    samples: usize,
    /// The names from which the samples are chosen.
    pool: Least<String>,
    examples: usize,
    rejections: BTreeMap<Reason, Least<Rejection>>,
    /// Names that are equal without regard to case.
    case: Pairs,
    /// Names that are equal without their folders.
    base: Pairs,
    /// Assets by the number of bits of their size.
    sizes: [u64; 65],
    /// The smallest and the largest size.
    ends: Option<(u64, u64)>,
    /// The length of the part of the prefix up to its last slash.
    folder_start: usize,
    /// Assets by their first folder after the prefix.
    folders: HashMap<Box<str>, u64>,
    /// Assets in folders that are not counted separately.
    elsewhere: u64,
}

impl Collector {
    /// Returns a collector of nothing; `samples` and `examples` are the numbers to show.
    pub(super) fn new(prefix: &str, samples: usize, examples: usize, seed: u64) -> Self {
        Self {
            blobs: 0,
            quota: 0,
            numbers: Numbers::new(seed),
            samples,
            pool: Least::new(if samples == 0 { 0 } else { POOL.max(samples.saturating_mul(16)) }),
            examples,
            rejections: BTreeMap::new(),
            case: Pairs::new(examples),
            base: Pairs::new(examples),
            sizes: [0; 65],
            ends: None,
            folder_start: prefix.rfind('/').map_or(0, |slash| slash + 1),
            folders: HashMap::new(),
            elsewhere: 0,
        }
    }

    /// Returns the number of entries so far.
    pub(super) fn blobs(&self) -> u64 {
        self.blobs
    }

    /// Adds to the quota.
    pub(super) fn charge(&mut self, cost: u64) {
        self.quota = self.quota.saturating_add(cost);
    }

    /// Takes a verdict: counts an asset, or keeps a rejection as an example.
    pub(super) fn take(&mut self, verdict: Verdict) {
        self.blobs += 1;
        match verdict {
            Verdict::Accept(Asset { blob, findings, .. }) => {
                let has =
                    |reason| findings.iter().any(|finding: &Finding| finding.reason == reason);
                // Snapshots and versions have the name of their blob and do not collide with it.
                if blob.snapshot.is_none() && blob.version_id.is_none() {
                    let [case, base] = [Reason::CaseCollision, Reason::BaseNameCollision].map(has);
                    self.compare(&blob.name, case, base);
                }
                self.count(blob);
            }
            Verdict::Reject(rejection) => {
                if let Some(name) = &rejection.name {
                    match rejection.reason {
                        Reason::CaseCollision => self.compare(name, true, false),
                        Reason::BaseNameCollision => self.compare(name, false, true),
                        _ => {}
                    }
                }
                // Entries without a readable name are distinguished by their problem.
                let text = rejection.name.as_deref().unwrap_or(&rejection.detail);
                let number = self.numbers.of(text.bytes());
                let examples = self.rejections.entry(rejection.reason);
                examples.or_insert_with(|| Least::new(self.examples)).offer(number, || rejection);
            }
        }
    }

    /// Counts an asset by size and by folder.
    fn count(&mut self, Blob { name, size, .. }: Blob) {
        // A size of 0 has no bits, and one of 2^63 has 64: hence 65 counters.
        if let Some(count) = self.sizes.get_mut((u64::BITS - size.leading_zeros()) as usize) {
            *count += 1;
        }
        let (least, most) = self.ends.unwrap_or((size, size));
        self.ends = Some((least.min(size), most.max(size)));
        // With several shards a name need not have the prefix, and may be shorter.
        let rest = name.get(self.folder_start..).unwrap_or_default();
        let end = rest.find('/').map_or(self.folder_start, |slash| self.folder_start + slash + 1);
        let folder = name.get(..end).unwrap_or_default();
        // Folders that are new after the limit are counted together.
        let is_full = self.folders.len() >= COUNTED_FOLDERS;
        match self.folders.get_mut(folder) {
            Some(count) => *count += 1,
            None if is_full => self.elsewhere += 1,
            None => drop(self.folders.insert(folder.into(), 1)),
        }
        // The name is moved only if it is kept.
        self.pool.offer(self.numbers.of(name.bytes()), || name);
    }

    /// Remembers a name for the examples of collisions. `case` and `base` tell which kinds of collision
    /// the rules have found.
    fn compare(&mut self, name: &str, case: bool, base: bool) {
        let bytes = folded(name).collect::<String>().into_bytes();
        self.case.add(self.numbers.of(bytes), name, case, |a, b| folded(a).eq(folded(b)));
        self.base.add(self.numbers.of(base_name(name).bytes()), name, base, |a, b| {
            base_name(a) == base_name(b)
        });
    }

    /// Makes the report.
    pub(super) fn report(
        self,
        counts: Report,
        reached: Option<StopAfter>,
        nearest: Option<Nearest>,
        price: Option<f64>,
        has_quota: bool,
    ) -> PreviewReport {
        let cost = |requests: u64| price.map(|price| requests as f64 * price / 10_000.0);
        let sizes = self.sizes();
        let Self { samples, pool, rejections, case, base, folders, elsewhere, quota, .. } = self;
        let mut pool: Vec<_> = pool.into_values().collect();
        pool.sort_unstable();
        // Requests for similar prefixes are part of the preview, but not of the sync.
        let looked = nearest.as_ref().map_or(0, |nearest| nearest.requests);
        let requests = counts.requests + looked;
        let collisions = [
            (Reason::CaseCollision, case.into_examples()),
            (Reason::BaseNameCollision, base.into_examples()),
        ];
        let examples = |(reason, least): (_, Least<_>)| (reason, least.into_values().collect());
        PreviewReport {
            total: match reached {
                None => Total::Exact(counts.total()),
                Some(limit) => Total::AtLeast { blobs: counts.total(), limit },
            },
            samples: spread(pool, samples),
            sizes,
            folders: by_count(folders, elsewhere),
            rejections: rejections.into_iter().map(examples).collect(),
            collisions: collisions.into_iter().filter(|(_, list)| !list.is_empty()).collect(),
            nearest,
            quota: has_quota.then_some(quota),
            requests,
            cost: cost(requests),
            sync: Estimate {
                requests: counts.requests,
                cost: cost(counts.requests),
                elapsed: counts.elapsed,
                is_at_least: reached.is_some(),
            },
            counts,
        }
    }

    /// Returns the sizes, or `None` if there is no asset.
    fn sizes(&self) -> Option<Sizes> {
        let (min, max) = self.ends?;
        // The largest size with this number of bits.
        let at_most = |bits: usize| u64::MAX.checked_shr(64 - bits as u32).unwrap_or(0);
        let taken = self.sizes.iter().enumerate().filter(|(_, count)| **count > 0);
        let buckets: Vec<_> = taken
            .map(|(bits, &blobs)| SizeBucket { at_most: at_most(bits).min(max), blobs })
            .collect();
        let half = buckets.iter().map(|bucket| bucket.blobs).sum::<u64>().div_ceil(2);
        // The first bucket with which half of the assets are reached.
        let mut below = 0;
        let median = buckets.iter().find(|bucket| {
            below += bucket.blobs;
            below >= half
        });
        Some(Sizes { min, max, median_at_most: median.map_or(max, |b| b.at_most), buckets })
    }
}

/// Sorts folders by their number of assets, the largest first, and keeps those to show.
fn by_count(folders: HashMap<Box<str>, u64>, elsewhere: u64) -> Folders {
    let distinct = folders.len() as u64;
    let mut largest: Vec<_> =
        folders.into_iter().map(|(name, assets)| Folder { name: name.into(), assets }).collect();
    // By name if the numbers are equal, so that the report is reproducible.
    largest.sort_unstable_by(|a, b| b.assets.cmp(&a.assets).then_with(|| a.name.cmp(&b.name)));
    largest.truncate(SHOWN_FOLDERS);
    Folders { largest, distinct, elsewhere }
}

/// Returns a name without its folder.
fn base_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// The first of the names that collide with each other, and examples of collisions.
///
/// The names are freed on a thread for blocking work, however the preview ends: all of them take up to
/// 10 ms, in which a task could not yield. Without a runtime they are freed at once.
struct Pairs {
    first: Least<String>,
    examples: Least<Collision>,
}

impl Pairs {
    /// Returns pairs without names.
    fn new(examples: usize) -> Self {
        Self { first: Least::new(REMEMBERED), examples: Least::new(examples) }
    }

    /// Remembers a name under a number, or makes an example if the name collides with an earlier one.
    /// `is` tells whether two names with the same number really collide.
    fn add(&mut self, number: u64, name: &str, collides: bool, is: fn(&str, &str) -> bool) {
        // An example shows the earlier name only if that is really the one: numbers are hashes.
        if collides {
            let other = self.first.get(number).filter(|other| is(name, other));
            self.examples
                .offer(number, || Collision { name: name.to_owned(), other: other.cloned() });
        } else {
            self.first.offer(number, || name.to_owned());
        }
    }

    /// Returns the examples in random order.
    fn into_examples(mut self) -> Vec<Collision> {
        mem::replace(&mut self.examples, Least::new(0)).into_values().collect()
    }
}

impl Drop for Pairs {
    fn drop(&mut self) {
        /// Fewer names are freed faster than another thread is woken.
        const FEW: usize = 1024;
        if self.first.len() <= FEW {
            return;
        }
        let names = mem::replace(&mut self.first, Least::new(0));
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn_blocking(|| drop(names)));
        }
    }
}
