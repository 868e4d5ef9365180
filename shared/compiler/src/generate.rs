//! Tree to operations: statements, variables, messages. Closures are in `closure`, control flow
//! compiled in place in `inline`.
//!
//! The order in which temporaries get their indices is part of the contract with Pharo's image
//! (`ensure:` finds its handler by index): arguments, copied values, own temporaries, the temp
//! vector; then, where a block is compiled in place, its vector, temporaries and arguments.

use imprint_isa::draft::Ref;
use imprint_isa::special_selectors::{SPECIAL_SELECTORS, special_position};
use imprint_syntax::{
    Diagnostic, ExprId, ExprKind, ExprList, Integer, Literal, MessageId, Sequence, Span, Tree,
};

use crate::Site;
use crate::analysis::{Analysis, METHOD_SCOPE};
use crate::control::Control;
use crate::ir::{Code, Constant, Entry, Operation, Temp, TempKey};
use crate::names::Resolved;
use crate::options::Options;
use crate::pragma::Primitive;
use crate::scope::{Reference, VariableId, VariableKind};

/// Brace arrays up to this size are made of values on the stack.
const BRACE_MAX: usize = 32;

/// Makes the operations of one method and its blocks.
pub(crate) struct Generator<'g, 't> {
    pub(crate) tree: &'t Tree<'t>,
    pub(crate) analysis: &'g Analysis<'t>,
    pub(crate) site: &'g Site,
    pub(crate) options: Options,
    pub(crate) code: Code<'t>,
    pub(crate) in_block: bool,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl<'g, 't> Generator<'g, 't> {
    pub(crate) fn new(
        tree: &'t Tree<'t>,
        analysis: &'g Analysis<'t>,
        site: &'g Site,
        options: Options,
    ) -> Self {
        Self {
            tree,
            analysis,
            site,
            options,
            code: Code::default(),
            in_block: false,
            diagnostics: Vec::new(),
        }
    }

    /// The code of a method: answers the receiver if its end is reached.
    pub(crate) fn method(&mut self, primitive: Option<&Primitive<'t>>) {
        self.begin_method(primitive);
        self.sequence(&self.tree.body);
        self.pop(Span::default());
        self.code.emit(Operation::PushReceiver, Span::default());
        self.code.emit(Operation::ReturnTop, self.tree.pattern);
    }

    /// The code of an expression sequence: answers the value of its last statement.
    pub(crate) fn doit(&mut self, primitive: Option<&Primitive<'t>>) {
        self.begin_method(primitive);
        self.sequence(&self.tree.body);
        self.code.emit(Operation::ReturnTop, Span::default());
    }

    fn begin_method(&mut self, primitive: Option<&Primitive<'t>>) {
        self.code.span = self.tree.pattern;
        self.code.argument_count = small(self.tree.arguments.len());
        for &variable in &self.analysis.scope(METHOD_SCOPE).variables {
            if self.analysis.vector_slot(variable).is_none() {
                let key = self.key_of(variable);
                self.code.declare(key);
            }
        }
        let error = primitive.and_then(|primitive| self.primitive(primitive));
        self.make_vector(METHOD_SCOPE);
        if let Some((temp, variable)) = error {
            self.code.emit(Operation::PushTemp(temp), Span::default());
            self.store_variable(variable, Span::default());
            self.pop(Span::default());
        }
    }

    /// Calls a primitive. Its error can only be stored into a temporary: where the variable lives
    /// in a vector, answers both, for the value still to be moved.
    fn primitive(&mut self, primitive: &Primitive<'t>) -> Option<(Temp, VariableId)> {
        self.code.primitive = primitive.number;
        if let Some((module, name)) = primitive.spec {
            self.code.entry(Entry::PrimitiveSpec { module, name });
        }
        let analysis = self.analysis;
        let variables = &analysis.scope(METHOD_SCOPE).variables;
        let is_error = |id: &&VariableId| analysis.variable(**id).kind == VariableKind::ErrorCode;
        let variable = *variables.iter().find(is_error)?;
        let in_vector = analysis.vector_slot(variable).is_some();
        let temp = if in_vector {
            self.code.declare_hidden()
        } else {
            self.temp_of(variable)
        };
        self.code.emit(Operation::StoreError(temp), primitive.span);
        in_vector.then_some((temp, variable))
    }

    fn temp_of(&mut self, variable: VariableId) -> Temp {
        let key = self.key_of(variable);
        self.code.temp(key)
    }

    /// The values of all statements, the last one left on the stack.
    pub(crate) fn sequence(&mut self, body: &'t Sequence<'t>) {
        let Some((last, others)) = body.statements.split_last() else {
            self.code
                .emit(Operation::PushConstant(Constant::Nil), Span::default());
            return;
        };
        for statement in others {
            self.value(statement.value);
            if statement.is_return {
                self.code.emit(Operation::ReturnTop, statement.span);
            }
            self.pop(statement.span);
        }
        self.value(last.value);
        if last.is_return {
            self.code.emit(Operation::ReturnTop, last.span);
        }
    }

    pub(crate) fn pop(&mut self, span: Span) {
        self.code.emit(Operation::Pop, span);
    }

    /// Leaves the value of an expression on the stack.
    pub(crate) fn value(&mut self, id: ExprId) {
        let expr = self.tree.expr(id);
        match &expr.kind {
            ExprKind::Variable(_) => self.push_reference(self.reference(id), expr.span),
            ExprKind::Literal(literal) => self.push_literal(literal, expr.span),
            ExprKind::Assignment { value, .. } => {
                self.value(*value);
                self.store_reference(self.reference(id), expr.span);
            }
            ExprKind::Send { receiver, message } => match self.analysis.controls[id.index()] {
                Control::Send => self.send(*receiver, *message),
                control => self.inline(control, *receiver, *message),
            },
            ExprKind::Cascade { receiver, messages } => self.cascade(*receiver, messages),
            ExprKind::Block(block) => self.block(*block),
            ExprKind::Return(value) => {
                self.value(*value);
                self.code.emit(Operation::ReturnTop, expr.span);
            }
            ExprKind::Brace(elements) => self.brace(*elements, expr.span),
            // Only a faulty tree has these, and of that no code is used.
            ExprKind::Error => self
                .code
                .emit(Operation::PushConstant(Constant::Nil), expr.span),
        }
    }

    pub(crate) fn reference(&self, id: ExprId) -> Reference {
        self.analysis.references[id.index()]
    }

    fn push_reference(&mut self, reference: Reference, span: Span) {
        let operation = match reference {
            Reference::Receiver | Reference::Super => Operation::PushReceiver,
            Reference::ThisContext => Operation::PushThisContext,
            Reference::ThisProcess => Operation::PushThisProcess,
            Reference::None => Operation::PushConstant(Constant::Nil),
            Reference::Local(variable) => return self.push_variable(variable, span),
            Reference::External(position) => return self.push_external(position, span),
        };
        self.code.emit(operation, span);
    }

    /// Pushes an argument or temporary, wherever it lives.
    pub(crate) fn push_variable(&mut self, variable: VariableId, span: Span) {
        let operation = match self.analysis.vector_slot(variable) {
            Some(slot) => Operation::PushRemote {
                slot: small(slot),
                vector: self.vector_of(variable),
            },
            None => {
                let key = self.key_of(variable);
                Operation::PushTemp(self.code.temp(key))
            }
        };
        self.code.emit(operation, span);
    }

    /// Stores the top into an argument or temporary, wherever it lives.
    pub(crate) fn store_variable(&mut self, variable: VariableId, span: Span) {
        let operation = match self.analysis.vector_slot(variable) {
            Some(slot) => Operation::StoreRemote {
                slot: small(slot),
                vector: self.vector_of(variable),
            },
            None => {
                let key = self.key_of(variable);
                Operation::StoreTemp(self.code.temp(key))
            }
        };
        self.code.emit(operation, span);
    }

    fn vector_of(&mut self, variable: VariableId) -> Temp {
        let scope = self.analysis.variable(variable).scope;
        self.code.temp(TempKey::Vector(scope))
    }

    /// What names the slot of a variable that lives in a temporary.
    pub(crate) fn key_of(&self, id: VariableId) -> TempKey<'t> {
        let variable = self.analysis.variable(id);
        if variable.shadows {
            TempKey::Variable(id)
        } else {
            TempKey::Named(variable.name)
        }
    }

