//! Does what was foreseen.

use imprint_heap::{Heap, NeedsSpace};
use imprint_isa::{BehaviorName, ClassDraft, Draft, Name, Placed};
use imprint_model::family::PHARO;
use imprint_model::layout::{behavior, class};
use imprint_model::{ClassIndex, Oop};

use super::adapting::Adapted;
use super::migrating::Population;
use super::shapes::{Declared, declare};
use super::undo::{Replaced, Undo};
use super::{NewMethod, Revised, Revision, RevisionError};
use crate::install::{ClassShape, Installer, MethodDictionary, Unbound, class_name};
use crate::machine::Vm;

/// What an entry of a method dictionary takes at most, on the average of those that grow.
pub(super) const ENTRY_BYTES: usize = Heap::bytes_for(64);
/// What a new class takes besides its methods.
const CLASS_BYTES: usize = 16 * Heap::bytes_for(16);

/// What a place takes for a global that stays behind, with its binding and its class.
const PLACE_BYTES: usize = 8 * Heap::bytes_for(16);

/// What an image keeps of a class besides what the machine reads, and its name.
const CLASS_DESCRIPTION: &[usize] = &[
    behavior::LAYOUT,
    behavior::PROTOCOLS,
    class::SUBCLASSES,
    class::CLASS_POOL,
    class::SHARED_POOLS,
    class::COMMENT_SOURCE_POINTER,
    class::PACKAGE_TAG,
];
/// The same of a class side.
const META_DESCRIPTION: &[usize] = &[behavior::LAYOUT, behavior::PROTOCOLS];

/// A class of which something was believed, and what was known of it before.
type Assumed = (Name, Option<ClassShape>);

