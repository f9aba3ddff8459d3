//! Splits the text of a condition into tokens.
//!
//! The lexer also recognises text that was damaged on its way: typographic quotes from word processors,
//! entities from the source of web pages, and placeholders. If such damage has exactly one correction,
//! the error carries it, so that [`Lint`](super::Lint) can repair the text and go on.

use super::{ParseError, Rule, Source, Span, error::quoted};

/// A token, which borrows from the text. The parser distinguishes operators, functions and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
    And,
    Or,
    Not,
    /// An operator, a function, a number, a GUID, `true` or `false`.
    Word(&'a str),
    /// The characters between two single quotes.
    Text(&'a str),
    /// `@Source[path]`.
    Attribute(Source, &'a str),
    /// The end of the text.
    End,
}

impl Token<'_> {
    /// Returns the token as a message names it, for example after "found".
    pub(super) fn describe(self) -> String {
        match self {
            Self::Open => "`(`".into(),
            Self::Close => "`)`".into(),
            Self::OpenList => "`{`".into(),
            Self::CloseList => "`}`".into(),
            Self::Comma => "`,`".into(),
            Self::And => "`AND`".into(),
            Self::Or => "`OR`".into(),
            Self::Not => "`NOT`".into(),
            Self::Word(word) => quoted(word),
            Self::Text(_) => "a text".into(),
            Self::Attribute(source, _) => format!("an attribute of @{}", source.as_str()),
            Self::End => "the end".into(),
        }
    }
}

/// Reads one token after another without copying.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    /// The byte at which the next token is searched for.
    at: usize,
}

impl<'a> Lexer<'a> {
    /// Starts at the beginning of the text.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The text that was not read yet.
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(self.text, span, message)
    }

    /// Reads the next token; [`Token::End`] after the last one, as often as called.
    ///
    /// # Errors
    /// A character that begins no token, a text without its closing quote, or an incomplete attribute. The
    /// error has a correction if there is exactly one.
    pub(super) fn next(&mut self) -> Result<(Token<'a>, Span), ParseError> {
        let rest = self.rest();
        // White space only separates tokens. Other Unicode spaces are damage, see `stray`.
        self.at += rest.len() - rest.trim_ascii_start().len();
        let rest = self.rest();
        let start = self.at;
        let Some(first) = rest.chars().next() else {
            return Ok((Token::End, Span { start, end: start }));
        };
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '{' => (Token::OpenList, 1),
            '}' => (Token::CloseList, 1),
            ',' => (Token::Comma, 1),
            // `!`, `&&` and `||` are the documented short forms of `NOT`, `AND` and `OR`.
            '!' => (Token::Not, 1),
            '&' if rest.starts_with("&&") => (Token::And, 2),
            '|' if rest.starts_with("||") => (Token::Or, 2),
            '\'' => self.quoted(rest)?,
            '@' => self.attribute(rest)?,
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') => {
                let is_word =
                    |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.');
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                let word = rest.get(..length).unwrap_or_default();
                // Keywords are case-sensitive. The parser suggests the right case for the others.
                let token = match word {
                    "AND" => Token::And,
                    "OR" => Token::Or,
                    "NOT" => Token::Not,
                    _ => Token::Word(word),
                };
                (token, length)
            }
            c => {
                // Entities are checked last, because `&&` begins like one.
                let entity = ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity));
                let (length, (rule, message, fix)) = match entity {
                    None => (c.len_utf8(), stray(c, rest)),
                    Some((entity, fix)) => {
                        let message = "an HTML entity; write the character itself";
                        (entity.len(), (Rule::Syntax, message.into(), Some(*fix)))
                    }
                };
                let error = self.error(Span { start, end: start + length }, message).of(rule);
                return Err(match fix {
                    Some(fix) => error.fixed_by(fix),
                    None => error,
                });
            }
        };
        self.at += length;
        Ok((token, Span { start, end: self.at }))
    }

    /// Reads a text in single quotes and returns its length with the quotes.
    ///
    /// If there is no closing quote, but a typographic one, that one was probably meant. The error then
    /// points at it.
    ///
    /// A text has no escape for a quote, so it ends at the first one.
    fn quoted(&self, rest: &'a str) -> Result<(Token<'a>, usize), ParseError> {
        let inner = rest.get(1..).unwrap_or_default();
        let Some(length) = inner.find('\'') else {
            let start = self.at + 1 + inner.find(TYPOGRAPHIC).unwrap_or(inner.len());
            let Some(quote) = self.text.get(start..).and_then(|rest| rest.chars().next()) else {
                let span = Span { start: self.at, end: self.text.len() };
                return Err(self.error(span, "the text has no closing quote; add ' at its end"));
            };
            let message = "the text begins with a plain quote and ends with a typographic one; write ' at both ends";
            let error = self.error(Span { start, end: start + quote.len_utf8() }, message);
            return Err(error.of(Rule::UnicodeQuotes).fixed_by("'"));
        };
        Ok((Token::Text(inner.get(..length).unwrap_or_default()), length + 2))
    }

    /// Reads `@Source[path]` and returns its length.
    ///
    /// The path is everything up to the first `]`. It may contain `$`, `&`, `<` and `>`, which the keys of tags
    /// have.
    fn attribute(&self, rest: &'a str) -> Result<(Token<'a>, usize), ParseError> {
        let name_length = rest.get(1..).unwrap_or_default();
        let name_length =
            name_length.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name_length.len());
        let name = rest.get(1..1 + name_length).unwrap_or_default();
        let span = Span { start: self.at, end: self.at + 1 + name_length };
        // The source is checked before the bracket, so that `@resource[…]` gets the message about case.
        let Some(source) = Source::ALL.into_iter().find(|source| source.as_str() == name) else {
            let fix = Source::ALL.into_iter().find(|s| s.as_str().eq_ignore_ascii_case(name));
            let Some(source) = fix else {
                let name = quoted(&format!("@{name}"));
                let message = format!(
                    "there is no attribute source {name}; expected @Principal, @Request, @Resource or @Environment"
                );
                return Err(self.error(span, message));
            };
            let right = format!("@{}", source.as_str());
            let message = format!("letter case matters here; write {right}");
            return Err(self.error(span, message).of(Rule::LetterCase).fixed_by(right));
        };
        let rest_after = rest.get(1 + name_length..).unwrap_or_default();
        let Some(path) = rest_after.strip_prefix('[') else {
            return Err(self.error(span, "expected `[` and the attribute's path after the source"));
        };
        let Some(length) = path.find(']') else {
            let span = Span { start: self.at, end: self.text.len() };
            return Err(self.error(span, "the attribute has no closing `]`"));
        };
        let path = path.get(..length).unwrap_or_default();
        // A path has no line break, quote or second bracket. Checking here keeps a missing `]` from
        // swallowing the rest of the text.
        if path.trim().is_empty() || path.contains(['\n', '\'', '[']) {
            let span = Span { start: self.at, end: self.at + name_length + length + 3 };
            return Err(self.error(span, "expected the attribute's path between `[` and `]`"));
        }
        Ok((Token::Attribute(source, path), 1 + name_length + 1 + length + 1))
    }
}

