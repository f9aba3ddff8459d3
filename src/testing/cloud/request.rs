//! A request to the blob service: its parts, and the operation that it calls.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::{HeaderMap, Method, Request};
use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use super::{identity::ACCOUNT, refusal::Refusal};

/// A request to the blob service, parsed.
///
/// The path is `/account/container/blob`, as for emulators, because a loopback port has no host
/// name for the account.
pub(super) struct BlobRequest<'a> {
    method: &'a Method,
    headers: &'a HeaderMap,
    body: &'a Bytes,
    query: BTreeMap<String, String>,
    account: String,
    container: String,
    blob: String,
}

/// An operation of the blob service, with the container and the blob that it is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operation<'a> {
    ListContainers,
    DelegationKey,
    ContainerProperties(&'a str),
    ContainerAcl(&'a str),
    ListBlobs(&'a str),
    ReadBlob(&'a str, &'a str),
}

impl<'a> BlobRequest<'a> {
    /// Parses a request.
    ///
    /// # Errors
    /// Fails with 400 `InvalidUri` if the path is not UTF-8.
    pub(super) fn new(request: &'a Request<Bytes>) -> Result<Self, Refusal> {
        // Decoded before it is split: a `%2F` in a blob name is a slash of the name.
        let path = percent_decode_str(request.uri().path())
            .decode_utf8()
            .map_err(|_| Refusal::new(400, "InvalidUri"))?;
        // The name of a blob keeps its slashes.
        let mut parts = path.trim_start_matches('/').splitn(3, '/');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        Ok(Self {
            account: part(),
            container: part(),
            blob: part(),
            method: request.method(),
            headers: request.headers(),
            body: request.body(),
            // The last value wins if a parameter is repeated. No client here repeats one.
            query: form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect(),
        })
    }

    /// Returns whether the request is for the account of the cloud.
    pub(super) fn is_for_this_account(&self) -> bool {
        self.account == ACCOUNT
    }

    /// Returns the HTTP method.
    pub(super) fn method(&self) -> &'a Method {
        self.method
    }

    /// Returns the headers.
    pub(super) fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// Returns the body.
    pub(super) fn body(&self) -> &'a Bytes {
        self.body
    }

    /// Returns a query parameter, or `None` if the request does not have it.
    pub(super) fn parameter(&self, key: &str) -> Option<&str> {
        self.query.get(key).map(String::as_str)
    }

    /// Returns a query parameter, or an empty text if the request does not have it.
    pub(super) fn text(&self, key: &str) -> &str {
        self.parameter(key).unwrap_or_default()
    }

    /// Returns the names of the container and the blob, decoded.
    pub(super) fn names(&self) -> (&str, &str) {
        (&self.container, &self.blob)
    }

    /// Returns a header that is text, or `None`.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the operation that the request calls.
    ///
    /// # Errors
    /// Fails with 405 for a method that only writes use, and with 400 for an unknown operation.
    pub(super) fn operation(&self) -> Result<Operation<'_>, Refusal> {
        let (is_get, is_head) = (self.method == Method::GET, self.method == Method::HEAD);
        let (container, blob) = (self.container.as_str(), self.blob.as_str());
        // The order matters: the service refuses a wrong method before a wrong operation.
        match (self.text("restype"), self.text("comp")) {
            (_, "list") if container.is_empty() && is_get => Ok(Operation::ListContainers),
            ("service", "userdelegationkey")
                if container.is_empty() && self.method == Method::POST =>
            {
                Ok(Operation::DelegationKey)
            }
            // Operations that write are not simulated.
            _ if !is_get && !is_head => Err(Refusal::new(405, "UnsupportedHttpVerb")),
            _ if container.is_empty() => Err(self.unknown_operation()),
            (_, "list") if blob.is_empty() && is_get => Ok(Operation::ListBlobs(container)),
            ("container", "acl") if blob.is_empty() => Ok(Operation::ContainerAcl(container)),
            ("container", "" | "metadata") if blob.is_empty() => {
                Ok(Operation::ContainerProperties(container))
            }
            (_, "" | "metadata") if !blob.is_empty() => Ok(Operation::ReadBlob(container, blob)),
            _ => Err(self.unknown_operation()),
        }
    }

    fn unknown_operation(&self) -> Refusal {
        Refusal::new(400, "InvalidQueryParameterValue").parameter("comp", self.text("comp"))
    }

    /// Returns the version or the snapshot that the request names, with the attribute that
    /// conditions have for it.
    pub(super) fn old_version(&self) -> Option<(&'static str, &str)> {
        let version = self.parameter("versionid").map(|value| ("versionId", value));
        version.or_else(|| self.parameter("snapshot").map(|value| ("snapshot", value)))
    }
}
