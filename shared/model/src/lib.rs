//! imprint-model: see ARCHITECTURE.md.
