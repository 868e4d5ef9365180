//! The caches of call sites: what the send at a place meant for a class the last time.
//!
//! Bytecodes lie in the image and are not rewritten, so the caches lie beside them, in one table
//! keyed by the address of the sending bytecode and the class of the receiver. So the selector is
//! not read, and a place that sees many classes has an entry for each. A super send means the same
//! for every receiver and has one entry, under [`SUPER`].
//!
//! The first class that comes to a place has its entry where the address alone says, so that what a send
//! does is fetched while the class is still on its way; all others lie in one of two positions that address
//! and class say.
//!
//! ```text
//!  send ──> its site ──> what it does                              (this table)
//!             │ unknown, also under the class
//!             └──> selector and class in the table of all sends ──> settled here   (`cache`)
//!                       │ unknown
//!                       └──> lookup, which marks                                    (`lookup`)
//! ```
//!
//! A site is only ever filled from an entry of the table of all sends, so whatever keeps that one
//! right (marking, epochs, settings) holds here too; where an entry is dropped there, all sites are.

use imprint_heap::Heap;
use imprint_model::Oop;
use imprint_model::layout::association;

use crate::args::{Args, Primitive};
use crate::cache::{Action, Entry};
use crate::handlers::closure;
use crate::machine::Vm;
use crate::stack::Registers;

/// Number of entries; a power of two, and what an index of 16 bits reaches.
const SITES: usize = 4096;
/// Spreads classes, whose indices are close together, over places, which are close together too.
const SPREAD: usize = 0x9E5;
/// Stands for the class of every receiver; greater than any index of a class.
pub(crate) const SUPER: u32 = u32::MAX;

/// What a send at a site does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Deed {
    /// Makes a frame of the method `oop`, with few temporaries.
    Activate,
    /// Makes a frame of the method `oop`, with more temporaries.
    ActivateLarge,
    /// Answers the instance variable `index` of the receiver.
    Field,
    /// Stores the argument into the instance variable `index` and answers the receiver.
    StoreField,
    /// Answers the receiver.
    Receiver,
    /// Answers `oop`.
    Constant,
    /// Answers the value of the binding `oop`.
    Binding,
    /// Runs the receiver, a closure.
    Evaluate,
    /// Calls the value primitive that has the number `index` in [`Sites`].
    Primitive,
    /// What is not done here.
    Other,
}

/// What the send at a place means for a class. Half a line of the processor's cache.
#[derive(Clone, Copy, Debug)]
struct Site {
    /// The sending bytecode; null in a free entry.
    place: *const u8,
    /// Index of the receiver's class.
    class_index: u32,
    deed: Deed,
    /// Of a frame, temporaries besides the arguments; of a primitive, 1 where the first argument
    /// stands in for its receiver.
    extra: u8,
    /// See [`Deed`].
    index: u16,
    /// See [`Deed`].
    oop: Oop,
    /// The first bytecode of a frame.
    pc: *const u8,
}

const _: () = assert!(size_of::<Site>() == 32);

impl Site {
    const FREE: Site = Site {
        place: std::ptr::null(),
        class_index: 0,
        deed: Deed::Other,
        extra: 0,
        index: 0,
        oop: Oop::from_bits(0),
        pc: std::ptr::null(),
    };

