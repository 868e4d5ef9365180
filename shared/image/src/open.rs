//! Opening an image of whichever kind.

use crate::certificate::{Certificate, Certificates, FileIdentity};
use crate::compact::{Metadata, read_compact};
use crate::foreign;
use crate::info::ImageInfo;
use crate::kind::{ImageKind, identify};
use crate::problem::{ImageError, ImageProblem};
use crate::spur::{self, Sharing};
use crate::{Fingerprint, spur::read_spur_bytes};
use imprint_heap::{Heap, HeapSettings};
use imprint_model::Oop;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A heap that came of a file.
#[derive(Debug)]
pub struct OpenedImage {
    /// The objects.
    pub heap: Heap,
    /// What the file was.
    pub kind: ImageKind,
    /// What it says of itself; of a Spur file the default.
    pub metadata: Metadata,
    /// The hash of its content.
    pub fingerprint: Fingerprint,
    /// Its length in bytes.
    pub file_bytes: u64,
    /// The instances of the classes of bindings, where they are known without a look at all
    /// objects; true until the heap runs.
    pub bindings: Option<Vec<Oop>>,
    /// Whether its old space is the file's pages as they are.
    pub(crate) is_mapped: bool,
}

impl OpenedImage {
    /// Whether numbers in it are immediates that were none in the file, so that collections by hash may not
    /// find their keys before they are rehashed.
    pub fn is_rekeyed(&self) -> bool {
        matches!(self.kind, ImageKind::Foreign(kind) if kind.number < crate::kind::SPUR_64)
    }

    /// What it holds.
    pub fn info(&self) -> ImageInfo {
        let format = match self.kind {
            ImageKind::Compact { version } => format!("compact {version}"),
            ImageKind::Foreign(kind) => {
                let order = if kind.is_swapped {
                    ", bytes swapped"
                } else {
                    ""
                };
                format!("{} {}{order}, converted", kind.name, kind.number)
            }
            _ => format!("Spur {}", crate::kind::SPUR_64),
        };
        ImageInfo::of(&self.heap, format, &self.metadata.absent_classes())
    }
}

/// Opens an image file, Spur or compact, to run in it.
///
/// # Errors
/// [`ImageError`] with the sentence for the user.
pub fn open_image(path: &Path, settings: HeapSettings) -> Result<OpenedImage, ImageError> {
    open(path, settings, Sharing::CopyOnWrite).map_err(|problem| problem.of(path))
}

/// As [`open_image`], without reading a Spur file through that was checked before.
///
/// # Errors
/// [`ImageError`] with the sentence for the user.
pub fn open_certified(
    path: &Path,
    settings: HeapSettings,
    certificates: &Certificates,
) -> Result<OpenedImage, ImageError> {
    // What cannot be opened is told by whoever opens it in earnest.
    let file = File::open(path).ok();
    let identity = file.as_ref().and_then(FileIdentity::of);
    if let Some((file, identity)) = file.as_ref().zip(identity)
        && let Some(certificate) = certificates.find(&identity)
        && let Some(image) =
            with_certificate(file, settings, &certificate).map_err(|problem| problem.of(path))?
    {
        return Ok(image);
    }
    let image = open_image(path, settings)?;
    let now = File::open(path).ok().as_ref().and_then(FileIdentity::of);
    if let Some(identity) = identity.filter(|_| image.is_mapped && now == identity)
        && let Some(certificate) = Certificate::of(&image.heap, image.fingerprint)
    {
        certificates.keep(&identity, &certificate);
    }
    Ok(image)
}

/// `None` where it cannot be mapped now.
fn with_certificate(
    file: &File,
    settings: HeapSettings,
    certificate: &Certificate,
) -> Result<Option<OpenedImage>, ImageProblem> {
    let metadata = file.metadata().map_err(ImageProblem::io("read the file"))?;
    let file_bytes = metadata.len();
    let Some(heap) = spur::load_certified(file, file_bytes, settings, certificate)? else {
        return Ok(None);
    };
    let oop = |word: &u32| Oop::from_bits(heap.base() + u64::from(*word) * 8);
    Ok(Some(OpenedImage {
        kind: ImageKind::Spur,
        metadata: Metadata::default(),
        fingerprint: Fingerprint(certificate.fingerprint),
        file_bytes,
        bindings: Some(certificate.bindings.iter().map(oop).collect()),
        is_mapped: true,
        heap,
    }))
}

/// Makes a heap of the content of an image, Spur or compact.
///
/// # Errors
/// [`ImageProblem`].
pub fn read_image(bytes: &[u8], settings: HeapSettings) -> Result<OpenedImage, ImageProblem> {
    let kind = identify(bytes);
    if let Some(problem) = kind.problem(bytes) {
        return Err(problem);
    }
    let (heap, metadata) = match kind {
        ImageKind::Compact { .. } => read_compact(bytes, settings)?,
        ImageKind::Foreign(kind) => (foreign::read(kind, bytes, settings)?, Metadata::default()),
        _ => (read_spur_bytes(bytes, settings)?, Metadata::default()),
    };
    Ok(OpenedImage {
        heap,
        kind,
        metadata,
        fingerprint: Fingerprint::of(bytes),
        file_bytes: bytes.len() as u64,
        bindings: None,
        is_mapped: false,
    })
}

pub(crate) fn open(
    path: &Path,
    settings: HeapSettings,
    sharing: Sharing,
) -> Result<OpenedImage, ImageProblem> {
    let mut file = File::open(path).map_err(ImageProblem::io("open the file"))?;
    let length = file.metadata().map_err(ImageProblem::io("read the file"))?;
    if length.is_dir() {
        let source = std::io::ErrorKind::IsADirectory.into();
        return Err(ImageProblem::io("open the file")(source));
    }
    let mut head = Vec::new();
    (&mut file)
        .take(8)
        .read_to_end(&mut head)
        .map_err(ImageProblem::io("read the file"))?;
    if identify(&head) == ImageKind::Spur {
        let loaded = spur::load(path, settings, sharing)?;
        return Ok(OpenedImage {
            heap: loaded.heap,
            is_mapped: loaded.is_mapped,
            bindings: None,
            kind: ImageKind::Spur,
            metadata: Metadata::default(),
            fingerprint: fingerprint_of(path)?,
            file_bytes: length.len(),
        });
    }
    if length.len() > settings.limit_bytes as u64 {
        let (bytes, limit) = (length.len() as usize, settings.limit_bytes);
        return Err(imprint_heap::HeapError::ImageTooLarge { bytes, limit }.into());
    }
    file.read_to_end(&mut head)
        .map_err(ImageProblem::io("read the file"))?;
    read_image(&head, settings)
}

fn fingerprint_of(path: &Path) -> Result<Fingerprint, ImageProblem> {
    let file = File::open(path).map_err(ImageProblem::io("open the file"))?;
    let mut hasher = blake3::Hasher::new();
    hasher
        .update_reader(file)
        .map_err(ImageProblem::io("read the file"))?;
    Ok(Fingerprint(*hasher.finalize().as_bytes()))
}
