//! What a stock virtual machine does once the entry expression has come back.
//!
//! ```text
//!   context of the entry ── sender ──> context of this method, whose receiver is nil as the entry's:
//!
//!        Processor needsNoIdleProcess ifTrue: [ ^ the value ]   Imprint: as if nothing stood here
//!        [ Processor endEntry ] repeat                          others:  quit, or suspend for ever
//! ```
//!
//! An image without a method that waits quits: nothing can happen in it any more. One that waits
//! gets a process of the lowest priority that idles, since stock machines end where none can run.

use imprint_heap::{Heap, NeedsSpace};
use imprint_isa::bytecode::{Instruction, decode};
use imprint_isa::encoder::{encode, encoded_length};
use imprint_model::layout::{
    association, behavior, class, context, linked_list, process, scheduler,
};
use imprint_model::method_header::BytecodeSet;
use imprint_model::{ClassIndex, Format, Known, MethodHeader, Oop};
use imprint_vm::bottom_context;
use imprint_vm::install::{MethodDictionary, Names, TRAILER_BYTES};
use imprint_vm::stand_in::StandIns;

/// Numbers of the primitives that are called.
mod primitive {
    pub const WAIT: u16 = 86;
    pub const SUSPEND: u16 = 88;
    pub const QUIT: u16 = 113;
    pub const NAMED: u16 = 117;
    pub const RELINQUISH: u16 = 230;
}

/// The priority of the process that idles; the first list is that of priority 1.
const IDLE_PRIORITY: usize = 10;
/// How long it lets the machine sleep.
const IDLE_MICROS: i32 = 1000;

const NEEDS_NO_IDLE: &str = "needsNoIdleProcess";
const END_ENTRY: &str = "endEntry";
const RELINQUISH: &str = "relinquishProcessorForMicroseconds:";
const SUSPEND: &str = "suspend";

/// Adds the end to an image that begins with an entry expression; others are left as they are.
pub(super) fn add(
    heap: &mut Heap,
    names: &Names,
    stand_ins: &mut StandIns,
) -> Result<(), NeedsSpace> {
    let Some(start) = Start::of(heap) else {
        return Ok(());
    };
    let mut ending = Ending {
        heap,
        names,
        stand_ins,
        start,
    };
    let class = ending.class_of_scheduler()?;
    ending.add_question(class)?;
    if ending.can_wait() {
        ending.add_suspension(class)?;
        ending.add_idle_process(class)?;
    } else {
        ending.add_quit(class)?;
    }
    ending.add_bottom()
}

/// Where an image begins.
struct Start {
    scheduler: Oop,
    process: Oop,
    entry: Oop,
    method_class_index: u32,
}

impl Start {
    fn of(heap: &Heap) -> Option<Start> {
        let binding = heap.known(Known::SchedulerBinding);
        let scheduler = slot(heap, binding, association::VALUE)?;
        let process = slot(heap, scheduler, scheduler::ACTIVE_PROCESS)?;
        let entry = slot(heap, process, process::SUSPENDED_CONTEXT)?;
        let method = slot(heap, entry, context::METHOD)?;
        let is_bottom = heap.slot(entry, context::SENDER) == heap.nil();
        let is_whole = is_bottom && heap.format(method).is_code();
        is_whole.then(|| Start {
            scheduler,
            process,
            entry,
            method_class_index: heap.class_index_of(method),
        })
    }
}

/// An object in a slot; `None` for nil, and where there is no such slot.
fn slot(heap: &Heap, oop: Oop, index: usize) -> Option<Oop> {
    let has_slot = oop.is_object() && heap.pointer_slot_count(oop) > index;
    let value = has_slot.then(|| heap.slot(oop, index))?;
    (value.is_object() && value != heap.nil()).then_some(value)
}

struct Ending<'a> {
    heap: &'a mut Heap,
    names: &'a Names,
    stand_ins: &'a mut StandIns,
    start: Start,
}

