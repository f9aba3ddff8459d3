use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::store::ContentType;

/// Image or video
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A still picture, or a short animation in an image format
    Image,
    /// A video
    Video,
}

impl Kind {
    /// The kind as a stable code
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A format that rules accept: an extension and what goes with it
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    extension: Box<str>,
    order: Order,
    kind: Kind,
    media_type: ContentType,
    aliases: Vec<Box<str>>,
}

impl Format {
    /// A format by its extension, without the dot, in any letter case
    pub fn new(extension: &str, kind: Kind, media_type: &str) -> Self {
        Self {
            extension: extension.to_ascii_lowercase().into(),
            order: Order::of(extension),
            kind,
            media_type: media_type.into(),
            aliases: Vec::new(),
        }
    }

    /// Takes another media type for this format too, since somebody stores it so
    #[must_use]
    pub fn alias(mut self, media_type: &str) -> Self {
        self.aliases.push(media_type.to_ascii_lowercase().into());
        self
    }

    /// The extension, in lower case, without the dot
    pub fn extension(&self) -> &str {
        &self.extension
    }

    /// Image or video
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The media type
    pub fn media_type(&self) -> &ContentType {
        &self.media_type
    }

    /// Other media types that stand for it
    pub(super) fn aliases(&self) -> impl Iterator<Item = &str> {
        self.aliases.iter().map(|alias| &**alias)
    }

    pub(super) fn order(&self) -> Order {
        self.order
    }

    /// Whether this stored Content-Type, without parameters, can stand for the format
    pub(super) fn accepts(&self, content_type: &str) -> bool {
        content_type.eq_ignore_ascii_case(self.media_type.as_str())
            || self.aliases.iter().any(|alias| content_type.eq_ignore_ascii_case(alias))
    }
}

/// An extension in lower case as a number, so that it is found without a look at texts
///
/// Seven bytes and the length: orders extensions as their bytes do, but for those that are longer
/// than that and begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order(u64);

impl Order {
    const MOST: usize = 7;

    pub(super) fn of(extension: &str) -> Self {
        let length = extension.len().min(Self::MOST + 1);
        let bytes = extension.bytes().take(Self::MOST);
        let text = bytes.fold(0, |text, b| text << 8 | u64::from(b.to_ascii_lowercase()));
        let text = text << (8 * (Self::MOST - length.min(Self::MOST)));
        Self(text << 8 | length as u64)
    }

    /// Whether the extension is no more than this number says
    pub(super) fn is_whole(self) -> bool {
        self.0 & 0xff <= Self::MOST as u64
    }
}

