//! Sends: from a selector and operands to what runs.
//!
//! The quick way is one probe of the cache and one frame. All that can fail on the slow way (room,
//! lookup, a message object) comes before its first effect, so it can be run again.

use std::ops::ControlFlow;

use imprint_isa::{Miss, bytecode, v3_plus_closures};
use imprint_model::layout::{association, behavior};
use imprint_model::{BytecodeSet, ClassIndex, Known, Oop};

use crate::args::Args;
use crate::cache::{Action, Entry};
use crate::failure::{Failure, PrimitiveError};
use crate::handlers::closure;
use crate::machine::Vm;
use crate::sites;
use crate::stack::Registers;
use crate::stop::{Flow, NEXT, Stop, Stopped, out_of_line};

/// A send whose selector is a literal.
#[inline(always)]
pub(crate) fn literal(
    vm: &mut Vm,
    r: &mut Registers,
    index: usize,
    arguments: usize,
    length: usize,
) -> Flow {
    let selector = vm.heap.literal(r.method(), index);
    message(vm, r, selector, arguments, length)
}

/// A special send that is an ordinary one this time.
#[inline(always)]
pub(crate) fn special(vm: &mut Vm, r: &mut Registers, opcode: u8) -> Flow {
    out_of_line(vm, r, |vm, r| special_message(vm, r, opcode))
}

#[inline(never)]
fn special_message(vm: &mut Vm, mut r: Registers, opcode: u8) -> Flow {
    let position = usize::from(opcode & 31);
    let (selector, arguments) = vm.special_selectors[position];
    let flow = message(vm, &mut r, selector, usize::from(arguments), 1);
    saved(vm, r, flow)
}

/// Saves the registers of a function out of line, if the loop goes on.
#[inline(always)]
fn saved(vm: &mut Vm, r: Registers, flow: Flow) -> Flow {
    if flow == NEXT {
        vm.stack.save(&r);
    }
    flow
}

/// A message to the operand below its arguments.
#[inline(always)]
fn message(vm: &mut Vm, r: &mut Registers, selector: Oop, arguments: usize, length: usize) -> Flow {
    let class_index = vm.heap.class_index_of(r.operand(arguments));
    let entry = vm.cache.probe(selector, class_index);
    if entry.is_for(selector, class_index) {
        let entry = *entry;
        return activate(vm, r, &entry, arguments, length);
    }
    out_of_line(vm, r, |vm, r| {
        vm.stack.save(&r);
        vm.send_slowly(selector, class_index, arguments, length)
    })
}

/// Lets the site of the send at the pc know what the table of all sends says; answers whether that
/// was news.
#[inline(always)]
pub(crate) fn settle(vm: &mut Vm, r: &Registers, selector: Oop, arguments: usize) -> bool {
    let class_index = vm.heap.class_index_of(r.operand(arguments));
    sites::settle(vm, r, class_index, selector, class_index)
}

/// As [`settle`], of a super send.
#[inline(never)]
pub(crate) fn settle_super(vm: &mut Vm, r: &Registers) -> bool {
    let selector = vm.heap.literal(r.method(), usize::from(r.byte(1) >> 3));
    let class = vm.class_of_method(r.method());
    if class.is_ghost() {
        return false;
    }
    let superclass = vm.superclass_or_nil(class);
    let class_index = vm.heap.ensure_class_index(superclass);
    sites::settle(vm, r, sites::SUPER, selector, class_index)
}

/// A send whose lookup begins above the class of the method, or (`b` of 64 and more) above the
/// class on the stack.
#[inline(never)]
pub(crate) fn to_super(
    vm: &mut Vm,
    before: Registers,
    literal: usize,
    low: usize,
    b: isize,
    length: usize,
) -> Flow {
    let is_directed = b >= 64;
    let arguments = low + 8 * (if is_directed { b - 64 } else { b }) as usize;
    let mut r = before;
    let selector = vm.heap.literal(r.method(), literal);
    let class = if is_directed {
        let class = r.pop();
        vm.identity(class)
    } else {
        vm.class_of_method(r.method())
    };
    if let Some(ghost) = class.as_ghost() {
        return vm.stop(before, Miss::Object(ghost));
    }
    let superclass = vm.superclass_or_nil(class);
    let class_index = vm.heap.ensure_class_index(superclass);
    let entry = vm.cache.probe(selector, class_index);
    let flow = if entry.is_for(selector, class_index) {
        let entry = *entry;
        let flow = activate(vm, &mut r, &entry, arguments, length);
        saved(vm, r, flow)
    } else {
        vm.stack.save(&r);
        vm.send_slowly(selector, class_index, arguments, length)
    };
    // A directed super send pops its class; if the send runs again, that must be undone.
    if flow != NEXT {
        vm.restore_if_restarting(before);
    }
    flow
}

