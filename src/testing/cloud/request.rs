//! A request to the blob service, and the operation that it asks for.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::{HeaderMap, Method, Request};
use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use super::{
    ACCOUNT, Refusal, State,
    access::{BLOBS, CONTAINERS, RequiredAccess},
};
use crate::condition;

/// A request to the blob service, taken apart
pub(super) struct BlobRequest<'a> {
    pub(super) method: &'a Method,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a Bytes,
    query: BTreeMap<String, String>,
    account: String,
    container: String,
    blob: String,
}

/// An operation of the blob service
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
    pub(super) fn new(request: &'a Request<Bytes>) -> Result<Self, Refusal> {
        let path = percent_decode_str(request.uri().path())
            .decode_utf8()
            .map_err(|_| Refusal::new(400, "InvalidUri"))?;
        let mut parts = path.trim_start_matches('/').splitn(3, '/');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        Ok(Self {
            account: part(),
            container: part(),
            blob: part(),
            method: request.method(),
            headers: request.headers(),
            body: request.body(),
            query: form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect(),
        })
    }

    pub(super) fn is_for_us(&self) -> bool {
        self.account == ACCOUNT
    }

    /// A parameter of the query
    pub(super) fn parameter(&self, key: &str) -> Option<&str> {
        self.query.get(key).map(String::as_str)
    }

    /// A parameter of the query; empty if the request has none
    pub(super) fn text(&self, key: &str) -> &str {
        self.parameter(key).unwrap_or_default()
    }

    /// The container and the blob, as they are stored
    pub(super) fn blob(&self) -> (&str, &str) {
        (&self.container, &self.blob)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn operation(&self) -> Result<Operation<'_>, Refusal> {
        let (is_get, is_head) = (self.method == Method::GET, self.method == Method::HEAD);
        let (container, blob) = (self.container.as_str(), self.blob.as_str());
        match (self.text("restype"), self.text("comp")) {
            (_, "list") if container.is_empty() && is_get => Ok(Operation::ListContainers),
            ("service", "userdelegationkey")
                if container.is_empty() && self.method == Method::POST =>
            {
                Ok(Operation::DelegationKey)
            }
            _ if !is_get && !is_head => Err(Refusal::new(405, "UnsupportedHttpVerb")),
            _ if container.is_empty() => Err(self.wrong_operation()),
            (_, "list") if blob.is_empty() && is_get => Ok(Operation::ListBlobs(container)),
            ("container", "acl") if blob.is_empty() => Ok(Operation::ContainerAcl(container)),
            ("container", "" | "metadata") if blob.is_empty() => {
                Ok(Operation::ContainerProperties(container))
            }
            (_, "" | "metadata") if !blob.is_empty() => Ok(Operation::ReadBlob(container, blob)),
            _ => Err(self.wrong_operation()),
        }
    }

    fn wrong_operation(&self) -> Refusal {
        Refusal::new(400, "InvalidQueryParameterValue").parameter("comp", self.text("comp"))
    }

    /// What the operation needs, for a condition to look at
    pub(super) fn required_access<'n>(
        &self,
        operation: Operation<'n>,
        state: &State,
    ) -> RequiredAccess<'n> {
        let read = || condition::Request::new(format!("{BLOBS}/read"));
        match operation {
            Operation::ListContainers => RequiredAccess::action(None, format!("{CONTAINERS}/read")),
            Operation::DelegationKey => RequiredAccess::action(
                None,
                "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
            ),
            Operation::ContainerProperties(container) => {
                RequiredAccess::action(Some(container), format!("{CONTAINERS}/read"))
            }
            Operation::ContainerAcl(container) => {
                RequiredAccess::action(Some(container), format!("{CONTAINERS}/getAcl/action"))
            }
            Operation::ListBlobs(container) => {
                let mut list = read().suboperation("Blob.List");
                if let Some(prefix) = self.parameter("prefix") {
                    list = list.request(&format!("{BLOBS}:prefix"), prefix);
                }
                if let Some(include) = self.parameter("include").filter(|what| !what.is_empty()) {
                    let include: condition::Values = include.split(',').collect();
                    list = list.request(&format!("{BLOBS}:include"), include);
                }
                RequiredAccess::data(container, list, state)
            }
            Operation::ReadBlob(container, blob) => {
                let mut get = read()
                    .resource(&format!("{BLOBS}:path"), blob)
                    .resource(&format!("{BLOBS}:isCurrentVersion"), self.old_version().is_none());
                if let Some((attribute, value)) = self.old_version() {
                    get = get.request(&format!("{BLOBS}:{attribute}"), value);
                }
                RequiredAccess::data(container, get, state)
            }
        }
    }

    /// The version or the snapshot that the request names
    pub(super) fn old_version(&self) -> Option<(&'static str, &str)> {
        let version = self.parameter("versionid").map(|value| ("versionId", value));
        version.or_else(|| self.parameter("snapshot").map(|value| ("snapshot", value)))
    }
}
