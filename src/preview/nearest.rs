//! Finds similar prefixes if no name has the prefix of a preview.
//!
//! The search lists one level of folders at a time: the level above the prefix, the levels above that
//! while they are empty, and then down again where names are similar. It takes at most 8 requests.
//!
//! For example, if nothing has `hall-3/cam_1/` and the container has `Hall-3/cam-1/a.jpg`, the search lists
//! `hall-3/` and finds nothing, then the root with `Hall-3/`, and then `Hall-3/` with `cam-1/`.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    name::one_line,
    store::{ListRequest, Store},
    unicode,
};

/// The most requests of a search.
const MAX_REQUESTS: u64 = 8;

/// The most similar prefixes that are returned.
const MAX_SIMILAR: usize = 3;

/// Similar prefixes, if no name has the prefix: an answer to "why is nothing found?".
///
/// Usual causes are another case, a slash too many or missing, or a folder that was renamed. The `Display`
/// output is one sentence that asks whether a similar prefix was meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Nearest {
    /// The longest part of the prefix, up to a slash, that names have.
    ///
    /// Empty if only the container exists. `None` if the container is empty or could not be listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<String>,
    /// Similar prefixes that names have, the most similar one first; at most 3.
    pub similar: Vec<String>,
    /// The requests that the search took; at most 8.
    pub requests: u64,
    /// The error that ended the search, if there was one.
    ///
    /// A grant that is limited to the prefix refuses to list what is above the prefix, as it should.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| {
            let names = names.iter().map(|name| form(name));
            names.collect::<Vec<_>>().join(" or ")
        };
        match (&self.exists, self.similar.as_slice(), &self.refused) {
            (_, similar @ [_, ..], _) => {
                write!(f, "no blob has this prefix; did you mean {}?", list(similar))
            }
            (_, [], Some(refused)) => write!(
                f,
                "no blob has this prefix, and the folders above it could not be listed: {refused}"
            ),
            (None, ..) => {
                write!(f, "no blob has this prefix, and the container seems empty")
            }
            (Some(exists), ..) if exists.is_empty() => {
                write!(f, "no blob has this prefix or a similar one")
            }
            (Some(exists), ..) => {
                write!(f, "no blob has this prefix; `{}` exists", one_line(exists))
            }
        }
    }
}

/// Returns a name for a message. If letters and marks are separate characters, which people cannot see,
/// the name is shown in that form as well.
fn form(name: &str) -> String {
    let shown = one_line(name);
    if unicode::nfc(name) == name {
        return format!("`{shown}`");
    }
    let marks = |c: char| if c.is_ascii() { c.to_string() } else { c.escape_unicode().to_string() };
    let apart: String = unicode::nfd(name).chars().map(marks).collect();
    format!("`{shown}` (letters and marks are separate characters, Unicode form NFD: `{apart}`)")
}

/// Searches for what exists near a prefix. An error of the store ends the search, and is part of the
/// result.
pub(super) async fn find(store: &dyn Store, prefix: &str) -> Nearest {
    let mut search = Search { store, found: Nearest::default() };
    if let Err(error) = search.run(prefix).await {
        search.found.refused = Some(error.to_string());
    }
    search.found
}

/// A search under way.
struct Search<'a> {
    store: &'a dyn Store,
    found: Nearest,
}

