//! The driver: runs the loop, and does between two runs of it what the loop cannot.
//!
//! ```text
//!             ┌──────────────── interpret ◀───────────────┐
//!             ▼                                           │
//!   Stop ── NeedsSpace   collect, or say it is hopeless ──┤
//!        ── NeedsPage    write the oldest page out ───────┤
//!        ── Miss         ask the outside, install ────────┤
//!        ── Wanted ──> Outcome, and goes on here ─────────┤
//!        ── Poll         clock, limits, events ───────────┤
//!        ── Switch       change the stack ────────────────┤
//!        ── Idle         wait for an event ───────────────┘
//!        ── Done ──> Outcome
//! ```

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use imprint_heap::{Collection, NeedsSpace};
use imprint_isa::special_selectors::SPECIAL_SELECTORS;
use imprint_model::layout::{linked_list, process};
use imprint_model::{BytecodeSet, Format, Known, Oop};

use crate::context::{Place, bottom_context};
use crate::dispatch::interpret;
use crate::machine::{NONE, Vm};
use crate::outcome::{Outcome, RunLimits};
use crate::outside::Event;
use crate::stop::Stop;

/// Deepest chain of contexts that is counted when a process is resumed.
const COUNTED_DEPTH_MAX: usize = 1 << 20;

impl Vm {
    // === for those who own a machine ===

    /// Makes a process that will run `method` (a DoIt, without arguments) with `receiver`. In an
    /// image without processes the handle is the bottom context.
    ///
    /// # Errors
    /// Where the heap is at its limit.
    pub fn spawn(&mut self, method: Oop, receiver: Oop, priority: i64) -> Result<Oop, NeedsSpace> {
        let bottom = bottom_context(&mut self.heap, method, receiver)?;
        let Some(oop) = self.new_process()? else {
            return Ok(bottom);
        };
        self.heap.store(oop, process::SUSPENDED_CONTEXT, bottom);
        let priority = Oop::small_integer(priority).unwrap_or(Oop::small(40));
        self.heap.store(oop, process::PRIORITY, priority);
        Ok(oop)
    }

    /// An empty process; `None` in an image without processes. Where class Process has not come, its
    /// index is known all the same, and its shape is Pharo's.
    fn new_process(&mut self) -> Result<Option<Oop>, NeedsSpace> {
        if self.scheduler().is_none() {
            return Ok(None);
        }
        if let Some(class) = self.process_class() {
            return Ok(self.heap.instantiate_old(class, 0).ok());
        }
        let index = self.names.class_index("Process");
        index
            .map(|index| self.heap.allocate_old(index, Format::FIXED, process::SIZE))
            .transpose()
    }

    /// Class Process: by name, or that of a process at hand.
    pub(crate) fn process_class(&self) -> Option<Oop> {
        let by_name = self.names.class_object(&self.heap, "Process");
        let active = self.active_process_or_nil();
        by_name.or_else(|| self.is_process(active).then(|| self.heap.class_of(active)))
    }

    /// Runs until `process` has returned from its bottom context or ended otherwise.
    pub fn run_until(&mut self, process: Oop, limits: RunLimits) -> Outcome {
        self.target = process;
        self.refresh_special_selectors();
        let is_active = self.is_running && self.active_process_or_nil() == process;
        if !is_active {
            self.schedule_target(process);
        }
        let outcome = self.surrounded_drive(&limits);
        if matches!(outcome, Outcome::TimedOut | Outcome::Interrupted) {
            self.late.push(self.target);
        }
        if !outcome.is_pause() {
            self.target = NONE;
        }
        outcome
    }

    /// Goes on with a run that an order interrupted.
    pub fn go_on(&mut self, limits: RunLimits) -> Outcome {
        self.refresh_special_selectors();
        self.reconsider();
        let outcome = self.surrounded_drive(&limits);
        if !outcome.is_pause() {
            self.target = NONE;
        }
        outcome
    }

    /// The process of the latest [`run_until`](Vm::run_until) that was stopped by its limits, if it
    /// would go on in the next run.
    pub fn late_process(&self) -> Option<Oop> {
        let late = self.late.last().copied();
        late.filter(|process| !self.is_ended(*process))
    }

    /// Ends all processes that were stopped by the limits of their runs; their unwind blocks do not
    /// run.
    pub fn end_late_processes(&mut self) {
        while let Some(process) = self.late.pop() {
            self.end_process(process);
        }
    }

