//! Spur images of 32-bit words (6521), and those of either width in the other byte order.
//!
//! ```text
//!   32-bit word                      64-bit word
//!   ...xxx1  SmallInteger, 31 bits   ...001 SmallInteger   ...010 Character   ...100 SmallFloat64
//!   ...xx10  Character, 30 bits
//!   ...xx00  object                  ...000 object
//! ```
//!
//! Header words, class table and order of the first objects are the same in both widths. A word of
//! 32 bits leaves the lowest bits of a format for unused elements that 64 bits need more of.
//!
//! Source: Spur32BitMemoryManager and SpurMemoryManager of the OpenSmalltalk VM.

use super::bytes::{ByteOrder, Source};
use super::graph::{Body, Graph, Object, Value};
use crate::problem::ImageProblem;
use crate::spur::HIDDEN_ROOTS_SLOTS;
use imprint_model::header::OVERFLOW_SLOTS;
use imprint_model::{ClassIndex, Format, Header, Oop};
use rustc_hash::FxHashMap;

/// Bytes of the bridge that ends a segment, in both widths.
const BRIDGE_BYTES: u64 = 16;
/// Flag of the header: floats are written lowest word first.
const FLOATS_LITTLE_ENDIAN: u64 = 2;
/// A limit on segments; a virtual machine makes a few.
const SEGMENTS_MAX: usize = 4096;

/// Reads a Spur image with words of 4 or 8 bytes.
pub(super) fn read(source: Source<'_>, word_bytes: usize) -> Result<Graph, ImageProblem> {
    let mut reader = Reader::new(source, word_bytes)?;
    reader.find_objects()?;
    reader.graph()
}

/// An object, found.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// Where its first slot is in the file.
    at: usize,
    header: Header,
    slots: usize,
}

struct Reader<'a> {
    source: Source<'a>,
    word_bytes: usize,
    base: u64,
    special_objects: u64,
    last_hash: u32,
    first_segment_bytes: u64,
    data_at: usize,
    data_bytes: u64,
    floats_little_endian: bool,
    found: Vec<Found>,
    /// The number of the object at an address.
    numbers: FxHashMap<u64, usize>,
}

