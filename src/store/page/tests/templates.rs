//! Pages whose blobs are written alike, as those of a real container are, so that templates read
//! them.
//!
//! A template must read what the XML reader reads, and give up where a byte makes a difference.

use fastrand::Rng;

use super::{agree, by_xml_reader, cases, some};
use crate::store::{Page, page::Decoder};

/// Names: plain, with an entity, not ASCII, with a carriage return, and empty.
const NAMES: &[&str] = &[
    "a.jpg",
    "hall 3/camera-07/frame-00000001.jpg",
    "x&amp;y",
    "\u{20ac}/\u{1f600}.webp",
    "&#13;",
    "",
];
/// Dates: two in the preferred form, one in an obsolete form, and none.
const DATES: &[&str] = &[
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Tue, 31 Mar 2026 23:59:59 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "",
];
/// ETags: usual, with entities, longer than the inline limit, and empty.
const ETAGS: &[&str] =
    &["0x8DD0C7A1B2C3D4E", "&quot;0x8D&quot;", "0x8DD0C7A1B2C3D4E0x8DD0C7A1B", ""];
/// Sizes around the limits of 64 bits, with a sign, and none.
const SIZES: &[&str] = &["0", "54321", "18446744073709551615", "18446744073709551616", "+7", ""];
/// Content-Types, one of them the start of another.
const TYPES: &[&str] =
    &["image/jpeg", "image/png", "image/j", "video/mp4; codecs=&quot;x&quot;", ""];
/// Digests: valid, with unused bits, too short, and empty.
const DIGESTS: &[&str] = &["AAECAwQFBgcICQoLDA0ODw==", "AAECAwQFBgcICQoLDA0ODx==", "AAEC", ""];
/// Access tiers, mostly the same.
const TIERS: &[&str] = &["Hot", "Hot", "Hot", "Cool", "P&lt;10"];

/// The elements that the blobs of one shape have, and how they are written.
struct Shape {
    encoded: bool,
    version: bool,
    digest: bool,
    directory: bool,
    key: bool,
    metadata: bool,
    /// Whether an element without text is written as `<Etag />`.
    empty: bool,
    /// An element that appears twice; the second one counts.
    twice: &'static str,
    blank: &'static str,
}

impl Shape {
    fn new(rng: &mut Rng) -> Self {
        let mut rarely = || rng.u8(..4) == 0;
        Self {
            encoded: rarely(),
            version: rarely(),
            digest: !rarely(),
            directory: rarely(),
            key: rarely(),
            metadata: rarely() && rarely(),
            empty: rarely(),
            twice: some(
                rng,
                &[
                    "",
                    "",
                    "",
                    "Etag",
                    "AccessTier",
                    "Content-Length",
                    "Creation-Time",
                    "Content-MD5",
                    "Content-Type",
                ],
            ),
            blank: some(rng, &["", "", "\n  "]),
        }
    }

