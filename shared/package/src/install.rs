//! Packages into a machine, with no compiler: all that was planned, then the image's own part of it.
//!
//! ```text
//!   plan ── before ── classes ── bindings ── methods ── PackageInstaller ── objects ── initialize ── after
//! ```
//!
//! The plan refuses what can be refused before anything changed. What fails behind it is the image's own
//! code; whoever installs into a file writes none then.

use std::thread;

use imprint_heap::NeedsSpace;
use imprint_isa::expression::{message, message_with_self, unary};
use imprint_isa::{Draft, MethodDraft, Name, Package, PackagedMethod, Placed, Ref};
use imprint_model::Oop;
use imprint_model::layout::{association, behavior};
use imprint_vm::install::{InstallError, Installer, MethodDictionary, Unbound};
use imprint_vm::{Outcome, Vm};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::customs::{TRAVELLERS, array_of, arriving};
use crate::error::PackageError;
use crate::orders::{Orders, ProtocolsOfBehaviors, protocols_of};
use crate::plan::{INSTALLER, Plan, PlannedClass, plan};

/// The class that remembers what packages brought.
const REGISTRY: &str = "InstalledPackage";
/// What classes are sent once they are there.
const INITIALIZE: &str = "initialize";

/// Keeps the text of a method; answers where it stands, 0 for nowhere.
pub type TextKeeper<'a> = dyn FnMut(&MethodDraft, &str) -> u64 + 'a;

/// What was installed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Installed {
    /// Classes that were not there before.
    pub new_classes: usize,
    /// Classes that were there before.
    pub present_classes: usize,
    /// Methods.
    pub methods: usize,
    /// Values of variables.
    pub objects: usize,
    /// Classes that were initialised.
    pub initialised: usize,
}

/// What stood under a selector of a class that was there before; nil for nothing.
pub(crate) struct Stood {
    pub behavior: Oop,
    pub selector: Oop,
    pub method: Oop,
}

/// What a variable held before.
pub(crate) struct WasVariable {
    pub binding: Oop,
    pub value: Oop,
    pub was_there: bool,
}

/// Installs packages.
///
/// # Errors
/// [`PackageError`]; where it is [`PackageError::Failed`] or space is missing, the machine may hold part
/// of the packages, and nobody should go on with it.
pub fn install(
    vm: &mut Vm,
    packages: &[Package],
    keep_text: &mut TextKeeper<'_>,
) -> Result<Installed, PackageError> {
    let plan = plan(packages, &vm.heap, &vm.names)?;
    for package in &plan.packages {
        if let Some(before) = &package.before {
            run(vm, &format!("what runs before {}", package.name), before)?;
        }
    }
    let mut installation = Installation {
        vm,
        plan: &plan,
        globals: Vec::new(),
        initialisers: Vec::new(),
    };
    // What needs no heap is made beside what fills it.
    thread::scope(|scope| {
        let protocols = scope.spawn(|| protocols_of(&plan));
        installation.install_classes()?;
        let stood = installation.what_stood()?;
        installation.install_methods(keep_text)?;
        let variables = installation.what_variables_held()?;
        let protocols = protocols.join().expect("sorting names does not panic");
        installation.organise(&protocols, &stood, &variables)
    })?;
    installation.install_objects()?;
    let initialised = installation.initialise()?;
    for package in &plan.packages {
        if let Some(after) = &package.after {
            run(vm, &format!("what runs after {}", package.name), after)?;
        }
    }
    let new_classes = plan.classes.iter().filter(|class| class.is_new).count();
    Ok(Installed {
        new_classes,
        present_classes: plan.classes.len() - new_classes,
        methods: packages.iter().map(|package| package.methods.len()).sum(),
        objects: packages.iter().map(|package| package.objects.len()).sum(),
        initialised,
    })
}

/// Takes a package out that was installed: what it brought, and nothing else.
///
/// # Errors
/// Where it was not installed, or something that stays needs it; then nothing changed.
pub fn uninstall(vm: &mut Vm, name: &str) -> Result<(), PackageError> {
    if vm.names.class_object(&vm.heap, REGISTRY).is_none() {
        return Err(PackageError::NoInstaller(REGISTRY));
    }
    let arguments = vec![Ref::symbol(name)];
    let expression = message(REGISTRY, "uninstall:", arguments, Vec::new());
    let answer = run(vm, &format!("taking {name} out"), &expression)?;
    match vm.heap.string_text(answer).as_deref() {
        Some("") => {}
        in_the_way => {
            return Err(PackageError::InTheWay(
                in_the_way.unwrap_or_default().to_owned(),
            ));
        }
    }
    vm.names.forget_renamed(&vm.heap);
    vm.flush_caches();
    Ok(())
}

