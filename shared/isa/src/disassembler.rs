//! Code as text, for people and goldens: one line an instruction, with its pc and bytes, derived
//! from [`Instruction`].
//!
//! ```text
//! Foo>>foo  2 temps, 1 argument
//!    0  <64>       push temp 0
//!    1  <128>      send #bar (0)
//!    2  <92>       return top
//! ```

use std::fmt::Write as _;

use crate::bytecode::Instruction;
use crate::draft::{Body, CodeBody, Draft, LocalObject, Ref};
use crate::special_selectors::SPECIAL_SELECTORS;

/// Width of the column of bytes.
const BYTES_WIDTH: usize = 16;

/// The listing of a draft: its title, and of a method its code and that of its blocks.
pub fn listing(draft: &Draft) -> String {
    let Draft::Method(method) = draft else {
        return format!("{draft}\n");
    };
    let mut text = headed(&draft.to_string(), &method.code, &method.locals);
    for (index, local) in method.locals.iter().enumerate() {
        if let Body::Code(code) = &local.body {
            text.push_str(&headed(&format!("block {index}"), code, &method.locals));
        }
    }
    text
}

fn headed(title: &str, code: &CodeBody, locals: &[LocalObject]) -> String {
    let header = code.header;
    let large = if header.is_large_frame {
        ", large frame"
    } else {
        ""
    };
    let mut text = format!(
        "{title}  {} temps, {} arguments{large}\n",
        header.temp_count, header.argument_count
    );
    text.push_str(&disassemble(code, locals));
    text
}

/// The instructions of one code, a line each. Where bytes are no instruction the listing says so
/// and ends.
pub fn disassemble(code: &CodeBody, locals: &[LocalObject]) -> String {
    let mut text = String::new();
    let mut pc = 0;
    while pc < code.bytecodes.len() {
        let decoded = match code.instruction_at(pc) {
            Ok(decoded) => decoded,
            Err(error) => {
                let _ = writeln!(text, "{pc:4}  {error}");
                break;
            }
        };
        let next = pc + decoded.length;
        let bytes: Vec<String> = code.bytecodes[pc..next].iter().map(u8::to_string).collect();
        let bytes = format!("<{}>", bytes.join(" "));
        let meaning = describe(decoded.instruction, next, &code.literals, locals);
        let _ = writeln!(text, "{pc:4}  {bytes:BYTES_WIDTH$} {meaning}");
        pc = next;
    }
    text
}

/// An instruction in words; `next` is the pc behind it.
pub fn describe(
    instruction: Instruction,
    next: usize,
    literals: &[Ref],
    locals: &[LocalObject],
) -> String {
    let literal = |index| literal_at(index, literals, locals);
    let target = |distance: i32| next as i64 + i64::from(distance);
    match instruction {
        Instruction::PushReceiverVariable { index, .. } => format!("push field {index}"),
        Instruction::StoreReceiverVariable { index, .. } => format!("store into field {index}"),
        Instruction::PopReceiverVariable { index, .. } => format!("pop into field {index}"),
        Instruction::PushLiteralVariable(index) => format!("push value of {}", literal(index)),
        Instruction::StoreLiteralVariable(index) => format!("store into {}", literal(index)),
        Instruction::PopLiteralVariable(index) => format!("pop into {}", literal(index)),
        Instruction::PushLiteral(index) => format!("push {}", literal(index)),
        Instruction::PushTemp(index) => format!("push temp {index}"),
        Instruction::StoreTemp(index) => format!("store into temp {index}"),
        Instruction::PopTemp(index) => format!("pop into temp {index}"),
        Instruction::PushInteger(value) => format!("push {value}"),
        Instruction::PushCharacter(value) => format!("push {}", character(value)),
        Instruction::SendSpecial(position) => special(position),
        Instruction::Send {
            literal: at,
            arguments,
        } => format!("send {} ({arguments})", literal(at)),
        Instruction::SendSuper {
            literal: at,
            arguments,
            directed,
        } => {
            let how = if directed { "directed super" } else { "super" };
            format!("send {} ({arguments}) to {how}", literal(at))
        }
        Instruction::Jump(distance) => format!("jump to {}", target(distance)),
        Instruction::JumpTrue(distance) => format!("jump to {} if true", target(distance)),
        Instruction::JumpFalse(distance) => format!("jump to {} if false", target(distance)),
        Instruction::PushNewArray(size) => format!("push new array of {size}"),
        Instruction::PopIntoArray(size) => format!("pop {size} into new array"),
        Instruction::CallPrimitive(number) => format!("call primitive {number}"),
        Instruction::PushClosure { .. } | Instruction::PushBlock { .. } => {
            closure_text(instruction, next, literals, locals)
        }
        Instruction::PushRemoteTemp { index, vector } => {
            format!("push slot {index} of temp {vector}")
        }
        Instruction::StoreRemoteTemp { index, vector } => {
            format!("store into slot {index} of temp {vector}")
        }
        Instruction::PopRemoteTemp { index, vector } => {
            format!("pop into slot {index} of temp {vector}")
        }
        Instruction::Unused(opcode) => format!("unassigned {opcode}"),
        plain => plain_text(plain).to_string(),
    }
}

