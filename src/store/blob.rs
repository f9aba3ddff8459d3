//! [`Blob`]: the descriptor of a blob, as a listing returns it.
//!
//! A scan holds thousands of these in memory, so the size of the struct is tested. Properties that
//! few blobs have take one pointer.

use std::time::SystemTime;

use serde::{Deserialize, Serialize, Serializer};

use super::{
    content_type::ContentType, digest::ContentMd5, etag::ETag, metadata::Metadata, text::Text,
    unreadable::Unreadable,
};
use crate::iso;

/// A blob as a listing describes it.
///
/// A property that the listing does not have is `None`; nothing is inferred. Serializes to an
/// object with only the properties that are present.
///
/// ```
/// use azure_asset_sync::Blob;
///
/// let mut blob = Blob::new("photos/a.jpg", 48_000);
/// blob.content_type = Some("image/jpeg".into());
/// assert_eq!(blob.content_type.as_ref().map(|text| text.as_str()), Some("image/jpeg"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Blob {
    /// The full name within the container, exactly as stored.
    pub name: String,
    /// The size in bytes.
    #[doc(alias = "content_length")]
    pub size: u64,
    /// The version of the content and properties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<ETag>,
    /// When content or properties were last written.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "iso::optional_time")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<iso::schema::Time>"))]
    pub last_modified: Option<SystemTime>,
    /// When the blob was created.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "iso::optional_time")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<iso::schema::Time>"))]
    pub created: Option<SystemTime>,
    /// The media type as the owner of the blob has set it, which may be wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// The content encoding as the owner of the blob has set it, for example `gzip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<Text>,
    /// The MD5 of the content. Many blobs that were uploaded in blocks have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_md5: Option<ContentMd5>,
    /// Whether it is a block, append or page blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob_type: Option<BlobType>,
    /// The access tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_tier: Option<AccessTier>,
    /// The version ID, in an account with versioning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<Text>,
    /// Whether this version is the current one, in an account with versioning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_current_version: Option<bool>,
    /// The timestamp of a snapshot; `None` for a base blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Text>,
    /// Whether the service calls the entry a directory, in an account with a hierarchical
    /// namespace.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_directory: bool,
    /// Why nobody can read the blob, according to the listing; `None` if the listing has no such
    /// reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<Unreadable>,
    /// The user metadata, if the listing was requested with it.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
}

impl Blob {
    /// Creates a blob with only a name and a size in bytes.
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

/// Defines an enum of the values of a property, with `Other` for values that are newer than this
/// crate.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A value that is newer than this crate.
            Other(Text),
        }

        impl $name {
            /// Returns the value as the service writes it.
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
    /// The type of a blob, which decides how it can be written.
    BlobType {
        /// A block blob: what uploads usually create.
        Block = "BlockBlob",
        /// An append blob, for logs.
        Append = "AppendBlob",
        /// A page blob, for disks.
        Page = "PageBlob",
    }
}

open_enum! {
    /// The access tier of a blob, which decides what it costs to store and to read.
    ///
    /// ```
    /// use azure_asset_sync::store::AccessTier;
    ///
    /// assert_eq!(AccessTier::from("Archive"), AccessTier::Archive);
    /// // A tier that this crate does not know keeps its text, such as that of a premium disk.
    /// assert_eq!(AccessTier::from("P10").as_str(), "P10");
    /// ```
    #[doc(alias = "storage tier")]
    AccessTier {
        /// For frequent access.
        Hot = "Hot",
        /// For access less than monthly.
        Cool = "Cool",
        /// For rare access.
        Cold = "Cold",
        /// Offline: the blob cannot be read before it is rehydrated, which takes hours.
        Archive = "Archive",
        /// The tier of a premium account.
        Premium = "Premium",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of 5,000 blobs then takes less than 1 MiB beside its texts.
    #[test]
    fn a_blob_takes_at_most_192_bytes() {
        assert!(size_of::<Blob>() <= 192, "{} bytes", size_of::<Blob>());
    }
}