/// Runs an expression to its end.
fn run(vm: &mut Vm, step: &str, expression: &MethodDraft) -> Result<Oop, PackageError> {
    let nil = vm.heap.nil();
    run_on(vm, step, expression, nil)
}

fn run_on(
    vm: &mut Vm,
    step: &str,
    expression: &MethodDraft,
    receiver: Oop,
) -> Result<Oop, PackageError> {
    let why = match vm.run_expression(expression, receiver, Unbound::Refuse)? {
        Outcome::Returned(value) => return Ok(value),
        Outcome::Terminated { error } => {
            error.unwrap_or_else(|| "its process was terminated".to_owned())
        }
        other => format!("{other:?}"),
    };
    let step = step.to_owned();
    Err(PackageError::Failed { step, why })
}

/// Packages on their way into a machine.
struct Installation<'a, 'p> {
    vm: &'a mut Vm,
    plan: &'a Plan<'p>,
    /// Bindings of globals that were not there before.
    globals: Vec<Oop>,
    /// Classes whose `initialize` is new or another one.
    initialisers: Vec<&'p Name>,
}

impl<'p> Installation<'_, 'p> {
    fn installer(&mut self) -> Installer<'_> {
        Installer {
            heap: &mut self.vm.heap,
            names: &mut self.vm.names,
            presence: &mut self.vm.presence,
            unbound: Unbound::Refuse,
        }
    }

    fn install_classes(&mut self) -> Result<(), PackageError> {
        for planned in &self.plan.classes {
            let draft = &planned.class.draft;
            if planned.is_new {
                let placed = Placed::nowhere(Draft::Class(draft.clone()));
                let class = self.installer().install(&placed)?;
                let binding = self.bind_global(&draft.name)?;
                self.vm.heap.store(binding, association::VALUE, class);
            }
            for variable in &draft.class_variables {
                self.installer()
                    .bind_class_variable(&draft.name, variable)
                    .map_err(no_space)?;
            }
        }
        let objects = self
            .plan
            .packages
            .iter()
            .flat_map(|package| &package.objects);
        for object in objects {
            if let Ref::Global(name) = &object.root {
                self.bind_global(name)?;
            }
        }
        Ok(())
    }

    fn bind_global(&mut self, name: &Name) -> Result<Oop, PackageError> {
        let is_new = self.vm.names.global(name).is_none();
        let binding = self.installer().bind_global(name).map_err(no_space)?;
        if is_new {
            self.globals.push(binding);
        }
        Ok(binding)
    }

    /// By package: what stands where its methods go, in behaviours that were there before.
    fn what_stood(&mut self) -> Result<FxHashMap<&'p Name, Vec<Stood>>, PackageError> {
        let fresh = self.plan.classes.iter().filter(|class| class.is_new);
        let fresh: FxHashSet<&Name> = fresh.map(|it| &it.class.draft.name).collect();
        let mut all: FxHashMap<&Name, Vec<Stood>> = FxHashMap::default();
        for package in &self.plan.packages {
            let methods = package.methods.iter().map(|method| &method.draft);
            for method in methods.filter(|it| !fresh.contains(&it.behavior.class)) {
                let stood = self.stands(method)?;
                all.entry(&package.name).or_default().push(stood);
            }
        }
        Ok(all)
    }

    fn stands(&mut self, method: &MethodDraft) -> Result<Stood, PackageError> {
        let heap = &mut self.vm.heap;
        let selector = heap.intern(&method.selector).map_err(no_space)?;
        let behavior = self
            .vm
            .names
            .behavior(heap, &method.behavior)
            .unwrap_or(heap.nil());
        let found = (behavior != heap.nil())
            .then(|| MethodDictionary(heap.slot(behavior, behavior::METHOD_DICTIONARY)))
            .and_then(|dictionary| dictionary.at(heap, selector));
        Ok(Stood {
            behavior,
            selector,
            method: found.unwrap_or(heap.nil()),
        })
    }

    fn install_methods(&mut self, keep_text: &mut TextKeeper<'_>) -> Result<(), PackageError> {
        for package in &self.plan.packages {
            let same = |one: &PackagedMethod, other: &PackagedMethod| {
                one.draft.behavior == other.draft.behavior
            };
            for methods in package.methods.chunk_by(same) {
                let initialiser = self.initialiser_before(methods)?;
                let drafts: Vec<(&MethodDraft, u64)> = methods
                    .iter()
                    .map(|it| (&it.draft, keep(it, keep_text)))
                    .collect();
                let made = self.installer().install_methods(&drafts)?;
                if let Some((position, name, before)) = initialiser
                    && !is_same_code(&self.vm.heap, before, made[position])
                {
                    self.initialisers.push(name);
                }
            }
        }
        self.vm.flush_caches();
        Ok(())
    }

    /// Where a class-side `initialize` is among methods: its position, its class, and what stood there.
    fn initialiser_before(
        &mut self,
        methods: &'p [PackagedMethod],
    ) -> Result<Option<(usize, &'p Name, Oop)>, PackageError> {
        let is_initialiser =
            |it: &PackagedMethod| it.draft.behavior.meta && &*it.draft.selector == INITIALIZE;
        let Some(position) = methods.iter().position(is_initialiser) else {
            return Ok(None);
        };
        let draft = &methods[position].draft;
        let stood = self.stands(draft)?;
        Ok(Some((position, &draft.behavior.class, stood.method)))
    }

    /// By package: what the variables that its objects go to hold now.
    fn what_variables_held(
        &mut self,
    ) -> Result<FxHashMap<&'p Name, Vec<WasVariable>>, PackageError> {
        let brought = self.plan.classes.iter().map(|it| &it.class.draft.name);
        let brought: FxHashSet<&Name> = brought.collect();
        let mut all: FxHashMap<&Name, Vec<WasVariable>> = FxHashMap::default();
        for package in &self.plan.packages {
            for object in &package.objects {
                let binding = match &object.root {
                    Ref::Global(name) => self.vm.names.global(name),
                    Ref::ClassVariable { class, .. } if brought.contains(class) => None,
                    Ref::ClassVariable { class, name } => self.vm.names.class_variable(class, name),
                    _ => None,
                };
                let held = binding.map(|binding| WasVariable {
                    binding,
                    value: self.vm.heap.slot(binding, association::VALUE),
                    was_there: !self.globals.contains(&binding),
                });
                all.entry(&package.name).or_default().extend(held);
            }
        }
        Ok(all)
    }

    /// Lets the image make everything of it that a machine does not read.
    fn organise(
        &mut self,
        protocols: &ProtocolsOfBehaviors<'_>,
        stood: &FxHashMap<&Name, Vec<Stood>>,
        variables: &FxHashMap<&Name, Vec<WasVariable>>,
    ) -> Result<(), PackageError> {
        let mut orders = Orders {
            heap: &mut self.vm.heap,
            names: &self.vm.names,
        };
        let orders = orders
            .make(self.plan, protocols, &self.globals, stood, variables)
            .map_err(no_space)?;
        let expression = message_with_self(INSTALLER, "install:");
        run_on(
            self.vm,
            "making the packages part of the image",
            &expression,
            orders,
        )?;
        // Uninstalled leftovers of an older version went in Smalltalk.
        self.vm.names.forget_renamed(&self.vm.heap);
        self.vm.flush_caches();
        Ok(())
    }

    /// Installs the values of variables, and lets those of their objects that have something to mend in
    /// this image do so, each graph by itself.
    fn install_objects(&mut self) -> Result<(), PackageError> {
        let objects = self
            .plan
            .packages
            .iter()
            .flat_map(|package| &package.objects);
        for object in objects {
            let placed = Placed::nowhere(Draft::Object(object.clone()));
            let graph = self.installer().install_graph(object, &placed)?;
            let arriving = arriving(&self.vm.heap, &graph);
            if !arriving.is_empty() {
                let arriving = array_of(&mut self.vm.heap, &arriving).map_err(no_space)?;
                let expression = message_with_self(TRAVELLERS, "arrived:");
                run_on(self.vm, "the arrival of objects", &expression, arriving)?;
            }
        }
        Ok(())
    }

    /// Sends `initialize` to the classes that have a new one: package by package, superclasses first,
    /// and each behind those that its initialiser names.
    fn initialise(&mut self) -> Result<usize, PackageError> {
        let order = initialising_order(self.plan, &self.initialisers);
        for name in &order {
            let step = format!("{name} class>>{INITIALIZE}");
            run(self.vm, &step, &unary(name, INITIALIZE))?;
        }
        Ok(order.len())
    }
}

