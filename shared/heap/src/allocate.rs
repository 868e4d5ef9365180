//! Allocation: a bump and a compare. It never collects.

use crate::address::Address;
use crate::error::{AllocationFailure, NeedsSpace};
use crate::heap::Heap;
use crate::settings::Collector;
use crate::space::{body_bytes, leading_bytes, object_bytes, occupied_slots};
use imprint_model::header::{HEADER_BYTES, OVERFLOW_SLOTS, overflow_word};
use imprint_model::layout::behavior;
use imprint_model::{ClassIndex, Format, Header, InstanceSpec, Known, Oop};

/// More slots than any object may have: 2^40 words are more than any limit allows.
const SLOTS_MAX: usize = 1 << 40;

impl Heap {
    /// Makes an object: in eden if it is small, in old space if it is large. Pointer slots hold
    /// nil (zero bits before there is a nil), raw ones and those of compiled code 0.
    ///
    /// # Errors
    /// [`NeedsSpace`] where it does not fit; nothing changed then.
    #[inline]
    pub fn allocate(
        &mut self,
        class_index: u32,
        format: Format,
        slot_count: usize,
    ) -> Result<Oop, NeedsSpace> {
        if slot_count < OVERFLOW_SLOTS as usize
            && let Some(address) = self.young.eden.take(body_bytes(slot_count))
        {
            return Ok(self.initialize(address, class_index, format, slot_count));
        }
        self.allocate_slowly(class_index, format, slot_count)
    }

    /// Makes a small object of pointers in eden, where it fits.
    #[inline(always)]
    pub fn allocate_young(
        &mut self,
        class_index: u32,
        format: Format,
        slot_count: usize,
    ) -> Option<Oop> {
        debug_assert!(slot_count < OVERFLOW_SLOTS as usize);
        let address = self.young.eden.take(body_bytes(slot_count))?;
        Some(self.initialize(address, class_index, format, slot_count))
    }

    #[cold]
    fn allocate_slowly(
        &mut self,
        class_index: u32,
        format: Format,
        slot_count: usize,
    ) -> Result<Oop, NeedsSpace> {
        if slot_count > SLOTS_MAX {
            return Err(NeedsSpace { bytes: usize::MAX });
        }
        let bytes = object_bytes(slot_count);
        if bytes > self.large_bytes() {
            return self.allocate_large(class_index, format, slot_count);
        }
        if let Some(address) = self.young.eden.take(bytes) {
            return Ok(self.initialize(address, class_index, format, slot_count));
        }
        if self.settings.collector == Collector::Null {
            return self.allocate_old(class_index, format, slot_count);
        }
        if self.spill_bytes < bytes {
            return Err(NeedsSpace { bytes });
        }
        self.spill_bytes -= bytes;
        self.allocate_old(class_index, format, slot_count)
    }

    /// Objects above this many bytes begin their life in old space.
    fn large_bytes(&self) -> usize {
        self.young.next.capacity() / 2
    }

    fn allocate_large(
        &mut self,
        class_index: u32,
        format: Format,
        slot_count: usize,
    ) -> Result<Oop, NeedsSpace> {
        let bytes = object_bytes(slot_count);
        let used = self.old.space.used().saturating_add(bytes);
        let is_due = used > self.old.threshold && self.spill_bytes < bytes;
        if is_due && self.settings.collector == Collector::Generational {
            self.wanted_bytes = bytes;
            return Err(NeedsSpace { bytes });
        }
        self.spill_bytes = self.spill_bytes.saturating_sub(bytes);
        self.allocate_old(class_index, format, slot_count)
    }

    /// Makes an object in old space: classes, methods, symbols, and all that a builder makes.
    /// Slots are filled as in [`Heap::allocate`].
    ///
    /// # Errors
    /// [`NeedsSpace`] at the limit of the heap; nothing changed then.
    pub fn allocate_old(
        &mut self,
        class_index: u32,
        format: Format,
        slot_count: usize,
    ) -> Result<Oop, NeedsSpace> {
        if slot_count > SLOTS_MAX {
            return Err(NeedsSpace { bytes: usize::MAX });
        }
        let bytes = object_bytes(slot_count);
        let Some(address) = self.take_old(bytes) else {
            self.wanted_bytes = bytes;
            self.refused_old_bytes = bytes;
            return Err(NeedsSpace { bytes });
        };
        Ok(self.initialize(address, class_index, format, slot_count))
    }

    fn take_old(&mut self, bytes: usize) -> Option<Address> {
        if !self.old.is_below_limit(bytes) {
            return None;
        }
        self.old.ensure(&self.reserve, bytes).ok()?;
        self.old.space.take(bytes)
    }

