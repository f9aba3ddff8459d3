//! Formats: extensions with their kind, media type and aliases, and a fast lookup by extension.
//!
//! The table of default formats is here. A format is found for every blob, so the lookup is a hash table
//! keyed by the extension as a number.

use crate::{coded::coded_enum, store::ContentType};

coded_enum! {
    /// The kind of an asset: image or video.
    ///
    /// ```
    /// use azure_asset_sync::Kind;
    ///
    /// assert_eq!(serde_json::to_string(&Kind::Video)?, "\"video\"");
    /// assert_eq!(Kind::Image.to_string(), "image");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// [`as_str`](Self::as_str) is also the first part of the kind's media types.
    pub enum Kind by as_str {
        /// A still picture, or a short animation in an image format.
        Image = "image",
        /// A video.
        Video = "video",
    }
}

/// A format that rules accept: an extension with its kind, media type and aliases.
///
/// ```
/// use azure_asset_sync::{Format, Kind, Rules, store::Blob};
///
/// let dicom = Format::new("dcm", Kind::Image, "application/dicom").alias("image/x-dicom");
/// let rules = Rules::default().accept(dicom);
/// let mut scan = Blob::new("scan.DCM", 5_000_000);
/// scan.content_type = Some("image/x-dicom".into());
/// assert!(rules.check(scan).asset().is_some());
/// ```
///
/// In JSON: `extension`, `kind`, `media_type` and `aliases`, which may be left out. The values are checked,
/// and unknown fields and kinds are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    extension: Box<str>,
    number: Number,
    kind: Kind,
    media_type: ContentType,
    aliases: Vec<Box<str>>,
}

impl Format {
    /// Makes a format for an extension, given without the dot and in any letter case.
    pub fn new(extension: &str, kind: Kind, media_type: &str) -> Self {
        Self {
            extension: extension.to_ascii_lowercase().into(),
            number: Number::of(extension),
            kind,
            media_type: media_type.into(),
            aliases: Vec::new(),
        }
    }

    /// Accepts another stored Content-Type for this format.
    #[must_use]
    pub fn alias(mut self, media_type: &str) -> Self {
        self.aliases.push(media_type.to_ascii_lowercase().into());
        self
    }

    /// Returns the extension in lower case, without the dot.
    pub fn extension(&self) -> &str {
        &self.extension
    }

    /// Returns the kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the media type that assets of this format get.
    pub fn media_type(&self) -> &ContentType {
        &self.media_type
    }

    /// Returns the other media types that are accepted.
    pub(super) fn aliases(&self) -> impl Iterator<Item = &str> {
        self.aliases.iter().map(|alias| &**alias)
    }

    /// Returns whether a stored Content-Type, without parameters, agrees with the format.
    pub(super) fn accepts(&self, content_type: &str) -> bool {
        let kind = self.kind.as_str();
        // Some browsers and forms send `image/*`, or `image` alone.
        let is_family = content_type.split_at_checked(kind.len()).is_some_and(|(top, rest)| {
            top.eq_ignore_ascii_case(kind) && matches!(rest, "" | "/" | "/*")
        });
        is_family
            || content_type.eq_ignore_ascii_case(self.media_type.as_str())
            || self.aliases.iter().any(|alias| content_type.eq_ignore_ascii_case(alias))
    }
}

/// An extension in lower case as a number, so that a lookup compares no texts.
///
/// The number consists of the first seven bytes and the length. Extensions have different numbers, except
/// for longer ones with the same start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number(u64);

impl Number {
    /// The most bytes of an extension that the number contains.
    const MOST: usize = 7;

    /// Returns the number of an extension in any letter case.
    fn of(extension: &str) -> Self {
        let length = extension.len().min(Self::MOST + 1);
        let bytes = extension.bytes().take(Self::MOST);
        // Later bytes shift earlier ones up; the length is in the lowest byte.
        let text = bytes.fold(0, |text, b| text << 8 | u64::from(b.to_ascii_lowercase()));
        Self(text << 8 | length as u64)
    }

    /// Returns whether the number contains the whole extension.
    fn is_whole(self) -> bool {
        self.0 & 0xff <= Self::MOST as u64
    }
}

/// The aliases of RealMedia: some tools store an audio type for every file of that family.
const REAL: &[&str] = &[
    "application/vnd.rn-realmedia-vbr",
    "application/x-realmedia",
    "audio/vnd.rn-realaudio",
    "audio/x-pn-realaudio",
    "audio/x-realaudio",
    "video/vnd.rn-realvideo",
    "video/x-pn-realvideo",
];

/// The default formats of a vision platform, sorted by extension.
///
/// Media types are IANA's if one is registered. Aliases are what cameras, browsers and older tools store.
/// `audio/ogg` is not an alias of `video/ogg`, because such a file has no picture.
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

/// A set of formats with a hash table by extension.
///
/// Rules are built once and used for millions of blobs, so every change rebuilds the table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Formats {
    /// The formats, sorted by extension.
    all: Vec<Format>,
    /// The hash table: each slot has the position of a format plus 1, or 0 if it is free.
    ///
    /// A format is at the slot of its number or at the next free one after it (linear probing). At least
    /// three quarters of the slots are free.
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
    /// Returns the formats, sorted by extension.
    pub(super) fn all(&self) -> &[Format] {
        &self.all
    }

    /// Adds a format, or replaces the one with the same extension.
    pub(super) fn accept(&mut self, format: Format) {
        // INVARIANT: the vector stays sorted, which `Rules::formats` promises.
        self.all.retain(|other| other.extension != format.extension);
        let place = self.all.partition_point(|other| other.extension < format.extension);
        self.all.insert(place, format);
        self.arrange();
    }

    /// Removes the format of an extension, given in any letter case.
    pub(super) fn refuse(&mut self, extension: &str) {
        self.all.retain(|format| !format.extension.eq_ignore_ascii_case(extension));
        self.arrange();
    }

    /// Returns the position of the format of an extension, given in any letter case.
    ///
    /// Most lookups end at the first slot. A binary search would take longer, because its branches are
    /// mispredicted when the formats of a listing alternate.
    #[inline]
    pub(super) fn place(&self, extension: &str) -> Option<usize> {
        let number = Number::of(extension);
        let mut slot = self.slot(number);
        loop {
            // A free slot ends the search: the format is not there.
            let place = self.slots.get(slot)?.checked_sub(1)?;
            let format = self.all.get(place)?;
            // Long extensions with the same start have the same number, so their texts are compared.
            if format.number == number
                && (number.is_whole() || format.extension.eq_ignore_ascii_case(extension))
            {
                return Some(place);
            }
            slot = (slot + 1) % self.slots.len();
        }
    }

    /// Returns the first slot for a number. The number of slots is a power of two.
    fn slot(&self, number: Number) -> usize {
        // The upper half of the product depends on all bits of the number.
        // A multiplicative hash: the constant is 2^64 divided by the golden ratio.
        let spread = number.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        spread as usize & self.slots.len().wrapping_sub(1)
    }

    /// Rebuilds the hash table after a change of the formats.
    fn arrange(&mut self) {
        // Four slots for each format keep at least three quarters free, so a search ends soon.
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
    fn lookup_ignores_letter_case_and_finds_no_other_extension() {
        let mut rng = fastrand::Rng::with_seed(11);
        let mut formats = Formats::default();
        for _ in 0..300 {
            // Many extensions with the same start that are too long for the number.
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
