//! A pristine image: an image file opened to be looked at, whose objects have ids.
//!
//! The id of an object is the offset of its header from the base, divided by 8. Ids hold for all
//! who open a file with the same fingerprint: a Spur file has its objects where they lie in the
//! file, and a compact one is laid out the same way each time.

use crate::open::{OpenedImage, open, read_image};
use crate::problem::{ImageError, ImageProblem};
use crate::spur::Sharing;
use crate::{Fingerprint, Metadata};
use imprint_heap::{Heap, HeapSettings};
use imprint_model::hash::identity_hash_of_id;
use imprint_model::oop::GHOST_ID_BITS;
use imprint_model::{Ghost, Oop};
use std::path::Path;

/// An image that nobody changes.
#[derive(Debug)]
pub struct PristineImage {
    image: OpenedImage,
    base: u64,
    /// One bit for each 8 bytes from the base, set where an object's header is.
    starts: Vec<u64>,
}

impl PristineImage {
    /// Opens an image file; a Spur file is mapped read-only where its base is free.
    ///
    /// # Errors
    /// [`ImageError`] with the sentence for the user.
    pub fn open(path: &Path) -> Result<PristineImage, ImageError> {
        let image = open(path, HeapSettings::for_builder(), Sharing::ReadOnly);
        Ok(PristineImage::new(
            image.map_err(|problem| problem.of(path))?,
        ))
    }

    /// Makes one of the content of an image.
    ///
    /// # Errors
    /// [`ImageProblem`].
    pub fn from_bytes(bytes: &[u8]) -> Result<PristineImage, ImageProblem> {
        Ok(PristineImage::new(read_image(
            bytes,
            HeapSettings::for_builder(),
        )?))
    }

    fn new(image: OpenedImage) -> PristineImage {
        let base = image.heap.base();
        let words = (image.heap.old_end() - base) as usize / 8;
        let mut starts = vec![0u64; words.div_ceil(64)];
        image.heap.for_each_object(|oop| {
            let word = (oop.bits() - base) as usize / 8;
            starts[word / 64] |= 1 << (word % 64);
        });
        PristineImage {
            image,
            base,
            starts,
        }
    }

    /// The objects.
    pub fn heap(&self) -> &Heap {
        &self.image.heap
    }

    /// The hash of the file's content: what ids are valid with.
    pub fn fingerprint(&self) -> Fingerprint {
        self.image.fingerprint
    }

    /// What the file says of itself.
    pub fn metadata(&self) -> &Metadata {
        &self.image.metadata
    }

    /// The image as it was opened.
    pub fn image(&self) -> &OpenedImage {
        &self.image
    }

    /// One above the greatest id.
    pub fn id_limit(&self) -> u64 {
        (self.image.heap.old_end() - self.base) / 8
    }

    /// The id of an object of this image.
    pub fn id_of(&self, oop: Oop) -> u64 {
        debug_assert!(
            self.heap().contains(oop),
            "{oop:?} is no object of the image"
        );
        (oop.bits() - self.base) / 8
    }

    /// The object with an id; `None` where no object begins there.
    pub fn oop_at(&self, id: u64) -> Option<Oop> {
        let word = usize::try_from(id).ok()?;
        let is_object = self.starts.get(word / 64)? >> (word % 64) & 1 != 0;
        is_object.then(|| Oop::from_bits(self.base + id * 8))
    }

    /// The ghost that stands for an object of this image: its id, and its identity hash or, where
    /// its header has none, the one that follows from the id.
    pub fn ghost_of(&self, oop: Oop) -> Ghost {
        let id = self.id_of(oop);
        debug_assert!(id >> GHOST_ID_BITS == 0, "an image has fewer objects");
        Ghost {
            id,
            hash: self.identity_hash_of(oop),
        }
    }

    /// The identity hash of an object, without giving it one: that in its header, or the one that
    /// follows from its id.
    pub fn identity_hash_of(&self, oop: Oop) -> u32 {
        match self.heap().header(oop).hash() {
            0 => identity_hash_of_id(self.id_of(oop)),
            hash => hash,
        }
    }
}
