//! Certificates: what a full check of a Spur file found, kept so that the same file can be mapped
//! the next time without being read through.
//!
//! ```text
//!   open ── certificate of this very file? ── yes ──> map, roots and symbols from it
//!                     │ no
//!                     └──> map or read, check every word ──> heap ──> certificate, for next time
//! ```
//!
//! A certificate is valid for one file: device, inode, length and the times of its last change, all
//! as they were when it was checked. Whoever writes to a file, or puts another in its place, changes
//! one of them, and no program sets the time of an inode's change. Only files that are mapped as
//! they are get one: of one segment, for an address that was free, with no flag to be cleared.
//! What is no whole certificate of this version is none; then the file is checked as if there had
//! never been one.

use crate::Fingerprint;
use crate::save::write_beside_and_rename;
use imprint_heap::Heap;
use imprint_model::layout::association;
use imprint_model::layout::class;
use imprint_model::{BytecodeSet, BytecodeSets, Oop};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The version of the form, and of what is checked; it is also part of the name.
const VERSION: u64 = 1;
/// The first word of a certificate.
const MAGIC: u64 = u64::from_le_bytes(*b"IMPCERT\0");
/// How the names of certificates end.
const EXTENSION: &str = "certificate";
/// Most certificates in a folder; the oldest go.
const KEPT_MAX: usize = 64;
/// A file that changed within this time gets none: it might change again without its times showing
/// it, since systems count them coarsely.
const SETTLED_AFTER: Duration = Duration::from_millis(100);
/// Bytes of the checksum at the end.
const CHECKSUM_BYTES: usize = 32;

/// The certificates in a folder.
#[derive(Clone, Debug)]
pub struct Certificates {
    folder: PathBuf,
}

/// Which file it is, and that it has not changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileIdentity([u64; 7]);

impl FileIdentity {
    /// The identity of an open file; `None` where the system tells too little.
    pub(crate) fn of(file: &File) -> Option<FileIdentity> {
        let data = file.metadata().ok()?;
        Some(FileIdentity([
            data.dev(),
            data.ino(),
            data.len(),
            data.mtime() as u64,
            data.mtime_nsec() as u64,
            data.ctime() as u64,
            data.ctime_nsec() as u64,
        ]))
    }

    /// Whether the file has been as it is for long enough that a change would show.
    fn is_settled(&self) -> bool {
        let [.., seconds, nanos] = self.0;
        let changed = UNIX_EPOCH + Duration::new(seconds, nanos as u32);
        let since = SystemTime::now().duration_since(changed);
        since.is_ok_and(|since| since > SETTLED_AFTER)
    }

    fn name(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for word in [VERSION].iter().chain(&self.0) {
            hasher.update(&word.to_le_bytes());
        }
        format!("{}.{EXTENSION}", &hasher.finalize().to_hex()[..32])
    }
}

/// What was found. Objects are named by their word: their distance from the first, divided by 8.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Certificate {
    pub(crate) fingerprint: [u8; 32],
    /// Words of all objects, without the bridge.
    pub(crate) words: u64,
    pub(crate) sets: BytecodeSets,
    /// Class indices of ByteSymbol and WideSymbol.
    pub(crate) symbol_classes: (u32, u32),
    /// Classes: their index and word.
    pub(crate) classes: Vec<(u32, u32)>,
    /// Symbols: the hash of the text, and the word.
    pub(crate) symbols: Vec<(u32, u32)>,
    /// The instances of the classes of bindings.
    pub(crate) bindings: Vec<u32>,
}

impl Certificates {
    /// Those in a folder, which is made when the first one is kept.
    pub fn in_folder(folder: PathBuf) -> Certificates {
        Certificates { folder }
    }

    /// The certificate of a file.
    pub(crate) fn find(&self, identity: &FileIdentity) -> Option<Certificate> {
        let bytes = fs::read(self.folder.join(identity.name())).ok()?;
        Certificate::decode(&bytes, identity)
    }

