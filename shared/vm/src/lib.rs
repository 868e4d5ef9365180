//! Runs code on one thread: interpreter, scheduler, primitives, install and extract.
//!
//! ```text
//!            run_until ──> driver ──────────> interpret (dispatch, handlers) ──> primitives
//!                             │  ▲ Stop             │ frames            │ Args
//!   collect, fetch, wait <────┘  └──────────────────┘                   ▼
//!            heap, Outside                       stack pages          heap
//! ```
//!
//! Three rules hold everywhere (design D2, D9, D11). Objects move only at a safepoint, which only
//! the driver makes, so any function below it may hold oops with no handles. A bytecode or
//! primitive either finishes or leaves no effect; what it lacks goes up to the driver as a
//! [`Failure`] and it is run again. And one thread owns a [`Vm`]: the world reaches it through the
//! one trait [`Outside`] alone.
//!
//! Reading order: [`machine`] (the parts), `stack` (frames), `dispatch` and `handlers` (the
//! bytecodes), `threads` (the quick way through them), `send`, `sites` and `lookup` (messages),
//! `context` (frames as objects), `control` (primitives that change what runs), `scheduler`,
//! `driver`, [`primitives`], [`revise`] (other code for a running image).

mod activation;
pub mod args;
pub mod arrivals;
mod aside;
mod cache;
mod context;
mod control;
mod crash;
mod dispatch;
mod driver;
mod expression;
pub mod extensions;
pub mod extract;
pub mod failure;
mod fetch;
mod fitting;
mod handlers;
pub mod install;
mod lookup;
pub mod machine;
mod memory;
pub mod modules;
mod naming;
pub mod outcome;
pub mod outside;
pub mod presence;
pub mod primitives;
mod pull_sites;
mod rekeyed;
pub mod revise;
mod roots;
mod scheduler;
pub mod seed;
mod send;
pub mod settings;
mod sites;
mod stack;
pub mod stand_in;
mod stop;
mod strict;
mod supply;
mod threads;
pub mod touched;
mod unwind;
mod v3;

pub use args::{Args, ControlPrimitive, Primitive};
pub use arrivals::{Arrival, Arrivals, Testimony, Witness};
pub use context::{bottom_context, entry_method};
pub use extensions::Extensions;
pub use failure::{Failure, PrimitiveError};
pub use imprint_isa::Miss;
pub use machine::Vm;
pub use modules::{Modules, NamedPrimitive};
pub use naming::Activation;
pub use outcome::{Outcome, RunLimits};
pub use outside::{Answer, Event, Outside, OutsideError};
pub use presence::Presence;
pub use pull_sites::{PullSite, PullSites};
pub use rekeyed::Rehashed;
pub use settings::{CommandLine, VmSettings};
pub use supply::{Supply, Wanted};
pub use touched::Touched;
