//! The lower bound: pages are read and dropped. A client that lists over HTTP cannot cost less.

use azure_asset_sync_peers::Error;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::marker::{Tail, path};

/// Reads all pages with hyper, and returns their size in bytes.
pub async fn hyper(url: &str) -> Result<u64, Error> {
    let address = url.strip_prefix("http://").ok_or("the address must begin with http://")?;
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let (mut bytes, mut marker) = (0, None);
    loop {
        let request = Request::get(path(marker.as_deref()))
            .header("host", address)
            .body(Empty::<Bytes>::new())?;
        let mut body = sender.send_request(request).await?.into_body();
        let mut tail = Tail::default();
        while let Some(frame) = body.frame().await {
            let Ok(chunk) = frame?.into_data() else { continue };
            bytes += chunk.len() as u64;
            tail.see(&chunk);
        }
        marker = tail.marker();
        if marker.is_none() {
            break;
        }
    }
    drop(sender);
    connection.await??;
    Ok(bytes)
}

/// Reads all pages with reqwest, and returns their size in bytes.
pub async fn reqwest(url: &str) -> Result<u64, Error> {
    let client = reqwest::Client::new();
    let (mut bytes, mut marker) = (0, None);
    loop {
        let request = client.get(format!("{url}{}", path(marker.as_deref())));
        let mut response = request.send().await?.error_for_status()?;
        let mut tail = Tail::default();
        while let Some(chunk) = response.chunk().await? {
            bytes += chunk.len() as u64;
            tail.see(&chunk);
        }
        marker = tail.marker();
        if marker.is_none() {
            return Ok(bytes);
        }
    }
}
