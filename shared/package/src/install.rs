//! Packages into a machine, with no compiler: all that was planned, then the image's own part of it.
//!
//! ```text
//!   plan ── before ─┬─ classes ── bindings ── methods ─┬─ PackageInstaller ── objects ── initialize ── after
//!                   └─ over an older version: revise ──┘
//! ```
//!
//! The plan refuses what can be refused before anything changed, and a revision what it would lose. What
//! fails behind them is the image's own code; whoever installs into a file writes none then.

use std::thread;

use imprint_heap::NeedsSpace;
use imprint_isa::expression::{message_with_self, unary};
use imprint_isa::{Draft, MethodDraft, Name, Package, PackagedMethod, Placed, Ref};
use imprint_model::Oop;
use imprint_model::layout::{association, behavior};
use imprint_vm::Vm;
use imprint_vm::install::{InstallError, Installer, MethodDictionary, Unbound};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::customs::{TRAVELLERS, array_of, arriving};
use crate::error::PackageError;
use crate::initialisers::{INITIALIZE, initialising_order, is_initialiser, is_same_code};
use crate::manner::Manner;
use crate::orders::{Orders, ProtocolsOfBehaviors, protocols_of};
use crate::plan::{INSTALLER, Plan, plan};
use crate::uninstall::REGISTRY;
use crate::verification::Lookout;

/// The class-side variable of the registry that holds what it remembers.
const REGISTERED: &str = "registry";

/// What happens where a newer version takes away what the image uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Losing {
    /// It is refused, with a list.
    Refused,
    /// It is done, and told.
    Accepted,
}

/// Keeps the text of a method; answers where it stands, 0 for nowhere.
pub type TextKeeper<'a> = dyn FnMut(&MethodDraft, &str) -> u64 + 'a;

/// What was installed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
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
    /// Instances that look otherwise now.
    pub migrated: usize,
    /// Methods and blocks that stay, and were made to fit.
    pub adapted: usize,
    /// What was lost, a sentence each.
    pub losses: Vec<String>,
    /// What a user should know, a sentence each.
    pub warnings: Vec<String>,
    /// Globals that came with objects, and were not there before.
    pub new_globals: Vec<Name>,
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
/// Where nothing is there of which they could be a newer version, code that breaks a rule may be found
/// when other code is there already; none of it has run then.
///
/// # Errors
/// [`PackageError`]; where it is [`PackageError::Failed`], or code was rejected, or space is missing, the
/// machine may hold part of the packages, and nobody should go on with it.
pub fn install(
    vm: &mut Vm,
    packages: &[Package],
    losing: Losing,
    keep_text: &mut TextKeeper<'_>,
) -> Result<Installed, PackageError> {
    if vm.names.class_object(&vm.heap, INSTALLER).is_none() {
        return Err(PackageError::NoInstaller(INSTALLER));
    }
    let plan = plan(packages, &vm.heap, &vm.names)?;
    let runs_before = plan.packages.iter().any(|it| it.before.is_some());
    let is_first = !runs_before && is_first(vm, &plan);
    if !is_first {
        plan.verify()?;
    }
    let mut installation = Installation::new(vm, &plan, Manner::Alone);
    installation.run_before()?;
    if is_first {
        installation.enter_first(keep_text)?;
    } else {
        installation.enter_again(losing, keep_text)?;
    }
    installation.bring_to_life()?;
    Ok(installation.installed())
}

/// Packages on their way into a machine.
pub(crate) struct Installation<'a, 'p> {
    pub vm: &'a mut Vm,
    pub plan: &'a Plan<'p>,
    /// How the image's own code runs.
    pub manner: Manner,
    /// Globals that were not there before.
    pub globals: Vec<Name>,
    /// Classes of an older version that stay though the newer one does not bring them.
    pub staying: Vec<Name>,
    /// Classes whose `initialize` is new or another one.
    pub initialisers: Vec<&'p Name>,
    /// What was done so far.
    pub done: Installed,
}

/// By package: what stood where its methods go, in behaviours that were there before.
pub(crate) type StoodByPackage<'p> = FxHashMap<&'p Name, Vec<Stood>>;
/// By package, in the plan's order, and method: its selector. Empty where nobody kept them.
pub(crate) type Selectors = Vec<Vec<Oop>>;

/// What is known once classes and methods are in the machine.
pub(crate) struct Entered<'p> {
    pub stood: StoodByPackage<'p>,
    pub selectors: Selectors,
    /// Whether a method may have gone where another one was.
    pub is_over: bool,
}

impl<'a, 'p> Installation<'a, 'p> {
    /// Nothing was done yet.
    pub fn new(vm: &'a mut Vm, plan: &'a Plan<'p>, manner: Manner) -> Installation<'a, 'p> {
        Installation {
            vm,
            plan,
            manner,
            globals: Vec::new(),
            staying: Vec::new(),
            initialisers: Vec::new(),
            done: Installed::default(),
        }
    }

