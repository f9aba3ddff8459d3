//! Pages of a store that has pages: Amazon S3, Google Cloud Storage, Azure.
//!
//! Prefixes are plain text there, as those of this crate. Beyond the requested page, the adapter asks
//! for names that `object_store` would hide or shorten, once for each listing.

use std::{collections::BTreeSet, sync::Arc};

use ::object_store::{
    ListResult, ObjectStore,
    list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore},
};

use super::{
    super::{Blob, ListRequest, Marker, NameOrder, Orders, Page},
    convert::{Doing, blob, failure, path},
    verify::{self, Entry},
};
use crate::{
    error::{Error, ErrorKind},
    name::printable,
};

/// A store with pages.
#[derive(Clone)]
pub(super) struct Pages {
    store: Arc<dyn ObjectStore>,
    pages: Arc<dyn PaginatedListStore>,
    order: NameOrder,
}

/// A position in a listing.
enum Position {
    Start,
    /// At the start, after the blob whose name is the prefix itself.
    AfterPrefix,
    /// After the page that had this token.
    Token(String),
}

impl Position {
    /// Reads a marker.
    fn of(marker: Option<&Marker>) -> Result<Self, Error> {
        let Some(marker) = marker.map(Marker::as_str) else { return Ok(Self::Start) };
        match marker.split_at_checked(1) {
            Some(("t", token)) => Ok(Self::Token(token.to_owned())),
            Some(("p", "")) => Ok(Self::AfterPrefix),
            _ => Err(Error::new(ErrorKind::BadRequest, "the marker is not one of this store")),
        }
    }

    /// Returns the marker of a position.
    fn marker(&self) -> Option<Marker> {
        match self {
            Self::Start => None,
            Self::AfterPrefix => Some(Marker::from("p".to_owned())),
            Self::Token(token) => Some(Marker::from(format!("t{token}"))),
        }
    }
}

impl Pages {
    /// Creates a listing of one store, which has both traits.
    pub(super) fn new(store: Arc<dyn ObjectStore>, pages: Arc<dyn PaginatedListStore>) -> Self {
        Self { store, pages, order: NameOrder::default() }
    }

    /// Sets the order of the store.
    pub(super) fn set_order(&mut self, order: NameOrder) {
        self.order = order;
    }

    /// Returns a page. Ignores a delimiter other than `/`.
    pub(super) async fn list(&self, request: ListRequest) -> Result<Page, Error> {
        let prefix = request.prefix.as_str();
        let position = Position::of(request.marker.as_ref())?;
        let from = request.start_from.as_deref().filter(|_| request.marker.is_none());
        // A store without an order cannot start at a name.
        let from = from.filter(|_| self.order != NameOrder::Unsorted);
        if matches!(position, Position::Start) {
            if prefix.is_empty() {
                self.refuse_leading_slashes().await?;
            } else if from.is_none_or(|from| from <= prefix)
                && let Some(named_like_prefix) = self.find_prefix(prefix).await?
            {
                let mut page = Page::last(vec![named_like_prefix]);
                page.next = Position::AfterPrefix.marker();
                page.order = self.order;
                return Ok(page);
            }
        }
        let delimiter = request.delimiter.as_deref().filter(|delimiter| *delimiter == "/");
        let mut options = PaginatedListOptions {
            offset: from.and_then(offset),
            delimiter: delimiter.map(|_| "/".into()),
            max_keys: request.max_results.map(|most| most.get().into()),
            ..PaginatedListOptions::default()
        };
        if let Position::Token(token) = &position {
            options.page_token = Some(token.clone());
        }
        let listed = self.request(prefix, options).await?;
        let token = listed.page_token.filter(|token| !token.is_empty());
        let mut page = Page {
            prefixes: folders(&listed.result, prefix)?,
            next: token.map(Position::Token).and_then(|token| token.marker()),
            order: self.order,
            ..Page::default()
        };
        let entries = entries(listed.result, prefix, from, &position, page.next.is_some())?;
        verify::add(&self.store, &mut page, entries).await?;
        Ok(page)
    }

    /// Requests a page.
    async fn request(
        &self,
        prefix: &str,
        options: PaginatedListOptions,
    ) -> Result<PaginatedListResult, Error> {
        let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
        let page = self.pages.list_paginated(prefix, options).await;
        page.map_err(|error| failure(error, Doing::List))
    }

    /// Fails if there are names that begin with a slash: `object_store` drops it, so each of them
    /// would be listed with the name of another object.
    async fn refuse_leading_slashes(&self) -> Result<(), Error> {
        let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        let listed = self.request("/", options).await?.result;
        let Some(object) = listed.objects.first() else { return Ok(()) };
        let what = format!(
            "list the container: object_store drops the slash of `/{0}` and lists `{0}`; rename that object, or list with a prefix",
            printable(object.location.as_ref())
        );
        Err(Error::new(ErrorKind::UnexpectedAnswer, what))
    }

