//! The first objects of a heap: what a virtual machine must find before any code can run.
//!
//! ```text
//!   nil false true   special objects array ── Processor ── scheduler ── 80 process lists
//!                         │                                   └── active process (none yet)
//!                         ├── selectors the machine sends, 32 special selectors
//!                         ├── table of primitive errors, external objects
//!                         └── Smalltalk, classes (as they are installed), semaphores
//! ```

use imprint_heap::{Heap, NeedsSpace};
use imprint_isa::special_selectors::{CLASS_POSITION, SPECIAL_SELECTORS};
use imprint_model::class_index::fixed_index;
use imprint_model::known::{KNOWN_COUNT, PRIMITIVE_ERRORS};
use imprint_model::layout::{association, linked_list, scheduler};
use imprint_model::{ClassIndex, Format, Known, Oop};
use imprint_vm::install::Names;

use crate::error::BuildError;

/// Priorities of processes: 1 to this.
pub const PRIORITIES: usize = 80;

/// Classes whose index must be known before the first class is installed.
const NEEDED: [&str; 6] = [
    "ByteSymbol",
    "WideSymbol",
    "MethodDictionary",
    "Metaclass",
    "CompiledMethod",
    "Array",
];

/// Makes nil, false, true and an empty special objects array.
///
/// # Errors
/// Where the heap has no room for them.
pub fn singletons(heap: &mut Heap) -> Result<(), NeedsSpace> {
    let index = |name| fixed_index(name).expect("Spur's table has the three");
    let nil = heap.allocate_old(index("UndefinedObject"), Format::EMPTY, 0)?;
    let false_object = heap.allocate_old(index("False"), Format::EMPTY, 0)?;
    let true_object = heap.allocate_old(index("True"), Format::EMPTY, 0)?;
    heap.set_singletons(nil, false_object, true_object);
    let known = heap.allocate_old(ClassIndex::ARRAY, Format::ARRAY, KNOWN_COUNT)?;
    for slot in 0..KNOWN_COUNT {
        heap.store(known, slot, nil);
    }
    heap.set_special_objects(known);
    heap.set_known(Known::False, false_object);
    heap.set_known(Known::True, true_object);
    Ok(())
}

/// Gives every class its indices, in order, and tells the heap which are the symbols'.
///
/// # Errors
/// Where a class that every kernel has is not among the names.
pub fn indices<'a>(
    heap: &mut Heap,
    names: &mut Names,
    classes: impl IntoIterator<Item = &'a str>,
) -> Result<(), BuildError> {
    let first = ClassIndex::FIRST_FREE + 3;
    for name in classes {
        names.assign_indices(&name.into(), first);
    }
    for name in NEEDED {
        if names.class_index(name).is_none() {
            return Err(BuildError::Lacking(format!("class {name}")));
        }
    }
    let index = |name| names.class_index(name).unwrap_or(0);
    heap.set_symbol_classes(index("ByteSymbol"), index("WideSymbol"));
    Ok(())
}

/// Fills the special objects array with what is no class.
///
/// # Errors
/// Where space or a class is missing.
pub fn known_objects(heap: &mut Heap, names: &mut Names) -> Result<(), BuildError> {
    let mut seed = Seed { heap, names };
    seed.selectors().map_err(no_space)?;
    seed.error_table().map_err(no_space)?;
    seed.scheduler()?;
    seed.smalltalk()?;
    for known in [
        Known::TimerSemaphore,
        Known::InterruptSemaphore,
        Known::FinalizationSemaphore,
        Known::LowSpaceSemaphore,
    ] {
        let semaphore = seed.semaphore()?;
        seed.heap.set_known(known, semaphore);
    }
    let external = seed
        .heap
        .allocate_old(ClassIndex::ARRAY, Format::ARRAY, 0)
        .map_err(no_space)?;
    seed.heap.set_known(Known::ExternalObjects, external);
    Ok(())
}

fn no_space(space: NeedsSpace) -> BuildError {
    BuildError::Install(space.into())
}

