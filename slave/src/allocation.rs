//! What all programs of the slave's library take memory from, but for the heap of objects, which maps its
//! own: drafts are many small things, made on one thread and given back on another.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
