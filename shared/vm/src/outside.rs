//! What a machine gets from the world: one trait, through which pulls, IO, timers and orders all
//! arrive.

use std::time::Instant;

use imprint_isa::draft_bytes::packed::Bundle;
use imprint_isa::verifier::{Rejection, Verified};
use imprint_isa::{BehaviorName, CompileRequest, MethodDraft, Miss, Name, Ref};
use imprint_model::Ghost;
use thiserror::Error;

use crate::install::Names;

/// What the answer to misses brings.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Answer {
    /// Name, index and metaclass index of classes that the drafts below are instances of; they
    /// are declared before anything is installed.
    pub class_indices: Vec<(Name, u32, u32)>,
    /// Drafts to install, in this order.
    pub drafts: Vec<Verified>,
    /// Ghosts that stand for something the machine can find by name.
    pub aliases: Vec<(Ghost, Ref)>,
    /// What it cost on the wire; 0 where all of it had come before.
    pub bytes: u64,
}

impl Answer {
    /// What came, once all of it was verified; all of it is installed, asked for or not.
    ///
    /// # Errors
    /// The first rule that a draft breaks.
    pub fn verified(bundle: Bundle) -> Result<Answer, Rejection> {
        let drafts = bundle.placed.into_iter().map(Verified::new);
        Ok(Answer {
            class_indices: bundle.classes,
            drafts: drafts.collect::<Result<_, _>>()?,
            aliases: bundle.aliases,
            bytes: 0,
        })
    }
}

impl From<Answer> for Bundle {
    fn from(answer: Answer) -> Bundle {
        Bundle {
            asked: answer.drafts.len(),
            placed: answer
                .drafts
                .into_iter()
                .map(|it| *it.into_placed())
                .collect(),
            aliases: answer.aliases,
            classes: answer.class_indices,
        }
    }
}

impl From<Rejection> for OutsideError {
    fn from(rejection: Rejection) -> OutsideError {
        OutsideError::Unsound(rejection.to_string())
    }
}

/// Something that happened outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Signal the semaphore at this 1-based position of the external objects.
    Signal(usize),
    /// The process was asked to end: the semaphore that the image registered for this is
    /// signalled; without one the run ends with [`crate::Outcome::Quit`]`(0)`.
    Terminate,
    /// An order of the machine's owner: the run ends with [`crate::Outcome::Ordered`].
    Order(u64),
    /// The run shall stop now.
    Interrupt,
}

/// Why the outside could not help.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum OutsideError {
    /// There is no master.
    #[error("there is no master to ask")]
    NoMaster,
    /// The master went away and did not come back in time.
    #[error("the connection to the master was lost: {0}")]
    Lost(String),
    /// More was pulled than is allowed.
    #[error("more than {limit_bytes} bytes were pulled; raise --pull-limit")]
    LimitReached {
        /// So many were allowed.
        limit_bytes: u64,
    },
    /// The master said no.
    #[error("the master refused: {0}")]
    Refused(String),
    /// What the master sent would do harm, or is no answer.
    #[error("what the master sent was refused: {0}")]
    Unsound(String),
}

/// What a machine gets from the world.
pub trait Outside {
    /// Asks for what is missing and waits for it.
    ///
    /// # Errors
    /// Where there is nobody to ask, or who was asked refused.
    fn request(&mut self, misses: &[Miss]) -> Result<Answer, OutsideError>;

    /// Sleeps until something happens or the deadline passes (then the answer is empty). Without
    /// a deadline and with nothing that could ever happen the answer is empty at once.
    fn wait(&mut self, deadline: Option<Instant>) -> Vec<Event>;

    /// What has happened by now. Never blocks.
    fn poll(&mut self) -> Vec<Event>;

    /// Compiles a method; `names` is what the machine knows by name.
    ///
    /// # Errors
    /// The diagnostics as text.
    fn compile(&mut self, request: CompileRequest, names: &Names) -> Result<MethodDraft, String>;

    /// The source text of a method. `pointer` is what its trailer says of the place in the image's
    /// texts, 0 for nothing.
    fn method_source(
        &mut self,
        behavior: &BehaviorName,
        selector: &str,
        pointer: u64,
    ) -> Option<String>;

    /// Who wrote a method, and when, as the image's texts say it: `author date time`.
    fn method_stamp(
        &mut self,
        behavior: &BehaviorName,
        selector: &str,
        pointer: u64,
    ) -> Option<String> {
        let _ = (behavior, selector, pointer);
        None
    }

    /// Something pruned is about to be signalled: count and log it.
    fn pruned(&mut self, class: &BehaviorName, selector: &str);

    /// The same of a class or an object, with its name where it has one.
    fn pruned_object(&mut self, name: Option<&str>) {
        let _ = name;
    }

    /// What was signalled for something pruned found no handler.
    fn pruned_unhandled(&mut self) {}

    /// Something is not as the user of the machine may expect: he is told this sentence.
    fn warn(&mut self, sentence: &str) {
        let _ = sentence;
    }

    /// UTC microseconds since the beginning of 1901.
    fn now_micros(&self) -> u64;
}
