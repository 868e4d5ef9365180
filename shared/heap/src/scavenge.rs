//! The scavenger: copies what lives in eden and the past survivor space into the next one, or into
//! old space when it is old enough or there is no room (Cheney's algorithm with two scan
//! pointers).
//!
//! Age is kept in two header bits that Spur leaves unused; a tenured object has both clear. A
//! corpse is a forwarder to its copy, so references to corpses and to what `become:` left behind
//! are resolved by the same loop.

use crate::access::{pointer_slot_count_at, slot_count_at};
use crate::address::Address;
use crate::becoming::holds_young;
use crate::collect::{CollectionReport, Roots};
use crate::heap::Heap;
use crate::iterate::header_address;
use crate::space::{body_bytes, leading_bytes};
use imprint_model::{ClassIndex, Format, Header, Oop};

/// Survivals after which an object is tenured when survivors are few.
pub(crate) const TENURE_AGE_MAX: u8 = 3;
/// What freed memory is filled with under zeal: no oop, and no address that is mapped.
pub(crate) const POISON: u64 = 0x6B6B_6B6B_6B6B_6B68;

const AGE_LOW: u64 = 1 << 22;
const AGE_HIGH: u64 = 1 << 54;

/// How many scavenges an object has survived, 3 at most.
#[inline(always)]
fn age(header: Header) -> u8 {
    let bits = header.bits();
    u8::from(bits & AGE_LOW != 0) + 2 * u8::from(bits & AGE_HIGH != 0)
}

#[inline(always)]
fn with_age(header: Header, age: u8) -> Header {
    let mut bits = header.bits() & !(AGE_LOW | AGE_HIGH);
    if age & 1 != 0 {
        bits |= AGE_LOW;
    }
    if age & 2 != 0 {
        bits |= AGE_HIGH;
    }
    Header::from_bits(bits)
}

/// A scavenge under way.
pub(crate) struct Scavenger<'heap> {
    pub(crate) heap: &'heap mut Heap,
    tenures_all: bool,
    next_scan: Address,
    old_scan: Address,
    /// Weak objects whose indexed slots are to be looked at in the end.
    pub(crate) weaklings: Vec<Oop>,
    /// Ephemerons whose key was not reached yet.
    pub(crate) ephemerons: Vec<Oop>,
    tenured_bytes: usize,
}

impl Heap {
    /// Empties eden and the past survivor space. Old space has room for all of young space.
    pub(crate) fn scavenge(
        &mut self,
        tenures_all: bool,
        roots: &mut dyn Roots,
        report: &mut CollectionReport,
    ) {
        let mut scavenger = Scavenger {
            tenures_all,
            next_scan: self.young.next.start,
            old_scan: self.old.space.free,
            heap: self,
            weaklings: Vec::new(),
            ephemerons: Vec::new(),
            tenured_bytes: 0,
        };
        scavenger.run(roots, report);
        let tenured_bytes = scavenger.tenured_bytes;
        self.finish_scavenge();
        if !tenures_all {
            let survived_bytes = self.young.past.used();
            self.young.size_eden(survived_bytes + tenured_bytes);
        }
        report.survived_bytes = self.young.past.used();
    }

    fn finish_scavenge(&mut self) {
        let young = &mut self.young;
        if self.settings.zeal.is_some_and(|zeal| zeal.poison) {
            young.eden.start.fill(young.eden.capacity() / 8, POISON);
            young.past.start.fill(young.past.capacity() / 8, POISON);
        }
        std::mem::swap(&mut young.past, &mut young.next);
        young.next.free = young.next.start;
        young.eden.free = young.eden.start;
        let is_crowded = young.past.used() * 2 > young.past.capacity();
        self.tenure_age = if is_crowded { 1 } else { TENURE_AGE_MAX };
    }
}

