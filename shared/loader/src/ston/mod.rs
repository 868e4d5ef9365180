//! STON, Smalltalk Object Notation: values, reader, writer.
//!
//! The whole of ston-spec.md (svenvc/ston, 2018-10-31): primitives, lists, maps, associations, objects with
//! class tags, references. Tolerated beyond it: comments (`//`, `/* */`, and Smalltalk's `"..."`), because
//! people write them into project files, and a comma before a closing bracket. Class tags are names, not
//! classes: what an object means is for the reader of the value to say.
//!
//! JSON is read by the same reader ([`read_json`]), since FileTree keeps its properties in it.

mod fields;
mod reader;
mod value;
mod writer;

pub use reader::{StonError, StonFault, read, read_json};
pub use value::{Body, Value};
pub use writer::write;

pub(crate) use fields::Fields;
pub(crate) use reader::Reader;
