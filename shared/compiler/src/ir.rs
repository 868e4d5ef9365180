//! The intermediate form: straight lists of operations with labels, literals and temporaries
//! still by name. The generator appends, `layout` makes bytecodes of it.
//!
//! Three peepholes work while operations are appended, each within one run of code that is
//! entered only at its start (`run_start`): a pop takes back a push without effect; a store and a
//! pop become one; a push of self, nil, true or false and a return become one. Source: Pharo's
//! `IRBuilder>>popTop` and `IRFix`.

use imprint_isa::draft::Ref;
use imprint_model::method_header::{LITERALS_MAX, TEMPS_MAX};
use imprint_syntax::{Literal, Span};

use crate::scope::{ScopeId, VariableId};

/// A place to jump to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label(pub(crate) u32);

/// A temporary, before it has an index: position in `Code::temps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Temp(pub(crate) u16);

/// A literal, before it has an index: position in `Code::entries`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryId(pub(crate) u32);

/// A constant that has a bytecode of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Constant {
    Nil,
    True,
    False,
    Zero,
    One,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Label(Label),
    PushReceiver,
    PushConstant(Constant),
    PushLiteral(EntryId),
    PushBinding(EntryId),
    PushInstance(u16),
    PushTemp(Temp),
    PushRemote {
        slot: u8,
        vector: Temp,
    },
    PushThisContext,
    PushThisProcess,
    Dup,
    Pop,
    StoreBinding(EntryId),
    StoreInstance(u16),
    StoreTemp(Temp),
    StoreRemote {
        slot: u8,
        vector: Temp,
    },
    PopBinding(EntryId),
    PopInstance(u16),
    PopTemp(Temp),
    PopRemote {
        slot: u8,
        vector: Temp,
    },
    /// The error of the primitive, right behind its call.
    StoreError(Temp),
    SendSpecial {
        position: u8,
        arguments: u8,
    },
    Send {
        selector: EntryId,
        arguments: u8,
    },
    SendSuper {
        selector: EntryId,
        arguments: u8,
    },
    /// From a block: the class is pushed by its binding, then asked for.
    SendDirectedSuper {
        selector: EntryId,
        binding: EntryId,
        arguments: u8,
    },
    NewArray(u8),
    PopIntoArray(u8),
    PushClosure {
        block: EntryId,
        copied: u8,
        no_outer: bool,
    },
    Jump(Label),
    /// Back to the start of a loop; what follows counts as reached.
    JumpBack(Label),
    JumpIf {
        condition: bool,
        label: Label,
    },
    ReturnReceiver,
    ReturnConstant(Constant),
    ReturnTop,
    BlockReturnTop,
}