impl Search<'_> {
    /// Searches from the level above the prefix upwards.
    ///
    /// # Errors
    /// Fails with the first error of the store. What was found until then is kept.
    async fn run(&mut self, prefix: &str) -> Result<(), Error> {
        // From the longest folder of the prefix to the container itself.
        let slashes = prefix.trim_end_matches('/').rmatch_indices('/').map(|(at, _)| at + 1);
        for end in slashes.chain([0]) {
            let Some((parent, wanted)) = prefix.split_at_checked(end) else { continue };
            let Some(level) = self.level(parent).await? else { return Ok(()) };
            // Nothing is in this folder: the folder itself does not exist.
            if level.is_empty() {
                continue;
            }
            self.found.exists = Some(parent.to_owned());
            // What differs only in its form comes first, because it is surely meant.
            for variant in variants(parent, wanted) {
                if let Some(start) = common_start(&level, parent, &variant) {
                    let rest = variant.get(start.len() - parent.len()..).unwrap_or_default();
                    if let Some(found) = self.exactly(start, rest).await? {
                        self.add(found);
                    }
                }
            }
            // Then names that are similar to the first segment that does not exist.
            let segment = first_segment(wanted);
            for (n, similar) in ranked(&level, parent, segment).into_iter().enumerate() {
                // Only the most similar one is worth more requests.
                let rest = wanted.get(segment.len()..).filter(|_| n == 0).unwrap_or_default();
                let found = self.down(similar, rest).await?;
                self.add(found);
            }
            return Ok(());
        }
        Ok(())
    }

    /// Adds a similar prefix, if there is room.
    fn add(&mut self, similar: String) {
        let list = &mut self.found.similar;
        if list.len() < MAX_SIMILAR && !list.contains(&similar) {
            list.push(similar);
        }
    }

    /// Returns the prefix `at` + `rest` if a name has it. A name is known to have `at`.
    async fn exactly(&mut self, mut at: String, mut rest: &str) -> Result<Option<String>, Error> {
        while !rest.is_empty() {
            let Some(level) = self.level(&at).await? else { return Ok(None) };
            let segment = first_segment(rest);
            let Some(next) = common_start(&level, &at, segment) else { return Ok(None) };
            at = next;
            rest = rest.get(segment.len()..).unwrap_or_default();
        }
        Ok(Some(at))
    }

    /// Descends from `at` as long as there is something similar to the segments of `rest`.
    async fn down(&mut self, mut at: String, mut rest: &str) -> Result<String, Error> {
        while !rest.is_empty() && at.ends_with('/') {
            let segment = first_segment(rest);
            let Some(level) = self.level(&at).await? else { break };
            at = match common_start(&level, &at, segment) {
                Some(start) => start,
                None => match ranked(&level, &at, segment).into_iter().next() {
                    Some(similar) => similar,
                    None => break,
                },
            };
            rest = rest.get(segment.len()..).unwrap_or_default();
        }
        Ok(at)
    }

    /// Returns the first page of names and folders in a folder, or `None` if no requests are left.
    async fn level(&mut self, parent: &str) -> Result<Option<BTreeSet<String>>, Error> {
        let mut request = ListRequest::new(parent);
        request.delimiter = Some("/".to_owned());
        loop {
            if self.found.requests == MAX_REQUESTS {
                return Ok(None);
            }
            self.found.requests += 1;
            // One page is enough: a folder with more is too large for a guess.
            let page = self.store.list(request.clone()).await?;
            let names = page.blobs.iter().map(|blob| blob.name.as_str());
            // A store that ignores the delimiter returns all names.
            let level: BTreeSet<_> = names
                .chain(page.prefixes.iter().map(String::as_str))
                .filter_map(|name| Some((name, name.strip_prefix(parent)?)))
                .filter(|(_, rest)| !rest.is_empty())
                .filter_map(|(name, rest)| name.get(..parent.len() + first_segment(rest).len()))
                .map(str::to_owned)
                .collect();
            match page.next {
                // A page may be empty without being the last.
                Some(next) if level.is_empty() => request.marker = Some(next),
                _ => return Ok(Some(level)),
            }
        }
    }
}

/// Returns a text up to its first slash, including the slash.
fn first_segment(text: &str) -> &str {
    text.split_inclusive('/').next().unwrap_or_default()
}

