//! Unsafe code stands in four places and nowhere else.
//!
//! The compiler refuses it everywhere (`unsafe_code = "deny"` in the workspace); this test guards the
//! places where that lint may be lifted.

use crate::tree::rust_files;

/// Paths that may hold unsafe code: the object memory, the mapping of image files, the frame stack, the
/// signals of the daemons.
const ALLOWED: &[&str] = &[
    "shared/heap/src/",
    "shared/image/src/mapping",
    "shared/vm/src/stack/",
    "shared/daemon/src/signal",
];

#[test]
fn unsafe_code_stands_only_where_the_design_allows_it() {
    let mut faults = Vec::new();
    for file in rust_files() {
        if ALLOWED.iter().any(|place| file.path.starts_with(place))
            || file.path.starts_with("integration-tests/")
        {
            continue;
        }
        for (index, line) in file.text.lines().enumerate() {
            if is_unsafe(line) {
                faults.push(format!("{}:{}: {}", file.path, index + 1, line.trim()));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "unsafe code outside its places:\n  {}",
        faults.join("\n  ")
    );
}

/// Whether a line of code (not of comment) opens something unsafe or lifts the lint against it.
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or("");
    let opens = [
        "unsafe {",
        "unsafe fn",
        "unsafe impl",
        "unsafe trait",
        "unsafe extern",
        "unsafe(",
    ];
    let lifts = ["allow", "expect", "warn"].iter().any(|lint| {
        code.contains(&format!("{lint}(unsafe_code"))
            || code.contains(&format!("{lint}(\n unsafe_code"))
    });
    lifts || opens.iter().any(|words| code.contains(words))
}

#[test]
fn the_search_sees_unsafe_code_and_passes_over_words() {
    assert!(is_unsafe("    unsafe { read(address) }"));
    assert!(is_unsafe("#![allow(unsafe_code, reason = \"x\")]"));
    assert!(!is_unsafe("// an unsafe { block }"));
    assert!(!is_unsafe("let unsafe_places = 4;"));
}
