//! The primitives: one table for numbers, names, kinds and what each reads of its operands.
//!
//! Numbers and names are Pharo's (`initializePrimitiveTable` of its interpreter), so code moves
//! between virtual machines. A row of a *value* primitive also names the function that does it,
//! `family::function` below the virtual machine's `primitives` module: there the dispatch table is
//! made from [`crate::for_each_value_primitive`], so that a row without its function does not
//! compile.
//!
//! **Depths.** A primitive declares how deep it reads the receiver and each argument; before its
//! body runs, whoever calls it resolves ghosts and forwarders to that depth:
//! 0 = the identity is enough, 1 = the object itself, 2 = also the objects in its slots.
//!
//! **Mirrors.** Some primitives also serve methods that take the receiver as their first argument
//! (`Context>>object:basicAt:`). Operands are therefore counted from the last one: with one
//! argument more than the row says, the first argument stands in for the receiver.
//!
//! **Families.** A few numbers mean something else in the machine of Squeak and Cuis. Those of Pharo's
//! meanings that are not built fail, and so does in Pharo what only the others have: see
//! [`is_assigned`].
//!
//! Quick primitives (256-519) have no rows: [`QuickReturn::from_number`] reads them. Primitives by
//! module and name stand in [`modules`].

pub mod modules;

use imprint_model::Numbering;

pub use modules::{MODULE_PRIMITIVES, documentation, is_known_in_module, of_module};

/// What a primitive is to an interpreter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Kind {
    /// Answers a value or fails; touches neither stack nor scheduler.
    Value,
    /// Changes what runs next: frames, processes, the virtual machine itself.
    Control,
    /// Answers the receiver, a constant or an instance variable.
    Quick,
    /// Always fails: the number alone says something (a mark for unwinding, a guard).
    Mark,
}

/// A primitive called by number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NumberedPrimitive {
    /// The number in the method's primitive call.
    pub number: u16,
    /// Pharo's name.
    pub name: &'static str,
    /// What it is to an interpreter.
    pub kind: Kind,
    /// Depth to which the receiver, then each argument, is read.
    pub operands: &'static [u8],
    /// How many of the last arguments may be absent.
    pub optional: u8,
    /// What it does, in a sentence.
    pub doc: &'static str,
}

/// A primitive called by module and name (number 117).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ModulePrimitive {
    /// The module; empty for the virtual machine itself.
    pub module: &'static str,
    /// The name in the module.
    pub name: &'static str,
    /// Depth to which the receiver, then each argument, is read.
    pub operands: &'static [u8],
    /// How many of the last arguments may be absent.
    pub optional: u8,
}

/// Depth of an operand of which the identity is enough.
pub const IDENTITY: u8 = 0;
/// Depth of an operand that is itself read.
pub const OBJECT: u8 = 1;
/// Depth of an operand whose slots' objects are read too.
pub const SLOTS: u8 = 2;

/// The number of the primitive that calls one by module and name.
pub const NAMED_PRIMITIVE: u16 = 117;
/// The mark of `ensure:` and `ifCurtailed:`.
pub const UNWIND_MARK: u16 = 198;
/// The mark of `on:do:`.
pub const HANDLER_MARK: u16 = 199;

/// Numbers that Pharo's machine assigns to something else, which no kernel needs: moving objects into a
/// space that is never collected (90 to 93), and asking an object for its format (231). The rows of the
/// table are what they mean in Squeak and Cuis.
const SQUEAK_ONLY: &[u16] = &[91, 93, 231];
/// Values in byte arrays, which no machine but Pharo's knows by number.
const PHARO_ONLY: std::ops::RangeInclusive<u16> = 600..=659;

/// Whether a number means what its row says, in an image of a family with this numbering.
pub fn is_assigned(number: u16, numbering: Numbering) -> bool {
    match numbering {
        Numbering::Pharo => !SQUEAK_ONLY.contains(&number),
        Numbering::Squeak => !PHARO_ONLY.contains(&number),
    }
}

/// Depth and number checks are the same for both kinds of rows.
macro_rules! operand_queries {
    ($row:ty) => {
        impl $row {
            /// Fewest arguments it takes.
            pub const fn arguments_min(&self) -> usize {
                self.operands.len() - 1 - self.optional as usize
            }

            /// Most arguments it takes, when the receiver is the receiver.
            pub const fn arguments_max(&self) -> usize {
                self.operands.len() - 1
            }

            /// Whether a method of `count` arguments may call it.
            pub const fn takes(&self, count: usize) -> bool {
                count >= self.arguments_min() && count <= self.arguments_max() + 1
            }

            /// Whether, called with `count` arguments, the first one stands in for the receiver.
            pub const fn is_mirror(&self, count: usize) -> bool {
                count == self.arguments_max() + 1
            }

            /// Depth of an operand: 0 is the receiver (or its stand-in), then the arguments.
            pub fn depth(&self, operand: usize) -> u8 {
                self.operands.get(operand).copied().unwrap_or(IDENTITY)
            }
        }
    };
}
operand_queries!(NumberedPrimitive);
operand_queries!(ModulePrimitive);

