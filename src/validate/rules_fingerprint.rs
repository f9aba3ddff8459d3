//! The fingerprint by which stored results are matched with the rules that made them.

use super::{Reason, Rules, fnv::Fnv};

/// Counts up when the same rules judge another way than they did in the release before
const REVISION: &str = "1";

impl Rules {
    /// A number that tells these rules from others, to be stored with what they judged
    ///
    /// Rules that are set alike have the same, in every process and on every platform, and so have
    /// lists of patterns in another order. Any other format, limit, action or filter has another
    /// one, as has a release of this crate that judges otherwise. It is FNV-1a of 64 bits, and not
    /// cryptographic: it shows a change, and is no proof against somebody who wants to hide one.
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
