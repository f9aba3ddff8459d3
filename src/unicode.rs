//! Unicode normalization: texts that look the same to people can differ for a service.
//!
//! Blob names are never changed. These forms are used only to compare names and to suggest a fix.

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

// Compiled-in tables: nothing is loaded or allocated at run time.
const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();
const NFD: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfd();

/// Returns a text with composed characters (NFC), as most systems write them.
pub(crate) fn nfc(text: &str) -> String {
    NFC.normalize_iter(text.chars()).collect()
}

/// Returns a text with decomposed characters (NFD), as macOS writes file names.
pub(crate) fn nfd(text: &str) -> String {
    NFD.normalize_iter(text.chars()).collect()
}

/// Returns a text with full-width letters, ligatures and the like replaced (NFKC).
pub(crate) fn nfkc(text: &str) -> String {
    NFKC.normalize_iter(text.chars()).collect()
}

/// Returns the characters in lower case and composed, which are equal for texts that look the same.
///
/// An iterator and not a string, so that a comparison allocates nothing.
pub(crate) fn folded(text: &str) -> impl Iterator<Item = char> {
    NFC.normalize_iter(text.chars().flat_map(char::to_lowercase))
}
