//! Segments: where each lies in the file, and for which addresses it was written.

use super::header::SpurHeader;
use super::{BRIDGE, BRIDGE_BYTES};
use crate::problem::ImageProblem;
use imprint_model::header::{OVERFLOW_SLOTS, overflow_count};

/// A limit on segments; a stock VM makes a few.
const SEGMENTS_MAX: usize = 4096;

/// A segment without its bridge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Segment {
    /// The address it was written for.
    pub(crate) base: u64,
    /// Where it begins in the data, in words.
    pub(crate) source: usize,
    /// Where it begins when the segments are put together without bridges, in words.
    pub(crate) target: usize,
    /// Its words, without the bridge.
    pub(crate) words: usize,
}

/// All segments of a file, by target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Segments(pub(crate) Vec<Segment>);

impl Segments {
    /// Follows the bridges through the data.
    pub(crate) fn read(header: &SpurHeader, data: &[u64]) -> Result<Segments, ImageProblem> {
        let mut segments = Vec::new();
        let (mut base, mut source, mut target) = (header.base, 0, 0);
        let mut size = (header.first_segment_bytes / 8) as usize;
        while size != 0 {
            let bridge = BRIDGE_BYTES / 8;
            if size < bridge || size > data.len() - source || segments.len() == SEGMENTS_MAX {
                let what = format!("segment {} has {size} words", segments.len() + 1);
                return Err(ImageProblem::damaged(what));
            }
            let words = size - bridge;
            segments.push(Segment {
                base,
                source,
                target,
                words,
            });
            let [first, next_size] = [data[source + words], data[source + words + 1]];
            let gap = gap_words(first)?;
            target += words;
            source += size;
            base = (gap.checked_add(size).and_then(|words| words.checked_mul(8)))
                .and_then(|bytes| base.checked_add(bytes as u64))
                .ok_or_else(|| ImageProblem::damaged("a segment lies outside of memory"))?;
            size = usize::try_from(next_size / 8).unwrap_or(usize::MAX);
        }
        if source != data.len() {
            let what = format!(
                "its segments have {} of {} bytes",
                source * 8,
                data.len() * 8
            );
            return Err(ImageProblem::damaged(what));
        }
        Ok(Segments(segments))
    }

    /// Words of all segments put together.
    pub(crate) fn words(&self) -> usize {
        self.0.iter().map(|segment| segment.words).sum()
    }

    /// The word, in the segments put together, that was written for an address.
    #[inline]
    pub(crate) fn word_of(&self, address: u64) -> Option<usize> {
        self.0.iter().find_map(|segment| {
            let word = (address.checked_sub(segment.base)? / 8) as usize;
            (word < segment.words).then_some(segment.target + word)
        })
    }
}

/// Words between a segment and the next, as its bridge says.
fn gap_words(bridge: u64) -> Result<usize, ImageProblem> {
    if bridge == BRIDGE {
        return Ok(0);
    }
    if bridge >> 56 == OVERFLOW_SLOTS {
        return Ok(overflow_count(bridge));
    }
    Err(ImageProblem::damaged(format!(
        "a segment ends with {bridge:016x}, which is no bridge"
    )))
}
