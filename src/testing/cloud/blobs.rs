//! The blob service: Microsoft Learn, "List Blobs" and "Get Blob".

use std::{collections::BTreeMap, io, ops::Bound, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body as _, Frame, Incoming},
    header::{
        AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, IF_MATCH,
        LAST_MODIFIED, RANGE, RETRY_AFTER, WWW_AUTHENTICATE,
    },
};
use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use super::{
    ACCOUNT, Fault, Seed, State, TENANT, lock, random,
    server::{Body, full},
    xml::{Entry, PageBody},
};

pub(super) async fn answer(
    request: &Request<Incoming>,
    state: &State,
) -> io::Result<Response<Body>> {
    let fault = lock(&state.faults).pop_front();
    let respond = |result: Result<Response<Body>, Refusal>| match result {
        Ok(response) => Ok(response),
        Err(refusal) => refusal.response(),
    };
    match fault {
        None => respond(right_answer(request, state)),
        Some(Fault::Error(status, code, retry_after)) => {
            Refusal { status, code, retry_after }.response()
        }
        Some(Fault::Instead(status, content_type, body)) => respond(
            Response::builder()
                .status(status)
                .header(CONTENT_TYPE, content_type)
                .body(full(body))
                .map_err(Refusal::from),
        ),
        Some(Fault::Close) => Err(io::ErrorKind::ConnectionAborted.into()),
        Some(Fault::Stall) => std::future::pending().await,
        Some(Fault::Cut(at)) => {
            let (mut parts, body) = respond(right_answer(request, state))?.into_parts();
            let length = body.size_hint().exact().unwrap_or_default();
            let body = body.collect().await?.to_bytes();
            let head = body.slice(..at.min(body.len()));
            // The length is promised, and then the connection breaks.
            parts.headers.insert(CONTENT_LENGTH, length.into());
            let head = stream::once(async { Ok(Frame::data(head)) });
            let broken = stream::once(async {
                // A turn of the runtime, in which what there is goes out.
                tokio::task::yield_now().await;
                Err(io::ErrorKind::ConnectionAborted.into())
            });
            let body = StreamBody::new(head.chain(broken)).boxed_unsync();
            Ok(Response::from_parts(parts, body))
        }
    }
}

/// An error of the service
struct Refusal {
    status: u16,
    code: &'static str,
    retry_after: Option<Duration>,
}

impl Refusal {
    fn new(status: u16, code: &'static str) -> Self {
        Self { status, code, retry_after: None }
    }

    fn response(self) -> io::Result<Response<Body>> {
        let Self { status, code, retry_after } = self;
        let body = format!(
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{code}.</Message></Error>"
        );
        let mut response = Response::builder()
            .status(status)
            .header(CONTENT_TYPE, "application/xml")
            .header("x-ms-error-code", code)
            .header("x-ms-request-id", random());
        if let Some(wait) = retry_after {
            response = response.header(RETRY_AFTER, wait.as_secs());
        }
        if status == 401 {
            let challenge = format!(
                "Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}/oauth2/authorize resource_id=https://storage.azure.com"
            );
            response = response.header(WWW_AUTHENTICATE, challenge);
        }
        response.body(full(body)).map_err(io::Error::other)
    }
}

impl From<hyper::http::Error> for Refusal {
    fn from(_: hyper::http::Error) -> Self {
        Self::new(500, "InternalError")
    }
}

fn right_answer(request: &Request<Incoming>, state: &State) -> Result<Response<Body>, Refusal> {
    let path = percent_decode_str(request.uri().path())
        .decode_utf8()
        .map_err(|_| Refusal::new(400, "InvalidUri"))?;
    let mut parts = path.trim_start_matches('/').splitn(3, '/');
    let (account, container, blob) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next());
    let query: BTreeMap<String, String> =
        form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    if account != ACCOUNT {
        return Err(Refusal::new(404, "ResourceNotFound"));
    }
    authorize(request.headers(), &query, state)?;
    if request.method() != Method::GET {
        return Err(Refusal::new(405, "UnsupportedHttpVerb"));
    }
    let blobs = state.container(container).ok_or(Refusal::new(404, "ContainerNotFound"))?;
    match blob {
        None if query.get("comp").is_some_and(|comp| comp == "list") => {
            list(container, &blobs, &query, state)
        }
        Some(name) => {
            let seed = blobs.get(name).ok_or(Refusal::new(404, "BlobNotFound"))?;
            get(seed, request.headers())
        }
        None => Err(Refusal::new(400, "InvalidQueryParameterValue")),
    }
}

