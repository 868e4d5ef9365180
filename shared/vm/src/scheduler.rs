//! Processes: who runs, who is ready, who waits. Lists are changed here; the switch of stacks is
//! the driver's.
//!
//! The scheduler, its lists and the semaphores are objects of the image, in Pharo's shapes. An
//! image without a scheduler runs one process, whose handle is its bottom context.

use imprint_model::layout::{association, linked_list, process, scheduler};
use imprint_model::{Known, Oop};

use crate::machine::{NONE, Vm};
use crate::stop::Stop;

/// Processes in a list before it counts as a circle.
const LINKS_MAX: usize = 1_000_000;

impl Vm {
    // === the scheduler ===

    /// The scheduler object, where the image has one.
    pub(crate) fn scheduler(&self) -> Option<Oop> {
        let binding = self.heap.known(Known::SchedulerBinding);
        if !self.has_slots(binding, association::VALUE + 1) {
            return None;
        }
        let scheduler = self.heap.slot(binding, association::VALUE);
        self.has_slots(scheduler, scheduler::ACTIVE_PROCESS + 1)
            .then_some(scheduler)
    }

    pub(crate) fn has_slots(&self, oop: Oop, count: usize) -> bool {
        oop.is_object() && oop != self.heap.nil() && self.heap.pointer_slot_count(oop) >= count
    }

    /// The process that runs; nil where none does.
    pub fn active_process_or_nil(&self) -> Oop {
        match self.scheduler() {
            Some(scheduler) => self.heap.slot(scheduler, scheduler::ACTIVE_PROCESS),
            None if self.lone_process == NONE => self.heap.nil(),
            None => self.lone_process,
        }
    }

    pub(crate) fn set_active_process(&mut self, process: Oop) {
        match self.scheduler() {
            Some(scheduler) => self
                .heap
                .store(scheduler, scheduler::ACTIVE_PROCESS, process),
            None => self.lone_process = process,
        }
    }

    /// Whether an oop is shaped like a process.
    pub(crate) fn is_process(&self, oop: Oop) -> bool {
        if !self.has_slots(oop, process::MY_LIST + 1) || self.is_context(oop) {
            return false;
        }
        let context = self.heap.slot(oop, process::SUSPENDED_CONTEXT);
        context == self.heap.nil() || self.is_context(context)
    }

    pub(crate) fn priority_of(&self, process: Oop) -> i64 {
        if !self.is_process(process) {
            return 0;
        }
        self.heap
            .slot(process, process::PRIORITY)
            .as_small_integer()
            .unwrap_or(0)
    }

    // === lists ===

    fn list_of_priority(&self, priority: i64) -> Option<Oop> {
        let lists = self.heap.slot(self.scheduler()?, scheduler::LISTS);
        let index = usize::try_from(priority - 1).ok()?;
        self.has_slots(lists, index + 1)
            .then(|| self.heap.slot(lists, index))
    }

    pub(crate) fn is_empty_list(&self, list: Oop) -> bool {
        self.heap.slot(list, linked_list::FIRST) == self.heap.nil()
    }

    pub(crate) fn add_last(&mut self, list: Oop, process: Oop) {
        let last = self.heap.slot(list, linked_list::LAST);
        // What only looks like a list may end with anything.
        if self.is_empty_list(list) || !self.is_process(last) {
            self.heap.store(list, linked_list::FIRST, process);
        } else {
            self.heap.store(last, process::NEXT_LINK, process);
        }
        self.heap.store(list, linked_list::LAST, process);
        self.heap
            .store(process, process::NEXT_LINK, self.heap.nil());
        self.heap.store(process, process::MY_LIST, list);
    }

    fn add_first(&mut self, list: Oop, process: Oop) {
        let first = self.heap.slot(list, linked_list::FIRST);
        if first == self.heap.nil() {
            return self.add_last(list, process);
        }
        self.heap.store(process, process::NEXT_LINK, first);
        self.heap.store(list, linked_list::FIRST, process);
        self.heap.store(process, process::MY_LIST, list);
    }

    pub(crate) fn remove_first(&mut self, list: Oop) -> Option<Oop> {
        let first = self.heap.slot(list, linked_list::FIRST);
        // What only looks like a list holds no processes.
        if !self.is_process(first) {
            return None;
        }
        let nil = self.heap.nil();
        let next = self.heap.slot(first, process::NEXT_LINK);
        self.heap.store(list, linked_list::FIRST, next);
        if next == nil {
            self.heap.store(list, linked_list::LAST, nil);
        }
        self.heap.store(first, process::NEXT_LINK, nil);
        self.heap.store(first, process::MY_LIST, nil);
        Some(first)
    }

    /// The list of those that are ready and have a process's priority.
    pub(crate) fn ready_list_of(&self, process: Oop) -> Option<Oop> {
        self.list_of_priority(self.priority_of(process))
    }

    /// Whether a list holds a process.
    pub(crate) fn is_listed(&self, list: Oop, process: Oop) -> bool {
        self.links_of(list).any(|link| link == process)
    }

