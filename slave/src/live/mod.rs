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
//! The other way round the machine asks: while somebody listens for what a slim image lost, it stands still
//! where it reaches such a thing, until a push brings it.
//!
//! A slave that pulls takes code in the same way, and a daemon puts what it took into each of its runs anew.
//!
//! Reading order: [`desk`] (the border to gRPC; [`alone`] has the other orders), [`history`] (who pushed what),
//! [`pushes`] (how it is done), `packages` (the same of package files), [`running`] (the machine's own loop), [`runs`] (machines one after another),
//! [`suppliers`] and [`supplying`] (who is asked for what was lost).

mod alone;
mod desk;
pub mod history;
mod packages;
pub mod pushes;
mod running;
mod runs;
mod suppliers;
mod supplying;

pub use desk::{LiveDesk, LiveQueue};
pub use pushes::{Keeper, PushedInto, PushedText, Pushes, TextKeeper, Texts, begin_log};
pub use running::{Giver, LiveRun, Served, serve_beside};
pub use runs::{Bell, RunsPushes, heed, take_heed};
