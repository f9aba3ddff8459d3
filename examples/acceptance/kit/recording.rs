//! Renders the responses of a run as recordings, in the format of the test `recordings`.
//!
//! Each recording contains what this version of the crate makes of the redacted response. Whoever
//! adds recordings to the project must check that this is right.

use azure_asset_sync::{
    Error, ErrorKind,
    store::{azure::RawAnswer, inspect::Challenge},
};
use serde_json::json;

use super::{
    client::{Client, Exchange, RequestKind},
    outcome,
    redact::Redactor,
};

/// Returns the recording, and the number of responses that are left out because they could not be
/// redacted.
pub fn render(client: &Client<'_>) -> (String, usize) {
    let connection = client.connection;
    let bodies: Vec<_> = client.exchanges.iter().map(|exchange| text(&exchange.answer)).collect();
    let pages = client.exchanges.iter().zip(&bodies);
    let pages = pages.filter(|(exchange, _)| is_page(exchange)).map(|(_, body)| body.as_str());
    let url = connection.container_url();
    let private = [
        connection.account().as_str(),
        connection.container().as_str(),
        connection.prefix().as_str(),
        connection.tenant().map_or("", |tenant| tenant.as_str()),
        url.host_str().unwrap_or_default(),
    ];
    let redactor = Redactor::new(pages, &private);
    let (mut lines, mut withheld) = (String::new(), 0);
    for (at, (exchange, body)) in client.exchanges.iter().zip(&bodies).enumerate() {
        let Some(kind) = kind(exchange) else { continue };
        match line(&redactor, at, exchange, kind, body) {
            Some(line) => lines += &format!("{line}\n"),
            None => withheld += 1,
        }
    }
    (lines, withheld)
}

/// Returns the body of a response as text.
fn text(answer: &RawAnswer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// Returns whether a response is a page of a listing.
fn is_page(exchange: &Exchange) -> bool {
    exchange.kind == RequestKind::List && exchange.answer.status == 200
}

/// Returns the kind of the recording, or `None` if the replay cannot use the response.
fn kind(exchange: &Exchange) -> Option<&'static str> {
    let answer = &exchange.answer;
    let is_xml = answer.header("content-type").is_some_and(|text| text.contains("xml"));
    match (exchange.kind, answer.status) {
        _ if answer.is_cut => None,
        (RequestKind::List, 200) => is_xml.then_some("list"),
        // The replay cannot use a response without bytes.
        (RequestKind::Read, 200 | 206) => {
            let has_bytes = answer.header("content-length").is_some_and(|length| length != "0");
            (has_bytes && exchange.method == "GET").then_some("read")
        }
        (RequestKind::Unauthenticated, 401 | 404 | 409) => Some("challenge"),
        (_, 400..) => Some("error"),
        _ => None,
    }
}

/// Returns one line of the recording, or `None` if the response cannot be redacted.
fn line(
    redactor: &Redactor,
    at: usize,
    exchange: &Exchange,
    kind: &str,
    body: &str,
) -> Option<String> {
    let headers = redactor.headers(&exchange.answer);
    let body = match kind {
        "list" => redactor.page(body)?,
        // The content of blobs is never recorded.
        "read" => String::new(),
        _ => redactor.refusal(body)?,
    };
    // The redacted body may have a different length.
    let is_length = |name: &str| name == "content-length" && kind != "read";
    let headers: Vec<_> = headers.into_iter().filter(|(name, _)| !is_length(name)).collect();
    let answer = RawAnswer::new(exchange.answer.status, headers.clone(), body.clone());
    let mut line = json!({
        "id": format!("acceptance-{at:02}"),
        "source": concat!("acceptance kit of azure-asset-sync ", env!("CARGO_PKG_VERSION")),
        "kind": kind,
        "method": exchange.method,
        "status": answer.status,
        "headers": headers.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "body": body,
        "note": exchange.note,
    });
    if let Some(expect) = expected(&answer, kind)? {
        line["expect"] = expect.into();
    }
    Some(line.to_string())
}

/// Returns what the replay expects; the inner value is `None` for a list, which needs no
/// expectation.
fn expected(answer: &RawAnswer, kind: &str) -> Option<Option<String>> {
    Some(match kind {
        "list" => None,
        "read" => {
            let length: u64 = answer.header("content-length")?.parse().ok()?;
            Some(format!("ok {length}"))
        }
        _ => {
            let refused = outcome::of_error(&answer.error()?);
            if kind == "error" {
                return Some(Some(refused));
            }
            let header = answer.header("www-authenticate").unwrap_or_default();
            let tenant = Challenge::parse(header).map(|challenge| challenge.tenant);
            let none = || Error::new(ErrorKind::TenantNotFound, "no tenant is named");
            Some(format!("{refused} {}", outcome::of_tenant(&tenant.ok_or_else(none), header)))
        }
    })
}
