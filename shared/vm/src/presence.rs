//! The objects that have come: a table from ids of the pristine image to present objects.
//!
//! It holds strongly while a run lasts, so that an object that was pulled and changed can never be
//! lost and come back pristine (design D6).
//!
//! A slot may go on holding the ghost of an object that has come since: it means the same, but a send to it
//! misses every cache. So whoever meets such a ghost tells, and once that has cost more than looking
//! through the heap does, all slots are healed at once ([`Vm::heal_where_worth`]).

use imprint_model::{Ghost, Oop};
use rustc_hash::FxHashMap;

use crate::machine::Vm;

/// So many bytes of a heap are surely looked through while a send to the ghost of a present object is sorted
/// out, which takes some 100 ns.
const BYTES_A_MEETING: usize = 64;
/// Fewer meetings are no reason to look.
const MEETINGS_MIN: usize = 256;

/// The table from ids to present objects.
#[derive(Default)]
pub struct Presence {
    by_id: FxHashMap<u64, Oop>,
    /// Sends to ghosts of objects that are here, since all slots were healed.
    meetings: usize,
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

    /// Notes that a message was sent to the ghost of an object that is here.
    pub(crate) fn note_meeting(&mut self) {
        self.meetings += 1;
    }

    /// Notes that the object with this id is here.
    pub fn insert(&mut self, id: u64, oop: Oop) {
        self.by_id.insert(id, oop);
    }

    /// Notes that the object with this id is not here any more.
    pub(crate) fn forget(&mut self, id: u64) {
        self.by_id.remove(&id);
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

impl Vm {
    /// Puts the objects themselves wherever their ghosts still stand, once that costs less than meeting
    /// these did. Whatever holds such a ghost by then means the same with it.
    pub(crate) fn heal_where_worth(&mut self) {
        if self.presence.meetings < MEETINGS_MIN {
            return;
        }
        let usage = self.heap.usage();
        if self.presence.meetings * BYTES_A_MEETING < usage.old_bytes + usage.young_bytes {
            return;
        }
        // It is a root too, but holds objects alone.
        let mut presence = std::mem::take(&mut self.presence);
        let (heap, mut roots) = self.split();
        heap.heal_ghosts(&mut roots, &mut |ghost| presence.of_ghost(ghost));
        presence.meetings = 0;
        self.presence = presence;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::testing::World;

    #[test]
    fn slots_are_healed_once_their_ghosts_were_met_often_enough() {
        let mut world = World::new();
        let ghost = |id| Oop::ghost(Ghost::new(id, 7).expect("in range"));
        let here = world.string("here");
        world.vm.presence.insert(5, here);
        let array = world.array(&[ghost(5), ghost(6), here]);
        world.vm.presence.note_meeting();
        world.vm.heal_where_worth();
        assert_eq!(world.vm.heap.slot(array, 0), ghost(5), "once is not often");
        let usage = world.vm.heap.usage();
        for _ in 0..MEETINGS_MIN + (usage.old_bytes + usage.young_bytes) / BYTES_A_MEETING {
            world.vm.presence.note_meeting();
        }
        world.vm.heal_where_worth();
        let slots = [0, 1, 2].map(|index| world.vm.heap.slot(array, index));
        assert_eq!(slots, [here, ghost(6), here]);
        assert_eq!(
            world.vm.presence.of_ghost(Ghost { id: 5, hash: 7 }),
            Some(here)
        );
    }
}
