//! Whether a store keeps the contract of [`Store`], and a sink that of [`Sink`](crate::Sink).
//!
//! Put [`seed`] into an empty container, by whatever way leads there, and [`check`] the store. For a
//! sink, tell [`check_sink`] how to open it and how to read back what it has written.

mod sink;

use std::num::NonZeroU16;

use bytes::Bytes;

pub use self::sink::check_sink;
use crate::{
    error::ErrorKind,
    store::{Blob, ListRequest, Page, ReadRequest, Store},
};

/// Which names the backend behind a store can hold
///
/// Deliberately complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Those that each backend and emulator can
    Portable,
    /// Those of Azure: control characters, `U+FFFE`, a backslash
    Any,
}

/// One rule of the contract, and whether the store keeps it
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Case {
    /// The rule
    pub name: &'static str,
    /// Where it is broken, how
    pub outcome: Result<(), String>,
}

/// Names that have each broken some client
const PORTABLE: &[&str] = &[
    " leading and trailing ",
    "#fragment?query=1&x=%20.png",
    "%41.jpg",
    "%ZZ.jpg",
    "+plus plus.jpg",
    "a",
    "a.jpg",
    "a/",
    "a/b",
    "a/b.jpg",
    "a/b/c/d/e/f.jpg",
    "a//b.jpg",
    "a0.jpg",
    "A.JPG",
    "<&>'\";.png",
    "caf\u{e9}.jpg",
    "cafe\u{301}.jpg",
    "prefix",
    "prefix-neighbour/x.png",
    "prefix/x.png",
    "prefix/y.png",
    "trailing.dot.",
    "\u{20ac}/\u{4e2d}\u{6587}.webp",
    "\u{202e}gpj.exe",
    "\u{1f600}.gif",
];

const AZURE_ONLY: &[&str] = &[
    "back\\slash.png",
    "bell\u{7}.jpg",
    "line\nfeed\r\n.jpg",
    "nonchar\u{fffe}\u{ffff}.jpg",
    "tab\there.jpg",
    "\u{1}",
    "\u{e000} before \u{1f600}.jpg",
];

/// The blobs that a container must have, and no others: name and content, in no order
pub fn seed(names: Names) -> Vec<(String, Bytes)> {
    let odd = if names == Names::Any { AZURE_ONLY } else { &[] };
    PORTABLE.iter().chain(odd).map(|name| ((*name).to_owned(), content(name))).collect()
}

/// Content that tells which blob it is of, and where a range begins
fn content(name: &str) -> Bytes {
    format!("{name}|0123456789").into()
}

/// Checks each rule of the contract
pub async fn check(store: &dyn Store, names: Names) -> Vec<Case> {
    let suite = Suite { store, names };
    let mut cases = Vec::new();
    macro_rules! cases {
        ($($name:ident),+ $(,)?) => {
            $(cases.push(Case { name: stringify!($name), outcome: suite.$name().await });)+
        };
    }
    cases![
        every_name_is_listed_exactly_as_stored,
        names_ascend,
        sizes_are_those_of_the_content,
        every_blob_has_an_etag,
        pages_of_one_and_of_three_give_the_same_listing,
        no_page_exceeds_max_results,
        a_prefix_is_plain_text,
        start_from_is_supported_or_ignored,
        a_delimiter_is_supported_or_ignored,
        a_prefix_without_blobs_is_an_empty_last_page,
        any_name_can_be_read,
        a_range_returns_exactly_its_bytes,
        a_range_across_the_end_returns_the_rest,
        a_range_after_the_end_is_not_satisfiable,
        the_listed_version_can_be_read,
        another_etag_is_blob_changed,
        a_missing_blob_is_not_found,
    ];
    cases
}

struct Suite<'a> {
    store: &'a dyn Store,
    names: Names,
}

type Outcome = Result<(), String>;

