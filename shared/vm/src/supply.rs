//! Supplies: a slim image may reach what it lost while somebody is there who would push it.
//!
//! ```text
//!   a tombstone, a stand-in, a ghost is reached
//!        nobody offers supplies ─────────────────────────> it acts as ever (design D14)
//!        somebody does ──> the run ends as Outcome::Wanted
//!                            it was pushed ──────────────> go_on: the same bytecode finds it
//!                            go_without, and go_on ──────> it acts as ever, this one time
//! ```
//!
//! An object that is no class is asked for too, and nobody can give it: whoever has it has its parts, of which
//! the image may have kept some, and it no longer knows which of its objects these are. So who offers says
//! that, and what to do. Of what stands in for such an object nothing is asked again.
//!
//! Not here: who offers, and how it is asked. Nothing is asked while an expression runs aside.

use std::time::Duration;

use imprint_isa::{BehaviorName, Miss, Name};
use imprint_model::Oop;
use rustc_hash::FxHashSet;

use crate::machine::Vm;
use crate::outcome::Outcome;
use crate::stand_in::{MUTE_CLASS, TOMBSTONE_CLASS, Whereabouts, name_of_index};
use crate::stop::Stop;

/// Something that was pruned and is reached.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Wanted {
    /// A method.
    Method(BehaviorName, Name),
    /// A class, with its class side.
    Class(Name),
    /// An object that is no class, by the variable or the method that leads to it.
    Object(Name),
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Wanted::Method(behavior, selector) => write!(formatter, "{behavior}>>{selector}"),
            Wanted::Class(name) | Wanted::Object(name) => formatter.write_str(name),
        }
    }
}

/// Who may be asked for what was pruned: an extension of a machine.
pub struct Supply {
    is_offered: Box<dyn Fn() -> bool>,
    /// What nobody had, and is reached once more.
    refused: FxHashSet<Wanted>,
}

impl Supply {
    /// Supplies from somebody of whom `is_offered` says whether they are there.
    pub fn new(is_offered: impl Fn() -> bool + 'static) -> Supply {
        Supply {
            is_offered: Box::new(is_offered),
            refused: FxHashSet::default(),
        }
    }
}

impl Vm {
    /// The next time that the machine reaches this it acts as if nobody offered anything.
    pub fn go_without_supply(&mut self, wanted: Wanted) {
        if let Some(supply) = self.extensions.get_mut::<Supply>() {
            supply.refused.insert(wanted);
        }
    }

    /// The machine waited for so long: its clocks stand still meanwhile.
    pub fn stand_still(&mut self, time: Duration) {
        self.standstill += time;
    }

    /// Whether the run stops for what is reached: somebody offers supplies, and has not said that this
    /// is not among them.
    fn is_supplied(&mut self, wanted: &Wanted) -> bool {
        let supply = self.extensions.get_mut::<Supply>();
        supply.is_some_and(|it| !it.refused.remove(wanted) && (it.is_offered)())
    }

    /// Stops where a tombstone lies in the place of a method.
    ///
    /// # Errors
    /// The stop, before anything has changed.
    pub(crate) fn want_method(
        &mut self,
        stone: Oop,
        class: Oop,
        selector: Oop,
    ) -> Result<(), Stop> {
        if self.extensions.get::<Supply>().is_none() || !self.is_tombstone(stone) {
            return Ok(());
        }
        let selector = self.heap.string_text(selector).unwrap_or_default();
        let wanted = Wanted::Method(self.behavior_name(class), selector.into());
        self.stop_if_supplied(Some(wanted))
    }

    /// Stops where something stands in for a class, or for the object that a variable held.
    ///
    /// # Errors
    /// The stop, before anything has changed.
    pub(crate) fn want_stand_in(&mut self, receiver: Oop, class: Oop) -> Result<(), Stop> {
        if self.extensions.get::<Supply>().is_none() {
            return Ok(());
        }
        let name = self.stand_in_name(receiver, class);
        let wanted = name.as_deref().and_then(wanted_class);
        self.stop_if_supplied(wanted)
    }

    fn stop_if_supplied(&mut self, wanted: Option<Wanted>) -> Result<(), Stop> {
        match wanted {
            Some(wanted) if self.is_supplied(&wanted) => Err(Stop::Wanted(Box::new(wanted))),
            _ => Ok(()),
        }
    }

    /// How the run ends where what it misses was pruned, and somebody may have it.
    pub(crate) fn want_missed(&mut self, miss: &Miss) -> Option<Outcome> {
        self.extensions.get::<Supply>()?;
        let wanted = self.wanted_for(miss)?;
        self.is_supplied(&wanted)
            .then(|| Outcome::Wanted(Box::new(wanted)))
    }

    fn wanted_for(&self, miss: &Miss) -> Option<Wanted> {
        match miss {
            Miss::Method {
                behavior, selector, ..
            } => Some(Wanted::Method(behavior.clone(), selector.clone())),
            Miss::Class(name) | Miss::Global(name) => Some(Wanted::Class(name.clone())),
            Miss::ClassIndex(index) => {
                let behavior = name_of_index(&self.names, *index)?;
                Some(Wanted::Class(behavior.class))
            }
            Miss::Object(ghost) => {
                let whereabouts = Whereabouts::of(&self.heap, &self.names);
                let name = whereabouts.name(*ghost)?;
                Some(wanted_class(name).unwrap_or_else(|| Wanted::Object(name.into())))
            }
            Miss::Known(_) => None,
        }
    }

    fn is_tombstone(&self, value: Oop) -> bool {
        let class = self.heap.class_at(self.heap.class_index_of(value));
        let name = class.map(|class| self.behavior_name(class));
        name.is_some_and(|name| [TOMBSTONE_CLASS, MUTE_CLASS].contains(&&*name.class))
    }
}

/// The class that a name of something pruned may be: none is called as a variable or a method is.
fn wanted_class(name: &str) -> Option<Wanted> {
    let class = name.strip_suffix(" class").unwrap_or(name);
    let is_global = !class.contains([' ', '>']);
    is_global.then(|| Wanted::Class(class.into()))
}
