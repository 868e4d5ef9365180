//! What the names of a tree mean, which messages are compiled in place, and where each variable
//! has to live. Two passes in one: the walk notes reads and writes in order and answers the
//! findings; then vectors and copies follow from what was noted (`capture`).
//!
//! The rules by which a variable gets into a temp vector are Pharo's (its
//! `OCASTSemanticAnalyzer`); they depend on the order of the visit, which is receiver, arguments,
//! and for an assignment the value before the target.

use imprint_model::method_header::ARGUMENTS_MAX;
use imprint_syntax::{
    BlockId, Diagnostic, ExprId, ExprKind, MessageId, Name, Sequence, Span, Tree,
};

use rustc_hash::FxHashMap;

use crate::control::{Control, case_parts, control_of};
use crate::names::{Names, Resolved};
use crate::options::Options;
use crate::scope::{
    Capture, Escape, External, Reference, Scope, ScopeId, Usage, Variable, VariableId,
    VariableKind, is_reserved, pseudo_variable,
};

/// Everything found out about a tree.
pub(crate) struct Analysis<'t> {
    pub(crate) scopes: Vec<Scope>,
    pub(crate) variables: Vec<Variable<'t>>,
    pub(crate) externals: Vec<External<'t>>,
    /// By expression: what a name refers to, or the target of an assignment.
    pub(crate) references: Vec<Reference>,
    /// By expression: how a message is compiled.
    pub(crate) controls: Vec<Control>,
    /// By block: its scope.
    pub(crate) block_scopes: Vec<ScopeId>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// More variables than this in one scope fit nowhere, and would take long to tell apart.
const VARIABLES_MAX: usize = 500;

/// The scope of the method itself.
pub(crate) const METHOD_SCOPE: ScopeId = ScopeId(0);

impl<'t> Analysis<'t> {
    /// Walks the whole tree; `error_code` is the variable of the primitive's error.
    pub(crate) fn of(
        tree: &'t Tree<'t>,
        names: &dyn Names,
        options: &Options,
        error_code: Option<Name<'t>>,
    ) -> Self {
        let mut walk = Walk {
            tree,
            names,
            options,
            scope: METHOD_SCOPE,
            in_place: vec![None; tree.block_count()],
            known_externals: FxHashMap::default(),
            seen: Vec::new(),
            found: Analysis {
                scopes: Vec::new(),
                variables: Vec::new(),
                externals: Vec::new(),
                references: vec![Reference::None; tree.expr_count()],
                controls: vec![Control::Send; tree.expr_count()],
                block_scopes: vec![METHOD_SCOPE; tree.block_count()],
                diagnostics: Vec::new(),
            },
        };
        walk.method(error_code);
        let Walk {
            seen, mut found, ..
        } = walk;
        found.capture(&seen);
        found
    }

    pub(crate) fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.0 as usize]
    }

    pub(crate) fn variable(&self, id: VariableId) -> &Variable<'t> {
        &self.variables[id.0 as usize]
    }

    /// The slot of a variable in its scope's temp vector, if it lives there.
    pub(crate) fn vector_slot(&self, id: VariableId) -> Option<usize> {
        let scope = self.scope(self.variable(id).scope);
        scope.vector.iter().position(|&member| member == id)
    }

    /// Fills the vectors, then lets each use of a variable of another function pass it on, or its
    /// vector, through all closures between.
    fn capture(&mut self, seen: &[(ScopeId, VariableId)]) {
        for (index, variable) in self.variables.iter().enumerate() {
            if variable.escape == Escape::Write {
                let id = VariableId(u32::try_from(index).unwrap_or(u32::MAX));
                self.scopes[variable.scope.0 as usize].vector.push(id);
            }
        }
        for &(scope, id) in seen {
            let variable = self.variable(id);
            let home = self.scope(variable.scope).function;
            let capture = match variable.escape {
                Escape::No => continue,
                Escape::Read => Capture::Variable(id),
                Escape::Write => Capture::Vector(variable.scope),
            };
            self.copy_from(capture, home, self.scope(scope).function);
        }
    }

    fn copy_from(&mut self, capture: Capture, home: ScopeId, mut function: ScopeId) {
        while function != home {
            let scope = &mut self.scopes[function.0 as usize];
            if scope.copied.contains(&capture) {
                return;
            }
            scope.copied.push(capture);
            let Some(parent) = scope.parent else {
                return;
            };
            function = self.scope(parent).function;
        }
    }
}