    /// Generates a blob of this shape, with random texts.
    fn blob(&self, rng: &mut Rng) -> String {
        let empty = self.empty;
        let leaf = |name: &str, text: &str| match text {
            "" if empty => format!("<{name} />"),
            text => format!("<{name}>{text}</{name}>"),
        };
        let name = match self.encoded {
            true => format!(
                "<Name Encoded=\"true\">{}</Name>",
                some(rng, &["a%20b", "%FF", "x%EF%BF%BE"])
            ),
            false => leaf("Name", some(rng, NAMES)),
        };
        let version = format!(
            "<VersionId>2026-01-{:02}</VersionId><IsCurrentVersion>true</IsCurrentVersion>",
            rng.u8(1..30)
        );
        let sizes = SIZES.get(..rng.usize(2..=SIZES.len())).unwrap_or(SIZES);
        let created = some(rng, DATES);
        let mut fields = vec![
            leaf("Creation-Time", created),
            leaf("Last-Modified", if rng.bool() { created } else { some(rng, DATES) }),
            leaf("Etag", some(rng, ETAGS)),
            leaf("Content-Length", some(rng, sizes)),
            leaf("Content-Type", some(rng, TYPES)),
            leaf("Content-Encoding", some(rng, &["", "", "gzip"])),
            leaf("Content-CRC64", some(rng, &["AAECAwQFBgc=", "AAECAwQFBgA=", "a&amp;="])),
        ];
        if self.digest {
            fields.push(leaf("Content-MD5", some(rng, DIGESTS)));
        }
        fields.extend([leaf("BlobType", "BlockBlob"), leaf("AccessTier", some(rng, TIERS))]);
        fields.push(leaf("LeaseState", some(rng, &["available", "available", "leased"])));
        if self.key {
            let keys = ["", "mSLjFJ3m", "mSLjFJ3n"];
            fields.push(leaf("CustomerProvidedKeySha256", some(rng, &keys)));
        }
        if self.directory {
            fields.push(leaf("ResourceType", "directory"));
        }
        let twice = fields.iter().find(|field| field.starts_with(&format!("<{}", self.twice)));
        let twice = match twice.filter(|_| !self.twice.is_empty()) {
            Some(_) if empty => format!("<{} />", self.twice),
            twice => twice.cloned().unwrap_or_default(),
        };
        format!(
            "{blank}<Blob>{name}{}<Properties>{blank}{}{twice}</Properties>{}<OrMetadata /></Blob>",
            if self.version { version.as_str() } else { "" },
            fields.join(self.blank),
            if self.metadata { "<Metadata><Camera>3</Camera></Metadata>" } else { "" },
            blank = self.blank,
        )
    }
}

/// Returns a page with these entries.
fn page(blobs: &str) -> Vec<u8> {
    format!("<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker /></EnumerationResults>").into()
}

/// Generates up to eleven blobs of up to three shapes.
fn blobs(rng: &mut Rng) -> String {
    let shapes: Vec<_> = (0..rng.usize(1..4)).map(|_| Shape::new(rng)).collect();
    (0..rng.usize(2..12)).filter_map(|_| rng.choice(&shapes).map(|shape| shape.blob(rng))).collect()
}

/// Texts differ from blob to blob, also in ways that a template must refuse.
#[test]
fn readers_agree_on_blobs_of_the_same_shape() {
    for seed in 0..cases(5_000) {
        let mut rng = Rng::with_seed(seed);
        let body = page(&blobs(&mut rng));
        agree(&mut rng, &body, false);
    }
}

#[test]
fn readers_agree_after_random_damage() {
    const BYTES: &[u8] = b"<>/&;'\"=!?-[] \r\n\0aBHo059:, G\xff\x80";
    for seed in 0..cases(20_000) {
        let mut rng = Rng::with_seed(seed);
        let mut body = page(&blobs(&mut rng));
        for _ in 0..rng.usize(1..4) {
            let at = rng.usize(..body.len());
            match rng.u8(..4) {
                0 => drop(body.remove(at)),
                1 => body.insert(at, *rng.choice(BYTES).unwrap()),
                2 => body[at] ^= 1 << rng.u8(..8),
                _ => body[at] = *rng.choice(BYTES).unwrap(),
            }
        }
        agree(&mut rng, &body, true);
    }
}

/// Returns three blobs, as the first two and the last; the template of the first blob reads the
/// others.
fn three() -> (String, String) {
    let blob = |name: &str, minute: u8, size: u32| {
        format!(
            "<Blob><Name>{name}</Name><Properties><Creation-Time>Tue, 24 Nov 2026 08:{minute}:37 GMT</Creation-Time>\
             <Last-Modified>Tue, 24 Nov 2026 08:{minute}:37 GMT</Last-Modified><Etag>0x8DD0C7A1B2C3D{minute}</Etag>\
             <Content-Length>{size}</Content-Length><Content-Type>image/jpeg</Content-Type><Content-Encoding />\
             <Content-CRC64>AAECAwQFBg{minute}=</Content-CRC64><Content-MD5>AAECAwQFBgcICQoLDA0O{minute}==</Content-MD5>\
             <BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier><LeaseState>available</LeaseState></Properties></Blob>"
        )
    };
    let before = blob("a.jpg", 10, 5) + &blob("hall 3/b.jpg", 29, 123_456);
    (before, blob("hall 3/camera/\u{20ac}.jpg", 59, 1_234_567))
}

