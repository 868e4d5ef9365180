//! What can be wrong with an image, in sentences.

use crate::sealed::SealError;
use imprint_heap::HeapError;
use std::path::PathBuf;
use thiserror::Error;

/// A problem and the file that has it.
#[derive(Debug, Error)]
#[error("{}: {problem}", file.display())]
pub struct ImageError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    #[source]
    pub problem: ImageProblem,
}

/// What is wrong with an image, or kept it from being read or written.
#[derive(Debug, Error)]
pub enum ImageProblem {
    /// The system refused.
    #[error("could not {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The file has no content.
    #[error("the file is empty; build the image again")]
    Empty,
    /// Another kind of image.
    #[error("this is {what}; {advice}")]
    OtherFormat {
        /// What the file is.
        what: String,
        /// What can read it.
        advice: &'static str,
    },
    /// No image at all.
    #[error("this is no image: it begins with {first:02x?}; name a Spur 68021 or compact image")]
    NoImage {
        /// The first bytes.
        first: Vec<u8>,
    },
    /// Less content than the header announces.
    #[error(
        "the file is cut: it has {actual} of at least {expected} bytes; copy or build it again"
    )]
    Cut {
        /// Bytes that the header announces.
        expected: u64,
        /// Bytes that are there.
        actual: u64,
    },
    /// The content is not what was written.
    #[error("the file is damaged: {what}; copy or build it again")]
    Damaged {
        /// What does not fit.
        what: String,
    },
    /// A compact image of a version that we do not know.
    #[error(
        "this is a compact image of version {version}, and version {known} is the latest known \
         here; open it with a newer Imprint"
    )]
    NewerVersion {
        /// The version in the file.
        version: u8,
        /// The version of this program.
        known: u8,
    },
    /// A ghost in what is to be a Spur file.
    #[error(
        "slot {slot} of a {class} holds the ghost of object {id}, and a Spur file holds no \
         ghosts; pull that object first, or write the compact format"
    )]
    Ghost {
        /// The class of the object with the ghost.
        class: String,
        /// The slot, from 0.
        slot: usize,
        /// The id of what the ghost stands for.
        id: u64,
    },
    /// A class index that a Spur file could only hold with thousands of empty pages.
    #[error("class {class} has index {index}, too high for a Spur file; write the compact format")]
    ClassIndexTooHigh {
        /// The class.
        class: String,
        /// Its index.
        index: u32,
    },
    /// The heap to be written is not whole.
    #[error("the heap cannot be written: {what}")]
    Unwritable {
        /// What does not fit.
        what: String,
    },
    /// The objects do not fit into memory.
    #[error("the image could not be loaded: {0}")]
    Heap(#[from] HeapError),
}

impl From<SealError> for ImageProblem {
    fn from(error: SealError) -> ImageProblem {
        match error {
            SealError::OtherKind => ImageProblem::damaged("it is no compact image"),
            SealError::NewerVersion { version, known } => {
                ImageProblem::NewerVersion { version, known }
            }
            SealError::Cut { expected, actual } => ImageProblem::Cut { expected, actual },
            SealError::Damaged(what) => ImageProblem::Damaged { what },
            SealError::Compress(source) => ImageProblem::io("compress")(source),
        }
    }
}

impl ImageProblem {
    /// A damage.
    pub fn damaged(what: impl Into<String>) -> ImageProblem {
        ImageProblem::Damaged { what: what.into() }
    }

    /// A heap that cannot be written.
    pub(crate) fn unwritable(what: impl Into<String>) -> ImageProblem {
        ImageProblem::Unwritable { what: what.into() }
    }

    /// A failed system call.
    pub(crate) fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> ImageProblem {
        move |source| ImageProblem::Io { action, source }
    }

    /// Whether the file could be reached: what is wrong then is the image.
    pub fn is_of_image(&self) -> bool {
        !matches!(self, ImageProblem::Io { .. })
    }

    /// The problem of this file.
    pub fn of(self, file: impl Into<PathBuf>) -> ImageError {
        ImageError {
            file: file.into(),
            problem: self,
        }
    }
}