    fn end_process(&mut self, process: Oop) {
        if self.incoming == process {
            self.incoming = NONE;
        }
        if self.is_running && self.active_process_or_nil() == process {
            return self.end_activations_of_active_process();
        }
        if !self.is_process(process) {
            return;
        }
        let nil = self.heap.nil();
        let list = self.heap.slot(process, process::MY_LIST);
        if self.has_slots(list, linked_list::LAST + 1) {
            self.remove(list, process);
        }
        self.heap.store(process, process::SUSPENDED_CONTEXT, nil);
    }

    /// Resumes the image's active process, as after loading an image file; where there is none, those that
    /// are ready.
    pub fn run(&mut self, limits: RunLimits) -> Outcome {
        self.refresh_special_selectors();
        if !self.is_running {
            let active = self.active_process_or_nil();
            self.incoming = if self.is_process(active) {
                active
            } else {
                NONE
            };
            self.reconsider();
        }
        self.surrounded_drive(&limits)
    }

    /// Whether the process has nothing to run any more.
    pub fn is_ended(&self, oop: Oop) -> bool {
        if self.is_running && self.active_process_or_nil() == oop {
            return false;
        }
        let context = if self.is_process(oop) {
            self.heap.slot(oop, process::SUSPENDED_CONTEXT)
        } else {
            oop
        };
        !self.is_context(context) || !self.is_alive(context)
    }

    fn schedule_target(&mut self, process: Oop) {
        self.put_off_incoming();
        if !self.is_process(process) {
            self.incoming = process;
            return;
        }
        let is_listed = self.heap.slot(process, process::MY_LIST) != self.heap.nil();
        if is_listed || self.is_ended(process) {
            return self.reconsider();
        }
        if self.is_running {
            self.make_ready(self.active_process_or_nil(), false);
        }
        self.incoming = process;
    }

    /// Who was about to run when the last run ended is ready again: no list has it while it is incoming.
    pub(crate) fn put_off_incoming(&mut self) {
        let next = std::mem::replace(&mut self.incoming, NONE);
        let is_active = self.is_running && next == self.active_process_or_nil();
        if next != NONE && !is_active && self.is_process(next) {
            self.make_ready(next, true);
        }
    }

    // === the loop around the loop ===

    fn surrounded_drive(&mut self, limits: &RunLimits) -> Outcome {
        let Some(surround) = self.settings.surround else {
            return self.drive(limits);
        };
        let mut outcome = None;
        surround(self, &mut |vm| outcome = Some(vm.drive(limits)));
        outcome.expect("whoever surrounds a run lets it run")
    }

    fn drive(&mut self, limits: &RunLimits) -> Outcome {
        self.standstill_before = self.standstill;
        loop {
            let stop = if self.incoming != NONE {
                match self.switch() {
                    Ok(()) => continue,
                    Err(stop) => stop,
                }
            } else if self.is_running {
                match self.initialise_latecomers() {
                    None => interpret(self),
                    Some(stop) => stop,
                }
            } else {
                Stop::Idle
            };
            if let Some(outcome) = self.handle(stop, limits) {
                return outcome;
            }
        }
    }

    fn handle(&mut self, stop: Stop, limits: &RunLimits) -> Option<Outcome> {
        match stop {
            Stop::NeedsSpace(space) => self.find_space(space),
            Stop::NeedsPage => self.free_a_page(),
            Stop::OtherBytecodes(set) => {
                self.note_running_sets();
                self.heap.note_bytecodes(set);
                None
            }
            Stop::Miss(miss) => self.fetch(*miss),
            Stop::Wanted(wanted) => Some(Outcome::Wanted(wanted)),
            Stop::Poll => self.poll(limits),
            Stop::Switch(process) => {
                self.incoming = process;
                None
            }
            Stop::Idle => self.idle(limits),
            Stop::Relinquish { micros } => self.wait_for_events(limits, Some(micros)),
            Stop::Collect { full } => {
                self.collect(if full {
                    Collection::Full
                } else {
                    Collection::Scavenge
                });
                self.reconsider();
                None
            }
            Stop::Done(outcome) => Some(outcome),
        }
    }

    /// What the loop ran until now goes on to run.
    fn note_running_sets(&mut self) {
        for set in [BytecodeSet::SistaV1, BytecodeSet::V3PlusClosures] {
            if self.loop_sets.has(set) {
                self.heap.note_bytecodes(set);
            }
        }
    }

