//! The suite for stores: one method for each rule, named after the rule.

use std::num::NonZeroU16;

use bytes::Bytes;

use super::{
    case::{Case, Outcome, except, expect},
    names::{Names, content, seed},
};
use crate::{
    error::ErrorKind,
    store::{Blob, ListRequest, Page, ReadRequest, Store},
};

/// The blob whose ranges and versions are read.
const SAMPLE: &str = "a.jpg";

/// Checks that a store keeps each rule of the contract of [`Store`].
///
/// The container must have the blobs of [`seed`] with the same `names`, and no others. The suite
/// only lists and reads. [`Conformance`] is for a backend that cannot store all of the names, or is
/// known to break a rule.
pub async fn check(store: &dyn Store, names: Names) -> Vec<Case> {
    Conformance::new(names).check(store).await
}

/// The suite for stores, with what a backend is known not to support.
///
/// A backend whose names are those of a file system, for example:
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// use azure_asset_sync::{MemoryStore, testing::conformance::{Conformance, Names}};
///
/// let suite = Conformance::new(Names::Portable)
///     .without(|name| name.ends_with('/') || name.contains("//"));
/// let store = MemoryStore::new();
/// for (name, content) in suite.seed() {
///     store.put(name, content);
/// }
/// let cases = suite.check(&store).await;
/// assert!(cases.iter().all(|case| case.outcome.is_ok()), "{cases:#?}");
///
/// // An exception for a rule that the store keeps is a failure.
/// let cases = suite.except([("names_ascend", "folders come first")]).check(&store).await;
/// let failed: Vec<_> = cases.iter().filter(|case| case.outcome.is_err()).collect();
/// assert_eq!(failed[0].name, "names_ascend");
/// assert_eq!(failed.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Conformance {
    seed: Vec<(String, Bytes)>,
    left_out: Vec<String>,
    exceptions: Vec<(String, String)>,
}

impl Conformance {
    /// Creates the suite with all of its names and rules.
    pub fn new(names: Names) -> Self {
        Self { seed: seed(names), left_out: Vec::new(), exceptions: Vec::new() }
    }

    /// Leaves out the names that the backend cannot store.
    ///
    /// The suite then checks that a read of such a name fails instead of returning other bytes.
    /// `a.jpg` cannot be left out, because many rules use it.
    #[must_use]
    pub fn without(mut self, cannot_be_stored: impl Fn(&str) -> bool) -> Self {
        let is_left_out = |name: &str| name != SAMPLE && cannot_be_stored(name);
        let (left_out, kept): (Vec<_>, Vec<_>) =
            self.seed.into_iter().partition(|(name, _)| is_left_out(name));
        self.seed = kept;
        self.left_out.extend(left_out.into_iter().map(|(name, _)| name));
        self
    }

    /// Excepts rules that the store is known to break, with the reason of each.
    ///
    /// An excepted rule that is broken passes, with the reason in [`Case::exception`]. An excepted
    /// rule that is kept fails, so that no exception outlives its reason, and so does an exception
    /// for a rule that the suite does not have.
    #[must_use]
    pub fn except<C: Into<String>, R: Into<String>>(
        mut self,
        rules: impl IntoIterator<Item = (C, R)>,
    ) -> Self {
        self.exceptions
            .extend(rules.into_iter().map(|(rule, reason)| (rule.into(), reason.into())));
        self
    }

    /// Returns the blobs that the container must have before [`check`](Self::check), as names and
    /// contents.
    ///
    /// The container must have no other blobs. The order in which they are stored does not matter.
    pub fn seed(&self) -> Vec<(String, Bytes)> {
        self.seed.clone()
    }

    /// Returns the names that were left out.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Checks that a store keeps each rule of the contract of [`Store`]. Only lists and reads.
    pub async fn check(&self, store: &dyn Store) -> Vec<Case> {
        let suite = Suite { store, seed: &self.seed, left_out: &self.left_out };
        except(suite.run().await, self.exceptions.iter().map(|(rule, why)| (rule, why)))
    }
}

/// A store under test.
struct Suite<'a> {
    store: &'a dyn Store,
    seed: &'a [(String, Bytes)],
    left_out: &'a [String],
}

