//! Stand-ins: what answers, by name, for a class or an object that was pruned.
//!
//! ```text
//!   an index without a class   a class without superclass:  doesNotUnderstand: -> stone { name }
//!   an object that is a ghost  a placeholder { name }, whose class holds
//!                                                           doesNotUnderstand: -> stone { nil }
//! ```
//!
//! Whatever is sent to an instance of a stand-in, or to a placeholder, is not understood, and what
//! the machine finds under `doesNotUnderstand:` is no method: so it sends `run:with:in:` to the
//! stone, on this machine as on any other of Spur's. Where the image came with class
//! [`STONE_CLASS`], that raises PrunedObject; else nothing understands it, and this machine says
//! the sentence itself.
//!
//! Not here: methods that were dropped. Their tombstones lie in the dictionaries of real classes.

mod machine;
mod shape;
mod whereabouts;

use imprint_heap::{Heap, NeedsSpace};
use imprint_isa::BehaviorName;
use imprint_model::class_index::FIXED_INDICES;
use imprint_model::layout::{behavior, class, metaclass};
use imprint_model::{Format, Ghost, InstanceSpec, Known, Oop};

use crate::install::{MethodDictionary, Names};
pub use whereabouts::Whereabouts;

/// The kernel's class of tombstones, which raise PrunedBehavior.
pub const TOMBSTONE_CLASS: &str = "Tombstone";
/// The kernel's class of stones that raise PrunedObject.
pub const STONE_CLASS: &str = "ObjectTombstone";
/// The name of the class of placeholders.
pub const PLACEHOLDER_CLASS: &str = "PrunedPlace";
/// The name of the class of stones that say nothing, in an image without [`STONE_CLASS`].
pub const MUTE_CLASS: &str = "MuteTombstone";

/// The name of the class of stand-in classes that have no metaclass.
const CLASS_CLASS: &str = "PrunedClass";

/// Slot of a stone and of a placeholder: the name of what was pruned, or nil.
pub const NAME: usize = 0;

const DICTIONARY_CLASS: &str = "MethodDictionary";

/// The name of the class at an index: as it was told, or Spur's own.
pub fn name_of_index(names: &Names, index: u32) -> Option<BehaviorName> {
    let fixed = FIXED_INDICES.iter().find(|(_, fixed)| *fixed == index);
    let told = names.behavior_at(index).cloned();
    told.or_else(|| fixed.map(|(name, _)| BehaviorName::class(*name)))
}

/// Makes stand-ins in a heap.
#[derive(Debug)]
pub struct StandIns {
    /// Where the search for an index that nobody uses begins; all from here on are unused.
    next_index: u32,
    classes: Option<u32>,
    dictionaries: Option<u32>,
    places: Option<u32>,
    mute: Option<Oop>,
}

impl StandIns {
    /// Stand-ins whose own classes get indices from `first_index` on, which nothing else uses.
    pub fn new(first_index: u32) -> StandIns {
        StandIns {
            next_index: first_index,
            classes: None,
            dictionaries: None,
            places: None,
            mute: None,
        }
    }

    /// The next class of ours gets this index, which nothing else uses.
    fn set_next_index(&mut self, index: u32) {
        self.next_index = index;
    }

    /// A class for an index that has none, with the name that is known for it.
    ///
    /// # Errors
    /// Where space is missing.
    pub fn class_at(
        &mut self,
        heap: &mut Heap,
        names: &Names,
        index: u32,
    ) -> Result<Oop, NeedsSpace> {
        if let Some(class) = heap.class_at(index) {
            return Ok(class);
        }
        let name = name_of_index(names, index)
            .unwrap_or_else(|| BehaviorName::class(format!("Class{index}")));
        let text = name.to_string();
        let stone = self.stone(heap, names, Some(&text))?;
        let oop = if name.meta {
            self.metaclass(heap, names, &name, index)?
        } else {
            self.plain_class(heap, names, &name.class, index)?
        };
        let spec = shape::of_instances(heap, index, &text);
        self.fill(heap, names, oop, spec, Some(stone))?;
        Ok(oop)
    }

