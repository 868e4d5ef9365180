//! Encodes instructions in their shortest form.
//!
//! Jumps have two sizes; whoever lays out code picks the size by iterating to a fixed point, so
//! [`encoded_length`] answers the size an instruction takes and [`encode`] writes exactly that.
//! Backward jumps always take four bytes (prefix and long jump), as Opal's do.

use crate::bytecode::{CALL_PRIMITIVE, EXTEND_A, EXTEND_B, Instruction};

/// Appends the shortest form of `instruction`.
///
/// The caller keeps operands within the limits of method headers: literals below 32768, temps
/// below 64, arguments at most 15; other values are encoded as far as prefixes reach.
pub fn encode(instruction: Instruction, code: &mut Vec<u8>) {
    match instruction {
        Instruction::PushReceiverVariable {
            index: index @ 0..=15,
            long: false,
        } => code.push(index as u8),
        Instruction::PushReceiverVariable { index, .. } => indexed(code, 226, index),
        Instruction::PushLiteralVariable(index @ 0..=15) => code.push(16 + index as u8),
        Instruction::PushLiteralVariable(index) => indexed(code, 227, index),
        Instruction::PushLiteral(index @ 0..=31) => code.push(32 + index as u8),
        Instruction::PushLiteral(index) => indexed(code, 228, index),
        Instruction::PushTemp(index @ 0..=11) => code.push(64 + index),
        Instruction::PushTemp(index) => code.extend([229, index]),
        Instruction::PushInteger(value) => push_integer(code, value),
        Instruction::PushCharacter(code_point) => signed(code, 233, code_point as i32),
        Instruction::SendSpecial(position) => code.push(96 + position),
        Instruction::Send { literal, arguments } => send(code, literal, arguments),
        Instruction::SendSuper {
            literal,
            arguments,
            directed,
        } => super_send(code, literal, arguments, directed),
        Instruction::Jump(offset) => jump(code, 176, 237, offset),
        Instruction::JumpTrue(offset) => jump(code, 184, 238, offset),
        Instruction::JumpFalse(offset) => jump(code, 192, 239, offset),
        Instruction::PopReceiverVariable {
            index: index @ 0..=7,
            long: false,
        } => code.push(200 + index as u8),
        Instruction::PopReceiverVariable { index, .. } => indexed(code, 240, index),
        Instruction::PopLiteralVariable(index) => indexed(code, 241, index),
        Instruction::PopTemp(index @ 0..=7) => code.push(208 + index),
        Instruction::PopTemp(index) => code.extend([242, index]),
        Instruction::StoreReceiverVariable { index, .. } => indexed(code, 243, index),
        Instruction::StoreLiteralVariable(index) => indexed(code, 244, index),
        Instruction::StoreTemp(index) => code.extend([245, index]),
        Instruction::PushNewArray(size) => code.extend([231, size & 127]),
        Instruction::PopIntoArray(size) => code.extend([231, size | 128]),
        Instruction::CallPrimitive(number) => {
            code.extend([CALL_PRIMITIVE, number as u8, (number >> 8) as u8 & 127])
        }
        Instruction::PushClosure {
            literal,
            copied,
            receiver_on_stack,
            no_outer,
        } => {
            closure(
                code,
                literal,
                copied | u8::from(receiver_on_stack) << 7 | u8::from(no_outer) << 6,
            );
        }
        Instruction::PushRemoteTemp { index, vector } => code.extend([251, index, vector]),
        Instruction::StoreRemoteTemp { index, vector } => code.extend([252, index, vector]),
        Instruction::PopRemoteTemp { index, vector } => code.extend([253, index, vector]),
        other => operandless(other, code),
    }
}

/// Bytes that [`encode`] would write.
pub fn encoded_length(instruction: Instruction) -> usize {
    let mut code = Vec::with_capacity(8);
    encode(instruction, &mut code);
    code.len()
}

fn operandless(instruction: Instruction, code: &mut Vec<u8>) {
    match instruction {
        Instruction::PushReceiver => code.push(76),
        Instruction::PushTrue => code.push(77),
        Instruction::PushFalse => code.push(78),
        Instruction::PushNil => code.push(79),
        Instruction::PushThisContext => code.push(82),
        Instruction::PushThisProcess => code.extend([EXTEND_B, 1, 82]),
        Instruction::Dup => code.push(83),
        Instruction::ReturnReceiver => code.push(88),
        Instruction::ReturnTrue => code.push(89),
        Instruction::ReturnFalse => code.push(90),
        Instruction::ReturnNil => code.push(91),
        Instruction::ReturnTop => code.push(92),
        Instruction::BlockReturnNil => code.push(93),
        Instruction::BlockReturnTop => code.push(94),
        Instruction::Nop => code.push(95),
        Instruction::Pop => code.push(216),
        Instruction::Unused(opcode) => code.push(opcode),
        _ => unreachable!("instructions with operands are encoded above"),
    }
}

fn extend_a(code: &mut Vec<u8>, value: u32) {
    let bytes = value.to_be_bytes();
    for byte in bytes.into_iter().skip_while(|byte| *byte == 0) {
        code.extend([EXTEND_A, byte]);
    }
}

/// Writes prefixes whose signed value is `value`; none for 0.
fn extend_b(code: &mut Vec<u8>, value: i32) {
    if value == 0 {
        return;
    }
    let bytes = value.to_be_bytes();
    let fits = |from: usize| (value << (8 * from)) >> (8 * from) == value;
    let first = (0..4).rev().find(|from| fits(*from)).unwrap_or(0);
    for byte in &bytes[first..] {
        code.extend([EXTEND_B, *byte]);
    }
}