/// Calls `$callback!` with the rows of all value primitives:
/// `number family::function "pharoName" [depths] optional "doc";`.
#[macro_export]
macro_rules! for_each_value_primitive {
    ($callback:ident) => {
        $callback! {
            1 integers::add "primitiveAdd" [1, 1] 0 "SmallInteger +.";
            2 integers::subtract "primitiveSubtract" [1, 1] 0 "SmallInteger -.";
            3 integers::less_than "primitiveLessThan" [1, 1] 0 "SmallInteger <.";
            4 integers::greater_than "primitiveGreaterThan" [1, 1] 0 "SmallInteger >.";
            5 integers::less_or_equal "primitiveLessOrEqual" [1, 1] 0 "SmallInteger <=.";
            6 integers::greater_or_equal "primitiveGreaterOrEqual" [1, 1] 0 "SmallInteger >=.";
            7 integers::equal "primitiveEqual" [1, 1] 0 "SmallInteger =.";
            8 integers::not_equal "primitiveNotEqual" [1, 1] 0 "SmallInteger ~=.";
            9 integers::multiply "primitiveMultiply" [1, 1] 0 "SmallInteger *.";
            10 integers::divide "primitiveDivide" [1, 1] 0 "SmallInteger / where it is exact.";
            11 integers::modulo "primitiveMod" [1, 1] 0 "SmallInteger \\\\.";
            12 integers::floor_divide "primitiveDiv" [1, 1] 0 "SmallInteger //.";
            13 integers::quotient "primitiveQuo" [1, 1] 0 "SmallInteger quo:.";
            14 integers::bit_and "primitiveBitAnd" [1, 1] 0 "SmallInteger bitAnd:.";
            15 integers::bit_or "primitiveBitOr" [1, 1] 0 "SmallInteger bitOr:.";
            16 integers::bit_xor "primitiveBitXor" [1, 1] 0 "SmallInteger bitXor:.";
            17 integers::bit_shift "primitiveBitShift" [1, 1] 0 "SmallInteger bitShift:.";
            18 objects::make_point "primitiveMakePoint" [0, 0] 0 "Number @.";
            20 large_integers::remainder "primitiveRemLargeIntegers" [1, 1] 0 "Integer rem:.";
            21 large_integers::add "primitiveAddLargeIntegers" [1, 1] 0 "LargeInteger +.";
            22 large_integers::subtract "primitiveSubtractLargeIntegers" [1, 1] 0 "LargeInteger -.";
            23 large_integers::less_than "primitiveLessThanLargeIntegers" [1, 1] 0 "LargeInteger <.";
            24 large_integers::greater_than "primitiveGreaterThanLargeIntegers" [1, 1] 0 "LargeInteger >.";
            25 large_integers::less_or_equal "primitiveLessOrEqualLargeIntegers" [1, 1] 0 "LargeInteger <=.";
            26 large_integers::greater_or_equal "primitiveGreaterOrEqualLargeIntegers" [1, 1] 0 "LargeInteger >=.";
            27 large_integers::equal "primitiveEqualLargeIntegers" [1, 1] 0 "LargeInteger =.";
            28 large_integers::not_equal "primitiveNotEqualLargeIntegers" [1, 1] 0 "LargeInteger ~=.";
            29 large_integers::multiply "primitiveMultiplyLargeIntegers" [1, 1] 0 "LargeInteger *.";
            30 large_integers::divide "primitiveDivideLargeIntegers" [1, 1] 0 "LargeInteger / where it is exact.";
            31 large_integers::modulo "primitiveModLargeIntegers" [1, 1] 0 "LargeInteger \\\\.";
            32 large_integers::floor_divide "primitiveDivLargeIntegers" [1, 1] 0 "LargeInteger //.";
            33 large_integers::quotient "primitiveQuoLargeIntegers" [1, 1] 0 "LargeInteger quo:.";
            34 large_integers::bit_and "primitiveBitAndLargeIntegers" [1, 1] 0 "LargeInteger bitAnd:.";
            35 large_integers::bit_or "primitiveBitOrLargeIntegers" [1, 1] 0 "LargeInteger bitOr:.";
            36 large_integers::bit_xor "primitiveBitXorLargeIntegers" [1, 1] 0 "LargeInteger bitXor:.";
            37 large_integers::bit_shift "primitiveBitShiftLargeIntegers" [1, 1] 0 "LargeInteger bitShift:.";
            38 floats::word_at "primitiveFloatAt" [1, 1] 0 "Float basicAt:, a 32-bit half.";
            39 floats::word_at_put "primitiveFloatAtPut" [1, 1, 1] 0 "Float basicAt:put:.";
            40 floats::from_small_integer "primitiveAsFloat" [1] 0 "SmallInteger asFloat.";
            41 floats::add "primitiveFloatAdd" [1, 1] 0 "BoxedFloat64 +.";
            42 floats::subtract "primitiveFloatSubtract" [1, 1] 0 "BoxedFloat64 -.";
            43 floats::less_than "primitiveFloatLessThan" [1, 1] 0 "BoxedFloat64 <.";
            44 floats::greater_than "primitiveFloatGreaterThan" [1, 1] 0 "BoxedFloat64 >.";
            45 floats::less_or_equal "primitiveFloatLessOrEqual" [1, 1] 0 "BoxedFloat64 <=.";
            46 floats::greater_or_equal "primitiveFloatGreaterOrEqual" [1, 1] 0 "BoxedFloat64 >=.";
            47 floats::equal "primitiveFloatEqual" [1, 1] 0 "BoxedFloat64 =.";
            48 floats::not_equal "primitiveFloatNotEqual" [1, 1] 0 "BoxedFloat64 ~=.";
            49 floats::multiply "primitiveFloatMultiply" [1, 1] 0 "BoxedFloat64 *.";
            50 floats::divide "primitiveFloatDivide" [1, 1] 0 "BoxedFloat64 /.";
            51 floats::truncated "primitiveTruncated" [1] 0 "BoxedFloat64 truncated, also to a large integer.";
            52 floats::fraction_part "primitiveFractionalPart" [1] 0 "BoxedFloat64 fractionPart.";
            53 floats::exponent "primitiveExponent" [1] 0 "BoxedFloat64 exponent.";
            54 floats::times_two_power "primitiveTimesTwoPower" [1, 1] 0 "BoxedFloat64 timesTwoPower:.";
            55 floats::square_root "primitiveSquareRoot" [1] 0 "BoxedFloat64 sqrt.";
            56 floats::sine "primitiveSine" [1] 0 "BoxedFloat64 sin.";
            57 floats::arc_tangent "primitiveArctan" [1] 0 "BoxedFloat64 arcTan.";
            58 floats::natural_logarithm "primitiveLogN" [1] 0 "BoxedFloat64 ln.";
            59 floats::exponential "primitiveExp" [1] 0 "BoxedFloat64 exp.";
            60 subscripts::at "primitiveAt" [1, 1] 0 "Object at:.";
            61 subscripts::at_put "primitiveAtPut" [1, 1, 0] 0 "Object at:put:.";
            62 subscripts::size "primitiveSize" [1] 0 "Object size.";
            63 subscripts::string_at "primitiveStringAt" [1, 1] 0 "String at:, a Character.";
            64 subscripts::string_at_put "primitiveStringAtPut" [1, 1, 1] 0 "String at:put:, a Character.";
            68 subscripts::object_at "primitiveObjectAt" [1, 1] 0 "CompiledCode objectAt:; 1 is the header.";
            69 subscripts::object_at_put "primitiveObjectAtPut" [1, 1, 0] 0 "CompiledCode objectAt:put:.";
            70 objects::new_fixed "primitiveNew" [1] 0 "Behavior basicNew.";
            71 objects::new_indexed "primitiveNewWithArg" [1, 1] 0 "Behavior basicNew:.";
            75 objects::identity_hash "primitiveIdentityHash" [0] 0 "ProtoObject basicIdentityHash.";
            77 objects::some_instance "primitiveSomeInstance" [1] 0 "Behavior someInstance.";
            78 objects::next_instance "primitiveNextInstance" [1] 0 "ProtoObject nextInstance.";
            79 objects::new_method "primitiveNewMethod" [1, 1, 1] 0 "CompiledCode class basicNew:header:.";
            91 headless::test_depth "primitiveTestDisplayDepth" [0, 1] 0 "Display supportsDisplayDepth:, of Squeak.";
            93 headless::ignore_number "primitiveInputSemaphore" [0, 1] 0 "EventSensor primSetInputSemaphore:, of Squeak.";
            94 headless::next_event "primitiveGetNextEvent" [0, 1] 0 "EventSensor primGetNextEvent:; there is none.";
            101 headless::be_cursor "primitiveBeCursor" [1, 1] 1 "Cursor beCursor(WithMask:).";
            102 headless::be_display "primitiveBeDisplay" [1] 0 "DisplayScreen beDisplay.";
            105 subscripts::replace "primitiveStringReplace" [1, 1, 1, 1, 1] 0 "replaceFrom:to:with:startingAt:.";
            110 objects::is_identical "primitiveIdentical" [0, 0] 0 "ProtoObject ==.";
            111 objects::class_of "primitiveClass" [1] 0 "ProtoObject class.";
            112 objects::bytes_left "primitiveBytesLeft" [0, 0] 1 "SmalltalkImage bytesLeft:.";
            115 objects::change_class "primitiveChangeClass" [1, 1] 0 "Object primitiveChangeClassTo:.";
            121 system::image_name "primitiveImageName" [0, 1] 1 "SmalltalkImage primImagePath.";
            124 system::low_space_semaphore "primitiveLowSpaceSemaphore" [0, 1] 0 "SmalltalkImage primLowSpaceSemaphore:.";
            125 system::signal_at_bytes_left "primitiveSignalAtBytesLeft" [0, 1] 0 "SmalltalkImage primSignalAtBytesLeft:.";
            126 headless::ignore_boolean "primitiveDeferDisplayUpdates" [0, 1] 0 "DisplayScreen primitiveDeferUpdates:.";
            127 headless::show_rectangle "primitiveShowDisplayRect" [0, 1, 1, 1, 1] 0 "DisplayScreen primShowRectLeft:right:top:bottom:.";
            129 objects::special_objects "primitiveSpecialObjectsOop" [0] 0 "The special objects array.";
            132 objects::points_to "primitiveObjectPointsTo" [1, 0] 0 "ProtoObject instVarsInclude:.";
            133 headless::ignore_number "primitiveSetInterruptKey" [0, 1] 0 "EventSensor primSetInterruptKey:.";
            134 headless::interrupt_semaphore "primitiveInterruptSemaphore" [0, 1] 0 "EventSensor primInterruptSemaphore:.";
            135 system::millisecond_clock "primitiveMillisecondClock" [0] 0 "Time millisecondClockValue.";
            138 objects::some_object "primitiveSomeObject" [0] 0 "Object someObject.";
            139 objects::next_object "primitiveNextObject" [1] 0 "ProtoObject nextObject.";
            142 system::vm_path "primitiveVMPath" [0] 0 "VirtualMachine primVmPath.";
            143 subscripts::short_at "primitiveShortAt" [1, 1] 0 "ShortIntegerArray at:.";
            144 subscripts::short_at_put "primitiveShortAtPut" [1, 1, 1] 0 "ShortIntegerArray at:put:.";
            145 subscripts::fill "primitiveConstantFill" [1, 1] 0 "ByteArray atAllPut:.";
            149 system::attribute "primitiveGetAttribute" [0, 1] 0 "VirtualMachine getSystemAttribute:.";
            156 strings::bytes_equal "primitiveCompareBytes" [1, 1] 0 "ByteArray =.";
            158 strings::compare "primitiveStringCompareWith" [1, 1, 1] 1 "ByteString compareWith:collated:.";
            159 integers::hash_multiply "primitiveHashMultiply" [1] 0 "Integer hashMultiply.";
            160 objects::adopt_instance "primitiveAdoptInstance" [1, 1] 0 "Behavior adoptInstance:.";
            163 objects::is_read_only "primitiveGetImmutability" [1] 0 "Object isReadOnlyObject.";
            164 objects::set_read_only "primitiveSetImmutability" [1, 1] 0 "Object setIsReadOnlyObject:.";
            165 subscripts::integer_at "primitiveIntegerAt" [1, 1] 0 "IntegerArray at:.";
            166 subscripts::integer_at_put "primitiveIntegerAtPut" [1, 1, 0] 0 "IntegerArray at:put:.";
            168 objects::copy_from "primitiveCopyObject" [1, 1] 0 "Object copyFrom:.";
            169 objects::is_not_identical "primitiveNotIdentical" [0, 0] 0 "ProtoObject ~~.";
            170 objects::as_character "primitiveAsCharacter" [1] 0 "Integer asCharacter.";
            171 objects::immediate_as_integer "primitiveImmediateAsInteger" [1] 0 "Character asInteger.";
            175 objects::behavior_hash "primitiveBehaviorHash" [1] 0 "Behavior basicIdentityHash, its class index.";
            176 objects::max_identity_hash "primitiveMaxIdentityHash" [0] 0 "The greatest identity hash.";
            177 objects::all_instances "primitiveAllInstances" [1] 0 "Behavior allInstances.";
            178 objects::all_objects "primitiveAllObjects" [0] 0 "SystemNavigation allObjects.";
            181 objects::byte_size_of_instance "primitiveSizeInBytesOfInstance" [1, 1] 1 "Behavior byteSizeOfInstance(OfSize:).";
            183 objects::is_pinned "primitiveIsPinned" [1] 0 "Object isPinnedInMemory.";
            184 objects::pin "primitivePin" [1, 1] 0 "Object setPinnedInMemory:.";
            231 headless::show "primitiveForceDisplayUpdate" [0] 0 "DisplayScreen forceDisplayUpdate, of Squeak.";
            233 headless::ignore_boolean "primitiveSetFullScreen" [0, 1] 0 "DisplayScreen fullScreenMode:.";
            240 system::utc_microseconds "primitiveUTCMicrosecondClock" [0] 0 "Microseconds of UTC since 1901.";
            254 system::vm_parameter "primitiveVMParameter" [0, 1, 1] 2 "VirtualMachine parameterAt:put:.";
            541 floats::add "primitiveSmallFloatAdd" [1, 1] 0 "SmallFloat64 +.";
            542 floats::subtract "primitiveSmallFloatSubtract" [1, 1] 0 "SmallFloat64 -.";
            543 floats::less_than "primitiveSmallFloatLessThan" [1, 1] 0 "SmallFloat64 <.";
            544 floats::greater_than "primitiveSmallFloatGreaterThan" [1, 1] 0 "SmallFloat64 >.";
            545 floats::less_or_equal "primitiveSmallFloatLessOrEqual" [1, 1] 0 "SmallFloat64 <=.";
            546 floats::greater_or_equal "primitiveSmallFloatGreaterOrEqual" [1, 1] 0 "SmallFloat64 >=.";
            547 floats::equal "primitiveSmallFloatEqual" [1, 1] 0 "SmallFloat64 =.";
            548 floats::not_equal "primitiveSmallFloatNotEqual" [1, 1] 0 "SmallFloat64 ~=.";
            549 floats::multiply "primitiveSmallFloatMultiply" [1, 1] 0 "SmallFloat64 *.";
            550 floats::divide "primitiveSmallFloatDivide" [1, 1] 0 "SmallFloat64 /.";
            551 floats::truncated "primitiveSmallFloatTruncated" [1] 0 "SmallFloat64 truncated.";
            552 floats::fraction_part "primitiveSmallFloatFractionalPart" [1] 0 "SmallFloat64 fractionPart.";
            553 floats::exponent "primitiveSmallFloatExponent" [1] 0 "SmallFloat64 exponent.";
            554 floats::times_two_power "primitiveSmallFloatTimesTwoPower" [1, 1] 0 "SmallFloat64 timesTwoPower:.";
            555 floats::square_root "primitiveSmallFloatSquareRoot" [1] 0 "SmallFloat64 sqrt.";
            556 floats::sine "primitiveSmallFloatSine" [1] 0 "SmallFloat64 sin.";
            557 floats::arc_tangent "primitiveSmallFloatArctan" [1] 0 "SmallFloat64 arcTan.";
            558 floats::natural_logarithm "primitiveSmallFloatLogN" [1] 0 "SmallFloat64 ln.";
            559 floats::exponential "primitiveSmallFloatExp" [1] 0 "SmallFloat64 exp.";
            575 integers::high_bit "primitiveHighBit" [1] 0 "SmallInteger highBit, of Squeak; fails where it is negative.";
            596 objects::new_fixed_old "primitiveNewOldSpace" [1] 0 "Behavior basicNewTenured.";
            597 objects::new_indexed_old "primitiveNewWithArgOldSpace" [1, 1] 0 "Behavior basicNewTenured:.";
            600 bytes::load_boolean_8 "primitiveLoadBoolean8FromBytes" [1, 1] 0 "ByteArray boolean8AtOffset:.";
            601 bytes::load_u8 "primitiveLoadUInt8FromBytes" [1, 1] 0 "ByteArray uint8AtOffset:.";
            602 bytes::load_i8 "primitiveLoadInt8FromBytes" [1, 1] 0 "ByteArray int8AtOffset:.";
            603 bytes::load_u16 "primitiveLoadUInt16FromBytes" [1, 1] 0 "ByteArray uint16AtOffset:.";
            604 bytes::load_i16 "primitiveLoadInt16FromBytes" [1, 1] 0 "ByteArray int16AtOffset:.";
            605 bytes::load_u32 "primitiveLoadUInt32FromBytes" [1, 1] 0 "ByteArray uint32AtOffset:.";
            606 bytes::load_i32 "primitiveLoadInt32FromBytes" [1, 1] 0 "ByteArray int32AtOffset:.";
            607 bytes::load_u64 "primitiveLoadUInt64FromBytes" [1, 1] 0 "ByteArray uint64AtOffset:.";
            608 bytes::load_i64 "primitiveLoadInt64FromBytes" [1, 1] 0 "ByteArray int64AtOffset:.";
            609 bytes::load_pointer "primitiveLoadPointerFromBytes" [1, 1] 0 "ByteArray pointerAtOffset:.";
            610 bytes::load_char_8 "primitiveLoadChar8FromBytes" [1, 1] 0 "ByteArray char8AtOffset:.";
            611 bytes::load_char_16 "primitiveLoadChar16FromBytes" [1, 1] 0 "ByteArray char16AtOffset:.";
            612 bytes::load_char_32 "primitiveLoadChar32FromBytes" [1, 1] 0 "ByteArray char32AtOffset:.";
            613 bytes::load_f32 "primitiveLoadFloat32FromBytes" [1, 1] 0 "ByteArray float32AtOffset:.";
            614 bytes::load_f64 "primitiveLoadFloat64FromBytes" [1, 1] 0 "ByteArray float64AtOffset:.";
            615 bytes::store_boolean_8 "primitiveStoreBoolean8IntoBytes" [1, 1, 1] 0 "ByteArray boolean8AtOffset:put:.";
            616 bytes::store_u8 "primitiveStoreUInt8IntoBytes" [1, 1, 1] 0 "ByteArray uint8AtOffset:put:.";
            617 bytes::store_i8 "primitiveStoreInt8IntoBytes" [1, 1, 1] 0 "ByteArray int8AtOffset:put:.";
            618 bytes::store_u16 "primitiveStoreUInt16IntoBytes" [1, 1, 1] 0 "ByteArray uint16AtOffset:put:.";
            619 bytes::store_i16 "primitiveStoreInt16IntoBytes" [1, 1, 1] 0 "ByteArray int16AtOffset:put:.";
            620 bytes::store_u32 "primitiveStoreUInt32IntoBytes" [1, 1, 1] 0 "ByteArray uint32AtOffset:put:.";
            621 bytes::store_i32 "primitiveStoreInt32IntoBytes" [1, 1, 1] 0 "ByteArray int32AtOffset:put:.";
            622 bytes::store_u64 "primitiveStoreUInt64IntoBytes" [1, 1, 1] 0 "ByteArray uint64AtOffset:put:.";
            623 bytes::store_i64 "primitiveStoreInt64IntoBytes" [1, 1, 1] 0 "ByteArray int64AtOffset:put:.";
            624 bytes::store_pointer "primitiveStorePointerIntoBytes" [1, 1, 1] 0 "ByteArray pointerAtOffset:put:.";
            625 bytes::store_char_8 "primitiveStoreChar8IntoBytes" [1, 1, 1] 0 "ByteArray char8AtOffset:put:.";
            626 bytes::store_char_16 "primitiveStoreChar16IntoBytes" [1, 1, 1] 0 "ByteArray char16AtOffset:put:.";
            627 bytes::store_char_32 "primitiveStoreChar32IntoBytes" [1, 1, 1] 0 "ByteArray char32AtOffset:put:.";
            628 bytes::store_f32 "primitiveStoreFloat32IntoBytes" [1, 1, 1] 0 "ByteArray float32AtOffset:put:.";
            629 bytes::store_f64 "primitiveStoreFloat64IntoBytes" [1, 1, 1] 0 "ByteArray float64AtOffset:put:.";
        }
    };
}

