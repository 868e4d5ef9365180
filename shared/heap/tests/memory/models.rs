//! Random object graphs beside a model of them in Rust: after any sequence of stores,
//! collections and `become:`, both must look the same from the roots.

use crate::world::{PAIR, WEAK_ARRAY, array, collect, pair, world, zealous};
use imprint_heap::{Collection, Heap};
use imprint_model::{ClassIndex, Format, Oop};

/// A small generator of numbers, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}

/// The model: nodes by number; a node has a mark of its own and slots that hold numbers of nodes.
#[derive(Default)]
struct Model {
    slots: Vec<Vec<Option<usize>>>,
}

const ROOTS: usize = 12;

/// A heap and its model; root i of the heap stands for node `roots[i]`.
struct Twins {
    heap: Heap,
    oops: Vec<Oop>,
    model: Model,
    roots: Vec<usize>,
    dice: Dice,
}

impl Twins {
    fn new(seed: u64) -> Twins {
        let mut twins = Twins {
            heap: world(zealous()),
            oops: Vec::new(),
            model: Model::default(),
            roots: Vec::new(),
            dice: Dice(seed),
        };
        for _ in 0..ROOTS {
            let (oop, node) = twins.make();
            twins.oops.push(oop);
            twins.roots.push(node);
        }
        twins
    }

    /// A new node: slot 0 is its number, the others are empty. Sizes cross all borders.
    fn make(&mut self) -> (Oop, usize) {
        let node = self.model.slots.len();
        let sizes = [0, 1, 2, 5, 30, 253, 254, 255, 256, 1200];
        let slots = sizes[self.dice.below(sizes.len())];
        let is_old = self.dice.below(4) == 0;
        let oop = loop {
            let made = if is_old {
                self.heap
                    .allocate_old(ClassIndex::ARRAY, Format::ARRAY, slots + 1)
            } else {
                self.heap
                    .allocate(ClassIndex::ARRAY, Format::ARRAY, slots + 1)
            };
            match made {
                Ok(oop) => break oop,
                Err(_) => {
                    collect(&mut self.heap, Collection::Scavenge, &mut self.oops);
                }
            }
        };
        self.heap.store(oop, 0, Oop::index(node));
        self.model.slots.push(vec![None; slots]);
        (oop, node)
    }

    fn step(&mut self) {
        match self.dice.below(40) {
            0 => self.collect(Collection::Full),
            1..4 => self.collect(Collection::Scavenge),
            4 => self.become_forward(),
            5 => self.exchange(),
            6..20 => self.replace_root(),
            20..24 => self.walk_root(),
            _ => self.link(),
        }
    }

    fn collect(&mut self, kind: Collection) {
        collect(&mut self.heap, kind, &mut self.oops);
    }

    fn replace_root(&mut self) {
        let at = self.dice.below(ROOTS);
        let (oop, node) = self.make();
        self.oops[at] = oop;
        self.roots[at] = node;
    }

    /// A slot of one root's object now holds another's.
    fn link(&mut self) {
        let (from, to) = (self.dice.below(ROOTS), self.dice.below(ROOTS));
        let node = self.roots[from];
        if self.model.slots[node].is_empty() {
            return;
        }
        let slot = self.dice.below(self.model.slots[node].len());
        self.heap.store(self.oops[from], slot + 1, self.oops[to]);
        self.model.slots[node][slot] = Some(self.roots[to]);
    }

    /// A root goes on to what its object holds.
    fn walk_root(&mut self) {
        let at = self.dice.below(ROOTS);
        let node = self.roots[at];
        let held = self.model.slots[node].iter().position(Option::is_some);
        let Some(slot) = held else { return };
        self.oops[at] = self.heap.slot(self.oops[at], slot + 1);
        self.roots[at] = self.model.slots[node][slot].expect("looked for");
    }

    fn become_forward(&mut self) {
        let (from, to) = (self.dice.below(ROOTS), self.dice.below(ROOTS));
        let (gone, stays) = (self.roots[from], self.roots[to]);
        if gone == stays {
            return;
        }
        let (first, second) = (self.oops[from], self.oops[to]);
        self.heap
            .become_forward(&[first], &[second], true, &mut self.oops);
        self.rename(|node| if node == gone { stays } else { node });
    }

