//! What can go wrong in the object memory, as values.

use thiserror::Error;

/// An allocation did not fit; nothing was changed. Collect (or grow), then try again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the object memory needs {bytes} more bytes")]
pub struct NeedsSpace {
    /// Bytes of the object that did not fit, header included.
    pub bytes: usize,
}

/// Why an instance of a class could not be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum AllocationFailure {
    /// There was no room.
    #[error(transparent)]
    NeedsSpace(#[from] NeedsSpace),
    /// A size was given for a class whose instances have no indexed part.
    #[error("instances of the class have no indexed part")]
    NotIndexable,
    /// The class has no instances of its own in memory, or its format slot is damaged.
    #[error("the class cannot be instantiated")]
    NotInstantiable,
    /// More elements than the limit of the heap allows.
    #[error("{0} elements are more than an object can hold")]
    TooLarge(usize),
}

/// Why a heap could not be made or enlarged.
#[derive(Debug, Error)]
pub enum HeapError {
    /// The operating system refused address space or memory.
    #[error("could not {action} {bytes} bytes of memory: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// How much of it.
        bytes: usize,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The limit of the settings is reached.
    #[error("the object memory is full: its limit is {limit} bytes")]
    LimitReached {
        /// The limit on old space.
        limit: usize,
    },
    /// An image does not fit under the limit.
    #[error("an image of {bytes} bytes does not fit under the limit of {limit} bytes")]
    ImageTooLarge {
        /// Bytes of the image's objects.
        bytes: usize,
        /// The limit on old space.
        limit: usize,
    },
}
