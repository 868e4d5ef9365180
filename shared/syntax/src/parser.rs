//! Recursive descent over patterns, pragmas, temporaries and statements; expressions are in
//! `expression`, constants in `literal`; what happens after a fault is in `recovery`.

use std::borrow::Cow;

use crate::lexer::{Lexer, Token, TokenKind};
use crate::recovery::is_closer;
use crate::tree::{
    Expr, ExprId, ExprKind, Form, Name, Pragma, PragmaArgument, Sequence, Statement, Tree,
};
use crate::{Diagnostic, Span};

/// How deep brackets may nest; far above what people write, far below what a stack holds.
pub(crate) const NESTING_MAX: usize = 200;

/// How many nodes a way down the tree may pass; long chains of messages count here.
pub(crate) const DEPTH_MAX: u16 = 1_000;

/// Parses a method: pattern, pragmas, temporaries, statements.
#[must_use]
pub fn parse_method(source: &str) -> (Tree<'_>, Vec<Diagnostic>) {
    parse(source, Form::Method)
}

/// Parses an expression sequence, as one evaluates in a workspace; temporaries are allowed.
#[must_use]
pub fn parse_doit(source: &str) -> (Tree<'_>, Vec<Diagnostic>) {
    parse(source, Form::DoIt)
}

fn parse(source: &str, form: Form) -> (Tree<'_>, Vec<Diagnostic>) {
    if u32::try_from(source.len()).is_err() {
        let too_long = Diagnostic::error(Span::default(), "this text is longer than 4 GiB");
        return (Parser::new("", form).tree, vec![too_long]);
    }
    let mut parser = Parser::new(source, form);
    parser.program();
    parser.finish()
}

/// The state of a parse: one token ahead.
pub(crate) struct Parser<'s> {
    lexer: Lexer<'s>,
    pub(crate) token: Token,
    /// Where the token before `token` ended.
    pub(crate) previous_end: u32,
    pub(crate) tree: Tree<'s>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// A fault was noted in this statement; more would only confuse.
    pub(crate) panicking: bool,
    /// The closing brackets that are awaited, innermost last.
    pub(crate) awaited: Vec<TokenKind>,
    /// Closing brackets that were missed; where they come after all, that is no fault of its own.
    pub(crate) missed: Vec<TokenKind>,
    /// An unclosed bracket was noted at the end of the text; one is enough.
    pub(crate) end_noted: bool,
    /// The tokens just skipped belong to a fault that was noted.
    pub(crate) recovered: bool,
}

impl<'s> Parser<'s> {
    fn new(source: &'s str, form: Form) -> Self {
        let mut lexer = Lexer::new(source);
        let token = lexer.next_token();
        Self {
            lexer,
            token,
            previous_end: 0,
            tree: empty_tree(source, form),
            diagnostics: Vec::new(),
            panicking: false,
            awaited: Vec::new(),
            missed: Vec::new(),
            end_noted: false,
            recovered: false,
        }
    }

    fn finish(mut self) -> (Tree<'s>, Vec<Diagnostic>) {
        self.tree.comments = self.lexer.comments;
        self.diagnostics.append(&mut self.lexer.diagnostics);
        self.diagnostics
            .sort_by_key(|diagnostic| diagnostic.span.start);
        (self.tree, self.diagnostics)
    }

    fn program(&mut self) {
        if self.tree.form == Form::Method {
            self.pattern();
        }
        let mut body = Sequence::default();
        self.declarations(&mut body);
        self.statements(&mut body, TokenKind::End);
        self.tree.body = body;
    }

    /// `name`, `+ argument` or `at: argument put: argument`.
    fn pattern(&mut self) {
        let start = self.token.span;
        match self.token.kind {
            TokenKind::Identifier => {
                self.tree.selector = Cow::Borrowed(self.text());
                self.advance();
            }
            TokenKind::Binary => {
                self.tree.selector = Cow::Borrowed(self.text());
                self.advance();
                self.pattern_argument();
            }
            TokenKind::Keyword => self.keyword_pattern(),
            _ => self.error_here("a method begins with its pattern"),
        }
        self.tree.pattern = Span::new(start.start, self.previous_end.max(start.start));
        self.panicking = false;
    }

