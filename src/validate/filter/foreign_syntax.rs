//! Refuses globs that match nothing here, because they were written for another tool.
//!
//! A filter that silently matches nothing looks like an empty container. Each check therefore explains the
//! difference: paths of Windows, negations of `.gitignore`, lists, POSIX classes, extended globs of shells,
//! regular expressions and URLs.
//!
//! Each of these texts also has a literal meaning, which some blob name may have. The message says how to
//! write the literal text, so every name can be matched.

use super::pattern_error::PatternError;

/// Fails for a glob that is almost certainly a mistake.
pub(super) fn check(glob: &[char]) -> Result<(), PatternError> {
    ends(glob)?;
    segments(glob)?;
    let mut depth = 0_usize;
    // Separators outside of braces. They are checked last, because the other messages are more specific.
    let mut lists = Vec::new();
    let mut at = 0;
    while let Some(char) = glob.get(at).copied() {
        let next = glob.get(at + 1).copied();
        match char {
            '\\' => {
                // The character after a backslash is literal, so it is skipped.
                backslash(glob, at, next)?;
                at += 1;
            }
            '[' => {
                at = class(glob, at)?;
                continue;
            }
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' | ';' | '|' if depth == 0 => lists.push(at),
            c if c.is_whitespace() && depth == 0 => lists.push(at),
            // `.(jpg|png)` is a regular expression.
            '(' if at > 0 && glob.get(at - 1) == Some(&'.') => group(glob, at - 1)?,
            '?' | '*' | '+' | '@' | '!' if next == Some('(') => group(glob, at)?,
            _ => {}
        }
        at += 1;
    }
    lists.into_iter().try_for_each(|at| list(glob, at))
}

/// Checks the ends: blanks, a negation as in `.gitignore`, quotes, a local path, an extension alone, a URL.
///
/// These come from copying: out of a mail, a `.gitignore`, a shell script, a file manager or a browser.
fn ends(glob: &[char]) -> Result<(), PatternError> {
    let blank = |at: Option<&char>| at.is_some_and(|c| c.is_whitespace());
    if blank(glob.first()) {
        return Err(PatternError::new(
            1,
            "it begins with a space; remove it, or write `[ ]` for a space",
        ));
    }
    if blank(glob.last()) && glob.len() > 1 {
        let what = "it ends with a space; remove it, or write `[ ]` for a space";
        return Err(PatternError::new(glob.len(), what));
    }
    if glob.first() == Some(&'!') && glob.get(1) != Some(&'(') {
        let what = "`!` does not negate a glob; move it to the other list, or write `\\!` for the character";
        return Err(PatternError::new(1, what));
    }
    // A drive letter or a home folder begins a local path.
    let is_drive = matches!(glob, [letter, ':', '/', ..] if letter.is_ascii_alphabetic());
    if is_drive || matches!(glob, ['~', '/', ..]) {
        let what = "it is a path on a computer; write the blob's name within the container, as in `hall-3/**`";
        return Err(PatternError::new(1, what));
    }
    if let [first @ ('"' | '\'' | '`'), .., last] = glob
        && first == last
    {
        return Err(PatternError::new(
            1,
            "it is enclosed in quotes; remove them, or write `[\"]` for the character",
        ));
    }
    // `.jpg` alone would match a file with exactly this name. People mean all files with the extension.
    if let ['.', extension @ ..] = glob
        && is_extension(extension)
        && mime_guess::from_ext(&extension.iter().collect::<String>()).first_raw().is_some()
    {
        let extension: String = extension.iter().collect();
        return Err(PatternError::new(
            1,
            format!("it is only an extension; write `*.{extension}`"),
        ));
    }
    if let Some(at) = glob.windows(3).position(|three| three == [':', '/', '/']) {
        let what = "it is a URL; write the blob's name within the container, as in `hall-3/**`";
        return Err(PatternError::new(at + 1, what));
    }
    Ok(())
}

/// Checks for segments `.` and `..`. Few names have them, and no URL leads to such a name.
fn segments(glob: &[char]) -> Result<(), PatternError> {
    let mut place = 1;
    for segment in glob.split(|c| *c == '/') {
        if matches!(segment, ['.'] | ['.', '.']) {
            let what =
                "few names have a segment `.` or `..`; remove it, or write `[.]` for the character";
            return Err(PatternError::new(place, what));
        }
        place += segment.len() + 1;
    }
    Ok(())
}

