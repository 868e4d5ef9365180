//! imprint-wire: see ARCHITECTURE.md.
