//! Generates malicious bodies of listings from seeds.
//!
//! Shared with `tests/hostile_pages.rs`, which counts what they allocate, so this file uses nothing
//! of the crate.

use fastrand::Rng;

/// Complete elements, valid and invalid.
const ELEMENTS: &[&str] = &[
    "<Blob><Name>a/b.jpg</Name><Properties><Content-Length>5</Content-Length><Etag>0x8D</Etag></Properties></Blob>",
    "<Blob><Name Encoded=\"true\">%FF%41&amp;</Name><Properties><Content-Length>-1</Content-Length></Properties></Blob>",
    "<Blob><Name>&#x20ac;&lt;&bomb;</Name></Blob>",
    "<Blob><Metadata><Blob>x</Blob><k Encoded=\"true\">%41</k></Metadata></Blob>",
    "<BlobPrefix><Name>a/</Name></BlobPrefix>",
    "<NextMarker>2!72!a&amp;b=</NextMarker>",
    "<NextMarker/>",
    "<Blobs/>",
    "<Blob/>",
    "<Blob></Blob>",
    "<BlobPrefix/>",
    "<Deep><Deep><Deep><Deep><Deep><Deep><Deep><Deep><Deep>",
    "</Properties></Blob>",
    "<!-- <Blob> -->",
    "<![CDATA[<Blob>]]>",
    "<?p i?>",
    "<!DOCTYPE x [<!ENTITY a \"b\"><!ENTITY b \"&a;&a;\">]>",
    "<Etag a='>' b=\"<\"/>",
    "\u{feff}",
    "</EnumerationResults>",
    "<EnumerationResults>",
];

/// Bytes to insert: everything that a reader looks for.
const PIECES: &[&[u8]] = &[
    b"<",
    b">",
    b"/",
    b"&",
    b";",
    b"\"",
    b"'",
    b"=",
    b"!",
    b"?",
    b"--",
    b"-->",
    b"]]>",
    b"<![CDATA[",
    b"<!--",
    b"&#x110000;",
    b"&#0;",
    b"&#",
    b"%",
    b"%F",
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xc3",
    b"\r\n",
    b" ",
    b"\t",
    b"18446744073709551616",
    b"Blob",
    b"Name",
    b"Encoded=\"true\"",
];

/// Generates a page of up to 11 blobs as Azure writes them.
fn page(rng: &mut Rng) -> Vec<u8> {
    let mut text = "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ServiceEndpoint=\"https://a/\"><Blobs>".to_owned();
    for n in 0..rng.usize(..12) {
        let size = rng.u64(..);
        text.push_str(&format!(
            "<Blob><Name>hall 3/{n:06}.jpg</Name><Properties><Creation-Time>Tue, 24 Nov 2026 08:10:37 GMT</Creation-Time>\
             <Last-Modified>Tue, 24 Nov 2026 08:10:37 GMT</Last-Modified><Etag>0x8DD0C7A1B2C3D4E</Etag>\
             <Content-Length>{size}</Content-Length><Content-Type>image/jpeg</Content-Type><Content-Encoding />\
             <BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier></Properties><OrMetadata /></Blob>"
        ));
    }
    text.push_str("</Blobs><NextMarker>2!92!x</NextMarker></EnumerationResults>");
    text.into_bytes()
}

/// Returns a random offset, preferably where a tag begins.
fn place(rng: &mut Rng, body: &[u8]) -> usize {
    let any = rng.usize(..=body.len());
    let rest = body.get(any..).unwrap_or_default();
    match rng.u8(..4) {
        0 => any,
        _ => any + rest.iter().position(|byte| *byte == b'<').unwrap_or(0),
    }
}

/// Returns a random range of offsets.
fn span(rng: &mut Rng, body: &[u8]) -> std::ops::Range<usize> {
    let (a, b) = (place(rng, body), place(rng, body));
    a.min(b)..a.max(b)
}

/// Generates the body of a seed: a listing with a few changes, or random bytes. At most 64 KiB.
pub(crate) fn body(seed: u64) -> Vec<u8> {
    const MAX: usize = 1 << 16;
    let mut rng = Rng::with_seed(seed);
    let mut body = page(&mut rng);
    match rng.u8(..20) {
        0 => return (0..rng.usize(..2000)).map(|_| rng.u8(..)).collect(),
        1 => {
            let piece = |rng: &mut Rng| rng.choice(PIECES).copied().unwrap_or_default();
            return (0..rng.usize(..500)).flat_map(|_| piece(&mut rng).to_vec()).collect();
        }
        _ => {}
    }
    for _ in 0..rng.usize(1..6) {
        let (at, some) = (place(&mut rng, &body), span(&mut rng, &body));
        match rng.u8(..9) {
            0 => drop(body.splice(at..at, rng.choice(ELEMENTS).unwrap_or(&"").bytes())),
            1 => drop(body.drain(some)),
            2 => {
                let copy = body.get(some).unwrap_or_default().to_vec();
                body.splice(at..at, copy);
            }
            // Many copies of an element, whose memory adds up.
            3 => {
                let what = *rng.choice(ELEMENTS).unwrap_or(&"");
                let often = rng.usize(1..2000).min(MAX / what.len().max(1));
                body.splice(at..at, what.repeat(often).into_bytes());
            }
            4 => body.truncate(at),
            // A part moves to another place.
            5 => {
                let part: Vec<_> = body.drain(some).collect();
                let at = place(&mut rng, &body);
                body.splice(at..at, part);
            }
            // A long text, name or attribute.
            6 => {
                let byte = *rng.choice(b"a&<>\"%\xff \0-]").unwrap_or(&b'a');
                body.splice(at..at, std::iter::repeat_n(byte, rng.usize(1..20_000)));
            }
            7 => {
                drop(body.splice(
                    at..at,
                    rng.choice(PIECES).copied().unwrap_or_default().iter().copied(),
                ))
            }
            _ => {
                let (bit, at) = (1 << rng.u8(..8), rng.usize(..body.len().max(1)));
                body.get_mut(at).into_iter().for_each(|byte| *byte ^= bit);
            }
        }
        body.truncate(MAX);
    }
    body
}
