//! Why a primitive did not answer.
//!
//! Three kinds, never mixed: a code for the image (the method's Smalltalk body runs), space (the
//! driver collects, the primitive runs again), a miss (the driver fetches, it runs again).

use imprint_heap::NeedsSpace;
use imprint_isa::Miss;
use imprint_model::Oop;

/// A failure code, by its position in the image's table of primitive errors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PrimitiveError {
    /// No named reason.
    Generic,
    /// The receiver is not of the kind it needs.
    BadReceiver,
    /// An argument is not of the kind it needs.
    BadArgument,
    /// An index is out of bounds.
    BadIndex,
    /// The method has not the number of arguments it needs.
    BadNumberOfArguments,
    /// It makes no sense for this receiver.
    Inappropriate,
    /// This machine does not do it.
    Unsupported,
    /// The receiver is read-only.
    NoModification,
    /// Memory of objects is exhausted for good.
    NoMemory,
    /// Memory of the process is exhausted.
    NoHostMemory,
    /// What was looked for is not there.
    NotFound,
    /// A method is malformed.
    BadMethod,
    /// The call of a named primitive is malformed.
    BadNamedPrimitive,
    /// The object may move.
    MayMove,
    /// A limit is reached.
    LimitExceeded,
    /// The object is pinned.
    Pinned,
    /// A write beyond the end of an object.
    WriteBeyondEnd,
    /// An object to be stored for `error: ec` in place of a symbol of the table.
    Object(Oop),
}

impl PrimitiveError {
    /// The 1-based position in the table of primitive errors; `None` for an object.
    pub const fn code(self) -> Option<usize> {
        Some(match self {
            PrimitiveError::Generic => 1,
            PrimitiveError::BadReceiver => 2,
            PrimitiveError::BadArgument => 3,
            PrimitiveError::BadIndex => 4,
            PrimitiveError::BadNumberOfArguments => 5,
            PrimitiveError::Inappropriate => 6,
            PrimitiveError::Unsupported => 7,
            PrimitiveError::NoModification => 8,
            PrimitiveError::NoMemory => 9,
            PrimitiveError::NoHostMemory => 10,
            PrimitiveError::NotFound => 11,
            PrimitiveError::BadMethod => 12,
            PrimitiveError::BadNamedPrimitive => 13,
            PrimitiveError::MayMove => 14,
            PrimitiveError::LimitExceeded => 15,
            PrimitiveError::Pinned => 16,
            PrimitiveError::WriteBeyondEnd => 17,
            PrimitiveError::Object(_) => return None,
        })
    }
}

/// Why a primitive did not answer.
#[derive(Clone, PartialEq, Debug)]
pub enum Failure {
    /// It cannot be done: the image's own code decides what then.
    Code(PrimitiveError),
    /// Space is missing; after a collection it runs again.
    NeedsSpace(NeedsSpace),
    /// Something has not come yet; after it came, it runs again. Boxed: misses are rare, failures
    /// are passed around in hot code.
    Miss(Box<Miss>),
}

impl From<PrimitiveError> for Failure {
    fn from(error: PrimitiveError) -> Failure {
        Failure::Code(error)
    }
}

impl From<NeedsSpace> for Failure {
    fn from(space: NeedsSpace) -> Failure {
        Failure::NeedsSpace(space)
    }
}

impl From<Miss> for Failure {
    fn from(miss: Miss) -> Failure {
        Failure::Miss(Box::new(miss))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imprint_model::known::PRIMITIVE_ERRORS;

    #[test]
    fn codes_point_at_the_names_of_the_table() {
        let expected = [
            (PrimitiveError::BadReceiver, "bad receiver"),
            (PrimitiveError::NoModification, "no modification"),
            (PrimitiveError::NotFound, "not found"),
            (PrimitiveError::Pinned, "object is pinned"),
        ];
        for (error, name) in expected {
            let code = error.code().expect("it has a code");
            assert_eq!(PRIMITIVE_ERRORS[code - 1], Some(name));
        }
    }
}
