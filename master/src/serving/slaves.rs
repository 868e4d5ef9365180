//! The table of the slaves that are connected: who is there, since when, and what each was sent.
//!
//! Each stream writes its own row, on whatever thread it is answered; orders read all of them.

use std::sync::Arc;
use std::time::Instant;

use dashmap::DashMap;

/// The table; clones share it.
#[derive(Clone, Default)]
pub struct Slaves(Arc<DashMap<u64, Row>>);

/// What is known of one slave.
struct Row {
    since: Instant,
    drafts: u64,
    bytes: u64,
}

impl Slaves {
    /// Enters a slave by its number; it leaves the table when the seat is given up.
    pub(super) fn enter(&self, slave: u64) -> Seat {
        let row = Row {
            since: Instant::now(),
            drafts: 0,
            bytes: 0,
        };
        self.0.insert(slave, row);
        Seat {
            slaves: self.clone(),
            slave,
        }
    }

    /// For each slave, by number: the seconds it is there, the drafts and the bytes that it was sent.
    pub fn figures(&self) -> Vec<(String, u64)> {
        let mut rows: Vec<_> = self
            .0
            .iter()
            .map(|row| (*row.key(), row.since.elapsed(), row.drafts, row.bytes))
            .collect();
        rows.sort_by_key(|(slave, ..)| *slave);
        let figures = rows.into_iter().flat_map(|(slave, here, drafts, bytes)| {
            [
                (format!("slave {slave}, seconds"), here.as_secs()),
                (format!("slave {slave}, drafts"), drafts),
                (format!("slave {slave}, bytes"), bytes),
            ]
        });
        figures.collect()
    }
}

/// A slave's place in the table.
pub(super) struct Seat {
    slaves: Slaves,
    slave: u64,
}

impl Seat {
    /// Notes drafts that go to the slave.
    pub fn note_drafts(&self, count: usize) {
        self.change(|row| row.drafts += count as u64);
    }

    /// Notes the bytes in which they went.
    pub fn note_bytes(&self, bytes: usize) {
        self.change(|row| row.bytes += bytes as u64);
    }

    fn change(&self, change: impl FnOnce(&mut Row)) {
        if let Some(mut row) = self.slaves.0.get_mut(&self.slave) {
            change(&mut row);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.slaves.0.remove(&self.slave);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slave_is_in_the_table_while_it_has_its_seat() {
        let slaves = Slaves::default();
        let first = slaves.enter(1);
        let second = slaves.enter(2);
        second.note_drafts(3);
        second.note_bytes(70);
        second.note_drafts(1);
        drop(first);
        let figures = slaves.figures();
        let expected = [
            ("slave 2, seconds", 0),
            ("slave 2, drafts", 4),
            ("slave 2, bytes", 70),
        ];
        let expected = expected.map(|(name, value)| (name.to_string(), value));
        assert_eq!(figures, expected);
        drop(second);
        assert!(slaves.figures().is_empty());
    }
}
