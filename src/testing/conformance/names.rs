//! The blobs that the suite for stores expects.

use bytes::Bytes;

/// The names that the backend of a store can hold.
///
/// More kinds will not be added: a backend can store all names of Azure, or only the portable ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Names that every backend and emulator can store.
    Portable,
    /// All names that Azure can store: also control characters, `U+FFFE` and a backslash.
    Any,
}

/// Names that every backend and emulator can store, each of which has broken some client.
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

/// Names that only Azure can store.
pub(super) const AZURE_ONLY: &[&str] = &[
    "back\\slash.png",
    "bell\u{7}.jpg",
    "line\nfeed\r\n.jpg",
    "nonchar\u{fffe}\u{ffff}.jpg",
    "tab\there.jpg",
    "\u{1}",
    "\u{e000} before \u{1f600}.jpg",
];

/// Returns the blobs that the container must have before [`check`](super::check), as names and
/// contents.
///
/// The container must have no other blobs. The order in which they are stored does not matter.
pub fn seed(names: Names) -> Vec<(String, Bytes)> {
    // Portable names come first, so that both sets share a prefix.
    let additional = if names == Names::Any { AZURE_ONLY } else { &[] };
    PORTABLE.iter().chain(additional).map(|name| ((*name).to_owned(), content(name))).collect()
}

/// Returns the content of a blob, which shows its name and where a range begins.
pub(super) fn content(name: &str) -> Bytes {
    format!("{name}|0123456789").into()
}
