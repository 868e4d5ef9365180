//! The bytecodes of V3PlusClosures: one table, which decodes to the same [`Instruction`]s as that
//! of Sista V1.
//!
//! It is the set of the Blue Book with what closures added (138 to 143): no prefixes, blocks inside
//! the bytes of their method, a primitive call of three bytes in front of methods that have one.
//! Images of Squeak, Cuis and Pharo before full block closures hold it; the sign of a method's
//! header tells which set the method is in.
//!
//! ```text
//!   0 push field        16 push temp        32 push literal       64 push binding's value
//!  96 pop into field   104 pop into temp   112 self true false nil -1 0 1 2
//! 120 return self true false nil top, 125 top from block          128 push/store/pop by operand
//! 131 send by operand  132 doubly extended  133 super              134 send by operand (6 + 2 bits)
//! 135 pop dup thisContext  138 array  139 primitive  140 temp vectors  143 closure
//! 144 jump   152 if false   160 jump far   168 if true far  172 if false far
//! 176 special sends    208 send literal with 0, 1, 2 arguments
//! ```
//!
//! Source: VMMaker's `initializeBytecodeTableForSqueakV3PlusClosures`.

use crate::bytecode::{DecodeError, Decoded, Instruction};

/// The opcode of a primitive call.
pub const CALL_PRIMITIVE: u8 = 139;
/// The opcode of a store by operand; behind [`CALL_PRIMITIVE`], with an operand of 64 to 127, it
/// stores a primitive's error into a temporary.
pub const STORE: u8 = 129;
/// The opcode that makes a closure.
pub const PUSH_CLOSURE: u8 = 143;

/// Bytes that follow an opcode.
pub const fn operand_count(opcode: u8) -> usize {
    match opcode {
        PUSH_CLOSURE => 3,
        132 | 139..=142 => 2,
        128..=134 | 138 | 160..=175 => 1,
        _ => 0,
    }
}

/// Decodes the instruction at `start`.
///
/// # Errors
/// Where the code ends within it.
pub fn decode(code: &[u8], start: usize) -> Result<Decoded, DecodeError> {
    let truncated = DecodeError::Truncated(start);
    let opcode = *code.get(start).ok_or(truncated)?;
    let length = 1 + operand_count(opcode);
    let operands = code.get(start + 1..start + length).ok_or(truncated)?;
    let instruction = match operand_count(opcode) {
        0 => single(opcode),
        1 => with_byte(opcode, operands[0]),
        2 => with_two_bytes(opcode, operands[0], operands[1]),
        _ => Instruction::PushBlock {
            copied: operands[0] >> 4,
            arguments: operands[0] & 15,
            size: u16::from_be_bytes([operands[1], operands[2]]),
        },
    };
    Ok(Decoded {
        instruction,
        length,
    })
}

fn single(opcode: u8) -> Instruction {
    let wide = u16::from(opcode);
    match opcode {
        0..=15 => field(Access::Push, wide, false),
        16..=31 => Instruction::PushTemp(opcode - 16),
        32..=63 => Instruction::PushLiteral(wide - 32),
        64..=95 => Instruction::PushLiteralVariable(wide - 64),
        96..=103 => field(Access::Pop, wide - 96, false),
        104..=111 => Instruction::PopTemp(opcode - 104),
        112 => Instruction::PushReceiver,
        113 => Instruction::PushTrue,
        114 => Instruction::PushFalse,
        115 => Instruction::PushNil,
        116..=119 => Instruction::PushInteger(i32::from(opcode) - 117),
        120 => Instruction::ReturnReceiver,
        121 => Instruction::ReturnTrue,
        122 => Instruction::ReturnFalse,
        123 => Instruction::ReturnNil,
        124 => Instruction::ReturnTop,
        125 => Instruction::BlockReturnTop,
        135 => Instruction::Pop,
        136 => Instruction::Dup,
        137 => Instruction::PushThisContext,
        144..=151 => Instruction::Jump(i32::from(opcode) - 143),
        152..=159 => Instruction::JumpFalse(i32::from(opcode) - 151),
        176..=207 => Instruction::SendSpecial(opcode - 176),
        208..=255 => Instruction::Send {
            literal: wide & 15,
            arguments: (opcode - 208) / 16,
        },
        _ => Instruction::Unused(opcode),
    }
}

/// What is done with a variable.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Push,
    Store,
    Pop,
}

fn field(access: Access, index: u16, long: bool) -> Instruction {
    match access {
        Access::Push => Instruction::PushReceiverVariable { index, long },
        Access::Store => Instruction::StoreReceiverVariable { index, long },
        Access::Pop => Instruction::PopReceiverVariable { index, long },
    }
}

fn binding(access: Access, index: u16) -> Instruction {
    match access {
        Access::Push => Instruction::PushLiteralVariable(index),
        Access::Store => Instruction::StoreLiteralVariable(index),
        Access::Pop => Instruction::PopLiteralVariable(index),
    }
}

/// The variable, literal or temporary that the operand of 128 to 130 names.
fn by_operand(access: Access, opcode: u8, byte: u8) -> Instruction {
    let index = byte & 63;
    match (byte >> 6, access) {
        (0, _) => field(access, u16::from(index), true),
        (1, Access::Push) => Instruction::PushTemp(index),
        (1, Access::Store) => Instruction::StoreTemp(index),
        (1, Access::Pop) => Instruction::PopTemp(index),
        (2, Access::Push) => Instruction::PushLiteral(u16::from(index)),
        (2, _) => Instruction::Unused(opcode),
        _ => binding(access, u16::from(index)),
    }
}

const fn send(literal: u8, arguments: u8) -> Instruction {
    Instruction::Send {
        literal: literal as u16,
        arguments,
    }
}

