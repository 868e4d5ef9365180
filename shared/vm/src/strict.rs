//! The strict slots: what the machine reads without sending and without asking (design D5). None
//! ever holds a ghost or a forwarder; the table says what each may hold.

use imprint_heap::Fault;
use imprint_model::layout::{behavior, closure, context, linked_list, method_dictionary, process};
use imprint_model::{ClassIndex, Known, Oop};

use crate::machine::Vm;

/// Most faults that are told.
const FAULTS_MAX: usize = 10;

/// What a strict slot may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum May {
    /// A SmallInteger.
    Integer,
    /// A SmallInteger, or nil: a closure that is being made, which takes no number of arguments.
    IntegerOrNil,
    /// Compiled code.
    Code,
    /// Compiled code, or nil: a context or closure that is being made.
    CodeOrNil,
    /// A context, or nil.
    ContextOrNil,
    /// Any object with slots, or nil.
    PointersOrNil,
    /// Anything that is present.
    Present,
}

/// A slot, what it is, and what it may hold.
type Row = (usize, &'static str, May);

/// Programs may write what they like into sender, pc and stack pointer of a context: the machine
/// looks at them again before it goes on there.
const CONTEXT: &[Row] = &[
    (context::SENDER, "the sender of a context", May::Present),
    (context::PC, "the pc of a context", May::Present),
    (
        context::STACK_POINTER,
        "the stack pointer of a context",
        May::Present,
    ),
    (context::METHOD, "the method of a context", May::CodeOrNil),
    (
        context::CLOSURE,
        "the closure of a context",
        May::PointersOrNil,
    ),
    (context::RECEIVER, "the receiver of a context", May::Present),
];

const CLOSURE: &[Row] = &[
    (
        closure::OUTER_CONTEXT,
        "the outer context of a closure",
        May::ContextOrNil,
    ),
    (
        closure::COMPILED_BLOCK,
        "the code of a closure",
        May::CodeOrNil,
    ),
    (
        closure::ARGUMENT_COUNT,
        "the argument count of a closure",
        May::IntegerOrNil,
    ),
    (closure::RECEIVER, "the receiver of a closure", May::Present),
];

/// Programs may write what they like into superclass and method dictionary: lookup looks at them again.
const BEHAVIOR: &[Row] = &[
    (
        behavior::SUPERCLASS,
        "the superclass of a class",
        May::Present,
    ),
    (
        behavior::METHOD_DICTIONARY,
        "the method dictionary of a class",
        May::Present,
    ),
    (behavior::FORMAT, "the format of a class", May::Integer),
];

const METHOD_DICTIONARY: &[Row] = &[
    (
        method_dictionary::TALLY,
        "the tally of a method dictionary",
        May::Integer,
    ),
    (
        method_dictionary::ARRAY,
        "the methods of a method dictionary",
        May::Present,
    ),
];

/// Programs may write what they like into lists: what is no process there is waited for by nobody.
const LIST: &[Row] = &[
    (linked_list::FIRST, "the first of a list", May::Present),
    (linked_list::LAST, "the last of a list", May::Present),
];

/// And into a semaphore: the primitives fail for signals that are no count.
const SEMAPHORE: &[Row] = &[(
    linked_list::EXCESS_SIGNALS,
    "the excess signals of a semaphore",
    May::Present,
)];

const PROCESS: &[Row] = &[
    (
        process::NEXT_LINK,
        "the next link of a process",
        May::PointersOrNil,
    ),
    (
        process::SUSPENDED_CONTEXT,
        "the context of a process",
        May::ContextOrNil,
    ),
    (process::PRIORITY, "the priority of a process", May::Integer),
    (
        process::MY_LIST,
        "the list of a process",
        May::PointersOrNil,
    ),
];

/// Looks at the strict slots of everything.
struct Check<'vm> {
    vm: &'vm Vm,
    faults: Vec<Fault>,
}

