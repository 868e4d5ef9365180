//! Reading the compact format. The checksum comes first; after it, every count is checked against
//! what is left before memory is taken for it.

use super::FORM;
use super::bytes::{Cursor, unzigzag};
use super::group::{Group, Hashes, Size};
use super::metadata::{ImageRole, Metadata};
use crate::kind::identify;
use crate::problem::ImageProblem;
use crate::sanity;
use imprint_heap::{Heap, HeapContents, HeapSettings, ImageRoots};
use imprint_model::hash::symbol_identity_hash;
use imprint_model::header::{OVERFLOW_SLOTS, overflow_word};
use imprint_model::{ClassIndex, Format, Ghost, Header, Oop};
use rustc_hash::FxHashMap;
use std::borrow::Cow;

/// Reads a compact image into a heap.
///
/// # Errors
/// [`ImageProblem`].
pub fn read_compact(
    bytes: &[u8],
    settings: HeapSettings,
) -> Result<(Heap, Metadata), ImageProblem> {
    let body = unwrap(bytes, settings.limit_bytes as u64)?;
    let mut cursor = Cursor::new(&body);
    let metadata = Metadata::read(&mut cursor)?;
    let plan = Plan::read(&mut cursor, metadata.role != ImageRole::Full)?;
    let heap = Loading::new(settings, &plan)?.finish(cursor)?;
    Ok((heap, metadata))
}

/// What a compact image says of itself.
///
/// # Errors
/// [`ImageProblem`].
pub fn read_metadata(bytes: &[u8]) -> Result<Metadata, ImageProblem> {
    let body = unwrap(bytes, u64::MAX)?;
    Metadata::read(&mut Cursor::new(&body))
}

/// The body of a file: tests damage it and give it a right checksum again.
///
/// # Errors
/// [`ImageProblem`].
#[doc(hidden)]
pub fn body_for_tests(bytes: &[u8]) -> Result<Vec<u8>, ImageProblem> {
    unwrap(bytes, u64::MAX).map(Cow::into_owned)
}

/// The body of a file whose header and checksum are right.
fn unwrap(bytes: &[u8], limit: u64) -> Result<Cow<'_, [u8]>, ImageProblem> {
    if FORM.version_of(bytes).is_none() {
        let problem = identify(bytes).problem(bytes);
        return Err(problem.unwrap_or_else(|| ImageProblem::damaged("it is no compact image")));
    }
    Ok(FORM.open(bytes, limit)?)
}

/// Everything but the contents.
struct Plan {
    last_hash: u32,
    byte_symbols: u32,
    wide_symbols: u32,
    special_objects: usize,
    groups: Vec<Group>,
    classes: Vec<(u32, usize)>,
    /// Where the header of each object goes, in words from the base.
    places: Vec<usize>,
    words: usize,
    /// Whether the classes of some objects may be absent.
    is_partial: bool,
}

impl Plan {
    fn read(cursor: &mut Cursor<'_>, is_partial: bool) -> Result<Plan, ImageProblem> {
        let last_hash = cursor.varint_32()?;
        let byte_symbols = cursor.varint_32()?;
        let wide_symbols = cursor.varint_32()?;
        let special_objects = cursor.varint()? as usize;
        let mut groups: Vec<Group> = Vec::new();
        let (mut last_class, mut objects) = (0, 0);
        for _ in 0..cursor.count(4)? {
            groups.push(Group::read(cursor, &mut last_class)?);
            objects += groups[groups.len() - 1].sizes.len();
            if objects > cursor.remaining() {
                return Err(ImageProblem::damaged(
                    "it announces more objects than it can hold",
                ));
            }
        }
        let mut plan = Plan {
            last_hash,
            byte_symbols,
            wide_symbols,
            special_objects,
            groups,
            classes: Vec::new(),
            places: Vec::with_capacity(objects),
            words: 0,
            is_partial,
        };
        plan.read_classes(cursor, objects)?;
        plan.check_class_indices()?;
        plan.place(cursor.remaining())?;
        if special_objects >= objects || objects < 3 {
            return Err(ImageProblem::damaged("it has no special objects array"));
        }
        Ok(plan)
    }

    fn read_classes(
        &mut self,
        cursor: &mut Cursor<'_>,
        objects: usize,
    ) -> Result<(), ImageProblem> {
        let (mut index, mut number) = (0u32, 0i64);
        for _ in 0..cursor.count(2)? {
            let step = cursor.varint_32()?;
            index = index
                .checked_add(step)
                .filter(|index| *index < ClassIndex::LIMIT && step > 0)
                .ok_or_else(|| ImageProblem::damaged("its class table is out of order"))?;
            number = number.wrapping_add(unzigzag(cursor.varint()?));
            if number < 0 || number >= objects as i64 {
                let what = format!("the class at index {index} is no object of it");
                return Err(ImageProblem::damaged(what));
            }
            self.classes.push((index, number as usize));
        }
        Ok(())
    }

