//! Typed accessors: what a primitive says in its first lines about its operands.
//!
//! Each answers a value of Rust, or the failure code that Pharo's code expects for an operand of
//! the wrong kind. An operand that is still a ghost when it is looked at becomes a miss, whatever
//! depth its row declares: so a wrong row costs a round trip, never a wrong answer. Nothing here
//! changes anything, except that [`check_writable`] and the accessors come before every effect.

use imprint_isa::Miss;
use imprint_model::{ClassIndex, Format, Known, Oop};

use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;

/// The object that `oop` stands for: ghosts of present objects healed, forwarders followed.
///
/// # Errors
/// A miss where it has not come.
#[inline]
pub fn present(vm: &Vm, oop: Oop) -> Result<Oop, Failure> {
    if oop.is_object() {
        return Ok(followed(vm, oop));
    }
    if !oop.is_ghost() {
        return Ok(oop);
    }
    let healed = vm.presence.heal(oop);
    match healed.as_ghost() {
        Some(ghost) => Err(Miss::Object(ghost).into()),
        None => Ok(followed(vm, healed)),
    }
}

#[inline]
fn followed(vm: &Vm, oop: Oop) -> Oop {
    if oop.is_object() && vm.heap.header(oop).format().is_forwarder() {
        vm.heap.follow(oop)
    } else {
        oop
    }
}

/// Brings the operands of a call to the depths that its row declares: where they lie on the
/// stack, ghosts of present objects and forwarders are replaced by the objects; to depth 2 also in
/// the slots of each.
///
/// Value primitives look at their operands through the accessors here and need it not; control
/// primitives find everything there.
///
/// # Errors
/// A miss where an operand has not come.
#[inline]
pub(crate) fn resolve(vm: &mut Vm, args: Args, depths: &[u8]) -> Result<(), Failure> {
    for (operand, depth) in depths.iter().enumerate().take(args.count() + 1) {
        if *depth == 0 {
            continue;
        }
        let index = args.first() + operand;
        let oop = vm.stack.word(index);
        let object = present(vm, oop)?;
        if object != oop {
            vm.stack.set_word(index, object);
        }
        if *depth > 1 {
            resolve_slots(vm, object)?;
        }
    }
    Ok(())
}

#[cold]
fn resolve_slots(vm: &mut Vm, object: Oop) -> Result<(), Failure> {
    if !object.is_object() {
        return Ok(());
    }
    for index in 0..vm.heap.pointer_slot_count(object) {
        let slot = vm.heap.slot(object, index);
        let healed = present(vm, slot)?;
        if healed != slot {
            vm.heap.store(object, index, healed);
        }
    }
    Ok(())
}

/// The class of a present object.
///
/// # Errors
/// A miss where the class has not come.
pub fn present_class(vm: &Vm, oop: Oop) -> Result<Oop, Failure> {
    let index = vm.heap.class_index_of(oop);
    let class = vm.heap.class_at(index);
    class.ok_or_else(|| Miss::ClassIndex(index).into())
}

/// Sees to it that the named fields of a present object can be told from its indexed part: where
/// it may have both, its class says how many are named.
///
/// # Errors
/// A miss where the class has not come.
#[inline]
pub fn check_shape(vm: &Vm, oop: Oop) -> Result<(), Failure> {
    match vm.heap.format(oop) {
        Format::FIXED_AND_INDEXED | Format::WEAK => present_class(vm, oop).map(|_| ()),
        _ => Ok(()),
    }
}

/// The word by which `oop` is compared: as [`present`], but a ghost that has not come stays.
#[inline]
pub fn identity(vm: &Vm, oop: Oop) -> Oop {
    present(vm, oop).unwrap_or(oop)
}

/// The receiver, present.
///
/// # Errors
/// A miss where it has not come.
#[inline]
pub fn receiver(vm: &Vm, args: Args) -> Result<Oop, Failure> {
    present(vm, args.receiver(vm))
}

/// The receiver, which must be no immediate.
///
/// # Errors
/// Bad receiver, or a miss.
#[inline]
pub fn object_receiver(vm: &Vm, args: Args) -> Result<Oop, Failure> {
    let oop = receiver(vm, args)?;
    if oop.is_object() {
        Ok(oop)
    } else {
        Err(PrimitiveError::BadReceiver.into())
    }
}

/// An argument, present.
///
/// # Errors
/// A miss where it has not come.
#[inline]
pub fn argument(vm: &Vm, args: Args, index: usize) -> Result<Oop, Failure> {
    present(vm, args.get(vm, index))
}