    /// Returns the blob whose name is the prefix. The Azure store of `object_store` does not list it.
    async fn find_prefix(&self, prefix: &str) -> Result<Option<Blob>, Error> {
        let Some(folder) = prefix.strip_suffix('/') else {
            // A prefix that is no path is not the name of an object that can be listed.
            return match path(prefix) {
                Ok(_) => verify::find(&self.store, prefix).await,
                Err(_) => Ok(None),
            };
        };
        // A path has no slash at the end, so it cannot be looked up. It is the first name after all
        // names that begin with `folder.`, because `.` precedes `/`. In an account with a hierarchical
        // namespace the order is another one, and no blob has such a name.
        let options = PaginatedListOptions {
            offset: Some(format!("{folder}.\u{ffff}")),
            max_keys: Some(1),
            ..PaginatedListOptions::default()
        };
        if folder.is_empty() {
            return Ok(None);
        }
        let listed = match self.request(folder, options).await {
            Ok(listed) => listed.result,
            // The first name is no path, so it is not this one. The listing reports it.
            Err(error) if error.kind() == ErrorKind::UnexpectedAnswer => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(meta) = listed.objects.into_iter().next() else { return Ok(None) };
        if meta.location.as_ref() != folder {
            return Ok(None);
        }
        let listed = blob(folder.to_owned(), meta);
        // A store that ignores the offset returns the object `folder` itself.
        if verify::is_stored(&self.store, &listed).await? {
            return Ok(None);
        }
        Ok(Some(Blob { name: prefix.to_owned(), ..listed }))
    }
}

/// Returns an offset, which is exclusive, for a first name, which is inclusive: a name before it in
/// every order, with few names between.
fn offset(from: &str) -> Option<String> {
    let (last, _) = from.char_indices().next_back()?;
    from.get(..last).filter(|offset| !offset.is_empty()).map(str::to_owned)
}

/// Returns the text of a path, with the slash at its start that `object_store` has dropped.
fn restored(text: String, prefix: &str) -> Result<String, Error> {
    if text.starts_with(prefix) {
        return Ok(text);
    }
    let restored = format!("/{text}");
    if restored.starts_with(prefix) {
        return Ok(restored);
    }
    let what = format!(
        "the store lists `{}` for the prefix `{}`; report it to its author",
        printable(&text),
        printable(prefix)
    );
    Err(Error::new(ErrorKind::UnexpectedAnswer, what))
}

/// Returns the common prefixes of a page, with the slashes that `object_store` has dropped.
fn folders(listed: &ListResult, prefix: &str) -> Result<Vec<String>, Error> {
    let folders = listed.common_prefixes.iter().map(|folder| match folder.as_ref() {
        "" => Ok("/".to_owned()),
        folder => restored(format!("{folder}/"), prefix),
    });
    folders.collect()
}

/// Returns the blobs of a page, and which of their names may have lost a slash at the end.
///
/// `has_next` says that another page follows.
fn entries(
    listed: ListResult,
    prefix: &str,
    from: Option<&str>,
    position: &Position,
    has_next: bool,
) -> Result<Vec<Entry>, Error> {
    let mut named = Vec::new();
    for meta in listed.objects {
        let name = meta.location.as_ref();
        // Without its slash, the blob whose name is the prefix: maybe on a page of its own already.
        if format!("{name}/") == prefix {
            if !matches!(position, Position::AfterPrefix) {
                named.push(blob(prefix.to_owned(), meta));
            }
            continue;
        }
        // Of the name `/` both ends are dropped, which is one slash.
        let name = if name.is_empty() { "/" } else { name };
        named.push(blob(restored(name.to_owned(), prefix)?, meta));
    }
    // Names between the offset and the first requested one, at the start of the listing. Only those
    // that precede it in every order, because the order of the store is not known.
    let is_before =
        |name: &str| from.is_some_and(|from| Orders::that_have(name, from) == Some(Orders::ALL));
    let skipped = named.iter().take_while(|blob| is_before(&blob.name)).count();
    named.drain(..skipped);

    let continues = matches!(position, Position::Token(_));
    let folders: BTreeSet<&str> = listed.common_prefixes.iter().map(AsRef::as_ref).collect();
    let is_in_doubt = |at: usize, blob: &Blob| {
        let last = at.checked_sub(1).and_then(|at| named.get(at));
        let next = named.get(at + 1);
        let is_at_edge = (last.is_none() && continues) || (next.is_none() && has_next);
        // `a/` is listed after `a.jpg`, and as `a`, which precedes `a.jpg` in every order.
        let is_out_of_order = last.is_some_and(|last| {
            Orders::that_have(&last.name, &blob.name).is_none_or(|orders| orders == Orders::NONE)
        });
        let below = format!("{}/", blob.name);
        let is_folder = folders.contains(blob.name.as_str())
            || next.is_some_and(|next| next.name.starts_with(&below));
        // A name with a slash at an end is one that was restored, and no path.
        !blob.name.starts_with('/')
            && !blob.name.ends_with('/')
            && (blob.size == 0 || is_at_edge || is_out_of_order || is_folder || blob.name == prefix)
    };
    let doubts: Vec<bool> =
        named.iter().enumerate().map(|(at, blob)| is_in_doubt(at, blob)).collect();
    let entries = named.into_iter().zip(doubts).map(|(blob, is_in_doubt)| {
        let is_known = blob.name == prefix && !matches!(position, Position::Start);
        Entry { is_known, ..Entry::new(blob, is_in_doubt) }
    });
    Ok(entries.collect())
}
