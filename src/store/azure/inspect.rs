//! Answers the questions of a probe, each with at most one request, and the challenge with two.
//!
//! Requests with the credential go through the pipeline. Requests without it use the HTTP client
//! alone, with the same limits and to the same host. Answers are untrusted: only well-formed headers
//! and fields are passed on.

use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use azure_core::{
    credentials::TokenCredential,
    http::{
        Method, Pipeline, Request, Url,
        headers::{HeaderName, HeaderValue, Headers, WWW_AUTHENTICATE},
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::StreamExt as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::{
    AzureStore,
    deadline::within,
    delegation_key, failure,
    http::{LookupError, Need},
    request::{NO_URL, collect, send},
    sas::Operation,
    token_cache::SCOPE,
    transport::{self, VERSION},
};
use crate::{
    error::{Error, ErrorKind},
    name::ContainerName,
    observe::HttpRequest,
    store::{
        Answer, Question,
        inspect::{Challenge, Cors, Identity, Inspect},
    },
};

/// The limit for a listing of one name: 1 MiB. An entry has at most a name and its metadata.
const MAX_LIST_BYTES: usize = 1 << 20;

/// A text that is not a token, sent to learn from the challenge where to sign in.
const PLACEHOLDER_TOKEN: &str = "none";

/// The lifetime of the key that checks the permission for view links: 10 min. It is dropped at once.
const KEY_LIFETIME: Duration = Duration::from_secs(600);

#[async_trait]
impl Inspect for AzureStore {
    async fn inspect(&self, question: Question) -> Result<Answer, Error> {
        let operation = match question {
            // The permission whose lack in the signature would explain a refusal.
            Question::List { .. } | Question::ListOther { .. } => Operation::List,
            Question::BrowserRead { .. } | Question::ReadOther { .. } => Operation::Read,
            _ => Operation::Other,
        };
        // Requests without a credential: the signature cannot be the cause of a refusal.
        let is_anonymous = matches!(question, Question::Challenge | Question::Preflight { .. });
        let _place = self.enter(Need::Little).await?;
        let answer = within(self.deadline, self.answer(question)).await;
        match is_anonymous {
            true => answer,
            false => answer.map_err(|error| self.explain(error, operation)),
        }
    }
}

/// The error for a blob or origin that cannot be put into a URL.
fn no_url() -> Error {
    Error::new(ErrorKind::BadRequest, NO_URL)
}

impl AzureStore {
    /// Answers one question; a question that does not apply to the credential is unknown.
    async fn answer(&self, question: Question) -> Result<Answer, Error> {
        match question {
            Question::Addresses => self.addresses().await,
            Question::Challenge => self.challenge().await,
            Question::Token => self.token().await,
            Question::BrowserRead { blob, origin } => {
                let url = self.connection.blob_url(&blob).ok_or_else(no_url)?;
                self.send_checked(self.first_byte(url, Some(&origin))).await
            }
            Question::DelegationKey if self.credential.is_some() => self.delegation_key().await,
            Question::Preflight { origin } => self.preflight(&origin).await,
            Question::List { prefix } => {
                let request = self.list_one(self.connection.container_url(), &prefix);
                // A new connection, so that repeated probes reach different front ends.
                self.send_list(request, &self.unpooled).await
            }
            Question::ListOther { container, prefix } => {
                let request = self.list_one(self.other_container_url(&container), &prefix);
                self.send_list(request, &self.pipeline).await
            }
            Question::ReadOther { container, blob } => {
                let other = self.connection.to_container(container);
                let url = other.blob_url(&blob).ok_or_else(no_url)?;
                self.send_checked(self.first_byte(url, None)).await
            }
            Question::ListContainers => {
                let mut url = self.connection.cloud().service(self.connection.account());
                self.set_query(&mut url, "comp=list&maxresults=1");
                self.send_list(Request::new(url, Method::Get), &self.pipeline).await
            }
            // A shared access signature or anonymous access cannot request a key.
            Question::DelegationKey => Ok(Answer::unknown()),
        }
    }

    /// Returns the URL of another container in the same account.
    fn other_container_url(&self, container: &ContainerName) -> Url {
        self.connection.cloud().container(self.connection.account(), container)
    }

    /// Sets the query of a URL, and appends the store's shared access signature if it has one.
    pub(super) fn set_query(&self, url: &mut Url, query: &str) {
        let query = match self.sas.query() {
            "" => query.to_owned(),
            sas if query.is_empty() => sas.to_owned(),
            sas => format!("{query}&{sas}"),
        };
        url.set_query(Some(&query));
    }

    /// Returns a request for a listing of at most one name.
    fn list_one(&self, mut container: Url, prefix: &str) -> Request {
        self.set_query(&mut container, &list_one_query(prefix));
        Request::new(container, Method::Get)
    }

    /// Returns a request for the first byte of a blob, as a page of `origin` sends it.
    fn first_byte(&self, mut url: Url, origin: Option<&str>) -> Request {
        if !self.sas.query().is_empty() {
            self.set_query(&mut url, "");
        }
        let mut request = Request::new(url, Method::Get);
        request
            .insert_header(HeaderName::from_static("range"), HeaderValue::from_static("bytes=0-0"));
        if let Some(origin) = origin {
            request.insert_header(
                HeaderName::from_static("origin"),
                HeaderValue::from(origin.to_owned()),
            );
        }
        request
    }

    /// Requests a user delegation key and drops it, to check the permission for view links.
    async fn delegation_key(&self) -> Result<Answer, Error> {
        let now = self.clock.time();
        let (pipeline, connection) = ((*self.pipeline).clone(), (*self.connection).clone());
        let requested = delegation_key::request_key(pipeline, connection, now, now + KEY_LIFETIME);
        // INVARIANT: the key is dropped here. A probe must not sign anything.
        let (headers, _) = requested.await?;
        Ok(answer(200, &headers))
    }

    /// Sends one request with the credential; a refusal is an error.
    async fn send_checked(&self, request: Request) -> Result<Answer, Error> {
        let (status, headers, body) = send(&self.pipeline, request).await?.deconstruct();
        // 416 is a success: the blob is empty, and reading it was allowed.
        if status.is_success() || u16::from(status) == 416 {
            return Ok(answer(status.into(), &headers));
        }
        let body = collect(body, transport::MAX_ERROR_BYTES).await?;
        Err(failure::from_response(status, &headers, &body))
    }

    /// Sends a request for a listing, and checks that a success is one.
    async fn send_list(&self, request: Request, pipeline: &Pipeline) -> Result<Answer, Error> {
        let (status, headers, body) = send(pipeline, request).await?.deconstruct();
        let body = collect(body, MAX_LIST_BYTES).await?;
        if !status.is_success() {
            return Err(failure::from_response(status, &headers, &body));
        }
        // A login page of a proxy answers with status 200 and HTML.
        if !is_listing(&body) {
            return Err(not_a_listing());
        }
        Ok(answer(status.into(), &headers))
    }

    /// Sends one request without the credential, over the HTTP client alone.
    async fn send_anonymous(
        &self,
        request: reqwest::RequestBuilder,
        origin: Option<&str>,
    ) -> Result<AnonymousAnswer, Error> {
        let mut observed = HttpRequest::to_storage();
        let response = request
            .header("x-ms-version", VERSION)
            .send()
            .await
            .map_err(|error| failure::from_network(&error.without_url()))?;
        let status = response.status().as_u16();
        observed.answered(status);
        let mut headers = Headers::new();
        for (name, value) in response.headers() {
            // A header that is not text is dropped; none of the headers read here can be one.
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        // Read before the filter removes the header, which can contain anything.
        let challenge = headers.get_optional_str(&WWW_AUTHENTICATE).and_then(Challenge::parse);
        let headers = transport::allowed_headers(&headers, origin);
        let mut body = Vec::new();
        let mut pieces = response.bytes_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| failure::from_network(&error.without_url()))?;
            body.extend_from_slice(&piece);
            // Not an error: only the start of the body is examined.
            if body.len() > MAX_LIST_BYTES {
                break;
            }
        }
        Ok(AnonymousAnswer { status, headers, body, challenge })
    }

    /// Resolves the account's host, and checks the addresses against the host policy.
    async fn addresses(&self) -> Result<Answer, Error> {
        let addresses = self.target.addresses().await.map_err(|error| match error {
            LookupError::Failed(error) => {
                failure::from_lookup(failure::is_temporary(&error.to_string()))
            }
            LookupError::Refused(refused) => refused.to_error(),
        })?;
        Ok(Answer { addresses, ..Answer::new() })
    }

    /// Asks the account for a challenge, which says where its principals sign in.
    ///
    /// An account that forbids public access can refuse an anonymous listing without a challenge. It
    /// sends a challenge if the request has a token, even if that text is not a token.
    async fn challenge(&self) -> Result<Answer, Error> {
        let answer = self.request_challenge(None).await?;
        // 404 and 409 are the refusals of accounts without public access.
        if answer.challenge.is_some() || !matches!(answer.status, Some(404 | 409)) {
            return Ok(answer);
        }
        // The status stays that of the first request, which shows whether the container is public.
        let challenge = self.request_challenge(Some(PLACEHOLDER_TOKEN)).await?.challenge;
        Ok(Answer { challenge, ..answer })
    }

    /// Sends one request for a challenge, with `token` as the bearer token if there is one.
    async fn request_challenge(&self, token: Option<&str>) -> Result<Answer, Error> {
        let mut url = self.connection.container_url();
        url.set_query(Some(&list_one_query(self.connection.prefix().as_str())));
        let mut request = self.client().get(url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let AnonymousAnswer { status, headers, body, challenge } =
            self.send_anonymous(request, None).await?;
        // A success means that the container is public, if the body is a listing.
        if (200..300).contains(&status) && !is_listing(&body) {
            return Err(not_a_listing());
        }
        // No statement about the account: throttled, failed, or not Azure at all.
        if status == 429 || status >= 500 || (300..400).contains(&status) {
            return Err(failure::from_response(status.into(), &headers, &body));
        }
        Ok(Answer {
            code: failure::from_response(status.into(), &headers, &body).code().map(str::to_owned),
            challenge,
            ..answer(status, &headers)
        })
    }

    /// Sends the preflight request that a browser sends before a ranged read by a page of `origin`.
    async fn preflight(&self, origin: &str) -> Result<Answer, Error> {
        let mut url = self.connection.container_url();
        // The blob need not exist: CORS rules apply to the whole account.
        url.path_segments_mut().map_err(|()| no_url())?.push("preflight");
        let request = self
            .client()
            .request(reqwest::Method::OPTIONS, url)
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "range");
        let request = self.send_anonymous(request, Some(origin));
        let AnonymousAnswer { status, headers, body, .. } = request.await?;
        if !(200..300).contains(&status) {
            return Err(failure::from_response(status.into(), &headers, &body));
        }
        Ok(answer(status, &headers))
    }

    /// Signs in, or returns the claims of the cached token.
    async fn token(&self) -> Result<Answer, Error> {
        // A signature or anonymous access has no token to look into.
        let Some(credential) = &self.credential else { return Ok(Answer::unknown()) };
        let token =
            credential.get_token(&[SCOPE], None).await.map_err(|e| failure::from_credential(&e))?;
        let mut identity = identity(token.token.secret()).unwrap_or_default();
        // The lifetime from the sign-in, for tokens whose claims cannot be read.
        identity.expires = identity.expires.or(Some(token.expires_on.into()));
        Ok(Answer { identity: Some(identity), ..Answer::new() })
    }
}

/// Returns the query of a listing of at most one name.
fn list_one_query(prefix: &str) -> String {
    let prefix = utf8_percent_encode(prefix, NON_ALPHANUMERIC);
    format!("restype=container&comp=list&maxresults=1&prefix={prefix}")
}

/// An answer to a request without the credential.
struct AnonymousAnswer {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
    challenge: Option<Challenge>,
}

/// Returns whether a body is a listing, of blobs or of containers.
fn is_listing(body: &[u8]) -> bool {
    // The root element is within the first 512 bytes, after an XML declaration.
    let head = body.get(..body.len().min(512)).unwrap_or_default();
    let root = b"<EnumerationResults";
    head.windows(root.len()).any(|part| part == root)
}

/// The error for an answer that is not a listing of the blob service.
fn not_a_listing() -> Error {
    let what = "the answer is not a listing; check whether a proxy or a login page answers instead of the endpoint";
    Error::new(ErrorKind::UnexpectedAnswer, what)
}

/// Returns the fields of an answer that its headers contain.
fn answer(status: u16, headers: &Headers) -> Answer {
    let text = |name: &'static str| {
        let value = headers.get_optional_str(&HeaderName::from_static(name));
        // Longer values are no CORS headers, and would fill a report.
        value.filter(|text| text.len() <= 1000).map(str::to_owned)
    };
    let cors = Cors {
        allow_origin: text("access-control-allow-origin"),
        allow_methods: text("access-control-allow-methods"),
        allow_headers: text("access-control-allow-headers"),
        expose_headers: text("access-control-expose-headers"),
        max_age: text("access-control-max-age")
            .and_then(|age| age.parse().ok())
            .map(Duration::from_secs),
    };
    Answer {
        status: Some(status),
        // Everything here is checked by form, so that an answer can be logged.
        request_id: failure::request_id(headers).map(str::to_owned),
        served_at: failure::served_at(headers),
        cors: (cors != Cors::default()).then_some(cors),
        ..Answer::new()
    }
}

/// The claims of an access token that are reported.
#[derive(Deserialize)]
struct Claims {
    tid: Option<String>,
    oid: Option<String>,
    // `appid` in tokens of version 1.0, `azp` in version 2.0.
    #[serde(alias = "azp")]
    appid: Option<String>,
    exp: Option<u64>,
}

/// Reads the claims of a token for display. They are not trusted, because only storage checks them.
///
/// Source: Microsoft Learn, "Access token claims reference".
fn identity(token: &str) -> Option<Identity> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    let guid = |id: Option<String>| id.filter(|id| crate::name::is_guid(id));
    Some(Identity {
        tenant: guid(claims.tid),
        object_id: guid(claims.oid),
        application: guid(claims.appid),
        expires: claims.exp.and_then(|exp| UNIX_EPOCH.checked_add(Duration::from_secs(exp))),
    })
}
