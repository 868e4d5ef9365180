//! Elements and slots: numbers 60 to 64, 68, 69, 105, 143 to 145, 165, 166; and 73, 74, 173 and
//! 174 for all objects but contexts.
//!
//! Three numberings: `at:` counts the indexed part from 1; `instVarAt:` of a slot object counts
//! named fields only; `instVarAt:` counts all slots, named ones first. What an element is depends
//! on the format: an oop, or an unsigned number of 8, 16, 32 or 64 bits.
//!
//! Contexts are not read here: their slots may be on the stack (`control::slots`).

use imprint_model::{Format, MethodHeader, Oop};

use super::arguments::{
    argument, check_shape, check_writable, index_below, object, object_receiver, signed_64,
    small_integer, unsigned_64,
};
use super::large_integers::new_narrow_integer;
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;

/// The receiver of `at:` and its like; a context has primitives of its own for this.
fn indexable(vm: &Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = object_receiver(vm, args)?;
    if vm.is_context(receiver) {
        return Err(PrimitiveError::BadReceiver.into());
    }
    check_shape(vm, receiver)?;
    Ok(receiver)
}

/// The element at a 0-based index of the raw part.
fn raw_element(vm: &Vm, oop: Oop, index: usize) -> u64 {
    let heap = &vm.heap;
    match heap.format(oop).element_bytes() {
        1 => u64::from(heap.bytes(oop)[index]),
        2 => u64::from(heap.words_16(oop)[index]),
        4 => u64::from(heap.words_32(oop)[index]),
        _ => heap.words_64(oop)[index],
    }
}

/// Sets an element of the raw part; it must fit.
fn set_raw_element(vm: &mut Vm, oop: Oop, index: usize, value: u64) {
    let heap = &mut vm.heap;
    match heap.format(oop).element_bytes() {
        1 => heap.bytes_mut(oop)[index] = value as u8,
        2 => heap.words_16_mut(oop)[index] = value as u16,
        4 => heap.words_32_mut(oop)[index] = value as u32,
        _ => heap.words_64_mut(oop)[index] = value,
    }
}

/// `value` as an element of `oop`, if it fits there.
fn fitting(vm: &Vm, oop: Oop, value: u64) -> Result<u64, Failure> {
    let bits = vm.heap.format(oop).element_bytes() * 8;
    if bits < 64 && value >> bits != 0 {
        return Err(PrimitiveError::BadArgument.into());
    }
    Ok(value)
}

/// Where the raw part of compiled code begins, counted in bytes from its first slot; 0 for all
/// other raw objects. `at:` of code counts from the first slot, but only bytecodes may be seen.
fn raw_offset(vm: &Vm, oop: Oop) -> usize {
    vm.heap.pointer_slot_count(oop) * 8
}

/// The 0-based index into the raw part that the first argument means.
fn raw_index(vm: &Vm, args: Args, oop: Oop) -> Result<usize, Failure> {
    let size = vm.heap.indexable_size(oop);
    let index = index_below(vm, args, 0, size)?;
    index
        .checked_sub(raw_offset(vm, oop))
        .ok_or(PrimitiveError::BadIndex.into())
}

/// `at:`: an element of the indexed part.
///
/// # Errors
/// Bad receiver where there is no indexed part, bad index, bad argument.
pub fn at(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = indexable(vm, args)?;
    let format = vm.heap.format(receiver);
    if !format.is_pointers() {
        let index = raw_index(vm, args, receiver)?;
        let value = raw_element(vm, receiver, index);
        return new_narrow_integer(vm, i128::from(value));
    }
    let slot = indexed_slot(vm, args, receiver)?;
    Ok(vm.heap.slot(receiver, slot))
}

/// The slot of an object of oops that the first argument means as an index.
fn indexed_slot(vm: &Vm, args: Args, receiver: Oop) -> Result<usize, Failure> {
    if !vm.heap.format(receiver).is_indexable_pointers() {
        return Err(PrimitiveError::BadReceiver.into());
    }
    let fixed = vm.heap.fixed_fields(receiver);
    let size = vm.heap.slot_count(receiver) - fixed;
    Ok(index_below(vm, args, 0, size)? + fixed)
}

/// `at:put:`: replaces an element of the indexed part; answers the new one.
///
/// # Errors
/// As [`at`]; no modification; bad argument where the value does not fit.
pub fn at_put(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = indexable(vm, args)?;
    if vm.heap.format(receiver).is_pointers() {
        let slot = indexed_slot(vm, args, receiver)?;
        check_writable(vm, receiver)?;
        let value = args.get(vm, 1);
        vm.heap.store(receiver, slot, value);
        return Ok(value);
    }
    let index = raw_index(vm, args, receiver)?;
    let value = argument(vm, args, 1)?;
    let element = unsigned_64(vm, value).ok_or(PrimitiveError::BadArgument)?;
    let element = fitting(vm, receiver, element)?;
    check_writable(vm, receiver)?;
    set_raw_element(vm, receiver, index, element);
    forget_sites(vm, receiver);
    Ok(value)
}

