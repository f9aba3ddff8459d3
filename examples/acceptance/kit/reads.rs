//! Checks reads of a single byte: ETags, ranges and empty blobs.

use azure_asset_sync::{
    Blob,
    store::azure::{RawAnswer, RawRequest},
};

use super::{
    Survey,
    client::{Client, RequestKind, code, status_line},
    lines::{Finding, Lines, as_assumed, compared, different, not_seen},
};

/// The range of the first byte of a blob.
pub const FIRST_BYTE: &str = "bytes=0-0";

/// Checks ETags and ranges.
pub async fn check(client: &mut Client<'_>, lines: &mut Lines, survey: &Survey) {
    for (line, found) in [
        ("etag", etag(client, survey).await),
        ("if_match", if_match(client, survey).await),
        ("if_match_other", if_match_other(client, survey).await),
        ("range_after_end", range_after_end(client, survey).await),
        ("empty_blob", empty_blob(client, survey).await),
    ] {
        lines.set(line, found.unwrap_or_else(|found| found));
    }
}

/// Returns a blob that can be read.
fn sample(client: &Client<'_>, survey: &Survey) -> Result<Blob, Finding> {
    let sample = survey.sample(client.connection);
    sample.cloned().ok_or_else(|| not_seen("the first page has no blob to read"))
}

/// Reads a range of a blob.
async fn read(
    client: &mut Client<'_>,
    blob: &Blob,
    range: &str,
    if_match: Option<&str>,
    note: &str,
) -> Result<RawAnswer, Finding> {
    let url = client.connection.blob_url(&blob.name);
    let url = url.ok_or_else(|| not_seen("the blob has no URL"))?;
    let mut request = RawRequest::get(url).header("range", range);
    if let Some(etag) = if_match {
        request = request.header("if-match", etag);
    }
    client.send(RequestKind::Read, "GET", note, request).await
}

/// Returns the ETag in the listing.
fn listed_etag(blob: &Blob) -> Result<String, Finding> {
    let etag = blob.etag.as_ref().map(|etag| etag.as_str().to_owned());
    etag.ok_or_else(|| not_seen("the listing has no ETag"))
}

async fn etag(client: &mut Client<'_>, survey: &Survey) -> Result<Finding, Finding> {
    let blob = sample(client, survey)?;
    let answer = read(client, &blob, FIRST_BYTE, None, "read the first byte").await?;
    if answer.status != 206 {
        return Err(not_seen(format!("the read returned {}", status_line(&answer))));
    }
    let listed = listed_etag(&blob)?;
    let header = answer.header("etag").unwrap_or_default();
    let is_so = header == format!("\"{listed}\"");
    Ok(compared(is_so, if is_so { "the same in quotes" } else { "a different text" }))
}

async fn if_match(client: &mut Client<'_>, survey: &Survey) -> Result<Finding, Finding> {
    let blob = sample(client, survey)?;
    let etag = listed_etag(&blob)?;
    let note = "read the first byte if it matches";
    let answer = read(client, &blob, FIRST_BYTE, Some(&etag), note).await?;
    Ok(match answer.status {
        206 | 200 => as_assumed(status_line(&answer)),
        401 | 403 => not_seen(status_line(&answer)),
        _ => different(status_line(&answer)),
    })
}

async fn if_match_other(client: &mut Client<'_>, survey: &Survey) -> Result<Finding, Finding> {
    let blob = sample(client, survey)?;
    let note = "read the first byte if a different ETag matches";
    let other = "\"0x8D0000000000001\"";
    let answer = read(client, &blob, FIRST_BYTE, Some(other), note).await?;
    let is_so = answer.status == 412 && code(&answer).as_deref() == Some("ConditionNotMet");
    Ok(match answer.status {
        401 | 403 => not_seen(status_line(&answer)),
        _ => compared(is_so, status_line(&answer)),
    })
}

async fn range_after_end(client: &mut Client<'_>, survey: &Survey) -> Result<Finding, Finding> {
    let blob = sample(client, survey)?;
    let range = format!("bytes={}-{}", blob.size, blob.size + 9);
    let answer = read(client, &blob, &range, None, "read after the end").await?;
    let expected = format!("bytes */{}", blob.size);
    Ok(match answer.status {
        416 if answer.header("content-range") == Some(&expected) => as_assumed("416 with the size"),
        416 => different("416 without the size"),
        401 | 403 => not_seen(status_line(&answer)),
        _ => different(status_line(&answer)),
    })
}

async fn empty_blob(client: &mut Client<'_>, survey: &Survey) -> Result<Finding, Finding> {
    let blob = survey.empty(client.connection).cloned();
    let blob = blob.ok_or_else(|| not_seen("the first page has no empty blob"))?;
    let answer = read(client, &blob, FIRST_BYTE, None, "read an empty blob").await?;
    let is_so = answer.status == 416 && code(&answer).as_deref() == Some("InvalidRange");
    Ok(match answer.status {
        401 | 403 => not_seen(status_line(&answer)),
        _ => compared(is_so, format!("{}, {} bytes", status_line(&answer), answer.body.len())),
    })
}
