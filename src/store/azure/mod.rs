//! A container in Azure, over the official SDK's HTTP pipeline.
//!
//! This is the only module that names types of the SDK. Requests go through `azure_core`'s pipeline
//! with its telemetry policy and without its retries, because the scan owns all retries. Bodies of
//! listings are decoded by this crate, because the SDK's decoder cannot tell a listing from a login
//! page, nor a malformed entry from a malformed page.
//!
//! | files | responsibility |
//! | --- | --- |
//! | `mod`, `builder`, `request`, `deadline` | the store, its settings, one request, its time limit |
//! | `http/` | the HTTP client of any number of stores: addresses, trust, proxies, limits |
//! | `network`, `transport` | which host may be contacted; which parts of an answer pass |
//! | `credential`, `application`, `secret` | what signs in, and the checks before anything is sent |
//! | `environment` | connection and credential from environment variables |
//! | `certificate`, `pem`, `workload`, `azure_cli` | the sources of assertions and tokens |
//! | `token_transport`, `token_cache`, `no_token` | the sign-in, the cached token, a missing token |
//! | `sas` | shared access signatures that people paste |
//! | `view_links`, `delegation_key`, `delegation_sas` | signed links to single blobs |
//! | `inspect`, `owner`, `exchange` | the questions of a probe, proofs of ownership, raw requests |
//! | `failure` | errors of the SDK and refusals of the service, as this crate's errors |
//!
//! Three rules hold in all of them. A secret goes only to the host that it is for, and no error, log or
//! `Debug` output contains one. Whatever arrives is bounded in size and time before it is read. Text of
//! an answer is passed on only if its form is known.
mod application;
mod azure_cli;
mod builder;
mod certificate;
mod credential;
mod deadline;
mod delegation_key;
mod delegation_sas;
mod environment;
#[cfg(feature = "testing")]
mod exchange;
mod failure;
mod http;
mod inspect;
mod network;
mod no_token;
mod owner;
mod pem;
mod request;
mod sas;
mod secret;
mod token_cache;
mod token_transport;
mod transport;
mod view_links;
mod workload;

