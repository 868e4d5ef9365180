//! Puts other code over that of a running image: all or nothing, between two runs of the machine.
//!
//! ```text
//!   Revision ── foresee: shapes, what is missing, what would be lost ──> refused, nothing changed
//!                 │
//!                 └─> frames written out ─> code adapted ─> instances migrated ─> methods entered ─> Undo
//!                                                                                   │
//!                          revert, last one first <─────────────────────────────────┘
//! ```
//!
//! Whoever is inside a method finishes it; the next send finds the new one. Where the shape of a class
//! changed, its instances and those of its subclasses are migrated with their identity, variables by
//! name; all code that names their variables is adapted without a compiler, that of activations and
//! closures too, so a method that is being finished finds its variables where they went. An instance
//! whose class understands [`INITIALISER`] is sent that with the names of its new variables, before
//! anybody else runs.
//!
//! What would lose something is refused with a list of it, unless it is forced: removed variables that
//! hold something, or that methods name which stay. What the machine itself reads by number never
//! changes its shape.
//!
//! Not here: what an image keeps beyond what a machine reads (layouts, protocols, packages, texts).
//! Whoever revises has the image's own code see to that.
//!
//! Reading order: [`shapes`], [`foresight`], [`adapting`], [`migrating`], [`commit`], [`bringing`], [`undo`];
//! [`remembering`] is for what the image does about it, [`pulling`] and [`latecomers`] are for machines that have a
//! master, [`holdings`] says what a slim image lost.

mod adapting;
mod bringing;
mod commit;
mod foresight;
mod holdings;
mod initialising;
mod latecomers;
mod migrating;
mod pulling;
mod remembering;
mod shapes;
mod undo;

use imprint_isa::adaptation::AdaptError;
use imprint_isa::{BehaviorName, ClassDraft, MethodDraft, Miss, Name};
use thiserror::Error;

use crate::install::InstallError;

use commit::out_of_space;

pub use holdings::Holding;
pub use initialising::INITIALISER;
pub(crate) use latecomers::Latecomers;
pub use remembering::Until;
pub use undo::{Entered, Reverted, Undo};

/// What is put over the code of an image.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Revision {
    /// Classes as they shall be, with their class sides, superclasses first.
    pub classes: Vec<ClassDraft>,
    /// Methods, compiled for the shapes that their classes will have.
    pub methods: Vec<NewMethod>,
    /// Methods that shall go.
    pub removed: Vec<(BehaviorName, Name)>,
    /// Methods of the sender that stay behind: where the image has nothing of them, a tombstone keeps
    /// inherited ones from answering.
    pub buried: Vec<(BehaviorName, Name)>,
    /// Globals that stay behind: where there is nothing of that name, a place says so when it is reached.
    pub places: Vec<Name>,
    /// How classes look now as far as the sender knows: believed of a class whose variables the image has
    /// forgotten, where their number agrees.
    pub assumed: Vec<ClassDraft>,
}

/// A method that shall be entered.
#[derive(Clone, PartialEq, Debug)]
pub struct NewMethod {
    /// The method.
    pub draft: MethodDraft,
    /// Where its text stands, as the trailer says it; 0 for nowhere.
    pub source_pointer: u64,
}

/// What a revision did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Revised {
    /// Classes that were not there before.
    pub new_classes: Vec<Name>,
    /// Behaviours whose shape changed, with what that meant.
    pub reshaped: Vec<Reshaped>,
    /// Methods that were entered.
    pub methods: usize,
    /// Methods that were taken out.
    pub removed: usize,
    /// What was lost since it was forced.
    pub losses: Vec<Loss>,
}

impl Revised {
    /// Instances that were migrated.
    pub fn instances(&self) -> usize {
        self.reshaped.iter().map(|it| it.instances).sum()
    }

    /// Methods and blocks that were adapted.
    pub fn adapted(&self) -> usize {
        self.reshaped.iter().map(|it| it.adapted).sum()
    }
}

/// A behaviour whose instances look otherwise now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reshaped {
    /// Which.
    pub behavior: BehaviorName,
    /// Variables that its instances have now and had not.
    pub added: Vec<Name>,
    /// Variables that its instances had.
    pub removed: Vec<Name>,
    /// Instances that were migrated.
    pub instances: usize,
    /// Methods that were adapted.
    pub adapted: usize,
}

