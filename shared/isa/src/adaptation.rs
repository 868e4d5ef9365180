//! Code for a class of another shape, made of the old code without its source: the instance variables
//! that it names stand elsewhere.
//!
//! ```text
//!   bytes ── decode ── other indices ── lay out until no jump needs to grow ── bytes + where each went
//! ```
//!
//! Instructions that name no instance variable keep their very bytes, jumps too where their distance is
//! the same. A jump never shrinks, so laying out comes to an end; where a greater form turns out not to
//! be needed after all, bytes that do nothing fill the gap. A variable that is gone reads as nil, and
//! what is stored into it is dropped.

use imprint_model::BytecodeSet;
use thiserror::Error;

use crate::Instruction;
use crate::bytecode::{DecodeError, code_end, decode};
use crate::encoder::{encode, encoded_length};
use crate::primitives::QuickReturn;

/// Code that was adapted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Adaptation {
    /// The bytes, with what followed the old code behind them.
    pub bytes: Vec<u8>,
    /// Where each instruction began, and the end, and where it begins now; rising.
    moves: Vec<(u32, u32)>,
}

impl Adaptation {
    /// Where the instruction begins now that began at an offset; `None` where none did.
    pub fn moved(&self, offset: usize) -> Option<usize> {
        let offset = u32::try_from(offset).ok()?;
        let found = self.moves.binary_search_by_key(&offset, |(old, _)| *old);
        found.ok().map(|place| self.moves[place].1 as usize)
    }

    /// The way back: where an instruction began that begins at an offset now.
    pub fn moved_from(&self, offset: usize) -> Option<usize> {
        let offset = u32::try_from(offset).ok()?;
        let found = self.moves.binary_search_by_key(&offset, |(_, new)| *new);
        found.ok().map(|place| self.moves[place].0 as usize)
    }
}

/// Why code cannot be adapted.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum AdaptError {
    /// Its bytes are no code.
    #[error("{0}")]
    Decode(#[from] DecodeError),
    /// A block of the older set lies inside its method, and closures know the place.
    #[error("it is in the older bytecode set, whose code is not adapted")]
    OlderSet,
    /// A jump leads into the middle of an instruction.
    #[error("the jump at {0} leads into an instruction")]
    Jump(usize),
    /// A method that only answers a variable can name no more than 256 of them.
    #[error("it answers a variable that stands behind the 256th now")]
    QuickField,
}

/// One instruction on its way.
struct Step {
    start: usize,
    length: usize,
    was: Instruction,
    now: Instruction,
    /// Bytes that it takes; these only grow.
    size: usize,
    /// Of a jump: the step that it leads to.
    target: Option<usize>,
}

/// The instance variables that code names, each once, rising.
///
/// # Errors
/// Where the bytes are no code.
pub fn variables_named(set: BytecodeSet, bytes: &[u8]) -> Result<Vec<u16>, DecodeError> {
    let end = code_end(set, bytes);
    let mut named = Vec::new();
    let mut at = 0;
    while at < end {
        let decoded = crate::bytecode::decode_in(set, bytes, at)?;
        named.extend(variable_of(decoded.instruction));
        at += decoded.length;
    }
    named.sort_unstable();
    named.dedup();
    Ok(named)
}

fn variable_of(instruction: Instruction) -> Option<u16> {
    match instruction {
        Instruction::PushReceiverVariable { index, .. }
        | Instruction::PopReceiverVariable { index, .. }
        | Instruction::StoreReceiverVariable { index, .. } => Some(index),
        Instruction::CallPrimitive(number) => match QuickReturn::from_number(number) {
            Some(QuickReturn::Field(index)) => Some(u16::from(index)),
            _ => None,
        },
        _ => None,
    }
}

/// Adapts code: `place` answers where the variable of an index stands now, `None` where it is gone.
/// Answers `None` where nothing changes.
///
/// # Errors
/// Where the code cannot be adapted.
pub fn adapt(
    set: BytecodeSet,
    bytes: &[u8],
    place: impl Fn(u16) -> Option<u16>,
) -> Result<Option<Adaptation>, AdaptError> {
    let named = variables_named(set, bytes)?;
    if named.iter().all(|index| place(*index) == Some(*index)) {
        return Ok(None);
    }
    if set != BytecodeSet::SistaV1 {
        return Err(AdaptError::OlderSet);
    }
    let end = code_end(set, bytes);
    let mut steps = steps(bytes, end, &place)?;
    find_targets(&mut steps, end)?;
    while grow_jumps(&mut steps) {}
    Ok(Some(lay_out(&steps, bytes, end)))
}

