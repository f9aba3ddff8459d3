//! Checks pages: their size, markers, format, and the elements of their entries.

use std::collections::BTreeSet;

use azure_asset_sync::store::azure::RawRequest;
use regex::Regex;
use roxmltree::{Document, Node};

use super::{
    Survey,
    client::{Client, Listed, RequestKind, status_line},
    lines::{Finding, Lines, as_assumed, compared, different, not_seen},
};

/// The media type of Arrow pages, and the first service version that is known to have them.
const ARROW: (&str, &str) = ("application/vnd.apache.arrow.stream", "2026-06-06");

/// The elements of an entry without its metadata. Sources: Microsoft Learn, "List Blobs", and
/// recordings.
pub const ELEMENTS: &[&str] = &[
    "AccessTier",
    "AccessTierChangeTime",
    "AccessTierInferred",
    "Acl",
    "ArchiveStatus",
    "BlobType",
    "Cache-Control",
    "Content-CRC64",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-MD5",
    "Content-Type",
    "CopyCompletionTime",
    "CopyDestinationSnapshot",
    "CopyId",
    "CopyProgress",
    "CopySource",
    "CopyStatus",
    "CopyStatusDescription",
    "Creation-Time",
    "CustomerProvidedKeySha256",
    "Deleted",
    "DeletedTime",
    "DeletionId",
    "EncryptionContext",
    "EncryptionScope",
    "Etag",
    "Expiry-Time",
    "Group",
    "HasVersionsOnly",
    "ImmutabilityPolicyMode",
    "ImmutabilityPolicyUntilDate",
    "IncrementalCopy",
    "IsCurrentVersion",
    "Last-Modified",
    "LastAccessTime",
    "LeaseDuration",
    "LeaseState",
    "LeaseStatus",
    "LegalHold",
    "Metadata",
    "Name",
    "OrMetadata",
    "Owner",
    "Permissions",
    "Placeholder",
    "Properties",
    "RehydratePriority",
    "RemainingRetentionDays",
    "ResourceType",
    "Sealed",
    "ServerEncrypted",
    "SmartAccessTier",
    "Snapshot",
    "TagCount",
    "Tags",
    "VersionId",
    "x-ms-blob-sequence-number",
];

/// Elements whose children have names that the customer chose.
pub const CUSTOMER_ELEMENTS: &[&str] = &["Metadata", "OrMetadata", "Tags"];

/// Checks the first page and some more listings.
pub async fn check(client: &mut Client<'_>, lines: &mut Lines, survey: &Survey) {
    lines.set("page_full", page_full(survey));
    lines.set("chunked", chunked(&survey.first));
    lines.set("elements", elements(survey));
    match markers(client, survey).await {
        Ok([limit, again, form]) => {
            lines.set("page_limit", limit);
            lines.set("marker_again", again);
            lines.set("marker_form", form);
        }
        Err(found) => {
            for line in ["page_limit", "marker_again", "marker_form"] {
                lines.set(line, found.clone());
            }
        }
    }
    for (line, found) in [
        ("arrow", arrow(client).await),
        ("metadata", metadata(client, survey).await),
        ("versions", versions(client).await),
        ("delimiter", delimiter(client, survey).await),
    ] {
        lines.set(line, found.unwrap_or_else(|found| found));
    }
}

/// Returns the number of entries of a page.
fn entries(listed: &Listed) -> usize {
    let page = &listed.page;
    page.blobs.len() + page.prefixes.len() + page.malformed.len()
}

fn page_full(survey: &Survey) -> Finding {
    let count = entries(&survey.first);
    match &survey.first.page.next {
        Some(_) => compared(count == 5000, format!("{count} entries and a marker")),
        None if count > 5000 => different(format!("{count} entries")),
        None => not_seen("the container has only one page"),
    }
}

fn chunked(listed: &Listed) -> Finding {
    let is_chunked = listed.answer.header("transfer-encoding") == Some("chunked");
    let has_length = listed.answer.header("content-length").is_some();
    compared(
        is_chunked && !has_length,
        if has_length { "Content-Length" } else { "no Content-Length" },
    )
}

fn elements(survey: &Survey) -> Finding {
    if entries(&survey.first) == 0 {
        return not_seen("the container has no blob");
    }
    let text = survey.first.text();
    let Ok(document) = Document::parse(text.trim_start_matches('\u{feff}')) else {
        return different("the page is not well-formed XML");
    };
    let is_customer_text =
        |node: &Node<'_, '_>| CUSTOMER_ELEMENTS.iter().any(|open| node.has_tag_name(*open));
    let entries = document.descendants().filter(|node| node.has_tag_name("Blob"));
    let elements = entries.flat_map(|entry| entry.descendants().skip(1)).filter(|node| {
        node.is_element() && !node.ancestors().skip(1).any(|above| is_customer_text(&above))
    });
    let names: BTreeSet<_> = elements.map(|node| node.tag_name().name()).collect();
    let unknown: Vec<_> = names.iter().filter(|name| !ELEMENTS.contains(name)).copied().collect();
    match unknown.is_empty() {
        true => as_assumed(format!("{} elements", names.len())),
        false => different(format!("unknown: {}", unknown[..unknown.len().min(9)].join(", "))),
    }
}

