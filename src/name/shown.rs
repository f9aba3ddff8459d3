//! Text of users and services in messages: on one line, printable, and without secrets.

/// What stands before a secret in texts that people paste, in lower case and without blanks: the query
/// of a URL, a signature (also percent-encoded), the parts of a connection string, settings
const MARKS: &[&str] = &[
    "?",
    "sig=",
    "sig%3d",
    "signature=",
    "key=",
    "key%3d",
    "secret=",
    "password=",
    "pwd=",
    "token=",
    "assertion=",
];

/// Whether a text may be a secret by itself: a client secret, an account key, a token, a private key
///
/// It is if it has 20 characters or more in a row of those that keys are made of, with upper case,
/// lower case and digits among them, or 32 hexadecimal digits. Names of people are rarely so, and lose
/// no more than their place in a message.
pub(super) fn looks_secret(text: &str) -> bool {
    let shown = text.split('?').next().unwrap_or_default();
    // A GUID is the name of something.
    if super::is_guid(shown.trim().trim_matches(['{', '}'])) {
        return false;
    }
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || "+=_~.-%".contains(c);
    let has_key = |run: &str| {
        let has = |class: fn(&u8) -> bool| run.bytes().any(|byte| class(&byte));
        run.len() >= 20
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_digit)
    };
    let is_hex = |run: &str| run.len() >= 32 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.contains("-----BEGIN")
        || shown.split(|c| !is_of_key(c)).any(has_key)
        || shown.split(|c: char| !c.is_ascii_alphanumeric()).any(is_hex)
}

/// Returns user text for one line of a message: escaped, short, without a URL's query or user info,
/// a signature or a key
pub(crate) fn printable(value: &str) -> String {
    const LONGEST: usize = 80;
    let (shown, mut cut) = match mark(value).and_then(|end| value.get(..end)) {
        Some(head) => (head, true),
        None => (value, false),
    };
    if looks_secret(shown) {
        return "(not shown, because it may be a secret)".to_owned();
    }
    let mut out = String::new();
    // The part between `//` and `@` of a URL can be a password.
    let shown = match (shown.find("://"), shown.find('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            out.push_str(shown.get(..scheme + 3).unwrap_or_default());
            out.push('…');
            shown.get(at..).unwrap_or_default()
        }
        _ => shown,
    };
    for (n, c) in shown.chars().enumerate() {
        if n == LONGEST {
            cut = true;
            break;
        }
        if moves_text(c) || c == '`' {
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

/// Returns the path of a file for one line of a message
///
/// People put the content of a file into the field for its path: a private key, a token.
#[cfg(feature = "azure")]
pub(crate) fn printable_path(path: &std::path::Path) -> String {
    let text = path.to_string_lossy();
    match text.contains("-----BEGIN") || is_jwt(text.trim()) {
        true => "this is the content, not the path of a file".to_owned(),
        false => printable(&text),
    }
}

/// Whether a text has the form of a JSON Web Token: three parts with dots between them
///
/// Names such as `service.v1.pem` have three parts, too. The first part of a token is the Base64 of
/// `{`, or the last one is longer than the extension of a file.
#[cfg(feature = "azure")]
fn is_jwt(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let [head, _, signature] = parts[..] else { return false };
    let is_json = ["ey", "ew", "e30"].iter().any(|start| head.starts_with(start));
    !text.contains(['/', '\\']) && (is_json || signature.len() > 10)
}

/// The place where the first mark ends the part of a text that can be shown
fn mark(value: &str) -> Option<usize> {
    // Blanks are no part of a mark: `Account Key = …` is one, too.
    let mut places = Vec::new();
    let mut plain = String::new();
    for (at, c) in value.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        for c in c.to_lowercase() {
            places.resize(plain.len() + c.len_utf8(), at);
            plain.push(c);
        }
    }
    let first = MARKS.iter().filter_map(|mark| plain.find(mark)).min()?;
    places.get(first).copied()
}

/// Returns text of the service, or a pattern, for one line: all of it, and with nothing that ends the
/// line, moves the cursor or reorders the text around it
pub(crate) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if moves_text(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a character ends a line, moves the cursor, or reorders the text around it, and so can make a
/// message lie
fn moves_text(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}
