//! The process and the machine: clocks, paths, attributes, parameters, versions.
//!
//! Attributes (number 149) and parameters (number 254) are small tables of their own here; what
//! is not in them fails cheaply, since images scan them.

use imprint_model::{ClassIndex, Known, Oop};

use super::arguments::{argument, count, new_array, new_string, receiver, small_integer, text};
use super::large_integers::new_narrow_integer;
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;

/// What the machine calls itself (attribute 1004).
const VERSION: &str = concat!("Imprint VM ", env!("CARGO_PKG_VERSION"));
/// The option by which an image knows that nobody looks at a screen.
const HEADLESS: &str = "--headless";
/// The millisecond clock wraps at 29 bits, as Pharo's does.
const MILLISECONDS_MASK: u64 = 0x1FFF_FFFF;

/// Milliseconds, wrapping at 29 bits.
///
/// # Errors
/// None.
pub fn millisecond_clock(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    let milliseconds = (vm.now_micros() / 1000) & MILLISECONDS_MASK;
    Ok(Oop::index(milliseconds as usize))
}

/// Microseconds of UTC since the beginning of 1901.
///
/// # Errors
/// None.
pub fn utc_microseconds(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    Ok(Oop::index(vm.now_micros() as usize))
}

/// Nanoseconds of a clock that never goes back.
///
/// # Errors
/// Where space is missing.
pub fn high_resolution_clock(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    let nanoseconds = i128::from(vm.now_micros()) * 1000;
    new_narrow_integer(vm, nanoseconds)
}

/// The path of the image; with an argument, sets it and answers the receiver.
///
/// # Errors
/// Bad argument where it is no string, or space is missing.
pub fn image_name(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    if args.count() == 0 {
        let path = vm.settings.command_line.image_path.clone();
        return new_string(vm, path.as_bytes());
    }
    vm.settings.command_line.image_path = text(vm, args, 0)?;
    receiver(vm, args)
}

/// The directory of the executable, with a slash at its end.
///
/// # Errors
/// Where space is missing.
pub fn vm_path(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    let path = &vm.settings.command_line.vm_path;
    let end = path.rfind('/').map_or(0, |slash| slash + 1);
    let directory = path[..end].to_string();
    new_string(vm, directory.as_bytes())
}

/// `getSystemAttribute:`.
///
/// # Errors
/// Bad argument where there is no such attribute, or space is missing.
pub fn attribute(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let number = small_integer(vm, args, 0)?;
    let value = attribute_text(vm, number).ok_or(PrimitiveError::BadArgument)?;
    new_string(vm, value.as_bytes())
}

fn attribute_text(vm: &Vm, number: i64) -> Option<String> {
    let line = &vm.settings.command_line;
    let text = match number {
        0 => line.vm_path.as_str(),
        1 => line.image_path.as_str(),
        ..0 => return vm_option(vm, number.unsigned_abs() as usize),
        2..=1000 => line.arguments.get(number as usize - 2)?.as_str(),
        1001 => operating_system(),
        1002 => std::env::consts::FAMILY,
        1003 => processor(),
        1004 | 1007 | 1008 | 1009 => VERSION,
        1006 => concat!("imprint-", env!("CARGO_PKG_VERSION")),
        1010 | 1011 => "",
        _ => return None,
    };
    Some(text.to_string())
}

/// The n-th option of the machine, from 1; the first says that it is headless.
fn vm_option(vm: &Vm, position: usize) -> Option<String> {
    let options = &vm.settings.command_line.vm_options;
    let given = options.iter().map(String::as_str);
    std::iter::once(HEADLESS)
        .chain(given.filter(|option| *option != HEADLESS))
        .nth(position.checked_sub(1)?)
        .map(str::to_string)
}

fn operating_system() -> &'static str {
    match std::env::consts::OS {
        "macos" => "Mac OS",
        "windows" => "Win32",
        _ => "unix",
    }
}

fn processor() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "ARMv8",
        other => other,
    }
}

// === parameters ===

/// Parameters that an image may set, without effect here: sizes for its own collector.
const SETTABLE: std::ops::RangeInclusive<i64> = 5..=86;
/// Number of parameters.
const PARAMETER_COUNT: i64 = 86;

