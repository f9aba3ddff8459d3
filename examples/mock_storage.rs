//! Tests code that lists blobs without Azure: a store of your own that fails once and then answers.
//!
//! Run it with `cargo run --example mock_storage`. It prints the report of a scan of two blobs: one
//! image that is accepted, and one text file that is rejected. The scan repeats the request that
//! failed.

use std::sync::atomic::{AtomicBool, Ordering};

use azure_asset_sync::{
    Blob, Error, ErrorKind, Prefix, Scan, Store,
    store::{ListRequest, Page, ReadRequest},
};
use bytes::Bytes;

/// A store whose first request fails with the error of a busy server.
#[derive(Default)]
struct Flaky {
    failed: AtomicBool,
}

#[async_trait::async_trait]
impl Store for Flaky {
    async fn list(&self, _: ListRequest) -> Result<Page, Error> {
        if !self.failed.swap(true, Ordering::Relaxed) {
            return Err(Error::from_response(503, Some("ServerBusy")));
        }
        Ok(Page::last(vec![Blob::new("cat.jpg", 48_000), Blob::new("readme.md", 700)]))
    }

    async fn read(&self, _: ReadRequest) -> Result<Bytes, Error> {
        // A scan reads no content.
        Err(Error::new(ErrorKind::BadRequest, "this mock has no content"))
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let report = Scan::new(Flaky::default(), &Prefix::default()).run(()).await?;
    println!("{report}");
    assert_eq!((report.accepted(), report.rejected(), report.requests), (1, 1, 2));
    Ok(())
}