    /// Writes header and slots of a new object that occupies `object_bytes` from `start`.
    #[inline(always)]
    fn initialize(
        &self,
        start: Address,
        class_index: u32,
        format: Format,
        slot_count: usize,
    ) -> Oop {
        let address = start.plus(leading_bytes(slot_count));
        if slot_count >= OVERFLOW_SLOTS as usize {
            start.store(overflow_word(slot_count));
        }
        address.set_header(Header::new(slot_count, format, class_index));
        let filler = if format.is_pointers() {
            self.nil.bits()
        } else {
            0
        };
        address.slot(0).fill(occupied_slots(slot_count), filler);
        address.oop()
    }

    /// Makes an object of bytes.
    ///
    /// # Errors
    /// [`NeedsSpace`] where it does not fit.
    pub fn allocate_bytes(&mut self, class_index: u32, bytes: &[u8]) -> Result<Oop, NeedsSpace> {
        let (slots, format) = Format::BYTES.sized(bytes.len());
        let oop = self.allocate(class_index, format, slots)?;
        self.bytes_mut(oop).copy_from_slice(bytes);
        Ok(oop)
    }

    /// Makes an object of bytes in old space.
    ///
    /// # Errors
    /// [`NeedsSpace`] where it does not fit.
    pub fn allocate_bytes_old(
        &mut self,
        class_index: u32,
        bytes: &[u8],
    ) -> Result<Oop, NeedsSpace> {
        let (slots, format) = Format::BYTES.sized(bytes.len());
        let oop = self.allocate_old(class_index, format, slots)?;
        self.bytes_mut(oop).copy_from_slice(bytes);
        Ok(oop)
    }

    /// Makes compiled code in old space: `header` in slot 0, `literal_count` literals that hold
    /// nil, then `bytes`.
    ///
    /// # Errors
    /// [`NeedsSpace`] where it does not fit.
    pub fn allocate_code(
        &mut self,
        class_index: u32,
        header: imprint_model::MethodHeader,
        bytes: &[u8],
    ) -> Result<Oop, NeedsSpace> {
        let pointers = 1 + header.literal_count as usize;
        let (slots, format) = Format::CODE.sized(pointers * 8 + bytes.len());
        let oop = self.allocate_old(class_index, format, slots)?;
        self.store(oop, 0, header.to_oop());
        self.note_bytecodes(header.set);
        for index in 1..pointers {
            self.store(oop, index, self.nil);
        }
        self.code_bytes_mut(oop).copy_from_slice(bytes);
        Ok(oop)
    }

    /// `basicNew` and `basicNew:`: an instance with `indexed` elements. A class without an index
    /// gets one.
    ///
    /// # Errors
    /// [`AllocationFailure`]; nothing changed then, but that the class may have an index.
    pub fn instantiate(&mut self, class: Oop, indexed: usize) -> Result<Oop, AllocationFailure> {
        let (format, slots) = self.instance_shape(class, indexed)?;
        let class_index = self.ensure_class_index(class);
        Ok(self.allocate(class_index, format, slots)?)
    }

    /// As [`Heap::instantiate`], for what programs make most: a small instance of pointers, or one without
    /// slots, of a class that has an index, which fits in eden. `None`, and nothing changed, for all else.
    #[inline(always)]
    pub fn instantiate_quickly(&mut self, class: Oop, indexed: usize) -> Option<Oop> {
        if !class.is_object() {
            return None;
        }
        let header = self.header(class);
        let slots = header.slots_byte();
        if header.format() != Format::FIXED
            || slots <= behavior::FORMAT as u64
            || slots >= OVERFLOW_SLOTS
        {
            return None;
        }
        let value = self.slot(class, behavior::FORMAT).as_small_integer()?;
        let spec = InstanceSpec::from_small_integer(value)?;
        let format = Format::from_bits(spec.spec);
        let is_fixed = format.bits() <= Format::FIXED.bits();
        if format.bits() > Format::FIXED_AND_INDEXED.bits() || is_fixed && indexed != 0 {
            return None;
        }
        let fixed = usize::from(spec.fixed_fields);
        if indexed >= OVERFLOW_SLOTS as usize || fixed + indexed >= OVERFLOW_SLOTS as usize {
            return None;
        }
        let class_index = self.index_of_class(class)?;
        self.allocate_young(class_index, format, fixed + indexed)
    }

    /// As [`Heap::instantiate`], in old space.
    ///
    /// # Errors
    /// [`AllocationFailure`].
    pub fn instantiate_old(
        &mut self,
        class: Oop,
        indexed: usize,
    ) -> Result<Oop, AllocationFailure> {
        let (format, slots) = self.instance_shape(class, indexed)?;
        let class_index = self.ensure_class_index(class);
        Ok(self.allocate_old(class_index, format, slots)?)
    }

    /// Format and slot count of an instance with `indexed` elements.
    ///
    /// # Errors
    /// [`AllocationFailure`], but never for want of space.
    pub fn instance_shape(
        &self,
        class: Oop,
        indexed: usize,
    ) -> Result<(Format, usize), AllocationFailure> {
        let (format, slots) = self.shape_of_any_size(class, indexed)?;
        if slots > self.old.limit_bytes / 8 {
            return Err(AllocationFailure::TooLarge(indexed));
        }
        Ok((format, slots))
    }

