//! The cache of sends: what a selector means for a class.
//!
//! One table for all call sites, keyed by selector and class index. Each send has two places in it: what
//! is pushed out of its first one lives on in its second, so that two sends which run in turn do not push
//! each other out again and again. A super send is a send to an instance of the superclass, so it shares
//! the entries. What is entered here is what runs: marking rides on it (design D4). The caches of the call
//! sites themselves are filled from it; whatever makes an entry stale makes them stale too, so they are
//! told here.

use imprint_heap::Heap;
use imprint_model::Oop;

use crate::args::{ControlPrimitive, Primitive};
use crate::sites::Sites;

/// Number of entries; a power of two.
const ENTRIES: usize = 2048;
/// Brings the index of a class to bits that addresses of selectors do not differ in.
const CLASS_SHIFT: u32 = 40;
/// 2^64 by the golden ratio: spreads keys that differ in few bits (Knuth, The Art of Computer Programming,
/// volume 3, section 6.4).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// What a send does that found this entry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// Makes a frame.
    Activate,
    /// Tries a value primitive first.
    Value(Primitive),
    /// Tries a value primitive that may look at frames, or make the machine give them up.
    Watched(Primitive),
    /// Tries a control primitive first.
    Control(ControlPrimitive),
    /// Runs the receiver, a closure, where it takes these arguments; else as [`Action::Control`].
    Evaluate(ControlPrimitive),
    /// Answers the receiver.
    ReturnReceiver,
    /// Answers a constant.
    Return(Oop),
    /// Answers an instance variable of the receiver.
    ReturnField(u32),
    /// Answers a literal of the method: all that its code does.
    ReturnLiteral(u32),
    /// Answers the value of a binding among the method's literals: all that its code does.
    ReturnBinding(u32),
    /// Stores the argument into an instance variable and answers the receiver: all that the
    /// method's code does. Where the object must not be written, that code runs.
    StoreField(u32),
}

/// What a selector means for a class.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// The selector; zero bits in a free entry.
    pub selector: Oop,
    /// The index of the class where lookup began.
    pub class_index: u32,
    /// Temporaries besides the arguments.
    pub temps: u8,
    /// 1 where the first argument stands in for the receiver of the primitive.
    pub skip: u8,
    /// The method.
    pub method: Oop,
    /// Its first bytecode after the call of a primitive.
    pub pc: *const u8,
    /// What is done.
    pub action: Action,
}

impl Entry {
    const FREE: Entry = Entry {
        selector: Oop::from_bits(0),
        class_index: 0,
        temps: 0,
        skip: 0,
        method: Oop::from_bits(0),
        pc: std::ptr::null(),
        action: Action::Activate,
    };
}

/// The cache.
pub(crate) struct SendCache {
    entries: Box<[Entry; ENTRIES]>,
    /// The caches of the call sites.
    pub sites: Sites,
    /// How many variables methods name.
    pub named: VariablesNamed,
}

impl SendCache {
    /// An empty cache.
    pub fn new() -> SendCache {
        let entries = vec![Entry::FREE; ENTRIES].into_boxed_slice();
        let entries = entries.try_into().expect("the vector has that length");
        SendCache {
            entries,
            sites: Sites::new(),
            named: VariablesNamed::default(),
        }
    }

    /// The two places where a send may stand, which have nothing to do with each other.
    #[inline(always)]
    fn places(selector: Oop, class_index: u32) -> [usize; 2] {
        let key = selector.bits() ^ u64::from(class_index) << CLASS_SHIFT;
        let spread = key.wrapping_mul(SPREAD);
        let place = |bits: u32| (spread >> (64 - bits)) as usize & (ENTRIES - 1);
        [place(ENTRIES.ilog2()), place(2 * ENTRIES.ilog2())]
    }

    /// The entry where this send would stand; whether it does is for the caller to see.
    #[inline(always)]
    pub fn probe(&self, selector: Oop, class_index: u32) -> &Entry {
        let [first, second] = SendCache::places(selector, class_index);
        let entry = &self.entries[first];
        if entry.is_for(selector, class_index) {
            entry
        } else {
            &self.entries[second]
        }
    }

    /// Enters what a send means: in a place of its own that is free, else in its first, and what stood there
    /// goes to the other place that it has.
    pub fn fill(&mut self, entry: Entry) {
        let places = SendCache::places(entry.selector, entry.class_index);
        let is_free = |place: &usize| {
            let there = &self.entries[*place];
            there.selector.bits() == 0 || there.is_for(entry.selector, entry.class_index)
        };
        if let Some(place) = places.into_iter().find(is_free) {
            self.entries[place] = entry;
            return;
        }
        let before = std::mem::replace(&mut self.entries[places[0]], entry);
        let other = SendCache::places(before.selector, before.class_index)
            .into_iter()
            .find(|place| *place != places[0]);
        if let Some(other) = other {
            self.entries[other] = before;
        }
    }

