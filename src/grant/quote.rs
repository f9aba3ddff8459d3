//! Quotes text for shells and languages, so that the program receives exactly this text.
//!
//! One function for each language. A prefix can contain any character, so each function must be correct
//! for every text, or return `None`.

/// Returns whether every shell accepts the text without quotes.
///
/// Plain text stays unquoted, because people read and compare it.
pub(super) fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    !text.is_empty() && text.chars().all(plain)
}

/// Quotes text for bash and other POSIX shells, including interactive ones.
///
/// Nothing is replaced between single quotes. Double quotes are used only if the text has a single quote
/// and nothing that double quotes replace. An interactive shell also replaces `!` in double quotes.
pub(super) fn bash(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else if text.contains('\'') && is_literal_in_double_quotes(text) {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Returns whether POSIX shells replace nothing of the text between double quotes.
pub(super) fn is_literal_in_double_quotes(text: &str) -> bool {
    !text.contains(['$', '`', '\\', '!', '"'])
}

/// Quotes text for PowerShell, in which typographic quotes end single-quoted text too.
///
/// Source: Microsoft Learn, "about_Quoting_Rules".
pub(super) fn powershell(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        // Doubling a quote escapes it, also a typographic one.
        if matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

/// Quotes text for the prompt of cmd, or returns `None` if cmd cannot express the text.
///
/// Only `%` is replaced between double quotes, and it cannot be escaped at the prompt. A backslash before
/// the closing quote would escape the quote for the program.
///
/// Inside a batch file, `%%` would be a percent sign, but not at the prompt.
pub(super) fn cmd(text: &str) -> Option<String> {
    let impossible = text.contains(['"', '%', '\n', '\r']) || text.ends_with('\\');
    (!impossible).then(|| format!("\"{text}\""))
}

/// Quotes text for Bicep.
///
/// Source: Microsoft Learn, "Data types in Bicep", strings.
pub(super) fn bicep(text: &str) -> String {
    let text = text.replace('\\', r"\\").replace('\'', r"\'").replace("${", r"\${");
    format!("'{}'", text.replace('\n', r"\n").replace('\r', r"\r"))
}

/// Quotes text for the configuration language of Terraform, in which `${` and `%{` start templates.
///
/// Source: HashiCorp, "Strings and Templates".
///
/// The text is on one line: line breaks are escaped.
pub(super) fn hcl(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str(r"\n"),
            '\r' => quoted.push_str(r"\r"),
            '\t' => quoted.push_str(r"\t"),
            // Doubling escapes the start of a template, `${` or `%{`; a single `$` is plain.
            '$' | '%' if characters.peek() == Some(&'{') => quoted.extend([c, c]),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Escapes text for a template of Azure Resource Manager, in which a leading `[` starts an expression.
pub(super) fn arm(text: &str) -> String {
    if text.starts_with('[') { format!("[{text}") } else { text.to_owned() }
}