impl Suite<'_> {
    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = seed(self.names).into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names
    }

    async fn list(&self, prefix: &str, page: Option<u16>) -> Result<Vec<Page>, String> {
        self.all(ListRequest::new(prefix), page).await
    }

    async fn all(&self, mut request: ListRequest, page: Option<u16>) -> Result<Vec<Page>, String> {
        request.max_results = page.and_then(NonZeroU16::new);
        let mut pages = Vec::new();
        loop {
            let page = self.store.list(request.clone()).await.map_err(|error| error.to_string())?;
            request.marker = page.next.clone();
            pages.push(page);
            if request.marker.is_none() {
                return Ok(pages);
            }
            // Pages of one, and as many empty ones, are a few times the blobs.
            if pages.len() > 1000 {
                return Err("the listing does not end".to_owned());
            }
        }
    }

    async fn blobs(&self, prefix: &str, page: Option<u16>) -> Result<Vec<Blob>, String> {
        Ok(self.list(prefix, page).await?.into_iter().flat_map(|page| page.blobs).collect())
    }

    async fn every_name_is_listed_exactly_as_stored(&self) -> Outcome {
        let mut listed: Vec<_> = self.blobs("", None).await?.into_iter().map(|b| b.name).collect();
        listed.sort_unstable();
        let stored = self.names();
        let missing: Vec<_> = stored.iter().filter(|n| !listed.contains(n)).collect();
        let extra: Vec<_> = listed.iter().filter(|n| !stored.contains(n)).collect();
        expect(listed == stored, || format!("missing {missing:?}, not stored {extra:?}"))
    }

    async fn names_ascend(&self) -> Outcome {
        let mut last: Option<String> = None;
        for page in self.list("", None).await? {
            for blob in page.blobs {
                let rises = last.is_none_or(|last| page.order.compare(&last, &blob.name).is_lt());
                expect(rises, || format!("{:?} is not where {:?} says", blob.name, page.order))?;
                last = Some(blob.name);
            }
        }
        Ok(())
    }

    async fn start_from_is_supported_or_ignored(&self) -> Outcome {
        // Below a prefix too, and from a name that there is not.
        for (prefix, stored) in [("", true), ("", false), ("a", true), ("a", false)] {
            let whole = self.blobs(prefix, None).await?;
            let middle = whole.get(whole.len() / 2).ok_or("nothing is listed")?;
            let from = format!("{}{}", middle.name, if stored { "" } else { "!" });
            let order = self.list("", None).await?.first().map(|page| page.order);
            let is_ahead =
                |blob: &&Blob| order.unwrap_or_default().compare(&blob.name, &from).is_ge();
            let rest: Vec<_> = whole.iter().filter(is_ahead).cloned().collect();
            for size in [None, Some(1)] {
                let mut request = ListRequest::new(prefix);
                request.start_from = Some(from.clone());
                let pages = self.all(request, size).await?;
                let listed: Vec<_> = pages.into_iter().flat_map(|page| page.blobs).collect();
                expect(listed == rest || listed == whole, || format!("{from:?}: {listed:?}"))?;
            }
        }
        Ok(())
    }

    async fn a_delimiter_is_supported_or_ignored(&self) -> Outcome {
        for prefix in ["", "a/", "prefix"] {
            let stored: Vec<_> =
                self.names().into_iter().filter(|name| name.starts_with(prefix)).collect();
            let mut rolled: Vec<_> = stored
                .iter()
                .map(|name| {
                    let end = name.get(prefix.len()..).and_then(|rest| rest.find('/'));
                    name.get(..end.map_or(name.len(), |at| prefix.len() + at + 1)).unwrap_or(name)
                })
                .collect();
            rolled.dedup();
            for size in [None, Some(1)] {
                let mut request = ListRequest::new(prefix);
                request.delimiter = Some("/".to_owned());
                let pages = self.all(request, size).await?;
                let names = pages.iter().flat_map(|page| {
                    page.blobs.iter().map(|blob| &blob.name).chain(&page.prefixes)
                });
                let mut listed: Vec<_> = names.map(String::as_str).collect();
                listed.sort_unstable();
                expect(listed == rolled || listed == stored, || {
                    format!("{prefix:?} gives {listed:?}, not {rolled:?}")
                })?;
            }
        }
        Ok(())
    }

    async fn sizes_are_those_of_the_content(&self) -> Outcome {
        for blob in self.blobs("", None).await? {
            let size = content(&blob.name).len() as u64;
            expect(blob.size == size, || format!("{:?} has {}, not {size}", blob.name, blob.size))?;
        }
        Ok(())
    }

    async fn every_blob_has_an_etag(&self) -> Outcome {
        let blobs = self.blobs("", None).await?;
        let without = blobs.iter().find(|blob| blob.etag.is_none());
        expect(without.is_none(), || format!("{without:?}"))
    }

    async fn pages_of_one_and_of_three_give_the_same_listing(&self) -> Outcome {
        let whole = self.blobs("", None).await?;
        for size in [1, 3] {
            let paged = self.blobs("", Some(size)).await?;
            expect(paged == whole, || format!("pages of {size} differ"))?;
        }
        Ok(())
    }

    async fn no_page_exceeds_max_results(&self) -> Outcome {
        let pages = self.list("", Some(3)).await?;
        let largest = pages.iter().map(|page| page.blobs.len() + page.prefixes.len()).max();
        let largest = largest.unwrap_or_default();
        expect(largest <= 3, || format!("a page of {largest}"))
    }

    async fn a_prefix_is_plain_text(&self) -> Outcome {
        for prefix in ["prefix", "prefix/", "a/b", "%4", "\u{20ac}/"] {
            let listed: Vec<_> =
                self.blobs(prefix, None).await?.into_iter().map(|b| b.name).collect();
            let stored: Vec<_> =
                self.names().into_iter().filter(|name| name.starts_with(prefix)).collect();
            expect(listed == stored, || format!("{prefix:?} gives {listed:?}, not {stored:?}"))?;
        }
        Ok(())
    }

    async fn a_prefix_without_blobs_is_an_empty_last_page(&self) -> Outcome {
        let blobs = self.blobs("no such prefix/", None).await?;
        expect(blobs.is_empty(), || format!("{blobs:?}"))
    }

    async fn any_name_can_be_read(&self) -> Outcome {
        for (name, content) in seed(self.names) {
            let read = self.store.read(ReadRequest::new(&name, 0..4096)).await;
            let read = read.map_err(|error| format!("{name:?}: {error}"))?;
            expect(read == content, || format!("{name:?} gives {read:?}"))?;
        }
        Ok(())
    }

    async fn a_range_returns_exactly_its_bytes(&self) -> Outcome {
        let whole = content("a.jpg");
        for (start, end) in [(0, 1), (3, 9), (0, whole.len())] {
            let request = ReadRequest::new("a.jpg", start as u64..end as u64);
            let read = self.store.read(request).await.map_err(|error| error.to_string())?;
            expect(read == whole.slice(start..end), || format!("{start}..{end} gives {read:?}"))?;
        }
        Ok(())
    }

    async fn a_range_across_the_end_returns_the_rest(&self) -> Outcome {
        let whole = content("a.jpg");
        let request = ReadRequest::new("a.jpg", 3..1 << 20);
        let read = self.store.read(request).await.map_err(|error| error.to_string())?;
        expect(read == whole.slice(3..), || format!("{read:?}"))
    }

    async fn a_range_after_the_end_is_not_satisfiable(&self) -> Outcome {
        let len = content("a.jpg").len() as u64;
        self.fails(ReadRequest::new("a.jpg", len..len + 10), ErrorKind::RangeNotSatisfiable).await
    }

    async fn the_listed_version_can_be_read(&self) -> Outcome {
        let blobs = self.blobs("a.jpg", None).await?;
        let blob = blobs.first().ok_or("`a.jpg` is not listed")?;
        let read = self.store.read(ReadRequest::of(blob, 0..3)).await;
        let read = read.map_err(|error| error.to_string())?;
        expect(read == content("a.jpg").slice(..3), || format!("{read:?}"))
    }

    async fn another_etag_is_blob_changed(&self) -> Outcome {
        let mut request = ReadRequest::new("a.jpg", 0..3);
        request.if_match = Some("0xDEAD".into());
        self.fails(request, ErrorKind::BlobChanged).await
    }

    async fn a_missing_blob_is_not_found(&self) -> Outcome {
        self.fails(ReadRequest::new("no such blob.jpg", 0..3), ErrorKind::BlobNotFound).await
    }

    async fn fails(&self, request: ReadRequest, kind: ErrorKind) -> Outcome {
        match self.store.read(request).await {
            Ok(read) => Err(format!("it gives {read:?}")),
            Err(error) => expect(error.kind() == kind, || format!("{:?}: {error}", error.kind())),
        }
    }
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise()) }
}
