//! What came from the master, in the order in which it came: a slim image is made of it.
//!
//! Kept as an extension of the machine, and only where somebody put one in.

use imprint_isa::{Draft, Placed};
use rustc_hash::FxHashSet;

use crate::extract::ClassIndices;
use crate::machine::Vm;
use crate::naming::Activation;
use crate::outside::Answer;

/// A draft that was installed, and during what.
#[derive(Clone, PartialEq, Debug)]
pub struct Arrival {
    /// The draft: by itself, so that noting one more moves none of the others.
    pub placed: Box<Placed<Draft>>,
    /// Index into the phases.
    pub phase: usize,
}

/// Who wants to hear of each draft that comes for the first time, at once: an extension of the machine
/// beside [`Arrivals`]. It is told the draft, the phase, and the code that ran when it was missed.
pub struct Witness(pub Testimony);

/// What a [`Witness`] does with what it hears.
pub type Testimony = Box<dyn FnMut(&Placed<Draft>, &str, Option<&Activation>)>;

/// The drafts that came to a machine.
#[derive(Clone, Default, Debug)]
pub struct Arrivals {
    /// The drafts, in order.
    pub drafts: Vec<Arrival>,
    /// Classes that were declared by index, vocabulary included.
    pub class_indices: Vec<ClassIndices>,
    /// Names of phases: of tests, of the entry expression.
    pub phases: Vec<String>,
    ids: FxHashSet<(u64, bool)>,
}

impl Arrivals {
    /// Nothing has come to a machine that knows this vocabulary.
    pub fn new(vocabulary: &[ClassIndices]) -> Arrivals {
        Arrivals {
            class_indices: vocabulary.to_vec(),
            phases: vec!["entry".into()],
            ..Arrivals::default()
        }
    }

    /// From now on things come during the phase of this name.
    pub fn begin_phase(&mut self, name: &str) {
        self.phases.push(name.to_string());
    }

    /// Notes a draft; one that came before is not noted again. Answers whether it was.
    pub fn note(&mut self, placed: Box<Placed<Draft>>) -> bool {
        let is_meta = matches!(placed.draft, Draft::Meta(_));
        let id = if is_meta { placed.meta_id } else { placed.id };
        let is_new = id != 0 && self.ids.insert((id, is_meta));
        if is_new {
            let phase = self.phases.len().saturating_sub(1);
            self.drafts.push(Arrival { placed, phase });
        }
        is_new
    }

    /// Notes drafts as what came during the phase of this name.
    pub fn note_phase<'a>(
        &mut self,
        name: &str,
        drafts: impl IntoIterator<Item = &'a Placed<Draft>>,
    ) {
        self.begin_phase(name);
        for placed in drafts {
            self.note(Box::new(placed.clone()));
        }
    }

    /// Whether the draft of the object with this id came.
    pub fn has(&self, id: u64) -> bool {
        self.ids.contains(&(id, false)) || self.ids.contains(&(id, true))
    }
}

impl Vm {
    /// Learns the class indices of an answer.
    pub(crate) fn declare_classes(&mut self, answer: &Answer) {
        for (name, index, meta_index) in &answer.class_indices {
            self.names.declare(name, *index, *meta_index);
        }
        if let Some(arrivals) = self.extensions.get_mut::<Arrivals>() {
            arrivals
                .class_indices
                .extend(answer.class_indices.iter().cloned());
        }
    }

    /// Notes that a draft of the master was installed.
    pub(crate) fn note_arrival(&mut self, placed: Box<Placed<Draft>>) {
        let Some(arrivals) = self.extensions.get_mut::<Arrivals>() else {
            return;
        };
        if !arrivals.note(placed) || self.extensions.get::<Witness>().is_none() {
            return;
        }
        let cause = self.is_running.then(|| {
            let running = self.active_process_or_nil();
            self.activations(running, 1).into_iter().next()
        });
        let Some(mut witness) = self.extensions.remove::<Witness>() else {
            return;
        };
        if let Some(arrivals) = self.extensions.get::<Arrivals>()
            && let Some(Arrival { placed, phase }) = arrivals.drafts.last()
        {
            (witness.0)(placed, &arrivals.phases[*phase], cause.flatten().as_ref());
        }
        self.extensions.insert(witness);
    }
}