#[test]
fn blobs_of_one_shape_need_one_template() {
    let (before, last) = three();
    let mut decoder = Decoder::new(true);
    decoder.push(&page(&(before + &last)));
    assert_eq!((decoder.page.blobs.len(), decoder.scanner.templates()), (3, 1));
    assert_eq!(decoder.page.blobs.last().unwrap().name, "hall 3/camera/\u{20ac}.jpg");
}

/// Replaces each byte of the last blob, which a template reads, by bytes with a meaning in XML or
/// in a value.
#[test]
fn a_template_notices_a_change_of_any_byte() {
    let (before, last) = three();
    // The offset of the last blob in the page.
    let at = page(&before).len() - page("").len() + "<EnumerationResults><Blobs>".len();
    let good = page(&(before + &last));
    let mut rng = Rng::with_seed(1);
    for place in at..at + last.len() {
        for byte in *b"<>/&; =\r\0aZ09\xff" {
            let mut body = good.clone();
            body[place] = byte;
            agree(&mut rng, &body, true);
        }
    }
}

/// Shapes for which no template can be made, or for which an empty element has a meaning.
#[test]
fn repeated_and_empty_elements_are_read_alike_in_every_blob() {
    let texts = [
        "<Name>a</Name><Name>b</Name>",
        "<Name>a</Name><Name />",
        "<Name>a</Name><Name Encoded=\"true\" />",
        "<Name Encoded=\"true\">a%20b</Name><Name />",
        "<Name />",
        "<Name>a</Name><IsCurrentVersion />",
        "<Name>a</Name><VersionId>1</VersionId><VersionId />",
        "<VersionId>1</VersionId><Name>a</Name>",
    ];
    for text in texts {
        let blob = format!(
            "<Blob>{text}<Properties><Content-Length>5</Content-Length></Properties></Blob>"
        );
        agree(&mut Rng::with_seed(1), &page(&blob.repeat(3)), false);
    }
    let blob = |name: &str| {
        format!(
            "<Blob><Name>{name}</Name><Name>b</Name><Properties><Content-Length>5</Content-Length></Properties></Blob>"
        )
    };
    let body = page(&(blob("a") + &blob("&nbsp;")));
    agree(&mut Rng::with_seed(1), &body, false);
    assert!(Page::from_xml(&body).is_err());
}

/// A size that cannot be read makes an entry malformed, but is no reason for another template.
#[test]
fn blobs_with_the_same_fault_need_one_template() {
    for text in ["5 ", "5.5", "", "18446744073709551616"] {
        let (before, last) = three();
        let last = last.replace("1234567</Content-Length>", &format!("{text}</Content-Length>"));
        let mut decoder = Decoder::new(true);
        decoder.push(&page(&(before + &last.repeat(9))));
        assert_eq!((decoder.page.malformed.len(), decoder.scanner.templates()), (9, 1), "{text}");
    }
}

/// Two pieces cut at each byte, and pieces of each length.
#[test]
fn a_page_cut_anywhere_is_read_like_the_complete_page() {
    let (before, last) = three();
    let body = page(&format!("{before}<BlobPrefix><Name>c/</Name></BlobPrefix>{last}"));
    let complete = by_xml_reader(&body).unwrap();
    assert_eq!(Page::from_xml(&body).unwrap(), complete);
    for cut in 0..body.len() {
        let (first, second) = body.split_at(cut);
        let mut decoder = Decoder::new(true);
        decoder.push(first);
        decoder.push(second);
        assert!(!decoder.uses_fallback && decoder.rest.is_empty(), "cut at {cut}");
        assert_eq!(decoder.finish().unwrap(), complete, "cut at {cut}");
    }
    for length in 1..body.len() {
        let mut decoder = Decoder::new(true);
        body.chunks(length).for_each(|piece| decoder.push(piece));
        assert_eq!(decoder.finish().unwrap(), complete, "pieces of {length}");
    }
}
