//! Fuzzes `bundle`; see `integration-tests/tests/fuzz/targets.rs`.

#![no_main]

#[path = "../../integration-tests/tests/fuzz/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    targets::bundle(bytes);
});
