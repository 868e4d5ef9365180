//! The bytecodes of Sista V1: one table, and the instruction it decodes to.
//!
//! A row of [`SHAPES`] says which opcodes, which operands follow, and whether the prefixes ExtA
//! and ExtB count. Decoder, encoder and disassembler read it through [`Instruction`], the one
//! enum of what an instruction means once prefixes and ranges are resolved.
//!
//! ```text
//! [224 a]* [225 b]*  opcode  operand bytes        ExtA = ExtA * 256 + a,  ExtB likewise, signed
//! ```
//!
//! Source: Pharo's EncoderForSistaV1 and VMMaker's `initializeBytecodeTableForSistaV1`.

use crate::v3_plus_closures;
use imprint_model::BytecodeSet;

/// One instruction, prefixes and ranges resolved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Instruction {
    /// Push instance variable n of the receiver; `long` where the form 226 was used, which also
    /// serves contexts.
    PushReceiverVariable {
        /// 0-based instance variable.
        index: u16,
        /// The form that may meet a context.
        long: bool,
    },
    /// Push the value of the binding in literal n.
    PushLiteralVariable(u16),
    /// Push literal n.
    PushLiteral(u16),
    /// Push temporary n.
    PushTemp(u8),
    /// Push self.
    PushReceiver,
    /// Push true.
    PushTrue,
    /// Push false.
    PushFalse,
    /// Push nil.
    PushNil,
    /// Push the SmallInteger.
    PushInteger(i32),
    /// Push the Character.
    PushCharacter(u32),
    /// Push the active context.
    PushThisContext,
    /// Push the active process.
    PushThisProcess,
    /// Push the top once more.
    Dup,
    /// Return self.
    ReturnReceiver,
    /// Return true (from a block: non-local).
    ReturnTrue,
    /// Return false.
    ReturnFalse,
    /// Return nil.
    ReturnNil,
    /// Return the top; in a block a non-local return from its home.
    ReturnTop,
    /// Return nil from the block to its caller.
    BlockReturnNil,
    /// Return the top from the block to its caller.
    BlockReturnTop,
    /// Do nothing.
    Nop,
    /// Send special selector n (0-31).
    SendSpecial(u8),
    /// Send the selector in literal n.
    Send {
        /// Literal with the selector.
        literal: u16,
        /// Number of arguments.
        arguments: u8,
    },
    /// Send to super: lookup above the class in the last literal, or above the class on the
    /// stack's top (directed).
    SendSuper {
        /// Literal with the selector.
        literal: u16,
        /// Number of arguments.
        arguments: u8,
        /// Whether the class is on the stack's top.
        directed: bool,
    },
    /// Go on at an offset from the next instruction.
    Jump(i32),
    /// Pop; go on at an offset from the next instruction if the value was true.
    JumpTrue(i32),
    /// Pop; go on at an offset from the next instruction if the value was false.
    JumpFalse(i32),
    /// Pop into instance variable n.
    PopReceiverVariable {
        /// 0-based instance variable.
        index: u16,
        /// The form that may meet a context.
        long: bool,
    },
    /// Pop into the value of the binding in literal n.
    PopLiteralVariable(u16),
    /// Pop into temporary n.
    PopTemp(u8),
    /// Store the top into instance variable n.
    StoreReceiverVariable {
        /// 0-based instance variable.
        index: u16,
        /// The form that may meet a context.
        long: bool,
    },
    /// Store the top into the value of the binding in literal n.
    StoreLiteralVariable(u16),
    /// Store the top into temporary n.
    StoreTemp(u8),
    /// Drop the top.
    Pop,
    /// Push a new Array of n nils.
    PushNewArray(u8),
    /// Pop n elements into a new Array and push that.
    PopIntoArray(u8),
    /// Call primitive n; only as the first instruction of a method.
    CallPrimitive(u16),
    /// Push a full block closure on the compiled block in literal n.
    PushClosure {
        /// Literal with the compiled block.
        literal: u16,
        /// Number of copied values, popped.
        copied: u8,
        /// Whether the receiver is on the stack (below the copied values).
        receiver_on_stack: bool,
        /// Whether the outer context is left out.
        no_outer: bool,
    },
    /// Push a closure on the `size` bytes that follow, and go on behind them (V3PlusClosures).
    PushBlock {
        /// Number of copied values, popped.
        copied: u8,
        /// Number of arguments of the block.
        arguments: u8,
        /// Bytes of the block.
        size: u16,
    },
    /// Push slot `index` of the temp vector in temporary `vector`.
    PushRemoteTemp {
        /// Slot in the vector.
        index: u8,
        /// Temporary that holds the vector.
        vector: u8,
    },
    /// Store the top there.
    StoreRemoteTemp {
        /// Slot in the vector.
        index: u8,
        /// Temporary that holds the vector.
        vector: u8,
    },
    /// Pop into there.
    PopRemoteTemp {
        /// Slot in the vector.
        index: u8,
        /// Temporary that holds the vector.
        vector: u8,
    },
    /// An opcode that Sista V1 does not assign or that no compiler emits: the image is sent
    /// `unusedBytecode`.
    Unused(u8),
}

