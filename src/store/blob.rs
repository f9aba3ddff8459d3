use std::{
    collections::BTreeMap,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    sync::Arc,
    time::SystemTime,
};

use serde::{Serialize, Serializer};

use super::{ContentMd5, Unreadable};

/// A blob as the listing tells of it
///
/// What the listing leaves out is `None`; nothing is made up.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Blob {
    /// The full name within the container, exactly as stored
    pub name: String,
    /// The size in bytes
    pub size: u64,
    /// The version of the content and properties
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<ETag>,
    /// When content or properties were last written
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    pub last_modified: Option<SystemTime>,
    /// When the blob was created
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    pub created: Option<SystemTime>,
    /// The media type as its owner stored it, which may be wrong
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// The encoding as its owner stored it, such as `gzip`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<Text>,
    /// The MD5 of the content; absent for many blobs that were uploaded in blocks
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_md5: Option<ContentMd5>,
    /// Block, append or page blob
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blob_type: Option<BlobType>,
    /// The access tier
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_tier: Option<AccessTier>,
    /// The version id, in an account with versioning
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<Text>,
    /// Whether this version is the current one, in an account with versioning
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_current_version: Option<bool>,
    /// The snapshot's time stamp; `None` for a base blob
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Text>,
    /// Whether the service calls it a directory (accounts with a hierarchical namespace)
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_directory: bool,
    /// Why the listing says that nobody can read the blob; `None` if it says nothing of the kind
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<Unreadable>,
    /// User metadata, where the listing asked for it
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
}

impl Blob {
    /// A blob of which only name and size in bytes are known
    pub fn new(name: impl Into<String>, size: u64) -> Self {
        Self {
            name: name.into(),
            size,
            etag: None,
            last_modified: None,
            created: None,
            content_type: None,
            content_encoding: None,
            content_md5: None,
            blob_type: None,
            access_tier: None,
            version_id: None,
            is_current_version: None,
            snapshot: None,
            is_directory: false,
            unreadable: None,
            metadata: Metadata::default(),
        }
    }
}

pub(crate) fn rfc3339<S: Serializer>(
    time: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time.and_then(rfc3339_text) {
        Some(text) => serializer.collect_str(&text),
        None => serializer.serialize_none(),
    }
}

/// The time as text, to the second; `None` before 1970 and after 9999, which no service gives and
/// humantime panics at or refuses
pub(crate) fn rfc3339_text(time: SystemTime) -> Option<impl fmt::Display> {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    (seconds < 253_402_300_800).then(|| humantime::format_rfc3339_seconds(time))
}

/// The version of a blob, as opaque text; compare, never read
///
/// Those that Azure gives are short, and kept without an allocation of their own.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ETag(Short);

/// How long a text may be to be kept in place: an ETag of Azure has 17 bytes, 19 with quotes
const IN_PLACE: usize = 22;

/// A text that is short as a rule, in one form each: up to [`IN_PLACE`] bytes it is `Here`
#[derive(Clone, PartialEq, Eq, Hash)]
enum Short {
    /// The text's bytes, and zeros behind them
    Here {
        len: u8,
        bytes: [u8; IN_PLACE],
    },
    Heap(Box<str>),
}

impl From<&str> for Short {
    fn from(text: &str) -> Self {
        let mut bytes = [0; IN_PLACE];
        match (u8::try_from(text.len()), bytes.get_mut(..text.len())) {
            (Ok(len), Some(place)) => {
                place.copy_from_slice(text.as_bytes());
                Self::Here { len, bytes }
            }
            _ => Self::Heap(text.into()),
        }
    }
}

impl Deref for Short {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            // They are the whole of a text, so the default is never taken.
            Self::Here { len, bytes } => bytes
                .get(..usize::from(*len))
                .and_then(|text| str::from_utf8(text).ok())
                .unwrap_or_default(),
            Self::Heap(text) => text,
        }
    }
}

/// A media type as the service stores it, such as `image/jpeg`
///
/// Cheap to clone: those of images and videos are known, and of others a container has few.
#[derive(Clone)]
pub struct ContentType(Media);

/// A media type, in one form each: what is in [`KNOWN`] is `Known`
///
/// Two pointers, so that it goes from place to place in registers.
#[derive(Clone)]
enum Media {
    /// Counting who shares a text takes atomic operations, which cost a scan more than all else that
    /// it does with media types
    Known(&'static &'static str),
    Shared(Arc<Box<str>>),
}

/// What nearly all blobs of a container of images and videos are stored as
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

impl From<&str> for Media {
    fn from(text: &str) -> Self {
        match KNOWN.iter().find(|known| **known == text) {
            Some(known) => Self::Known(known),
            None => Self::Shared(Arc::new(text.into())),
        }
    }
}

impl Deref for Media {
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
        // Most are the very same text, which then need not be read.
        std::ptr::eq(self.as_str(), other.as_str()) || self.as_str() == other.as_str()
    }
}

impl Eq for ContentType {}

impl Hash for ContentType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

/// A text that few blobs have: it takes little room where there is none
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Box<Box<str>>);