/// The words for an instruction that makes a closure.
fn closure_text(
    instruction: Instruction,
    next: usize,
    literals: &[Ref],
    locals: &[LocalObject],
) -> String {
    match instruction {
        Instruction::PushClosure {
            literal,
            copied,
            receiver_on_stack,
            no_outer,
        } => {
            let receiver = if receiver_on_stack {
                ", receiver on stack"
            } else {
                ""
            };
            let outer = if no_outer { ", no outer context" } else { "" };
            let block = literal_at(literal, literals, locals);
            format!("push closure of {block} with {copied} copied{receiver}{outer}")
        }
        Instruction::PushBlock {
            copied,
            arguments,
            size,
        } => format!(
            "push closure of {arguments} arguments with {copied} copied, up to {}",
            next + usize::from(size)
        ),
        plain => plain_text(plain).to_string(),
    }
}

fn literal_at(index: u16, literals: &[Ref], locals: &[LocalObject]) -> String {
    match literals.get(usize::from(index)) {
        Some(reference) => literal_text(reference, locals),
        None => format!("missing literal {index}"),
    }
}

/// The words for an instruction without operands.
fn plain_text(instruction: Instruction) -> &'static str {
    match instruction {
        Instruction::PushReceiver => "push self",
        Instruction::PushTrue => "push true",
        Instruction::PushFalse => "push false",
        Instruction::PushNil => "push nil",
        Instruction::PushThisContext => "push thisContext",
        Instruction::PushThisProcess => "push thisProcess",
        Instruction::Dup => "push top again",
        Instruction::ReturnReceiver => "return self",
        Instruction::ReturnTrue => "return true",
        Instruction::ReturnFalse => "return false",
        Instruction::ReturnNil => "return nil",
        Instruction::ReturnTop => "return top",
        Instruction::BlockReturnNil => "return nil from block",
        Instruction::BlockReturnTop => "return top from block",
        Instruction::Pop => "pop",
        Instruction::Nop => "do nothing",
        _ => unreachable!("instructions with operands are described before"),
    }
}

fn special(position: u8) -> String {
    match SPECIAL_SELECTORS.get(usize::from(position)) {
        Some((selector, arguments)) => format!("send #{selector} ({arguments})"),
        None => format!("send special selector {position}"),
    }
}

fn character(code_point: u32) -> String {
    match char::from_u32(code_point).filter(|value| value.is_ascii_graphic()) {
        Some(value) => format!("${value}"),
        None => format!("Character value: {code_point}"),
    }
}

/// A literal as short text.
pub fn literal_text(reference: &Ref, locals: &[LocalObject]) -> String {
    match reference {
        Ref::SmallInteger(value) => value.to_string(),
        Ref::Character(code_point) => character(*code_point),
        Ref::SmallFloat(value) => format!("{value:?}"),
        Ref::Known(known) => known.text().to_string(),
        Ref::Scheduler => "the scheduler".to_string(),
        Ref::Symbol(text) => format!("#{text}"),
        Ref::Global(name) => format!("global {name}"),
        Ref::ClassVariable { class, name } => format!("class variable {class}.{name}"),
        Ref::Undeclared(name) => format!("undeclared {name}"),
        Ref::MetaBinding(name) => format!("binding of {name} class"),
        Ref::Class(behavior) => format!("class {behavior}"),
        Ref::Method(behavior, selector) => format!("method {behavior}>>{selector}"),
        Ref::OwnMethod => "this method".to_string(),
        Ref::Local(index) => local_text(*index, locals),
        Ref::Master(ghost) => format!("ghost {}", ghost.id),
    }
}

fn local_text(index: u32, locals: &[LocalObject]) -> String {
    let Some(local) = locals.get(index as usize) else {
        return format!("missing object {index}");
    };
    match (&local.body, &local.class) {
        (Body::Code(_), _) => format!("block {index}"),
        (Body::Bytes(bytes), Ref::Class(class)) if &*class.class == "ByteString" => {
            let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            format!("'{}'", text.escape_debug())
        }
        (_, class) => format!("object {index} of {}", literal_text(class, &[])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::encode;

    #[test]
    fn a_listing_has_a_line_for_each_instruction() {
        let mut bytecodes = Vec::new();
        for instruction in [
            Instruction::CallPrimitive(60),
            Instruction::PushTemp(0),
            Instruction::JumpTrue(2),
            Instruction::PushLiteral(0),
            Instruction::Send {
                literal: 1,
                arguments: 1,
            },
            Instruction::SendSpecial(0),
            Instruction::PushRemoteTemp {
                index: 1,
                vector: 2,
            },
            Instruction::ReturnTop,
        ] {
            encode(instruction, &mut bytecodes);
        }
        bytecodes.push(251);
        let code = CodeBody {
            literals: vec![Ref::SmallInteger(7), Ref::symbol("bar:")],
            bytecodes,
            ..CodeBody::default()
        };
        let expected = "   0  <248 60 0>       call primitive 60
   3  <64>             push temp 0
   4  <185>            jump to 7 if true
   5  <32>             push 7
   6  <145>            send #bar: (1)
   7  <96>             send #+ (1)
   8  <251 1 2>        push slot 1 of temp 2
  11  <92>             return top
  12  the code ends inside the instruction at 12
";
        assert_eq!(disassemble(&code, &[]), expected);
    }

    #[test]
    fn every_opcode_has_words() {
        for opcode in 0..=255u8 {
            if let Ok(decoded) = crate::bytecode::decode(&[opcode, 1, 1], 0) {
                assert!(!describe(decoded.instruction, 3, &[], &[]).is_empty());
            }
        }
    }
}
