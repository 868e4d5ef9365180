//! imprint-trace: see ARCHITECTURE.md.
