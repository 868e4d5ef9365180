//! A draft apart from the numbers by which one image knows it: ids, hashes, class indices.
//!
//! ```text
//!   placed draft ── split ──> outline: the draft, each ghost replaced by which one of its own it is
//!                       └──> Numbers: id, meta id, class indices, local ids and hashes, the ghosts
//!   outline + Numbers of another image ── join ──> the draft as that image has it
//! ```
//!
//! Two images that hold the same code have equal outlines of it, so one of them needs to tell the other
//! only the numbers. They are written as steps from the number before, since what belongs together lies
//! together; how many there are follows from the outline, and is not written.

use std::collections::HashMap;

use imprint_model::Ghost;

use super::DraftError;
use super::memory::{Memory, Recollection};
use super::reader::Reader;
use super::writer::Writer;
use crate::draft::{Body, Draft, LocalObject, MethodEntry, Placed, Ref};

/// Every ghost of an outline has this hash; its id is 1 + its place among [`Numbers::ghosts`].
const HASH_OF_OUTLINES: u32 = 1;

/// What one image calls a draft and the things in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Numbers {
    /// As in [`Placed`].
    pub id: u64,
    /// As in [`Placed`].
    pub meta_id: u64,
    /// As in [`Placed`].
    pub class_indices: (u32, u32),
    /// Of each local object the id, 0 for none, and the identity hash.
    pub locals: Vec<(u64, u32)>,
    /// The ghosts, each once, in the order in which the draft names them first.
    pub ghosts: Vec<Ghost>,
}

/// Takes a draft apart.
pub fn split(placed: Placed<Draft>) -> (Draft, Numbers) {
    let mut draft = placed.draft;
    let mut numbers = Numbers {
        id: placed.id,
        meta_id: placed.meta_id,
        class_indices: placed.class_indices,
        ..Numbers::default()
    };
    let mut places: HashMap<Ghost, u64> = HashMap::new();
    each_ghost(&mut draft, &mut |ghost| {
        let ghosts = &mut numbers.ghosts;
        let place = places.entry(*ghost).or_insert_with(|| {
            ghosts.push(*ghost);
            ghosts.len() as u64
        });
        *ghost = Ghost {
            id: *place,
            hash: HASH_OF_OUTLINES,
        };
    });
    let mut ids = placed.local_ids.into_iter();
    each_local(&mut draft, &mut |local| {
        let id = ids.next().unwrap_or(0);
        numbers.locals.push((id, std::mem::take(&mut local.hash)));
    });
    (draft, numbers)
}

/// Puts a draft together; `None` where the numbers are not as many as the outline needs.
pub fn join(outline: Draft, numbers: &Numbers) -> Option<Placed<Draft>> {
    let mut draft = outline;
    let mut fits = draft.locals().len() == numbers.locals.len();
    each_ghost(&mut draft, &mut |ghost| {
        let place = usize::try_from(ghost.id)
            .ok()
            .and_then(|id| id.checked_sub(1));
        match place.and_then(|place| numbers.ghosts.get(place)) {
            Some(real) => *ghost = *real,
            None => fits = false,
        }
    });
    let mut hashes = numbers.locals.iter().map(|(_, hash)| *hash);
    each_local(&mut draft, &mut |local| {
        local.hash = hashes.next().unwrap_or(0);
    });
    fits.then(|| Placed {
        draft,
        id: numbers.id,
        meta_id: numbers.meta_id,
        class_indices: numbers.class_indices,
        local_ids: numbers.locals.iter().map(|(id, _)| *id).collect(),
    })
}

/// The bytes of the numbers of some drafts.
pub fn encode_numbers<'a>(all: impl IntoIterator<Item = &'a Numbers>) -> Vec<u8> {
    let mut memory = Memory::default();
    let mut writer = Writer::packed(&mut memory);
    for numbers in all {
        writer.id(numbers.id);
        if is_of_class(numbers) {
            writer.id(numbers.meta_id);
            writer.number(u64::from(numbers.class_indices.0));
            writer.number(u64::from(numbers.class_indices.1));
        }
        for (id, hash) in &numbers.locals {
            writer.id(*id);
            writer.number(u64::from(*hash));
        }
        for ghost in &numbers.ghosts {
            writer.ghost(*ghost);
        }
    }
    writer.bytes
}

/// Reads the numbers of drafts whose outlines are equal to those that have the numbers `alike`, one by
/// one.
///
/// # Errors
/// Where the bytes are cut, too many, or no numbers.
pub fn decode_numbers<'a>(
    bytes: &[u8],
    alike: impl IntoIterator<Item = &'a Numbers>,
) -> Result<Vec<Numbers>, DraftError> {
    let mut memory = Recollection::default();
    let mut reader = Reader::packed(bytes, &mut memory);
    let read = alike
        .into_iter()
        .map(|own| decode_one(&mut reader, own))
        .collect::<Result<_, _>>()?;
    reader.end()?;
    Ok(read)
}

