//! Strings and symbols as text.

use crate::heap::Heap;
use imprint_model::{Format, Oop};

impl Heap {
    /// The text of a string or symbol: bytes are Latin-1, 32-bit words code points. `None` for
    /// any other object, and where a word is no code point.
    pub fn string_text(&self, oop: Oop) -> Option<String> {
        if !oop.is_object() {
            return None;
        }
        let format = self.format(oop);
        if format.is_bytes() {
            return Some(latin_1(self.bytes(oop)));
        }
        if format.is_words_32() {
            let words = self.words_32(oop).iter();
            let letter = |word: &u32| char::from_u32(*word).unwrap_or(char::REPLACEMENT_CHARACTER);
            return Some(words.map(letter).collect());
        }
        None
    }

    /// Whether the text of a string or symbol is `text`.
    pub fn has_text(&self, oop: Oop, text: &str) -> bool {
        let format = self.format(oop);
        if format.is_bytes() {
            let bytes = self.bytes(oop);
            return match text.is_ascii() {
                true => bytes == text.as_bytes(),
                false => text.chars().eq(bytes.iter().map(|byte| char::from(*byte))),
            };
        }
        format.is_words_32()
            && text
                .chars()
                .map(u32::from)
                .eq(self.words_32(oop).iter().copied())
    }
}

/// Latin-1 bytes as text.
pub(crate) fn latin_1(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => text.to_string(),
        _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// The elements of a string of `text`: bytes where all its characters are Latin-1.
pub(crate) enum Elements {
    /// One byte each.
    Narrow(Vec<u8>),
    /// One 32-bit word each.
    Wide(Vec<u32>),
}

impl Elements {
    /// Chooses the narrowest form.
    pub(crate) fn of(text: &str) -> Elements {
        let narrow: Option<Vec<u8>> = text
            .chars()
            .map(|character| u8::try_from(u32::from(character)).ok())
            .collect();
        match narrow {
            Some(bytes) => Elements::Narrow(bytes),
            None => Elements::Wide(text.chars().map(u32::from).collect()),
        }
    }
}

impl Heap {
    /// Makes a string of `text` in old or young space: of class `narrow` where it is Latin-1, else
    /// of class `wide`.
    ///
    /// # Errors
    /// [`NeedsSpace`](crate::NeedsSpace) where it does not fit.
    pub fn new_string(
        &mut self,
        narrow: u32,
        wide: u32,
        text: &str,
    ) -> Result<Oop, crate::NeedsSpace> {
        match Elements::of(text) {
            Elements::Narrow(bytes) => self.allocate_bytes(narrow, &bytes),
            Elements::Wide(words) => {
                let (slots, format) = Format::WORDS_32.sized(words.len() * 4);
                let oop = self.allocate(wide, format, slots)?;
                self.words_32_mut(oop).copy_from_slice(&words);
                Ok(oop)
            }
        }
    }
}