impl Vm {
    /// Whether a program may write a value into a slot: what a closure holds, and the format of a class,
    /// the machine takes for granted. A closure gets its number of arguments, without which it is never
    /// run, when it has its code.
    pub(crate) fn may_hold(&self, object: Oop, slot: usize, value: Oop) -> bool {
        let check = Check {
            vm: self,
            faults: Vec::new(),
        };
        let heap = &self.heap;
        if heap.class_index_of(object) == ClassIndex::FULL_BLOCK_CLOSURE {
            let is_code = |oop| check.is_allowed(oop, May::Code);
            let row = CLOSURE.iter().find(|row| row.0 == slot);
            return row.is_none_or(|row| match slot {
                closure::COMPILED_BLOCK => is_code(value),
                closure::ARGUMENT_COUNT if !is_code(heap.slot(object, closure::COMPILED_BLOCK)) => {
                    false
                }
                _ => check.is_allowed(value, row.2),
            });
        }
        let is_format = slot == behavior::FORMAT;
        let is_class = is_format && heap.class_at(heap.header(object).hash()) == Some(object);
        !is_class || check.is_allowed(value, May::Integer)
    }

    /// Checks that every strict slot holds what it may.
    ///
    /// # Errors
    /// The first faults found.
    pub(crate) fn verify_strict_slots(&self) -> Result<(), Vec<Fault>> {
        let mut check = Check {
            vm: self,
            faults: Vec::new(),
        };
        check.special_objects();
        check.scheduler();
        for (_, class) in self.heap.classes() {
            check.class(class);
        }
        self.heap.for_each_object(|oop| check.object(oop));
        check.faults.truncate(FAULTS_MAX);
        if check.faults.is_empty() {
            Ok(())
        } else {
            Err(check.faults)
        }
    }
}

