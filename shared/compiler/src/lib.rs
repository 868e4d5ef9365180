//! imprint-compiler: a method's tree to its draft, bytecode for bytecode as Pharo's compiler does
//! it (Opal, of Pharo 13's sources), so that tools which map program counters to source agree.
//!
//! ```text
//! text ── syntax ──> Tree ── analysis ──> scopes, vectors, copies
//!                      └──── generate, inline ──> ir ── layout ──> bytecodes ── assemble ──> MethodDraft
//! ```
//! Reading order: `names`, `scope`, `control`, `analysis`, `ir`, `generate`, `closure`, `inline`,
//! `layout`, `lower`, `literals`, `assemble`, `source_map`; `pragma` and `options` for what pragmas say; `library` for
//! compiling where there is no heap yet.
//!
//! Compiling never fails with less than findings: errors are values with places, several for a
//! method; warnings come with the code. It knows names through one trait (`Names`) and no heap.
//!
//! Where this differs from Opal, on purpose: a directed super send pushes the class's binding
//! itself and not a copy of it; the block of a constant closure counts its arguments as
//! temporaries; a temporary that hides another of its name gets a slot of its own. Where Opal's
//! order is that of a hash, ours is that of first use: copied values, and the selectors of messages
//! compiled in place. Jumps to jumps are shortened, which Opal sets out to do but does not reach.

mod analysis;
mod assemble;
mod closure;
mod control;
mod generate;
mod inline;
mod ir;
mod layout;
mod library;
mod literals;
mod lower;
mod names;
mod options;
mod pragma;
mod scope;
mod source_map;

use imprint_isa::draft::{BehaviorName, MethodDraft, Name, Ref};
use imprint_syntax::{Diagnostic, Form, SourceText, Tree, parse_doit, parse_method};

use crate::analysis::Analysis;
use crate::assemble::assemble;
use crate::generate::Generator;
use crate::options::Options;
use crate::pragma::primitive_of;

pub use crate::library::{ClassDescription, ClassNames, Library};
pub use crate::names::{Bindings, Names, Resolved};
pub use crate::source_map::{CodeMap, SourceMap};

/// The place a method is compiled for.
#[derive(Clone, Debug)]
pub struct Site {
    /// The class or metaclass.
    pub behavior: BehaviorName,
    /// The protocol; empty for an expression sequence.
    pub protocol: Name,
    /// `shape_hash` of the behaviour.
    pub shape: u64,
    /// Whether instances may be contexts (Context, InstructionStream and below): their variables
    /// are reached by forms of their own.
    pub is_context: bool,
    /// Whether the image has classes for blocks that answer a constant. Images from before them
    /// have not.
    pub has_constant_blocks: bool,
}

impl Site {
    /// A place for expression sequences, or for methods that have no protocol yet.
    #[must_use]
    pub fn new(behavior: BehaviorName) -> Self {
        Self {
            behavior,
            protocol: "".into(),
            shape: 0,
            is_context: false,
            has_constant_blocks: true,
        }
    }

    /// The literal that names the class to compiled code.
    pub(crate) fn class_binding(&self) -> Ref {
        let class = self.behavior.class.clone();
        if self.behavior.meta {
            Ref::MetaBinding(class)
        } else {
            Ref::Global(class)
        }
    }
}

/// What came of a text.
#[derive(Clone, Debug)]
pub struct Compilation {
    /// The code; none if there is an error among the findings.
    pub method: Option<Compiled>,
    /// Errors and warnings, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

impl Compilation {
    /// The draft, or why there is none.
    ///
    /// # Errors
    /// All findings, warnings among them, where one is an error.
    pub fn into_draft(self) -> Result<MethodDraft, Vec<Diagnostic>> {
        self.method
            .map(|method| method.draft)
            .ok_or(self.diagnostics)
    }

    /// All findings as text, each with its line and a caret; `name` stands before line and column.
    #[must_use]
    pub fn report(&self, name: &str, source: &str) -> String {
        SourceText::new(name, source).render_all(&self.diagnostics)
    }
}

/// Code and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// The method.
    pub draft: MethodDraft,
    /// From its instructions back to the text.
    pub source_map: SourceMap,
}

/// Compiles the text of a method.
#[must_use]
pub fn compile_method(source: &str, site: &Site, names: &dyn Names) -> Compilation {
    let (tree, faults) = parse_method(source);
    compile_tree(&tree, faults, site, names)
}

/// Compiles an expression sequence to a method `DoIt` that answers the last value.
#[must_use]
pub fn compile_doit(source: &str, site: &Site, names: &dyn Names) -> Compilation {
    let (tree, faults) = parse_doit(source);
    compile_tree(&tree, faults, site, names)
}

/// Compiles a tree; `faults` is what its parser found.
#[must_use]
pub fn compile_tree(
    tree: &Tree<'_>,
    faults: Vec<Diagnostic>,
    site: &Site,
    names: &dyn Names,
) -> Compilation {
    let mut diagnostics = faults;
    let is_well_formed = !diagnostics.iter().any(Diagnostic::is_error);
    let options = Options::of(tree, site);
    let primitive = primitive_of(tree, &mut diagnostics);
    let error_code = primitive
        .as_ref()
        .and_then(|primitive| primitive.error_name());
    let mut analysis = Analysis::of(tree, names, &options, error_code);
    let mut found = std::mem::take(&mut analysis.diagnostics);
    // In a faulty text a name may only seem unused or undeclared.
    found.retain(|diagnostic| is_well_formed || diagnostic.is_error());
    diagnostics.append(&mut found);
    let mut method = None;
    if !diagnostics.iter().any(Diagnostic::is_error) {
        let mut generator = Generator::new(tree, &analysis, site, options);
        match tree.form {
            Form::Method => generator.method(primitive.as_ref()),
            Form::DoIt => generator.doit(primitive.as_ref()),
        }
        diagnostics.append(&mut generator.diagnostics);
        match assemble(generator.code, tree, site, options.long_instance_variables) {
            Ok((draft, source_map)) => method = Some(Compiled { draft, source_map }),
            Err(mut limits) => diagnostics.append(&mut limits),
        }
    }
    finish(method, diagnostics)
}

/// From the instructions of a method back to its text, by compiling it again. `None` where the
/// text does not compile.
#[must_use]
pub fn source_map(source: &str, site: &Site, names: &dyn Names) -> Option<SourceMap> {
    compile_method(source, site, names)
        .method
        .map(|method| method.source_map)
}

fn finish(method: Option<Compiled>, mut diagnostics: Vec<Diagnostic>) -> Compilation {
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
    let is_faulty = diagnostics.iter().any(Diagnostic::is_error);
    Compilation {
        method: method.filter(|_| !is_faulty),
        diagnostics,
    }
}
