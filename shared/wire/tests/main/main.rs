//! The wire as its users see it: real sockets, and the committed code against the proto file.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod control;
mod daemon;
mod generated;
mod pull;