/// An argument, which must be no immediate.
///
/// # Errors
/// Bad argument, or a miss.
#[inline]
pub fn object(vm: &Vm, args: Args, index: usize) -> Result<Oop, Failure> {
    let oop = argument(vm, args, index)?;
    if oop.is_object() {
        Ok(oop)
    } else {
        Err(PrimitiveError::BadArgument.into())
    }
}

/// A SmallInteger argument.
///
/// # Errors
/// Bad argument, or a miss.
#[inline]
pub fn small_integer(vm: &Vm, args: Args, index: usize) -> Result<i64, Failure> {
    argument(vm, args, index)?
        .as_small_integer()
        .ok_or(PrimitiveError::BadArgument.into())
}

/// The receiver as a SmallInteger.
///
/// # Errors
/// Bad receiver, or a miss.
#[inline]
pub fn small_integer_receiver(vm: &Vm, args: Args) -> Result<i64, Failure> {
    receiver(vm, args)?
        .as_small_integer()
        .ok_or(PrimitiveError::BadReceiver.into())
}

/// A SmallInteger argument that is not negative: a count, a size, a position.
///
/// # Errors
/// Bad argument, or a miss.
#[inline]
pub fn count(vm: &Vm, args: Args, index: usize) -> Result<usize, Failure> {
    usize::try_from(small_integer(vm, args, index)?).map_err(|_| PrimitiveError::BadArgument.into())
}

/// A 1-based index argument, as a 0-based one below `size`.
///
/// # Errors
/// Bad argument where it is no SmallInteger, bad index where it is out of bounds, or a miss.
#[inline]
pub fn index_below(vm: &Vm, args: Args, index: usize, size: usize) -> Result<usize, Failure> {
    let position = small_integer(vm, args, index)?;
    if position >= 1 && position as u64 <= size as u64 {
        Ok(position as usize - 1)
    } else {
        Err(PrimitiveError::BadIndex.into())
    }
}

/// A Boolean argument.
///
/// # Errors
/// Bad argument, or a miss.
pub fn boolean(vm: &Vm, args: Args, index: usize) -> Result<bool, Failure> {
    let oop = argument(vm, args, index)?;
    if oop == vm.heap.true_object() {
        Ok(true)
    } else if oop == vm.heap.false_object() {
        Ok(false)
    } else {
        Err(PrimitiveError::BadArgument.into())
    }
}

/// A Float of either kind, or a SmallInteger as the nearest Float.
pub fn number(vm: &Vm, oop: Oop) -> Option<f64> {
    match oop.as_small_integer() {
        Some(value) => Some(value as f64),
        None => vm.heap.float_value(oop),
    }
}

/// Whether `oop` is an object of bytes (strings, byte arrays, large integers; no code).
pub fn is_bytes(vm: &Vm, oop: Oop) -> bool {
    oop.is_object() && vm.heap.header(oop).format().is_bytes()
}

/// An argument that must be an object of bytes.
///
/// # Errors
/// Bad argument, or a miss.
pub fn bytes_object(vm: &Vm, args: Args, index: usize) -> Result<Oop, Failure> {
    let oop = argument(vm, args, index)?;
    if is_bytes(vm, oop) {
        Ok(oop)
    } else {
        Err(PrimitiveError::BadArgument.into())
    }
}

/// The bytes of an argument that must be an object of bytes.
///
/// # Errors
/// Bad argument, or a miss.
pub fn bytes(vm: &Vm, args: Args, index: usize) -> Result<&[u8], Failure> {
    let oop = bytes_object(vm, args, index)?;
    Ok(vm.heap.bytes(oop))
}

/// The text of `oop`, where it is a String or Symbol (or a ByteArray, as one byte a character).
pub fn text_of(vm: &Vm, oop: Oop) -> Option<String> {
    let is_number = |index| {
        matches!(
            index,
            ClassIndex::LARGE_POSITIVE | ClassIndex::LARGE_NEGATIVE
        )
    };
    if !oop.is_object() || is_number(vm.heap.class_index_of(oop)) {
        return None;
    }
    vm.heap.string_text(oop)
}

/// The text of an argument that must be a String or Symbol.
///
/// # Errors
/// Bad argument, or a miss.
pub fn text(vm: &Vm, args: Args, index: usize) -> Result<String, Failure> {
    let oop = argument(vm, args, index)?;
    text_of(vm, oop).ok_or(PrimitiveError::BadArgument.into())
}

/// An integer from 0 to 2^64 - 1: a SmallInteger or a LargePositiveInteger.
pub fn unsigned_64(vm: &Vm, oop: Oop) -> Option<u64> {
    if let Some(value) = oop.as_small_integer() {
        return u64::try_from(value).ok();
    }
    if vm.heap.class_index_of(oop) != ClassIndex::LARGE_POSITIVE {
        return None;
    }
    magnitude_64(vm.heap.bytes(oop))
}

