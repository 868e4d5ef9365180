//! Serves a pristine image: answers what slaves miss.
//!
//! ```text
//!   gRPC stream ── Stream ── Desk ──┐
//!   gRPC stream ── Stream ── Desk ──┴── Shelf: pristine image, index, texts
//!              <── MasterMessage ─────┘
//! ```
//!
//! Nobody changes what is on the shelf, so the streams answer side by side, each where it runs. What is pushed
//! makes another image and another shelf ([`editions`]), for slaves that begin from then on.

mod desk;
mod editions;
mod handshake;
mod kernel;
mod orders;
mod plan;
mod shelves;
mod slaves;
mod source;

pub use editions::{Edition, Editions, ServedFile};
pub use orders::Orders;

pub use plan::{image_tests, plan_of};
pub use slaves::Slaves;
pub use source::PristineSource;
