//! Stand-ins as a machine needs them: where there is no master to ask, what is missed was pruned.

use imprint_heap::NeedsSpace;
use imprint_isa::Miss;
use imprint_model::{Ghost, Oop};

use super::{STONE_CLASS, StandIns, Whereabouts};
use crate::machine::Vm;

/// Space for one stand-in with its dictionary and symbols.
const BYTES: usize = 4096;

impl Vm {
    /// Puts a stand-in into the place of what is missed, where the image has words for it. Answers
    /// whether it has.
    pub(crate) fn stand_in_for(&mut self, miss: &Miss) -> Result<bool, NeedsSpace> {
        if self.names.class_object(&self.heap, STONE_CLASS).is_none() {
            return Ok(false);
        }
        self.heap.reserve(BYTES)?;
        let mut stand_ins = self.stand_ins();
        let done = match miss {
            Miss::Object(ghost) => self
                .stand_in_for_object(&mut stand_ins, *ghost)
                .map(|()| true),
            Miss::ClassIndex(index) => self
                .stand_in_for_class(&mut stand_ins, *index)
                .map(|()| true),
            _ => Ok(false),
        };
        self.extensions.insert(stand_ins);
        self.flush_caches();
        done
    }

    /// What makes stand-ins in this machine; whoever takes it puts it back.
    fn stand_ins(&mut self) -> StandIns {
        let mut stand_ins = self.extensions.remove().unwrap_or_else(|| StandIns::new(0));
        stand_ins.set_next_index(self.heap.first_free_class_index());
        stand_ins
    }

    /// A placeholder for what a global would hold; there must be room.
    pub(crate) fn place_for_global(&mut self, name: &str) -> Result<Oop, NeedsSpace> {
        let mut stand_ins = self.stand_ins();
        let place = stand_ins.named_place(&mut self.heap, &self.names, name);
        self.extensions.insert(stand_ins);
        place
    }

    fn stand_in_for_object(
        &mut self,
        stand_ins: &mut StandIns,
        ghost: Ghost,
    ) -> Result<(), NeedsSpace> {
        let whereabouts = Whereabouts::of(&self.heap, &self.names);
        let name = whereabouts.name(ghost);
        let place = stand_ins.place(&mut self.heap, &self.names, ghost, name)?;
        self.presence.insert(ghost.id, place);
        self.outside.pruned_object(name);
        Ok(())
    }

    fn stand_in_for_class(
        &mut self,
        stand_ins: &mut StandIns,
        index: u32,
    ) -> Result<(), NeedsSpace> {
        let class = stand_ins.class_at(&mut self.heap, &self.names, index)?;
        let name = self.behavior_name(class);
        self.outside.pruned_object(Some(&name.to_string()));
        Ok(())
    }
}