impl Scavenger<'_> {
    fn run(&mut self, roots: &mut dyn Roots, report: &mut CollectionReport) {
        self.visit_tables();
        self.visit_own();
        roots.visit(&mut |oop| self.visit(oop));
        self.scan_remembered();
        self.scan_to_the_end();
        report.mourners += self.settle_ephemerons();
        report.weak_slots_cleared += self.settle_weaklings();
        report.tenured_bytes += self.tenured_bytes;
    }

    fn visit_own(&mut self) {
        let mut own = Vec::new();
        self.heap.visit_own_roots(|oop| own.push(*oop));
        own.iter_mut().for_each(|oop| self.visit(oop));
        let mut copies = own.into_iter();
        self.heap
            .visit_own_roots(|oop| *oop = copies.next().unwrap_or(*oop));
    }

    /// Classes come first: the shape of weak objects is read through the table.
    fn visit_tables(&mut self) {
        if self.heap.classes.has_young {
            let mut classes = std::mem::take(&mut self.heap.classes);
            classes
                .entries_mut()
                .for_each(|(_, class)| self.visit(class));
            let has_young = classes
                .entries()
                .any(|(_, class)| self.heap.is_young(class));
            classes.has_young = has_young;
            self.heap.classes = classes;
        }
        if self.heap.symbols.has_young {
            let mut symbols = std::mem::take(&mut self.heap.symbols);
            symbols.update(|symbol| self.visit(symbol));
            let has_young = symbols.iter().any(|symbol| self.heap.is_young(symbol));
            symbols.has_young = has_young;
            self.heap.symbols = symbols;
        }
    }

    #[inline(always)]
    fn visit(&mut self, oop: &mut Oop) {
        if self.is_from(*oop) {
            *oop = self.copy(*oop);
        }
    }

    /// Whether an oop is an object in the space that is being emptied.
    #[inline(always)]
    fn is_from(&self, oop: Oop) -> bool {
        self.heap.is_young(oop) && !self.heap.young.next.contains(Address::new(oop.bits()))
    }

    /// The copy of an object of from-space, made now where there is none.
    #[inline(always)]
    fn copy(&mut self, oop: Oop) -> Oop {
        let address = Address::of(oop);
        let header = address.header();
        if header.format().is_forwarder() {
            return self.copy_of_forwarded(address);
        }
        let slots = slot_count_at(address);
        let leading = leading_bytes(slots);
        let bytes = leading + body_bytes(slots);
        let age = age(header);
        let is_old = self.tenures_all || age >= self.heap.tenure_age;
        let survivor = if is_old {
            None
        } else {
            self.heap.young.next.take(bytes)
        };
        let (to, header) = match survivor {
            Some(to) => (to, with_age(header, (age + 1).min(TENURE_AGE_MAX))),
            None => (self.take_old(bytes), with_age(header, 0)),
        };
        address.minus(leading).copy_to(to, bytes / 8);
        let copy = to.plus(leading);
        copy.set_header(header);
        leave_corpse(address, copy.oop());
        copy.oop()
    }

    #[cold]
    fn copy_of_forwarded(&mut self, address: Address) -> Oop {
        let target = address.slot(0).load_oop();
        if !self.is_from(target) {
            return target;
        }
        let copy = self.copy(target);
        address.slot(0).store(copy.bits());
        copy
    }

    fn take_old(&mut self, bytes: usize) -> Address {
        self.tenured_bytes += bytes;
        let taken = self.heap.old.space.take(bytes);
        taken.expect("room for all of young space was ensured before")
    }

    /// The copy of an object, if it was reached; an object outside from-space is its own.
    pub(crate) fn survivor(&self, oop: Oop) -> Option<Oop> {
        let mut oop = oop;
        while self.is_from(oop) {
            let address = Address::of(oop);
            if !address.header().format().is_forwarder() {
                return None;
            }
            oop = address.slot(0).load_oop();
        }
        Some(oop)
    }

    /// Scans copies until all that they refer to is copied.
    pub(crate) fn scan_to_the_end(&mut self) {
        loop {
            while self.next_scan < self.heap.young.next.free {
                let address = header_address(self.next_scan);
                self.next_scan = address.plus(body_bytes(slot_count_at(address)));
                self.scan(address);
            }
            if self.old_scan == self.heap.old.space.free {
                return;
            }
            let address = header_address(self.old_scan);
            self.old_scan = address.plus(body_bytes(slot_count_at(address)));
            self.scan_old(address);
        }
    }

    fn scan_remembered(&mut self) {
        for oop in std::mem::take(&mut self.heap.remembered) {
            let address = Address::of(oop);
            address.set_header(address.header().with_remembered(false));
            self.scan_old(address);
        }
    }

    /// Scans an object in old space, and remembers it if it holds a young one afterwards. Those
    /// that wait for the end are looked at again then.
    fn scan_old(&mut self, address: Address) {
        if self.scan(address) {
            self.heap.remember(address.oop());
        }
    }

    /// Visits the strong slots of an object; answers whether one holds a young object now.
    #[inline(always)]
    fn scan(&mut self, address: Address) -> bool {
        let format = address.header().format();
        if format.is_raw() {
            return false;
        }
        if format.is_weak() {
            return self.scan_weak(address);
        }
        if format.is_ephemeron() && self.defers_ephemeron(address) {
            return false;
        }
        self.scan_slots(address, pointer_slot_count_at(address))
    }

    #[inline(always)]
    pub(crate) fn scan_slots(&mut self, address: Address, count: usize) -> bool {
        let mut has_young = false;
        for index in 0..count {
            let slot = address.slot(index);
            let oop = slot.load_oop();
            if oop.is_immediate() || oop.bits() < self.heap.young_start {
                continue;
            }
            let copy = if self.is_from(oop) {
                self.copy(oop)
            } else {
                oop
            };
            slot.store(copy.bits());
            has_young |= self.heap.is_young(copy);
        }
        has_young
    }

    fn scan_weak(&mut self, address: Address) -> bool {
        self.weaklings.push(address.oop());
        let fixed = self.heap.fixed_fields(address.oop());
        self.scan_slots(address, fixed)
    }

    /// Puts an ephemeron aside if its key was not reached yet.
    fn defers_ephemeron(&mut self, address: Address) -> bool {
        if slot_count_at(address) == 0 || self.survivor(address.slot(0).load_oop()).is_some() {
            return false;
        }
        self.ephemerons.push(address.oop());
        true
    }

    /// Remembers an old object whose slots were settled in the end, if it holds a young one.
    pub(crate) fn remember_if_needed(&mut self, oop: Oop) {
        let is_old = !self.heap.is_young(oop);
        if is_old && holds_young(Address::of(oop), self.heap.young_start) {
            self.heap.remember(oop);
        }
    }
}

/// Turns an object into a forwarder to its copy.
#[inline(always)]
fn leave_corpse(address: Address, copy: Oop) {
    let header = address.header();
    let corpse = header
        .with_format(Format::FORWARDER)
        .with_class_index(ClassIndex::FORWARDER);
    address.set_header(corpse);
    address.slot(0).store(copy.bits());
}
