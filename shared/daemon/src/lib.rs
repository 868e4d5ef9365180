//! imprint-daemon: see ARCHITECTURE.md.
