//! imprint-vm: see ARCHITECTURE.md.