/// A message that the machine itself sends; its operands are pushed already.
#[cold]
#[inline(never)]
pub(crate) fn known(
    vm: &mut Vm,
    mut r: Registers,
    known: Known,
    arguments: usize,
    length: usize,
) -> Flow {
    let selector = match vm.known_selector(known) {
        Ok(selector) => selector,
        Err(space) => return vm.stop(r, space),
    };
    let flow = message(vm, &mut r, selector, arguments, length);
    saved(vm, r, flow)
}

/// A bytecode that means nothing: the context is told.
#[cold]
#[inline(never)]
pub(crate) fn unused_bytecode(vm: &mut Vm, before: Registers) -> Flow {
    let mut r = before;
    vm.stack.save(&r);
    match vm.marry(vm.stack.newest(vm.stack.active())) {
        Ok(context) => r.push(context),
        Err(space) => return vm.stop(r, space),
    }
    let flow = known(vm, r, Known::UnusedBytecode, 0, 1);
    if flow != NEXT {
        vm.restore_if_restarting(before);
    }
    flow
}

/// Does what an entry says, with receiver and arguments on the stack.
#[inline(always)]
pub(crate) fn activate(
    vm: &mut Vm,
    r: &mut Registers,
    entry: &Entry,
    arguments: usize,
    length: usize,
) -> Flow {
    match entry.action {
        Action::Activate
        | Action::ReturnLiteral(_)
        | Action::ReturnBinding(_)
        | Action::StoreField(_) => enter(vm, r, entry, arguments, length),
        Action::Value(primitive) => {
            let args = operands(vm, r, entry, arguments);
            match primitive(vm, args) {
                Ok(value) => answer(r, value, arguments, length),
                Err(failure) => out_of_line(vm, r, |vm, r| {
                    failed(vm, r, entry, arguments, length, failure)
                }),
            }
        }
        Action::ReturnReceiver => answer(r, r.operand(arguments), arguments, length),
        Action::Return(value) => answer(r, value, arguments, length),
        Action::ReturnField(index) => {
            let value = vm.heap.slot(r.operand(arguments), index as usize);
            answer(r, value, arguments, length)
        }
        Action::Evaluate(_) if closure::evaluate_quickly(vm, r, arguments, length) => NEXT,
        Action::Watched(_) | Action::Control(_) | Action::Evaluate(_) => {
            out_of_line(vm, r, |vm, r| {
                with_saved_registers(vm, r, entry, arguments, length)
            })
        }
    }
}

/// Calls a primitive that looks at the registers, or changes them.
#[inline(never)]
fn with_saved_registers(
    vm: &mut Vm,
    r: Registers,
    entry: &Entry,
    arguments: usize,
    length: usize,
) -> Flow {
    vm.recent_primitives.note(entry.method);
    let mut after = r;
    after.advance(length);
    vm.stack.save(&after);
    let args = operands(vm, &r, entry, arguments);
    let result = match entry.action {
        Action::Watched(primitive) => primitive(vm, args).map(|value| {
            let mut now = vm.stack.load();
            let flow = answer(&mut now, value, arguments, 0);
            saved(vm, now, flow)
        }),
        Action::Control(primitive) | Action::Evaluate(primitive) => {
            primitive(vm, args).map(|()| resumed(vm, &r))
        }
        _ => return NEXT,
    };
    result.unwrap_or_else(|failure| failed(vm, r, entry, arguments, length, failure))
}

#[inline(always)]
fn answer(r: &mut Registers, value: Oop, arguments: usize, length: usize) -> Flow {
    r.drop(arguments);
    r.set_top(value);
    r.advance(length);
    NEXT
}

#[inline(always)]
fn operands(vm: &Vm, r: &Registers, entry: &Entry, arguments: usize) -> Args {
    let skip = usize::from(entry.skip);
    let first = vm.stack.index_of(r.sp) - arguments + skip;
    Args::with_skip(first, arguments - skip, entry.skip)
}

/// Goes on where a control primitive left the registers, or as they were `before`.
#[inline(always)]
fn resumed(vm: &mut Vm, before: &Registers) -> Flow {
    match &vm.pending_stop {
        None => return NEXT,
        Some(stop) if stop.restarts() => vm.stack.save(before),
        Some(_) => {}
    }
    ControlFlow::Break(Stopped)
}

/// Makes the frame of a method.
#[inline(always)]
fn enter(vm: &mut Vm, r: &mut Registers, entry: &Entry, arguments: usize, length: usize) -> Flow {
    if !r.has_room() {
        return out_of_line(vm, r, |vm, r| {
            enter_new_page(vm, r, entry, arguments, length)
        });
    }
    r.advance(length);
    let nil = vm.heap.nil();
    r.push_frame(
        entry.method,
        arguments,
        usize::from(entry.temps),
        nil,
        entry.pc,
    );
    vm.count_down(r)
}

