//! A cursor over text, shared by all readers: bytes forward, lines on demand.
//!
//! It works on bytes: everything the formats give a meaning to is ASCII, and no byte of a multi-byte UTF-8
//! character is. Positions it hands out are therefore always on character boundaries where the caller
//! stopped at an ASCII byte.

/// A position in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner<'text> {
    text: &'text str,
    position: usize,
}

impl<'text> Scanner<'text> {
    /// At the beginning of `text`.
    pub(crate) fn new(text: &'text str) -> Self {
        Self { text, position: 0 }
    }

    /// At `position` of `text`.
    pub(crate) fn at(text: &'text str, position: usize) -> Self {
        Self { text, position }
    }

    /// Bytes before the cursor.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Moves the cursor.
    pub(crate) fn set_position(&mut self, position: usize) {
        self.position = position;
    }

    /// The text after the cursor; empty where the cursor is not on a character boundary.
    pub(crate) fn rest(&self) -> &'text str {
        self.text.get(self.position..).unwrap_or("")
    }

    /// The text between two positions.
    pub(crate) fn slice(&self, start: usize, end: usize) -> &'text str {
        self.text.get(start..end).unwrap_or("")
    }

    /// The next byte.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    /// The byte after the next.
    pub(crate) fn peek_second(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position + 1).copied()
    }

    /// Takes the next byte.
    pub(crate) fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.position += 1;
        Some(byte)
    }

    /// Takes `byte` if it is next.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    /// Takes `word` if it is next.
    pub(crate) fn eat_text(&mut self, word: &str) -> bool {
        let found =
            self.text.as_bytes()[self.position.min(self.text.len())..].starts_with(word.as_bytes());
        self.position += if found { word.len() } else { 0 };
        found
    }

    /// Takes bytes as long as `wanted` says so.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'text str {
        let start = self.position;
        let rest = self.text.as_bytes().get(start..).unwrap_or(&[]);
        let length = rest.iter().position(|&byte| !wanted(byte));
        self.position += length.unwrap_or(rest.len());
        self.slice(start, self.position)
    }

    /// Skips white space.
    pub(crate) fn skip_space(&mut self) {
        self.take_while(is_space);
    }

    /// Skips white space and Smalltalk comments; false if a comment does not end.
    pub(crate) fn skip_space_and_comments(&mut self) -> bool {
        self.skip_space();
        while self.peek() == Some(b'"') {
            if !self.skip_quoted() {
                return false;
            }
            self.skip_space();
        }
        true
    }

    /// Skips a text enclosed in its first byte, in which that byte is doubled to stand for itself; false if
    /// it does not end (the cursor is then at the end).
    pub(crate) fn skip_quoted(&mut self) -> bool {
        let Some(quote) = self.next() else {
            return false;
        };
        loop {
            self.take_while(|byte| byte != quote);
            if self.next().is_none() {
                return false;
            }
            if !self.eat(quote) {
                return true;
            }
        }
    }

    /// Takes an identifier: a letter or underscore, then letters, digits and underscores. Empty if none.
    pub(crate) fn take_identifier(&mut self) -> &'text str {
        match self.peek() {
            Some(first) if is_letter(first) => self.take_while(is_word),
            _ => "",
        }
    }
}

/// White space of all formats.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

/// May begin an identifier. Bytes of multi-byte characters count as letters: Smalltalk allows them.
pub(crate) fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

/// May continue an identifier.
pub(crate) fn is_word(byte: u8) -> bool {
    is_letter(byte) || byte.is_ascii_digit()
}

/// Counts lines as a reader goes forward, so that a file is looked through once.
///
/// A line ends with LF, CR or CRLF: file-outs of older systems use CR alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineCounter<'text> {
    text: &'text str,
    position: usize,
    line: u32,
}

impl<'text> LineCounter<'text> {
    /// At the first line of `text`.
    pub(crate) fn new(text: &'text str) -> Self {
        Self {
            text,
            position: 0,
            line: 1,
        }
    }

    /// The line of a position, from 1. Quick when positions only grow.
    pub(crate) fn line_of(&mut self, position: usize) -> u32 {
        if position < self.position {
            *self = Self::new(self.text);
        }
        let end = position.min(self.text.len());
        let passed = self.text.as_bytes().get(self.position..end).unwrap_or(&[]);
        self.line = self
            .line
            .saturating_add(line_ends(passed, self.text.as_bytes().get(end)));
        self.position = end.max(self.position);
        self.line
    }
}

/// How many lines end in `bytes`, which `next` follows. The common case, LF alone, is one count.
fn line_ends(bytes: &[u8], next: Option<&u8>) -> u32 {
    let count = |wanted: u8| bytes.iter().filter(|&&byte| byte == wanted).count();
    let returns = count(b'\r');
    let mut ends = count(b'\n') + returns;
    if returns > 0 {
        let pairs = bytes.windows(2).filter(|pair| pair == b"\r\n").count();
        let split = bytes.last() == Some(&b'\r') && next == Some(&b'\n');
        ends -= pairs + usize::from(split);
    }
    u32::try_from(ends).unwrap_or(u32::MAX)
}
