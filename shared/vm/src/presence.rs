//! The objects that have come: a table from ids of the pristine image to present objects.
//!
//! It holds strongly while a run lasts, so that an object that was pulled and changed can never be
//! lost and come back pristine (design D6).

use imprint_model::{Ghost, Oop};
use rustc_hash::FxHashMap;

/// The table from ids to present objects.
#[derive(Default)]
pub struct Presence {
    by_id: FxHashMap<u64, Oop>,
}

impl Presence {
    /// The present object with this id.
    pub fn get(&self, id: u64) -> Option<Oop> {
        self.by_id.get(&id).copied()
    }

    /// The present object that a ghost stands for.
    pub fn of_ghost(&self, ghost: Ghost) -> Option<Oop> {
        self.get(ghost.id)
    }

    /// `oop` itself, or the present object that it stands for where it is a ghost of one.
    pub fn heal(&self, oop: Oop) -> Oop {
        match oop.as_ghost() {
            Some(ghost) => self.of_ghost(ghost).unwrap_or(oop),
            None => oop,
        }
    }

    /// Notes that the object with this id is here.
    pub fn insert(&mut self, id: u64, oop: Oop) {
        self.by_id.insert(id, oop);
    }

    /// Number of present objects.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether nothing has come.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Oop)> + '_ {
        self.by_id.iter().map(|(id, oop)| (*id, *oop))
    }

    /// Shows every oop to a visitor that may move it.
    pub(crate) fn visit(&mut self, visitor: &mut dyn FnMut(&mut Oop)) {
        self.by_id.values_mut().for_each(visitor);
    }
}