/// Calls `$callback!` with the rows of all control primitives and marks:
/// `number Kind function "pharoName" [depths] optional "doc";`.
#[macro_export]
macro_rules! for_each_control_primitive {
    ($callback:ident) => {
        $callback! {
            19 Mark fail "primitiveFail" [0, 0] 1 "A guard against simulation.";
            72 Control become_forward "primitiveArrayBecomeOneWay" [2, 2] 0 "Array elementsForwardIdentityTo:.";
            73 Control field_at "primitiveInstVarAt" [1, 1] 0 "IndexedSlot object:instVarAt:.";
            74 Control field_at_put "primitiveInstVarAtPut" [1, 1, 0] 0 "IndexedSlot object:instVarAt:put:.";
            76 Control set_stack_pointer "primitiveStoreStackp" [1, 1] 0 "Context stackp:.";
            83 Control perform "primitivePerform" [1, 1, 0, 0, 0, 0] 4 "Object perform: with up to four arguments.";
            84 Control perform_with_arguments "primitivePerformWithArgs" [1, 1, 1] 0 "Object perform:withArguments:.";
            85 Control signal "primitiveSignal" [1] 0 "Semaphore signal.";
            86 Control wait "primitiveWait" [1] 0 "Semaphore wait.";
            87 Control resume "primitiveResume" [1] 0 "Process primitiveResume.";
            88 Control suspend "primitiveSuspend" [1] 0 "Process suspend; answers the list it was on.";
            89 Control flush_cache "primitiveFlushCache" [0] 0 "Behavior flushCache.";
            97 Control snapshot "primitiveSnapshot" [0, 1] 1 "SnapshotOperation snapshotPrimitive.";
            100 Control perform_in_superclass "primitivePerformInSuperclass" [1, 1, 1, 1] 0 "Object perform:withArguments:inSuperclass:.";
            113 Control quit "primitiveQuit" [0, 1] 1 "SmalltalkImage exit:.";
            114 Mark exit_to_debugger "primitiveFail" [0] 0 "SmalltalkImage exitToDebugger.";
            116 Control flush_cache_of_method "primitiveFlushCacheByMethod" [1] 0 "CompiledMethod flushCache.";
            117 Control external_call "primitiveExternalCall" [0] 0 "A primitive by module and name.";
            118 Control do_primitive "primitiveDoPrimitiveWithArgs" [1, 1, 2] 0 "ProtoObject tryPrimitive:withArgs:.";
            119 Control flush_cache_of_selector "primitiveFlushCacheBySelector" [1] 0 "Symbol flushCache.";
            128 Control become_exchange "primitiveArrayBecome" [2, 2] 0 "Array elementsExchangeIdentityWith:.";
            130 Control collect_fully "primitiveFullGC" [0] 0 "SmalltalkImage garbageCollect.";
            131 Control collect_young "primitiveIncrementalGC" [0] 0 "SmalltalkImage garbageCollectMost.";
            136 Control signal_at_milliseconds "primitiveSignalAtMilliseconds" [0, 1, 1] 0 "Signal a semaphore at a millisecond clock value.";
            148 Control clone_object "primitiveClone" [1] 0 "Object shallowCopy.";
            167 Control yield_processor "primitiveYield" [0] 0 "ProcessorScheduler yield.";
            172 Control fetch_mourner "primitiveFetchNextMourner" [0] 0 "FinalizationProcess primitiveFetchMourner.";
            173 Control slot_at "primitiveSlotAt" [1, 1] 0 "Object instVarAt:.";
            174 Control slot_at_put "primitiveSlotAtPut" [1, 1, 0] 0 "Object instVarAt:put:.";
            185 Control exit_section "primitiveExitCriticalSection" [1] 0 "Mutex primitiveExitCriticalSection, of Squeak and Cuis.";
            186 Control enter_section "primitiveEnterCriticalSection" [1, 1] 1 "Mutex primitiveEnterCriticalSection, also OnBehalfOf:.";
            187 Control try_section "primitiveTestAndSetOwnershipOfCriticalSection" [1, 1] 1 "Mutex primitiveTestAndSetOwnershipOfCriticalSection.";
            188 Control execute_method "primitiveExecuteMethodArgsArray" [1, 1, 1] 0 "ProtoObject withArgs:executeMethod:.";
            195 Control find_next_unwind_context "primitiveFindNextUnwindContext" [1, 1] 0 "Context findNextUnwindContextUpTo:.";
            196 Control terminate_to "primitiveTerminateTo" [1, 1] 0 "Context terminateTo:.";
            197 Control find_handler_context "primitiveFindHandlerContext" [1] 0 "Context findNextHandlerOrSignalingContext.";
            198 Mark unwind_mark "primitiveMarkUnwindMethod" [0, 0] 1 "The mark of ensure: and ifCurtailed:.";
            199 Mark handler_mark "primitiveMarkHandlerMethod" [0, 0, 0] 2 "The mark of on:do:.";
            201 Control closure_value "primitiveClosureValue" [1] 0 "BlockClosure value, of Squeak and Cuis.";
            202 Control closure_value "primitiveClosureValue" [1, 0] 0 "BlockClosure value:.";
            203 Control closure_value "primitiveClosureValue" [1, 0, 0] 0 "BlockClosure value:value:.";
            204 Control closure_value "primitiveClosureValue" [1, 0, 0, 0] 0 "BlockClosure value:value:value:.";
            205 Control closure_value "primitiveClosureValue" [1, 0, 0, 0, 0] 0 "BlockClosure value:value:value:value:.";
            206 Control closure_value_with_arguments "primitiveClosureValueWithArgs" [1, 1] 0 "BlockClosure valueWithArguments:, of Squeak and Cuis.";
            207 Control closure_value "primitiveFullClosureValue" [1, 0, 0, 0, 0] 4 "BlockClosure value with up to four arguments.";
            208 Control closure_value_with_arguments "primitiveFullClosureValueWithArgs" [1, 1] 0 "BlockClosure valueWithArguments:.";
            209 Control closure_value_no_switch "primitiveFullClosureValueNoContextSwitch" [1, 0, 0, 0, 0] 4 "BlockClosure valueNoContextSwitch.";
            210 Control context_at "primitiveContextAt" [1, 1] 0 "Context tempAt:.";
            211 Control context_at_put "primitiveContextAtPut" [1, 1, 0] 0 "Context tempAt:put:.";
            212 Control context_size "primitiveContextSize" [1] 0 "Context size.";
            214 Control void_vm_state "primitiveVoidVMState" [0] 0 "VirtualMachine voidCogVMState.";
            215 Control void_state_of_method "primitiveFlushCacheByMethod" [1] 0 "CompiledCode voidCogVMState.";
            218 Control do_named_primitive "primitiveDoNamedPrimitiveWithArgs" [1, 1, 1, 2] 0 "Context tryNamedPrimitiveIn:for:withArgs:.";
            221 Control closure_value_no_switch "primitiveClosureValueNoContextSwitch" [1] 0 "BlockClosure valueNoContextSwitch, of Squeak and Cuis.";
            222 Control closure_value_no_switch "primitiveClosureValueNoContextSwitch" [1, 0] 0 "BlockClosure valueNoContextSwitch:.";
            230 Control relinquish_processor "primitiveRelinquishProcessor" [0, 1] 0 "What the idle process does.";
            242 Control signal_at_microseconds "primitiveSignalAtUTCMicroseconds" [0, 1, 1] 0 "Signal a semaphore at UTC microseconds.";
            249 Control become_forward_copying_hash "primitiveArrayBecomeOneWayCopyHash" [2, 2, 0] 0 "Array elementsForwardIdentityTo:copyHash:.";
            568 Control suspend_backing_up "primitiveSuspendBackingUpV1" [1] 0 "Process suspend, of Squeak: it waits again when it goes on.";
            578 Control suspend_backing_up_quietly "primitiveSuspendBackingUpV2" [1] 0 "The same; nil where the process waited.";
        }
    };
}

