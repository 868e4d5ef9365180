//! Package files: the bytes of packages, sealed, and signed where their maker wants it. Packages are
//! read side by side on several threads.
//!
//! ```text
//! body = 0 and packages, or 1, public key (32 bytes), signature (64 bytes) and packages
//! ```

use std::thread;

use imprint_image::sealed::Form;
use imprint_isa::Package;
use imprint_isa::draft_bytes::DraftError;
use imprint_isa::draft_bytes::package::{
    decode_package, encode_package, join_packages, split_packages,
};

use crate::error::PackageError;
use crate::signature::{KEY_BYTES, PublicKey, SIGNATURE_BYTES, SigningKey};

/// The kind of file.
pub const FORM: Form = Form {
    magic: b"IMPRPKG",
    version: 1,
};

/// Level of zstd: higher ones take longer than installing does, for a few percent.
const LEVEL: i32 = 1;
/// Bytes that the packages of a file may have together.
const BYTES_MAX: u64 = 1 << 31;
/// Threads that read: more than the cores of a small machine help little.
const THREADS_MAX: usize = 4;

/// What a file holds.
#[derive(Clone, PartialEq, Debug)]
pub struct PackageFile {
    /// The packages.
    pub packages: Vec<Package>,
    /// Who signed them; the signature was checked.
    pub signer: Option<PublicKey>,
}

/// The bytes of a file with these packages: a function of the packages and the key alone.
///
/// # Errors
/// Where they cannot be compressed.
pub fn write_packages(
    packages: &[Package],
    key: Option<&SigningKey>,
) -> Result<Vec<u8>, PackageError> {
    let parts = side_by_side(packages, encode_package);
    let content = join_packages(&parts);
    let mut body = Vec::with_capacity(content.len() + 1 + KEY_BYTES + SIGNATURE_BYTES);
    body.push(u8::from(key.is_some()));
    if let Some(key) = key {
        body.extend(key.public().0);
        body.extend(key.sign(&content));
    }
    body.extend(content);
    Ok(FORM.seal(&body, LEVEL)?)
}

/// The packages of a file.
///
/// # Errors
/// Where the bytes are no package file, or not what was written or signed: every cut and every changed
/// byte.
pub fn read_packages(bytes: &[u8]) -> Result<PackageFile, PackageError> {
    let body = FORM.open(bytes, BYTES_MAX)?;
    let (signer, content) = checked_content(&body)?;
    let parts = split_packages(content)?;
    let read = side_by_side(&parts, |part| decode_package(part));
    let packages: Result<Vec<Package>, DraftError> = read.into_iter().collect();
    Ok(PackageFile {
        packages: packages?,
        signer,
    })
}

/// Who signed a body, and the content.
fn checked_content(body: &[u8]) -> Result<(Option<PublicKey>, &[u8]), PackageError> {
    match body.split_first() {
        Some((0, content)) => Ok((None, content)),
        Some((1, rest)) => {
            let parts = rest.split_first_chunk::<KEY_BYTES>();
            let (key, rest) = parts.ok_or(DraftError::Truncated(body.len()))?;
            let parts = rest.split_first_chunk::<SIGNATURE_BYTES>();
            let (signature, content) = parts.ok_or(DraftError::Truncated(body.len()))?;
            let key = PublicKey(*key);
            key.check(content, signature)?;
            Ok((Some(key), content))
        }
        Some(_) => Err(DraftError::Invalid {
            what: "mark of a signature",
            at: 0,
        }
        .into()),
        None => Err(DraftError::Truncated(0).into()),
    }
}

/// What a function makes of each item, in order; done on several threads.
pub(crate) fn side_by_side<'t, T: Sync, R: Send>(
    items: &'t [T],
    work: impl Fn(&'t T) -> R + Sync,
) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, |count| count.get().min(THREADS_MAX));
    let share = items.len().div_ceil(threads).max(1);
    let work = &work;
    thread::scope(|scope| {
        let parts = items.chunks(share);
        let spawn = |part: &'t [T]| scope.spawn(move || part.iter().map(work).collect::<Vec<R>>());
        let running: Vec<_> = parts.map(spawn).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Vec<R>>| {
            thread.join().expect("reading does not panic")
        };
        running.into_iter().flat_map(join).collect()
    })
}