/// Returns prefixes that may be meant by a prefix.
///
/// They are without duplicate slashes, blanks or percent-encoding, with slashes instead of backslashes, in
/// another Unicode form, and without a first segment that may be the container's name.
fn variants(parent: &str, wanted: &str) -> Vec<String> {
    let mut single = wanted.trim_start_matches('/').to_owned();
    while single.contains("//") {
        single = single.replace("//", "/");
    }
    let mut all = vec![single, wanted.trim_end_matches('/').to_owned()];
    if parent.is_empty() {
        all.push(format!("/{wanted}"));
        all.extend(wanted.split_once('/').map(|(_, rest)| rest.to_owned()));
    }
    let decoded = percent_encoding::percent_decode_str(wanted).decode_utf8_lossy();
    let typed =
        [wanted, decoded.trim(), wanted.trim(), &wanted.replace('\\', "/")].map(str::to_owned);
    for text in typed {
        all.extend([unicode::nfc(&text), unicode::nfd(&text), text]);
    }
    // Without duplicates, in the order of likelihood.
    let mut seen = BTreeSet::new();
    all.retain(|variant| seen.insert(variant.clone()));
    all.retain(|variant| variant != wanted && !variant.is_empty());
    all
}

/// Returns the first segment of `wanted` in a folder, if a name of the level begins with it.
///
/// The last segment of a prefix need not be a whole segment of a name.
fn common_start(level: &BTreeSet<String>, parent: &str, wanted: &str) -> Option<String> {
    let start = format!("{parent}{}", first_segment(wanted));
    let next = level.range(start.clone()..).next()?;
    next.starts_with(&start).then_some(start)
}

/// Returns the names of a level that are similar to a segment, the most similar one first.
///
/// Only the last segments are compared, because all names of the level share the rest.
fn ranked(level: &BTreeSet<String>, parent: &str, wanted: &str) -> Vec<String> {
    let similar = level.iter().filter_map(|name| {
        let own = name.get(parent.len()..)?;
        Some((difference(own, wanted)?, name))
    });
    let mut similar: Vec<_> = similar.collect();
    // By difference, then by name, so that the result is reproducible.
    similar.sort_unstable();
    similar.into_iter().take(MAX_SIMILAR).map(|(_, name)| name.clone()).collect()
}

/// Returns how different two segments are, or `None` if they are not similar.
///
/// Segments are similar if one begins with the other, or if at most a third of their characters differs.
fn difference(a: &str, b: &str) -> Option<usize> {
    /// Longer segments are similar only if they are equal, because edit distance takes quadratic time.
    const LONGEST: usize = 64;
    // Case and Unicode form do not count.
    let plain = |text: &str| unicode::folded(text.trim_matches('/')).collect::<String>();
    let (a, b) = (plain(a), plain(b));
    let bare = |text: &str| text.replace(['-', '_', ' ', '.'], "");
    if a == b {
        return Some(0);
    }
    let [x, y] = [&a, &b].map(|text| text.chars().count());
    if x == 0 || y == 0 {
        return None;
    }
    // Segments that differ only in their separators are nearly equal.
    if bare(&a) == bare(&b) {
        return Some(1);
    }
    let length = x.max(y);
    if length > LONGEST {
        return None;
    }
    let distance = strsim::levenshtein(&a, &b);
    let is_start = x.min(y) > 1 && (a.starts_with(&b) || b.starts_with(&a));
    // One typing error in three characters.
    (is_start || distance <= (length / 3).max(1)).then_some(1 + distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_segments_are_similar() {
        for (a, b, want) in [
            ("Hall-3/", "hall-3/", Some(0)),
            ("hall_3/", "hall-3/", Some(1)),
            ("hall-03/", "hall-3/", Some(2)),
            ("hal-3/", "hall-3", Some(2)),
            ("hall-3-old/", "hall-3/", Some(5)),
            ("line/", "hall-3/", None),
            ("/", "hall-3/", None),
            ("a/", "b/", Some(2)),
        ] {
            assert_eq!((difference(a, b), difference(b, a)), (want, want), "{a} {b}");
        }
    }
}
