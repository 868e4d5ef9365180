//! Installs classes: shape, superclass, a method dictionary with an entry for every selector.
//!
//! ```text
//!   class object    class index = that of its metaclass     identity hash = its own index
//!   metaclass       class index = that of class Metaclass    thisClass    = the class object
//! ```
//!
//! Only the strict slots are made here. When a class is pulled, its metaclass stays behind until
//! the class object is sent a message; the class object already names it by index.

use imprint_heap::NeedsSpace;
use imprint_isa::{
    BehaviorName, ClassDraft, Draft, MetaDraft, MethodEntry, Miss, Name, Placed, Ref,
};
use imprint_model::layout::{association, behavior, class, metaclass};
use imprint_model::{ClassIndex, Format, InstanceSpec, Known, Oop};

use super::names::ClassShape;
use super::references::Scope;
use super::{InstallError, Installer, MethodDictionary, missing, missing_class};

const DICTIONARY_CLASS: &str = "MethodDictionary";
const METACLASS_CLASS: &str = "Metaclass";

/// References of class drafts have no locals.
const NO_LOCALS: Scope<'_> = Scope {
    locals: &[],
    own_method: None,
};

impl Installer<'_> {
    /// Installs the instance side of a class, and its class side where that comes along.
    pub(super) fn install_class(
        &mut self,
        draft: &ClassDraft,
        placed: &Placed<Draft>,
    ) -> Result<Oop, InstallError> {
        if let Some(present) = self.names.class_object(self.heap, &draft.name) {
            self.note(placed.id, present);
            return Ok(present);
        }
        let superclass = self.superclass_object(draft)?;
        self.check_class_index(&draft.name, DICTIONARY_CLASS)?;
        self.check_references(&draft.name, &draft.slots, 0)?;
        if let Some(meta) = &draft.meta {
            self.check_references(&draft.name, &meta.slots, 0)?;
        }
        let (index, meta_index) = self.indices(&draft.name, placed);
        let oop =
            self.heap
                .allocate_old(meta_index, Format::FIXED, self.class_slot_count(draft))?;
        self.heap.enter_class(oop, Some(index));
        self.note_shape(draft, index, meta_index);
        self.fill_behavior(
            oop,
            superclass,
            draft.instance_spec,
            &draft.methods,
            &draft.slots,
        )?;
        if draft.slots.is_empty() {
            let name = self.heap.intern(&draft.name)?;
            self.heap.store(oop, class::NAME, name);
        }
        self.note(placed.id, oop);
        self.heal_binding(&draft.name, placed.id, oop);
        self.become_known(&draft.name, oop);
        if let Some(meta) = &draft.meta {
            self.make_meta(meta, oop, placed)?;
        }
        Ok(oop)
    }

    /// Installs the class side of a class that is here.
    pub(super) fn install_meta(
        &mut self,
        draft: &MetaDraft,
        placed: &Placed<Draft>,
    ) -> Result<Oop, InstallError> {
        let behavior = BehaviorName::meta(draft.name.clone());
        if let Some(present) = self.names.behavior(self.heap, &behavior) {
            self.note(placed.meta_id, present);
            return Ok(present);
        }
        let this_class = self.names.class_object(self.heap, &draft.name);
        let this_class = this_class.ok_or_else(|| missing_class(&draft.name, &draft.name))?;
        if self.names.behavior(self.heap, &draft.superclass).is_none() {
            return Err(self.missing_behavior(&behavior.to_string(), &draft.superclass));
        }
        self.check_class_index(&draft.name, DICTIONARY_CLASS)?;
        self.check_references(&draft.name, &draft.slots, 0)?;
        self.make_meta(draft, this_class, placed)
    }

    fn make_meta(
        &mut self,
        draft: &MetaDraft,
        this_class: Oop,
        placed: &Placed<Draft>,
    ) -> Result<Oop, InstallError> {
        let index = self.heap.header(this_class).class_index();
        let metaclass_index = self.names.class_index(METACLASS_CLASS);
        let metaclass_index =
            metaclass_index.ok_or_else(|| missing_class(&draft.name, &METACLASS_CLASS.into()))?;
        let oop = self
            .heap
            .allocate_old(metaclass_index, Format::FIXED, metaclass::SIZE)?;
        self.heap.enter_class(oop, Some(index));
        if let Some(shape) = &mut self
            .names
            .declare(&draft.name, self.heap.header(this_class).hash(), index)
            .shape
        {
            shape.class_variables_of_meta = Some(draft.instance_variables.clone());
        }
        let superclass = self
            .names
            .behavior(self.heap, &draft.superclass)
            .unwrap_or(self.heap.nil());
        let spec = InstanceSpec {
            spec: Format::FIXED.bits(),
            fixed_fields: draft.class_slots,
        };
        self.fill_behavior(oop, superclass, spec, &draft.methods, &draft.slots)?;
        self.heap.store(oop, metaclass::THIS_CLASS, this_class);
        self.note(placed.meta_id, oop);
        Ok(oop)
    }

    fn superclass_object(&self, draft: &ClassDraft) -> Result<Oop, InstallError> {
        match &draft.superclass {
            None => Ok(self.heap.nil()),
            Some(name) => self
                .names
                .class_object(self.heap, name)
                .ok_or_else(|| missing(&draft.name, Miss::Class(name.clone()))),
        }
    }

    /// The indices that the draft's place names, else those reserved for the name, else new ones.
    fn indices(&mut self, name: &Name, placed: &Placed<Draft>) -> (u32, u32) {
        match placed.class_indices {
            (0, _) | (_, 0) => self.names.assign_indices(name, ClassIndex::FIRST_FREE),
            indices => indices,
        }
    }

    fn class_slot_count(&self, draft: &ClassDraft) -> usize {
        match &draft.meta {
            Some(meta) => usize::from(meta.class_slots),
            None => behavior::STRICT + draft.slots.len(),
        }
        .max(class::SIZE)
    }

    fn note_shape(&mut self, draft: &ClassDraft, index: u32, meta_index: u32) {
        let entry = self.names.declare(&draft.name, index, meta_index);
        entry.shape = Some(ClassShape {
            superclass: draft.superclass.clone(),
            spec: draft.instance_spec,
            instance_variables: draft.instance_variables.clone(),
            class_variables_of_meta: draft
                .meta
                .as_ref()
                .map(|meta| meta.instance_variables.clone()),
            class_variables: draft.class_variables.clone(),
            pools: draft.pools.clone(),
        });
    }

    fn fill_behavior(
        &mut self,
        oop: Oop,
        superclass: Oop,
        spec: InstanceSpec,
        methods: &[MethodEntry],
        slots: &[Ref],
    ) -> Result<(), NeedsSpace> {
        self.heap.store(oop, behavior::SUPERCLASS, superclass);
        let format = Oop::small_integer(spec.to_small_integer()).unwrap_or(Oop::small(0));
        self.heap.store(oop, behavior::FORMAT, format);
        let dictionary = self.new_dictionary(methods)?;
        self.heap
            .store(oop, behavior::METHOD_DICTIONARY, dictionary.0);
        let last = self.heap.slot_count(oop);
        for (slot, value) in (behavior::LAYOUT..last).zip(slots) {
            let value = self.resolve(value, &NO_LOCALS)?;
            self.heap.store(oop, slot, value);
        }
        Ok(())
    }

    /// A dictionary in which every selector maps to the ghost of its method, or, where it is here
    /// already, to the method.
    fn new_dictionary(&mut self, methods: &[MethodEntry]) -> Result<MethodDictionary, NeedsSpace> {
        let index = self
            .names
            .class_index(DICTIONARY_CLASS)
            .expect("checked before");
        let ghosts = methods.iter().filter(|entry| entry.ghost.is_some()).count();
        let dictionary = MethodDictionary::new(self.heap, index, ghosts.max(1))?;
        for entry in methods {
            let Some(ghost) = entry.ghost else { continue };
            let selector = self.heap.intern(&entry.selector)?;
            let value = self.presence.of_ghost(ghost).unwrap_or(Oop::ghost(ghost));
            let fits = dictionary.put(self.heap, selector, value);
            debug_assert!(fits, "the dictionary was made for all of them");
        }
        Ok(dictionary)
    }

    /// A class is the value of its binding as soon as both are here: super sends read it there.
    fn heal_binding(&mut self, name: &Name, id: u64, class: Oop) {
        let Some(binding) = self.names.global(name) else {
            return;
        };
        let value = self.heap.slot(binding, association::VALUE).as_ghost();
        if value.is_some_and(|ghost| ghost.id == id) {
            self.heap.store(binding, association::VALUE, class);
        }
    }

    /// Puts a class that the virtual machine must find into the special objects array.
    fn become_known(&mut self, name: &str, class: Oop) {
        if self.heap.special_objects().bits() == 0 {
            return;
        }
        if let Some(known) = Known::of_class(name) {
            self.heap.set_known(known, class);
        }
    }
}
