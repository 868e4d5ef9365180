//! The heap itself: its spaces, its roots, and how it is made.

use crate::address::Address;
use crate::class_table::ClassTable;
use crate::collect::Collection;
use crate::error::HeapError;
use crate::pauses::{PauseHistogram, Pauses};
use crate::reserve::{Reserve, round_to_pages};
use crate::scavenge::TENURE_AGE_MAX;
use crate::settings::{Collector, HeapSettings};
use crate::space::{Bump, Old, SEGMENT_BYTES, Young};
use crate::symbols::SymbolTable;
use crate::{LEADING_BYTES, PREFERRED_START};
use imprint_model::known::KNOWN_COUNT;
use imprint_model::{BytecodeSet, BytecodeSets, Known, Oop};
use std::collections::VecDeque;

/// An object memory.
#[derive(Debug)]
pub struct Heap {
    pub(crate) young: Young,
    /// The first address of young space: an object at or above it is young.
    pub(crate) young_start: u64,
    pub(crate) nil: Oop,
    pub(crate) true_object: Oop,
    pub(crate) false_object: Oop,
    pub(crate) special_objects: Oop,
    pub(crate) classes: ClassTable,
    pub(crate) old: Old,
    /// Old objects that hold, or lately held, a reference to a young one.
    pub(crate) remembered: Vec<Oop>,
    pub(crate) symbols: SymbolTable,
    /// Ephemerons whose key died, in the order in which that was noticed.
    pub(crate) mourners: VecDeque<Oop>,
    /// State of the generator of identity hashes.
    pub(crate) last_hash: u32,
    /// Bytes that may be taken from old space while eden is full: what [`Heap::reserve`] promised.
    pub(crate) spill_bytes: usize,
    /// Bytes of the large object that was refused last: a collection makes room for it.
    pub(crate) wanted_bytes: usize,
    /// Bytes of the object that old space refused last, at its limit.
    pub(crate) refused_old_bytes: usize,
    /// Survivals after which an object is tenured.
    pub(crate) tenure_age: u8,
    pub(crate) collections: CollectionCounts,
    pub(crate) scavenge_pauses: Pauses,
    pub(crate) full_pauses: Pauses,
    pub(crate) settings: HeapSettings,
    /// Whether objects may be here whose class has not come.
    pub(crate) is_partial: bool,
    /// What code is or was here.
    pub(crate) bytecode_sets: BytecodeSets,
    pub(crate) reserve: Reserve,
}

/// How often and how long a heap was collected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CollectionCounts {
    /// Scavenges, also those that began a full collection.
    pub scavenges: u64,
    /// Full collections.
    pub fulls: u64,
    /// Microseconds spent in scavenges.
    pub scavenge_micros: u64,
    /// Microseconds spent in full collections.
    pub full_micros: u64,
    /// Bytes that moved from young to old space.
    pub tenured_bytes: u64,
}

/// Bytes in use, by space.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Old space, with what is dead in it.
    pub old_bytes: usize,
    /// Old space that is committed.
    pub old_committed_bytes: usize,
    /// Eden and survivors.
    pub young_bytes: usize,
    /// The size of eden.
    pub eden_bytes: usize,
    /// The limit of old space.
    pub limit_bytes: usize,
}

impl Heap {
    /// An empty heap: no objects at all. Its builder makes nil, false and true first and names
    /// them with [`Heap::set_singletons`].
    ///
    /// # Errors
    /// [`HeapError::System`] where the system refuses address space or memory.
    pub fn new(settings: HeapSettings) -> Result<Heap, HeapError> {
        let reserve = reserve_for(&settings, PREFERRED_START)?;
        let base = reserve.start().plus(LEADING_BYTES);
        let first_end = reserve.start().plus(round_to_pages(SEGMENT_BYTES));
        reserve.commit(reserve.start(), first_end)?;
        let old = Bump {
            start: base,
            free: base,
            limit: first_end,
        };
        Heap::with_old(reserve, old, settings)
    }

    /// A heap around an old space that is already filled.
    pub(crate) fn with_old(
        reserve: Reserve,
        old: Bump,
        settings: HeapSettings,
    ) -> Result<Heap, HeapError> {
        let young_bytes = Young::total_bytes(settings.eden_bytes);
        let young_at = reserve.end().minus(young_bytes);
        reserve.commit(young_at, reserve.end())?;
        let zero = Oop::from_bits(0);
        let mut heap = Heap {
            young: Young::at(young_at, settings.eden_bytes),
            young_start: young_at.bits(),
            nil: zero,
            true_object: zero,
            false_object: zero,
            special_objects: zero,
            classes: ClassTable::default(),
            old: Old {
                space: old,
                reserve_end: young_at,
                limit_bytes: settings.limit_bytes,
                threshold: 0,
            },
            remembered: Vec::new(),
            symbols: SymbolTable::default(),
            mourners: VecDeque::new(),
            last_hash: 1,
            spill_bytes: 0,
            wanted_bytes: 0,
            refused_old_bytes: 0,
            tenure_age: TENURE_AGE_MAX,
            collections: CollectionCounts::default(),
            scavenge_pauses: Pauses::default(),
            full_pauses: Pauses::default(),
            settings,
            is_partial: false,
            bytecode_sets: BytecodeSets::default(),
            reserve,
        };
        heap.set_threshold();
        Ok(heap)
    }

