//! Finds names that break file systems, URLs or terminals, and files that tools create next to the data.
//!
//! Nearly all names are fine, so a fast check of eight bytes at a time accepts most of them. The fast check
//! may fail for a fine name, which the slow check then accepts. It never accepts a suspicious one.
//!
//! Sources: Microsoft Learn, "Naming and referencing containers, blobs, and metadata", and "Naming
//! Files, Paths, and Namespaces" for Windows.

use super::{Finding, fixed_findings as fixed};

/// Returns the findings about a name, at most one for each reason.
///
/// An unfinished download is only looked for if the name is no system file, because both have the same
/// reason.
pub(super) fn of(name: &str) -> impl Iterator<Item = &'static Finding> {
    let (system_file, odd) =
        if is_plain(name.as_bytes()) { (None, None) } else { (system_file(name), odd(name)) };
    let unfinished = || is_unfinished(name).then_some(&fixed::UNFINISHED);
    system_file.or_else(unfinished).into_iter().chain(odd)
}

/// Returns whether a name is that of an unfinished download, for example `a.jpg.part` or `a.part.jpg`.
#[inline]
fn is_unfinished(name: &str) -> bool {
    // The name itself has such an ending if the stored Content-Type says what the file is.
    if is_unfinished_text(name) {
        return true;
    }
    let Some((stem, _)) = name.rsplit_once('.') else { return false };
    is_unfinished_text(stem)
}

/// Returns whether a text ends as an unfinished download does.
#[inline]
fn is_unfinished_text(text: &str) -> bool {
    const ENDS: &[&str] = &[
        ".crdownload",
        ".download",
        ".filepart",
        ".opdownload",
        ".part",
        ".partial",
        ".temp",
        ".tmp",
    ];
    // Most names without their extension end with a digit, so the last byte rules them out.
    matches!(text.as_bytes().last(), Some(b'd' | b'l' | b'p' | b't'))
        && ENDS.iter().any(|end| text.ends_with(end))
}

/// Folders of operating systems and tools, other than those that begin with a dot.
///
/// They come from macOS archives, Synology, QNAP, Windows (since 2000, and before), ext4, NTFS, macOS
/// shares and Python.
const FOLDERS: &[&str] = &[
    "__MACOSX",
    "@eaDir",
    "@Recycle",
    "@Recently-Snapshot",
    "@tmp",
    "#recycle",
    "#snapshot",
    "$RECYCLE.BIN",
    "RECYCLER",
    "lost+found",
    "System Volume Information",
    "Network Trash Folder",
    "Temporary Items",
    "__pycache__",
];

/// Starts of names that tools create: open documents of Office, Syncthing, and snapshots of NetApp.
const STARTS: &[&str] = &["~$", "~syncthing~", "~snapshot"];

/// The ending of the folder in which Safari keeps a download until it is complete.
const DOWNLOAD: &str = ".download";

/// Returns the finding if the name is one of an operating system's or a tool's own files.
///
/// Every segment counts, because everything in such a folder is the tool's own. The first match decides.
fn system_file(name: &str) -> Option<&'static Finding> {
    let folders = name.rsplit_once('/').map_or("", |(folders, _)| folders);
    if folders.split('/').any(|folder| folder.ends_with(DOWNLOAD)) {
        return Some(&fixed::UNFINISHED);
    }
    // `.` and `..` are no hidden files; `odd` reports them.
    let mut segments = name.split('/').filter(|segment| !matches!(*segment, "." | ".."));
    segments.find_map(|segment| match segment.as_bytes().first()? {
        b'.' => Some(&fixed::HIDDEN),
        b'~' => {
            STARTS.iter().any(|start| segment.starts_with(start)).then_some(&fixed::SYSTEM_FILE)
        }
        _ => {
            let is_known = FOLDERS.iter().any(|folder| segment.eq_ignore_ascii_case(folder));
            is_known.then_some(&fixed::SYSTEM_FILE)
        }
    })
}

