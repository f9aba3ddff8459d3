//! All blobs of a container, rendered once at the start.
//!
//! A page of a listing is a slice of the rendered bytes, so that the server costs next to nothing
//! per request.

use std::{
    sync::LazyLock,
    thread,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;

use crate::{
    mix,
    names::{Ending, Names},
};

/// The text before a name.
const OPENING: &str = "<Blob><Name>";

/// The constant parts of a rendered blob; a field follows each part.
const PARTS: [&str; 8] = [
    OPENING,
    "</Name><Properties><Creation-Time>",
    "</Creation-Time><Last-Modified>",
    "</Last-Modified><Etag>0x8DD",
    "</Etag><Content-Length>",
    "</Content-Length><Content-Type>",
    "</Content-Type><Content-Encoding /><Content-Language /><Content-CRC64>",
    "</Content-CRC64><Content-MD5>",
];
const END: &str = "</Content-MD5><Cache-Control /><Content-Disposition /><BlobType>BlockBlob</BlobType>\
    <AccessTier>Hot</AccessTier><AccessTierInferred>true</AccessTierInferred>\
    <LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>\
    <ServerEncrypted>true</ServerEncrypted></Properties><OrMetadata /></Blob>";

/// HTTP dates to choose from, because formatting one for each blob would be slow.
static DATES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let dates = (0..4096).map(|n| {
        let since = Duration::from_secs(1_773_446_400 + n * 1801);
        httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since)
    });
    dates.collect()
});

/// The blobs in the order of their names.
#[derive(Debug)]
pub struct Container {
    /// The start of each blob in `rendered`, and the end of the last one.
    offsets: Vec<u64>,
    rendered: Bytes,
}

impl Container {
    /// Renders the blobs with all processors.
    pub fn new(names: &Names, count: usize) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let chunk = count.div_ceil(threads).max(1);
        // Computes the lengths first, so that all threads can write into one buffer.
        let mut offsets = vec![0; count + 1];
        thread::scope(|scope| {
            for (n, offsets) in offsets[1..].chunks_mut(chunk).enumerate() {
                scope.spawn(move || lengths(names, n * chunk, offsets));
            }
        });
        let mut end = 0;
        for offset in &mut offsets {
            end += *offset;
            *offset = end;
        }
        let mut rendered = vec![0; end as usize];
        thread::scope(|scope| {
            let mut left = rendered.as_mut_slice();
            for first in (0..count).step_by(chunk) {
                let last = (first + chunk).min(count);
                let here;
                (here, left) = left.split_at_mut((offsets[last] - offsets[first]) as usize);
                scope.spawn(move || render(names, first, last, here));
            }
        });
        Self { offsets, rendered: rendered.into() }
    }

    /// Returns the number of blobs.
    pub fn count(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Returns the name of blob `n`.
    pub fn name(&self, n: usize) -> &[u8] {
        let rest = &self.rendered[self.offsets[n] as usize + OPENING.len()..];
        &rest[..memchr::memchr(b'<', rest).unwrap_or_default()]
    }

    /// Returns the blobs from `first` to before `end` without a copy.
    pub fn slice(&self, first: usize, end: usize) -> Bytes {
        self.rendered.slice(self.offsets[first] as usize..self.offsets[end] as usize)
    }

    /// Returns the first blob at or after `from` for which `is_before` is false, by binary search.
    pub fn find(&self, from: usize, is_before: impl Fn(&[u8]) -> bool) -> usize {
        let (mut low, mut high) = (from, self.count());
        while low < high {
            let middle = usize::midpoint(low, high);
            if is_before(self.name(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

/// Returns a size: 20 kB to 8 MB for images, and a hundred times as much for videos.
fn size(random: u64, ending: Ending) -> u64 {
    let size = 20_000 + (random >> 32) % 8_000_000;
    if ending.extension == ".mp4" { size * 100 } else { size }
}

/// Computes the length of each rendered blob.
fn lengths(names: &Names, first: usize, lengths: &mut [u64]) {
    let mut n = first as u64;
    let mut digits = itoa::Buffer::new();
    // Two dates of 29 bytes, an ETag of 12, a CRC of 12, and an MD5 of 24.
    let fixed =
        PARTS.iter().map(|part| part.len()).sum::<usize>() + END.len() + 2 * 29 + 12 + 12 + 24;
    let end = first + lengths.len();
    let mut lengths = lengths.iter_mut();
    names.each(first, end, |name, ending| {
        let size = digits.format(size(mix(n), ending)).len();
        if let Some(length) = lengths.next() {
            *length = (fixed + name.len() + size + ending.content_type.len()) as u64;
        }
        n += 1;
    });
}

/// Renders blobs into their part of the buffer.
fn render(names: &Names, first: usize, end: usize, mut out: &mut [u8]) {
    let mut n = first as u64;
    names.each(first, end, |name, ending| {
        let left = std::mem::take(&mut out);
        out = blob(left, n, name, ending);
        n += 1;
    });
    assert!(out.is_empty(), "each blob has the computed length");
}

/// Writes a blob and returns the rest of the buffer.
fn blob<'a>(mut out: &'a mut [u8], n: u64, name: &str, ending: Ending) -> &'a mut [u8] {
    let random = mix(n);
    let mut put = |text: &[u8]| {
        let (here, left) = std::mem::take(&mut out).split_at_mut(text.len());
        here.copy_from_slice(text);
        out = left;
    };
    let date = DATES[(random % 4096) as usize].as_bytes();
    let mut etag = [0; 12];
    for (place, byte) in etag.iter_mut().enumerate() {
        *byte = b"0123456789ABCDEF"[(random >> (4 * place) & 0xf) as usize];
    }
    let mut digest = [0; 24];
    let words = [random.to_le_bytes(), mix(random).to_le_bytes()];
    // Cannot fail: 16 bytes take 24 digits of Base64.
    STANDARD.encode_slice(words.as_flattened(), &mut digest).ok();
    let mut crc = [0; 12];
    STANDARD.encode_slice(words[1], &mut crc).ok();
    let mut digits = itoa::Buffer::new();
    let size = digits.format(size(random, ending));
    let fields: [&[u8]; 8] = [
        name.as_bytes(),
        date,
        date,
        &etag,
        size.as_bytes(),
        ending.content_type.as_bytes(),
        &crc,
        &digest,
    ];
    for (part, field) in PARTS.iter().zip(fields) {
        put(part.as_bytes());
        put(field);
    }
    put(END.as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Shape;

    #[test]
    fn a_blob_is_where_its_offset_says() {
        let names = Names::new(Shape::Hierarchy, 5000);
        let container = Container::new(&names, 5000);
        let mut n = 0;
        names.each(0, 5000, |name, _| {
            assert_eq!(container.name(n), name.as_bytes());
            assert_eq!(container.find(0, |other| other < name.as_bytes()), n);
            assert!(container.slice(n, n + 1).ends_with(b"<OrMetadata /></Blob>"));
            n += 1;
        });
        let average = container.slice(0, 5000).len() / 5000;
        assert!((650..800).contains(&average), "{average} bytes a blob");
    }
}