    /// Keeps what was found. Where that fails, the next opening takes as long as this one, and
    /// nothing else is lost.
    pub(crate) fn keep(&self, identity: &FileIdentity, certificate: &Certificate) {
        if !identity.is_settled() || fs::create_dir_all(&self.folder).is_err() {
            return;
        }
        let path = self.folder.join(identity.name());
        if write_beside_and_rename(&path, &certificate.encode(identity)).is_ok() {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let mut kept: Vec<(SystemTime, PathBuf)> = entries
            .flatten()
            .filter(|entry| has_extension(&entry.path()))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        kept.sort();
        let surplus = kept.len().saturating_sub(KEPT_MAX);
        for (_, path) in kept.into_iter().take(surplus) {
            // Another process may have been quicker.
            let _ = fs::remove_file(path);
        }
    }
}

fn has_extension(path: &Path) -> bool {
    path.extension().is_some_and(|found| found == EXTENSION)
}

impl Certificate {
    /// What there is to say of a heap that was just made of a file and checked; `None` where it
    /// is too large for words of 32 bits.
    pub(crate) fn of(heap: &Heap, fingerprint: Fingerprint) -> Option<Certificate> {
        let words = (heap.old_end() - heap.base()) / 8;
        u32::try_from(words).ok()?;
        let word = |oop: Oop| ((oop.bits() - heap.base()) / 8) as u32;
        let indices = binding_indices(heap);
        let mut bindings = Vec::new();
        heap.for_each_object(|oop| {
            if indices.contains(&heap.class_index_of(oop)) {
                bindings.push(word(oop));
            }
        });
        Some(Certificate {
            fingerprint: fingerprint.0,
            words,
            sets: heap.bytecode_sets(),
            symbol_classes: heap.symbol_classes(),
            classes: (heap.classes().map(|(index, class)| (index, word(class)))).collect(),
            symbols: (heap.symbols_with_hashes())
                .map(|(hash, symbol)| (hash, word(symbol)))
                .collect(),
            bindings,
        })
    }

    fn encode(&self, identity: &FileIdentity) -> Vec<u8> {
        let mut words = vec![MAGIC, VERSION];
        words.extend(identity.0);
        words.extend(self.fingerprint.chunks_exact(8).map(little_endian));
        words.push(self.words);
        words.push(u64::from(self.sets.sista) | u64::from(self.sets.v3) << 1);
        words.push(packed(self.symbol_classes));
        for pairs in [&self.classes, &self.symbols] {
            words.push(pairs.len() as u64);
            words.extend(pairs.iter().copied().map(packed));
        }
        words.push(self.bindings.len() as u64);
        words.extend(self.bindings.iter().copied().map(u64::from));
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let checksum = blake3::hash(&bytes);
        bytes.extend(checksum.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8], identity: &FileIdentity) -> Option<Certificate> {
        let body = &bytes[..bytes.len().checked_sub(CHECKSUM_BYTES)?];
        if blake3::hash(body).as_bytes().as_slice() != &bytes[body.len()..] {
            return None;
        }
        let mut words = body.chunks_exact(8).map(little_endian);
        let is_of_file = [MAGIC, VERSION]
            .iter()
            .chain(&identity.0)
            .all(|expected| words.next() == Some(*expected));
        if !is_of_file {
            return None;
        }
        let mut fingerprint = [0; 32];
        for chunk in fingerprint.chunks_exact_mut(8) {
            chunk.copy_from_slice(&words.next()?.to_le_bytes());
        }
        let count = words.next()?;
        let sets = words.next()?;
        let sets = BytecodeSets {
            sista: sets & 1 != 0,
            v3: sets & 2 != 0,
        };
        let symbol_classes = unpacked(words.next()?);
        let certificate = Certificate {
            fingerprint,
            words: count,
            sets,
            symbol_classes,
            classes: list(&mut words)?.into_iter().map(unpacked).collect(),
            symbols: list(&mut words)?.into_iter().map(unpacked).collect(),
            bindings: list(&mut words)?
                .into_iter()
                .map(|word| word as u32)
                .collect(),
        };
        certificate.is_within().then_some(certificate)
    }

