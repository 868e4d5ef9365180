//! Reading Spur files: every object, reference and class index is checked before the words become
//! a heap.
//!
//! Where the file was written for an address that is free, its pages are mapped copy-on-write and
//! only read; else they are copied and every reference is moved in one pass.

use super::chunk::{Chunk, Starts};
use super::header::{HEADER_BYTES, SpurHeader};
use super::segments::Segments;
use super::{FREE_LIST_SLOTS, HIDDEN_ROOTS_SLOTS};
use crate::certificate::Certificate;
use crate::problem::{ImageError, ImageProblem};
use crate::sanity;
use imprint_heap::{Heap, HeapContents, HeapSettings, ImageRoots};
use imprint_model::layout::{class, metaclass};
use imprint_model::{BytecodeSet, BytecodeSets, ClassIndex, Format, Header, Known, Oop};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What may be done with the pages of the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sharing {
    /// A heap to run in: pages are copied when written.
    CopyOnWrite,
    /// A heap to look at: pages are never written.
    ReadOnly,
}

/// Reads a Spur file into a heap.
///
/// # Errors
/// [`ImageError`] with the sentence for the user.
pub fn read_spur(path: &Path, settings: HeapSettings) -> Result<Heap, ImageError> {
    let loaded = load(path, settings, Sharing::CopyOnWrite);
    loaded
        .map(|loaded| loaded.heap)
        .map_err(|problem| problem.of(path))
}

/// Reads the content of a Spur file into a heap, copying it.
///
/// # Errors
/// [`ImageProblem`].
pub fn read_spur_bytes(bytes: &[u8], settings: HeapSettings) -> Result<Heap, ImageProblem> {
    let header = SpurHeader::decode(bytes, bytes.len() as u64)?;
    let data = &bytes[HEADER_BYTES..][..header.data_bytes as usize];
    let mut contents = HeapContents::zeroed(settings, data.len())?;
    contents.bytes_mut().copy_from_slice(data);
    let segments = Segments::read(&header, contents.words())?;
    Ok(finish(&header, &segments, contents)?.heap)
}

/// Reads a Spur file, mapping it where that is possible.
pub(crate) fn load(
    path: &Path,
    settings: HeapSettings,
    sharing: Sharing,
) -> Result<Loaded, ImageProblem> {
    let mut file = File::open(path).map_err(ImageProblem::io("open the file"))?;
    let length = file
        .metadata()
        .map_err(ImageProblem::io("read the file"))?
        .len();
    let mut head = Vec::new();
    let limit = HEADER_BYTES as u64;
    (&mut file)
        .take(limit)
        .read_to_end(&mut head)
        .map_err(ImageProblem::io("read the file"))?;
    let header = SpurHeader::decode(&head, length)?;
    if let Some(contents) = map(&file, &header, settings, sharing)? {
        let segments = Segments::read(&header, contents.words())?;
        return finish(&header, &segments, contents);
    }
    let mut bytes = head;
    file.read_to_end(&mut bytes)
        .map_err(ImageProblem::io("read the file"))?;
    let heap = read_spur_bytes(&bytes, settings)?;
    Ok(Loaded {
        heap,
        is_mapped: false,
    })
}

/// A Spur file that was made a heap.
pub(crate) struct Loaded {
    /// The heap.
    pub(crate) heap: Heap,
    /// Whether its old space is the file's pages as they are.
    pub(crate) is_mapped: bool,
}

