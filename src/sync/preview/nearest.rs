//! What is there in place of a prefix that nothing has.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

use crate::{
    error::Error,
    name::one_line,
    store::{ListRequest, Store},
    unicode,
};

/// How many requests it may take, and how many names it gives
const MOST_REQUESTS: u64 = 8;
const MOST_SIMILAR: usize = 3;

/// What was found above a prefix that no name has, by a level of a folder at a time
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Nearest {
    /// The longest part of the prefix, up to a slash, that names have; empty where that is the
    /// container alone, and `None` where it is empty or was not seen
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exists: Option<String>,
    /// Prefixes that names have, the most similar one first
    pub similar: Vec<String>,
    /// Requests that it took, at most 8
    pub requests: u64,
    /// Why it did not see more: what the store answered
    ///
    /// A grant that is tied to the prefix refuses to list what is above it, which is as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
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
                write!(f, "no name begins with the prefix; did you mean {}?", list(similar))
            }
            (_, [], Some(refused)) => write!(
                f,
                "no name begins with the prefix; what is above it could not be listed: {refused}"
            ),
            (None, ..) => {
                write!(f, "no name begins with the prefix, and the container seems empty")
            }
            (Some(exists), ..) if exists.is_empty() => {
                write!(f, "no name begins with the prefix, nor with anything like it")
            }
            (Some(exists), ..) => {
                write!(f, "no name begins with the prefix; `{}` exists", one_line(exists))
            }
        }
    }
}

/// A name in a message, with its letters and marks apart if they are so and people cannot see it
fn form(name: &str) -> String {
    let shown = one_line(name);
    if unicode::nfc(name) == name {
        return format!("`{shown}`");
    }
    let marks = |c: char| if c.is_ascii() { c.to_string() } else { c.escape_unicode().to_string() };
    let apart: String = unicode::nfd(name).chars().map(marks).collect();
    format!("`{shown}` (with letters and marks apart, in Unicode form NFD: `{apart}`)")
}

/// Looks for it: the level above, the one above that while there is nothing, and down again from
/// what is similar
pub(super) async fn look(store: &dyn Store, prefix: &str) -> Nearest {
    let mut search = Search { store, found: Nearest::default() };
    if let Err(error) = search.run(prefix).await {
        search.found.refused = Some(error.to_string());
    }
    search.found
}

struct Search<'a> {
    store: &'a dyn Store,
    found: Nearest,
}

impl Search<'_> {
    async fn run(&mut self, prefix: &str) -> Result<(), Error> {
        let slashes = prefix.trim_end_matches('/').rmatch_indices('/').map(|(at, _)| at + 1);
        for end in slashes.chain([0]) {
            let Some((parent, wanted)) = prefix.split_at_checked(end) else { continue };
            let Some(level) = self.level(parent).await? else { return Ok(()) };
            if level.is_empty() {
                continue;
            }
            self.found.exists = Some(parent.to_owned());
            for variant in variants(parent, wanted) {
                if let Some(start) = common_start(&level, parent, &variant) {
                    let rest = variant.get(start.len() - parent.len()..).unwrap_or_default();
                    if let Some(found) = self.exactly(start, rest).await? {
                        self.add(found);
                    }
                }
            }
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

    fn add(&mut self, similar: String) {
        let list = &mut self.found.similar;
        if list.len() < MOST_SIMILAR && !list.contains(&similar) {
            list.push(similar);
        }
    }

    /// All of a prefix, its start given, where there is something that begins so
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

    /// As far down as there is something similar
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

    /// What there is in a folder, one page of it; `None` where there were enough requests
    async fn level(&mut self, parent: &str) -> Result<Option<BTreeSet<String>>, Error> {
        let mut request = ListRequest::new(parent);
        request.delimiter = Some("/".to_owned());
        loop {
            if self.found.requests == MOST_REQUESTS {
                return Ok(None);
            }
            self.found.requests += 1;
            let page = self.store.list(request.clone()).await?;
            let names = page.blobs.iter().map(|blob| blob.name.as_str());
            // A store that does not roll names up gives all of them.
            let level: BTreeSet<_> = names
                .chain(page.prefixes.iter().map(String::as_str))
                .filter_map(|name| Some((name, name.strip_prefix(parent)?)))
                .filter(|(_, rest)| !rest.is_empty())
                .filter_map(|(name, rest)| name.get(..parent.len() + first_segment(rest).len()))
                .map(str::to_owned)
                .collect();
            match page.next {
                // A page may be empty and not the last.
                Some(next) if level.is_empty() => request.marker = Some(next),
                _ => return Ok(Some(level)),
            }
        }
    }
}

/// Up to the first slash, with it
fn first_segment(text: &str) -> &str {
    text.split_inclusive('/').next().unwrap_or_default()
}

/// Returns what may be meant by a prefix: without slashes too many, blanks or percent-encoding, with
/// slashes in place of backslashes, in another Unicode form, and without the container's name in front
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
    let mut seen = BTreeSet::new();
    all.retain(|variant| seen.insert(variant.clone()));
    all.retain(|variant| variant != wanted && !variant.is_empty());
    all
}

/// The first segment of what is wanted, from the root, where there is something that begins so
fn common_start(level: &BTreeSet<String>, parent: &str, wanted: &str) -> Option<String> {
    let start = format!("{parent}{}", first_segment(wanted));
    let next = level.range(start.clone()..).next()?;
    next.starts_with(&start).then_some(start)
}

/// What of a level is similar to a segment, the most similar one first
fn ranked(level: &BTreeSet<String>, parent: &str, wanted: &str) -> Vec<String> {
    let similar = level.iter().filter_map(|name| {
        let own = name.get(parent.len()..)?;
        Some((difference(own, wanted)?, name))
    });
    let mut similar: Vec<_> = similar.collect();
    similar.sort_unstable();
    similar.into_iter().take(MOST_SIMILAR).map(|(_, name)| name.clone()).collect()
}

/// How different two segments are; `None` where they are not similar
fn difference(a: &str, b: &str) -> Option<usize> {
    /// Longer ones are compared for being the same alone
    const LONGEST: usize = 64;
    let plain = |text: &str| unicode::folded(text.trim_matches('/')).collect::<String>();
    let (a, b) = (plain(a), plain(b));
    let bare = |text: &str| text.replace(['-', '_', ' ', '.'], "");
    let (x, y): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let length = x.len().max(y.len());
    if a == b {
        return Some(0);
    }
    if x.is_empty() || y.is_empty() {
        return None;
    }
    if bare(&a) == bare(&b) {
        return Some(1);
    }
    if length > LONGEST {
        return None;
    }
    let distance = edits(&x, &y);
    let is_start = x.len().min(y.len()) > 1 && (a.starts_with(&b) || b.starts_with(&a));
    (is_start || distance <= (length / 3).max(1)).then_some(1 + distance)
}

/// How many characters must be added, removed or replaced (Levenshtein)
fn edits(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (n, x) in a.iter().enumerate() {
        let mut left = n + 1;
        let mut next = vec![left];
        for (y, pair) in b.iter().zip(row.windows(2)) {
            let &[diagonal, above] = pair else { continue };
            left = (left + 1).min(above + 1).min(diagonal + usize::from(x != y));
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_mistype_is_similar() {
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
        let [a, b] = ["kitten", "sitting"].map(|text| text.chars().collect::<Vec<_>>());
        assert_eq!(edits(&a, &b), 3);
    }
}
