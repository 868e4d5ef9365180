//! What a run starts from: nothing, the master's kernel, or an image file.
//!
//! A seed is never run. It waits beside the heap: its code is compared with the master's in the handshake
//! ([`crate::agreement`]), and what is the same is installed once it is missed, with no round trip. So a
//! slim image does not depend on the seed.
//!
//! The slave has no compiler, so the kernel is an image too: the master names it by its fingerprint, and
//! gives it once; from then on it lies in the user's cache folder.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use imprint_daemon::cache;
use imprint_heap::Heap;
use imprint_image::{
    Fingerprint, OpenedImage, open_image, read_image, spur_bytes, write_beside_and_rename,
};
use imprint_isa::draft_bytes::packed::Bundle;
use imprint_isa::{BehaviorName, MethodDraft, Miss};
use imprint_vm::entry_method;
use imprint_vm::extract::{
    ClassIndices, ClassParts, ExtractError, Extractor, ImageIndex, PullSession,
};
use imprint_wire::message::Seed as WireSeed;

use crate::limits::heap_settings;

/// How the names of kept kernels begin.
const PREFIX: &str = "seed-";

/// What the user wants a run to start from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum SeedChoice {
    /// Nothing but what a machine needs to breathe.
    #[default]
    Empty,
    /// The master's kernel.
    Kernel,
    /// An image file.
    Image(PathBuf),
}

impl FromStr for SeedChoice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<SeedChoice, Infallible> {
        Ok(match text {
            "empty" => SeedChoice::Empty,
            "kernel" => SeedChoice::Kernel,
            path => SeedChoice::Image(PathBuf::from(path)),
        })
    }
}

impl SeedChoice {
    /// As it is written on the command line.
    pub fn name(&self) -> String {
        match self {
            SeedChoice::Empty => "empty".to_string(),
            SeedChoice::Kernel => "kernel".to_string(),
            SeedChoice::Image(path) => path.display().to_string(),
        }
    }

    /// Opens what can be opened before the master is asked.
    ///
    /// # Errors
    /// Where the file cannot be read or is no image.
    pub fn open(&self) -> Result<Option<Seed>> {
        match self {
            SeedChoice::Empty | SeedChoice::Kernel => Ok(None),
            SeedChoice::Image(path) => {
                let opened = open_image(path, heap_settings());
                Ok(Some(Seed::of(
                    opened.context("cannot start from the seed")?,
                )))
            }
        }
    }

    /// As the handshake says it, given what was opened.
    pub fn on_wire(&self, seed: Option<&Seed>) -> WireSeed {
        match (self, seed) {
            (SeedChoice::Kernel, _) => WireSeed::Kernel,
            (SeedChoice::Image(_), Some(seed)) => WireSeed::Image(seed.fingerprint.0),
            _ => WireSeed::Empty,
        }
    }
}

/// An image that a run starts from.
pub struct Seed {
    /// Of the file.
    pub fingerprint: Fingerprint,
    /// Of the objects as a full image of them has it: where a master serves the same, ids agree.
    pub pristine: Fingerprint,
    heap: Heap,
    index: ImageIndex,
}

impl Seed {
    fn of(opened: OpenedImage) -> Seed {
        let OpenedImage {
            heap, fingerprint, ..
        } = opened;
        // A slim image lacks objects: no master serves the same.
        let pristine = spur_bytes(&heap).map_or(fingerprint, |bytes| Fingerprint::of(&bytes));
        let index = ImageIndex::scan(&heap);
        Seed {
            fingerprint,
            pristine,
            heap,
            index,
        }
    }

    /// The expression at whose beginning it was saved; `None` where it was saved in the middle of a run.
    pub fn entry(&self) -> Option<MethodDraft> {
        let method = entry_method(&self.heap)?;
        let extractor = Extractor::portable(&self.heap, &self.index);
        let behavior = BehaviorName::class("UndefinedObject");
        let placed = extractor.method(method, &behavior, &"DoIt".into());
        Some(placed.draft)
    }

    /// All its code.
    pub fn code(&self) -> Vec<ClassParts> {
        Extractor::new(&self.heap, &self.index).inventory()
    }
}

/// A seed that is the very image that the master serves: it has all answers itself.
pub struct Twin {
    seed: Seed,
    session: PullSession,
}

impl Twin {
    /// A twin for a machine that knows this vocabulary.
    pub fn new(seed: Seed, vocabulary: &[ClassIndices]) -> Twin {
        let session = PullSession::new(vocabulary);
        Twin { seed, session }
    }

    /// What the master would answer.
    ///
    /// # Errors
    /// Where the image has nothing of the kind.
    pub fn answer(&mut self, misses: &[Miss]) -> Result<Bundle, ExtractError> {
        let extractor = Extractor::new(&self.seed.heap, &self.seed.index);
        extractor.answer(misses, &mut self.session)
    }
}

/// The kernel with this fingerprint: of the cache folder, or as `fetch` gets it from the master.
///
/// # Errors
/// Where it is not there and cannot be fetched, or what comes is another.
pub fn kernel(fingerprint: Fingerprint, fetch: impl FnOnce() -> Result<Vec<u8>>) -> Result<Seed> {
    let cached = cache::folder().map(|folder| folder.join(file_name(fingerprint)));
    let is_it = |bytes: &Vec<u8>| Fingerprint::of(bytes) == fingerprint;
    let known = cached.as_ref().and_then(|path| fs::read(path).ok());
    let bytes = match known.filter(is_it) {
        Some(bytes) => bytes,
        None => {
            let bytes = fetch()?;
            ensure!(
                is_it(&bytes),
                "the master sent another kernel than it named"
            );
            if let Some(path) = &cached {
                keep(path, &bytes);
            }
            bytes
        }
    };
    let opened = read_image(&bytes, heap_settings());
    let opened =
        opened.map_err(|problem| anyhow::anyhow!("cannot start from the kernel: {problem}"))?;
    Ok(Seed::of(opened))
}

/// The next run asks again where the kernel cannot be kept: that is no failure of this one.
fn keep(path: &Path, bytes: &[u8]) {
    let folder = path.parent().unwrap_or(Path::new("."));
    let kept = fs::create_dir_all(folder)
        .map_err(anyhow::Error::from)
        .and_then(|()| Ok(write_beside_and_rename(path, bytes)?))
        .and_then(|()| Ok(cache::forget_others(path, PREFIX)?));
    if let Err(error) = kept {
        eprintln!("warning: cannot keep the kernel for later runs: {error:#}");
    }
}

fn file_name(fingerprint: Fingerprint) -> String {
    let hexadecimal: String = fingerprint
        .0
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{PREFIX}{hexadecimal}.image")
}
