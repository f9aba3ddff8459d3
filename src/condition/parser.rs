//! Parses the text of a condition by recursive descent, with limits on its length and depth.
//!
//! ```text
//! or      = and { "OR" and }
//! and     = unary { "AND" unary }
//! unary   = "NOT" unary | "(" or ")" | function | "Exists" attribute | operand operator operand
//! function = ( "ActionMatches" | "SubOperationMatches" ) "{" text { "," text } "}"
//! operand = attribute | value | "{" [ value { "," value } ] "}"
//! ```
//!
//! The documentation calls `AND` next to `OR` without parentheses ambiguous. Here `AND` binds tighter,
//! and [`Lint`](super::Lint) reports the mix.

use super::{
    Attribute, Base, Expr, ExprKind, MAX_DEPTH, MAX_LENGTH, MAX_PAIRS, Operand, OperandKind,
    Operator, ParseError, Quantifier, Rule, Source, Span, Value,
    error::quoted,
    lexer::{Lexer, TYPOGRAPHIC, Token},
    value::guid,
};

/// Parses a whole condition.
///
/// # Errors
/// The first mistake, with its place. An empty text and a text of more than [`MAX_LENGTH`] characters
/// are mistakes too.
pub(super) fn parse(text: &str) -> Result<Expr, ParseError> {
    if let Some((start, _)) = text.char_indices().nth(MAX_LENGTH) {
        let span = Span { start, end: text.len() };
        let message = format!(
            "the condition has more than {MAX_LENGTH} characters; Azure accepts 8 KB. Use several role assignments"
        );
        return Err(ParseError::new(text, span, message).of(Rule::TooLong));
    }
    let mut lexer = Lexer::new(text);
    let (token, span) = lexer.next()?;
    let mut parser = Parser { text, lexer, token, span, taken: None };
    if parser.token == Token::End {
        return Err(parser.error("the condition is empty").of(Rule::Empty));
    }
    // Parsing stops at the first mistake: what follows a mistake rarely makes sense.
    let expr = parser.or(0)?;
    match parser.token {
        Token::End => match too_deep(&expr, MAX_DEPTH) {
            None => Ok(expr),
            Some(span) => Err(ParseError::new(text, span, nested())),
        },
        Token::Close => Err(parser.error("this `)` has no matching `(`")),
        _ => Err(parser.expected("`AND`, `OR` or the end")),
    }
}

/// The deepest nesting of parentheses, redundant ones included.
///
/// A condition of depth [`MAX_DEPTH`] is printed with two parentheses for each level and must be
/// parseable again.
const MAX_PARENTHESES: usize = 2 * MAX_DEPTH + 8;

fn nested() -> String {
    format!("nested deeper than {MAX_DEPTH} levels")
}

/// Returns the place of the first expression that is nested deeper than `levels`.
fn too_deep(expr: &Expr, levels: usize) -> Option<Span> {
    // The recursion ends, because MAX_PARENTHESES already limits the depth of the tree.
    let Some(levels) = levels.checked_sub(1) else { return Some(expr.span) };
    match &expr.kind {
        ExprKind::And(parts) | ExprKind::Or(parts) => {
            parts.iter().find_map(|part| too_deep(part, levels))
        }
        ExprKind::Not(part) => too_deep(part, levels),
        _ => None,
    }
}

/// The parser: the text, the lexer, and one token of look-ahead.
///
/// The grammar needs no more look-ahead: the next token decides which rule applies.
struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    /// The next token, which was read but not consumed.
    token: Token<'a>,
    span: Span,
    /// The text literal that was consumed last, if no other token was consumed after it.
    taken: Option<(&'a str, Span)>,
}

