//! What a reference of a draft means in this heap.

use std::fmt::Display;

use imprint_heap::NeedsSpace;
use imprint_isa::{BehaviorName, Body, LocalObject, Miss, Name, Ref};
use imprint_model::layout::association;
use imprint_model::{Format, Known, Oop};

use super::{InstallError, Installer, MethodDictionary, Unbound, missing, missing_class};

/// Classes of the bindings that an install makes by itself.
pub(super) const GLOBAL_BINDING: &str = "GlobalVariable";
pub(super) const CLASS_BINDING: &str = "ClassVariable";
const UNDECLARED_BINDING: &str = "UndeclaredVariable";
const META_BINDING: &str = "LiteralVariable";

/// What references of one draft may point at.
pub(super) struct Scope<'a> {
    /// The local objects, made already.
    pub locals: &'a [Oop],
    /// The method, once it is made.
    pub own_method: Option<Oop>,
}

impl Installer<'_> {
    /// Looks whether every reference can be resolved; changes nothing.
    pub(super) fn check_references<'r>(
        &self,
        title: &dyn Display,
        references: impl IntoIterator<Item = &'r Ref>,
        local_count: usize,
    ) -> Result<(), InstallError> {
        references
            .into_iter()
            .try_for_each(|reference| self.check_reference(title, reference, local_count))
    }

    pub(crate) fn check_reference(
        &self,
        title: &dyn Display,
        reference: &Ref,
        local_count: usize,
    ) -> Result<(), InstallError> {
        let creates = self.unbound == Unbound::Create;
        match reference {
            Ref::Local(index) if *index as usize >= local_count => Err(InstallError::Malformed {
                title: title.to_string(),
                what: "it refers to a local object that it does not have",
            }),
            // What is bound already needs no class for a new binding: in Squeak's images there is none.
            Ref::Global(name) => match self.names.global(name) {
                Some(_) => Ok(()),
                None if creates => self.check_class_index(title, GLOBAL_BINDING),
                None => Err(missing(title, Miss::Global(name.clone()))),
            },
            Ref::ClassVariable { class, name } => match self.names.class_variable(class, name) {
                Some(_) => Ok(()),
                None if creates => self.check_class_index(title, CLASS_BINDING),
                None => Err(missing_class(title, class)),
            },
            Ref::Undeclared(_) => self.check_class_index(title, UNDECLARED_BINDING),
            Ref::MetaBinding(_) => self.check_class_index(title, META_BINDING),
            Ref::Class(behavior) if self.names.behavior(self.heap, behavior).is_none() => {
                Err(self.missing_behavior(title, behavior))
            }
            Ref::Method(behavior, selector) if self.method(behavior, selector).is_none() => {
                Err(self.missing_behavior(title, behavior))
            }
            _ => Ok(()),
        }
    }

    /// Looks whether each local object's class is known and its own references resolve.
    pub(super) fn check_locals(
        &self,
        title: &dyn Display,
        locals: &[LocalObject],
    ) -> Result<(), InstallError> {
        for local in locals {
            self.class_index_of_local(title, local)?;
            match &local.body {
                Body::Slots(slots) => self.check_references(title, slots, locals.len())?,
                Body::Code(code) => self.check_references(title, &code.literals, locals.len())?,
                Body::Bytes(_) => {}
            }
        }
        Ok(())
    }

    pub(super) fn check_class_index(
        &self,
        title: &dyn Display,
        name: &str,
    ) -> Result<(), InstallError> {
        match self.names.class_index(name) {
            Some(_) => Ok(()),
            None => Err(missing_class(title, &Name::from(name))),
        }
    }

    pub(super) fn missing_behavior(
        &self,
        title: &dyn Display,
        behavior: &BehaviorName,
    ) -> InstallError {
        match self.names.index_of(behavior) {
            Some(index) if behavior.meta => missing(title, Miss::ClassIndex(index)),
            _ => missing_class(title, &behavior.class),
        }
    }

    /// The class-table index of a local object's class.
    pub(crate) fn class_index_of_local(
        &self,
        title: &dyn Display,
        local: &LocalObject,
    ) -> Result<u32, InstallError> {
        let malformed = || InstallError::Malformed {
            title: title.to_string(),
            what: "the class of a local object is no class",
        };
        match &local.class {
            Ref::Class(behavior) => self
                .names
                .index_of(behavior)
                .ok_or_else(|| self.missing_behavior(title, behavior)),
            Ref::SmallInteger(index) => u32::try_from(*index).map_err(|_| malformed()),
            Ref::Master(ghost) => match self.presence.of_ghost(*ghost) {
                Some(class) if self.heap.looks_like_behavior(class) => {
                    Ok(self.heap.header(class).hash())
                }
                Some(_) => Err(malformed()),
                None => Err(missing(title, Miss::Object(*ghost))),
            },
            _ => Err(malformed()),
        }
    }

    /// The oop that a checked reference means here.
    pub(super) fn resolve(
        &mut self,
        reference: &Ref,
        scope: &Scope<'_>,
    ) -> Result<Oop, NeedsSpace> {
        Ok(match reference {
            Ref::SmallInteger(value) => Oop::small_integer(*value).unwrap_or(self.heap.nil()),
            Ref::Character(code_point) => Oop::character(*code_point),
            Ref::SmallFloat(value) => self.heap.new_float(*value)?,
            Ref::Known(Known::Nil) => self.heap.nil(),
            Ref::Known(Known::True) => self.heap.true_object(),
            Ref::Known(Known::False) => self.heap.false_object(),
            Ref::Known(known) => self.heap.known(*known),
            Ref::Scheduler => self.scheduler(),
            Ref::Symbol(text) => self.heap.intern(text)?,
            Ref::Global(name) => self.bind_global(name)?,
            Ref::ClassVariable { class, name } => self.bind_class_variable(class, name)?,
            Ref::Undeclared(name) => self.undeclared_binding(name)?,
            Ref::MetaBinding(name) => self.meta_binding(name)?,
            Ref::Class(behavior) => self
                .names
                .behavior(self.heap, behavior)
                .unwrap_or(self.heap.nil()),
            Ref::Method(behavior, selector) => {
                self.method(behavior, selector).unwrap_or(self.heap.nil())
            }
            Ref::OwnMethod => scope.own_method.unwrap_or(self.heap.nil()),
            Ref::Local(index) => scope.locals[*index as usize],
            Ref::Master(ghost) => self.presence.of_ghost(*ghost).unwrap_or(Oop::ghost(*ghost)),
        })
    }

    fn scheduler(&self) -> Oop {
        let binding = self.heap.known(Known::SchedulerBinding);
        if binding == self.heap.nil() {
            binding
        } else {
            self.heap.slot(binding, association::VALUE)
        }
    }

    /// The compiled method at a selector of a behaviour.
    pub(super) fn method(&self, behavior: &BehaviorName, selector: &str) -> Option<Oop> {
        let class = self.names.behavior(self.heap, behavior)?;
        let selector = self.heap.symbol(selector)?;
        let dictionary = self
            .heap
            .slot(class, imprint_model::layout::behavior::METHOD_DICTIONARY);
        let value = MethodDictionary(dictionary).at(self.heap, selector)?;
        (value.is_object() && self.heap.format(value).is_code()).then_some(value)
    }

    fn new_binding(&mut self, class: &str, slot_count: usize, key: Oop) -> Result<Oop, NeedsSpace> {
        let index = self
            .names
            .class_index(class)
            .expect("checked before: the class of bindings is known");
        let binding = self.heap.allocate_old(index, Format::FIXED, slot_count)?;
        self.heap.store(binding, association::KEY, key);
        Ok(binding)
    }

    /// The binding of a global; made, holding nil, where there is none.
    ///
    /// # Errors
    /// Where space is missing.
    pub fn bind_global(&mut self, name: &Name) -> Result<Oop, NeedsSpace> {
        if let Some(binding) = self.names.global(name) {
            return Ok(binding);
        }
        let key = self.heap.intern(name)?;
        let binding = self.new_binding(GLOBAL_BINDING, 2, key)?;
        self.names.bind_global(name.clone(), binding);
        Ok(binding)
    }

    /// The binding of a class variable; made, holding nil, where there is none.
    ///
    /// # Errors
    /// Where space is missing.
    pub fn bind_class_variable(&mut self, class: &Name, name: &Name) -> Result<Oop, NeedsSpace> {
        if let Some(binding) = self.names.class_variable(class, name) {
            return Ok(binding);
        }
        let key = self.heap.intern(name)?;
        let binding = self.new_binding(CLASS_BINDING, 4, key)?;
        let owner = self
            .names
            .class_object(self.heap, class)
            .unwrap_or(self.heap.nil());
        self.heap.store(binding, association::OWNING_CLASS, owner);
        self.heap
            .store(binding, association::OWNING_CLASS + 1, owner);
        self.names
            .bind_class_variable(class.clone(), name.clone(), binding);
        Ok(binding)
    }

    fn undeclared_binding(&mut self, name: &Name) -> Result<Oop, NeedsSpace> {
        if let Some(binding) = self.names.undeclared.get(name) {
            return Ok(*binding);
        }
        let key = self.heap.intern(name)?;
        let binding = self.new_binding(UNDECLARED_BINDING, 2, key)?;
        self.names.undeclared.insert(name.clone(), binding);
        Ok(binding)
    }

    fn meta_binding(&mut self, name: &Name) -> Result<Oop, NeedsSpace> {
        if let Some(binding) = self.names.meta_bindings.get(name) {
            return Ok(*binding);
        }
        let binding = self.new_binding(META_BINDING, 2, self.heap.nil())?;
        let metaclass = self
            .names
            .behavior(self.heap, &BehaviorName::meta(name.clone()));
        self.heap.store(
            binding,
            association::VALUE,
            metaclass.unwrap_or(self.heap.nil()),
        );
        self.names.meta_bindings.insert(name.clone(), binding);
        Ok(binding)
    }
}
