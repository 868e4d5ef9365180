//! From a path to what is loaded and tested: a project folder, and the embedded kernel below it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use imprint_bootstrap::{PackageSet, embedded_packages};
use imprint_loader::{Project, Reading, SourceFile, read_project};

/// Folders that hold no sources.
const PASSED_OVER: [&str; 3] = [".git", "target", "node_modules"];
/// Deeper folders are taken for a link that goes round in a circle.
const DEPTH_MAX: usize = 32;
/// A source file above this is no source file.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// A project with everything it stands on.
#[derive(Default)]
pub struct LoadedSources {
    /// Kernel and project, in load order.
    pub set: PackageSet,
    /// What the project says of itself.
    pub spec: Project,
    /// The names of the project's own packages.
    pub own_packages: Vec<String>,
}

impl LoadedSources {
    /// The embedded kernel alone; `tests` says which of its test packages come along.
    ///
    /// # Errors
    /// Where the embedded sources cannot be read.
    pub fn kernel(tests: impl Fn(&str) -> bool) -> Result<LoadedSources> {
        let set = embedded_packages(tests)?;
        Ok(LoadedSources {
            set,
            spec: Project::default(),
            own_packages: Vec::new(),
        })
    }

    /// The same without some packages.
    ///
    /// # Errors
    /// Where there is no such package.
    pub fn without(mut self, names: &[String]) -> Result<LoadedSources> {
        for name in names {
            let count = self.set.packages.len();
            self.set.packages.retain(|package| package.name != *name);
            if self.set.packages.len() == count {
                bail!("there is no package {name} to be left out");
            }
        }
        Ok(self)
    }

    /// The embedded kernel and the project in a folder.
    ///
    /// # Errors
    /// Where the folder or one of its files cannot be read, or holds no packages.
    pub fn project(folder: &Path) -> Result<LoadedSources> {
        let texts = texts_of(folder)?;
        let files = texts.iter().map(|(path, text)| SourceFile { path, text });
        let loaded = read_project(files)?;
        if loaded.packages.is_empty() {
            bail!(
                "{} holds no Smalltalk packages; give the folder that holds .smalltalk.ston or package folders",
                folder.display()
            );
        }
        let own_packages = loaded
            .packages
            .iter()
            .map(|package| package.name.clone())
            .collect();
        let reading = Reading {
            paths: loaded.paths,
            packages: loaded.packages,
            problems: Vec::new(),
        };
        let shown = texts
            .iter()
            .map(|(path, text)| (folder.join(path).display().to_string(), text.clone()));
        let mut set = plain_kernel()?;
        set.extend(PackageSet::of_reading(reading, shown)?);
        Ok(LoadedSources {
            set,
            spec: loaded.project,
            own_packages,
        })
    }
}

/// The kernel without its tests: read once, however often a project is.
fn plain_kernel() -> Result<PackageSet> {
    static KERNEL: OnceLock<PackageSet> = OnceLock::new();
    if let Some(set) = KERNEL.get() {
        return Ok(set.clone());
    }
    let set = embedded_packages(|_| false)?;
    Ok(KERNEL.get_or_init(|| set).clone())
}

/// Relative path (with `/`) and text of every file that may be a source.
fn texts_of(folder: &Path) -> Result<Vec<(String, String)>> {
    if !folder.is_dir() {
        bail!(
            "{} is no folder; give the folder of a project",
            folder.display()
        );
    }
    let mut texts = Vec::new();
    collect(folder, &mut PathBuf::new(), &mut texts, 0)?;
    texts.sort();
    Ok(texts)
}

fn collect(
    root: &Path,
    within: &mut PathBuf,
    texts: &mut Vec<(String, String)>,
    depth: usize,
) -> Result<()> {
    let folder = root.join(&within);
    if depth > DEPTH_MAX {
        bail!(
            "{} lies deeper than {DEPTH_MAX} folders; is there a link in a circle?",
            folder.display()
        );
    }
    let entries = fs::read_dir(&folder)
        .with_context(|| format!("cannot read the folder {}", folder.display()))?;
    for entry in entries {
        let entry =
            entry.with_context(|| format!("cannot read the folder {}", folder.display()))?;
        let name = entry.file_name();
        let Some(text_name) = name.to_str() else {
            continue;
        };
        if PASSED_OVER.contains(&text_name) {
            continue;
        }
        within.push(&name);
        let metadata = fs::metadata(entry.path())
            .with_context(|| format!("cannot read {}", entry.path().display()))?;
        if metadata.is_dir() {
            collect(root, within, texts, depth + 1)?;
        } else if is_source(text_name) && metadata.len() <= FILE_BYTES_MAX {
            texts.push((slashed(within), read_text(&entry.path())?));
        }
        within.pop();
    }
    Ok(())
}

fn is_source(name: &str) -> bool {
    let known = [".smalltalk.ston", ".project", ".properties", ".filetree"];
    let endings = [".st", ".json", ".md", "version", "package", "properties"];
    known.contains(&name) || endings.iter().any(|ending| name.ends_with(ending))
}

fn slashed(path: &Path) -> String {
    path.components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

fn read_text(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("{} is not UTF-8 text", path.display()))
}
