//! Lints any text: findings must be within the text, and repairs must be texts that can be linted
//! again.
//!
//! `cargo +nightly fuzz run -s none lint -- -runs=1000000 -dict=fuzz/condition.dict`
#![no_main]

use azure_asset_sync::condition::Lint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let lint = Lint::new();
    for finding in lint.check(text) {
        assert!(text.get(finding.span.start..finding.span.end).is_some());
        assert!(!finding.message.is_empty());
        if let Some(repair) = finding.repair {
            lint.check(&repair);
        }
    }
});