/// The formats of a vision platform, by extension
///
/// Media types are IANA's where there is one; the aliases are what cameras, browsers and older
/// tools store. `audio/ogg` is no alias of `video/ogg`: such a file has no picture.
#[rustfmt::skip]
const TABLE: &[(&str, Kind, &str, &[&str])] = &[
    ("3gp",   Kind::Video, "video/3gpp", &["video/3gpp2", "video/mp4"]),
    ("3gpp",  Kind::Video, "video/3gpp", &["video/3gpp2", "video/mp4"]),
    ("asf",   Kind::Video, "video/x-ms-asf", &["video/x-ms-wmv", "application/vnd.ms-asf"]),
    ("avi",   Kind::Video, "video/x-msvideo", &["video/avi", "video/msvideo", "video/vnd.avi"]),
    ("avif",  Kind::Image, "image/avif", &["image/avif-sequence"]),
    ("bmp",   Kind::Image, "image/bmp", &["image/x-ms-bmp", "image/x-bmp"]),
    ("f4v",   Kind::Video, "video/mp4", &["video/x-f4v"]),
    ("flv",   Kind::Video, "video/x-flv", &["video/flv"]),
    ("gif",   Kind::Image, "image/gif", &[]),
    ("heic",  Kind::Image, "image/heic", &["image/heif", "image/heic-sequence", "image/heif-sequence"]),
    ("heif",  Kind::Image, "image/heif", &["image/heic", "image/heic-sequence", "image/heif-sequence"]),
    ("j2k",   Kind::Image, "image/jp2", &["image/j2c", "image/jpx", "image/jpeg2000", "image/x-jp2-codestream"]),
    ("jfif",  Kind::Image, "image/jpeg", &["image/jpg", "image/pjpeg"]),
    ("jp2",   Kind::Image, "image/jp2", &["image/jpx", "image/jpeg2000"]),
    ("jpeg",  Kind::Image, "image/jpeg", &["image/jpg", "image/pjpeg"]),
    ("jpg",   Kind::Image, "image/jpeg", &["image/jpg", "image/pjpeg"]),
    ("m4v",   Kind::Video, "video/x-m4v", &["video/mp4", "video/m4v"]),
    ("mkv",   Kind::Video, "video/matroska", &["video/x-matroska"]),
    ("mov",   Kind::Video, "video/quicktime", &["video/mp4"]),
    ("movie", Kind::Video, "video/quicktime", &["video/x-sgi-movie"]),
    ("mp4",   Kind::Video, "video/mp4", &["application/mp4", "video/x-m4v"]),
    ("mpg",   Kind::Video, "video/mpeg", &["video/mpg", "video/x-mpeg"]),
    ("ogg",   Kind::Video, "video/ogg", &["application/ogg"]),
    ("ogv",   Kind::Video, "video/ogg", &["application/ogg"]),
    ("png",   Kind::Image, "image/png", &["image/x-png"]),
    ("qt",    Kind::Video, "video/quicktime", &[]),
    ("rm",    Kind::Video, "application/vnd.rn-realmedia", &["application/vnd.rn-realmedia-vbr"]),
    ("rmv",   Kind::Video, "application/vnd.rn-realmedia", &["application/vnd.rn-realmedia-vbr"]),
    ("tif",   Kind::Image, "image/tiff", &["image/tif", "image/x-tiff"]),
    ("tiff",  Kind::Image, "image/tiff", &["image/tif", "image/x-tiff"]),
    ("webm",  Kind::Video, "video/webm", &[]),
    ("webp",  Kind::Image, "image/webp", &[]),
    ("wmv",   Kind::Video, "video/x-ms-asf", &["video/x-ms-wmv", "application/vnd.ms-asf"]),
];

/// The table as formats, sorted by extension
pub(super) fn defaults() -> Vec<Format> {
    let format = |(extension, kind, media_type, aliases): &(&str, Kind, &str, &[&str])| Format {
        extension: (*extension).into(),
        order: Order::of(extension),
        kind: *kind,
        media_type: (*media_type).into(),
        aliases: aliases.iter().map(|&alias| alias.into()).collect(),
    };
    TABLE.iter().map(format).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_extensions_is_that_of_their_bytes() {
        let texts = [
            "", "\0", "3gp", "3gpp", "jp", "jp\0", "jp2", "jpg", "jpgjpg", "jpgjpgj", "jpgjpgjp",
            "\u{e9}",
        ];
        assert!(texts.is_sorted());
        assert!(texts.is_sorted_by_key(|text| Order::of(text)));
        assert_eq!(Order::of("JPgJpGj"), Order::of("jpgjpgj"));
        assert_eq!(Order::of("jpgjpgjp"), Order::of("jpgjpgj_p"));
        assert_eq!(texts.map(|text| Order::of(text).is_whole()).iter().filter(|&&w| !w).count(), 1);
    }

    #[test]
    fn the_table_is_sorted_and_has_fourteen_image_and_nineteen_video_extensions() {
        assert!(TABLE.is_sorted_by(|a, b| a.0 < b.0));
        let count = |kind| TABLE.iter().filter(|row| row.1 == kind).count();
        assert_eq!((count(Kind::Image), count(Kind::Video)), (14, 19));
    }
}
