//! Finds names that `object_store` has shortened: its paths have no slash at the end.

use std::{sync::Arc, time::UNIX_EPOCH};

use ::object_store::{Error as Foreign, GetOptions, ObjectStore};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    super::{Blob, Malformed, Page},
    convert::{Doing, failure, path},
};
use crate::{error::Error, name::printable};

/// How many entries of a page are looked up at a time.
const LOOK_UPS: usize = 8;

/// An entry of a listing.
pub(super) struct Entry {
    pub(super) blob: Blob,
    /// Whether the name may have lost a slash, so that it must be looked up.
    pub(super) is_in_doubt: bool,
}

/// Adds the entries to a page. One whose name no object has becomes a malformed entry.
pub(super) async fn add(
    store: &Arc<dyn ObjectStore>,
    page: &mut Page,
    entries: Vec<Entry>,
) -> Result<(), Error> {
    let checked = stream::iter(entries.into_iter().map(|entry| async move {
        let is_real = !entry.is_in_doubt || is_stored(store, &entry.blob).await?;
        Ok::<_, Error>((entry.blob, is_real))
    }));
    let mut checked = checked.buffered(LOOK_UPS);
    while let Some((blob, is_real)) = checked.try_next().await? {
        // Two equal entries: the second one is the name with a slash.
        let is_repeated = page.blobs.last().is_some_and(|last| last.name == blob.name);
        if is_real && !is_repeated {
            page.blobs.push(blob);
        } else {
            let what = format!(
                "object_store lists `{0}`, which does not exist: it drops the slash of `{0}/`, or the object was deleted",
                printable(&blob.name)
            );
            page.push_malformed(Malformed::new(None, what));
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
        Ok(found) => Ok(Some(super::convert::blob(name.to_owned(), found.meta))),
        Err(Foreign::NotFound { .. }) => Ok(None),
        Err(error) => Err(failure(error, Doing::Read(name))),
    }
}
