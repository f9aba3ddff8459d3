//! Translates globs to regular expressions over bytes.
//!
//! Braces are expanded first, and the size of the expansion is checked before the expansion is made. The
//! expressions assume that names are valid UTF-8. The compiler of `matcher` then knows nothing of globs.

use std::sync::Arc;

use super::{
    foreign_syntax,
    limits::{Budget, MOST_TOKENS},
    pattern_error::PatternError,
};
use crate::unicode;

/// The most globs without braces that a glob with braces may expand to.
const MOST_ALTERNATIVES: usize = 256;

/// The deepest nesting of braces.
const DEEPEST: usize = 8;

/// Matches one character other than a slash.
///
/// Continuation bytes follow the first byte of a character. Written over bytes, the expression has three
/// states, compared with nine for the character class `[^/]`.
const ONE: &str = r"(?-u:[^/\x80-\xBF][\x80-\xBF]*)";

/// Matches any characters other than slashes.
///
/// The part after a star begins with the first byte of a character, or is the end of the name. A match of
/// the star therefore cannot end inside a character.
const MANY: &str = "(?-u:[^/])*";

/// Matches any characters.
const ALL: &str = "(?s-u:.)*";

/// A translated glob without braces.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plain {
    /// The expression. It matches a whole name if the search is anchored at the start.
    pub(super) regex: String,
    /// The literal start of every name that the glob matches.
    pub(super) literal: String,
}

/// Expands the braces of a glob and translates each alternative.
///
/// For example, `hall-{3,4}/*.jpg` gives the expressions of `hall-3/*.jpg` and `hall-4/*.jpg`.
///
/// # Errors
/// A glob with a syntax error, a glob that was written for another tool, or one that exceeds the budget.
pub(super) fn parse(glob: &str, budget: &mut Budget) -> Result<Vec<Plain>, PatternError> {
    let chars: Vec<char> = glob.chars().collect();
    foreign_syntax::check(&chars)?;
    let mut parser = Parser { chars: &chars, at: 0, budget };
    let alternatives = parser.sequence(0)?;
    alternatives.iter().map(|tokens| plain(tokens)).collect()
}

/// One element of a glob, with its position in the text.
#[derive(Clone, Debug)]
struct Token {
    place: usize,
    what: What,
}

/// The kinds of elements.
#[derive(Clone, Debug)]
enum What {
    Char(char),
    /// `?`
    One,
    /// `*`
    Many,
    /// `[…]`, as a regular expression.
    Class(Arc<str>),
}

/// The parser of one glob, which expands braces while it reads.
struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    budget: &'a mut Budget,
}