    fn check_class_indices(&self) -> Result<(), ImageProblem> {
        for group in &self.groups {
            let index = group.key.class_index;
            let found = self
                .classes
                .binary_search_by_key(&index, |(index, _)| *index);
            if index < 32 || found.is_err() && !self.is_partial {
                let what =
                    format!("it has objects of class index {index}, where there is no class");
                return Err(ImageProblem::damaged(what));
            }
        }
        Ok(())
    }

    /// Gives each object its place; their contents must fit into what is left of the body.
    fn place(&mut self, remaining: usize) -> Result<(), ImageProblem> {
        let mut needed = 0usize;
        for group in &self.groups {
            let least = usize::from(group.is_uniform());
            for size in &group.sizes {
                let (slots, _) = shape(group.key.format, *size);
                self.words += usize::from(slots >= OVERFLOW_SLOTS as usize);
                self.places.push(self.words);
                self.words += 1 + slots.max(1);
                let content = (size.slots + size.bytes).max(least);
                needed = needed.saturating_add(content);
            }
        }
        if needed > remaining {
            return Err(ImageProblem::damaged(
                "it announces larger objects than it can hold",
            ));
        }
        Ok(())
    }
}

/// Slots and format of an object.
fn shape(format: Format, size: Size) -> (usize, Format) {
    if format.is_pointers() {
        return (size.slots, format);
    }
    let literals = if format.is_code() { 1 + size.slots } else { 0 };
    format.sized(literals * 8 + size.bytes)
}

/// A heap that is being filled.
struct Loading<'plan> {
    plan: &'plan Plan,
    contents: HeapContents,
    base: u64,
    /// The lowest index of each class, by number.
    class_hashes: FxHashMap<usize, u32>,
}

