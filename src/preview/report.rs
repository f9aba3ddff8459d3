//! The result of a preview, and its text for people.
//!
//! All types serialize to JSON for reports in other languages. Parts that have no value are absent.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::nearest::Nearest;
use crate::{
    name::one_line,
    scan::Report,
    units::Bytes,
    validate::{Reason, Rejection},
};

/// The result of a preview. Created by [`Preview::run`](super::Preview::run).
///
/// ```
/// use azure_asset_sync::{Blob, MemoryStore, Prefix, Preview, Scan};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let store = MemoryStore::from_iter([Blob::new("hall-1/a.jpg", 300), Blob::new("notes.txt", 20)]);
/// let report = Preview::new(Scan::new(store, &Prefix::default())).run().await?;
/// let folder = &report.folders.largest[0];
/// assert_eq!((folder.name.as_str(), folder.assets), ("hall-1/", 1));
/// assert_eq!(report.sizes.map(|sizes| sizes.max), Some(300));
/// assert_eq!(report.counts.rejected(), 1);
/// # Ok::<(), azure_asset_sync::Error>(())
/// # }).unwrap();
/// ```
///
/// If [`total`](Self::total) is not exact, everything is about the part that was listed.
///
/// The `Display` output is for people: several lines, with control characters in names escaped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PreviewReport {
    /// The number of entries of the listing.
    pub total: Total,
    /// The counts: kinds, formats, rejections and findings by reason, bytes, pages.
    pub counts: Report,
    /// Names of assets, ascending, spread over everything that was listed.
    pub samples: Vec<String>,
    /// The sizes of the assets; `None` if there is no asset.
    pub sizes: Option<Sizes>,
    /// The assets by folder.
    pub folders: Folders,
    /// Examples of rejected entries. `counts` has their number.
    #[serde(deserialize_with = "crate::coded::read_lists")]
    pub rejections: BTreeMap<Reason, Vec<Rejection>>,
    /// Examples of names that collide. `counts` has their number.
    #[serde(deserialize_with = "crate::coded::read_lists")]
    pub collisions: BTreeMap<Reason, Vec<Collision>>,
    /// Similar prefixes, if no name has the prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Nearest>,
    /// The sum of what the assets cost of a quota, if [`Preview::quota`](super::Preview::quota) was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<u64>,
    /// The requests that the preview has made, each for a page of a listing.
    pub requests: u64,
    /// The cost of these requests, in the currency of the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// The estimated time and requests of the sync.
    pub sync: Estimate,
}

/// The number of entries of a listing, exact or not.
///
/// Deliberately exhaustive, so that callers handle both. In JSON: an object with `exact` or `at_least` in
/// `total`, and the number in `blobs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// An exact count.
    Exact(u64),
    /// A lower bound, because the preview stopped at a limit.
    AtLeast {
        /// The number of entries that were listed.
        blobs: u64,
        /// The limit that was reached.
        limit: StopAfter,
    },
}

impl Total {
    /// Returns the number of entries that were listed.
    pub fn blobs(self) -> u64 {
        match self {
            Self::Exact(blobs) | Self::AtLeast { blobs, .. } => blobs,
        }
    }

    /// Returns whether the listing has no more entries than were counted.
    pub fn is_exact(self) -> bool {
        matches!(self, Self::Exact(_))
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(blobs) => write!(f, "{blobs} blobs"),
            Self::AtLeast { blobs, limit } => {
                write!(f, "at least {blobs} blobs (stopped at the limit of {limit})")
            }
        }
    }
}

/// The limit after which a preview stops.
///
/// Set by [`Preview::stop_after`](super::Preview::stop_after). Requests that are under way when the limit
/// is reached are cancelled, and still count as requests.
///
/// In JSON: an object with `blobs` or `time` in `limit`, and the limit in the field of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopAfter {
    /// Stops after a number of listed entries. A page of the service has 5,000.
    Blobs(u64),
    /// Stops after a duration.
    Time(Duration),
    /// A limit that this version of the crate does not know, read from JSON that a newer version wrote.
    Other,
}

impl fmt::Display for StopAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blobs(blobs) => write!(f, "{blobs} blobs"),
            Self::Time(time) => write!(f, "{time:?}"),
            Self::Other => f.write_str("a kind that this version does not know"),
        }
    }
}

/// The sizes of assets, in bytes.
///
/// The smallest and the largest size are exact. The others are counted by powers of two, so that memory
/// does not grow with the container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Sizes {
    /// The smallest size.
    pub min: u64,
    /// The largest size.
    pub max: u64,
    /// A size that at least half of the assets do not exceed.
    ///
    /// This is the limit of a bucket, and less than twice the median.
    pub median_at_most: u64,
    /// The number of assets by powers of two, ascending, without empty buckets.
    pub buckets: Vec<SizeBucket>,
}

