//! The 32 special selectors: sends with a bytecode of their own.
//!
//! Position 0-15 is bytecode 96-111, 16-31 is 112-127. Position 23 (`class`) is never emitted by
//! the compiler and holds nil in a bootstrap image; 22 and 24 are identity tests without lookup.
//! Source: Pharo's `BytecodeEncoder class>>specialSelectors`.

/// Selector and number of arguments, by position.
pub const SPECIAL_SELECTORS: [(&str, u8); 32] = [
    ("+", 1),
    ("-", 1),
    ("<", 1),
    (">", 1),
    ("<=", 1),
    (">=", 1),
    ("=", 1),
    ("~=", 1),
    ("*", 1),
    ("/", 1),
    ("\\\\", 1),
    ("@", 1),
    ("bitShift:", 1),
    ("//", 1),
    ("bitAnd:", 1),
    ("bitOr:", 1),
    ("at:", 1),
    ("at:put:", 2),
    ("size", 0),
    ("next", 0),
    ("nextPut:", 1),
    ("atEnd", 0),
    ("==", 1),
    ("class", 0),
    ("~~", 1),
    ("value", 0),
    ("value:", 1),
    ("do:", 1),
    ("new", 0),
    ("new:", 1),
    ("x", 0),
    ("y", 0),
];

/// Position of `class`, which the compiler sends as an ordinary message.
pub const CLASS_POSITION: usize = 23;

/// The position of a selector that the compiler may send by its own bytecode.
pub fn special_position(selector: &str) -> Option<usize> {
    SPECIAL_SELECTORS
        .iter()
        .position(|(text, _)| *text == selector)
        .filter(|position| *position != CLASS_POSITION)
}