impl<'a> Reader<'a> {
    fn new(source: Source<'a>, word_bytes: usize) -> Result<Reader<'a>, ImageProblem> {
        let word = |position: usize| source.word(8 + position * word_bytes, word_bytes);
        let is_narrow = word_bytes == 4;
        let data_at = source.word_32(4)? as usize;
        let first_segment_at = if is_narrow { 48 } else { 72 };
        let flags_at = if is_narrow { 28 } else { 48 };
        let flags = source.word(flags_at, word_bytes)?;
        let reader = Reader {
            source,
            word_bytes,
            data_bytes: word(0)?,
            base: word(1)?,
            special_objects: word(2)?,
            last_hash: word(3)? as u32,
            first_segment_bytes: source.word(first_segment_at, word_bytes)?,
            data_at,
            floats_little_endian: flags & FLOATS_LITTLE_ENDIAN != 0,
            found: Vec::new(),
            numbers: FxHashMap::default(),
        };
        let room = (source.content.len() as u64).saturating_sub(data_at as u64);
        if reader.data_bytes > room {
            return Err(ImageProblem::Cut {
                expected: reader.data_bytes.saturating_add(data_at as u64),
                actual: source.content.len() as u64,
            });
        }
        Ok(reader)
    }

    // === objects ===

    fn find_objects(&mut self) -> Result<(), ImageProblem> {
        let mut address = self.base;
        let mut offset = 0;
        let mut size = self.first_segment_bytes;
        for _ in 0..SEGMENTS_MAX {
            if size == 0 {
                return Ok(());
            }
            let is_sane = size >= BRIDGE_BYTES
                && size.is_multiple_of(8)
                && size <= self.data_bytes.saturating_sub(offset);
            if !is_sane {
                let what = format!("a segment at offset {offset} has {size} bytes");
                return Err(ImageProblem::damaged(what));
            }
            let bridge = offset + size - BRIDGE_BYTES;
            self.find_in_segment(address, offset, bridge)?;
            let at = self.data_at + bridge as usize;
            let gap = self.gap_bytes(at)?;
            address = address.wrapping_add(size).wrapping_add(gap);
            offset += size;
            size = self.source.word(at + 8, self.word_bytes)?;
        }
        Err(ImageProblem::damaged("it has too many segments"))
    }

    /// Bytes between a segment and the next, as the bridge says.
    fn gap_bytes(&self, at: usize) -> Result<u64, ImageProblem> {
        let header = self.header_word(at)?;
        let is_gap = header >> 56 == OVERFLOW_SLOTS;
        let slots = header & 0x00FF_FFFF_FFFF_FFFF;
        Ok(if is_gap {
            slots.wrapping_mul(self.word_bytes as u64)
        } else {
            0
        })
    }

    /// A header of 64 bits: in the narrow width two words, the lower one first.
    fn header_word(&self, at: usize) -> Result<u64, ImageProblem> {
        if self.word_bytes == 8 {
            return self.source.word_64(at);
        }
        let (low, high) = (self.source.word_32(at)?, self.source.word_32(at + 4)?);
        Ok(u64::from(high) << 32 | u64::from(low))
    }

    fn find_in_segment(&mut self, segment: u64, start: u64, end: u64) -> Result<(), ImageProblem> {
        let mut at = start;
        while at < end {
            let mut first = self.header_word(self.data_at + at as usize)?;
            let mut slots = first >> 56;
            if slots == OVERFLOW_SLOTS {
                // The count is 56 bits wide, or as wide as a word.
                slots = first
                    & if self.word_bytes == 4 {
                        0xFFFF_FFFF
                    } else {
                        0x00FF_FFFF_FFFF_FFFF
                    };
                at += 8;
                first = self.header_word(self.data_at + at as usize)?;
            }
            let body = slots.max(1).checked_mul(self.word_bytes as u64);
            let next = (body.and_then(|body| body.checked_next_multiple_of(8)))
                .and_then(|body| (at + 8).checked_add(body))
                .filter(|next| *next <= end);
            let Some(next) = next else {
                let what = format!("the object at offset {at} ends outside of its segment");
                return Err(ImageProblem::damaged(what));
            };
            let header = Header::from_bits(first);
            if header.class_index() != 0 {
                let address = segment.wrapping_add(at - start);
                self.numbers.insert(address, self.found.len());
                self.found.push(Found {
                    at: self.data_at + at as usize + 8,
                    header,
                    slots: slots as usize,
                });
            }
            at = next;
        }
        Ok(())
    }

    // === the graph ===

    fn graph(&self) -> Result<Graph, ImageProblem> {
        if self.found.len() < 5 || self.found[4].slots != HIDDEN_ROOTS_SLOTS {
            return Err(ImageProblem::damaged(
                "its class table is not where it belongs",
            ));
        }
        let special_objects = self.number_of(self.special_objects)?;
        let mut graph = Graph {
            singletons: [0, 1, 2],
            special_objects,
            last_hash: self.last_hash & 0x3F_FFFF,
            ..Graph::default()
        };
        let kept = self.keep_visible();
        for found in self.found.iter().filter(|found| is_visible(found.header)) {
            graph.objects.push(self.object(found, &kept)?);
        }
        graph.special_objects = kept[special_objects]
            .ok_or_else(|| ImageProblem::damaged("the special objects array has no class"))?;
        graph.classes = self.classes(&kept)?;
        Ok(graph)
    }

    /// The number in the graph of each object that is not the memory's own.
    fn keep_visible(&self) -> Vec<Option<usize>> {
        let mut next = 0;
        let number = |found: &Found| {
            is_visible(found.header).then(|| {
                next += 1;
                next - 1
            })
        };
        self.found.iter().map(number).collect()
    }

    fn number_of(&self, address: u64) -> Result<usize, ImageProblem> {
        self.numbers.get(&address).copied().ok_or_else(|| {
            ImageProblem::damaged(format!(
                "no object is at {address:#x}, which is referred to"
            ))
        })
    }

    fn object(&self, found: &Found, kept: &[Option<usize>]) -> Result<Object, ImageProblem> {
        let format = found.header.format();
        if format.is_forwarder() || !format.is_known() {
            let what = format!("an object has the format {}", format.bits());
            return Err(ImageProblem::damaged(what));
        }
        Ok(Object {
            class_index: found.header.class_index(),
            format: format.base(),
            hash: found.header.hash(),
            is_read_only: found.header.is_read_only(),
            body: self.body(found, kept)?,
        })
    }

    fn body(&self, found: &Found, kept: &[Option<usize>]) -> Result<Body, ImageProblem> {
        let format = found.header.format();
        let length = found.slots * self.word_bytes;
        if format.is_pointers() {
            return Ok(Body::Slots(self.values(found.at, found.slots, kept)?));
        }
        let unused = self.unused_bytes(format);
        let used = length.checked_sub(unused).ok_or_else(|| {
            ImageProblem::damaged("an object has fewer bytes than its format leaves unused")
        })?;
        if format.is_code() {
            return self.code(found.at, used, kept);
        }
        if found.header.class_index() == ClassIndex::BOXED_FLOAT && used == 8 {
            return Ok(Body::Bytes(self.float_bytes(found.at)?));
        }
        let width = format.element_bytes();
        Ok(Body::Bytes(self.source.elements(found.at, used, width)?))
    }

    /// Bytes at the end that hold no element.
    fn unused_bytes(&self, format: Format) -> usize {
        let mask = self.word_bytes - 1;
        match format.bits() {
            10 | 11 if self.word_bytes == 4 => 0,
            _ => format.unused_bytes() & mask,
        }
    }

    /// The double in a boxed float; the order of its halves is told by the header.
    fn float_bytes(&self, at: usize) -> Result<Vec<u8>, ImageProblem> {
        let (first, second) = (self.source.word_32(at)?, self.source.word_32(at + 4)?);
        let is_low_first = self.source.order == ByteOrder::Little
            && (self.floats_little_endian || self.word_bytes == 8);
        let (low, high) = if is_low_first {
            (first, second)
        } else {
            (second, first)
        };
        Ok((u64::from(high) << 32 | u64::from(low))
            .to_le_bytes()
            .to_vec())
    }

    fn code(&self, at: usize, used: usize, kept: &[Option<usize>]) -> Result<Body, ImageProblem> {
        let wrong = || ImageProblem::damaged("code has a header that does not fit it");
        let Value::Immediate(header) = self.value(at, kept)? else {
            return Err(wrong());
        };
        let literals = (header.as_small_integer().ok_or_else(wrong)? & 0x7FFF) as usize;
        let skipped = (1 + literals) * self.word_bytes;
        let bytes = used.checked_sub(skipped).ok_or_else(wrong)?;
        let slots = self.values(at, 1 + literals, kept)?;
        Ok(Body::Code(
            slots,
            self.source.slice(at + skipped, bytes)?.to_vec(),
        ))
    }

    fn values(
        &self,
        at: usize,
        count: usize,
        kept: &[Option<usize>],
    ) -> Result<Vec<Value>, ImageProblem> {
        let slots = (0..count).map(|index| self.value(at + index * self.word_bytes, kept));
        slots.collect()
    }

    fn value(&self, at: usize, kept: &[Option<usize>]) -> Result<Value, ImageProblem> {
        let word = self.source.word(at, self.word_bytes)?;
        if let Some(immediate) = self.immediate(word) {
            return Ok(Value::Immediate(immediate));
        }
        let number = self.number_of(word)?;
        kept[number]
            .map(Value::Object)
            .ok_or_else(|| ImageProblem::damaged("an object refers to one of the memory's own"))
    }

    fn immediate(&self, word: u64) -> Option<Oop> {
        if self.word_bytes == 8 {
            let oop = Oop::from_bits(word);
            return matches!(oop.tag(), 1 | 2 | 4).then_some(oop);
        }
        match word & 3 {
            1 | 3 => Some(Oop::small(word as u32 as i32 >> 1)),
            2 => Some(Oop::character((word >> 2) as u32)),
            _ => None,
        }
    }

    // === classes ===

    fn classes(&self, kept: &[Option<usize>]) -> Result<Vec<(u32, usize)>, ImageProblem> {
        let roots = self.found[4].at;
        let nil = self.found[0].at;
        let mut classes = Vec::new();
        for page_index in 0..ClassIndex::PAGE_SLOTS {
            let page = self
                .source
                .word(roots + page_index * self.word_bytes, self.word_bytes)?;
            let page = self.found[self.number_of(page)?];
            if page.at == nil {
                continue;
            }
            if page.slots != ClassIndex::PAGE_SIZE {
                let what = format!("page {page_index} of the class table is no page");
                return Err(ImageProblem::damaged(what));
            }
            for entry in 0..ClassIndex::PAGE_SIZE {
                let at = page.at + entry * self.word_bytes;
                let class = self.number_of(self.source.word(at, self.word_bytes)?)?;
                let index = (page_index * ClassIndex::PAGE_SIZE + entry) as u32;
                let is_class = index >= 32 || matches!(index, 1..=4);
                if let Some(class) = kept[class].filter(|class| *class != 0 && is_class) {
                    classes.push((index, class));
                }
            }
        }
        Ok(classes)
    }
}

/// Whether an object is the image's, not the memory's own.
fn is_visible(header: Header) -> bool {
    header.class_index() >= 32
}