/// The assets up to a size that are larger than those of the bucket before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SizeBucket {
    /// The largest size of the bucket in bytes, inclusive.
    pub at_most: u64,
    /// The number of assets.
    pub blobs: u64,
}

/// The assets by the first folder after the prefix of the scan.
///
/// With the prefix `data/`, for example, the folders are `data/hall-1/`, `data/hall-2/` and so on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Folders {
    /// The 20 folders with the most assets, in descending order.
    pub largest: Vec<Folder>,
    /// The number of folders with assets, up to 10,000 of them counted separately.
    pub distinct: u64,
    /// The number of assets in all other folders.
    pub elsewhere: u64,
}

/// A folder, and the number of assets in it at any depth.
///
/// The folder need not exist by itself: it is everything with a common prefix up to a slash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Folder {
    /// The full name of the folder, with a slash at its end. For assets directly below the prefix: the
    /// prefix up to its last slash.
    pub name: String,
    /// The number of assets.
    pub assets: u64,
}

/// An asset whose name collides with the name of an earlier one.
///
/// For example `A/x.jpg` and `a/x.jpg`, which overwrite each other on a file system that ignores case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Collision {
    /// The later name.
    pub name: String,
    /// The earlier name; `None` if there were too many names to remember it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
}

/// The estimated time and requests of a sync of the same scan, without the work of its sink.
///
/// The first sync lists what the preview has listed. A later one lists as much, because it must see what
/// has changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Estimate {
    /// The requests, each for a page of the listing.
    pub requests: u64,
    /// The cost of these requests, in the currency of the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// The time that the listing takes. In JSON: ISO 8601, for example `PT1M30S`.
    #[serde(with = "crate::iso::duration")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::iso::schema::Iso8601"))]
    pub elapsed: Duration,
    /// Whether the preview has stopped at a limit, so that the sync takes more.
    pub is_at_least: bool,
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = if self.is_at_least { "at least " } else { "" };
        write!(
            f,
            "{least}{} requests{}, {:.1?} for the listing",
            self.requests,
            priced(self.cost),
            self.elapsed
        )
    }
}

/// Returns the end of a phrase about requests, if they have a cost.
fn priced(cost: Option<f64>) -> String {
    cost.map(|cost| format!(" that cost {cost:.4}")).unwrap_or_default()
}

impl fmt::Display for PreviewReport {
    /// Writes the report for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // First what limits everything below.
        if !self.total.is_exact() {
            writeln!(f, "{}", self.total)?;
            writeln!(f, "everything below is about these blobs, and is no estimate for the rest")?;
        }
        if let Some(nearest) = &self.nearest {
            writeln!(f, "{nearest}")?;
        }
        writeln!(f, "{}", self.counts)?;
        // People need no more of the sizes than their range and the middle.
        if let Some(Sizes { min, max, median_at_most, .. }) = &self.sizes {
            writeln!(
                f,
                "sizes: {} to {}, half of them up to {}",
                Bytes(*min),
                Bytes(*max),
                Bytes(*median_at_most)
            )?;
        }
        if self.folders.distinct > 1 {
            let more = if self.folders.elsewhere > 0 { "more than " } else { "" };
            writeln!(f, "in {more}{} folders:", self.folders.distinct)?;
            // The report has up to 20 folders; a screen has room for some.
            for Folder { name, assets } in self.folders.largest.iter().take(5) {
                writeln!(f, "  {assets} in `{}`", one_line(name))?;
            }
        }
        if !self.samples.is_empty() {
            writeln!(f, "for example:")?;
            // Names may contain control characters, which must not reach a terminal.
            for name in &self.samples {
                writeln!(f, "  {}", one_line(name))?;
            }
        }
        for (reason, examples) in &self.rejections {
            // The examples are a sample; the counts are complete.
            let count = self.counts.rejections.get(reason).copied().unwrap_or_default();
            writeln!(
                f,
                "rejected as {reason}: {count}{}",
                if examples.is_empty() { "" } else { ", for example:" }
            )?;
            for Rejection { name, detail, .. } in examples {
                let name = name.as_deref().unwrap_or("(no name)");
                writeln!(f, "  {}: {}", one_line(name), one_line(detail))?;
            }
        }
        for (reason, examples) in &self.collisions {
            // Depending on the rules, a collision is a finding or a rejection.
            let count = |counts: &BTreeMap<Reason, u64>| counts.get(reason).copied().unwrap_or(0);
            let count = count(&self.counts.findings) + count(&self.counts.rejections);
            writeln!(f, "{reason}: {count}, for example:")?;
            for Collision { name, other } in examples {
                let other = other.as_deref().unwrap_or("(an earlier name)");
                writeln!(f, "  {} and {}", one_line(other), one_line(name))?;
            }
        }
        if let Some(quota) = self.quota {
            writeln!(f, "the assets take {quota} of the quota")?;
        }
        writeln!(f, "the preview made {} requests{}", self.requests, priced(self.cost))?;
        write!(f, "the sync takes {}", self.sync)
    }
}
