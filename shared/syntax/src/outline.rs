//! A tree as text, in the manner of Lisp: for golden tests and for looking.

use std::fmt::Write as _;

use crate::tree::{
    ExprId, ExprKind, Integer, Literal, Message, Name, PragmaArgument, Sequence, Tree,
};

/// The tree, one statement a line, blocks inline.
#[must_use]
pub fn outline(tree: &Tree<'_>) -> String {
    let mut text = format!("{}({})", tree.selector, names(&tree.arguments));
    for pragma in &tree.pragmas {
        let arguments: Vec<String> = pragma.arguments.iter().map(pragma_argument).collect();
        let _ = write!(text, "\n<{}", pragma.selector);
        for argument in arguments {
            let _ = write!(text, " {argument}");
        }
        text.push('>');
    }
    if !tree.body.temporaries.is_empty() {
        let _ = write!(text, "\n|{}|", names(&tree.body.temporaries));
    }
    for statement in &tree.body.statements {
        text.push('\n');
        text.push_str(if statement.is_return { "^ " } else { "" });
        expression(tree, statement.value, &mut text);
    }
    text.push('\n');
    text
}

fn expression(tree: &Tree<'_>, id: ExprId, text: &mut String) {
    match &tree.expr(id).kind {
        ExprKind::Variable(name) => text.push_str(name),
        ExprKind::Literal(constant) => literal(constant, text),
        ExprKind::Error => text.push_str("<error>"),
        ExprKind::Return(value) => {
            text.push_str("^ ");
            expression(tree, *value, text);
        }
        ExprKind::Assignment { target, value } => {
            let _ = write!(text, "({} := ", target.text);
            expression(tree, *value, text);
            text.push(')');
        }
        ExprKind::Send {
            receiver,
            message: sent,
        } => {
            text.push('(');
            expression(tree, *receiver, text);
            message(tree, tree.message(*sent), text);
            text.push(')');
        }
        ExprKind::Cascade { receiver, messages } => {
            text.push_str("(cascade ");
            expression(tree, *receiver, text);
            for &sent in messages {
                text.push(';');
                message(tree, tree.message(sent), text);
            }
            text.push(')');
        }
        ExprKind::Block(block) => {
            let block = tree.block(*block);
            let _ = write!(text, "[{}", names(&block.arguments));
            sequence(tree, &block.body, text);
            text.push(']');
        }
        ExprKind::Brace(elements) => {
            text.push('{');
            for (index, &element) in tree.list(*elements).iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ". " });
                expression(tree, element, text);
            }
            text.push('}');
        }
    }
}

fn message(tree: &Tree<'_>, message: &Message<'_>, text: &mut String) {
    let _ = write!(text, " #{}", message.selector);
    for &argument in tree.list(message.arguments) {
        text.push(' ');
        expression(tree, argument, text);
    }
}

fn sequence(tree: &Tree<'_>, body: &Sequence<'_>, text: &mut String) {
    let _ = write!(text, "|{}|", names(&body.temporaries));
    for (index, statement) in body.statements.iter().enumerate() {
        text.push_str(if index == 0 { " " } else { ". " });
        text.push_str(if statement.is_return { "^ " } else { "" });
        expression(tree, statement.value, text);
    }
}

fn literal(literal: &Literal<'_>, text: &mut String) {
    let _ = match literal {
        Literal::Nil => write!(text, "nil"),
        Literal::True => write!(text, "true"),
        Literal::False => write!(text, "false"),
        Literal::Integer(value) => write!(text, "{}", integer(value)),
        Literal::Float(value) => write!(text, "{value:?}"),
        Literal::Fraction {
            numerator,
            denominator,
        } => {
            write!(text, "({}/{})", integer(numerator), integer(denominator))
        }
        Literal::Scaled {
            numerator,
            denominator,
            scale,
        } => {
            write!(
                text,
                "({}/{}s{scale})",
                integer(numerator),
                integer(denominator)
            )
        }
        Literal::Character(character) => write!(text, "${character}"),
        Literal::String(string) => write!(text, "{string:?}"),
        Literal::Symbol(symbol) => write!(text, "#'{symbol}'"),
        Literal::ByteArray(bytes) => write!(text, "#{bytes:?}"),
        Literal::Array(elements) => return array(elements, text),
    };
}

fn array(elements: &[Literal<'_>], text: &mut String) {
    text.push_str("#(");
    for (index, element) in elements.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { " " });
        literal(element, text);
    }
    text.push(')');
}

fn integer(integer: &Integer) -> String {
    match integer {
        Integer::Small(value) => value.to_string(),
        Integer::Large {
            negative,
            magnitude,
        } => {
            let digits: String = magnitude
                .iter()
                .rev()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!("{}16r{digits}", if *negative { "-" } else { "" })
        }
    }
}

fn pragma_argument(argument: &PragmaArgument<'_>) -> String {
    match argument {
        PragmaArgument::Variable(name) => name.text.to_owned(),
        PragmaArgument::Literal(constant) => {
            let mut text = String::new();
            literal(constant, &mut text);
            text
        }
    }
}

fn names(names: &[Name<'_>]) -> String {
    let names: Vec<&str> = names.iter().map(|name| name.text).collect();
    names.join(" ")
}