/// Where what was written to is code: what its sends mean was known by their places, not by
/// selectors and bytecodes that have been replaced.
fn forget_sites(vm: &mut Vm, written: Oop) {
    if vm.heap.format(written).is_code() {
        vm.cache.forget_code();
    }
}

/// `size`: number of elements of the indexed part, 0 where there is none.
///
/// # Errors
/// Bad receiver where it is an immediate.
pub fn size(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = indexable(vm, args)?;
    Ok(Oop::index(vm.heap.indexable_size(receiver)))
}

/// The receiver, which must have bytes or 32-bit words, and the 0-based index.
fn string_element(vm: &Vm, args: Args) -> Result<(Oop, usize), Failure> {
    let receiver = object_receiver(vm, args)?;
    let format = vm.heap.format(receiver);
    if !format.is_bytes() && !format.is_words_32() {
        return Err(PrimitiveError::BadReceiver.into());
    }
    let size = vm.heap.indexable_size(receiver);
    Ok((receiver, index_below(vm, args, 0, size)?))
}

/// `at:` of a string: a Character.
///
/// # Errors
/// Bad receiver where it is no string, bad index, bad argument.
pub fn string_at(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (receiver, index) = string_element(vm, args)?;
    super::bytes::character(raw_element(vm, receiver, index) as u32)
}

/// `at:put:` of a string: takes a Character, and answers it.
///
/// # Errors
/// As [`string_at`]; no modification; bad argument where the value is no Character that fits.
pub fn string_at_put(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (receiver, index) = string_element(vm, args)?;
    let value = argument(vm, args, 1)?;
    let code = value.as_character().ok_or(PrimitiveError::BadArgument)?;
    let element = fitting(vm, receiver, u64::from(code))?;
    check_writable(vm, receiver)?;
    set_raw_element(vm, receiver, index, element);
    Ok(value)
}

// === compiled code ===

/// The receiver, compiled code, and the slot that the first argument means.
fn code_slot(vm: &Vm, args: Args) -> Result<(Oop, usize), Failure> {
    let receiver = object_receiver(vm, args)?;
    if !vm.heap.format(receiver).is_code() {
        return Err(PrimitiveError::BadReceiver.into());
    }
    let slots = vm.heap.pointer_slot_count(receiver);
    Ok((receiver, index_below(vm, args, 0, slots)?))
}

/// `objectAt:`: the header at 1, then the literals.
///
/// # Errors
/// Bad receiver where it is no code, bad index, bad argument.
pub fn object_at(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (receiver, slot) = code_slot(vm, args)?;
    Ok(vm.heap.slot(receiver, slot))
}

/// `objectAt:put:`. A header must be one, and keep the number of literals, which says where the
/// bytecodes begin; a literal gives way to what its code can do with it.
///
/// # Errors
/// As [`object_at`]; no modification; bad argument where the header is none.
pub fn object_at_put(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (receiver, slot) = code_slot(vm, args)?;
    check_writable(vm, receiver)?;
    let value = args.get(vm, 1);
    if slot == 0 {
        let old = vm.heap.method_header(receiver);
        let new = MethodHeader::from_oop(value).ok_or(PrimitiveError::BadArgument)?;
        if old.is_none_or(|old| old.literal_count != new.literal_count) {
            return Err(PrimitiveError::BadArgument.into());
        }
    } else if !vm.fits_literal(receiver, slot - 1, value) {
        return Err(PrimitiveError::BadArgument.into());
    }
    vm.heap.store(receiver, slot, value);
    forget_sites(vm, receiver);
    Ok(value)
}

// === slots by number ===

/// `object:instVarAt:`: a named field, from 1.
///
/// # Errors
/// Inappropriate for an immediate, bad index beyond the named fields, bad argument.
pub fn field_at(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (receiver, index) = named_field(vm, args)?;
    Ok(vm.heap.slot(receiver, index))
}

/// `object:instVarAt:put:`: replaces a named field; answers the new value.
///
/// # Errors
/// As [`field_at`]; no modification.
pub fn field_at_put(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (receiver, index) = named_field(vm, args)?;
    set_slot_value(vm, args, receiver, index)
}

fn named_field(vm: &Vm, args: Args) -> Result<(Oop, usize), Failure> {
    let receiver = super::arguments::receiver(vm, args)?;
    if !receiver.is_object() {
        return Err(PrimitiveError::Inappropriate.into());
    }
    check_shape(vm, receiver)?;
    let fields = vm.heap.fixed_fields(receiver);
    Ok((receiver, index_below(vm, args, 0, fields)?))
}