impl<'a> Parser<'a> {
    /// Makes an error at the next token.
    fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError::new(self.text, self.span, message)
    }

    /// Makes an error for a word in the wrong letter case, with the correction.
    fn letter_case(&self, right: &str) -> ParseError {
        self.error(format!("letter case matters here; write `{right}`"))
            .of(Rule::LetterCase)
            .fixed_by(right)
    }

    /// Makes an error for an unexpected token; recognises frequent mistakes.
    ///
    /// These are a typographic quote within the last text, a keyword in the wrong letter case, and a source
    /// without its `@`. They get a message and a correction of their own.
    fn expected(&self, what: &str) -> ParseError {
        // A text that was meant to end at a typographic quote ended at a later plain quote instead, so
        // the token after it makes no sense. The typographic quote is the mistake.
        if let Some((text, span)) = self.taken
            && let Some((at, quote)) = text.char_indices().find(|(_, c)| TYPOGRAPHIC.contains(c))
        {
            let start = span.start + 1 + at;
            let span = Span { start, end: start + quote.len_utf8() };
            let message = "a typographic quote does not end the text; write a plain '";
            let error = ParseError::new(self.text, span, message);
            return error.of(Rule::UnicodeQuotes).fixed_by("'");
        }
        if let Token::Word(word) = self.token {
            for keyword in KEYWORDS {
                if *keyword != word && keyword.eq_ignore_ascii_case(word) {
                    return self.letter_case(keyword);
                }
            }
            let rest_after = self.text.get(self.span.end..).unwrap_or_default();
            if rest_after.starts_with('[') && Source::ALL.iter().any(|s| s.as_str() == word) {
                let message = format!("attributes begin with @; write @{word}");
                return self.error(message).fixed_by(format!("@{word}"));
            }
        }
        self.error(format!("expected {what}, found {}", self.token.describe()))
    }

    /// Consumes the next token and reads the one after it.
    fn take(&mut self) -> Result<(Token<'a>, Span), ParseError> {
        let taken = (self.token, self.span);
        // Only the last text literal can have swallowed tokens.
        self.taken = match self.token {
            Token::Text(text) => Some((text, self.span)),
            _ => None,
        };
        (self.token, self.span) = self.lexer.next()?;
        Ok(taken)
    }

    /// Parses parts joined by `OR`, which binds loosest.
    fn or(&mut self, depth: usize) -> Result<Expr, ParseError> {
        self.chain(depth, Token::Or, Self::and, ExprKind::Or)
    }

    /// Parses parts joined by `AND`.
    fn and(&mut self, depth: usize) -> Result<Expr, ParseError> {
        self.chain(depth, Token::And, Self::unary, ExprKind::And)
    }

    /// Parses one or more parts with a separator between them. A single part stays as it is.
    ///
    /// `part` parses what binds tighter, and `kind` makes the expression of several parts.
    fn chain(
        &mut self,
        depth: usize,
        separator: Token<'a>,
        part: fn(&mut Self, usize) -> Result<Expr, ParseError>,
        kind: fn(Vec<Expr>) -> ExprKind,
    ) -> Result<Expr, ParseError> {
        // The chain is flat: `a AND b AND c` has three parts, so depth counts only real nesting.
        let first = part(self, depth)?;
        if self.token != separator {
            return Ok(first);
        }
        let mut span = first.span;
        let mut parts = vec![first];
        while self.token == separator {
            self.take()?;
            let next = part(self, depth)?;
            span = span.to(next.span);
            parts.push(next);
        }
        Ok(Expr { kind: kind(parts), span, in_parentheses: false })
    }

    /// Parses a negation, an expression in parentheses, a function or a comparison.
    ///
    /// # Errors
    /// A syntax error, or nesting deeper than [`MAX_PARENTHESES`], which also bounds the recursion.
    fn unary(&mut self, depth: usize) -> Result<Expr, ParseError> {
        if depth > MAX_PARENTHESES {
            return Err(self.error(nested()));
        }
        let start = self.span;
        let kind = match self.token {
            Token::Not => {
                self.take()?;
                let inner = self.unary(depth + 1)?;
                let span = start.to(inner.span);
                let kind = ExprKind::Not(Box::new(inner));
                return Ok(Expr { kind, span, in_parentheses: false });
            }
            Token::Open => {
                self.take()?;
                let mut inner = self.or(depth + 1)?;
                if self.token != Token::Close {
                    return Err(self.expected("`AND`, `OR` or `)`"));
                }
                let (_, end) = self.take()?;
                // Redundant parentheses change only the span and `in_parentheses`, which equality ignores.
                inner.span = start.to(end);
                inner.in_parentheses = true;
                return Ok(inner);
            }
            Token::Word("ActionMatches") => ExprKind::ActionMatches(self.function()?),
            Token::Word("SubOperationMatches") => ExprKind::SubOperationMatches(self.function()?),
            Token::Word("Exists") => {
                self.take()?;
                let Token::Attribute(source, path) = self.token else {
                    return Err(self.expected("an attribute such as @Request[path]"));
                };
                let (_, end) = self.take()?;
                let attribute = Attribute::new(source, path);
                let kind = ExprKind::Exists(attribute);
                return Ok(Expr { kind, span: start.to(end), in_parentheses: false });
            }
            _ => {
                let left = self.operand("an expression")?;
                let operator = self.operator()?;
                let right = self.operand("a value or an attribute")?;
                let span = left.span.to(right.span);
                // Two lists compare each value with each, so their product is limited.
                if left.values().len() * right.values().len() > MAX_PAIRS {
                    let message = format!(
                        "two lists of values make more than {MAX_PAIRS} pairs; compare each list with an attribute"
                    );
                    return Err(ParseError::new(self.text, span, message));
                }
                let kind = ExprKind::Compare { left, operator, right };
                return Ok(Expr { kind, span, in_parentheses: false });
            }
        };
        // The function ends with the brace that was consumed last, before the white space.
        let end = self.text.get(..self.span.start).unwrap_or_default().trim_end().len();
        Ok(Expr { kind, span: Span { start: start.start, end }, in_parentheses: false })
    }

    /// Parses the name of a function and the texts in its braces.
    ///
    /// At least one text is required. The tokens after the name are consumed up to the closing brace.
    fn function(&mut self) -> Result<Vec<String>, ParseError> {
        self.take()?;
        if self.token != Token::OpenList {
            return Err(self.expected("`{` and the function's texts in braces"));
        }
        let mut texts = Vec::new();
        loop {
            self.take()?;
            let Token::Text(text) = self.token else {
                return Err(self.expected("a text in single quotes"));
            };
            texts.push(text.to_owned());
            self.take()?;
            match self.token {
                Token::Comma => {}
                Token::CloseList => break,
                _ => return Err(self.expected("`,` or `}`")),
            }
        }
        self.take()?;
        Ok(texts)
    }

    /// Parses one side of a comparison; `what` names it in the error.
    ///
    /// Either side may be an attribute, a value or a list, as in the documentation. Whether the values suit the
    /// operator is a question for [`Lint`](super::Lint), because Azure accepts such text.
    fn operand(&mut self, what: &str) -> Result<Operand, ParseError> {
        let start = self.span;
        let kind = match self.token {
            Token::Attribute(source, path) => OperandKind::Attribute(Attribute::new(source, path)),
            Token::OpenList => {
                let (values, end) = self.list()?;
                return Ok(Operand { kind: OperandKind::List(values), span: start.to(end) });
            }
            token => match value(token) {
                Some(value) => OperandKind::Value(value),
                None => return Err(self.expected(what)),
            },
        };
        self.take()?;
        Ok(Operand { kind, span: start })
    }

    /// Parses a list of values in braces, which may be empty.
    fn list(&mut self) -> Result<(Vec<Value>, Span), ParseError> {
        let mut values = Vec::new();
        self.take()?;
        if self.token != Token::CloseList {
            loop {
                let what = "a text in single quotes, a number, `true`, `false` or a GUID";
                values.push(value(self.token).ok_or_else(|| self.expected(what))?);
                self.take()?;
                match self.token {
                    Token::Comma => self.take()?,
                    Token::CloseList => break,
                    _ => return Err(self.expected("`,` or `}`")),
                };
            }
        }
        let (_, end) = self.take()?;
        Ok((values, end))
    }

    /// Parses an operator, with or without a quantifier, for example `ForAnyOfAnyValues:StringEquals`.
    ///
    /// The error for an unknown operator suggests the right letter case, or an operator of this language with
    /// the same purpose.
    fn operator(&mut self) -> Result<Operator, ParseError> {
        let Token::Word(word) = self.token else {
            return Err(self.expected("an operator such as StringEquals"));
        };
        let (quantifier, name) = match word.split_once(':') {
            Some((quantifier, name)) => (Some(quantifier), name),
            None => (None, word),
        };
        // An unknown word is reported for its base first, because that is what people misspell.
        let base = Base::ALL.iter().copied().find(|base| base.as_str() == name);
        let base = base.ok_or_else(|| {
            let same = Base::ALL.iter().find(|base| base.as_str().eq_ignore_ascii_case(name));
            match (same, quantifier) {
                (Some(base), None) => self.letter_case(base.as_str()),
                (Some(base), Some(quantifier)) => {
                    self.letter_case(&format!("{quantifier}:{}", base.as_str()))
                }
                (None, _) => self.error(unknown_operator(name)).of(Rule::UnknownOperator),
            }
        })?;
        let operator = match quantifier {
            None => Operator::single(base),
            Some(name) => {
                let known = Quantifier::ALL.into_iter().find(|q| q.as_str() == name);
                let quantifier = known.ok_or_else(|| {
                    let same =
                        Quantifier::ALL.into_iter().find(|q| q.as_str().eq_ignore_ascii_case(name));
                    match same {
                        Some(q) => self.letter_case(&format!("{}:{}", q.as_str(), base.as_str())),
                        None => self.error(unknown_quantifier(name)).of(Rule::UnknownOperator),
                    }
                })?;
                Operator::cross(quantifier, base).ok_or_else(|| {
                    self.error(format!(
                        "{} has no form for lists{}",
                        base.as_str(),
                        match base.as_str().contains("StartsWith") {
                            true =>
                                "; write StringLike with `*` at the end, such as {'a/*', 'b/*'}",
                            false => "; write one comparison for each value",
                        }
                    ))
                    .of(Rule::UnknownOperator)
                })?
            }
        };
        self.take()?;
        Ok(operator)
    }
}

