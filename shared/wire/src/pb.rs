//! The code that `proto/imprint.proto` generates; `tests/main` compares the two.
#![allow(
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    clippy::wildcard_imports,
    reason = "generated code; the proto file documents it"
)]

include!("gen/imprint.v1.rs");
