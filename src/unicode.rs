//! Unicode forms of texts: what looks the same to people can be different text to a service.

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();
const NFD: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfd();

/// Returns a text with composed characters, as most systems write them
pub(crate) fn nfc(text: &str) -> String {
    NFC.normalize_iter(text.chars()).collect()
}

/// Returns a text with letters and marks apart, as macOS writes the names of files
pub(crate) fn nfd(text: &str) -> String {
    NFD.normalize_iter(text.chars()).collect()
}

/// Returns a text with ordinary characters in place of wide ones, ligatures and the like
pub(crate) fn nfkc(text: &str) -> String {
    NFKC.normalize_iter(text.chars()).collect()
}

/// Returns the characters of a text in lower case and composed: the same for texts that look the same
pub(crate) fn folded(text: &str) -> impl Iterator<Item = char> {
    NFC.normalize_iter(text.chars().flat_map(char::to_lowercase))
}
