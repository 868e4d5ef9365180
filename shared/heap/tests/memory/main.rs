//! Tests of the object memory through its public interface: a small world of classes, a model of
//! object graphs in Rust, and both driven through allocations, collections and `become:`.

mod collections;
mod models;
mod objects;
mod world;
