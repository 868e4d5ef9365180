//! The way back from a revision: what it replaced, held as long as somebody may want it again.

use imprint_isa::{BehaviorName, Name};
use imprint_model::class_index::fixed_index;
use imprint_model::layout::{association, behavior};
use imprint_model::{Known, Oop};

use super::adapting::CodePair;
use super::migrating::LostValue;
use super::remembering::Kept;
use super::shapes::{ShapeChange, late_changes_back};
use super::{Reshaped, RevisionError};
use crate::install::{ClassShape, MethodDictionary, Names};
use crate::machine::Vm;

/// What a revision replaced.
#[derive(Default, Debug)]
pub struct Undo {
    /// Methods in the order in which they were entered or taken out.
    pub(super) methods: Vec<Replaced>,
    pub(super) changes: Vec<ShapeChange>,
    /// The superclass of each behaviour that got another one.
    pub(super) superclasses: Vec<(BehaviorName, Oop)>,
    pub(super) shapes: Vec<(Name, Option<ClassShape>)>,
    pub(super) new_classes: Vec<NewClass>,
    /// Class variables that came, and those that went with their bindings.
    pub(super) new_variables: Vec<(Name, Name)>,
    pub(super) old_variables: Vec<(Name, Name, Oop)>,
    /// What classes held that the image keeps of them, slot by slot.
    pub(super) described: Vec<(BehaviorName, usize, Oop)>,
    pub(super) codes: Vec<CodePair>,
    /// Instances that were migrated and wait for their initialiser, with the number of the change.
    pub(super) fresh: Vec<(usize, Oop)>,
    pub(super) lost: Vec<LostValue>,
    /// What objects that came since were sent with in variables that this revision took away.
    pub(super) late: Vec<LateValue>,
    /// Where class sides were made that had been pruned.
    pub(super) new_sides: Vec<Cleared>,
    /// Globals that were bound to places.
    pub(super) new_globals: Vec<Name>,
    /// The ids of ghosts that stand for classes that came.
    pub(super) ghosts: Vec<u64>,
    /// What the image's own code changes of itself.
    pub(super) kept: Vec<Kept>,
}

/// What an object that came later was sent with in a variable that is gone.
#[derive(Debug)]
pub(super) struct LateValue {
    pub object: Oop,
    pub behavior: BehaviorName,
    pub variable: Name,
    pub value: Oop,
}

/// An entry of a method dictionary that was replaced.
#[derive(Debug)]
pub(super) struct Replaced {
    pub behavior: BehaviorName,
    pub selector: Name,
    /// What stood there: a method, a ghost, a tombstone, or nothing.
    pub before: Option<Oop>,
    /// What stands there since; nothing where the method was taken out.
    pub after: Option<Oop>,
}

/// An entry of a method dictionary that the last revision changed.
#[derive(Clone, Copy, Debug)]
pub struct Entered<'a> {
    /// Whose dictionary.
    pub behavior: &'a BehaviorName,
    /// Under which selector.
    pub selector: &'a Name,
    /// What stood there, adapted to the shape that its class has now; `None` for nothing.
    pub before: Option<Oop>,
    /// What stands there since; `None` for nothing.
    pub after: Option<Oop>,
}

/// A class that was not there before.
#[derive(Debug)]
pub(super) struct NewClass {
    pub name: Name,
    /// Whether the image did not even know its name.
    pub is_fresh: bool,
    /// The binding of its global where that was there, and its value.
    pub binding: Option<(Oop, Oop)>,
    /// The places that it and its side took.
    pub cleared: Vec<Cleared>,
    /// What the machine found where it looks for this class.
    pub known: Option<(Known, Oop)>,
}

/// A place in the class table that something takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cleared {
    pub index: u32,
    /// What stood there for what was pruned.
    pub stood_in: Option<Oop>,
}

/// What going back did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reverted {
    /// Classes that are gone again, or have their earlier shape.
    pub classes: Vec<Name>,
    /// Methods that are as they were.
    pub methods: usize,
    /// Behaviours whose instances were migrated back.
    pub reshaped: Vec<Reshaped>,
}

impl Undo {
    /// Whether the revision took a variable away from the instances of a behaviour.
    pub(super) fn took_away(
        &self,
        names: &Names,
        behavior: &BehaviorName,
        variable: &Name,
    ) -> bool {
        let roots = |change: &ShapeChange| [change.behavior.class.clone()];
        self.changes.iter().any(|change| {
            change.behavior.meta == behavior.meta
                && change.removed().iter().any(|(_, name)| name == variable)
                && names
                    .with_descendants(&roots(change))
                    .contains(&behavior.class)
        })
    }

