//! The counts of a scan since its last report.
//!
//! Adding to a tally happens once for each blob, so it is cheap: formats are counted by their position in
//! the rules, and names of media types are looked up only when a tally is published.

use crate::{
    store::ContentType,
    validate::{ByReason, Classification, Kind},
};

/// The counts since the last report.
#[derive(Debug)]
pub(super) struct Tally {
    /// Pages of the listing.
    pub(super) pages: u64,
    /// Assets that are images.
    pub(super) images: u64,
    /// Assets that are videos.
    pub(super) videos: u64,
    /// Assets of a kind that this version of the crate does not know, by a format of the caller.
    pub(super) other_kinds: u64,
    /// The total size of the assets, in bytes.
    pub(super) bytes: u64,
    /// Assets whose names were not compared with others.
    pub(super) unchecked: u64,
    /// Rejected entries by reason.
    pub(super) rejections: ByReason<u64>,
    /// Findings on assets by reason.
    pub(super) findings: ByReason<u64>,
    /// Assets by the position of their format in the rules.
    pub(super) formats: Vec<u64>,
    /// Assets by media type, if their extension is not a format of the rules.
    pub(super) others: Vec<(ContentType, u64)>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            pages: 0,
            images: 0,
            videos: 0,
            other_kinds: 0,
            bytes: 0,
            unchecked: 0,
            rejections: ByReason::all(0),
            findings: ByReason::all(0),
            formats: Vec::new(),
            others: Vec::new(),
        }
    }
}

impl Tally {
    /// Counts a blob that is about to be handed out.
    #[inline]
    pub(super) fn count(&mut self, verdict: &Classification, size: u64) {
        let (kind, media_type, findings, format) = match verdict {
            Classification::Accept { kind, media_type, findings, format } => {
                (kind, media_type, findings, format)
            }
            Classification::Reject(finding) => {
                self.rejections[finding.reason] += 1;
                return;
            }
        };
        match kind {
            Kind::Image => self.images += 1,
            Kind::Video => self.videos += 1,
            Kind::Other => self.other_kinds += 1,
        }
        self.bytes += size;
        for finding in findings {
            self.findings[finding.reason] += 1;
        }
        match format.and_then(|place| self.formats.get_mut(place)) {
            Some(count) => *count += 1,
            None => self.count_other(media_type, *format),
        }
    }

    /// Counts an asset whose format has no counter yet.
    #[cold]
    fn count_other(&mut self, media_type: &ContentType, format: Option<usize>) {
        // The first asset of a format makes room for its counter.
        if let Some(place) = format {
            self.formats.resize(place, 0);
            self.formats.push(1);
            return;
        }
        match self.others.iter_mut().find(|(other, _)| other == media_type) {
            Some((_, count)) => *count += 1,
            None => self.others.push((media_type.clone(), 1)),
        }
    }
}