/// Maps a file that was checked before; `None` where its base is not free now, or the certificate
/// does not fit.
pub(crate) fn load_certified(
    file: &File,
    length: u64,
    settings: HeapSettings,
    certificate: &Certificate,
) -> Result<Option<Heap>, ImageProblem> {
    let mut head = [0; HEADER_BYTES];
    file.read_exact_at(&mut head, 0)
        .map_err(ImageProblem::io("read the file"))?;
    let header = SpurHeader::decode(&head, length)?;
    let Some(contents) = map(file, &header, settings, Sharing::CopyOnWrite)? else {
        return Ok(None);
    };
    let base = contents.base();
    if base != header.base || certificate.words * 8 > header.data_bytes {
        return Ok(None);
    }
    let oop = |word: u32| Oop::from_bits(base + u64::from(word) * 8);
    let roots = ImageRoots {
        nil: oop(0),
        false_object: oop(2),
        true_object: oop(4),
        special_objects: Oop::from_bits(header.special_objects),
        classes: (certificate.classes.iter())
            .map(|(index, word)| (*index, oop(*word)))
            .collect(),
        last_hash: header.last_hash as u32,
    };
    let mut heap = contents.into_heap(certificate.words as usize * 8, roots)?;
    (certificate.bytecode_sets()).for_each(|set| heap.note_bytecodes(set));
    let (byte_symbol, wide_symbol) = certificate.symbol_classes;
    let symbols = certificate.symbols.iter();
    let symbols = symbols.map(|(hash, word)| (*hash, oop(*word)));
    heap.set_symbols(byte_symbol, wide_symbol, symbols);
    Ok(Some(heap))
}

/// Maps files of one segment, where their base is free and no flag has to be cleared.
fn map(
    file: &File,
    header: &SpurHeader,
    settings: HeapSettings,
    sharing: Sharing,
) -> Result<Option<HeapContents>, ImageProblem> {
    if header.first_segment_bytes != header.data_bytes {
        return Ok(None);
    }
    let is_read_only = sharing == Sharing::ReadOnly;
    let bytes = header.data_bytes as usize;
    let mapped = HeapContents::map(settings, file, header.base, bytes, is_read_only)?;
    Ok(mapped.filter(|contents| !is_read_only || !has_flags(contents.words())))
}

/// Whether an object has a flag of a collection that did not end.
fn has_flags(words: &[u64]) -> bool {
    let mut at = 0;
    while let Ok(chunk) = Chunk::read(words, at) {
        if chunk.header != clean(chunk.header) && !chunk.is_free() && at + 2 < words.len() {
            return true;
        }
        at = chunk.end;
    }
    false
}

fn clean(header: Header) -> Header {
    header
        .with_marked(false)
        .with_remembered(false)
        .with_grey(false)
}

/// Checks, relocates if need be, and makes the heap.
fn finish(
    header: &SpurHeader,
    segments: &Segments,
    mut contents: HeapContents,
) -> Result<Loaded, ImageProblem> {
    let new_base = contents.base();
    let is_in_place = new_base == header.base && segments.0.len() == 1;
    if !is_in_place {
        put_together(segments, contents.words_mut());
    }
    let words = &contents.words()[..segments.words()];
    let mut survey = Survey::of(words, segments)?;
    survey.check(header)?;
    let roots = survey.roots(header, new_base);
    let slots = if is_in_place {
        Vec::new()
    } else {
        survey.object_slots()
    };
    let dirty = survey.dirty;
    let is_mapped = is_in_place && dirty.is_empty();
    if !slots.is_empty() || !dirty.is_empty() {
        let all = contents.words_mut();
        for (slot, target) in slots {
            all[slot] = new_base + target as u64 * 8;
        }
        for at in dirty {
            all[at] = clean(Header::from_bits(all[at])).bits();
        }
    }
    let mut heap = contents.into_heap(segments.words() * 8, roots)?;
    sanity::check(&heap)?;
    settle(&mut heap);
    Ok(Loaded { heap, is_mapped })
}

/// Moves segments to the front, without their bridges.
fn put_together(segments: &Segments, words: &mut [u64]) {
    for segment in &segments.0 {
        let source = segment.source..segment.source + segment.words;
        words.copy_within(source, segment.target);
    }
}

/// The objects of an image, found and checked.
struct Survey<'words> {
    words: &'words [u64],
    segments: &'words Segments,
    chunks: Vec<Chunk>,
    starts: Starts,
    /// Headers with flags to be cleared.
    dirty: Vec<usize>,
    classes: Vec<(u32, usize)>,
}