/// What names a temporary slot. Blocks compiled in place beside each other share a slot for
/// variables of one name, as in Pharo; a variable that hides another has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TempKey<'t> {
    Named(&'t str),
    Variable(VariableId),
    Vector(ScopeId),
    /// The limit of a counting loop, by its variable.
    LimitNamed(&'t str),
    LimitVariable(VariableId),
    /// One that nothing else refers to.
    Hidden(u16),
    /// A value on its way to an undeclared variable.
    Passing,
}

/// A literal, as the generator sees it.
#[derive(Debug)]
pub(crate) enum Entry<'t> {
    Symbol(&'t str),
    Integer(i64),
    Constant(&'t Literal<'t>),
    Binding(Ref),
    /// Module and name of a named primitive.
    PrimitiveSpec {
        module: Option<&'t str>,
        name: &'t str,
    },
    /// A compiled block.
    Block(Box<Code<'t>>),
    /// A closure that answers a constant and was made by the compiler.
    ConstantBlock {
        code: Box<Code<'t>>,
        arguments: u8,
        constant: Option<&'t Literal<'t>>,
    },
}

/// The code of a method or block in the making.
#[derive(Debug, Default)]
pub(crate) struct Code<'t> {
    pub(crate) operations: Vec<Operation>,
    /// Parallel to `operations`.
    pub(crate) spans: Vec<Span>,
    pub(crate) entries: Vec<Entry<'t>>,
    /// Selectors of messages compiled in place: they are literals too, so that senders are found.
    pub(crate) mentioned: Vec<&'t str>,
    pub(crate) temps: Vec<TempKey<'t>>,
    /// Parallel to `temps`: the index, once declared.
    pub(crate) slots: Vec<Option<u8>>,
    pub(crate) temp_count: usize,
    pub(crate) argument_count: u8,
    pub(crate) primitive: u16,
    pub(crate) label_count: u32,
    /// Where it stands, for faults that belong to no operation.
    pub(crate) span: Span,
    run_start: usize,
    hidden_count: u16,
}

impl<'t> Code<'t> {
    /// Appends an operation, or changes the last one to hold its effect.
    pub(crate) fn emit(&mut self, operation: Operation, span: Span) {
        match (operation, self.last_of_run()) {
            (Operation::Pop, Some(last)) if self.is_push_without_effect(last) => self.take_back(),
            (Operation::Pop, Some(last)) => match popping(last) {
                Some(pop) => self.replace(pop, span),
                None => self.append(operation, span),
            },
            (Operation::ReturnTop, Some(last)) => match returning(last) {
                Some(quick) => {
                    self.take_back();
                    self.append(quick, span);
                }
                None => self.append(operation, span),
            },
            _ => self.append(operation, span),
        }
        if ends_run(operation) {
            self.run_start = self.operations.len();
        }
    }

    /// Whether this code of a block asks for the context that the block was made in: to return
    /// from it, for `thisContext`, or for the sake of a block inside.
    pub(crate) fn asks_for_outer(&self) -> bool {
        self.operations.iter().any(|operation| {
            matches!(
                operation,
                Operation::ReturnReceiver
                    | Operation::ReturnConstant(_)
                    | Operation::ReturnTop
                    | Operation::PushThisContext
                    | Operation::PushClosure {
                        no_outer: false,
                        ..
                    }
            )
        })
    }

    pub(crate) fn new_label(&mut self) -> Label {
        self.label_count += 1;
        Label(self.label_count - 1)
    }

    /// Puts a label here.
    pub(crate) fn place(&mut self, label: Label) {
        self.append(Operation::Label(label), Span::default());
        self.run_start = self.operations.len();
    }

    /// The literal equal to `entry`, which is added if there is none. When there are more than
    /// code can hold, any will do: `layout` refuses them all.
    pub(crate) fn entry(&mut self, entry: Entry<'t>) -> EntryId {
        if self.has_too_many_literals() {
            return EntryId(0);
        }
        let known = self.entries.iter().position(|known| known.is_same(&entry));
        let position = known.unwrap_or_else(|| {
            self.entries.push(entry);
            self.entries.len() - 1
        });
        EntryId(u32::try_from(position).unwrap_or(u32::MAX))
    }

    /// Whether there are more literals than code can hold.
    pub(crate) fn has_too_many_literals(&self) -> bool {
        self.entries.len() > LITERALS_MAX
    }

    /// The temporary for `key`, which may be declared later.
    pub(crate) fn temp(&mut self, key: TempKey<'t>) -> Temp {
        let known = self.temps.iter().position(|&known| known == key);
        let position = known.unwrap_or_else(|| {
            // More than fit are refused when the code is assembled; any will do until then.
            if self.temp_count > TEMPS_MAX {
                return 0;
            }
            self.temps.push(key);
            self.slots.push(None);
            self.temps.len() - 1
        });
        Temp(u16::try_from(position).unwrap_or(u16::MAX))
    }

    /// Gives the temporary for `key` the next index, unless it has one.
    pub(crate) fn declare(&mut self, key: TempKey<'t>) -> Temp {
        let temp = self.temp(key);
        let slot = &mut self.slots[temp.0 as usize];
        if slot.is_none() {
            *slot = Some(u8::try_from(self.temp_count).unwrap_or(u8::MAX));
            self.temp_count += 1;
        }
        temp
    }

    /// A temporary that nothing else refers to.
    pub(crate) fn declare_hidden(&mut self) -> Temp {
        self.hidden_count = self.hidden_count.saturating_add(1);
        self.declare(TempKey::Hidden(self.hidden_count))
    }

    /// Notes the selector of a message compiled in place.
    pub(crate) fn mention(&mut self, selector: &'t str) {
        if !self.mentioned.contains(&selector) {
            self.mentioned.push(selector);
        }
    }

    fn last_of_run(&self) -> Option<Operation> {
        self.operations[self.run_start..].last().copied()
    }

    fn append(&mut self, operation: Operation, span: Span) {
        self.operations.push(operation);
        self.spans.push(span);
    }

    fn take_back(&mut self) {
        self.operations.pop();
        self.spans.pop();
    }

    fn replace(&mut self, operation: Operation, span: Span) {
        self.take_back();
        self.append(operation, span);
    }

    fn is_push_without_effect(&self, operation: Operation) -> bool {
        match operation {
            Operation::PushReceiver
            | Operation::PushConstant(_)
            | Operation::PushInstance(_)
            | Operation::PushTemp(_)
            | Operation::PushRemote { .. }
            | Operation::PushThisContext
            | Operation::PushThisProcess
            | Operation::Dup => true,
            // Other literals stay: somebody may look for them (Pharo does so too).
            Operation::PushLiteral(entry) => self.entries[entry.0 as usize].is_number(),
            _ => false,
        }
    }
}

impl Entry<'_> {
    /// Whether one literal can stand for both: same class, equal value; bindings by identity,
    /// blocks never.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Entry::Symbol(one), Entry::Symbol(two)) => one == two,
            (Entry::Integer(one), Entry::Integer(two)) => one == two,
            (Entry::Constant(one), Entry::Constant(two)) => is_same_literal(one, two),
            (Entry::Binding(one), Entry::Binding(two)) => one == two,
            _ => false,
        }
    }

    fn is_number(&self) -> bool {
        match self {
            Entry::Integer(_) => true,
            Entry::Constant(literal) => matches!(
                literal,
                Literal::Integer(_)
                    | Literal::Float(_)
                    | Literal::Fraction { .. }
                    | Literal::Scaled { .. }
            ),
            _ => false,
        }
    }
}

