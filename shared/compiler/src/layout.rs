//! Operations to bytecodes: what is never reached is left out, literals and temporaries get their
//! numbers, jumps their sizes.
//!
//! A jump to an unconditional jump goes where that goes. Literals are numbered in the order of
//! their first use in reached code, then come the selectors of messages compiled in place. Sizes
//! of forward jumps grow from nothing until all fit; backward jumps always take four bytes.

use imprint_isa::Instruction;
use imprint_isa::encoder::encode;
use imprint_isa::primitives::QuickReturn;
use imprint_model::method_header::LITERALS_MAX;
use imprint_syntax::{Diagnostic, Span};

use crate::ir::{Code, Entry, EntryId, Label, Operation};

/// Greatest distance of a jump.
const DISTANCE_MAX: usize = 32767;
/// The size of a jump backward.
const BACKWARD_SIZE: usize = 4;

/// Code with its numbers.
pub(crate) struct Laid {
    pub(crate) bytecodes: Vec<u8>,
    /// The literals, in order; the last two of a method and the last of a block are still missing.
    pub(crate) literals: Vec<EntryId>,
    /// The most operands on the stack at once.
    pub(crate) depth_max: usize,
    pub(crate) has_primitive: bool,
    /// Where instructions begin, and what they stand for.
    pub(crate) places: Vec<(u32, Span)>,
}

/// Which code is laid out, as far as it matters.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    /// Whether it may begin with a primitive that answers something at once: methods may, code
    /// that is run without a send needs none.
    pub(crate) may_be_quick: bool,
    /// Instance variables by the forms that may meet a context.
    pub(crate) long_instance_variables: bool,
}

/// Lays out the code of a method or block.
pub(crate) fn lay_out(code: &mut Code<'_>, setting: Setting) -> Result<Laid, Diagnostic> {
    let mentioned: Vec<EntryId> = std::mem::take(&mut code.mentioned)
        .into_iter()
        .map(|selector| code.entry(Entry::Symbol(selector)))
        .collect();
    let mut layout = Layout::new(code, setting);
    layout.find_labels();
    layout.find_reached();
    layout.prologue();
    layout.operations();
    for selector in mentioned {
        layout.number(selector);
    }
    layout.finish()
}

/// One instruction, or one that will be a jump.
struct Item {
    /// Its bytes in `Layout::bytes`; none for a jump.
    start: usize,
    end: usize,
    jump: Option<Jump>,
    span: Span,
}

#[derive(Clone, Copy)]
struct Jump {
    kind: JumpKind,
    /// The operation it goes to.
    target: usize,
    size: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum JumpKind {
    Always,
    Back,
    IfTrue,
    IfFalse,
}

pub(crate) struct Layout<'c, 't> {
    pub(crate) code: &'c Code<'t>,
    pub(crate) setting: Setting,
    /// By label: its operation.
    labels: Vec<usize>,
    /// By label: operands on the stack there, once known.
    pub(crate) label_depths: Vec<Option<usize>>,
    pub(crate) reached: Vec<bool>,
    /// By literal: its number.
    numbers: Vec<Option<u16>>,
    literals: Vec<EntryId>,
    bytes: Vec<u8>,
    items: Vec<Item>,
    /// By operation: the first item at or behind it.
    item_of: Vec<usize>,
    pub(crate) depth: usize,
    pub(crate) depth_max: usize,
    has_primitive: bool,
}

impl<'c, 't> Layout<'c, 't> {
    fn new(code: &'c Code<'t>, setting: Setting) -> Self {
        let labels = code.label_count as usize;
        Self {
            code,
            setting,
            labels: vec![0; labels],
            label_depths: vec![None; labels],
            reached: vec![false; code.operations.len()],
            numbers: vec![None; code.entries.len()],
            literals: Vec::with_capacity(code.entries.len() + 2),
            bytes: Vec::with_capacity(code.operations.len() * 2),
            items: Vec::with_capacity(code.operations.len()),
            item_of: Vec::with_capacity(code.operations.len() + 1),
            depth: 0,
            depth_max: 0,
            has_primitive: false,
        }
    }

