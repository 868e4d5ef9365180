//! Returns that are no plain pop of a frame: out of a page, past contexts, from a block's home.

use imprint_isa::primitives::{HANDLER_MARK, UNWIND_MARK};
use imprint_model::layout::{closure, context as slots};
use imprint_model::{Known, Oop};

use crate::context::Place;
use crate::machine::Vm;
use crate::outcome::Outcome;
use crate::send;
use crate::stop::{Flow, NEXT, Stop};

/// A mark that a method carries as the number of its failing primitive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mark {
    /// `ensure:` and `ifCurtailed:`.
    Unwind,
    /// `on:do:`.
    Handler,
}

impl Vm {
    /// Whether an activation is of a method with this mark.
    pub(crate) fn has_mark(&self, place: Place, mark: Mark) -> bool {
        let number = match mark {
            Mark::Unwind => UNWIND_MARK,
            Mark::Handler => HANDLER_MARK,
        };
        self.closure_of(place) == self.heap.nil()
            && self.primitive_number(self.method_of(place)) == Some(number)
    }

    /// Returns a value from the active frame to its sender.
    pub(crate) fn return_to_caller(&mut self, value: Oop) -> Flow {
        let sender = self.sender(self.active_place());
        self.return_to(sender, value)
    }

    /// Returns a value from the method in whose activation the active block was made.
    pub(crate) fn return_from_home(&mut self, value: Oop) -> Flow {
        let Some(home) = self.home_of_active() else {
            return self.cannot_return(value);
        };
        let mut unwind = None;
        let mut next = self.sender(self.active_place());
        while let Some(place) = next {
            if place == home {
                return match unwind {
                    Some(unwind) => self.about_to_return(value, unwind),
                    None => self.return_to(self.sender(home), value),
                };
            }
            if unwind.is_none() && self.has_mark(place, Mark::Unwind) {
                unwind = Some(place);
            }
            next = self.sender(place);
        }
        self.cannot_return(value)
    }

    /// The activation of the method that holds the active block, if it is a context still.
    fn home_of_active(&self) -> Option<Place> {
        let mut block = self.closure_of(self.active_place());
        loop {
            let outer = self.heap.slot(block, closure::OUTER_CONTEXT);
            if !self.is_context(outer) {
                return None;
            }
            let enclosing = self.heap.slot(outer, slots::CLOSURE);
            if enclosing == self.heap.nil() {
                return Some(self.place_of(outer));
            }
            block = enclosing;
        }
    }

    /// Ends all activations above `target` and pushes a value there.
    pub(crate) fn return_to(&mut self, target: Option<Place>, value: Oop) -> Flow {
        let Some(target) = target else {
            return self.return_to_nobody(value);
        };
        if let Place::Heap(context) = target
            && !self.is_alive(context)
        {
            return self.cannot_return(value);
        }
        let depth = self.end_activations_above(target);
        match target {
            Place::Frame(position) => {
                self.stack.cut_back(position);
                self.stack.activate(position.page);
            }
            Place::Heap(context) => self.begin_with_context(context, depth),
        }
        let page = self.stack.active();
        self.stack.push(page, value);
        self.count_down_saved()
    }

    /// Makes all contexts from the active one up to `target` dead, and frees the pages that lie
    /// above it. Answers the depth below `target`, where that is known to be in a context.
    fn end_activations_above(&mut self, target: Place) -> usize {
        let mut depth = self.depth();
        let mut next = Some(self.active_place());
        while let Some(place) = next.filter(|place| *place != target) {
            next = self.sender(place);
            depth = depth.saturating_sub(1);
            match place {
                Place::Frame(position) => {
                    if let Some(spouse) = self.stack.frame(position).spouse() {
                        self.make_dead(spouse);
                    }
                    if self.stack.is_base(position) {
                        self.stack.release(position.page);
                    }
                }
                Place::Heap(context) => self.make_dead(context),
            }
        }
        depth.saturating_sub(1)
    }

    /// The bottom of a process returned.
    fn return_to_nobody(&mut self, value: Oop) -> Flow {
        if self.is_target_active() {
            self.end_activations_of_active_process();
            return self.stop_saved(Stop::Done(Outcome::Returned(value)));
        }
        self.cannot_return(value)
    }

    /// Frees all pages of the active process and makes its contexts dead.
    pub(crate) fn end_activations_of_active_process(&mut self) {
        let mut next = Some(self.active_place());
        while let Some(place) = next {
            next = self.sender(place);
            match place {
                Place::Frame(position) => {
                    if let Some(spouse) = self.stack.frame(position).spouse() {
                        self.make_dead(spouse);
                    }
                    if self.stack.is_base(position) {
                        self.stack.release(position.page);
                    }
                }
                Place::Heap(context) => self.make_dead(context),
            }
        }
        self.forget_active();
    }

    /// The active context is asked what to do about a return that crosses an unwind block.
    fn about_to_return(&mut self, value: Oop, unwind: Place) -> Flow {
        let contexts = self
            .context_of(self.active_place())
            .and_then(|own| Ok((own, self.context_of(unwind)?)));
        match contexts {
            Ok((own, unwind)) => self.send_from_return(Known::AboutToReturn, &[own, value, unwind]),
            Err(space) => self.stop_saved(Stop::NeedsSpace(space)),
        }
    }

    /// The active context is told that it cannot return.
    pub(crate) fn cannot_return(&mut self, value: Oop) -> Flow {
        match self.context_of(self.active_place()) {
            Ok(own) => self.send_from_return(Known::CannotReturn, &[own, value]),
            Err(space) => self.stop_saved(Stop::NeedsSpace(space)),
        }
    }

    /// Sends a message with these operands in place of the return bytecode.
    fn send_from_return(&mut self, selector: Known, operands: &[Oop]) -> Flow {
        let saved = self.stack.load();
        let mut r = saved;
        operands.iter().for_each(|oop| r.push(*oop));
        let flow = send::known(self, r, selector, operands.len() - 1, 1);
        if flow != NEXT {
            self.restore_if_restarting(saved);
        }
        flow
    }

    /// As `count_down`, with the registers saved.
    fn count_down_saved(&mut self) -> Flow {
        self.countdown -= 1;
        if self.countdown > 0 {
            NEXT
        } else {
            self.stop_saved(Stop::Poll)
        }
    }
}
