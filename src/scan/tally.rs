use crate::{
    store::ContentType,
    validate::{ByReason, Classification, Kind},
};

/// What was counted since the last report: cheap to add to, once a blob
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) pages: u64,
    pub(super) images: u64,
    pub(super) videos: u64,
    pub(super) bytes: u64,
    pub(super) unremembered: u64,
    pub(super) rejections: ByReason<u64>,
    pub(super) findings: ByReason<u64>,
    /// By the place of the format in the rules
    pub(super) formats: Vec<u64>,
    /// By media type, of assets whose extension is no format of the rules
    pub(super) others: Vec<(ContentType, u64)>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            pages: 0,
            images: 0,
            videos: 0,
            bytes: 0,
            unremembered: 0,
            rejections: ByReason::all(0),
            findings: ByReason::all(0),
            formats: Vec::new(),
            others: Vec::new(),
        }
    }
}

impl Tally {
    /// Counts what is about to be handed out
    #[inline]
    pub(super) fn count(&mut self, judgement: &Classification, size: u64) {
        let (kind, media_type, findings, format) = match judgement {
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

    /// Counts what has no place of its own, or none yet
    #[cold]
    fn count_other(&mut self, media_type: &ContentType, format: Option<usize>) {
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
