//! imprint-host: see ARCHITECTURE.md.
