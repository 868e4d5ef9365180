//! imprint-trace: what ran, as data.
//!
//! A [`Trace`] says which objects of one pristine image were touched, in total and by each epoch (a
//! test, an expression). Methods are objects, so one set of ids has both. The crate knows nothing of
//! a heap: who runs code gives it ids, and whoever wants names looks them up in the image.
//!
//! Reading order: [`Marks`], [`Trace`], [`file`].

pub mod file;
mod marks;
mod trace;

pub use file::{TraceError, TraceWriter, read};
pub use marks::Marks;
pub use trace::{Difference, Fingerprint, OtherImage, Trace};
