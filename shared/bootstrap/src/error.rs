//! Why sources became no image.

use imprint_loader::LoadError;
use imprint_vm::install::InstallError;
use thiserror::Error;

/// Why sources became no image.
#[derive(Debug, Error)]
pub enum BuildError {
    /// Files that cannot be read as sources.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Methods that do not compile: every finding, with file, line and caret.
    #[error("{} in the sources\n\n{}", plural(*.errors, "error"), .rendered)]
    Compile {
        /// Number of errors.
        errors: usize,
        /// The findings, as they are shown.
        rendered: String,
    },
    /// Classes that cannot be put in order.
    #[error("{0}")]
    Order(String),
    /// A draft that the heap refused.
    #[error("cannot install {0}")]
    Install(#[from] InstallError),
    /// The heap is too small or the system refused memory.
    #[error(transparent)]
    Heap(#[from] imprint_heap::HeapError),
    /// Something that every kernel has is missing in these sources.
    #[error("the sources lack {0}, without which no image can be built")]
    Lacking(String),
    /// The image's own code failed while it was started for the first time.
    #[error("{step} failed while the image was built: {why}")]
    Initialise {
        /// What was running.
        step: String,
        /// What it said.
        why: String,
    },
}

/// `1 error`, `3 errors`.
fn plural(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}
