//! Answers the questions of a probe, each with at most one request.
//!
//! Requests without the credential go by the HTTP client alone, with the same bounds and to the same
//! host as those of the pipeline.

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
    AzureStore, SCOPE, VERSION, collect, deadline::within, delegation, failure,
    network::LookupError, sas::Right, send, transport,
};
use crate::{
    error::{Error, ErrorKind},
    name::ContainerName,
    store::{
        Answer, Question,
        inspect::{Challenge, Cors, Identity, Inspect},
    },
};

/// A list of one name has its metadata at most
const MAX_LIST_BYTES: usize = 1 << 20;

/// What is sent in place of a token to learn where to sign in
const NO_TOKEN: &str = "none";

/// How long a key for view links is asked for: it is dropped at once
const KEY_LIFETIME: Duration = Duration::from_secs(600);

#[async_trait]
impl Inspect for AzureStore {
    async fn inspect(&self, question: Question) -> Result<Answer, Error> {
        let right = match question {
            Question::List { .. } | Question::ListOther { .. } => Right::List,
            Question::BrowserRead { .. } | Question::ReadOther { .. } => Right::Read,
            _ => Right::Other,
        };
        // These are asked without the credential.
        let is_anonymous = matches!(question, Question::Challenge | Question::Preflight { .. });
        let answer = within(self.deadline, self.answer(question)).await;
        match is_anonymous {
            true => answer,
            false => answer.map_err(|error| self.explain(error, right)),
        }
    }
}

fn no_url() -> Error {
    Error::new(ErrorKind::BadRequest, "no URL leads to a name with a segment `.` or `..`")
}

impl AzureStore {
    async fn answer(&self, question: Question) -> Result<Answer, Error> {
        match question {
            Question::Addresses => self.addresses().await,
            Question::Challenge => self.challenge().await,
            Question::Token => self.token().await,
            Question::BrowserRead { blob, origin } => {
                let url = self.connection.blob_url(&blob).ok_or_else(no_url)?;
                self.ask(self.first_byte(url, Some(&origin))).await
            }
            Question::DelegationKey if self.credential.is_some() => self.delegation_key().await,
            Question::Preflight { origin } => self.preflight(&origin).await,
            Question::List { prefix } => {
                let request = self.list_one(self.connection.container_url(), &prefix);
                self.ask_for_list(request, &self.fresh).await
            }
            Question::ListOther { container, prefix } => {
                let request = self.list_one(self.other(&container), &prefix);
                self.ask_for_list(request, &self.pipeline).await
            }
            Question::ReadOther { container, blob } => {
                let other = self.connection.to_container(container);
                let url = other.blob_url(&blob).ok_or_else(no_url)?;
                self.ask(self.first_byte(url, None)).await
            }
            Question::ListContainers => {
                let mut url = self.connection.cloud().service(self.connection.account());
                self.set_query(&mut url, "comp=list&maxresults=1");
                self.ask_for_list(Request::new(url, Method::Get), &self.pipeline).await
            }
            Question::DelegationKey => Ok(Answer::unknown()),
        }
    }

    fn other(&self, container: &ContainerName) -> Url {
        self.connection.cloud().container(self.connection.account(), container)
    }

    /// Sets the query, with the signature of the store if it has one
    pub(super) fn set_query(&self, url: &mut Url, query: &str) {
        let query = match self.signature.query() {
            "" => query.to_owned(),
            signature if query.is_empty() => signature.to_owned(),
            signature => format!("{query}&{signature}"),
        };
        url.set_query(Some(&query));
    }

    fn list_one(&self, mut container: Url, prefix: &str) -> Request {
        self.set_query(&mut container, &one(prefix));
        Request::new(container, Method::Get)
    }

    fn first_byte(&self, mut url: Url, origin: Option<&str>) -> Request {
        if !self.signature.query().is_empty() {
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

    /// A key for view links, which is dropped at once
    async fn delegation_key(&self) -> Result<Answer, Error> {
        let now = self.clock.time();
        let (pipeline, connection) = (self.pipeline.clone(), self.connection.clone());
        let asked = delegation::ask(pipeline, connection, now, now + KEY_LIFETIME);
        let (headers, _) = asked.await?;
        Ok(answer(200, &headers))
    }

    /// One request with the credential; a refusal is an error
    async fn ask(&self, request: Request) -> Result<Answer, Error> {
        let (status, headers, body) = send(&self.pipeline, request).await?.deconstruct();
        // A range behind the end of an empty blob was allowed.
        if status.is_success() || u16::from(status) == 416 {
            return Ok(answer(status.into(), &headers));
        }
        let body = collect(body, transport::MAX_ERROR_BYTES).await?;
        Err(failure::of_response(status, &headers, &body))
    }

    /// The same for a list of one name, whose good answer must be one
    async fn ask_for_list(&self, request: Request, pipeline: &Pipeline) -> Result<Answer, Error> {
        let (status, headers, body) = send(pipeline, request).await?.deconstruct();
        let body = collect(body, MAX_LIST_BYTES).await?;
        if !status.is_success() {
            return Err(failure::of_response(status, &headers, &body));
        }
        if !is_list(&body) {
            return Err(not_azure());
        }
        Ok(answer(status.into(), &headers))
    }

    /// One request without the credential, by the HTTP client alone
    async fn ask_anonymously(
        &self,
        request: reqwest::RequestBuilder,
        origin: Option<&str>,
    ) -> Result<Anonymous, Error> {
        let response = request
            .header("x-ms-version", VERSION)
            .send()
            .await
            .map_err(|error| failure::of_network(&error.without_url()))?;
        let status = response.status().as_u16();
        let mut headers = Headers::new();
        for (name, value) in response.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        let challenge = headers.get_optional_str(&WWW_AUTHENTICATE).and_then(Challenge::parse);
        let headers = transport::plain(&headers, origin);
        let mut body = Vec::new();
        let mut pieces = response.bytes_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| failure::of_network(&error.without_url()))?;
            body.extend_from_slice(&piece);
            if body.len() > MAX_LIST_BYTES {
                break;
            }
        }
        Ok(Anonymous { status, headers, body, challenge })
    }