/// Returns the finding if the name breaks tools, the worst one first.
///
/// | problem | breaks |
/// | --- | --- |
/// | control and invisible characters | terminals, logs and people's comparison of names |
/// | backslash, `.`, `..`, an empty segment, a trailing dot, more than 254 segments | URLs |
/// | a space at an end, device names, reserved characters | file systems |
fn odd(name: &str) -> Option<&'static Finding> {
    // Control characters come first, because they can change what a terminal shows of the rest.
    if name.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
        return Some(&fixed::CONTROL);
    }
    if !name.is_ascii() && name.chars().any(is_invisible) {
        return Some(&fixed::INVISIBLE);
    }
    if name.contains('\\') {
        return Some(&fixed::BACKSLASH);
    }
    // The findings that return at once make a blob unreachable or a text misleading. The others, kept in
    // `found`, only matter on some file systems.
    let mut segments = 0;
    let mut found = None;
    for segment in name.split('/') {
        segments += 1;
        match segment {
            "." | ".." => return Some(&fixed::DOTS),
            "" => return Some(&fixed::EMPTY_SEGMENT),
            _ if segment.ends_with('.') => return Some(&fixed::TRAILING_DOT),
            _ if segment.starts_with(char::is_whitespace)
                || segment.ends_with(char::is_whitespace) =>
            {
                found = found.or(Some(&fixed::BLANK));
            }
            _ if is_device(segment) => found = found.or(Some(&fixed::DEVICE)),
            _ => {}
        }
    }
    // Azure allows at most 254 segments in the URL of a blob.
    if segments > 254 {
        return Some(&fixed::SEGMENTS);
    }
    let is_reserved = |byte| matches!(byte, b':' | b'*' | b'?' | b'"' | b'<' | b'>' | b'|');
    found.or_else(|| name.bytes().any(is_reserved).then_some(&fixed::RESERVED))
}

