//! State that modules of primitives keep in a machine, by its type.
//!
//! A module (files, sockets) is written without the machine knowing it; its tables live here and
//! are found by their Rust type.

use std::any::{Any, TypeId};

use rustc_hash::FxHashMap;

/// A map from a type to the one value of that type.
#[derive(Default)]
pub struct Extensions {
    values: FxHashMap<TypeId, Box<dyn Any>>,
}

impl Extensions {
    /// Puts a value, and answers the one of this type that was there.
    pub fn insert<T: Any>(&mut self, value: T) -> Option<T> {
        let old = self.values.insert(TypeId::of::<T>(), Box::new(value))?;
        old.downcast().ok().map(|boxed| *boxed)
    }

    /// The value of this type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.values.get(&TypeId::of::<T>())?.downcast_ref()
    }

    /// The value of this type, to be changed.
    pub fn get_mut<T: Any>(&mut self) -> Option<&mut T> {
        self.values.get_mut(&TypeId::of::<T>())?.downcast_mut()
    }

    /// The value of this type, made by default where there is none.
    pub fn get_or_default<T: Any + Default>(&mut self) -> &mut T {
        self.values
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Box::new(T::default()))
            .downcast_mut()
            .expect("the map keeps each value under its own type")
    }

    /// Takes the value of this type out.
    pub fn remove<T: Any>(&mut self) -> Option<T> {
        let old = self.values.remove(&TypeId::of::<T>())?;
        old.downcast().ok().map(|boxed| *boxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_one_value() {
        let mut extensions = Extensions::default();
        assert_eq!(extensions.insert(7u32), None);
        assert_eq!(extensions.insert(8u32), Some(7));
        *extensions.get_or_default::<u64>() += 5;
        assert_eq!(extensions.get::<u64>(), Some(&5));
        assert_eq!(extensions.remove::<u32>(), Some(8));
        assert!(extensions.get::<u32>().is_none());
    }
}
