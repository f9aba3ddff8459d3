//! [`ETag`]: the version of a blob, stored without an allocation.

use std::ops::Deref;

use super::text::text_type;

/// The version of a blob's content and properties, as opaque text.
///
/// Compare ETags for equality only; their text has no meaning. The ETags of Azure are short, and
/// are stored without an allocation.
///
/// ```
/// use azure_asset_sync::store::ETag;
///
/// let etag = ETag::from("0x8DD0C7A1B2C3D4E");
/// assert_eq!(etag.as_str(), "0x8DD0C7A1B2C3D4E");
/// assert_ne!(etag, ETag::from("0x8DD0C7A1B2C3D4F"));
/// ```
#[doc(alias = "version")]
#[doc(alias = "if_match")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ETag(ShortText);

/// The most bytes that are stored inline: an ETag of Azure has 17 bytes, 19 with quotes.
const INLINE: usize = 22;

/// A text that is usually short.
// INVARIANT: texts of up to `INLINE` bytes are `Inline`, with zeros after the text. So equal texts
// have equal representations, as the derived `PartialEq` and `Hash` require.
#[derive(Clone, PartialEq, Eq, Hash)]
enum ShortText {
    Inline { len: u8, bytes: [u8; INLINE] },
    Heap(Box<str>),
}

impl From<&str> for ShortText {
    fn from(text: &str) -> Self {
        let mut bytes = [0; INLINE];
        match (u8::try_from(text.len()), bytes.get_mut(..text.len())) {
            (Ok(len), Some(place)) => {
                place.copy_from_slice(text.as_bytes());
                Self::Inline { len, bytes }
            }
            _ => Self::Heap(text.into()),
        }
    }
}

impl Deref for ShortText {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            // The bytes are always a complete text, so the default is never used.
            Self::Inline { len, bytes } => bytes
                .get(..usize::from(*len))
                .and_then(|text| str::from_utf8(text).ok())
                .unwrap_or_default(),
            Self::Heap(text) => text,
        }
    }
}

#[cfg(feature = "azure")]
impl ETag {
    /// Stores a short ASCII text in `place`, as nearly all ETags are. Returns `None`, and changes
    /// nothing, for any other text.
    ///
    /// Writes to `place` directly: a value that is constructed elsewhere and then copied would be
    /// read right after it was written in small parts, which stalls the processor.
    #[inline]
    pub(super) fn put_ascii(place: &mut Option<Self>, text: &[u8]) -> Option<()> {
        if text.is_empty() || !text.is_ascii() {
            return None;
        }
        let len = u8::try_from(text.len()).ok().filter(|len| usize::from(*len) <= INLINE)?;
        let Self(inline) = place.insert(Self(ShortText::Inline { len, bytes: [0; INLINE] }));
        let ShortText::Inline { bytes, .. } = inline else { return None };
        let bytes = bytes.get_mut(..text.len())?;
        // Two stores of a fixed size that may overlap, because copying any number of bytes is a
        // call.
        match (text.first_chunk::<16>(), text.last_chunk::<16>()) {
            (Some(first), Some(last)) => {
                *bytes.first_chunk_mut()? = *first;
                *bytes.last_chunk_mut()? = *last;
            }
            // Shorter than any ETag of Azure.
            _ => bytes.copy_from_slice(text),
        }
        Some(())
    }
}

text_type!(ETag, ShortText::from);

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of all lengths around the inline limit are equal only to themselves.
    #[test]
    fn an_etag_keeps_a_text_of_any_length() {
        assert_eq!(size_of::<Option<ETag>>(), 24);
        let long = "0x8DD0C7A1B2C3D4E\u{20ac}".repeat(3);
        let texts: Vec<_> = long.char_indices().map(|(end, _)| &long[..end]).collect();
        for text in &texts {
            let etag = ETag::from(*text);
            assert_eq!((etag.as_str(), etag.to_string().as_str()), (*text, *text));
            assert_eq!(format!("{etag:?}"), format!("{text:?}"));
            assert_eq!(texts.iter().filter(|other| ETag::from(**other) == etag).count(), 1);
        }
        assert_ne!(ETag::from("a"), ETag::from("a\0"));
    }

    #[cfg(feature = "azure")]
    #[test]
    fn put_ascii_stores_only_short_ascii_texts() {
        let text = "0x8DD0C7A1B2C3D4E56789AB";
        for len in 0..=text.len() {
            let (text, mut place) = (&text[..len], Some(ETag::from("another, which is longer")));
            let is_put = ETag::put_ascii(&mut place, text.as_bytes()).is_some();
            assert_eq!(is_put, (1..=INLINE).contains(&len), "{text}");
            assert!(!is_put || place == Some(ETag::from(text)), "{text}");
        }
        assert_eq!(ETag::put_ascii(&mut None, "\u{20ac}".as_bytes()), None);
    }
}