    pub(crate) fn free_a_page(&mut self) -> Option<Outcome> {
        let oldest = self.stack.oldest_page(self.stack.active())?;
        match self.divorce_page(oldest) {
            Ok(()) => None,
            Err(space) => self.find_space(space),
        }
    }

    // === looking at the world ===

    fn poll(&mut self, limits: &RunLimits) -> Option<Outcome> {
        self.countdown = self.settings.poll_interval;
        self.is_out_of_space = false;
        self.settings.before_poll();
        if let Some(zeal) = self.heap.settings().zeal.filter(|zeal| zeal.every > 0) {
            self.countdown = i32::try_from(zeal.every).unwrap_or(i32::MAX);
            self.collect(Collection::Scavenge);
        }
        self.heal_where_worth();
        if let Some(outcome) = self.limit_reached(limits) {
            return Some(outcome);
        }
        let events = self.outside.poll();
        self.postponed.extend(events);
        self.take_events()
    }

    fn limit_reached(&self, limits: &RunLimits) -> Option<Outcome> {
        let flag = limits.interrupt.as_ref();
        if flag.is_some_and(|flag| flag.swap(false, Ordering::Relaxed)) {
            return Some(Outcome::Interrupted);
        }
        let is_late = self
            .deadline(limits)
            .is_some_and(|deadline| Instant::now() >= deadline);
        is_late.then_some(Outcome::TimedOut)
    }

    /// The deadline, later by as long as this run has waited for pulls.
    fn deadline(&self, limits: &RunLimits) -> Option<Instant> {
        let still = self.standstill - self.standstill_before;
        limits.deadline.map(|deadline| deadline + still)
    }

    /// Signals what is due, and lets the process run that has the highest priority then. What stands
    /// behind an event that ends the run waits for the next.
    fn take_events(&mut self) -> Option<Outcome> {
        let mut outcome = None;
        while outcome.is_none()
            && let Some(event) = self.postponed.pop_front()
        {
            outcome = self.take_event(event);
        }
        if self.timer.is_some_and(|due| self.now_micros() >= due) {
            self.timer = None;
            let semaphore = self.heap.known(Known::TimerSemaphore);
            self.signal_from_outside(semaphore);
        }
        self.reconsider();
        outcome
    }

    fn take_event(&mut self, event: Event) -> Option<Outcome> {
        match event {
            Event::Signal(index) => {
                let semaphore = self.external_object(index);
                self.signal_from_outside(semaphore);
                None
            }
            Event::Terminate => {
                let semaphore = self.heap.known(Known::InterruptSemaphore);
                // Where nobody waits for the request, nobody has anything to finish.
                if !self.is_semaphore(semaphore) || self.is_empty_list(semaphore) {
                    return Some(Outcome::Quit(0));
                }
                self.signal_from_outside(semaphore);
                None
            }
            Event::Order(order) => Some(Outcome::Ordered(order)),
            Event::Interrupt => Some(Outcome::Interrupted),
        }
    }

    /// The object at a 1-based position of the external objects.
    pub(crate) fn external_object(&self, index: usize) -> Oop {
        let array = self.heap.known(Known::ExternalObjects);
        let is_there = index > 0 && self.has_slots(array, index);
        if is_there {
            self.heap.slot(array, index - 1)
        } else {
            self.heap.nil()
        }
    }

    /// Signals a semaphore between two bytecodes; anything else is ignored.
    pub(crate) fn signal_from_outside(&mut self, semaphore: Oop) {
        if !self.is_semaphore(semaphore) {
            return;
        }
        let is_running = std::mem::replace(&mut self.is_running, false);
        if let Some(process) = self.signal_semaphore(semaphore) {
            self.make_ready(process, false);
        }
        self.is_running = is_running;
    }

    /// Lets a ready process run whose priority is above the active one's.
    pub(crate) fn reconsider(&mut self) {
        if self.incoming != NONE {
            return;
        }
        let active = self.active_process_or_nil();
        let above = if self.is_running {
            self.priority_of(active)
        } else {
            0
        };
        if let Some(process) = self.take_highest(above) {
            if self.is_running {
                self.make_ready(active, self.settings.preempted_to_front);
            }
            self.incoming = process;
        }
    }

    fn idle(&mut self, limits: &RunLimits) -> Option<Outcome> {
        if self.is_running {
            match self.suspend_active() {
                Ok(()) => {}
                Err(space) => {
                    // Nothing else can run, so the active process idles again afterwards.
                    let outcome = self.find_space(space);
                    return outcome.or_else(|| self.idle(limits));
                }
            }
        }
        self.wait_for_events(limits, None)
    }

