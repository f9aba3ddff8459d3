//! Differential tests: the scanner, its templates and the XML reader read the same page.
//!
//! Pages are generated from seeds, cut at any byte, and damaged. Set `CASES` to run more of them.

mod cpu_time;
mod malicious_bodies;
mod mutate;
mod templates;

use fastrand::Rng;

use super::*;

/// Texts of names. The scanner needs no fallback for the first six.
const NAMES: &[&str] = &[
    "a.jpg",
    "hall 3/b&amp;c.png",
    "&#x20ac;&#169;&lt;&gt;&quot;&apos;",
    "\u{20ac}/\u{1f600}.webp",
    "",
    " x ",
    "line\rend",
    "<![CDATA[a<b]]>c",
    "a<!-- no -->b",
    "x<y/>z",
    "&nbsp;",
    "&#0;",
    "&#xD;",
    "a]]>b",
];
/// Texts of sizes; the first two are valid.
const SIZES: &[&str] = &["5", "0", "", "-1", "+5", "99999999999999999999", " 5"];
/// Texts of dates; Azure writes dates like the first two.
const DATES: &[&str] = &[
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Tue, 31 Mar 2026 23:59:59 GMT",
    "Sun, 31 Feb 2026 23:59:59 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "yesterday",
    "",
];
/// Other properties. The first 14 are in the form in which Azure writes them.
const OTHERS: &[&str] = &[
    "<Content-Encoding />",
    "<Content-Encoding>gzip</Content-Encoding>",
    "<Content-MD5>AAECAwQFBgcICQoLDA0ODw==</Content-MD5>",
    "<Content-MD5>?</Content-MD5>",
    "<Cache-Control/>",
    "<LeaseStatus>unlocked</LeaseStatus>",
    "<BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier>",
    "<AccessTier>Lukewarm</AccessTier>",
    "<Etag>0x8DD0C7A1B2C3D4E</Etag>",
    "<Etag>\"0x8D\"</Etag>",
    "<ResourceType>directory</ResourceType>",
    "<CustomerProvidedKeySha256>mSLjFJ3m/vk=</CustomerProvidedKeySha256>",
    "<CustomerProvidedKeySha256 />",
    "<ArchiveStatus>rehydrate-pending-to-hot</ArchiveStatus>",
    "<CopyStatus>success</CopyStatus>",
    "<CopyStatus>pend&#105;ng</CopyStatus>",
    "<IncrementalCopy>true</IncrementalCopy>",
    "<Content-Type>image/jpeg</Content-Type>",
    "<Content-Type>video/mp4; codecs=&quot;x&quot;</Content-Type>",
    "<Deep><Deep><Deep>x</Deep></Deep></Deep>",
    "<New a=\"1\">x</New>",
    "<New a='>'>x</New>",
];
/// Siblings of `Properties`. The first eight are in the form in which Azure writes them.
const BESIDE: &[&str] = &[
    "<Snapshot>2026-01-01T00:00:00.0000000Z</Snapshot>",
    "<VersionId>v1</VersionId><IsCurrentVersion>true</IsCurrentVersion>",
    "<Deleted>true</Deleted>",
    "<Deleted>false</Deleted><HasVersionsOnly>true</HasVersionsOnly>",
    "<Metadata><Camera>hall &amp; 3</Camera><Empty /></Metadata>",
    "<Metadata><Blob>x</Blob><Key Encoded=\"true\">%41</Key></Metadata>",
    "<Metadata />",
    "<OrMetadata><or-policy_rule>complete</or-policy_rule></OrMetadata>",
    "<OrMetadata />",
    "<Tags><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tags>",
    "<Unknown>\n <x/> text &amp; </Unknown>",
    "<!-- a comment -->",
    "\n  ",
];

/// Common prefixes. The first three are in the form in which Azure writes them.
const PREFIXES: &[&str] = &[
    "<BlobPrefix><Name>hall &lt;3&gt;/</Name></BlobPrefix>",
    "<BlobPrefix><Name Encoded=\"true\">a%EF%BF%BE/</Name></BlobPrefix>",
    "<BlobPrefix><Name>a/</Name><Properties><ResourceType>directory</ResourceType><Etag>0x8D</Etag></Properties></BlobPrefix>",
    "<BlobPrefix><Name Encoded=\"true\">%FF</Name></BlobPrefix>",
    "<BlobPrefix><Properties /></BlobPrefix>",
    "<BlobPrefix><Name><![CDATA[a/]]></Name></BlobPrefix>",
    "<BlobPrefix />",
    "<BlobPrefix>",
];

