//! A container in Azure, by the official SDK.
//!
//! Requests go through `azure_core`'s pipeline, with its telemetry policy and without its retries,
//! which are the scan's. The body of a listing goes to this crate's own decoder, which tells a
//! listing from a captive portal and a bad entry from a bad page.

mod azure_cli;
mod builder;
mod certificate;
mod credential;
mod deadline;
mod delegation;
#[cfg(feature = "testing")]
mod exchange;
mod failure;
mod inspect;
mod links;
mod network;
mod owner;
mod pem;
mod renew;
mod sas;
mod signature;
mod token;
mod transport;
mod workload;

use std::{fmt, num::NonZero, sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, Context, Method, Pipeline, PipelineStreamOptions, Request,
    Url,
    headers::{ACCEPT, CONTENT_TYPE, HeaderName},
};
use azure_storage_blob::{BlobClient, BlobClientOptions, models::BlobClientDownloadOptions};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub use self::exchange::{RawAnswer, RawRequest};
pub use self::{
    builder::AzureStoreBuilder,
    credential::{Credential, Secret},
    links::{LinkRequest, ViewLink, ViewLinks},
    owner::OwnerMarker,
};
use self::{
    deadline::within,
    delegation::Keys,
    network::Target,
    renew::Renewable,
    sas::{Right, Signature},
};
use super::{Include, ListRequest, Page, ReadRequest, Store, page::Decoder};
use crate::{
    clock::Clock,
    connection::Connection,
    error::{Error, ErrorKind},
    units,
};

/// The service version that requests ask for: the first that all of this was tested with
const VERSION: &str = "2026-04-06";

/// The scope of tokens for any storage account of any cloud
const SCOPE: &str = "https://storage.azure.com/.default";

/// How many bytes of a body are taken before other tasks may run
const PART: usize = 512 << 10;

/// Larger than 5,000 blobs with all the metadata that they can have are in practice
const MAX_PAGE_BYTES: usize = 64 << 20;

/// A container in Azure
///
/// A store contacts two hosts: the account's blob endpoint and the authority that signs its
/// principal in. The service's [`HostPolicy`](crate::HostPolicy) decides which hosts these may be;
/// by default they are those of Azure's clouds, at public addresses. For an emulator or a private
/// endpoint see [`AzureStoreBuilder::policy`]. Each public future ends at the store's
/// [deadline](AzureStoreBuilder::request_deadline), and each answer has a bound on its size.
///
/// # Whose container it is
/// A service that reads the containers of many customers has a problem known as the *confused
/// deputy*: customer B types the account and container of customer A, who has given the service's
/// principal a role, and the service then reads A's blobs for B. The credential is valid and the
/// policy allows the host, so neither prevents it. Before it saves a connection, a service must
/// check that the container belongs to the customer who typed it:
///
/// - [`AzureStoreBuilder::verify_tenant`] compares the tenant of the storage account with the tenant
///   that the customer proved to own, for example by signing in to the service. Never compare with
///   [`Connection::tenant`]: the customer typed that too.
/// - [`verify_marker`](Self::verify_marker) finds a blob with a random name in the container, which
///   only somebody who may write there can have made. Use it if customers share a tenant.
///
/// # Proxies
/// A store reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capitals or in small
/// letters, when it is built, and ignores them if `REQUEST_METHOD` is set (CGI). Requests to
/// loopback addresses and to the identity endpoint of the machine (`169.254.169.254`,
/// `IDENTITY_ENDPOINT`) never go through a proxy. A proxy resolves names itself, so that only the
/// name of a host is checked, and not its addresses.
///
/// ```no_run
/// use azure_asset_sync::{AzureStore, Connection, Credential};
///
/// # fn example(client_id: String, secret: String) -> Result<(), Box<dyn std::error::Error>> {
/// let connection = Connection::builder("hall 3")
///     .account("contosovision")
///     .container("training")
///     .tenant("contoso.onmicrosoft.com")
///     .build()?;
/// let credential = Credential::ClientSecret { client_id, secret: secret.into() };
/// let store = AzureStore::new(&connection, credential)?;
/// # Ok(()) }
/// ```
pub struct AzureStore {
    connection: Connection,
    /// A shared access signature; empty for none
    signature: Signature,
    /// What gives tokens; `None` for a signature or nobody
    credential: Option<Arc<Renewable>>,
    pipeline: Pipeline,
    /// The same over connections of their own: each may lead to another front end
    fresh: Pipeline,
    /// Those of `pipeline`, for clients of the SDK
    options: ClientOptions,
    /// For requests without the credential
    client: reqwest::Client,
    /// The account's host
    target: Arc<Target>,
    deadline: Duration,
    /// The key for view links, for all who make some
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
}