/// `instVarAt:`: a slot of any kind, named fields first; of a raw object an element.
///
/// # Errors
/// Bad receiver for an immediate, unsupported for code, bad index, bad argument.
pub fn slot_at(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (receiver, index) = any_slot(vm, args)?;
    if vm.heap.format(receiver).is_pointers() {
        return Ok(vm.heap.slot(receiver, index));
    }
    let value = raw_element(vm, receiver, index);
    new_narrow_integer(vm, i128::from(value))
}

/// `instVarAt:put:`: replaces a slot of any kind; answers the new value.
///
/// # Errors
/// As [`slot_at`]; no modification; bad argument where the value does not fit.
pub fn slot_at_put(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (receiver, index) = any_slot(vm, args)?;
    if vm.heap.format(receiver).is_pointers() {
        return set_slot_value(vm, args, receiver, index);
    }
    let value = argument(vm, args, 1)?;
    let element = unsigned_64(vm, value).ok_or(PrimitiveError::BadArgument)?;
    let element = fitting(vm, receiver, element)?;
    check_writable(vm, receiver)?;
    set_raw_element(vm, receiver, index, element);
    Ok(value)
}

fn any_slot(vm: &Vm, args: Args) -> Result<(Oop, usize), Failure> {
    let receiver = object_receiver(vm, args)?;
    let format = vm.heap.format(receiver);
    if format.is_code() {
        return Err(PrimitiveError::Unsupported.into());
    }
    let size = if format.is_pointers() {
        vm.heap.slot_count(receiver)
    } else {
        vm.heap.indexable_size(receiver)
    };
    Ok((receiver, index_below(vm, args, 0, size)?))
}

fn set_slot_value(vm: &mut Vm, args: Args, receiver: Oop, index: usize) -> Result<Oop, Failure> {
    check_writable(vm, receiver)?;
    let value = args.get(vm, 1);
    if !vm.may_hold(receiver, index, value) {
        return Err(PrimitiveError::BadArgument.into());
    }
    vm.heap.store(receiver, index, value);
    Ok(value)
}

// === signed elements ===

/// `at:` of an integer array: a signed element; of an object of oops an oop.
///
/// # Errors
/// As [`at`]; unsupported for code.
pub fn integer_at(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = indexable(vm, args)?;
    let format = vm.heap.format(receiver);
    if format.is_pointers() {
        return at(vm, args);
    }
    if format.is_code() {
        return Err(PrimitiveError::Unsupported.into());
    }
    let index = raw_index(vm, args, receiver)?;
    let value = raw_element(vm, receiver, index);
    new_narrow_integer(vm, i128::from(sign_extended(format, value)))
}

fn sign_extended(format: Format, value: u64) -> i64 {
    let unused = 64 - format.element_bytes() as u32 * 8;
    (value << unused) as i64 >> unused
}

/// `at:put:` of an integer array: takes a signed element, and answers it.
///
/// # Errors
/// As [`integer_at`]; no modification; bad argument where the value does not fit.
pub fn integer_at_put(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = indexable(vm, args)?;
    let format = vm.heap.format(receiver);
    if format.is_pointers() {
        return at_put(vm, args);
    }
    if format.is_code() {
        return Err(PrimitiveError::Unsupported.into());
    }
    let index = raw_index(vm, args, receiver)?;
    let value = argument(vm, args, 1)?;
    let element = signed_64(vm, value).ok_or(PrimitiveError::BadArgument)?;
    if sign_extended(format, element as u64) != element {
        return Err(PrimitiveError::BadArgument.into());
    }
    check_writable(vm, receiver)?;
    set_raw_element(vm, receiver, index, element as u64);
    Ok(value)
}

/// The receiver, raw, and which of the 16-bit halves its words have the first argument means.
fn short_element(vm: &Vm, args: Args) -> Result<(Oop, usize), Failure> {
    let receiver = object_receiver(vm, args)?;
    if !vm.heap.format(receiver).is_raw() {
        return Err(PrimitiveError::BadReceiver.into());
    }
    let size = vm.heap.byte_count(receiver) / 2;
    Ok((receiver, index_below(vm, args, 0, size)?))
}

/// `at:` of an array of shorts: a signed 16-bit element of any raw object.
///
/// # Errors
/// Bad receiver where it is not raw, bad index, bad argument.
pub fn short_at(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (receiver, index) = short_element(vm, args)?;
    Ok(Oop::small(i32::from(
        vm.heap.words_16(receiver)[index] as i16,
    )))
}

/// `at:put:` of an array of shorts.
///
/// # Errors
/// As [`short_at`]; no modification; bad argument where the value does not fit.
pub fn short_at_put(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (receiver, index) = short_element(vm, args)?;
    let value = small_integer(vm, args, 1)?;
    let element = i16::try_from(value).map_err(|_| PrimitiveError::BadArgument)?;
    check_writable(vm, receiver)?;
    vm.heap.words_16_mut(receiver)[index] = element as u16;
    argument(vm, args, 1)
}