impl Ending<'_> {
    fn class_of_scheduler(&mut self) -> Result<Oop, NeedsSpace> {
        let index = self.heap.class_index_of(self.start.scheduler);
        self.stand_ins.class_at(self.heap, self.names, index)
    }

    /// Whether a method is here that makes a process wait.
    fn can_wait(&self) -> bool {
        let mut can = false;
        self.heap.for_each_object(|oop| {
            can |= primitive_of(self.heap, oop) == Some(primitive::WAIT);
        });
        can
    }

    /// `needsNoIdleProcess`: true on Imprint, false elsewhere.
    fn add_question(&mut self, class: Oop) -> Result<(), NeedsSpace> {
        let parts = ["ImprintPlugin", "primitiveNeedsNoIdle"];
        let spec = self
            .heap
            .allocate_old(ClassIndex::ARRAY, Format::ARRAY, 4)?;
        for (index, part) in parts.into_iter().enumerate() {
            let symbol = self.heap.intern(part)?;
            self.heap.store(spec, index, symbol);
            self.heap.store(spec, index + 2, Oop::small(0));
        }
        let code = [
            Instruction::CallPrimitive(primitive::NAMED),
            Instruction::ReturnFalse,
        ];
        self.add_method(class, NEEDS_NO_IDLE, 0, &code, &[spec])
    }

    fn add_quit(&mut self, class: Oop) -> Result<(), NeedsSpace> {
        let code = [
            Instruction::CallPrimitive(primitive::QUIT),
            Instruction::ReturnReceiver,
        ];
        self.add_method(class, END_ENTRY, 0, &code, &[])
    }

    fn add_suspension(&mut self, class: Oop) -> Result<(), NeedsSpace> {
        let index = self.heap.class_index_of(self.start.process);
        let process_class = self.stand_ins.class_at(self.heap, self.names, index)?;
        let code = [
            Instruction::CallPrimitive(primitive::SUSPEND),
            Instruction::ReturnReceiver,
        ];
        self.add_method(process_class, SUSPEND, 0, &code, &[])?;
        let selector = self.heap.intern(SUSPEND)?;
        let code = [
            Instruction::PushReceiverVariable {
                index: scheduler::ACTIVE_PROCESS as u16,
                long: false,
            },
            send(0, 0),
            Instruction::Pop,
            Instruction::ReturnReceiver,
        ];
        self.add_method(class, END_ENTRY, 0, &code, &[selector])
    }

    /// A ready process that gives its time back, again and again; on Imprint it suspends itself.
    fn add_idle_process(&mut self, class: Oop) -> Result<(), NeedsSpace> {
        let code = [
            Instruction::CallPrimitive(primitive::RELINQUISH),
            Instruction::ReturnReceiver,
        ];
        self.add_method(class, RELINQUISH, 1, &code, &[])?;
        let selectors = [NEEDS_NO_IDLE, RELINQUISH, END_ENTRY];
        let [question, relinquish, end] = selectors.map(|text| self.heap.intern(text));
        let suspension = [Instruction::PushReceiver, send(3, 0), Instruction::Pop];
        let turn = [
            Instruction::PushReceiver,
            Instruction::PushLiteral(1),
            send(2, 1),
            Instruction::Pop,
        ];
        let mut code = vec![
            Instruction::PushReceiver,
            send(0, 0),
            Instruction::JumpFalse(length_of(&suspension)),
        ];
        code.extend(suspension);
        code.extend(turn);
        code.push(Instruction::Jump(-back_over(&turn)));
        let literals = [question?, Oop::small(IDLE_MICROS), relinquish?, end?];
        let method = self.new_method(class, "idle", 0, &code, &literals)?;
        let bottom = bottom_context(self.heap, method, self.start.scheduler)?;
        let lists = self.heap.slot(self.start.scheduler, scheduler::LISTS);
        let Some(list) = slot(self.heap, lists, IDLE_PRIORITY - 1) else {
            return Ok(());
        };
        let index = self.heap.class_index_of(self.start.process);
        let idle = self
            .heap
            .allocate_old(index, Format::FIXED, process::SIZE)?;
        let priority = Oop::index(IDLE_PRIORITY);
        self.heap.store(idle, process::SUSPENDED_CONTEXT, bottom);
        self.heap.store(idle, process::PRIORITY, priority);
        self.heap.store(idle, process::MY_LIST, list);
        self.heap.store(list, linked_list::FIRST, idle);
        self.heap.store(list, linked_list::LAST, idle);
        Ok(())
    }

    fn add_bottom(&mut self) -> Result<(), NeedsSpace> {
        let nil = self.heap.nil();
        let index = self.heap.class_index_of(nil);
        let class = self.stand_ins.class_at(self.heap, self.names, index)?;
        let [question, end] = [NEEDS_NO_IDLE, END_ENTRY].map(|text| self.heap.intern(text));
        let processor = self.heap.known(Known::SchedulerBinding);
        let push_processor = Instruction::PushLiteralVariable(2);
        let turn = [push_processor, send(1, 0), Instruction::Pop];
        // The value of the entry comes in the place of what the first instruction would push.
        let before = [Instruction::PushReceiver];
        let mut code = before.to_vec();
        code.extend([
            push_processor,
            send(0, 0),
            Instruction::JumpFalse(1),
            Instruction::ReturnTop,
        ]);
        code.extend(turn);
        code.push(Instruction::Jump(-back_over(&turn)));
        let literals = [question?, end?, processor];
        let method = self.new_method(class, "entry", 0, &code, &literals)?;
        let bottom = bottom_context(self.heap, method, nil)?;
        let begin = self.heap.slot(bottom, context::PC).as_small_integer();
        let begin = begin.unwrap_or_default() as i32 + length_of(&before);
        self.heap.store(bottom, context::PC, Oop::small(begin));
        self.heap.store(self.start.entry, context::SENDER, bottom);
        Ok(())
    }

    /// Adds a method where its class has none under the selector.
    fn add_method(
        &mut self,
        class: Oop,
        selector: &str,
        arguments: u8,
        code: &[Instruction],
        literals: &[Oop],
    ) -> Result<(), NeedsSpace> {
        let symbol = self.heap.intern(selector)?;
        let dictionary = MethodDictionary(self.heap.slot(class, behavior::METHOD_DICTIONARY));
        let present = dictionary.at(self.heap, symbol);
        if present.is_some_and(|oop| oop.is_object() && self.heap.format(oop).is_code()) {
            return Ok(());
        }
        let method = self.new_method(class, selector, arguments, code, literals)?;
        let grown = dictionary.put_growing(self.heap, symbol, method)?;
        self.heap.store(class, behavior::METHOD_DICTIONARY, grown.0);
        Ok(())
    }

    fn new_method(
        &mut self,
        class: Oop,
        selector: &str,
        arguments: u8,
        code: &[Instruction],
        literals: &[Oop],
    ) -> Result<Oop, NeedsSpace> {
        let mut bytes = Vec::new();
        code.iter()
            .for_each(|instruction| encode(*instruction, &mut bytes));
        bytes.extend([0; TRAILER_BYTES]);
        let header = MethodHeader {
            set: BytecodeSet::SistaV1,
            literal_count: literals.len() as u16 + 2,
            has_primitive: matches!(code.first(), Some(Instruction::CallPrimitive(_))),
            is_large_frame: false,
            temp_count: arguments,
            argument_count: arguments,
        };
        let index = self.start.method_class_index;
        let method = self.heap.allocate_code(index, header, &bytes)?;
        let selector = self.heap.intern(selector)?;
        let binding = self.binding(class)?;
        for (at, literal) in literals.iter().chain(&[selector, binding]).enumerate() {
            self.heap.store(method, at + 1, *literal);
        }
        Ok(method)
    }

    /// The binding of a class, as the last literal of its methods: the one that is there, else a new one.
    fn binding(&mut self, class: Oop) -> Result<Oop, NeedsSpace> {
        let index = self
            .heap
            .class_index_of(self.heap.known(Known::SchedulerBinding));
        let mut known = None;
        self.heap.for_each_object(|oop| {
            let is_binding = self.heap.class_index_of(oop) == index
                && self.heap.slot(oop, association::VALUE) == class;
            known = known.or(is_binding.then_some(oop));
        });
        if let Some(binding) = known {
            return Ok(binding);
        }
        let size = association::VALUE + 1;
        let binding = self.heap.allocate_old(index, Format::FIXED, size)?;
        let name = self.heap.slot(class, class::NAME);
        self.heap.store(binding, association::KEY, name);
        self.heap.store(binding, association::VALUE, class);
        Ok(binding)
    }
}

/// The number of the primitive that compiled code begins with.
fn primitive_of(heap: &Heap, oop: Oop) -> Option<u16> {
    let is_code = heap.format(oop).is_code();
    is_code.then(|| heap.method_header(oop))??;
    match decode(heap.code_bytes(oop), 0).ok()?.instruction {
        Instruction::CallPrimitive(number) => Some(number),
        _ => None,
    }
}

fn send(literal: u16, arguments: u8) -> Instruction {
    Instruction::Send { literal, arguments }
}

/// How far a long jump behind these instructions must go to come back before them.
fn back_over(instructions: &[Instruction]) -> i32 {
    length_of(instructions) + encoded_length(Instruction::Jump(-1)) as i32
}

/// The bytes of instructions.
fn length_of(instructions: &[Instruction]) -> i32 {
    instructions
        .iter()
        .map(|instruction| encoded_length(*instruction))
        .sum::<usize>() as i32
}
