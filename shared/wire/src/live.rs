//! Other code for a running image: what is pushed and what is said to it, as plain values.

use imprint_isa::{BehaviorName, ClassDraft, MethodDraft, Name};

/// A method by name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MethodName {
    /// Its behaviour.
    pub behavior: BehaviorName,
    /// Its selector.
    pub selector: Name,
}

impl MethodName {
    /// Reads `Class>>selector` or `Class class>>selector`.
    pub fn parse(text: &str) -> Option<MethodName> {
        let (behavior, selector) = text.split_once(">>")?;
        let selector = selector.strip_prefix('#').unwrap_or(selector);
        let is_sane = !behavior.trim().is_empty() && !selector.trim().is_empty();
        is_sane.then(|| MethodName {
            behavior: BehaviorName::parse(behavior.trim()),
            selector: selector.trim().into(),
        })
    }
}

impl std::fmt::Display for MethodName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}>>{}", self.behavior, self.selector)
    }
}

/// Code as it shall be.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Push {
    /// What it is, in a user's words.
    pub title: String,
    /// Who pushes: pushes of one origin replace each other without a question.
    pub origin: String,
    /// Whether what stands in the way is lost.
    pub is_forced: bool,
    /// Classes, superclasses first.
    pub classes: Vec<PushedClass>,
    /// Methods.
    pub methods: Vec<PushedMethod>,
    /// Methods that shall go.
    pub removed: Vec<MethodName>,
    /// How classes look now, as far as the sender knows.
    pub assumed: Vec<ClassDraft>,
    /// What the image itself is to do.
    pub chores: Vec<Chore>,
    /// Methods of the sender that stay behind: no inherited one answers for them.
    pub buried: Vec<MethodName>,
    /// The want that it is the answer to, even where there is nothing to push; 0 for none.
    pub supplies: u64,
    /// Globals that stay behind: where there is nothing of that name, a place says so when it is reached.
    pub places: Vec<Name>,
}

/// A class with its class side.
#[derive(Clone, PartialEq, Debug)]
pub struct PushedClass {
    /// The class.
    pub draft: ClassDraft,
    /// Its comment.
    pub comment: String,
}

/// A method with its text.
#[derive(Clone, PartialEq, Debug)]
pub struct PushedMethod {
    /// The method.
    pub draft: MethodDraft,
    /// Its text.
    pub source: String,
    /// Who wrote it, and when.
    pub stamp: String,
}

impl PushedMethod {
    /// Its name.
    pub fn name(&self) -> MethodName {
        MethodName {
            behavior: self.draft.behavior.clone(),
            selector: self.draft.selector.clone(),
        }
    }
}

/// An expression by which the image itself keeps what a machine does not read: layouts, protocols,
/// packages, comments.
#[derive(Clone, PartialEq, Debug)]
pub struct Chore {
    /// Done only where this method is there.
    pub needs: MethodName,
    /// Done only if this class is new.
    pub for_new_class: Option<Name>,
    /// Done before a rollback takes the push back, and not after it.
    pub is_before_rollback: bool,
    /// The expression.
    pub expression: MethodDraft,
}

/// How a push ended that was not refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PushReport {
    /// It is done.
    Pushed(Pushed),
    /// Somebody else changed what it would replace; nothing was changed.
    Conflicts(Vec<Conflict>),
    /// It names what the image has not; nothing was changed.
    Missing(Vec<String>),
}

/// What a push did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pushed {
    /// Its number; 0 where everything was there already.
    pub number: u32,
    /// Classes that were not there.
    pub new_classes: Vec<String>,
    /// Behaviours whose instances look otherwise now.
    pub reshaped: Vec<Reshaped>,
    /// Methods entered.
    pub methods: u32,
    /// Methods taken out.
    pub removed: u32,
    /// What was lost since it was forced, a phrase each.
    pub losses: Vec<String>,
    /// How long the machine stood still for it.
    pub micros: u64,
    /// What the user should know, a sentence each.
    pub warnings: Vec<String>,
}

/// A behaviour whose instances look otherwise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reshaped {
    /// Which.
    pub behavior: BehaviorName,
    /// Variables that came.
    pub added: Vec<String>,
    /// Variables that went.
    pub removed: Vec<String>,
    /// Instances that were migrated.
    pub instances: u32,
    /// Methods and blocks that were adapted.
    pub adapted: u32,
}

/// A method that somebody else changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// Which.
    pub method: MethodName,
    /// Its last push; 0 where the image changed it itself.
    pub number: u32,
    /// Who pushed that.
    pub origin: String,
    /// When, in microseconds since 1970, UTC.
    pub when_micros: u64,
    /// Its text there; empty where nobody knows it.
    pub source: String,
}

/// A method as it is in a running image.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Shown {
    /// Whether it is there at all.
    pub is_there: bool,
    /// Its text, where that is known.
    pub source: Option<String>,
    /// Its last push; 0 for none.
    pub number: u32,
    /// Who pushed that.
    pub origin: String,
    /// What the push said of who wrote it, and when.
    pub stamp: String,
    /// When, in microseconds since 1970, UTC.
    pub when_micros: u64,
}

/// What going back to an earlier push did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RolledBack {
    /// The push that is in force now.
    pub number: u32,
    /// Classes that are as they were.
    pub classes: u32,
    /// Methods that are as they were.
    pub methods: u32,
    /// Instances that were migrated back.
    pub instances: u32,
}

/// All classes and methods that somebody could give away.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outline {
    /// The classes.
    pub classes: Vec<OutlinedClass>,
}

/// A class in an outline.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OutlinedClass {
    /// Its name.
    pub name: String,
    /// Its superclass; `None` at the root.
    pub superclass: Option<String>,
    /// Its own selectors.
    pub selectors: Vec<String>,
    /// Those of its class side.
    pub class_selectors: Vec<String>,
}

/// What code names that is about to be pushed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Inventory {
    /// Methods that it may reach.
    pub methods: Vec<MethodName>,
    /// Classes and class sides.
    pub behaviors: Vec<BehaviorName>,
    /// Variables, each with the name of its class or pool.
    pub class_variables: Vec<(Name, Name)>,
    /// Globals.
    pub globals: Vec<Name>,
}

/// How it stands with something that has a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holding {
    /// It is there.
    Here,
    /// It was pruned.
    Lost,
    /// It would be in a class that is not there.
    WithoutClass,
}

/// How it stands with each thing of an [`Inventory`], in turn.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Holdings {
    /// The methods.
    pub methods: Vec<Holding>,
    /// The behaviours.
    pub behaviors: Vec<Holding>,
    /// The variables.
    pub class_variables: Vec<Holding>,
    /// What the globals hold.
    pub globals: Vec<Holding>,
}

/// Something that a slim image reached and that is not there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Want {
    /// Its number, which the push says that supplies it.
    pub number: u64,
    /// What it is.
    pub what: Wanted,
}

/// What is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// A method.
    Method(MethodName),
    /// A class with its class side.
    Class(Name),
    /// An object that is no class, by the variable or the method that leads to it.
    Object(Name),
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Wanted::Method(name) => name.fmt(formatter),
            Wanted::Class(name) | Wanted::Object(name) => formatter.write_str(name),
        }
    }
}