impl AzureStore {
    /// The connection's container, for the principal that the credential stands for
    ///
    /// Sends nothing yet: a wrong secret shows with the first request.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if credential and connection do not fit together, and
    /// [`ErrorKind::HostRefused`] if the connection has an endpoint or an authority that is none of
    /// Azure's: [`AzureStoreBuilder::policy`] allows it.
    pub fn new(connection: &Connection, credential: Credential) -> Result<Self, Error> {
        Self::builder(connection).build(credential)
    }

    /// Starts a store with settings of its own
    pub fn builder(connection: &Connection) -> AzureStoreBuilder {
        AzureStoreBuilder::new(connection)
    }

    /// Says of a refusal what the credential itself tells
    fn explain(&self, error: Error, right: Right) -> Error {
        self.signature.explain(error, right, self.clock.time())
    }

    fn list_url(&self, request: &ListRequest) -> Url {
        let mut query = String::from("restype=container&comp=list");
        let mut add = |key: &str, value: &str| {
            // Not form encoding, in which a blank is a plus.
            query.extend(["&", key, "="]);
            query.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        };
        if !request.prefix.is_empty() {
            add("prefix", &request.prefix);
        }
        match (&request.marker, &request.start_from) {
            (Some(marker), _) => add("marker", marker.as_str()),
            (None, Some(name)) => add("startFrom", name),
            (None, None) => {}
        }
        if let Some(delimiter) = &request.delimiter {
            add("delimiter", delimiter);
        }
        if let Some(most) = request.max_results {
            add("maxresults", &most.to_string());
        }
        if !request.include.is_empty() {
            let include: Vec<_> = request.include.iter().copied().map(Include::as_str).collect();
            add("include", &include.join(","));
        }
        if !self.signature.query().is_empty() {
            query.extend(["&", self.signature.query()]);
        }
        let mut url = self.connection.container_url();
        url.set_query(Some(&query));
        url
    }
}

