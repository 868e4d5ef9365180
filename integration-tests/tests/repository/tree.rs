//! The files of the repository, as a list of relative paths with their texts.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the project.
pub struct TextFile {
    /// Relative to the root, with `/` between the parts.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("the crate lies in the root")
        .to_owned()
}

/// All text files under a folder of the repository, sorted by path. What is generated or built is not
/// among them.
pub fn files_under(folder: &str) -> Vec<TextFile> {
    let mut found = Vec::new();
    let start = root().join(folder);
    collect(&start, &mut found);
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// The Rust files that people write.
pub fn rust_files() -> Vec<TextFile> {
    let mut files = files_under("");
    files.retain(|file| {
        file.path.ends_with(".rs") && !file.path.starts_with("shared/wire/src/gen/")
    });
    files
}

fn collect(folder: &Path, found: &mut Vec<TextFile>) {
    let entries = fs::read_dir(folder).expect("a readable folder");
    for entry in entries {
        let path = entry.expect("a readable entry").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("");
        // Hidden folders hold no sources, except `.ci`.
        let is_foreign = name.starts_with("target") || (name.starts_with('.') && name != ".ci");
        if path.is_dir() {
            if !is_foreign {
                collect(&path, found);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push(TextFile {
                path: relative(&path),
                text,
            });
        }
    }
}

fn relative(path: &Path) -> String {
    let inside = path.strip_prefix(root()).expect("inside the repository");
    inside.to_str().expect("a plain name").replace('\\', "/")
}