impl Parser<'_> {
    /// Takes from the budget the tokens that the expansion is about to add.
    fn charge(&mut self, tokens: usize, place: usize) -> Result<(), PatternError> {
        if self.budget.take_tokens(tokens) {
            return Ok(());
        }
        let what = format!(
            "with their braces expanded, the filter's globs have more than {MOST_TOKENS} characters; write fewer alternatives or shorter globs"
        );
        Err(PatternError::new(place, what))
    }

    /// Consumes the next character.
    fn next(&mut self) -> Option<char> {
        let next = self.chars.get(self.at).copied();
        self.at += usize::from(next.is_some());
        next
    }

    /// Returns the next character.
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Parses up to the end or, within braces, up to a comma or a closing brace.
    ///
    /// Each element is appended to all alternatives so far. Braces multiply the alternatives.
    ///
    /// Returns all alternatives that the text expands to.
    fn sequence(&mut self, depth: usize) -> Result<Vec<Vec<Token>>, PatternError> {
        let mut all = vec![Vec::new()];
        while let Some(char) = self.peek() {
            if depth > 0 && matches!(char, ',' | '}') {
                break;
            }
            self.at += 1;
            let place = self.at;
            let what = match char {
                '{' => {
                    let inner = self.braces(depth + 1, place)?;
                    let count = all.len() * inner.len();
                    // The count is checked before the alternatives are multiplied out.
                    if count > MOST_ALTERNATIVES {
                        let what = format!(
                            "its braces expand to {count} globs or more; the limit is {MOST_ALTERNATIVES}; write several globs"
                        );
                        return Err(PatternError::new(place, what));
                    }
                    let length = |list: &[Vec<Token>]| list.iter().map(Vec::len).sum::<usize>();
                    let tokens = length(&all) * inner.len() + length(&inner) * all.len();
                    self.charge(tokens, place)?;
                    let join = |head: &Vec<Token>| -> Vec<_> {
                        inner.iter().map(|tail| [head.as_slice(), tail].concat()).collect()
                    };
                    all = all.iter().flat_map(join).collect();
                    continue;
                }
                // A brace that closes nothing is a mistake more often than a character of a name.
                '}' => {
                    return Err(PatternError::new(
                        place,
                        "`}` has no `{` before it; `\\}` is the brace itself",
                    ));
                }
                '[' => {
                    let class = self.class(place)?;
                    self.charge(class.len() * all.len(), place)?;
                    What::Class(class.into())
                }
                '?' => What::One,
                '*' => What::Many,
                '\\' => match self.next() {
                    Some(char) => What::Char(char),
                    None => {
                        return Err(PatternError::new(
                            place,
                            "`\\` has nothing after it; `\\\\` is the backslash itself",
                        ));
                    }
                },
                char => What::Char(char),
            };
            self.charge(all.len(), place)?;
            all.iter_mut().for_each(|tokens| tokens.push(Token { place, what: what.clone() }));
        }
        Ok(all)
    }

    /// Parses alternatives up to the closing brace; the opening one was consumed.
    fn braces(&mut self, depth: usize, place: usize) -> Result<Vec<Vec<Token>>, PatternError> {
        if depth > DEEPEST {
            return Err(PatternError::new(
                place,
                format!("braces may be nested at most {DEEPEST} deep"),
            ));
        }
        let mut all = Vec::new();
        loop {
            all.extend(self.sequence(depth)?);
            match self.next() {
                Some(',') if all.len() <= MOST_ALTERNATIVES => {}
                Some('}') => return Ok(all),
                Some(_) => {
                    let what = format!(
                        "its braces expand to more than {MOST_ALTERNATIVES} globs; write several globs"
                    );
                    return Err(PatternError::new(place, what));
                }
                None => {
                    return Err(PatternError::new(
                        place,
                        "`{` has no `}` after it; `\\{` is the brace itself",
                    ));
                }
            }
        }
    }

    /// Parses a class up to the closing bracket; the opening one was consumed.
    ///
    /// Returns the class as an expression that never matches a slash. `!` and `^` negate, `-` makes a range,
    /// and `\` quotes a character.
    fn class(&mut self, place: usize) -> Result<String, PatternError> {
        let unclosed =
            || PatternError::new(place, "`[` has no `]` after it; `\\[` is the bracket itself");
        let is_not = matches!(self.peek(), Some('!' | '^'));
        self.at += usize::from(is_not);
        let mut items = String::new();
        loop {
            let first = self.at;
            let low = match self.next().ok_or_else(unclosed)? {
                // At the start of a class a `]` is the character itself.
                ']' if !items.is_empty() => break,
                '\\' => self.next().ok_or_else(unclosed)?,
                char => char,
            };
            escape(low, &mut items);
            // At the end of a class a `-` is the character itself.
            if self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|c| *c != ']') {
                self.at += 1;
                let high = match self.next().ok_or_else(unclosed)? {
                    '\\' => self.next().ok_or_else(unclosed)?,
                    char => char,
                };
                if high < low {
                    let what = format!("the range goes backwards; write `{high}-{low}`");
                    return Err(PatternError::new(first + 1, what));
                }
                items.push('-');
                escape(high, &mut items);
            }
        }
        // A class never matches a slash: `*` and `?` do not either, so segments stay separate.
        Ok(if is_not { format!("[^{items}/]") } else { format!("[[{items}]--/]") })
    }
}

/// Appends a character to an expression, escaped if it has a meaning there.
fn escape(char: char, regex: &mut String) {
    if regex_syntax::is_meta_character(char) {
        regex.push('\\');
    }
    regex.push(char);
}

/// Translates a glob without braces to an expression and its literal start.
///
/// The glob is translated segment by segment:
///
/// | segment | expression |
/// | --- | --- |
/// | `**` in the middle | any folders, or none, with the slash after them |
/// | `**` at the end, or nothing after the last slash | any text |
/// | other | the translation of its characters, then a slash unless it is the last |
fn plain(tokens: &[Token]) -> Result<Plain, PatternError> {
    let is_slash = |token: &Token| matches!(token.what, What::Char('/'));
    // A leading slash anchors the glob at the container's root, and is no part of the name.
    let (is_anchored, tokens) = match tokens.split_first() {
        Some((first, rest)) if is_slash(first) => (true, rest),
        _ => (tokens.iter().any(is_slash), tokens),
    };
    let mut regex = String::new();
    // INVARIANT: `literal` is `Some` as long as everything before was literal text.
    let mut literal = Some(String::new());
    if !is_anchored {
        push_folders(&mut regex);
    }
    let mut whole = String::new();
    let mut segments = tokens.split(is_slash).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        // Stars that an expansion brought together, as in `{a,*}*`, are two single stars.
        let is_all = match segment {
            [a, b] if is_double(a, b) => true,
            // `folder/` matches everything in that folder.
            [] => is_last && !tokens.is_empty(),
            _ => false,
        };
        if let Some(pair) =
            segment.windows(2).find(|pair| matches!(pair, [a, b] if is_double(a, b)))
            && !is_all
        {
            // The place of the `**` in the text, so that the message can point at it.
            let place = pair.first().map_or(1, |token| token.place);
            return Err(PatternError::new(
                place,
                "`**` stands alone between slashes, as in `a/**/b*`",
            ));
        }
        if is_all {
            if is_last {
                regex.push_str(ALL);
            } else {
                push_folders(&mut regex);
            }
            end(&mut literal, &mut whole);
            continue;
        }
        let mut rest = segment;
        while let Some((Token { what, .. }, after)) = rest.split_first() {
            match what {
                What::Char(_) => {
                    let (text, after) = text(rest);
                    rest = after;
                    let is_whole = push_text(&text, &mut regex, &mut literal);
                    if !is_whole {
                        end(&mut literal, &mut whole);
                    }
                    continue;
                }
                What::One => regex.push_str(ONE),
                What::Many => regex.push_str(MANY),
                What::Class(class) => regex.push_str(class),
            }
            rest = after;
            end(&mut literal, &mut whole);
        }
        if !is_last {
            regex.push('/');
            if let Some(literal) = &mut literal {
                literal.push('/');
            }
        }
    }
    end(&mut literal, &mut whole);
    regex.push_str(r"\z");
    Ok(Plain { regex, literal: if is_anchored { whole } else { String::new() } })
}