/// Returns a random element.
fn some<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    rng.choice(from.iter().copied()).unwrap_or_default()
}

/// Generates a blob; an odd one may be malformed, or in a form that Azure does not write.
fn blob(rng: &mut Rng, odd: bool) -> String {
    let plain = |count: usize, all: usize| if odd { all } else { count };
    let name = some(rng, NAMES.get(..plain(6, NAMES.len())).unwrap_or(NAMES)).to_owned();
    let mut text = match rng.u8(..if odd { 12 } else { 200 }) {
        0 => String::new(),
        1 => "<Name Encoded=\"true\">a%EF%BF%BEb%20c</Name>".to_owned(),
        2 => "<Name Encoded=\"true\">%FF</Name>".to_owned(),
        3 => "<Name />".to_owned(),
        _ => format!("<Name>{name}</Name>"),
    };
    let mut properties = String::new();
    let sizes = SIZES.get(..plain(2, SIZES.len())).unwrap_or(SIZES);
    let dates = DATES.get(..plain(2, DATES.len())).unwrap_or(DATES);
    properties.push_str(&format!("<Content-Length>{}</Content-Length>", some(rng, sizes)));
    properties.push_str(&format!("<Last-Modified>{}</Last-Modified>", some(rng, dates)));
    properties.push_str(&format!("<Creation-Time>{}</Creation-Time>", some(rng, dates)));
    for _ in 0..rng.usize(..8) {
        let others = OTHERS.get(..plain(14, OTHERS.len())).unwrap_or(OTHERS);
        properties.push_str(some(rng, others));
    }
    text.push_str(&format!("<Properties>{properties}</Properties>"));
    for _ in 0..rng.usize(..3) {
        let beside = BESIDE.get(..plain(8, BESIDE.len())).unwrap_or(BESIDE);
        text.push_str(some(rng, beside));
    }
    format!("<Blob>{text}</Blob>")
}

/// Generates a page; an odd one may have odd blobs.
fn page(rng: &mut Rng, odd: bool) -> String {
    let mut text = String::new();
    if rng.bool() {
        text.push('\u{feff}');
    }
    if rng.bool() {
        text.push_str("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
    }
    text.push_str(
        "<EnumerationResults ServiceEndpoint=\"https://a/\" ContainerName=\"c\"><Prefix>p</Prefix><MaxResults>5</MaxResults><Blobs>",
    );
    for _ in 0..rng.usize(..6) {
        let is_odd = odd && rng.u8(..3) == 0;
        text.push_str(&blob(rng, is_odd));
        if rng.u8(..10) == 0 {
            let prefixes = PREFIXES.get(..if odd { PREFIXES.len() } else { 3 }).unwrap_or(PREFIXES);
            text.push_str(some(rng, prefixes));
        }
    }
    text.push_str("</Blobs>");
    text.push_str(some(rng, &["<NextMarker />", "<NextMarker>2!92!x&amp;</NextMarker>", ""]));
    text.push_str("</EnumerationResults>");
    text.push_str(some(rng, &["", "\n", "<!-- end -->", "<more/>"][..if odd { 4 } else { 2 }]));
    text
}

/// Reads a body with the XML reader alone.
fn by_xml_reader(body: &[u8]) -> Result<Page, Error> {
    let mut reader = XmlReader::new(body, true)?;
    while !reader.step()? {}
    Ok(with_order(reader.finish().into_page()))
}

/// Reads a body in pieces of random lengths, as it would arrive.
fn in_pieces(rng: &mut Rng, body: &[u8]) -> Result<Page, Error> {
    let mut decoder = Decoder::new(true);
    let mut rest = body;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(rng.usize(1..=rest.len().min(700)));
        decoder.push(piece);
        rest = tail;
    }
    decoder.finish()
}

/// Asserts that both ways of reading a body agree; a damaged body may fail with different kinds of
/// errors.
fn agree(rng: &mut Rng, body: &[u8], is_damaged: bool) {
    let show = || String::from_utf8_lossy(body).into_owned();
    match (by_xml_reader(body), in_pieces(rng, body)) {
        (Ok(slow), Ok(fast)) => assert_eq!(slow, fast, "{}", show()),
        // Where a damaged page breaks off depends on how far a reader looks ahead.
        (Err(slow), Err(fast)) if is_damaged => drop((slow, fast)),
        (Err(slow), Err(fast)) => assert_eq!(slow.kind(), fast.kind(), "{}", show()),
        (slow, fast) => panic!("{slow:?}\n{fast:?}\n{}", show()),
    }
}

