//! Finds names that `object_store` lists wrongly: its paths have no slash at the end, and it ignores
//! that Azure encodes names which XML cannot represent.

use std::{sync::Arc, time::UNIX_EPOCH};

use ::object_store::{Attribute, Error as Foreign, GetOptions, GetResult, ObjectStore};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use percent_encoding::percent_decode_str;

use super::{
    super::{Blob, Malformed, Page},
    convert::{Doing, blob, failure, path},
};
use crate::{error::Error, name::printable};

/// How many entries of a page are looked up at a time.
const LOOK_UPS: usize = 8;

/// An entry of a listing.
pub(super) struct Entry {
    pub(super) blob: Blob,
    /// Whether the name may be a wrong one, so that it must be looked up.
    pub(super) is_in_doubt: bool,
    /// Whether the blob of this name was on an earlier page, so that only a wrong name is left.
    pub(super) is_known: bool,
}

impl Entry {
    /// Creates an entry whose name may be wrong if `is_suspicious`, or if it may be encoded.
    pub(super) fn new(blob: Blob, is_suspicious: bool) -> Self {
        let is_in_doubt = is_suspicious || is_encoded(&blob.name);
        Self { blob, is_in_doubt, is_known: false }
    }
}

/// Returns whether a name may be the percent-encoding of one that XML cannot represent.
///
/// Azure marks such names with `Encoded="true"`, which `object_store` ignores. They decode to
/// characters that XML cannot represent.
fn is_encoded(name: &str) -> bool {
    let impossible = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    name.contains('%')
        && percent_decode_str(name).decode_utf8().is_ok_and(|name| name.contains(impossible))
}

/// Adds the entries to a page. One whose name no object has becomes a malformed entry.
pub(super) async fn add(
    store: &Arc<dyn ObjectStore>,
    page: &mut Page,
    entries: Vec<Entry>,
) -> Result<(), Error> {
    let checked = stream::iter(entries.into_iter().map(|entry| async move {
        let is_real = !entry.is_in_doubt || is_stored(store, &entry.blob).await?;
        Ok::<_, Error>((entry, is_real))
    }));
    let mut checked = checked.buffered(LOOK_UPS);
    while let Some((Entry { blob, is_known, .. }, is_real)) = checked.try_next().await? {
        // Two equal entries: the second one is the name with a slash.
        let is_repeated = page.blobs.last().is_some_and(|last| last.name == blob.name);
        if !is_real || is_repeated {
            let what = format!(
                "object_store lists `{0}`, and there is no such object: it drops the slash of `{0}/` and does not decode names, or the object was deleted",
                printable(&blob.name)
            );
            page.push_malformed(Malformed::new(None, what));
        } else if !is_known {
            page.blobs.push(blob);
        }
    }
    Ok(())
}

/// Returns whether an object has exactly the name and the version of a listed blob.
pub(super) async fn is_stored(store: &Arc<dyn ObjectStore>, blob: &Blob) -> Result<bool, Error> {
    let Some(found) = find(store, &blob.name).await? else { return Ok(false) };
    // A listing can have ETags without quotes, and a time with fractions of a second.
    let etag =
        |blob: &Blob| blob.etag.as_ref().map(|etag| etag.as_str().trim_matches('"').to_owned());
    let time = |blob: &Blob| {
        let time = blob.last_modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        time.map(|time| time.as_secs())
    };
    // The time as well, because an ETag of Amazon S3 is often a hash of the content, and empty objects
    // have the same content.
    Ok(etag(&found) == etag(blob) && found.size == blob.size && time(&found) == time(blob))
}

/// Returns the descriptor of the object with exactly this name, if there is one.
pub(super) async fn find(store: &Arc<dyn ObjectStore>, name: &str) -> Result<Option<Blob>, Error> {
    let options = GetOptions { head: true, ..GetOptions::default() };
    match store.get_opts(&path(name)?, options).await {
        // In an account with a hierarchical namespace a folder can be looked up like a blob.
        Ok(found) if is_folder(&found) => Ok(None),
        Ok(found) => Ok(Some(blob(name.to_owned(), found.meta))),
        Err(Foreign::NotFound { .. }) => Ok(None),
        Err(error) => Err(failure(error, Doing::Read(name))),
    }
}

/// Returns whether the service says that a name is a folder.
fn is_folder(found: &GetResult) -> bool {
    let mark = Attribute::Metadata("hdi_isfolder".into());
    found.attributes.get(&mark).is_some_and(|value| value.as_ref() == "true")
}
