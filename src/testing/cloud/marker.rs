//! Continuation markers in the form of real ones.
//!
//! A marker is `2!`, a length, `!`, and Base64 with other characters for `=`, `+` and `/`. The
//! decoded text has the first name of the page and a time, each with its length. In a hierarchical
//! namespace the name is Base64 again, of bytes that contain the path. A client must treat a marker
//! as opaque.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::identity::ACCOUNT;

/// The time in the marker of a blob that is not a snapshot.
const NEVER: &str = "9999-12-31T23:59:59.9999999Z";

/// The byte before the path in the marker of a hierarchical namespace.
const BEFORE_PATH: char = '\u{2}';

/// Returns the marker of the page that begins with a name.
///
/// `is_empty` says that the preceding page has no entries. Then two markers of one name differ,
/// because a client may treat a repeated marker as a listing that does not end.
pub(super) fn encode(container: &str, name: &str, is_hierarchical: bool, is_empty: bool) -> String {
    // The random number makes markers of one name differ.
    let name = match is_hierarchical {
        true => STANDARD.encode(format!(
            "{:08x}\u{1}/{ACCOUNT}\u{1}/{container}{BEFORE_PATH}/{name}",
            fastrand::u32(..)
        )),
        false => name.to_owned(),
    };
    let time = match is_empty {
        true => format!("9999-12-31T23:59:59.{:07}Z", fastrand::u32(..9_999_999)),
        false => NEVER.to_owned(),
    };
    let text = format!("{:06}!{name}!{:06}!{time}!", name.len(), time.len());
    let text: String = STANDARD.encode(text).chars().map(to_marker).collect();
    format!("2!{}!{text}", text.len())
}

/// Returns the first name of the page of a marker, or `None` if the text is not a marker.
pub(super) fn decode(marker: &str, is_hierarchical: bool) -> Option<String> {
    let (length, text) = marker.strip_prefix("2!")?.split_once('!')?;
    // A marker that was cut off on its way must not be accepted.
    if length.parse() != Ok(text.len()) {
        return None;
    }
    let text: String = text.chars().map(from_marker).collect();
    let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let (length, rest) = text.split_once('!')?;
    // The name may contain `!`, so its length decides where it ends.
    let name = rest.get(..length.parse().ok()?)?;
    if !is_hierarchical {
        return Some(name.to_owned());
    }
    let path = String::from_utf8(STANDARD.decode(name).ok()?).ok()?;
    let (_, path) = path.split_once(BEFORE_PATH)?;
    path.strip_prefix('/').map(str::to_owned)
}

/// Replaces the characters of Base64 that would need escapes in a URL.
fn to_marker(c: char) -> char {
    match c {
        '=' => '-',
        '+' => '*',
        '/' => '_',
        c => c,
    }
}

/// Restores the characters of Base64.
fn from_marker(c: char) -> char {
    match c {
        '-' => '=',
        '*' => '+',
        '_' => '/',
        c => c,
    }
}