struct Seed<'a> {
    heap: &'a mut Heap,
    names: &'a mut Names,
}

impl Seed<'_> {
    fn index(&self, name: &str) -> Result<u32, BuildError> {
        self.names
            .class_index(name)
            .ok_or_else(|| BuildError::Lacking(format!("class {name}")))
    }

    fn selectors(&mut self) -> Result<(), NeedsSpace> {
        for known in Known::ALL
            .iter()
            .filter(|known| known.text().starts_with('#'))
        {
            let selector = self.heap.intern(&known.text()[1..])?;
            self.heap.set_known(*known, selector);
        }
        let pairs = self.heap.allocate_old(
            ClassIndex::ARRAY,
            Format::ARRAY,
            2 * SPECIAL_SELECTORS.len(),
        )?;
        for (position, (selector, arguments)) in SPECIAL_SELECTORS.iter().enumerate() {
            let symbol = if position == CLASS_POSITION {
                self.heap.nil()
            } else {
                self.heap.intern(selector)?
            };
            self.heap.store(pairs, 2 * position, symbol);
            self.heap
                .store(pairs, 2 * position + 1, Oop::small(i32::from(*arguments)));
        }
        self.heap.set_known(Known::SpecialSelectors, pairs);
        Ok(())
    }

    fn error_table(&mut self) -> Result<(), NeedsSpace> {
        let table =
            self.heap
                .allocate_old(ClassIndex::ARRAY, Format::ARRAY, PRIMITIVE_ERRORS.len())?;
        for (position, name) in PRIMITIVE_ERRORS.iter().enumerate() {
            let value = name.map_or(Ok(self.heap.nil()), |name| self.heap.intern(name))?;
            self.heap.store(table, position, value);
        }
        self.heap.set_known(Known::PrimitiveErrors, table);
        Ok(())
    }

    fn scheduler(&mut self) -> Result<(), BuildError> {
        let (scheduler_class, list_class) = (
            self.index("ProcessorScheduler")?,
            self.index("ProcessList")?,
        );
        let lists = self
            .heap
            .allocate_old(ClassIndex::ARRAY, Format::ARRAY, PRIORITIES)
            .map_err(no_space)?;
        for priority in 0..PRIORITIES {
            let list = self
                .heap
                .allocate_old(list_class, Format::FIXED, 2)
                .map_err(no_space)?;
            self.heap.store(lists, priority, list);
        }
        let scheduler = self
            .heap
            .allocate_old(scheduler_class, Format::FIXED, 2)
            .map_err(no_space)?;
        self.heap.store(scheduler, scheduler::LISTS, lists);
        let binding = self.bind_global("Processor", scheduler)?;
        self.heap.set_known(Known::SchedulerBinding, binding);
        Ok(())
    }

    fn smalltalk(&mut self) -> Result<(), BuildError> {
        let class = self.names.class_object(self.heap, "SmalltalkImage");
        let class = class.ok_or_else(|| BuildError::Lacking("class SmalltalkImage".to_string()))?;
        let smalltalk = self.heap.instantiate_old(class, 0);
        let smalltalk =
            smalltalk.map_err(|_| BuildError::Lacking("room for Smalltalk".to_string()))?;
        self.bind_global("Smalltalk", smalltalk)?;
        self.heap.set_known(Known::Smalltalk, smalltalk);
        Ok(())
    }

    fn semaphore(&mut self) -> Result<Oop, BuildError> {
        let semaphore = self
            .heap
            .allocate_old(ClassIndex::SEMAPHORE, Format::FIXED, 3)
            .map_err(no_space)?;
        self.heap
            .store(semaphore, linked_list::EXCESS_SIGNALS, Oop::small(0));
        Ok(semaphore)
    }

    fn bind_global(&mut self, name: &str, value: Oop) -> Result<Oop, BuildError> {
        let binding = self.names.global(name);
        let binding =
            binding.ok_or_else(|| BuildError::Lacking(format!("the binding of {name}")))?;
        self.heap.store(binding, association::VALUE, value);
        Ok(binding)
    }
}