fn indexed(code: &mut Vec<u8>, opcode: u8, index: u16) {
    extend_a(code, u32::from(index >> 8));
    code.extend([opcode, index as u8]);
}

fn signed(code: &mut Vec<u8>, opcode: u8, value: i32) {
    extend_b(code, value >> 8);
    code.extend([opcode, value as u8]);
}

fn push_integer(code: &mut Vec<u8>, value: i32) {
    match value {
        0 | 1 => code.push(80 + value as u8),
        _ => signed(code, 232, value),
    }
}

fn send(code: &mut Vec<u8>, literal: u16, arguments: u8) {
    if literal < 16 && arguments < 3 {
        code.push(128 + arguments * 16 + literal as u8);
        return;
    }
    extend_a(code, u32::from(literal >> 5));
    extend_b(code, i32::from(arguments >> 3));
    code.extend([234, (literal as u8) << 3 | arguments & 7]);
}

fn super_send(code: &mut Vec<u8>, literal: u16, arguments: u8, directed: bool) {
    extend_a(code, u32::from(literal >> 5));
    extend_b(
        code,
        i32::from(arguments >> 3) + if directed { 64 } else { 0 },
    );
    code.extend([235, (literal as u8) << 3 | arguments & 7]);
}

fn jump(code: &mut Vec<u8>, short: u8, long: u8, offset: i32) {
    match offset {
        1..=8 => code.push(short + offset as u8 - 1),
        0..=255 => code.extend([long, offset as u8]),
        _ => {
            let high = offset >> 8;
            if high == 0 {
                code.extend([EXTEND_B, 0])
            } else {
                extend_b(code, high)
            }
            code.extend([long, offset as u8]);
        }
    }
}

fn closure(code: &mut Vec<u8>, literal: u16, flags: u8) {
    extend_a(code, u32::from(literal >> 8));
    code.extend([249, literal as u8, flags]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytecode::decode;

    fn simple() -> Vec<Instruction> {
        vec![
            Instruction::PushReceiver,
            Instruction::PushTrue,
            Instruction::PushFalse,
            Instruction::PushNil,
            Instruction::PushThisContext,
            Instruction::PushThisProcess,
            Instruction::Dup,
            Instruction::ReturnReceiver,
            Instruction::ReturnTrue,
            Instruction::ReturnFalse,
            Instruction::ReturnNil,
            Instruction::ReturnTop,
            Instruction::BlockReturnNil,
            Instruction::BlockReturnTop,
            Instruction::Nop,
            Instruction::Pop,
            Instruction::PushNewArray(127),
            Instruction::PopIntoArray(32),
            Instruction::PushRemoteTemp {
                index: 3,
                vector: 40,
            },
            Instruction::StoreRemoteTemp {
                index: 3,
                vector: 40,
            },
            Instruction::PopRemoteTemp {
                index: 3,
                vector: 40,
            },
            Instruction::PushCharacter(0x1F600),
            Instruction::PushClosure {
                literal: 300,
                copied: 5,
                receiver_on_stack: false,
                no_outer: true,
            },
        ]
    }

    fn samples() -> Vec<Instruction> {
        let mut all = simple();
        for index in [0, 7, 8, 15, 16, 255, 256, 32766] {
            all.extend([
                Instruction::PushReceiverVariable {
                    index,
                    long: index > 15,
                },
                Instruction::PushLiteralVariable(index),
                Instruction::PushLiteral(index),
                Instruction::PopReceiverVariable {
                    index,
                    long: index > 7,
                },
                Instruction::StoreReceiverVariable { index, long: true },
                Instruction::StoreLiteralVariable(index),
                Instruction::PopLiteralVariable(index),
                Instruction::Send {
                    literal: index,
                    arguments: (index % 16) as u8,
                },
                Instruction::SendSuper {
                    literal: index,
                    arguments: (index % 16) as u8,
                    directed: index % 2 == 0,
                },
                Instruction::CallPrimitive(index % 600),
            ]);
        }
        for value in [
            -40000,
            -32768,
            -257,
            -256,
            -1,
            0,
            1,
            2,
            127,
            128,
            255,
            256,
            32767,
            40000,
            1 << 24,
        ] {
            all.push(Instruction::PushInteger(value));
        }
        for offset in [-30000, -300, -256, -1, 0, 1, 8, 9, 255, 256, 32767] {
            all.extend([
                Instruction::Jump(offset),
                Instruction::JumpTrue(offset),
                Instruction::JumpFalse(offset),
            ]);
        }
        all
    }

    #[test]
    fn every_instruction_decodes_to_itself() {
        for instruction in samples() {
            let mut code = Vec::new();
            encode(instruction, &mut code);
            let decoded = decode(&code, 0).expect("encoded just now");
            assert_eq!(decoded.instruction, instruction, "{code:?}");
            assert_eq!(decoded.length, code.len());
            assert_eq!(encoded_length(instruction), code.len());
        }
    }

    #[test]
    fn a_backward_jump_takes_four_bytes() {
        assert_eq!(encoded_length(Instruction::Jump(-5)), 4);
    }

    #[test]
    fn truncated_code_is_refused() {
        for instruction in samples() {
            let mut code = Vec::new();
            encode(instruction, &mut code);
            for length in 0..code.len() {
                assert!(
                    decode(&code[..length], 0).is_err(),
                    "{instruction:?} cut at {length}"
                );
            }
        }
    }
}