    fn wait_for_events(&mut self, limits: &RunLimits, micros: Option<u64>) -> Option<Outcome> {
        if let Some(outcome) = self.limit_reached(limits) {
            return Some(outcome);
        }
        let now = Instant::now();
        let until_timer = self.timer.map(|due| due.saturating_sub(self.now_micros()));
        let shortest = [until_timer, micros].into_iter().flatten().min();
        let wake_up = shortest.map(|micros| now + Duration::from_micros(micros));
        let deadline = [wake_up, self.deadline(limits)].into_iter().flatten().min();
        let events = match self.postponed.is_empty() {
            true => self.outside.wait(deadline),
            false => self.outside.poll(),
        };
        self.postponed.extend(events);
        let is_hopeless = self.postponed.is_empty() && deadline.is_none();
        if let Some(outcome) = self.take_events() {
            return Some(outcome);
        }
        (is_hopeless && self.incoming == NONE && !self.is_running).then(|| self.nobody_runs())
    }

    /// Nothing can run and nothing can happen.
    fn nobody_runs(&mut self) -> Outcome {
        let is_waiting = self.is_process(self.target)
            && self.heap.slot(self.target, process::MY_LIST) != self.heap.nil();
        if is_waiting || self.target == NONE {
            return Outcome::Deadlock;
        }
        Outcome::Terminated { error: None }
    }

    // === switching stacks ===

    /// Writes where the active process goes on into it. Nobody runs then.
    pub(crate) fn suspend_active(&mut self) -> Result<(), NeedsSpace> {
        let context = self.marry(self.stack.newest(self.stack.active()))?;
        let active = self.active_process_or_nil();
        if self.is_process(active) {
            self.heap.store(active, process::SUSPENDED_CONTEXT, context);
        }
        self.is_running = false;
        Ok(())
    }

    /// Lets the incoming process run in place of the active one.
    fn switch(&mut self) -> Result<(), Stop> {
        let next = self.incoming;
        let context = if self.is_process(next) {
            self.heap.slot(next, process::SUSPENDED_CONTEXT)
        } else {
            next
        };
        if self.is_running && next == self.active_process_or_nil() {
            self.incoming = NONE;
            return Ok(());
        }
        if self.is_running {
            self.suspend_active()?;
        }
        if !self.is_context(context) || !self.is_alive(context) {
            self.incoming = NONE;
            self.reconsider();
            return Ok(());
        }
        let place = self.whole_place(context)?;
        self.incoming = NONE;
        match place {
            Place::Frame(position) => self.stack.activate(position.page),
            Place::Heap(context) => self.begin_with_context(context, self.depth_below(context)),
        }
        self.set_active_process(next);
        if self.is_process(next) {
            self.heap
                .store(next, process::SUSPENDED_CONTEXT, self.heap.nil());
        }
        self.is_running = true;
        Ok(())
    }

    /// Where a context goes on: the newest frame of a page, or a context alone with a free page
    /// waiting for it.
    fn whole_place(&mut self, context: Oop) -> Result<Place, Stop> {
        if let Place::Frame(position) = self.place_of(context) {
            if self.stack.newest(position.page) == position {
                return Ok(Place::Frame(position));
            }
            self.divorce_page(position.page)?;
            self.divorced = None;
        }
        if self.stack.free_page().is_none() {
            return Err(Stop::NeedsPage);
        }
        Ok(Place::Heap(context))
    }

    fn depth_below(&self, bottom: Oop) -> usize {
        let mut depth = 0;
        let mut next = self.sender(Place::Heap(bottom));
        while let Some(place) = next.filter(|_| depth < COUNTED_DEPTH_MAX) {
            depth += 1;
            next = self.sender(place);
        }
        depth
    }

    /// Takes the selectors of special sends from the image, or by their text where it has none.
    pub(crate) fn refresh_special_selectors(&mut self) {
        let pairs = self.heap.known(Known::SpecialSelectors);
        for (position, (text, arguments)) in SPECIAL_SELECTORS.into_iter().enumerate() {
            let from_image = self
                .has_slots(pairs, 2 * position + 2)
                .then(|| self.heap.slot(pairs, 2 * position));
            let selector = from_image.filter(|oop| *oop != self.heap.nil());
            let selector = selector
                .or_else(|| self.heap.intern(text).ok())
                .unwrap_or(NONE);
            self.special_selectors[position] = (selector, arguments);
        }
    }
}
