//! Why an entry of a page is malformed, in words for people.
//!
//! Both readers use these texts, so that an entry has the same detail whichever reader found it
//! malformed. A detail never quotes the page, because the text of a listing is not trusted.

pub(super) const NO_NAME: &str = "the entry has no name";
pub(super) const NO_SIZE: &str = "the entry has no size";
pub(super) const NAME_TOO_LONG: &str = "the name has more than 1,024 characters";
pub(super) const NAME_NOT_UTF8: &str = "the encoded name is not UTF-8";
pub(super) const BAD_SIZE: &str = "Content-Length is not a valid size";
pub(super) const METADATA_TOO_LARGE: &str = "the metadata is larger than 8 KiB";
pub(super) const ENTRY_TOO_LARGE: &str =
    "the entry is larger than 256 KiB; Azure writes none that large";

/// Returns the detail for a date in no form of HTTP.
pub(super) fn bad_date(element: &str) -> String {
    format!("{element} is not an RFC 1123 date")
}

/// Returns the detail for a property beyond the limit.
pub(super) fn property_too_long(element: &str) -> String {
    format!("{element} is longer than 1 KiB")
}
