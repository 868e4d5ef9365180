//! Image files and the heap: Spur 68021 for exchange with stock virtual machines, and our own
//! compact format for what is shipped.
//!
//! Whatever a file holds, reading it ends in a heap whose every word was checked or in an
//! [`ImageError`]: a sentence with the file, what is wrong and what to do. Files are written
//! beside their name and renamed.
//!
//! Reading order: [`problem`], [`kind`], `spur` (header, chunks, checks, reader, writer),
//! `compact` (format, writer, reader), `reach`, `sanity`, [`open`], [`certificate`], [`pristine`],
//! [`info`], [`save`], [`sealed`], [`sources`].

pub mod certificate;
pub mod compact;
pub mod foreign;
pub mod info;
pub mod kind;
pub mod open;
pub mod pristine;
pub mod problem;
mod reach;
mod sanity;
pub mod save;
pub mod sealed;
pub mod sources;
pub mod spur;

pub use certificate::Certificates;
pub use compact::{
    AbsentClass, CompactOptions, CompactSizes, ImageRole, Metadata, read_compact, write_compact,
};
pub use info::{ClassTally, ImageInfo};
pub use kind::{ImageKind, identify};
pub use open::{OpenedImage, open_certified, open_image, read_image};
pub use pristine::PristineImage;
pub use problem::{ImageError, ImageProblem};
pub use save::write_beside_and_rename;
pub use sources::{Sources, changes_path};
pub use spur::{read_spur, spur_bytes, stock_faults, write_spur};

use std::fmt;

/// The identity of an image: the BLAKE3 hash of its file's content. Ids of objects are valid with
/// the fingerprint of the image they were counted in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of a file with this content.
    pub fn of(content: &[u8]) -> Fingerprint {
        Fingerprint(*blake3::hash(content).as_bytes())
    }

    /// The first eight hexadecimal digits, for people.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Fingerprint({self})")
    }
}
