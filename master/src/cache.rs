//! What is kept in the user's cache folder: the embedded image, built once by each program, and the
//! certificates of images that were checked.
//!
//! The folder is `imprint` in `$XDG_CACHE_HOME`, or in `~/.cache`. `IMPRINT_CACHE` names another
//! one, or says `off`. Nothing depends on it: what cannot be read there is made again, and who
//! cannot write there makes it each time.
//!
//! The name of the kept image holds the hash of the kernel's sources and tells the program that
//! built it, so it is never out of date. It is written beside its place and renamed, the texts
//! before it: programs that start at once may both build it, and each finds a whole one. One that is
//! damaged all the same is built again.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use imprint_bootstrap::KERNEL_FINGERPRINT;
use imprint_vm::CommandLine;

use crate::full_image::{LiveImage, changes_path};
use crate::project::LoadedSources;

/// Names another folder, or says [`OFF`].
pub const VARIABLE: &str = "IMPRINT_CACHE";
/// No cache.
const OFF: &str = "off";
/// How many images of other programs or kernels stay in the folder.
const OTHERS_MAX: usize = 4;
/// How the names of kept images begin.
const PREFIX: &str = "kernel-";

/// The cache folder; `None` where there is to be none.
pub fn folder() -> Option<PathBuf> {
    let absolute = |name| {
        let path = env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    if env::var_os(VARIABLE).is_some_and(|said| said == OFF) {
        return None;
    }
    let base = || absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    absolute(VARIABLE).or_else(|| Some(base()?.join("imprint")))
}

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
    forget_others(folder, path)
}

/// Removes the oldest images of other programs, their texts last: an image is never without.
fn forget_others(folder: &Path, kept: &Path) -> Result<()> {
    let mut others: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_image = name.starts_with(PREFIX) && name.ends_with(".image");
        if is_image && entry.path() != kept {
            others.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    others.sort();
    let surplus = others.len().saturating_sub(OTHERS_MAX);
    for (_, path) in others.into_iter().take(surplus) {
        fs::remove_file(&path)?;
        fs::remove_file(changes_path(&path))?;
    }
    Ok(())
}
