//! Whether a stock virtual machine would take a Spur file: each rule that those machines rely on,
//! checked on the words of the file alone.
//!
//! It shares no code with the reader and the writer beside it, so that it can judge both. It knows
//! files of one segment without free chunks, as builders write them.
//!
//! ```text
//!   `memory`    header, objects from end to end, bridge, class table
//!   `objects`   each object against its class; code; method dictionaries; contexts
//!   `known`     special objects, scheduler, active process
//! ```
//!
//! Sources: SpurMemoryManager and StackInterpreter of the OpenSmalltalk VM, `writeHeader:` of
//! SpurImageWriter.

mod known;
mod memory;
mod objects;

use memory::Memory;

/// What a stock virtual machine would not take of a file, a sentence each; empty where it is sound.
pub fn stock_faults(file: &[u8]) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(memory) = Memory::read(file, &mut faults) else {
        return faults;
    };
    memory.check_class_table(&mut faults);
    objects::check(&memory, &mut faults);
    known::check(&memory, &mut faults);
    faults
}
