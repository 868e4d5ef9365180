//! Serves a pristine image: answers what slaves miss.
//!
//! ```text
//!   gRPC stream ── Session ── Question + oneshot ──> owner thread: pristine image, index, texts
//!   gRPC stream ── Session ──────┘                        │ a PullSession for each slave
//!              <── MasterMessage ─────────────────────────┘
//! ```
//!
//! One thread owns the image (design D11); the streams send it questions and await the answer.

mod handshake;
mod kernel;
mod orders;
mod owner;
mod plan;
mod source;

pub use orders::Orders;
pub use owner::{Owner, Pristine};
pub use plan::{image_tests, plan_of};
pub use source::PristineSource;
