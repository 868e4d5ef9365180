//! What a slim image lost comes back: classes in the places that were kept for them, class sides, and
//! tombstones for the methods that stay behind.
//!
//! ```text
//!   index of the class table    nothing, or a stand-in ──> the class; its instances are no longer nameless
//!   binding of the global       a ghost ────────────────> the class; so is each other slot with that ghost
//!   entry that did not come     nothing ────────────────> a tombstone, so that nothing inherited answers
//! ```

use imprint_heap::NeedsSpace;
use imprint_isa::{BehaviorName, ClassDraft, Draft, Miss, Name, Placed, Ref};
use imprint_model::layout::{association, class};
use imprint_model::{Known, Oop};

use super::undo::{Cleared, NewClass};
use super::{Revision, RevisionError};
use crate::install::Unbound;
use crate::machine::Vm;
use crate::stand_in::PLACEHOLDER_CLASS;

impl Vm {
    /// Makes a class that is not here, in the places that were kept for it; `is_fresh` where the image does
    /// not even know its name.
    pub(super) fn make_class(
        &mut self,
        draft: &ClassDraft,
        is_fresh: bool,
    ) -> Result<(), RevisionError> {
        let name = draft.name.clone();
        let cleared = self.clear_places(&name);
        let draft = self.fitted(draft);
        self.check_instances(&draft)?;
        let global = self.names.global(&name);
        let before = global.map(|binding| (binding, self.heap.slot(binding, association::VALUE)));
        let known = self.known_before(&name);
        self.undo().new_classes.push(NewClass {
            name: name.clone(),
            is_fresh,
            binding: before,
            cleared,
            known,
        });
        let class = {
            let mut installer = self.installer(Unbound::Create);
            let class = installer.install(&Placed::nowhere(Draft::Class(draft)))?;
            let binding = installer.bind_global(&name).map_err(super::out_of_space)?;
            self.heap.store(binding, association::VALUE, class);
            class
        };
        match before {
            Some((_, value)) if value.is_ghost() => self.heal_ghost(value, class),
            Some((_, value)) if self.is_placeholder(value) => self.become_class(value, class),
            _ => {}
        }
        Ok(())
    }

    /// What the machine finds where it looks for a class of this name, if it looks for it.
    fn known_before(&self, name: &Name) -> Option<(Known, Oop)> {
        let known = Known::of_class(name)?;
        Some((known, self.heap.known(known)))
    }

    /// From now on a ghost stands for a class; what stood in for it becomes the class.
    fn heal_ghost(&mut self, value: Oop, class: Oop) {
        let Some(ghost) = value.as_ghost() else {
            return;
        };
        let stood_in = self.presence.of_ghost(ghost);
        self.presence.insert(ghost.id, class);
        self.undo().ghosts.push(ghost.id);
        if let Some(place) = stood_in {
            self.become_class(place, class);
        }
    }

    fn become_class(&mut self, place: Oop, class: Oop) {
        let (heap, mut roots) = self.split();
        heap.become_forward(&[place], &[class], false, &mut roots);
    }

    /// Whether an object only says the name of one that is not here.
    fn is_placeholder(&self, value: Oop) -> bool {
        let class = self.heap.class_at(self.heap.class_index_of(value));
        let name = class.map(|class| self.behavior_name(class));
        name.is_some_and(|name| *name.class == *PLACEHOLDER_CLASS)
    }

    /// Whether what is missed is the binding of a class that is here: no code that was kept names it.
    pub(super) fn is_nameless_class(&self, miss: &Miss) -> bool {
        let Miss::Global(name) = miss else {
            return false;
        };
        let class = BehaviorName::class(name.clone());
        !self.can_pull() && self.real_behavior(&class).is_some()
    }

    /// Binds the classes that code names and that are here without a binding.
    pub(super) fn name_classes(&mut self, revision: &Revision) -> Result<(), NeedsSpace> {
        for method in &revision.methods {
            let draft = Draft::Method(method.draft.clone());
            for reference in draft.references() {
                let Ref::Global(name) = reference else {
                    continue;
                };
                let class = self.real_behavior(&BehaviorName::class(name.clone()));
                let (Some(class), None) = (class, self.names.global(name)) else {
                    continue;
                };
                let binding = self.installer(Unbound::Create).bind_global(name)?;
                self.heap.store(binding, association::VALUE, class);
                self.undo().new_globals.push(name.clone());
            }
        }
        Ok(())
    }

