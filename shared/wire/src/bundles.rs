//! Bundles of drafts as bytes of one stream: packed, then deflated with a window that spans messages.
//!
//! ```text
//!   Bundle ── Packer ──> bytes ── deflate, flushed ──> its number, less 00 00 FF FF ──> one message
//! ```
//!
//! Each part is written and read by the state that the parts before it left behind, so a part that
//! cannot be read ends the stream: nothing that comes later would mean anything. For the same reason a
//! part that comes twice, or before its turn, might be read as another one than was sent: each begins
//! with its number, and is looked at only where that is due. The reader holds no more than [`MESSAGE_BYTES_MAX`] of one message, whatever the bytes say.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use imprint_isa::draft_bytes::packed::{Bundle, Packer, Unpacker};
use imprint_model::ClassIndex;

use crate::{InvalidMessage, MESSAGE_BYTES_MAX};

/// How a flush of deflate ends: always the same, and so not sent.
const FLUSH_END: [u8; 4] = [0, 0, 0xFF, 0xFF];
/// The room that is made at a time for bytes that come out of a stream.
const STEP_BYTES: usize = 4096;

/// The master's end of a stream.
pub(crate) struct BundleWriter {
    packer: Packer,
    deflate: Compress,
    /// The number of the next part, which begins anew behind 255.
    part: u8,
}

impl BundleWriter {
    /// For a slave that takes so many bytes ahead of their time. Where it takes none, each answer is a
    /// few bytes and somebody waits for it: to seek their shortest form would take as long as a third of
    /// the round trip.
    pub fn of(prefetch_bytes: u64) -> BundleWriter {
        let level = match prefetch_bytes {
            0 => Compression::fast(),
            _ => Compression::best(),
        };
        BundleWriter {
            packer: Packer::default(),
            deflate: Compress::new(level, false),
            part: 0,
        }
    }

    /// The next part of the stream.
    pub fn write(&mut self, bundle: &Bundle) -> Vec<u8> {
        let packed = self.packer.pack(bundle);
        self.write_plain(&packed)
    }

    /// The next part of the stream, of bytes that are no bundle.
    pub fn write_plain(&mut self, packed: &[u8]) -> Vec<u8> {
        let begin = self.deflate.total_in();
        // More than any input needs, so that one call does it: a flush that just fills the room would
        // be made twice.
        let mut part = Vec::with_capacity(packed.len() + packed.len() / 8 + STEP_BYTES);
        part.push(self.part);
        self.part = self.part.wrapping_add(1);
        self.deflate
            .compress_vec(packed, &mut part, FlushCompress::Sync)
            .expect("deflate has no state in which it refuses more input");
        debug_assert_eq!(self.deflate.total_in() - begin, packed.len() as u64);
        debug_assert!(part.ends_with(&FLUSH_END), "a flush ends as all do");
        part.truncate(part.len() - FLUSH_END.len());
        part
    }
}

/// The slave's end of a stream.
pub(crate) struct BundleReader {
    unpacker: Unpacker,
    inflate: Decompress,
    /// The number of the part that is due.
    due: u8,
}

impl Default for BundleReader {
    fn default() -> BundleReader {
        BundleReader {
            unpacker: Unpacker::default(),
            inflate: Decompress::new(false),
            due: 0,
        }
    }
}

impl BundleReader {
    /// Reads the next part of the stream.
    pub fn read(&mut self, part: &[u8]) -> Result<Bundle, InvalidMessage> {
        let packed = self.read_plain(part)?;
        let bundle = self.unpacker.unpack(&packed)?;
        let is_beyond = |index: u32| index >= ClassIndex::LIMIT;
        for (name, index, meta_index) in &bundle.classes {
            if name.is_empty() || is_beyond(*index) || is_beyond(*meta_index) {
                return Err(InvalidMessage::Invalid("class entry"));
            }
        }
        Ok(bundle)
    }

    /// Reads the next part of the stream, of bytes that are no bundle.
    pub fn read_plain(&mut self, part: &[u8]) -> Result<Vec<u8>, InvalidMessage> {
        let (number, part) = part.split_first().ok_or(InvalidMessage::Compression)?;
        if *number != self.due {
            return Err(InvalidMessage::Order {
                due: self.due,
                came: *number,
            });
        }
        self.due = self.due.wrapping_add(1);
        let mut packed = Vec::with_capacity(part.len() * 4 + 64);
        self.inflate(part, &mut packed)?;
        self.inflate(&FLUSH_END, &mut packed)?;
        Ok(packed)
    }

