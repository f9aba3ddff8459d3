//! [`ContentType`]: a media type that is cheap to clone.

use std::{
    hash::{Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

use super::text::text_type;

/// A media type as the service stores it, such as `image/jpeg`.
///
/// Nothing guarantees that it describes the content, or that it is a valid media type. Cheap to
/// clone: usual media types are static, and the others of a page are shared.
///
/// ```
/// use azure_asset_sync::store::ContentType;
///
/// let content_type = ContentType::from("image/jpeg");
/// assert_eq!(content_type.as_str(), "image/jpeg");
/// assert_ne!(content_type, ContentType::from("IMAGE/JPEG"));
/// ```
#[doc(alias = "MIME")]
#[doc(alias = "media type")]
#[derive(Clone)]
pub struct ContentType(MediaType);

/// Two pointers, so that a value is passed in registers.
// INVARIANT: a text in `KNOWN` is `Known`.
#[derive(Clone)]
enum MediaType {
    /// Static, because counting the owners of a shared text takes atomic operations, which would
    /// cost a scan more than everything else that it does with media types.
    // A reference to an entry of `KNOWN`, because `&'static str` alone has two pointers.
    Known(&'static &'static str),
    Shared(Arc<Box<str>>),
}

/// The media types of nearly all blobs in containers of images and videos, the most frequent first.
static KNOWN: &[&str] = &[
    "image/jpeg",
    "image/png",
    "video/mp4",
    "application/octet-stream",
    "application/json",
    "application/mp4",
    "application/ogg",
    "application/vnd.ms-asf",
    "application/vnd.rn-realmedia",
    "application/vnd.rn-realmedia-vbr",
    "application/xml",
    "application/zip",
    "binary/octet-stream",
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/heic",
    "image/heif",
    "image/jp2",
    "image/jpg",
    "image/pjpeg",
    "image/svg+xml",
    "image/tif",
    "image/tiff",
    "image/webp",
    "image/x-ms-bmp",
    "image/x-png",
    "text/csv",
    "text/plain",
    "video/3gpp",
    "video/3gpp2",
    "video/avi",
    "video/matroska",
    "video/mpeg",
    "video/ogg",
    "video/quicktime",
    "video/webm",
    "video/x-flv",
    "video/x-m4v",
    "video/x-matroska",
    "video/x-ms-asf",
    "video/x-ms-wmv",
    "video/x-msvideo",
];

impl From<&str> for MediaType {
    fn from(text: &str) -> Self {
        // A linear search: most texts are among the first entries, and the decoder does this only
        // once per page for each type.
        match KNOWN.iter().find(|known| **known == text) {
            Some(known) => Self::Known(known),
            None => Self::Shared(Arc::new(text.into())),
        }
    }
}

impl Deref for MediaType {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Known(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl PartialEq for ContentType {
    fn eq(&self, other: &Self) -> bool {
        // Most are the same text at the same address, which then need not be read.
        std::ptr::eq(self.as_str(), other.as_str()) || self.as_str() == other.as_str()
    }
}

impl Eq for ContentType {}

impl Hash for ContentType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

text_type!(ContentType, MediaType::from);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_keeps_its_text_whether_it_is_known_or_not() {
        let unknown = ["", "image/jpe", "image/jpegs", "IMAGE/JPEG", "image/x-scan"];
        let texts = [KNOWN, &unknown].concat();
        for text in &texts {
            let content_type = ContentType::from(*text);
            assert_eq!(
                (content_type.as_str(), format!("{content_type:?}")),
                (*text, format!("{text:?}"))
            );
            let same = texts.iter().filter(|other| ContentType::from(**other) == content_type);
            assert_eq!(same.count(), 1, "{text}");
        }
        assert_eq!(size_of::<Option<ContentType>>(), 16);
    }

    /// Nearly all blobs of a container have one of these, and must not count references.
    #[test]
    fn the_media_types_of_the_default_formats_are_known() {
        for format in crate::Rules::default().formats() {
            assert!(matches!(format.media_type().0, MediaType::Known(_)), "{format:?}");
        }
    }
}
