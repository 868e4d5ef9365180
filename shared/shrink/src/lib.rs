//! imprint-shrink: see ARCHITECTURE.md.
