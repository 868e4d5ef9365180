//! Images that nobody trusts: their code is verified before anything of it runs, where `--verify` asks for it.

use std::path::Path;

use imprint_heap::Heap;
use imprint_image::{ImageError, ImageProblem};
use imprint_vm::extract::{Extractor, ImageIndex};

use crate::limits::verifies_code;

/// Refuses an image with code that breaks a rule of the verifier, where the process is to look at that.
///
/// # Errors
/// The first rule that is broken, by method.
pub fn check_code(image: &Path, heap: &Heap) -> Result<(), ImageError> {
    if verifies_code() {
        verify_code(image, heap)
    } else {
        Ok(())
    }
}

/// Refuses an image with code that breaks a rule of the verifier.
///
/// # Errors
/// The first rule that is broken, by method.
pub fn verify_code(image: &Path, heap: &Heap) -> Result<(), ImageError> {
    let index = ImageIndex::scan(heap);
    let found = Extractor::new(heap, &index).unsound_code();
    let Some(first) = found.first() else {
        return Ok(());
    };
    let others = match found.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Err(ImageProblem::damaged(format!("{first}{others}")).of(image))
}