/// Equality of constants that tells 0.0 from -0.0.
fn is_same_literal(one: &Literal<'_>, two: &Literal<'_>) -> bool {
    match (one, two) {
        (Literal::Float(one), Literal::Float(two)) => one.to_bits() == two.to_bits(),
        (Literal::Array(one), Literal::Array(two)) => {
            one.len() == two.len()
                && one
                    .iter()
                    .zip(two)
                    .all(|(one, two)| is_same_literal(one, two))
        }
        _ => one == two,
    }
}

fn popping(store: Operation) -> Option<Operation> {
    match store {
        Operation::StoreBinding(entry) => Some(Operation::PopBinding(entry)),
        Operation::StoreInstance(index) => Some(Operation::PopInstance(index)),
        Operation::StoreTemp(temp) => Some(Operation::PopTemp(temp)),
        Operation::StoreRemote { slot, vector } => Some(Operation::PopRemote { slot, vector }),
        _ => None,
    }
}

fn returning(push: Operation) -> Option<Operation> {
    match push {
        Operation::PushReceiver => Some(Operation::ReturnReceiver),
        Operation::PushConstant(constant @ (Constant::Nil | Constant::True | Constant::False)) => {
            Some(Operation::ReturnConstant(constant))
        }
        _ => None,
    }
}

/// Whether what follows is entered from elsewhere, or not at all.
fn ends_run(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Jump(_)
            | Operation::JumpBack(_)
            | Operation::JumpIf { .. }
            | Operation::ReturnTop
            | Operation::BlockReturnTop
    )
}