/// The opcode of the prefix that extends the first operand.
pub const EXTEND_A: u8 = 224;
/// The opcode of the prefix that extends the second operand.
pub const EXTEND_B: u8 = 225;
/// The opcode of a primitive call.
pub const CALL_PRIMITIVE: u8 = 248;
/// The opcode that stores a primitive's error into a temporary when it follows
/// [`CALL_PRIMITIVE`] (the long form of "store temp").
pub const STORE_ERROR_CODE: u8 = 245;

/// The opcode of a primitive call, in each set.
pub const fn primitive_call(set: BytecodeSet) -> u8 {
    match set {
        BytecodeSet::SistaV1 => CALL_PRIMITIVE,
        BytecodeSet::V3PlusClosures => v3_plus_closures::CALL_PRIMITIVE,
    }
}

/// An instruction with its extent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decoded {
    /// The instruction.
    pub instruction: Instruction,
    /// Bytes it takes, prefixes included.
    pub length: usize,
}

/// Why bytes are no instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// The code ends inside an instruction.
    #[error("the code ends inside the instruction at {0}")]
    Truncated(usize),
    /// An operand is greater than any use of it.
    #[error("the operand of the instruction at {0} is out of range")]
    Operand(usize),
}

/// Decodes the instruction at `at`, of either set.
///
/// # Errors
/// As [`decode`].
pub fn decode_in(set: BytecodeSet, code: &[u8], at: usize) -> Result<Decoded, DecodeError> {
    match set {
        BytecodeSet::SistaV1 => decode(code, at),
        BytecodeSet::V3PlusClosures => v3_plus_closures::decode(code, at),
    }
}

/// Where the instructions of a method end whose bytes go on with what says where its text is: behind
/// the first return, or jump backwards, that no jump before it reaches beyond. All bytes, where they
/// are no instructions.
pub fn code_end(set: BytecodeSet, bytes: &[u8]) -> usize {
    let mut next = 0;
    let mut furthest = 0;
    while let Ok(decoded) = decode_in(set, bytes, next) {
        next += decoded.length;
        let target = |distance: i32| next.saturating_add_signed(distance as isize);
        let is_end = match decoded.instruction {
            Instruction::Jump(distance) => {
                furthest = furthest.max(target(distance));
                distance < 0
            }
            Instruction::JumpTrue(distance) | Instruction::JumpFalse(distance) => {
                furthest = furthest.max(target(distance));
                false
            }
            Instruction::PushBlock { size, .. } => {
                furthest = furthest.max(next + usize::from(size));
                false
            }
            instruction => instruction.is_return(),
        };
        if is_end && furthest < next {
            return next;
        }
    }
    bytes.len()
}

impl Instruction {
    /// Whether the activation ends with it.
    pub const fn is_return(self) -> bool {
        matches!(
            self,
            Instruction::ReturnReceiver
                | Instruction::ReturnTrue
                | Instruction::ReturnFalse
                | Instruction::ReturnNil
                | Instruction::ReturnTop
                | Instruction::BlockReturnNil
                | Instruction::BlockReturnTop
        )
    }
}

