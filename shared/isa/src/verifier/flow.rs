//! Every path through one code, once: how many operands there are, and which temporaries and
//! operands are temp vectors.
//!
//! A state is the list of temporaries and operands at a pc. Where paths meet, the lists must have
//! the same length; a vector stays known where both have one of the same size. Knowledge only
//! shrinks, so following ends. States are kept where paths may meet, and nowhere else: between two such
//! places there is one way.

use super::code::{Method, arity};
use super::{Checked, Place, Rule};
use crate::bytecode::{Decoded, Instruction, STORE_ERROR_CODE};
use crate::draft::{CodeBody, Ref};
use crate::special_selectors::SPECIAL_SELECTORS;
use crate::v3_plus_closures::STORE;
use imprint_model::BytecodeSet;

/// What is known of a temporary or operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value {
    /// Nothing.
    Any,
    /// An Array of this size that this code or one around it made.
    Vector(u8),
    /// A value that was copied by code that is not at hand; taken for a vector where it is used
    /// as one.
    Copied,
}

/// Closures made: the local object of each block, and the values it begins with.
pub(super) type Made = Vec<(usize, Vec<Value>)>;

/// What two lists agree on; they have the same length where the code is sound.
pub(super) fn agree(one: &[Value], other: &[Value]) -> Vec<Value> {
    let pairs = one.iter().zip(other);
    pairs
        .map(|(one, other)| if one == other { *one } else { Value::Any })
        .collect()
}

/// Leaves of a state what it has in common with another; answers whether that is less than before.
fn settle(known: &mut [Value], other: &[Value]) -> bool {
    let mut has_shrunk = false;
    for (known, other) in known.iter_mut().zip(other) {
        if known != other && *known != Value::Any {
            *known = Value::Any;
            has_shrunk = true;
        }
    }
    has_shrunk
}

/// Which code of a draft is followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Site {
    /// The local object that holds it; `None` for the code of a method draft.
    pub(super) local: Option<usize>,
    /// Whether it is that of a block.
    pub(super) is_block: bool,
}

impl Site {
    /// The code of a method draft.
    pub(super) const METHOD: Site = Site {
        local: None,
        is_block: false,
    };

    /// A block that travels along.
    pub(super) const fn block(local: usize) -> Site {
        Site {
            local: Some(local),
            is_block: true,
        }
    }
}

/// Where a state lies among all that are known.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    length: usize,
}

/// What begins at a pc.
#[derive(Clone, Copy, Default)]
struct Start {
    /// The instruction; nothing in the middle of one.
    decoded: Option<Decoded>,
    /// Whether paths may meet here.
    is_meeting: bool,
    /// The state before it, where paths may meet and one was seen.
    state: Option<Span>,
}

/// One code on the way.
pub(super) struct Flow<'m, 'd> {
    method: &'m Method<'d>,
    code: &'m CodeBody,
    site: Site,
    /// What begins at a pc.
    places: Vec<Start>,
    /// All these states, one behind the other: nothing is allocated for each.
    known: Vec<Value>,
    /// Where to go on.
    open: Vec<usize>,
    /// Closures made: block and the values it begins with.
    made: Made,
}

impl<'m, 'd> Flow<'m, 'd> {
    pub(super) fn new(method: &'m Method<'d>, code: &'m CodeBody, site: Site) -> Self {
        Flow {
            method,
            code,
            site,
            places: vec![Start::default(); code.bytecodes.len()],
            known: Vec::new(),
            open: Vec::new(),
            made: Vec::new(),
        }
    }

    /// Follows all paths; answers the closures made.
    pub(super) fn run(mut self, mut entry: Vec<Value>) -> Result<Made, (Place, Rule)> {
        self.find_starts()?;
        entry.resize(usize::from(self.code.header.temp_count), Value::Any);
        self.check_frame(0, entry.len())?;
        self.reach(0, 0, &entry)?;
        let mut state = entry;
        while let Some(pc) = self.open.pop() {
            let Span { start, length } = self.places[pc].state.expect("what is open was reached");
            state.clear();
            state.extend_from_slice(&self.known[start..start + length]);
            let mut at = Some(pc);
            while let Some(pc) = at {
                at = self.step(pc, &mut state)?;
                self.made_agree();
            }
        }
        Ok(self.made)
    }

