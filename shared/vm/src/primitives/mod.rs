//! The value primitives: those that compute an answer from their operands.
//!
//! Each family is a module, each primitive a function `fn(&mut Vm, Args) -> Result<Oop, Failure>`
//! that decodes its operands with the accessors of [`arguments`] in its first lines, checks
//! everything that can fail, and only then has an effect. Which number means which function stands
//! in one table, `imprint_isa::primitives`; the dispatch below is made from it, so a row without
//! its function does not compile, and each call is checked against the row's number of arguments.
//!
//! Reading order: [`arguments`], then any family.

pub mod arguments;
pub mod bytes;
pub mod code;
pub mod floats;
pub mod headless;
pub mod imprint;
pub mod integers;
pub mod large_integers;
pub mod montgomery;
pub mod objects;
pub mod strings;
pub mod subscripts;
pub mod system;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use imprint_model::Oop;

use crate::args::{Args, Primitive};
use crate::failure::Failure;
use crate::machine::Vm;
use crate::modules::{Modules, NamedPrimitive};

macro_rules! dispatch {
    ($($number:literal $family:ident :: $function:ident $name:literal
       [$($depth:literal),*] $optional:literal $doc:literal;)*) => {
        /// The function of a value primitive, by its number. It counts its operands from the last
        /// one, as the table says.
        pub fn value_primitive(number: u16) -> Option<Primitive> {
            match number {
                $($number => Some(|vm, args| {
                    const MOST: usize = [$($depth as u8),*].len() - 1;
                    const LEAST: usize = MOST - $optional;
                    $family::$function(vm, arguments::aligned(args, LEAST, MOST)?)
                }),)*
                _ => None,
            }
        }
    };
}

imprint_isa::for_each_value_primitive!(dispatch);

/// Calls a primitive from Rust, on a machine that runs nothing: how the tests of modules written
/// elsewhere reach theirs. Operands are the receiver, then the arguments.
///
/// # Errors
/// What the primitive fails with.
///
/// # Panics
/// Where the machine runs something, or there is no receiver.
#[doc(hidden)]
pub fn call_idle(vm: &mut Vm, function: Primitive, operands: &[Oop]) -> Result<Oop, Failure> {
    assert!(vm.stack.pages_in_use().is_empty(), "the machine is running");
    for (index, operand) in operands.iter().enumerate() {
        vm.stack.set_word(index, *operand);
    }
    function(vm, Args::new(0, operands.len() - 1))
}

/// Offers the named primitives that the machine itself brings.
pub fn register_modules(modules: &mut Modules) {
    for (module, name, function) in BUILT_IN {
        register(modules, module, name, *function);
    }
}

/// Offers a named primitive with the depths that the table of primitives gives it.
///
/// A name without a row reads nothing but identities; in tests this is a fault.
pub fn register(modules: &mut Modules, module: &str, name: &str, function: Primitive) {
    let row = imprint_isa::primitives::of_module(module, name);
    debug_assert!(row.is_some(), "{name} of '{module}' is not in the table");
    let depths = row.map_or(&[][..], |row| row.operands);
    modules.register(module, name, NamedPrimitive { function, depths });
}

/// Module, name, function.
const BUILT_IN: &[(&str, &str, Primitive)] = &[
    ("", "primitiveDisableModuleLoading", system::without_effect),
    ("", "primitiveHighResClock", system::high_resolution_clock),
    (
        "",
        "primitiveImageFormatVersion",
        system::image_format_version,
    ),
    ("", "primitiveInterpreterSourceVersion", system::version),
    ("", "primitivePlatformSourceVersion", system::version),
    (
        "",
        "primitiveSetGCBiasToGrowGCLimit",
        system::set_growth_limit,
    ),
    (
        "",
        "primitiveSetGCSemaphore",
        system::set_collection_semaphore,
    ),
    ("", "primitiveVMVersion", system::version),
    (
        "LargeIntegers",
        "primAnyBitFromTo",
        large_integers::any_bit_from_to,
    ),
    ("LargeIntegers", "primDigitAdd", large_integers::digit_add),
    ("LargeIntegers", "primDigitBitAnd", large_integers::bit_and),
    ("LargeIntegers", "primDigitBitOr", large_integers::bit_or),
    (
        "LargeIntegers",
        "primDigitBitShiftMagnitude",
        large_integers::digit_shift_magnitude,
    ),
    ("LargeIntegers", "primDigitBitXor", large_integers::bit_xor),
    (
        "LargeIntegers",
        "primDigitCompare",
        large_integers::digit_compare,
    ),
    (
        "LargeIntegers",
        "primDigitDivNegative",
        large_integers::digit_divide,
    ),
    (
        "LargeIntegers",
        "primDigitMultiplyNegative",
        large_integers::digit_multiply,
    ),
    (
        "LargeIntegers",
        "primDigitSubtract",
        large_integers::digit_subtract,
    ),
    (
        "LargeIntegers",
        "primMontgomeryDigitLength",
        montgomery::digit_length,
    ),
    (
        "LargeIntegers",
        "primMontgomeryTimesModulo",
        montgomery::times_modulo,
    ),
    (
        "LargeIntegers",
        "primNormalizeNegative",
        large_integers::normalize,
    ),
    (
        "LargeIntegers",
        "primNormalizePositive",
        large_integers::normalize,
    ),
    (
        "MiscPrimitivePlugin",
        "primitiveCompareString",
        strings::compare_collated,
    ),
    (
        "MiscPrimitivePlugin",
        "primitiveFindFirstInString",
        strings::find_first,
    ),
    (
        "MiscPrimitivePlugin",
        "primitiveFindSubstring",
        strings::find_substring,
    ),
    (
        "MiscPrimitivePlugin",
        "primitiveIndexOfAsciiInString",
        strings::index_of_ascii,
    ),
    ("MiscPrimitivePlugin", "primitiveStringHash", strings::hash),
    (
        "MiscPrimitivePlugin",
        "primitiveTranslateStringWithTable",
        strings::translate,
    ),
    ("FloatArrayPlugin", "primitiveAt", floats::single_at),
    ("FloatArrayPlugin", "primitiveAtPut", floats::single_at_put),
    ("ImprintPlugin", "primitiveCompile", code::compile),
    (
        "ImprintPlugin",
        "primitiveMethodSource",
        code::method_source,
    ),
    ("ImprintPlugin", "primitiveMethodStamp", code::method_stamp),
    ("ImprintPlugin", "primitivePruned", code::pruned),
    ("ImprintPlugin", "primitiveStackText", code::stack_text),
    (
        "ImprintPlugin",
        "primitivePrunedObject",
        code::pruned_object,
    ),
    (
        "ImprintPlugin",
        "primitivePrunedUnhandled",
        code::pruned_unhandled,
    ),
    (
        "ImprintPlugin",
        "primitiveInternSymbol",
        imprint::intern_symbol,
    ),
    (
        "ImprintPlugin",
        "primitiveNeedsNoIdle",
        imprint::needs_no_idle,
    ),
    ("ImprintPlugin", "primitiveParseFloat", imprint::parse_float),
    ("ImprintPlugin", "primitivePrintFloat", imprint::print_float),
    (
        "ImprintPlugin",
        "primitivePrintInteger",
        imprint::print_integer,
    ),
    (
        "ImprintPlugin",
        "primitiveSetTerminationSemaphore",
        imprint::set_termination_semaphore,
    ),
];
