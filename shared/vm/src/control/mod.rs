//! Control primitives: those that change what runs next.
//!
//! They find the registers saved in the stack, with the pc after the send, and leave them as they
//! want to go on: operands replaced by an answer, a frame pushed, a [`Stop`] pending. One that
//! fails, or stops in a way that restarts, has put everything back.
//!
//! Reading order: [`blocks`], [`perform`], [`contexts`], [`processes`], [`becoming`], [`machine`].

mod becoming;
mod blocks;
mod contexts;
mod critical;
mod machine;
mod perform;
mod processes;
mod slots;
mod suspending;

use imprint_model::Oop;

use crate::args::{Args, ControlPrimitive};
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;
use crate::primitives::arguments::resolve;
use crate::stop::Stop;

use becoming::{become_exchange, become_forward, become_forward_copying_hash};
use blocks::{closure_value, closure_value_no_switch, closure_value_with_arguments};
use contexts::{
    context_at, context_at_put, context_size, find_handler_context, find_next_unwind_context,
    set_stack_pointer, terminate_to,
};
use critical::{enter_section, exit_section, try_section};
use machine::{
    collect_fully, collect_young, fetch_mourner, flush_cache, flush_cache_of_method,
    flush_cache_of_selector, quit, snapshot, void_state_of_method, void_vm_state,
};
use perform::{
    do_named_primitive, do_primitive, execute_method, external_call, perform,
    perform_in_superclass, perform_with_arguments,
};
use processes::{
    relinquish_processor, resume, signal, signal_at_microseconds, signal_at_milliseconds, wait,
    yield_processor,
};
use slots::{clone_object, field_at, field_at_put, slot_at, slot_at_put};
use suspending::{suspend, suspend_backing_up, suspend_backing_up_quietly};

macro_rules! entry {
    (Control $function:ident $depths:expr) => {
        Some(|vm, args| {
            resolve(vm, args, $depths)?;
            $function(vm, args)
        })
    };
    (Mark $function:ident $depths:expr) => {
        None
    };
}

macro_rules! dispatch {
    ($($number:literal $kind:ident $function:ident $name:literal
       [$($depth:literal),*] $optional:literal $doc:literal;)*) => {
        /// The function of a control primitive, by its number; marks have none.
        pub fn control_primitive(number: u16) -> Option<ControlPrimitive> {
            match number {
                $($number => entry!($kind $function &[$($depth),*]),)*
                _ => None,
            }
        }
    };
}

imprint_isa::for_each_control_primitive!(dispatch);

impl Vm {
    /// Puts an answer where the operands are.
    fn answer(&mut self, args: Args, value: Oop) {
        let page = self.stack.active();
        let top = self.stack.top_index(page);
        self.stack.drop_words(page, top - args.base());
        self.stack.set_word(args.base(), value);
    }

    /// All operands, from the method's own receiver on.
    fn operands(&self, args: Args) -> Vec<Oop> {
        let top = self.stack.top_index(self.stack.active());
        (args.base()..=top)
            .map(|index| self.stack.word(index))
            .collect()
    }

    /// Replaces all operands.
    fn replace_operands(&mut self, args: Args, operands: &[Oop]) {
        let page = self.stack.active();
        let top = self.stack.top_index(page);
        self.stack.drop_words(page, top + 1 - args.base());
        operands.iter().for_each(|oop| self.stack.push(page, *oop));
    }

    /// The result of a control primitive that could not make a frame.
    fn stopped(&mut self, result: Result<(), Stop>) -> Result<(), Failure> {
        if let Err(stop) = result {
            self.pending_stop = Some(stop);
        }
        Ok(())
    }
}

/// A failure of the image's making.
fn fail<T>(error: PrimitiveError) -> Result<T, Failure> {
    Err(Failure::Code(error))
}
