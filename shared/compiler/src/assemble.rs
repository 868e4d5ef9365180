//! Laid-out code to a method draft: headers, literals, compiled blocks, pragmas.
//!
//! ```text
//! method literals   [primitive spec] in order of use ... selectors mentioned ...
//!                   selector | AdditionalMethodState     class binding
//! block literals    in order of use ... selectors mentioned ...     outer code
//! ```

use imprint_isa::draft::{Body, CodeBody, LocalObject, MethodDraft, Ref};
use imprint_model::layout::closure;
use imprint_model::method_header::{LARGE_FRAME_SLOTS, SMALL_FRAME_SLOTS, TEMPS_MAX};
use imprint_model::{Format, MethodHeader};
use imprint_syntax::{Diagnostic, Form, Literal, Pragma, PragmaArgument, Tree};

use crate::Site;
use crate::ir::{Code, Entry};
use crate::layout::{Laid, Setting, lay_out};
use crate::literals::Locals;
use crate::source_map::{CodeMap, SourceMap};

/// Makes the draft of a method from the code of it and its blocks.
pub(crate) fn assemble(
    code: Code<'_>,
    tree: &Tree<'_>,
    site: &Site,
    long_instance_variables: bool,
) -> Result<(MethodDraft, SourceMap), Vec<Diagnostic>> {
    let mut assembler = Assembler {
        long_instance_variables,
        locals: Locals::default(),
        map: SourceMap::default(),
        diagnostics: Vec::new(),
    };
    let mut body = assembler.code(code, &Ref::OwnMethod, Vec::new(), tree.form == Form::Method);
    body.literals.push(assembler.selector_or_state(tree));
    body.literals.push(site.class_binding());
    body.header.literal_count = count(body.literals.len());
    if !assembler.diagnostics.is_empty() {
        return Err(assembler.diagnostics);
    }
    let draft = MethodDraft {
        behavior: site.behavior.clone(),
        selector: (&*tree.selector).into(),
        protocol: site.protocol.clone(),
        shape: site.shape,
        code: body,
        locals: assembler.locals.objects,
    };
    Ok((draft, assembler.map))
}

/// The primitive that spreads an array on the stack of its caller, whatever its size: a method
/// that calls it always has a large frame (Pharo's `CompiledCode>>needsFrameSize:`).
const PERFORM_WITH_ARGUMENTS: u16 = 84;

struct Assembler {
    long_instance_variables: bool,
    locals: Locals,
    map: SourceMap,
    diagnostics: Vec<Diagnostic>,
}

impl Assembler {
    /// The body of a method or block; the literals that close it are the caller's. `own` refers
    /// to this very code from its blocks.
    fn code(
        &mut self,
        mut code: Code<'_>,
        own: &Ref,
        path: Vec<u16>,
        may_be_quick: bool,
    ) -> CodeBody {
        let setting = Setting {
            may_be_quick,
            long_instance_variables: self.long_instance_variables,
        };
        let laid = match lay_out(&mut code, setting) {
            Ok(laid) => laid,
            Err(diagnostic) => {
                self.diagnostics.push(diagnostic);
                return CodeBody::default();
            }
        };
        let header = self.header(&code, &laid);
        self.map.push(CodeMap {
            path: path.clone(),
            span: code.span,
            places: laid.places,
        });
        let mut entries: Vec<Option<Entry<'_>>> = code.entries.into_iter().map(Some).collect();
        let mut literals = Vec::with_capacity(laid.literals.len() + 2);
        for (index, id) in (0u16..).zip(laid.literals) {
            if let Some(entry) = entries[id.0 as usize].take() {
                let mut path = path.clone();
                path.push(index);
                literals.push(self.entry(entry, own, path));
            }
        }
        CodeBody {
            header,
            literals,
            bytecodes: laid.bytecodes,
        }
    }

    fn header(&mut self, code: &Code<'_>, laid: &Laid) -> MethodHeader {
        let frame = code.temp_count + laid.depth_max;
        if code.temp_count > TEMPS_MAX {
            let message =
                format!("more than {TEMPS_MAX} temporaries, with those of loops and closures");
            self.diagnostics.push(Diagnostic::error(code.span, message));
        } else if frame > LARGE_FRAME_SLOTS {
            let message = format!(
                "needs {frame} slots for temporaries and operands, {LARGE_FRAME_SLOTS} is the most"
            );
            self.diagnostics.push(Diagnostic::error(code.span, message));
        }
        MethodHeader {
            literal_count: 0,
            has_primitive: laid.has_primitive,
            is_large_frame: frame > SMALL_FRAME_SLOTS || code.primitive == PERFORM_WITH_ARGUMENTS,
            temp_count: u8::try_from(code.temp_count).unwrap_or(u8::MAX),
            argument_count: code.argument_count,
            ..MethodHeader::default()
        }
    }

