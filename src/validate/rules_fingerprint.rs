//! The fingerprint by which stored results are matched with the rules that made them.

use super::{Reason, Rules, fnv::Fnv};

/// The revision of the rules' meaning. It must change with every release in which the same rules decide
/// differently about some blob, because stored verdicts are then out of date.
const REVISION: &str = "1";

impl Rules {
    /// Returns a number that identifies these rules, to be stored with the verdicts they gave.
    ///
    /// Equal rules have the same fingerprint in every process and on every platform. The order of the
    /// filter's patterns makes no difference. A change of a format, limit, action or filter changes the
    /// fingerprint, and so does a release of this crate that decides differently. The fingerprint is an
    /// FNV-1a hash of 64 bits. It detects changes, but it is not cryptographic and does not protect
    /// against somebody who wants to hide a change.
    ///
    /// ```
    /// use azure_asset_sync::{Kind, Rules};
    ///
    /// let judged_by = Rules::default().fingerprint();
    /// assert_eq!(Rules::default().fingerprint(), judged_by);
    /// assert_ne!(Rules::default().max_size(Kind::Image, 1 << 20).fingerprint(), judged_by);
    /// ```
    pub fn fingerprint(&self) -> u64 {
        let mut print = Fnv::default();
        print.text(REVISION);
        // Each value is hashed as its stable text, never as a number of the enum: variants may be reordered.
        for &reason in Reason::ALL {
            print.text(reason.as_str());
            print.text(self.action(reason).as_str());
        }
        for bytes in self.limits() {
            print.text(&bytes.to_string());
        }
        print.text(&self.formats().len().to_string());
        for format in self.formats() {
            print.text(format.extension());
            print.text(format.kind().as_str());
            print.text(format.media_type().as_str());
            print.list(format.aliases());
        }
        if let Some(filter) = self.active_filter() {
            filter.write(&mut print);
        }
        print.finish()
    }
}