    fn find_labels(&mut self) {
        for (index, operation) in self.code.operations.iter().enumerate() {
            if let Operation::Label(label) = operation {
                self.labels[label.0 as usize] = index;
            }
        }
    }

    /// Where an unconditional jump to `label` ends up.
    fn destination(&self, label: Label) -> usize {
        let mut target = self.labels[label.0 as usize];
        // A circle of bare jumps is an empty endless loop; each label is passed once at most.
        for _ in 0..self.labels.len() {
            let next = self.code.operations[target..]
                .iter()
                .find(|operation| !matches!(operation, Operation::Label(_)));
            match next {
                Some(Operation::Jump(next)) => target = self.labels[next.0 as usize],
                _ => break,
            }
        }
        target
    }

    fn find_reached(&mut self) {
        let mut starts = vec![0];
        while let Some(start) = starts.pop() {
            for index in start..self.code.operations.len() {
                if std::mem::replace(&mut self.reached[index], true) {
                    break;
                }
                match self.code.operations[index] {
                    Operation::Jump(label) => {
                        starts.push(self.destination(label));
                        break;
                    }
                    Operation::JumpBack(label) | Operation::JumpIf { label, .. } => {
                        starts.push(self.labels[label.0 as usize])
                    }
                    other if ends_path(other) => break,
                    _ => {}
                }
            }
        }
    }

    /// The call of a primitive, its own or a quick one; a primitive's name is the first literal.
    fn prologue(&mut self) {
        if let Some(Entry::PrimitiveSpec { .. }) = self.code.entries.first() {
            self.number(EntryId(0));
        }
        let number = match self.code.primitive {
            0 => self.quick_return().map(QuickReturn::number),
            own => Some(own),
        };
        if let Some(number) = number {
            self.has_primitive = true;
            self.instruction(Instruction::CallPrimitive(number), Span::default());
        }
    }

    fn operations(&mut self) {
        for (index, &operation) in self.code.operations.iter().enumerate() {
            self.item_of.push(self.items.len());
            if self.reached[index] {
                self.debug_assert_depth(index);
                self.operation(operation, self.code.spans[index]);
            }
        }
        self.item_of.push(self.items.len());
    }

    /// Whoever falls onto a label has as many operands as whoever jumps to it.
    fn debug_assert_depth(&self, index: usize) {
        let (Operation::Label(label), Some(before)) =
            (self.code.operations[index], index.checked_sub(1))
        else {
            return;
        };
        let falls = self.reached[before] && !ends_path(self.code.operations[before]);
        let there = self.label_depths[label.0 as usize];
        debug_assert!(
            !falls || there.is_none_or(|depth| depth == self.depth),
            "both ways to a label agree"
        );
    }

    pub(crate) fn jump(&mut self, kind: JumpKind, label: Label, span: Span) {
        let target = match kind {
            JumpKind::Always => self.destination(label),
            _ => self.labels[label.0 as usize],
        };
        if let Operation::Label(reached) = self.code.operations[target] {
            self.label_depths[reached.0 as usize].get_or_insert(self.depth);
        }
        self.label_depths[label.0 as usize].get_or_insert(self.depth);
        let size = match kind {
            JumpKind::Always => 0,
            JumpKind::Back => BACKWARD_SIZE,
            JumpKind::IfTrue | JumpKind::IfFalse => 1,
        };
        let at = self.bytes.len();
        self.items.push(Item {
            start: at,
            end: at,
            jump: Some(Jump { kind, target, size }),
            span,
        });
    }

    pub(crate) fn instruction(&mut self, instruction: Instruction, span: Span) {
        let start = self.bytes.len();
        encode(instruction, &mut self.bytes);
        self.items.push(Item {
            start,
            end: self.bytes.len(),
            jump: None,
            span,
        });
    }

    pub(crate) fn number(&mut self, entry: EntryId) -> u16 {
        let number = &mut self.numbers[entry.0 as usize];
        *number.get_or_insert_with(|| {
            self.literals.push(entry);
            u16::try_from(self.literals.len() - 1).unwrap_or(u16::MAX)
        })
    }

