//! A draft as text, for goldens: header, bytecodes with their bytes, literals, and the same for
//! each block, indented.

use std::fmt::Write as _;

use imprint_isa::Instruction;
use imprint_isa::bytecode::decode;
use imprint_isa::draft::{Body, CodeBody, LocalObject, MethodDraft, Ref};
use imprint_isa::special_selectors::SPECIAL_SELECTORS;

/// The whole draft.
pub fn of(draft: &MethodDraft) -> String {
    let mut lister = Lister {
        locals: &draft.locals,
        text: String::new(),
    };
    lister.code(&draft.code, 0);
    lister.text
}

struct Lister<'d> {
    locals: &'d [LocalObject],
    text: String,
}

impl Lister<'_> {
    fn code(&mut self, code: &CodeBody, indent: usize) {
        let header = code.header;
        assert_eq!(usize::from(header.literal_count), code.literals.len());
        let margin = "    ".repeat(indent);
        let primitive = if header.has_primitive {
            " primitive"
        } else {
            ""
        };
        let large = if header.is_large_frame { " large" } else { "" };
        let _ = writeln!(
            self.text,
            "{margin}args {} temps {}{primitive}{large}",
            header.argument_count, header.temp_count
        );
        let mut at = 0;
        while at < code.bytecodes.len() {
            let decoded =
                decode(&code.bytecodes, at).expect("the compiler emits what can be decoded");
            let bytes: Vec<String> = code.bytecodes[at..at + decoded.length]
                .iter()
                .map(u8::to_string)
                .collect();
            let meaning =
                self.instruction(decoded.instruction, &code.literals, at + decoded.length);
            let _ = writeln!(self.text, "{margin}{at:3} <{}> {meaning}", bytes.join(" "));
            at += decoded.length;
        }
        let literals: Vec<String> = code
            .literals
            .iter()
            .map(|literal| self.literal(literal))
            .collect();
        let _ = writeln!(self.text, "{margin}  | {}", literals.join(" "));
        // The last literal is the class binding, or the code around a block.
        let inner = &code.literals[..code.literals.len() - 1];
        let blocks: Vec<CodeBody> = inner
            .iter()
            .filter_map(|literal| self.block_of(literal))
            .collect();
        for block in blocks {
            self.code(&block, indent + 1);
        }
    }

    fn instruction(&self, instruction: Instruction, literals: &[Ref], next: usize) -> String {
        let literal = |index: u16| self.literal(&literals[usize::from(index)]);
        match instruction {
            Instruction::PushLiteral(index) => format!("push {}", literal(index)),
            Instruction::PushLiteralVariable(index) => format!("push value of {}", literal(index)),
            Instruction::StoreLiteralVariable(index) => format!("store into {}", literal(index)),
            Instruction::PopLiteralVariable(index) => format!("pop into {}", literal(index)),
            Instruction::SendSpecial(position) => {
                format!("send #{}", SPECIAL_SELECTORS[usize::from(position)].0)
            }
            Instruction::Send {
                literal: index,
                arguments,
            } => format!("send {} with {arguments}", literal(index)),
            Instruction::SendSuper {
                literal: index,
                arguments,
                directed,
            } => {
                format!(
                    "send {} to super with {arguments}{}",
                    literal(index),
                    if directed { ", directed" } else { "" }
                )
            }
            Instruction::PushClosure {
                literal: index,
                copied,
                ..
            } => {
                format!("push closure {} copying {copied}", literal(index))
            }
            Instruction::Jump(distance) => format!("jump to {}", next as i64 + i64::from(distance)),
            Instruction::JumpTrue(distance) => {
                format!("if true jump to {}", next as i64 + i64::from(distance))
            }
            Instruction::JumpFalse(distance) => {
                format!("if false jump to {}", next as i64 + i64::from(distance))
            }
            Instruction::PushTemp(index) => format!("push temp {index}"),
            Instruction::StoreTemp(index) => format!("store into temp {index}"),
            Instruction::PopTemp(index) => format!("pop into temp {index}"),
            Instruction::PushRemoteTemp { index, vector } => {
                format!("push {index} of vector in temp {vector}")
            }
            Instruction::StoreRemoteTemp { index, vector } => {
                format!("store into {index} of vector in temp {vector}")
            }
            Instruction::PopRemoteTemp { index, vector } => {
                format!("pop into {index} of vector in temp {vector}")
            }
            Instruction::PushReceiverVariable { index, long } => {
                format!("push field {index}{}", form(long))
            }
            Instruction::StoreReceiverVariable { index, .. } => format!("store into field {index}"),
            Instruction::PopReceiverVariable { index, long } => {
                format!("pop into field {index}{}", form(long))
            }
            other => format!("{other:?}"),
        }
    }

    fn block_of(&self, literal: &Ref) -> Option<CodeBody> {
        let Ref::Local(index) = literal else {
            return None;
        };
        match &self.locals[*index as usize].body {
            Body::Code(code) => Some(code.clone()),
            Body::Slots(slots) if self.class(*index).starts_with("ConstantBlockClosure") => {
                self.block_of(&slots[1])
            }
            _ => None,
        }
    }

    fn class(&self, index: u32) -> String {
        match &self.locals[index as usize].class {
            Ref::Class(name) => name.to_string(),
            other => format!("{other:?}"),
        }
    }

    fn literal(&self, literal: &Ref) -> String {
        match literal {
            Ref::SmallInteger(value) => value.to_string(),
            Ref::Character(code) => format!("${}", char::from_u32(*code).unwrap_or('?')),
            Ref::SmallFloat(value) => format!("{value:?}"),
            Ref::Known(known) => format!("{known:?}").to_lowercase(),
            Ref::Symbol(text) => format!("#{text}"),
            Ref::Global(name) => format!("{{{name}}}"),
            Ref::ClassVariable { class, name } => format!("{{{class}.{name}}}"),
            Ref::Undeclared(name) => format!("{{?{name}}}"),
            Ref::MetaBinding(name) => format!("{{{name} class}}"),
            Ref::OwnMethod => "method".to_owned(),
            Ref::Local(index) => self.local(*index),
            other => format!("{other:?}"),
        }
    }

    fn local(&self, index: u32) -> String {
        let object = &self.locals[index as usize];
        let class = self.class(index);
        let kept = if object.read_only { "" } else { "!" };
        match &object.body {
            Body::Code(_) => format!("block{index}"),
            Body::Bytes(bytes) if class == "ByteString" => {
                format!(
                    "{kept}{:?}",
                    bytes
                        .iter()
                        .map(|&byte| char::from(byte))
                        .collect::<String>()
                )
            }
            Body::Bytes(bytes) => format!("{kept}{class}{bytes:?}"),
            Body::Slots(slots) => {
                let slots: Vec<String> = slots.iter().map(|slot| self.literal(slot)).collect();
                format!("{kept}{class}({})", slots.join(" "))
            }
        }
    }
}

fn form(long: bool) -> &'static str {
    if long { ", long" } else { "" }
}