    /// Has the system give the memory of young space now, and not page by page while a program runs.
    pub fn touch_young(&self) {
        let start = Address::new(self.young_start);
        self.reserve.touch(start, self.reserve.end());
    }

    /// Decides when the next full collection is due.
    pub(crate) fn set_threshold(&mut self) {
        let used = self.old.space.used();
        let growth = if self.has_lent() {
            // What was lent is to come back soon.
            emergency_bytes(&self.settings) / 4
        } else {
            self.settings.headroom_bytes.max(used / 2)
        };
        self.old.threshold = used.saturating_add(growth);
    }

    /// Names the three objects that everything else refers to. They must be old.
    pub fn set_singletons(&mut self, nil: Oop, false_object: Oop, true_object: Oop) {
        debug_assert!(!self.is_young(nil), "nil must be old");
        self.nil = nil;
        self.false_object = false_object;
        self.true_object = true_object;
    }

    /// The bytecode sets of all code that was loaded or made here.
    #[inline]
    pub fn bytecode_sets(&self) -> BytecodeSets {
        self.bytecode_sets
    }

    /// There is code of this set now.
    pub fn note_bytecodes(&mut self, set: BytecodeSet) {
        self.bytecode_sets.add(set);
    }

    /// From now on objects may be here whose class has not come: their header names it by its
    /// index all the same. So it is in the heap of a slave, and in a slim image.
    pub fn allow_absent_classes(&mut self) {
        self.is_partial = true;
    }

    /// Whether objects may be here whose class has not come.
    pub fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// nil.
    #[inline(always)]
    pub fn nil(&self) -> Oop {
        self.nil
    }

    /// true.
    #[inline(always)]
    pub fn true_object(&self) -> Oop {
        self.true_object
    }

    /// false.
    #[inline(always)]
    pub fn false_object(&self) -> Oop {
        self.false_object
    }

    /// true or false.
    #[inline(always)]
    pub fn boolean(&self, value: bool) -> Oop {
        if value {
            self.true_object
        } else {
            self.false_object
        }
    }

    /// The special objects array; zero bits before there is one.
    #[inline(always)]
    pub fn special_objects(&self) -> Oop {
        self.special_objects
    }

    /// Replaces the special objects array.
    pub fn set_special_objects(&mut self, array: Oop) {
        debug_assert!(self.slot_count(array) >= KNOWN_COUNT, "array too short");
        self.special_objects = array;
    }

    /// A known object; nil where the array is absent or shorter than that.
    #[inline(always)]
    pub fn known(&self, known: Known) -> Oop {
        let array = self.special_objects;
        if array.bits() == 0 || known.index() >= self.slot_count(array) {
            return self.nil;
        }
        self.slot(array, known.index())
    }

    /// Replaces a known object. There must be a special objects array.
    pub fn set_known(&mut self, known: Known, value: Oop) {
        self.store(self.special_objects, known.index(), value);
    }

