//! Class indices: positions in the class table, by which headers name classes.
//!
//! The low ones are fixed by Spur, so that a virtual machine can test for a class without reading
//! memory. A class's identity hash *is* its index. Indices from [`ClassIndex::FIRST_OF_SLAVE`] on
//! are given to classes that a slave makes; below it the master's hold everywhere.

/// A position in the class table; 0 means no class.
pub struct ClassIndex;

impl ClassIndex {
    /// SmallInteger; 3 names it too.
    pub const SMALL_INTEGER: u32 = 1;
    /// Character.
    pub const CHARACTER: u32 = 2;
    /// SmallFloat64.
    pub const SMALL_FLOAT: u32 = 4;
    /// The pun of ghosts: no class is ever here.
    pub const GHOST: u32 = 6;
    /// The pun of forwarders.
    pub const FORWARDER: u32 = 8;
    /// The pun of arrays that belong to the memory itself (the class table).
    pub const ARRAY_PUN: u32 = 16;
    /// The pun of weak arrays of the memory itself.
    pub const WEAK_PUN: u32 = 17;
    /// The pun of 32-bit words of the memory itself.
    pub const WORDS_32_PUN: u32 = 18;
    /// The pun of 64-bit words of the memory itself (the free-list object).
    pub const WORDS_64_PUN: u32 = 19;
    /// LargeNegativeInteger.
    pub const LARGE_NEGATIVE: u32 = 32;
    /// LargePositiveInteger.
    pub const LARGE_POSITIVE: u32 = 33;
    /// BoxedFloat64.
    pub const BOXED_FLOAT: u32 = 34;
    /// Message.
    pub const MESSAGE: u32 = 35;
    /// Context.
    pub const CONTEXT: u32 = 36;
    /// BlockClosure.
    pub const BLOCK_CLOSURE: u32 = 37;
    /// FullBlockClosure.
    pub const FULL_BLOCK_CLOSURE: u32 = 38;
    /// Semaphore.
    pub const SEMAPHORE: u32 = 48;
    /// ByteArray.
    pub const BYTE_ARRAY: u32 = 50;
    /// Array.
    pub const ARRAY: u32 = 51;
    /// ByteString.
    pub const BYTE_STRING: u32 = 52;
    /// Bitmap.
    pub const BITMAP: u32 = 53;
    /// The first index that is free for any class (UndefinedObject, False, True come first).
    pub const FIRST_FREE: u32 = 1024;
    /// The first index of classes that a slave makes by itself.
    pub const FIRST_OF_SLAVE: u32 = 1 << 21;
    /// One above the greatest index.
    pub const LIMIT: u32 = 1 << 22;
    /// Entries in a page of the class table.
    pub const PAGE_SIZE: usize = 1024;
    /// Page slots of the hidden-roots object.
    pub const PAGE_SLOTS: usize = 4096;
    /// Further slots of the hidden-roots object, after the pages.
    pub const EXTRA_ROOTS: usize = 8;
}

/// Classes whose index Spur fixes, by name: what a builder of a first heap obeys.
pub const FIXED_INDICES: &[(&str, u32)] = &[
    ("SmallInteger", ClassIndex::SMALL_INTEGER),
    ("Character", ClassIndex::CHARACTER),
    ("SmallFloat64", ClassIndex::SMALL_FLOAT),
    ("LargeNegativeInteger", ClassIndex::LARGE_NEGATIVE),
    ("LargePositiveInteger", ClassIndex::LARGE_POSITIVE),
    ("BoxedFloat64", ClassIndex::BOXED_FLOAT),
    ("Message", ClassIndex::MESSAGE),
    ("Context", ClassIndex::CONTEXT),
    ("BlockClosure", ClassIndex::BLOCK_CLOSURE),
    ("FullBlockClosure", ClassIndex::FULL_BLOCK_CLOSURE),
    ("Semaphore", ClassIndex::SEMAPHORE),
    ("ByteArray", ClassIndex::BYTE_ARRAY),
    ("Array", ClassIndex::ARRAY),
    ("ByteString", ClassIndex::BYTE_STRING),
    ("Bitmap", ClassIndex::BITMAP),
    ("UndefinedObject", 1024),
    ("False", 1025),
    ("True", 1026),
];

/// The index that Spur fixes for the class of this name.
pub fn fixed_index(name: &str) -> Option<u32> {
    FIXED_INDICES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, index)| *index)
}