impl Survey<'_> {
    fn of<'words>(
        words: &'words [u64],
        segments: &'words Segments,
    ) -> Result<Survey<'words>, ImageProblem> {
        let mut survey = Survey {
            words,
            segments,
            chunks: Vec::new(),
            starts: Starts::new(words.len()),
            dirty: Vec::new(),
            classes: Vec::new(),
        };
        let mut at = 0;
        while at < words.len() {
            let chunk = Chunk::read(words, at)?;
            at = chunk.end;
            if chunk.is_free() {
                continue;
            }
            chunk.check(words)?;
            if clean(chunk.header) != chunk.header {
                survey.dirty.push(chunk.at);
            }
            survey.starts.set(chunk.at);
            survey.chunks.push(chunk);
        }
        Ok(survey)
    }

    fn check(&mut self, header: &SpurHeader) -> Result<(), ImageProblem> {
        self.check_fixed_objects()?;
        self.check_references()?;
        self.read_class_table()?;
        self.check_class_indices()?;
        match self.target_of(header.special_objects) {
            Some(_) => Ok(()),
            None => Err(ImageProblem::damaged(
                "the special objects array is outside of it",
            )),
        }
    }

    /// nil, false, true, the free list and the hidden roots come first, one after the other.
    fn check_fixed_objects(&self) -> Result<(), ImageProblem> {
        let expected = [
            ("nil", false, 0, None),
            ("false", false, 0, None),
            ("true", false, 0, None),
            (
                "the free list",
                true,
                FREE_LIST_SLOTS,
                Some(ClassIndex::WORDS_64_PUN),
            ),
            (
                "the hidden roots",
                false,
                HIDDEN_ROOTS_SLOTS,
                Some(ClassIndex::ARRAY_PUN),
            ),
        ];
        let mut at = 0;
        for (position, (name, is_raw, slots, class_index)) in expected.into_iter().enumerate() {
            let chunk = self.chunks.get(position).filter(|chunk| {
                let start = chunk.at - usize::from(chunk.header.has_overflow());
                start == at
            });
            let fits = chunk.is_some_and(|chunk| {
                let is_class = class_index.is_none_or(|index| chunk.header.class_index() == index);
                chunk.header.format().is_raw() == is_raw && chunk.slots == slots && is_class
            });
            let Some(chunk) = chunk.filter(|_| fits) else {
                return Err(ImageProblem::damaged(format!(
                    "{name} is not where it belongs"
                )));
            };
            at = chunk.end;
        }
        Ok(())
    }

    /// Calls `visit` with each slot that holds an object, and what it holds.
    fn for_each_reference(&self, mut visit: impl FnMut(&Chunk, usize, Oop)) {
        for chunk in &self.chunks {
            for slot in chunk.at + 1..=chunk.at + chunk.pointer_slots(self.words) {
                let oop = Oop::from_bits(self.words[slot]);
                if !matches!(oop.tag(), 1 | 2 | 4) {
                    visit(chunk, slot, oop);
                }
            }
        }
    }

    /// The word with the header of the object that an address names.
    #[inline]
    fn target_of(&self, address: u64) -> Option<usize> {
        let word = self.segments.word_of(address)?;
        (address.is_multiple_of(8) && self.starts.get(word)).then_some(word)
    }

    fn check_references(&self) -> Result<(), ImageProblem> {
        let mut first_fault = None;
        self.for_each_reference(|chunk, slot, oop| {
            if first_fault.is_none() && self.target_of(oop.bits()).is_none() {
                let (offset, index) = (chunk.at * 8, slot - chunk.at - 1);
                first_fault = Some(format!(
                    "slot {index} of the object at offset {offset} refers to no object"
                ));
            }
        });
        first_fault.map_or(Ok(()), |what| Err(ImageProblem::damaged(what)))
    }

    /// Slots that hold objects, with the word that each refers to.
    fn object_slots(&self) -> Vec<(usize, usize)> {
        let mut slots = Vec::new();
        self.for_each_reference(|_, slot, oop| {
            if let Some(target) = self.target_of(oop.bits()) {
                slots.push((slot, target));
            }
        });
        slots
    }

    fn slot_target(&self, object: usize, index: usize) -> Option<usize> {
        self.target_of(self.words[object + 1 + index])
    }

    fn chunk_at(&self, word: usize) -> Option<&Chunk> {
        let found = self
            .chunks
            .binary_search_by_key(&word, |chunk| chunk.at)
            .ok()?;
        self.chunks.get(found)
    }

    fn read_class_table(&mut self) -> Result<(), ImageProblem> {
        let (nil, roots) = (self.chunks[0].at, self.chunks[4].at);
        let mut classes = Vec::new();
        for page_index in 0..ClassIndex::PAGE_SLOTS {
            let Some(page) = self
                .slot_target(roots, page_index)
                .filter(|page| *page != nil)
            else {
                continue;
            };
            let is_page = self.chunk_at(page).is_some_and(|page| {
                page.slots == ClassIndex::PAGE_SIZE && page.header.format() == Format::ARRAY
            });
            if !is_page {
                let what = format!("page {page_index} of the class table is no page");
                return Err(ImageProblem::damaged(what));
            }
            for entry in 0..ClassIndex::PAGE_SIZE {
                let class = self.slot_target(page, entry).filter(|class| *class != nil);
                let index = (page_index * ClassIndex::PAGE_SIZE + entry) as u32;
                if let Some(class) = class
                    && is_class_entry(index)
                {
                    classes.push((index, class));
                }
            }
        }
        self.classes = classes;
        Ok(())
    }

    fn check_class_indices(&self) -> Result<(), ImageProblem> {
        let mut known = Starts::new(ClassIndex::LIMIT as usize);
        for (index, _) in &self.classes {
            known.set(*index as usize);
        }
        for chunk in &self.chunks {
            let index = chunk.header.class_index();
            let is_pun = (ClassIndex::ARRAY_PUN..=ClassIndex::WORDS_64_PUN).contains(&index);
            let is_visible = index >= 32 && known.get(index as usize);
            if !is_pun && !is_visible {
                let offset = chunk.at * 8;
                let what = format!(
                    "the object at offset {offset} has class index {index}, where there is no class"
                );
                return Err(ImageProblem::damaged(what));
            }
        }
        Ok(())
    }

    fn roots(&self, header: &SpurHeader, new_base: u64) -> ImageRoots {
        let oop = |word: usize| Oop::from_bits(new_base + word as u64 * 8);
        let special = self.target_of(header.special_objects).map_or(oop(0), oop);
        ImageRoots {
            nil: oop(self.chunks[0].at),
            false_object: oop(self.chunks[1].at),
            true_object: oop(self.chunks[2].at),
            special_objects: special,
            classes: self
                .classes
                .iter()
                .map(|(index, class)| (*index, oop(*class)))
                .collect(),
            last_hash: header.last_hash as u32,
        }
    }
}

