//! The wire as its users see it: real sockets, and the committed code against the proto file.

mod control;
mod daemon;
mod generated;
mod pull;
