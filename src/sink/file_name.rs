//! [`file_name`]: a safe relative path for the name of a blob.
//!
//! Anyone who can write to the container chooses names, and tools join them with a folder. The
//! mapping is injective and the same on every system, because a data set may be copied to another
//! one.

use std::borrow::Cow;

/// The folder of escaped names.
const ESCAPED: &str = "_escaped/";

/// The devices of Windows without a number. A device exists in every folder, and with any
/// extension.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Returns a safe relative path for the name of a blob.
///
/// Joined with a folder, the path stays in that folder, and no two names have the same path.
///
/// ```
/// use azure_asset_sync::sink::file_name;
///
/// assert_eq!(file_name("hall-3/0001.jpg"), "hall-3/0001.jpg");
/// assert_eq!(file_name("../../etc/passwd"), "_escaped/%2E%2E/%2E%2E/etc/passwd");
/// ```
///
/// Nearly all names are returned as they are. A name that would leave the folder, or that would
/// denote the same file as another name, is escaped: its path begins with `_escaped/`, and each
/// character that causes this is written as `%` and two hexadecimal digits for each of its UTF-8
/// bytes. These names are escaped, on every system, because a file may be copied to another one:
///
/// | name | path |
/// | --- | --- |
/// | a segment `.`, `..` or empty: `../a.jpg`, `/a.jpg`, `a//b.jpg` | `_escaped/%2E%2E/a.jpg`, `_escaped/%/a.jpg`, `_escaped/a/%/b.jpg` |
/// | a backslash, a colon or a NUL: `..\a.jpg`, `C:/a.jpg`, `a.jpg:b`, `file://a.jpg` | `_escaped/..%5Ca.jpg`, `_escaped/C%3A/a.jpg`, … |
/// | a segment that ends with a dot or a space: `a./b.jpg` | `_escaped/a%2E/b.jpg` |
/// | a device of Windows: `con.jpg`, `a/LPT1` | `_escaped/%63on.jpg`, `_escaped/a/%4CPT1` |
/// | a `~` at the start: `~/a.jpg` | `_escaped/%7E/a.jpg` |
/// | a name that begins with `_escaped/` | `_escaped/_escaped/…` |
///
/// In an escaped name, `%` itself becomes `%25`. Names that differ only in letter case, or only in
/// their Unicode normalization form, have different paths, which some file systems do not
/// distinguish; the rules report such names as
/// [`Reason::CaseCollision`](crate::Reason::CaseCollision). A segment can be longer than a file
/// system allows.
///
/// [`Coco`](super::Coco) and [`HuggingFace`](super::HuggingFace) write this path as `file_name`.
/// Code that downloads blobs to files for these tools must use the same paths.
#[doc(alias = "path traversal")]
#[doc(alias = "sanitize")]
pub fn file_name(name: &str) -> Cow<'_, str> {
    // Most names are safe, and are returned without an allocation.
    let is_safe = !name.is_empty()
        && !name.starts_with('~')
        && !begins_as_escaped(name)
        && name.split('/').all(is_safe_segment);
    if is_safe {
        return name.into();
    }
    let mut path = ESCAPED.to_owned();
    for (at, segment) in name.split('/').enumerate() {
        if at > 0 {
            path.push('/');
        }
        escape(segment, at == 0, &mut path);
    }
    path.into()
}

/// Returns whether the first segment is the folder of escaped names, in any letter case.
// Some file systems ignore the letter case, and would put such a name among the escaped ones.
fn begins_as_escaped(name: &str) -> bool {
    let folder = ESCAPED.trim_end_matches('/');
    let first = name.split('/').next();
    first.is_some_and(|first| first.eq_ignore_ascii_case(folder))
}

/// Returns whether a segment means the same on every system, and stays in its folder.
fn is_safe_segment(segment: &str) -> bool {
    !segment.is_empty()
        && !segment.ends_with(['.', ' '])
        && !segment.contains(is_special)
        && !is_device(segment)
}

/// Returns whether a character separates segments, drives, streams or strings on some system.
fn is_special(character: char) -> bool {
    matches!(character, '\\' | ':' | '\0')
}