    fn at<T>(&self, pc: usize, rule: Rule) -> Result<T, (Place, Rule)> {
        Err((Place::Pc(self.site.local, pc), rule))
    }

    fn find_starts(&mut self) -> Checked {
        let mut pc = 0;
        while pc < self.places.len() {
            let decoded = match self.code.instruction_at(pc) {
                Ok(decoded) => decoded,
                Err(error) => return self.at(pc, error.into()),
            };
            self.places[pc].decoded = Some(decoded);
            self.note_meetings(pc, decoded);
            pc += decoded.length;
        }
        if let Some(first) = self.places.first_mut() {
            first.is_meeting = true;
        }
        Ok(())
    }

    /// Notes where an instruction leads besides to the one behind it.
    fn note_meetings(&mut self, pc: usize, decoded: Decoded) {
        let next = pc + decoded.length;
        let distance = match decoded.instruction {
            Instruction::Jump(distance)
            | Instruction::JumpTrue(distance)
            | Instruction::JumpFalse(distance) => distance,
            Instruction::PushBlock { size, .. } => i32::from(size),
            _ => return,
        };
        let target = usize::try_from(next as i64 + i64::from(distance)).unwrap_or(usize::MAX);
        for place in [next, target] {
            if let Some(start) = self.places.get_mut(place) {
                start.is_meeting = true;
            }
        }
    }

    /// One entry for each block, with what all its makers agree on.
    fn made_agree(&mut self) {
        let Some((block, values)) = self.made.pop() else {
            return;
        };
        match self.made.iter_mut().find(|(known, _)| *known == block) {
            Some((_, known)) => *known = agree(known, &values),
            None => self.made.push((block, values)),
        }
    }

    /// The path goes on at `target` with `state`; `pc` is where it comes from.
    fn reach(&mut self, pc: usize, target: usize, state: &[Value]) -> Checked {
        let Some(Start { state: seen, .. }) = self.places.get_mut(target) else {
            return self.at(pc, Rule::FallsOff);
        };
        let has_news = match seen {
            None => {
                let (start, length) = (self.known.len(), state.len());
                *seen = Some(Span { start, length });
                self.known.extend_from_slice(state);
                true
            }
            Some(span) if span.length != state.len() => {
                let temps = usize::from(self.code.header.temp_count);
                let (one, other) = (span.length - temps, state.len() - temps);
                return self.at(target, Rule::Depth { one, other });
            }
            Some(span) => settle(&mut self.known[span.start..][..span.length], state),
        };
        if has_news {
            self.open.push(target);
        }
        Ok(())
    }

    /// The path goes on at `next`: answers it where nobody else comes by there.
    fn pass(
        &mut self,
        pc: usize,
        next: usize,
        state: &[Value],
    ) -> Result<Option<usize>, (Place, Rule)> {
        match self.places.get(next) {
            Some(start) if !start.is_meeting => Ok(Some(next)),
            _ => self.reach(pc, next, state).map(|()| None),
        }
    }

    fn jump(&mut self, pc: usize, next: usize, distance: i32, state: &[Value]) -> Checked {
        let target = next as i64 + i64::from(distance);
        let is_start = |place: &usize| {
            self.places
                .get(*place)
                .is_some_and(|it| it.decoded.is_some())
        };
        match usize::try_from(target).ok().filter(is_start) {
            Some(place) => self.reach(pc, place, state),
            None => self.at(pc, Rule::Target(target)),
        }
    }