/// Bytes that follow an opcode.
pub const fn operand_count(opcode: u8) -> usize {
    match opcode {
        248..=253 => 2,
        224..=247 => 1,
        _ => 0,
    }
}

/// Decodes the instruction at `start`, prefixes included.
///
/// # Errors
/// Where the code ends within it, or an extended operand exceeds what any instruction can use.
pub fn decode(code: &[u8], start: usize) -> Result<Decoded, DecodeError> {
    let mut at = start;
    let mut extend_a: u32 = 0;
    let mut extend_b: i32 = 0;
    let mut prefixes_b = 0;
    loop {
        let opcode = *code.get(at).ok_or(DecodeError::Truncated(start))?;
        let operands = operand_count(opcode);
        let bytes = code
            .get(at + 1..at + 1 + operands)
            .ok_or(DecodeError::Truncated(start))?;
        at += 1 + operands;
        match opcode {
            EXTEND_A => extend_a = extend(extend_a, bytes[0]).ok_or(DecodeError::Operand(start))?,
            EXTEND_B if prefixes_b == 0 => {
                prefixes_b = 1;
                extend_b = i32::from(bytes[0].cast_signed());
            }
            EXTEND_B => {
                prefixes_b += 1;
                extend_b = extend_b
                    .checked_mul(256)
                    .ok_or(DecodeError::Operand(start))?
                    + i32::from(bytes[0]);
            }
            _ => {
                let operands = Operands {
                    extend_a,
                    extend_b,
                    bytes,
                };
                let instruction = operands
                    .instruction(opcode)
                    .ok_or(DecodeError::Operand(start))?;
                return Ok(Decoded {
                    instruction,
                    length: at - start,
                });
            }
        }
    }
}

fn extend(so_far: u32, byte: u8) -> Option<u32> {
    so_far.checked_mul(256)?.checked_add(u32::from(byte))
}

/// What an opcode has to work on.
struct Operands<'a> {
    extend_a: u32,
    extend_b: i32,
    bytes: &'a [u8],
}

