//! Text as a value of another language: what the program behind it receives is the text itself.

/// Whether every shell takes the text as it is, without quotes
pub(super) fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    !text.is_empty() && text.chars().all(plain)
}

/// For bash and other POSIX shells, interactive ones too
///
/// Between single quotes nothing is replaced. Double quotes are used only if they read better and the
/// text has nothing that they replace; an interactive shell replaces `!` in them too.
pub(super) fn bash(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else if text.contains('\'') && is_literal_in_double_quotes(text) {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Whether POSIX shells replace nothing of the text between double quotes
pub(super) fn is_literal_in_double_quotes(text: &str) -> bool {
    !text.contains(['$', '`', '\\', '!', '"'])
}

/// For PowerShell, where typographic quotes end a text between single quotes as well
///
/// Source: Microsoft Learn, "about_Quoting_Rules".
pub(super) fn powershell(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        if matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

/// For the prompt of cmd; `None` where it has no spelling for the text
///
/// Between double quotes only `%` is replaced, which at the prompt cannot be escaped. A backslash
/// before the closing quote would escape it for the program.
pub(super) fn cmd(text: &str) -> Option<String> {
    let impossible = text.contains(['"', '%', '\n', '\r']) || text.ends_with('\\');
    (!impossible).then(|| format!("\"{text}\""))
}

/// For Bicep
pub(super) fn bicep(text: &str) -> String {
    let text = text.replace('\\', r"\\").replace('\'', r"\'").replace("${", r"\${");
    format!("'{}'", text.replace('\n', r"\n").replace('\r', r"\r"))
}

/// For Terraform
pub(super) fn hcl(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str(r"\n"),
            '\r' => quoted.push_str(r"\r"),
            '\t' => quoted.push_str(r"\t"),
            '$' | '%' if characters.peek() == Some(&'{') => quoted.extend([c, c]),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// For a template of Azure Resource Manager, where a text that begins with `[` is an expression
pub(super) fn arm(text: &str) -> String {
    if text.starts_with('[') { format!("[{text}") } else { text.to_owned() }
}