impl<'plan> Loading<'plan> {
    fn new(settings: HeapSettings, plan: &'plan Plan) -> Result<Loading<'plan>, ImageProblem> {
        let contents = HeapContents::zeroed(settings, plan.words * 8)?;
        let mut class_hashes = FxHashMap::default();
        for (index, number) in &plan.classes {
            class_hashes.entry(*number).or_insert(*index);
        }
        Ok(Loading {
            plan,
            base: contents.base(),
            contents,
            class_hashes,
        })
    }

    fn oop(&self, number: usize) -> Oop {
        Oop::from_bits(self.base + self.plan.places[number] as u64 * 8)
    }

    fn finish(mut self, mut cursor: Cursor<'_>) -> Result<Heap, ImageProblem> {
        let plan = self.plan;
        let mut first = 0;
        for group in &plan.groups {
            self.fill_group(&mut cursor, group, first)?;
            first += group.sizes.len();
        }
        if cursor.remaining() > 0 {
            return Err(ImageProblem::damaged("it goes on after its last object"));
        }
        let roots = ImageRoots {
            nil: self.oop(0),
            false_object: self.oop(1),
            true_object: self.oop(2),
            special_objects: self.oop(plan.special_objects),
            classes: plan
                .classes
                .iter()
                .map(|(index, number)| (*index, self.oop(*number)))
                .collect(),
            last_hash: plan.last_hash,
        };
        let mut heap = self.contents.into_heap(plan.words * 8, roots)?;
        if plan.is_partial {
            heap.allow_absent_classes();
            // Indices below may be those of classes that stayed behind.
            heap.set_first_free_class_index(ClassIndex::FIRST_OF_SLAVE);
        }
        sanity::check(&heap)?;
        crate::spur::note_bytecodes(&mut heap);
        if plan.byte_symbols != 0 {
            heap.set_symbol_classes(plan.byte_symbols, plan.wide_symbols);
        }
        Ok(heap)
    }

    fn fill_group(
        &mut self,
        cursor: &mut Cursor<'_>,
        group: &Group,
        first: usize,
    ) -> Result<(), ImageProblem> {
        for (offset, size) in group.sizes.iter().enumerate() {
            self.write_header(group, first + offset, *size);
        }
        if group.hashes == Hashes::Explicit {
            for number in first..first + group.sizes.len() {
                self.set_hash(number, cursor.varint_32()?);
            }
        }
        let size = group.sizes[0];
        if group.is_uniform() && size.slots + size.bytes == 0 {
            cursor.take(group.sizes.len())?;
        } else if group.is_uniform() && group.key.format.is_pointers() {
            self.fill_columns(cursor, first, group.sizes.len(), size.slots)?;
        } else {
            self.fill_rows(cursor, group, first)?;
        }
        self.set_derived_hashes(group, first)
    }

    fn write_header(&mut self, group: &Group, number: usize, size: Size) {
        let (slots, format) = shape(group.key.format, size);
        let place = self.plan.places[number];
        let words = self.contents.words_mut();
        if slots >= OVERFLOW_SLOTS as usize {
            words[place - 1] = overflow_word(slots);
        }
        let header = Header::new(slots, format, group.key.class_index)
            .with_read_only(group.key.is_read_only)
            .with_pinned(group.key.is_pinned);
        words[place] = header.bits();
    }

    fn set_hash(&mut self, number: usize, hash: u32) {
        let place = self.plan.places[number];
        let words = self.contents.words_mut();
        words[place] = Header::from_bits(words[place]).with_hash(hash).bits();
    }

    fn fill_columns(
        &mut self,
        cursor: &mut Cursor<'_>,
        first: usize,
        count: usize,
        slots: usize,
    ) -> Result<(), ImageProblem> {
        for slot in 0..slots {
            let mut last = 0;
            for number in first..first + count {
                self.fill_slot(cursor, number, slot, &mut last)?;
            }
        }
        Ok(())
    }

    fn fill_rows(
        &mut self,
        cursor: &mut Cursor<'_>,
        group: &Group,
        first: usize,
    ) -> Result<(), ImageProblem> {
        let mut last = 0;
        for (offset, size) in group.sizes.iter().enumerate() {
            let is_code = group.key.format.is_code();
            let pointers = size.slots + usize::from(is_code);
            for slot in 0..pointers {
                self.fill_slot(cursor, first + offset, slot, &mut last)?;
            }
            let start = self.plan.places[first + offset] + 1;
            if is_code {
                check_code_header(self.contents.words()[start], size.slots)?;
            }
            let at = (start + pointers) * 8;
            let bytes = cursor.take(size.bytes)?;
            self.contents.bytes_mut()[at..at + bytes.len()].copy_from_slice(bytes);
        }
        Ok(())
    }

    fn fill_slot(
        &mut self,
        cursor: &mut Cursor<'_>,
        number: usize,
        slot: usize,
        last: &mut u64,
    ) -> Result<(), ImageProblem> {
        let value = self.read_value(cursor, last)?;
        let at = self.plan.places[number] + 1 + slot;
        self.contents.words_mut()[at] = value.bits();
        Ok(())
    }

    fn read_value(&self, cursor: &mut Cursor<'_>, last: &mut u64) -> Result<Oop, ImageProblem> {
        let token = cursor.varint()?;
        let payload = token >> 2;
        match token & 3 {
            0 => self.reference(payload, last),
            1 => Oop::small_integer(unzigzag(payload))
                .ok_or_else(|| ImageProblem::damaged("it holds a SmallInteger that is none")),
            2 => self.reference(last.wrapping_add(unzigzag(payload) as u64), last),
            _ => read_other(cursor, payload),
        }
    }

    fn reference(&self, number: u64, last: &mut u64) -> Result<Oop, ImageProblem> {
        if number >= self.plan.places.len() as u64 {
            return Err(ImageProblem::damaged(format!(
                "it refers to object {number}, which it has not"
            )));
        }
        if number > 2 {
            *last = number;
        }
        Ok(self.oop(number as usize))
    }

    fn set_derived_hashes(&mut self, group: &Group, first: usize) -> Result<(), ImageProblem> {
        for (offset, size) in group.sizes.iter().enumerate() {
            let number = first + offset;
            let hash = match group.hashes {
                Hashes::None | Hashes::Explicit => continue,
                Hashes::OfText => self.hash_of_text(number, group.key.format, *size),
                Hashes::OfIndex => self.class_hashes.get(&number).copied(),
            };
            let hash = hash.ok_or_else(|| ImageProblem::damaged("a hash in it has no source"))?;
            self.set_hash(number, hash);
        }
        Ok(())
    }

    fn hash_of_text(&self, number: usize, format: Format, size: Size) -> Option<u32> {
        let start = self.plan.places[number] + 1;
        let words = &self.contents.words()[start..start + size.bytes.div_ceil(8)];
        let bytes = words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .take(size.bytes);
        let text: Option<String> = if format.is_bytes() {
            Some(bytes.map(char::from).collect())
        } else {
            let bytes: Vec<u8> = bytes.collect();
            bytes
                .chunks_exact(4)
                .map(|chunk| {
                    char::from_u32(u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]))
                })
                .collect()
        };
        text.filter(|_| format.is_raw())
            .map(|text| symbol_identity_hash(&text))
    }
}

fn check_code_header(word: u64, literals: usize) -> Result<(), ImageProblem> {
    let header = imprint_model::MethodHeader::from_oop(Oop::from_bits(word));
    if header.is_none_or(|header| header.literal_count as usize != literals) {
        return Err(ImageProblem::damaged(
            "it holds code with a header that does not fit it",
        ));
    }
    Ok(())
}

/// A character, a float or a ghost.
fn read_other(cursor: &mut Cursor<'_>, payload: u64) -> Result<Oop, ImageProblem> {
    let rest = payload >> 2;
    let oop = match payload & 3 {
        0 => u32::try_from(rest).ok().map(Oop::character),
        1 if rest == 0 => {
            let mut bits = [0; 8];
            bits.copy_from_slice(cursor.take(8)?);
            Oop::small_float(f64::from_bits(u64::from_le_bytes(bits)))
        }
        2 => Ghost::new(rest, cursor.varint_32()?).map(Oop::ghost),
        _ => None,
    };
    oop.ok_or_else(|| ImageProblem::damaged("it holds an immediate value that is none"))
}