    fn keyword_pattern(&mut self) {
        let mut selector = Cow::Borrowed("");
        while self.token.kind == TokenKind::Keyword {
            extend_selector(&mut selector, self.text());
            self.advance();
            self.pattern_argument();
        }
        self.tree.selector = selector;
    }

    fn pattern_argument(&mut self) {
        match self.take_name() {
            Some(name) => self.tree.arguments.push(name),
            None => self.error_here("the name of an argument is missing"),
        }
    }

    /// Pragmas and temporaries, in either order, temporaries at most once.
    fn declarations(&mut self, body: &mut Sequence<'s>) {
        let mut has_temporaries = false;
        while self.token.kind == TokenKind::Binary {
            let text = self.text();
            if text.starts_with('|') && !has_temporaries {
                has_temporaries = true;
                self.temporaries(body);
            } else if text.starts_with('<') {
                self.pragma();
            } else {
                return;
            }
        }
    }

    /// `| a b |`, where the token is known to begin with a bar.
    pub(crate) fn temporaries(&mut self, body: &mut Sequence<'s>) {
        self.cut_token();
        while let Some(name) = self.take_name() {
            body.temporaries.push(name);
        }
        if self.begins_with('|') {
            self.cut_token();
        } else {
            self.error_here("a bar is missing after the temporaries");
        }
        // After a faulty declaration the statements go on at the next token.
        self.panicking = false;
    }

    fn pragma(&mut self) {
        let start = self.token.span.start;
        self.cut_token();
        let mut pragma = Pragma {
            selector: Cow::Borrowed(""),
            arguments: Vec::new(),
            span: Span::default(),
        };
        match self.token.kind {
            TokenKind::Identifier => {
                pragma.selector = Cow::Borrowed(self.text());
                self.advance();
            }
            TokenKind::Binary if !self.begins_with('>') => {
                pragma.selector = Cow::Borrowed(self.text());
                self.advance();
                self.pragma_argument(&mut pragma, "");
            }
            TokenKind::Keyword => self.keyword_pragma(&mut pragma),
            _ => self.error_here("a pragma needs a selector"),
        }
        if self.begins_with('>') {
            self.cut_token();
        } else {
            self.error_here("this pragma is not closed by '>'");
            self.skip_pragma();
        }
        pragma.span = Span::new(start, self.previous_end);
        self.panicking = false;
        self.tree.pragmas.push(pragma);
    }

    fn keyword_pragma(&mut self, pragma: &mut Pragma<'s>) {
        while self.token.kind == TokenKind::Keyword {
            let keyword = self.text();
            extend_selector(&mut pragma.selector, keyword);
            self.advance();
            self.pragma_argument(pragma, keyword);
        }
    }

    fn pragma_argument(&mut self, pragma: &mut Pragma<'s>, keyword: &str) {
        if keyword == "error:"
            && self.token.kind == TokenKind::Identifier
            && let Some(name) = self.take_name()
        {
            pragma.arguments.push(PragmaArgument::Variable(name));
            return;
        }
        match self.pragma_literal() {
            Some(literal) => pragma.arguments.push(PragmaArgument::Literal(literal)),
            None => self.error_here("the argument of a pragma is a literal"),
        }
    }

    /// Statements up to `closer`, which is not passed.
    pub(crate) fn statements(&mut self, body: &mut Sequence<'s>, closer: TokenKind) {
        self.awaited.push(closer);
        loop {
            match self.token.kind {
                TokenKind::End => break,
                TokenKind::Period => self.advance(),
                kind if kind == closer => break,
                kind if is_closer(kind) => {
                    if self.awaited.contains(&kind) {
                        break;
                    }
                    self.stray_closer();
                }
                _ => self.statement_and_end(body),
            }
        }
        self.awaited.pop();
    }

    fn statement_and_end(&mut self, body: &mut Sequence<'s>) {
        self.recovered = false;
        let statement = self.statement();
        body.statements.push(statement);
        let ends = matches!(self.token.kind, TokenKind::Period | TokenKind::End)
            || is_closer(self.token.kind);
        if !ends && !self.panicking {
            self.error_here(format!(
                "'{}' does not continue this statement; is a period missing?",
                self.text()
            ));
        }
        self.synchronize();
    }