const fn send_super(literal: u8, arguments: u8) -> Instruction {
    Instruction::SendSuper {
        literal: literal as u16,
        arguments,
        directed: false,
    }
}

fn with_byte(opcode: u8, byte: u8) -> Instruction {
    let far = i32::from(opcode & 3) * 256 + i32::from(byte);
    match opcode {
        128 => by_operand(Access::Push, opcode, byte),
        129 => by_operand(Access::Store, opcode, byte),
        130 => by_operand(Access::Pop, opcode, byte),
        131 => send(byte & 31, byte >> 5),
        133 => send_super(byte & 31, byte >> 5),
        134 => send(byte & 63, byte >> 6),
        138 if byte < 128 => Instruction::PushNewArray(byte),
        138 => Instruction::PopIntoArray(byte - 128),
        160..=167 => Instruction::Jump((i32::from(opcode & 7) - 4) * 256 + i32::from(byte)),
        168..=171 => Instruction::JumpTrue(far),
        _ => Instruction::JumpFalse(far),
    }
}

fn with_two_bytes(opcode: u8, first: u8, second: u8) -> Instruction {
    let (index, vector) = (first, second);
    match opcode {
        132 => doubly_extended(first, second),
        CALL_PRIMITIVE => Instruction::CallPrimitive(u16::from_le_bytes([first, second & 127])),
        140 => Instruction::PushRemoteTemp { index, vector },
        141 => Instruction::StoreRemoteTemp { index, vector },
        _ => Instruction::PopRemoteTemp { index, vector },
    }
}

fn doubly_extended(operation: u8, index: u8) -> Instruction {
    let (low, wide) = (operation & 31, u16::from(index));
    match operation >> 5 {
        0 => send(index, low),
        1 => send_super(index, low),
        2 => field(Access::Push, wide, true),
        3 => Instruction::PushLiteral(wide),
        4 => Instruction::PushLiteralVariable(wide),
        5 => field(Access::Store, wide, true),
        6 => field(Access::Pop, wide, true),
        _ => Instruction::StoreLiteralVariable(wide),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_those_of_the_public_table() {
        let table: &[(&[u8], Instruction)] = &[
            (&[0x0F], field(Access::Push, 15, false)),
            (&[0x1F], Instruction::PushTemp(15)),
            (&[0x3F], Instruction::PushLiteral(31)),
            (&[0x5F], Instruction::PushLiteralVariable(31)),
            (&[0x67], field(Access::Pop, 7, false)),
            (&[0x6F], Instruction::PopTemp(7)),
            (&[0x74], Instruction::PushInteger(-1)),
            (&[0x77], Instruction::PushInteger(2)),
            (&[0x7C], Instruction::ReturnTop),
            (&[0x7D], Instruction::BlockReturnTop),
            (&[0x7E], Instruction::Unused(126)),
            (&[0x80, 0x41], Instruction::PushTemp(1)),
            (&[0x81, 0xC2], Instruction::StoreLiteralVariable(2)),
            (&[0x82, 0x81], Instruction::Unused(130)),
            (&[0x83, 0x43], send(3, 2)),
            (&[0x84, 0x25, 9], send_super(9, 5)),
            (&[0x84, 0xC0, 200], field(Access::Pop, 200, true)),
            (&[0x85, 0x63], send_super(3, 3)),
            (&[0x86, 0xC3], send(3, 3)),
            (&[0x8A, 0x83], Instruction::PopIntoArray(3)),
            (&[0x8B, 117, 0], Instruction::CallPrimitive(117)),
            (&[0x98], Instruction::JumpFalse(1)),
            (&[0xA3, 0xFA], Instruction::Jump(-6)),
            (&[0xA9, 2], Instruction::JumpTrue(258)),
            (&[0xAF, 0], Instruction::JumpFalse(768)),
            (&[0xB0], Instruction::SendSpecial(0)),
            (&[0xCF], Instruction::SendSpecial(31)),
            (&[0xFF], send(15, 2)),
        ];
        for (bytes, expected) in table {
            let decoded = decode(bytes, 0).expect("whole");
            assert_eq!(decoded.instruction, *expected, "{bytes:?}");
            assert_eq!(decoded.length, bytes.len(), "{bytes:?}");
        }
    }

    #[test]
    fn a_closure_says_where_it_ends() {
        let decoded = decode(&[0x8F, 0x32, 1, 4], 0).expect("whole");
        let expected = Instruction::PushBlock {
            copied: 3,
            arguments: 2,
            size: 260,
        };
        assert_eq!(decoded.instruction, expected);
    }

    #[test]
    fn code_that_ends_inside_an_instruction_is_refused() {
        for opcode in 0..=255u8 {
            let mut bytes = vec![opcode];
            bytes.resize(1 + operand_count(opcode), 0);
            assert!(decode(&bytes, 0).is_ok(), "{opcode}");
            let cut = &bytes[..bytes.len() - 1];
            assert_eq!(decode(cut, 0), Err(DecodeError::Truncated(0)), "{opcode}");
        }
    }

    #[test]
    fn code_ends_where_no_jump_reaches_beyond() {
        let set = imprint_model::BytecodeSet::V3PlusClosures;
        let table: &[(&[u8], usize)] = &[
            (&[112, 124, 9, 9, 9], 2),
            // a jump over a return
            (&[113, 153, 119, 124, 120, 77, 77], 5),
            // a block with a return inside
            (&[143, 0, 0, 2, 33, 124, 201, 124, 1, 2], 8),
            // an endless loop
            (&[135, 163, 0xFD, 66, 66], 3),
            (&[143], 1),
        ];
        for (bytes, end) in table {
            assert_eq!(crate::bytecode::code_end(set, bytes), *end, "{bytes:?}");
        }
    }
}
