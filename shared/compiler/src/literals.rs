//! Constants as draft references: what is an immediate or has a name is said at once, the rest
//! becomes a local object of the draft. Objects that code pushes are read-only, all the way down.

use imprint_isa::draft::{Body, LocalObject, Ref};
use imprint_model::{Format, Oop};
use imprint_syntax::{Integer, Literal};

/// The local objects of a draft in the making.
#[derive(Debug, Default)]
pub(crate) struct Locals {
    pub(crate) objects: Vec<LocalObject>,
}

impl Locals {
    /// Adds an object.
    pub(crate) fn add(&mut self, object: LocalObject) -> Ref {
        self.objects.push(object);
        Ref::Local(u32::try_from(self.objects.len() - 1).unwrap_or(u32::MAX))
    }

    /// Adds a read-only object.
    fn constant(&mut self, class: &str, format: Format, body: Body) -> Ref {
        self.add(LocalObject {
            class: Ref::class(class),
            format,
            hash: 0,
            read_only: true,
            body,
        })
    }

    /// The reference to a constant.
    pub(crate) fn literal(&mut self, literal: &Literal<'_>) -> Ref {
        match literal {
            Literal::Nil => Ref::NIL,
            Literal::True => Ref::TRUE,
            Literal::False => Ref::FALSE,
            Literal::Integer(integer) => self.integer(integer),
            Literal::Fraction {
                numerator,
                denominator,
            } => {
                let slots = vec![self.integer(numerator), self.integer(denominator)];
                self.constant("Fraction", Format::FIXED, Body::Slots(slots))
            }
            Literal::Scaled {
                numerator,
                denominator,
                scale,
            } => {
                let scale = Ref::SmallInteger(i64::from(*scale));
                let slots = vec![self.integer(numerator), self.integer(denominator), scale];
                self.constant("ScaledDecimal", Format::FIXED, Body::Slots(slots))
            }
            Literal::Float(value) => self.float(*value),
            Literal::Character(character) => Ref::Character(u32::from(*character)),
            Literal::String(text) => self.string(text),
            Literal::Symbol(text) => Ref::symbol(&**text),
            Literal::ByteArray(bytes) => {
                self.constant("ByteArray", Format::BYTES, Body::Bytes(bytes.clone()))
            }
            Literal::Array(elements) => {
                let slots = elements
                    .iter()
                    .map(|element| self.literal(element))
                    .collect();
                self.constant("Array", Format::ARRAY, Body::Slots(slots))
            }
        }
    }

    /// The reference to a whole number of machine size.
    pub(crate) fn small_integer(&mut self, value: i64) -> Ref {
        if Oop::small_integer(value).is_some() {
            return Ref::SmallInteger(value);
        }
        let bytes = value.unsigned_abs().to_le_bytes();
        let length = bytes
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |last| last + 1);
        self.large_integer(value < 0, &bytes[..length])
    }

    fn integer(&mut self, integer: &Integer) -> Ref {
        match integer {
            Integer::Small(value) => self.small_integer(*value),
            Integer::Large {
                negative,
                magnitude,
            } => self.large_integer(*negative, magnitude),
        }
    }

    fn large_integer(&mut self, negative: bool, magnitude: &[u8]) -> Ref {
        let class = if negative {
            "LargeNegativeInteger"
        } else {
            "LargePositiveInteger"
        };
        self.constant(class, Format::BYTES, Body::Bytes(magnitude.to_vec()))
    }

    fn float(&mut self, value: f64) -> Ref {
        if Oop::small_float(value).is_some() {
            return Ref::SmallFloat(value);
        }
        self.constant(
            "BoxedFloat64",
            Format::WORDS_64,
            Body::Bytes(value.to_le_bytes().to_vec()),
        )
    }

    /// Latin-1 where that does, 32 bits a character where not.
    fn string(&mut self, text: &str) -> Ref {
        let narrow: Option<Vec<u8>> = text
            .chars()
            .map(|character| u8::try_from(u32::from(character)).ok())
            .collect();
        match narrow {
            Some(bytes) => self.constant("ByteString", Format::BYTES, Body::Bytes(bytes)),
            None => {
                let words = text
                    .chars()
                    .flat_map(|character| u32::from(character).to_le_bytes())
                    .collect();
                self.constant("WideString", Format::WORDS_32, Body::Bytes(words))
            }
        }
    }
}
