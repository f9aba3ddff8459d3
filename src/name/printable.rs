//! Text of users and services in messages: on one line, printable, and without secrets.
//!
//! Detecting secrets is a guess by form, and errs on the side of hiding. A false alarm costs a name
//! its place in a message; a miss would put a secret into a log. Whoever knows that a text is a secret
//! must not pass it here at all.

use super::guid::is_guid;

/// The words that precede a secret in pasted text: in connection strings, URLs, JSON, command-line
/// options and environment variables.
const SECRET_WORDS: &[&str] = &[
    "sig",
    "signature",
    "key",
    "secret",
    "password",
    "passwd",
    "pass",
    "pwd",
    "token",
    "assertion",
];

/// The separators between such a word and the secret, in lower case and without blanks.
const SEPARATORS: &[&str] = &["=", ":", "\":", "':", "\"=", "%3d", "%253d"];

/// The number of characters that are examined; no legal value is longer.
const MAX_EXAMINED_CHARS: usize = 4096;

/// Returns whether a text may itself be a secret: a client secret, account key, token or private key.
///
/// This holds for a run of at least 20 characters of an encoded key that has upper case, lower case
/// and digits, and for a run of at least 32 letters and digits with at least 4 digits, as in
/// hexadecimal keys. A query after `?` is not examined. GUIDs and hosts of Azure are no secrets.
pub(super) fn looks_secret(text: &str) -> bool {
    let text = examined(text);
    let shown = text.split('?').next().unwrap_or_default();
    // GUIDs and hosts have long runs of letters and digits, but are no secrets.
    if is_guid(shown.trim().trim_matches(['{', '}'])) || is_host(shown) {
        return false;
    }
    // Names are words separated by `_`, `.` or `-`. A run with one of these characters is not a name.
    let is_unlike_name = |run: &str| run.contains(['~', '+', '=']) || run.starts_with("eyJ");
    let is_key_char = |c: char| c.is_ascii_alphanumeric() || "+=_~.-%".contains(c);
    let is_mixed = |run: &str| {
        let has = |class: fn(&u8) -> bool| run.bytes().any(|byte| class(&byte));
        run.len() >= 20
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_digit)
    };
    let is_long_code = |run: &str| {
        let digits = run.bytes().filter(u8::is_ascii_digit).count();
        run.len() >= 32 && digits >= 4 && digits < run.len()
    };
    text.contains("-----BEGIN")
        || shown.split(|c| !is_key_char(c)).any(|run| is_unlike_name(run) && is_mixed(run))
        || shown
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|run| is_mixed(run) || is_long_code(run))
}

/// Returns whether a text is a host name or URL of Azure, with a short path at most.
fn is_host(text: &str) -> bool {
    const ENDS: &[&str] = &[
        ".windows.net",
        ".usgovcloudapi.net",
        ".chinacloudapi.cn",
        ".azure.net",
        ".onmicrosoft.com",
    ];
    let text = text.trim();
    let host = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (host, path) = host.split_once('/').unwrap_or((host, ""));
    let lower = host.to_ascii_lowercase();
    // A longer path can itself be a secret.
    ENDS.iter().any(|end| lower.ends_with(end)) && path.len() < 20
}

/// Returns the part of a text that is examined.
fn examined(text: &str) -> &str {
    text.char_indices()
        .nth(MAX_EXAMINED_CHARS)
        .map_or(text, |(at, _)| text.get(..at).unwrap_or_default())
}

/// Returns whether a text may be or contain a secret, in a query as well.
///
/// Stricter than [`looks_secret`]: it decides whether a part of the text may be repeated in a
/// suggestion.
pub(crate) fn may_be_secret(text: &str) -> bool {
    let plain: String = examined(text).chars().filter(|c| *c != '?').collect();
    looks_secret(&plain) || secret_start(&plain).is_some() || without_user_info(&plain) != plain
}

