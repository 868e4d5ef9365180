//! Installs methods: code, literals, the blocks and literal objects that travel with it.

use std::fmt::Display;

use imprint_heap::{Heap, NeedsSpace};
use imprint_isa::{CodeBody, Draft, MethodDraft, Placed};
use imprint_model::family::PHARO;
use imprint_model::layout::behavior;
use imprint_model::{Format, Oop};

use super::references::Scope;
use super::{Fields, InstallError, Installer, MethodDictionary, Names};

/// Bytes after the bytecodes of a method that say where its source is (big-endian, position << 1
/// | file). Source: Pharo's `CompiledMethod>>sourcePointer`.
pub const TRAILER_BYTES: usize = 5;

const METHOD_CLASS: &str = "CompiledMethod";

impl Installer<'_> {
    /// Installs a method in its behaviour; `source_pointer` is where its source stands, 0 for
    /// nowhere.
    ///
    /// # Errors
    /// As [`Installer::install`].
    pub fn install_method(
        &mut self,
        method: &MethodDraft,
        placed: &Placed<Draft>,
        source_pointer: u64,
    ) -> Result<Oop, InstallError> {
        if let Some(present) = self.present(placed.id) {
            return Ok(present);
        }
        let title = &placed.draft;
        let class = self.names.behavior(self.heap, &method.behavior);
        let class = class.ok_or_else(|| self.missing_behavior(title, &method.behavior))?;
        let dictionary = MethodDictionary(self.heap.slot(class, behavior::METHOD_DICTIONARY));
        if dictionary.capacity(self.heap) == 0 {
            return Err(InstallError::Malformed {
                title: title.to_string(),
                what: "its class has no method dictionary",
            });
        }
        self.check_shape(method)?;
        let oop = self.make_code(title, method, &placed.local_ids, source_pointer)?;
        let selector = self.heap.intern(&method.selector)?;
        let standing = dictionary.at(self.heap, selector);
        self.take_hash(oop, standing, placed.id);
        if is_awaited(standing, placed.id) {
            let grown = dictionary.put_growing(self.heap, selector, oop)?;
            if grown != dictionary {
                self.heap.store(class, behavior::METHOD_DICTIONARY, grown.0);
            }
        }
        self.note(placed.id, oop);
        Ok(oop)
    }

    /// A method that comes in place of its ghost has the ghost's identity hash.
    fn take_hash(&mut self, method: Oop, before: Option<Oop>, id: u64) {
        match before.and_then(Oop::as_ghost) {
            Some(ghost) => self.heap.set_identity_hash(method, ghost.hash),
            None => self.give_hash(method, id),
        }
    }

    /// Makes the compiled method of a draft and leaves it out of any dictionary: an expression to
    /// be evaluated.
    ///
    /// # Errors
    /// As [`Installer::install`].
    pub fn make_method(
        &mut self,
        method: &MethodDraft,
        placed: &Placed<Draft>,
        source_pointer: u64,
    ) -> Result<Oop, InstallError> {
        let title = &placed.draft;
        self.check_shape(method)?;
        self.make_code(title, method, &placed.local_ids, source_pointer)
    }

    /// Makes the compiled method of a draft whose shape was looked at.
    pub(super) fn make_code(
        &mut self,
        title: &dyn Display,
        method: &MethodDraft,
        local_ids: &[u64],
        source_pointer: u64,
    ) -> Result<Oop, InstallError> {
        self.check_class_index(title, METHOD_CLASS)?;
        self.check_references(title, &method.code.literals, method.locals.len())?;
        self.check_locals(title, &method.locals)?;
        self.reserve_for(method)?;
        let index = self.names.class_index(METHOD_CLASS).expect("checked above");
        let own = self.allocate_method(index, &method.code, source_pointer)?;
        let locals = self.make_locals(title, &method.locals, local_ids, Some(own))?;
        let scope = Scope {
            locals: &locals,
            own_method: Some(own),
        };
        self.fill_literals(own, &method.code, &scope)?;
        Ok(own)
    }

    fn check_shape(&mut self, method: &MethodDraft) -> Result<(), InstallError> {
        match self.names.fields_of(&method.behavior) {
            Some(Fields { shape, .. })
                if shape != method.shape && method.shape != 0 && !self.fits_still(method) =>
            {
                Err(InstallError::Shape(method.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Whether a program has reshaped a superclass and this class's own turn is still to come: then the
    /// method is for its instances as they still are.
    fn fits_still(&self, method: &MethodDraft) -> bool {
        let class = self.names.behavior(self.heap, &method.behavior);
        let spec = class.and_then(|class| self.heap.instance_spec(class));
        let former = self.names.former_instance_variables(&method.behavior);
        let has_former_fields = spec
            .zip(former)
            .is_some_and(|(spec, former)| usize::from(spec.fixed_fields) == former.len());
        has_former_fields && self.names.former_shape_of(&method.behavior) == Some(method.shape)
    }

    fn reserve_for(&mut self, method: &MethodDraft) -> Result<(), NeedsSpace> {
        let locals: usize = method.locals.iter().map(Installer::bytes_of_local).sum();
        let own = Heap::bytes_for(
            method.code.literals.len() + 2 + method.code.bytecodes.len().div_ceil(8),
        );
        let symbols = method.code.literals.len() * Heap::bytes_for(4);
        self.heap.reserve(own + locals + symbols)
    }

    fn allocate_method(
        &mut self,
        index: u32,
        code: &CodeBody,
        source_pointer: u64,
    ) -> Result<Oop, NeedsSpace> {
        let mut bytes = Vec::with_capacity(code.bytecodes.len() + TRAILER_BYTES);
        bytes.extend_from_slice(&code.bytecodes);
        bytes.extend_from_slice(&source_pointer.to_be_bytes()[8 - TRAILER_BYTES..]);
        self.heap.allocate_code(index, code.header, &bytes)
    }

    /// Stores the resolved literals into compiled code.
    pub(super) fn fill_literals(
        &mut self,
        code: Oop,
        body: &CodeBody,
        scope: &Scope<'_>,
    ) -> Result<(), NeedsSpace> {
        for (index, literal) in body.literals.iter().enumerate() {
            let value = self.resolve(literal, scope)?;
            self.heap.store(code, index + 1, value);
        }
        Ok(())
    }
}

/// Whether a method of a master is to stand where this does: its ghost, or nothing. Where something else
/// was put there meanwhile, by a push or the program, that stays, and the method is found by its id alone.
fn is_awaited(standing: Option<Oop>, id: u64) -> bool {
    let ghost = standing.map(Oop::as_ghost);
    id == 0 || ghost.is_none_or(|ghost| ghost.is_some_and(|ghost| ghost.id == id))
}

/// The source pointer of a method in an image whose methods end with one; 0 for none. Behind the
/// bytecodes of other images there are other things.
pub fn source_pointer_in(heap: &Heap, names: &Names, method: Oop) -> u64 {
    let is_known = names.family == PHARO && !heap.bytecode_sets().v3;
    let is_code = method.is_object() && heap.format(method).is_code();
    if is_known && is_code {
        source_pointer(heap, method)
    } else {
        0
    }
}

/// The source pointer in a method's trailer; 0 for none.
pub fn source_pointer(heap: &Heap, method: Oop) -> u64 {
    debug_assert!(
        heap.format(method).base() == Format::CODE,
        "only code has a trailer"
    );
    let bytes = heap.code_bytes(method);
    let Some(trailer) = bytes.len().checked_sub(TRAILER_BYTES) else {
        return 0;
    };
    bytes[trailer..]
        .iter()
        .fold(0, |pointer, byte| pointer << 8 | u64::from(*byte))
}