    fn statement(&mut self) -> Statement {
        let start = self.token.span.start;
        let is_return = self.token.kind == TokenKind::Caret;
        if is_return {
            self.advance();
        }
        let value = self.expression();
        Statement {
            is_return,
            value,
            span: Span::new(start, self.previous_end.max(start)),
        }
    }

    /// Awaits `closer` while `parse` runs; for brackets that hold no statements.
    pub(crate) fn awaiting<T>(
        &mut self,
        closer: TokenKind,
        parse: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.awaited.push(closer);
        let result = parse(self);
        self.awaited.pop();
        result
    }

    /// Adds a node above `below`, noting a tree that grows too deep.
    pub(crate) fn push(&mut self, kind: ExprKind<'s>, span: Span, below: u16) -> ExprId {
        let depth = below.saturating_add(1);
        if depth > DEPTH_MAX && !self.panicking {
            self.error(span, "this expression is too long");
        }
        let id = ExprId(u32::try_from(self.tree.exprs.len()).unwrap_or(u32::MAX));
        let (kind, depth) = if depth > DEPTH_MAX {
            (ExprKind::Error, 1)
        } else {
            (kind, depth)
        };
        self.tree.exprs.push(Expr { kind, span, depth });
        id
    }

    pub(crate) fn depth_of(&self, id: ExprId) -> u16 {
        self.tree.exprs[id.index()].depth
    }

    /// The depth of the deepest statement.
    pub(crate) fn depth_of_body(&self, body: &Sequence<'s>) -> u16 {
        body.statements
            .iter()
            .map(|statement| self.depth_of(statement.value))
            .max()
            .unwrap_or(0)
    }

    pub(crate) fn advance(&mut self) {
        self.previous_end = self.token.span.end;
        self.token = self.lexer.next_token();
    }

    /// Takes the first character off the token and reads the rest again.
    pub(crate) fn cut_token(&mut self) {
        self.previous_end = self.token.span.start + 1;
        self.lexer.rewind(self.token.span.start + 1);
        self.token = self.lexer.next_token();
    }

    /// Reads the token again as words of a symbol in a literal array (`at:put:`).
    pub(crate) fn extend_to_symbol(&mut self) {
        self.lexer.rewind(self.token.span.start);
        self.lexer.symbol_words();
        self.token.span.end = self.lexer.position();
    }

    /// Whether the next byte after the token is a decimal digit, with nothing between.
    pub(crate) fn digit_follows(&self) -> bool {
        self.lexer
            .peek_byte()
            .is_some_and(|byte| byte.is_ascii_digit())
    }

    /// The text of the token.
    pub(crate) fn text(&self) -> &'s str {
        self.token.span.text(self.tree.source)
    }

    pub(crate) fn begins_with(&self, first: char) -> bool {
        self.token.kind == TokenKind::Binary && self.text().starts_with(first)
    }

    pub(crate) fn take_name(&mut self) -> Option<Name<'s>> {
        if self.token.kind != TokenKind::Identifier {
            return None;
        }
        let name = Name {
            text: self.text(),
            span: self.token.span,
        };
        self.advance();
        Some(name)
    }
}

/// Adds a keyword to a selector; the first one is borrowed.
pub(crate) fn extend_selector<'s>(selector: &mut Cow<'s, str>, keyword: &'s str) {
    if selector.is_empty() {
        *selector = Cow::Borrowed(keyword);
    } else {
        selector.to_mut().push_str(keyword);
    }
}

fn empty_tree(source: &str, form: Form) -> Tree<'_> {
    Tree {
        source,
        form,
        selector: Cow::Borrowed(if form == Form::DoIt { "DoIt" } else { "" }),
        pattern: Span::default(),
        arguments: Vec::new(),
        pragmas: Vec::new(),
        body: Sequence::default(),
        comments: Vec::new(),
        exprs: Vec::new(),
        messages: Vec::new(),
        blocks: Vec::new(),
        expr_lists: Vec::new(),
    }
}