    async fn addresses(&self) -> Result<Answer, Error> {
        let addresses = self.target.addresses().await.map_err(|error| match error {
            LookupError::Failed(error) => {
                failure::of_lookup(failure::is_passing(&error.to_string()))
            }
            LookupError::Refused(refused) => refused.to_error(),
        })?;
        Ok(Answer { addresses, ..Answer::new() })
    }

    /// Whom the account sends to sign in
    ///
    /// An account that forbids public access can refuse an anonymous list without a challenge. It
    /// sends one to whoever has a token, though the token is none.
    async fn challenge(&self) -> Result<Answer, Error> {
        let answer = self.ask_for_challenge(None).await?;
        if answer.challenge.is_some() || !matches!(answer.status, Some(404 | 409)) {
            return Ok(answer);
        }
        let challenge = self.ask_for_challenge(Some(NO_TOKEN)).await?.challenge;
        Ok(Answer { challenge, ..answer })
    }

    async fn ask_for_challenge(&self, token: Option<&str>) -> Result<Answer, Error> {
        let mut url = self.connection.container_url();
        url.set_query(Some(&one(self.connection.prefix().as_str())));
        let mut request = self.client.get(url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let Anonymous { status, headers, body, challenge } =
            self.ask_anonymously(request, None).await?;
        if (200..300).contains(&status) && !is_list(&body) {
            return Err(not_azure());
        }
        if status == 429 || status >= 500 || (300..400).contains(&status) {
            return Err(failure::of_response(status.into(), &headers, &body));
        }
        Ok(Answer {
            code: failure::of_response(status.into(), &headers, &body).code().map(str::to_owned),
            challenge,
            ..answer(status, &headers)
        })
    }

    async fn preflight(&self, origin: &str) -> Result<Answer, Error> {
        let mut url = self.connection.container_url();
        // No blob of this name is needed: the rules are those of the account.
        url.path_segments_mut().map_err(|()| no_url())?.push("preflight");
        let request = self
            .client
            .request(reqwest::Method::OPTIONS, url)
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "range");
        let request = self.ask_anonymously(request, Some(origin));
        let Anonymous { status, headers, body, .. } = request.await?;
        if !(200..300).contains(&status) {
            return Err(failure::of_response(status.into(), &headers, &body));
        }
        Ok(answer(status, &headers))
    }

    async fn token(&self) -> Result<Answer, Error> {
        let Some(credential) = &self.credential else { return Ok(Answer::unknown()) };
        let token =
            credential.get_token(&[SCOPE], None).await.map_err(|e| failure::of_credential(&e))?;
        let mut identity = identity(token.token.secret()).unwrap_or_default();
        identity.expires = identity.expires.or(Some(token.expires_on.into()));
        Ok(Answer { identity: Some(identity), ..Answer::new() })
    }
}

/// The query of a list of one name
fn one(prefix: &str) -> String {
    let prefix = utf8_percent_encode(prefix, NON_ALPHANUMERIC);
    format!("restype=container&comp=list&maxresults=1&prefix={prefix}")
}

struct Anonymous {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
    challenge: Option<Challenge>,
}

/// Whether it is the answer to a list, of blobs or of containers
fn is_list(body: &[u8]) -> bool {
    let head = body.get(..body.len().min(512)).unwrap_or_default();
    let root = b"<EnumerationResults";
    head.windows(root.len()).any(|part| part == root)
}

fn not_azure() -> Error {
    let what = "the answer is no listing; check the endpoint for a proxy or a login page";
    Error::new(ErrorKind::UnexpectedAnswer, what)
}

fn answer(status: u16, headers: &Headers) -> Answer {
    let text = |name: &'static str| {
        let value = headers.get_optional_str(&HeaderName::from_static(name));
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
        request_id: failure::request_id(headers).map(str::to_owned),
        served_at: failure::served_at(headers),
        cors: (cors != Cors::default()).then_some(cors),
        ..Answer::new()
    }
}

#[derive(Deserialize)]
struct Claims {
    tid: Option<String>,
    oid: Option<String>,
    #[serde(alias = "azp")]
    appid: Option<String>,
    exp: Option<u64>,
}

/// What the claims of a token tell; they are read and not trusted: storage checks them
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
