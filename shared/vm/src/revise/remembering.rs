//! What the image's own code changes of itself once other code came: kept object by object with the last
//! revision, so that taking that back puts it back too.
//!
//! Whoever has the image do something about a revision knows what it will change, and has that kept before.

use imprint_isa::Name;
use imprint_model::Oop;
use rustc_hash::FxHashSet;

use crate::machine::Vm;

/// An object, and what its slots held.
#[derive(Debug)]
pub(super) struct Kept {
    pub object: Oop,
    pub slots: Vec<Oop>,
    until: Until,
}

/// How long something is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// As long as the revision can be taken back.
    TakenBack,
    /// Until all that belongs to the revision has come to a good end: see [`Vm::seal_revision`].
    Sealed,
}

impl Vm {
    /// Begins a revision that changes nothing by itself: what is remembered from now on, [`Vm::revert`] puts
    /// back.
    pub fn begin_revision(&mut self) {
        self.undos.push(super::Undo::default());
    }

    /// Keeps what the slots of objects hold now with the last revision, of each object once.
    pub fn remember(&mut self, objects: &[Oop], until: Until) {
        let heap = &self.heap;
        let Some(undo) = self.undos.last_mut() else {
            return;
        };
        let mut known: FxHashSet<Oop> = undo.kept.iter().map(|it| it.object).collect();
        let fresh = objects.iter().filter(|object| known.insert(**object));
        undo.kept.extend(fresh.map(|object| {
            Kept {
                object: *object,
                slots: (0..heap.pointer_slot_count(*object))
                    .map(|slot| heap.slot(*object, slot))
                    .collect(),
                until,
            }
        }));
    }

    /// The last revision has come to a good end: what programs change of data from now on is theirs.
    pub fn seal_revision(&mut self) {
        if let Some(undo) = self.undos.last_mut() {
            undo.kept.retain(|kept| kept.until != Until::Sealed);
        }
    }

    /// Notes that globals came with the last revision.
    pub fn note_new_globals(&mut self, names: Vec<Name>) {
        if let Some(undo) = self.undos.last_mut() {
            undo.new_globals.extend(names);
        }
    }

    /// Puts back what the last revision keeps, and keeps what was there: doing it again undoes it.
    pub(super) fn swap_kept(&mut self) {
        let Some(undo) = self.undos.last_mut() else {
            return;
        };
        let mut kept = std::mem::take(&mut undo.kept);
        for Kept { object, slots, .. } in &mut kept {
            if self.heap.pointer_slot_count(*object) == slots.len() {
                for (slot, value) in slots.iter_mut().enumerate() {
                    let now = self.heap.slot(*object, slot);
                    self.heap
                        .store(*object, slot, std::mem::replace(value, now));
                }
            }
        }
        if let Some(undo) = self.undos.last_mut() {
            undo.kept = kept;
        }
    }
}
