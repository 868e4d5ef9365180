//! Constants: numbers, characters, strings, symbols, byte arrays and literal arrays.
//!
//! In a literal array bare words are symbols (`nil`, `true` and `false` are themselves), a
//! parenthesis opens an array and a bracket a byte array, with or without their hash.

use std::borrow::Cow;

use crate::lexer::TokenKind;
use crate::number;
use crate::parser::Parser;
use crate::tree::{Integer, Literal};

impl<'s> Parser<'s> {
    /// The constant at the token, which is passed; `None`, with nothing passed, if there is none.
    pub(crate) fn literal(&mut self) -> Option<Literal<'s>> {
        match self.token.kind {
            TokenKind::Number => Some(self.number(false)),
            TokenKind::Binary if self.text() == "-" && self.digit_follows() => {
                self.advance();
                Some(self.number(true))
            }
            TokenKind::String => Some(Literal::String(self.take_quoted(1))),
            TokenKind::Symbol => Some(Literal::Symbol(self.take_symbol())),
            TokenKind::Character => Some(self.character()),
            TokenKind::HashParenthesis => Some(self.array()),
            TokenKind::HashBracket => Some(self.byte_array()),
            _ => None,
        }
    }

    /// A constant or one of the three names that stand for one.
    pub(crate) fn pragma_literal(&mut self) -> Option<Literal<'s>> {
        if self.token.kind != TokenKind::Identifier {
            return self.literal();
        }
        let constant = named_constant(self.text())?;
        self.advance();
        Some(constant)
    }

    fn number(&mut self, negative: bool) -> Literal<'s> {
        let parsed = number::value(self.text(), negative);
        let literal = parsed.unwrap_or_else(|message| {
            self.error_here(message);
            // The number itself is well delimited: the statement may go on.
            self.panicking = false;
            Literal::Integer(Integer::Small(0))
        });
        self.advance();
        literal
    }

    fn character(&mut self) -> Literal<'s> {
        let character = self.text().chars().nth(1).unwrap_or(' ');
        self.advance();
        Literal::Character(character)
    }

    /// The inside of a quoted token, its first `skipped` bytes and the last quote taken off.
    fn take_quoted(&mut self, skipped: usize) -> Cow<'s, str> {
        let text = &self.text()[skipped..];
        self.advance();
        let inside = text.strip_suffix('\'').unwrap_or(text);
        if inside.contains("''") {
            Cow::Owned(inside.replace("''", "'"))
        } else {
            Cow::Borrowed(inside)
        }
    }

    fn take_symbol(&mut self) -> Cow<'s, str> {
        let text = self.text();
        let hashes = text.len() - text.trim_start_matches('#').len();
        if text[hashes..].starts_with('\'') {
            return self.take_quoted(hashes + 1);
        }
        self.advance();
        Cow::Borrowed(&text[hashes..])
    }

    fn array(&mut self) -> Literal<'s> {
        let opened = self.token.span;
        self.advance();
        let elements = self.awaiting(TokenKind::RightParenthesis, Self::array_elements);
        self.close(TokenKind::RightParenthesis, opened);
        Literal::Array(elements)
    }

    fn array_elements(&mut self) -> Vec<Literal<'s>> {
        let mut elements = Vec::new();
        if self.nests_too_deep() {
            return elements;
        }
        while !matches!(
            self.token.kind,
            TokenKind::RightParenthesis | TokenKind::End
        ) {
            let element = self.array_element();
            elements.push(element.unwrap_or_else(|| self.special_character()));
        }
        elements
    }

    fn array_element(&mut self) -> Option<Literal<'s>> {
        match self.token.kind {
            TokenKind::Identifier | TokenKind::Keyword => Some(self.bare_word()),
            TokenKind::LeftParenthesis => Some(self.array()),
            TokenKind::LeftBracket => Some(self.byte_array()),
            TokenKind::Binary if !(self.text() == "-" && self.digit_follows()) => {
                let symbol = Cow::Borrowed(self.text());
                self.advance();
                Some(Literal::Symbol(symbol))
            }
            _ => self.literal(),
        }
    }

    /// `;` and the like stand for symbols here, as in Pharo, which frowns at it too.
    fn special_character(&mut self) -> Literal<'s> {
        let text = self.text();
        let message = format!("'{text}' in a literal array is better written as #'{text}'");
        self.warning_here(message);
        self.advance();
        Literal::Symbol(Cow::Borrowed(text))
    }

    /// `word`, `word:` or `word:word:`.
    fn bare_word(&mut self) -> Literal<'s> {
        self.extend_to_symbol();
        let text = self.text();
        self.advance();
        named_constant(text).unwrap_or(Literal::Symbol(Cow::Borrowed(text)))
    }

    fn byte_array(&mut self) -> Literal<'s> {
        let opened = self.token.span;
        self.advance();
        let mut bytes = Vec::new();
        while self.token.kind == TokenKind::Number {
            let parsed = number::value(self.text(), false);
            let byte = match parsed {
                Ok(Literal::Integer(Integer::Small(value))) => u8::try_from(value).ok(),
                _ => None,
            };
            if byte.is_none() {
                self.error_here("an element of a byte array is a whole number from 0 to 255");
                self.panicking = false;
            }
            bytes.push(byte.unwrap_or(0));
            self.advance();
        }
        if !matches!(self.token.kind, TokenKind::RightBracket | TokenKind::End) {
            self.error_here(format!("'{}' cannot stand in a byte array", self.text()));
            self.skip_to_closer(TokenKind::RightBracket);
        }
        self.close(TokenKind::RightBracket, opened);
        Literal::ByteArray(bytes)
    }
}

fn named_constant(text: &str) -> Option<Literal<'static>> {
    match text {
        "nil" => Some(Literal::Nil),
        "true" => Some(Literal::True),
        "false" => Some(Literal::False),
        _ => None,
    }
}
