use super::{ParseError, Source, Span, error::quoted};

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
    /// An operator, a function, a number, a GUID, `true` or `false`
    Word(&'a str),
    /// What stands between the quotes
    Text(&'a str),
    Attribute(Source, &'a str),
    End,
}

impl Token<'_> {
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

/// Reads one token after another, without copying
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(self.text, span, message)
    }

    pub(super) fn next(&mut self) -> Result<(Token<'a>, Span), ParseError> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
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
                let token = match word {
                    "AND" => Token::And,
                    "OR" => Token::Or,
                    "NOT" => Token::Not,
                    _ => Token::Word(word),
                };
                (token, length)
            }
            c => return Err(self.error(Span { start, end: start + c.len_utf8() }, stray(c))),
        };
        self.at += length;
        Ok((token, Span { start, end: self.at }))
    }

    fn quoted(&self, rest: &'a str) -> Result<(Token<'a>, usize), ParseError> {
        let inner = rest.get(1..).unwrap_or_default();
        let Some(length) = inner.find('\'') else {
            let span = Span { start: self.at, end: self.text.len() };
            let message = match inner.find(['\u{2018}', '\u{2019}']) {
                Some(_) => {
                    "the text begins with a plain quote and ends with a typographic one; write ' at both ends"
                }
                None => "the text has no closing quote",
            };
            return Err(self.error(span, message));
        };
        Ok((Token::Text(inner.get(..length).unwrap_or_default()), length + 2))
    }

    fn attribute(&self, rest: &'a str) -> Result<(Token<'a>, usize), ParseError> {
        let name_length = rest.get(1..).unwrap_or_default();
        let name_length =
            name_length.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name_length.len());
        let name = rest.get(1..1 + name_length).unwrap_or_default();
        let span = Span { start: self.at, end: self.at + 1 + name_length };
        let Some(source) = Source::ALL.into_iter().find(|source| source.as_str() == name) else {
            let fix = Source::ALL.into_iter().find(|s| s.as_str().eq_ignore_ascii_case(name));
            return Err(self.error(
                span,
                match fix {
                    Some(source) => format!("write @{}, with that letter case", source.as_str()),
                    None => format!(
                        "{} is no source of attributes; expected @Principal, @Request, @Resource or @Environment",
                        quoted(&format!("@{name}"))
                    ),
                },
            ));
        };
        let behind = rest.get(1 + name_length..).unwrap_or_default();
        let Some(path) = behind.strip_prefix('[') else {
            return Err(self.error(span, "expected `[` and the attribute's path behind the source"));
        };
        let Some(length) = path.find(']') else {
            let span = Span { start: self.at, end: self.text.len() };
            return Err(self.error(span, "the attribute has no closing `]`"));
        };
        let path = path.get(..length).unwrap_or_default();
        if path.trim().is_empty() || path.contains(['\n', '\'', '[']) {
            let span = Span { start: self.at, end: self.at + name_length + length + 3 };
            return Err(self.error(span, "expected the attribute's path between `[` and `]`"));
        }
        Ok((Token::Attribute(source, path), 1 + name_length + 1 + length + 1))
    }
}

/// What to say of a character that begins nothing
fn stray(c: char) -> String {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}' => {
            "a typographic quote, as word processors make them; write a plain '".into()
        }
        '"' => "texts stand between single quotes; write ' in the place of \"".into(),
        '<' => "a placeholder was left in; put the value in its place".into(),
        '\u{a0}' | '\u{200b}' | '\u{feff}' => "an invisible character; remove it".into(),
        '=' | '>' => "there are no such operators; write one such as StringEquals".into(),
        '&' => "expected `&&`".into(),
        '|' => "expected `||`".into(),
        '[' | ']' => "brackets belong to an attribute, such as @Resource[path]".into(),
        c => format!("{} begins nothing in this language", quoted(&c.to_string())),
    }
}
