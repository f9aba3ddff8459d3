//! Text of users and services in messages: on one line, printable, and without secrets.

/// Words that stand before a secret in texts that people paste: parts of connection strings and URLs,
/// fields of JSON, options and variables
const WORDS: &[&str] = &[
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

/// What separates such a word from the secret, in lower case and without blanks
const SEPARATORS: &[&str] = &["=", ":", "\":", "':", "\"=", "%3d", "%253d"];

/// How much of a text is looked at: no legal value is longer
const LONGEST_LOOK: usize = 4096;

/// Whether a text may be a secret by itself: a client secret, an account key, a token, a private key
///
/// It is if it has 20 characters or more in a row of those that keys are made of, with upper case,
/// lower case and digits among them, or 32 letters and digits that look like a number in base 16 or a
/// token. Names of people are rarely so, and lose no more than their place in a message.
pub(super) fn looks_secret(text: &str) -> bool {
    let text = start(text);
    let shown = text.split('?').next().unwrap_or_default();
    // A GUID and a host are names.
    if super::is_guid(shown.trim().trim_matches(['{', '}'])) || is_host(shown) {
        return false;
    }
    // A run with one of these is no name of words: `_`, `.` and `-` separate those.
    let is_odd = |run: &str| run.contains(['~', '+', '=']) || run.starts_with("eyJ");
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || "+=_~.-%".contains(c);
    let is_mixed = |run: &str| {
        let has = |class: fn(&u8) -> bool| run.bytes().any(|byte| class(&byte));
        run.len() >= 20
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_digit)
    };
    let is_word = |run: &str| {
        let digits = run.bytes().filter(u8::is_ascii_digit).count();
        run.len() >= 32 && digits >= 4 && digits < run.len()
    };
    text.contains("-----BEGIN")
        || shown.split(|c| !is_of_key(c)).any(|run| is_odd(run) && is_mixed(run))
        || shown
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|run| is_mixed(run) || is_word(run))
}

/// Whether a text is the address or name of a host of Azure, perhaps with a path
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
    ENDS.iter().any(|end| lower.ends_with(end)) && path.len() < 20
}

fn start(text: &str) -> &str {
    text.char_indices().nth(LONGEST_LOOK).map_or(text, |(at, _)| text.get(..at).unwrap_or_default())
}

/// Whether a text is a secret or has one, apart from what may follow a `?`
pub(crate) fn may_be_secret(text: &str) -> bool {
    let plain: String = start(text).chars().filter(|c| *c != '?').collect();
    looks_secret(&plain) || mark(&plain).is_some() || without_user_info(&plain) != plain
}

/// Returns user text for one line of a message: escaped, short, without a URL's query or user info,
/// a signature or a key
pub(crate) fn printable(value: &str) -> String {
    const LONGEST: usize = 80;
    let value = start(value);
    let (shown, mut cut) = match mark(value).and_then(|end| value.get(..end)) {
        Some(head) => (head, true),
        None => (value, false),
    };
    if looks_secret(shown) {
        return "(not shown, because it may be a secret)".to_owned();
    }
    let mut out = String::new();
    for (n, c) in without_user_info(shown).chars().enumerate() {
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

/// Replaces what stands before the last `@` of each part between slashes and blanks, if it has a colon
/// or follows `//`: it may be a password
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

/// The place where the part of a text ends that can be shown: at a query, or before the value of a
/// setting that is a secret
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
    let settings = WORDS.iter().flat_map(|word| {
        let ends = plain.match_indices(word).map(|(at, _)| (at, at + word.len()));
        ends.filter(|(_, end)| {
            let rest = plain.get(*end..).unwrap_or_default();
            SEPARATORS.iter().any(|separator| rest.starts_with(separator))
        })
    });
    let first = settings.map(|(at, _)| at).chain(plain.find('?')).min();
    // An option or a variable, with the value after a blank
    let option =
        value.split_whitespace().zip(value.split_whitespace().skip(1)).find_map(|(a, b)| {
            let name = a.trim_start_matches('-').to_lowercase();
            let is_name = a.starts_with("--") || a.contains('_');
            let is_secret = is_name && WORDS.iter().any(|word| name.ends_with(word));
            is_secret.then(|| b.as_ptr() as usize - value.as_ptr() as usize)
        });
    let bearer = ["bearer ", "basic "].iter().find_map(|scheme| {
        let at = value.to_ascii_lowercase().find(scheme)?;
        Some(at + scheme.len())
    });
    first.and_then(|first| places.get(first).copied()).into_iter().chain(option).chain(bearer).min()
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
