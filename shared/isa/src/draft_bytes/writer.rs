//! Writes drafts: the canonical bytes, or with a [`Memory`] the packed ones.

use imprint_model::hash::identity_hash_of_id;
use imprint_model::{BytecodeSet, Ghost};

use super::memory::Memory;
use super::{KIND_CLASS, KIND_META, KIND_METHOD, KIND_OBJECT, tag};
use crate::draft::{
    BehaviorName, Body, ClassDraft, CodeBody, Draft, LocalObject, MetaDraft, MethodDraft,
    MethodEntry, Name, ObjectDraft, Placed, Ref,
};

/// Bytes under construction.
pub(super) struct Writer<'m> {
    pub(super) bytes: Vec<u8>,
    /// What was written before, where the reader remembers it too.
    memory: Option<&'m mut Memory>,
}

impl<'m> Writer<'m> {
    /// Writes the canonical form.
    pub(super) fn canonical(capacity: usize) -> Writer<'static> {
        Writer {
            bytes: Vec::with_capacity(capacity),
            memory: None,
        }
    }

    /// Writes the packed form.
    pub(super) fn packed(memory: &'m mut Memory) -> Writer<'m> {
        Writer {
            bytes: Vec::new(),
            memory: Some(memory),
        }
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.byte(u8::from(flag));
    }

    pub(super) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }

    fn signed(&mut self, value: i64) {
        self.number((value << 1 ^ value >> 63) as u64);
    }

    pub(super) fn blob(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, text: &Name) {
        if let Some(memory) = self.memory.as_deref_mut() {
            match memory.number_of(text) {
                Some(number) => return self.number(u64::from(number) + 1),
                None => self.byte(0),
            }
        }
        self.blob(text.as_bytes());
    }

    /// A text that nothing says again: it gets no number.
    pub(super) fn said_once(&mut self, text: &Name) {
        self.blob(text.as_bytes());
    }

    /// An id, 0 for none.
    pub(super) fn id(&mut self, id: u64) {
        match self.memory.as_deref_mut() {
            None => self.number(id),
            Some(_) if id == 0 => self.byte(0),
            Some(memory) => {
                let step = memory.step_to(id);
                self.number(step + 1);
            }
        }
    }

    fn shape(&mut self, shape: u64) {
        if let Some(memory) = self.memory.as_deref_mut() {
            match memory.number_of_shape(shape) {
                Some(number) => return self.number(u64::from(number) + 1),
                None => self.byte(0),
            }
        }
        self.bytes.extend_from_slice(&shape.to_le_bytes());
    }

    pub(super) fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.number(items.len() as u64);
        for item in items {
            write(self, item);
        }
    }

    fn names(&mut self, names: &[Name]) {
        self.list(names, |writer, name| writer.text(name));
    }

    fn behavior(&mut self, behavior: &BehaviorName) {
        self.flag(behavior.meta);
        self.text(&behavior.class);
    }

    /// In the packed form a hash that follows from the id is not written.
    pub(super) fn ghost(&mut self, ghost: Ghost) {
        let hash = u64::from(ghost.hash);
        let Some(memory) = self.memory.as_deref_mut() else {
            self.number(ghost.id);
            return self.number(hash);
        };
        let step = memory.step_to(ghost.id);
        let is_own = ghost.hash != identity_hash_of_id(ghost.id);
        self.number(step << 1 | u64::from(is_own));
        if is_own {
            self.number(hash);
        }
    }

    pub(super) fn reference(&mut self, reference: &Ref) {
        match reference {
            Ref::SmallInteger(value) => {
                self.byte(tag::SMALL_INTEGER);
                self.signed(*value);
            }
            Ref::Character(code_point) => {
                self.byte(tag::CHARACTER);
                self.number(u64::from(*code_point));
            }
            Ref::SmallFloat(value) => {
                self.byte(tag::SMALL_FLOAT);
                self.bytes.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            Ref::Known(known) => {
                self.byte(tag::KNOWN);
                self.byte(known.index() as u8);
            }
            Ref::Local(index) => {
                self.byte(tag::LOCAL);
                self.number(u64::from(*index));
            }
            Ref::Master(ghost) => {
                self.byte(tag::MASTER);
                self.ghost(*ghost);
            }
            Ref::OwnMethod => self.byte(tag::OWN_METHOD),
            Ref::Scheduler => self.byte(tag::SCHEDULER),
            named => self.named_reference(named),
        }
    }

    fn named_reference(&mut self, reference: &Ref) {
        let (tag, first, second) = match reference {
            Ref::Symbol(text) => (tag::SYMBOL, text, None),
            Ref::Global(name) => (tag::GLOBAL, name, None),
            Ref::ClassVariable { class, name } => (tag::CLASS_VARIABLE, class, Some(name)),
            Ref::Undeclared(name) => (tag::UNDECLARED, name, None),
            Ref::MetaBinding(name) => (tag::META_BINDING, name, None),
            Ref::Class(behavior) if behavior.meta => (tag::METACLASS, &behavior.class, None),
            Ref::Class(behavior) => (tag::CLASS, &behavior.class, None),
            Ref::Method(behavior, selector) => {
                self.byte(tag::METHOD);
                self.behavior(behavior);
                return self.text(selector);
            }
            _ => unreachable!("references without a name are written before"),
        };
        self.byte(tag);
        self.text(first);
        if let Some(second) = second {
            self.text(second);
        }
    }

    fn code(&mut self, code: &CodeBody) {
        let header = code.header;
        let is_older = header.set == BytecodeSet::V3PlusClosures;
        self.byte(
            u8::from(header.has_primitive)
                | u8::from(header.is_large_frame) << 1
                | u8::from(is_older) << 2,
        );
        self.byte(header.temp_count);
        self.byte(header.argument_count);
        self.list(&code.literals, Writer::reference);
        self.blob(&code.bytecodes);
    }

    fn local(&mut self, object: &LocalObject) {
        self.reference(&object.class);
        self.byte(object.format.bits());
        self.number(u64::from(object.hash));
        self.flag(object.read_only);
        self.body(&object.body);
    }

    pub(super) fn body(&mut self, body: &Body) {
        match body {
            Body::Slots(slots) => self.list(slots, Writer::reference),
            Body::Bytes(bytes) => self.blob(bytes),
            Body::Code(code) => self.code(code),
        }
    }

    fn entry(&mut self, entry: &MethodEntry) {
        self.text(&entry.selector);
        self.flag(entry.ghost.is_some());
        if let Some(ghost) = entry.ghost {
            self.ghost(ghost);
        }
    }

    /// A draft, from its kind on.
    pub(super) fn draft(&mut self, draft: &Draft) {
        match draft {
            Draft::Class(class) => self.class(class),
            Draft::Meta(meta) => {
                self.byte(KIND_META);
                self.meta(meta);
            }
            Draft::Method(method) => self.method(method),
            Draft::Object(object) => self.object(object),
        }
    }

    /// Where a draft stands.
    pub(super) fn place(&mut self, placed: &Placed<Draft>) {
        self.id(placed.id);
        self.id(placed.meta_id);
        self.number(u64::from(placed.class_indices.0));
        self.number(u64::from(placed.class_indices.1));
        self.list(&placed.local_ids, |writer, id| writer.id(*id));
    }

    pub(super) fn class(&mut self, class: &ClassDraft) {
        self.byte(KIND_CLASS);
        self.text(&class.name);
        self.flag(class.superclass.is_some());
        if let Some(superclass) = &class.superclass {
            self.text(superclass);
        }
        self.byte(class.instance_spec.spec);
        self.number(u64::from(class.instance_spec.fixed_fields));
        self.names(&class.instance_variables);
        self.names(&class.class_variables);
        self.names(&class.pools);
        self.text(&class.package);
        self.text(&class.tag);
        self.list(&class.methods, Writer::entry);
        self.list(&class.slots, Writer::reference);
        self.flag(class.meta.is_some());
        if let Some(meta) = &class.meta {
            self.meta(meta);
        }
    }

    fn meta(&mut self, meta: &MetaDraft) {
        self.text(&meta.name);
        self.behavior(&meta.superclass);
        self.number(u64::from(meta.class_slots));
        self.names(&meta.instance_variables);
        self.list(&meta.methods, Writer::entry);
        self.list(&meta.slots, Writer::reference);
    }

    pub(super) fn method(&mut self, method: &MethodDraft) {
        self.byte(KIND_METHOD);
        self.behavior(&method.behavior);
        self.text(&method.selector);
        self.text(&method.protocol);
        self.shape(method.shape);
        self.code(&method.code);
        self.list(&method.locals, Writer::local);
    }

    fn object(&mut self, object: &ObjectDraft) {
        self.byte(KIND_OBJECT);
        self.reference(&object.root);
        self.list(&object.locals, Writer::local);
    }
}
