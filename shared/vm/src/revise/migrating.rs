//! Instances of classes whose shape changes: where they are, and how they come over.

use imprint_heap::{Collection, Heap, NeedsSpace};
use imprint_model::layout::behavior;
use imprint_model::{ClassIndex, Oop};
use rustc_hash::{FxHashMap, FxHashSet};

use super::adapting::{Adapted, CodePair};
use super::shapes::ShapeChange;
use super::{Reshaped, RevisionError};
use crate::machine::Vm;

/// Everything in a heap that changes of shape concern.
#[derive(Default)]
pub(super) struct Population {
    instances: FxHashMap<u32, Vec<Oop>>,
    /// Compiled code of the behaviours, each with the number of its change.
    pub codes: Vec<(Oop, usize)>,
    /// All contexts.
    pub contexts: Vec<Oop>,
}

impl Population {
    /// The instances that a change is about.
    pub fn instances(&self, change: &ShapeChange) -> &[Oop] {
        self.instances.get(&change.index).map_or(&[], Vec::as_slice)
    }
}

/// What an instance held in a variable that went.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct LostValue {
    /// The instance.
    pub object: Oop,
    /// Where it stood before.
    pub slot: usize,
    /// The value.
    pub value: Oop,
}

impl LostValue {
    /// The same after objects moved.
    fn moved(self, moved: &FxHashMap<Oop, Oop>) -> LostValue {
        let now = |oop: Oop| moved.get(&oop).copied().unwrap_or(oop);
        LostValue {
            object: now(self.object),
            value: now(self.value),
            ..self
        }
    }
}

/// What migrating did.
pub(super) struct Migrated {
    pub reshaped: Vec<Reshaped>,
    pub codes: Vec<CodePair>,
    pub lost: Vec<LostValue>,
    /// Instances with new variables, with the number of the change.
    pub fresh: Vec<(usize, Oop)>,
}

impl Vm {
    /// Writes all frames out, looks at everything that the changes concern, and sees to it that what is to
    /// be made of it has room, and `room` bytes besides. Nothing may collect from here to the end.
    ///
    /// # Errors
    /// Where memory is short, an instance must not move, or code cannot be adapted.
    pub(super) fn prepare(
        &mut self,
        changes: &[ShapeChange],
        room: usize,
    ) -> Result<(Population, Vec<Adapted>), RevisionError> {
        for has_collected in [false, true] {
            self.divorce_all(changes)?;
            let population = self.population(changes)?;
            let adapted = self.adaptations(&population.codes, changes)?;
            let bytes = room + self.bytes_of_changes(changes, &population, &adapted);
            if self.heap.reserve(bytes).is_ok() && self.heap.free_bytes() >= bytes {
                return Ok((population, adapted));
            }
            if has_collected {
                return Err(RevisionError::NeedsSpace(bytes));
            }
            self.collect(Collection::Full);
        }
        Ok(Default::default())
    }

    /// Code that is kept for the way back: of shapes that classes had, or replaced by adapted code that
    /// goes back with the last revision.
    fn kept_code(&self) -> FxHashSet<Oop> {
        let pairs = self.undos.iter().flat_map(|undo| &undo.codes);
        pairs.map(|pair| pair.original).collect()
    }

    fn population(&self, changes: &[ShapeChange]) -> Result<Population, RevisionError> {
        if changes.is_empty() {
            return Ok(Population::default());
        }
        let kept = self.kept_code();
        let numbers: FxHashMap<u32, usize> = changes.iter().map(|it| it.index).zip(0..).collect();
        let mut population = Population::default();
        let heap = &self.heap;
        heap.for_each_object(|oop| {
            let index = heap.class_index_of(oop);
            if numbers.contains_key(&index) {
                population.instances.entry(index).or_default().push(oop);
            }
            if index == ClassIndex::CONTEXT {
                population.contexts.push(oop);
            }
            if heap.format(oop).is_code() && !kept.contains(&oop) {
                let number = self.behavior_index_of_code(oop);
                let number = number.and_then(|index| numbers.get(&index));
                population.codes.extend(number.map(|number| (oop, *number)));
            }
        });
        let is_pinned = |change: &&ShapeChange| {
            let mut instances = population.instances(change).iter();
            instances.any(|oop| heap.is_pinned(*oop))
        };
        match changes.iter().find(is_pinned) {
            Some(change) => Err(RevisionError::Pinned(change.behavior.clone())),
            None => Ok(population),
        }
    }

    /// Writes all frames into contexts, where something changes. The active one waits for
    /// [`Vm::remarry_active`].
    fn divorce_all(&mut self, changes: &[ShapeChange]) -> Result<(), RevisionError> {
        if changes.is_empty() {
            return Ok(());
        }
        let pages = self.stack.pages_in_use();
        if self.divorce_pages(&pages).is_ok() {
            return Ok(());
        }
        self.collect(Collection::Full);
        let divorced = self.divorce_pages(&pages);
        divorced.map_err(|space| RevisionError::NeedsSpace(space.bytes))
    }