fn steps(
    bytes: &[u8],
    end: usize,
    place: &impl Fn(u16) -> Option<u16>,
) -> Result<Vec<Step>, AdaptError> {
    let mut steps = Vec::new();
    let mut start = 0;
    while start < end {
        let decoded = decode(bytes, start)?;
        let (was, length) = (decoded.instruction, decoded.length);
        let now = adapted(was, place)?;
        let size = if now == was {
            length
        } else {
            encoded_length(now)
        };
        steps.push(Step {
            start,
            length,
            was,
            now,
            size,
            target: None,
        });
        start += length;
    }
    Ok(steps)
}

fn adapted(
    instruction: Instruction,
    place: &impl Fn(u16) -> Option<u16>,
) -> Result<Instruction, AdaptError> {
    let Some(index) = variable_of(instruction) else {
        return Ok(instruction);
    };
    let now = place(index);
    Ok(match (instruction, now) {
        _ if now == Some(index) => instruction,
        (Instruction::PushReceiverVariable { long, .. }, Some(index)) => {
            let long = long || index > 15;
            Instruction::PushReceiverVariable { index, long }
        }
        (Instruction::PopReceiverVariable { long, .. }, Some(index)) => {
            let long = long || index > 7;
            Instruction::PopReceiverVariable { index, long }
        }
        (Instruction::StoreReceiverVariable { long, .. }, Some(index)) => {
            Instruction::StoreReceiverVariable { index, long }
        }
        (Instruction::CallPrimitive(_), Some(index)) => {
            let index = u8::try_from(index).map_err(|_| AdaptError::QuickField)?;
            Instruction::CallPrimitive(QuickReturn::Field(index).number())
        }
        (Instruction::PushReceiverVariable { .. }, None) => Instruction::PushNil,
        (Instruction::PopReceiverVariable { .. }, None) => Instruction::Pop,
        (Instruction::StoreReceiverVariable { .. }, None) => Instruction::Nop,
        (Instruction::CallPrimitive(_), None) => {
            Instruction::CallPrimitive(QuickReturn::Nil.number())
        }
        (other, _) => other,
    })
}

fn distance(instruction: Instruction) -> Option<i32> {
    match instruction {
        Instruction::Jump(distance)
        | Instruction::JumpTrue(distance)
        | Instruction::JumpFalse(distance) => Some(distance),
        _ => None,
    }
}

fn find_targets(steps: &mut [Step], end: usize) -> Result<(), AdaptError> {
    let starts: Vec<usize> = steps.iter().map(|step| step.start).chain([end]).collect();
    for step in steps {
        let Some(distance) = distance(step.was) else {
            continue;
        };
        let target = (step.start + step.length).checked_add_signed(distance as isize);
        let found = target.and_then(|target| starts.binary_search(&target).ok());
        step.target = Some(found.ok_or(AdaptError::Jump(step.start))?);
    }
    Ok(())
}

/// The offsets at which the steps begin, and the end.
fn places(steps: &[Step]) -> Vec<usize> {
    let mut at = 0;
    let mut places = vec![0];
    for step in steps {
        at += step.size;
        places.push(at);
    }
    places
}

/// Gives each jump its distance, and room for it; answers whether some jump needs more than it had.
fn grow_jumps(steps: &mut [Step]) -> bool {
    let places = places(steps);
    let mut has_grown = false;
    for (number, step) in steps.iter_mut().enumerate() {
        let Some(target) = step.target else { continue };
        let distance = places[target] as i32 - places[number + 1] as i32;
        step.now = match step.was {
            Instruction::JumpTrue(_) => Instruction::JumpTrue(distance),
            Instruction::JumpFalse(_) => Instruction::JumpFalse(distance),
            _ => Instruction::Jump(distance),
        };
        // A form that was longer than need be stays so.
        let needed = if step.now == step.was {
            step.length
        } else {
            encoded_length(step.now)
        };
        has_grown |= needed > step.size;
        step.size = step.size.max(needed);
    }
    has_grown
}