/// Splits off the literal characters at the start of the tokens.
fn text(tokens: &[Token]) -> (String, &[Token]) {
    let char = |token: &Token| match token.what {
        What::Char(char) => Some(char),
        _ => None,
    };
    let text: String = tokens.iter().map_while(char).collect();
    let count = text.chars().count();
    (text, tokens.get(count..).unwrap_or_default())
}

/// Appends a text in both Unicode forms, because names in the two forms look the same.
///
/// Some file systems and tools of macOS write NFD, and most others write NFC.
///
/// Returns false if the literal start ends within the text, because the forms differ there.
fn push_text(text: &str, regex: &mut String, literal: &mut Option<String>) -> bool {
    let mut forms = vec![text.to_owned()];
    if !text.is_ascii() {
        for form in [unicode::nfc(text), unicode::nfd(text)] {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    let is_one = forms.len() == 1;
    // A name in another form matches too, so the common start of all forms is the literal start.
    let mut same = text.chars().count();
    for form in &forms {
        let common = form.chars().zip(text.chars()).take_while(|(a, b)| a == b).count();
        same = same.min(common);
    }
    if let Some(literal) = literal {
        literal.extend(text.chars().take(same));
    }
    if !is_one {
        regex.push_str("(?:");
    }
    for (n, form) in forms.iter().enumerate() {
        if n > 0 {
            regex.push('|');
        }
        form.chars().for_each(|char| escape(char, regex));
    }
    if !is_one {
        regex.push(')');
    }
    is_one
}

/// Appends an expression for any folders, or none.
fn push_folders(regex: &mut String) {
    regex.push_str("(?:");
    regex.push_str(ALL);
    regex.push_str("/)?");
}

/// Returns whether two stars are a `**` of the text, not two stars that an expansion brought together.
fn is_double(a: &Token, b: &Token) -> bool {
    matches!((&a.what, &b.what), (What::Many, What::Many)) && a.place + 1 == b.place
}

/// Ends the literal start, if it has not ended before.
fn end(literal: &mut Option<String>, whole: &mut String) {
    if let Some(literal) = literal.take() {
        *whole = literal;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses a glob with a fresh budget.
    fn parse(glob: &str) -> Result<Vec<Plain>, PatternError> {
        super::parse(glob, &mut Budget::default())
    }

    #[test]
    fn errors_have_a_position_and_a_remedy() {
        for (glob, place, what) in [
            ("a/{b,c", 3, r"\{"),
            ("a}", 2, r"\}"),
            ("a/[b", 3, r"\["),
            ("a/[]", 3, r"\["),
            ("\u{e9}\\", 2, r"\\"),
            ("a/[z-a]", 4, "`a-z`"),
            ("a/b**/c", 4, "alone"),
            ("***", 1, "alone"),
            ("{{{{{{{{{a}}}}}}}}}", 9, "8 deep"),
            ("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", 41, "512 globs"),
        ] {
            let wrong = parse(glob).unwrap_err();
            assert!(wrong.place == place && wrong.what.contains(what), "{glob}: {wrong:?}");
        }
        let many = format!("{{{}}}", vec!["a"; 300].join(","));
        assert!(parse(&many).unwrap_err().what.contains("more than 256"));
    }

    #[test]
    fn the_literal_start_is_common_to_all_names() {
        for (glob, literal) in [
            ("hall-3/**/*.jpg", "hall-3/"),
            ("hall-3/img*.jpg", "hall-3/img"),
            ("hall-3/", "hall-3/"),
            ("/cover.jpg", "cover.jpg"),
            ("a\\*b/?", "a*b/"),
            ("a/[bc]", "a/"),
            ("*.jpg", ""),
            ("cover.jpg", ""),
            ("**", ""),
            ("**/a", ""),
        ] {
            let globs = parse(glob).unwrap();
            assert_eq!(globs.iter().map(|g| g.literal.as_str()).collect::<Vec<_>>(), [literal]);
        }
    }
}
