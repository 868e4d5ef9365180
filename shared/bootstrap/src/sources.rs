//! Source texts: those that go into a build, and those that an image remembers.

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

/// The texts of an image's methods, in the form of a changes file: chunks that end with a bang,
/// bangs inside doubled. Methods name their text by its position (`source pointer`).
#[derive(Clone, Default, Debug)]
pub struct Sources {
    text: Vec<u8>,
}

/// The bit of a source pointer that says: in the changes file.
const IN_CHANGES: u64 = 1;

impl Sources {
    /// The texts of a changes file.
    pub fn from_bytes(text: Vec<u8>) -> Sources {
        Sources { text }
    }

    /// The changes file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Adds a method's text and answers its source pointer.
    pub fn add(&mut self, behavior: &str, protocol: &str, source: &str) -> u64 {
        let head = format!(
            "!{behavior} methodsFor: '{}'!\n",
            protocol.replace('\'', "''")
        );
        self.text.extend_from_slice(head.as_bytes());
        let position = self.text.len() as u64;
        self.text
            .extend_from_slice(source.replace('!', "!!").as_bytes());
        self.text.extend_from_slice(b"! !\n\n");
        position << 1 | IN_CHANGES
    }

    /// The text that a source pointer names.
    pub fn at(&self, pointer: u64) -> Option<String> {
        if pointer & IN_CHANGES == 0 {
            return None;
        }
        let rest = self.text.get(usize::try_from(pointer >> 1).ok()?..)?;
        let mut text = Vec::new();
        let mut bytes = rest.iter().peekable();
        while let Some(byte) = bytes.next() {
            match (byte, bytes.peek()) {
                (b'!', Some(b'!')) => {
                    bytes.next();
                    text.push(b'!');
                }
                (b'!', _) => return String::from_utf8(text).ok(),
                _ => text.push(*byte),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_text_is_found_by_its_pointer() {
        let mut sources = Sources::default();
        let first = sources.add("Foo", "it's", "bar\n\t^ 'wow!'");
        let second = sources.add("Foo class", "x", "baz ^ 3");
        assert_eq!(sources.at(first).as_deref(), Some("bar\n\t^ 'wow!'"));
        assert_eq!(sources.at(second).as_deref(), Some("baz ^ 3"));
        assert_eq!(sources.at(0), None);
        assert_eq!(sources.at(1 << 40 | 1), None);
    }
}
