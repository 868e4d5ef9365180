//! From what came to a slave to a slim image: a pure function, its manifest, and the rules of the
//! proof.
//!
//! ```text
//!   arrivals (drafts, by phase) ─┐
//!   keep list, margin (master) ──┼──> select ──> build ──> views, tombstones ──> Slim
//!   entry expression ────────────┘                            │                   │
//!                                                          manifest           image file
//! ```
//!
//! Nothing of the run's own state takes part: field values are the pristine ones, the order is by
//! id, and what is written depends on the graph alone (design D13).
//!
//! Reading order: [`pattern`] and [`keep`] (what a user asks for), [`margin`], [`select`] (what is
//! taken), [`slim`] (the heap), `live`, `views`, `tombstones`, [`export`] (for stock virtual
//! machines), `absent`, [`manifest`], [`proof`], [`side`].

mod absent;
pub mod error;
pub mod export;
pub mod keep;
mod live;
pub mod manifest;
pub mod margin;
pub mod pattern;
pub mod proof;
pub mod select;
pub mod side;
pub mod slim;
mod tombstones;
mod views;

pub use absent::names_of;
pub use error::ShrinkError;
pub use keep::{Kept, keep_pragmas, resolve};
pub use manifest::Manifest;
pub use margin::{Margin, expand};
pub use pattern::KeepPattern;
pub use proof::{Finding, judge};
pub use side::{SidePackage, install_side, side_package};
pub use slim::{Slim, SlimInput, SlimOptions, slim};
pub use views::{GLOBALS_CLASS, narrow_views};