    /// A placeholder for the object that a ghost stands for, with its identity hash.
    ///
    /// # Errors
    /// Where space is missing.
    pub fn place(
        &mut self,
        heap: &mut Heap,
        names: &Names,
        ghost: Ghost,
        name: Option<&str>,
    ) -> Result<Oop, NeedsSpace> {
        let oop = self.new_place(heap, names, name)?;
        heap.set_identity_hash(oop, ghost.hash);
        Ok(oop)
    }

    /// A placeholder for what a global would hold.
    ///
    /// # Errors
    /// Where space is missing.
    pub fn named_place(
        &mut self,
        heap: &mut Heap,
        names: &Names,
        name: &str,
    ) -> Result<Oop, NeedsSpace> {
        self.new_place(heap, names, Some(name))
    }

    fn new_place(
        &mut self,
        heap: &mut Heap,
        names: &Names,
        name: Option<&str>,
    ) -> Result<Oop, NeedsSpace> {
        let index = self.place_class(heap, names)?;
        let oop = heap.allocate_old(index, Format::FIXED, 1)?;
        if let Some(name) = name {
            let symbol = heap.intern(name)?;
            heap.store(oop, NAME, symbol);
        }
        Ok(oop)
    }

    /// What stands in a dictionary in the place of a method: the image's own stone, or a mute one.
    ///
    /// # Errors
    /// Where space is missing.
    pub fn stone(
        &mut self,
        heap: &mut Heap,
        names: &Names,
        name: Option<&str>,
    ) -> Result<Oop, NeedsSpace> {
        let own = names
            .class_index(STONE_CLASS)
            .filter(|index| heap.is_class_index(*index));
        let Some(index) = own else {
            return self.mute_stone(heap, names);
        };
        let oop = heap.allocate_old(index, Format::FIXED, 1)?;
        if let Some(name) = name {
            let symbol = heap.intern(name)?;
            heap.store(oop, NAME, symbol);
        }
        Ok(oop)
    }

    /// The one stone of an image that has no words for what was pruned. Its class understands
    /// nothing, not even that it does not: so every machine ends there.
    fn mute_stone(&mut self, heap: &mut Heap, names: &Names) -> Result<Oop, NeedsSpace> {
        if let Some(stone) = self.mute {
            return Ok(stone);
        }
        let index = self.own_class(heap, names, MUTE_CLASS, 0, None)?;
        let stone = heap.allocate_old(index, Format::EMPTY, 0)?;
        self.mute = Some(stone);
        Ok(stone)
    }

    fn place_class(&mut self, heap: &mut Heap, names: &Names) -> Result<u32, NeedsSpace> {
        if let Some(index) = self.places.filter(|index| heap.is_class_index(*index)) {
            return Ok(index);
        }
        let stone = self.stone(heap, names, None)?;
        let index = self.own_class(heap, names, PLACEHOLDER_CLASS, 1, Some(stone))?;
        self.places = Some(index);
        Ok(index)
    }

    /// The class of classes that have no metaclass: an instance of itself.
    fn class_class(&mut self, heap: &mut Heap, names: &Names) -> Result<u32, NeedsSpace> {
        if let Some(index) = self.classes.filter(|index| heap.is_class_index(*index)) {
            return Ok(index);
        }
        let index = self.next_index;
        self.classes = Some(index);
        self.own_class(heap, names, CLASS_CLASS, class::SIZE as u16, None)
    }