    /// Takes one instruction; answers where the path goes on where there is one way, which nobody else
    /// comes by.
    fn step(&mut self, pc: usize, state: &mut Vec<Value>) -> Result<Option<usize>, (Place, Rule)> {
        let Some(decoded) = self.places[pc].decoded else {
            return self.at(pc, Rule::Target(pc as i64));
        };
        let next = pc + decoded.length;
        let instruction = decoded.instruction;
        self.check_operands(instruction, self.temps(state, instruction))
            .map_err(|rule| self.fault(pc, rule))?;
        let copied_values = copied_by(instruction, state);
        self.apply(pc, instruction, state)?;
        self.check_frame(pc, state.len())?;
        match instruction {
            Instruction::Jump(distance) => self.jump(pc, next, distance, state)?,
            Instruction::JumpTrue(distance) | Instruction::JumpFalse(distance) => {
                self.jump(pc, next, distance, state)?;
                self.reach(pc, next, state)?;
            }
            Instruction::CallPrimitive(_) => {
                let next = self.after_primitive(pc, next)?;
                return self.pass(pc, next, state);
            }
            Instruction::PushBlock {
                arguments, size, ..
            } => {
                let mut entry = vec![Value::Any; usize::from(arguments)];
                entry.extend(copied_values);
                self.block_inside(pc, next, &entry, size, state)?;
            }
            returning if returning.is_return() => {}
            _ => return self.pass(pc, next, state),
        }
        Ok(None)
    }

    /// Behind the call; the machine itself does the store of a primitive's error.
    fn after_primitive(&self, pc: usize, next: usize) -> Result<usize, (Place, Rule)> {
        if pc != 0 || self.site.is_block {
            return self.at(pc, Rule::PrimitivePlace);
        }
        let stores_at = |rule| self.fault(next, rule);
        let store = match (self.is_older(), self.code.bytecodes.get(next..)) {
            (false, Some([STORE_ERROR_CODE, ..])) | (true, Some([STORE, 64..=127, ..])) => {
                self.code.instruction_at(next)
            }
            _ => return Ok(next),
        };
        let store = store.map_err(|error| stores_at(error.into()))?;
        let temps = usize::from(self.code.header.temp_count);
        self.check_operands(store.instruction, temps)
            .map_err(stores_at)?;
        Ok(next + store.length)
    }

    /// Whether the code is in V3PlusClosures, where a block lies inside its method and pushes its
    /// own temporaries.
    fn is_older(&self) -> bool {
        self.code.header.set == BytecodeSet::V3PlusClosures
    }

    /// Temporaries that an instruction may name.
    fn temps(&self, state: &[Value], instruction: Instruction) -> usize {
        match instruction {
            _ if !self.is_older() => usize::from(self.code.header.temp_count),
            Instruction::PopTemp(_) => state.len().saturating_sub(1),
            _ => state.len(),
        }
    }

    /// Operands that an instruction may take.
    fn operands(&self, state: &[Value]) -> usize {
        if self.is_older() {
            return state.len();
        }
        state.len() - usize::from(self.code.header.temp_count)
    }

    /// Follows a block that begins at `next` in a frame of its own, and what lies behind it.
    fn block_inside(
        &mut self,
        pc: usize,
        next: usize,
        entry: &[Value],
        size: u16,
        state: &[Value],
    ) -> Checked {
        self.check_frame(pc, entry.len())?;
        self.reach(pc, next, entry)?;
        self.jump(pc, next, i32::from(size), state)
    }

    fn fault(&self, pc: usize, rule: Rule) -> (Place, Rule) {
        (Place::Pc(self.site.local, pc), rule)
    }

    fn check_frame(&self, pc: usize, slots: usize) -> Checked {
        if slots > self.code.header.frame_slots() {
            return self.at(pc, Rule::Overflow);
        }
        Ok(())
    }

