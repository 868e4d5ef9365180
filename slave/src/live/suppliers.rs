//! Who listens for what a slim image reaches though it lost it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imprint_wire::live::Want;
use tokio::sync::mpsc;

/// So many listen at once at most.
const SUPPLIERS_MAX: usize = 8;
/// Wants that wait for one of them: the machine stands still for each, so there is one at most.
const WANTS_MAX: usize = 4;

/// Those who listen; clones know the same.
#[derive(Clone, Default)]
pub struct Suppliers(Arc<Mutex<Vec<mpsc::Sender<Want>>>>);

impl Suppliers {
    /// Somebody listens from now on, until the receiver is dropped.
    ///
    /// # Errors
    /// Where enough do so already.
    pub fn attach(&self) -> Result<mpsc::Receiver<Want>, String> {
        let mut present = self.present();
        if present.len() == SUPPLIERS_MAX {
            return Err(format!("{SUPPLIERS_MAX} supply this image already"));
        }
        let (sender, receiver) = mpsc::channel(WANTS_MAX);
        present.push(sender);
        Ok(receiver)
    }

    /// Whether anybody listens.
    pub fn is_any(&self) -> bool {
        !self.present().is_empty()
    }

    /// All who listen now, who came last first.
    pub fn all(&self) -> Vec<mpsc::Sender<Want>> {
        self.present().iter().rev().cloned().collect()
    }

    fn present(&self) -> MutexGuard<'_, Vec<mpsc::Sender<Want>>> {
        let mut present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        present.retain(|sender| !sender.is_closed());
        present
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_went_away_is_asked_no_more() {
        let suppliers = Suppliers::default();
        assert!(!suppliers.is_any());
        let first = suppliers.attach().unwrap();
        let second = suppliers.attach().unwrap();
        assert_eq!(suppliers.all().len(), 2);
        drop(first);
        assert_eq!(suppliers.all().len(), 1);
        drop(second);
        assert!(!suppliers.is_any());
        let listening: Vec<_> = (0..SUPPLIERS_MAX)
            .map(|_| suppliers.attach().unwrap())
            .collect();
        assert!(suppliers.attach().is_err());
        drop(listening);
        assert!(suppliers.attach().is_ok());
    }
}