    /// A class of ours; nobody asks it anything.
    fn own_class(
        &mut self,
        heap: &mut Heap,
        names: &Names,
        name: &str,
        fields: u16,
        stone: Option<Oop>,
    ) -> Result<u32, NeedsSpace> {
        let index = self.next_index;
        self.next_index += 1;
        let class_index = match self.classes {
            Some(own) if own == index => own,
            _ => self.class_class(heap, names)?,
        };
        let oop = heap.allocate_old(class_index, Format::FIXED, class::SIZE)?;
        heap.enter_class(oop, Some(index));
        let symbol = heap.intern(name)?;
        heap.store(oop, class::NAME, symbol);
        self.fill(heap, names, oop, shape::fixed(fields), stone)?;
        Ok(index)
    }

    fn plain_class(
        &mut self,
        heap: &mut Heap,
        names: &Names,
        name: &str,
        index: u32,
    ) -> Result<Oop, NeedsSpace> {
        let known = names.class(name).map(|entry| entry.meta_index);
        let meta_index = match known.filter(|index| *index != 0) {
            Some(index) => index,
            None => self.class_class(heap, names)?,
        };
        let oop = heap.allocate_old(meta_index, Format::FIXED, class::SIZE)?;
        heap.enter_class(oop, Some(index));
        let symbol = heap.intern(name)?;
        heap.store(oop, class::NAME, symbol);
        if let Some(known) = Known::of_class(name) {
            heap.set_known(known, oop);
        }
        Ok(oop)
    }

    fn metaclass(
        &mut self,
        heap: &mut Heap,
        names: &Names,
        name: &BehaviorName,
        index: u32,
    ) -> Result<Oop, NeedsSpace> {
        let (own_index, slots) = match names.class_index("Metaclass") {
            Some(own_index) => (own_index, metaclass::SIZE),
            None => (self.class_class(heap, names)?, class::SIZE),
        };
        let oop = heap.allocate_old(own_index, Format::FIXED, slots)?;
        heap.enter_class(oop, Some(index));
        if let Some(only) = names.class_object(heap, &name.class) {
            heap.store(oop, metaclass::THIS_CLASS, only);
        }
        Ok(oop)
    }

    fn fill(
        &mut self,
        heap: &mut Heap,
        names: &Names,
        oop: Oop,
        spec: InstanceSpec,
        stone: Option<Oop>,
    ) -> Result<(), NeedsSpace> {
        let format = Oop::small_integer(spec.to_small_integer()).unwrap_or(Oop::small(0));
        heap.store(oop, behavior::FORMAT, format);
        let dictionary_index = self.dictionary_index(heap, names)?;
        let dictionary = MethodDictionary::new(heap, dictionary_index, 1)?;
        if let Some(stone) = stone {
            let selector = heap.intern(Known::DoesNotUnderstand.text().trim_start_matches('#'))?;
            dictionary.put(heap, selector, stone);
        }
        heap.store(oop, behavior::METHOD_DICTIONARY, dictionary.0);
        Ok(())
    }

    /// The index of class MethodDictionary: by name, else that of any dictionary at hand, else of
    /// a class of ours.
    fn dictionary_index(&mut self, heap: &mut Heap, names: &Names) -> Result<u32, NeedsSpace> {
        let at_hand = || {
            let dictionaries = heap
                .classes()
                .map(|(_, class)| heap.slot(class, behavior::METHOD_DICTIONARY));
            let mut objects = dictionaries.filter(|oop| oop.is_object() && *oop != heap.nil());
            objects.next().map(|oop| heap.class_index_of(oop))
        };
        let index = names.class_index(DICTIONARY_CLASS).or_else(at_hand);
        if let Some(index) = index.or(self.dictionaries) {
            return Ok(index);
        }
        let index = self.next_index;
        self.next_index += 1;
        self.dictionaries = Some(index);
        self.plain_class(heap, names, DICTIONARY_CLASS, index)
            .and_then(|oop| {
                let spec = shape::of_instances(heap, index, DICTIONARY_CLASS);
                self.fill(heap, names, oop, spec, None)
            })?;
        Ok(index)
    }
}
