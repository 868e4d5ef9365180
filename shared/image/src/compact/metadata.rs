//! What a compact image says of itself.

use super::bytes::{Cursor, put, put_text};
use crate::Fingerprint;
use crate::problem::ImageProblem;

/// What an image is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ImageRole {
    /// A full image.
    #[default]
    Full,
    /// What was exercised of one.
    Slim,
    /// What a slave starts from.
    Seed,
    /// The state of a live system.
    Snapshot,
}

const ROLES: &[(u8, ImageRole)] = &[
    (0, ImageRole::Full),
    (1, ImageRole::Slim),
    (2, ImageRole::Seed),
    (3, ImageRole::Snapshot),
];

/// What a compact image says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Metadata {
    /// What the image is for.
    pub role: ImageRole,
    /// The image whose ids its ghosts hold.
    pub origin: Option<Fingerprint>,
    /// The expression that starts it, if it has one.
    pub entry: Option<String>,
    /// Further words, by name; in this order.
    pub notes: Vec<(String, String)>,
}

/// A class that an image lacks though it holds objects of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AbsentClass {
    /// Its name.
    pub name: String,
    /// Where it would stand in the class table.
    pub index: u32,
    /// The same of its metaclass.
    pub meta_index: u32,
}

/// Name of the note that tells absent classes, a line each: name, index, and the index of the metaclass
/// where that is not the next one.
const ABSENT_CLASSES: &str = "absent";

impl Metadata {
    /// Notes the classes that the image lacks though it holds objects of them, so that what is asked of
    /// these can be told by name.
    pub fn note_absent_classes(&mut self, classes: &[AbsentClass]) {
        let line = |it: &AbsentClass| match it.meta_index {
            next if next == it.index + 1 => format!("{} {}", it.name, it.index),
            other => format!("{} {} {other}", it.name, it.index),
        };
        let lines: Vec<String> = classes.iter().map(line).collect();
        if !lines.is_empty() {
            self.notes
                .push((ABSENT_CLASSES.to_owned(), lines.join("\n")));
        }
    }

    /// The classes that were noted so; a line that makes no sense tells none.
    pub fn absent_classes(&self) -> Vec<AbsentClass> {
        let mut notes = self.notes.iter();
        let note = notes.find(|(name, _)| name == ABSENT_CLASSES);
        let lines = note.into_iter().flat_map(|(_, text)| text.lines());
        let class = |line: &str| {
            let mut words = line.split(' ');
            let name = words.next()?.to_owned();
            let index: u32 = words.next()?.parse().ok()?;
            let meta_index = match words.next() {
                Some(other) => other.parse().ok()?,
                None => index.checked_add(1)?,
            };
            words.next().is_none().then_some(AbsentClass {
                name,
                index,
                meta_index,
            })
        };
        lines.filter_map(class).collect()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let code = ROLES
            .iter()
            .find(|(_, role)| *role == self.role)
            .map_or(0, |(code, _)| *code);
        let flags = u8::from(self.origin.is_some()) << 4 | u8::from(self.entry.is_some()) << 5;
        out.push(code | flags);
        if let Some(origin) = &self.origin {
            out.extend(origin.0);
        }
        if let Some(entry) = &self.entry {
            put_text(out, entry);
        }
        put(out, self.notes.len() as u64);
        for (name, value) in &self.notes {
            put_text(out, name);
            put_text(out, value);
        }
    }

    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Metadata, ImageProblem> {
        let first = cursor.byte()?;
        let role = ROLES
            .iter()
            .find(|(code, _)| *code == first & 15)
            .map(|(_, role)| *role);
        let role = role.filter(|_| first >> 6 == 0);
        let role = role.ok_or_else(|| ImageProblem::damaged("its role is unknown"))?;
        let origin = match first & 1 << 4 {
            0 => None,
            _ => {
                let mut hash = [0; 32];
                hash.copy_from_slice(cursor.take(32)?);
                Some(Fingerprint(hash))
            }
        };
        let entry = match first & 1 << 5 {
            0 => None,
            _ => Some(cursor.text()?),
        };
        let mut notes = Vec::new();
        for _ in 0..cursor.count(2)? {
            notes.push((cursor.text()?, cursor.text()?));
        }
        Ok(Metadata {
            role,
            origin,
            entry,
            notes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_classes_are_told_and_lines_without_sense_tell_none() {
        let class = |name: &str, index, meta_index| AbsentClass {
            name: name.to_owned(),
            index,
            meta_index,
        };
        let classes = [class("Foo", 1035, 1036), class("Bar", 7, 9)];
        let mut metadata = Metadata::default();
        assert!(metadata.absent_classes().is_empty());
        metadata.note_absent_classes(&classes);
        assert_eq!(metadata.absent_classes(), classes);
        metadata.notes[0].1.push_str("\n\nBar\nBar 1 x\nBar 1 2 3");
        assert_eq!(metadata.absent_classes(), classes);
    }
}