#[cold]
#[inline(never)]
fn enter_new_page(
    vm: &mut Vm,
    r: Registers,
    entry: &Entry,
    arguments: usize,
    length: usize,
) -> Flow {
    let mut after = r;
    after.advance(length);
    vm.stack.save(&after);
    match vm.enter_method_on_new_page(entry, arguments) {
        Ok(()) => NEXT,
        Err(stop) => vm.stop(r, stop),
    }
}

/// A primitive failed: the machine fetches what is missing, or the method's bytecodes run.
#[cold]
#[inline(never)]
fn failed(
    vm: &mut Vm,
    mut r: Registers,
    entry: &Entry,
    arguments: usize,
    length: usize,
    failure: Failure,
) -> Flow {
    let code = match failure {
        Failure::Code(code) => code,
        Failure::NeedsSpace(_) if vm.is_out_of_space => {
            vm.refuse_space();
            PrimitiveError::NoMemory
        }
        Failure::NeedsSpace(space) => return vm.stop(r, space),
        Failure::Miss(miss) => return vm.stop(r, miss),
    };
    vm.recent_primitives.note(entry.method);
    let flow = enter(vm, &mut r, entry, arguments, length);
    let is_entered = flow == NEXT || matches!(vm.pending_stop, Some(Stop::Poll));
    if is_entered {
        store_error(vm, &mut r, code);
        vm.stack.save(&r);
    }
    flow
}

/// Stores the error object where the method asks for it, and skips the bytecode that says so.
fn store_error(vm: &mut Vm, r: &mut Registers, code: PrimitiveError) {
    let temp = match (vm.set_of(r.method()), r.byte(0), r.byte(1)) {
        (BytecodeSet::SistaV1, bytecode::STORE_ERROR_CODE, temp) => temp,
        (BytecodeSet::V3PlusClosures, v3_plus_closures::STORE, temp @ 64..=127) => temp & 63,
        _ => return,
    };
    let error = vm.error_object(code);
    r.set_temp(usize::from(temp), error);
    r.advance(2);
}

impl Vm {
    /// The class in which a method stands: the value of its last literal, nil where that is no
    /// binding. A program may have stored there what is no class, and the class may be a ghost.
    #[inline]
    pub(crate) fn class_of_method(&self, code: Oop) -> Oop {
        let Some(last) = self.heap.literal_count(code).checked_sub(1) else {
            return self.heap.nil();
        };
        let binding = self.identity(self.heap.literal(code, last));
        if self.has_slots(binding, association::VALUE + 1) {
            self.identity(self.heap.slot(binding, association::VALUE))
        } else {
            self.heap.nil()
        }
    }

    /// The class above a class; nil above the topmost one, and above what is no class.
    #[inline]
    pub(crate) fn superclass_or_nil(&self, class: Oop) -> Oop {
        if !self.has_slots(class, behavior::STRICT) {
            return self.heap.nil();
        }
        let above = self.identity(self.heap.slot(class, behavior::SUPERCLASS));
        if self.has_slots(above, behavior::STRICT) {
            above
        } else {
            self.heap.nil()
        }
    }

    /// A look at the world is due after so many sends and backward jumps.
    #[inline(always)]
    pub(crate) fn count_down(&mut self, r: &Registers) -> Flow {
        self.countdown -= 1;
        if self.countdown > 0 {
            return NEXT;
        }
        self.stop(*r, Stop::Poll)
    }

    /// Puts the registers back as they were when the bytecode began, if it will run again.
    #[cold]
    pub(crate) fn restore_if_restarting(&mut self, registers: Registers) {
        if self.pending_stop.as_ref().is_some_and(Stop::restarts) {
            self.stack.save(&registers);
        }
    }

    /// What the image's table says for a failure code.
    fn error_object(&self, code: PrimitiveError) -> Oop {
        if let PrimitiveError::Object(object) = code {
            return object;
        }
        let table = self.heap.known(Known::PrimitiveErrors);
        let index = code.code().unwrap_or(1) - 1;
        let is_array = self.heap.class_index_of(table) == ClassIndex::ARRAY;
        if is_array && index < self.heap.slot_count(table) {
            return self.heap.slot(table, index);
        }
        self.heap.nil()
    }

    /// A send that the cache does not know. The registers are saved.
    #[cold]
    #[inline(never)]
    pub(crate) fn send_slowly(
        &mut self,
        selector: Oop,
        class_index: u32,
        arguments: usize,
        length: usize,
    ) -> Flow {
        if let Err(stop) = self.make_room() {
            return self.stop_saved(stop);
        }
        let found = match self.find(selector, class_index, arguments) {
            Ok(found) => found,
            Err(stop) => return self.stop_saved(stop),
        };
        let mut r = self.stack.load();
        let flow = activate(self, &mut r, &found.entry, found.arguments, length);
        if flow == NEXT {
            self.stack.save(&r);
        }
        flow
    }
}