/// Indices of classes: those of immediates, and all above the memory's own puns.
fn is_class_entry(index: u32) -> bool {
    index >= 32 || matches!(index, 1..=4)
}

/// Tells a heap that was just made of a file what it cannot know by itself.
pub(crate) fn settle(heap: &mut Heap) {
    note_bytecodes(heap);
    name_symbol_classes(heap);
}

/// Tells the heap which bytecode sets its code is in.
pub(crate) fn note_bytecodes(heap: &mut Heap) {
    let mut sets = BytecodeSets::default();
    heap.for_each_object(|oop| {
        if heap.format(oop).is_code()
            && let Some(header) = heap.method_header(oop)
        {
            sets.add(header.set);
        }
    });
    for set in [BytecodeSet::SistaV1, BytecodeSet::V3PlusClosures] {
        if sets.has(set) {
            heap.note_bytecodes(set);
        }
    }
}

/// Tells the heap which classes symbols have: that of a selector, and the class named WideSymbol.
pub(crate) fn name_symbol_classes(heap: &mut Heap) {
    let selector = heap.known(Known::DoesNotUnderstand);
    let byte_symbol = if selector.is_object() && selector != heap.nil() {
        heap.class_index_of(selector)
    } else {
        index_of_class_named(heap, "ByteSymbol")
    };
    let wide_symbol = index_of_class_named(heap, "WideSymbol");
    if byte_symbol != 0 {
        heap.set_symbol_classes(byte_symbol, wide_symbol);
    }
}

fn index_of_class_named(heap: &Heap, name: &str) -> u32 {
    let found = heap.classes().find(|(_, candidate)| {
        let is_class = heap.slot_count(*candidate) > class::NAME;
        is_class && {
            let found = heap.slot(*candidate, class::NAME);
            found.is_object() && heap.has_text(found, name)
        }
    });
    found.map_or(0, |(index, _)| index)
}

const _: () = assert!(
    metaclass::SIZE <= class::NAME,
    "a metaclass has no name slot"
);