    fn exchange(&mut self) {
        let (a, b) = (self.dice.below(ROOTS), self.dice.below(ROOTS));
        let (first, second) = (self.roots[a], self.roots[b]);
        if first == second {
            return;
        }
        let (oop_1, oop_2) = (self.oops[a], self.oops[b]);
        self.heap
            .become_exchange(&[oop_1], &[oop_2], &mut self.oops);
        self.rename(|node| match node {
            node if node == first => second,
            node if node == second => first,
            node => node,
        });
    }

    fn rename(&mut self, name: impl Fn(usize) -> usize) {
        self.roots.iter_mut().for_each(|node| *node = name(*node));
        for slots in &mut self.model.slots {
            for node in slots.iter_mut().flatten() {
                *node = name(*node);
            }
        }
    }

    /// Both graphs, walked from the roots side by side, are the same graph.
    fn check(&self) {
        let mut seen: Vec<Option<Oop>> = vec![None; self.model.slots.len()];
        let mut waiting: Vec<(Oop, usize)> = self
            .oops
            .iter()
            .copied()
            .zip(self.roots.iter().copied())
            .collect();
        while let Some((oop, node)) = waiting.pop() {
            if let Some(before) = seen[node] {
                assert_eq!(before, oop, "node {node} is two objects");
                continue;
            }
            seen[node] = Some(oop);
            assert_eq!(self.heap.slot(oop, 0), Oop::index(node));
            let slots = &self.model.slots[node];
            assert_eq!(self.heap.slot_count(oop), slots.len() + 1);
            for (index, held) in slots.iter().enumerate() {
                let value = self.heap.slot(oop, index + 1);
                match held {
                    Some(held) => waiting.push((value, *held)),
                    None => assert_eq!(value, self.heap.nil()),
                }
            }
        }
    }
}

#[test]
fn random_graphs_look_the_same_after_any_sequence() {
    for seed in 1..=25 {
        let mut twins = Twins::new(seed * 7919);
        for _ in 0..300 {
            twins.step();
            twins.check();
        }
        twins.collect(Collection::Full);
        twins.check();
    }
}

#[test]
fn a_collection_at_every_allocation_loses_nothing() {
    let mut heap = world(zealous());
    let mut roots = vec![heap.nil()];
    for n in 0..400 {
        let link = pair(&mut heap, roots[0], Oop::small(n));
        roots[0] = link;
        let kind = if n % 7 == 0 {
            Collection::Full
        } else {
            Collection::Scavenge
        };
        collect(&mut heap, kind, &mut roots);
    }
    let mut at = roots[0];
    for n in (0..400).rev() {
        assert_eq!(heap.slot(at, 1), Oop::small(n));
        at = heap.slot(at, 0);
    }
    assert_eq!(heap.instances_of(PAIR).len(), 400);
}

#[test]
fn weak_slots_hold_exactly_what_is_held_elsewhere() {
    let mut dice = Dice(4711);
    let mut heap = world(zealous());
    let weak = heap.allocate_old(WEAK_ARRAY, Format::WEAK, 60).unwrap();
    let mut roots = vec![weak];
    for round in 0..60 {
        for slot in 0..60 {
            let object = pair(&mut heap, Oop::small(slot), Oop::small(round));
            heap.store(roots[0], slot as usize, object);
            if dice.below(2) == 0 {
                roots.push(object);
            }
        }
        let held = array(&mut heap, &roots[1..]);
        roots.truncate(1);
        roots.push(held);
        let kind = if dice.below(3) == 0 {
            Collection::Full
        } else {
            Collection::Scavenge
        };
        collect(&mut heap, kind, &mut roots);
        let strong: Vec<Oop> = (0..heap.slot_count(roots[1]))
            .map(|at| heap.slot(roots[1], at))
            .collect();
        let weakly: Vec<Oop> = (0..60)
            .map(|at| heap.slot(roots[0], at))
            .filter(|oop| *oop != heap.nil())
            .collect();
        assert_eq!(strong, weakly);
        roots.truncate(1);
    }
}