    fn inflate(&mut self, bytes: &[u8], packed: &mut Vec<u8>) -> Result<(), InvalidMessage> {
        let begin = self.inflate.total_in();
        loop {
            let taken = (self.inflate.total_in() - begin) as usize;
            self.inflate
                .decompress_vec(&bytes[taken..], packed, FlushDecompress::Sync)
                .map_err(|_| InvalidMessage::Compression)?;
            if packed.len() > MESSAGE_BYTES_MAX {
                return Err(InvalidMessage::TooLarge(MESSAGE_BYTES_MAX));
            }
            if packed.len() < packed.capacity() {
                break;
            }
            packed.reserve(STEP_BYTES);
        }
        match self.inflate.total_in() - begin {
            taken if taken == bytes.len() as u64 => Ok(()),
            _ => Err(InvalidMessage::Compression),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imprint_isa::{Draft, LocalObject, ObjectDraft, Placed, Ref};
    use imprint_model::{Format, Ghost};

    /// A bundle with an object of so many bytes.
    fn bundle(count: usize) -> Bundle {
        let text = LocalObject {
            class: Ref::class("ByteString"),
            format: Format::BYTES,
            hash: 0,
            read_only: false,
            body: imprint_isa::Body::Bytes((0..count).map(|byte| byte as u8).collect()),
        };
        let object = Draft::Object(ObjectDraft {
            root: Ref::Local(0),
            locals: vec![text],
        });
        Bundle {
            placed: vec![Placed::nowhere(object)],
            asked: 1,
            aliases: vec![(Ghost { id: 3, hash: 9 }, Ref::NIL)],
            classes: vec![("Foo".into(), 1024, 1025)],
        }
    }

    #[test]
    fn bundles_of_any_size_read_back_in_their_order() {
        for prefetch_bytes in [0, 4096] {
            let mut writer = BundleWriter::of(prefetch_bytes);
            let mut reader = BundleReader::default();
            for count in [0, 1, 100, 4000, 70_000, 3, 1_000_000, 0] {
                let part = writer.write(&bundle(count));
                assert_eq!(reader.read(&part), Ok(bundle(count)), "{count} bytes");
            }
        }
    }

    #[test]
    fn a_part_that_comes_twice_or_before_its_turn_is_no_part() {
        let mut writer = BundleWriter::of(4096);
        let parts = [0, 1, 2].map(|count| writer.write(&bundle(count)));
        let order = |due, came| Err(InvalidMessage::Order { due, came });
        for (came, expected) in [
            ([0, 0], order(1, 0)),
            ([0, 2], order(1, 2)),
            ([0, 1], Ok(bundle(1))),
        ] {
            let mut reader = BundleReader::default();
            let read = came.map(|part| reader.read(&parts[part]));
            assert_eq!(read[1], expected, "{came:?}");
        }
        let mut reader = BundleReader::default();
        let mut writer = BundleWriter::of(0);
        for count in 0..600 {
            assert_eq!(
                reader.read(&writer.write(&bundle(count))),
                Ok(bundle(count))
            );
        }
    }

    #[test]
    fn what_a_stream_has_said_costs_little_the_second_time() {
        let mut writer = BundleWriter::of(4096);
        let (first, second) = (writer.write(&bundle(200)), writer.write(&bundle(200)));
        let (first, second) = (first.len(), second.len());
        assert!(second * 8 < first, "{second} of {first} bytes");
    }

    #[test]
    fn a_cut_is_refused_and_no_changed_byte_does_harm() {
        let part = BundleWriter::of(4096).write(&bundle(40));
        for length in 0..part.len() {
            // The last bytes may hold nothing but the beginning of the end that is not sent.
            let read = BundleReader::default().read(&part[..length]);
            assert!(read.is_err() || read == Ok(bundle(40)), "cut at {length}");
            assert!(read.is_err() || length + 4 > part.len(), "cut at {length}");
        }
        for at in 0..part.len() {
            for flip in [1, 0x10, 0x80, 0xFF] {
                let mut changed = part.clone();
                changed[at] ^= flip;
                // It need not be refused, since any bundle may come; it must not harm.
                let _ = BundleReader::default().read(&changed);
            }
        }
    }

    #[test]
    fn a_small_message_does_not_become_a_large_one() {
        let mut deflate = Compress::new(Compression::best(), false);
        let zeros = vec![0; MESSAGE_BYTES_MAX + 1];
        let mut bomb = Vec::with_capacity(1 << 20);
        bomb.push(0);
        deflate
            .compress_vec(&zeros, &mut bomb, FlushCompress::Sync)
            .unwrap();
        assert!(bomb.len() < 100_000, "{} bytes", bomb.len());
        let read = BundleReader::default().read(&bomb);
        assert_eq!(read, Err(InvalidMessage::TooLarge(MESSAGE_BYTES_MAX)));
    }

    #[test]
    fn a_class_beyond_the_table_is_refused() {
        let mut wrong = bundle(0);
        wrong.classes[0].1 = ClassIndex::LIMIT;
        let part = BundleWriter::of(4096).write(&wrong);
        let read = BundleReader::default().read(&part);
        assert_eq!(read, Err(InvalidMessage::Invalid("class entry")));
    }
}