fn authorize(
    headers: &HeaderMap,
    query: &BTreeMap<String, String>,
    state: &State,
) -> Result<(), Refusal> {
    if let Some(signature) = query.get("sig") {
        let known = *signature == state.signature;
        return if known { Ok(()) } else { Err(Refusal::new(403, "AuthenticationFailed")) };
    }
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Err(Refusal::new(401, "NoAuthenticationInformation"));
    };
    let token = header.to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
    if token.is_some_and(|token| lock(&state.tokens).contains(token)) {
        return Ok(());
    }
    Err(Refusal::new(401, "InvalidAuthenticationInfo"))
}

fn list(
    container: &str,
    blobs: &BTreeMap<String, Seed>,
    query: &BTreeMap<String, String>,
    state: &State,
) -> Result<Response<Body>, Refusal> {
    let text = |key: &str| query.get(key).map_or("", String::as_str);
    let asked = match text("maxresults") {
        "" => None,
        n => match n.parse::<u64>() {
            Ok(n @ 1..) => Some(u16::try_from(n).unwrap_or(u16::MAX)),
            _ => return Err(Refusal::new(400, "OutOfRangeQueryParameterValue")),
        },
    };
    let (prefix, delimiter) = (text("prefix"), text("delimiter"));
    // A marker is the first name of its page, in a form that nobody takes for one, and never the
    // same twice: an empty page moves on too.
    let from = match text("marker") {
        "" => text("startFrom").to_owned(),
        marker => URL_SAFE_NO_PAD
            .decode(marker)
            .ok()
            .and_then(|name| String::from_utf8(name.get(NONCE..)?.to_vec()).ok())
            .ok_or(Refusal::new(400, "InvalidQueryParameterValue"))?,
    };
    let start = if from.as_str() > prefix { from.as_str() } else { prefix };
    let most = state.page_size(asked);
    let mut entries = Vec::new();
    let mut next = None;
    for (name, seed) in blobs
        .range::<str, _>((Bound::Included(start), Bound::Unbounded))
        .take_while(|(name, _)| name.starts_with(prefix))
    {
        let folder = (!delimiter.is_empty())
            .then(|| name.strip_prefix(prefix)?.find(delimiter))
            .flatten()
            .and_then(|at| name.get(..prefix.len() + at + delimiter.len()));
        if let (Some(folder), Some(Entry::Prefix(last))) = (folder, entries.last())
            && folder == *last
        {
            continue;
        }
        if entries.len() == most {
            next = Some(folder.unwrap_or(name));
            break;
        }
        entries.push(folder.map_or(Entry::Blob(seed), Entry::Prefix));
    }
    let body = PageBody {
        endpoint: "https://127.0.0.1/",
        container,
        prefix,
        entries: &entries,
        next: &next.map(marker).unwrap_or_default(),
        with_metadata: text("include").split(',').any(|what| what == "metadata"),
    };
    Ok(Response::builder()
        .header(CONTENT_TYPE, "application/xml")
        .header("x-ms-request-id", random())
        .body(full(body.render()))?)
}

/// The length of what tells two markers of one name apart
const NONCE: usize = 8;

fn marker(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{:0NONCE$x}{name}", fastrand::u32(..)))
}

fn get(seed: &Seed, headers: &HeaderMap) -> Result<Response<Body>, Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(wanted) = text(IF_MATCH.as_str())
        && wanted != "*"
        && wanted.trim_matches('"') != seed.etag()
    {
        return Err(Refusal::new(412, "ConditionNotMet"));
    }
    let size = seed.size();
    let range = text("x-ms-range").or(text(RANGE.as_str())).and_then(|range| parse(range, size));
    let (status, start, end) = match range {
        None => (StatusCode::OK, 0, size),
        Some((start, _)) if start >= size => return Err(Refusal::new(416, "InvalidRange")),
        Some((start, end)) => (StatusCode::PARTIAL_CONTENT, start, end),
    };
    let content = seed.read(start, end).map_err(|_| Refusal::new(500, "InternalError"))?;
    let mut response = Response::builder()
        .status(status)
        .header(ETAG, format!("\"{}\"", seed.etag()))
        .header(LAST_MODIFIED, httpdate::fmt_http_date(seed.last_modified))
        .header(CONTENT_TYPE, seed.content_type.as_deref().unwrap_or("application/octet-stream"))
        .header("x-ms-blob-type", "BlockBlob")
        .header("x-ms-creation-time", httpdate::fmt_http_date(seed.last_modified))
        .header("x-ms-server-encrypted", "true")
        .header("x-ms-request-id", random());
    if status == StatusCode::PARTIAL_CONTENT {
        response = response.header(CONTENT_RANGE, format!("bytes {start}-{}/{size}", end - 1));
    }
    Ok(response.body(full(content))?)
}

/// `bytes=a-b` or `bytes=a-`, as a range without its end, cut at the blob's
fn parse(range: &str, size: u64) -> Option<(u64, u64)> {
    let (start, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let start = start.parse().ok()?;
    let end = if last.is_empty() { size } else { last.parse::<u64>().ok()?.saturating_add(1) };
    Some((start, end.min(size)))
}