/// Something that a revision would lose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Loss {
    /// What instances hold in a variable that goes.
    Values {
        /// The class, or class side.
        behavior: BehaviorName,
        /// The variable.
        variable: Name,
        /// In how many instances it is not nil.
        instances: usize,
    },
    /// Indexed elements of instances whose class will have none.
    Elements {
        /// The class.
        behavior: BehaviorName,
        /// How many instances have any.
        instances: usize,
    },
    /// A method that stays names a variable that goes.
    Use {
        /// The method, as `Class>>selector`.
        method: String,
        /// The variable.
        variable: Name,
    },
    /// What a class variable holds that goes.
    ClassVariable {
        /// The class.
        class: Name,
        /// The variable.
        variable: Name,
    },
}

impl std::fmt::Display for Loss {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Loss::Values {
                behavior,
                variable,
                instances,
            } => write!(
                formatter,
                "the values of '{variable}' in {}",
                counted(*instances, &format!("instance of {behavior}"))
            ),
            Loss::Elements {
                behavior,
                instances,
            } => write!(
                formatter,
                "the indexed elements of {}",
                counted(*instances, &format!("instance of {behavior}"))
            ),
            Loss::Use { method, variable } => {
                write!(formatter, "'{variable}' in {method}, which names it")
            }
            Loss::ClassVariable { class, variable } => {
                write!(
                    formatter,
                    "the value of the class variable '{variable}' of {class}"
                )
            }
        }
    }
}

/// `1 instance of Foo`, `2 instances of Foo`.
fn counted(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {}", thing.replacen("instance", "instances", 1)),
    }
}

/// Why nothing was changed.
#[derive(Debug, Error)]
pub enum RevisionError {
    /// It names what is not here.
    #[error("it needs {}, which the image has not", listed(.0))]
    Missing(Vec<Miss>),
    /// It would lose something, and was not forced to.
    #[error("it would lose {}", losses(.0))]
    Losses(Vec<Loss>),
    /// The machine itself reads the variables of instances by number.
    #[error("the machine itself reads the variables of {0} by number, so they cannot change")]
    Fixed(Name),
    /// A class declares a variable that it inherits too.
    #[error("{behavior} has the variable '{variable}' twice: keep it in one class")]
    Twice {
        /// The class.
        behavior: BehaviorName,
        /// The variable.
        variable: Name,
    },
    /// Instances that consist of raw elements cannot become ones of variables, nor the reverse.
    #[error("instances of {0} hold raw elements, or will: these and variables cannot be migrated")]
    Raw(BehaviorName),
    /// What the image remembers of a class is too little.
    #[error(
        "the image has forgotten the variables of {0}; push with the full image that it was made of"
    )]
    Forgotten(Name),
    /// The class looks otherwise than the sender believes.
    #[error("{class} has {here} variables in the image, and {there} as far as the sender knows")]
    OtherShape {
        /// The class.
        class: Name,
        /// In the image.
        here: usize,
        /// As the sender assumed.
        there: usize,
    },
    /// An instance must not move.
    #[error("an instance of {0} is pinned in memory, so it cannot be migrated")]
    Pinned(BehaviorName),
    /// Code that stays cannot be adapted.
    #[error("{method} cannot be adapted: {error}")]
    Unadaptable {
        /// The method.
        method: String,
        /// Why.
        error: AdaptError,
    },
    /// A draft was refused.
    #[error("{0}")]
    Install(#[from] InstallError),
    /// Memory is short.
    #[error("{0} bytes of memory are missing")]
    NeedsSpace(usize),
    /// A new variable could not be initialised; all is as it was.
    #[error("initialising the new variables of {behavior} failed: {why}")]
    Initialiser {
        /// The class.
        behavior: BehaviorName,
        /// What happened.
        why: String,
    },
    /// What was missing could not be had.
    #[error("{0}")]
    NoSource(String),
}

fn losses(losses: &[Loss]) -> String {
    let texts: Vec<String> = losses.iter().map(Loss::to_string).collect();
    texts.join("; ")
}

fn listed(misses: &[Miss]) -> String {
    let texts: Vec<String> = misses.iter().map(name_of_miss).collect();
    texts.join(", ")
}

/// What is missed, in a user's words.
pub fn name_of_miss(miss: &Miss) -> String {
    match miss {
        Miss::Class(name) | Miss::Global(name) => name.to_string(),
        Miss::Method {
            behavior, selector, ..
        } => format!("{behavior}>>{selector}"),
        Miss::ClassIndex(index) => format!("the class at index {index}"),
        Miss::Known(known) => known.text().to_string(),
        Miss::Object(_) => "an object of the full image".to_string(),
    }
}