    /// Shows every oop to a visitor that may move it.
    pub(crate) fn visit(&mut self, visitor: &mut dyn FnMut(&mut Oop)) {
        for replaced in &mut self.methods {
            replaced.before.iter_mut().for_each(&mut *visitor);
            replaced.after.iter_mut().for_each(&mut *visitor);
        }
        for (_, superclass) in &mut self.superclasses {
            visitor(superclass);
        }
        for (_, _, value) in &mut self.described {
            visitor(value);
        }
        let places = self.new_classes.iter_mut().flat_map(|it| &mut it.cleared);
        for place in places.chain(&mut self.new_sides) {
            place.stood_in.iter_mut().for_each(&mut *visitor);
        }
        for class in &mut self.new_classes {
            if let Some((binding, value)) = &mut class.binding {
                visitor(binding);
                visitor(value);
            }
            class.known.iter_mut().for_each(|(_, oop)| visitor(oop));
        }
        for (_, _, binding) in &mut self.old_variables {
            visitor(binding);
        }
        for pair in &mut self.codes {
            visitor(&mut pair.in_use);
            visitor(&mut pair.original);
        }
        self.fresh.iter_mut().for_each(|(_, oop)| visitor(oop));
        for lost in &mut self.lost {
            visitor(&mut lost.object);
            visitor(&mut lost.value);
        }
        for kept in &mut self.kept {
            visitor(&mut kept.object);
            kept.slots.iter_mut().for_each(&mut *visitor);
        }
        for late in &mut self.late {
            visitor(&mut late.object);
            visitor(&mut late.value);
        }
    }
}

impl Vm {
    /// The revisions that can be taken back, last one last.
    pub fn undoable(&self) -> usize {
        self.undos.len()
    }

    /// The classes that taking back the last `count` revisions would take out.
    pub fn classes_to_go(&self, count: usize) -> Vec<Name> {
        let last = self.undos.iter().rev().take(count);
        last.flat_map(|undo| undo.new_classes.iter().map(|it| it.name.clone()))
            .collect()
    }

    /// Forgets how to take back all but the last `count` revisions.
    pub fn keep_undos(&mut self, count: usize) {
        let superfluous = self.undos.len().saturating_sub(count);
        self.undos.drain(..superfluous);
    }