/// An integer from -2^63 to 2^63 - 1.
pub fn signed_64(vm: &Vm, oop: Oop) -> Option<i64> {
    if let Some(value) = oop.as_small_integer() {
        return Some(value);
    }
    match vm.heap.class_index_of(oop) {
        ClassIndex::LARGE_POSITIVE => i64::try_from(magnitude_64(vm.heap.bytes(oop))?).ok(),
        ClassIndex::LARGE_NEGATIVE => 0i64.checked_sub_unsigned(magnitude_64(vm.heap.bytes(oop))?),
        _ => None,
    }
}

fn magnitude_64(bytes: &[u8]) -> Option<u64> {
    let (low, high) = bytes.split_at(bytes.len().min(8));
    if high.iter().any(|byte| *byte != 0) {
        return None;
    }
    let mut word = [0; 8];
    word[..low.len()].copy_from_slice(low);
    Some(u64::from_le_bytes(word))
}

/// Refuses a read-only object. Comes before every effect on `oop`.
///
/// # Errors
/// No modification.
#[inline]
pub fn check_writable(vm: &Vm, oop: Oop) -> Result<(), Failure> {
    if vm.heap.header(oop).is_read_only() {
        Err(PrimitiveError::NoModification.into())
    } else {
        Ok(())
    }
}

/// A new ByteString of bytes.
///
/// # Errors
/// Where space is missing.
pub fn new_string(vm: &mut Vm, bytes: &[u8]) -> Result<Oop, Failure> {
    Ok(vm.heap.allocate_bytes(ClassIndex::BYTE_STRING, bytes)?)
}

/// A new ByteString of any text: Latin-1 where all its characters fit, else UTF-8, which the
/// image's decoders read.
///
/// # Errors
/// Where space is missing.
pub fn new_text(vm: &mut Vm, text: &str) -> Result<Oop, Failure> {
    let narrow: Option<Vec<u8>> = text
        .chars()
        .map(|character| u8::try_from(u32::from(character)).ok())
        .collect();
    match narrow {
        Some(bytes) => new_string(vm, &bytes),
        None => new_string(vm, text.as_bytes()),
    }
}

/// A new ByteArray of bytes.
///
/// # Errors
/// Where space is missing.
pub fn new_byte_array(vm: &mut Vm, bytes: &[u8]) -> Result<Oop, Failure> {
    Ok(vm.heap.allocate_bytes(ClassIndex::BYTE_ARRAY, bytes)?)
}

/// A new Array of oops.
///
/// # Errors
/// Where space is missing.
pub fn new_array(vm: &mut Vm, elements: &[Oop]) -> Result<Oop, Failure> {
    let format = imprint_model::Format::ARRAY;
    let array = vm
        .heap
        .allocate(ClassIndex::ARRAY, format, elements.len())?;
    for (index, element) in elements.iter().enumerate() {
        vm.heap.store(array, index, *element);
    }
    Ok(array)
}

/// Whether `oop` is the instance or subinstance of something that a class may be told by: an
/// object of at least the slots that lookup reads, whose format slot is a specification.
pub fn is_behavior(vm: &Vm, oop: Oop) -> bool {
    use imprint_model::layout::behavior;
    if !oop.is_object() || !vm.heap.header(oop).format().is_pointers() {
        return false;
    }
    vm.heap.slot_count(oop) > behavior::FORMAT && instance_spec(vm, oop).is_some()
}

/// What a behaviour says of its instances.
pub fn instance_spec(vm: &Vm, behavior: Oop) -> Option<imprint_model::InstanceSpec> {
    use imprint_model::layout::behavior as slots;
    let value = vm.heap.slot(behavior, slots::FORMAT).as_small_integer()?;
    imprint_model::InstanceSpec::from_small_integer(value)
}

/// The operands of a call, counted from the last one: with one argument more than `most`, the
/// first argument stands in for the receiver (see the table in `imprint_isa::primitives`).
///
/// # Errors
/// Bad number of arguments.
#[inline]
pub fn aligned(args: Args, least: usize, most: usize) -> Result<Args, Failure> {
    let count = args.count();
    if count >= least && count <= most {
        Ok(args)
    } else if count == most + 1 {
        let first = args.first() + 1;
        Ok(Args::with_skip(first, most, (first - args.base()) as u8))
    } else {
        Err(PrimitiveError::BadNumberOfArguments.into())
    }
}

/// The known object, unless the image has nil there.
pub fn known(vm: &Vm, known: Known) -> Option<Oop> {
    let oop = vm.heap.known(known);
    (oop != vm.heap.nil()).then_some(oop)
}
