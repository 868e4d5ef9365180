//! A set of ids of objects, as a bitmap of which only the words that hold something are there.

use std::collections::BTreeMap;

const BITS: u64 = u64::BITS as u64;

/// Ids of objects that were touched.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Marks {
    /// Never holds a word that is 0, so that equal sets are equal maps.
    words: BTreeMap<u64, u64>,
}

impl Marks {
    /// Marks an id; answers whether it was not marked before.
    pub fn insert(&mut self, id: u64) -> bool {
        let word = self.words.entry(id / BITS).or_insert(0);
        let before = *word;
        *word |= 1 << (id % BITS);
        *word != before
    }

    /// Whether an id is marked.
    pub fn contains(&self, id: u64) -> bool {
        let word = self.words.get(&(id / BITS)).copied().unwrap_or(0);
        word & (1 << (id % BITS)) != 0
    }

    /// How many ids are marked.
    pub fn count(&self) -> u64 {
        let ones = |word: &u64| u64::from(word.count_ones());
        self.words.values().map(ones).sum()
    }

    /// Whether nothing is marked.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The ids, in rising order.
    pub fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.words.iter().flat_map(|(&place, &word)| {
            let is_set = move |bit: &u64| word & (1 << bit) != 0;
            (0..BITS).filter(is_set).map(move |bit| place * BITS + bit)
        })
    }

    /// Marks all that another set marks.
    pub fn unite(&mut self, other: &Marks) {
        for (&place, &word) in &other.words {
            *self.words.entry(place).or_insert(0) |= word;
        }
    }

    /// Keeps only what another set marks too.
    pub fn intersect(&mut self, other: &Marks) {
        self.narrow(|place| other.words.get(&place).copied().unwrap_or(0));
    }

    /// Takes out what another set marks.
    pub fn subtract(&mut self, other: &Marks) {
        self.narrow(|place| !other.words.get(&place).copied().unwrap_or(0));
    }

    fn narrow(&mut self, mask_at: impl Fn(u64) -> u64) {
        self.words.retain(|&place, word| {
            *word &= mask_at(place);
            *word != 0
        });
    }
}

impl FromIterator<u64> for Marks {
    fn from_iter<I: IntoIterator<Item = u64>>(ids: I) -> Marks {
        let mut marks = Marks::default();
        for id in ids {
            marks.insert(id);
        }
        marks
    }
}
