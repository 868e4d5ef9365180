//! imprint-report: see ARCHITECTURE.md.
