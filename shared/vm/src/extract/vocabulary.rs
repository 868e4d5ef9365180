//! The classes whose indices a slave must know before anything has come: its virtual machine makes
//! instances of them by itself.

use super::ClassIndices;
use crate::install::Names;

/// Their names. Classes whose index Spur fixes need no mention.
pub const VOCABULARY: &[&str] = &[
    "ByteSymbol",
    "WideSymbol",
    "WideString",
    "MethodDictionary",
    "Metaclass",
    "CompiledMethod",
    "CompiledBlock",
    "AdditionalMethodState",
    "GlobalVariable",
    "ClassVariable",
    "LiteralVariable",
    "UndeclaredVariable",
    "ProcessorScheduler",
    "ProcessList",
    "Process",
    "Point",
];

/// The names of [`VOCABULARY`] and of the classes with fixed indices, as an image has them.
pub fn vocabulary(names: &Names) -> Vec<ClassIndices> {
    let fixed = imprint_model::class_index::FIXED_INDICES
        .iter()
        .map(|(name, _)| *name);
    let indices = |name: &str| {
        names
            .class(name)
            .map(|entry| (name.into(), entry.index, entry.meta_index))
    };
    fixed
        .chain(VOCABULARY.iter().copied())
        .filter_map(indices)
        .collect()
}
