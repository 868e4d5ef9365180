//! Drafts as a stream carries them: the canonical fields without what the reader knows by then.
//!
//! ```text
//! bundle = count of drafts that were asked for, drafts with their places, aliases, class indices
//! name   = 0 and the text, or 1 + the number of a name that was said before on this stream
//! shape  = likewise                      id = 0 for none, or 1 + the step from the id before
//! ghost  = step * 2 + (1 where the hash stands behind it; else it follows from the id)
//! ```
//!
//! Only the form is smaller: what is unpacked is the draft that was packed, with the identity that it
//! has anywhere. A bundle means something only behind those that came before it on the same stream.

use imprint_model::Ghost;

use super::DraftError;
use super::memory::{Memory, Recollection};
use super::reader::Reader;
use super::writer::Writer;
use crate::draft::{Draft, Name, Placed, Ref};

/// What travels together.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Bundle {
    /// Drafts, each behind what it needs; those that were asked for come first.
    pub placed: Vec<Placed<Draft>>,
    /// How many of them were asked for, or are needed by those; the rest may be needed next.
    pub asked: usize,
    /// Ghosts that stand for something the receiver finds by name.
    pub aliases: Vec<(Ghost, Ref)>,
    /// Classes that the drafts mention: name, index, index of the metaclass.
    pub classes: Vec<(Name, u32, u32)>,
}

/// The writing end of a stream.
#[derive(Default, Debug)]
pub struct Packer(Memory);

impl Packer {
    /// The bytes of the next bundle.
    pub fn pack(&mut self, bundle: &Bundle) -> Vec<u8> {
        let mut writer = Writer::packed(&mut self.0);
        writer.number(bundle.asked as u64);
        writer.list(&bundle.placed, |writer, placed| {
            writer.draft(&placed.draft);
            writer.place(placed);
        });
        writer.list(&bundle.aliases, |writer, (ghost, reference)| {
            writer.ghost(*ghost);
            writer.reference(reference);
        });
        writer.list(&bundle.classes, |writer, (name, index, meta_index)| {
            writer.text(name);
            writer.number(u64::from(*index));
            writer.number(u64::from(*meta_index));
        });
        writer.bytes
    }
}

/// The reading end of a stream.
#[derive(Default, Debug)]
pub struct Unpacker(Recollection);

impl Unpacker {
    /// Reads the next bundle.
    ///
    /// # Errors
    /// Where the bytes are no bundle; what comes behind it on this stream means nothing then.
    pub fn unpack(&mut self, bytes: &[u8]) -> Result<Bundle, DraftError> {
        let mut reader = Reader::packed(bytes, &mut self.0);
        let asked = reader.number()?;
        let placed = reader.list(|reader| {
            let draft = reader.draft()?;
            reader.place(draft)
        })?;
        let aliases = reader.list(|reader| Ok((reader.ghost()?, reader.reference()?)))?;
        let classes = reader.list(|reader| {
            let name = reader.text()?;
            Ok((name, reader.number_32()?, reader.number_32()?))
        })?;
        reader.end()?;
        let asked = usize::try_from(asked).unwrap_or(usize::MAX);
        if asked > placed.len() {
            return Err(DraftError::Invalid {
                what: "count of drafts",
                at: 0,
            });
        }
        Ok(Bundle {
            placed,
            asked,
            aliases,
            classes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft_bytes::encode_placed;
    use crate::draft_bytes::tests::{sample_class, sample_method};
    use imprint_model::hash::identity_hash_of_id;

    fn bundle() -> Bundle {
        let placed = |draft, id| Placed {
            id,
            meta_id: 0,
            class_indices: (1024, 70_000),
            local_ids: vec![id + 3, 0],
            ..Placed::nowhere(draft)
        };
        let derived = Ghost::new(40, identity_hash_of_id(40)).unwrap();
        Bundle {
            placed: vec![placed(sample_class(), 300), placed(sample_method(), 9)],
            asked: 1,
            aliases: vec![
                (derived, Ref::symbol("at:put:")),
                (Ghost::new(1, 7).unwrap(), Ref::NIL),
            ],
            classes: vec![("Foo".into(), 1024, 1025)],
        }
    }

    #[test]
    fn bundles_read_back_one_after_the_other_and_the_second_is_smaller() {
        let (mut packer, mut unpacker) = (Packer::default(), Unpacker::default());
        let (first, second) = (packer.pack(&bundle()), packer.pack(&bundle()));
        assert_eq!(unpacker.unpack(&first), Ok(bundle()));
        assert_eq!(unpacker.unpack(&second), Ok(bundle()));
        let canonical: usize = bundle()
            .placed
            .iter()
            .map(|it| encode_placed(it).len())
            .sum();
        let again = second.len();
        assert!(again * 3 < canonical * 2, "{again} of {canonical}");
    }

    #[test]
    fn a_bundle_that_refers_to_what_was_never_said_is_refused() {
        let mut packer = Packer::default();
        packer.pack(&bundle());
        let second = packer.pack(&bundle());
        let error = Unpacker::default().unpack(&second).unwrap_err();
        assert!(error.to_string().contains("back reference"), "{error}");
    }

    #[test]
    fn every_cut_is_refused_and_no_changed_byte_is_more_than_another_bundle() {
        let bytes = Packer::default().pack(&bundle());
        for length in 0..bytes.len() {
            let cut = Unpacker::default().unpack(&bytes[..length]);
            assert!(cut.is_err(), "cut at {length}");
        }
        for at in 0..bytes.len() {
            for flip in [1, 0x40, 0x80, 0xFF] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                if let Ok(other) = Unpacker::default().unpack(&changed) {
                    let again = Packer::default().pack(&other);
                    assert_eq!(Unpacker::default().unpack(&again), Ok(other), "byte {at}");
                }
            }
        }
    }
}
