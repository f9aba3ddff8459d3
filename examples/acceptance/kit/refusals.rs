//! Checks refusals: their order, their form, and the challenge that names the tenant.

use azure_asset_sync::store::{
    azure::{RawAnswer, RawRequest},
    inspect::Challenge,
};
use url::Url;

use super::{
    client::{Client, RequestKind, code, element, status_line},
    lines::{Finding, Lines, as_assumed, compared, different, not_seen},
};

/// Checks refusals.
pub async fn check(client: &mut Client<'_>, lines: &mut Lines) {
    let forbidden = forbidden_first(client).await;
    lines.set("forbidden_first", forbidden.unwrap_or_else(|found| found));
    match absent_blob(client).await {
        Ok([code, reason]) => {
            lines.set("error_code", code);
            lines.set("reason_phrase", reason);
        }
        Err(found) => {
            lines.set("error_code", found.clone());
            lines.set("reason_phrase", found);
        }
    }
    for (line, found) in [
        ("challenge", challenge(client).await),
        ("challenge_token", challenge_of_token(client).await),
    ] {
        lines.set(line, found.unwrap_or_else(|found| found));
    }
}

/// Returns the URL of a container of the account that does not exist.
fn other_container(client: &Client<'_>, query: &str) -> Url {
    let mut url = client.connection.container_url();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop().push(&format!("acceptance-{:08x}", fastrand::u32(..)));
    }
    url.set_query(Some(query));
    url
}

/// Checks that a missing container is 403 for a caller without access.
async fn forbidden_first(client: &mut Client<'_>) -> Result<Finding, Finding> {
    let list = "restype=container&comp=list&maxresults=1";
    let request = RawRequest::get(other_container(client, list));
    let absent =
        client.send(RequestKind::Other, "GET", "list an absent container", request).await?;
    if absent.status == 403 {
        return Ok(as_assumed(format!("an absent container: {}", status_line(&absent))));
    }
    // The credential may be valid for the whole account. Then an operation shows it that readers
    // may not call.
    let acl = "restype=container&comp=acl";
    let mut here = client.connection.container_url();
    here.set_query(Some(acl));
    let (here, absent) = (RawRequest::get(here), RawRequest::get(other_container(client, acl)));
    let here = client.send(RequestKind::Other, "GET", "ACL of the container", here).await?;
    let absent =
        client.send(RequestKind::Other, "GET", "ACL of an absent container", absent).await?;
    let evidence = format!("here {}, absent {}", status_line(&here), status_line(&absent));
    Ok(match (here.status, absent.status) {
        (403, 403) => as_assumed(evidence),
        (403, 404) => different(evidence),
        _ => not_seen(format!("nothing is forbidden: {evidence}")),
    })
}

/// Checks the code and the reason phrase of the refusal of a missing blob.
async fn absent_blob(client: &mut Client<'_>) -> Result<[Finding; 2], Finding> {
    let prefix = client.connection.prefix().as_str();
    let name = format!("{prefix}acceptance-{:08x}", fastrand::u32(..));
    let url = client.connection.blob_url(&name);
    let url = url.ok_or_else(|| not_seen("names with the prefix have no URL"))?;
    let head = RawRequest::head(url.clone());
    client.send(RequestKind::Read, "HEAD", "properties of an absent blob", head).await?;
    let request = RawRequest::get(url);
    let answer = client.send(RequestKind::Read, "GET", "read an absent blob", request).await?;
    let header = answer.header("x-ms-error-code");
    let body = element(&answer.body, "Code");
    let is_so = header.is_some() && header == body.as_deref();
    let message = element(&answer.body, "Message").unwrap_or_default();
    let message = message.lines().next().unwrap_or_default();
    let is_message = answer.reason.as_deref() == Some(message) && !message.is_empty();
    Ok([
        compared(is_so, status_line(&answer)),
        compared(is_message, if is_message { "the message" } else { "a different text" }),
    ])
}

/// Returns whether a response has a challenge that names a tenant.
fn names_tenant(answer: &RawAnswer) -> bool {
    answer.header("www-authenticate").and_then(Challenge::parse).is_some()
}

/// Checks the challenge to a request without a credential.
async fn challenge(client: &mut Client<'_>) -> Result<Finding, Finding> {
    let request = RawRequest::get(client.list_url(&[("maxresults", "1")])).anonymous();
    let answer = client
        .send(RequestKind::Unauthenticated, "GET", "list without a credential", request)
        .await?;
    Ok(match answer.status {
        200 => not_seen("the container is public"),
        401 if names_tenant(&answer) => as_assumed(status_line(&answer)),
        _ => different(format!("{}, no challenge that names a tenant", status_line(&answer))),
    })
}

/// Checks the challenge to an invalid token.
async fn challenge_of_token(client: &mut Client<'_>) -> Result<Finding, Finding> {
    let request = RawRequest::get(client.list_url(&[("maxresults", "1")]))
        .anonymous()
        .header("authorization", "Bearer none");
    let note = "list with an invalid token";
    let answer = client.send(RequestKind::Unauthenticated, "GET", note, request).await?;
    Ok(match names_tenant(&answer) {
        true => as_assumed(status_line(&answer)),
        false => different(format!("{}, no challenge that names a tenant", status_line(&answer))),
    })
}

/// Checks what must hold for all responses together.
pub fn check_all_answers(client: &Client<'_>, lines: &mut Lines) {
    let answers = || client.exchanges.iter().map(|exchange| &exchange.answer);
    let total = answers().count();
    let successes = || answers().filter(|answer| (200..300).contains(&answer.status));
    let of_service = |answer: &&RawAnswer| {
        answer.header("server").is_some_and(|server| server.starts_with("Windows-Azure-Blob/"))
    };
    let (good, all) = (successes().filter(of_service).count(), successes().count());
    lines.set("server", compared(good == all, format!("{good} of {all} successes")));
    let with_id = answers().filter(|answer| answer.header("x-ms-request-id").is_some()).count();
    lines.set("request_id", compared(with_id == total, format!("{with_id} of {total} responses")));
    // Preflights and refusals by the front end have no version.
    let is_versioned = |exchange: &&super::client::Exchange| {
        exchange.method != "OPTIONS" && (200..300).contains(&exchange.answer.status)
    };
    let versioned = || client.exchanges.iter().filter(is_versioned);
    let with = versioned().filter(|exchange| exchange.answer.header("x-ms-version").is_some());
    let (good, all) = (with.count(), versioned().count());
    lines.set("version", compared(good == all, format!("{good} of {all} successes")));
    lines.set("retry_after", retry_after(answers()));
}

/// Checks that busy responses have `Retry-After` in seconds.
fn retry_after<'a>(answers: impl Iterator<Item = &'a RawAnswer>) -> Finding {
    let busy: Vec<_> = answers.filter(|answer| matches!(answer.status, 429 | 503)).collect();
    let Some(first) = busy.first() else { return not_seen("no response was busy") };
    let waits: Option<Vec<u64>> =
        busy.iter().map(|answer| answer.header("retry-after")?.parse().ok()).collect();
    match waits {
        Some(waits) => as_assumed(format!("{} s, {} responses", waits[0], busy.len())),
        None => different(format!(
            "{}, {}",
            code(first).unwrap_or_default(),
            if first.header("retry-after").is_some() { "not in seconds" } else { "no Retry-After" }
        )),
    }
}