/// The words of the language other than operators.
const KEYWORDS: &[&str] =
    &["AND", "OR", "NOT", "ActionMatches", "SubOperationMatches", "Exists", "true", "false"];

/// Returns the value that a token stands for, or `None` for other tokens.
fn value(token: Token<'_>) -> Option<Value> {
    match token {
        Token::Text(text) => Some(Value::Text(text.to_owned())),
        Token::Word("true") => Some(Value::Bool(true)),
        Token::Word("false") => Some(Value::Bool(false)),
        // A GUID comes before a number, because 32 decimal digits without hyphens are a GUID.
        Token::Word(word) if guid(word).is_some() => Some(Value::Guid(word.to_owned())),
        Token::Word(word) => word.parse().ok().map(Value::Integer),
        _ => None,
    }
}

/// The message for an operator that does not exist.
///
/// Suffix search, substring search and regular expressions have no operator of their own here. The message
/// names the pattern of `StringLike` that does the same.
fn unknown_operator(name: &str) -> String {
    let shown = quoted(name);
    let lower = name.to_ascii_lowercase();
    // Other policy languages have these operators. The message names the closest one of this language.
    let instead = match () {
        () if lower.contains("endswith") => "write StringLike '*end' instead",
        () if lower.contains("contains") => "write StringLike '*part*' instead",
        () if lower.contains("match") || lower.contains("regex") => {
            "write StringLike, which has `*` and `?`, instead"
        }
        () => "expected one such as StringEquals, StringStartsWith or NumericLessThan",
    };
    format!("there is no operator {shown}; {instead}")
}

/// The message for a quantifier that does not exist.
fn unknown_quantifier(name: &str) -> String {
    format!(
        "there is no quantifier {}; expected ForAnyOfAnyValues, ForAllOfAnyValues, ForAnyOfAllValues or ForAllOfAllValues",
        quoted(name)
    )
}
