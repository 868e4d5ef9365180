//! The empty seed: what a virtual machine needs to breathe, and no class at all.
//!
//! ```text
//!   nil false true    special objects array
//!                       ├── selectors the machine sends, 32 special selectors
//!                       ├── table of primitive errors, external objects, semaphores
//!                       └── Processor ── scheduler ── 80 process lists
//! ```
//!
//! Class indices are the master's, from its vocabulary: so what is here already needs no change
//! when its class comes.

use imprint_heap::{Heap, HeapError, HeapSettings, NeedsSpace};
use imprint_isa::Name;
use imprint_isa::special_selectors::{CLASS_POSITION, SPECIAL_SELECTORS};
use imprint_model::known::{KNOWN_COUNT, PRIMITIVE_ERRORS};
use imprint_model::layout::{association, linked_list, scheduler};
use imprint_model::{ClassIndex, Format, Known, Oop};
use thiserror::Error;

use crate::extract::ClassIndices;
use crate::install::{Installer, Names, Unbound};
use crate::presence::Presence;

/// Priorities of processes: 1 to this.
pub const PRIORITIES: usize = 80;

/// Semaphores that every machine has its own of.
const SEMAPHORES: [Known; 4] = [
    Known::LowSpaceSemaphore,
    Known::TimerSemaphore,
    Known::InterruptSemaphore,
    Known::FinalizationSemaphore,
];

/// Why there is no seed.
#[derive(Debug, Error)]
pub enum SeedError {
    /// The heap could not be made.
    #[error(transparent)]
    Heap(#[from] HeapError),
    /// The heap is too small for it.
    #[error(transparent)]
    NeedsSpace(#[from] NeedsSpace),
    /// The master knows no class of this name.
    #[error("the vocabulary lacks class {0}")]
    Lacking(&'static str),
}

/// A heap with nothing but the seed, and its names.
///
/// # Errors
/// [`SeedError`].
pub fn empty_seed(
    settings: HeapSettings,
    vocabulary: &[ClassIndices],
) -> Result<(Heap, Names), SeedError> {
    let mut seed = Seed {
        heap: Heap::new(settings)?,
        names: Names::default(),
    };
    for (name, index, meta_index) in vocabulary {
        seed.names.declare(name, *index, *meta_index);
    }
    seed.singletons()?;
    seed.heap
        .set_symbol_classes(seed.index("ByteSymbol")?, seed.index("WideSymbol")?);
    seed.selectors()?;
    seed.error_table()?;
    seed.scheduler()?;
    for known in SEMAPHORES {
        let semaphore = seed
            .heap
            .allocate_old(ClassIndex::SEMAPHORE, Format::FIXED, 3)?;
        seed.heap
            .store(semaphore, linked_list::EXCESS_SIGNALS, Oop::small(0));
        seed.heap.set_known(known, semaphore);
    }
    let external = seed
        .heap
        .allocate_old(ClassIndex::ARRAY, Format::ARRAY, 0)?;
    seed.heap.set_known(Known::ExternalObjects, external);
    seed.heap.allow_absent_classes();
    seed.heap
        .set_first_free_class_index(ClassIndex::FIRST_OF_SLAVE);
    Ok((seed.heap, seed.names))
}

struct Seed {
    heap: Heap,
    names: Names,
}

impl Seed {
    fn index(&self, name: &'static str) -> Result<u32, SeedError> {
        self.names.class_index(name).ok_or(SeedError::Lacking(name))
    }

    fn array(&mut self, size: usize) -> Result<Oop, NeedsSpace> {
        self.heap
            .allocate_old(ClassIndex::ARRAY, Format::ARRAY, size)
    }

    fn singletons(&mut self) -> Result<(), SeedError> {
        let indices = (
            self.index("UndefinedObject")?,
            self.index("False")?,
            self.index("True")?,
        );
        let nil = self.heap.allocate_old(indices.0, Format::EMPTY, 0)?;
        let false_object = self.heap.allocate_old(indices.1, Format::EMPTY, 0)?;
        let true_object = self.heap.allocate_old(indices.2, Format::EMPTY, 0)?;
        self.heap.set_singletons(nil, false_object, true_object);
        let known = self.array(KNOWN_COUNT)?;
        self.heap.set_special_objects(known);
        self.heap.set_known(Known::False, false_object);
        self.heap.set_known(Known::True, true_object);
        Ok(())
    }

    fn selectors(&mut self) -> Result<(), NeedsSpace> {
        for known in Known::ALL
            .iter()
            .filter(|known| known.text().starts_with('#'))
        {
            let selector = self.heap.intern(&known.text()[1..])?;
            self.heap.set_known(*known, selector);
        }
        let pairs = self.array(2 * SPECIAL_SELECTORS.len())?;
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
        let table = self.array(PRIMITIVE_ERRORS.len())?;
        for (position, name) in PRIMITIVE_ERRORS.iter().enumerate() {
            let value = name.map_or(Ok(self.heap.nil()), |name| self.heap.intern(name))?;
            self.heap.store(table, position, value);
        }
        self.heap.set_known(Known::PrimitiveErrors, table);
        Ok(())
    }

    fn scheduler(&mut self) -> Result<(), SeedError> {
        let (scheduler_class, list_class) = (
            self.index("ProcessorScheduler")?,
            self.index("ProcessList")?,
        );
        let lists = self.array(PRIORITIES)?;
        for priority in 0..PRIORITIES {
            let list = self.heap.allocate_old(list_class, Format::FIXED, 2)?;
            self.heap.store(lists, priority, list);
        }
        let scheduler = self.heap.allocate_old(scheduler_class, Format::FIXED, 2)?;
        self.heap.store(scheduler, scheduler::LISTS, lists);
        let binding = self.bind_processor()?;
        self.heap.store(binding, association::VALUE, scheduler);
        self.heap.set_known(Known::SchedulerBinding, binding);
        Ok(())
    }

    fn bind_processor(&mut self) -> Result<Oop, SeedError> {
        self.index("GlobalVariable")?;
        let mut installer = Installer {
            heap: &mut self.heap,
            names: &mut self.names,
            presence: &mut Presence::default(),
            unbound: Unbound::Create,
        };
        Ok(installer.bind_global(&Name::from("Processor"))?)
    }
}
