//! What the image does first: it organises itself, then its classes initialise themselves.
//!
//! One message a class, to `SystemBootstrap` of the kernel, with everything that the sources say
//! of the class and a virtual machine does not need: slots, class variables, protocols, package,
//! comment. Then `initialize` of every class that defines it on its class side.

use std::collections::BTreeMap;

use imprint_isa::{
    BehaviorName, Body, CodeBody, Draft, Instruction, LocalObject, MethodDraft, Name, Placed, Ref,
};
use imprint_loader::{ClassDefinition, MethodDefinition};
use imprint_model::{Format, MethodHeader, Oop};
use imprint_vm::install::{Installer, Unbound};
use imprint_vm::{Outcome, RunLimits, Vm};

use crate::error::BuildError;
use crate::sources::PackageSet;

/// The class of the kernel that knows what an image keeps of a class.
const BOOTSTRAP: &str = "SystemBootstrap";
/// Priority of the processes that run the first code.
const PRIORITY: i64 = 40;

/// Has the image make its dictionary of globals, layouts, protocols and packages.
///
/// # Errors
/// Where its code fails.
pub fn organise(
    vm: &mut Vm,
    set: &PackageSet,
    classes: &[&ClassDefinition],
) -> Result<(), BuildError> {
    let globals = vm
        .names
        .globals_by_name()
        .into_iter()
        .map(|(name, _)| Ref::Global(name))
        .collect();
    let mut literals = Literals::default();
    let globals = literals.array(globals);
    run(
        vm,
        "the dictionary of globals",
        message("globals:", vec![globals], literals),
    )?;
    let protocols = protocols(set);
    for class in classes {
        let mut literals = Literals::default();
        let description = describe(vm, class, &protocols, &mut literals);
        let arguments = vec![Ref::Global(class.name.as_str().into()), description];
        run(
            vm,
            &class.name,
            message("describe:as:", arguments, literals),
        )?;
    }
    run(
        vm,
        "the class sides of roots",
        unary(BOOTSTRAP, "mendRoots"),
    )?;
    Ok(())
}

/// Sends `initialize` to every class whose class side defines it: by package, superclasses first.
///
/// # Errors
/// Where one fails, naming the class.
pub fn initialise(
    vm: &mut Vm,
    set: &PackageSet,
    classes: &[&ClassDefinition],
) -> Result<(), BuildError> {
    let defines = |class: &ClassDefinition| {
        class
            .methods
            .iter()
            .any(|method| method.is_meta && method.selector == "initialize")
    };
    for package in &set.packages {
        let own = classes
            .iter()
            .filter(|class| class.package == package.name && defines(class));
        for class in own {
            let step = format!("{} class>>initialize", class.name);
            run(vm, &step, unary(&class.name, "initialize"))?;
        }
    }
    Ok(())
}

/// Protocol name -> selectors, by class name and side.
type Protocols<'a> = BTreeMap<(&'a str, bool), BTreeMap<String, Vec<&'a str>>>;

fn protocols(set: &PackageSet) -> Protocols<'_> {
    let mut all = Protocols::new();
    for package in &set.packages {
        for method in package.classes.iter().flat_map(|class| &class.methods) {
            note(&mut all, method, method.protocol.clone());
        }
        for method in &package.extensions {
            note(&mut all, method, format!("*{}", package.name));
        }
    }
    all
}

fn note<'a>(all: &mut Protocols<'a>, method: &'a MethodDefinition, protocol: String) {
    let name = if protocol.is_empty() {
        "as yet unclassified".to_string()
    } else {
        protocol
    };
    let side = all.entry((&method.class_name, method.is_meta)).or_default();
    side.entry(name).or_default().push(&method.selector);
}

/// The array that `SystemBootstrap class>>describe:as:` reads.
fn describe(
    vm: &Vm,
    class: &ClassDefinition,
    protocols: &Protocols<'_>,
    literals: &mut Literals,
) -> Ref {
    let symbols = |names: &[String]| {
        names
            .iter()
            .map(|name| Ref::symbol(name.as_str()))
            .collect::<Vec<_>>()
    };
    let name: Name = class.name.as_str().into();
    let spec = vm
        .names
        .class(&name)
        .and_then(|entry| entry.shape.as_ref())
        .map_or(0, |shape| shape.spec.spec);
    let variable = |variable: &String| Ref::ClassVariable {
        class: name.clone(),
        name: variable.as_str().into(),
    };
    let fields = [
        symbols(&class.instance_variables),
        symbols(&class.class_instance_variables),
        class.class_variables.iter().map(variable).collect(),
        class
            .pools
            .iter()
            .map(|pool| Ref::Global(pool.as_str().into()))
            .collect(),
        literals.protocols(protocols.get(&(&*class.name, false))),
        literals.protocols(protocols.get(&(&*class.name, true))),
    ];
    let mut description = vec![Ref::Global(layout_of(spec).into())];
    description.extend(fields.map(|field| literals.array(field)));
    description.push(Ref::symbol(class.package.as_str()));
    description.push(Ref::symbol(if class.tag.is_empty() {
        class.package.as_str()
    } else {
        class.tag.as_str()
    }));
    description.push(literals.string(&class.comment));
    literals.array(description)
}

