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

impl Metadata {
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