impl Check<'_> {
    fn special_objects(&mut self) {
        let array = self.vm.heap.special_objects();
        if array.bits() == 0 {
            return;
        }
        for slot in 0..self.vm.heap.slot_count(array) {
            self.check(array, (slot, "a special object", May::Present));
        }
    }

    fn scheduler(&mut self) {
        if let Some(scheduler) = self.vm.scheduler() {
            let active = self.vm.active_process_or_nil();
            if self.vm.is_process(active) {
                self.rows(active, PROCESS);
            }
            let lists = self
                .vm
                .heap
                .slot(scheduler, imprint_model::layout::scheduler::LISTS);
            if lists.is_object() && lists != self.vm.heap.nil() {
                for index in 0..self.vm.heap.slot_count(lists) {
                    self.list(self.vm.heap.slot(lists, index));
                }
            }
        }
        let timer = self.vm.heap.known(Known::TimerSemaphore);
        if self.vm.is_semaphore(timer) {
            self.list(timer);
        }
    }

    /// A list and the processes that wait in it.
    fn list(&mut self, list: Oop) {
        if !self.vm.has_slots(list, linked_list::LAST + 1) {
            return;
        }
        self.rows(list, LIST);
        let mut link = self.vm.heap.slot(list, linked_list::FIRST);
        let mut count = 0;
        while self.vm.is_process(link) && self.faults.is_empty() && count < 1 << 20 {
            self.rows(link, PROCESS);
            link = self.vm.heap.slot(link, process::NEXT_LINK);
            count += 1;
        }
    }

    fn class(&mut self, class: Oop) {
        if !self.vm.has_slots(class, behavior::STRICT) {
            return;
        }
        self.rows(class, BEHAVIOR);
        let dictionary = self.vm.heap.slot(class, behavior::METHOD_DICTIONARY);
        if !self.vm.has_slots(dictionary, method_dictionary::FIRST_KEY) {
            return;
        }
        self.rows(dictionary, METHOD_DICTIONARY);
        // Programs may put there what has raw parts.
        for slot in method_dictionary::FIRST_KEY..self.vm.heap.pointer_slot_count(dictionary) {
            self.check(dictionary, (slot, "a selector", May::Present));
        }
    }

    fn object(&mut self, oop: Oop) {
        match self.vm.heap.class_index_of(oop) {
            ClassIndex::CONTEXT => self.rows(oop, CONTEXT),
            ClassIndex::FULL_BLOCK_CLOSURE => self.rows(oop, CLOSURE),
            ClassIndex::SEMAPHORE => {
                if self.vm.has_slots(oop, linked_list::EXCESS_SIGNALS + 1) {
                    self.rows(oop, SEMAPHORE);
                }
                self.list(oop);
            }
            _ if self.vm.heap.format(oop).is_code() => self.code(oop),
            _ => {}
        }
    }

    /// The header, and the last literal: the code around a block, or the binding of a class. What that
    /// binding holds is not strict: programs may store there, and a super send asks for what has not come.
    fn code(&mut self, code: Oop) {
        self.check(code, (0, "the header of a method", May::Integer));
        let count = self.vm.heap.literal_count(code);
        if count == 0 {
            return;
        }
        self.check(code, (count, "the last literal", May::Present));
    }

    fn rows(&mut self, object: Oop, rows: &[Row]) {
        rows.iter().for_each(|row| self.check(object, *row));
    }

    fn check(&mut self, object: Oop, (slot, what, may): Row) {
        let value = self.vm.heap.slot(object, slot);
        if !self.is_allowed(value, may) {
            self.faults.push(Fault::StrictSlot {
                what,
                object,
                slot,
                value,
            });
        }
    }

    fn is_allowed(&self, value: Oop, may: May) -> bool {
        if !value.is_object() {
            let is_number = value.as_small_integer().is_some();
            let may_be_number = matches!(may, May::Integer | May::IntegerOrNil);
            return !value.is_ghost() && (may == May::Present || (may_be_number && is_number));
        }
        let heap = &self.vm.heap;
        if heap.class_index_of(value) == ClassIndex::FORWARDER {
            return false;
        }
        let is_nil = || value == heap.nil();
        match may {
            May::Present => true,
            May::Integer => false,
            May::IntegerOrNil => is_nil(),
            May::Code => heap.format(value).is_code(),
            May::CodeOrNil => heap.format(value).is_code() || is_nil(),
            May::ContextOrNil => is_nil() || self.vm.is_context(value),
            May::PointersOrNil => is_nil() || heap.format(value).is_pointers(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::testing::World;
    use imprint_model::{Format, Ghost};

    fn ghost() -> Oop {
        Oop::ghost(Ghost::new(5, 7).expect("it fits"))
    }

    /// What is wrong with a closure whose slot holds a value.
    fn fault_of(slot: usize, value: Oop) -> Option<&'static str> {
        let mut world = World::new();
        let method = world
            .vm
            .heap
            .allocate_code(1024, imprint_model::MethodHeader::default(), &[])
            .unwrap();
        let index = ClassIndex::FULL_BLOCK_CLOSURE;
        let oop = world
            .vm
            .heap
            .allocate_old(index, Format::FIXED_AND_INDEXED, 4)
            .unwrap();
        world.vm.heap.store(oop, closure::COMPILED_BLOCK, method);
        world
            .vm
            .heap
            .store(oop, closure::ARGUMENT_COUNT, Oop::small(0));
        assert_eq!(world.vm.verify_strict_slots(), Ok(()));
        world.vm.heap.store(oop, slot, value);
        match world.vm.verify_strict_slots().err()?.first()? {
            Fault::StrictSlot { what, .. } => Some(what),
            _ => None,
        }
    }

    #[test]
    fn every_strict_slot_of_a_closure_is_checked() {
        for (slot, what, _) in CLOSURE {
            assert_eq!(fault_of(*slot, ghost()), Some(*what));
        }
        assert_eq!(
            fault_of(closure::OUTER_CONTEXT, Oop::small(1)),
            Some("the outer context of a closure")
        );
        assert_eq!(fault_of(closure::RECEIVER, Oop::small(1)), None);
    }

    #[test]
    fn a_ghost_among_special_objects_and_classes_is_found() {
        let mut world = World::new();
        let class = world.vm.heap.known(Known::Point);
        world
            .vm
            .heap
            .store(class, behavior::METHOD_DICTIONARY, ghost());
        world.vm.heap.set_known(Known::SchedulerBinding, ghost());
        let faults = world.vm.verify_strict_slots().unwrap_err();
        assert_eq!(faults.len(), 2, "{faults:?}");
    }
}