impl Vm {
    /// Puts a revision over the code of the image, between two runs: all of it or nothing.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub fn revise(
        &mut self,
        revision: &Revision,
        is_forced: bool,
    ) -> Result<Revised, RevisionError> {
        let revised = self.revise_code(revision, is_forced)?;
        match self.initialise_added() {
            Ok(()) => Ok(revised),
            Err(error) => {
                self.revert()?;
                Err(error)
            }
        }
    }

    /// As [`Vm::revise`], but for new variables, which are nil until [`Vm::initialise_added`]: meanwhile the
    /// image's own code can see to what it keeps of its classes.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub fn revise_code(
        &mut self,
        revision: &Revision,
        is_forced: bool,
    ) -> Result<Revised, RevisionError> {
        let mut assumed = Vec::new();
        let believed = self.assume(&revision.assumed, &mut assumed);
        let done = believed.and_then(|()| self.revise_assuming(revision, is_forced));
        match (&done, self.undos.last_mut()) {
            // Behind those of the classes themselves, so that they are what stands in the end.
            (Ok(_), Some(undo)) => undo.shapes.extend(assumed),
            _ => self.unlearn(assumed),
        }
        let revised = done?;
        self.note_as_sent();
        Ok(revised)
    }

    /// Forgets what was believed, the last first.
    fn unlearn(&mut self, assumed: Vec<Assumed>) {
        for (name, before) in assumed.into_iter().rev() {
            self.names.reshape(&name, before);
        }
    }

    fn revise_assuming(
        &mut self,
        revision: &Revision,
        is_forced: bool,
    ) -> Result<Revised, RevisionError> {
        self.bring_needs(revision)?;
        let first_index = self.first_unused_index();
        let (heap, names) = (&self.heap, &self.names);
        let absent = revision.classes.iter().map(|draft| draft.name.clone());
        let absent: Vec<Name> = absent
            .filter(|name| {
                let class = names.class_object(heap, name);
                class.is_none_or(|class| self.is_stand_in(class))
            })
            .collect();
        let declared = declare(&mut self.names, &revision.classes, &absent, first_index)?;
        let done = match self.foresee(revision, &declared, is_forced) {
            Ok(foreseen) => self.carry_out(revision, &declared, foreseen),
            Err(error) => {
                declared.withdraw(&mut self.names);
                Err(error)
            }
        };
        self.remarry_active();
        self.flush_caches();
        done
    }

    /// Where indices for new classes begin: above all that stand in the class table, stand-ins too.
    fn first_unused_index(&self) -> u32 {
        if !self.heap.is_partial() {
            return ClassIndex::FIRST_FREE.max(self.heap.class_table_len() as u32);
        }
        let last = self.heap.classes().last();
        last.map_or(0, |(index, _)| index + 1)
            .max(ClassIndex::FIRST_OF_SLAVE)
    }

    /// Believes the sender about classes whose variables the image has forgotten; `before` gets what was known
    /// of them.
    fn assume(
        &mut self,
        assumed: &[ClassDraft],
        before: &mut Vec<Assumed>,
    ) -> Result<(), RevisionError> {
        for draft in assumed {
            self.assume_side(draft, before);
            let entry = self.names.class(&draft.name);
            let is_forgotten = entry.is_some_and(|entry| entry.shape.is_none());
            let object = self.names.class_object(&self.heap, &draft.name);
            let (Some(object), true) = (object, is_forgotten) else {
                continue;
            };
            let Some(spec) = self.heap.instance_spec(object) else {
                continue;
            };
            let superclass = class_name(&self.heap, self.heap.slot(object, behavior::SUPERCLASS));
            let of_meta = draft.meta.as_ref().map(|it| it.instance_variables.clone());
            let shape = ClassShape {
                superclass,
                spec,
                instance_variables: draft.instance_variables.clone(),
                class_variables_of_meta: of_meta,
                class_variables: draft.class_variables.clone(),
                pools: draft.pools.clone(),
            };
            self.names.reshape(&draft.name, Some(shape));
            before.push((draft.name.clone(), None));
            let behavior = BehaviorName::class(draft.name.clone());
            let variables = self.names.all_instance_variables(&behavior);
            let there = variables.map_or(0, |variables| variables.len());
            if there != usize::from(spec.fixed_fields) {
                return Err(RevisionError::OtherShape {
                    class: draft.name.clone(),
                    here: spec.fixed_fields.into(),
                    there,
                });
            }
        }
        Ok(())
    }

    /// Believes the sender about the variables of a class side that was pruned.
    fn assume_side(&mut self, draft: &ClassDraft, before: &mut Vec<Assumed>) {
        let side = BehaviorName::meta(draft.name.clone());
        let shape = self.names.class(&draft.name);
        let shape = shape.and_then(|entry| entry.shape.clone());
        let (Some(shape), Some(meta)) = (shape, &draft.meta) else {
            return;
        };
        let is_forgotten = shape.class_variables_of_meta.is_none() && !self.can_pull();
        if is_forgotten && self.real_behavior(&side).is_none() {
            before.push((draft.name.clone(), Some(shape.clone())));
            let class_variables_of_meta = Some(meta.instance_variables.clone());
            let shape = ClassShape {
                class_variables_of_meta,
                ..shape
            };
            self.names.reshape(&draft.name, Some(shape));
        }
    }

    fn foresee(
        &mut self,
        revision: &Revision,
        declared: &Declared,
        is_forced: bool,
    ) -> Result<Foreseen, RevisionError> {
        self.verify_methods(revision)?;
        let room = self.room_for(revision);
        let (population, adapted) = self.prepare(&declared.changes, room)?;
        let losses = self.losses(revision, &declared.changes, &population)?;
        if !losses.is_empty() && !is_forced {
            return Err(RevisionError::Losses(losses));
        }
        Ok(Foreseen {
            population,
            adapted,
            losses,
        })
    }

    fn room_for(&self, revision: &Revision) -> usize {
        let methods = revision.methods.iter().map(|method| {
            let draft = &method.draft;
            let own = Heap::bytes_for(draft.code.literals.len() + draft.code.bytecodes.len());
            let locals = draft.locals.iter().map(Installer::bytes_of_local);
            let symbols = draft.code.literals.len() * Heap::bytes_for(8);
            ENTRY_BYTES + own + symbols + 2 * locals.sum::<usize>()
        });
        let buried = revision.buried.len() * ENTRY_BYTES + revision.places.len() * PLACE_BYTES;
        methods.sum::<usize>() + buried + (revision.classes.len() + 1) * CLASS_BYTES
    }

    /// Everything was looked at, and has room; should some fail all the same, all is taken back.
    fn carry_out(
        &mut self,
        revision: &Revision,
        declared: &Declared,
        foreseen: Foreseen,
    ) -> Result<Revised, RevisionError> {
        let losses = foreseen.losses.clone();
        self.undos.push(Undo {
            changes: Vec::new(),
            shapes: declared.before.clone(),
            ..Undo::default()
        });
        match self.carry_out_steps(revision, declared, foreseen) {
            Ok(revised) => Ok(Revised { losses, ..revised }),
            Err(error) => {
                self.revert()?;
                for name in &declared.fresh {
                    self.names.forget_class(name);
                }
                Err(error)
            }
        }
    }

    fn carry_out_steps(
        &mut self,
        revision: &Revision,
        declared: &Declared,
        foreseen: Foreseen,
    ) -> Result<Revised, RevisionError> {
        let Foreseen {
            population,
            adapted,
            ..
        } = foreseen;
        let migrated = self
            .migrate(&declared.changes, &population, adapted, &[])
            .map_err(out_of_space)?;
        let undo = self.undo();
        undo.changes = declared.changes.clone();
        undo.codes = migrated.codes;
        undo.lost = migrated.lost;
        undo.fresh = migrated.fresh;
        self.note_descriptions(revision, declared);
        let mut new_classes = Vec::new();
        for draft in &revision.classes {
            match self.real_behavior(&BehaviorName::class(draft.name.clone())) {
                Some(_) => {
                    self.make_missing_side(draft)?;
                    self.adopt_superclass(draft);
                }
                None => {
                    let is_fresh = declared.fresh.contains(&draft.name);
                    self.make_class(draft, is_fresh)?;
                    new_classes.push(draft.name.clone());
                }
            }
            self.adopt_class_variables(draft).map_err(out_of_space)?;
        }
        self.name_classes(revision).map_err(out_of_space)?;
        self.keep_places(&revision.places).map_err(out_of_space)?;
        for (behavior, selector) in &revision.removed {
            self.enter(behavior, selector, None).map_err(out_of_space)?;
        }
        for method in &revision.methods {
            self.enter_new_method(method)?;
        }
        self.bury(revision).map_err(out_of_space)?;
        Ok(Revised {
            new_classes,
            reshaped: migrated.reshaped,
            methods: revision.methods.len(),
            removed: revision.removed.len(),
            losses: Vec::new(),
        })
    }

    /// Notes what the image keeps of the classes that are concerned: its own code will change that.
    fn note_descriptions(&mut self, revision: &Revision, declared: &Declared) {
        if self.names.family != PHARO {
            return;
        }
        let mut concerned: Vec<Name> = Vec::new();
        for draft in &revision.classes {
            concerned.push(draft.name.clone());
            concerned.extend(draft.superclass.clone());
        }
        concerned.extend(
            revision
                .methods
                .iter()
                .map(|it| it.draft.behavior.class.clone()),
        );
        concerned.extend(revision.removed.iter().map(|(it, _)| it.class.clone()));
        concerned.extend(declared.changes.iter().map(|it| it.behavior.class.clone()));
        concerned.sort();
        concerned.dedup();
        for name in concerned {
            let sides = [
                (BehaviorName::class(name.clone()), CLASS_DESCRIPTION),
                (BehaviorName::meta(name), META_DESCRIPTION),
            ];
            for (behavior, slots) in sides {
                let Some(object) = self.names.behavior(&self.heap, &behavior) else {
                    continue;
                };
                for slot in slots {
                    let value = self.heap.slot(object, *slot);
                    let described = (behavior.clone(), *slot, value);
                    self.undo().described.push(described);
                }
            }
        }
    }

    /// The record of the revision that is being carried out.
    pub(super) fn undo(&mut self) -> &mut Undo {
        self.undos
            .last_mut()
            .expect("it was put there before anything was changed")
    }

    /// Lets a class that is here inherit from the class that the draft names.
    fn adopt_superclass(&mut self, draft: &ClassDraft) {
        let own = BehaviorName::class(draft.name.clone());
        let of_class = draft.superclass.clone().map(BehaviorName::class);
        let of_meta = draft.meta.as_ref().map(|meta| meta.superclass.clone());
        let sides = [
            (own.clone(), of_class),
            (BehaviorName::meta(own.class), of_meta),
        ];
        for (behavior, superclass) in sides {
            let behavior_object = self.names.behavior(&self.heap, &behavior);
            let wanted = superclass.and_then(|it| self.names.behavior(&self.heap, &it));
            let (Some(object), Some(wanted)) = (behavior_object, wanted) else {
                continue;
            };
            let before = self.heap.slot(object, behavior::SUPERCLASS);
            if before != wanted {
                self.heap.store(object, behavior::SUPERCLASS, wanted);
                self.undo().superclasses.push((behavior, before));
            }
        }
    }

    fn adopt_class_variables(&mut self, draft: &ClassDraft) -> Result<(), NeedsSpace> {
        let class = &draft.name;
        for variable in &draft.class_variables {
            if self.names.class_variable(class, variable).is_none() {
                self.installer(Unbound::Create)
                    .bind_class_variable(class, variable)?;
                let added = (class.clone(), variable.clone());
                self.undo().new_variables.push(added);
            }
        }
        for (variable, binding) in self.names.class_variables_of(class) {
            if !draft.class_variables.contains(&variable) {
                self.names.unbind_class_variable(class, &variable);
                let removed = (class.clone(), variable, binding);
                self.undo().old_variables.push(removed);
            }
        }
        Ok(())
    }

    fn enter_new_method(&mut self, method: &NewMethod) -> Result<(), RevisionError> {
        let placed = Placed::nowhere(Draft::Method(method.draft.clone()));
        let pointer = method.source_pointer;
        let made = self.installer(Unbound::Create);
        let oop = { made }.make_method(&method.draft, &placed, pointer)?;
        let (behavior, selector) = (&method.draft.behavior, &method.draft.selector);
        self.enter(behavior, selector, Some(oop))
            .map_err(out_of_space)
    }

    /// Enters a method, or takes one out, and notes what stood there.
    pub(super) fn enter(
        &mut self,
        behavior: &BehaviorName,
        selector: &Name,
        method: Option<Oop>,
    ) -> Result<(), NeedsSpace> {
        let before = self.own_entry(behavior, selector);
        self.set_entry(behavior, selector, method)?;
        self.undo().methods.push(Replaced {
            behavior: behavior.clone(),
            selector: selector.clone(),
            before,
            after: method,
        });
        Ok(())
    }

    /// Lets a behaviour's dictionary hold a value under a selector, or nothing.
    pub(super) fn set_entry(
        &mut self,
        behavior: &BehaviorName,
        selector: &Name,
        value: Option<Oop>,
    ) -> Result<(), NeedsSpace> {
        let Some(class) = self.names.behavior(&self.heap, behavior) else {
            return Ok(());
        };
        let symbol = self.heap.intern(selector)?;
        let dictionary = MethodDictionary(self.heap.slot(class, behavior::METHOD_DICTIONARY));
        let changed = match value {
            Some(value) => dictionary.put_growing(&mut self.heap, symbol, value)?,
            None if dictionary.at(&self.heap, symbol).is_some() => {
                dictionary.without(&mut self.heap, symbol)?
            }
            None => dictionary,
        };
        if changed != dictionary {
            self.heap
                .store(class, behavior::METHOD_DICTIONARY, changed.0);
        }
        Ok(())
    }
}

/// What was found before anything changed.
struct Foreseen {
    population: Population,
    adapted: Vec<Adapted>,
    losses: Vec<super::Loss>,
}

pub(super) fn out_of_space(space: NeedsSpace) -> RevisionError {
    RevisionError::NeedsSpace(space.bytes)
}
