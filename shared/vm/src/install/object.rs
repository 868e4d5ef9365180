//! Installs objects, alone or as locals of a method.

use std::fmt::Display;

use imprint_heap::{Heap, NeedsSpace};
use imprint_isa::{Body, Draft, LocalObject, ObjectDraft, Placed, Ref};
use imprint_model::hash::identity_hash_of_id;
use imprint_model::{ClassIndex, Format, Oop};

use super::references::{CLASS_BINDING, GLOBAL_BINDING, Scope};
use super::{InstallError, Installer};

impl Installer<'_> {
    /// Installs an object with its locals and answers the root.
    pub(super) fn install_object(
        &mut self,
        object: &ObjectDraft,
        placed: &Placed<Draft>,
    ) -> Result<Oop, InstallError> {
        if let Some(present) = self.present(placed.id) {
            return Ok(present);
        }
        let (root, _) = self.make_object(object, placed)?;
        Ok(root)
    }

    /// Installs an object that is nowhere yet and answers all objects that came with it.
    ///
    /// # Errors
    /// As [`Installer::install`].
    pub fn install_graph(
        &mut self,
        object: &ObjectDraft,
        placed: &Placed<Draft>,
    ) -> Result<Vec<Oop>, InstallError> {
        let (_, locals) = self.make_object(object, placed)?;
        Ok(locals)
    }

    /// The root and the locals.
    fn make_object(
        &mut self,
        object: &ObjectDraft,
        placed: &Placed<Draft>,
    ) -> Result<(Oop, Vec<Oop>), InstallError> {
        let title = &placed.draft;
        self.check_root(title, object)?;
        self.check_locals(title, &object.locals)?;
        self.heap
            .reserve(object.locals.iter().map(Installer::bytes_of_local).sum())?;
        let locals = self.make_locals(title, &object.locals, &placed.local_ids, None)?;
        if let (Ref::Known(known), Some(own)) = (&object.root, locals.first()) {
            self.heap.set_known(*known, *own);
        }
        let root = self.resolve(
            &object.root,
            &Scope {
                locals: &locals,
                own_method: None,
            },
        )?;
        self.bind(&object.root, &locals);
        self.note(placed.id, root);
        Ok((root, locals))
    }

    /// A binding that comes with its value is made where there is none; any other root must be here.
    fn check_root(&self, title: &dyn Display, object: &ObjectDraft) -> Result<(), InstallError> {
        match &object.root {
            Ref::Global(_) if !object.locals.is_empty() => {
                self.check_class_index(title, GLOBAL_BINDING)
            }
            Ref::ClassVariable { .. } if !object.locals.is_empty() => {
                self.check_class_index(title, CLASS_BINDING)
            }
            root => self.check_references(title, [root], object.locals.len()),
        }
    }

    /// Where the root is a named binding whose value comes along as local 0, stores the value.
    fn bind(&mut self, root: &Ref, locals: &[Oop]) {
        let binding = match root {
            Ref::Global(name) => self.names.global(name),
            Ref::ClassVariable { class, name } => self.names.class_variable(class, name),
            _ => None,
        };
        if let (Some(binding), Some(value)) = (binding, locals.first()) {
            let value = self.heap.slot(*value, 0);
            self.heap
                .store(binding, imprint_model::layout::association::VALUE, value);
        }
    }

    /// What a reference of a draft means here that was installed, whose locals have these ids; nil where that
    /// did not come.
    ///
    /// # Errors
    /// Where space is missing.
    pub(crate) fn meaning(&mut self, reference: &Ref, ids: &[u64]) -> Result<Oop, NeedsSpace> {
        if let Ref::Local(number) = reference {
            let id = ids.get(*number as usize).copied();
            let local = id.and_then(|id| self.present(id));
            return Ok(local.unwrap_or(self.heap.nil()));
        }
        let scope = Scope {
            locals: &[],
            own_method: None,
        };
        self.resolve(reference, &scope)
    }

    /// Bytes that a local object takes at most.
    pub fn bytes_of_local(local: &LocalObject) -> usize {
        match &local.body {
            Body::Slots(slots) => Heap::bytes_for(slots.len()),
            Body::Bytes(bytes) => Heap::bytes_for(bytes.len().div_ceil(8)),
            Body::Code(code) => {
                Heap::bytes_for(1 + code.literals.len() + code.bytecodes.len().div_ceil(8))
            }
        }
    }

    /// Makes the local objects of a draft; those whose id is here already are taken as they are.
    pub(super) fn make_locals(
        &mut self,
        title: &dyn Display,
        locals: &[LocalObject],
        ids: &[u64],
        own_method: Option<Oop>,
    ) -> Result<Vec<Oop>, InstallError> {
        let id_of = |index: usize| ids.get(index).copied().unwrap_or(0);
        let mut made = Vec::with_capacity(locals.len());
        let mut fresh = Vec::with_capacity(locals.len());
        for (index, local) in locals.iter().enumerate() {
            let present = self.present(id_of(index));
            fresh.push(present.is_none());
            made.push(match present {
                Some(oop) => oop,
                None => self.allocate_local(title, local)?,
            });
        }
        let scope = Scope {
            locals: &made,
            own_method,
        };
        for (index, local) in locals.iter().enumerate().filter(|(index, _)| fresh[*index]) {
            self.fill_local(made[index], local, &scope)?;
            self.give_hash(made[index], id_of(index));
        }
        for (index, oop) in made.iter().enumerate() {
            self.note(id_of(index), *oop);
        }
        Ok(made)
    }

    fn allocate_local(
        &mut self,
        title: &dyn Display,
        local: &LocalObject,
    ) -> Result<Oop, InstallError> {
        let index = self.class_index_of_local(title, local)?;
        Ok(match &local.body {
            Body::Slots(slots) => self.allocate_slots(index, local.format, slots.len())?,
            Body::Code(code) => self
                .heap
                .allocate_code(index, code.header, &code.bytecodes)?,
            Body::Bytes(bytes) => {
                let (slots, format) = local.format.sized(bytes.len());
                let oop = self.heap.allocate_old(index, format, slots)?;
                self.heap.bytes_mut(oop).copy_from_slice(bytes);
                oop
            }
        })
    }

    fn allocate_slots(
        &mut self,
        index: u32,
        format: Format,
        count: usize,
    ) -> Result<Oop, NeedsSpace> {
        debug_assert!(
            index != ClassIndex::GHOST,
            "no class has the index of ghosts"
        );
        self.heap.allocate_old(index, format, count)
    }

    fn fill_local(
        &mut self,
        oop: Oop,
        local: &LocalObject,
        scope: &Scope<'_>,
    ) -> Result<(), NeedsSpace> {
        match &local.body {
            Body::Slots(slots) => {
                for (index, slot) in slots.iter().enumerate() {
                    let value = self.resolve(slot, scope)?;
                    self.heap.store(oop, index, value);
                }
            }
            Body::Code(code) => self.fill_literals(oop, code, scope)?,
            Body::Bytes(_) => {}
        }
        if local.hash != 0 {
            self.heap.set_identity_hash(oop, local.hash);
        }
        if local.read_only {
            self.heap.set_read_only(oop, true);
        }
        Ok(())
    }

    /// Gives an object of the master that has no identity hash there the one that its ghosts show.
    pub(super) fn give_hash(&mut self, oop: Oop, id: u64) {
        if id != 0 && self.heap.header(oop).hash() == 0 {
            self.heap.set_identity_hash(oop, identity_hash_of_id(id));
        }
    }
}
