//! To be written next: see lib.rs.