    fn finish(mut self) -> Result<Laid, Diagnostic> {
        // Two literals are still to come.
        if self.literals.len() + 2 > LITERALS_MAX || self.code.has_too_many_literals() {
            return Err(Diagnostic::error(
                self.code.span,
                format!("more than {LITERALS_MAX} literals"),
            ));
        }
        self.size_jumps();
        let offsets = self.offsets();
        let mut bytecodes = Vec::with_capacity(offsets[self.items.len()]);
        let mut places = Vec::with_capacity(self.items.len());
        for (index, item) in self.items.iter().enumerate() {
            if item.span != Span::default() {
                places.push((
                    u32::try_from(bytecodes.len()).unwrap_or(u32::MAX),
                    item.span,
                ));
            }
            match item.jump {
                None => bytecodes.extend_from_slice(&self.bytes[item.start..item.end]),
                Some(jump) => write_jump(
                    jump,
                    self.distance(&offsets, index, jump),
                    item.span,
                    &mut bytecodes,
                )?,
            }
        }
        debug_assert_eq!(bytecodes.len(), offsets[self.items.len()]);
        Ok(Laid {
            bytecodes,
            literals: self.literals,
            depth_max: self.depth_max,
            has_primitive: self.has_primitive,
            places,
        })
    }

    /// Lets jumps grow until each can reach its target.
    fn size_jumps(&mut self) {
        let mut is_stable = self.items.iter().all(|item| item.jump.is_none());
        while !is_stable {
            is_stable = true;
            let offsets = self.offsets();
            for index in 0..self.items.len() {
                let Some(jump) = self.items[index].jump else {
                    continue;
                };
                let needed = size_needed(jump.kind, self.distance(&offsets, index, jump));
                if needed > jump.size {
                    self.items[index].jump = Some(Jump {
                        size: needed,
                        ..jump
                    });
                    is_stable = false;
                }
            }
        }
    }

    /// Where each item begins; one more for the end.
    fn offsets(&self) -> Vec<usize> {
        let mut offsets = Vec::with_capacity(self.items.len() + 1);
        let mut offset = 0;
        for item in &self.items {
            offsets.push(offset);
            offset += item.jump.map_or(item.end - item.start, |jump| jump.size);
        }
        offsets.push(offset);
        offsets
    }

    /// Bytes between the end of a jump and its target, whichever comes first.
    fn distance(&self, offsets: &[usize], index: usize, jump: Jump) -> usize {
        let target = offsets[self.item_of[jump.target]];
        let end = offsets[index] + jump.size;
        target.abs_diff(end)
    }
}

/// Whether nothing falls from this operation onto the next.
fn ends_path(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Jump(_)
            | Operation::ReturnReceiver
            | Operation::ReturnConstant(_)
            | Operation::ReturnTop
            | Operation::BlockReturnTop
    )
}

fn size_needed(kind: JumpKind, distance: usize) -> usize {
    match (kind, distance) {
        (JumpKind::Back, _) => BACKWARD_SIZE,
        (JumpKind::Always, 0) => 0,
        (_, 0..=8) => 1,
        (_, 9..=255) => 2,
        _ => 4,
    }
}

/// A jump over nothing is none; of a conditional one the pop remains.
fn write_jump(
    jump: Jump,
    distance: usize,
    span: Span,
    bytecodes: &mut Vec<u8>,
) -> Result<(), Diagnostic> {
    if distance > DISTANCE_MAX {
        return Err(Diagnostic::error(span, "this jumps over too much code"));
    }
    let start = bytecodes.len();
    let forward = i32::try_from(distance).unwrap_or(i32::MAX);
    match jump.kind {
        JumpKind::Back => encode(Instruction::Jump(-forward), bytecodes),
        JumpKind::Always if jump.size == 0 => {}
        JumpKind::IfTrue | JumpKind::IfFalse if distance == 0 => {
            encode(Instruction::Pop, bytecodes)
        }
        JumpKind::Always => encode(Instruction::Jump(forward), bytecodes),
        JumpKind::IfTrue => encode(Instruction::JumpTrue(forward), bytecodes),
        JumpKind::IfFalse => encode(Instruction::JumpFalse(forward), bytecodes),
    }
    debug_assert_eq!(
        bytecodes.len() - start,
        jump.size,
        "a jump has the size that was planned"
    );
    Ok(())
}