    /// The site of a send at `place` that means what `entry` says.
    fn of(entry: &Entry, place: *const u8, class_index: u32, heap: &Heap) -> Site {
        let free = Site {
            place,
            class_index,
            oop: entry.method,
            ..Site::FREE
        };
        let indexed = |deed, index: u32| match u16::try_from(index) {
            Ok(index) => Site {
                deed,
                index,
                ..free
            },
            Err(_) => free,
        };
        let literal = |deed, index: u32| {
            let oop = heap.literal(entry.method, index as usize);
            // What stands for an absent object is replaced in the method only.
            let is_here = !oop.is_ghost();
            if is_here {
                Site { deed, oop, ..free }
            } else {
                free
            }
        };
        match entry.action {
            Action::Activate => Site {
                deed: if usize::from(entry.temps) <= Registers::FEW_TEMPS {
                    Deed::Activate
                } else {
                    Deed::ActivateLarge
                },
                extra: entry.temps,
                pc: entry.pc,
                ..free
            },
            Action::ReturnField(index) => indexed(Deed::Field, index),
            Action::StoreField(index) => indexed(Deed::StoreField, index),
            Action::ReturnReceiver => indexed(Deed::Receiver, 0),
            Action::Return(oop) => Site {
                deed: Deed::Constant,
                oop,
                ..free
            },
            Action::ReturnLiteral(index) => literal(Deed::Constant, index),
            Action::ReturnBinding(index) => literal(Deed::Binding, index),
            Action::Evaluate(_) => indexed(Deed::Evaluate, 0),
            // Its number is for the table of sites to give.
            Action::Value(_) => Site {
                deed: Deed::Primitive,
                extra: entry.skip,
                ..free
            },
            Action::Watched(_) | Action::Control(_) => free,
        }
    }

    /// Whether a scavenge may move what it names, or the method in which it lies.
    fn is_young(&self, heap: &Heap) -> bool {
        let word_of_place = Oop::from_bits(self.place as u64 & !7);
        heap.is_young(word_of_place) || heap.is_young(self.oop)
    }
}

/// The caches of all call sites.
pub(crate) struct Sites {
    entries: Box<[Site; SITES]>,
    /// Which of its two positions a site takes where others have both: each in its turn.
    turn: usize,
    /// Positions of all entries that are not free. So forgetting costs what was learned.
    filled: Vec<u16>,
    /// Whether entries may name an object, or lie in a method, which the next scavenge moves.
    has_young: bool,
    /// The value primitives that were met: what a site names by a number, to be small.
    primitives: Vec<Primitive>,
}

impl Sites {
    /// No site.
    pub fn new() -> Sites {
        let entries = vec![Site::FREE; SITES].into_boxed_slice();
        let entries = entries.try_into().expect("the vector has that length");
        Sites {
            entries,
            turn: 0,
            filled: Vec::new(),
            has_young: false,
            primitives: Vec::new(),
        }
    }

    /// Where the first class that came to a place has its entry: known before the class is.
    #[inline(always)]
    fn near(place: *const u8) -> usize {
        place as usize & (SITES - 1)
    }

    /// Where any other class has its entry.
    #[inline(always)]
    fn far(place: *const u8, class_index: u32) -> usize {
        (place as usize ^ (class_index as usize).wrapping_mul(SPREAD)) & (SITES - 1)
    }

    /// The position, where the site of this send is there.
    #[inline(always)]
    fn found(&self, position: usize, place: *const u8, class_index: u32) -> Option<usize> {
        let site = self.at(position);
        let is_it = (site.place == place) & (site.class_index == class_index);
        is_it.then_some(position)
    }

    /// The position of a send's site, where it is the first of its place.
    #[inline(always)]
    pub fn first(&self, place: *const u8, class_index: u32) -> Option<usize> {
        self.found(Sites::near(place), place, class_index)
    }

    /// The position of a send's site, where it is not the first of its place.
    #[inline(always)]
    pub fn another(&self, place: *const u8, class_index: u32) -> Option<usize> {
        let far = Sites::far(place, class_index);
        let found = self.found(far, place, class_index);
        found.or_else(|| self.found(far ^ 1, place, class_index))
    }

    #[inline(always)]
    fn at(&self, position: usize) -> &Site {
        &self.entries[position & (SITES - 1)]
    }

    fn is_known(&self, place: *const u8, class_index: u32) -> bool {
        let known = self.first(place, class_index);
        known.or(self.another(place, class_index)).is_some()
    }

    fn fill(&mut self, site: Site, heap: &Heap) {
        let near = Sites::near(site.place);
        let far = Sites::far(site.place, site.class_index);
        let is_free = |position: &usize| {
            let entry = &self.entries[*position];
            entry.place.is_null()
                || entry.place == site.place && entry.class_index == site.class_index
        };
        let position = [near, far, far ^ 1].into_iter().find(is_free);
        self.turn ^= 1;
        let position = position.unwrap_or(far ^ self.turn);
        let entry = &mut self.entries[position];
        if entry.place.is_null() {
            self.filled.push(position as u16);
        }
        *entry = site;
        self.has_young |= site.is_young(heap);
    }

