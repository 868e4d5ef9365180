//! Package files: the bytes of packages, sealed. Packages are read side by side on several threads.

use std::thread;

use imprint_image::sealed::Form;
use imprint_isa::Package;
use imprint_isa::draft_bytes::DraftError;
use imprint_isa::draft_bytes::package::{decode_package, encode_packages, split_packages};

use crate::error::PackageError;

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

/// The bytes of a file with these packages: a function of the packages alone.
///
/// # Errors
/// Where they cannot be compressed.
pub fn write_packages(packages: &[Package]) -> Result<Vec<u8>, PackageError> {
    Ok(FORM.seal(&encode_packages(packages), LEVEL)?)
}

/// The packages of a file.
///
/// # Errors
/// Where the bytes are no package file, or not what was written: every cut and every changed byte.
pub fn read_packages(bytes: &[u8]) -> Result<Vec<Package>, PackageError> {
    let body = FORM.open(bytes, BYTES_MAX)?;
    let parts = split_packages(&body)?;
    let read = side_by_side(&parts, |part| decode_package(part));
    let packages: Result<Vec<Package>, DraftError> = read.into_iter().collect();
    Ok(packages?)
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
