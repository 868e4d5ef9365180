//! Reading and writing objects: headers, slots, raw parts, identity hashes, flags.
//!
//! Accessors trust that the oop is an object of this heap and the index is in range; both are
//! checked where assertions are on. Every reference goes in through [`Heap::store`].

use crate::address::Address;
use crate::heap::Heap;
use imprint_model::hash::next_identity_hash;
use imprint_model::header::overflow_count;
use imprint_model::oop::{HASH_MASK, TAG_BITS};
use imprint_model::{ClassIndex, Format, Header, MethodHeader, Oop};

impl Heap {
    #[inline(always)]
    fn at(&self, oop: Oop) -> Address {
        debug_assert!(self.contains(oop), "{oop:?} is no object of this heap");
        Address::of(oop)
    }

    /// The header of an object.
    #[inline(always)]
    pub fn header(&self, oop: Oop) -> Header {
        self.at(oop).header()
    }

    /// Replaces a header. Format, size and the remembered flag must fit the object.
    #[inline(always)]
    pub fn set_header(&mut self, oop: Oop, header: Header) {
        self.at(oop).set_header(header);
    }

    /// The format of an object.
    #[inline(always)]
    pub fn format(&self, oop: Oop) -> Format {
        self.header(oop).format()
    }

    /// The class index of any oop: of immediates their tag, of ghosts 6.
    #[inline(always)]
    pub fn class_index_of(&self, oop: Oop) -> u32 {
        if oop.is_object() {
            return self.header(oop).class_index();
        }
        if oop.is_small_integer() {
            return ClassIndex::SMALL_INTEGER;
        }
        oop.tag() as u32
    }

    /// Slots of an object, without the one that an empty object occupies.
    #[inline(always)]
    pub fn slot_count(&self, oop: Oop) -> usize {
        slot_count_at(self.at(oop))
    }

    /// Slots that hold oops: all of a pointers object, header and literals of code, none of a raw
    /// one.
    #[inline(always)]
    pub fn pointer_slot_count(&self, oop: Oop) -> usize {
        pointer_slot_count_at(self.at(oop))
    }

    /// Bytes of the raw part: all elements of a raw object, the bytes after the literals of code,
    /// 0 of a pointers object.
    #[inline(always)]
    pub fn byte_count(&self, oop: Oop) -> usize {
        let format = self.format(oop);
        if format.is_pointers() {
            return 0;
        }
        let all = self.slot_count(oop) * 8 - format.unused_bytes();
        all - self.pointer_slot_count(oop) * 8
    }

    /// Named fields of an object, which come before its indexed part.
    pub fn fixed_fields(&self, oop: Oop) -> usize {
        let header = self.header(oop);
        match header.format() {
            Format::ARRAY => 0,
            Format::FIXED_AND_INDEXED | Format::WEAK => self
                .fixed_fields_of_class(header.class_index())
                .min(self.slot_count(oop)),
            format if format.is_pointers() => self.slot_count(oop),
            _ => 0,
        }
    }

    fn fixed_fields_of_class(&self, class_index: u32) -> usize {
        let spec = self
            .class_at(class_index)
            .and_then(|class| self.instance_spec(class));
        spec.map_or(0, |spec| spec.fixed_fields as usize)
    }

    /// Elements of the indexed part, as `basicSize` counts them: of code the bytes of all its
    /// slots, of an object without indexed part 0.
    pub fn indexable_size(&self, oop: Oop) -> usize {
        let header = self.header(oop);
        let format = header.format();
        if format.is_indexable_pointers() {
            return self.slot_count(oop) - self.fixed_fields(oop);
        }
        if format.is_pointers() {
            return 0;
        }
        (self.slot_count(oop) * 8 - format.unused_bytes()) / format.element_bytes()
    }

    /// A slot as an oop.
    #[inline(always)]
    pub fn slot(&self, oop: Oop, index: usize) -> Oop {
        debug_assert!(
            index < self.pointer_slot_count(oop),
            "slot {index} of {oop:?} is no oop"
        );
        self.at(oop).slot(index).load_oop()
    }

    /// Stores an oop into a slot; an old object that now holds a young one is remembered.
    #[inline(always)]
    pub fn store(&mut self, oop: Oop, index: usize, value: Oop) {
        debug_assert!(
            index < self.slot_count(oop),
            "slot {index} of {oop:?} does not exist"
        );
        self.at(oop).slot(index).store(value.bits());
        if value.is_object() && value.bits() >= self.young_start && oop.bits() < self.young_start {
            self.remember(oop);
        }
    }

