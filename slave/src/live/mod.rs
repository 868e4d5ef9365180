//! A running image that takes other code: `run IMAGE --listen URL`.
//!
//! ```text
//!   gRPC handlers ── order + oneshot ──> queue, waker ──> the machine stops at a safepoint
//!                                                              │ pushes: conflicts, revise, log
//!                        <── report ───────────────────────────┘ and goes on where it was
//! ```
//!
//! One thread owns the machine (D11). Whoever pushes waits; the image stands still only while code is
//! entered and instances are migrated.
//!
//! Reading order: [`desk`] (the border to gRPC), [`history`] (who pushed what), [`pushes`] (how it is done),
//! [`running`] (the machine's own loop).

mod desk;
pub mod history;
pub mod pushes;
mod running;

pub use desk::LiveDesk;
pub use pushes::{Pushes, TextKeeper};
pub use running::{LiveRun, Served, serve_beside};