/// Checks a backslash: one between folders, as on Windows, or before a letter, as in a regular expression.
///
/// `hall-3\*.jpg` and `\d+\.jpg` are refused. `a\*b` in a glob with a slash is a literal star, as documented.
fn backslash(glob: &[char], at: usize, next: Option<char>) -> Result<(), PatternError> {
    // The parser refuses a backslash at the end.
    let Some(next) = next else { return Ok(()) };
    let rest = glob.get(at + 2..).unwrap_or_default();
    // A bracket after the backslash may open a class, as in `folder\[0-9].jpg` from Windows.
    let opens_class =
        || next == '[' && rest.windows(2).any(|two| matches!(two, [c, ']'] if *c != '\\'));
    let is_wildcard = matches!(next, '*' | '?') || opens_class();
    // In a glob without slashes, a backslash before a wildcard is one of a Windows path.
    let is_folder = is_wildcard && at > 0 && !glob.contains(&'/');
    if next == '.' {
        let what =
            "a dot needs no `\\`; remove it, or move a regular expression to the list for those";
        return Err(PatternError::new(at + 1, what));
    }
    if (next.is_ascii_punctuation() && next != '/' && !is_folder) || next == ' ' {
        return Ok(());
    }
    Err(PatternError::new(
        at + 1,
        "`\\` quotes a special character, and does not separate folders; write `/` between folders, `[0-9]` for a digit, and `[*]` for a star",
    ))
}

/// Returns the position after a class, or fails for a POSIX class.
///
/// Classes are skipped by the other checks, because everything in them is literal.
fn class(glob: &[char], at: usize) -> Result<usize, PatternError> {
    let mut place = at + 1;
    place += usize::from(matches!(glob.get(place), Some('!' | '^')));
    let start = place;
    while let Some(char) = glob.get(place).copied() {
        let next = glob.get(place + 1).copied();
        match char {
            ']' if place > start => return Ok(place + 1),
            '[' if is_posix(glob.get(place + 1..).unwrap_or_default()) => {
                let what = "classes such as `[:digit:]` are not known; write `[0-9]`, `[a-z]` or `[A-Za-z]`, and `[\\[:]` for the characters themselves";
                return Err(PatternError::new(place + 1, what));
            }
            '\\' if next.is_some_and(|next| next.is_ascii_alphanumeric()) => {
                let what = "`\\` quotes a special character; write `0-9` for a digit";
                return Err(PatternError::new(place + 1, what));
            }
            '\\' => place += 1,
            _ => {}
        }
        place += 1;
    }
    Ok(glob.len())
}

/// Checks for a group `@(a|b)` of the extended globs of shells.
///
/// Parentheses without a `|` are common in file names, for example `IMG (2).jpg`, and are literal.
fn group(glob: &[char], at: usize) -> Result<(), PatternError> {
    let rest = glob.get(at + 2..).unwrap_or_default();
    let end = rest.iter().position(|c| *c == ')').unwrap_or(0);
    match rest.get(..end).is_some_and(|inner| inner.contains(&'|')) {
        true => {
            Err(PatternError::new(at + 1, "groups such as `@(a|b)` are not known; write `{a,b}`"))
        }
        false => Ok(()),
    }
}

/// Returns whether a class continues as a POSIX class, for example `:digit:]`.
fn is_posix(rest: &[char]) -> bool {
    let Some((mark @ (':' | '.' | '='), rest)) = rest.split_first() else { return false };
    rest.windows(2).any(|two| matches!(two, [a, ']'] if a == mark))
}

/// Returns whether a text looks like an extension, without its dot.
fn is_extension(text: &[char]) -> bool {
    (1..=5).contains(&text.len())
        && text.iter().all(char::is_ascii_alphanumeric)
        && text.iter().any(char::is_ascii_alphabetic)
}

/// Checks for a list of globs in one text, for example `*.jpg,*.png`, `*.jpg *.png`, `a.jpg;b.png` or
/// `*.jpg,png`.
///
/// The message points at the separator and says how to write one as a character.
fn list(glob: &[char], at: usize) -> Result<(), PatternError> {
    let is_separator = |c: &char| matches!(c, ',' | ';' | '|') || c.is_whitespace();
    let (before, rest) = glob.split_at(at);
    let rest = rest.get(1..).unwrap_or_default();
    let start = rest.iter().position(|c| !is_separator(c)).unwrap_or(rest.len());
    let first = before.rsplit(is_separator).find(|part| !part.is_empty()).unwrap_or_default();
    let second = rest.get(start..).unwrap_or_default();
    let second = second.split(is_separator).next().unwrap_or_default();
    let ends_as_file = |part: &[char]| {
        let dot = part.iter().rposition(|c| *c == '.');
        dot.is_some_and(|dot| is_extension(part.get(dot + 1..).unwrap_or_default()))
    };
    let has_star = |part: &[char]| part.contains(&'*');
    let is_folder = |part: &[char]| part.last() == Some(&'/');
    let is_glob = |part: &[char]| (has_star(part) && ends_as_file(part)) || is_folder(part);
    let is_blank = glob.get(at).is_some_and(|c| c.is_whitespace());
    // Both sides must look like globs or file names, because names may contain commas and semicolons.
    let is_list = match is_blank {
        // Names may contain blanks, so a blank only separates two clear globs.
        true => is_glob(first) && is_glob(second) && has_star(first) && has_star(second),
        false => {
            (is_glob(first) && (is_glob(second) || ends_as_file(second) || is_extension(second)))
                || (ends_as_file(first) && ends_as_file(second))
        }
    };
    match is_list {
        true => Err(PatternError::new(
            at + 1,
            "it is a list of globs; write one entry each, or `*.{jpg,png}`; `\\` before the character means the character itself",
        )),
        false => Ok(()),
    }
}
