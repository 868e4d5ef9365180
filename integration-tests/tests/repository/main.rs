//! The rules of the house, as tests: what CONTRIBUTING.md asks for is checked here, so that `cargo test`
//! says it all. Nothing is run but readers: these tests look at files.
//!
//! A rule that something breaks today has a list of exceptions with their present size beside it (a
//! ratchet): entries may shrink and go, and a test fails while one is too generous.

mod ansi;
mod crates;
mod kernel;
mod ratchet;
mod text_files;
mod tree;
mod unsafe_code;