    /// As [`Heap::store`], unless the object would have to be remembered now; answers whether it
    /// stored.
    #[inline(always)]
    pub fn store_quickly(&mut self, oop: Oop, index: usize, value: Oop) -> bool {
        debug_assert!(index < self.slot_count(oop));
        let is_young_in_old =
            value.is_object() && value.bits() >= self.young_start && oop.bits() < self.young_start;
        if is_young_in_old && !self.header(oop).is_remembered() {
            return false;
        }
        self.at(oop).slot(index).store(value.bits());
        true
    }

    /// Stores nil into a slot: an old object, so nothing is remembered.
    #[inline(always)]
    pub fn store_nil(&mut self, oop: Oop, index: usize) {
        debug_assert!(index < self.slot_count(oop));
        let nil = self.nil.bits();
        self.at(oop).slot(index).store(nil);
    }

    /// As [`Heap::store`], into an object that [`Heap::allocate_young`] has just made.
    #[inline(always)]
    pub fn store_new(&mut self, oop: Oop, index: usize, value: Oop) {
        debug_assert!(self.is_young(oop), "{oop:?} is old");
        debug_assert!(index < self.slot_count(oop));
        self.at(oop).slot(index).store(value.bits());
    }

    /// Slots that hold oops, as a slice.
    #[inline(always)]
    pub fn slots(&self, oop: Oop) -> &[u64] {
        self.at(oop).slot(0).elements(self.pointer_slot_count(oop))
    }

    /// A whole slot of a raw object as a word.
    #[inline(always)]
    pub fn word(&self, oop: Oop, index: usize) -> u64 {
        debug_assert!(index < self.slot_count(oop));
        self.at(oop).slot(index).load()
    }

    /// Stores a whole slot of a raw object.
    #[inline(always)]
    pub fn set_word(&mut self, oop: Oop, index: usize, word: u64) {
        debug_assert!(index < self.slot_count(oop));
        debug_assert!(self.format(oop).is_raw(), "{oop:?} is not raw");
        self.at(oop).slot(index).store(word);
    }

    #[inline(always)]
    fn raw_start(&self, oop: Oop) -> Address {
        self.at(oop).slot(self.pointer_slot_count(oop))
    }

    /// The raw part as bytes.
    #[inline(always)]
    pub fn bytes(&self, oop: Oop) -> &[u8] {
        self.raw_start(oop).elements(self.byte_count(oop))
    }

    /// The raw part as bytes, to be written.
    #[inline(always)]
    pub fn bytes_mut(&mut self, oop: Oop) -> &mut [u8] {
        self.raw_start(oop).elements_mut(self.byte_count(oop))
    }

    /// The raw part as 16-bit words.
    pub fn words_16(&self, oop: Oop) -> &[u16] {
        self.raw_start(oop).elements(self.byte_count(oop) / 2)
    }

    /// The raw part as 16-bit words, to be written.
    pub fn words_16_mut(&mut self, oop: Oop) -> &mut [u16] {
        self.raw_start(oop).elements_mut(self.byte_count(oop) / 2)
    }

    /// The raw part as 32-bit words.
    pub fn words_32(&self, oop: Oop) -> &[u32] {
        self.raw_start(oop).elements(self.byte_count(oop) / 4)
    }

    /// The raw part as 32-bit words, to be written.
    pub fn words_32_mut(&mut self, oop: Oop) -> &mut [u32] {
        self.raw_start(oop).elements_mut(self.byte_count(oop) / 4)
    }

    /// The raw part as 64-bit words.
    pub fn words_64(&self, oop: Oop) -> &[u64] {
        self.raw_start(oop).elements(self.byte_count(oop) / 8)
    }

    /// The raw part as 64-bit words, to be written.
    pub fn words_64_mut(&mut self, oop: Oop) -> &mut [u64] {
        self.raw_start(oop).elements_mut(self.byte_count(oop) / 8)
    }

    /// The header of compiled code; `None` where it is not in our bytecode set.
    #[inline(always)]
    pub fn method_header(&self, code: Oop) -> Option<MethodHeader> {
        debug_assert!(self.format(code).is_code(), "{code:?} is not code");
        MethodHeader::from_oop(self.at(code).slot(0).load_oop())
    }

