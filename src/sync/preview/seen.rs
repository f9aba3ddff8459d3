//! What a preview remembers of the verdicts.

use std::collections::{BTreeMap, HashMap};

use super::{
    nearest::Nearest,
    report::{
        Bound, Collision, Estimate, Folder, Folders, PreviewReport, SizeBucket, Sizes, Total,
    },
    sample::{Least, Numbers, spread},
};
use crate::{
    scan::Report,
    store::Blob,
    unicode::folded,
    validate::{Asset, Finding, Reason, Rejection, Verdict},
};

/// Of how many names the samples are chosen by rank, at least
const POOL: usize = 4096;

/// Of how many names the other one of a collision is remembered: about 6 MiB for each sort
const REMEMBERED: usize = 1 << 16;

/// How many folders are counted, and how many are shown
const COUNTED_FOLDERS: usize = 10_000;
const SHOWN_FOLDERS: usize = 20;

pub(super) struct Seen {
    blobs: u64,
    quota: u64,
    numbers: Numbers,
    samples: usize,
    pool: Least<String>,
    examples: usize,
    rejections: BTreeMap<Reason, Least<Rejection>>,
    case: Pairs,
    base: Pairs,
    /// By the number of bits of a size
    sizes: [u64; 65],
    /// The smallest and the largest
    ends: Option<(u64, u64)>,
    /// Where a name's folder begins
    behind: usize,
    folders: HashMap<Box<str>, u64>,
    elsewhere: u64,
}

impl Seen {
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
            behind: prefix.rfind('/').map_or(0, |slash| slash + 1),
            folders: HashMap::new(),
            elsewhere: 0,
        }
    }

    pub(super) fn blobs(&self) -> u64 {
        self.blobs
    }

    pub(super) fn charge(&mut self, cost: u64) {
        self.quota = self.quota.saturating_add(cost);
    }

    pub(super) fn take(&mut self, verdict: Verdict) {
        self.blobs += 1;
        match verdict {
            Verdict::Accept(Asset { blob, findings, .. }) => {
                let has =
                    |reason| findings.iter().any(|finding: &Finding| finding.reason == reason);
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
                let text = rejection.name.as_deref().unwrap_or(&rejection.detail);
                let number = self.numbers.of(text.bytes());
                let examples = self.rejections.entry(rejection.reason);
                examples.or_insert_with(|| Least::new(self.examples)).offer(number, || rejection);
            }
        }
    }

    fn count(&mut self, Blob { name, size, .. }: Blob) {
        if let Some(count) = self.sizes.get_mut((u64::BITS - size.leading_zeros()) as usize) {
            *count += 1;
        }
        let (least, most) = self.ends.unwrap_or((size, size));
        self.ends = Some((least.min(size), most.max(size)));
        // A name that a shard gave may be shorter.
        let rest = name.get(self.behind..).unwrap_or_default();
        let end = rest.find('/').map_or(self.behind, |slash| self.behind + slash + 1);
        let folder = name.get(..end).unwrap_or_default();
        let is_full = self.folders.len() >= COUNTED_FOLDERS;
        match self.folders.get_mut(folder) {
            Some(count) => *count += 1,
            None if is_full => self.elsewhere += 1,
            None => drop(self.folders.insert(folder.into(), 1)),
        }
        self.pool.offer(self.numbers.of(name.bytes()), || name);
    }

    fn compare(&mut self, name: &str, case: bool, base: bool) {
        let bytes = folded(name).collect::<String>().into_bytes();
        self.case.see(self.numbers.of(bytes), name, case, |a, b| folded(a).eq(folded(b)));
        self.base.see(self.numbers.of(base_name(name).bytes()), name, base, |a, b| {
            base_name(a) == base_name(b)
        });
    }

    pub(super) fn report(
        self,
        counts: Report,
        reached: Option<Bound>,
        nearest: Option<Nearest>,
        price: Option<f64>,
        has_quota: bool,
    ) -> PreviewReport {
        let cost = |requests: u64| price.map(|price| requests as f64 * price / 10_000.0);
        let sizes = self.sizes();
        let Self { samples, pool, rejections, case, base, folders, elsewhere, quota, .. } = self;
        let mut pool: Vec<_> = pool.into_values().collect();
        pool.sort_unstable();
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
                Some(bound) => Total::AtLeast { blobs: counts.total(), bound },
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

    fn sizes(&self) -> Option<Sizes> {
        let (min, max) = self.ends?;
        // All sizes with so many bits.
        let at_most = |bits: usize| u64::MAX.checked_shr(64 - bits as u32).unwrap_or(0);
        let taken = self.sizes.iter().enumerate().filter(|(_, count)| **count > 0);
        let buckets: Vec<_> = taken
            .map(|(bits, &blobs)| SizeBucket { at_most: at_most(bits).min(max), blobs })
            .collect();
        let half = buckets.iter().map(|bucket| bucket.blobs).sum::<u64>().div_ceil(2);
        let mut below = 0;
        let median = buckets.iter().find(|bucket| {
            below += bucket.blobs;
            below >= half
        });
        Some(Sizes { min, max, median_at_most: median.map_or(max, |b| b.at_most), buckets })
    }
}

fn by_count(folders: HashMap<Box<str>, u64>, elsewhere: u64) -> Folders {
    let distinct = folders.len() as u64;
    let mut largest: Vec<_> =
        folders.into_iter().map(|(name, assets)| Folder { name: name.into(), assets }).collect();
    largest.sort_unstable_by(|a, b| b.assets.cmp(&a.assets).then_with(|| a.name.cmp(&b.name)));
    largest.truncate(SHOWN_FOLDERS);
    Folders { largest, distinct, elsewhere }
}

fn base_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// The first name of some that collide, and examples of both
struct Pairs {
    first: Least<String>,
    examples: Least<Collision>,
}

impl Pairs {
    fn new(examples: usize) -> Self {
        Self { first: Least::new(REMEMBERED), examples: Least::new(examples) }
    }

    fn see(&mut self, number: u64, name: &str, collides: bool, is: fn(&str, &str) -> bool) {
        if collides {
            let other = self.first.get(number).filter(|other| is(name, other));
            self.examples
                .offer(number, || Collision { name: name.to_owned(), other: other.cloned() });
        } else {
            self.first.offer(number, || name.to_owned());
        }
    }

    fn into_examples(self) -> Vec<Collision> {
        self.examples.into_values().collect()
    }
}
