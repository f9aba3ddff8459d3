//! Finds globs that match nothing, because they were written for another tool.
//!
//! Each of these texts has a literal meaning that some blob name may have. The message says how to
//! write that, so no name is out of reach.

use super::glob::Wrong;

/// Fails for a glob that is almost certainly a slip
pub(super) fn check(glob: &[char]) -> Result<(), Wrong> {
    ends(glob)?;
    segments(glob)?;
    let mut depth = 0_usize;
    let mut lists = Vec::new();
    let mut at = 0;
    while let Some(char) = glob.get(at).copied() {
        let next = glob.get(at + 1).copied();
        match char {
            '\\' => {
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
            '?' | '*' | '+' | '@' | '!' if next == Some('(') => group(glob, at)?,
            _ => {}
        }
        at += 1;
    }
    lists.into_iter().try_for_each(|at| list(glob, at))
}

/// Blanks at the ends, a negation as in `.gitignore`, a URL
fn ends(glob: &[char]) -> Result<(), Wrong> {
    let blank = |at: Option<&char>| at.is_some_and(|c| c.is_whitespace());
    if blank(glob.first()) {
        return Err(Wrong::new(1, "it begins with a blank; remove it, or write `[ ]` for one"));
    }
    if blank(glob.last()) && glob.len() > 1 {
        let what = "it ends with a blank; remove it, or write `[ ]` for one";
        return Err(Wrong::new(glob.len(), what));
    }
    if glob.first() == Some(&'!') && glob.get(1) != Some(&'(') {
        let what = "`!` does not negate a glob; move it to the other list, or write `\\!` for the character";
        return Err(Wrong::new(1, what));
    }
    if let Some(at) = glob.windows(3).position(|three| three == [':', '/', '/']) {
        let what = "it is a URL; write the blob's name within the container, as in `hall-3/**`";
        return Err(Wrong::new(at + 1, what));
    }
    Ok(())
}

/// Segments `.` and `..`, which few names have and no URL leads to
fn segments(glob: &[char]) -> Result<(), Wrong> {
    let mut place = 1;
    for segment in glob.split(|c| *c == '/') {
        if matches!(segment, ['.'] | ['.', '.']) {
            let what =
                "a name has no segment `.` or `..`; remove it, or write `[.]` for the character";
            return Err(Wrong::new(place, what));
        }
        place += segment.len() + 1;
    }
    Ok(())
}

/// A backslash between folders, or before a letter, as in a regular expression
fn backslash(glob: &[char], at: usize, next: Option<char>) -> Result<(), Wrong> {
    // The parser refuses one at the end.
    let Some(next) = next else { return Ok(()) };
    let is_wildcard = matches!(next, '*' | '?');
    // In a glob without slashes, one after a name is that of a path of Windows.
    let is_folder = is_wildcard && at > 0 && !glob.contains(&'/');
    if (next.is_ascii_punctuation() && next != '/' && !is_folder) || next == ' ' {
        return Ok(());
    }
    Err(Wrong::new(
        at + 1,
        "`\\` quotes a special character, and does not separate folders; write `/` between folders, `[0-9]` for a digit, and `[*]` for a star",
    ))
}

/// Returns the place after a class, or fails for one of POSIX
fn class(glob: &[char], at: usize) -> Result<usize, Wrong> {
    let mut place = at + 1;
    place += usize::from(matches!(glob.get(place), Some('!' | '^')));
    let start = place;
    while let Some(char) = glob.get(place).copied() {
        let next = glob.get(place + 1).copied();
        match char {
            ']' if place > start => return Ok(place + 1),
            '[' if matches!(next, Some(':' | '.' | '=')) => {
                let what = "classes such as `[:digit:]` are not known; write `[0-9]`, `[a-z]` or `[A-Za-z]`";
                return Err(Wrong::new(place + 1, what));
            }
            '\\' if next.is_some_and(|next| next.is_ascii_alphanumeric()) => {
                let what = "`\\` quotes a special character; write `0-9` for a digit";
                return Err(Wrong::new(place + 1, what));
            }
            '\\' => place += 1,
            _ => {}
        }
        place += 1;
    }
    Ok(glob.len())
}

/// A group of the extended globs of shells, `@(a|b)`
fn group(glob: &[char], at: usize) -> Result<(), Wrong> {
    let rest = glob.get(at + 2..).unwrap_or_default();
    let end = rest.iter().position(|c| *c == ')').unwrap_or(0);
    match rest.get(..end).is_some_and(|inner| inner.contains(&'|')) {
        true => Err(Wrong::new(at + 1, "groups such as `@(a|b)` are not known; write `{a,b}`")),
        false => Ok(()),
    }
}

/// A list of globs in one text, `*.jpg,*.png`
fn list(glob: &[char], at: usize) -> Result<(), Wrong> {
    let (before, rest) = glob.split_at(at);
    let is_glob = |part: &[char]| part.iter().any(|c| matches!(c, '.' | '*' | '/'));
    let rest = rest.get(1..).unwrap_or_default();
    let next: Vec<char> = rest.iter().copied().skip_while(|c| c.is_whitespace()).collect();
    let is_file = |part: &[char]| {
        let dot = part.iter().rposition(|c| *c == '.');
        dot.is_some_and(|dot| {
            let extension = part.get(dot + 1..).unwrap_or_default();
            (1..=5).contains(&extension.len()) && extension.iter().all(char::is_ascii_alphanumeric)
        })
    };
    let first = before.rsplit(|c| matches!(c, ',' | ';' | '|')).next().unwrap_or_default();
    let second = next.split(|c| matches!(c, ',' | ';' | '|')).next().unwrap_or_default();
    let has_star = |part: &[char]| part.contains(&'*');
    let is_list = is_glob(first)
        && is_glob(second)
        && ((has_star(first) && has_star(second)) || (is_file(first) && is_file(second)));
    match is_list {
        true => Err(Wrong::new(
            at + 1,
            "it is a list of globs; write one entry each, or `*.{jpg,png}`; `\\,` is the comma itself",
        )),
        false => Ok(()),
    }
}