    fn entry(&mut self, entry: Entry<'_>, own: &Ref, path: Vec<u16>) -> Ref {
        match entry {
            Entry::Symbol(text) => Ref::symbol(text),
            Entry::Integer(value) => self.locals.small_integer(value),
            Entry::Constant(literal) => self.locals.literal(literal),
            Entry::Binding(binding) => binding,
            Entry::PrimitiveSpec { module, name } => self.primitive_spec(module, name),
            Entry::Block(code) => self.block(*code, own, path),
            Entry::ConstantBlock {
                code,
                arguments,
                constant,
            } => self.constant_block(*code, own, path, arguments, constant),
        }
    }

    /// `{ module. name. 0. 0 }`: the machine writes into the last two.
    fn primitive_spec(&mut self, module: Option<&str>, name: &str) -> Ref {
        let module = module.map_or(Ref::NIL, Ref::symbol);
        let slots = vec![
            module,
            Ref::symbol(name),
            Ref::SmallInteger(0),
            Ref::SmallInteger(0),
        ];
        self.locals.add(LocalObject::mutable(
            "Array",
            Format::ARRAY,
            Body::Slots(slots),
        ))
    }

    /// A compiled block; it lies before the blocks inside it.
    fn block(&mut self, code: Code<'_>, outer: &Ref, path: Vec<u16>) -> Ref {
        let place = self.locals.objects.len();
        let own = self.locals.add(LocalObject::mutable(
            "CompiledBlock",
            Format::CODE,
            Body::Slots(Vec::new()),
        ));
        let mut body = self.code(code, &own, path, false);
        body.literals.push(outer.clone());
        body.header.literal_count = count(body.literals.len());
        self.locals.objects[place].body = Body::Code(body);
        own
    }

    fn constant_block(
        &mut self,
        code: Code<'_>,
        outer: &Ref,
        path: Vec<u16>,
        arguments: u8,
        constant: Option<&Literal<'_>>,
    ) -> Ref {
        let block = self.block(code, outer, path);
        let value = constant.map_or(Ref::NIL, |literal| self.locals.literal(literal));
        let class = closure::CONSTANT_CLASSES
            [usize::from(arguments).min(closure::CONSTANT_CLASSES.len() - 1)];
        let slots = vec![
            Ref::NIL,
            block,
            Ref::SmallInteger(i64::from(arguments)),
            value,
        ];
        self.locals.add(LocalObject::mutable(
            class,
            Format::FIXED_AND_INDEXED,
            Body::Slots(slots),
        ))
    }

    /// The selector, or with pragmas an object that holds it and them.
    fn selector_or_state(&mut self, tree: &Tree<'_>) -> Ref {
        let selector = Ref::symbol(&*tree.selector);
        if tree.pragmas.is_empty() {
            return selector;
        }
        let mut slots = vec![Ref::OwnMethod, selector];
        for pragma in &tree.pragmas {
            slots.push(self.pragma(pragma));
        }
        self.locals.add(LocalObject::mutable(
            "AdditionalMethodState",
            Format::FIXED_AND_INDEXED,
            Body::Slots(slots),
        ))
    }

    /// A Pragma: selector, arguments, lookup class, method.
    fn pragma(&mut self, pragma: &Pragma<'_>) -> Ref {
        let arguments = pragma
            .arguments
            .iter()
            .map(|argument| self.pragma_argument(argument))
            .collect();
        let arguments = self.locals.add(LocalObject::mutable(
            "Array",
            Format::ARRAY,
            Body::Slots(arguments),
        ));
        let slots = vec![
            Ref::symbol(&*pragma.selector),
            arguments,
            Ref::NIL,
            Ref::OwnMethod,
        ];
        self.locals.add(LocalObject::mutable(
            "Pragma",
            Format::FIXED,
            Body::Slots(slots),
        ))
    }

    fn pragma_argument(&mut self, argument: &PragmaArgument<'_>) -> Ref {
        match argument {
            PragmaArgument::Literal(literal) => self.locals.literal(literal),
            PragmaArgument::Variable(name) => Ref::symbol(name.text),
        }
    }
}

/// Literals were counted when the code was laid out.
fn count(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}
