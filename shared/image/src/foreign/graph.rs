//! The objects of an image, with numbers in place of addresses.

use crate::problem::ImageProblem;
use crate::sanity;
use crate::spur::settle;
use imprint_heap::{Heap, HeapError, HeapSettings, NeedsSpace};
use imprint_model::{Format, Oop};
use rustc_hash::FxHashSet;

/// What a slot holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value {
    /// The object of this number.
    Object(usize),
    /// No object: a SmallInteger, Character or SmallFloat64 in our form.
    Immediate(Oop),
}

/// What an object is made of.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Body {
    /// Oops.
    Slots(Vec<Value>),
    /// Elements that are no oops, lowest byte first.
    Bytes(Vec<u8>),
    /// The header and the literals of code, then its bytes.
    Code(Vec<Value>, Vec<u8>),
}

/// An object.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Object {
    /// The index of its class.
    pub class_index: u32,
    /// The format, without a count of unused elements.
    pub format: Format,
    /// The identity hash; 0 for none.
    pub hash: u32,
    /// Whether it is read-only.
    pub is_read_only: bool,
    /// What it is made of.
    pub body: Body,
}

/// The objects of an image.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// In the order of the file.
    pub objects: Vec<Object>,
    /// nil, false, true.
    pub singletons: [usize; 3],
    /// The special objects array.
    pub special_objects: usize,
    /// The classes with their indices.
    pub classes: Vec<(u32, usize)>,
    /// State of the generator of identity hashes.
    pub last_hash: u32,
}

impl Object {
    /// Its slots that hold oops.
    pub fn slots(&self) -> &[Value] {
        match &self.body {
            Body::Slots(slots) | Body::Code(slots, _) => slots,
            Body::Bytes(_) => &[],
        }
    }

    /// The same, to be changed.
    pub fn slots_mut(&mut self) -> &mut [Value] {
        match &mut self.body {
            Body::Slots(slots) | Body::Code(slots, _) => slots,
            Body::Bytes(_) => &mut [],
        }
    }

    /// The number of the object in a slot.
    pub fn object_in(&self, slot: usize) -> Option<usize> {
        match self.slots().get(slot) {
            Some(Value::Object(number)) => Some(*number),
            _ => None,
        }
    }

    /// The SmallInteger in a slot.
    pub fn integer_in(&self, slot: usize) -> Option<i64> {
        match self.slots().get(slot) {
            Some(Value::Immediate(oop)) => oop.as_small_integer(),
            _ => None,
        }
    }

    fn shape(&self) -> (usize, Format) {
        match &self.body {
            Body::Slots(slots) => (slots.len(), self.format),
            Body::Bytes(bytes) => self.format.sized(bytes.len()),
            Body::Code(slots, bytes) => Format::CODE.sized(slots.len() * 8 + bytes.len()),
        }
    }
}

impl Graph {
    /// Makes a heap of it, checked as one that was read from a Spur file.
    pub fn into_heap(self, settings: HeapSettings) -> Result<Heap, ImageProblem> {
        self.check_classes()?;
        let mut heap = Heap::new(settings)?;
        let mut oops = self.allocate(&mut heap)?;
        let [nil, false_object, true_object] = self.singletons.map(|number| oops[number]);
        heap.set_singletons(nil, false_object, true_object);
        for (object, oop) in self.objects.iter().zip(&oops) {
            fill(&mut heap, object, *oop, &oops);
        }
        heap.set_special_objects(oops[self.special_objects]);
        heap.set_last_hash(self.last_hash);
        for (index, class) in &self.classes {
            heap.enter_class_alias(oops[*class], *index);
        }
        oops.clear();
        sanity::check(&heap)?;
        settle(&mut heap);
        Ok(heap)
    }

    /// Every object has a class, and each class one index that is its hash (or an alias of it).
    fn check_classes(&self) -> Result<(), ImageProblem> {
        let known: FxHashSet<u32> = self.classes.iter().map(|(index, _)| *index).collect();
        let classless = |object: &&Object| !known.contains(&object.class_index);
        match self.objects.iter().find(classless) {
            None => Ok(()),
            Some(object) => {
                let index = object.class_index;
                let what = format!("an object has class index {index}, where there is no class");
                Err(ImageProblem::damaged(what))
            }
        }
    }

    /// nil, false and true first, then the others in their order.
    fn allocate(&self, heap: &mut Heap) -> Result<Vec<Oop>, ImageProblem> {
        let mut oops = vec![Oop::from_bits(0); self.objects.len()];
        let others = (0..self.objects.len()).filter(|number| !self.singletons.contains(number));
        for number in self.singletons.into_iter().chain(others) {
            let object = &self.objects[number];
            let (slots, format) = object.shape();
            oops[number] = heap
                .allocate_old(object.class_index, format, slots)
                .map_err(|NeedsSpace { .. }| HeapError::LimitReached {
                    limit: heap.settings().limit_bytes,
                })?;
            let header = heap.header(oops[number]);
            heap.set_header(oops[number], header.with_hash(object.hash));
            if object.is_read_only {
                heap.set_read_only(oops[number], true);
            }
        }
        Ok(oops)
    }
}

fn fill(heap: &mut Heap, object: &Object, oop: Oop, oops: &[Oop]) {
    for (index, value) in object.slots().iter().enumerate() {
        let word = match value {
            Value::Object(number) => oops[*number],
            Value::Immediate(oop) => *oop,
        };
        heap.store(oop, index, word);
    }
    if let Body::Bytes(bytes) | Body::Code(_, bytes) = &object.body {
        heap.bytes_mut(oop).copy_from_slice(bytes);
    }
}
