//! The source texts that go into a build. Those that an image remembers lie in its changes file
//! ([`imprint_image::sources`]).

use std::collections::BTreeMap;

use imprint_loader::{LoadError, PackageDefinition, Reading};

/// Packages with the texts of their files, for messages.
#[derive(Clone, Default, Debug)]
pub struct PackageSet {
    /// The packages, in load order.
    pub packages: Vec<PackageDefinition>,
    /// Path and text of each file; a package's origins count from its entry in `first_files`.
    pub files: Vec<(String, String)>,
    /// By package name: where in `files` the files that its origins number begin.
    pub first_files: BTreeMap<String, usize>,
}

impl PackageSet {
    /// The packages of one reading, whose files are `texts`.
    ///
    /// # Errors
    /// All problems of the reading.
    pub fn of_reading(
        reading: Reading,
        texts: impl IntoIterator<Item = (String, String)>,
    ) -> Result<PackageSet, LoadError> {
        let (paths, packages) = reading.into_result()?;
        let texts: BTreeMap<String, String> = texts.into_iter().collect();
        let text_of = |path: &String| {
            let found = texts
                .iter()
                .find(|(known, _)| known.ends_with(path.as_str()));
            found.map_or_else(
                || (path.clone(), String::new()),
                |(path, text)| (path.clone(), text.clone()),
            )
        };
        let files = paths.iter().map(text_of).collect();
        let first_files = packages
            .iter()
            .map(|package| (package.name.clone(), 0))
            .collect();
        Ok(PackageSet {
            packages,
            files,
            first_files,
        })
    }

    /// Adds the packages of another set behind these; a package of the same name replaces.
    pub fn extend(&mut self, other: PackageSet) {
        let offset = self.files.len();
        self.files.extend(other.files);
        for (name, first) in other.first_files {
            self.first_files.insert(name, offset + first);
        }
        for package in other.packages {
            self.packages.retain(|known| known.name != package.name);
            self.packages.push(package);
        }
    }

    /// Path and text of a file that a package's origin numbers.
    pub fn file(&self, package: &str, number: u32) -> Option<&(String, String)> {
        self.files
            .get(self.first_files.get(package)? + number as usize)
    }
}
