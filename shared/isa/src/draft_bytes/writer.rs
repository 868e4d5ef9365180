//! Writes the canonical bytes.

use imprint_model::{BytecodeSet, Ghost};

use super::{KIND_CLASS, KIND_METHOD, KIND_OBJECT, tag};
use crate::draft::{
    BehaviorName, Body, ClassDraft, CodeBody, LocalObject, MetaDraft, MethodDraft, MethodEntry,
    Name, ObjectDraft, Ref,
};

/// Bytes under construction.
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn flag(&mut self, flag: bool) {
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
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.blob(text.as_bytes());
    }

    pub(super) fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Writer, &T)) {
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

    fn ghost(&mut self, ghost: Ghost) {
        self.number(ghost.id);
        self.number(u64::from(ghost.hash));
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
                self.0.extend_from_slice(&value.to_bits().to_le_bytes());
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
        match &object.body {
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

    pub(super) fn meta(&mut self, meta: &MetaDraft) {
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
        self.0.extend_from_slice(&method.shape.to_le_bytes());
        self.code(&method.code);
        self.list(&method.locals, Writer::local);
    }

    pub(super) fn object(&mut self, object: &ObjectDraft) {
        self.byte(KIND_OBJECT);
        self.reference(&object.root);
        self.list(&object.locals, Writer::local);
    }
}