// === many elements at once ===

/// `atAllPut:` of a raw object: answers the receiver.
///
/// # Errors
/// Bad receiver where it is not raw, no modification, bad argument where the value does not fit.
pub fn fill(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = object_receiver(vm, args)?;
    if !vm.heap.format(receiver).is_raw() {
        return Err(PrimitiveError::BadReceiver.into());
    }
    let value = argument(vm, args, 0)?;
    let element = unsigned_64(vm, value).ok_or(PrimitiveError::BadArgument)?;
    let element = fitting(vm, receiver, element)?;
    check_writable(vm, receiver)?;
    let heap = &mut vm.heap;
    match heap.format(receiver).element_bytes() {
        1 => heap.bytes_mut(receiver).fill(element as u8),
        2 => heap.words_16_mut(receiver).fill(element as u16),
        4 => heap.words_32_mut(receiver).fill(element as u32),
        _ => heap.words_64_mut(receiver).fill(element),
    }
    Ok(receiver)
}

/// A run of elements to be copied, 0-based, in slots or elements.
struct Run {
    start: usize,
    source: usize,
    length: usize,
}

/// `replaceFrom: start to: stop with: replacement startingAt: replacementStart`: copies elements
/// between objects of one format, right also where they overlap. Answers the receiver.
///
/// # Errors
/// Inappropriate where the formats differ or are none of elements; bad index; no modification.
pub fn replace(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = indexable(vm, args)?;
    let replacement = object(vm, args, 2)?;
    let format = vm.heap.format(receiver).base();
    if format != vm.heap.format(replacement).base() || !has_elements(format) {
        return Err(PrimitiveError::Inappropriate.into());
    }
    let run = replaced_run(vm, args, receiver, replacement)?;
    if run.length == 0 {
        return Ok(receiver);
    }
    check_writable(vm, receiver)?;
    if format.is_pointers() {
        copy_oops(vm, receiver, replacement, &run);
    } else {
        copy_elements(vm, receiver, replacement, &run, format.element_bytes());
    }
    Ok(receiver)
}

fn has_elements(format: Format) -> bool {
    format.is_raw() || format.is_indexable_pointers()
}

fn replaced_run(vm: &Vm, args: Args, receiver: Oop, replacement: Oop) -> Result<Run, Failure> {
    let start = small_integer(vm, args, 0)?;
    let stop = small_integer(vm, args, 1)?;
    let source = small_integer(vm, args, 3)?;
    check_shape(vm, receiver)?;
    check_shape(vm, replacement)?;
    let size = vm.heap.indexable_size(receiver) as i64;
    let source_size = vm.heap.indexable_size(replacement) as i64;
    let length = stop.saturating_sub(start).saturating_add(1);
    let is_inside = start >= 1 && length >= 0 && stop <= size;
    let has_source = source >= 1 && source.saturating_sub(1).saturating_add(length) <= source_size;
    if !is_inside || !has_source {
        return Err(PrimitiveError::BadIndex.into());
    }
    Ok(Run {
        start: start as usize - 1,
        source: source as usize - 1,
        length: length as usize,
    })
}

fn copy_oops(vm: &mut Vm, receiver: Oop, replacement: Oop, run: &Run) {
    let start = run.start + vm.heap.fixed_fields(receiver);
    let source = run.source + vm.heap.fixed_fields(replacement);
    let mut move_one = |offset: usize| {
        let value = vm.heap.slot(replacement, source + offset);
        vm.heap.store(receiver, start + offset, value);
    };
    if receiver == replacement && source < start {
        (0..run.length).rev().for_each(&mut move_one);
    } else {
        (0..run.length).for_each(&mut move_one);
    }
}

fn copy_elements(vm: &mut Vm, receiver: Oop, replacement: Oop, run: &Run, size: usize) {
    let to = run.start * size..(run.start + run.length) * size;
    let from = run.source * size..(run.source + run.length) * size;
    if receiver == replacement {
        vm.heap.bytes_mut(receiver).copy_within(from, to.start);
        return;
    }
    // Two objects never share memory, but both slices borrow the heap: the copy goes through a
    // buffer on the stack.
    let mut buffer = [0; 512];
    for offset in (0..from.len()).step_by(buffer.len()) {
        let length = (from.len() - offset).min(buffer.len());
        let source = from.start + offset;
        buffer[..length].copy_from_slice(&vm.heap.bytes(replacement)[source..source + length]);
        let target = to.start + offset;
        vm.heap.bytes_mut(receiver)[target..target + length].copy_from_slice(&buffer[..length]);
    }
}