    fn push_external(&mut self, position: u32, span: Span) {
        let external = &self.analysis.externals[position as usize];
        match binding_of(&external.resolved) {
            Binding::Instance(index) => self.code.emit(Operation::PushInstance(index), span),
            Binding::Shared(binding) => {
                let entry = self.code.entry(Entry::Binding(binding));
                self.code.emit(Operation::PushBinding(entry), span);
            }
            Binding::Undeclared => {
                self.push_undeclared(external.name, span);
                self.code.emit(Operation::PushThisContext, span);
                self.send_selector("runtimeUndeclaredReadInContext:", 1, span);
            }
        }
    }

    fn store_reference(&mut self, reference: Reference, span: Span) {
        match reference {
            Reference::Local(variable) => self.store_variable(variable, span),
            Reference::External(position) => self.store_external(position, span),
            // A store to a name that always means the same was refused.
            _ => {}
        }
    }

    fn store_external(&mut self, position: u32, span: Span) {
        let external = &self.analysis.externals[position as usize];
        match binding_of(&external.resolved) {
            Binding::Instance(index) => self.code.emit(Operation::StoreInstance(index), span),
            Binding::Shared(binding) => {
                let entry = self.code.entry(Entry::Binding(binding));
                self.code.emit(Operation::StoreBinding(entry), span);
            }
            Binding::Undeclared => {
                let passing = self.code.declare(TempKey::Passing);
                self.code.emit(Operation::StoreTemp(passing), span);
                self.pop(span);
                self.push_undeclared(external.name, span);
                self.code.emit(Operation::PushTemp(passing), span);
                self.code.emit(Operation::PushThisContext, span);
                self.send_selector("runtimeUndeclaredWrite:inContext:", 2, span);
            }
        }
    }