/// Returns whether a character is invisible, ends a line, or changes the direction of text.
///
/// Such characters make different names look equal, or hide an extension: with a right-to-left override,
/// `gpj.exe` can be shown as `exe.jpg`.
fn is_invisible(c: char) -> bool {
    // Superscript digits count as digits here: Windows treats `COM¹` as a device too.
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Returns whether Windows opens a device instead of a file with this name, whatever its extension.
fn is_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or_default().trim_end_matches(' ');
    let is = |name: &str| stem.eq_ignore_ascii_case(name);
    let numbered = |name: &str| {
        let rest = stem.split_at_checked(3).filter(|(start, _)| start.eq_ignore_ascii_case(name));
        let mut rest = rest.map_or("", |(_, rest)| rest).chars();
        matches!(
            (rest.next(), rest.next()),
            (Some('0'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}'), None)
        )
    };
    // No device has a longer name than `conout$`.
    stem.len() <= 7
        && (["con", "prn", "aux", "nul", "conin$", "conout$"].into_iter().any(is)
            || numbered("com")
            || numbered("lpt"))
}

/// The highest bit of each byte.
const HIGH: u64 = each(0x80);

/// Returns whether a name is certainly fine, which is true for nearly all names.
///
/// The check must not have false positives, which the tests verify against the slow check.
///
/// The check finds bad ends of segments by pairs of bytes: a segment is empty or ends with a dot if a slash,
/// or the end of the name, follows a slash, a dot or the start of the name.
fn is_plain(name: &[u8]) -> bool {
    let (words, _) = name.as_chunks::<8>();
    // A name with 255 segments has at least 509 bytes. Names of less than 8 bytes are rare and take the
    // slow check.
    let (Some(end), ..=508) = (name.last_chunk::<8>(), name.len()) else { return false };
    let mut before = 0x80;
    let mut odd = 0;
    let mut is_suspicious = begins_suspiciously(name, 0);
    for (index, word) in words.iter().enumerate() {
        let Marks { odd: found, slashes, last } = marks(u64::from_le_bytes(*word), before);
        odd |= found;
        before = last;
        is_suspicious |= any_begins_suspiciously(name, index * 8, slashes);
    }
    // The last word overlaps the one before it, or equals it.
    let Marks { odd: found, slashes, last } = marks(u64::from_le_bytes(*end), 0);
    is_suspicious |= any_begins_suspiciously(name, name.len() - 8, slashes);
    (odd | found) & HIGH == 0 && last & 0x80 == 0 && !is_suspicious
}

/// Returns whether a segment after one of the slashes of a word may be a device, or a tool's file or
/// folder.
#[inline]
fn any_begins_suspiciously(name: &[u8], word: usize, mut slashes: u64) -> bool {
    let mut is_suspicious = false;
    while slashes != 0 {
        let slash = word + slashes.trailing_zeros() as usize / 8;
        is_suspicious |= begins_suspiciously(name, slash + 1);
        slashes &= slashes - 1;
    }
    is_suspicious
}

/// Returns whether a segment that begins at `at` may be a device, or a tool's file or folder.
///
/// The first byte decides for nearly all segments. The slow check looks at the whole segment.
#[inline]
fn begins_suspiciously(name: &[u8], at: usize) -> bool {
    let is_end = |at: usize| matches!(name.get(at), None | Some(b'.' | b'/'));
    // The folder of a Safari download ends before this segment.
    let folder = at.checked_sub(1).and_then(|slash| name.get(..slash)).unwrap_or_default();
    if folder.last() == Some(&b'd') && folder.ends_with(DOWNLOAD.as_bytes()) {
        return true;
    }
    match name.get(at) {
        Some(b'.' | b'@' | b'~') => true,
        Some(b'_') => name.get(at + 1) == Some(&b'_'),
        Some(b'R' | b'r') => is_end(at + 8),
        // CON, PRN, AUX, NUL, COM1 and LPT1, and those with other numbers.
        Some(b'c' | b'p' | b'a' | b'n' | b'l' | b'C' | b'P' | b'A' | b'N' | b'L') => {
            is_end(at + 3) || is_end(at + 4)
        }
        _ => false,
    }
}

/// Properties of the bytes of a word, each marked by the byte's highest bit.
struct Marks {
    /// The byte may be suspicious.
    odd: u64,
    /// The byte is a slash.
    slashes: u64,
    /// In the lowest byte, for the word's last byte alone: no segment may end after it.
    last: u64,
}

/// Marks the bytes of a word; `before` is [`Marks::last`] of the previous word.
///
/// All tests work on eight bytes at once (SIMD within a register). Adding 0x7f to a byte that was XORed with
/// the searched one leaves the highest bit clear only if the two are equal.
fn marks(word: u64, before: u64) -> Marks {
    // Bytes beyond ASCII are marked anyway. For all others the sums stay below 256, so no carry reaches
    // the next byte.
    let not = |word: u64, byte| (word ^ each(byte)).wrapping_add(each(0x7f));
    // Control characters, the blank, `"` and `*`; also `!#$%&'()+`, which the slow check accepts.
    let not_low = word.wrapping_add(each(0x80 - b','));
    let delete = word.wrapping_add(each(1));
    let slash = !not(word, b'/');
    // A dot and a slash differ only in the lowest bit.
    let slash_or_dot = !not(word | each(1), b'/');
    let ends_badly = slash & (slash_or_dot << 8 | before);
    // `\` and `|` differ in one bit, and `<`, `=`, `>` and `?` in the two lowest bits.
    let odd = word
        | !not_low
        | delete
        | !not(word | each(0x20), b'|')
        | !not(word | each(3), b'?')
        | !not(word, b':')
        | ends_badly;
    Marks { odd, slashes: slash & HIGH, last: slash_or_dot >> 56 }
}

/// Repeats a byte eight times.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The slow check alone.
    fn is_suspicious(name: &str) -> bool {
        system_file(name).is_some() || odd(name).is_some()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn the_fast_check_accepts_no_suspicious_name(
            name in "[a-z~ ./\\\\\u{1}\u{7f}é]{0,40}",
            segments in proptest::collection::vec(
                prop::sample::select(vec![
                    "con", "AUX.jpg", "com1", "lpt\u{b9}", "a", "2026", ".x", "@eaDir", "__MACOSX",
    "a.jpg.download", "RECYCLER", "lost+found", "conx", "a:b", "a|b", "a=b", "x?", " a", "a ",
                ]),
                1..6,
            ),
        ) {
            for name in [name, segments.join("/")] {
                prop_assert!(!is_plain(name.as_bytes()) || !is_suspicious(&name), "{}", name);
            }
        }
    }

    #[test]
    fn the_fast_check_finds_each_suspicious_byte_at_each_position() {
        let passed = b" !#$%&'()+=";
        for byte in 0..0x80_u8 {
            for place in 0..20 {
                let mut name = [b'x'; 20];
                name[place] = byte;
                let is_suspicious = is_suspicious(str::from_utf8(&name).unwrap());
                let is_slow = passed.contains(&byte) || (place == 0 && b"@~".contains(&byte));
                assert_eq!(is_plain(&name), !is_suspicious && !is_slow, "{byte:#x} at {place}");
            }
        }
    }

    #[test]
    fn a_url_may_have_254_segments() {
        for (segments, want) in [(254, None), (255, Some(&fixed::SEGMENTS))] {
            for segment in ["a", "image"] {
                assert_eq!(of(&vec![segment; segments].join("/")).next(), want);
            }
        }
    }
}