/// The quotes that word processors and chat programs put in place of `'` and `"`.
///
/// The list has the single and double quotes of European languages, primes, the acute accent, the modifier
/// apostrophe, and the full-width quotes.
pub(super) const TYPOGRAPHIC: [char; 18] = [
    '\u{2018}', '\u{2019}', '\u{201a}', '\u{201b}', '\u{201c}', '\u{201d}', '\u{201e}', '\u{201f}',
    '\u{ab}', '\u{bb}', '\u{2039}', '\u{203a}', '\u{2032}', '\u{2033}', '\u{b4}', '\u{2bc}',
    '\u{ff02}', '\u{ff07}',
];

/// Entities in the source of web pages, with the text that each one means here.
const ENTITIES: &[(&str, &str)] = &[
    ("&quot;", "'"),
    ("&apos;", "'"),
    ("&#39;", "'"),
    ("&#x27;", "'"),
    ("&nbsp;", " "),
    ("&amp;&amp;", "&&"),
];

/// Returns the rule, the message and the correction for a character that begins no token.
///
/// A correction is only returned if it is certain. An invisible character becomes a space, because it may
/// separate two tokens.
fn stray(c: char, rest: &str) -> (Rule, String, Option<&'static str>) {
    // `<` begins a placeholder such as `<container>`, or a comparison that people know from other
    // languages. A comparison is followed by a space, a value, an attribute or `=`.
    let comparison = |c: char| c.is_ascii_whitespace() || "=>'@-0123456789".contains(c);
    let message = match c {
        c if TYPOGRAPHIC.contains(&c) => {
            let message = "a typographic quote; write a plain '";
            return (Rule::UnicodeQuotes, message.into(), Some("'"));
        }
        c if c.is_whitespace() || matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}') => {
            return (Rule::Syntax, "an invisible character; remove it".into(), Some(" "));
        }
        '<' if rest.chars().nth(1).is_some_and(|next| !comparison(next)) => {
            let message = "a placeholder; write the value instead";
            return (Rule::Placeholder, message.into(), None);
        }
        '"' | '`' => format!("text is enclosed in single quotes; write ' instead of {c}"),
        '=' | '<' | '>' => {
            "there is no such operator; write one such as StringEquals or NumericLessThan".into()
        }
        '&' => "expected `&&`".into(),
        '|' => "expected `||`".into(),
        '[' | ']' => "brackets enclose the path of an attribute, as in @Resource[path]".into(),
        c => format!("unexpected character {}", quoted(&c.to_string())),
    };
    (Rule::Syntax, message, None)
}
