//! A folder for files that nobody wants to keep.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A folder of this process alone, removed with everything in it.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes it.
    ///
    /// # Errors
    /// Where the system's folder for such things cannot be written to.
    pub fn new() -> Result<Scratch> {
        let path = std::env::temp_dir().join(format!("imprint-{}", std::process::id()));
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Scratch(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is in the system's folder for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
