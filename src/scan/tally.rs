use crate::{
    store::ContentType,
    validate::{ByReason, Judgement, Kind},
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
    /// Few: a container has a handful of formats
    pub(super) formats: Vec<(ContentType, u64)>,
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
        }
    }
}

impl Tally {
    /// Counts what is about to be handed out
    #[inline]
    pub(super) fn count(&mut self, judgement: &Judgement, size: u64) {
        let (kind, media_type, findings) = match judgement {
            Judgement::Accept { kind, media_type, findings } => (kind, media_type, findings),
            Judgement::Reject(finding) => {
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
        match self.formats.iter_mut().find(|(format, _)| format == media_type) {
            Some((_, count)) => *count += 1,
            None => self.formats.push((media_type.clone(), 1)),
        }
    }
}
