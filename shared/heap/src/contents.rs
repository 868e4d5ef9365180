//! A heap that begins with the objects of an image: mapped from its file where the image's base
//! is free, else copied.
//!
//! The reader of images makes [`HeapContents`], checks and relocates the words in it, and only
//! then turns it into a [`Heap`]: from there on the objects are trusted. Image files are replaced by
//! renaming, never cut or written in place, so a mapped one does not change under its reader.

use crate::address::Address;
use crate::error::HeapError;
use crate::heap::{Heap, reserve_for};
use crate::reserve::{Access, Reserve, round_to_pages};
use crate::settings::HeapSettings;
use crate::space::{Bump, SEGMENT_BYTES};
use crate::{LEADING_BYTES, PREFERRED_START};
use imprint_model::Oop;
use std::fs::File;

/// Words of an image in a reserved range, not yet trusted.
#[derive(Debug)]
pub struct HeapContents {
    reserve: Reserve,
    committed: Address,
    bytes: usize,
    settings: HeapSettings,
    is_writable: bool,
}

/// What an image says of its roots.
#[derive(Clone, Debug)]
pub struct ImageRoots {
    /// nil.
    pub nil: Oop,
    /// false.
    pub false_object: Oop,
    /// true.
    pub true_object: Oop,
    /// The special objects array.
    pub special_objects: Oop,
    /// Classes with their indices.
    pub classes: Vec<(u32, Oop)>,
    /// State of the generator of identity hashes.
    pub last_hash: u32,
}

impl HeapContents {
    /// Room for `bytes` of objects, at the preferred base if that is free; the words are zero.
    ///
    /// # Errors
    /// [`HeapError`] where they do not fit under the limit or the system refuses.
    pub fn zeroed(settings: HeapSettings, bytes: usize) -> Result<HeapContents, HeapError> {
        check_limit(&settings, bytes)?;
        let reserve = reserve_for(&settings, PREFERRED_START)?;
        let committed = Address::new(
            reserve
                .start()
                .plus(LEADING_BYTES + bytes + SEGMENT_BYTES)
                .bits()
                .next_multiple_of(SEGMENT_BYTES as u64),
        );
        reserve.commit(reserve.start(), committed)?;
        Ok(HeapContents {
            reserve,
            committed,
            bytes,
            settings,
            is_writable: true,
        })
    }

    /// Maps an image file whose objects begin at [`LEADING_BYTES`] and were written for `base`;
    /// pages are copied when they are written to, or (`read_only`) never written. `None` where
    /// that base is not free: then copy into [`HeapContents::zeroed`].
    ///
    /// # Errors
    /// [`HeapError`] where the objects do not fit under the limit or the system refuses.
    pub fn map(
        settings: HeapSettings,
        file: &File,
        base: u64,
        bytes: usize,
        read_only: bool,
    ) -> Result<Option<HeapContents>, HeapError> {
        check_limit(&settings, bytes)?;
        let Some(start) = base.checked_sub(LEADING_BYTES as u64) else {
            return Ok(None);
        };
        if start == 0 || !is_page_aligned(start) || start >> 47 != 0 {
            return Ok(None);
        }
        let reserve = reserve_for(&settings, start)?;
        if reserve.start().bits() != start {
            return Ok(None);
        }
        let access = if read_only {
            Access::ReadOnly
        } else {
            Access::CopyOnWrite
        };
        let length = LEADING_BYTES + bytes;
        reserve.map_file(file, length, access)?;
        let committed = reserve.start().plus(round_to_pages(length));
        Ok(Some(HeapContents {
            reserve,
            committed,
            bytes,
            settings,
            is_writable: !read_only,
        }))
    }

    /// The address of the first word.
    pub fn base(&self) -> u64 {
        self.start().bits()
    }

    fn start(&self) -> Address {
        self.reserve.start().plus(LEADING_BYTES)
    }

    /// The words.
    pub fn words(&self) -> &[u64] {
        self.start().elements(self.bytes / 8)
    }

    /// The words, to be filled or relocated.
    ///
    /// # Panics
    /// Where they were mapped read-only.
    pub fn words_mut(&mut self) -> &mut [u64] {
        assert!(self.is_writable, "contents were mapped read-only");
        self.start().elements_mut(self.bytes / 8)
    }

    /// The same as bytes, to be filled.
    ///
    /// # Panics
    /// Where they were mapped read-only.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        assert!(self.is_writable, "contents were mapped read-only");
        self.start().elements_mut(self.bytes)
    }

    /// Makes a heap of it. The first `used_bytes` must be whole objects (or free chunks) whose
    /// slots hold immediates and addresses of objects among them: the caller has checked that.
    /// What is behind is dropped.
    ///
    /// # Errors
    /// [`HeapError::System`] where the system refuses memory for young space.
    pub fn into_heap(self, used_bytes: usize, roots: ImageRoots) -> Result<Heap, HeapError> {
        assert!(used_bytes <= self.bytes, "more objects than contents");
        let old = Bump {
            start: self.start(),
            free: self.start().plus(used_bytes),
            limit: self.committed,
        };
        let mut heap = Heap::with_old(self.reserve, old, self.settings)?;
        heap.set_singletons(roots.nil, roots.false_object, roots.true_object);
        heap.special_objects = roots.special_objects;
        heap.set_last_hash(roots.last_hash);
        for (index, class) in roots.classes {
            heap.enter_class_alias(class, index);
        }
        Ok(heap)
    }
}

fn is_page_aligned(start: u64) -> bool {
    start.is_multiple_of(rustix::param::page_size() as u64)
}

fn check_limit(settings: &HeapSettings, bytes: usize) -> Result<(), HeapError> {
    if bytes > settings.limit_bytes {
        return Err(HeapError::ImageTooLarge {
            bytes,
            limit: settings.limit_bytes,
        });
    }
    Ok(())
}
