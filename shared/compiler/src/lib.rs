//! imprint-compiler: see ARCHITECTURE.md.