    fn push_undeclared(&mut self, name: &str, span: Span) {
        let entry = self
            .code
            .entry(Entry::Binding(Ref::Undeclared(name.into())));
        self.code.emit(Operation::PushLiteral(entry), span);
    }

    /// Pushes a constant.
    pub(crate) fn push_literal(&mut self, literal: &'t Literal<'t>, span: Span) {
        let constant = match literal {
            Literal::Nil => Constant::Nil,
            Literal::True => Constant::True,
            Literal::False => Constant::False,
            Literal::Integer(Integer::Small(value)) => return self.push_integer(*value, span),
            Literal::Symbol(text) => {
                let entry = self.code.entry(Entry::Symbol(text));
                return self.code.emit(Operation::PushLiteral(entry), span);
            }
            other => {
                let entry = self.code.entry(Entry::Constant(other));
                return self.code.emit(Operation::PushLiteral(entry), span);
            }
        };
        self.code.emit(Operation::PushConstant(constant), span);
    }

    /// Pushes a whole number.
    pub(crate) fn push_integer(&mut self, value: i64, span: Span) {
        let operation = match value {
            0 => Operation::PushConstant(Constant::Zero),
            1 => Operation::PushConstant(Constant::One),
            _ => Operation::PushLiteral(self.code.entry(Entry::Integer(value))),
        };
        self.code.emit(operation, span);
    }

    fn send(&mut self, receiver: ExprId, message: MessageId) {
        self.value(receiver);
        let is_super = self.reference(receiver) == Reference::Super;
        self.message(message, is_super);
    }