/// With no argument an Array of all parameters, with one the parameter at that index, with two
/// sets it and answers what it was.
///
/// # Errors
/// Bad index, bad argument where a value is no SmallInteger, or space is missing.
pub fn vm_parameter(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    if args.count() == 0 {
        let all: Vec<Oop> = (1..=PARAMETER_COUNT)
            .map(|number| parameter(vm, number).unwrap_or(Oop::small(0)))
            .collect();
        return new_array(vm, &all);
    }
    let number = small_integer(vm, args, 0)?;
    let value = parameter(vm, number).ok_or(PrimitiveError::BadIndex)?;
    if args.count() == 2 {
        if !SETTABLE.contains(&number) {
            return Err(PrimitiveError::BadIndex.into());
        }
        argument(vm, args, 1)?
            .as_small_integer()
            .ok_or(PrimitiveError::BadArgument)?;
    }
    Ok(value)
}

/// The meanings are those of Pharo's `VirtualMachine>>parameterAt:`; what has none here is 0.
fn parameter(vm: &Vm, number: i64) -> Option<Oop> {
    let usage = vm.heap.usage();
    let counts = vm.heap.collection_counts();
    let value = match number {
        1 => usage.old_bytes,
        2 => usage.old_bytes + usage.young_bytes,
        3 => usage.old_committed_bytes + usage.eden_bytes,
        7 => counts.fulls as usize,
        8 => counts.full_micros as usize / 1000,
        9 => counts.scavenges as usize,
        10 => counts.scavenge_micros as usize / 1000,
        11 => counts.tenured_bytes as usize,
        40 => 8,
        41 => 68021,
        42 | 43 => vm.settings.stack_pages,
        44 | 45 => usage.eden_bytes,
        49 => EXTERNAL_SEMAPHORES_MAX,
        54 => usage.limit_bytes.saturating_sub(usage.old_bytes),
        67 => usage.limit_bytes,
        number if (1..=PARAMETER_COUNT).contains(&number) => 0,
        _ => return None,
    };
    Some(Oop::index(value))
}

/// Most semaphores that the outside may signal (parameter 49).
const EXTERNAL_SEMAPHORES_MAX: usize = 65535;

/// `primLowSpaceSemaphore:`: a Semaphore, or nil for none. Answers the receiver.
///
/// # Errors
/// Bad argument where it is neither.
pub fn low_space_semaphore(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    hold_semaphore(vm, args, Known::LowSpaceSemaphore)
}

/// Puts the argument, a semaphore or nil, among the special objects; answers the receiver.
pub(super) fn hold_semaphore(vm: &mut Vm, args: Args, known: Known) -> Result<Oop, Failure> {
    let semaphore = argument(vm, args, 0)?;
    if semaphore != vm.heap.nil() && !is_semaphore(vm, semaphore) {
        return Err(PrimitiveError::BadArgument.into());
    }
    vm.heap.set_known(known, semaphore);
    receiver(vm, args)
}

/// Whether `oop` is a Semaphore.
pub(super) fn is_semaphore(vm: &Vm, oop: Oop) -> bool {
    vm.heap.class_index_of(oop) == ClassIndex::SEMAPHORE
}

/// `primSignalAtBytesLeft:`: the low space semaphore is signalled once, when a collection leaves
/// less than this; 0 for never. Answers the receiver.
///
/// # Errors
/// Bad argument where it is no SmallInteger, or negative.
pub fn signal_at_bytes_left(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let bytes = small_integer(vm, args, 0)?;
    let bytes = usize::try_from(bytes).map_err(|_| PrimitiveError::BadArgument)?;
    let answer = receiver(vm, args)?;
    vm.low_space_bytes = bytes;
    Ok(answer)
}

// === module '' ===

/// The format of image files.
///
/// # Errors
/// None.
pub fn image_format_version(_: &mut Vm, _: Args) -> Result<Oop, Failure> {
    Ok(Oop::small(68021))
}

/// What the machine calls itself.
///
/// # Errors
/// Where space is missing.
pub fn version(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    new_string(vm, VERSION.as_bytes())
}

/// `gcSemaphoreIndex:`: the Semaphore at this position of the external objects is signalled after each
/// collection; 0 for none. Answers the receiver.
///
/// # Errors
/// Bad argument where it is no SmallInteger, or negative.
pub fn set_collection_semaphore(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let index = count(vm, args, 0)?;
    let answer = receiver(vm, args)?;
    vm.collection_semaphore = index;
    Ok(answer)
}

/// `gcBiasToGrowGCLimit:`: how much the heap may grow between two full collections. Our heap decides
/// that by what survived the last one, so this has no effect. Answers the receiver.
///
/// # Errors
/// Bad argument where it is no SmallInteger, or negative.
pub fn set_growth_limit(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    count(vm, args, 0)?;
    receiver(vm, args)
}

/// What an image may ask for and we need not do: answers the receiver.
///
/// # Errors
/// A miss.
pub fn without_effect(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    receiver(vm, args)
}
