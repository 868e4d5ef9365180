//! Tests of the primitives, a file for each family: success, each wrong type, each bound.

mod bytes;
mod code;
mod floats;
mod imprint;
mod integers;
mod large_integers;
mod objects;
mod strings;
mod subscripts;
mod system;
mod table;
