//! Groups: objects of the same class, format and flags, whose sizes and hashes are told together.

use super::bytes::{Cursor, put, unzigzag, zigzag};
use crate::problem::ImageProblem;
use imprint_model::{Format, Header};

/// What the objects of a group have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key {
    /// The class index of their headers.
    pub(crate) class_index: u32,
    /// The format without its count of unused elements.
    pub(crate) format: Format,
    /// The read-only flag.
    pub(crate) is_read_only: bool,
    /// The pinned flag.
    pub(crate) is_pinned: bool,
}

impl Key {
    /// The group of an object with this header.
    pub(crate) fn of(header: Header) -> Key {
        Key {
            class_index: header.class_index(),
            format: header.format().base(),
            is_read_only: header.is_read_only(),
            is_pinned: header.is_pinned(),
        }
    }
}

/// How the identity hashes of a group are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hashes {
    /// None has one.
    None,
    /// Each is a function of the object's text: symbols.
    OfText,
    /// Each is the class's lowest index in the class table.
    OfIndex,
    /// Each is written.
    Explicit,
}

const HASHES: [Hashes; 4] = [
    Hashes::None,
    Hashes::OfText,
    Hashes::OfIndex,
    Hashes::Explicit,
];

/// Formats by their code in the file.
const FORMATS: [Format; 11] = [
    Format::EMPTY,
    Format::FIXED,
    Format::ARRAY,
    Format::FIXED_AND_INDEXED,
    Format::WEAK,
    Format::EPHEMERON,
    Format::WORDS_64,
    Format::WORDS_32,
    Format::WORDS_16,
    Format::BYTES,
    Format::CODE,
];

/// The size of one object: slots of pointers, or literals of code; bytes of the raw part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Size {
    /// Slots that hold oops, but not the header of code.
    pub(crate) slots: usize,
    /// Bytes.
    pub(crate) bytes: usize,
}

/// A group: its key, and the size of each object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Group {
    /// What its objects have in common.
    pub(crate) key: Key,
    /// How their hashes are told.
    pub(crate) hashes: Hashes,
    /// Their sizes, in order.
    pub(crate) sizes: Vec<Size>,
}

impl Group {
    /// Whether all objects have the same size, so that it is told once and slots are written
    /// column by column.
    pub(crate) fn is_uniform(&self) -> bool {
        !self.key.format.is_code() && self.sizes.windows(2).all(|pair| pair[0] == pair[1])
    }

    /// Writes everything but the contents; `last_class` is the class index of the group before.
    pub(crate) fn write(&self, out: &mut Vec<u8>, last_class: &mut u32) {
        let key = self.key;
        let code = |format| FORMATS.iter().position(|known| *known == format);
        let format = code(key.format).expect("the heap has known formats only") as u64;
        let hashes = HASHES
            .iter()
            .position(|known| *known == self.hashes)
            .unwrap_or(0) as u64;
        let uniform = u64::from(self.is_uniform());
        let flags = u64::from(key.is_read_only) | u64::from(key.is_pinned) << 1;
        put(out, format | uniform << 4 | hashes << 5 | flags << 7);
        put(
            out,
            zigzag(i64::from(key.class_index) - i64::from(*last_class)),
        );
        *last_class = key.class_index;
        put(out, self.sizes.len() as u64);
        let told = if self.is_uniform() {
            &self.sizes[..1]
        } else {
            &self.sizes[..]
        };
        for size in told {
            if !key.format.is_raw() {
                put(out, size.slots as u64);
            }
            if !key.format.is_pointers() {
                put(out, size.bytes as u64);
            }
        }
    }

    /// Reads what [`Group::write`] wrote.
    pub(crate) fn read(
        cursor: &mut Cursor<'_>,
        last_class: &mut u32,
    ) -> Result<Group, ImageProblem> {
        let first = cursor.varint()?;
        let format = FORMATS
            .get((first & 15) as usize)
            .copied()
            .filter(|_| first >> 9 == 0);
        let format =
            format.ok_or_else(|| ImageProblem::damaged("a group has an unknown format"))?;
        let class_index = i64::from(*last_class).checked_add(unzigzag(cursor.varint()?));
        let class_index = class_index.and_then(|index| u32::try_from(index).ok());
        *last_class =
            class_index.ok_or_else(|| ImageProblem::damaged("a group has no class index"))?;
        let count = cursor.count(1)?;
        if count == 0 {
            return Err(ImageProblem::damaged("a group is empty"));
        }
        let key = Key {
            class_index: *last_class,
            format,
            is_read_only: first >> 7 & 1 != 0,
            is_pinned: first >> 8 & 1 != 0,
        };
        let sizes = match first >> 4 & 1 {
            0 => (0..count)
                .map(|_| read_size(cursor, format))
                .collect::<Result<_, _>>()?,
            _ => vec![read_size(cursor, format)?; count],
        };
        let hashes = HASHES[(first >> 5 & 3) as usize];
        let group = Group { key, hashes, sizes };
        if group.is_uniform() != (first >> 4 & 1 != 0) {
            return Err(ImageProblem::damaged(
                "a group tells its sizes in a longer way",
            ));
        }
        Ok(group)
    }
}

/// Sizes are bounded by what is left of the body: each slot and each byte takes a byte of it.
fn read_size(cursor: &mut Cursor<'_>, format: Format) -> Result<Size, ImageProblem> {
    let slots = if format.is_raw() { 0 } else { cursor.count(1)? };
    let bytes = if format.is_pointers() {
        0
    } else {
        cursor.count(1)?
    };
    if !bytes.is_multiple_of(format.element_bytes()) {
        return Err(ImageProblem::damaged("an object has a part of an element"));
    }
    Ok(Size { slots, bytes })
}