macro_rules! value_rows {
    ($($number:literal $family:ident :: $function:ident $name:literal
       [$($depth:literal),*] $optional:literal $doc:literal;)*) => {
        &[$(NumberedPrimitive {
            number: $number,
            name: $name,
            kind: Kind::Value,
            operands: &[$($depth),*],
            optional: $optional,
            doc: $doc,
        }),*]
    };
}

macro_rules! control_rows {
    ($($number:literal $kind:ident $function:ident $name:literal
       [$($depth:literal),*] $optional:literal $doc:literal;)*) => {
        &[$(NumberedPrimitive {
            number: $number,
            name: $name,
            kind: Kind::$kind,
            operands: &[$($depth),*],
            optional: $optional,
            doc: $doc,
        }),*]
    };
}

/// All value primitives, by number.
pub const VALUE_PRIMITIVES: &[NumberedPrimitive] = for_each_value_primitive!(value_rows);

/// All control primitives and marks, by number.
pub const CONTROL_PRIMITIVES: &[NumberedPrimitive] = for_each_control_primitive!(control_rows);

/// The row of a number; `None` for unknown ones and for the quick ones.
pub fn numbered(number: u16) -> Option<&'static NumberedPrimitive> {
    [VALUE_PRIMITIVES, CONTROL_PRIMITIVES]
        .into_iter()
        .find_map(|rows| {
            let position = rows.binary_search_by_key(&number, |row| row.number).ok()?;
            Some(&rows[position])
        })
}