    /// Runs what packages have run before they are there.
    pub fn run_before(&mut self) -> Result<(), PackageError> {
        for package in &self.plan.packages {
            if let Some(before) = &package.before {
                let step = format!("what runs before {}", package.name);
                self.manner.run(self.vm, &step, before)?;
            }
        }
        Ok(())
    }

    /// Gives what was entered its objects, and has it initialise itself.
    pub fn bring_to_life(&mut self) -> Result<(), PackageError> {
        self.install_objects()?;
        self.initialise()?;
        for package in &self.plan.packages {
            if let Some(after) = &package.after {
                let step = format!("what runs after {}", package.name);
                self.manner.run(self.vm, &step, after)?;
            }
        }
        Ok(())
    }

    /// What was installed, once it is done.
    pub fn installed(self) -> Installed {
        let plan = self.plan;
        let new_classes = plan.classes.iter().filter(|class| class.is_new).count();
        let packages = plan.packages.iter();
        Installed {
            new_classes,
            present_classes: plan.classes.len() - new_classes,
            methods: packages.clone().map(|package| package.methods.len()).sum(),
            objects: packages.map(|package| package.objects.len()).sum(),
            ..self.done
        }
    }

    fn installer(&mut self) -> Installer<'_> {
        Installer {
            heap: &mut self.vm.heap,
            names: &mut self.vm.names,
            presence: &mut self.vm.presence,
            unbound: Unbound::Refuse,
        }
    }

    /// Enters packages of which nothing is there. What needs no heap is made beside what fills it.
    fn enter_first(&mut self, keep_text: &mut TextKeeper<'_>) -> Result<(), PackageError> {
        let plan = self.plan;
        thread::scope(|scope| {
            let lookout = Lookout::begin(scope, plan);
            let protocols = scope.spawn(|| protocols_of(plan));
            let entered = self.enter(Some(&lookout), keep_text)?;
            let protocols = protocols.join().expect("sorting names does not panic");
            self.organise(&protocols, &entered)
        })
    }

    /// Enters packages of which others, or older versions, may be there. All was verified.
    fn enter_again(
        &mut self,
        losing: Losing,
        keep_text: &mut TextKeeper<'_>,
    ) -> Result<(), PackageError> {
        let protocols = protocols_of(self.plan);
        let leaving = self.foresee(&protocols)?;
        let is_first = leaving.is_empty() && self.plan.classes.iter().all(|it| it.is_new);
        let entered = match is_first {
            true => self.enter(None, keep_text)?,
            false => self.enter_over(leaving, losing, keep_text)?,
        };
        self.organise(&protocols, &entered)?;
        // Classes of an older version went in Smalltalk.
        self.vm.names.forget_renamed(&self.vm.heap);
        Ok(())
    }

    /// Enters classes and methods where all classes are as the packages have them, or are new.
    fn enter(
        &mut self,
        lookout: Option<&Lookout>,
        keep_text: &mut TextKeeper<'_>,
    ) -> Result<Entered<'p>, PackageError> {
        self.install_classes()?;
        let mut entered = Entered {
            stood: self.what_stood()?,
            selectors: Selectors::with_capacity(self.plan.packages.len()),
            is_over: false,
        };
        self.install_methods(&mut entered, lookout, keep_text)?;
        Ok(entered)
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
        self.bind_globals_of_objects()
    }

    pub fn bind_globals_of_objects(&mut self) -> Result<(), PackageError> {
        let packages = self.plan.packages.iter();
        for object in packages.flat_map(|package| &package.objects) {
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
            self.globals.push(name.clone());
        }
        Ok(binding)
    }

    fn what_stood(&mut self) -> Result<StoodByPackage<'p>, PackageError> {
        let fresh = self.plan.classes.iter().filter(|class| class.is_new);
        let fresh: FxHashSet<&Name> = fresh.map(|it| &it.class.draft.name).collect();
        let mut all = StoodByPackage::default();
        for package in &self.plan.packages {
            let extending = (package.methods.chunk_by(is_of_same_behavior))
                .filter(|methods| !fresh.contains(&methods[0].draft.behavior.class));
            for method in extending.flatten() {
                let stood = self.stands(&method.draft)?;
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

    /// Installs the methods of each package once somebody has looked at them.
    fn install_methods(
        &mut self,
        entered: &mut Entered<'p>,
        lookout: Option<&Lookout>,
        keep_text: &mut TextKeeper<'_>,
    ) -> Result<(), PackageError> {
        for package in &self.plan.packages {
            if let Some(lookout) = lookout {
                lookout.pass()?;
            }
            self.install_methods_of(package, entered, keep_text)?;
        }
        self.vm.flush_caches();
        Ok(())
    }

    fn install_methods_of(
        &mut self,
        package: &'p Package,
        entered: &mut Entered<'p>,
        keep_text: &mut TextKeeper<'_>,
    ) -> Result<(), PackageError> {
        let mut selectors = Vec::with_capacity(package.methods.len());
        for methods in package.methods.chunk_by(is_of_same_behavior) {
            let initialiser = self.initialiser_before(methods)?;
            let drafts: Vec<(&MethodDraft, u64)> = methods
                .iter()
                .map(|it| (&it.draft, keep(it, keep_text)))
                .collect();
            let made = self.installer().install_methods(&drafts)?;
            if let Some((position, name, before)) = initialiser
                && !is_same_code(&self.vm.heap, before, made.all[position].method)
            {
                self.initialisers.push(name);
            }
            selectors.extend(made.all.iter().map(|it| it.selector));
            entered.is_over |= made.is_over;
        }
        entered.selectors.push(selectors);
        Ok(())
    }

    /// Where a class-side `initialize` is among methods: its position, its class, and what stood there.
    fn initialiser_before(
        &mut self,
        methods: &'p [PackagedMethod],
    ) -> Result<Option<(usize, &'p Name, Oop)>, PackageError> {
        let Some(position) = methods.iter().position(|it| is_initialiser(&it.draft)) else {
            return Ok(None);
        };
        let draft = &methods[position].draft;
        let stood = self.stands(draft)?;
        Ok(Some((position, &draft.behavior.class, stood.method)))
    }

    /// By package: what the variables that its objects go to hold now.
    pub fn what_variables_held(&self) -> FxHashMap<&'p Name, Vec<WasVariable>> {
        let brought = self.plan.classes.iter().map(|it| &it.class.draft.name);
        let brought: FxHashSet<&Name> = brought.collect();
        let mut all: FxHashMap<&Name, Vec<WasVariable>> = FxHashMap::default();
        for package in &self.plan.packages {
            for object in &package.objects {
                let (binding, was_there) = match &object.root {
                    Ref::Global(name) => (self.vm.names.global(name), !self.globals.contains(name)),
                    Ref::ClassVariable { class, name } if !brought.contains(class) => {
                        (self.vm.names.class_variable(class, name), true)
                    }
                    _ => (None, true),
                };
                let held = binding.map(|binding| WasVariable {
                    binding,
                    value: self.vm.heap.slot(binding, association::VALUE),
                    was_there,
                });
                all.entry(&package.name).or_default().extend(held);
            }
        }
        all
    }

    /// Lets the image make everything of it that a machine does not read.
    pub fn organise(
        &mut self,
        protocols: &ProtocolsOfBehaviors<'p>,
        entered: &Entered<'p>,
    ) -> Result<(), PackageError> {
        let variables = self.what_variables_held();
        let bound = self.globals.iter();
        let globals: Vec<Oop> = bound
            .filter_map(|name| self.vm.names.global(name))
            .collect();
        let mut orders = Orders {
            heap: &mut self.vm.heap,
            names: &self.vm.names,
        };
        let orders = orders
            .make(
                self.plan,
                protocols,
                &globals,
                &self.staying,
                entered,
                &variables,
            )
            .map_err(no_space)?;
        let expression = message_with_self(INSTALLER, "install:");
        let step = "making the packages part of the image";
        self.manner.run_on(self.vm, step, &expression, orders)?;
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
                let step = "the arrival of objects";
                self.manner.run_on(self.vm, step, &expression, arriving)?;
            }
        }
        Ok(())
    }

    /// Sends `initialize` to the classes that have a new one: package by package, superclasses first,
    /// and each behind those that its initialiser names.
    fn initialise(&mut self) -> Result<(), PackageError> {
        let order = initialising_order(self.plan, &self.initialisers);
        for name in &order {
            let step = format!("{name} class>>{INITIALIZE}");
            self.manner.run(self.vm, &step, &unary(name, INITIALIZE))?;
        }
        self.done.initialised = order.len();
        Ok(())
    }
}

fn is_of_same_behavior(one: &PackagedMethod, other: &PackagedMethod) -> bool {
    one.draft.behavior == other.draft.behavior
}

/// Whether nothing is there of which packages could be a newer version.
fn is_first(vm: &Vm, plan: &Plan<'_>) -> bool {
    let registry = vm.names.class_object(&vm.heap, REGISTRY).and_then(|class| {
        let mut slots = vm.names.class_side_slots(REGISTRY).into_iter();
        let (slot, _) = slots.find(|(_, name)| &**name == REGISTERED)?;
        Some(vm.heap.slot(class, slot))
    });
    let remembers = registry.is_some_and(|registry| registry != vm.heap.nil());
    !remembers && plan.classes.iter().all(|class| class.is_new)
}

pub(crate) fn no_space(space: NeedsSpace) -> PackageError {
    PackageError::Install(InstallError::from(space))
}

pub(crate) fn keep(method: &PackagedMethod, keep_text: &mut TextKeeper<'_>) -> u64 {
    if method.text.is_empty() {
        0
    } else {
        keep_text(&method.draft, &method.text)
    }
}