    /// Whether all that it names lies in the file.
    fn is_within(&self) -> bool {
        let pairs = self.classes.iter().chain(&self.symbols);
        pairs
            .map(|(_, word)| word)
            .chain(&self.bindings)
            .all(|word| u64::from(*word) < self.words)
    }

    /// The bytecode sets of its code, one after the other.
    pub(crate) fn bytecode_sets(&self) -> impl Iterator<Item = BytecodeSet> + '_ {
        let all = [BytecodeSet::SistaV1, BytecodeSet::V3PlusClosures];
        all.into_iter().filter(|set| self.sets.has(*set))
    }
}

/// The words of a list whose length stands before it.
fn list(words: &mut impl ExactSizeIterator<Item = u64>) -> Option<Vec<u64>> {
    let count = usize::try_from(words.next()?).ok()?;
    (count <= words.len()).then(|| words.take(count).collect())
}

fn little_endian(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

fn packed((high, low): (u32, u32)) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn unpacked(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

/// The indices of the classes of bindings, by their names.
fn binding_indices(heap: &Heap) -> Vec<u32> {
    let is_binding_class = |oop: Oop| {
        heap.pointer_slot_count(oop) > class::NAME && {
            let name = heap.slot(oop, class::NAME);
            let texts = &mut association::CLASSES.iter();
            name.is_object() && texts.any(|text| heap.has_text(name, text))
        }
    };
    heap.classes()
        .filter(|(_, oop)| is_binding_class(*oop))
        .map(|(index, _)| index)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Certificate {
        Certificate {
            fingerprint: [7; 32],
            words: 100,
            sets: BytecodeSets {
                sista: true,
                v3: false,
            },
            symbol_classes: (30, 31),
            classes: vec![(1, 10), (2, 20)],
            symbols: vec![(0xFFFF_FFFF, 99)],
            bindings: vec![50, 60],
        }
    }

    const FILE: FileIdentity = FileIdentity([1, 2, 3, 4, 5, 6, 7]);

    #[test]
    fn a_certificate_reads_back_for_its_file_only() {
        let bytes = example().encode(&FILE);
        assert_eq!(Certificate::decode(&bytes, &FILE), Some(example()));
        for changed in 0..7 {
            let mut other = FILE;
            other.0[changed] += 1;
            assert_eq!(Certificate::decode(&bytes, &other), None);
            assert_ne!(other.name(), FILE.name());
        }
    }

    #[test]
    fn a_torn_or_altered_certificate_is_none() {
        let bytes = example().encode(&FILE);
        for length in 0..bytes.len() {
            assert_eq!(Certificate::decode(&bytes[..length], &FILE), None);
        }
        for position in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[position] ^= 1;
            assert_eq!(Certificate::decode(&altered, &FILE), None);
        }
    }

    #[test]
    fn what_names_a_place_outside_of_the_file_is_none() {
        let outside = Certificate {
            bindings: vec![100],
            ..example()
        };
        let bytes = outside.encode(&FILE);
        assert_eq!(Certificate::decode(&bytes, &FILE), None);
    }

    #[test]
    fn a_folder_keeps_the_newest_and_a_file_that_just_changed_gets_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let certificates = Certificates::in_folder(folder.path().join("deep"));
        let count = || fs::read_dir(&certificates.folder).map_or(0, Iterator::count);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970");
        let fresh = FileIdentity([1, 2, 3, 4, 5, now.as_secs(), 0].map(|word| word + 1));
        certificates.keep(&fresh, &example());
        assert_eq!(count(), 0);
        for inode in 0..KEPT_MAX as u64 + 3 {
            let identity = FileIdentity([1, inode, 3, 4, 5, 6, 7]);
            certificates.keep(&identity, &example());
            assert_eq!(certificates.find(&identity), Some(example()));
        }
        assert_eq!(count(), KEPT_MAX);
    }
}
