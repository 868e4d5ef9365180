//! imprint-trace: what ran, as data.
//!
//! A [`Trace`] says which objects of one pristine image were touched, in total and by each epoch (a
//! test, an expression). Methods are objects, so one set of ids has both. The crate knows nothing of
//! a heap: who runs code gives it ids, and whoever wants names looks them up in the image.
//!
//! Reading order: [`Marks`], [`Trace`], [`framed`], [`file`], [`Recorder`].

pub mod file;
pub mod framed;
mod marks;
mod recorder;
mod trace;

pub use file::{TraceError, TraceWriter, read, write};
pub use marks::Marks;
pub use recorder::Recorder;
pub use trace::{Difference, Fingerprint, Kind, OtherImage, Thing, Trace};
