//! The slave: a machine that starts almost empty and pulls what it misses.
//!
//! It is a library too, so that the master can start a slave out of itself.
//!
//! Reading order: [`machine`], [`ending`].

pub mod ending;
pub mod machine;
