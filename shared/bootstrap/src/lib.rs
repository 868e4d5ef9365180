//! Kernel sources to a first heap, in order.
//!
//! ```text
//!  packages ── plan: order classes ──> shells ── compile all methods ──> install ── known objects
//!                                                                                      │
//!        full image <── class-side initialize, in order <── the image organises itself ┘
//! ```
//!
//! The virtual machine needs little of a class: superclass, format, method dictionary. That much
//! is made here. Everything else that an image keeps (layouts, protocols, packages, the dictionary
//! of globals) its own code makes, in a few messages sent as the first thing that runs.
//!
//! Reading order: [`kernel`] (the embedded sources), [`sources`], [`order`], [`scope`],
//! [`compile`], [`drafting`], [`seed`], [`organise`], [`build`]. [`sketch`] compiles with no heap at all,
//! [`difference`] says what of sources that changed is to be compiled.

pub mod build;
pub mod compile;
pub mod difference;
pub mod drafting;
pub mod error;
pub mod kernel;
pub mod order;
pub mod organise;
pub mod scope;
pub mod seed;
pub mod sketch;
pub mod sources;

pub use build::{FullImage, build};
pub use compile::{compile_elsewhere, compile_expression, compile_for, source_line};
pub use difference::{Difference, OwnedMethod};
pub use drafting::kind_of_spec;
pub use error::BuildError;
pub use kernel::{KERNEL_FINGERPRINT, embedded_packages};
pub use organise::{OwnWork, own_initialising, own_work};
pub use scope::Scope;
pub use sketch::Sketch;
pub use sources::PackageSet;
