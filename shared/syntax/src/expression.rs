//! Expressions: assignments, messages by precedence, cascades, blocks, braces, parentheses.

use std::borrow::Cow;

use crate::Span;
use crate::lexer::TokenKind;
use crate::parser::{Parser, extend_selector};
use crate::tree::{
    Block, BlockId, ExprId, ExprKind, ExprList, Literal, Message, MessageId, Name, Sequence,
    Statement,
};

impl<'s> Parser<'s> {
    /// An assignment, a cascade, a message or a primary.
    pub(crate) fn expression(&mut self) -> ExprId {
        if self.nests_too_deep() {
            return self.fault();
        }
        let Some(name) = self.take_name() else {
            let primary = self.primary();
            return self.messages(primary);
        };
        if self.token.kind == TokenKind::Assign {
            return self.assignment(name);
        }
        let primary = self.variable(name);
        self.messages(primary)
    }

    fn assignment(&mut self, target: Name<'s>) -> ExprId {
        self.advance();
        // A chain of assignments nests like brackets do.
        let value = self.awaiting(TokenKind::End, Self::expression);
        let span = target.span.to(self.span_of(value));
        let depth = self.depth_of(value);
        self.push(ExprKind::Assignment { target, value }, span, depth)
    }

    /// Unary, binary, then keyword messages to `primary`, and a cascade over the last of them.
    fn messages(&mut self, primary: ExprId) -> ExprId {
        let operand = self.unary_messages(primary);
        let operand = self.binary_messages(operand);
        let whole = self.keyword_message(operand);
        if self.token.kind == TokenKind::Semicolon && !self.panicking {
            return self.cascade(primary, whole);
        }
        whole
    }

    fn unary_messages(&mut self, mut receiver: ExprId) -> ExprId {
        while self.token.kind == TokenKind::Identifier && !self.panicking {
            let message = self.unary_message();
            receiver = self.send(receiver, message);
        }
        receiver
    }

    fn unary_message(&mut self) -> MessageId {
        let (selector, span) = (self.text(), self.token.span);
        self.advance();
        self.message(Cow::Borrowed(selector), span, &[])
    }

    fn binary_messages(&mut self, mut receiver: ExprId) -> ExprId {
        while self.token.kind == TokenKind::Binary && !self.panicking {
            let message = self.binary_message();
            receiver = self.send(receiver, message);
        }
        receiver
    }

    fn binary_message(&mut self) -> MessageId {
        let (selector, span) = (self.text(), self.token.span);
        self.advance();
        let argument = self.operand();
        let argument = self.unary_messages(argument);
        self.message(Cow::Borrowed(selector), span, &[argument])
    }

    fn keyword_message(&mut self, receiver: ExprId) -> ExprId {
        if self.token.kind != TokenKind::Keyword || self.panicking {
            return receiver;
        }
        let message = self.keyword_arguments();
        self.send(receiver, message)
    }

    fn keyword_arguments(&mut self) -> MessageId {
        let span = self.token.span;
        let mut selector = Cow::Borrowed("");
        let mut arguments = Vec::with_capacity(2);
        while self.token.kind == TokenKind::Keyword && !self.panicking {
            extend_selector(&mut selector, self.text());
            self.advance();
            let argument = self.operand();
            let argument = self.unary_messages(argument);
            arguments.push(self.binary_messages(argument));
        }
        self.message(selector, span, &arguments)
    }

    /// `whole` was the first message; more follow to its receiver.
    fn cascade(&mut self, primary: ExprId, whole: ExprId) -> ExprId {
        let (receiver, first) = match self.tree.expr(whole).kind {
            ExprKind::Send { receiver, message } if whole != primary => (receiver, message),
            _ => {
                self.error_here("a cascade continues a message, and there is none");
                return whole;
            }
        };
        let mut messages = vec![first];
        while self.token.kind == TokenKind::Semicolon && !self.panicking {
            self.advance();
            match self.token.kind {
                TokenKind::Identifier => messages.push(self.unary_message()),
                TokenKind::Binary => messages.push(self.binary_message()),
                TokenKind::Keyword => messages.push(self.keyword_arguments()),
                _ => self.error_here("a message is missing after ';'"),
            }
        }
        let span = Span::new(self.span_of(receiver).start, self.previous_end);
        let arguments = messages
            .iter()
            .map(|&message| self.depth_of_arguments(message))
            .max()
            .unwrap_or(0);
        let depth = self.depth_of(receiver).max(arguments);
        self.push(ExprKind::Cascade { receiver, messages }, span, depth)
    }

    /// A primary that may be a name.
    fn operand(&mut self) -> ExprId {
        if self.nests_too_deep() {
            return self.fault();
        }
        match self.take_name() {
            Some(name) => self.variable(name),
            None => self.primary(),
        }
    }

    fn primary(&mut self) -> ExprId {
        match self.token.kind {
            TokenKind::LeftParenthesis => self.parenthesized(),
            TokenKind::LeftBracket => self.block(),
            TokenKind::LeftBrace => self.brace(),
            _ => self.literal_or_fault(),
        }
    }