    /// Forgets everything.
    pub fn flush(&mut self) {
        self.entries.fill(Entry::FREE);
        self.forget_code();
    }

    /// Forgets what was learned of code itself: some was written to.
    pub fn forget_code(&mut self) {
        self.sites.flush();
        self.named.flush();
    }

    /// Forgets the entries that `is_stale`, and all call sites.
    pub fn forget(&mut self, is_stale: impl FnMut(&Entry) -> bool) {
        self.sites.flush();
        self.forget_entries(is_stale);
    }

    /// Forgets what a scavenge may move.
    pub fn forget_young(&mut self, heap: &Heap) {
        self.sites.forget_young(heap);
        self.forget_entries(|entry| heap.is_young(entry.method) || heap.is_young(entry.selector));
    }

    fn forget_entries(&mut self, mut is_stale: impl FnMut(&Entry) -> bool) {
        let used = self
            .entries
            .iter_mut()
            .filter(|entry| entry.selector.bits() != 0);
        for entry in used {
            if is_stale(entry) {
                *entry = Entry::FREE;
            }
        }
    }
}

impl Entry {
    /// Whether it is the entry of this send.
    #[inline(always)]
    pub fn is_for(&self, selector: Oop, class_index: u32) -> bool {
        self.selector == selector && self.class_index == class_index
    }
}

/// Methods of which [`VariablesNamed`] knows; a power of two.
const NAMING: usize = 512;

/// How many variables methods name, so that it is not read in their code for each class that inherits them.
/// Only of methods that lie where no scavenge moves them.
pub(crate) struct VariablesNamed(Box<[(Oop, usize)]>);

impl Default for VariablesNamed {
    fn default() -> VariablesNamed {
        let free = (Oop::from_bits(0), 0);
        VariablesNamed(vec![free; NAMING].into_boxed_slice())
    }
}

impl VariablesNamed {
    fn place(method: Oop) -> usize {
        let spread = method.bits().wrapping_mul(SPREAD);
        (spread >> (64 - NAMING.ilog2())) as usize
    }

    /// So many variables, from the first on, a receiver of this method must have, where that is known.
    pub fn of(&self, method: Oop) -> Option<usize> {
        let (known, count) = self.0[VariablesNamed::place(method)];
        (known == method).then_some(count)
    }

    /// Notes how many it is.
    pub fn note(&mut self, method: Oop, count: usize) {
        self.0[VariablesNamed::place(method)] = (method, count);
    }

    fn flush(&mut self) {
        self.0.fill((Oop::from_bits(0), 0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(selector: u64, class_index: u32) -> Entry {
        Entry {
            selector: Oop::from_bits(selector << 4),
            class_index,
            ..Entry::FREE
        }
    }

    #[test]
    fn an_entry_is_found_by_selector_and_class_and_by_no_other() {
        let mut cache = SendCache::new();
        let made = entry(7, 51);
        cache.fill(made);
        assert!(cache.probe(made.selector, 51).is_for(made.selector, 51));
        assert!(!cache.probe(made.selector, 52).is_for(made.selector, 52));
        let other = Oop::from_bits(9 << 4);
        assert!(!cache.probe(other, 51).is_for(other, 51));
    }

    #[test]
    fn sends_whose_first_place_is_the_same_live_side_by_side() {
        let place = |entry: &Entry| SendCache::places(entry.selector, entry.class_index)[0];
        let first = entry(5, 51);
        let others = (6..).map(|selector| entry(selector, 51));
        let second = { others }.find(|it| place(it) == place(&first));
        let second = second.expect("places are few");
        let mut cache = SendCache::new();
        cache.fill(first);
        cache.fill(second);
        for it in [first, second] {
            assert!(cache.probe(it.selector, 51).is_for(it.selector, 51));
        }
    }

    #[test]
    fn nearly_all_sends_of_a_program_are_there_at_once() {
        let mut cache = SendCache::new();
        let sends: Vec<Entry> = (0..ENTRIES as u64 / 4)
            .map(|send| entry(2 * (send % 64), 51 + (send / 64) as u32))
            .collect();
        sends.iter().for_each(|it| cache.fill(*it));
        let known = { sends.iter() }.filter(|it| {
            cache
                .probe(it.selector, it.class_index)
                .is_for(it.selector, it.class_index)
        });
        let lost = sends.len() - known.count();
        assert!(lost * 20 <= sends.len(), "{lost} of {}", sends.len());
    }

    #[test]
    fn forgetting_spares_what_is_not_stale() {
        let mut cache = SendCache::new();
        let (kept, dropped) = (entry(3, 51), entry(4, 52));
        cache.fill(kept);
        cache.fill(dropped);
        cache.forget(|entry| entry.class_index == 52);
        assert!(cache.probe(kept.selector, 51).is_for(kept.selector, 51));
        assert!(
            !cache
                .probe(dropped.selector, 52)
                .is_for(dropped.selector, 52)
        );
        cache.flush();
        assert!(!cache.probe(kept.selector, 51).is_for(kept.selector, 51));
    }
}
