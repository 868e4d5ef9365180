//! What a master keeps in the user's cache folder ([`imprint_daemon::cache`]): the embedded image, built
//! once by each program, and the certificates of images that were checked.
//!
//! The name of the kept image holds the hash of the kernel's sources and tells the program that
//! built it, so it is never out of date. It is written beside its place and renamed, the texts
//! before it: programs that start at once may both build it, and each finds a whole one. One that is
//! damaged all the same is built again.

use std::env;
use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use imprint_bootstrap::KERNEL_FINGERPRINT;
pub use imprint_daemon::cache::folder;
use imprint_daemon::cache::forget_others;
use imprint_vm::CommandLine;

use crate::full_image::LiveImage;
use crate::project::LoadedSources;

/// How the names of kept images begin.
const PREFIX: &str = "kernel-";

/// The image of the embedded kernel without its tests: the kept one, else a new one, which is kept.
///
/// # Errors
/// Where the kernel cannot be built: a defect of this program.
pub fn embedded_image(command_line: CommandLine) -> Result<LiveImage> {
    let path = folder().and_then(|folder| Some(folder.join(file_name()?)));
    if let Some(path) = path.as_deref().filter(|path| path.exists())
        && let Ok(image) = LiveImage::open(path, command_line.clone())
    {
        return Ok(image);
    }
    let mut image = LiveImage::build(&LoadedSources::kernel(|_| false)?, command_line)?;
    if let Some(path) = path {
        // Without it the next start builds as well, which is slower and nothing else.
        let _ = keep(&mut image, &path);
    }
    Ok(image)
}

/// The kernel by its content, the program by its file: two programs may build it differently.
fn file_name() -> Option<String> {
    let program = fs::metadata(env::current_exe().ok()?).ok()?;
    let since = program.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let kernel = &KERNEL_FINGERPRINT[..16];
    let (bytes, nanos) = (program.len(), since.as_nanos());
    Some(format!("{PREFIX}{kernel}-{bytes:x}-{nanos:x}.image"))
}

fn keep(image: &mut LiveImage, path: &Path) -> Result<()> {
    let folder = path.parent().context("a file lies in a folder")?;
    fs::create_dir_all(folder)?;
    image.write_texts(path)?;
    image.write_objects(path)?;
    Ok(forget_others(path, PREFIX)?)
}
