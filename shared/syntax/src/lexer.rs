//! Text to tokens, one at a time and with no allocation: a token is a kind and a range. What a
//! literal token means is worked out by the parser, which looks at its text.
//!
//! Binary selectors are read greedily (`a--b` sends `--`), as Pharo does; where the grammar
//! wants a lone `|` or `>` the parser cuts the token (`Lexer::rewind`).

use crate::{Diagnostic, Span, number};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Identifier,
    /// A name with its colon.
    Keyword,
    Binary,
    Number,
    String,
    /// `#name`, `#at:put:`, `#+` or `#'any text'`, with its hash.
    Symbol,
    /// `$` and one character.
    Character,
    /// `#(`
    HashParenthesis,
    /// `#[`
    HashBracket,
    LeftParenthesis,
    RightParenthesis,
    LeftBracket,
    RightBracket,
    LeftBrace,
    RightBrace,
    Caret,
    Period,
    Semicolon,
    Colon,
    Assign,
    /// The end of the text.
    End,
}

/// A kind and a range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

/// Reads tokens from a text and notes what cannot be read.
pub(crate) struct Lexer<'s> {
    source: &'s str,
    position: usize,
    /// Ranges of the comments passed so far, quotes included.
    pub(crate) comments: Vec<Span>,
    /// What could not be read.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl<'s> Lexer<'s> {
    pub(crate) fn new(source: &'s str) -> Self {
        Self {
            source,
            position: 0,
            comments: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    /// Goes on from an earlier offset, to cut a token that was read too far.
    pub(crate) fn rewind(&mut self, offset: u32) {
        self.position = offset as usize;
    }

    /// Where the next token is looked for.
    pub(crate) fn position(&self) -> u32 {
        offset(self.position)
    }

    /// The byte at the reading position, without passing it.
    pub(crate) fn peek_byte(&self) -> Option<u8> {
        self.source.as_bytes().get(self.position).copied()
    }

    /// The next token; at the end of the text `End`, again and again.
    pub(crate) fn next_token(&mut self) -> Token {
        loop {
            self.skip_blanks();
            let start = self.position;
            let Some(first) = self.peek_char() else {
                return Token {
                    kind: TokenKind::End,
                    span: self.span_from(start),
                };
            };
            if let Some(kind) = self.token_from(first) {
                return Token {
                    kind,
                    span: self.span_from(start),
                };
            }
            let message = format!("unknown character {first:?}");
            self.diagnostics
                .push(Diagnostic::error(self.span_from(start), message));
        }
    }

    /// Passes one token that begins with `first`; `None` if nothing can begin so.
    fn token_from(&mut self, first: char) -> Option<TokenKind> {
        if is_letter(first) {
            return Some(self.name());
        }
        if first.is_ascii_digit() {
            self.position += number::length(&self.source.as_bytes()[self.position..]);
            return Some(TokenKind::Number);
        }
        if is_binary(first) {
            self.skip_while(is_binary);
            return Some(TokenKind::Binary);
        }
        self.position += first.len_utf8();
        Some(match first {
            '(' => TokenKind::LeftParenthesis,
            ')' => TokenKind::RightParenthesis,
            '[' => TokenKind::LeftBracket,
            ']' => TokenKind::RightBracket,
            '{' => TokenKind::LeftBrace,
            '}' => TokenKind::RightBrace,
            '^' => TokenKind::Caret,
            '.' => TokenKind::Period,
            ';' => TokenKind::Semicolon,
            ':' => self.colon(),
            '\'' => self.string(),
            '#' => return self.hash(),
            '$' => self.character(),
            _ => return None,
        })
    }

    /// A name, or a keyword where a colon follows that is not part of `:=`.
    fn name(&mut self) -> TokenKind {
        self.skip_while(is_letter_or_digit);
        let rest = &self.source.as_bytes()[self.position..];
        if rest.first() == Some(&b':') && rest.get(1) != Some(&b'=') {
            self.position += 1;
            return TokenKind::Keyword;
        }
        TokenKind::Identifier
    }

    fn colon(&mut self) -> TokenKind {
        if self.peek_byte() == Some(b'=') {
            self.position += 1;
            return TokenKind::Assign;
        }
        TokenKind::Colon
    }

    /// The rest of a string, after its first quote; two quotes are one inside.
    fn string(&mut self) -> TokenKind {
        let start = self.position - 1;
        let bytes = self.source.as_bytes();
        while let Some(&byte) = bytes.get(self.position) {
            self.position += 1;
            if byte == b'\'' {
                if bytes.get(self.position) != Some(&b'\'') {
                    return TokenKind::String;
                }
                self.position += 1;
            }
        }
        self.unfinished(start, "this string is not closed");
        TokenKind::String
    }

    fn character(&mut self) -> TokenKind {
        match self.peek_char() {
            Some(character) => self.position += character.len_utf8(),
            None => self.unfinished(self.position - 1, "a character is missing after '$'"),
        }
        TokenKind::Character
    }

    /// What follows a `#`; several hashes count as one.
    fn hash(&mut self) -> Option<TokenKind> {
        while self.peek_byte() == Some(b'#') {
            self.position += 1;
        }
        let next = self.peek_char()?;
        if is_letter(next) {
            self.symbol_words();
            return Some(TokenKind::Symbol);
        }
        if is_binary(next) {
            self.skip_while(is_binary);
            return Some(TokenKind::Symbol);
        }
        let kind = match next {
            '\'' => TokenKind::Symbol,
            '(' => TokenKind::HashParenthesis,
            '[' => TokenKind::HashBracket,
            _ => return None,
        };
        self.position += 1;
        if next == '\'' {
            self.string();
        }
        Some(kind)
    }

    /// `name`, `at:` or `at:put:`; the last word may lack its colon only where it is the first.
    pub(crate) fn symbol_words(&mut self) {
        loop {
            self.skip_while(is_letter_or_digit);
            let rest = &self.source.as_bytes()[self.position..];
            if rest.first() != Some(&b':') || rest.get(1) == Some(&b'=') {
                return;
            }
            self.position += 1;
            let goes_on = |next| is_letter(next) || next == ':';
            if !self.peek_char().is_some_and(goes_on) {
                return;
            }
        }
    }

    /// Passes white space and comments.
    fn skip_blanks(&mut self) {
        loop {
            self.skip_while(is_blank);
            if self.peek_byte() != Some(b'"') {
                return;
            }
            self.comment();
        }
    }

    fn comment(&mut self) {
        let start = self.position;
        let rest = &self.source.as_bytes()[start + 1..];
        match rest.iter().position(|&byte| byte == b'"') {
            Some(length) => {
                self.position = start + 1 + length + 1;
                self.comments.push(self.span_from(start));
            }
            None => {
                self.position = self.source.len();
                self.unfinished(start, "this comment is not closed");
            }
        }
    }

    /// Notes a token that runs to the end of the text; the mark is put where it begins.
    fn unfinished(&mut self, start: usize, message: &str) {
        let span = Span::new(offset(start), offset(start + 1));
        self.diagnostics.push(Diagnostic::error(span, message));
    }

    fn skip_while(&mut self, matches: fn(char) -> bool) {
        let bytes = self.source.as_bytes();
        while let Some(&byte) = bytes.get(self.position) {
            if byte.is_ascii() {
                if !matches(byte as char) {
                    return;
                }
                self.position += 1;
                continue;
            }
            match self.peek_char() {
                Some(character) if matches(character) => self.position += character.len_utf8(),
                _ => return,
            }
        }
    }

    fn peek_char(&self) -> Option<char> {
        self.source[self.position..].chars().next()
    }

    fn span_from(&self, start: usize) -> Span {
        Span::new(offset(start), offset(self.position))
    }
}

/// A text longer than 4 GiB is refused by the entries, so an offset always fits.
fn offset(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn is_letter(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphabetic() || character == '_';
    }
    character.is_alphabetic()
}

fn is_letter_or_digit(character: char) -> bool {
    is_letter(character) || character.is_ascii_digit()
}

/// Pharo's special characters: ASCII ones, and those of Latin-1 that stand for operators.
fn is_binary(character: char) -> bool {
    matches!(
        character,
        '+' | '-'
            | '/'
            | '\\'
            | '*'
            | '~'
            | '<'
            | '>'
            | '='
            | '@'
            | ','
            | '%'
            | '|'
            | '&'
            | '?'
            | '!'
    ) || matches!(character, '\u{a1}'..='\u{bf}' | '\u{d7}' | '\u{f7}')
        && !character.is_alphanumeric()
}

fn is_blank(character: char) -> bool {
    character == '\0' || character.is_whitespace()
}
