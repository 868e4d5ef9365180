//! Expressions that need no compiler: a message to a global, as a method draft.
//!
//! Whoever starts an image's own code with no compiler at hand (a build, an installation) says no more
//! than this; everything else is said in Smalltalk.

use imprint_model::MethodHeader;

use crate::bytecode::Instruction;
use crate::draft::{BehaviorName, CodeBody, LocalObject, MethodDraft, Ref};
use crate::encoder::encode;

/// The class whose methods expressions are.
pub const EXPRESSION_CLASS: &str = "UndefinedObject";
/// The selector of expressions.
pub const EXPRESSION_SELECTOR: &str = "DoIt";

/// An expression that sends a unary message to the value of a global.
pub fn unary(global: &str, selector: &str) -> MethodDraft {
    message(global, selector, Vec::new(), Vec::new())
}

/// An expression that sends a message with its own receiver as the argument to the value of a global.
pub fn message_with_self(global: &str, selector: &str) -> MethodDraft {
    let send = Instruction::Send {
        literal: 1,
        arguments: 1,
    };
    let code = [
        Instruction::PushLiteralVariable(0),
        Instruction::PushReceiver,
        send,
        Instruction::ReturnTop,
    ];
    let literals = vec![Ref::Global(global.into()), Ref::symbol(selector)];
    expression(&code, literals, Vec::new())
}

/// An expression that sends its own receiver a message, unary or with a literal.
pub fn message_to_self(selector: &str, argument: Option<LocalObject>) -> MethodDraft {
    let locals: Vec<LocalObject> = argument.into_iter().collect();
    let count = locals.len() as u8;
    let mut code = vec![Instruction::PushReceiver];
    code.extend(locals.iter().map(|_| Instruction::PushLiteral(0)));
    let send = Instruction::Send {
        literal: u16::from(count),
        arguments: count,
    };
    code.extend([send, Instruction::ReturnTop]);
    let mut literals: Vec<Ref> = locals.iter().map(|_| Ref::Local(0)).collect();
    literals.push(Ref::symbol(selector));
    expression(&code, literals, locals)
}

/// An expression that sends a message to the value of a global; arguments that are globals stand for
/// their values, and may refer to `locals`.
pub fn message(
    global: &str,
    selector: &str,
    arguments: Vec<Ref>,
    locals: Vec<LocalObject>,
) -> MethodDraft {
    let mut code = vec![Instruction::PushLiteralVariable(0)];
    for (index, argument) in arguments.iter().enumerate() {
        let literal = index as u16 + 1;
        code.push(match argument {
            Ref::Global(_) => Instruction::PushLiteralVariable(literal),
            _ => Instruction::PushLiteral(literal),
        });
    }
    let send = Instruction::Send {
        literal: arguments.len() as u16 + 1,
        arguments: arguments.len() as u8,
    };
    code.extend([send, Instruction::ReturnTop]);
    let mut literals = vec![Ref::Global(global.into())];
    literals.extend(arguments);
    literals.push(Ref::symbol(selector));
    expression(&code, literals, locals)
}

/// An expression of these instructions.
fn expression(
    code: &[Instruction],
    mut literals: Vec<Ref>,
    locals: Vec<LocalObject>,
) -> MethodDraft {
    let mut bytecodes = Vec::new();
    for instruction in code {
        encode(*instruction, &mut bytecodes);
    }
    literals.extend([
        Ref::symbol(EXPRESSION_SELECTOR),
        Ref::Global(EXPRESSION_CLASS.into()),
    ]);
    let header = MethodHeader {
        literal_count: literals.len() as u16,
        ..MethodHeader::default()
    };
    MethodDraft {
        behavior: BehaviorName::class(EXPRESSION_CLASS),
        selector: EXPRESSION_SELECTOR.into(),
        protocol: "".into(),
        shape: 0,
        code: CodeBody {
            header,
            literals,
            bytecodes,
        },
        locals,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Draft;
    use crate::verifier::verify;

    #[test]
    fn what_is_made_is_sound() {
        let arguments = vec![Ref::SmallInteger(3), Ref::Global("Foo".into())];
        for draft in [
            unary("Foo", "bar"),
            message_with_self("Foo", "bar:"),
            message_to_self("bar", None),
            message("Foo", "at:put:", arguments, Vec::new()),
        ] {
            verify(&Draft::Method(draft), Some(0)).expect("it is sound");
        }
    }
}
