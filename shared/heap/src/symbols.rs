//! The memory's own table of symbols: text -> Symbol.
//!
//! It holds weakly: a full collection drops symbols that nobody else refers to. Open addressing
//! with linear probing; a slot keeps the hash of the text beside the oop, so growing needs no
//! look at memory.
//!
//! Whoever installs much asks for the same texts again and again, and shares them: so the table remembers
//! what was found for the text at an address. That is a guess, and the symbol is looked at each time.

use crate::error::NeedsSpace;
use crate::heap::Heap;
use crate::text::Elements;
use imprint_model::hash::{STRING_HASH_SEED, string_hash, symbol_identity_hash};
use imprint_model::{Format, Oop};

const NONE: Oop = Oop::from_bits(0);

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    symbol: Oop,
}

/// Texts that are remembered by their address; a power of two.
const RECENT: usize = 4096;

/// Symbols by text.
#[derive(Debug, Default)]
pub(crate) struct SymbolTable {
    entries: Vec<Entry>,
    /// The address of a text, and the bits of what was found for it. Empty before something was interned; of
    /// plain numbers, since zeros of these take no memory until one is written over.
    recent: Vec<(usize, u64)>,
    count: usize,
    byte_class: u32,
    wide_class: u32,
    /// Whether a young symbol was adopted since the last scavenge.
    pub(crate) has_young: bool,
}

fn text_hash(text: &str) -> u32 {
    string_hash(text.chars().map(u32::from), STRING_HASH_SEED)
}

impl SymbolTable {
    fn start(&self, hash: u32) -> usize {
        (hash ^ hash >> 13) as usize & (self.entries.len() - 1)
    }

    fn insert(&mut self, hash: u32, symbol: Oop) {
        if (self.count + 1) * 2 > self.entries.len() {
            self.grow();
        }
        let mask = self.entries.len() - 1;
        let mut at = self.start(hash);
        while self.entries[at].symbol != NONE {
            at = (at + 1) & mask;
        }
        self.entries[at] = Entry { hash, symbol };
        self.count += 1;
    }

    /// The place of a text in [`SymbolTable::recent`]; texts lie 8 bytes from each other at least.
    fn recent_place(text: &str) -> usize {
        let address = text.as_ptr() as usize;
        (address >> 3 ^ address >> 15) & (RECENT - 1)
    }

    /// What was found last for a text at the same address, which may have been another one.
    fn recent(&self, text: &str) -> Option<Oop> {
        let (address, symbol) = *self.recent.get(SymbolTable::recent_place(text))?;
        (address == text.as_ptr() as usize).then_some(Oop::from_bits(symbol))
    }

    fn note_recent(&mut self, text: &str, symbol: Oop) {
        if self.recent.is_empty() {
            self.recent = vec![(0, 0); RECENT];
        }
        let address = text.as_ptr() as usize;
        self.recent[SymbolTable::recent_place(text)] = (address, symbol.bits());
    }

    fn grow(&mut self) {
        let capacity = (self.entries.len() * 2).max(256);
        self.rebuild(capacity, Some);
    }

    fn rebuild(&mut self, capacity: usize, mut keep: impl FnMut(Oop) -> Option<Oop>) {
        let empty = Entry {
            hash: 0,
            symbol: NONE,
        };
        let entries = std::mem::replace(&mut self.entries, vec![empty; capacity]);
        self.count = 0;
        for entry in entries.into_iter().filter(|entry| entry.symbol != NONE) {
            if let Some(symbol) = keep(entry.symbol) {
                self.insert(entry.hash, symbol);
            }
        }
    }

    /// Drops the symbols that `keep` answers `None` for; the others become what it answers.
    pub(crate) fn retain(&mut self, keep: impl FnMut(Oop) -> Option<Oop>) {
        self.recent.clear();
        self.rebuild(self.entries.len(), keep);
    }

    /// Lets every symbol be looked at and replaced where it stands.
    pub(crate) fn update(&mut self, mut visit: impl FnMut(&mut Oop)) {
        self.recent.clear();
        for entry in self.entries.iter_mut().filter(|entry| entry.symbol != NONE) {
            visit(&mut entry.symbol);
        }
    }

    /// Drops all symbols.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.recent.clear();
        self.count = 0;
    }

    /// All symbols, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Oop> + '_ {
        self.entries
            .iter()
            .map(|entry| entry.symbol)
            .filter(|symbol| *symbol != NONE)
    }
}

