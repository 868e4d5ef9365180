//! The embedded kernel: the Smalltalk sources of `shared/kernel`, inside the binary.

use imprint_loader::{PackageDefinition, SourceFile, read_packages};
use include_dir::{Dir, include_dir};

use crate::error::BuildError;
use crate::sources::PackageSet;

static KERNEL: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../kernel");

/// The packages of the kernel in the order in which they are initialised.
pub const KERNEL_PACKAGES: &[&str] = &[
    "Kernel",
    "Exceptions",
    "Processes",
    "Numbers",
    "Collections",
    "Streams",
    "Strings",
    "Chronology",
    "System",
    "Announcements",
    "SUnit",
    "Network",
    "Hashing",
    "Packages",
    "Web",
];

/// The fingerprint of the embedded kernel without its tests, in hexadecimal digits: BLAKE3 over
/// paths and texts, made when this crate was built.
pub const KERNEL_FINGERPRINT: &str = env!("KERNEL_FINGERPRINT");

/// The packages of the kernel, in order; `tests` names those whose `-Tests` come along.
///
/// # Errors
/// Where a source file of the kernel cannot be read: a defect of this program.
pub fn embedded_packages(tests: impl Fn(&str) -> bool) -> Result<PackageSet, BuildError> {
    let mut names: Vec<String> = KERNEL_PACKAGES
        .iter()
        .map(|name| (*name).to_string())
        .collect();
    for name in KERNEL_PACKAGES {
        let tests_name = format!("{name}-Tests");
        if tests(&tests_name) && KERNEL.get_dir(&tests_name).is_some() {
            names.push(tests_name);
        }
    }
    let files = names.iter().flat_map(|name| files_of(name));
    let reading = read_packages(files.clone());
    let texts = files.map(|file| (format!("kernel/{}", file.path), file.text.to_string()));
    let mut set = PackageSet::of_reading(reading, texts)?;
    set.packages
        .sort_by_key(|package: &PackageDefinition| position(&names, &package.name));
    Ok(set)
}

fn position(names: &[String], name: &str) -> usize {
    names
        .iter()
        .position(|known| known == name)
        .unwrap_or(usize::MAX)
}

fn files_of(package: &str) -> Vec<SourceFile<'static>> {
    let Some(folder) = KERNEL.get_dir(package) else {
        return Vec::new();
    };
    let mut files: Vec<_> = folder
        .files()
        .filter_map(|file| {
            Some(SourceFile {
                path: file.path().to_str()?,
                text: file.contents_utf8()?,
            })
        })
        .collect();
    files.sort_by_key(|file| file.path);
    files
}
