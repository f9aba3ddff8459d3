//! One HTTP request: how long it takes, and its status.

use futures::{Stream, StreamExt as _};
use tokio::time::Instant;

use super::{
    counters::{add, change, record},
    names::metric,
};

/// An HTTP request whose answer is not complete. It ends when it is dropped.
pub(crate) struct HttpRequest {
    service: &'static str,
    started: Instant,
    /// The class of the status; `none` without an answer.
    status: &'static str,
}

impl HttpRequest {
    /// Begins a request to storage.
    pub(crate) fn to_storage() -> Self {
        Self::new("storage")
    }

    /// Begins a request for a token.
    pub(crate) fn to_sign_in() -> Self {
        Self::new("sign_in")
    }

    fn new(service: &'static str) -> Self {
        change(metric::REQUESTS_IN_FLIGHT, [("service", service)], 1.0);
        Self { service, started: Instant::now(), status: "none" }
    }

    /// Notes the status of the answer.
    pub(crate) fn answered(&mut self, status: u16) {
        self.status = match status / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            5 => "5xx",
            _ => "none",
        };
    }

    /// Returns the body of the answer, with whose end or drop the request ends.
    pub(crate) fn until_end_of<S: Stream>(self, body: S) -> impl Stream<Item = S::Item> {
        body.inspect(move |_| {
            let _held = &self;
        })
    }
}

impl Drop for HttpRequest {
    fn drop(&mut self) {
        let service = [("service", self.service)];
        change(metric::REQUESTS_IN_FLIGHT, service, -1.0);
        record(metric::REQUEST_DURATION, service, self.started.elapsed());
        let [service] = service;
        add(metric::REQUESTS, [service, ("status", self.status)], 1);
    }
}
