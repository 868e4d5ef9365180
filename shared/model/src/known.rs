//! Known objects: the special objects array, by name.
//!
//! What a virtual machine must find without looking it up stands in this one array of the image.
//! Positions are Pharo's (0-based here).

macro_rules! known_objects {
    ($($(#[$doc:meta])* $name:ident = $index:literal, $text:literal;)*) => {
        /// A position in the special objects array that our virtual machine uses.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Known {
            $($(#[$doc])* $name = $index,)*
        }

        impl Known {
            /// All of them, by position.
            pub const ALL: &'static [Known] = &[$(Known::$name),*];

            /// What stands there: the name of a class or global, `#selector`, or a description.
            pub const fn text(self) -> &'static str {
                match self { $(Known::$name => $text,)* }
            }

            /// The known object at a 0-based position, where we use one.
            pub const fn from_index(index: usize) -> Option<Known> {
                match index { $($index => Some(Known::$name),)* _ => None }
            }
        }
    };
}

known_objects! {
    /// nil.
    Nil = 0, "nil";
    /// false.
    False = 1, "false";
    /// true.
    True = 2, "true";
    /// The binding of `Processor`.
    SchedulerBinding = 3, "Processor";
    /// Class Bitmap.
    Bitmap = 4, "Bitmap";
    /// Class SmallInteger.
    SmallInteger = 5, "SmallInteger";
    /// Class ByteString.
    ByteString = 6, "ByteString";
    /// Class Array.
    Array = 7, "Array";
    /// The object `Smalltalk`.
    Smalltalk = 8, "Smalltalk";
    /// Class BoxedFloat64.
    BoxedFloat = 9, "BoxedFloat64";
    /// Class Context.
    Context = 10, "Context";
    /// Class Point.
    Point = 12, "Point";
    /// Class LargePositiveInteger.
    LargePositive = 13, "LargePositiveInteger";
    /// The form that is the screen, or nil.
    Display = 14, "the display";
    /// Class Message.
    Message = 15, "Message";
    /// The semaphore of low space, or nil.
    LowSpaceSemaphore = 17, "the low space semaphore";
    /// Class Semaphore.
    Semaphore = 18, "Semaphore";
    /// Class Character.
    Character = 19, "Character";
    /// Sent where nothing understands.
    DoesNotUnderstand = 20, "#doesNotUnderstand:";
    /// Sent where a return has nowhere to go.
    CannotReturn = 21, "#cannotReturn:";
    /// The process that ran low on space.
    LowSpaceProcess = 22, "the low space process";
    /// 32 pairs of selector and number of arguments.
    SpecialSelectors = 23, "the special selectors";
    /// Sent where a condition is no Boolean.
    MustBeBoolean = 25, "#mustBeBoolean";
    /// Class ByteArray.
    ByteArray = 26, "ByteArray";
    /// The semaphore of the timer.
    TimerSemaphore = 29, "the timer semaphore";
    /// The semaphore of the user's interrupt.
    InterruptSemaphore = 30, "the interrupt semaphore";
    /// Class Float32Array.
    Float32Array = 31, "Float32Array";
    /// Class Float64Array.
    Float64Array = 32, "Float64Array";
    /// Sent where a class has no method dictionary.
    CannotInterpret = 34, "#cannotInterpret:";
    /// Semaphores by external index.
    ExternalObjects = 38, "the external objects";
    /// Class ProcessList.
    ProcessList = 40, "ProcessList";
    /// The semaphore of finalisation.
    FinalizationSemaphore = 41, "the finalisation semaphore";
    /// Class LargeNegativeInteger.
    LargeNegative = 42, "LargeNegativeInteger";
    /// Class ExternalAddress.
    ExternalAddress = 43, "ExternalAddress";
    /// Sent where a non-local return crosses an unwind block.
    AboutToReturn = 48, "#aboutToReturn:through:";
    /// Sent to an object in a method dictionary that is no method.
    RunWithIn = 49, "#run:with:in:";
    /// Sent where a read-only object is stored into.
    AttemptToAssign = 50, "#attemptToAssign:withIndex:";
    /// Symbols by primitive failure code.
    PrimitiveErrors = 51, "the primitive error table";
    /// The process of callbacks.
    CallbackProcess = 56, "the callback process";
    /// Sent where a bytecode is not assigned.
    UnusedBytecode = 57, "#unusedBytecode";
    /// Sent where a counter trips.
    CounterTripped = 58, "#conditionalBranchCounterTrippedOn:";
    /// Sent where a class trap is hit.
    ClassTrap = 59, "#classTrapFor:";
}

/// Length of the special objects array.
pub const KNOWN_COUNT: usize = 60;

impl Known {
    /// Where a virtual machine looks for the class of this name; `None` where it does not.
    pub fn of_class(name: &str) -> Option<Known> {
        let mut classes = Known::ALL.iter().filter(|known| {
            // These are found by name too, and are no classes.
            !matches!(known, Known::Smalltalk | Known::SchedulerBinding)
        });
        classes.find(|known| known.text() == name).copied()
    }

    /// Its 0-based position in the special objects array.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Failure codes of primitives, as positions in the table of [`Known::PrimitiveErrors`] (1-based;
/// 1 means failed for no named reason).
pub const PRIMITIVE_ERRORS: &[Option<&str>] = &[
    None,
    Some("bad receiver"),
    Some("bad argument"),
    Some("bad index"),
    Some("bad number of arguments"),
    Some("inappropriate operation"),
    Some("unsupported operation"),
    Some("no modification"),
    Some("insufficient object memory"),
    Some("insufficient C memory"),
    Some("not found"),
    Some("bad method"),
    Some("internal error in named primitive machinery"),
    Some("object may move"),
    Some("resource limit exceeded"),
    Some("object is pinned"),
    Some("primitive write beyond end of object"),
    Some("object moved"),
    Some("object not pinned"),
    Some("callback error"),
];
