//! The words of the object memory: what a 64-bit Spur image means by an oop, a header, a format,
//! a class index, a known object and a method header.
//!
//! Here are values only: nothing reads or writes memory, nothing allocates, and no other crate of
//! the project is known. Reading order: [`oop`], [`header`], [`format`], [`class_index`],
//! [`known`], [`method_header`], [`layout`], [`hash`].

pub mod class_index;
pub mod family;
pub mod format;
pub mod hash;
pub mod header;
pub mod known;
pub mod layout;
pub mod method_header;
pub mod oop;

pub use class_index::ClassIndex;
pub use family::{Family, Numbering, VariablesAt};
pub use format::{Format, InstanceSpec};
pub use header::Header;
pub use known::Known;
pub use method_header::{BytecodeSet, BytecodeSets, MethodHeader};
pub use oop::{Ghost, Oop};
