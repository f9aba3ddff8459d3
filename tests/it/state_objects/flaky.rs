//! An object store in memory of which one request fails.

use std::{
    fmt,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use futures::{StreamExt as _, stream::BoxStream};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, memory::InMemory,
    path::Path,
};

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The service does not see the request.
    NotSent,
    /// The service does what was requested, and the client gets an error.
    AnswerLost,
}

/// A store in memory that counts requests, and fails one of them.
#[derive(Debug, Default)]
pub struct Flaky {
    inner: InMemory,
    requests: AtomicU64,
    failure: Mutex<Option<(u64, Failure)>>,
    has_failed: AtomicBool,
}

impl Flaky {
    /// Makes a later request fail; 0 is the next one.
    pub fn fail_at(&self, number: u64, failure: Failure) {
        let at = self.requests.load(Ordering::SeqCst) + number;
        *self.failure.lock().unwrap() = Some((at, failure));
    }

    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::SeqCst)
    }

    /// Counts a request, and returns how it fails.
    fn count(&self) -> Option<Failure> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let failure = *self.failure.lock().unwrap();
        let failure = failure.filter(|(at, _)| *at == number).map(|(_, failure)| failure);
        self.has_failed.fetch_or(failure.is_some(), Ordering::SeqCst);
        failure
    }
}

fn failed() -> Error {
    Error::Generic { store: "flaky", source: "the connection broke".into() }
}

impl fmt::Display for Flaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("flaky")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Flaky {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        match self.count() {
            None => self.inner.put_opts(location, payload, options).await,
            Some(Failure::NotSent) => Err(failed()),
            Some(Failure::AnswerLost) => {
                self.inner.put_opts(location, payload, options).await?;
                Err(failed())
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match self.count() {
            None => self.inner.get_opts(location, options).await,
            Some(_) => Err(failed()),
        }
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        match self.count() {
            None => self.inner.delete_stream(locations),
            Some(_) => locations.map(|_| Err(failed())).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.count() {
            None => self.inner.list(prefix),
            Some(_) => futures::stream::iter([Err(failed())]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
