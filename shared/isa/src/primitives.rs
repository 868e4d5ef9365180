//! The table of primitives.
