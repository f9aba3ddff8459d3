//! Parses any text as a condition: an error must be printable, and a condition must print and parse
//! back to the same condition, and have a decision.
//!
//! `cargo +nightly fuzz run -s none condition -- -runs=10000000 -dict=fuzz/condition.dict`
#![no_main]

use azure_asset_sync::condition::{Condition, Layout, Request};
use libfuzzer_sys::fuzz_target;

const READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";

fuzz_target!(|text: &str| {
    match text.parse::<Condition>() {
        Err(error) => {
            assert!(text.get(error.span().start..error.span().end).is_some());
            assert!(!error.caret().is_empty());
        }
        Ok(condition) => {
            for layout in [Layout::Portal, Layout::OneLine] {
                let printed = condition.print(layout);
                assert_eq!(printed.parse::<Condition>().as_ref(), Ok(&condition), "{printed}");
            }
            let request = Request::new(READ).suboperation("Blob.List");
            assert_eq!(condition.allows(&request), condition.trace(&request).allowed());
            assert!(!condition.explain().is_empty());
        }
    }
});
