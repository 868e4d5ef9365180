//! Hashes that the object model fixes: of strings and symbols, and the sequence of identity hashes.

use crate::class_index::ClassIndex;
use crate::oop::HASH_MASK;

/// The seed of string hashes: the identity hash of class ByteString as the image sees it.
pub const STRING_HASH_SEED: u32 = ClassIndex::BYTE_STRING << 8;

/// Pharo's string hash (MiscPrimitivePlugin `primitiveStringHash`): 28 bits over the elements.
pub fn string_hash(elements: impl IntoIterator<Item = u32>, seed: u32) -> u32 {
    let step =
        |hash: u32, element: u32| hash.wrapping_add(element).wrapping_mul(1664525) & 0x0FFF_FFFF;
    elements.into_iter().fold(seed & 0x0FFF_FFFF, step)
}

/// The identity hash of a symbol in the images we build: a function of its text, never 0, so
/// method dictionaries keep their order wherever they travel.
pub fn symbol_identity_hash(text: &str) -> u32 {
    let hash = string_hash(text.chars().map(u32::from), STRING_HASH_SEED);
    let folded = (hash ^ (hash >> 22) ^ (hash >> 11)) & HASH_MASK;
    if folded == 0 { 1 } else { folded }
}

/// The identity hash of an object whose header has none, by its id in the pristine image: the
/// same on every machine, never 0.
pub fn identity_hash_of_id(id: u64) -> u32 {
    let mixed = (id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 42) as u32 & HASH_MASK;
    if mixed == 0 { 1 } else { mixed }
}

/// The next state of Spur's identity hash generator (`lastHash`), and the hash it yields.
pub fn next_identity_hash(mut last: u32) -> (u32, u32) {
    loop {
        last = last.wrapping_mul(16807);
        let hash = last.wrapping_add(last >> 4) & HASH_MASK;
        if hash != 0 {
            return (last, hash);
        }
        last = last.wrapping_add(1);
    }
}