    /// The number of a value primitive.
    fn number(&mut self, primitive: Primitive) -> u16 {
        let met = &mut self.primitives;
        let known = met
            .iter()
            .position(|other| std::ptr::fn_addr_eq(*other, primitive));
        let position = known.unwrap_or_else(|| {
            met.push(primitive);
            met.len() - 1
        });
        u16::try_from(position).expect("there are fewer primitives than that")
    }

    /// Forgets everything.
    pub fn flush(&mut self) {
        for position in self.filled.drain(..) {
            self.entries[usize::from(position)] = Site::FREE;
        }
        self.has_young = false;
    }

    /// Forgets what a scavenge may move.
    pub fn forget_young(&mut self, heap: &Heap) {
        if !std::mem::take(&mut self.has_young) {
            return;
        }
        let entries = &mut self.entries;
        self.filled.retain(|position| {
            let entry = &mut entries[usize::from(*position)];
            let is_young = entry.is_young(heap);
            if is_young {
                *entry = Site::FREE;
            }
            !is_young
        });
    }
}

/// Does the send at the pc, whose site is at `position`, where that makes a small frame, or does one of the
/// two other things that sends do most.
#[inline(always)]
pub(crate) fn act(
    vm: &mut Vm,
    r: &mut Registers,
    position: usize,
    arguments: usize,
    length: usize,
) -> bool {
    let site = vm.cache.sites.at(position);
    if site.deed == Deed::Activate {
        if !r.has_room() | (vm.countdown <= 1) {
            return false;
        }
        r.advance(length);
        let temps = usize::from(site.extra);
        r.push_small_frame(site.oop, arguments, temps, vm.heap.nil(), site.pc);
        vm.countdown -= 1;
        return true;
    }
    let value = if site.deed == Deed::Field {
        vm.heap.slot(r.operand(arguments), usize::from(site.index))
    } else if site.deed == Deed::Constant {
        site.oop
    } else {
        return false;
    };
    replace_operands(r, value, arguments, length);
    true
}

/// Does the send at the pc, whose site is at `position`, where that makes no frame and calls nothing.
#[inline(always)]
pub(crate) fn answer(
    vm: &mut Vm,
    r: &mut Registers,
    position: usize,
    arguments: usize,
    length: usize,
) -> bool {
    let site = vm.cache.sites.at(position);
    let receiver = r.operand(arguments);
    let value = match site.deed {
        Deed::StoreField if !vm.heap.header(receiver).is_read_only() => {
            let index = usize::from(site.index);
            if !vm.heap.store_quickly(receiver, index, r.top()) {
                return false;
            }
            receiver
        }
        Deed::Receiver => receiver,
        Deed::Binding => vm.heap.slot(site.oop, association::VALUE),
        _ => return false,
    };
    replace_operands(r, value, arguments, length);
    true
}

#[inline(always)]
fn replace_operands(r: &mut Registers, value: Oop, arguments: usize, length: usize) {
    r.drop(arguments);
    r.set_top(value);
    r.advance(length);
}

/// Does the send at the pc, whose site is at `position`, where that makes a large frame, runs a closure, or
/// calls a value primitive that succeeds. One that fails has no effect, and whoever sends then calls it
/// again.
#[inline(always)]
pub(crate) fn answer_at_length(
    vm: &mut Vm,
    r: &mut Registers,
    position: usize,
    arguments: usize,
    length: usize,
) -> bool {
    let site = vm.cache.sites.at(position);
    match site.deed {
        Deed::Evaluate => closure::evaluate_quickly(vm, r, arguments, length),
        Deed::ActivateLarge if r.has_room() && vm.countdown > 1 => {
            r.advance(length);
            let temps = usize::from(site.extra);
            r.push_frame(site.oop, arguments, temps, vm.heap.nil(), site.pc);
            vm.countdown -= 1;
            true
        }
        Deed::Primitive => {
            let skip = usize::from(site.extra);
            let first = vm.stack.index_of(r.sp) - arguments + skip;
            let args = Args::with_skip(first, arguments - skip, site.extra);
            let primitive = vm.cache.sites.primitives[usize::from(site.index)];
            let Some(value) = succeed(vm, primitive, args) else {
                return false;
            };
            replace_operands(r, value, arguments, length);
            true
        }
        _ => false,
    }
}