fn decode_one(reader: &mut Reader<'_>, own: &Numbers) -> Result<Numbers, DraftError> {
    let mut numbers = Numbers {
        id: reader.id()?,
        ..Numbers::default()
    };
    if is_of_class(own) {
        numbers.meta_id = reader.id()?;
        numbers.class_indices = (reader.number_32()?, reader.number_32()?);
    }
    for _ in &own.locals {
        numbers.locals.push((reader.id()?, reader.hash()?));
    }
    for _ in &own.ghosts {
        numbers.ghosts.push(reader.ghost()?);
    }
    Ok(numbers)
}

/// Only classes and class sides have indices, and all of them.
fn is_of_class(numbers: &Numbers) -> bool {
    numbers.class_indices != (0, 0)
}

fn each_ghost(draft: &mut Draft, visit: &mut impl FnMut(&mut Ghost)) {
    match draft {
        Draft::Class(class) => {
            in_entries(&mut class.methods, visit);
            in_references(&mut class.slots, visit);
            if let Some(meta) = &mut class.meta {
                in_entries(&mut meta.methods, visit);
                in_references(&mut meta.slots, visit);
            }
        }
        Draft::Meta(meta) => {
            in_entries(&mut meta.methods, visit);
            in_references(&mut meta.slots, visit);
        }
        Draft::Method(method) => in_references(&mut method.code.literals, visit),
        Draft::Object(object) => in_references(std::slice::from_mut(&mut object.root), visit),
    }
    each_local(draft, &mut |local| match &mut local.body {
        Body::Slots(slots) => in_references(slots, &mut *visit),
        Body::Code(code) => in_references(&mut code.literals, &mut *visit),
        Body::Bytes(_) => {}
    });
}

fn in_entries(entries: &mut [MethodEntry], visit: &mut impl FnMut(&mut Ghost)) {
    let ghosts = entries.iter_mut().filter_map(|entry| entry.ghost.as_mut());
    ghosts.for_each(visit);
}

fn in_references(references: &mut [Ref], visit: &mut impl FnMut(&mut Ghost)) {
    for reference in references {
        if let Ref::Master(ghost) = reference {
            visit(ghost);
        }
    }
}

fn each_local(draft: &mut Draft, visit: &mut impl FnMut(&mut LocalObject)) {
    match draft {
        Draft::Method(method) => method.locals.iter_mut().for_each(visit),
        Draft::Object(object) => object.locals.iter_mut().for_each(visit),
        Draft::Class(_) | Draft::Meta(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft_bytes::tests::{sample_class, sample_method};

    fn placed(draft: Draft, id: u64) -> Placed<Draft> {
        let is_class = matches!(draft, Draft::Class(_));
        let locals = draft.locals().len() as u64;
        Placed {
            id,
            meta_id: if is_class { id + 40 } else { 0 },
            class_indices: if is_class { (1024, 70_000) } else { (0, 0) },
            local_ids: (0..locals).map(|local| id + 3 * local).collect(),
            ..Placed::nowhere(draft)
        }
    }

    /// The same draft as another image has it.
    fn moved(mut placed: Placed<Draft>) -> Placed<Draft> {
        each_ghost(&mut placed.draft, &mut |ghost| ghost.id += 777);
        each_local(&mut placed.draft, &mut |local| local.hash ^= 5);
        placed.id += 777;
        placed
    }

    #[test]
    fn two_images_have_one_outline_and_numbers_that_make_either_draft() {
        for draft in [sample_class(), sample_method()] {
            let (here, there) = (placed(draft.clone(), 300), moved(placed(draft, 300)));
            let (outline, own) = split(here.clone());
            let (outline_there, numbers) = split(there.clone());
            assert_eq!(outline, outline_there);
            assert_ne!(own, numbers);
            assert_eq!(join(outline.clone(), &own), Some(here));
            assert_eq!(join(outline, &numbers), Some(there));
        }
    }

    #[test]
    fn numbers_read_back_given_how_many_there_are() {
        let all = [sample_class(), sample_method(), sample_class()];
        let own: Vec<Numbers> = all
            .iter()
            .map(|it| split(placed(it.clone(), 9)).1)
            .collect();
        let theirs = all
            .iter()
            .map(|it| split(moved(placed(it.clone(), 90_000))).1);
        let theirs: Vec<Numbers> = theirs.collect();
        let bytes = encode_numbers(&theirs);
        assert_eq!(decode_numbers(&bytes, &own), Ok(theirs));
        for length in 0..bytes.len() {
            assert!(decode_numbers(&bytes[..length], &own).is_err(), "{length}");
        }
        assert!(decode_numbers(&bytes, &own[..2]).is_err());
    }

    #[test]
    fn numbers_of_another_draft_do_not_fit() {
        let none = Numbers::default();
        for draft in [sample_class(), sample_method()] {
            let (outline, _) = split(placed(draft, 9));
            assert_eq!(join(outline, &none), None);
        }
    }
}