    /// Sets the stress for tests from now on.
    pub fn set_zeal(&mut self, zeal: Option<crate::settings::Zeal>) {
        self.settings.zeal = zeal;
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &HeapSettings {
        &self.settings
    }

    /// Chooses another collector: a heap that was filled under the null collector is collected
    /// from now on.
    pub fn set_collector(&mut self, collector: Collector) {
        self.settings.collector = collector;
        self.set_threshold();
    }

    /// The state of the generator of identity hashes (`lastHash` in an image's header).
    pub fn last_hash(&self) -> u32 {
        self.last_hash
    }

    /// Sets the state of the generator of identity hashes.
    pub fn set_last_hash(&mut self, last_hash: u32) {
        self.last_hash = if last_hash == 0 { 1 } else { last_hash };
    }

    /// The address of the first object: what ids are counted from.
    pub fn base(&self) -> u64 {
        self.old.space.start.bits()
    }

    /// The address after the last old object.
    pub fn old_end(&self) -> u64 {
        self.old.space.free.bits()
    }

    /// Bytes in use.
    pub fn usage(&self) -> Usage {
        Usage {
            old_bytes: self.old.space.used(),
            old_committed_bytes: self.old.space.capacity(),
            young_bytes: self.young.used(),
            eden_bytes: self.young.eden_bytes,
            limit_bytes: self.old.limit_bytes,
        }
    }

    /// How often and how long it was collected.
    pub fn collection_counts(&self) -> CollectionCounts {
        self.collections
    }

    /// How long collections of a kind took; the scavenge that begins a full one is part of it.
    pub fn pauses(&self, kind: Collection) -> &PauseHistogram {
        &self.pauses_by_clocks(kind).wall
    }

    /// As [`Heap::pauses`], by the time that they had of a processor: what they would take on a
    /// computer that does nothing else.
    pub fn processor_pauses(&self, kind: Collection) -> &PauseHistogram {
        &self.pauses_by_clocks(kind).processor
    }

    fn pauses_by_clocks(&self, kind: Collection) -> &Pauses {
        match kind {
            Collection::Scavenge => &self.scavenge_pauses,
            Collection::Full => &self.full_pauses,
        }
    }

    /// Bytes that may still be made old before the limit.
    pub fn free_bytes(&self) -> usize {
        let used = self.old.space.used() + self.young.used();
        self.old.limit_bytes.saturating_sub(used)
    }

    /// Puts the limit up a little, so that whoever is told that memory is out can handle it; the
    /// next full collection after which everything fits takes the loan back. Answers whether there
    /// was something to lend.
    pub fn lend_reserve(&mut self) -> bool {
        let is_lent = self.has_lent();
        if !is_lent {
            self.old.limit_bytes += emergency_bytes(&self.settings);
            self.refused_old_bytes = 0;
            self.wanted_bytes = 0;
            self.set_threshold();
        }
        !is_lent
    }

    /// Whether what lives in old space exceeds the limit: the collector may go beyond it by the
    /// size of young space.
    pub fn is_over_limit(&self) -> bool {
        self.old.space.used() > self.old.limit_bytes
    }

    /// Whether the limit is up by what [`Heap::lend_reserve`] lent.
    pub fn has_lent(&self) -> bool {
        self.old.limit_bytes > self.settings.limit_bytes
    }

    /// Takes back what [`Heap::lend_reserve`] lent, if everything fits without it.
    pub(crate) fn reclaim_reserve(&mut self) {
        if self.old.space.used() <= self.settings.limit_bytes {
            self.old.limit_bytes = self.settings.limit_bytes;
        }
    }

    /// Raises the limit of old space's next full collection by `bytes`, and commits them.
    ///
    /// # Errors
    /// [`HeapError::LimitReached`] at the limit of the settings; [`HeapError::System`] where the
    /// system refuses.
    pub fn grow(&mut self, bytes: usize) -> Result<(), HeapError> {
        if !self.old.is_below_limit(bytes) {
            return Err(HeapError::LimitReached {
                limit: self.old.limit_bytes,
            });
        }
        self.old.ensure(&self.reserve, bytes)?;
        let wanted = self.old.space.used().saturating_add(bytes);
        self.old.threshold = self.old.threshold.max(wanted);
        Ok(())
    }

    /// The next ephemeron whose key died, for primitive 172.
    pub fn next_mourner(&mut self) -> Option<Oop> {
        self.mourners.pop_front()
    }

    /// Whether an object is in young space.
    #[inline(always)]
    pub fn is_young(&self, oop: Oop) -> bool {
        oop.is_object() && oop.bits() >= self.young_start
    }

    /// Whether a word is the address of a place where an object of this heap may lie.
    #[inline(always)]
    pub fn contains(&self, oop: Oop) -> bool {
        let address = Address::new(oop.bits());
        let old = address >= self.old.space.start && address < self.old.space.free;
        let young = address.bits() >= self.young_start && address < self.reserve.end();
        oop.is_object() && (old || young)
    }
}

/// Reserves the range of a heap with these settings: old space, what is lent at its limit, room for
/// one more scavenge than the limit allows, young space.
pub(crate) fn reserve_for(settings: &HeapSettings, preferred: u64) -> Result<Reserve, HeapError> {
    let young = Young::total_bytes(settings.eden_bytes);
    let most = settings.limit_bytes + emergency_bytes(settings);
    let old = round_to_pages(most + young + 2 * SEGMENT_BYTES);
    Reserve::new(preferred, old + young)
}

/// What is kept for handling the end of memory: a sixteenth, but enough for a stack and little
/// beside what a large heap has; and what a scavenge may have made old beyond the limit.
fn emergency_bytes(settings: &HeapSettings) -> usize {
    let share = (settings.limit_bytes / 16).clamp(SEGMENT_BYTES, 16 * SEGMENT_BYTES);
    share + Young::total_bytes(settings.eden_bytes)
}
