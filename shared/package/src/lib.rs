//! Package files: drafts of one image, to be installed into others with no compiler present.
//!
//! ```text
//!   image ── Membership (whose is what) ── export ──> Package ── file ──> bytes
//!                                                                  │ checksum, verifier
//!   image <── initialise <── organise (its own code) <── install <─┴─ plan (needs, shapes, order)
//! ```
//!
//! A plan looks at everything before anything changes, so what is refused is refused whole. What an
//! image keeps of code beyond what a machine reads (layouts, protocols, packages, and what each package
//! brought) its own class `PackageInstaller` makes, in one message.
//!
//! Reading order: [`file`], [`signature`], [`membership`], [`customs`] (objects that travel),
//! [`export`], [`plan`], `verification`, [`install`], [`newer`] (over an older version), [`orders`], [`uninstall`],
//! [`running`] (into a machine that runs) with `ledger`.

pub mod customs;
pub mod error;
pub mod export;
pub mod file;
mod initialisers;
pub mod install;
mod ledger;
mod manner;
pub mod membership;
mod needs;
mod newer;
mod orders;
pub mod plan;
mod running;
pub mod signature;
mod uninstall;
mod verification;

pub use error::PackageError;
pub use export::Exporter;
pub use file::{PackageFile, read_packages, write_packages};
pub use install::{Installed, Losing, TextKeeper, install};
pub use membership::Membership;
pub use running::{Farewell, install_aside, is_installed, keeps_books, uninstall_aside};
pub use signature::{PublicKey, SigningKey};
pub use uninstall::uninstall;
