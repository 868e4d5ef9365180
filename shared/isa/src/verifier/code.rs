//! The code of a method draft: its literals of structure, and each block with what its creators
//! copy into it.
//!
//! A block's temporaries begin with its arguments, then the copied values. Which of these are
//! temp vectors is known from the instructions that make the closure, so code is followed from the
//! method inwards; where two instructions make a closure on the same block, only what both agree
//! on is known. A block that no instruction makes a closure of (that of a constant closure, which
//! is a literal) begins with nothing known.

use std::cell::Cell;
use std::collections::BTreeMap;

use imprint_model::Format;

use super::flow::{Flow, Site, Value, agree};
use super::{Checked, Place, Rule};
use crate::bytecode::primitive_call;
use crate::draft::{Body, CodeBody, LocalObject, MethodDraft, Ref};
use crate::primitives::{NAMED_PRIMITIVE, QuickReturn};

/// Greatest number in the table of primitives. Source: Pharo's `initializePrimitiveTable`, which ends
/// with the accessors of external addresses.
const PRIMITIVE_MAX: u16 = 659;
/// Slots of the literal that names a primitive: module, name, session, index.
const PRIMITIVE_NAME_SLOTS: usize = 4;

/// The class of the code of blocks.
const BLOCK_CLASS: &str = "CompiledBlock";

/// A method draft under verification.
pub(super) struct Method<'d> {
    pub(super) locals: &'d [LocalObject],
    /// Instance variables that its class has, where known.
    fields: Option<usize>,
    /// So many it must have at least, as far as the code was followed.
    named: Cell<usize>,
}

/// What a block begins with, by the index of the local object that holds its code.
type Entries = BTreeMap<usize, Vec<Value>>;

/// Verifies the code of a method; answers how many instance variables its class must have at least.
pub(super) fn verify(draft: &MethodDraft, fields: Option<usize>) -> Result<usize, (Place, Rule)> {
    let method = Method::new(&draft.locals, fields);
    method.check_head(draft)?;
    let start = vec![Value::Any; usize::from(draft.code.header.argument_count)];
    let mut open = Entries::new();
    method.follow(&draft.code, Site::METHOD, start, &mut open)?;
    let mut done = Entries::new();
    while let Some((block, entry)) = open.pop_first() {
        let merged = match done.get(&block) {
            Some(known) => agree(known, &entry),
            None => entry,
        };
        if done.get(&block) != Some(&merged) {
            method.block(block, merged.clone(), &mut open)?;
            done.insert(block, merged);
        }
    }
    method.blocks_without_maker(&mut done)?;
    Ok(method.named.get())
}

/// Verifies code that travels with an object, apart from the method it belongs to.
pub(super) fn verify_locals(locals: &[LocalObject]) -> Checked {
    let method = Method::new(locals, None);
    for (index, local) in locals.iter().enumerate() {
        let Body::Code(code) = &local.body else {
            continue;
        };
        let is_block = local.class == Ref::class(BLOCK_CLASS);
        let mut start = vec![Value::Any; usize::from(code.header.argument_count)];
        if is_block {
            let temps = usize::from(code.header.temp_count);
            start.resize(temps.max(start.len()), Value::Copied);
        }
        let site = Site {
            local: Some(index),
            is_block,
        };
        method.follow(code, site, start, &mut Entries::new())?;
    }
    Ok(())
}

/// The number of arguments that a selector takes.
pub(super) fn arity(selector: &str) -> usize {
    match selector.chars().next() {
        Some(first) if first.is_alphabetic() || first == '_' => selector.matches(':').count(),
        _ => 1,
    }
}

/// The operand of the primitive call with which a code begins.
fn called_primitive(code: &CodeBody) -> Option<u16> {
    match code.bytecodes.as_slice() {
        [opcode, low, high, ..] if *opcode == primitive_call(code.header.set) => {
            Some(u16::from_le_bytes([*low, *high]))
        }
        _ => None,
    }
}

