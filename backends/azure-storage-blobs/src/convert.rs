//! Converts pages and errors of the SDK to those of the main crate.
//!
//! An error of the SDK can print a whole page, or URLs with signatures. So it is inspected and
//! dropped, never kept as a source.

use std::{error::Error as StdError, time::SystemTime};

use azure_asset_sync::{
    Detail, Error, ErrorKind,
    error::sign_in_code,
    store::{Blob, ContentMd5, Malformed, Marker, Page},
};
use azure_core::{AppendToUrlQuery as _, Url, error::ErrorKind as Sdk};
use azure_storage_blobs::{
    container::operations::list_blobs::{BlobItem, ListBlobsResponse},
    prelude::Snapshot,
};
use percent_encoding::percent_decode_str;

/// Converts a page. Names that the SDK cannot decode become malformed entries.
pub(crate) fn page(listed: ListBlobsResponse) -> Page {
    let mut page = Page::default();
    page.next = listed.next_marker.map(|marker| Marker::from(marker.as_str().to_owned()));
    for item in listed.blobs.items {
        match item {
            BlobItem::Blob(blob) if is_encoded(&blob.name) => {
                let what = "the name is percent-encoded, and azure_storage_blobs does not decode it; use the official SDK";
                let mut entry = Malformed::new(Some(blob.name), what);
                entry.at = page.blobs.len();
                page.malformed.push(entry);
            }
            BlobItem::Blob(listed) => page.blobs.push(blob(listed)),
            BlobItem::BlobPrefix(prefix) => page.prefixes.push(prefix.name),
        }
    }
    page
}

/// Returns whether a name is the percent-encoding of a name that XML cannot represent.
///
/// The service marks such names with `Encoded="true"`, which the SDK ignores. They are recognized
/// because they decode to characters that XML cannot represent. A name with a literal `%01` looks
/// the same, so it is treated as malformed too.
fn is_encoded(name: &str) -> bool {
    let impossible = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    name.contains('%')
        && percent_decode_str(name).decode_utf8().is_ok_and(|name| name.contains(impossible))
}

/// Converts an entry.
fn blob(listed: azure_storage_blobs::blob::Blob) -> Blob {
    let properties = listed.properties;
    let mut blob = Blob::new(listed.name, properties.content_length);
    blob.etag = Some(properties.etag.as_ref().into());
    blob.last_modified = Some(SystemTime::from(properties.last_modified));
    blob.created = Some(SystemTime::from(properties.creation_time));
    blob.content_type = Some(properties.content_type.as_str())
        .filter(|content_type| !content_type.is_empty())
        .map(Into::into);
    blob.content_encoding = properties
        .content_encoding
        .filter(|encoding| !encoding.is_empty())
        .map(|encoding| encoding.as_str().into());
    blob.content_md5 = properties.content_md5.map(|md5| *md5.as_slice()).map(ContentMd5::from);
    blob.blob_type = Some(properties.blob_type.as_ref().into());
    blob.access_tier = properties.access_tier.map(|tier| tier.as_ref().into());
    blob.version_id = listed.version_id.as_deref().map(Into::into);
    blob.is_current_version = listed.is_current_version;
    blob.snapshot = listed.snapshot.as_ref().and_then(snapshot).as_deref().map(Into::into);
    blob.is_directory = properties.resource_type.as_deref() == Some("directory");
    blob.metadata = listed.metadata.into_iter().flatten().collect();
    blob
}

/// Returns the timestamp of a snapshot, which the SDK makes available only in a query.
fn snapshot(snapshot: &Snapshot) -> Option<String> {
    let mut url = Url::parse("https://localhost/").ok()?;
    snapshot.append_to_url_query(&mut url);
    url.query_pairs().next().map(|(_, stamp)| stamp.into_owned())
}

/// Converts an error, without its texts, which may contain secrets.
pub(crate) fn error(error: &azure_core::Error, doing: &str) -> Error {
    if let Some(http) = error.as_http_error() {
        let error = Error::from_response(http.status().into(), http.error_code());
        // Only the text of the error has the body. `Detail` keeps only words that the main crate
        // knows.
        let detail = Detail::in_body(http.to_string().as_bytes());
        return detail.into_iter().fold(error, Error::with_detail);
    }
    // The credential is the caller's, so its errors can have any type. The AADSTS number is in one
    // of the messages.
    let mut cause: Option<&dyn StdError> = Some(error);
    while let Some(error) = cause {
        if let Some(code) = sign_in_code(&error.to_string()) {
            return Error::from_sign_in(None, Some(&code), None);
        }
        cause = error.source();
    }
    let (kind, what) = match error.kind() {
        Sdk::Io => (ErrorKind::Unreachable, "the connection failed; try again later"),
        Sdk::DataConversion => (
            ErrorKind::UnexpectedAnswer,
            "azure_storage_blobs cannot decode the page, because a blob has a newer access tier or no Content-Type; use the official SDK",
        ),
        Sdk::Credential => (
            ErrorKind::CredentialUnavailable,
            "no token could be obtained; check the credential of the client",
        ),
        _ => (ErrorKind::BadRequest, "azure_storage_blobs refused the request"),
    };
    Error::new(kind, format!("{doing}: {what}"))
}
