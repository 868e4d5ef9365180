//! What both daemons share: options, logging, signals, an orderly end, the admin endpoint, exit
//! codes. Knows nothing of Smalltalk.
//!
//! ```text
//! main ─ Options ─▶ logging::start ─▶ build ─▶ serve ── Signals ─▶ drain ─▶ ExitCode
//!                                        └─ Admin: /healthz /metrics
//! ```
//!
//! Reading order: [`options`], [`logging`], [`signals`], [`drain`], [`metrics`], [`admin`],
//! [`signal_fatal`], [`exit_code`], [`cache`].

pub mod admin;
pub mod cache;
pub mod drain;
pub mod exit_code;
pub mod logging;
pub mod metrics;
pub mod options;
pub mod signal_fatal;
pub mod signals;

pub use admin::{Admin, AdminError};
pub use exit_code::ExitCode;
pub use metrics::Metrics;
pub use options::DaemonOptions;
pub use signals::Signals;
