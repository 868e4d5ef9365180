//! What pragmas say to the compiler: which primitive a method calls.

use imprint_isa::primitives::NAMED_PRIMITIVE;
use imprint_syntax::{Diagnostic, Integer, Literal, Name, Pragma, PragmaArgument, Span, Tree};

/// Greatest number that the bytecode can hold.
const NUMBER_MAX: i64 = 0x7FFF;

/// The primitive of a method.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Primitive<'t> {
    pub(crate) number: u16,
    /// Module and name, of a named one.
    pub(crate) spec: Option<(Option<&'t str>, &'t str)>,
    /// The temporary that gets its error.
    pub(crate) error: Option<&'t str>,
    pub(crate) span: Span,
}

/// The primitive that the pragmas name, if they do.
pub(crate) fn primitive_of<'t>(
    tree: &'t Tree<'t>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Primitive<'t>> {
    let mut found = None;
    for pragma in tree
        .pragmas
        .iter()
        .filter(|pragma| pragma.selector.starts_with("primitive:"))
    {
        if found.is_some() {
            diagnostics.push(Diagnostic::error(
                pragma.span,
                "a method has at most one primitive",
            ));
            break;
        }
        match read(pragma) {
            Ok(primitive) => found = Some(primitive),
            Err(message) => diagnostics.push(Diagnostic::error(pragma.span, message)),
        }
    }
    found
}

fn read<'t>(pragma: &'t Pragma<'t>) -> Result<Primitive<'t>, &'static str> {
    let mut primitive = Primitive {
        number: 0,
        spec: None,
        error: None,
        span: pragma.span,
    };
    let mut module = None;
    for (keyword, argument) in pragma.selector.split_inclusive(':').zip(&pragma.arguments) {
        match keyword {
            "primitive:" => primitive.read_what(argument)?,
            "module:" => {
                module = Some(text(argument).ok_or("the module of a primitive is a string")?)
            }
            "error:" => {
                primitive.error =
                    Some(text(argument).ok_or("'error:' wants the name of a variable")?)
            }
            _ => return Err("a primitive takes 'module:' and 'error:', nothing else"),
        }
    }
    match (&mut primitive.spec, module) {
        (Some(spec), module) => spec.0 = module,
        (None, Some(_)) => return Err("only a named primitive has a module"),
        (None, None) => {}
    }
    Ok(primitive)
}

impl<'t> Primitive<'t> {
    /// The variable that gets the error, as a name to declare.
    pub(crate) fn error_name(&self) -> Option<Name<'t>> {
        self.error.map(|text| Name {
            text,
            span: self.span,
        })
    }

    fn read_what(&mut self, argument: &'t PragmaArgument<'t>) -> Result<(), &'static str> {
        if let PragmaArgument::Literal(Literal::Integer(Integer::Small(number @ 1..=NUMBER_MAX))) =
            argument
        {
            self.number = u16::try_from(*number).map_err(|_| "this is no number of a primitive")?;
            return Ok(());
        }
        let name = text(argument)
            .ok_or("a primitive is named by a number from 1 to 32767 or by a string")?;
        self.number = NAMED_PRIMITIVE;
        self.spec = Some((None, name));
        Ok(())
    }
}

fn text<'t>(argument: &'t PragmaArgument<'t>) -> Option<&'t str> {
    match argument {
        PragmaArgument::Variable(name) => Some(name.text),
        PragmaArgument::Literal(Literal::String(text) | Literal::Symbol(text)) => Some(text),
        PragmaArgument::Literal(_) => None,
    }
}
