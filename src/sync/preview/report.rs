use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use super::nearest::Nearest;
use crate::{
    name::one_line,
    scan::Report,
    validate::{Reason, Rejection},
};

/// What a sync would find; made by [`Preview::run`](super::Preview::run)
///
/// Where [`total`](Self::total) is not exact, all of it is about the part that was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PreviewReport {
    /// How many entries the listing has
    pub total: Total,
    /// What was counted: kinds, formats, rejections and findings by reason, bytes, pages
    pub counts: Report,
    /// Names of assets, spread over what was seen, ascending
    pub samples: Vec<String>,
    /// The sizes of the assets; `None` where there is no asset
    pub sizes: Option<Sizes>,
    /// The assets by folder
    pub folders: Folders,
    /// Examples of what was rejected; how many there are is in `counts`
    pub rejections: BTreeMap<Reason, Vec<Rejection>>,
    /// Examples of names that collide; how many there are is in `counts`
    pub collisions: BTreeMap<Reason, Vec<Collision>>,
    /// What is there in place of a prefix that nothing has
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Nearest>,
    /// What the assets cost of a quota, where the caller has said how to count it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<u64>,
    /// Requests that the preview made, all of them for a page of a listing
    pub requests: u64,
    /// What they cost, in the currency of the caller's price
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// What the sync will take
    pub sync: Estimate,
}

/// How many there are
///
/// Deliberately complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Total {
    /// So many, and no more
    Exact(u64),
    /// So many were seen until a bound was reached
    AtLeast {
        /// So many were seen
        blobs: u64,
        /// Where it stopped
        bound: Bound,
    },
}

impl Total {
    /// How many were seen
    pub fn blobs(self) -> u64 {
        match self {
            Self::Exact(blobs) | Self::AtLeast { blobs, .. } => blobs,
        }
    }

    /// Whether these are all
    pub fn is_exact(self) -> bool {
        matches!(self, Self::Exact(_))
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(blobs) => write!(f, "{blobs} blobs"),
            Self::AtLeast { blobs, bound } => {
                write!(f, "at least {blobs} blobs (stopped at the limit of {bound})")
            }
        }
    }
}

/// Where a preview stops
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Bound {
    /// After so many entries of the listing; a page of the service has 5,000
    Blobs(u64),
    /// After so much time
    Time(Duration),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blobs(blobs) => write!(f, "{blobs} blobs"),
            Self::Time(time) => write!(f, "{time:?}"),
        }
    }
}

/// The sizes of assets, in bytes
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sizes {
    /// The smallest
    pub min: u64,
    /// The largest
    pub max: u64,
    /// A half of them or more are no larger: the bound of a bucket, less than twice the median
    pub median_at_most: u64,
    /// How many have which size, by powers of two, ascending; those without any are left out
    pub buckets: Vec<SizeBucket>,
}

/// Assets that are larger than the bucket before, up to a size
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SizeBucket {
    /// The largest size of the bucket, in bytes, inclusive
    pub at_most: u64,
    /// How many there are
    pub blobs: u64,
}

/// Assets by the first folder behind the scan's prefix
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Folders {
    /// The 20 with the most assets, these first
    pub largest: Vec<Folder>,
    /// How many folders have assets; no more than 10,000 are told apart
    pub distinct: u64,
    /// Assets in further folders
    pub elsewhere: u64,
}

/// A folder, and how many assets it has at any depth
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Folder {
    /// Its name from the container's root, with a slash at its end; of assets that are in none, what
    /// the prefix has up to its last slash
    pub name: String,
    /// How many assets
    pub assets: u64,
}

/// An asset whose name collides with that of an earlier one
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Collision {
    /// The later one
    pub name: String,
    /// The earlier one; `None` where there were too many names to remember it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
}

/// What a sync takes that lists the same
///
/// What its sink takes is unknown here.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Estimate {
    /// Requests, each for a page of the listing
    pub requests: u64,
    /// What they cost, in the currency of the caller's price
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// The time of the listing
    pub elapsed: Duration,
    /// Whether the preview stopped at a bound, so that the sync takes more
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

fn priced(cost: Option<f64>) -> String {
    cost.map(|cost| format!(" that cost {cost:.4}")).unwrap_or_default()
}

impl fmt::Display for PreviewReport {
    /// For people: over several lines, and with names escaped
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.total.is_exact() {
            writeln!(f, "{}", self.total)?;
            writeln!(f, "all that follows is about these, and is no estimate for the rest")?;
        }
        if let Some(nearest) = &self.nearest {
            writeln!(f, "{nearest}")?;
        }
        writeln!(f, "{}", self.counts)?;
        if let Some(Sizes { min, max, median_at_most, .. }) = &self.sizes {
            writeln!(f, "sizes from {min} to {max} bytes, half of them up to {median_at_most}")?;
        }
        if self.folders.distinct > 1 {
            let more = if self.folders.elsewhere > 0 { "more than " } else { "" };
            writeln!(f, "in {more}{} folders:", self.folders.distinct)?;
            for Folder { name, assets } in self.folders.largest.iter().take(5) {
                writeln!(f, "  {assets} in `{}`", one_line(name))?;
            }
        }
        if !self.samples.is_empty() {
            writeln!(f, "such as:")?;
            for name in &self.samples {
                writeln!(f, "  {}", one_line(name))?;
            }
        }
        for (reason, examples) in &self.rejections {
            let count = self.counts.rejections.get(reason).copied().unwrap_or_default();
            writeln!(
                f,
                "rejected as {reason}: {count}{}",
                if examples.is_empty() { "" } else { ", such as:" }
            )?;
            for Rejection { name, detail, .. } in examples {
                let name = name.as_deref().unwrap_or("(no name)");
                writeln!(f, "  {}: {}", one_line(name), one_line(detail))?;
            }
        }
        for (reason, examples) in &self.collisions {
            let count = |counts: &BTreeMap<Reason, u64>| counts.get(reason).copied().unwrap_or(0);
            let count = count(&self.counts.findings) + count(&self.counts.rejections);
            writeln!(f, "{reason}: {count}, such as:")?;
            for Collision { name, other } in examples {
                let other = other.as_deref().unwrap_or("(an earlier name)");
                writeln!(f, "  {} and {}", one_line(other), one_line(name))?;
            }
        }
        if let Some(quota) = self.quota {
            writeln!(f, "they take {quota} of the quota")?;
        }
        writeln!(f, "the preview made {} requests{}", self.requests, priced(self.cost))?;
        write!(f, "the sync takes {}", self.sync)
    }
}