/// The first row with Pharo's `name`.
pub fn numbered_by_name(name: &str) -> Option<&'static NumberedPrimitive> {
    VALUE_PRIMITIVES
        .iter()
        .chain(CONTROL_PRIMITIVES)
        .find(|row| row.name == name)
}

/// Whether the number runs a closure with the arguments of the send.
pub const fn is_block_value(number: u16) -> bool {
    matches!(number, 207 | 209)
}

/// Whether code may call this number at all: what the verifier asks.
pub fn is_known(number: u16) -> bool {
    QuickReturn::from_number(number).is_some() || numbered(number).is_some()
}

/// What a number is to an interpreter.
pub fn kind_of(number: u16) -> Option<Kind> {
    if QuickReturn::from_number(number).is_some() {
        return Some(Kind::Quick);
    }
    numbered(number).map(|row| row.kind)
}

/// What a quick primitive answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QuickReturn {
    /// The receiver (256).
    Receiver,
    /// true (257).
    True,
    /// false (258).
    False,
    /// nil (259).
    Nil,
    /// -1, 0, 1 or 2 (260-263).
    Integer(i32),
    /// The instance variable of this index, from 0 (264-519).
    Field(u8),
}

impl QuickReturn {
    /// What the number of a quick primitive stands for; `None` for all others.
    pub const fn from_number(number: u16) -> Option<QuickReturn> {
        match number {
            256 => Some(QuickReturn::Receiver),
            257 => Some(QuickReturn::True),
            258 => Some(QuickReturn::False),
            259 => Some(QuickReturn::Nil),
            260..=263 => Some(QuickReturn::Integer(number as i32 - 261)),
            264..=519 => Some(QuickReturn::Field((number - 264) as u8)),
            _ => None,
        }
    }

