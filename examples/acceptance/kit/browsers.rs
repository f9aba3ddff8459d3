//! What browsers need to show blobs: view links, preflights and exposed headers.

use std::time::Duration;

use azure_asset_sync::{LinkRequest, store::azure::RawRequest};
use url::Url;

use super::{
    Survey,
    client::{Client, RequestKind, element, status_line},
    lines::{Finding, Lines, as_assumed, compared, different, not_seen},
    reads::FIRST_BYTE,
};

/// An origin that no rule names, because the domain is reserved.
const UNKNOWN_ORIGIN: &str = "https://acceptance.invalid";

/// The lifetime of the requested key: 10 min. The key is dropped at once.
const KEY_LIFETIME: Duration = Duration::from_secs(600);

/// Checks keys, view links and CORS.
pub async fn check(
    client: &mut Client<'_>,
    lines: &mut Lines,
    survey: &Survey,
    origin: Option<&str>,
) {
    let key = delegation_key(client).await;
    let has_key = key.is_ok();
    lines.set("delegation_key", key.unwrap_or_else(|found| found));
    let links = match has_key {
        true => view_link(client, survey).await,
        false => Err(not_seen("the principal has no key to sign links with")),
    };
    let [link, headers] = links.unwrap_or_else(|found| [found.clone(), found]);
    lines.set("view_link", link);
    lines.set("view_link_headers", headers);
    let refused = preflight_refused(client).await;
    lines.set("preflight_refused", refused.unwrap_or_else(|found| found));
    let Some(origin) = origin else {
        for line in ["preflight", "exposed_headers"] {
            lines.set(line, not_seen("no --origin was given"));
        }
        return;
    };
    let preflight = preflight(client, origin).await;
    let has_rule = preflight.is_ok();
    lines.set("preflight", preflight.unwrap_or_else(|found| found));
    let exposed = match has_rule {
        true => exposed_headers(client, survey, origin).await,
        false => Err(not_seen("no rule allows the origin")),
    };
    lines.set("exposed_headers", exposed.unwrap_or_else(|found| found));
}

/// Requests a user delegation key; `Ok` if the account returns one.
async fn delegation_key(client: &mut Client<'_>) -> Result<Finding, Finding> {
    client.check_limits()?;
    if client.store.view_links().is_err() {
        return Err(not_seen("only a signed-in principal can get a key"));
    }
    let answer = client.store.exchange_delegation_key(KEY_LIFETIME).await;
    let answer =
        answer.map_err(|error| not_seen(format!("no response: {}", error.kind().as_str())))?;
    client.record(RequestKind::Other, "POST", "request a user delegation key", &answer);
    match answer.status {
        200 if element(&answer.body, "Value").is_some() => Ok(as_assumed("a key")),
        200 => Err(different("200 without a key")),
        // A role whose scope is a container does not include this action.
        401 | 403 => Err(not_seen(status_line(&answer))),
        _ => Err(different(status_line(&answer))),
    }
}

/// Opens a view link; returns whether it opens, and whether it shows the signed headers.
async fn view_link(client: &mut Client<'_>, survey: &Survey) -> Result<[Finding; 2], Finding> {
    let blob = survey.sample(client.connection).cloned();
    let blob = blob.ok_or_else(|| not_seen("the first page has no blob to show"))?;
    let made =
        |error: azure_asset_sync::Error| not_seen(format!("no link: {}", error.kind().as_str()));
    let links = client.store.view_links().map_err(made)?;
    let links = links.lifetime(Duration::from_secs(60)).map_err(made)?;
    let request = LinkRequest::new(&blob.name).shown_as("image/avif".into());
    let link = links.link(request).await.map_err(made)?;
    let url = Url::parse(link.url()).map_err(|_| not_seen("the link is not a URL"))?;
    let request = RawRequest::get(url).anonymous().header("range", FIRST_BYTE);
    let answer = client.send(RequestKind::Other, "GET", "open a view link", request).await?;
    let opened = compared(answer.status == 206, status_line(&answer));
    if answer.status != 206 {
        return Ok([opened, not_seen("the link was refused")]);
    }
    let is_shown = answer.header("content-type") == Some("image/avif")
        && answer.header("content-disposition") == Some("inline");
    Ok([opened, compared(is_shown, if is_shown { "both as signed" } else { "as stored" })])
}