use std::{fmt, num::NonZero, sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::http::{
    ClientOptions, Method, Pipeline, Request, Url,
    headers::{ACCEPT, CONTENT_TYPE},
};
use azure_storage_blob::{BlobClient, BlobClientOptions, models::BlobClientDownloadOptions};
use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub use self::exchange::{RawAnswer, RawRequest};
pub use self::{
    builder::AzureStoreBuilder,
    credential::Credential,
    environment::{Environment, EnvironmentProblem, InvalidEnvironment},
    http::{HttpClient, HttpClientBuilder, Limits},
    owner::OwnerMarker,
    secret::Secret,
    view_links::ViewLinks,
};
use self::{
    deadline::within,
    delegation_key::KeyCache,
    http::{Need, Place, Turn},
    network::Target,
    request::{NO_URL, collect, for_each_chunk, send},
    sas::{Operation, SasToken},
    token_cache::RenewableCredential,
    transport::VERSION,
};
use super::{Include, ListRequest, Page, ReadRequest, Store, page::Decoder};
use crate::{
    clock::Clock,
    connection::Connection,
    error::{Error, ErrorKind},
    observe::{self, Labels},
};

/// The limit for the body of a listing: 64 MiB.
///
/// A page has at most 5,000 blobs, and even with all their metadata it stays below this in practice.
const MAX_PAGE_BYTES: usize = 64 << 20;

/// A container in Azure Blob Storage. Cloning a store is cheap, and clones share the cached token.
///
/// A store contacts two hosts: the account's blob endpoint, and the authority that signs its
/// principal in (or the managed identity endpoint of the machine). The service's
/// [`HostPolicy`](crate::HostPolicy) decides which hosts these may be; by default they are those of
/// Azure's clouds, at public addresses. For an emulator or a private endpoint see
/// [`AzureStoreBuilder::policy`].
///
/// # What is sent
/// Requests only read: GET and OPTIONS, and one POST that returns the key for
/// [view links](ViewLinks). Nothing in the account is written or changed. A request carries the token or the shared
/// access signature, the API version `2026-04-06`, and a `User-Agent` with the names of this crate
/// and of the SDK. A token is never sent without TLS. Redirects are not followed, because they would
/// take the credential to another host.
///
/// # Timeouts and connections
/// | setting | default | applies to |
/// | --- | --- | --- |
/// | [`connect_timeout`](AzureStoreBuilder::connect_timeout) | 10 s | making a connection, TLS included |
/// | [`read_timeout`](AzureStoreBuilder::read_timeout) | 60 s | silence in the middle of an answer |
/// | [`request_deadline`](AzureStoreBuilder::request_deadline) | 5 min | a call, from the sign-in to the last byte |
///
/// A store does not retry a request, because the [scan](crate::Scan) owns all retries. The one
/// exception: if storage refuses a token that it accepted before, the store signs in again and sends
/// the request once more. Connections are pooled and reused; the number of open connections is the
/// number of concurrent calls. An error body is read up to 64 KiB, a listing up to 64 MiB, and a
/// blob up to the requested range.
///
/// A store makes an HTTP client of its own. Stores share one, with its connections, settings and limits,
/// if they are given an [`HttpClient`] with [`AzureStoreBuilder::http_client`].
///
/// Dropping the future of a call cancels the call.
///
/// # Whose container it is
/// A service that reads the containers of many customers can become a *confused deputy*: customer B
/// types the account and container of customer A, who has assigned a role to the service's
/// principal, and the service then reads A's blobs for B. Neither the credential nor the host policy
/// prevents this, because both are valid. Before it saves a connection, a service must check that the
/// container belongs to the customer who typed it:
///
/// - [`AzureStoreBuilder::verify_tenant`] compares the tenant of the storage account with the tenant
///   that the customer has proved to own, for example by signing in to the service. Never compare
///   with [`Connection::tenant`], because the customer typed that too.
/// - [`verify_marker`](Self::verify_marker) checks for a blob with a random name, which only somebody
///   with write access to the container can have created. Use it if customers share a tenant.
///
/// # Proxies
/// A store reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in upper or lower case, when
/// it is built, unless it is given an [`HttpClient`] with [another proxy](HttpClientBuilder::proxy). It ignores them if `REQUEST_METHOD` is set, because in a CGI program a client could
/// set `HTTP_PROXY` through a header. Requests to loopback addresses and to the identity endpoint of
/// the machine (`169.254.169.254`, `IDENTITY_ENDPOINT`) never use a proxy. A proxy resolves host
/// names itself, so only the name of a host is checked then, and not its addresses.
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
#[derive(Clone)]
pub struct AzureStore {
    // Every field is shared by all clones, so that a clone costs a few counters.
    connection: Arc<Connection>,
    /// The shared access signature; empty for other credentials.
    sas: Arc<SasToken>,
    /// The source of tokens; `None` for a shared access signature or anonymous access.
    credential: Option<Arc<RenewableCredential>>,
    pipeline: Arc<Pipeline>,
    /// A pipeline that makes a new connection for each request, which may reach another front end.
    unpooled: Arc<Pipeline>,
    /// The options that `pipeline` was made with, for clients of the SDK.
    options: Arc<ClientOptions>,
    /// The account's host, and the client that sends requests to it.
    target: Arc<Target>,
    /// The store's turn among the calls of all stores of the client.
    turn: Turn,
    deadline: Duration,
    /// The key for view links, which all [`ViewLinks`] of this store share.
    key_cache: Arc<KeyCache>,
    clock: Arc<dyn Clock>,
}

impl AzureStore {
    /// Creates a store for the connection's container, with default settings.
    ///
    /// Sends nothing: a wrong secret shows with the first request.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the credential does not fit the connection, for example a token for an
    /// endpoint without TLS. [`ErrorKind::HostRefused`] if the connection names an endpoint or
    /// authority other than Azure's; allow the host with [`AzureStoreBuilder::policy`].
    pub fn new(connection: &Connection, credential: Credential) -> Result<Self, Error> {
        Self::builder(connection).build(credential)
    }

    /// Returns a builder for a store with other settings.
    pub fn builder(connection: &Connection) -> AzureStoreBuilder {
        AzureStoreBuilder::new(connection)
    }

    /// Returns the client that sends requests without the credential.
    fn client(&self) -> &reqwest::Client {
        self.target.http().reuse()
    }

    /// Waits until a call may start, within the limits of the client.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] if the call needs more memory than the limit.
    async fn enter(&self, need: Need) -> Result<Place, Error> {
        self.target.http().gate().enter(&self.turn, need).await
    }

    /// Adds to a refusal what the shared access signature says about itself.
    fn explain(&self, error: Error, operation: Operation) -> Error {
        self.sas.explain(error, operation, self.clock.time())
    }

    /// Returns the URL of one page of the listing.
    fn list_url(&self, request: &ListRequest) -> Url {
        let mut query = String::from("restype=container&comp=list");
        let mut add = |key: &str, value: &str| {
            // Not form encoding, which writes a blank as `+`; the service would read a plus sign.
            query.extend(["&", key, "="]);
            query.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        };
        if !request.prefix.is_empty() {
            add("prefix", &request.prefix);
        }
        match (&request.marker, &request.start_from) {
            // A marker wins: it already contains the start of the listing.
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
        if !self.sas.query().is_empty() {
            query.extend(["&", self.sas.query()]);
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
        // Explicit, because a later version of the service or SDK may prefer another format.
        http.insert_header(ACCEPT, "application/xml");
        let mut place = self.enter(Need::Page).await?;
        let page = async {
            let response = send(&self.pipeline, http).await?;
            // The status comes first: the body of a refusal has another format and a smaller limit.
            let (status, headers, body) = response.deconstruct();
            if !status.is_success() {
                let body = collect(body, transport::MAX_ERROR_BYTES).await?;
                return Err(failure::from_response(status, &headers, &body));
            }
            // A login page has status 200 too, so the content type is checked before decoding.
            let content_type = headers.get_optional_str(&CONTENT_TYPE).unwrap_or_default();
            if !content_type.to_ascii_lowercase().contains("xml") {
                return Err(Error::new(
                    ErrorKind::UnexpectedAnswer,
                    "the answer is not XML; check whether a proxy or a login page answers instead of the endpoint",
                ));
            }
            let mut decoder = Decoder::new(request.include.contains(&Include::Metadata));
            let push = |chunk: &[u8]| decoder.push(chunk);
            let bytes = for_each_chunk(body, MAX_PAGE_BYTES, &mut place, push).await?;
            observe::page_received(bytes);
            decoder.finish_in_parts().await
        };
        within(self.deadline, page).await.map_err(|error: Error| {
            let error = self.explain(error, Operation::List);
            error.context(format_args!("list container `{}`", self.connection.container()))
        })
    }

    async fn read(&self, request: ReadRequest) -> Result<Bytes, Error> {
        let doing = format!("read a blob of container `{}`", self.connection.container());
        let Some(mut url) = self.connection.blob_url(&request.name) else {
            return Err(Error::new(ErrorKind::BadRequest, format!("{doing}: {NO_URL}")));
        };
        // The SDK counts in `usize`, which is smaller than the range on 32-bit machines.
        let range = (usize::try_from(request.range.start), usize::try_from(request.range.end));
        let (Ok(start), Ok(end)) = range else {
            let what = format!("{doing}: the range exceeds the address space of this machine");
            return Err(Error::new(ErrorKind::RangeNotSatisfiable, what));
        };
        let Some(length) = end.checked_sub(start).and_then(NonZero::new) else {
            let what = format!("{doing}: the range is empty; request at least one byte");
            return Err(Error::new(ErrorKind::RangeNotSatisfiable, what));
        };
        if !self.sas.query().is_empty() {
            url.set_query(Some(self.sas.query()));
        }
        let _place = self.enter(Need::Bytes(length.get())).await?;
        let read = async {
            let options = BlobClientOptions {
                client_options: (*self.options).clone(),
                version: VERSION.to_owned(),
            };
            // No credential argument: the authentication policy and its token cache are in the options.
            let client =
                BlobClient::new(url, None, Some(options)).map_err(|e| failure::from_sdk(&e))?;
            let options = BlobClientDownloadOptions {
                range: Some((start..end).into()),
                if_match: request.if_match.as_ref().map(|etag| etag.as_str().into()),
                // INVARIANT: one request per call. The SDK's tasks for a download in several parts
                // would outlive the deadline.
                partition_size: Some(length),
                parallel: Some(NonZero::<usize>::MIN),
                ..Default::default()
            };
            let result = client.download(Some(options)).await.map_err(|e| failure::from_sdk(&e))?;
            // INVARIANT: no more bytes than requested are kept, whatever the service sends.
            let bytes = collect(result.body, length.get()).await?;
            // For a range after the end of an empty blob the SDK returns no bytes and no error.
            if bytes.is_empty() {
                return Err(Error::from_response(416, Some("InvalidRange")));
            }
            Ok(bytes)
        };
        let span = observe::read_span(self.labels(), length.get());
        observe::within(span, within(self.deadline, read)).await.map_err(|error: Error| {
            self.explain(error, Operation::Read).context(format_args!("{doing}"))
        })
    }

    fn labels(&self) -> Labels<'_> {
        self.connection.labels()
    }
}

impl fmt::Debug for AzureStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureStore").field("connection", &self.connection).finish_non_exhaustive()
    }
}