macro_rules! text {
    ($name:ident, $of:expr) => {
        impl $name {
            /// The text as the service gave it
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self($of(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

#[cfg(feature = "azure")]
impl ETag {
    /// Sets a place to a text that is short and plain, as nearly all are; `None` for any other
    ///
    /// Into the place at once: a copy made right behind small writes would have to wait for them.
    #[inline]
    pub(crate) fn put_ascii(place: &mut Option<Self>, text: &[u8]) -> Option<()> {
        if text.is_empty() || !text.is_ascii() {
            return None;
        }
        let len = u8::try_from(text.len()).ok().filter(|len| usize::from(*len) <= IN_PLACE)?;
        let Self(here) = place.insert(Self(Short::Here { len, bytes: [0; IN_PLACE] }));
        let Short::Here { bytes, .. } = here else { return None };
        let bytes = bytes.get_mut(..text.len())?;
        // Two stores, since to copy any number of bytes is a call; they may overlap.
        match (text.first_chunk::<16>(), text.last_chunk::<16>()) {
            (Some(first), Some(last)) => {
                *bytes.first_chunk_mut()? = *first;
                *bytes.last_chunk_mut()? = *last;
            }
            _ => bytes.copy_from_slice(text),
        }
        Some(())
    }
}

text!(ETag, Short::from);
text!(ContentType, Media::from);
text!(Text, |text: &str| Box::new(text.into()));

/// User metadata: values by their keys, which ascend
#[derive(Clone, Default, PartialEq, Eq, Hash)]
#[expect(clippy::box_collection, reason = "of 5,000 blobs a page few have any")]
pub struct Metadata(Option<Box<BTreeMap<String, String>>>);

impl Metadata {
    /// The value of a key, in the letter case in which the service gives it
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.as_ref()?.get(key).map(String::as_str)
    }

    /// Sets a value; returns the one before
    pub fn insert(&mut self, key: String, value: String) -> Option<String> {
        self.0.get_or_insert_default().insert(key, value)
    }

    /// Keys and values
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|map| map.iter()).map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How many there are
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |map| map.len())
    }

    /// Whether there is none
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut metadata = Self::default();
        pairs.into_iter().for_each(|(key, value)| drop(metadata.insert(key.into(), value.into())));
        metadata
    }
}

impl<K: Into<String>, V: Into<String>, const N: usize> From<[(K, V); N]> for Metadata {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A value that is newer than this crate
            Other(Text),
        }

        impl $name {
            /// The value as the service writes it
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text.as_str(),
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    _ => Self::Other(text.into()),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

open_enum! {
    /// How a blob is stored
    BlobType {
        /// Blocks: what uploads usually make
        Block = "BlockBlob",
        /// Append only: logs
        Append = "AppendBlob",
        /// Pages: disks
        Page = "PageBlob",
    }
}

open_enum! {
    /// Where a blob is kept, and so what reading it costs
    AccessTier {
        /// For frequent access
        Hot = "Hot",
        /// For access less than monthly
        Cool = "Cool",
        /// For rare access
        Cold = "Cold",
        /// Offline: it must be rehydrated before it can be read, which takes hours
        Archive = "Archive",
        /// The tier of a premium account
        Premium = "Premium",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_small() {
        assert!(size_of::<Blob>() <= 192, "{} bytes", size_of::<Blob>());
        assert_eq!(size_of::<Option<ETag>>(), 24);
    }

    #[test]
    fn an_etag_of_any_length_is_its_text() {
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
    fn a_short_etag_is_put_where_it_stays() {
        let text = "0x8DD0C7A1B2C3D4E56789AB";
        for len in 0..=text.len() {
            let (text, mut place) = (&text[..len], Some(ETag::from("another, which is longer")));
            let is_put = ETag::put_ascii(&mut place, text.as_bytes()).is_some();
            assert_eq!(is_put, (1..=IN_PLACE).contains(&len), "{text}");
            assert!(!is_put || place == Some(ETag::from(text)), "{text}");
        }
        assert_eq!(ETag::put_ascii(&mut None, "\u{20ac}".as_bytes()), None);
    }

    #[test]
    fn a_media_type_is_its_text_whether_it_is_known_or_not() {
        let unknown = ["", "image/jpe", "image/jpegs", "IMAGE/JPEG", "image/x-scan"];
        let texts = [KNOWN, &unknown].concat();
        for text in &texts {
            let media_type = ContentType::from(*text);
            assert_eq!(
                (media_type.as_str(), format!("{media_type:?}")),
                (*text, format!("{text:?}"))
            );
            let same = texts.iter().filter(|other| ContentType::from(**other) == media_type);
            assert_eq!(same.count(), 1, "{text}");
        }
        assert_eq!(size_of::<Option<ContentType>>(), 16);
    }

    #[test]
    fn the_media_types_of_the_default_formats_are_known() {
        for format in crate::Rules::default().formats() {
            assert!(matches!(format.media_type().0, Media::Known(_)), "{format:?}");
        }
    }

    #[test]
    fn metadata_of_nothing_is_none() {
        let mut metadata = Metadata::from_iter(Vec::<(String, String)>::new());
        assert_eq!((metadata.len(), &metadata), (0, &Metadata::default()));
        assert_eq!(metadata.insert("b".into(), "2".into()), None);
        assert_eq!(metadata.insert("b".into(), "3".into()).as_deref(), Some("2"));
        metadata.insert("a".into(), "1".into());
        assert_eq!(metadata.get("b"), Some("3"));
        assert_eq!(serde_json::to_string(&metadata).unwrap(), r#"{"a":"1","b":"3"}"#);
    }
}