    /// The number of the quick primitive; integers are clamped to -1..=2.
    pub const fn number(self) -> u16 {
        match self {
            QuickReturn::Receiver => 256,
            QuickReturn::True => 257,
            QuickReturn::False => 258,
            QuickReturn::Nil => 259,
            QuickReturn::Integer(..=-1) => 260,
            QuickReturn::Integer(0) => 261,
            QuickReturn::Integer(1) => 262,
            QuickReturn::Integer(_) => 263,
            QuickReturn::Field(index) => 264 + index as u16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_return_and_its_number_are_one() {
        for number in 0..1000 {
            let quick = QuickReturn::from_number(number);
            assert!(
                quick.is_none_or(|quick| quick.number() == number),
                "{number}"
            );
        }
    }

    #[test]
    fn rows_are_sorted_and_no_number_stands_twice() {
        for rows in [VALUE_PRIMITIVES, CONTROL_PRIMITIVES] {
            for pair in rows.windows(2) {
                assert!(pair[0].number < pair[1].number, "{}", pair[1].number);
            }
        }
        for row in VALUE_PRIMITIVES {
            let clash = CONTROL_PRIMITIVES
                .iter()
                .any(|other| other.number == row.number);
            assert!(!clash, "{}", row.number);
        }
    }

    #[test]
    fn optional_arguments_are_fewer_than_operands_and_depths_at_most_two() {
        for row in VALUE_PRIMITIVES.iter().chain(CONTROL_PRIMITIVES) {
            assert!(row.operands.len() > row.optional as usize, "{}", row.number);
            assert!(row.operands.iter().all(|&depth| depth <= SLOTS));
        }
    }

    #[test]
    fn lookup_finds_by_number_and_by_name() {
        assert_eq!(numbered(60).map(|row| row.name), Some("primitiveAt"));
        assert_eq!(numbered(83).map(|row| row.kind), Some(Kind::Control));
        assert_eq!(
            numbered_by_name("primitiveStringReplace").map(|row| row.number),
            Some(105)
        );
        assert_eq!(numbered(0), None);
        assert_eq!(numbered(1023), None);
    }

    #[test]
    fn quick_primitives_are_known_and_have_no_row() {
        assert_eq!(
            QuickReturn::from_number(260),
            Some(QuickReturn::Integer(-1))
        );
        assert_eq!(QuickReturn::from_number(264), Some(QuickReturn::Field(0)));
        assert_eq!(kind_of(519), Some(Kind::Quick));
        assert_eq!(kind_of(520), None);
        for number in 256..520 {
            assert!(is_known(number));
            assert_eq!(numbered(number), None);
        }
    }

    #[test]
    fn a_mirror_takes_one_argument_more() {
        let at = numbered(60).expect("at: is there");
        assert!(at.takes(1));
        assert!(at.takes(2));
        assert!(at.is_mirror(2));
        assert!(!at.takes(0));
        assert!(!at.takes(3));
    }
}
