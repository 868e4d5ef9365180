//! Writing files so that no reader ever sees half of one.

use crate::problem::{ImageError, ImageProblem};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes `bytes` into a new file beside `path`, syncs it and renames it to `path`. On an error
/// the file that was there is untouched and nothing is left beside it.
///
/// # Errors
/// [`ImageProblem::Io`], with the path.
pub fn write_beside_and_rename(path: &Path, bytes: &[u8]) -> Result<(), ImageError> {
    let beside = name_beside(path);
    let result = write_synced(&beside, bytes).and_then(|()| {
        fs::rename(&beside, path).map_err(ImageProblem::io("rename the file written beside it"))
    });
    if let Err(problem) = result {
        let _ = fs::remove_file(&beside);
        return Err(problem.of(path));
    }
    sync_directory(path);
    Ok(())
}

fn name_beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

fn write_synced(beside: &Path, bytes: &[u8]) -> Result<(), ImageProblem> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(beside)
        .map_err(ImageProblem::io("create a file beside it"))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(ImageProblem::io("write the file"))
}

/// Makes the rename durable where the system can; that it cannot is no reason to fail.
fn sync_directory(path: &Path) {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    if let Ok(directory) = File::open(parent.unwrap_or(Path::new("."))) {
        let _ = directory.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_stays_beside() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.image");
        write_beside_and_rename(&path, b"one").expect("written");
        write_beside_and_rename(&path, b"two").expect("written");
        assert_eq!(fs::read(&path).expect("there"), b"two");
        assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 1);
    }

    #[test]
    fn a_failure_names_the_file() {
        let path = Path::new("/nowhere/at/all.image");
        let error = write_beside_and_rename(path, b"x").expect_err("no such folder");
        assert!(
            error
                .to_string()
                .starts_with("/nowhere/at/all.image: could not create")
        );
    }
}