    /// Binds globals that stay behind to places that say their names.
    pub(super) fn keep_places(&mut self, globals: &[Name]) -> Result<(), NeedsSpace> {
        for name in globals {
            if self.names.global(name).is_some() {
                continue;
            }
            let place = self.place_for_global(name)?;
            let binding = self.installer(Unbound::Create).bind_global(name)?;
            self.heap.store(binding, association::VALUE, place);
            self.undo().new_globals.push(name.clone());
        }
        Ok(())
    }

    /// The draft with the shape that the class has here with all that it inherits.
    fn fitted(&self, draft: &ClassDraft) -> ClassDraft {
        let mut draft = draft.clone();
        let shape = (self.names.class(&draft.name)).and_then(|it| it.shape.as_ref());
        draft.instance_spec = shape.map_or(draft.instance_spec, |shape| shape.spec);
        if let Some(meta) = &mut draft.meta {
            let behavior = BehaviorName::meta(draft.name.clone());
            let variables = self.names.all_instance_variables(&behavior);
            let count = variables.map_or(class::SIZE, |variables| variables.len());
            meta.class_slots = count.max(class::SIZE) as u16;
        }
        draft
    }

    /// Instances may have come without their class: they must have room for its variables.
    fn check_instances(&self, draft: &ClassDraft) -> Result<(), RevisionError> {
        let Some(index) = self.names.class_index(&draft.name) else {
            return Ok(());
        };
        let fields = usize::from(draft.instance_spec.fixed_fields);
        let mut shortest = fields;
        self.heap.for_each_object(|oop| {
            if self.heap.class_index_of(oop) == index {
                shortest = shortest.min(self.heap.pointer_slot_count(oop));
            }
        });
        match shortest < fields {
            true => Err(RevisionError::OtherShape {
                class: draft.name.clone(),
                here: shortest,
                there: fields,
            }),
            false => Ok(()),
        }
    }

    /// Takes what stands in for a class and its side out of the class table.
    pub(super) fn clear_places(&mut self, name: &Name) -> Vec<Cleared> {
        let sides = [
            BehaviorName::class(name.clone()),
            BehaviorName::meta(name.clone()),
        ];
        let places = sides.iter().filter_map(|side| self.names.index_of(side));
        let places: Vec<u32> = places.collect();
        places.into_iter().map(|it| self.clear_place(it)).collect()
    }

    fn clear_place(&mut self, index: u32) -> Cleared {
        let stood_in = self.heap.class_at(index);
        self.heap.remove_class(index);
        Cleared { index, stood_in }
    }

    /// Makes the class side of a class that is here without it.
    pub(super) fn make_missing_side(&mut self, draft: &ClassDraft) -> Result<(), RevisionError> {
        let side = BehaviorName::meta(draft.name.clone());
        let object = self.names.class_object(&self.heap, &draft.name);
        let (Some(meta), Some(object)) = (draft.meta.clone(), object) else {
            return Ok(());
        };
        if self.can_pull() || self.real_behavior(&side).is_some() {
            return Ok(());
        }
        let cleared = self.clear_place(self.heap.class_index_of(object));
        self.undo().new_sides.push(cleared);
        let mut meta = meta;
        meta.class_slots = self.heap.slot_count(object) as u16;
        self.installer(Unbound::Create)
            .install(&Placed::nowhere(Draft::Meta(meta)))?;
        Ok(())
    }

    /// Lets nothing inherited answer for methods that stay behind. Where a name is no symbol of this
    /// image nobody can send it.
    pub(super) fn bury(&mut self, revision: &Revision) -> Result<(), NeedsSpace> {
        let mut stone = None;
        for (behavior, selector) in &revision.buried {
            let is_here = self.real_behavior(behavior).is_some();
            let is_symbol = self.heap.symbol(selector).is_some();
            if !is_here || !is_symbol || self.own_entry(behavior, selector).is_some() {
                continue;
            }
            let value = match stone {
                Some(value) => value,
                None => self.tombstone()?,
            };
            stone = Some(value);
            self.enter(behavior, selector, Some(value))?;
        }
        Ok(())
    }

    /// Puts back what stood in places of the class table. Where instances need a class, it stays.
    pub(super) fn restore_places(&mut self, cleared: &[Cleared]) {
        for place in cleared {
            match place.stood_in {
                Some(class) => {
                    self.heap.enter_class(class, Some(place.index));
                }
                None if self.heap.is_partial() => self.heap.remove_class(place.index),
                None => {}
            }
        }
    }
}
