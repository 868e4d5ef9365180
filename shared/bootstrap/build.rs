//! Says that the crate depends on the kernel's sources, which a macro puts into it, and hashes
//! them: paths and texts, in order of paths, without the packages of tests.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where the sources lie.
const KERNEL: &str = "../kernel";
/// What is hashed before the sources, so that the fingerprint means nothing else.
const CONTEXT: &str = "imprint kernel sources";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={KERNEL}");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join(KERNEL);
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    let mut hasher = blake3::Hasher::new();
    hasher.update(CONTEXT.as_bytes());
    for file in files {
        let path = file.strip_prefix(&root).unwrap_or(&file);
        for part in [path.to_string_lossy().as_bytes(), &fs::read(&file)?] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    println!(
        "cargo::rustc-env=KERNEL_FINGERPRINT={}",
        hasher.finalize().to_hex()
    );
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_of_tests = path.to_string_lossy().ends_with("-Tests");
        if path.is_dir() && !is_of_tests {
            collect(&path, files)?;
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}