impl Suite<'_> {
    /// Checks every rule.
    async fn run(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        macro_rules! cases {
            ($($name:ident),+ $(,)?) => {
                $(cases.push(Case::new(stringify!($name), self.$name().await));)+
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
            a_name_that_was_left_out_is_refused,
            a_range_returns_exactly_its_bytes,
            a_range_across_the_end_returns_the_rest,
            a_range_after_the_end_is_not_satisfiable,
            the_listed_version_can_be_read,
            another_etag_is_blob_changed,
            a_missing_blob_is_not_found,
        ];
        cases
    }

    /// Returns the stored names in byte order.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.seed.iter().map(|(name, _)| name.clone()).collect();
        // Listings have different orders, so the checks compare sorted names.
        names.sort_unstable();
        names
    }

    /// Returns all pages with a prefix.
    async fn list(&self, prefix: &str, page: Option<u16>) -> Result<Vec<Page>, String> {
        self.all(ListRequest::new(prefix), page).await
    }

    /// Returns all pages of a request, by its continuation markers.
    async fn all(&self, mut request: ListRequest, page: Option<u16>) -> Result<Vec<Page>, String> {
        // `None` asks for the largest page of the backend.
        request.max_results = page.and_then(NonZeroU16::new);
        let mut pages = Vec::new();
        loop {
            let page = self.store.list(request.clone()).await.map_err(|error| error.to_string())?;
            request.marker = page.next.clone();
            pages.push(page);
            if request.marker.is_none() {
                return Ok(pages);
            }
            // There are about 30 blobs. Even pages of one, with empty ones between, are far fewer.
            if pages.len() > 1000 {
                return Err("the listing does not end".to_owned());
            }
        }
    }

    /// Returns all blobs with a prefix.
    async fn blobs(&self, prefix: &str, page: Option<u16>) -> Result<Vec<Blob>, String> {
        Ok(self.list(prefix, page).await?.into_iter().flat_map(|page| page.blobs).collect())
    }

    async fn every_name_is_listed_exactly_as_stored(&self) -> Outcome {
        let mut listed: Vec<_> = self.blobs("", None).await?.into_iter().map(|b| b.name).collect();
        listed.sort_unstable();
        let stored = self.names();
        // The difference, not both lists: a person must find the wrong name quickly.
        let missing: Vec<_> = stored.iter().filter(|n| !listed.contains(n)).collect();
        let extra: Vec<_> = listed.iter().filter(|n| !stored.contains(n)).collect();
        expect(listed == stored, || format!("missing {missing:?}, not stored {extra:?}"))
    }

    async fn names_ascend(&self) -> Outcome {
        let mut last: Option<String> = None;
        for page in self.list("", None).await? {
            for blob in page.blobs {
                let ascends = last.is_none_or(|last| page.order.compare(&last, &blob.name).is_lt());
                expect(ascends, || {
                    format!("{:?} is out of the order {:?}", blob.name, page.order)
                })?;
                last = Some(blob.name);
            }
        }
        Ok(())
    }

    async fn start_from_is_supported_or_ignored(&self) -> Outcome {
        // With and without a prefix, from a name that exists and from one that does not.
        for (prefix, stored) in [("", true), ("", false), ("a", true), ("a", false)] {
            let all = self.blobs(prefix, None).await?;
            let middle = all.get(all.len() / 2).ok_or("nothing is listed")?;
            // No stored name ends in `!` here, so the second form does not exist.
            let from = format!("{}{}", middle.name, if stored { "" } else { "!" });
            let order = self.list("", None).await?.first().map(|page| page.order);
            let is_listed =
                |blob: &&Blob| order.unwrap_or_default().compare(&blob.name, &from).is_ge();
            let rest: Vec<_> = all.iter().filter(is_listed).cloned().collect();
            for size in [None, Some(1)] {
                let mut request = ListRequest::new(prefix);
                request.start_from = Some(from.clone());
                let pages = self.all(request, size).await?;
                let listed: Vec<_> = pages.into_iter().flat_map(|page| page.blobs).collect();
                expect(listed == rest || listed == all, || {
                    format!("a listing from {from:?} returns {listed:?}")
                })?;
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
            // Names are sorted, so the blobs of a folder are adjacent.
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
                // A backend may ignore the delimiter, but then it must list every blob.
                expect(listed == rolled || listed == stored, || {
                    format!("the prefix {prefix:?} returns {listed:?}, not {rolled:?}")
                })?;
            }
        }
        Ok(())
    }

    async fn sizes_are_those_of_the_content(&self) -> Outcome {
        for blob in self.blobs("", None).await? {
            let size = content(&blob.name).len() as u64;
            expect(blob.size == size, || {
                format!("{:?} has {} bytes, not {size}", blob.name, blob.size)
            })?;
        }
        Ok(())
    }

    async fn every_blob_has_an_etag(&self) -> Outcome {
        let blobs = self.blobs("", None).await?;
        let without = blobs.iter().find(|blob| blob.etag.is_none());
        expect(without.is_none(), || format!("no ETag: {without:?}"))
    }

    async fn pages_of_one_and_of_three_give_the_same_listing(&self) -> Outcome {
        let all = self.blobs("", None).await?;
        for size in [1, 3] {
            let paged = self.blobs("", Some(size)).await?;
            expect(paged == all, || format!("pages of {size} list different blobs"))?;
        }
        Ok(())
    }

    async fn no_page_exceeds_max_results(&self) -> Outcome {
        let pages = self.list("", Some(3)).await?;
        let largest = pages.iter().map(|page| page.blobs.len() + page.prefixes.len()).max();
        let largest = largest.unwrap_or_default();
        expect(largest <= 3, || format!("a page has {largest} entries, and the request allows 3"))
    }

    async fn a_prefix_is_plain_text(&self) -> Outcome {
        for prefix in ["prefix", "prefix/", "a/b", "%4", "\u{20ac}/"] {
            let mut listed: Vec<_> =
                self.blobs(prefix, None).await?.into_iter().map(|b| b.name).collect();
            // The order is another rule.
            listed.sort_unstable();
            let stored: Vec<_> =
                self.names().into_iter().filter(|name| name.starts_with(prefix)).collect();
            expect(listed == stored, || {
                format!("the prefix {prefix:?} returns {listed:?}, not {stored:?}")
            })?;
        }
        Ok(())
    }

    async fn a_prefix_without_blobs_is_an_empty_last_page(&self) -> Outcome {
        let blobs = self.blobs("no such prefix/", None).await?;
        expect(blobs.is_empty(), || format!("a prefix without blobs returns {blobs:?}"))
    }

    async fn any_name_can_be_read(&self) -> Outcome {
        for (name, content) in self.seed {
            let read = self.store.read(ReadRequest::new(name, 0..4096)).await;
            let read = read.map_err(|error| format!("{name:?}: {error}"))?;
            expect(read == content, || format!("reading {name:?} returns {read:?}"))?;
        }
        Ok(())
    }

    async fn a_name_that_was_left_out_is_refused(&self) -> Outcome {
        for name in self.left_out {
            if let Ok(read) = self.store.read(ReadRequest::new(name, 0..4096)).await {
                return Err(format!("reading {name:?} returns {read:?} of a different blob"));
            }
        }
        Ok(())
    }

    async fn a_range_returns_exactly_its_bytes(&self) -> Outcome {
        let whole = content(SAMPLE);
        for (start, end) in [(0, 1), (3, 9), (0, whole.len())] {
            let request = ReadRequest::new(SAMPLE, start as u64..end as u64);
            let read = self.store.read(request).await.map_err(|error| error.to_string())?;
            expect(read == whole.slice(start..end), || {
                format!("the range {start}..{end} returns {read:?}")
            })?;
        }
        Ok(())
    }

    async fn a_range_across_the_end_returns_the_rest(&self) -> Outcome {
        let whole = content(SAMPLE);
        let request = ReadRequest::new(SAMPLE, 3..1 << 20);
        let read = self.store.read(request).await.map_err(|error| error.to_string())?;
        expect(read == whole.slice(3..), || format!("the read returns {read:?}"))
    }

    async fn a_range_after_the_end_is_not_satisfiable(&self) -> Outcome {
        let len = content(SAMPLE).len() as u64;
        self.fails(ReadRequest::new(SAMPLE, len..len + 10), ErrorKind::RangeNotSatisfiable).await
    }

    async fn the_listed_version_can_be_read(&self) -> Outcome {
        let blobs = self.blobs(SAMPLE, None).await?;
        let blob = blobs.first().ok_or("`a.jpg` is not listed")?;
        let read = self.store.read(ReadRequest::of(blob, 0..3)).await;
        let read = read.map_err(|error| error.to_string())?;
        expect(read == content(SAMPLE).slice(..3), || format!("the read returns {read:?}"))
    }

    async fn another_etag_is_blob_changed(&self) -> Outcome {
        let mut request = ReadRequest::new(SAMPLE, 0..3);
        // No backend creates this ETag, so it names a version that does not exist.
        request.if_match = Some("0xDEAD".into());
        self.fails(request, ErrorKind::BlobChanged).await
    }

    async fn a_missing_blob_is_not_found(&self) -> Outcome {
        self.fails(ReadRequest::new("no such blob.jpg", 0..3), ErrorKind::BlobNotFound).await
    }

    /// Checks that a read fails with this kind of error.
    async fn fails(&self, request: ReadRequest, kind: ErrorKind) -> Outcome {
        match self.store.read(request).await {
            Ok(read) => Err(format!("the read returns {read:?} instead of failing with {kind:?}")),
            Err(error) => expect(error.kind() == kind, || {
                format!("the read fails with {:?} instead of {kind:?}: {error}", error.kind())
            }),
        }
    }
}
