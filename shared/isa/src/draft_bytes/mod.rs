//! The canonical bytes of a draft: one form for packages, the log and identity. What goes over a
//! stream is the same drafts [`packed`]: without what the other side knows by then.
//!
//! ```text
//! draft   = version u8 (1), kind u8 (1 class, 2 method, 3 object, 4 class side), fields in the order of the types
//! placed  = draft length varint, draft, id, meta id, two class indices, local ids   (all varints)
//! integer = LEB128, shortest form only; signed ones zig-zag first
//! text    = length varint, UTF-8          list = count varint, items         flag = one byte 0 or 1
//! ```
//!
//! There is exactly one encoding of each draft; decoding refuses every other, so equal drafts
//! have equal bytes and equal [`identity`]. Decoding trusts nothing: sizes are checked against
//! what is left before anything is allocated, and nesting does not exist.

mod memory;
pub mod numbers;
pub mod package;
pub mod packed;
mod reader;
mod writer;

use crate::draft::{Draft, Placed, Ref};
use reader::Reader;
use writer::Writer;

/// Version of the form.
pub const DRAFT_VERSION: u8 = 1;

const KIND_CLASS: u8 = 1;
const KIND_METHOD: u8 = 2;
const KIND_OBJECT: u8 = 3;
const KIND_META: u8 = 4;

/// Why bytes are no draft.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DraftError {
    /// The bytes end too early.
    #[error("the draft is cut off at byte {0}")]
    Truncated(usize),
    /// Bytes are left over.
    #[error("the draft has {0} bytes too many")]
    TooLong(usize),
    /// Another version.
    #[error("the draft has version {0}, this program reads version {DRAFT_VERSION}")]
    Version(u8),
    /// A value that no draft holds there.
    #[error("the draft holds an invalid {what} at byte {at}")]
    Invalid {
        /// What should stand there.
        what: &'static str,
        /// Byte offset.
        at: usize,
    },
}

/// The canonical bytes of a draft.
pub fn encode(draft: &Draft) -> Vec<u8> {
    let mut writer = Writer::canonical(256);
    writer.byte(DRAFT_VERSION);
    writer.draft(draft);
    writer.bytes
}

/// Reads canonical bytes.
///
/// # Errors
/// Where they are cut, too long, of another version, or hold what no draft holds.
pub fn decode(bytes: &[u8]) -> Result<Draft, DraftError> {
    let mut reader = Reader::canonical(bytes);
    match reader.byte()? {
        DRAFT_VERSION => {}
        version => return Err(DraftError::Version(version)),
    }
    let draft = reader.draft()?;
    reader.end()?;
    Ok(draft)
}

/// The identity of a draft: the BLAKE3 of its canonical bytes.
pub fn identity(draft: &Draft) -> blake3::Hash {
    blake3::hash(&encode(draft))
}

/// The first 8 bytes of a draft's identity, little-endian: enough where both sides mean well.
pub fn short_identity(draft: &Draft) -> u64 {
    first_bytes(identity(draft))
}

/// What tells one list of short identities from another.
pub fn digest(identities: impl IntoIterator<Item = u64>) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for identity in identities {
        hasher.update(&identity.to_le_bytes());
    }
    first_bytes(hasher.finalize())
}

fn first_bytes(hash: blake3::Hash) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}

/// The bytes of a draft with its place.
pub fn encode_placed(placed: &Placed<Draft>) -> Vec<u8> {
    let draft = encode(&placed.draft);
    let mut writer = Writer::canonical(draft.len() + 16);
    writer.blob(&draft);
    writer.place(placed);
    writer.bytes
}

/// Reads a draft with its place.
///
/// # Errors
/// As [`decode`].
pub fn decode_placed(bytes: &[u8]) -> Result<Placed<Draft>, DraftError> {
    let mut reader = Reader::canonical(bytes);
    let draft = decode(reader.blob()?)?;
    let placed = reader.place(draft)?;
    reader.end()?;
    Ok(placed)
}

/// The canonical bytes of one reference, for what names an object outside of drafts.
pub fn encode_reference(reference: &Ref) -> Vec<u8> {
    let mut writer = Writer::canonical(32);
    writer.reference(reference);
    writer.bytes
}

/// Reads the bytes of one reference.
///
/// # Errors
/// As [`decode`].
pub fn decode_reference(bytes: &[u8]) -> Result<Ref, DraftError> {
    let mut reader = Reader::canonical(bytes);
    let reference = reader.reference()?;
    reader.end()?;
    Ok(reference)
}

