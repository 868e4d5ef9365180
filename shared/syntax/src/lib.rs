//! imprint-syntax: see ARCHITECTURE.md.