    /// Literal `index` of compiled code, counted from 0.
    #[inline(always)]
    pub fn literal(&self, code: Oop, index: usize) -> Oop {
        self.slot(code, index + 1)
    }

    /// Literals of compiled code.
    #[inline(always)]
    pub fn literal_count(&self, code: Oop) -> usize {
        self.pointer_slot_count(code).saturating_sub(1)
    }

    /// The bytecodes of compiled code, and the trailer of a method.
    #[inline(always)]
    pub fn code_bytes(&self, code: Oop) -> &[u8] {
        self.bytes(code)
    }

    /// The bytecodes and trailer, to be written.
    pub fn code_bytes_mut(&mut self, code: Oop) -> &mut [u8] {
        self.bytes_mut(code)
    }

    /// The double of a SmallFloat64 or BoxedFloat64.
    #[inline(always)]
    pub fn float_value(&self, oop: Oop) -> Option<f64> {
        if let Some(value) = oop.as_small_float() {
            return Some(value);
        }
        let is_boxed = oop.is_object() && self.class_index_of(oop) == ClassIndex::BOXED_FLOAT;
        is_boxed.then(|| f64::from_bits(self.word(oop, 0)))
    }

    /// The identity hash, given now where there is none. Of immediates it is of their value, of a
    /// ghost that of the object it stands for.
    pub fn identity_hash(&mut self, oop: Oop) -> u32 {
        if !oop.is_object() {
            return (oop.bits() >> TAG_BITS) as u32 & HASH_MASK;
        }
        let header = self.header(oop);
        if header.hash() != 0 {
            return header.hash();
        }
        let (last, hash) = next_identity_hash(self.last_hash);
        self.last_hash = last;
        self.set_identity_hash(oop, hash);
        hash
    }

    /// Sets the identity hash in the header.
    pub fn set_identity_hash(&mut self, oop: Oop, hash: u32) {
        let header = self.header(oop).with_hash(hash);
        self.set_header(oop, header);
    }

    /// Whether stores into the object must fail; immediates always are read-only.
    #[inline(always)]
    pub fn is_read_only(&self, oop: Oop) -> bool {
        !oop.is_object() || self.header(oop).is_read_only()
    }

    /// Sets or clears the read-only flag; the virtual machine honours it.
    pub fn set_read_only(&mut self, oop: Oop, on: bool) {
        let header = self.header(oop).with_read_only(on);
        self.set_header(oop, header);
    }

    /// Whether the object must not move.
    pub fn is_pinned(&self, oop: Oop) -> bool {
        oop.is_object() && self.header(oop).is_pinned()
    }

    /// Pins an old object. A young one must be tenured first: collect fully, or allocate it old.
    /// Answers whether the object is pinned now.
    pub fn pin(&mut self, oop: Oop) -> bool {
        if self.is_young(oop) {
            return false;
        }
        let header = self.header(oop);
        self.set_header(oop, header.with_pinned(true));
        true
    }

    /// Lets an object move again.
    pub fn unpin(&mut self, oop: Oop) {
        let header = self.header(oop);
        self.set_header(oop, header.with_pinned(false));
    }

    /// Where a forwarder leads; any other oop is answered itself.
    #[inline]
    pub fn follow(&self, oop: Oop) -> Oop {
        let mut target = oop;
        while target.is_object() && self.header(target).format().is_forwarder() {
            target = Address::of(target).slot(0).load_oop();
        }
        target
    }
}

/// Slots of the object whose header is at `address`.
#[inline(always)]
pub(crate) fn slot_count_at(address: Address) -> usize {
    let header = address.header();
    if header.has_overflow() {
        return overflow_count(address.minus(8).load());
    }
    header.slots_byte() as usize
}

/// Slots of the object whose header is at `address` that hold oops.
#[inline(always)]
pub(crate) fn pointer_slot_count_at(address: Address) -> usize {
    let format = address.header().format();
    if format.is_pointers() {
        return if format.is_forwarder() {
            1
        } else {
            slot_count_at(address)
        };
    }
    if !format.is_code() {
        return 0;
    }
    code_pointer_slots(address.slot(0).load_oop(), slot_count_at(address))
}

/// Header and literals of code; none while the header is not yet written.
#[inline(always)]
pub(crate) fn code_pointer_slots(header: Oop, slot_count: usize) -> usize {
    match header.as_small_integer() {
        Some(value) => (1 + (value & 0x7FFF) as usize).min(slot_count),
        None => 0,
    }
}