    /// What the instruction names is there and of the right kind.
    fn check_operands(&self, instruction: Instruction, temps: usize) -> Result<(), Rule> {
        match instruction {
            Instruction::PushReceiverVariable { index, .. }
            | Instruction::StoreReceiverVariable { index, .. }
            | Instruction::PopReceiverVariable { index, .. } => self.method.check_field(index),
            Instruction::PushLiteral(index) => self.literal(index).map(drop),
            Instruction::PushLiteralVariable(index)
            | Instruction::StoreLiteralVariable(index)
            | Instruction::PopLiteralVariable(index) => self.check_binding(index),
            Instruction::PushTemp(index)
            | Instruction::StoreTemp(index)
            | Instruction::PopTemp(index) => check_temp(index, temps),
            Instruction::PushRemoteTemp { vector, .. }
            | Instruction::StoreRemoteTemp { vector, .. }
            | Instruction::PopRemoteTemp { vector, .. } => check_temp(vector, temps),
            Instruction::Send { literal, arguments }
            | Instruction::SendSuper {
                literal, arguments, ..
            } => self.check_send(literal, arguments),
            Instruction::BlockReturnNil | Instruction::BlockReturnTop
                if !self.site.is_block && !self.is_older() =>
            {
                Err(Rule::BlockReturn)
            }
            Instruction::Unused(opcode) => Err(Rule::Unassigned(opcode)),
            _ => Ok(()),
        }
    }

    fn literal(&self, index: u16) -> Result<&'m Ref, Rule> {
        let literal = self.code.literals.get(usize::from(index));
        literal.ok_or(Rule::LiteralIndex(index))
    }

    fn check_binding(&self, index: u16) -> Result<(), Rule> {
        if self.method.is_binding(self.literal(index)?) {
            return Ok(());
        }
        let wanted = "a binding";
        Err(Rule::LiteralKind { index, wanted })
    }

    fn check_send(&self, index: u16, arguments: u8) -> Result<(), Rule> {
        let Ref::Symbol(selector) = self.literal(index)? else {
            let wanted = "a selector";
            return Err(Rule::LiteralKind { index, wanted });
        };
        if arity(selector) != usize::from(arguments) {
            let selector = selector.clone();
            return Err(Rule::SendArguments {
                selector,
                arguments,
            });
        }
        Ok(())
    }

    /// Changes the state as the instruction does.
    fn apply(&mut self, pc: usize, instruction: Instruction, state: &mut Vec<Value>) -> Checked {
        let (taken, left) = effect(instruction);
        let operands = self.operands(state);
        if taken > operands {
            return self.at(
                pc,
                Rule::Underflow {
                    present: operands,
                    wanted: taken,
                },
            );
        }
        if let Some((vector, index)) = remote(instruction) {
            self.check_vector(pc, state, vector, index)?;
        }
        if let Instruction::PushClosure {
            literal, copied, ..
        } = instruction
        {
            self.note_closure(pc, literal, &state[state.len() - usize::from(copied)..])?;
        }
        let top = state.last().copied();
        state.truncate(state.len() - taken);
        match (instruction, top) {
            (Instruction::PushTemp(index), _) => state.push(state[usize::from(index)]),
            (Instruction::PushNewArray(size), _) => state.push(Value::Vector(size)),
            (Instruction::Dup, Some(top)) => state.extend([top, top]),
            (Instruction::PopTemp(index), Some(top)) => state[usize::from(index)] = top,
            (Instruction::StoreTemp(index), Some(top)) => {
                state[usize::from(index)] = top;
                state.push(top);
            }
            _ => state.resize(state.len() + left, Value::Any),
        }
        Ok(())
    }

    fn check_vector(&self, pc: usize, state: &[Value], vector: u8, index: u8) -> Checked {
        match state[usize::from(vector)] {
            Value::Vector(size) if index < size => Ok(()),
            Value::Copied => Ok(()),
            _ => self.at(pc, Rule::Vector { vector, index }),
        }
    }

    fn note_closure(&mut self, pc: usize, literal: u16, copied: &[Value]) -> Checked {
        let reference = self.literal(literal).map_err(|rule| self.fault(pc, rule))?;
        let Some((block, code)) = self.method.block_of(reference) else {
            let wanted = "a block";
            return self.at(
                pc,
                Rule::LiteralKind {
                    index: literal,
                    wanted,
                },
            );
        };
        let mut entry = vec![Value::Any; usize::from(code.header.argument_count)];
        entry.extend_from_slice(copied);
        if entry.len() > usize::from(code.header.temp_count) {
            let (temps, needed) = (code.header.temp_count, entry.len());
            return self.at(pc, Rule::TempCount { temps, needed });
        }
        self.made.push((block, entry));
        Ok(())
    }
}

