//! The benchmark suite: what is run, the machine that runs it, other virtual machines beside it,
//! and the table that comes out.
//!
//! The programs are Smalltalk, in `bench/programs`. Those of [`suite::Kind::Program`] follow the
//! rules of are-we-fast-yet, so that its harness in any language is a peer; the others measure one
//! thing each. What is no program is among [`facts`].

pub mod clock;
mod echo;
pub mod facts;
pub mod machine;
pub mod measure;
mod packages;
pub mod peer;
mod processes;
mod saves;
pub mod suite;
pub mod table;
mod wire;

pub use echo::{SERVER_VARIABLE, serve as serve_echo};
