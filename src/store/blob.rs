use std::{collections::BTreeMap, fmt, sync::Arc, time::SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};

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
    pub content_encoding: Option<String>,
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
    pub version_id: Option<String>,
    /// Whether this version is the current one, in an account with versioning
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_current_version: Option<bool>,
    /// The snapshot's time stamp; `None` for a base blob
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Whether the service calls it a directory (accounts with a hierarchical namespace)
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_directory: bool,
    /// User metadata, where the listing asked for it
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
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
            metadata: BTreeMap::new(),
        }
    }
}

fn rfc3339<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(&humantime::format_rfc3339_seconds(*time)),
        None => serializer.serialize_none(),
    }
}

/// The version of a blob, as opaque text; compare, never read
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ETag(Box<str>);

/// A media type as the service stores it, such as `image/jpeg`
///
/// Cheap to clone: a container has few different ones.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ContentType(Arc<str>);

macro_rules! text {
    ($name:ident) => {
        impl $name {
            /// The text as the service gave it
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
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

text!(ETag);
text!(ContentType);

/// The MD5 of a blob's content; base64 in text, as Azure writes it
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentMd5([u8; 16]);

impl ContentMd5 {
    /// The digest
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    #[cfg(feature = "azure")]
    pub(crate) fn from_base64(text: &str) -> Option<Self> {
        Some(Self(STANDARD.decode(text).ok()?.try_into().ok()?))
    }
}

impl From<[u8; 16]> for ContentMd5 {
    fn from(digest: [u8; 16]) -> Self {
        Self(digest)
    }
}

impl fmt::Display for ContentMd5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for ContentMd5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentMd5({self})")
    }
}

impl Serialize for ContentMd5 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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
            Other(Box<str>),
        }

        impl $name {
            /// The value as the service writes it
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
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