/// Returns whether Windows opens a device instead of a file with this name.
fn is_device(segment: &str) -> bool {
    // Windows ignores an extension, and spaces before it: `con .jpg` is the console.
    let stem = segment.split('.').next().unwrap_or_default().trim_end_matches(' ');
    if DEVICES.iter().any(|device| stem.eq_ignore_ascii_case(device)) {
        return true;
    }
    let mut characters = stem.chars();
    let port: String = characters.by_ref().take(3).collect();
    let is_port = ["com", "lpt"].iter().any(|device| port.eq_ignore_ascii_case(device));
    let number = (characters.next(), characters.next());
    // Windows accepts the superscript digits 1 to 3 as digits.
    is_port && matches!(number, (Some('0'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}'), None))
}

/// Appends the escaped form of a segment to a path. Different segments have different forms.
fn escape(segment: &str, is_first: bool, path: &mut String) {
    if segment.is_empty() {
        // A single `%` is the form of no other segment, because a `%` in a name is escaped.
        return path.push('%');
    }
    let is_dots = matches!(segment, "." | "..");
    let is_device = is_device(segment);
    // Windows drops dots and spaces at the end of a segment, so two names would be the same file.
    let kept = segment.trim_end_matches(['.', ' ']).len();
    for (at, character) in segment.char_indices() {
        // One escaped character is enough to change what a device or `~` means; the rest stays
        // legible.
        let is_start = at == 0 && (is_device || is_first && character == '~');
        if is_dots || is_start || at >= kept || character == '%' || is_special(character) {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                path.push_str(&format!("%{byte:02X}"));
            }
        } else {
            path.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn safe_names_are_unchanged() {
        for name in [
            "a.jpg",
            "hall-3/0001.jpg",
            "100%25.jpg",
            "%2e%2e/a.jpg",
            "..a/b..c/.hidden/...d.jpg",
            "a~/~b.jpg",
            "console.jpg",
            "com10.jpg",
            "comx.jpg",
            "lpt.jpg",
            "a\u{2215}..\u{ff3c}b.jpg",
            "a<>\"|?*.jpg",
            "\u{1f600}/\u{4e2d}\u{6587}.webp",
            "_escaped.jpg",
            "a/_escaped/b.jpg",
        ] {
            assert_eq!(file_name(name), name);
        }
    }

    #[test]
    fn names_that_leave_the_folder_or_denote_another_file_are_escaped() {
        for (name, path) in [
            ("", "%"),
            (".", "%2E"),
            ("../../etc/passwd", "%2E%2E/%2E%2E/etc/passwd"),
            ("a/../../b.jpg", "a/%2E%2E/%2E%2E/b.jpg"),
            ("a/./b.jpg", "a/%2E/b.jpg"),
            ("/etc/passwd", "%/etc/passwd"),
            ("//host/share/a.jpg", "%/%/host/share/a.jpg"),
            ("a//b.jpg", "a/%/b.jpg"),
            ("a/", "a/%"),
            ("C:/a.jpg", "C%3A/a.jpg"),
            ("C:a.jpg", "C%3Aa.jpg"),
            ("a.jpg:stream", "a.jpg%3Astream"),
            ("file:///etc/passwd", "file%3A/%/%/etc/passwd"),
            ("..\\up.jpg", "..%5Cup.jpg"),
            ("\\\\server\\share\\a.jpg", "%5C%5Cserver%5Cshare%5Ca.jpg"),
            ("~/a.jpg", "%7E/a.jpg"),
            ("~root/a.jpg", "%7Eroot/a.jpg"),
            ("a./b.jpg", "a%2E/b.jpg"),
            ("a /b.jpg", "a%20/b.jpg"),
            (".. /b.jpg", "%2E%2E%20/b.jpg"),
            ("... /b.jpg", "%2E%2E%2E%20/b.jpg"),
            ("con", "%63on"),
            ("a/CON.jpg", "a/%43ON.jpg"),
            ("con .jpg", "%63on .jpg"),
            ("nul.tar.gz", "%6Eul.tar.gz"),
            ("LPT1/a.jpg", "%4CPT1/a.jpg"),
            ("com\u{b9}.jpg", "%63om\u{b9}.jpg"),
            ("conin$", "%63onin$"),
            ("a\0.jpg", "a%00.jpg"),
            ("_escaped/%2E%2E/a.jpg", "_escaped/%252E%252E/a.jpg"),
            ("_ESCAPED/a.jpg", "_ESCAPED/a.jpg"),
        ] {
            assert_eq!(file_name(name), format!("{ESCAPED}{path}"), "{name:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn every_path_is_safe_and_belongs_to_one_name(
            names in prop::collection::vec(r"([.~:%\\ /]|con|_escaped|2E|a){0,9}", 1..60),
        ) {
            let mut found = HashMap::new();
            for name in &names {
                let path = file_name(name).into_owned();
                prop_assert!(path.split('/').all(|segment| {
                    is_safe_segment(segment) && !matches!(segment, "." | "..")
                }), "{name:?} {path:?}");
                prop_assert!(!path.starts_with('~') && !path.starts_with('/'), "{name:?} {path:?}");
                let before = found.insert(path, name);
                prop_assert!(before.is_none_or(|before| before == name), "{before:?} {name:?}");
            }
        }
    }
}
