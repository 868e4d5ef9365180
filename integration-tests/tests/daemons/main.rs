//! The real programs, as a user runs them: the main job, what is said to bad input, daemons.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "these are tests, and one of them prints the sizes"
)]

mod bad_input;
mod boxes;
mod burdens;
mod cache;
mod clocks;
mod crash;
mod exports;
mod faults;
mod ghost_operands;
mod handshakes;
mod hostile;
mod images;
mod keeping;
mod keys;
mod latecomers;
mod live_app;
mod losses;
mod machine;
#[path = "../../../shared/image/tests/files/narrow.rs"]
mod narrow;
mod package_moments;
mod packages;
mod pair;
mod projects;
mod proving;
mod pulling;
mod pushed_runs;
mod pushing;
mod relay;
mod resuming;
mod running_packages;
mod sampled;
mod seeds;
mod serving;
mod shrinking;
mod slave_daemon;
mod slow_wire;
mod stopping;
mod tracing;
mod traps;
mod unsound_packages;
mod whole_pushes;
mod withholding;
