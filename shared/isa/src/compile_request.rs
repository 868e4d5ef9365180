//! What is asked of whoever has a compiler, by a machine that has none.
//!
//! Classes may look otherwise here than where the compiler is: a program makes classes, and changes them.
//! So the question tells what the compiler may not know.

use crate::{BehaviorName, Name};

/// A method or an expression to be compiled.
#[derive(Clone, PartialEq, Debug)]
pub struct CompileRequest {
    /// For which behaviour.
    pub behavior: BehaviorName,
    /// The source text.
    pub source: String,
    /// The protocol.
    pub protocol: String,
    /// Whether the text is an expression, to become a method `DoIt`, and no method.
    pub is_expression: bool,
    /// What names mean where it is asked.
    pub surroundings: Surroundings,
}

/// What names mean in a behaviour where a compiler is asked; what is left out is as the compiler's side
/// knows it.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Surroundings {
    /// The hash of the behaviour's shape ([`crate::shape_hash`]); 0 where it is not told.
    pub shape: u64,
    /// The instance variables of the behaviour, inherited ones first, where its shape is told.
    pub instance_variables: Vec<Name>,
    /// The class and its superclasses, itself first.
    pub lineage: Vec<Name>,
    /// Class variables of these, each behind its class.
    pub class_variables: Vec<(Name, Name)>,
    /// Globals that the source names, and whether each is a class.
    pub globals: Vec<(Name, bool)>,
}