/// The answer of a primitive. Its failure, a large value, stays in this frame.
#[inline(never)]
fn succeed(vm: &mut Vm, primitive: Primitive, args: Args) -> Option<Oop> {
    primitive(vm, args).ok()
}

/// Lets the site of the send at the pc know what `selector` does for a class in the table of all
/// sends; answers whether the site has learned something. It is found for `class_index` then.
#[inline(never)]
pub(crate) fn settle(
    vm: &mut Vm,
    r: &Registers,
    class_index: u32,
    selector: Oop,
    looked_up_in: u32,
) -> bool {
    let is_known = vm.cache.sites.is_known(r.pc, class_index);
    let entry = vm.cache.probe(selector, looked_up_in);
    if is_known || !entry.is_for(selector, looked_up_in) {
        return false;
    }
    let entry = *entry;
    let mut site = Site::of(&entry, r.pc, class_index, &vm.heap);
    if let Action::Value(primitive) = entry.action {
        site.index = vm.cache.sites.number(primitive);
    }
    vm.cache.sites.fill(site, &vm.heap);
    true
}

#[cfg(test)]
mod tests {
    use imprint_heap::HeapSettings;

    use super::*;

    fn site(place: usize, class_index: u32) -> Site {
        Site {
            place: place as *const u8,
            class_index,
            ..Site::FREE
        }
    }

    fn filled(places: &[(usize, u32)]) -> Sites {
        let heap = Heap::new(HeapSettings::default()).expect("address space is there");
        let mut sites = Sites::new();
        for (place, class_index) in places {
            sites.fill(site(*place, *class_index), &heap);
        }
        sites
    }

    fn knows(sites: &Sites, place: usize, class_index: u32) -> bool {
        sites.is_known(place as *const u8, class_index)
    }

    #[test]
    fn a_site_is_known_by_place_and_class_and_by_no_other() {
        let sites = filled(&[(1001, 51), (1001, 52), (1002, SUPER)]);
        assert!(knows(&sites, 1001, 51) && knows(&sites, 1001, 52) && knows(&sites, 1002, SUPER));
        assert!(!knows(&sites, 1001, 53) && !knows(&sites, 1002, 51));
        assert!(!knows(&sites, 1001 + SITES, 51));
    }

    #[test]
    fn classes_that_come_to_one_place_do_not_push_each_other_out() {
        let classes: Vec<_> = (16..80).map(|class_index| (1001, class_index)).collect();
        let sites = filled(&classes);
        let known = classes
            .iter()
            .filter(|(place, class_index)| knows(&sites, *place, *class_index));
        assert_eq!(known.count(), classes.len());
    }

    #[test]
    fn nothing_is_known_after_a_flush_not_even_what_took_the_place_of_another() {
        let others = [1, 2, 3].map(|turn| 1001 + turn * SITES);
        let places = [(1001, 51), (7, 3)];
        let places = { places.into_iter() }.chain(others.map(|other| (other, 51)));
        let places: Vec<(usize, u32)> = places.collect();
        let mut sites = filled(&places);
        assert!(knows(&sites, 1001, 51) && knows(&sites, others[2], 51));
        let known = others.iter().filter(|other| knows(&sites, **other, 51));
        assert_eq!(known.count(), 2);
        sites.flush();
        for (place, class_index) in places {
            assert!(!knows(&sites, place, class_index));
        }
    }

    #[test]
    fn a_primitive_has_one_number() {
        let mut sites = Sites::new();
        let (size, at): (Primitive, Primitive) = (
            crate::primitives::subscripts::size,
            crate::primitives::subscripts::at,
        );
        let first = sites.number(size);
        assert_ne!(sites.number(at), first);
        assert_eq!(sites.number(size), first);
    }
}
