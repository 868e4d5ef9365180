//! The slave, as a small binary of its own.
fn main() {}
