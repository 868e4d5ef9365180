//! imprint-bootstrap: see ARCHITECTURE.md.