    /// Migrates instances and code; `back` is code that changes places with what it was before.
    ///
    /// # Errors
    /// Where memory is short; then nothing changed.
    pub(super) fn migrate(
        &mut self,
        changes: &[ShapeChange],
        population: &Population,
        mut adapted: Vec<Adapted>,
        back: &[CodePair],
    ) -> Result<Migrated, NeedsSpace> {
        adapted.retain(|it| back.iter().all(|pair| pair.in_use != it.old));
        let codes = self.copies_of_code(adapted)?;
        let instances = self.migrated_instances(changes, population)?;
        let lost = self.lost_values(changes, population);
        let (first, second): (Vec<Oop>, Vec<Oop>) = codes
            .iter()
            .map(|(_, pair)| (pair.original, pair.in_use))
            .chain(back.iter().map(|pair| (pair.in_use, pair.original)))
            .unzip();
        let place = |number: usize, offset: usize| match codes.get(number) {
            Some((_, pair)) => pair.adaptation.moved(offset),
            None => back[number - codes.len()].adaptation.moved_from(offset),
        };
        self.exchange_code(&first, &second, &population.contexts, place);
        let (old, new): (Vec<Oop>, Vec<Oop>) = instances.into_iter().unzip();
        let (heap, mut roots) = self.split();
        heap.become_forward(&old, &new, true, &mut roots);
        self.store_formats(changes);
        let moved: FxHashMap<Oop, Oop> = old.into_iter().zip(new).collect();
        Ok(Migrated {
            reshaped: reshaped(changes, population, &codes),
            fresh: fresh(changes, population, &moved),
            lost: lost.into_iter().map(|it| it.moved(&moved)).collect(),
            codes: codes.into_iter().map(|(_, pair)| pair).collect(),
        })
    }

    fn copies_of_code(
        &mut self,
        adapted: Vec<Adapted>,
    ) -> Result<Vec<(usize, CodePair)>, NeedsSpace> {
        let copy = |it: Adapted| {
            let in_use = self.copy_of_code(it.old, &it.adaptation.bytes)?;
            let pair = CodePair {
                in_use,
                original: it.old,
                adaptation: it.adaptation,
            };
            Ok((it.change, pair))
        };
        adapted.into_iter().map(copy).collect()
    }

    fn migrated_instances(
        &mut self,
        changes: &[ShapeChange],
        population: &Population,
    ) -> Result<Vec<(Oop, Oop)>, NeedsSpace> {
        let mut all = Vec::new();
        for change in changes {
            for oop in population.instances(change) {
                all.push((*oop, self.migrated(*oop, change)?));
            }
        }
        Ok(all)
    }

    fn store_formats(&mut self, changes: &[ShapeChange]) {
        for change in changes {
            let format = Oop::small_integer(change.to.spec.to_small_integer());
            if let (Some(class), Some(format)) = (self.heap.class_at(change.index), format) {
                self.heap.store(class, behavior::FORMAT, format);
            }
        }
    }

    /// Bytes that instances and code take in their new form.
    fn bytes_of_changes(
        &self,
        changes: &[ShapeChange],
        population: &Population,
        adapted: &[Adapted],
    ) -> usize {
        let instances = changes.iter().map(|change| {
            let grown = change.to.variables.len();
            let sizes = population.instances(change).iter();
            let sizes = sizes.map(|oop| Heap::bytes_for(grown + self.heap.slot_count(*oop)));
            sizes.sum::<usize>()
        });
        let codes = adapted.iter().map(|it| {
            let literals = self.heap.literal_count(it.old) + 1;
            Heap::bytes_for(literals + it.adaptation.bytes.len().div_ceil(8))
        });
        instances.sum::<usize>() + codes.sum::<usize>()
    }

    /// The instance in its new form: variables by name, new ones nil, elements in their order.
    fn migrated(&mut self, oop: Oop, change: &ShapeChange) -> Result<Oop, NeedsSpace> {
        let Some(format) = change.to.spec.format() else {
            return Ok(oop);
        };
        let (fixed_before, fixed) = (change.from.variables.len(), change.to.variables.len());
        let elements = match format.is_indexable_pointers() {
            true => self.heap.slot_count(oop).saturating_sub(fixed_before),
            false => 0,
        };
        let new = self
            .heap
            .allocate_old(change.index, format, fixed + elements)?;
        for slot in 0..fixed {
            if let Some(origin) = change.origin(slot) {
                let value = self.heap.slot(oop, origin);
                self.heap.store(new, slot, value);
            }
        }
        for element in 0..elements {
            let value = self.heap.slot(oop, fixed_before + element);
            self.heap.store(new, fixed + element, value);
        }
        if self.heap.is_read_only(oop) {
            self.heap.set_read_only(new, true);
        }
        Ok(new)
    }

    /// What instances hold in variables that go.
    fn lost_values(&self, changes: &[ShapeChange], population: &Population) -> Vec<LostValue> {
        let nil = self.heap.nil();
        let mut lost = Vec::new();
        for change in changes {
            for (slot, _) in change.removed() {
                let instances = population.instances(change).iter().copied();
                let values = instances.map(|object| LostValue {
                    object,
                    slot,
                    value: self.heap.slot(object, slot),
                });
                lost.extend(values.filter(|it| it.value != nil));
            }
        }
        lost
    }
}

fn reshaped(
    changes: &[ShapeChange],
    population: &Population,
    codes: &[(usize, CodePair)],
) -> Vec<Reshaped> {
    let of = |(number, change): (usize, &ShapeChange)| Reshaped {
        behavior: change.behavior.clone(),
        added: change.added(),
        removed: change.removed().into_iter().map(|(_, name)| name).collect(),
        instances: population.instances(change).len(),
        adapted: codes.iter().filter(|(it, _)| *it == number).count(),
    };
    changes.iter().enumerate().map(of).collect()
}

/// The migrated instances that have variables which they had not.
fn fresh(
    changes: &[ShapeChange],
    population: &Population,
    moved: &FxHashMap<Oop, Oop>,
) -> Vec<(usize, Oop)> {
    let mut fresh = Vec::new();
    for (number, change) in changes.iter().enumerate() {
        if !change.added().is_empty() {
            let instances = population.instances(change).iter();
            let now = instances.filter_map(|oop| moved.get(oop));
            fresh.extend(now.map(|oop| (number, *oop)));
        }
    }
    fresh
}