impl Operands<'_> {
    fn instruction(&self, opcode: u8) -> Option<Instruction> {
        Some(match opcode {
            0..=15 => Instruction::PushReceiverVariable {
                index: u16::from(opcode),
                long: false,
            },
            16..=31 => Instruction::PushLiteralVariable(u16::from(opcode - 16)),
            32..=63 => Instruction::PushLiteral(u16::from(opcode - 32)),
            64..=75 => Instruction::PushTemp(opcode - 64),
            76..=95 => self.constant_or_return(opcode),
            96..=127 => Instruction::SendSpecial(opcode - 96),
            128..=175 => Instruction::Send {
                literal: u16::from(opcode & 15),
                arguments: (opcode - 128) / 16,
            },
            176..=183 => Instruction::Jump(i32::from(opcode - 176) + 1),
            184..=191 => Instruction::JumpTrue(i32::from(opcode - 184) + 1),
            192..=199 => Instruction::JumpFalse(i32::from(opcode - 192) + 1),
            200..=207 => Instruction::PopReceiverVariable {
                index: u16::from(opcode - 200),
                long: false,
            },
            208..=215 => Instruction::PopTemp(opcode - 208),
            216 => Instruction::Pop,
            226..=247 => return self.two_byte(opcode),
            248..=253 => return self.three_byte(opcode),
            _ => Instruction::Unused(opcode),
        })
    }

    fn constant_or_return(&self, opcode: u8) -> Instruction {
        match opcode {
            76 => Instruction::PushReceiver,
            77 => Instruction::PushTrue,
            78 => Instruction::PushFalse,
            79 => Instruction::PushNil,
            80 => Instruction::PushInteger(0),
            81 => Instruction::PushInteger(1),
            82 if self.extend_b == 1 => Instruction::PushThisProcess,
            82 => Instruction::PushThisContext,
            83 => Instruction::Dup,
            88 => Instruction::ReturnReceiver,
            89 => Instruction::ReturnTrue,
            90 => Instruction::ReturnFalse,
            91 => Instruction::ReturnNil,
            92 => Instruction::ReturnTop,
            93 => Instruction::BlockReturnNil,
            94 => Instruction::BlockReturnTop,
            95 => Instruction::Nop,
            _ => Instruction::Unused(opcode),
        }
    }

    fn two_byte(&self, opcode: u8) -> Option<Instruction> {
        let byte = self.bytes[0];
        let index = || self.index(byte);
        Some(match opcode {
            226 => Instruction::PushReceiverVariable {
                index: index()?,
                long: true,
            },
            227 => Instruction::PushLiteralVariable(index()?),
            228 => Instruction::PushLiteral(index()?),
            229 => Instruction::PushTemp(byte),
            231 if byte < 128 => Instruction::PushNewArray(byte),
            231 => Instruction::PopIntoArray(byte - 128),
            232 => Instruction::PushInteger(self.signed(byte)?),
            233 => Instruction::PushCharacter(u32::try_from(self.signed(byte)?).ok()?),
            234 => Instruction::Send {
                literal: self.literal(byte)?,
                arguments: self.arguments(byte)?,
            },
            235 => return self.super_send(byte),
            237 => Instruction::Jump(self.signed(byte)?),
            238 => Instruction::JumpTrue(self.signed(byte)?),
            239 => Instruction::JumpFalse(self.signed(byte)?),
            240 => Instruction::PopReceiverVariable {
                index: index()?,
                long: true,
            },
            241 => Instruction::PopLiteralVariable(index()?),
            242 => Instruction::PopTemp(byte),
            243 => Instruction::StoreReceiverVariable {
                index: index()?,
                long: true,
            },
            244 => Instruction::StoreLiteralVariable(index()?),
            245 => Instruction::StoreTemp(byte),
            _ => Instruction::Unused(opcode),
        })
    }

    fn three_byte(&self, opcode: u8) -> Option<Instruction> {
        let (first, second) = (self.bytes[0], self.bytes[1]);
        Some(match opcode {
            CALL_PRIMITIVE if second < 128 => {
                Instruction::CallPrimitive(u16::from(first) | u16::from(second) << 8)
            }
            249 => Instruction::PushClosure {
                literal: self.index(first)?,
                copied: second & 63,
                receiver_on_stack: second & 128 != 0,
                no_outer: second & 64 != 0,
            },
            251 => Instruction::PushRemoteTemp {
                index: first,
                vector: second,
            },
            252 => Instruction::StoreRemoteTemp {
                index: first,
                vector: second,
            },
            253 => Instruction::PopRemoteTemp {
                index: first,
                vector: second,
            },
            _ => Instruction::Unused(opcode),
        })
    }

    /// An index whose high bytes are in ExtA.
    fn index(&self, byte: u8) -> Option<u16> {
        u16::try_from(extend(self.extend_a, byte)?).ok()
    }

    /// A signed number whose high bytes are in ExtB.
    fn signed(&self, byte: u8) -> Option<i32> {
        self.extend_b.checked_mul(256)?.checked_add(i32::from(byte))
    }

    fn super_send(&self, byte: u8) -> Option<Instruction> {
        let directed = self.extend_b >= 64;
        let extend_b = if directed {
            self.extend_b - 64
        } else {
            self.extend_b
        };
        let plain = Operands {
            extend_a: self.extend_a,
            extend_b,
            bytes: self.bytes,
        };
        Some(Instruction::SendSuper {
            literal: plain.literal(byte)?,
            arguments: plain.arguments(byte)?,
            directed,
        })
    }

    fn literal(&self, byte: u8) -> Option<u16> {
        u16::try_from(
            self.extend_a
                .checked_mul(32)?
                .checked_add(u32::from(byte >> 3))?,
        )
        .ok()
    }

    fn arguments(&self, byte: u8) -> Option<u8> {
        let count = self
            .extend_b
            .checked_mul(8)?
            .checked_add(i32::from(byte & 7))?;
        u8::try_from(count).ok()
    }
}
