//! Screen, keyboard and mouse, where there are none: as in Squeak's machine with a null display.
//!
//! An image that was saved with a screen asks for these when it starts, and does not go on where they
//! fail. Nothing is ever shown, and nothing is ever typed; what draws (BitBlt) fails, and so does the question
//! for the size of the screen (106), to which their own code has an answer.

use imprint_model::{Known, Oop};

use super::arguments::{boolean, check_writable, object, object_receiver, receiver, small_integer};
use super::system::hold_semaphore;
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;

/// Bits for a dot that a display may have.
const DEPTHS: &[i64] = &[1, 2, 4, 8, 16, 32];
/// Fields of an event.
const EVENT_FIELDS: usize = 8;
/// Fewest slots of a form: bits, width, height, depth.
const FORM_SLOTS: usize = 4;

/// Whether there can be a display of so many bits for a dot.
///
/// # Errors
/// Bad argument where it is no SmallInteger.
pub fn test_depth(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let depth = small_integer(vm, args, 0)?;
    Ok(vm.heap.boolean(DEPTHS.contains(&depth.saturating_abs())))
}

/// Takes note of nothing: the index of a semaphore that is never signalled, or a key that is never hit.
///
/// # Errors
/// Bad argument where it is no SmallInteger.
pub fn ignore_number(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    small_integer(vm, args, 0)?;
    receiver(vm, args)
}

/// As [`ignore_number`], for what is on or off.
///
/// # Errors
/// Bad argument where it is no Boolean.
pub fn ignore_boolean(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    boolean(vm, args, 0)?;
    receiver(vm, args)
}

/// Writes into an Array of eight fields that nothing happened: its type is 0.
///
/// # Errors
/// Bad argument where it is something else, no modification where it must not be written.
pub fn next_event(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let event = object(vm, args, 0)?;
    let is_array = vm.heap.format(event).is_pointers();
    if !is_array || vm.heap.pointer_slot_count(event) < EVENT_FIELDS {
        return Err(PrimitiveError::BadArgument.into());
    }
    check_writable(vm, event)?;
    vm.heap.store(event, 0, Oop::small(0));
    receiver(vm, args)
}

/// The receiver is the cursor that nobody sees.
///
/// # Errors
/// Bad receiver, or argument, where it is no form.
pub fn be_cursor(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let cursor = object_receiver(vm, args)?;
    if !is_form(vm, cursor) {
        return Err(PrimitiveError::BadReceiver.into());
    }
    if args.count() > 0 {
        let mask = object(vm, args, 0)?;
        if !is_form(vm, mask) {
            return Err(PrimitiveError::BadArgument.into());
        }
    }
    Ok(cursor)
}

/// The receiver is the display, which the special objects hold.
///
/// # Errors
/// Bad receiver where it is no form.
pub fn be_display(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let form = object_receiver(vm, args)?;
    if !is_form(vm, form) {
        return Err(PrimitiveError::BadReceiver.into());
    }
    vm.heap.set_known(Known::Display, form);
    Ok(form)
}

fn is_form(vm: &Vm, oop: Oop) -> bool {
    vm.heap.format(oop).is_pointers() && vm.heap.pointer_slot_count(oop) >= FORM_SLOTS
}

/// Shows a part of the display to nobody.
///
/// # Errors
/// Bad argument where one is no SmallInteger.
pub fn show_rectangle(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    for side in 0..4 {
        small_integer(vm, args, side)?;
    }
    receiver(vm, args)
}

/// Shows the whole display to nobody.
///
/// # Errors
/// A miss where the receiver has not come.
pub fn show(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    receiver(vm, args)
}

/// Holds the semaphore that the interrupt key would signal; nil for none.
///
/// # Errors
/// Bad argument where it is something else.
pub fn interrupt_semaphore(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    hold_semaphore(vm, args, Known::InterruptSemaphore)
}