impl<'d> Method<'d> {
    fn new(locals: &'d [LocalObject], fields: Option<usize>) -> Method<'d> {
        Method {
            locals,
            fields,
            named: Cell::new(0),
        }
    }

    /// The code names an instance variable: its class must have it.
    pub(super) fn check_field(&self, field: u16) -> Result<(), Rule> {
        let needed = usize::from(field) + 1;
        self.named.set(self.named.get().max(needed));
        match self.fields {
            Some(fields) if needed > fields => Err(Rule::Field(field)),
            _ => Ok(()),
        }
    }

    fn check_head(&self, draft: &MethodDraft) -> Checked {
        let at = |rule| Err((Place::Code(None), rule));
        let header = draft.code.header;
        let wanted = arity(&draft.selector);
        if usize::from(header.argument_count) != wanted {
            return at(Rule::ArgumentCount {
                header: header.argument_count,
                wanted,
            });
        }
        let [.., selector, binding] = draft.code.literals.as_slice() else {
            return at(Rule::MethodEnd);
        };
        let is_selector = matches!(selector, Ref::Symbol(_) | Ref::Local(_));
        if !is_selector || !self.is_binding(binding) {
            return at(Rule::MethodEnd);
        }
        self.check_primitive(&draft.code)
    }

    /// The header says whether the code begins with a call, and the call can be made.
    fn check_primitive(&self, code: &CodeBody) -> Checked {
        let number = called_primitive(code);
        if code.header.has_primitive != number.is_some() {
            return Err((Place::Code(None), Rule::PrimitiveFlag));
        }
        let at = |rule| Err((Place::Pc(None, 0), rule));
        match number {
            Some(number) if number == 0 || number > PRIMITIVE_MAX => {
                at(Rule::PrimitiveNumber(number))
            }
            Some(NAMED_PRIMITIVE) if !self.names_primitive(&code.literals[0]) => {
                at(Rule::PrimitiveName)
            }
            Some(number) => match QuickReturn::from_number(number) {
                Some(QuickReturn::Field(field)) => self.check_field(field.into()).or_else(at),
                _ => Ok(()),
            },
            None => Ok(()),
        }
    }

    fn names_primitive(&self, literal: &Ref) -> bool {
        let Some(LocalObject {
            format: Format::ARRAY,
            body: Body::Slots(slots),
            ..
        }) = self.local(literal)
        else {
            return false;
        };
        let [module, name, ..] = slots.as_slice() else {
            return false;
        };
        slots.len() == PRIMITIVE_NAME_SLOTS
            && self.is_text(name)
            && (*module == Ref::NIL || self.is_text(module))
    }

    fn is_text(&self, reference: &Ref) -> bool {
        let is_bytes = |local: &LocalObject| local.format == Format::BYTES;
        matches!(reference, Ref::Symbol(_)) || self.local(reference).is_some_and(is_bytes)
    }

    /// The local object that a reference means.
    fn local(&self, reference: &Ref) -> Option<&LocalObject> {
        match reference {
            Ref::Local(index) => self.locals.get(*index as usize),
            _ => None,
        }
    }

    /// Whether the machine may read and write its value as that of a binding.
    pub(super) fn is_binding(&self, reference: &Ref) -> bool {
        match reference {
            Ref::Global(_) | Ref::ClassVariable { .. } => true,
            Ref::Undeclared(_) | Ref::MetaBinding(_) => true,
            Ref::Local(_) => self
                .local(reference)
                .is_some_and(|local| matches!(&local.body, Body::Slots(slots) if slots.len() >= 2)),
            _ => false,
        }
    }

    /// The block that a literal means: the index of its local object, and its code.
    pub(super) fn block_of(&self, reference: &Ref) -> Option<(usize, &CodeBody)> {
        match (reference, &self.local(reference)?.body) {
            (Ref::Local(index), Body::Code(code)) => Some((*index as usize, code)),
            _ => None,
        }
    }

    fn block(&self, index: usize, entry: Vec<Value>, open: &mut Entries) -> Checked {
        let Body::Code(code) = &self.locals[index].body else {
            unreachable!("only blocks are entered");
        };
        let is_outer = |outer: &Ref| *outer == Ref::OwnMethod || self.block_of(outer).is_some();
        if !code.literals.last().is_some_and(is_outer) {
            return Err((Place::Code(Some(index)), Rule::BlockEnd));
        }
        if code.header.has_primitive || called_primitive(code).is_some() {
            return Err((Place::Code(Some(index)), Rule::PrimitiveFlag));
        }
        self.follow(code, Site::block(index), entry, open)
    }

    fn blocks_without_maker(&self, done: &mut Entries) -> Checked {
        for (index, local) in self.locals.iter().enumerate() {
            let Body::Code(code) = &local.body else {
                continue;
            };
            if !done.contains_key(&index) {
                let mut inner = Entries::new();
                let start = vec![Value::Any; usize::from(code.header.argument_count)];
                self.block(index, start, &mut inner)?;
            }
        }
        Ok(())
    }

    /// Follows one code from its entry; what it makes closures on is added to `open`.
    fn follow(
        &self,
        code: &CodeBody,
        site: Site,
        entry: Vec<Value>,
        open: &mut Entries,
    ) -> Checked {
        let header = code.header;
        if usize::from(header.literal_count) != code.literals.len() {
            return Err((
                Place::Code(site.local),
                Rule::LiteralCount {
                    header: header.literal_count,
                    present: code.literals.len(),
                },
            ));
        }
        let needed = entry.len().max(usize::from(header.argument_count));
        if needed > usize::from(header.temp_count) {
            return Err((
                Place::Code(site.local),
                Rule::TempCount {
                    temps: header.temp_count,
                    needed,
                },
            ));
        }
        for (block, made) in Flow::new(self, code, site).run(entry)? {
            open.entry(block)
                .and_modify(|known| *known = agree(known, &made))
                .or_insert(made);
        }
        Ok(())
    }
}
