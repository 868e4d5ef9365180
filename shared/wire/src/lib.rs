//! What a master and a slave say to each other: the only crate that knows protobuf and gRPC.
//!
//! Everybody else sees plain values ([`message`], [`control`], [`live`]) and four ways to move them:
//!
//! ```text
//!  slave's VM thread                                        master
//!  Connection::send ──── SlaveMessage ────▶ Session::answer ── one session a slave
//!  Connection::receive ◀─── MasterMessage ──┘
//!  Controller::run ───── RunOrder ────────▶ Control::run       either daemon
//!  Controller::push ──── Push ────────────▶ Live::push         a running image
//! ```
//!
//! Reading order: [`message`], [`control`], [`live`], [`address`], [`connection`], [`server`], [`credentials`],
//! [`role`], [`tokens`], [`log`].
//! Invariant: protobuf types do not leave this crate, and what leaves it was checked.

pub mod address;
mod bundles;
pub mod connection;
pub mod control;
pub mod controller;
mod convert;
mod counted;
pub mod credentials;
mod distrust;
mod error;
mod guard;
mod incoming;
pub mod live;
mod live_service;
pub mod log;
pub mod message;
mod pace;
mod payload;
mod pb;
pub mod role;
pub mod server;
pub mod tokens;
#[doc(hidden)]
pub mod untrusted;
pub mod upload;

pub use address::Address;
pub use connection::Connection;
pub use controller::Controller;
pub use credentials::{Admission, Credentials};
pub use error::{InvalidMessage, WireError};
pub use live_service::Live;
pub use message::{MasterMessage, SlaveMessage};
pub use role::Role;
pub use server::{Control, Listener, ServerLimits, Services, Session, Source};

/// Version of what is said; raised by a change of meaning.
pub const PROTOCOL: u32 = 4;
/// Bytes of a word in the images that drafts are taken from.
pub const WORD_BYTES: u32 = 8;
/// The bytecode set of the drafts.
pub const BYTECODE_SET: &str = "SistaV1";
/// Greatest size of one message, in bytes: an answer with everything a test needs stays far below.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Messages that wait in one direction of a stream before the sender must wait too.
pub const QUEUE_LENGTH: usize = 64;
/// A fingerprint: BLAKE3 of an image file.
pub type Fingerprint = [u8; 32];
