//! The rules by name, and what a broken one says.

use std::fmt;

use imprint_model::InstanceSpec;
use thiserror::Error;

use crate::bytecode::DecodeError;
use crate::draft::Name;

/// A draft that must not be installed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{title} is not sound{place}: {rule}")]
pub struct Rejection {
    /// Which draft, as [`crate::draft::Draft`]'s text says it.
    pub title: String,
    /// Where in it.
    pub place: Place,
    /// What is wrong.
    pub rule: Rule,
}

/// Where in a draft.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The draft as a whole.
    Draft,
    /// An object that travels with it.
    Local(usize),
    /// Code as a whole: of the method, or of the block that is this local object.
    Code(Option<usize>),
    /// An instruction in that code: byte offset from its first bytecode.
    Pc(Option<usize>, usize),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Draft | Place::Code(None) => Ok(()),
            Place::Local(index) => write!(formatter, " in its object {index}"),
            Place::Code(Some(index)) => write!(formatter, " in its block {index}"),
            Place::Pc(None, pc) => write!(formatter, " at pc {pc}"),
            Place::Pc(Some(index), pc) => write!(formatter, " at pc {pc} of its block {index}"),
        }
    }
}

/// What a sound draft never does.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Rule {
    // --- drafts as such
    /// A name is empty or holds blanks.
    #[error("`{name}` is no {what} name")]
    Name {
        /// What it should name.
        what: &'static str,
        /// The text.
        name: Name,
    },
    /// A name stands twice in a list of unique ones.
    #[error("the {what} `{name}` is there twice")]
    Duplicate {
        /// What it names.
        what: &'static str,
        /// The text.
        name: Name,
    },
    /// A class that inherits from itself.
    #[error("it is its own superclass")]
    OwnSuperclass,
    /// The class side of another class.
    #[error("it brings the class side of {0}")]
    OtherClassSide(Name),
    /// No class describes its instances so.
    #[error("no instances have spec {} with {} fields", .0.spec, .0.fixed_fields)]
    InstanceSpec(InstanceSpec),
    /// More variables than fields.
    #[error("it has {fields} fields for {variables} variables of its own")]
    FieldCount {
        /// Fields, inherited ones included.
        fields: u16,
        /// Variables.
        variables: usize,
    },
    /// The root of an object draft is nothing that can be found or made.
    #[error("its root can neither be found nor made")]
    Root,
    // --- locals
    /// A reference to a local object that is not there.
    #[error("there is no object {0} in it")]
    LocalIndex(u32),
    /// The draft is no method, but refers to itself as one.
    #[error("it refers to its own method and is none")]
    OwnMethod,
    /// The class of a local object is no class.
    #[error("the class of an object that travels along is none")]
    LocalClass,
    /// Format and contents do not fit together.
    #[error("no such contents have format {0}")]
    LocalFormat(u8),
    // --- code as such
    /// The header counts other literals than there are.
    #[error("the header counts {header} literals, there are {present}")]
    LiteralCount {
        /// As the header says.
        header: u16,
        /// In the draft.
        present: usize,
    },
    /// The last literals of a method are its selector (or properties) and its class binding.
    #[error("the last two literals of a method are its selector and the binding of its class")]
    MethodEnd,
    /// The last literal of a block is the code around it.
    #[error("the last literal of a block is the code around it")]
    BlockEnd,
    /// Arguments in the header, and in the selector or the closure that runs the code.
    #[error("the header says {header} arguments, there are {wanted}")]
    ArgumentCount {
        /// As the header says.
        header: u8,
        /// As whoever runs it says.
        wanted: usize,
    },
    /// Fewer temporaries than arguments and copied values.
    #[error("{temps} temporaries cannot hold {needed} arguments and copied values")]
    TempCount {
        /// As the header says.
        temps: u8,
        /// Arguments and copied values.
        needed: usize,
    },
    /// The header does not say of a primitive call what the code does.
    #[error("header and code do not agree whether there is a primitive")]
    PrimitiveFlag,
    // --- instructions
    /// Bytes that are no instruction.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A bytecode that means nothing.
    #[error("bytecode {0} means nothing")]
    Unassigned(u8),
    /// A literal that is not there.
    #[error("there is no literal {0}")]
    LiteralIndex(u16),
    /// A literal of another kind.
    #[error("literal {index} is not {wanted}")]
    LiteralKind {
        /// Which.
        index: u16,
        /// What it should be.
        wanted: &'static str,
    },
    /// A send whose number of arguments is not that of its selector.
    #[error("#{selector} is sent with {arguments} arguments")]
    SendArguments {
        /// The selector.
        selector: Name,
        /// As the instruction says.
        arguments: u8,
    },
    /// A temporary that is not there.
    #[error("there is no temporary {0}")]
    TempIndex(u8),
    /// A temporary that does not surely hold a vector with that slot.
    #[error("temporary {vector} does not surely hold a vector with slot {index}")]
    Vector {
        /// The temporary.
        vector: u8,
        /// The slot.
        index: u8,
    },
    /// An instance variable that the class does not have.
    #[error("there is no instance variable {0}")]
    Field(u16),
    /// A primitive call that is not the first instruction of a method.
    #[error("a primitive is called inside the code")]
    PrimitivePlace,
    /// A primitive number beyond the table of every machine.
    #[error("there is no primitive {0}")]
    PrimitiveNumber(u16),
    /// The first literal does not say module and name of a named primitive.
    #[error("the first literal does not name the primitive")]
    PrimitiveName,
    /// A return to the caller of a block, in a method.
    #[error("a method returns as a block")]
    BlockReturn,
    // --- flow
    /// An operand is taken from an empty stack.
    #[error("the stack holds {present} operands, {wanted} are taken")]
    Underflow {
        /// Operands there.
        present: usize,
        /// Operands taken.
        wanted: usize,
    },
    /// More operands than the frame holds.
    #[error("the operands outgrow the frame")]
    Overflow,
    /// Two paths meet with different numbers of operands.
    #[error("paths meet here with {one} and {other} operands")]
    Depth {
        /// By one path.
        one: usize,
        /// By another.
        other: usize,
    },
    /// A jump out of the code or into an instruction.
    #[error("it jumps to {0}, where no instruction begins")]
    Target(i64),
    /// The code goes on behind its last instruction.
    #[error("the code goes on behind its end")]
    FallsOff,
}