/// Requests a page of two names, and uses its marker twice.
async fn markers(client: &mut Client<'_>, survey: &Survey) -> Result<[Finding; 3], Finding> {
    if entries(&survey.first) < 3 && survey.first.page.next.is_none() {
        return Err(not_seen("the container has fewer than three blobs"));
    }
    let two = client.list(&[("maxresults", "2")]).await?;
    let count = entries(&two);
    let limit = compared(count == 2, format!("{count} entries for maxresults=2"));
    let Some(marker) = two.page.next.as_ref().map(|marker| marker.as_str().to_owned()) else {
        return Ok([limit, not_seen("no marker"), not_seen("no marker")]);
    };
    // The pattern is constant and valid.
    let shape = Regex::new(r"^2!\d+![A-Za-z0-9*_-]+$").unwrap();
    let form = compared(shape.is_match(&marker), format!("{} characters", marker.len()));
    let parameters = [("maxresults", "2"), ("marker", marker.as_str())];
    let once = client.list(&parameters).await?;
    let again = match client.list(&parameters).await {
        Ok(again) => compared(again.names() == once.names(), "the same page twice"),
        Err(found) => different(found.evidence),
    };
    Ok([limit, again, form])
}

async fn arrow(client: &mut Client<'_>) -> Result<Finding, Finding> {
    let (media_type, version) = ARROW;
    let request = RawRequest::get(client.list_url(&[("maxresults", "2")]))
        .header("accept", format!("{media_type},application/xml"))
        .header("x-ms-version", version);
    let answer = client.send(RequestKind::Other, "GET", "list that accepts Arrow", request).await?;
    let content_type = answer.header("content-type").unwrap_or_default();
    Ok(match answer.status {
        200 if content_type.contains("arrow") => different(format!("Arrow in version {version}")),
        200 => as_assumed(format!("XML in version {version}")),
        // The service does not know this version yet.
        _ => not_seen(format!("version {version}: {}", status_line(&answer))),
    })
}

async fn metadata(client: &mut Client<'_>, survey: &Survey) -> Result<Finding, Finding> {
    let with = client.list(&[("maxresults", "5"), ("include", "metadata")]).await?;
    if with.page.blobs.is_empty() {
        return Err(not_seen("the container has no blob"));
    }
    let without = client.list(&[("maxresults", "5")]).await?;
    let has = |listed: &Listed| listed.text().contains("<Metadata");
    Ok(match (has(&with), has(&without)) {
        (true, false) => as_assumed("an element for each blob if it was requested"),
        (true, true) => different("listed although it was not requested"),
        (false, _) if has_metadata(client, survey).await? => {
            different("not listed although a blob has metadata")
        }
        (false, _) => not_seen("not listed, and the blob that was read has no metadata"),
    })
}

/// Returns whether a read shows that a blob has metadata.
async fn has_metadata(client: &mut Client<'_>, survey: &Survey) -> Result<bool, Finding> {
    let url = survey.sample(client.connection).and_then(|b| client.connection.blob_url(&b.name));
    let Some(url) = url else { return Ok(false) };
    let head = RawRequest::head(url);
    let answer = client.send(RequestKind::Read, "HEAD", "properties of a blob", head).await?;
    Ok(answer.headers.iter().any(|(name, _)| name.starts_with("x-ms-meta-")))
}

async fn versions(client: &mut Client<'_>) -> Result<Finding, Finding> {
    let mut seen = Vec::new();
    for include in ["versions", "snapshots"] {
        let url = client.list_url(&[("maxresults", "5"), ("include", include)]);
        let note = format!("list with include={include}");
        let answer = client.send(RequestKind::List, "GET", &note, RawRequest::get(url)).await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        match answer.status {
            200 => {
                let known = ["VersionId", "IsCurrentVersion", "Snapshot"].into_iter();
                seen.extend(known.filter(|tag| text.contains(&format!("<{tag}>"))));
            }
            // A role assignment condition may allow only current versions.
            401 | 403 => return Err(not_seen(format!("{include}: {}", status_line(&answer)))),
            _ => return Ok(different(format!("{include}: {}", status_line(&answer)))),
        }
    }
    match seen.is_empty() {
        true => Err(not_seen("no blob has a version or a snapshot")),
        false => Ok(as_assumed(seen.join(", "))),
    }
}

async fn delimiter(client: &mut Client<'_>, survey: &Survey) -> Result<Finding, Finding> {
    let prefix = client.connection.prefix().as_str().len();
    let names = survey.first.names();
    if !names.iter().any(|name| name.get(prefix..).is_some_and(|rest| rest.contains('/'))) {
        return Err(not_seen("no name has a `/` after the prefix"));
    }
    let listed = client.list(&[("maxresults", "50"), ("delimiter", "/")]).await?;
    let count = listed.page.prefixes.len();
    let is_folded = listed.page.prefixes.iter().all(|prefix| prefix.ends_with('/'))
        && !listed.names().iter().any(|name| name.get(prefix..).unwrap_or_default().contains('/'));
    let order = listed.page.order;
    let is_sorted =
        listed.page.prefixes.windows(2).all(|pair| order.compare(&pair[0], &pair[1]).is_lt());
    match (count, is_folded, is_sorted) {
        (0, true, _) => Err(not_seen("the first entries are not in folders")),
        (_, false, _) => Ok(different("names with a `/` are not folded")),
        (_, true, false) => Ok(different(format!("{count} prefixes in a different order"))),
        (_, true, true) => Ok(as_assumed(format!("{count} prefixes"))),
    }
}
