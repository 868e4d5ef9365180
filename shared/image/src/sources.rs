//! The changes file beside an image: the texts of its methods.

use std::path::{Path, PathBuf};

/// The texts of an image's methods, in the form of a changes file: chunks that end with a bang,
/// bangs inside doubled. Methods name their text by its position (`source pointer`).
#[derive(Clone, Default, Debug)]
pub struct Sources {
    text: Vec<u8>,
}

/// The bit of a source pointer that says: in the changes file.
const IN_CHANGES: u64 = 1;

/// Bytes around a text for which room is made: the names of its class and protocol, mostly.
const AROUND: usize = 64;

/// Where the texts of an image's methods lie.
pub fn changes_path(image: &Path) -> PathBuf {
    image.with_extension("changes")
}

impl Sources {
    /// The texts of a changes file.
    pub fn from_bytes(text: Vec<u8>) -> Sources {
        Sources { text }
    }

    /// The changes file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Makes room for texts that are about to be added, so that it need not grow with each of them.
    pub fn make_room<'t>(&mut self, texts: impl Iterator<Item = &'t str>) {
        self.text
            .reserve(texts.map(|text| text.len() + AROUND).sum());
    }

    /// Adds a method's text and answers its source pointer.
    pub fn add(&mut self, behavior: &str, protocol: &str, source: &str) -> u64 {
        self.add_stamped(behavior, protocol, "", source)
    }

    /// The same with a stamp, which says who wrote it and when; empty for none.
    pub fn add_stamped(
        &mut self,
        behavior: &str,
        protocol: &str,
        stamp: &str,
        source: &str,
    ) -> u64 {
        let length = behavior.len() + protocol.len() + source.len() + AROUND;
        self.text.reserve(length);
        self.text.push(b'!');
        self.text.extend_from_slice(behavior.as_bytes());
        self.text.extend_from_slice(b" methodsFor: '");
        self.add_doubling('\'', protocol);
        if !stamp.is_empty() {
            self.text.extend_from_slice(b"' stamp: '");
            self.add_doubling('\'', stamp);
        }
        self.text.extend_from_slice(b"'!\n");
        let position = self.text.len() as u64;
        self.add_doubling('!', source);
        self.text.extend_from_slice(b"! !\n\n");
        position << 1 | IN_CHANGES
    }

    /// Adds a text in which a character that would end it stands twice.
    fn add_doubling(&mut self, end: char, text: &str) {
        // A search for a character looks at whole words, and nearly every text has none.
        for part in text.split_inclusive(end) {
            self.text.extend_from_slice(part.as_bytes());
            if part.ends_with(end) {
                self.text.push(end as u8);
            }
        }
    }

    /// Blanks some bytes wherever they stand; all texts stay where they are.
    pub fn blank(&mut self, bytes: &[u8], blank: u8) {
        let mut at = 0;
        while let Some(found) = position(&self.text[at..], bytes) {
            let begin = at + found;
            at = begin + bytes.len();
            self.text[begin..at].fill(blank);
        }
    }

    /// Who wrote the text that a source pointer names, and when; `None` where nothing says it.
    pub fn stamp_at(&self, pointer: u64) -> Option<String> {
        let before = self.text.get(..usize::try_from(pointer >> 1).ok()?)?;
        let before = before.trim_ascii_end().strip_suffix(b"'!")?;
        let begin = before.iter().rposition(|byte| *byte == b'\n');
        let line = std::str::from_utf8(&before[begin.map_or(0, |at| at + 1)..]).ok()?;
        let (_, stamp) = line.rsplit_once("' stamp: '")?;
        Some(stamp.replace("''", "'"))
    }

    /// The text that a source pointer names.
    pub fn at(&self, pointer: u64) -> Option<String> {
        if pointer & IN_CHANGES == 0 {
            return None;
        }
        let mut rest = self.text.get(usize::try_from(pointer >> 1).ok()?..)?;
        let mut text = Vec::new();
        loop {
            let end = rest.iter().position(|byte| *byte == b'!')?;
            text.extend_from_slice(&rest[..end]);
            if rest.get(end + 1) != Some(&b'!') {
                return String::from_utf8(text).ok();
            }
            text.push(b'!');
            rest = &rest[end + 2..];
        }
    }
}

/// Where some bytes stand first among others; nowhere where there are none.
fn position(text: &[u8], bytes: &[u8]) -> Option<usize> {
    let first = *bytes.first()?;
    let last = text.len().checked_sub(bytes.len())?;
    (0..=last).find(|at| text[*at] == first && text[*at..].starts_with(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_blanked_is_gone_and_all_else_stays_where_it_was() {
        let mut sources = Sources::default();
        let first = sources.add("Foo", "x", "bar \"secret!\" ^ 'secret!secret!'");
        let second = sources.add("Foo", "x", "baz ^ 3");
        sources.blank(b"secret!!", b'*');
        sources.blank(b"", b'*');
        let blanked = "bar \"********\" ^ '****************'";
        assert_eq!(sources.at(first).as_deref(), Some(blanked));
        assert_eq!(sources.at(second).as_deref(), Some("baz ^ 3"));
    }

    #[test]
    fn a_method_text_is_found_by_its_pointer() {
        let mut sources = Sources::default();
        let first = sources.add("Foo", "it's", "bar\n\t^ 'wow!'");
        let second = sources.add("Foo class", "x", "baz ^ 3");
        assert_eq!(sources.at(first).as_deref(), Some("bar\n\t^ 'wow!'"));
        assert_eq!(sources.at(second).as_deref(), Some("baz ^ 3"));
        assert_eq!(sources.at(0), None);
        assert_eq!(sources.at(1 << 40 | 1), None);
    }

    #[test]
    fn a_stamp_is_found_where_there_is_one() {
        let mut sources = Sources::default();
        let plain = sources.add("Foo", "it's", "bar ^ 1");
        let stamped = sources.add_stamped("Foo", "x", "O'Brien 2026-01-02", "baz ^ 3");
        assert_eq!(sources.stamp_at(plain), None);
        let stamp = sources.stamp_at(stamped);
        assert_eq!(stamp.as_deref(), Some("O'Brien 2026-01-02"));
        assert_eq!(sources.stamp_at(1 << 40 | 1), None);
    }
}
