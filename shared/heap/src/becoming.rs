//! `become:` and the healing of references.
//!
//! One walk replaces every reference at once, so no forwarder stays reachable and nobody else has
//! to look for them. Where only young objects become others, the walk is over young space and the
//! remembered set, since nothing else can refer to them. What an object became is also left in a
//! forwarder at its old place until the next collection, for whoever asks [`Heap::follow`].

use crate::access::pointer_slot_count_at;
use crate::address::Address;
use crate::collect::Roots;
use crate::heap::Heap;
use crate::iterate::for_each_in;
use imprint_model::{ClassIndex, Format, Ghost, Oop};
use rustc_hash::{FxHashMap, FxHashSet};

/// Which objects may hold the references that are to be replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scope {
    /// Young and remembered ones.
    Young,
    /// All.
    Everything,
}

/// What becomes what, with bounds that settle most questions without a look into the map.
struct Replacement {
    map: FxHashMap<u64, Oop>,
    least: u64,
    greatest: u64,
}

impl Replacement {
    fn new(pairs: impl Iterator<Item = (Oop, Oop)>) -> Replacement {
        let mut map = FxHashMap::default();
        for (from, to) in pairs.filter(|(from, to)| from.is_object() && from != to) {
            map.entry(from.bits()).or_insert(to);
        }
        Replacement {
            least: map.keys().copied().min().unwrap_or(u64::MAX),
            greatest: map.keys().copied().max().unwrap_or(0),
            map,
        }
    }

    /// Lets a pair whose target is itself replaced lead to the end of the chain.
    fn resolve_chains(&mut self) {
        let firsts: Vec<u64> = self.map.keys().copied().collect();
        for first in firsts {
            let mut target = self.map[&first];
            for _ in 0..self.map.len() {
                match self.map.get(&target.bits()) {
                    Some(next) if next.bits() != first => target = *next,
                    _ => break,
                }
            }
            self.map.insert(first, target);
        }
    }

    #[inline(always)]
    fn of(&self, oop: Oop) -> Option<Oop> {
        let bits = oop.bits();
        if bits < self.least || bits > self.greatest {
            return None;
        }
        self.map.get(&bits).copied()
    }
}

impl Heap {
    /// Every reference to `from[i]` refers to `to[i]` afterwards. With `copy_hash`, `to[i]` takes
    /// over the identity hash of `from[i]` where that has one, unless it is a class or a symbol.
    pub fn become_forward(
        &mut self,
        from: &[Oop],
        to: &[Oop],
        copy_hash: bool,
        roots: &mut dyn Roots,
    ) {
        let pairs = || from.iter().copied().zip(to.iter().copied());
        let mut replacement = Replacement::new(pairs());
        replacement.resolve_chains();
        if copy_hash {
            pairs().for_each(|(from, to)| self.copy_hash(from, to));
        }
        self.replace(&replacement, roots);
        let targets: FxHashSet<Oop> = replacement.map.values().copied().collect();
        for (bits, target) in &replacement.map {
            let gone = Oop::from_bits(*bits);
            if !targets.contains(&gone) {
                self.turn_into_forwarder(gone, *target);
            }
        }
    }

    fn copy_hash(&mut self, from: Oop, to: Oop) {
        if !from.is_object() || !to.is_object() {
            return;
        }
        // By its hash a class is found in the class table, and a symbol in every dictionary of methods.
        let own = self.header(to).hash();
        let is_found_by_it = own != 0 && self.class_at(own) == Some(to) || self.is_symbol(to);
        let hash = self.header(from).hash();
        if hash != 0 && !is_found_by_it {
            self.set_identity_hash(to, hash);
        }
    }

    /// References to `first[i]` and `second[i]` are exchanged; the identity hashes stay with the
    /// references, so hashed collections remain in order.
    pub fn become_exchange(&mut self, first: &[Oop], second: &[Oop], roots: &mut dyn Roots) {
        let there = first.iter().copied().zip(second.iter().copied());
        let back = second.iter().copied().zip(first.iter().copied());
        let replacement = Replacement::new(there.chain(back));
        for (first, second) in first.iter().zip(second) {
            let hash = self.header(*first).hash();
            self.set_identity_hash(*first, self.header(*second).hash());
            self.set_identity_hash(*second, hash);
        }
        self.replace(&replacement, roots);
    }

    /// Replaces each ghost in the heap and the roots for which `find` knows the object that came.
    /// Answers how many references were healed.
    pub fn heal_ghosts(
        &mut self,
        roots: &mut dyn Roots,
        find: &mut dyn FnMut(Ghost) -> Option<Oop>,
    ) -> usize {
        let mut healed = 0;
        let mut of = |oop: Oop| {
            let present = find(oop.as_ghost()?)?;
            healed += 1;
            Some(present)
        };
        self.rewrite(Scope::Everything, roots, &mut of);
        healed
    }

