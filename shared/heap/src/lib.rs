//! imprint-heap: see ARCHITECTURE.md.
