//! The user's cache folder, and how what lies in it is forgotten.
//!
//! The folder is `imprint` in `$XDG_CACHE_HOME`, or in `~/.cache`. `IMPRINT_CACHE` names another
//! one, or says `off`. Nothing depends on it: what cannot be read there is made again, and who
//! cannot write there makes it each time.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Names another folder, or says [`OFF`].
pub const VARIABLE: &str = "IMPRINT_CACHE";
/// No cache.
const OFF: &str = "off";
/// How many images of one kind stay in the folder beside the one in use.
const OTHERS_MAX: usize = 4;

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

/// Removes the oldest images whose names begin so, but for the one in use and a few; what lies beside
/// an image goes after it, so that one that is there is whole.
///
/// # Errors
/// Where the folder cannot be read or a file cannot be removed.
pub fn forget_others(kept: &Path, prefix: &str) -> io::Result<()> {
    let folder = kept.parent().unwrap_or(Path::new("."));
    let mut others: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_image = name.starts_with(prefix) && name.ends_with(".image");
        if is_image && entry.path() != kept {
            others.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    others.sort();
    let surplus = others.len().saturating_sub(OTHERS_MAX);
    for (_, image) in others.into_iter().take(surplus) {
        fs::remove_file(&image)?;
        let texts = image.with_extension("changes");
        if texts.exists() {
            fs::remove_file(texts)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_oldest_of_a_kind_are_forgotten_with_what_lies_beside_them() {
        let folder = env::temp_dir().join(format!("imprint-cache-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for number in 0..8 {
            for name in [
                format!("kind-{number}.image"),
                format!("kind-{number}.changes"),
            ] {
                let file = fs::File::create(folder.join(name)).unwrap();
                let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1000 + number);
                file.set_modified(time).unwrap();
            }
        }
        fs::write(folder.join("other-0.image"), "").unwrap();
        // The one in use stays, however old it is.
        forget_others(&folder.join("kind-0.image"), "kind-").unwrap();
        let entries = fs::read_dir(&folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name.ends_with(".image"))
            .collect();
        names.sort();
        let count = fs::read_dir(&folder).unwrap().count();
        fs::remove_dir_all(&folder).unwrap();
        let expected = ["kind-0", "kind-4", "kind-5", "kind-6", "kind-7", "other-0"];
        assert_eq!(names, expected.map(|name| format!("{name}.image")));
        assert_eq!(count, expected.len() + 5);
    }
}