    fn shape_of_any_size(
        &self,
        class: Oop,
        indexed: usize,
    ) -> Result<(Format, usize), AllocationFailure> {
        let spec = self
            .instance_spec(class)
            .ok_or(AllocationFailure::NotInstantiable)?;
        let format = spec.format().ok_or(AllocationFailure::NotInstantiable)?;
        if indexed > SLOTS_MAX {
            return Err(AllocationFailure::TooLarge(indexed));
        }
        let fixed = spec.fixed_fields as usize;
        match format {
            Format::EMPTY | Format::FIXED | Format::EPHEMERON if indexed != 0 => {
                Err(AllocationFailure::NotIndexable)
            }
            Format::EMPTY | Format::FIXED | Format::EPHEMERON => Ok((format, fixed)),
            _ if format.is_indexable_pointers() => Ok((format, fixed + indexed)),
            _ if format.is_raw() && format == format.base() => {
                let (slots, sized) = format.sized(indexed * format.element_bytes());
                Ok((sized, slots))
            }
            _ => Err(AllocationFailure::NotInstantiable),
        }
    }

    /// What a class says of its instances; `None` where `class` has no sane format slot.
    pub fn instance_spec(&self, class: Oop) -> Option<InstanceSpec> {
        if !class.is_object() || self.pointer_slot_count(class) <= behavior::FORMAT {
            return None;
        }
        let value = self.slot(class, behavior::FORMAT).as_small_integer()?;
        InstanceSpec::from_small_integer(value)
    }

    /// A copy with the same slots, no identity hash and no flags.
    ///
    /// # Errors
    /// [`NeedsSpace`] where it does not fit.
    pub fn clone_shallow(&mut self, oop: Oop) -> Result<Oop, NeedsSpace> {
        let header = self.header(oop);
        let slots = self.slot_count(oop);
        let copy = self.allocate(header.class_index(), header.format(), slots)?;
        let source = Address::of(oop).slot(0);
        source.copy_to(Address::of(copy).slot(0), occupied_slots(slots));
        if !self.is_young(copy) {
            self.remember(copy);
        }
        Ok(copy)
    }

    /// A double: immediate where its exponent allows, else a BoxedFloat64.
    ///
    /// # Errors
    /// [`NeedsSpace`] where a boxed one does not fit.
    #[inline]
    pub fn new_float(&mut self, value: f64) -> Result<Oop, NeedsSpace> {
        if let Some(oop) = Oop::small_float(value) {
            return Ok(oop);
        }
        let oop = self.allocate(ClassIndex::BOXED_FLOAT, Format::WORDS_64, 1)?;
        Address::of(oop).slot(0).store(value.to_bits());
        Ok(oop)
    }

    /// Makes sure that objects of `bytes` in all (headers included) fit before the next
    /// collection. Count [`Heap::bytes_for`] for each. After old space refused an object, that one
    /// must fit too.
    ///
    /// # Errors
    /// [`NeedsSpace`] where a collection is due first, or the limit is reached.
    pub fn reserve(&mut self, bytes: usize) -> Result<(), NeedsSpace> {
        if !self.old.is_below_limit(self.refused_old_bytes) {
            return Err(NeedsSpace { bytes });
        }
        self.refused_old_bytes = 0;
        if bytes <= self.young.eden.remaining() && bytes <= self.large_bytes() {
            return Ok(());
        }
        let is_due = self.old.space.used().saturating_add(bytes) > self.old.threshold;
        let refused = is_due && self.settings.collector == Collector::Generational;
        if refused || !self.old.is_below_limit(bytes) {
            self.wanted_bytes = bytes;
            return Err(NeedsSpace { bytes });
        }
        let ensured = self.old.ensure(&self.reserve, bytes);
        ensured.map_err(|_| NeedsSpace { bytes })?;
        self.spill_bytes = self.spill_bytes.max(bytes);
        Ok(())
    }

    /// Bytes that an object with `slot_count` slots takes.
    pub const fn bytes_for(slot_count: usize) -> usize {
        object_bytes(slot_count)
    }

    /// Puts an old object into the remembered set.
    #[cold]
    pub(crate) fn remember(&mut self, oop: Oop) {
        let address = Address::of(oop);
        let header = address.header();
        if !header.is_remembered() {
            address.set_header(header.with_remembered(true));
            self.remembered.push(oop);
        }
    }

    /// Header bytes, exposed for reckoning with [`Heap::reserve`].
    pub const HEADER_BYTES: usize = HEADER_BYTES;

    /// The class named `known`, as an index for [`Heap::allocate`].
    pub fn index_of_known_class(&self, known: Known) -> u32 {
        self.header(self.known(known)).hash()
    }
}
