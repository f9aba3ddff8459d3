use crate::{
    store::ContentType,
    validate::{Kind, Reason, Verdict},
};

/// What was counted since the last report: cheap to add to, once a blob
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) pages: u64,
    pub(super) images: u64,
    pub(super) videos: u64,
    pub(super) bytes: u64,
    pub(super) unremembered: u64,
    pub(super) rejections: [u64; Reason::ALL.len()],
    pub(super) findings: [u64; Reason::ALL.len()],
    /// Few, and neighbours are mostly alike, so the last one found moves to the front
    pub(super) formats: Vec<(ContentType, u64)>,
}

impl Tally {
    pub(super) fn count(&mut self, verdict: &Verdict) {
        let asset = match verdict {
            Verdict::Accept(asset) => asset,
            Verdict::Reject(rejection) => {
                self.rejections[rejection.reason as usize] += 1;
                return;
            }
        };
        match asset.kind {
            Kind::Image => self.images += 1,
            Kind::Video => self.videos += 1,
        }
        self.bytes += asset.blob.size;
        for finding in &asset.findings {
            self.findings[finding.reason as usize] += 1;
        }
        match self.formats.iter().position(|(format, _)| *format == asset.media_type) {
            Some(at) => {
                self.formats[at].1 += 1;
                self.formats.swap(0, at);
            }
            None => self.formats.push((asset.media_type.clone(), 1)),
        }
    }
}