    /// Arguments and send; the receiver is on the stack.
    fn message(&mut self, message: MessageId, is_super: bool) {
        let tree = self.tree;
        let message = tree.message(message);
        for &argument in tree.list(message.arguments) {
            self.value(argument);
        }
        let arguments = small(message.arguments.len());
        if is_super {
            self.send_super(&message.selector, arguments, message.selector_span);
        } else {
            self.send_selector(&message.selector, arguments, message.selector_span);
        }
    }

    /// Sends; receiver and arguments are on the stack.
    pub(crate) fn send_selector(&mut self, selector: &'t str, arguments: u8, span: Span) {
        let special = if self.options.special_sends {
            special_position(selector)
        } else {
            None
        };
        let operation = match special {
            Some(position) => Operation::SendSpecial {
                position: small(position),
                arguments: SPECIAL_SELECTORS[position].1,
            },
            None => Operation::Send {
                selector: self.code.entry(Entry::Symbol(selector)),
                arguments,
            },
        };
        self.code.emit(operation, span);
    }

    /// In a block the class is pushed, since the block's code does not end in its binding.
    fn send_super(&mut self, selector: &'t str, arguments: u8, span: Span) {
        let selector = self.code.entry(Entry::Symbol(selector));
        let operation = if self.in_block {
            let binding = self.code.entry(Entry::Binding(self.site.class_binding()));
            Operation::SendDirectedSuper {
                selector,
                binding,
                arguments,
            }
        } else {
            Operation::SendSuper {
                selector,
                arguments,
            }
        };
        self.code.emit(operation, span);
    }

    fn cascade(&mut self, receiver: ExprId, messages: &[MessageId]) {
        self.value(receiver);
        let is_super = self.reference(receiver) == Reference::Super;
        for (index, &message) in messages.iter().enumerate() {
            let span = self.tree.message(message).selector_span;
            let is_last = index + 1 == messages.len();
            if !is_last {
                self.code.emit(Operation::Dup, span);
            }
            self.message(message, is_super);
            if !is_last {
                self.pop(span);
            }
        }
    }

    fn brace(&mut self, elements: ExprList, span: Span) {
        if elements.len() > BRACE_MAX {
            return self.large_brace(elements, span);
        }
        for &element in self.tree.list(elements) {
            self.value(element);
        }
        self.code
            .emit(Operation::PopIntoArray(small(elements.len())), span);
    }

    fn large_brace(&mut self, elements: ExprList, span: Span) {
        let array = self.code.entry(Entry::Binding(Ref::Global("Array".into())));
        self.code.emit(Operation::PushBinding(array), span);
        self.push_integer(i64::try_from(elements.len()).unwrap_or(i64::MAX), span);
        self.send_selector("new:", 1, span);
        for (index, &element) in (1..).zip(self.tree.list(elements)) {
            self.code.emit(Operation::Dup, span);
            self.push_integer(index, span);
            self.value(element);
            self.send_selector("at:put:", 2, span);
            self.pop(span);
        }
    }

    pub(crate) fn error(&mut self, span: Span, message: String) {
        self.diagnostics.push(Diagnostic::error(span, message));
    }
}

/// How a name outside the method is reached.
enum Binding {
    Instance(u16),
    Shared(Ref),
    Undeclared,
}

fn binding_of(resolved: &Resolved) -> Binding {
    match resolved {
        Resolved::InstanceVariable(index) => Binding::Instance(*index),
        Resolved::ClassVariable { class, name } => Binding::Shared(Ref::ClassVariable {
            class: class.clone(),
            name: name.clone(),
        }),
        Resolved::Global { name, .. } => Binding::Shared(Ref::Global(name.clone())),
        Resolved::Undeclared => Binding::Undeclared,
    }
}

/// A count that a limit checked elsewhere keeps small; beyond it a diagnostic stops the code.
pub(crate) fn small(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}
