//! A service tests its own code without Azure: a store that fails once, and then answers.

use std::sync::atomic::{AtomicBool, Ordering};

use azure_asset_sync::{
    Blob, Error, ErrorKind, Prefix, Scan, Store,
    store::{ListRequest, Page, ReadRequest},
};
use bytes::Bytes;

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
