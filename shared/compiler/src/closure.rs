//! Closures: their code, what they copy, and the vectors in which blocks share variables.
//!
//! A block of one constant needs no code at run time: its closure is a literal, made here.

use imprint_model::layout::closure;
use imprint_syntax::{BlockId, ExprKind, Literal, Span};

use crate::generate::{Generator, small};
use crate::ir::{Code, Constant, Entry, Operation, TempKey};
use crate::scope::{Capture, ScopeId, VariableId, VariableKind};

/// Slots of a temp vector that one bytecode can make.
const VECTOR_MAX: usize = 127;

impl<'t> Generator<'_, 't> {
    pub(crate) fn block(&mut self, id: BlockId) {
        if self.options.constant_blocks
            && let Some(constant) = self.constant_of(id)
        {
            return self.constant_block(id, constant);
        }
        let scope = self.analysis.block_scopes[id.index()];
        let copied = &self.analysis.scope(scope).copied;
        let block = self.closure_code(id, scope);
        let no_outer = self.options.optional_outer && !block.asks_for_outer();
        let span = self.tree.block(id).span;
        for &capture in copied {
            let key = self.capture_key(capture);
            let temp = self.code.temp(key);
            self.code.emit(Operation::PushTemp(temp), span);
        }
        let block = self.code.entry(Entry::Block(Box::new(block)));
        self.code.emit(
            Operation::PushClosure {
                block,
                copied: small(copied.len()),
                no_outer,
            },
            span,
        );
    }

    fn closure_code(&mut self, id: BlockId, scope: ScopeId) -> Code<'t> {
        let block = self.tree.block(id);
        let around = std::mem::take(&mut self.code);
        let was_in_block = std::mem::replace(&mut self.in_block, true);
        self.code.span = block.span;
        self.code.argument_count = small(block.arguments.len());
        self.declare_for_closure(scope);
        self.make_vector(scope);
        self.sequence(&block.body);
        self.code.emit(Operation::BlockReturnTop, block.span);
        self.in_block = was_in_block;
        std::mem::replace(&mut self.code, around)
    }

    /// Arguments, copied values, own temporaries, in this order.
    fn declare_for_closure(&mut self, scope: ScopeId) {
        let analysis = self.analysis;
        let scope = analysis.scope(scope);
        let is_argument = |&&id: &&VariableId| analysis.variable(id).kind == VariableKind::Argument;
        for &argument in scope.variables.iter().filter(is_argument) {
            let key = self.key_of(argument);
            self.code.declare(key);
        }
        for &capture in &scope.copied {
            let key = self.capture_key(capture);
            self.code.declare(key);
        }
        for &temporary in scope.variables.iter().filter(|id| !is_argument(id)) {
            if analysis.vector_slot(temporary).is_none() {
                let key = self.key_of(temporary);
                self.code.declare(key);
            }
        }
    }

    fn capture_key(&self, capture: Capture) -> TempKey<'t> {
        match capture {
            Capture::Variable(variable) => self.key_of(variable),
            Capture::Vector(scope) => TempKey::Vector(scope),
        }
    }

    /// What a block of one constant, or of nothing, answers.
    fn constant_of(&self, id: BlockId) -> Option<Option<&'t Literal<'t>>> {
        let block = self.tree.block(id);
        if block.arguments.len() >= closure::CONSTANT_CLASSES.len() {
            return None;
        }
        match block.body.statements.as_slice() {
            [] => Some(None),
            [only] if !only.is_return => match &self.tree.expr(only.value).kind {
                ExprKind::Literal(literal) => Some(Some(literal)),
                _ => None,
            },
            _ => None,
        }
    }

    /// A closure that is a literal. Its compiled block never runs, tools look at it.
    fn constant_block(&mut self, id: BlockId, constant: Option<&'t Literal<'t>>) {
        let block = self.tree.block(id);
        let around = std::mem::take(&mut self.code);
        self.code.span = block.span;
        self.code.argument_count = small(block.arguments.len());
        self.code.temp_count = block.arguments.len();
        match constant {
            Some(literal) => self.push_literal(literal, block.span),
            None => self
                .code
                .emit(Operation::PushConstant(Constant::Nil), block.span),
        }
        self.code.emit(Operation::BlockReturnTop, block.span);
        let code = Box::new(std::mem::replace(&mut self.code, around));
        let arguments = small(block.arguments.len());
        let entry = self.code.entry(Entry::ConstantBlock {
            code,
            arguments,
            constant,
        });
        self.code.emit(Operation::PushLiteral(entry), block.span);
    }

    /// Makes and keeps the temp vector of a scope, where it has one.
    pub(crate) fn make_vector(&mut self, scope: ScopeId) {
        let size = self.analysis.scope(scope).vector.len();
        if size == 0 {
            return;
        }
        if size > VECTOR_MAX {
            let span = self
                .analysis
                .variable(self.analysis.scope(scope).vector[VECTOR_MAX])
                .span;
            self.error(
                span,
                format!("more than {VECTOR_MAX} variables are shared with blocks here"),
            );
        }
        let vector = self.code.declare(TempKey::Vector(scope));
        self.code
            .emit(Operation::NewArray(small(size)), Span::default());
        self.code.emit(Operation::PopTemp(vector), Span::default());
    }
}