fn check_temp(index: u8, temps: usize) -> Result<(), Rule> {
    if usize::from(index) >= temps {
        return Err(Rule::TempIndex(index));
    }
    Ok(())
}

/// What a block inside its method copies from the stack.
fn copied_by(instruction: Instruction, state: &[Value]) -> Vec<Value> {
    match instruction {
        Instruction::PushBlock { copied, .. } => {
            let first = state.len().saturating_sub(usize::from(copied));
            state[first..].to_vec()
        }
        _ => Vec::new(),
    }
}

/// The vector and slot of an access to a remote temporary.
const fn remote(instruction: Instruction) -> Option<(u8, u8)> {
    match instruction {
        Instruction::PushRemoteTemp { index, vector }
        | Instruction::StoreRemoteTemp { index, vector }
        | Instruction::PopRemoteTemp { index, vector } => Some((vector, index)),
        _ => None,
    }
}

/// Operands taken from the stack, and left there.
fn effect(instruction: Instruction) -> (usize, usize) {
    match instruction {
        Instruction::PushBlock { copied, .. } => (copied as usize, 1),
        Instruction::PushReceiverVariable { .. }
        | Instruction::PushLiteralVariable(_)
        | Instruction::PushLiteral(_)
        | Instruction::PushTemp(_)
        | Instruction::PushReceiver
        | Instruction::PushTrue
        | Instruction::PushFalse
        | Instruction::PushNil
        | Instruction::PushInteger(_)
        | Instruction::PushCharacter(_)
        | Instruction::PushThisContext
        | Instruction::PushThisProcess
        | Instruction::PushNewArray(_)
        | Instruction::PushRemoteTemp { .. } => (0, 1),
        Instruction::Dup => (1, 2),
        Instruction::ReturnReceiver
        | Instruction::ReturnTrue
        | Instruction::ReturnFalse
        | Instruction::ReturnNil
        | Instruction::BlockReturnNil
        | Instruction::Nop
        | Instruction::Jump(_)
        | Instruction::CallPrimitive(_)
        | Instruction::Unused(_) => (0, 0),
        Instruction::ReturnTop
        | Instruction::BlockReturnTop
        | Instruction::JumpTrue(_)
        | Instruction::JumpFalse(_)
        | Instruction::PopReceiverVariable { .. }
        | Instruction::PopLiteralVariable(_)
        | Instruction::PopTemp(_)
        | Instruction::Pop
        | Instruction::PopRemoteTemp { .. } => (1, 0),
        Instruction::StoreReceiverVariable { .. }
        | Instruction::StoreLiteralVariable(_)
        | Instruction::StoreTemp(_)
        | Instruction::StoreRemoteTemp { .. } => (1, 1),
        Instruction::SendSpecial(position) => {
            let (_, arguments) = SPECIAL_SELECTORS[usize::from(position & 31)];
            (1 + usize::from(arguments), 1)
        }
        Instruction::Send { arguments, .. } => (1 + usize::from(arguments), 1),
        Instruction::SendSuper {
            arguments,
            directed,
            ..
        } => (1 + usize::from(directed) + usize::from(arguments), 1),
        Instruction::PopIntoArray(count) => (usize::from(count), 1),
        Instruction::PushClosure {
            copied,
            receiver_on_stack,
            ..
        } => (usize::from(copied) + usize::from(receiver_on_stack), 1),
    }
}
