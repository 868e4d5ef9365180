//! What kind of image a file is, told by its first bytes.

use crate::compact;
use crate::foreign::ForeignKind;
use crate::problem::ImageProblem;

/// The format number of the images we read and write.
pub const SPUR_64: u32 = 68021;

const V3_ADVICE: &str = "the interpreter and Cog VMs for V3 images and SqueakJS can read it";
const OTHER_64_ADVICE: &str = "open it with the VM it came with, and save it from a VM of today";

/// Formats that are converted when they are opened, by number.
const CONVERTED_FORMATS: &[(u32, &str)] = &[(6521, "Spur of 32-bit words")];

/// Formats that others have, by number: name, and what can read them.
const OTHER_FORMATS: &[(u32, &str, &str)] = &[
    (6502, "a 32-bit V3 image", V3_ADVICE),
    (6504, "a 32-bit V3 image with closures", V3_ADVICE),
    (
        6505,
        "a 32-bit V3 image with closures and native floats",
        V3_ADVICE,
    ),
    (
        6537,
        "a 32-bit Spur image with several bytecode sets",
        "open it with the VM it came with, and save it without several bytecode sets (6521)",
    ),
    (68000, "a 64-bit V3 image", OTHER_64_ADVICE),
    (68002, "a 64-bit V3 image with closures", OTHER_64_ADVICE),
    (
        68003,
        "a 64-bit V3 image with closures and native floats",
        OTHER_64_ADVICE,
    ),
    (
        68019,
        "a 64-bit Spur image of an early kind",
        OTHER_64_ADVICE,
    ),
    (
        68020,
        "a 64-bit Spur image of an early kind",
        OTHER_64_ADVICE,
    ),
    (
        68533,
        "a 64-bit Spur image with several bytecode sets",
        OTHER_64_ADVICE,
    ),
];

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImageKind {
    /// Our compact format, of this version.
    Compact {
        /// The version byte.
        version: u8,
    },
    /// A 64-bit Spur image that we read.
    Spur,
    /// An image of another format that we convert.
    Foreign(ForeignKind),
    /// An image that we do not read.
    Other {
        /// Its format number.
        number: u32,
        /// What that is.
        name: &'static str,
        /// What can read it.
        advice: &'static str,
        /// Whether its bytes are in the other order.
        is_swapped: bool,
    },
    /// Nothing.
    Empty,
    /// Something else.
    Unknown,
}

/// Tells the kind of an image by its first bytes.
pub fn identify(bytes: &[u8]) -> ImageKind {
    if bytes.is_empty() {
        return ImageKind::Empty;
    }
    if let Some(version) = compact::version_of(bytes) {
        return ImageKind::Compact { version };
    }
    let Some(first) = bytes.first_chunk::<4>() else {
        return ImageKind::Unknown;
    };
    let number = u32::from_le_bytes(*first);
    if number == SPUR_64 {
        return ImageKind::Spur;
    }
    other(number, false)
        .or_else(|| other(number.swap_bytes(), true))
        .unwrap_or(ImageKind::Unknown)
}

/// The kind of a number that was read in one order, if it is known.
fn other(number: u32, is_swapped: bool) -> Option<ImageKind> {
    let mut converted = CONVERTED_FORMATS.iter();
    let swapped_spur = (is_swapped && number == SPUR_64).then_some("Spur");
    let name = (converted
        .find(|(known, _)| *known == number)
        .map(|(_, name)| *name))
    .or(swapped_spur);
    if let Some(name) = name {
        return Some(ImageKind::Foreign(ForeignKind {
            number,
            name,
            is_swapped,
        }));
    }
    let (_, name, advice) = OTHER_FORMATS.iter().find(|(known, ..)| *known == number)?;
    Some(ImageKind::Other {
        number,
        name,
        advice,
        is_swapped,
    })
}

impl ImageKind {
    /// The sentence for a file that is not the image it should be; `None` for kinds we read.
    pub fn problem(self, bytes: &[u8]) -> Option<ImageProblem> {
        match self {
            ImageKind::Compact { .. } | ImageKind::Spur | ImageKind::Foreign(_) => None,
            ImageKind::Empty => Some(ImageProblem::Empty),
            ImageKind::Unknown => Some(ImageProblem::NoImage {
                first: bytes[..bytes.len().min(8)].to_vec(),
            }),
            ImageKind::Other {
                number,
                name,
                advice,
                is_swapped,
            } => {
                let order = if is_swapped { ", bytes swapped" } else { "" };
                Some(ImageProblem::OtherFormat {
                    what: format!("{name} (format {number}{order})"),
                    advice,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_the_first_bytes() {
        assert_eq!(identify(&[]), ImageKind::Empty);
        assert_eq!(identify(&68021u32.to_le_bytes()), ImageKind::Spur);
        assert_eq!(identify(b"#!/bin/sh"), ImageKind::Unknown);
        assert_eq!(identify(b"ab"), ImageKind::Unknown);
        for number in [6502u32, 6504, 6505, 6537, 68020] {
            let swapped = identify(&number.to_be_bytes());
            let problem = swapped.problem(&[]).expect("not ours").to_string();
            assert!(problem.contains(&number.to_string()), "{problem}");
        }
        for number in [6521u32, 68021] {
            let ImageKind::Foreign(kind) = identify(&number.to_be_bytes()) else {
                panic!("{number} in the other byte order is converted");
            };
            assert_eq!((kind.number, kind.is_swapped), (number, true));
        }
        let problem = identify(&6537u32.to_le_bytes())
            .problem(&[])
            .expect("not ours");
        assert_eq!(
            problem.to_string(),
            "this is a 32-bit Spur image with several bytecode sets (format 6537); open it with \
             the VM it came with, and save it without several bytecode sets (6521)"
        );
    }
}
