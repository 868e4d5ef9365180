//! What both ends of a stream remember of it, so that a name that was said is a number from then on.
//!
//! The two halves do the same in the same order: what [`Memory`] numbers when it is written,
//! [`Recollection`] numbers when it is read. Names are numbered as they come; ids are told by the
//! step from the id before, zig-zag, since what belongs together lies together in an image.

use rustc_hash::FxHashMap;

use crate::draft::Name;

/// Names that are remembered; later ones are said in full each time.
const NAMES_MAX: usize = 1 << 17;
/// The longest name that is remembered, in bytes: with [`NAMES_MAX`] the bound on what a hostile
/// stream can fill.
const NAME_BYTES_MAX: usize = 512;
/// Shapes that are remembered.
const SHAPES_MAX: usize = 1 << 16;

/// The writing half.
#[derive(Default, Debug)]
pub(super) struct Memory {
    names: FxHashMap<Name, u32>,
    shapes: FxHashMap<u64, u32>,
    last_id: u64,
}

impl Memory {
    /// The number of a name that was said; one that was not is remembered from now on.
    pub fn number_of(&mut self, name: &Name) -> Option<u32> {
        let known = self.names.get(name).copied();
        if known.is_none() && is_remembered(name, self.names.len()) {
            self.names.insert(name.clone(), self.names.len() as u32);
        }
        known
    }

    /// As [`Memory::number_of`], of a shape.
    pub fn number_of_shape(&mut self, shape: u64) -> Option<u32> {
        let known = self.shapes.get(&shape).copied();
        if known.is_none() && self.shapes.len() < SHAPES_MAX {
            self.shapes.insert(shape, self.shapes.len() as u32);
        }
        known
    }

    /// The step from the last id to this one.
    pub fn step_to(&mut self, id: u64) -> u64 {
        let step = id.wrapping_sub(self.last_id) as i64;
        self.last_id = id;
        (step << 1 ^ step >> 63) as u64
    }
}

/// The reading half.
#[derive(Default, Debug)]
pub(super) struct Recollection {
    names: Vec<Name>,
    shapes: Vec<u64>,
    last_id: u64,
}

impl Recollection {
    /// The name with a number.
    pub fn text(&self, number: usize) -> Option<Name> {
        self.names.get(number).cloned()
    }

    /// The shape with a number.
    pub fn shape(&self, number: usize) -> Option<u64> {
        self.shapes.get(number).copied()
    }

    /// A name was said in full.
    pub fn note_text(&mut self, name: &Name) {
        if is_remembered(name, self.names.len()) {
            self.names.push(name.clone());
        }
    }

    /// A shape was said in full.
    pub fn note_shape(&mut self, shape: u64) {
        if self.shapes.len() < SHAPES_MAX {
            self.shapes.push(shape);
        }
    }

    /// The id that is a step away from the last one.
    pub fn step(&mut self, step: u64) -> u64 {
        let step = (step >> 1) as i64 ^ -((step & 1) as i64);
        self.last_id = self.last_id.wrapping_add(step as u64);
        self.last_id
    }
}

fn is_remembered(name: &Name, count: usize) -> bool {
    count < NAMES_MAX && name.len() <= NAME_BYTES_MAX
}