fn lay_out(steps: &[Step], old: &[u8], end: usize) -> Adaptation {
    let mut bytes = Vec::with_capacity(old.len() + 16);
    let mut moves = Vec::with_capacity(steps.len() + 1);
    for step in steps {
        moves.push((step.start as u32, bytes.len() as u32));
        if step.now == step.was && step.size == step.length {
            bytes.extend_from_slice(&old[step.start..step.start + step.length]);
            continue;
        }
        for _ in encoded_length(step.now)..step.size {
            encode(Instruction::Nop, &mut bytes);
        }
        encode(step.now, &mut bytes);
    }
    moves.push((end as u32, bytes.len() as u32));
    bytes.extend_from_slice(&old[end..]);
    Adaptation { bytes, moves }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(instructions: &[Instruction]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for instruction in instructions {
            encode(*instruction, &mut bytes);
        }
        bytes
    }

    fn instructions(bytes: &[u8]) -> Vec<Instruction> {
        let mut at = 0;
        let mut all = Vec::new();
        while at < bytes.len() {
            let decoded = decode(bytes, at).expect("it was encoded");
            all.push(decoded.instruction);
            at += decoded.length;
        }
        all
    }

    fn push(index: u16) -> Instruction {
        Instruction::PushReceiverVariable {
            index,
            long: index > 15,
        }
    }

    fn pop(index: u16) -> Instruction {
        Instruction::PopReceiverVariable {
            index,
            long: index > 7,
        }
    }

    fn store(index: u16) -> Instruction {
        Instruction::StoreReceiverVariable { index, long: true }
    }

    #[test]
    fn each_access_finds_its_variable_where_it_stands_now() {
        use Instruction as I;
        let quick = |index| I::CallPrimitive(QuickReturn::Field(index).number());
        let cases: [(&[I], &[I]); 4] = [
            (&[push(0), I::ReturnTop], &[push(20), I::ReturnTop]),
            (
                &[push(1), pop(0), push(0), store(1), I::ReturnTop],
                &[push(0), pop(20), push(20), store(0), I::ReturnTop],
            ),
            (
                &[quick(0), push(0), I::ReturnTop],
                &[quick(20), push(20), I::ReturnTop],
            ),
            (
                &[push(2), store(2), pop(2), I::ReturnReceiver],
                &[I::PushNil, I::Nop, I::Pop, I::ReturnReceiver],
            ),
        ];
        let place = |index| [Some(20), Some(0), None][usize::from(index)];
        for (old, new) in cases {
            let adapted = adapt(BytecodeSet::SistaV1, &code(old), place);
            let adapted = adapted.expect("it is code").expect("something changed");
            assert_eq!(instructions(&adapted.bytes), new);
        }
    }

    #[test]
    fn what_names_no_moved_variable_is_left_alone() {
        let bytes = code(&[push(3), Instruction::PushInteger(7), Instruction::ReturnTop]);
        let stays = |index: u16| Some(index + u16::from(index > 3));
        assert_eq!(adapt(BytecodeSet::SistaV1, &bytes, stays), Ok(None));
    }

    /// The instruction each jump leads to, by number.
    fn targets(bytes: &[u8]) -> Vec<usize> {
        let mut starts = Vec::new();
        let mut ends = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let decoded = decode(bytes, at).expect("it is code");
            starts.push(at);
            at += decoded.length;
            if let Some(distance) = distance(decoded.instruction) {
                ends.push(at.wrapping_add_signed(distance as isize));
            }
        }
        let number = |end: &usize| starts.iter().position(|start| start == end);
        ends.iter()
            .map(|end| number(end).expect("it leads to an instruction"))
            .collect()
    }

    #[test]
    fn jumps_lead_to_the_same_instructions_however_far_these_move() {
        use Instruction as I;
        for accesses in [1, 3, 7, 8, 100, 130, 400] {
            let body: Vec<I> = (0..accesses).flat_map(|_| [push(0), I::Pop]).collect();
            let size = code(&body).len() as i32;
            let mut all = vec![I::PushTrue, I::JumpFalse(size + 4)];
            all.extend(&body);
            let back = -(code(&all).len() as i32 + 4);
            all.extend([I::Jump(back), I::PushNil, I::ReturnTop]);
            let old = code(&all);
            let adapted = adapt(BytecodeSet::SistaV1, &old, |_| Some(300));
            let adapted = adapted.expect("it is code").expect("something changed");
            assert_eq!(
                code_end(BytecodeSet::SistaV1, &adapted.bytes),
                adapted.bytes.len()
            );
            let without_filling: Vec<I> = instructions(&adapted.bytes);
            assert!(without_filling.contains(&push(300)));
            let count = |bytes: &[u8]| targets(bytes).len();
            assert_eq!(count(&adapted.bytes), count(&old));
            for (start, end) in [(0, 0), (old.len(), adapted.bytes.len())] {
                assert_eq!(adapted.moved(start), Some(end));
                assert_eq!(adapted.moved_from(end), Some(start));
            }
        }
    }

    #[test]
    fn what_follows_the_code_comes_along() {
        let mut bytes = code(&[push(0), Instruction::ReturnTop]);
        bytes.extend([1, 2, 3, 4, 5]);
        let adapted = adapt(BytecodeSet::SistaV1, &bytes, |_| Some(40));
        let adapted = adapted.expect("it is code").expect("something changed");
        assert!(adapted.bytes.ends_with(&[1, 2, 3, 4, 5]));
        assert_eq!(adapted.moved(1), Some(2), "the return");
        assert_eq!(adapted.moved(7), None, "behind the code");
    }

    #[test]
    fn the_older_set_is_refused_where_something_would_change() {
        // pushRcvr: 0; returnTop
        let bytes = [0, 124];
        let set = BytecodeSet::V3PlusClosures;
        assert_eq!(adapt(set, &bytes, Some), Ok(None));
        assert_eq!(adapt(set, &bytes, |_| None), Err(AdaptError::OlderSet));
    }
}