#[async_trait]
impl Store for AzureStore {
    async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let mut http = Request::new(self.list_url(&request), Method::Get);
        // Asked for in so many words, since a later SDK may prefer another format.
        http.insert_header(ACCEPT, "application/xml");
        let page = async {
            let response = send(&self.pipeline, http).await?;
            let (status, headers, body) = response.deconstruct();
            if !status.is_success() {
                let body = collect(body, transport::MAX_ERROR_BYTES).await?;
                return Err(failure::of_response(status, &headers, &body));
            }
            let content_type = headers.get_optional_str(&CONTENT_TYPE).unwrap_or_default();
            if !content_type.to_ascii_lowercase().contains("xml") {
                return Err(Error::new(
                    ErrorKind::UnexpectedAnswer,
                    "the answer is no XML; check the endpoint for a proxy or a login page",
                ));
            }
            let mut decoder = Decoder::new(request.include.contains(&Include::Metadata));
            pieces(body, MAX_PAGE_BYTES, |piece| decoder.push(piece)).await?;
            decoder.finish_in_parts().await
        };
        within(self.deadline, page).await.map_err(|error: Error| {
            let error = self.explain(error, Right::List);
            error.context(format_args!("list container `{}`", self.connection.container()))
        })
    }

    async fn read(&self, request: ReadRequest) -> Result<Bytes, Error> {
        let doing = format!("read a blob of container `{}`", self.connection.container());
        let Some(mut url) = self.connection.blob_url(&request.name) else {
            return Err(Error::new(
                ErrorKind::BadRequest,
                format!("{doing}: no URL leads to a name with a segment `.` or `..`"),
            ));
        };
        let range = (usize::try_from(request.range.start), usize::try_from(request.range.end));
        let (Ok(start), Ok(end)) = range else {
            let what = format!("{doing}: the range is larger than this machine's addresses");
            return Err(Error::new(ErrorKind::RangeNotSatisfiable, what));
        };
        let Some(length) = end.checked_sub(start).and_then(NonZero::new) else {
            let what = format!("{doing}: the range is empty");
            return Err(Error::new(ErrorKind::RangeNotSatisfiable, what));
        };
        if !self.signature.query().is_empty() {
            url.set_query(Some(self.signature.query()));
        }
        let read = async {
            let options = BlobClientOptions {
                client_options: self.options.clone(),
                version: VERSION.to_owned(),
            };
            // No credential here: the policy that has it is in the options, with its token cache.
            let client = BlobClient::new(url, None, Some(options)).map_err(|e| failure::of(&e))?;
            let options = BlobClientDownloadOptions {
                range: Some((start..end).into()),
                if_match: request.if_match.as_ref().map(|etag| etag.as_str().into()),
                // One request: the tasks of a download in parts would outlive the deadline.
                partition_size: Some(length),
                parallel: Some(NonZero::<usize>::MIN),
                ..Default::default()
            };
            let result = client.download(Some(options)).await.map_err(|e| failure::of(&e))?;
            let bytes = collect(result.body, length.get()).await?;
            // The SDK returns nothing for a range after the end of an empty blob.
            if bytes.is_empty() {
                return Err(Error::from_response(416, Some("InvalidRange")));
            }
            Ok(bytes)
        };
        within(self.deadline, read).await.map_err(|error: Error| {
            self.explain(error, Right::Read).context(format_args!("{doing}"))
        })
    }
}

/// One request, with the credential of the pipeline; every answer is one, a refusal too
async fn send(pipeline: &Pipeline, mut request: Request) -> Result<AsyncRawResponse, Error> {
    request.insert_header(HeaderName::from_static("x-ms-version"), VERSION);
    let options = PipelineStreamOptions { skip_checks: true, ..Default::default() };
    pipeline
        .stream(&Context::new(), &mut request, Some(options))
        .await
        .map_err(|error| failure::of(&error))
}

/// A body as a whole, up to a bound
async fn collect(
    body: azure_core::http::response::AsyncResponseBody,
    most: usize,
) -> Result<Bytes, Error> {
    let mut whole = BytesMut::new();
    pieces(body, most, |piece| whole.extend_from_slice(piece)).await?;
    Ok(whole.freeze())
}

/// Each piece of a body as it arrives, up to a bound
async fn pieces(
    mut body: azure_core::http::response::AsyncResponseBody,
    most: usize,
    mut take: impl FnMut(&[u8]),
) -> Result<(), Error> {
    let (mut length, mut taken) = (0_usize, 0);
    while let Some(piece) = body.try_next().await.map_err(|error| failure::of_body(&error))? {
        length = length.saturating_add(piece.len());
        if length > most {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!(
                    "the answer is larger than {}; ask for a smaller page or range",
                    units::Bytes(most as u64)
                ),
            ));
        }
        // A body that is there already would be taken in one poll, however long that is.
        for part in piece.chunks(PART) {
            taken += part.len();
            if taken > PART {
                taken = part.len();
                tokio::task::yield_now().await;
            }
            take(part);
        }
    }
    Ok(())
}

impl fmt::Debug for AzureStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureStore").field("connection", &self.connection).finish_non_exhaustive()
    }
}
