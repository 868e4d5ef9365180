//! Classes, class sides, methods, objects and bindings as drafts.

use imprint_isa::{
    BehaviorName, ClassDraft, Draft, MetaDraft, MethodDraft, MethodEntry, Name, ObjectDraft,
    Placed, Ref,
};
use imprint_model::layout::{behavior, block_closure, closure, context};
use imprint_model::{ClassIndex, InstanceSpec, Oop};

use super::gather::{Gather, Reach};
use super::{Extractor, Manner, Place};
use crate::install::{MethodDictionary, own_variables};

/// Classes whose instances keep their elements in an array of their own, and in which variable.
const BACKBONES: [(&str, &str); 2] = [
    ("HashedCollection", "array"),
    ("OrderedCollection", "array"),
];

impl Extractor<'_> {
    /// The draft of whatever an object is.
    pub fn draft(&self, oop: Oop) -> Placed<Draft> {
        match self.index.place(oop) {
            Some(Place::Behavior(name)) if name.meta => self.meta(oop).map(Draft::Meta),
            Some(Place::Behavior(_)) => self.class(oop).map(Draft::Class),
            Some(Place::Method(behavior, selector)) => {
                self.method(oop, behavior, selector).map(Draft::Method)
            }
            Some(Place::Binding(reference)) => self.binding(oop, reference).map(Draft::Object),
            _ => self.object(oop).map(Draft::Object),
        }
    }

    /// The instance side of a class, with all selectors.
    pub fn class(&self, oop: Oop) -> Placed<ClassDraft> {
        let name = self.name_of_behavior(oop).class;
        let names = self.index.names();
        let shape = names.class(&name).and_then(|entry| entry.shape.as_ref());
        let spec = self.heap.instance_spec(oop);
        let (package, tag) = self.index.package_of(self.heap, oop);
        let variables = own_variables(self.heap, names.family, oop);
        let draft = ClassDraft {
            superclass: self.superclass_of(oop).map(|superclass| superclass.class),
            instance_spec: spec.unwrap_or(InstanceSpec {
                spec: 0,
                fixed_fields: 0,
            }),
            instance_variables: variables
                .or_else(|| shape.map(|shape| shape.instance_variables.clone()))
                .unwrap_or_default(),
            class_variables: names
                .class_variables_of(&name)
                .into_iter()
                .map(|(name, _)| name)
                .collect(),
            pools: shape.map(|shape| shape.pools.clone()).unwrap_or_default(),
            package,
            tag,
            methods: self.entries(oop),
            slots: self.behavior_slots(oop),
            meta: None,
            name,
        };
        let meta_index = self.heap.class_index_of(oop);
        let meta = self.heap.class_at(meta_index);
        Placed {
            id: self.id(oop),
            meta_id: meta.map_or(0, |meta| self.id(meta)),
            class_indices: (self.heap.header(oop).hash(), meta_index),
            ..Placed::nowhere(draft)
        }
    }

    /// The class side of a class, given its metaclass.
    pub fn meta(&self, oop: Oop) -> Placed<MetaDraft> {
        let name = self.name_of_behavior(oop).class;
        let family = self.index.names().family;
        let this_class = self.heap.slot(oop, family.this_class);
        let spec = self.heap.instance_spec(oop);
        let shape = self
            .index
            .names()
            .class(&name)
            .and_then(|entry| entry.shape.as_ref());
        let known = shape.and_then(|shape| shape.class_variables_of_meta.clone());
        let draft = MetaDraft {
            superclass: self
                .superclass_of(oop)
                .unwrap_or_else(|| BehaviorName::class("Class")),
            class_slots: spec.map_or(family.class_slots_min as u16, |spec| spec.fixed_fields),
            instance_variables: own_variables(self.heap, family, oop)
                .or(known)
                .unwrap_or_default(),
            methods: self.entries(oop),
            slots: self.meta_slots(oop),
            name,
        };
        Placed {
            id: self.id(this_class),
            meta_id: self.id(oop),
            class_indices: (
                self.heap.header(this_class).hash(),
                self.heap.header(oop).hash(),
            ),
            ..Placed::nowhere(draft)
        }
    }

    /// A method that stands under a selector in a behaviour.
    pub fn method(
        &self,
        oop: Oop,
        behavior: &BehaviorName,
        selector: &Name,
    ) -> Placed<MethodDraft> {
        let mut gather = Gather::new(*self);
        let code = gather.method_code(oop);
        gather.finish();
        let draft = MethodDraft {
            behavior: behavior.clone(),
            selector: selector.clone(),
            protocol: self.index.protocol(oop),
            shape: self.index.shape_of(behavior),
            code,
            locals: gather.locals,
        };
        Placed {
            id: self.id(oop),
            local_ids: gather.ids,
            ..Placed::nowhere(draft)
        }
    }

    /// An object: local 0 and what travels with it.
    pub fn object(&self, oop: Oop) -> Placed<ObjectDraft> {
        let mut gather = Gather::new(*self);
        gather.add(oop, Reach::Field);
        gather.finish();
        if let Some((slot, array)) = self.backbone(oop).filter(|_| self.manner == Manner::Pull) {
            let backbone = gather.add_backbone(array);
            gather.set_slot(0, slot, backbone);
        }
        let draft = ObjectDraft {
            root: Ref::Local(0),
            locals: gather.locals,
        };
        Placed {
            id: self.id(oop),
            local_ids: gather.ids,
            ..Placed::nowhere(draft)
        }
    }

    /// A binding with its value: the value is the one slot of local 0.
    pub fn binding(&self, oop: Oop, reference: &Ref) -> Placed<ObjectDraft> {
        let mut gather = Gather::new(*self);
        gather.add_holder(self.binding_value(oop));
        gather.finish();
        let draft = ObjectDraft {
            root: reference.clone(),
            locals: gather.locals,
        };
        Placed {
            id: self.id(oop),
            local_ids: gather.ids,
            ..Placed::nowhere(draft)
        }
    }

    /// The objects that travel with the value of a binding.
    pub fn travelling(&self, binding: Oop) -> Vec<Oop> {
        let mut gather = Gather::new(*self);
        gather.add_holder(self.binding_value(binding));
        gather.finish();
        gather.travelling().collect()
    }

    /// What must be here, and no ghost, before an object is: of a closure its receiver, the method
    /// in which its block stands, and the vectors of temporaries that it shares.
    pub(super) fn prerequisites(&self, oop: Oop) -> Vec<Oop> {
        let slot = |slot: usize| self.heap.slot(oop, slot);
        let (first_copied, code, receiver) = match self.heap.class_index_of(oop) {
            ClassIndex::FULL_BLOCK_CLOSURE => {
                let home = self.home(slot(closure::COMPILED_BLOCK));
                (closure::FIRST_COPIED, home, slot(closure::RECEIVER))
            }
            ClassIndex::BLOCK_CLOSURE => match self.outer_of(oop) {
                Some(outer) => (
                    block_closure::FIRST_COPIED,
                    self.heap.slot(outer, context::METHOD),
                    self.heap.slot(outer, context::RECEIVER),
                ),
                None => return Vec::new(),
            },
            _ => return Vec::new(),
        };
        let copied = first_copied..self.heap.pointer_slot_count(oop);
        let is_vector = |value: &Oop| self.heap.class_index_of(*value) == ClassIndex::ARRAY;
        let vectors = copied.map(slot).filter(is_vector);
        [receiver, code]
            .into_iter()
            .chain(vectors)
            .filter(|needed| needed.is_object())
            .collect()
    }

    /// The context in which a closure of the older kind was made.
    pub(super) fn outer_of(&self, closure: Oop) -> Option<Oop> {
        let outer = self.heap.slot(closure, block_closure::OUTER_CONTEXT);
        let is_context =
            outer.is_object() && self.heap.class_index_of(outer) == ClassIndex::CONTEXT;
        is_context.then_some(outer)
    }

    /// The method in which a block stands.
    pub(super) fn home(&self, code: Oop) -> Oop {
        let mut at = code;
        while at.is_object() && self.heap.format(at).is_code() {
            let Some(last) = self.heap.literal_count(at).checked_sub(1) else {
                break;
            };
            let outer = self.heap.literal(at, last);
            if !outer.is_object() || !self.heap.format(outer).is_code() {
                break;
            }
            at = outer;
        }
        at
    }

    fn id(&self, oop: Oop) -> u64 {
        if self.manner == Manner::Portable {
            0
        } else {
            self.id_of(oop)
        }
    }

    fn name_of_behavior(&self, oop: Oop) -> BehaviorName {
        match self.index.place(oop) {
            Some(Place::Behavior(name)) => name.clone(),
            _ => BehaviorName::class("?"),
        }
    }

    fn superclass_of(&self, oop: Oop) -> Option<BehaviorName> {
        match self.index.place(self.heap.slot(oop, behavior::SUPERCLASS)) {
            Some(Place::Behavior(name)) => Some(name.clone()),
            _ => None,
        }
    }

    /// All selectors with the ghosts of their methods, by selector.
    fn entries(&self, oop: Oop) -> Vec<MethodEntry> {
        let dictionary = self.heap.slot(oop, behavior::METHOD_DICTIONARY);
        if self.manner == Manner::Portable
            || !dictionary.is_object()
            || dictionary == self.heap.nil()
        {
            return Vec::new();
        }
        let entry = |(selector, method): (Oop, Oop)| {
            let ghost = method.is_object().then(|| self.ghost_of(method));
            Some(MethodEntry {
                selector: self.heap.string_text(selector)?.into(),
                ghost,
            })
        };
        let mut entries: Vec<_> = MethodDictionary(dictionary)
            .entries(self.heap)
            .into_iter()
            .filter_map(entry)
            .collect();
        entries.sort_by(|left, right| left.selector.cmp(&right.selector));
        entries
    }

    /// The slots from the layout on. A portable class has its own made where it arrives.
    fn behavior_slots(&self, oop: Oop) -> Vec<Ref> {
        if self.manner == Manner::Portable {
            return Vec::new();
        }
        let last = self.heap.pointer_slot_count(oop);
        (behavior::LAYOUT..last)
            .map(|slot| self.ghost_or_name(self.heap.slot(oop, slot)))
            .collect()
    }

    fn meta_slots(&self, oop: Oop) -> Vec<Ref> {
        let mut slots = self.behavior_slots(oop);
        // The class itself is a strict slot, which the install fills.
        let this_class = self.index.names().family.this_class - behavior::LAYOUT;
        slots.truncate(this_class);
        slots
    }

    /// A value in a draft that has no locals.
    fn ghost_or_name(&self, oop: Oop) -> Ref {
        let mut gather = Gather::new(*self);
        match gather.value(oop, Reach::Field) {
            Ref::Local(_) => Ref::Master(self.ghost_of(self.heap.follow(oop))),
            reference => reference,
        }
    }

    /// The slot and array in which a collection keeps its elements.
    fn backbone(&self, oop: Oop) -> Option<(usize, Oop)> {
        let class = self.class_of(oop).filter(|class| !class.meta)?;
        let found = BACKBONES
            .iter()
            .find(|(ancestor, _)| self.index.inherits(&class.class, ancestor));
        let (_, variable) = found?;
        let slot = self.index.variable_slot(&class.class, variable)?;
        let is_there = slot < self.heap.pointer_slot_count(oop);
        let array = self
            .heap
            .follow(is_there.then(|| self.heap.slot(oop, slot))?);
        let is_array = array.is_object()
            && array != self.heap.nil()
            && self.heap.format(array).is_indexable_pointers();
        (is_array && self.index.place(array).is_none()).then_some((slot, array))
    }
}