/// The walk, where it stands.
struct Walk<'w, 't> {
    tree: &'t Tree<'t>,
    names: &'w dyn Names,
    options: &'w Options,
    scope: ScopeId,
    /// By block: how it is compiled in place, if it is.
    in_place: Vec<Option<Control>>,
    /// By name outside the method: its position.
    known_externals: FxHashMap<&'t str, u32>,
    /// Uses of variables, in order.
    seen: Vec<(ScopeId, VariableId)>,
    found: Analysis<'t>,
}

impl<'t> Walk<'_, 't> {
    fn method(&mut self, error_code: Option<Name<'t>>) {
        let tree = self.tree;
        self.open_scope(None, None);
        if tree.arguments.len() > ARGUMENTS_MAX {
            self.error(
                tree.pattern,
                format!("a method has at most {ARGUMENTS_MAX} arguments"),
            );
        }
        for &argument in &tree.arguments {
            self.declare(argument, VariableKind::Argument);
        }
        if let Some(name) = error_code {
            self.declare(name, VariableKind::ErrorCode);
        }
        self.sequence(&tree.body);
    }

    fn open_scope(&mut self, parent: Option<ScopeId>, in_place: Option<Control>) -> ScopeId {
        let id = ScopeId(u32::try_from(self.found.scopes.len()).unwrap_or(u32::MAX));
        let around = parent.map(|parent| self.found.scope(parent));
        let is_loop = in_place.is_some_and(Control::is_loop);
        let scope = Scope {
            parent,
            function: match (around, in_place) {
                (Some(around), Some(_)) => around.function,
                _ => id,
            },
            is_loop,
            in_loop: is_loop || around.is_some_and(|around| around.in_loop),
            variables: Vec::new(),
            vector: Vec::new(),
            copied: Vec::new(),
        };
        self.found.scopes.push(scope);
        id
    }

    fn sequence(&mut self, body: &'t Sequence<'t>) {
        let first = self.found.variables.len();
        for &name in &body.temporaries {
            self.declare(name, VariableKind::Temporary);
        }
        let declared = first..self.found.variables.len();
        for statement in &body.statements {
            self.expression(statement.value);
        }
        for index in declared {
            let variable = &self.found.variables[index];
            if variable.usage == Usage::Unused {
                let (span, message) = (variable.span, format!("'{}' is never used", variable.name));
                self.found
                    .diagnostics
                    .push(Diagnostic::warning(span, message));
            }
        }
    }

    fn declare(&mut self, name: Name<'t>, kind: VariableKind) {
        if is_reserved(name.text) {
            self.error(
                name.span,
                format!("'{}' cannot be declared, it is reserved", name.text),
            );
            return;
        }
        if self.found.scope(self.scope).variables.len() >= VARIABLES_MAX {
            return self.error_once(name.span, "too many variables are declared here");
        }
        let visible = self.lookup(name.text);
        if visible.is_some_and(|visible| self.found.variable(visible).scope == self.scope) {
            self.error(name.span, format!("'{}' is declared twice", name.text));
            return;
        }
        self.warn_of_shadowing(name, visible.is_some());
        let id = VariableId(u32::try_from(self.found.variables.len()).unwrap_or(u32::MAX));
        self.found.variables.push(Variable {
            name: name.text,
            span: name.span,
            scope: self.scope,
            kind,
            escape: Escape::No,
            usage: Usage::Unused,
            shadows: visible.is_some(),
        });
        self.found.scopes[self.scope.0 as usize].variables.push(id);
    }

    fn warn_of_shadowing(&mut self, name: Name<'t>, hides_local: bool) {
        let hidden = if hides_local {
            "a variable of the same name around it"
        } else {
            match self.names.resolve(name.text) {
                Resolved::InstanceVariable(_) => "an instance variable",
                Resolved::ClassVariable { .. } => "a class variable",
                Resolved::Global { .. } => "a global",
                Resolved::Undeclared => return,
            }
        };
        let message = format!("'{}' hides {hidden}", name.text);
        self.found
            .diagnostics
            .push(Diagnostic::warning(name.span, message));
    }

    fn expression(&mut self, id: ExprId) {
        let tree = self.tree;
        match &tree.expr(id).kind {
            ExprKind::Variable(name) => self.read(id, name),
            ExprKind::Assignment { target, value } => {
                self.expression(*value);
                self.write(id, *target);
            }
            ExprKind::Send { receiver, message } => self.send(id, *receiver, *message),
            ExprKind::Cascade { receiver, messages } => {
                self.expression(*receiver);
                for &message in messages {
                    self.message(message);
                }
            }
            ExprKind::Block(block) => self.block(*block),
            ExprKind::Return(value) => self.expression(*value),
            ExprKind::Brace(elements) => {
                for &element in tree.list(*elements) {
                    self.expression(element);
                }
            }
            ExprKind::Literal(_) | ExprKind::Error => {}
        }
    }

    fn send(&mut self, id: ExprId, receiver: ExprId, message: MessageId) {
        let control = control_of(
            self.tree,
            receiver,
            self.tree.message(message),
            self.options,
        );
        if control != Control::Send {
            self.found.controls[id.index()] = control;
            self.mark_in_place(control, receiver, message);
        }
        self.expression(receiver);
        self.message(message);
    }

    /// Notes which blocks of a message have no closure.
    fn mark_in_place(&mut self, control: Control, receiver: ExprId, message: MessageId) {
        let tree = self.tree;
        let arguments = tree.list(tree.message(message).arguments);
        let in_place = match control {
            Control::WhileTrue | Control::WhileFalse | Control::Repeat => [&[receiver], arguments],
            // A limit that is a block is a value like any other.
            Control::ToDo => [&[], &arguments[arguments.len() - 1..]],
            _ => [&[], arguments],
        };
        for block in in_place
            .concat()
            .into_iter()
            .filter_map(|part| tree.as_block(part))
        {
            self.in_place[block.index()] = Some(control);
        }
        if control == Control::Case
            && let ExprKind::Brace(cases) = tree.expr(arguments[0]).kind
        {
            for (test, result) in tree
                .list(cases)
                .iter()
                .filter_map(|&case| case_parts(tree, case))
            {
                self.in_place[test.index()] = Some(control);
                self.in_place[result.index()] = Some(control);
            }
        }
    }

    fn message(&mut self, message: MessageId) {
        let message = self.tree.message(message);
        let arguments = self.tree.list(message.arguments);
        if arguments.len() > ARGUMENTS_MAX {
            self.error(
                message.selector_span,
                format!("a message has at most {ARGUMENTS_MAX} arguments"),
            );
        }
        for &argument in arguments {
            self.expression(argument);
        }
    }

    fn block(&mut self, id: BlockId) {
        let block = self.tree.block(id);
        if block.arguments.len() > ARGUMENTS_MAX {
            self.error(
                block.span,
                format!("a block has at most {ARGUMENTS_MAX} arguments"),
            );
        }
        let around = self.scope;
        self.scope = self.open_scope(Some(around), self.in_place[id.index()]);
        self.found.block_scopes[id.index()] = self.scope;
        for &argument in &block.arguments {
            self.declare(argument, VariableKind::Argument);
        }
        self.sequence(&block.body);
        self.scope = around;
    }

    fn read(&mut self, id: ExprId, name: &'t str) {
        let reference = self.reference(name);
        self.found.references[id.index()] = reference;
        match reference {
            Reference::Local(variable) => self.note(variable, Variable::note_read),
            Reference::External(position) => {
                self.warn_of_undeclared(position, self.tree.expr(id).span)
            }
            _ => {}
        }
    }

    fn write(&mut self, id: ExprId, target: Name<'t>) {
        if is_reserved(target.text) {
            self.error(
                target.span,
                format!("'{}' cannot be assigned to", target.text),
            );
            return;
        }
        let reference = self.reference(target.text);
        self.found.references[id.index()] = reference;
        match reference {
            Reference::Local(variable) => self.write_local(variable, target),
            Reference::External(position) => self.write_external(position, target),
            _ => {}
        }
    }

    fn write_local(&mut self, variable: VariableId, target: Name<'t>) {
        let message = match self.found.variable(variable).kind {
            VariableKind::Temporary | VariableKind::ErrorCode => {
                return self.note(variable, Variable::note_write);
            }
            VariableKind::Argument => {
                format!("'{}' is an argument and cannot be assigned to", target.text)
            }
        };
        self.error(target.span, message);
    }

    fn write_external(&mut self, position: u32, target: Name<'t>) {
        let resolved = &self.found.externals[position as usize].resolved;
        if matches!(resolved, Resolved::Global { is_class: true, .. }) {
            self.error(
                target.span,
                format!("'{}' is a class and cannot be assigned to", target.text),
            );
        }
        self.warn_of_undeclared(position, target.span);
    }

    fn warn_of_undeclared(&mut self, position: u32, span: Span) {
        let external = &self.found.externals[position as usize];
        if external.resolved == Resolved::Undeclared {
            let message = format!("'{}' is not declared", external.name);
            self.found
                .diagnostics
                .push(Diagnostic::warning(span, message));
        }
    }

    /// Notes a use of a variable, here.
    fn note(&mut self, id: VariableId, how: fn(&mut Variable<'t>, bool, bool)) {
        let here = self.found.scope(self.scope);
        let home = self.found.scope(self.found.variable(id).scope);
        let (captured, in_loop) = (here.function != home.function, here.in_loop);
        how(&mut self.found.variables[id.0 as usize], captured, in_loop);
        self.seen.push((self.scope, id));
    }

    fn reference(&mut self, name: &'t str) -> Reference {
        if let Some(pseudo) = pseudo_variable(name) {
            return pseudo;
        }
        match self.lookup(name) {
            Some(variable) => Reference::Local(variable),
            None => self.external(name),
        }
    }

    fn external(&mut self, name: &'t str) -> Reference {
        if let Some(&position) = self.known_externals.get(name) {
            return Reference::External(position);
        }
        let position = u32::try_from(self.found.externals.len()).unwrap_or(u32::MAX);
        let resolved = self.names.resolve(name);
        self.found.externals.push(External { name, resolved });
        self.known_externals.insert(name, position);
        Reference::External(position)
    }

    /// The innermost variable of this name in sight.
    fn lookup(&self, name: &str) -> Option<VariableId> {
        let mut next = Some(self.scope);
        while let Some(id) = next {
            // Nothing is in sight before the first scope is open.
            let scope = self.found.scopes.get(id.0 as usize)?;
            let found = scope
                .variables
                .iter()
                .find(|&&variable| self.found.variable(variable).name == name);
            if let Some(&variable) = found {
                return Some(variable);
            }
            next = scope.parent;
        }
        None
    }

    /// Notes a fault that many in a row would repeat.
    fn error_once(&mut self, span: Span, message: &str) {
        if self
            .found
            .diagnostics
            .last()
            .is_none_or(|last| last.message != message)
        {
            self.error(span, message.to_owned());
        }
    }

    fn error(&mut self, span: Span, message: String) {
        self.found
            .diagnostics
            .push(Diagnostic::error(span, message));
    }
}