    fn literal_or_fault(&mut self) -> ExprId {
        let start = self.token.span;
        if let Some(literal) = self.literal() {
            let span = Span::new(start.start, self.previous_end);
            return self.push(ExprKind::Literal(literal), span, 0);
        }
        let message = match self.token.kind {
            TokenKind::End => "an expression is missing at the end".to_owned(),
            _ => format!("an expression is missing before '{}'", self.text()),
        };
        self.error_here(message);
        self.fault()
    }

    fn variable(&mut self, name: Name<'s>) -> ExprId {
        let kind = match name.text {
            "nil" => ExprKind::Literal(Literal::Nil),
            "true" => ExprKind::Literal(Literal::True),
            "false" => ExprKind::Literal(Literal::False),
            text => ExprKind::Variable(text),
        };
        self.push(kind, name.span, 0)
    }

    /// The node takes the brackets into its range, so that a caret marks what was written.
    fn parenthesized(&mut self) -> ExprId {
        let opened = self.token.span;
        self.advance();
        let inner = self.awaiting(TokenKind::RightParenthesis, Self::expression);
        self.close(TokenKind::RightParenthesis, opened);
        inner
    }

    fn block(&mut self) -> ExprId {
        let opened = self.token.span;
        self.advance();
        let arguments = self.block_arguments();
        let mut body = Sequence::default();
        if self.begins_with('|') {
            self.temporaries(&mut body);
        }
        self.statements(&mut body, TokenKind::RightBracket);
        self.close(TokenKind::RightBracket, opened);
        let span = Span::new(opened.start, self.previous_end);
        let depth = self.depth_of_body(&body);
        let id = BlockId(u32::try_from(self.tree.blocks.len()).unwrap_or(u32::MAX));
        self.tree.blocks.push(Block {
            arguments,
            body,
            span,
        });
        self.push(ExprKind::Block(id), span, depth)
    }

    /// `:a :b |`; the bar may be missing before the closing bracket.
    fn block_arguments(&mut self) -> Vec<Name<'s>> {
        let mut arguments = Vec::new();
        while self.token.kind == TokenKind::Colon {
            self.advance();
            match self.take_name() {
                Some(name) => arguments.push(name),
                None => self.error_here("the name of a block argument is missing"),
            }
        }
        if arguments.is_empty() || self.token.kind == TokenKind::RightBracket {
            return arguments;
        }
        if self.begins_with('|') {
            self.cut_token();
        } else {
            self.error_here("a bar is missing after the block arguments");
            self.panicking = false;
        }
        arguments
    }

    fn brace(&mut self) -> ExprId {
        let opened = self.token.span;
        self.advance();
        let mut body = Sequence::default();
        self.statements(&mut body, TokenKind::RightBrace);
        self.close(TokenKind::RightBrace, opened);
        let elements: Vec<ExprId> = body
            .statements
            .iter()
            .map(|element| self.element(element))
            .collect();
        let depth = elements
            .iter()
            .map(|&element| self.depth_of(element))
            .max()
            .unwrap_or(0);
        let elements = self.list(&elements);
        self.push(
            ExprKind::Brace(elements),
            Span::new(opened.start, self.previous_end),
            depth,
        )
    }

    /// An element may return instead of having a value.
    fn element(&mut self, element: &Statement) -> ExprId {
        if !element.is_return {
            return element.value;
        }
        let depth = self.depth_of(element.value);
        self.push(ExprKind::Return(element.value), element.span, depth)
    }

    fn send(&mut self, receiver: ExprId, message: MessageId) -> ExprId {
        let span = Span::new(self.span_of(receiver).start, self.previous_end);
        let depth = self
            .depth_of(receiver)
            .max(self.depth_of_arguments(message));
        self.push(ExprKind::Send { receiver, message }, span, depth)
    }

    fn message(
        &mut self,
        selector: Cow<'s, str>,
        selector_span: Span,
        arguments: &[ExprId],
    ) -> MessageId {
        let arguments = self.list(arguments);
        let id = MessageId(u32::try_from(self.tree.messages.len()).unwrap_or(u32::MAX));
        self.tree.messages.push(Message {
            selector,
            selector_span,
            arguments,
        });
        id
    }

    fn list(&mut self, elements: &[ExprId]) -> ExprList {
        let start = u32::try_from(self.tree.expr_lists.len()).unwrap_or(u32::MAX);
        self.tree.expr_lists.extend_from_slice(elements);
        ExprList {
            start,
            length: u32::try_from(elements.len()).unwrap_or(u32::MAX),
        }
    }

    fn fault(&mut self) -> ExprId {
        let here = self.token.span;
        self.push(ExprKind::Error, here, 0)
    }

    fn span_of(&self, id: ExprId) -> Span {
        self.tree.expr(id).span
    }

    fn depth_of_arguments(&self, message: MessageId) -> u16 {
        let arguments = self.tree.list(self.tree.message(message).arguments);
        arguments
            .iter()
            .map(|&argument| self.depth_of(argument))
            .max()
            .unwrap_or(0)
    }
}
