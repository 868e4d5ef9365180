//! Reads drafts: the canonical bytes, refusing every other; or with a [`Recollection`] the packed ones.

use imprint_model::hash::identity_hash_of_id;
use imprint_model::oop::{HASH_MASK, SMALL_INTEGER_MAX, SMALL_INTEGER_MIN};
use imprint_model::{BytecodeSet, Format, Ghost, InstanceSpec, Known, MethodHeader, Oop};

use super::memory::Recollection;
use super::{DraftError, KIND_CLASS, KIND_META, KIND_METHOD, KIND_OBJECT, tag};
use crate::draft::{
    BehaviorName, Body, ClassDraft, CodeBody, Draft, LocalObject, MetaDraft, MethodDraft,
    MethodEntry, Name, ObjectDraft, Placed, Ref,
};

/// Bytes and how far they are read.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    memory: Option<&'a mut Recollection>,
}

impl<'a> Reader<'a> {
    /// Reads the canonical form.
    pub(super) fn canonical(bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            bytes,
            at: 0,
            memory: None,
        }
    }

    /// Reads the packed form.
    pub(super) fn packed(bytes: &'a [u8], memory: &'a mut Recollection) -> Reader<'a> {
        Reader {
            bytes,
            at: 0,
            memory: Some(memory),
        }
    }

    pub(super) fn end(&self) -> Result<(), DraftError> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(DraftError::TooLong(left)),
        }
    }

    pub(super) fn invalid<T>(&self, what: &'static str) -> Result<T, DraftError> {
        Err(DraftError::Invalid { what, at: self.at })
    }

    /// Bytes that are left.
    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The kind of a draft, where only one may stand.
    pub(super) fn kind(&mut self, kind: u8) -> Result<(), DraftError> {
        if self.byte()? == kind {
            Ok(())
        } else {
            self.invalid("kind of draft")
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], DraftError> {
        let end = self
            .at
            .checked_add(count)
            .ok_or(DraftError::Truncated(self.at))?;
        let taken = self
            .bytes
            .get(self.at..end)
            .ok_or(DraftError::Truncated(self.bytes.len()))?;
        self.at = end;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, DraftError> {
        Ok(self.take(1)?[0])
    }

    fn word(&mut self) -> Result<u64, DraftError> {
        let mut word = [0; 8];
        word.copy_from_slice(self.take(8)?);
        Ok(u64::from_le_bytes(word))
    }

    pub(super) fn flag(&mut self) -> Result<bool, DraftError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => self.invalid("flag"),
        }
    }

    pub(super) fn number(&mut self) -> Result<u64, DraftError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 || shift > 0 && byte == 0 {
                return self.invalid("number");
            }
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        self.invalid("number")
    }

    pub(super) fn number_32(&mut self) -> Result<u32, DraftError> {
        u32::try_from(self.number()?).or_else(|_| self.invalid("number"))
    }

    fn number_16(&mut self) -> Result<u16, DraftError> {
        u16::try_from(self.number()?).or_else(|_| self.invalid("number"))
    }

    fn signed(&mut self) -> Result<i64, DraftError> {
        let value = self.number()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub(super) fn blob(&mut self) -> Result<&'a [u8], DraftError> {
        let count = self.number()?;
        self.take(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Numbers in the packed form: 0 for what comes now, else what was remembered.
    fn remembered<T>(
        &mut self,
        recall: impl Fn(&Recollection, usize) -> Option<T>,
    ) -> Result<Option<T>, DraftError> {
        if self.memory.is_none() {
            return Ok(None);
        }
        let Some(number) = self.number()?.checked_sub(1) else {
            return Ok(None);
        };
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let recalled = self.memory.as_deref().and_then(|it| recall(it, number));
        recalled.map_or_else(|| self.invalid("back reference"), |it| Ok(Some(it)))
    }

    pub(super) fn text(&mut self) -> Result<Name, DraftError> {
        if let Some(text) = self.remembered(Recollection::text)? {
            return Ok(text);
        }
        let text = self.said_once()?;
        if let Some(memory) = self.memory.as_deref_mut() {
            memory.note_text(&text);
        }
        Ok(text)
    }

    /// A text that has no number.
    pub(super) fn said_once(&mut self) -> Result<Name, DraftError> {
        match std::str::from_utf8(self.blob()?) {
            Ok(text) => Ok(Name::from(text)),
            Err(_) => self.invalid("text"),
        }
    }

    fn shape(&mut self) -> Result<u64, DraftError> {
        if let Some(shape) = self.remembered(Recollection::shape)? {
            return Ok(shape);
        }
        let shape = self.word()?;
        if let Some(memory) = self.memory.as_deref_mut() {
            memory.note_shape(shape);
        }
        Ok(shape)
    }

    /// An id, 0 for none.
    pub(super) fn id(&mut self) -> Result<u64, DraftError> {
        let number = self.number()?;
        match self.memory.as_deref_mut() {
            Some(memory) if number > 0 => Ok(memory.step(number - 1)),
            _ => Ok(number),
        }
    }

    /// A list; each item takes at least one byte, so a count beyond what is left is a lie.
    pub(super) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, DraftError>,
    ) -> Result<Vec<T>, DraftError> {
        let count = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if count > self.remaining() {
            return Err(DraftError::Truncated(self.bytes.len()));
        }
        (0..count).map(|_| read(self)).collect()
    }

    fn names(&mut self) -> Result<Vec<Name>, DraftError> {
        self.list(Reader::text)
    }

    fn behavior(&mut self) -> Result<BehaviorName, DraftError> {
        Ok(BehaviorName {
            meta: self.flag()?,
            class: self.text()?,
        })
    }

    /// An identity hash, 0 for none.
    pub(super) fn hash(&mut self) -> Result<u32, DraftError> {
        match self.number_32()? {
            hash if hash > HASH_MASK => self.invalid("identity hash"),
            hash => Ok(hash),
        }
    }

    pub(super) fn ghost(&mut self) -> Result<Ghost, DraftError> {
        let number = self.number()?;
        let (id, has_hash) = match self.memory.as_deref_mut() {
            Some(memory) => (memory.step(number >> 1), number & 1 != 0),
            None => (number, true),
        };
        let hash = if has_hash {
            self.number_32()?
        } else {
            identity_hash_of_id(id)
        };
        Ghost::new(id, hash).map_or_else(|| self.invalid("ghost"), Ok)
    }

    pub(super) fn reference(&mut self) -> Result<Ref, DraftError> {
        Ok(match self.byte()? {
            tag::SMALL_INTEGER => Ref::SmallInteger(self.small_integer()?),
            tag::CHARACTER => Ref::Character(self.character()?),
            tag::SMALL_FLOAT => Ref::SmallFloat(self.small_float()?),
            tag::KNOWN => Ref::Known(self.known()?),
            tag::SYMBOL => Ref::Symbol(self.text()?),
            tag::GLOBAL => Ref::Global(self.text()?),
            tag::CLASS_VARIABLE => Ref::ClassVariable {
                class: self.text()?,
                name: self.text()?,
            },
            tag::UNDECLARED => Ref::Undeclared(self.text()?),
            tag::META_BINDING => Ref::MetaBinding(self.text()?),
            tag::CLASS => Ref::Class(BehaviorName::class(self.text()?)),
            tag::METACLASS => Ref::Class(BehaviorName::meta(self.text()?)),
            tag::METHOD => Ref::Method(self.behavior()?, self.text()?),
            tag::OWN_METHOD => Ref::OwnMethod,
            tag::SCHEDULER => Ref::Scheduler,
            tag::LOCAL => Ref::Local(self.number_32()?),
            tag::MASTER => Ref::Master(self.ghost()?),
            _ => return self.invalid("reference"),
        })
    }

    fn small_integer(&mut self) -> Result<i64, DraftError> {
        let value = self.signed()?;
        if (SMALL_INTEGER_MIN..=SMALL_INTEGER_MAX).contains(&value) {
            Ok(value)
        } else {
            self.invalid("integer")
        }
    }

    fn character(&mut self) -> Result<u32, DraftError> {
        let code_point = self.number_32()?;
        if code_point < 1 << 30 {
            Ok(code_point)
        } else {
            self.invalid("character")
        }
    }

    fn small_float(&mut self) -> Result<f64, DraftError> {
        let value = f64::from_bits(self.word()?);
        if Oop::small_float(value).is_some() {
            Ok(value)
        } else {
            self.invalid("float")
        }
    }

    fn known(&mut self) -> Result<Known, DraftError> {
        let index = self.byte()?;
        Known::from_index(usize::from(index)).map_or_else(|| self.invalid("known object"), Ok)
    }

    fn code(&mut self) -> Result<CodeBody, DraftError> {
        let flags = self.byte()?;
        let (temp_count, argument_count) = (self.byte()?, self.byte()?);
        if flags > 7 || temp_count > 63 || argument_count > 15 {
            return self.invalid("method header");
        }
        let literals = self.list(Reader::reference)?;
        let literal_count = match u16::try_from(literals.len()) {
            Ok(count) if count < 1 << 15 => count,
            _ => return self.invalid("number of literals"),
        };
        let set = if flags & 4 != 0 {
            BytecodeSet::V3PlusClosures
        } else {
            BytecodeSet::SistaV1
        };
        let header = MethodHeader {
            set,
            literal_count,
            has_primitive: flags & 1 != 0,
            is_large_frame: flags & 2 != 0,
            temp_count,
            argument_count,
        };
        Ok(CodeBody {
            header,
            literals,
            bytecodes: self.blob()?.to_vec(),
        })
    }

    fn local(&mut self) -> Result<LocalObject, DraftError> {
        let class = self.reference()?;
        let format = self.format()?;
        Ok(LocalObject {
            class,
            format,
            hash: self.hash()?,
            read_only: self.flag()?,
            body: self.body(format)?,
        })
    }

    pub(super) fn format(&mut self) -> Result<Format, DraftError> {
        let bits = self.byte()?;
        let format = Format::from_bits(bits);
        if bits > 31 || !format.is_known() || format.base() != format {
            return self.invalid("object format");
        }
        Ok(format)
    }

    pub(super) fn body(&mut self, format: Format) -> Result<Body, DraftError> {
        Ok(if format.is_code() {
            Body::Code(self.code()?)
        } else if format.is_raw() {
            Body::Bytes(self.blob()?.to_vec())
        } else {
            Body::Slots(self.list(Reader::reference)?)
        })
    }

    fn entry(&mut self) -> Result<MethodEntry, DraftError> {
        let selector = self.text()?;
        let ghost = if self.flag()? {
            Some(self.ghost()?)
        } else {
            None
        };
        Ok(MethodEntry { selector, ghost })
    }

    /// A draft, from its kind on.
    pub(super) fn draft(&mut self) -> Result<Draft, DraftError> {
        match self.byte()? {
            KIND_CLASS => Ok(Draft::Class(self.class()?)),
            KIND_META => Ok(Draft::Meta(self.meta()?)),
            KIND_METHOD => Ok(Draft::Method(self.method()?)),
            KIND_OBJECT => Ok(Draft::Object(ObjectDraft {
                root: self.reference()?,
                locals: self.list(Reader::local)?,
            })),
            _ => self.invalid("kind of draft"),
        }
    }

    /// Where a draft stands.
    pub(super) fn place(&mut self, draft: Draft) -> Result<Placed<Draft>, DraftError> {
        Ok(Placed {
            draft,
            id: self.id()?,
            meta_id: self.id()?,
            class_indices: (self.number_32()?, self.number_32()?),
            local_ids: self.list(Reader::id)?,
        })
    }

    pub(super) fn class(&mut self) -> Result<ClassDraft, DraftError> {
        Ok(ClassDraft {
            name: self.text()?,
            superclass: if self.flag()? {
                Some(self.text()?)
            } else {
                None
            },
            instance_spec: self.instance_spec()?,
            instance_variables: self.names()?,
            class_variables: self.names()?,
            pools: self.names()?,
            package: self.text()?,
            tag: self.text()?,
            methods: self.list(Reader::entry)?,
            slots: self.list(Reader::reference)?,
            meta: if self.flag()? {
                Some(self.meta()?)
            } else {
                None
            },
        })
    }

    fn meta(&mut self) -> Result<MetaDraft, DraftError> {
        Ok(MetaDraft {
            name: self.text()?,
            superclass: self.behavior()?,
            class_slots: self.number_16()?,
            instance_variables: self.names()?,
            methods: self.list(Reader::entry)?,
            slots: self.list(Reader::reference)?,
        })
    }

    fn instance_spec(&mut self) -> Result<InstanceSpec, DraftError> {
        let (spec, fixed_fields) = (self.byte()?, self.number_16()?);
        if spec > 31 {
            return self.invalid("instance specification");
        }
        Ok(InstanceSpec { spec, fixed_fields })
    }

    pub(super) fn method(&mut self) -> Result<MethodDraft, DraftError> {
        Ok(MethodDraft {
            behavior: self.behavior()?,
            selector: self.text()?,
            protocol: self.text()?,
            shape: self.shape()?,
            code: self.code()?,
            locals: self.list(Reader::local)?,
        })
    }
}
