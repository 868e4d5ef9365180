//! Helpers for tests that run the real binaries.

pub mod programs;
