//! imprint-image: see ARCHITECTURE.md.
