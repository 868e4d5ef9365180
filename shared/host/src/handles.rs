//! Handles: how an image names what lies outside of it.
//!
//! An image holds a ByteArray of 16 bytes: the number of this run, and the number of the thing in
//! this run. A handle that was saved in an image and came back is of another run, so it names
//! nothing, and never something else. Numbers are not used twice.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Bytes of a handle.
pub const HANDLE_BYTES: usize = 16;

/// Things by handle.
pub struct Handles<T> {
    run: u64,
    last: u64,
    things: HashMap<u64, T>,
}

impl<T> Default for Handles<T> {
    fn default() -> Handles<T> {
        Handles {
            run: RandomState::new().hash_one(std::process::id()),
            last: 0,
            things: HashMap::new(),
        }
    }
}

impl<T> Handles<T> {
    /// The handle that the next [`Handles::insert`] gives: it is allocated in the image first,
    /// since that may fail.
    pub fn next_handle(&self) -> [u8; HANDLE_BYTES] {
        self.handle(self.last + 1)
    }

    fn handle(&self, number: u64) -> [u8; HANDLE_BYTES] {
        let mut bytes = [0; HANDLE_BYTES];
        bytes[..8].copy_from_slice(&self.run.to_le_bytes());
        bytes[8..].copy_from_slice(&number.to_le_bytes());
        bytes
    }

    /// Keeps a thing under the next handle.
    pub fn insert(&mut self, thing: T) {
        self.last += 1;
        self.things.insert(self.last, thing);
    }

    fn number(&self, handle: &[u8]) -> Option<u64> {
        let (run, number) = handle.split_at_checked(8)?;
        if run != self.run.to_le_bytes() {
            return None;
        }
        Some(u64::from_le_bytes(number.try_into().ok()?))
    }

    /// The thing that a handle names.
    pub fn get_mut(&mut self, handle: &[u8]) -> Option<&mut T> {
        let number = self.number(handle)?;
        self.things.get_mut(&number)
    }

    /// All things, in no order.
    pub fn things(&self) -> impl Iterator<Item = &T> {
        self.things.values()
    }

    /// Takes the thing that a handle names out for a while.
    pub fn take(&mut self, handle: &[u8]) -> Option<T> {
        self.remove(handle)
    }

    /// Gives back what [`Handles::take`] took.
    pub fn put_back(&mut self, handle: &[u8], thing: T) {
        if let Some(number) = self.number(handle) {
            self.things.insert(number, thing);
        }
    }

    /// Takes the thing that a handle names out for good.
    pub fn remove(&mut self, handle: &[u8]) -> Option<T> {
        let number = self.number(handle)?;
        self.things.remove(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_of_another_run_names_nothing() {
        let mut one: Handles<&str> = Handles::default();
        let mut other: Handles<&str> = Handles::default();
        let handle = one.next_handle();
        one.insert("file");
        other.insert("other");
        assert_eq!(one.get_mut(&handle), Some(&mut "file"));
        assert_eq!(other.get_mut(&handle), None);
        assert_eq!(one.get_mut(b"short"), None);
        assert_eq!(one.remove(&handle), Some("file"));
        assert_eq!(one.get_mut(&handle), None);
        assert_ne!(one.next_handle(), handle);
    }
}