/// The layout class of an instance specification.
fn layout_of(spec: u8) -> &'static str {
    match spec {
        2 | 3 => "VariableLayout",
        4 => "WeakLayout",
        5 => "EphemeronLayout",
        7 => "ImmediateLayout",
        9 => "DoubleWordLayout",
        10 => "WordLayout",
        12 => "DoubleByteLayout",
        16 => "ByteLayout",
        24 => "CompiledMethodLayout",
        _ => "FixedLayout",
    }
}

/// Literal objects under construction.
#[derive(Default)]
struct Literals {
    locals: Vec<LocalObject>,
}

impl Literals {
    fn add(&mut self, class: &str, format: Format, body: Body) -> Ref {
        self.locals.push(LocalObject {
            class: Ref::class(class),
            format,
            hash: 0,
            read_only: false,
            body,
        });
        Ref::Local(self.locals.len() as u32 - 1)
    }

    fn array(&mut self, items: Vec<Ref>) -> Ref {
        self.add("Array", Format::ARRAY, Body::Slots(items))
    }

    /// A string; its form depends on whether Latin-1 holds all its characters.
    fn string(&mut self, text: &str) -> Ref {
        match text
            .chars()
            .map(|character| u8::try_from(u32::from(character)))
            .collect::<Result<Vec<u8>, _>>()
        {
            Ok(bytes) => self.add("ByteString", Format::BYTES, Body::Bytes(bytes)),
            Err(_) => {
                let words = text
                    .chars()
                    .flat_map(|character| u32::from(character).to_le_bytes())
                    .collect();
                self.add("WideString", Format::WORDS_32, Body::Bytes(words))
            }
        }
    }

    fn protocols(&mut self, protocols: Option<&BTreeMap<String, Vec<&str>>>) -> Vec<Ref> {
        let mut all = Vec::new();
        for (name, selectors) in protocols.into_iter().flatten() {
            let selectors = selectors
                .iter()
                .map(|selector| Ref::symbol(*selector))
                .collect();
            let selectors = self.array(selectors);
            all.push(self.array(vec![Ref::symbol(name.as_str()), selectors]));
        }
        all
    }
}

/// An expression that sends `selector` to [`BOOTSTRAP`]; arguments that are globals stand for
/// their values.
fn message(selector: &str, arguments: Vec<Ref>, literals: Literals) -> MethodDraft {
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
    let mut all = vec![Ref::Global(BOOTSTRAP.into())];
    all.extend(arguments);
    all.push(Ref::symbol(selector));
    expression(&code, all, literals.locals)
}

/// An expression that sends a unary message to a class.
fn unary(class: &str, selector: &str) -> MethodDraft {
    let send = Instruction::Send {
        literal: 1,
        arguments: 0,
    };
    let code = [
        Instruction::PushLiteralVariable(0),
        send,
        Instruction::ReturnTop,
    ];
    expression(
        &code,
        vec![Ref::Global(class.into()), Ref::symbol(selector)],
        Vec::new(),
    )
}

fn expression(
    code: &[Instruction],
    mut literals: Vec<Ref>,
    locals: Vec<LocalObject>,
) -> MethodDraft {
    let mut bytecodes = Vec::new();
    for instruction in code {
        imprint_isa::encoder::encode(*instruction, &mut bytecodes);
    }
    literals.extend([Ref::symbol("DoIt"), Ref::Global("UndefinedObject".into())]);
    let header = MethodHeader {
        literal_count: literals.len() as u16,
        ..MethodHeader::default()
    };
    MethodDraft {
        behavior: BehaviorName::class("UndefinedObject"),
        selector: "DoIt".into(),
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

/// Runs an expression to its end.
///
/// # Errors
/// Where it does not return, with what the machine says of it.
pub fn run(vm: &mut Vm, step: &str, draft: MethodDraft) -> Result<Oop, BuildError> {
    let failed = |why: String| BuildError::Initialise {
        step: step.to_string(),
        why,
    };
    let placed = Placed::nowhere(Draft::Method(draft));
    let Draft::Method(method) = &placed.draft else {
        return Ok(vm.heap.nil());
    };
    let mut installer = Installer {
        heap: &mut vm.heap,
        names: &mut vm.names,
        presence: &mut vm.presence,
        unbound: Unbound::Create,
    };
    let method = installer.make_method(method, &placed, 0)?;
    let nil = vm.heap.nil();
    let process = vm
        .spawn(method, nil, PRIORITY)
        .map_err(|failure| failed(format!("{failure:?}")))?;
    match vm.run_until(process, RunLimits::default()) {
        Outcome::Returned(value) => Ok(value),
        Outcome::Terminated { error } => {
            Err(failed(error.unwrap_or_else(|| {
                "its process was terminated".to_string()
            })))
        }
        other => Err(failed(format!("{other:?}"))),
    }
}
