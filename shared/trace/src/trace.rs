//! A trace: the marks of each epoch of a run on one pristine image, and what can be asked of several.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::Marks;

/// Identity of a pristine image; ids mean something only together with it.
pub type Fingerprint = [u8; 32];

/// Two traces that cannot be put together: they speak of different images.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("the traces are of different images: {} and {}", short(.left), short(.right))]
pub struct OtherImage {
    /// The image of the one.
    pub left: Fingerprint,
    /// The image of the other.
    pub right: Fingerprint,
}

/// What only one of two traces holds, in total.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Marked in the first alone.
    pub only_left: Marks,
    /// Marked in the second alone.
    pub only_right: Marks,
}

/// What was touched in a run, by epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trace {
    /// The image that ran.
    pub image: Fingerprint,
    /// The epochs by name, with what each touched.
    pub epochs: BTreeMap<String, Marks>,
}

impl Trace {
    /// A trace in which nothing ran yet.
    pub fn new(image: Fingerprint) -> Trace {
        Trace {
            image,
            epochs: BTreeMap::new(),
        }
    }

    /// What any epoch touched.
    pub fn total(&self) -> Marks {
        let mut total = Marks::default();
        for marks in self.epochs.values() {
            total.unite(marks);
        }
        total
    }

    /// What one epoch touched and no other did; none where there is no such epoch.
    pub fn only(&self, epoch: &str) -> Option<Marks> {
        let mut marks = self.epochs.get(epoch)?.clone();
        for (name, others) in &self.epochs {
            if name != epoch {
                marks.subtract(others);
            }
        }
        Some(marks)
    }

    /// Adds the epochs of another run; epochs of one name become one.
    ///
    /// # Errors
    /// Where the traces are of different images; nothing is changed then.
    pub fn merge(&mut self, other: &Trace) -> Result<(), OtherImage> {
        self.check(other)?;
        for (name, marks) in &other.epochs {
            self.epochs.entry(name.clone()).or_default().unite(marks);
        }
        Ok(())
    }

    /// Keeps, in each epoch, only what another run touched at all.
    ///
    /// # Errors
    /// Where the traces are of different images; nothing is changed then.
    pub fn intersect(&mut self, other: &Trace) -> Result<(), OtherImage> {
        self.check(other)?;
        let total = other.total();
        for marks in self.epochs.values_mut() {
            marks.intersect(&total);
        }
        Ok(())
    }

    /// Takes out of each epoch what another run touched at all.
    ///
    /// # Errors
    /// Where the traces are of different images; nothing is changed then.
    pub fn subtract(&mut self, other: &Trace) -> Result<(), OtherImage> {
        self.check(other)?;
        let total = other.total();
        for marks in self.epochs.values_mut() {
            marks.subtract(&total);
        }
        Ok(())
    }

    /// What only one of two runs touched.
    ///
    /// # Errors
    /// Where the traces are of different images.
    pub fn diff(&self, other: &Trace) -> Result<Difference, OtherImage> {
        self.check(other)?;
        let (left, right) = (self.total(), other.total());
        let (mut only_left, mut only_right) = (left.clone(), right.clone());
        only_left.subtract(&right);
        only_right.subtract(&left);
        Ok(Difference {
            only_left,
            only_right,
        })
    }

    fn check(&self, other: &Trace) -> Result<(), OtherImage> {
        if self.image == other.image {
            return Ok(());
        }
        Err(OtherImage {
            left: self.image,
            right: other.image,
        })
    }
}

/// The first bytes of a fingerprint, as people compare them.
fn short(image: &Fingerprint) -> String {
    image[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