/// Tags of references.
mod tag {
    pub const SMALL_INTEGER: u8 = 0;
    pub const CHARACTER: u8 = 1;
    pub const SMALL_FLOAT: u8 = 2;
    pub const KNOWN: u8 = 3;
    pub const SYMBOL: u8 = 4;
    pub const GLOBAL: u8 = 5;
    pub const CLASS_VARIABLE: u8 = 6;
    pub const UNDECLARED: u8 = 7;
    pub const META_BINDING: u8 = 8;
    pub const CLASS: u8 = 9;
    pub const METACLASS: u8 = 10;
    pub const METHOD: u8 = 11;
    pub const OWN_METHOD: u8 = 12;
    pub const LOCAL: u8 = 13;
    pub const MASTER: u8 = 14;
    pub const SCHEDULER: u8 = 15;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::{
        BehaviorName, Body, ClassDraft, CodeBody, LocalObject, MetaDraft, MethodDraft, MethodEntry,
    };
    use imprint_model::{Format, Ghost, InstanceSpec, MethodHeader};

    pub(super) fn sample_method() -> Draft {
        let text = LocalObject {
            class: Ref::class("ByteString"),
            format: Format::BYTES,
            hash: 0,
            read_only: true,
            body: Body::Bytes(b"hello".to_vec()),
        };
        let literals = vec![
            Ref::Local(0),
            Ref::SmallInteger(-5),
            Ref::SmallFloat(1.5),
            Ref::Character(0x1F600),
            Ref::ClassVariable {
                class: "Foo".into(),
                name: "Bar".into(),
            },
            Ref::Method(BehaviorName::meta("Foo"), "at:put:".into()),
            Ref::OwnMethod,
            Ref::symbol("bar"),
            Ref::MetaBinding("Foo".into()),
        ];
        let header = MethodHeader {
            literal_count: literals.len() as u16,
            temp_count: 3,
            ..MethodHeader::default()
        };
        Draft::Method(MethodDraft {
            behavior: BehaviorName::meta("Foo"),
            selector: "bar".into(),
            protocol: "accessing".into(),
            shape: 42,
            code: CodeBody {
                header,
                literals,
                bytecodes: vec![32, 92],
            },
            locals: vec![text],
        })
    }

    pub(super) fn sample_class() -> Draft {
        Draft::Class(ClassDraft {
            name: "Foo".into(),
            superclass: Some("Object".into()),
            instance_spec: InstanceSpec {
                spec: 1,
                fixed_fields: 2,
            },
            instance_variables: vec!["a".into(), "b".into()],
            class_variables: vec!["Bar".into()],
            pools: vec![],
            package: "Foo-Core".into(),
            tag: "".into(),
            methods: vec![MethodEntry {
                selector: "a".into(),
                ghost: Ghost::new(77, 5),
            }],
            slots: vec![
                Ref::NIL,
                Ref::Master(Ghost { id: 9, hash: 3 }),
                Ref::Scheduler,
            ],
            meta: Some(MetaDraft {
                name: "Foo".into(),
                superclass: BehaviorName::meta("Object"),
                class_slots: 13,
                instance_variables: vec!["only".into()],
                methods: vec![],
                slots: vec![],
            }),
        })
    }

    #[test]
    fn drafts_read_back_with_their_place() {
        for draft in [sample_method(), sample_class()] {
            assert_eq!(decode(&encode(&draft)).as_ref(), Ok(&draft));
            let placed = Placed {
                draft,
                id: 300,
                meta_id: 4,
                class_indices: (1024, 1025),
                local_ids: vec![8, 0],
            };
            assert_eq!(decode_placed(&encode_placed(&placed)).as_ref(), Ok(&placed));
        }
    }

    #[test]
    fn a_reference_reads_back_alone() {
        let Draft::Method(method) = sample_method() else {
            unreachable!("the sample is a method");
        };
        for reference in method.code.literals {
            let bytes = encode_reference(&reference);
            assert_eq!(decode_reference(&bytes), Ok(reference));
            assert!(decode_reference(&bytes[..bytes.len() - 1]).is_err());
        }
    }

    #[test]
    fn every_cut_is_refused() {
        for draft in [sample_method(), sample_class()] {
            let bytes = encode(&draft);
            for length in 0..bytes.len() {
                assert!(decode(&bytes[..length]).is_err(), "cut at {length}");
            }
        }
    }

    #[test]
    fn what_decodes_encodes_to_the_same_bytes() {
        for draft in [sample_method(), sample_class()] {
            let bytes = encode(&draft);
            for at in 0..bytes.len() {
                for flip in [1, 0x80, 0xFF] {
                    let mut changed = bytes.clone();
                    changed[at] ^= flip;
                    if let Ok(other) = decode(&changed) {
                        assert_eq!(encode(&other), changed, "byte {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_identity_of_a_draft_is_fixed() {
        let hex = identity(&sample_method()).to_hex();
        assert_eq!(
            &hex[..16],
            GOLDEN_METHOD_IDENTITY,
            "the canonical form changed: raise DRAFT_VERSION"
        );
    }

    const GOLDEN_METHOD_IDENTITY: &str = "8316fa901f7e05f6";
}
