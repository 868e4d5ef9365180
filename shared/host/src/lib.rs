//! imprint-host: see ARCHITECTURE.md.

pub mod http_head;
