//! Where something stands in a source text: byte offsets, never line numbers.
//! Lines and columns are worked out only when a diagnostic is shown (`render`).

/// A half-open range of byte offsets into one source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset just after the last byte.
    pub end: u32,
}

impl Span {
    /// The range from `start` up to, not including, `end`.
    #[must_use]
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// The smallest range that holds both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self::new(self.start.min(other.start), self.end.max(other.end))
    }

    /// The same range in a text that begins `base` bytes earlier, as a method inside its file.
    #[must_use]
    pub const fn shifted(self, base: u32) -> Self {
        Self::new(
            self.start.saturating_add(base),
            self.end.saturating_add(base),
        )
    }

    /// The text in this range; empty where the range does not fit the source.
    #[must_use]
    pub fn text(self, source: &str) -> &str {
        source
            .get(self.start as usize..self.end as usize)
            .unwrap_or("")
    }
}
