//! The slave.
fn main() {}
