//! imprint-isa: see ARCHITECTURE.md.
