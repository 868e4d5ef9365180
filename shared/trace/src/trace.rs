//! A trace: the marks of each epoch of a run on one pristine image, and what can be asked of several.

use std::collections::{BTreeMap, BTreeSet};

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

/// Kinds of things, as people count them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// A class or a class side.
    Class,
    /// A method.
    Method,
    /// Any other object.
    Object,
}

/// Something that was touched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thing {
    /// What it is.
    pub kind: Kind,
    /// What people call it: `Foo`, `Foo class>>bar:`, `a Foo`.
    pub title: String,
    /// The id of the method that ran when it was touched first; none where the run itself named it.
    pub cause: Option<u64>,
}

/// What was touched in a run, by epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trace {
    /// The image that ran.
    pub image: Fingerprint,
    /// The entry expression of the run; empty for none.
    pub entry: String,
    /// The epochs by name, with what each touched.
    pub epochs: BTreeMap<String, Marks>,
    /// What was touched, by id.
    pub things: BTreeMap<u64, Thing>,
    /// The epochs that were tests, and passed.
    pub passed: BTreeSet<String>,
    /// Whether a click on the page of the entry expression counted; none where no page was visited.
    pub page: Option<bool>,
}

impl Trace {
    /// A trace in which nothing ran yet.
    pub fn new(image: Fingerprint) -> Trace {
        Trace {
            image,
            entry: String::new(),
            epochs: BTreeMap::new(),
            things: BTreeMap::new(),
            passed: BTreeSet::new(),
            page: None,
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

    /// The ids by which a thing was reached, itself first: each was touched while the next one ran.
    pub fn chain(&self, id: u64) -> Vec<u64> {
        let mut chain = Vec::new();
        let mut next = Some(id);
        // Runs that were merged may say two ways round in a circle.
        while let Some(id) = next.filter(|id| !chain.contains(id)) {
            chain.push(id);
            next = self.things.get(&id).and_then(|thing| thing.cause);
        }
        chain
    }

    /// Adds the epochs of another run; epochs of one name become one. A test passed where it passed
    /// in every run that ran it.
    ///
    /// # Errors
    /// Where the traces are of different images; nothing is changed then.
    pub fn merge(&mut self, other: &Trace) -> Result<(), OtherImage> {
        self.check(other)?;
        let fails = |trace: &Trace, test: &String| {
            trace.epochs.contains_key(test) && !trace.passed.contains(test)
        };
        let passed = self.passed.union(&other.passed);
        let passed = passed.filter(|test| !fails(self, test) && !fails(other, test));
        self.passed = passed.cloned().collect();
        if self.entry.is_empty() {
            self.entry.clone_from(&other.entry);
        }
        self.page = self.page.or(other.page);
        for (id, thing) in &other.things {
            self.things.entry(*id).or_insert_with(|| thing.clone());
        }
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
        self.forget_untouched();
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
        self.forget_untouched();
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

    /// Forgets what no epoch touched, but for the ways to what one did.
    fn forget_untouched(&mut self) {
        let mut needed = Marks::default();
        for id in self.total().ids() {
            for id in self.chain(id) {
                needed.insert(id);
            }
        }
        self.things.retain(|id, _| needed.contains(*id));
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