fn no_space(space: NeedsSpace) -> PackageError {
    PackageError::Install(InstallError::from(space))
}

fn keep(method: &PackagedMethod, keep_text: &mut TextKeeper<'_>) -> u64 {
    if method.text.is_empty() {
        0
    } else {
        keep_text(&method.draft, &method.text)
    }
}

/// The classes with initialisers, in the order in which these run.
fn initialising_order<'p>(plan: &Plan<'p>, chosen: &[&'p Name]) -> Vec<&'p Name> {
    let wanted: FxHashSet<&Name> = chosen.iter().copied().collect();
    let classes: FxHashMap<&Name, &PlannedClass<'p>> = plan
        .classes
        .iter()
        .map(|it| (&it.class.draft.name, it))
        .collect();
    let named = named_by_initialisers(plan);
    let mut order = Vec::new();
    let mut entered = FxHashSet::default();
    let in_packages = plan.packages.iter().flat_map(|package| {
        plan.classes
            .iter()
            .filter(|it| it.package.name == package.name)
    });
    let extended = chosen
        .iter()
        .copied()
        .filter(|name| !classes.contains_key(name));
    let starts = in_packages.map(|it| &it.class.draft.name).chain(extended);
    for start in starts {
        let mut open = vec![(start, false)];
        while let Some((name, is_second)) = open.pop() {
            if is_second {
                order.push(name);
            } else if entered.insert(name) {
                open.push((name, true));
                let superclass = classes
                    .get(name)
                    .and_then(|it| it.class.draft.superclass.as_ref());
                let others = named.get(name).into_iter().flatten().copied();
                open.extend(others.chain(superclass).map(|name| (name, false)));
            }
        }
    }
    order.retain(|name| wanted.contains(name));
    order
}

/// By class: the classes that its class-side `initialize` names.
fn named_by_initialisers<'p>(plan: &Plan<'p>) -> FxHashMap<&'p Name, Vec<&'p Name>> {
    let methods = plan.packages.iter().flat_map(|package| &package.methods);
    let is_initialiser =
        |it: &&PackagedMethod| it.draft.behavior.meta && &*it.draft.selector == INITIALIZE;
    let mut named = FxHashMap::default();
    for PackagedMethod { draft, .. } in methods.filter(is_initialiser) {
        let locals = draft.locals.iter().filter_map(|local| match &local.body {
            imprint_isa::Body::Code(code) => Some(&code.literals),
            _ => None,
        });
        let literals = std::iter::once(&draft.code.literals)
            .chain(locals)
            .flatten();
        let globals = literals.filter_map(|literal| match literal {
            Ref::Global(name) if *name != draft.behavior.class => Some(name),
            _ => None,
        });
        named.insert(&draft.behavior.class, globals.collect());
    }
    named
}

