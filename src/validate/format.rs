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
    number: Number,
    kind: Kind,
    media_type: ContentType,
    aliases: Vec<Box<str>>,
}

impl Format {
    /// A format by its extension, without the dot, in any letter case
    pub fn new(extension: &str, kind: Kind, media_type: &str) -> Self {
        Self {
            extension: extension.to_ascii_lowercase().into(),
            number: Number::of(extension),
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

    /// Whether this stored Content-Type, without parameters, can stand for the format
    pub(super) fn accepts(&self, content_type: &str) -> bool {
        let kind = self.kind.as_str();
        // `image/*`, and `image` alone, are what some browsers and forms send.
        let is_family = content_type.split_at_checked(kind.len()).is_some_and(|(top, rest)| {
            top.eq_ignore_ascii_case(kind) && matches!(rest, "" | "/" | "/*")
        });
        is_family
            || content_type.eq_ignore_ascii_case(self.media_type.as_str())
            || self.aliases.iter().any(|alias| content_type.eq_ignore_ascii_case(alias))
    }
}

/// An extension in lower case as a number, so that it is found without a look at texts
///
/// Seven bytes and the length: each extension has a number of its own, but for those that are longer
/// than that and begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number(u64);

impl Number {
    const MOST: usize = 7;

    fn of(extension: &str) -> Self {
        let length = extension.len().min(Self::MOST + 1);
        let bytes = extension.bytes().take(Self::MOST);
        let text = bytes.fold(0, |text, b| text << 8 | u64::from(b.to_ascii_lowercase()));
        Self(text << 8 | length as u64)
    }

    /// Whether the extension is no more than this number says
    fn is_whole(self) -> bool {
        self.0 & 0xff <= Self::MOST as u64
    }
}

/// RealMedia: some tools call every file of the family an audio file
const REAL: &[&str] = &[
    "application/vnd.rn-realmedia-vbr",
    "application/x-realmedia",
    "audio/vnd.rn-realaudio",
    "audio/x-pn-realaudio",
    "audio/x-realaudio",
    "video/vnd.rn-realvideo",
    "video/x-pn-realvideo",
];

/// The formats of a vision platform, by extension
///
/// Media types are IANA's where there is one; the aliases are what cameras, browsers and older
/// tools store. `audio/ogg` is no alias of `video/ogg`: such a file has no picture.
#[rustfmt::skip]
const TABLE: &[(&str, Kind, &str, &[&str])] = &[
    ("3gp",   Kind::Video, "video/3gpp", &["video/3gpp2", "video/mp4", "audio/3gpp", "audio/3gpp2"]),
    ("3gpp",  Kind::Video, "video/3gpp", &["video/3gpp2", "video/mp4", "audio/3gpp", "audio/3gpp2"]),
    ("asf",   Kind::Video, "video/x-ms-asf", &["video/x-ms-wmv", "video/x-ms-wm", "application/vnd.ms-asf", "application/x-ms-asf"]),
    ("avi",   Kind::Video, "video/x-msvideo", &["video/avi", "video/msvideo", "video/vnd.avi", "video/x-avi", "application/x-troff-msvideo"]),
    ("avif",  Kind::Image, "image/avif", &["image/avif-sequence"]),
    ("bmp",   Kind::Image, "image/bmp", &["image/x-ms-bmp", "image/x-bmp", "image/x-bitmap", "image/x-windows-bmp"]),
    ("f4v",   Kind::Video, "video/mp4", &["video/x-f4v"]),
    ("flv",   Kind::Video, "video/x-flv", &["video/flv", "flv-application/octet-stream"]),
    ("gif",   Kind::Image, "image/gif", &[]),
    ("heic",  Kind::Image, "image/heic", &["image/heif", "image/heic-sequence", "image/heif-sequence"]),
    ("heif",  Kind::Image, "image/heif", &["image/heic", "image/heic-sequence", "image/heif-sequence"]),
    ("j2k",   Kind::Image, "image/jp2", &["image/j2c", "image/jpx", "image/jpeg2000", "image/x-jp2-codestream"]),
    ("jfif",  Kind::Image, "image/jpeg", &["image/jpg", "image/pjpeg"]),
    ("jp2",   Kind::Image, "image/jp2", &["image/jpx", "image/jpeg2000"]),
    ("jpeg",  Kind::Image, "image/jpeg", &["image/jpg", "image/pjpeg"]),
    ("jpg",   Kind::Image, "image/jpeg", &["image/jpg", "image/pjpeg"]),
    ("m4v",   Kind::Video, "video/x-m4v", &["video/mp4", "video/m4v"]),
    ("mkv",   Kind::Video, "video/matroska", &["video/x-matroska", "application/x-matroska", "video/mkv", "video/webm"]),
    ("mov",   Kind::Video, "video/quicktime", &["video/mp4"]),
    ("movie", Kind::Video, "video/quicktime", &["video/x-sgi-movie"]),
    ("mp4",   Kind::Video, "video/mp4", &["application/mp4", "video/x-m4v"]),
    ("mpg",   Kind::Video, "video/mpeg", &["video/mpg", "video/x-mpeg", "video/x-mpg", "video/x-mpeg2"]),
    ("ogg",   Kind::Video, "video/ogg", &["application/ogg", "application/x-ogg", "video/x-ogg", "video/x-theora", "video/x-theora+ogg", "video/theora"]),
    ("ogv",   Kind::Video, "video/ogg", &["application/ogg", "application/x-ogg", "video/x-ogg", "video/x-theora", "video/x-theora+ogg", "video/theora"]),
    ("png",   Kind::Image, "image/png", &["image/x-png", "image/apng", "image/vnd.mozilla.apng"]),
    ("qt",    Kind::Video, "video/quicktime", &[]),
    ("rm",    Kind::Video, "application/vnd.rn-realmedia", REAL),
    ("rmv",   Kind::Video, "application/vnd.rn-realmedia", REAL),
    ("tif",   Kind::Image, "image/tiff", &["image/tif", "image/x-tiff"]),
    ("tiff",  Kind::Image, "image/tiff", &["image/tif", "image/x-tiff"]),
    ("webm",  Kind::Video, "video/webm", &["video/x-matroska", "video/matroska"]),
    ("webp",  Kind::Image, "image/webp", &[]),
    ("wmv",   Kind::Video, "video/x-ms-asf", &["video/x-ms-wmv", "video/x-ms-wm", "application/vnd.ms-asf", "application/x-ms-asf"]),
];

/// Formats, of which that of an extension is found without a search
#[derive(Clone, Debug)]
pub(super) struct Formats {
    /// Sorted by extension
    all: Vec<Format>,
    /// By the number of an extension: at its slot, or behind that, the place of the format and 1; 0 means
    /// that it is free, as at least three quarters are
    slots: Vec<usize>,
}

impl Default for Formats {
    fn default() -> Self {
        let format =
            |(extension, kind, media_type, aliases): &(&str, Kind, &str, &[&str])| Format {
                extension: (*extension).into(),
                number: Number::of(extension),
                kind: *kind,
                media_type: (*media_type).into(),
                aliases: aliases.iter().map(|&alias| alias.into()).collect(),
            };
        let mut formats = Self { all: TABLE.iter().map(format).collect(), slots: Vec::new() };
        formats.arrange();
        formats
    }
}

impl Formats {
    pub(super) fn all(&self) -> &[Format] {
        &self.all
    }

    /// Adds a format, in the place of the one with the same extension
    pub(super) fn accept(&mut self, format: Format) {
        self.all.retain(|other| other.extension != format.extension);
        let place = self.all.partition_point(|other| other.extension < format.extension);
        self.all.insert(place, format);
        self.arrange();
    }

    /// Removes the format of an extension in any letter case
    pub(super) fn refuse(&mut self, extension: &str) {
        self.all.retain(|format| !format.extension.eq_ignore_ascii_case(extension));
        self.arrange();
    }

    /// The place of the format of an extension in any letter case
    ///
    /// Most are found at the first look, so that the processor has little to guess: of a search it often
    /// guesses wrong where formats alternate.
    #[inline]
    pub(super) fn place(&self, extension: &str) -> Option<usize> {
        let number = Number::of(extension);
        let mut slot = self.slot(number);
        loop {
            let place = self.slots.get(slot)?.checked_sub(1)?;
            let format = self.all.get(place)?;
            // Those that are longer than their numbers tell have the same number where they begin alike.
            if format.number == number
                && (number.is_whole() || format.extension.eq_ignore_ascii_case(extension))
            {
                return Some(place);
            }
            slot = (slot + 1) % self.slots.len();
        }
    }

    /// Where to look first, a number below that of the slots, which is a power of two
    fn slot(&self, number: Number) -> usize {
        // The upper half depends on all bits, and there are never as many slots as it can tell apart.
        let spread = number.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        spread as usize & self.slots.len().wrapping_sub(1)
    }

    fn arrange(&mut self) {
        self.slots = vec![0; (4 * self.all.len()).next_power_of_two()];
        for (place, format) in self.all.iter().enumerate() {
            let mut slot = self.slot(format.number);
            while self.slots.get(slot).is_some_and(|taken| *taken > 0) {
                slot = (slot + 1) % self.slots.len();
            }
            if let Some(free) = self.slots.get_mut(slot) {
                *free = place + 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_found_by_its_extension_in_any_letter_case_and_by_no_other() {
        let mut rng = fastrand::Rng::with_seed(11);
        let mut formats = Formats::default();
        for _ in 0..300 {
            // Many that begin alike, and are longer than a number tells.
            let begin = ["", "j", "jpgjpg", "\u{e9}"][rng.usize(..4)];
            let end: String = (0..rng.usize(1..4))
                .map(|_| rng.choice(['a', 'B', '_']))
                .map(Option::unwrap)
                .collect();
            let extension = format!("{begin}{end}");
            match rng.bool() {
                true => formats.accept(Format::new(&extension, Kind::Image, "image/a")),
                false => formats.refuse(&extension),
            }
            assert!(formats.all().is_sorted_by(|a, b| a.extension < b.extension));
            for format in formats.all() {
                let other = format!("{}_", format.extension());
                for text in [format.extension(), &format.extension().to_ascii_uppercase(), &other] {
                    let is_it = |format: &Format| format.extension.eq_ignore_ascii_case(text);
                    assert_eq!(formats.place(text), formats.all().iter().position(is_it), "{text}");
                }
            }
        }
        for format in formats.all().to_vec() {
            formats.refuse(format.extension());
            assert_eq!(formats.place(format.extension()), None);
        }
        assert_eq!((formats.all().len(), formats.place("")), (0, None));
    }

    #[test]
    fn the_table_is_sorted_and_has_fourteen_image_and_nineteen_video_extensions() {
        assert!(TABLE.is_sorted_by(|a, b| a.0 < b.0));
        let count = |kind| TABLE.iter().filter(|row| row.1 == kind).count();
        assert_eq!((count(Kind::Image), count(Kind::Video)), (14, 19));
    }
}
