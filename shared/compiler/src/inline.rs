//! Control flow compiled in place. The shapes of the code are Pharo's (its `OCASTTranslator`).

use imprint_syntax::{BlockId, ExprId, ExprKind, Literal, MessageId, Span};

use crate::analysis::Analysis;
use crate::control::{Control, case_parts, step_is_positive};
use crate::generate::Generator;
use crate::ir::{Constant, Label, Operation, Temp, TempKey};
use crate::names::Resolved;
use crate::scope::{Reference, VariableId, VariableKind};

/// How the limit of a loop is pushed, again and again.
#[derive(Clone, Copy)]
enum Limit {
    /// It cannot change: by itself.
    Again(ExprId),
    /// It was kept.
    Kept(Temp),
}

impl<'t> Generator<'_, 't> {
    /// The message with `control`, its value left on the stack.
    pub(crate) fn inline(&mut self, control: Control, receiver: ExprId, message: MessageId) {
        let tree = self.tree;
        let message = tree.message(message);
        self.code.mention(&message.selector);
        let call = Call {
            receiver,
            arguments: tree.list(message.arguments),
            span: message.selector_span,
        };
        match control {
            Control::IfTrue => self.if_true(&call),
            Control::IfFalse => self.if_false(&call),
            Control::IfTrueIfFalse => self.choice(&call, false),
            Control::IfFalseIfTrue => self.choice(&call, true),
            Control::IfNil => self.if_nil(&call),
            Control::IfNotNil => self.if_not_nil(&call),
            Control::IfNilIfNotNil => self.nil_choice(&call, call.arguments[1], false),
            Control::IfNotNilIfNil => self.nil_choice(&call, call.arguments[0], true),
            Control::And => self.and(&call),
            Control::Or => self.or(&call),
            Control::WhileTrue => self.while_loop(&call, false),
            Control::WhileFalse => self.while_loop(&call, true),
            Control::ToDo => self.counting_loop(&call),
            Control::TimesRepeat => self.times_repeat(&call),
            Control::Repeat => self.repeat(&call),
            Control::Case => self.case(&call),
            Control::Send => {}
        }
    }

    fn if_true(&mut self, call: &Call<'_>) {
        self.value(call.receiver);
        let (otherwise, end) = (self.jump_if(false, call.span), self.code.new_label());
        self.body(call.arguments[0]);
        self.jump(end, call.span);
        self.code.place(otherwise);
        self.constant(Constant::Nil, call.span);
        self.code.place(end);
    }

    fn if_false(&mut self, call: &Call<'_>) {
        self.value(call.receiver);
        let (otherwise, end) = (self.jump_if(false, call.span), self.code.new_label());
        self.constant(Constant::Nil, call.span);
        self.jump(end, call.span);
        self.code.place(otherwise);
        self.body(call.arguments[0]);
        self.code.place(end);
    }

    fn choice(&mut self, call: &Call<'_>, condition: bool) {
        self.value(call.receiver);
        self.branches(call, condition);
    }

    /// The first block, unless the top is `condition`; then the second.
    fn branches(&mut self, call: &Call<'_>, condition: bool) {
        let (otherwise, end) = (self.jump_if(condition, call.span), self.code.new_label());
        self.body(call.arguments[0]);
        self.jump(end, call.span);
        self.code.place(otherwise);
        self.body(call.arguments[1]);
        self.code.place(end);
    }

    fn if_nil(&mut self, call: &Call<'_>) {
        self.value(call.receiver);
        self.code.emit(Operation::Dup, call.span);
        self.test_nil(call.span);
        let end = self.jump_if(false, call.span);
        self.pop(call.span);
        self.body(call.arguments[0]);
        self.code.place(end);
    }

    fn if_not_nil(&mut self, call: &Call<'_>) {
        self.value(call.receiver);
        self.store_argument(call.arguments[0], call.span);
        self.code.emit(Operation::Dup, call.span);
        self.test_nil(call.span);
        let end = self.jump_if(true, call.span);
        self.pop(call.span);
        self.body(call.arguments[0]);
        self.code.place(end);
    }

    fn nil_choice(&mut self, call: &Call<'_>, not_nil: ExprId, condition: bool) {
        self.value(call.receiver);
        self.store_argument(not_nil, call.span);
        self.test_nil(call.span);
        self.branches(call, condition);
    }

    fn test_nil(&mut self, span: Span) {
        self.constant(Constant::Nil, span);
        self.send_selector("==", 1, span);
    }

    /// Gives the top to the argument of a block, where it has one.
    fn store_argument(&mut self, block: ExprId, span: Span) {
        if let Some(argument) = self.argument_of(block) {
            self.store_variable(argument, span);
        }
    }

    fn argument_of(&self, block: ExprId) -> Option<VariableId> {
        let block = self.tree.as_block(block)?;
        let scope = self
            .analysis
            .scope(self.analysis.block_scopes[block.index()]);
        let first = *scope.variables.first()?;
        (self.analysis.variable(first).kind == VariableKind::Argument).then_some(first)
    }

    fn and(&mut self, call: &Call<'_>) {
        self.value(call.receiver);
        let (otherwise, end) = (self.jump_if(false, call.span), self.code.new_label());
        self.body(call.arguments[0]);
        self.jump(end, call.span);
        self.code.place(otherwise);
        self.constant(Constant::False, call.span);
        self.code.place(end);
    }

    fn or(&mut self, call: &Call<'_>) {
        self.value(call.receiver);
        let (otherwise, end) = (self.jump_if(false, call.span), self.code.new_label());
        self.constant(Constant::True, call.span);
        self.jump(end, call.span);
        self.code.place(otherwise);
        self.body(call.arguments[0]);
        self.code.place(end);
    }

    fn while_loop(&mut self, call: &Call<'_>, condition: bool) {
        let start = self.start_loop();
        self.body(call.receiver);
        let end = self.jump_if(condition, call.span);
        if let Some(&body) = call.arguments.first() {
            self.body(body);
            self.pop(call.span);
        }
        self.code.emit(Operation::JumpBack(start), call.span);
        self.code.place(end);
        self.constant(Constant::Nil, call.span);
    }

    fn repeat(&mut self, call: &Call<'_>) {
        let start = self.start_loop();
        self.body(call.receiver);
        self.pop(call.span);
        self.code.emit(Operation::JumpBack(start), call.span);
        self.constant(Constant::Nil, call.span);
    }

    /// The value is the first number, which stays on the stack below the loop.
    fn counting_loop(&mut self, call: &Call<'_>) {
        let body = call.arguments[call.arguments.len() - 1];
        let Some(counter) = self.argument_of(body) else {
            return;
        };
        let limit = self.counting_limit(call.arguments[0], counter);
        self.value(call.receiver);
        self.store_variable(counter, call.span);
        let start = self.start_loop();
        self.push_variable(counter, call.span);
        self.push_limit(limit, call.span);
        let is_upward = self.counts_upward(call);
        self.send_selector(if is_upward { "<=" } else { ">=" }, 1, call.span);
        let done = self.jump_if(false, call.span);
        self.body(body);
        self.pop(call.span);
        self.push_variable(counter, call.span);
        self.push_step(call);
        self.send_selector("+", 1, call.span);
        self.store_variable(counter, call.span);
        self.pop(call.span);
        self.code.emit(Operation::JumpBack(start), call.span);
        self.code.place(done);
    }

    /// A limit that may change is kept in a temporary named after the counter.
    fn counting_limit(&mut self, limit: ExprId, counter: VariableId) -> Limit {
        if !self.may_change(limit) {
            return Limit::Again(limit);
        }
        self.value(limit);
        let key = match self.key_of(counter) {
            TempKey::Named(name) => TempKey::LimitNamed(name),
            _ => TempKey::LimitVariable(counter),
        };
        let kept = self.code.declare(key);
        self.keep(kept, self.tree.expr(limit).span)
    }

    fn keep(&mut self, temp: Temp, span: Span) -> Limit {
        self.code.emit(Operation::StoreTemp(temp), span);
        self.pop(span);
        Limit::Kept(temp)
    }

    fn push_limit(&mut self, limit: Limit, span: Span) {
        match limit {
            Limit::Again(limit) => self.value(limit),
            Limit::Kept(temp) => self.code.emit(Operation::PushTemp(temp), span),
        }
    }

    /// Whether evaluating again could give something else, or is more than a push.
    fn may_change(&self, id: ExprId) -> bool {
        match self.tree.expr(id).kind {
            ExprKind::Literal(_) => false,
            ExprKind::Variable(_) => is_writable(self.analysis, self.reference(id)),
            _ => true,
        }
    }

    fn step_of(&self, call: &Call<'_>) -> Option<&'t Literal<'t>> {
        match call.arguments {
            [_, step, _] => match &self.tree.expr(*step).kind {
                ExprKind::Literal(step) => Some(step),
                _ => None,
            },
            _ => None,
        }
    }

    fn counts_upward(&self, call: &Call<'_>) -> bool {
        self.step_of(call)
            .and_then(step_is_positive)
            .unwrap_or(true)
    }

    fn push_step(&mut self, call: &Call<'_>) {
        match self.step_of(call) {
            Some(step) => self.push_literal(step, call.span),
            None => self.push_integer(1, call.span),
        }
    }

    /// The value is the number of turns, which stays on the stack below the loop.
    fn times_repeat(&mut self, call: &Call<'_>) {
        let limit = if self.may_change(call.receiver) {
            self.value(call.receiver);
            let kept = self.code.declare_hidden();
            self.keep(kept, call.span)
        } else {
            Limit::Again(call.receiver)
        };
        self.push_limit(limit, call.span);
        self.push_integer(1, call.span);
        let counter = self.code.declare_hidden();
        self.code.emit(Operation::PopTemp(counter), call.span);
        let start = self.start_loop();
        self.code.emit(Operation::PushTemp(counter), call.span);
        self.push_limit(limit, call.span);
        self.send_selector("<=", 1, call.span);
        let done = self.jump_if(false, call.span);
        self.body(call.arguments[0]);
        self.pop(call.span);
        self.code.emit(Operation::PushTemp(counter), call.span);
        self.push_integer(1, call.span);
        self.send_selector("+", 1, call.span);
        self.code.emit(Operation::PopTemp(counter), call.span);
        self.code.emit(Operation::JumpBack(start), call.span);
        self.code.place(done);
    }

    /// The receiver stays on the stack until a test holds; the last test takes it.
    fn case(&mut self, call: &Call<'_>) {
        let tree = self.tree;
        let ExprKind::Brace(cases) = tree.expr(call.arguments[0]).kind else {
            return;
        };
        let cases = tree.list(cases);
        self.value(call.receiver);
        let end = self.code.new_label();
        for (index, &case) in cases.iter().enumerate() {
            let Some((test, result)) = case_parts(tree, case) else {
                continue;
            };
            let is_last = index + 1 == cases.len();
            if !is_last {
                self.code.emit(Operation::Dup, call.span);
            }
            self.block_body(test);
            self.send_selector("=", 1, call.span);
            let next = self.jump_if(false, call.span);
            if !is_last {
                self.pop(call.span);
            }
            self.block_body(result);
            self.jump(end, call.span);
            self.code.place(next);
        }
        match call.arguments.get(1) {
            Some(&otherwise) => self.body(otherwise),
            None => {
                self.code.emit(Operation::PushReceiver, call.span);
                self.send_selector("caseError", 0, call.span);
            }
        }
        self.code.place(end);
    }

    /// The block that an expression is, in place, its value left on the stack.
    fn body(&mut self, block: ExprId) {
        if let Some(block) = self.tree.as_block(block) {
            self.block_body(block);
        }
    }

    fn block_body(&mut self, id: BlockId) {
        let analysis = self.analysis;
        let scope_id = analysis.block_scopes[id.index()];
        let scope = analysis.scope(scope_id);
        let span = self.tree.block(id).span;
        self.make_vector(scope_id);
        let is_argument = |&&id: &&VariableId| analysis.variable(id).kind == VariableKind::Argument;
        let in_temp = |id: &&VariableId| !is_argument(id) && analysis.vector_slot(**id).is_none();
        for &temporary in scope.variables.iter().filter(in_temp) {
            let key = self.key_of(temporary);
            self.code.declare(key);
        }
        for &argument in scope.variables.iter().filter(is_argument) {
            let key = self.key_of(argument);
            self.code.declare(key);
        }
        if scope.is_loop {
            for &temporary in scope.variables.iter().filter(in_temp) {
                self.constant(Constant::Nil, span);
                self.store_variable(temporary, span);
                self.pop(span);
            }
        }
        self.sequence(&self.tree.block(id).body);
    }

    fn start_loop(&mut self) -> Label {
        let start = self.code.new_label();
        self.code.place(start);
        start
    }

    fn jump_if(&mut self, condition: bool, span: Span) -> Label {
        let label = self.code.new_label();
        self.code.emit(Operation::JumpIf { condition, label }, span);
        label
    }

    fn jump(&mut self, label: Label, span: Span) {
        self.code.emit(Operation::Jump(label), span);
    }

    fn constant(&mut self, constant: Constant, span: Span) {
        self.code.emit(Operation::PushConstant(constant), span);
    }
}

/// A message that is compiled in place.
struct Call<'a> {
    receiver: ExprId,
    arguments: &'a [ExprId],
    /// Where its selector stands.
    span: Span,
}

fn is_writable(analysis: &Analysis<'_>, reference: Reference) -> bool {
    match reference {
        Reference::Local(id) => analysis.variable(id).kind != VariableKind::Argument,
        Reference::External(position) => {
            let resolved = &analysis.externals[position as usize].resolved;
            !matches!(resolved, Resolved::Global { is_class: true, .. })
        }
        _ => false,
    }
}
