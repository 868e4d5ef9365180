//! The shelves of a master: what a slave that begins now is served, and what those are that began earlier.

use std::sync::{Arc, PoisonError, RwLock};

use imprint_daemon::Metrics;

use super::desk::{Filled, Pristine, Served, Shelf};

/// So many are kept for slaves that went away in the middle of a run and come back.
pub const SHELVES_MAX: usize = 32;

/// All shelves; clones are the same.
#[derive(Clone)]
pub struct Shelves {
    all: Arc<RwLock<Row>>,
    served: Served,
}

struct Row {
    current: Arc<Filled>,
    earlier: Vec<Arc<Filled>>,
}

impl Shelves {
    /// One shelf, which begins to be filled.
    pub(super) fn new(
        metrics: &Metrics,
        pristine: impl FnOnce() -> Pristine + Send + 'static,
    ) -> Shelves {
        let served = Served::new(metrics);
        let row = Row {
            current: Shelf::fill(served.clone(), pristine),
            earlier: Vec::new(),
        };
        let all = Arc::new(RwLock::new(row));
        Shelves { all, served }
    }

    /// What a slave is served that begins now.
    pub(super) fn current(&self) -> Arc<Filled> {
        let row = self.all.read().unwrap_or_else(PoisonError::into_inner);
        row.current.clone()
    }

    /// What a slave is served whose run goes on with this image, as long as there is one; else that of who
    /// begins.
    pub(super) fn of_run(&self, image: Option<[u8; 32]>) -> Arc<Filled> {
        let row = self.all.read().unwrap_or_else(PoisonError::into_inner);
        let is_it = |shelf: &&Arc<Filled>| image == Some(shelf.fingerprint());
        let found = image.and_then(|_| row.earlier.iter().rev().find(is_it));
        found.unwrap_or(&row.current).clone()
    }

    /// From now on slaves that begin are served this.
    pub fn put(&self, pristine: Pristine) {
        let shelf = Shelf::fill(self.served.clone(), move || pristine);
        let mut row = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut row.current, shelf);
        row.earlier.push(before);
        let superfluous = row.earlier.len().saturating_sub(SHELVES_MAX);
        row.earlier.drain(..superfluous);
    }
}
