//! A container in Azure, by the official SDK.
//!
//! Requests go through `azure_core`'s pipeline, with its token and telemetry policies and without
//! its retries, which are the scan's. The body of a listing goes to this crate's own decoder, which
//! tells a listing from a captive portal and a bad entry from a bad page.

mod certificate;
mod credential;
mod delegation;
mod failure;
mod inspect;
mod links;
mod renew;
mod signature;
mod transport;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, Context, Method, Pipeline, PipelineStreamOptions, Request,
    RetryOptions, Transport, Url,
    headers::{ACCEPT, CONTENT_TYPE, HeaderName},
};
use azure_storage_blob::{BlobClient, BlobClientOptions, models::BlobClientDownloadOptions};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

pub use self::{
    credential::{Credential, Secret},
    links::{LinkRequest, ViewLink, ViewLinks},
};
use self::{
    delegation::Keys,
    renew::{Bearer, Renewable},
    transport::StorageTransport,
};
use super::{Include, Inspect, ListRequest, Page, Question, ReadRequest, Store, page::Decoder};
use crate::{
    clock::{Clock, SystemClock},
    connection::Connection,
    error::{Error, ErrorKind},
    name::TenantId,
};

/// The service version that requests ask for: the first that all of this was tested with
const VERSION: &str = "2026-04-06";

/// The scope of tokens for any storage account of any cloud
const SCOPE: &str = "https://storage.azure.com/.default";

/// How many bytes of a body are taken before other tasks may run
const PART: usize = 64 << 10;

/// Larger than 5,000 blobs with all the metadata that they can have are in practice
const MAX_PAGE_BYTES: usize = 64 << 20;

/// A container in Azure
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
    /// A shared access signature, without `?`; empty for none
    signature: Secret,
    /// What gives tokens; `None` for a signature or nobody
    credential: Option<Arc<Renewable>>,
    pipeline: Pipeline,
    /// The same over connections of their own: each may lead to another front end
    fresh: Pipeline,
    options: ClientOptions,
    /// For requests without the credential
    client: reqwest::Client,
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
    /// [`ErrorKind::Config`] where credential and connection do not fit together.
    pub fn new(connection: &Connection, credential: Credential) -> Result<Self, Error> {
        Self::builder(connection).build(credential)
    }

    /// Starts a store with settings of its own
    pub fn builder(connection: &Connection) -> AzureStoreBuilder {
        AzureStoreBuilder {
            connection: connection.clone(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            certificates: Vec::new(),
            clock: Arc::new(SystemClock),
        }
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
        if !self.signature.expose().is_empty() {
            query.extend(["&", self.signature.expose()]);
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
                let body = collect(body, MAX_PAGE_BYTES).await?;
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
        page.await.map_err(|error: Error| {
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
        if start >= end {
            let what = format!("{doing}: the range is empty");
            return Err(Error::new(ErrorKind::RangeNotSatisfiable, what));
        }
        if !self.signature.expose().is_empty() {
            url.set_query(Some(self.signature.expose()));
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
                ..Default::default()
            };
            let result = client.download(Some(options)).await.map_err(|e| failure::of(&e))?;
            let bytes = collect(result.body, end - start).await?;
            // The SDK answers for a range behind the end of an empty blob with nothing.
            if bytes.is_empty() {
                return Err(Error::from_response(416, Some("InvalidRange")));
            }
            Ok(bytes)
        };
        read.await.map_err(|error: Error| error.context(format_args!("{doing}")))
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
                format!("the answer has more than {most} bytes; ask for a smaller page or range"),
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

/// Settings of an [`AzureStore`]
#[derive(Clone, Debug)]
#[must_use]
pub struct AzureStoreBuilder {
    connection: Connection,
    connect_timeout: Duration,
    read_timeout: Duration,
    certificates: Vec<String>,
    clock: Arc<dyn Clock>,
}

impl AzureStoreBuilder {
    /// How long a connection may take to be made; 10 seconds by default
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long the service may be silent in the middle of an answer; 60 seconds by default
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = timeout;
        self
    }

    /// Trusts the certificate authorities in this PEM text too, as for a private endpoint
    pub fn certificate_authority(mut self, pem: impl Into<String>) -> Self {
        self.certificates.push(pem.into());
        self
    }

    /// Tells the time by this clock where view links and their keys are dated; the machine's by
    /// default
    ///
    /// Tokens go by the machine's, whatever is given here.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The tenant of the account's subscription: where a service principal must sign in
    ///
    /// One request without a credential; the account answers it with a challenge that names the
    /// tenant. Only challenges by the authorities of Azure's clouds count, and nothing is sent to
    /// what a challenge names: the authority is the connection's own.
    ///
    /// # Errors
    /// [`ErrorKind::TenantNotFound`] where the account names no tenant, as when it is public or its
    /// firewall answers first, and those of a request.
    pub async fn discover_tenant(&self) -> Result<TenantId, Error> {
        let store = self.clone().build(Credential::Anonymous)?;
        let answer = store.inspect(Question::Challenge).await?;
        answer.challenge.map(|challenge| challenge.tenant).ok_or_else(|| {
            let what = "the account does not say which tenant it belongs to; ask the customer for the Directory (tenant) ID";
            let error = Error::new(ErrorKind::TenantNotFound, what);
            let error = answer.status.into_iter().fold(error, Error::with_status);
            answer.code.into_iter().fold(error, Error::with_code)
        })
    }

    /// The store, for the principal that the credential stands for
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where credential and connection do not fit together, or a certificate
    /// cannot be read.
    pub fn build(self, credential: Credential) -> Result<AzureStore, Error> {
        let tls = transport::tls(&self.certificates)?;
        let client = transport::client(
            self.connect_timeout,
            self.read_timeout,
            tls.clone(),
            transport::Connections::Kept,
        )?;
        let lone = transport::client(
            self.connect_timeout,
            self.read_timeout,
            tls,
            transport::Connections::ForOneRequest,
        )?;
        let mut options = ClientOptions {
            retry: RetryOptions::none(),
            transport: Some(Transport::new(Arc::new(StorageTransport(client.clone())))),
            ..Default::default()
        };
        let signature = credential.signature(&self.connection)?;
        let credential = credential.token(&self.connection, client.clone())?.map(Arc::new);
        if let Some(credential) = &credential {
            if self.connection.container_url().scheme() != "https" {
                return Err(Error::new(
                    ErrorKind::Config,
                    "a token is never sent without TLS; use an https endpoint, a shared access signature or no credential",
                ));
            }
            options.per_try_policies.push(Arc::new(Bearer::new(Arc::clone(credential), SCOPE)));
        }
        let pipeline = |options| {
            let (name, version) = (option_env!("CARGO_PKG_NAME"), option_env!("CARGO_PKG_VERSION"));
            Pipeline::new(name, version, options, Vec::new(), Vec::new(), None)
        };
        let fresh = pipeline(ClientOptions {
            transport: Some(Transport::new(Arc::new(StorageTransport(lone)))),
            ..options.clone()
        });
        let pipeline = pipeline(options.clone());
        Ok(AzureStore {
            connection: self.connection,
            signature,
            credential,
            pipeline,
            fresh,
            options,
            client,
            keys: Arc::default(),
            clock: self.clock,
        })
    }
}
