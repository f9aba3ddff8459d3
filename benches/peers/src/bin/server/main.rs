//! A synthetic List Blobs server with rendered pages and a configurable latency.
//!
//! It prints its address when it is ready, and ends at the end of its standard input, so that it
//! never outlives the program that started it.

#![forbid(unsafe_code)]

mod body;
mod container;
mod names;
mod page;

use std::{
    convert::Infallible,
    io::{self, Write as _},
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use azure_asset_sync_peers::{Error, control::Stats};
use bytes::Bytes;
use hyper::{Request, Response, StatusCode, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use self::{
    body::Parts,
    container::Container,
    names::{Names, Shape},
    page::{ListQuery, page},
};

/// The settings of the command line.
struct Options {
    blobs: usize,
    shape: Shape,
    latency: u64,
    start_from: bool,
    page: usize,
}

/// The state that all connections share.
struct Server {
    container: Container,
    page: usize,
    /// The delay before each page, in milliseconds.
    latency: AtomicU64,
    start_from: AtomicBool,
    requests: AtomicU64,
    pages: AtomicU64,
    bytes: AtomicU64,
}

fn main() -> Result<(), Error> {
    let options = options()?;
    let names = Names::new(options.shape, options.blobs);
    let server = Arc::new(Server {
        container: Container::new(&names, options.blobs),
        page: options.page,
        latency: options.latency.into(),
        start_from: options.start_from.into(),
        requests: 0.into(),
        pages: 0.into(),
        bytes: 0.into(),
    });
    drop(names);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let mut out = io::stdout();
    writeln!(out, "http://{}", listener.local_addr()?)?;
    out.flush()?;
    runtime.spawn(serve(server, listener));
    io::copy(&mut io::stdin(), &mut io::sink())?;
    runtime.shutdown_background();
    Ok(())
}

/// Parses the command line.
fn options() -> Result<Options, Error> {
    use lexopt::prelude::*;

    let mut options = Options {
        blobs: 1_000_000,
        shape: Shape::Hierarchy,
        latency: 0,
        start_from: true,
        page: 5000,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("blobs") => options.blobs = parser.value()?.parse()?,
            Long("shape") => {
                options.shape = match parser.value()?.string()?.as_str() {
                    "hierarchy" => Shape::Hierarchy,
                    "flat" => Shape::Flat,
                    _ => return Err("--shape must be hierarchy or flat".into()),
                }
            }
            Long("latency-ms") => options.latency = parser.value()?.parse()?,
            Long("start-from") => options.start_from = on(&parser.value()?.string()?)?,
            Long("page") => options.page = parser.value()?.parse()?,
            _ => return Err(arg.unexpected().into()),
        }
    }
    Ok(options)
}

/// Parses `on` or `off`.
fn on(text: &str) -> Result<bool, Error> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("--start-from must be on or off".into()),
    }
}

/// Accepts connections forever.
async fn serve(server: Arc<Server>, listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        // Without the option only small responses are delayed, so a failure does not matter.
        stream.set_nodelay(true).ok();
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&server, request));
            let connection = hyper::server::conn::http1::Builder::new();
            // A client that disconnects is not an error.
            connection.serve_connection(TokioIo::new(stream), service).await.ok();
        });
    }
}

/// Answers a request for a page or for control.
async fn answer(
    server: &Server,
    request: Request<Incoming>,
) -> Result<Response<Parts>, Infallible> {
    let query = request.uri().query().unwrap_or_default();
    if request.uri().path() == "/_control" {
        return Ok(match server.control(query) {
            Ok(text) => response(StatusCode::OK, "application/json", vec![text.into()]),
            Err(error) => {
                response(StatusCode::BAD_REQUEST, "text/plain", vec![error.to_string().into()])
            }
        });
    }
    server.requests.fetch_add(1, Relaxed);
    match server.latency.load(Relaxed) {
        0 => {}
        latency => tokio::time::sleep(Duration::from_millis(latency)).await,
    }
    Ok(match server.list(query) {
        Some(parts) => response(StatusCode::OK, "application/xml", parts),
        None => response(StatusCode::BAD_REQUEST, "text/plain", vec!["not a listing".into()]),
    })
}

fn response(status: StatusCode, content_type: &'static str, parts: Vec<Bytes>) -> Response<Parts> {
    let mut response = Response::new(Parts::from(parts));
    *response.status_mut() = status;
    let value = |text| hyper::header::HeaderValue::from_static(text);
    response.headers_mut().insert("content-type", value(content_type));
    response.headers_mut().insert("x-ms-version", value("2026-04-06"));
    response.headers_mut().insert("x-ms-request-id", value("9f5c3a52-001e-0042-1c6b-5e2f5c000000"));
    response
}

impl Server {
    /// Returns a page, or `None` if the query is not a valid listing.
    fn list(&self, query: &str) -> Option<Vec<Bytes>> {
        let mut query = ListQuery::of(query, self.page)?;
        if !self.start_from.load(Relaxed) {
            query.start_from.clear();
        }
        let parts = page(&self.container, &query)?;
        self.pages.fetch_add(1, Relaxed);
        self.bytes.fetch_add(parts.iter().map(|part| part.len() as u64).sum(), Relaxed);
        Some(parts)
    }

    /// Changes settings and returns the statistics.
    fn control(&self, query: &str) -> Result<String, Error> {
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "latency" => self.latency.store(value.parse()?, Relaxed),
                "startfrom" => self.start_from.store(on(&value)?, Relaxed),
                "stats" => {}
                _ => return Err(format!("unknown setting `{key}`").into()),
            }
        }
        Ok(serde_json::to_string(&Stats {
            requests: self.requests.load(Relaxed),
            pages: self.pages.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
        })?)
    }
}

/// Mixes the bits of a number. The results look random and are the same in every run and thread.
fn mix(n: u64) -> u64 {
    let n = (n ^ n >> 30).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}
