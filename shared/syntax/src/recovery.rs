//! What the parser does about a fault: it notes it once, then finds the place to go on.
//!
//! The first fault of a statement silences the rest of it (`panicking`); the statement loop then
//! skips to the next period or closing bracket at the same level, over whole brackets.

use crate::lexer::TokenKind;
use crate::parser::{NESTING_MAX, Parser};
use crate::{Diagnostic, Span};

impl Parser<'_> {
    /// Passes a bracket that closes nothing; noted, unless it belongs to a fault that was.
    pub(crate) fn stray_closer(&mut self) {
        let missed = self.missed.iter().position(|&kind| kind == self.token.kind);
        if let Some(index) = missed {
            self.missed.swap_remove(index);
        } else if !self.recovered {
            self.error_here(format!("'{}' closes nothing", self.text()));
            self.panicking = false;
        }
        self.advance();
    }

    /// After a fault: skips to the end of the statement, over whole brackets.
    pub(crate) fn synchronize(&mut self) {
        if !self.panicking {
            return;
        }
        let mut open = 0usize;
        loop {
            match self.token.kind {
                TokenKind::End => break,
                TokenKind::Period if open == 0 => break,
                kind if is_closer(kind) => {
                    if open == 0 {
                        break;
                    }
                    open -= 1;
                }
                kind if is_opener(kind) => open += 1,
                _ => {}
            }
            self.advance();
        }
        self.panicking = false;
        self.recovered = true;
    }

    /// After a fault inside brackets that hold constants: skips to their end.
    pub(crate) fn skip_to_closer(&mut self, closer: TokenKind) {
        let mut open = 0usize;
        while self.token.kind != TokenKind::End && (open > 0 || self.token.kind != closer) {
            if is_opener(self.token.kind) {
                open += 1;
            } else if is_closer(self.token.kind) {
                open = open.saturating_sub(1);
            }
            self.advance();
        }
        self.panicking = false;
    }

    /// Skips the rest of a faulty pragma, but no statement.
    pub(crate) fn skip_pragma(&mut self) {
        let line_end = self.tree.source[self.token.span.start as usize..].find(['\n', '\r', '.']);
        let limit = line_end.map_or(self.tree.source.len(), |length| {
            self.token.span.start as usize + length
        });
        while self.token.kind != TokenKind::End && (self.token.span.start as usize) < limit {
            let closes = self.begins_with('>');
            self.advance();
            if closes {
                return;
            }
        }
    }

    /// Passes an awaited closing bracket, or notes that the one at `opened` is not closed.
    pub(crate) fn close(&mut self, closer: TokenKind, opened: Span) {
        if self.token.kind == closer {
            self.advance();
            return;
        }
        if self.token.kind == TokenKind::End {
            if !self.end_noted {
                self.error(opened, "this bracket is not closed");
            }
            self.end_noted = true;
            self.panicking = true;
            return;
        }
        let found = self.text();
        if is_closer(self.token.kind) {
            self.error(opened, format!("'{found}' does not close this bracket"));
            return;
        }
        self.missed.push(closer);
        self.error_here(format!(
            "'{found}' is not expected here; is a closing bracket missing?"
        ));
    }

    /// Whether brackets nest too deep to go on; notes it.
    pub(crate) fn nests_too_deep(&mut self) -> bool {
        let too_deep = self.awaited.len() >= NESTING_MAX;
        if too_deep {
            self.error_here("this is nested too deeply");
        }
        too_deep
    }

    /// Notes a fault, unless one was noted in this statement already.
    pub(crate) fn error(&mut self, span: Span, message: impl Into<String>) {
        if !self.panicking {
            self.diagnostics.push(Diagnostic::error(span, message));
        }
        self.panicking = true;
    }

    /// Notes something at the token that is allowed, but better said otherwise.
    pub(crate) fn warning_here(&mut self, message: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::warning(self.token.span, message));
    }

    /// Notes a fault at the token.
    pub(crate) fn error_here(&mut self, message: impl Into<String>) {
        self.error(self.token.span, message);
    }
}

fn is_opener(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::LeftParenthesis
            | TokenKind::LeftBracket
            | TokenKind::LeftBrace
            | TokenKind::HashParenthesis
            | TokenKind::HashBracket
    )
}

pub(crate) fn is_closer(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::RightParenthesis | TokenKind::RightBracket | TokenKind::RightBrace
    )
}
