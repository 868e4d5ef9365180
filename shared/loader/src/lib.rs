//! imprint-loader: see ARCHITECTURE.md.