/// Whether two methods do the same: the same bytecodes, and literals that are the same or look so.
fn is_same_code(heap: &imprint_heap::Heap, one: Oop, other: Oop) -> bool {
    use imprint_vm::install::TRAILER_BYTES;
    let is_code = |oop: Oop| oop.is_object() && heap.format(oop).is_code();
    if !is_code(one) || !is_code(other) {
        return false;
    }
    let bytes = |oop: Oop| {
        let bytes = heap.code_bytes(oop);
        &bytes[..bytes.len().saturating_sub(TRAILER_BYTES)]
    };
    let count = heap.literal_count(one);
    bytes(one) == bytes(other)
        && count == heap.literal_count(other)
        && (0..count).all(|index| {
            looks_same(
                heap,
                (one, heap.literal(one, index)),
                (other, heap.literal(other, index)),
                0,
            )
        })
}

/// Whether two literals look the same; each comes with the method that it is of.
fn looks_same(
    heap: &imprint_heap::Heap,
    (home, one): (Oop, Oop),
    (other_home, other): (Oop, Oop),
    depth: usize,
) -> bool {
    /// Literals nested deeper are taken for different: the class is initialised once more.
    const DEPTH_MAX: usize = 20;
    if one == other || (one, other) == (home, other_home) {
        return true;
    }
    let are_alike = one.is_object()
        && other.is_object()
        && depth < DEPTH_MAX
        && heap.class_index_of(one) == heap.class_index_of(other)
        && heap.format(one) == heap.format(other)
        && !heap.is_symbol(one);
    if !are_alike {
        return false;
    }
    let format = heap.format(one);
    if format.is_raw() && !format.is_code() {
        return heap.bytes(one) == heap.bytes(other);
    }
    if format.is_code() && heap.code_bytes(one) != heap.code_bytes(other) {
        return false;
    }
    let count = heap.pointer_slot_count(one);
    count == heap.pointer_slot_count(other)
        && (0..count).all(|slot| {
            let pair = (heap.slot(one, slot), heap.slot(other, slot));
            looks_same(heap, (home, pair.0), (other_home, pair.1), depth + 1)
        })
}