impl Heap {
    /// Says which classes symbols have, and fills the table from the instances that there are.
    pub fn set_symbol_classes(&mut self, byte_symbol_index: u32, wide_symbol_index: u32) {
        self.symbols.byte_class = byte_symbol_index;
        self.symbols.wide_class = wide_symbol_index;
        let mut found = Vec::new();
        self.for_each_object(|oop| {
            let index = self.header(oop).class_index();
            if index == byte_symbol_index || index == wide_symbol_index {
                found.push(oop);
            }
        });
        for symbol in found {
            self.adopt_symbol(symbol);
        }
    }

    /// As [`Heap::set_symbol_classes`], for whoever knows all instances already: each with the hash
    /// that [`Heap::symbols_with_hashes`] gave.
    pub fn set_symbols(
        &mut self,
        byte_symbol_index: u32,
        wide_symbol_index: u32,
        symbols: impl ExactSizeIterator<Item = (u32, Oop)>,
    ) {
        self.symbols.byte_class = byte_symbol_index;
        self.symbols.wide_class = wide_symbol_index;
        let capacity = (symbols.len() * 2 + 2).next_power_of_two().max(256);
        self.symbols.rebuild(capacity, Some);
        for (hash, symbol) in symbols {
            self.symbols.insert(hash, symbol);
        }
    }

    /// All symbols of the table with the hashes of their texts.
    pub fn symbols_with_hashes(&self) -> impl Iterator<Item = (u32, Oop)> + '_ {
        let used = (self.symbols.entries.iter()).filter(|entry| entry.symbol != NONE);
        used.map(|entry| (entry.hash, entry.symbol))
    }

    /// The class indices of ByteSymbol and WideSymbol; 0 before they were set.
    pub fn symbol_classes(&self) -> (u32, u32) {
        (self.symbols.byte_class, self.symbols.wide_class)
    }

    /// Whether an oop is a symbol.
    #[inline]
    pub fn is_symbol(&self, oop: Oop) -> bool {
        if !oop.is_object() {
            return false;
        }
        let index = self.header(oop).class_index();
        index != 0 && (index == self.symbols.byte_class || index == self.symbols.wide_class)
    }

    /// Puts a symbol that was made elsewhere into the table, unless its text has one already.
    /// Answers the one that the table has.
    pub fn adopt_symbol(&mut self, symbol: Oop) -> Oop {
        let Some(text) = self.string_text(symbol) else {
            return symbol;
        };
        if let Some(present) = self.symbol(&text) {
            return present;
        }
        self.symbols.has_young |= self.is_young(symbol);
        self.symbols.insert(text_hash(&text), symbol);
        symbol
    }

    /// The symbol of `text`, if there is one.
    pub fn symbol(&self, text: &str) -> Option<Oop> {
        if self.symbols.entries.is_empty() {
            return None;
        }
        let hash = text_hash(text);
        let mask = self.symbols.entries.len() - 1;
        let mut at = self.symbols.start(hash);
        loop {
            let entry = self.symbols.entries[at];
            if entry.symbol == NONE {
                return None;
            }
            if entry.hash == hash && self.has_text(entry.symbol, text) {
                return Some(entry.symbol);
            }
            at = (at + 1) & mask;
        }
    }

    /// The symbol of `text`, made in old space where there is none. Its identity hash is a
    /// function of its text.
    ///
    /// # Errors
    /// [`NeedsSpace`] where it does not fit.
    pub fn intern(&mut self, text: &str) -> Result<Oop, NeedsSpace> {
        if let Some(recent) = self.symbols.recent(text)
            && self.has_text(recent, text)
        {
            return Ok(recent);
        }
        let symbol = match self.symbol(text) {
            Some(present) => present,
            None => self.make_symbol(text)?,
        };
        self.symbols.note_recent(text, symbol);
        Ok(symbol)
    }

    fn make_symbol(&mut self, text: &str) -> Result<Oop, NeedsSpace> {
        debug_assert!(self.symbols.byte_class != 0, "symbol classes are not set");
        let symbol = self.new_symbol(text)?;
        self.set_identity_hash(symbol, symbol_identity_hash(text));
        self.symbols.insert(text_hash(text), symbol);
        Ok(symbol)
    }

    fn new_symbol(&mut self, text: &str) -> Result<Oop, NeedsSpace> {
        match Elements::of(text) {
            Elements::Narrow(bytes) => self.allocate_bytes_old(self.symbols.byte_class, &bytes),
            Elements::Wide(words) => {
                let (slots, format) = Format::WORDS_32.sized(words.len() * 4);
                let oop = self.allocate_old(self.symbols.wide_class, format, slots)?;
                self.words_32_mut(oop).copy_from_slice(&words);
                Ok(oop)
            }
        }
    }

    /// All symbols of the table, in no order.
    pub fn symbols(&self) -> impl Iterator<Item = Oop> + '_ {
        self.symbols.iter()
    }
}