/// Sends a preflight for a ranged GET.
async fn send_preflight(
    client: &mut Client<'_>,
    origin: &str,
    note: &str,
) -> Result<azure_asset_sync::store::azure::RawAnswer, Finding> {
    let mut url = client.connection.container_url();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.push("preflight");
    }
    let request = RawRequest::options(url)
        .header("origin", origin)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "range");
    client.send(RequestKind::Other, "OPTIONS", note, request).await
}

/// Checks that a preflight from an unknown origin is refused.
async fn preflight_refused(client: &mut Client<'_>) -> Result<Finding, Finding> {
    let answer = send_preflight(client, UNKNOWN_ORIGIN, "preflight of an unknown origin").await?;
    Ok(match answer.status {
        403 => as_assumed(status_line(&answer)),
        200 if answer.header("access-control-allow-origin").is_some() => {
            not_seen("a rule allows every origin")
        }
        _ => different(format!("{}, without permission", status_line(&answer))),
    })
}

/// Sends a preflight from the origin; `Ok` if a rule allows the origin.
async fn preflight(client: &mut Client<'_>, origin: &str) -> Result<Finding, Finding> {
    let answer = send_preflight(client, origin, "preflight of the origin").await?;
    let allowed = answer.header("access-control-allow-origin");
    if answer.status != 200 || !allowed.is_some_and(|allowed| allowed == "*" || allowed == origin) {
        return Err(not_seen(format!("no rule allows the origin: {}", status_line(&answer))));
    }
    let lists = |name: &str, wanted: &str| has_word(answer.header(name), wanted);
    let (method, header) = (
        lists("access-control-allow-methods", "GET"),
        lists("access-control-allow-headers", "range"),
    );
    let word = |is_named| if is_named { "named" } else { "not named" };
    let evidence = format!("the method is {}, the header is {}", word(method), word(header));
    Ok(compared(method && header, evidence))
}

/// Returns whether a list of names contains a name, or a wildcard that matches it.
fn has_word(list: Option<&str>, wanted: &str) -> bool {
    list.unwrap_or_default().split(',').map(str::trim).any(|word| {
        let start = word.strip_suffix('*');
        start.is_some_and(|start| wanted.starts_with(start)) || word.eq_ignore_ascii_case(wanted)
    })
}

/// Reads from the origin and checks that `Content-Range` is exposed.
async fn exposed_headers(
    client: &mut Client<'_>,
    survey: &Survey,
    origin: &str,
) -> Result<Finding, Finding> {
    let blob = survey.sample(client.connection).cloned();
    let blob = blob.ok_or_else(|| not_seen("the first page has no blob to read"))?;
    let url = client.connection.blob_url(&blob.name);
    let url = url.ok_or_else(|| not_seen("the blob has no URL"))?;
    let request = RawRequest::get(url).header("range", FIRST_BYTE).header("origin", origin);
    let answer = client.send(RequestKind::Read, "GET", "read from the origin", request).await?;
    if answer.status != 206 {
        return Err(not_seen(status_line(&answer)));
    }
    let exposed = answer.header("access-control-expose-headers");
    let count = exposed.map_or(0, |exposed| exposed.split(',').count());
    let names = exposed.unwrap_or_default().split(',').map(str::trim);
    let has = names.into_iter().any(|name| name.eq_ignore_ascii_case("content-range"));
    let evidence = format!("{count} exposed headers");
    Ok(if has {
        as_assumed(evidence)
    } else {
        different(format!("{evidence}, without `Content-Range`"))
    })
}
