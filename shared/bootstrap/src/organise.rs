//! What the image does first: it organises itself, then its classes initialise themselves.
//!
//! One message a class, to `SystemBootstrap` of the kernel, with everything that the sources say
//! of the class and a virtual machine does not need: slots, class variables, protocols, package,
//! comment. Then `initialize` of every class that defines it on its class side.

use std::collections::BTreeMap;

use imprint_isa::expression::{message, unary};
use imprint_isa::{BehaviorName, Body, LocalObject, MethodDraft, Name, Ref};
use imprint_loader::{ClassDefinition, MethodDefinition};
use imprint_model::{Format, Oop};
use imprint_vm::install::{Names, Unbound};
use imprint_vm::{Outcome, Vm};

use crate::difference::{Difference, OwnedMethod};
use crate::error::BuildError;
use crate::sketch::Sketch;
use crate::sources::PackageSet;

/// The class of the kernel that knows what an image keeps of a class.
const BOOTSTRAP: &str = "SystemBootstrap";

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
        message(BOOTSTRAP, "globals:", vec![globals], literals.locals),
    )?;
    let protocols = protocols(set);
    for class in classes {
        let mut literals = Literals::default();
        let description = describe(&vm.names, class, &protocols, &mut literals);
        let arguments = vec![Ref::Global(class.name.as_str().into()), description];
        run(
            vm,
            &class.name,
            message(BOOTSTRAP, "describe:as:", arguments, literals.locals),
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
    names: &Names,
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
    let shape = names.class(&name).and_then(|it| it.shape.as_ref());
    let layout = shape.map_or("FixedLayout", |shape| shape.spec.layout_class());
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
    let mut description = vec![Ref::Global(layout.into())];
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

/// What an image that runs does itself about code that came into it: expressions, each done only where a
/// method is there.
#[derive(Clone, PartialEq, Debug)]
pub struct OwnWork {
    /// The method that must be there.
    pub needs: (BehaviorName, Name),
    /// The class that must be new for it.
    pub for_new_class: Option<Name>,
    /// Done before it is all taken back.
    pub is_before_rollback: bool,
    /// The expression.
    pub expression: MethodDraft,
}

/// What an image does about what differs between two states of its sources; `set` is the later one.
pub fn own_work(difference: &Difference, set: &PackageSet, sketch: &Sketch) -> Vec<OwnWork> {
    let protocols = protocols(set);
    let mut work = Vec::new();
    for class in &difference.classes {
        work.extend(work_for_class(class, &protocols, sketch));
    }
    let is_described = |method: &OwnedMethod| {
        let mut described = difference.classes.iter();
        described.any(|class| class.name == method.method.class_name)
    };
    for method in difference.methods.iter().filter(|it| !is_described(it)) {
        let own = sketch.class(&method.method.class_name);
        let package = own.map(|class| class.package.to_string());
        let arguments = vec![
            Ref::symbol(method.method.selector.as_str()),
            Ref::Class(method.behavior()),
            Ref::symbol(method.shown_protocol(package.as_deref())),
        ];
        work.push(by_bootstrap(
            "classify:in:under:",
            arguments,
            Literals::default(),
        ));
    }
    for (behavior, selector) in &difference.removed {
        let arguments = vec![Ref::Symbol(selector.clone()), Ref::Class(behavior.clone())];
        work.push(by_bootstrap(
            "declassify:in:",
            arguments,
            Literals::default(),
        ));
    }
    work
}

/// What an image does about a class: if it is new, it finds it from now on and lets it initialise itself.
fn work_for_class(
    class: &ClassDefinition,
    protocols: &Protocols<'_>,
    sketch: &Sketch,
) -> Vec<OwnWork> {
    let name = Name::from(class.name.as_str());
    let for_new = |work: OwnWork| OwnWork {
        for_new_class: Some(name.clone()),
        ..work
    };
    let mut literals = Literals::default();
    let description = describe(sketch.names(), class, protocols, &mut literals);
    let binding = literals.array(vec![Ref::Global(name.clone())]);
    let adopt = by_bootstrap("adopt:as:", vec![binding, description], literals);
    let mut literals = Literals::default();
    let description = describe(sketch.names(), class, protocols, &mut literals);
    let arguments = vec![Ref::Global(name.clone()), description];
    let redescribe = by_bootstrap("redescribe:as:", arguments, literals);
    let remove = OwnWork {
        needs: (BehaviorName::class("Class"), "removeFromSystem".into()),
        is_before_rollback: true,
        ..by_itself(&name, "removeFromSystem")
    };
    let mut work = vec![for_new(adopt), redescribe, for_new(remove)];
    let mut methods = class.methods.iter();
    if methods.any(|method| method.is_meta && method.selector == "initialize") {
        work.push(for_new(by_itself(&name, "initialize")));
    }
    work
}

/// A class that is there initialises itself anew.
pub fn own_initialising(class: &Name) -> OwnWork {
    by_itself(class, "initialize")
}

fn by_bootstrap(selector: &str, arguments: Vec<Ref>, literals: Literals) -> OwnWork {
    OwnWork {
        needs: (BehaviorName::meta(BOOTSTRAP), selector.into()),
        for_new_class: None,
        is_before_rollback: false,
        expression: message(BOOTSTRAP, selector, arguments, literals.locals),
    }
}

/// A unary message to a class that it understands on its own class side.
fn by_itself(class: &Name, selector: &str) -> OwnWork {
    OwnWork {
        needs: (BehaviorName::meta(class.clone()), selector.into()),
        for_new_class: None,
        is_before_rollback: false,
        expression: unary(class, selector),
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
    let nil = vm.heap.nil();
    match vm.run_expression(&draft, nil, Unbound::Create)? {
        Outcome::Returned(value) => Ok(value),
        Outcome::Terminated { error } => {
            Err(failed(error.unwrap_or_else(|| {
                "its process was terminated".to_string()
            })))
        }
        other => Err(failed(format!("{other:?}"))),
    }
}