/// Returns a user's text for one line of a message.
///
/// Control characters are escaped, and the text is cut after 80 characters, at a URL's query and
/// before the value of a secret. User info in a URL is removed. A text that may itself be a secret is
/// replaced.
pub(crate) fn printable(value: &str) -> String {
    const MAX_CHARS: usize = 80;
    let value = examined(value);
    let (shown, mut cut) = match secret_start(value).and_then(|end| value.get(..end)) {
        Some(head) => (head, true),
        None => (value, false),
    };
    // INVARIANT: no part of a text that may be a secret is shown, not even its start.
    if looks_secret(shown) {
        return "(not shown, because it may be a secret)".to_owned();
    }
    let mut out = String::new();
    for (n, c) in without_user_info(shown).chars().enumerate() {
        if n == MAX_CHARS {
            cut = true;
            break;
        }
        if breaks_line(c) || c == '`' {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    if cut {
        out.push('…');
    }
    out
}

/// Replaces user info, which may contain a password, by `…`.
///
/// User info is the text before the last `@` of a part between slashes or blanks, if it contains a
/// colon or follows `//`.
fn without_user_info(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_authority = false;
    for part in text.split_inclusive(|c: char| c == '/' || c.is_whitespace()) {
        match part.rfind('@') {
            Some(at) if is_authority || part.get(..at).is_some_and(|user| user.contains(':')) => {
                out.push('…');
                out.push_str(part.get(at..).unwrap_or_default());
            }
            _ => out.push_str(part),
        }
        is_authority = out.ends_with("//");
    }
    out
}

/// Returns the path of a file for one line of a message.
///
/// People put the content of a file into the field for its path: a private key or a token. Such a text
/// is replaced.
#[cfg(feature = "azure")]
pub(crate) fn printable_path(path: &std::path::Path) -> String {
    let text = path.to_string_lossy();
    match text.contains("-----BEGIN") || is_jwt(text.trim()) {
        true => "(not shown, because it is the content of a file and not its path)".to_owned(),
        false => printable(&text),
    }
}

/// Returns whether a text has the form of a JSON Web Token: three parts separated by dots.
///
/// File names such as `service.v1.pem` have three parts too. In a token the first part is the Base64 of
/// `{`, or the last part is longer than a file name's extension.
#[cfg(feature = "azure")]
fn is_jwt(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let [head, _, signature] = parts[..] else { return false };
    let is_json = ["ey", "ew", "e30"].iter().any(|start| head.starts_with(start));
    !text.contains(['/', '\\']) && (is_json || signature.len() > 10)
}

/// Returns the byte index up to which a text can be shown: a query, or a setting with a secret.
fn secret_start(value: &str) -> Option<usize> {
    // Compares without blanks and in lower case, so that `Account Key = …` is found too. `places`
    // maps each byte of `plain` back to its index in `value`.
    let mut places = Vec::new();
    let mut plain = String::new();
    for (at, c) in value.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        for c in c.to_lowercase() {
            places.resize(plain.len() + c.len_utf8(), at);
            plain.push(c);
        }
    }
    let settings = SECRET_WORDS.iter().flat_map(|word| {
        let ends = plain.match_indices(word).map(|(at, _)| (at, at + word.len()));
        ends.filter(|(_, end)| {
            let rest = plain.get(*end..).unwrap_or_default();
            SEPARATORS.iter().any(|separator| rest.starts_with(separator))
        })
    });
    let first = settings.map(|(at, _)| at).chain(plain.find('?')).min();
    // The value of a command-line option or variable follows after a blank.
    let option =
        value.split_whitespace().zip(value.split_whitespace().skip(1)).find_map(|(a, b)| {
            let name = a.trim_start_matches('-').to_lowercase();
            let is_name = a.starts_with("--") || a.contains('_');
            let is_secret = is_name && SECRET_WORDS.iter().any(|word| name.ends_with(word));
            // The byte index of `b` in `value`: both are parts of the same text.
            is_secret.then(|| b.as_ptr() as usize - value.as_ptr() as usize)
        });
    // A pasted `Authorization` header.
    let bearer = ["bearer ", "basic "].iter().find_map(|scheme| {
        let at = value.to_ascii_lowercase().find(scheme)?;
        Some(at + scheme.len())
    });
    first.and_then(|first| places.get(first).copied()).into_iter().chain(option).chain(bearer).min()
}

/// Returns the complete text of the service for one line of a message, with control characters escaped.
pub(crate) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if breaks_line(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Returns whether a character ends a line, moves the cursor, or reorders the text around it.
///
/// Such a character in a name could forge a line of a log or hide a part of a message.
fn breaks_line(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}