    /// What the last revision entered or took out, in that order.
    pub fn last_entered(&self) -> impl Iterator<Item = Entered<'_>> {
        let replaced = self.undos.last().map_or(&[][..], |undo| &undo.methods);
        replaced.iter().map(|it| Entered {
            behavior: &it.behavior,
            selector: &it.selector,
            before: it.before,
            after: it.after,
        })
    }

    /// Whether the method that the revision of this number (from 0) entered, or took out, is still so.
    pub fn is_as_revised(&self, revision: usize, behavior: &BehaviorName, selector: &str) -> bool {
        let Some(undo) = self.undos.get(revision) else {
            return false;
        };
        let mut replaced = undo.methods.iter();
        let found = replaced.find(|it| it.behavior == *behavior && *it.selector == *selector);
        found.is_some_and(|it| self.own_entry(behavior, selector) == it.after)
    }

    /// What a behaviour's own dictionary holds under a selector.
    pub(super) fn own_entry(&self, behavior: &BehaviorName, selector: &str) -> Option<Oop> {
        let class = self.names.behavior(&self.heap, behavior)?;
        let symbol = self.heap.symbol(selector)?;
        let dictionary = self.heap.slot(class, behavior::METHOD_DICTIONARY);
        MethodDictionary(dictionary).at(&self.heap, symbol)
    }

    /// Takes back the last revision, instances included: variables that went come back with what they
    /// held, others keep what they hold now.
    ///
    /// # Errors
    /// Where memory is short; then nothing changed.
    pub fn revert(&mut self) -> Result<Reverted, RevisionError> {
        if self.undos.is_empty() {
            return Ok(Reverted::default());
        }
        self.pull_sides_of_late_kin()?;
        let Some(last) = self.undos.last() else {
            return Ok(Reverted::default());
        };
        let late = late_changes_back(&self.names, last);
        let inverse = last.changes.iter().map(ShapeChange::inverse);
        let inverse: Vec<ShapeChange> = inverse.chain(late.iter().cloned()).collect();
        let room = last.methods.len() * super::commit::ENTRY_BYTES;
        // What the image made of the revision goes before the revision does.
        self.swap_kept();
        let migrated = self.migrate_back(&inverse, room);
        if migrated.is_ok() {
            late.iter()
                .for_each(|change| change.specify(&mut self.names));
        } else {
            self.swap_kept();
        }
        let done = migrated.map(|reshaped| self.undo_entries(reshaped));
        self.remarry_active();
        self.flush_caches();
        done
    }

    /// Migrates instances and code back. The record stands among the roots meanwhile, so what it holds
    /// moves along.
    fn migrate_back(
        &mut self,
        inverse: &[ShapeChange],
        room: usize,
    ) -> Result<Vec<Reshaped>, RevisionError> {
        let (population, adapted) = self.prepare(inverse, room)?;
        let back = self.undos.last().map(|undo| undo.codes.clone());
        let migrated = self.migrate(inverse, &population, adapted, &back.unwrap_or_default());
        let migrated = migrated.map_err(|space| RevisionError::NeedsSpace(space.bytes))?;
        let lost = self.undos.last().map(|undo| undo.lost.clone());
        for it in lost.unwrap_or_default() {
            self.heap.store(it.object, it.slot, it.value);
        }
        Ok(migrated.reshaped)
    }

    fn undo_entries(&mut self, reshaped: Vec<Reshaped>) -> Reverted {
        let Some(undo) = self.undos.pop() else {
            return Reverted::default();
        };
        for replaced in undo.methods.iter().rev() {
            // Room was made; a dictionary that cannot grow keeps what it has.
            let _ = self.set_entry(&replaced.behavior, &replaced.selector, replaced.before);
        }
        self.restore_names(&undo);
        self.restore_late(&undo.late);
        let mut classes: Vec<Name> = undo.new_classes.iter().map(|it| it.name.clone()).collect();
        classes.extend(reshaped.iter().map(|it| it.behavior.class.clone()));
        classes.sort();
        classes.dedup();
        Reverted {
            classes,
            methods: undo.methods.len(),
            reshaped,
        }
    }

    /// Gives objects that came since what they were sent with in variables that are back.
    fn restore_late(&mut self, late: &[LateValue]) {
        for it in late {
            let variables = self.names.all_instance_variables(&it.behavior);
            let variables = variables.unwrap_or_default();
            let slot = variables.iter().position(|name| *name == it.variable);
            let slot = slot.filter(|slot| *slot < self.heap.pointer_slot_count(it.object));
            if let Some(slot) = slot {
                self.heap.store(it.object, slot, it.value);
            }
        }
    }

    /// A class that nobody knew of keeps its places, for instances that live on: nobody else gets them. But
    /// where the machine itself knows an index it makes instances of it again, so that place is as it was.
    fn give_places_back(&mut self, class: &NewClass) {
        if !class.is_fresh {
            return self.restore_places(&class.cleared);
        }
        self.names.forget_class(&class.name);
        let fixed = fixed_index(&class.name);
        let places = class.cleared.iter();
        let own: Vec<Cleared> = places
            .filter(|it| Some(it.index) == fixed)
            .copied()
            .collect();
        self.restore_places(&own);
    }

    fn restore_names(&mut self, undo: &Undo) {
        for (behavior, superclass) in &undo.superclasses {
            if let Some(class) = self.names.behavior(&self.heap, behavior) {
                self.heap.store(class, behavior::SUPERCLASS, *superclass);
            }
        }
        for (behavior, slot, value) in &undo.described {
            if let Some(class) = self.names.behavior(&self.heap, behavior) {
                self.heap.store(class, *slot, *value);
            }
        }
        for (name, shape) in &undo.shapes {
            self.names.reshape(name, shape.clone());
        }
        for (class, variable) in &undo.new_variables {
            self.names.unbind_class_variable(class, variable);
        }
        for (class, variable, binding) in &undo.old_variables {
            self.names
                .bind_class_variable(class.clone(), variable.clone(), *binding);
        }
        for class in &undo.new_classes {
            // Instances that live on keep their class; nobody finds it by name any more.
            match class.binding {
                Some((binding, value)) => self.heap.store(binding, association::VALUE, value),
                None => {
                    if let Some(binding) = self.names.unbind_global(&class.name) {
                        let nil = self.heap.nil();
                        self.heap.store(binding, association::VALUE, nil);
                    }
                }
            }
            if let Some((known, before)) = class.known {
                self.heap.set_known(known, before);
            }
            self.give_places_back(class);
        }
        self.restore_places(&undo.new_sides);
        for name in &undo.new_globals {
            self.names.unbind_global(name);
        }
        for id in &undo.ghosts {
            self.presence.forget(*id);
        }
    }
}