    fn replace(&mut self, replacement: &Replacement, roots: &mut dyn Roots) {
        let mut changed = replacement.map.keys().map(|bits| Oop::from_bits(*bits));
        let all_young = changed.all(|oop| self.is_young(oop));
        let scope = if all_young {
            Scope::Young
        } else {
            Scope::Everything
        };
        let had_symbol = replacement
            .map
            .keys()
            .any(|bits| self.is_symbol(Oop::from_bits(*bits)));
        self.rewrite(scope, roots, &mut |oop| replacement.of(oop));
        self.mend_class_hashes(replacement);
        if had_symbol {
            self.mend_symbols();
        }
        roots.forget_moved();
    }

    fn rewrite(
        &mut self,
        scope: Scope,
        roots: &mut dyn Roots,
        of: &mut impl FnMut(Oop) -> Option<Oop>,
    ) {
        let mut visit = |oop: &mut Oop| {
            if let Some(new) = of(*oop) {
                *oop = new;
            }
        };
        roots.visit(&mut visit);
        self.visit_own_roots(&mut visit);
        self.classes
            .entries_mut()
            .for_each(|(_, class)| visit(class));
        self.symbols.update(&mut visit);
        self.note_young_in_tables();
        for_each_in(&self.young.past, |address| rewrite_slots(address, of));
        for_each_in(&self.young.eden, |address| rewrite_slots(address, of));
        match scope {
            Scope::Young => self.rewrite_remembered(of),
            Scope::Everything => self.rewrite_old(of),
        }
    }

    fn rewrite_remembered(&mut self, of: &mut impl FnMut(Oop) -> Option<Oop>) {
        for oop in &self.remembered {
            rewrite_slots(Address::of(*oop), of);
        }
    }

    fn rewrite_old(&mut self, of: &mut impl FnMut(Oop) -> Option<Oop>) {
        let young_start = self.young_start;
        let mut newly_remembered = Vec::new();
        for_each_in(&self.old.space, |address| {
            rewrite_slots(address, of);
            let header = address.header();
            if !header.is_remembered() && holds_young(address, young_start) {
                newly_remembered.push(address.oop());
            }
        });
        newly_remembered
            .into_iter()
            .for_each(|oop| self.remember(oop));
    }

    /// Classes and symbols in the tables may be young now.
    fn note_young_in_tables(&mut self) {
        self.classes.has_young = true;
        self.symbols.has_young = true;
    }

    /// A class that took another's place in the class table has that place as its hash, unless it
    /// has a place of its own.
    fn mend_class_hashes(&mut self, replacement: &Replacement) {
        let targets: FxHashSet<Oop> = replacement.map.values().copied().collect();
        let is_newcomer = |entry: &(u32, Oop)| targets.contains(&entry.1);
        let newcomers: Vec<(u32, Oop)> = self.classes.entries().filter(is_newcomer).collect();
        for (index, class) in newcomers {
            if self.index_of_class(class).is_none() {
                self.set_identity_hash(class, index);
            }
        }
    }

    fn mend_symbols(&mut self) {
        let symbols: Vec<Oop> = self.symbols.iter().collect();
        self.symbols.clear();
        for symbol in symbols {
            if self.is_symbol(symbol) {
                self.adopt_symbol(symbol);
            }
        }
    }

    fn turn_into_forwarder(&mut self, oop: Oop, target: Oop) {
        let header = self
            .header(oop)
            .with_pinned(false)
            .with_format(Format::FORWARDER)
            .with_class_index(ClassIndex::FORWARDER);
        self.set_header(oop, header);
        Address::of(oop).slot(0).store(target.bits());
        if !self.is_young(oop) && self.is_young(target) {
            self.remember(oop);
        }
    }
}

fn rewrite_slots(address: Address, of: &mut impl FnMut(Oop) -> Option<Oop>) {
    if address.header().format().is_forwarder() {
        return;
    }
    for index in 0..pointer_slot_count_at(address) {
        let slot = address.slot(index);
        if let Some(new) = of(slot.load_oop()) {
            slot.store(new.bits());
        }
    }
}

/// Whether some slot of the object at `address` refers to a young object.
pub(crate) fn holds_young(address: Address, young_start: u64) -> bool {
    (0..pointer_slot_count_at(address)).any(|index| {
        let oop = address.slot(index).load_oop();
        oop.is_object() && oop.bits() >= young_start
    })
}
