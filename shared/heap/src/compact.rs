//! Compaction: slides what is marked to the start of old space, in order of address (Lisp2).
//!
//! While it runs, each live object behind the first gap keeps the address it goes to in its first
//! slot; the slot's content waits in a list beside. Objects before the first gap do not move and
//! are not touched, so a mapped image stays shared where nothing died. Pinned objects stay, with a
//! free chunk in front: a gap is made of whole dead objects, so it is never too small for one.

use crate::access::{pointer_slot_count_at, slot_count_at};
use crate::address::Address;
use crate::collect::{CollectionReport, Roots};
use crate::heap::Heap;
use crate::mark::MarkBits;
use crate::scavenge::POISON;
use crate::space::{body_bytes, leading_bytes};
use imprint_model::header::{OVERFLOW_SLOTS, overflow_word};
use imprint_model::{Format, Header, Oop};

/// Where live objects go.
struct Plan {
    /// Objects below this do not move.
    first_moved: Address,
    /// First slots of the live objects behind it, in order of address.
    saved: Vec<u64>,
    /// The end of old space afterwards.
    end: Address,
    /// Free chunks in front of pinned objects.
    gaps: Vec<(Address, usize)>,
}

impl Heap {
    /// Slides marked objects together and sets every reference right.
    pub(crate) fn compact(
        &mut self,
        marks: MarkBits,
        roots: &mut dyn Roots,
        report: &mut CollectionReport,
    ) {
        debug_assert!(self.remembered.is_empty(), "young space is not empty");
        let mut plan = self.plan(&marks);
        if plan.first_moved < self.old.space.free {
            self.update_references(&marks, &mut plan, roots);
            move_objects(&marks, &plan);
        }
        plan.gaps
            .iter()
            .for_each(|(start, bytes)| make_free_chunk(*start, *bytes));
        report.freed_bytes = self.old.space.free.since(plan.end);
        if self.poisons() {
            plan.end.fill(report.freed_bytes / 8, POISON);
        }
        self.old.space.free = plan.end;
        report.given_back_bytes = self.old.shrink(&self.reserve).unwrap_or(0);
    }

    fn plan(&self, marks: &MarkBits) -> Plan {
        let mut plan = Plan {
            first_moved: self.old.space.free,
            saved: Vec::new(),
            end: self.old.space.start,
            gaps: Vec::new(),
        };
        marks.for_each(|address| plan.place(address));
        plan.first_moved = plan.first_moved.min(self.old.space.free);
        plan
    }

    fn update_references(&mut self, marks: &MarkBits, plan: &mut Plan, roots: &mut dyn Roots) {
        let target = Target {
            first_moved: plan.first_moved,
            end: self.old.space.free,
        };
        let mut visit = |oop: &mut Oop| *oop = target.of(*oop);
        roots.visit(&mut visit);
        self.visit_own_roots(&mut visit);
        self.classes
            .entries_mut()
            .for_each(|(_, class)| visit(class));
        self.symbols.update(&mut visit);
        let mut next_saved = 0;
        marks.for_each(|address| {
            if address < plan.first_moved {
                target.update(address, 0);
                return;
            }
            if pointer_slot_count_behind(address, plan.saved[next_saved]) > 0 {
                let first = &mut plan.saved[next_saved];
                *first = target.of(Oop::from_bits(*first)).bits();
            }
            target.update_rest(address, plan.saved[next_saved]);
            next_saved += 1;
        });
    }
}

impl Plan {
    /// Decides where the live object at `address` goes.
    fn place(&mut self, address: Address) {
        let slots = slot_count_at(address);
        let leading = leading_bytes(slots);
        let start = address.minus(leading);
        if address.header().is_pinned() && self.end < start {
            self.gaps.push((self.end, start.since(self.end)));
            self.end = start;
            self.begin_moving(address);
        }
        if self.end < start {
            self.begin_moving(address);
        }
        let to = self.end.plus(leading);
        self.end = self.end.plus(leading + body_bytes(slots));
        if address >= self.first_moved {
            self.saved.push(address.slot(0).load());
            address.slot(0).store(to.bits());
        }
    }

    fn begin_moving(&mut self, address: Address) {
        self.first_moved = self.first_moved.min(address);
    }
}

/// Where references lead after the move.
#[derive(Clone, Copy)]
struct Target {
    first_moved: Address,
    end: Address,
}

impl Target {
    #[inline(always)]
    fn of(self, oop: Oop) -> Oop {
        let address = Address::new(oop.bits());
        if oop.is_immediate() || address < self.first_moved || address >= self.end {
            return oop;
        }
        address.slot(0).load_oop()
    }

    /// Updates the slots of an object from `first` on.
    fn update(self, address: Address, first: usize) {
        self.update_slots(address, first, pointer_slot_count_at(address));
    }

    /// Updates all slots but the first, which is `saved`.
    fn update_rest(self, address: Address, saved: u64) {
        self.update_slots(address, 1, pointer_slot_count_behind(address, saved));
    }

    #[inline(always)]
    fn update_slots(self, address: Address, first: usize, count: usize) {
        for index in first..count {
            let slot = address.slot(index);
            let oop = slot.load_oop();
            let new = self.of(oop);
            if new != oop {
                slot.store(new.bits());
            }
        }
    }
}

/// Pointer slots of an object whose first slot was replaced and is `saved`: of code, that slot
/// says how many there are.
fn pointer_slot_count_behind(address: Address, saved: u64) -> usize {
    if !address.header().format().is_code() {
        return pointer_slot_count_at(address);
    }
    crate::access::code_pointer_slots(Oop::from_bits(saved), slot_count_at(address))
}

fn move_objects(marks: &MarkBits, plan: &Plan) {
    let mut saved = plan.saved.iter();
    marks.for_each(|address| {
        if address < plan.first_moved {
            return;
        }
        let first = *saved
            .next()
            .expect("each live object behind the gap was planned");
        let to = Address::new(address.slot(0).load());
        address.slot(0).store(first);
        let slots = slot_count_at(address);
        let leading = leading_bytes(slots);
        if to != address {
            let words = (leading + body_bytes(slots)) / 8;
            address.minus(leading).move_to(to.minus(leading), words);
        }
    });
}

/// Makes `bytes` from `start` one chunk that walks skip.
fn make_free_chunk(start: Address, bytes: usize) {
    let words = bytes / 8;
    if words - 1 < OVERFLOW_SLOTS as usize {
        return start.set_header(Header::new(words - 1, Format::WORDS_64, 0));
    }
    start.store(overflow_word(words - 2));
    start
        .plus(8)
        .set_header(Header::new(words - 2, Format::WORDS_64, 0).with_slots_byte(255));
}
