//! What tests and benchmarks that run the real programs have in common.

pub mod bench;
pub mod browser;
pub mod dice;
pub mod examples;
pub mod programs;
