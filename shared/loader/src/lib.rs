//! Smalltalk source files -> class and method definitions. Text in, values out.
//!
//! The crate reads every form in which Smalltalk people keep their sources: Tonel, FileTree (Cypress),
//! file-outs with bangs, GNU Smalltalk's bracket syntax and `.mcz` archives; and the files that describe a
//! project: `.smalltalk.ston`, `.project`, `.properties` and Metacello baselines.
//!
//! It does no IO: callers hand in paths and texts. It compiles nothing: a method body is raw text with its
//! place in the file, so that whoever compiles it can point back into the file ([`Origin`]). It knows no
//! heap. Nothing panics, whatever the input; a file with ten faults reports ten ([`Problem`]).
//!
//! Reading order: `definition` (what comes out), `repository` (the front door), `tonel`, `filetree`,
//! `chunk`, `bracket`, `monticello`, then `ston` and what is written in it: `project`, `layout`; last
//! `baseline` and `load`, which puts a project together;
//! `traits` flattens what was read.

pub mod ston;

mod baseline;
mod body;
mod bracket;
mod chunk;
mod class_message;
mod definition;
mod expression;
mod filetree;
mod header;
mod layout;
mod load;
mod monticello;
mod pattern;
mod problem;
mod project;
mod repository;
mod scanner;
mod tonel;
mod traits;

pub use baseline::{Baseline, BaselinePackage, Group, LoadOrder, ProjectReference};
pub use definition::{
    ClassDefinition, ClassKind, DoIt, MethodDefinition, Origin, PackageDefinition, TraitDefinition,
};
pub use layout::{ProjectLayout, SourceFormat};
pub use load::{LoadedProject, PLATFORMS, read_project};
pub use monticello::read_archive;
pub use problem::{Defect, LoadError, Problem};
pub use project::{
    Coverage, CustomScript, LoadSpec, MetacelloLoad, MonticelloLoad, Project, Selection,
    TestingSpec,
};
pub use repository::{Reading, SourceFile, read_packages};
pub use traits::flatten_traits;
