//! Strings and byte arrays: numbers 156 and 158, and module `MiscPrimitivePlugin`.
//!
//! The module's primitives take all operands as arguments; their receiver is a class and is not
//! read.

use imprint_model::Oop;
use imprint_model::hash::string_hash;

use super::arguments::{
    argument, bytes, bytes_object, check_writable, identity, object, object_receiver, small_integer,
};
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;

/// Whether receiver and argument, raw objects of one format, have the same elements.
///
/// # Errors
/// Where an operand is not raw, or their formats differ.
pub fn bytes_equal(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = object_receiver(vm, args)?;
    let argument = argument(vm, args, 0)?;
    if identity(vm, argument) == receiver {
        return Ok(vm.heap.true_object());
    }
    let argument = object(vm, args, 0)?;
    let format = vm.heap.header(receiver).format();
    if !format.is_raw() || format.base() != vm.heap.header(argument).format().base() {
        return Err(PrimitiveError::Inappropriate.into());
    }
    let equal = vm.heap.bytes(receiver) == vm.heap.bytes(argument);
    Ok(vm.heap.boolean(equal))
}

/// How the receiver differs from the argument: by the first two bytes that differ, or by the ranks
/// that a table of 256 bytes gives them; else by the lengths. 0 where both are equal.
///
/// # Errors
/// Where an operand is no object of bytes, or the table has not 256.
pub fn compare(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = object_receiver(vm, args)?;
    if !super::arguments::is_bytes(vm, receiver) {
        return Err(PrimitiveError::BadReceiver.into());
    }
    let other = bytes(vm, args, 0)?;
    let order = match args.count() {
        1 => None,
        _ => Some(table(vm, args, 1)?),
    };
    let difference = difference(vm.heap.bytes(receiver), other, order);
    Oop::small_integer(difference).ok_or(PrimitiveError::Generic.into())
}

fn difference(left: &[u8], right: &[u8], order: Option<&[u8]>) -> i64 {
    let rank = |byte: &u8| order.map_or(*byte, |order| order[usize::from(*byte)]);
    let mut pairs = left.iter().map(rank).zip(right.iter().map(rank));
    match pairs.find(|(left, right)| left != right) {
        Some((left, right)) => i64::from(left) - i64::from(right),
        None => left.len() as i64 - right.len() as i64,
    }
}

/// An argument of at least 256 bytes, to be indexed by a byte.
fn table(vm: &Vm, args: Args, index: usize) -> Result<&[u8], Failure> {
    let table = bytes(vm, args, index)?;
    if table.len() < 256 {
        return Err(PrimitiveError::BadArgument.into());
    }
    Ok(table)
}

/// A 1-based position as a 0-based one.
fn start(vm: &Vm, args: Args, index: usize) -> Result<usize, Failure> {
    match small_integer(vm, args, index)? {
        position if position >= 1 => Ok(position as usize - 1),
        _ => Err(PrimitiveError::BadIndex.into()),
    }
}

/// The answer of a search: the 1-based position, 0 where there is none.
fn found(position: Option<usize>) -> Result<Oop, Failure> {
    Ok(Oop::index(position.map_or(0, |position| position + 1)))
}

/// `compare: string1 with: string2 collated: order`: 1, 2 or 3 for less, equal, greater.
///
/// # Errors
/// Bad argument where an operand is no object of bytes.
pub fn compare_collated(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let left = bytes(vm, args, 0)?;
    let right = bytes(vm, args, 1)?;
    let order = table(vm, args, 2)?;
    let sign = difference(left, right, Some(order)).signum();
    Ok(Oop::small(sign as i32 + 2))
}

/// `findFirstInString: string inSet: inclusionMap startingAt: start`: position of the first byte
/// whose entry in the map is not 0.
///
/// # Errors
/// Where an operand is no object of bytes or no index.
pub fn find_first(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let string = bytes(vm, args, 0)?;
    let map = bytes(vm, args, 1)?;
    let start = start(vm, args, 2)?;
    if map.len() != 256 {
        return found(None);
    }
    let rest = string.get(start..).unwrap_or_default();
    let position = rest.iter().position(|byte| map[usize::from(*byte)] != 0);
    found(position.map(|position| position + start))
}

/// `findSubstring: key in: body startingAt: start matchTable: table`: position of the first place
/// where the key's bytes match, each by its entry in the table.
///
/// # Errors
/// Where an operand is no object of bytes or no SmallInteger, or the table is short.
pub fn find_substring(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let key = bytes(vm, args, 0)?;
    let body = bytes(vm, args, 1)?;
    let start = small_integer(vm, args, 2)?;
    let table = table(vm, args, 3)?;
    if key.is_empty() {
        return found(None);
    }
    let start = usize::try_from(start - 1).unwrap_or(0);
    let matches =
        |(left, right): (&u8, &u8)| table[usize::from(*left)] == table[usize::from(*right)];
    let rest = body.get(start..).unwrap_or_default();
    let position = rest
        .windows(key.len())
        .position(|window| window.iter().zip(key).all(matches));
    found(position.map(|position| position + start))
}

/// `indexOfAscii: byte inString: string startingAt: start`.
///
/// # Errors
/// Where an operand is no object of bytes, no SmallInteger or no index.
pub fn index_of_ascii(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let sought = small_integer(vm, args, 0)?;
    let string = bytes(vm, args, 1)?;
    let start = start(vm, args, 2)?;
    let rest = string.get(start..).unwrap_or_default();
    let position = rest.iter().position(|byte| i64::from(*byte) == sought);
    found(position.map(|position| position + start))
}

/// `stringHash: bytes initialHash: hash`: Pharo's string hash, 28 bits.
///
/// # Errors
/// Bad argument where an operand is no object of bytes or no SmallInteger.
pub fn hash(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let string = bytes(vm, args, 0)?;
    let seed = small_integer(vm, args, 1)?;
    let hash = string_hash(string.iter().copied().map(u32::from), seed as u32);
    Ok(Oop::small(hash as i32))
}

/// `translate: string from: start to: stop table: table`: replaces each byte by its entry.
/// Answers the receiver.
///
/// # Errors
/// Where an operand is no object of bytes, no index or read-only, or the table is short.
pub fn translate(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let string = bytes_object(vm, args, 0)?;
    check_writable(vm, string)?;
    let start = start(vm, args, 1)?;
    let stop = small_integer(vm, args, 2)?;
    if stop > vm.heap.bytes(string).len() as i64 {
        return Err(PrimitiveError::BadIndex.into());
    }
    let mut entries = [0; 256];
    entries.copy_from_slice(&table(vm, args, 3)?[..256]);
    let stop = usize::try_from(stop).unwrap_or(0).max(start);
    if let Some(range) = vm.heap.bytes_mut(string).get_mut(start..stop) {
        for byte in range {
            *byte = entries[usize::from(*byte)];
        }
    }
    Ok(args.receiver(vm))
}