/// Returns the number of cases: `CASES` from the environment, or this default.
fn cases(default: u64) -> u64 {
    std::env::var("CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default)
}

/// Pages as Azure writes them, which need no fallback, and pages with odd entries.
#[test]
fn both_readers_agree_on_valid_pages() {
    for seed in 0..cases(5_000) {
        let mut rng = Rng::with_seed(seed);
        let odd = seed % 2 == 1;
        let body = page(&mut rng, odd);
        if !odd {
            let mut decoder = Decoder::new(true);
            decoder.push(body.as_bytes());
            assert!(
                !decoder.uses_fallback,
                "the scanner needs no fallback for what Azure writes: {body}"
            );
        }
        agree(&mut rng, body.as_bytes(), false);
    }
}

/// A page that breaks off must never be taken for a complete one, wherever it breaks off.
#[test]
fn both_readers_refuse_a_truncated_page() {
    let mut rng = Rng::with_seed(7);
    for _ in 0..20 {
        let body = page(&mut rng, false);
        // Up to the last end tag: only what follows it can be missing.
        let end = body.find("</EnumerationResults>").unwrap_or_default();
        for cut in 0..end {
            let body = body.as_bytes().get(..cut).unwrap_or_default();
            assert!(in_pieces(&mut rng, body).is_err(), "cut at {cut}");
            agree(&mut rng, body, false);
        }
    }
}

/// Up to three bytes of a valid page are removed, inserted or replaced.
#[test]
fn both_readers_agree_on_damaged_pages() {
    // Bytes with a meaning in XML, and some without.
    const BYTES: &[u8] = b"<>/&;'\"=!?-[] \r\n\0aB5\xff";
    for seed in 0..cases(20_000) {
        let mut rng = Rng::with_seed(seed);
        let mut body = page(&mut rng, false).into_bytes();
        for _ in 0..rng.usize(1..4) {
            let at = rng.usize(..body.len());
            match rng.u8(..3) {
                0 => {
                    body.remove(at);
                }
                1 => body.insert(at, *rng.choice(BYTES).unwrap_or(&b'<')),
                _ => {
                    if let Some(byte) = body.get_mut(at) {
                        *byte = *rng.choice(BYTES).unwrap_or(&b'<');
                    }
                }
            }
        }
        agree(&mut rng, &body, true);
    }
}

/// The second of three blobs has texts that a template cannot read, so the scanner reads it from
/// its start.
#[test]
fn a_template_that_gives_up_leaves_no_value_of_the_failed_text() {
    let good = "AAECAwQFBgcICQoLDA0ODw==";
    let bad = "AAECAwQFBgcICQoLDA0OD?==";
    let long = "x".repeat(300);
    let blob = |etag: &str, digests: &[&str]| {
        let digests = digests.iter().map(|digest| format!("<Content-MD5>{digest}</Content-MD5>"));
        format!(
            "<Blob><Name>a</Name><Properties><Etag>{etag}</Etag><Content-Length>1</Content-Length>{}</Properties></Blob>",
            digests.collect::<String>(),
        )
    };
    for first in [&[good][..], &[good, good]] {
        let first = blob("0x8D", first);
        for etag in ["0x8D", "a&amp;b", "", "\u{e9}", "a&#13;", &long, "a&bad", "a\rb"] {
            for digest in [good, bad, "", "AAEC", "AAECAwQFBgcICQoLDA0OD&#x3d;==", &long] {
                for digests in [&[digest][..], &[good, digest], &[digest, good], &[digest, bad]] {
                    let next = blob(etag, digests);
                    let page = format!(
                        "<EnumerationResults><Blobs>{first}{next}{first}</Blobs><NextMarker/></EnumerationResults>"
                    );
                    match (Page::from_xml(page.as_bytes()), by_xml_reader(page.as_bytes())) {
                        (Ok(fast), Ok(slow)) => {
                            assert_eq!(format!("{fast:?}"), format!("{slow:?}"), "{page}");
                        }
                        (fast, slow) => assert_eq!(fast.is_ok(), slow.is_ok(), "{page}"),
                    }
                }
            }
        }
    }
}