    /// The processes in a list; what only looks like one ends where its links do, or come round.
    fn links_of(&self, list: Oop) -> impl Iterator<Item = Oop> {
        let first = (self.has_slots(list, linked_list::LAST + 1))
            .then(|| self.heap.slot(list, linked_list::FIRST));
        let is_link = |link: &Oop| self.is_process(*link);
        let next = move |link: &Oop| {
            let next = self.heap.slot(*link, process::NEXT_LINK);
            is_link(&next).then_some(next)
        };
        std::iter::successors(first.filter(is_link), next).take(LINKS_MAX)
    }

    /// Takes a process out of a list; answers whether it was there.
    pub(crate) fn remove(&mut self, list: Oop, process: Oop) -> bool {
        let nil = self.heap.nil();
        let mut previous = nil;
        let found = self.links_of(list).any(|link| {
            let is_it = link == process;
            if !is_it {
                previous = link;
            }
            is_it
        });
        if found {
            let next = self.heap.slot(process, process::NEXT_LINK);
            self.unlink(list, previous, next);
            self.heap.store(process, process::NEXT_LINK, nil);
            self.heap.store(process, process::MY_LIST, nil);
        }
        found
    }

    fn unlink(&mut self, list: Oop, previous: Oop, next: Oop) {
        let nil = self.heap.nil();
        if previous == nil {
            self.heap.store(list, linked_list::FIRST, next);
        } else {
            self.heap.store(previous, process::NEXT_LINK, next);
        }
        if next == nil {
            self.heap.store(list, linked_list::LAST, previous);
        }
    }

    // === who runs ===

    /// Puts a process among those that are ready, in front of its priority's list or behind.
    pub(crate) fn make_ready(&mut self, process: Oop, to_front: bool) {
        let Some(list) = self.list_of_priority(self.priority_of(process)) else {
            return;
        };
        if to_front {
            self.add_first(list, process);
        } else {
            self.add_last(list, process);
        }
    }

    /// Takes the ready process of the highest priority, if that is above `above`.
    pub(crate) fn take_highest(&mut self, above: i64) -> Option<Oop> {
        let lists = self.heap.slot(self.scheduler()?, scheduler::LISTS);
        if !self.has_slots(lists, 1) {
            return None;
        }
        for index in (0..self.heap.slot_count(lists)).rev() {
            if (index as i64) < above {
                return None;
            }
            let list = self.heap.slot(lists, index);
            if self.has_slots(list, linked_list::LAST + 1)
                && let Some(process) = self.remove_first(list)
            {
                return Some(process);
            }
        }
        None
    }

    /// Lets a process run when its turn comes; answers it if that is now.
    pub(crate) fn resume_process(&mut self, process: Oop) -> Option<Oop> {
        let active = self.active_process_or_nil();
        if self.is_running && self.priority_of(active) >= self.priority_of(process) {
            self.make_ready(process, false);
            return None;
        }
        if self.is_running {
            let to_front = self.settings.preempted_to_front;
            self.make_ready(active, to_front);
        }
        Some(process)
    }

    /// Signals a semaphore; answers the process that shall run now, if that changed.
    pub(crate) fn signal_semaphore(&mut self, semaphore: Oop) -> Option<Oop> {
        if let Some(process) = self.remove_first(semaphore) {
            return self.resume_process(process);
        }
        let excess = self.heap.slot(semaphore, linked_list::EXCESS_SIGNALS);
        let count = excess.as_small_integer().unwrap_or(0) + 1;
        let count = Oop::small_integer(count).unwrap_or(excess);
        self.heap
            .store(semaphore, linked_list::EXCESS_SIGNALS, count);
        None
    }

    /// Whether an oop is shaped like a semaphore.
    pub(crate) fn is_semaphore(&self, oop: Oop) -> bool {
        self.has_slots(oop, linked_list::EXCESS_SIGNALS + 1)
    }

    /// Gives up the processor; the caller has put the active process wherever it waits.
    pub(crate) fn run_another(&mut self) {
        let stop = match self.take_highest(0) {
            Some(process) => Stop::Switch(process),
            None => Stop::Idle,
        };
        self.pending_stop = Some(stop);
    }

    /// Lets `process` run next, where there is one.
    pub(crate) fn switch_if_any(&mut self, process: Option<Oop>) {
        if let Some(process) = process {
            self.pending_stop = Some(Stop::Switch(process));
        }
    }

    /// Whether the active process is the one that the run waits for.
    pub(crate) fn is_target_active(&self) -> bool {
        self.is_running && self.target != NONE && self.active_process_or_nil() == self.target
    }

    /// The active process has ended; nobody runs.
    pub(crate) fn forget_active(&mut self) {
        self.is_running = false;
        let nil = self.heap.nil();
        if self.is_process(self.active_process_or_nil()) {
            let active = self.active_process_or_nil();
            self.heap.store(active, process::SUSPENDED_CONTEXT, nil);
        }
        self.set_active_process(nil);
    }
}
