//! The slave: a machine that starts almost empty and pulls what it misses.
//!
//! ```text
//!   commands ── run IMAGE ───────────────────────────────> machine, until it quits
//!           ├── run IMAGE --master URL ── supplied ── session ── remote ──> master
//!           └── run --master URL ── shrinking ── session ── remote ──> master
//!                                      │            └── what came
//!                                      ├── slim image, manifest
//!                                      └── proof: the image alone, page
//! ```
//!
//! It is a library too, so that the master can start a slave out of itself.
//!
//! Reading order: [`command_line`], [`commands`], [`exercise`] (a run), [`session`], [`seed`], [`handshake`],
//! [`agreement`], [`remote`], [`waiting`], [`exploded`], [`shrinking`] (its image), [`heap_snapshot`], [`supplied`], [`keeping`], [`daemon`], [`live`] and [`ctl`]
//! (orders), [`replay`], [`replaying`], [`resuming`], [`answer`], [`proof`], [`page`], [`limits`], [`security`], [`machine`],
//! [`outcome_text`], [`packages`], `shipping` and `trust` (packages), [`origin`], [`allocation`], [`frames`], [`ending`], [`interrupts`], [`crash`].

mod agreement;
mod allocation;
pub mod answer;
pub mod command_line;
pub mod commands;
pub mod converted;
pub mod crash;
pub mod ctl;
pub mod daemon;
pub mod drills;
pub mod ending;
pub mod exercise;
pub mod exploded;
pub mod frames;
pub mod handshake;
pub mod heap_snapshot;
pub mod interrupts;
pub mod keeping;
pub mod limits;
pub mod live;
pub mod machine;
pub mod origin;
pub mod outcome_text;
pub mod packages;
pub mod page;
pub mod proof;
pub mod remote;
pub mod replay;
pub mod replaying;
pub mod resuming;
pub mod security;
pub mod seed;
pub mod session;
mod shipping;
pub mod shrinking;
pub mod soundness;
pub mod supplied;
mod trust;
mod waiting;
