//! Packages into a machine that runs, between two of its safepoints, and out of it again: all or nothing.
//!
//! ```text
//!   plan, verify, what was lost ── before ── revise ── books are kept ── image's part, objects, initialize
//!                                                          └── what fails behind here is all taken back
//! ```
//!
//! What is installed is one revision of the machine, the last one, with all that the image changed of itself
//! because of it: so [`Vm::revert`] takes it back at any later time, instances included. What initialisers,
//! and what runs before and after, did to objects of others stays done.

use std::collections::BTreeMap;

use imprint_heap::{Collection, Heap};
use imprint_isa::expression::{message, unary};
use imprint_isa::sends::sends;
use imprint_isa::special_selectors::SPECIAL_SELECTORS;
use imprint_isa::{BehaviorName, MethodDraft, Name, Package, Ref};
use imprint_model::Oop;
use imprint_model::layout::behavior;
use imprint_vm::Vm;
use imprint_vm::install::{Installer, MethodDictionary};
use imprint_vm::revise::{Holding, Until};
use rustc_hash::FxHashSet;

use crate::error::PackageError;
use crate::install::{Installation, Installed, Losing, TextKeeper, no_space};
use crate::ledger::Ledger;
use crate::manner::Manner;
use crate::newer::Leaving;
use crate::orders::protocols_of;
use crate::plan::{INSTALLER, Plan, plan_for_running};
use crate::uninstall::{about, uninstall_in};

/// Bytes that the image is told of a class with at most, on the average.
const CLASS_BYTES: usize = 16 * Heap::bytes_for(16);
/// Bytes that the image is told of a method with.
const METHOD_BYTES: usize = Heap::bytes_for(16);

/// Something that the image is told before what was installed is taken back.
#[derive(Clone, PartialEq, Debug)]
pub struct Farewell {
    /// The method that must be there for it.
    pub needs: (BehaviorName, Name),
    /// The expression.
    pub expression: MethodDraft,
}

impl Farewell {
    /// To a class that goes.
    pub fn to_class(name: &Name) -> Farewell {
        Farewell {
            needs: (BehaviorName::class("Class"), "removeFromSystem".into()),
            expression: unary(name, "removeFromSystem"),
        }
    }

    /// To a global that is no class.
    pub fn to_global(name: &Name) -> Farewell {
        let key = vec![Ref::Symbol(name.clone())];
        Farewell {
            needs: (BehaviorName::class("SmalltalkImage"), "removeKey:".into()),
            expression: message("Smalltalk", "removeKey:", key, Vec::new()),
        }
    }

    /// Tells it; an image that cannot hear it, or objects, goes back all the same.
    fn tell(&self, vm: &mut Vm) {
        let (behavior, selector) = &self.needs;
        if vm.bring_method(behavior, selector) {
            let nil = vm.heap.nil();
            let _ = vm.run_aside(&self.expression, nil);
        }
    }
}

/// Installs packages into a machine that runs, between two runs. A slim image that kept no books of packages
/// takes them without.
///
/// # Errors
/// [`PackageError`]; then nothing of them is there.
pub fn install_aside(
    vm: &mut Vm,
    packages: &[Package],
    losing: Losing,
    keep_text: &mut TextKeeper<'_>,
) -> Result<Installed, PackageError> {
    let keeps_books = keeps_books(vm);
    if !keeps_books && !vm.is_slim() {
        return Err(PackageError::NoInstaller(INSTALLER));
    }
    vm.names.note_listed_globals(&vm.heap);
    let plan = plan_for_running(packages, vm)?;
    plan.verify()?;
    let lost = lost_messages(vm, &plan);
    if !lost.is_empty() && losing == Losing::Refused {
        return Err(PackageError::Lost(lost));
    }
    let mut installation = Installation::new(vm, &plan, Manner::Aside);
    installation.done.warnings.extend(lost);
    installation.run_before()?;
    installation.enter_aside(losing, keeps_books, keep_text)?;
    Ok(installation.installed())
}

/// Takes a package out of a machine that runs and keeps books of packages: what it brought, and nothing else.
///
/// # Errors
/// Where it was not installed, or something that stays needs it; then nothing changed.
pub fn uninstall_aside(vm: &mut Vm, name: &str) -> Result<(), PackageError> {
    let standing = vm.undoable();
    vm.begin_revision();
    let ledger = Ledger::with_all_named(vm);
    vm.remember(&ledger.objects, Until::Sealed);
    let done = uninstall_in(vm, name, Manner::Aside);
    if done.is_err() {
        while vm.undoable() > standing {
            vm.revert()?;
        }
    }
    done
}

/// Whether an image that keeps books of packages says that it has this one.
pub fn is_installed(vm: &mut Vm, name: &str) -> bool {
    let nil = vm.heap.nil();
    let answer = vm.run_aside(&about(name, "isInstalled:"), nil);
    answer == Ok(vm.heap.true_object())
}

/// Whether an image can be told of packages.
pub fn keeps_books(vm: &Vm) -> bool {
    let installer = BehaviorName::meta(INSTALLER);
    vm.holding_of_method(&installer, "install:") == Holding::Here
}

/// What was taken back is told before it goes.
fn say_farewell(vm: &mut Vm, globals: &[Name]) {
    let classes = vm.classes_to_go(1);
    let farewells =
        (classes.iter().map(Farewell::to_class)).chain(globals.iter().map(Farewell::to_global));
    for farewell in farewells.collect::<Vec<Farewell>>() {
        farewell.tell(vm);
    }
}

impl Installation<'_, '_> {
    fn enter_aside(
        &mut self,
        losing: Losing,
        keeps_books: bool,
        keep_text: &mut TextKeeper<'_>,
    ) -> Result<(), PackageError> {
        let standing = self.vm.undoable();
        let done = self.enter_and_live(losing, keeps_books, keep_text);
        if done.is_err() {
            match self.vm.undoable() > standing {
                true => self.take_back()?,
                false => self.unbind_globals(),
            }
        }
        done
    }

    fn enter_and_live(
        &mut self,
        losing: Losing,
        keeps_books: bool,
        keep_text: &mut TextKeeper<'_>,
    ) -> Result<(), PackageError> {
        let protocols = protocols_of(self.plan);
        self.make_room()?;
        let leaving = match keeps_books {
            true => self.foresee(&protocols)?,
            false => Leaving::default(),
        };
        let entered = self.enter_over(leaving, losing, keep_text)?;
        let globals = self.plain_globals();
        self.vm.note_new_globals(globals);
        self.open_books();
        if keeps_books {
            self.organise(&protocols, &entered)?;
        }
        self.make_room()?;
        self.bring_to_life()?;
        self.vm.seal_revision();
        self.done.new_globals = self.plain_globals();
        Ok(())
    }

    /// The globals that come with objects, and were not there.
    fn plain_globals(&self) -> Vec<Name> {
        let is_class = |name: &&Name| {
            let mut classes = self.plan.classes.iter();
            classes.any(|it| it.class.draft.name == **name)
        };
        let globals = self.globals.iter().filter(|name| !is_class(name));
        globals.cloned().collect()
    }

    /// Keeps what the image will change of itself, and what the variables hold that get other values.
    fn open_books(&mut self) {
        let packages = self.plan.packages.iter();
        let methods = packages.flat_map(|package| &package.methods);
        let extended = methods.map(|method| &method.draft.behavior.class);
        let own = self.plan.classes.iter().map(|it| &it.class.draft.name);
        let classes: FxHashSet<&Name> = own.chain(extended).collect();
        let names: Vec<&Name> = self.plan.packages.iter().map(|it| &it.name).collect();
        let ledger = Ledger::of(self.vm, &names, classes.into_iter());
        let held = self.what_variables_held();
        let bindings = held.values().flatten().map(|it| it.binding);
        let bindings: Vec<Oop> = bindings.collect();
        let state = self.state_of_classes();
        self.vm.remember(&ledger.objects, Until::TakenBack);
        self.vm.remember(&bindings, Until::TakenBack);
        self.vm.remember(&state, Until::Sealed);
    }

    /// What initialisers may change of classes that were there: their own variables and class variables.
    fn state_of_classes(&self) -> Vec<Oop> {
        let names = &self.vm.names;
        let present = self.plan.classes.iter().filter(|it| !it.is_new);
        let state = present.flat_map(|it| {
            let name = &it.class.draft.name;
            let variables = names.class_variables_of(name).into_iter();
            let bindings = variables.map(|(_, binding)| binding);
            bindings.chain(names.class_object(&self.vm.heap, name))
        });
        state.collect()
    }

    fn take_back(&mut self) -> Result<(), PackageError> {
        say_farewell(self.vm, &self.plain_globals());
        self.vm.revert()?;
        Ok(())
    }

    /// Globals that were bound for objects, when nothing came of it.
    fn unbind_globals(&mut self) {
        for name in &self.globals {
            self.vm.names.unbind_global(name);
        }
    }

    /// Makes sure that everything fits which comes before the next message to the image.
    pub fn make_room(&mut self) -> Result<(), PackageError> {
        let packages = self.plan.packages.iter();
        let methods: usize = packages.clone().map(|package| package.methods.len()).sum();
        let objects = packages.flat_map(|package| &package.objects);
        let locals = objects.flat_map(|object| &object.locals);
        let of_objects: usize = locals.map(Installer::bytes_of_local).sum();
        let classes = (self.plan.classes.len() + self.plan.packages.len()) * CLASS_BYTES;
        // Symbols of the objects come besides.
        let bytes = classes + methods * METHOD_BYTES + 2 * of_objects;
        if self.vm.heap.reserve(bytes).is_ok() {
            return Ok(());
        }
        self.vm.collect(Collection::Full);
        self.vm.heap.reserve(bytes).map_err(no_space)
    }
}

/// What the packages send, and of which a slim image has lost every method: a sentence each.
fn lost_messages(vm: &Vm, plan: &Plan<'_>) -> Vec<String> {
    if !vm.is_slim() {
        return Vec::new();
    }
    let methods = plan.packages.iter().flat_map(|package| &package.methods);
    let mut understood: FxHashSet<&str> = SPECIAL_SELECTORS.iter().map(|(text, _)| *text).collect();
    understood.extend(methods.clone().map(|method| &*method.draft.selector));
    let present = selectors_of(vm);
    let mut lost: BTreeMap<Name, Vec<String>> = BTreeMap::new();
    for method in methods.map(|method| &method.draft) {
        for selector in sends(method) {
            if !understood.contains(&*selector) && !present.contains(&selector) {
                let sender = format!("{}>>{}", method.behavior, method.selector);
                lost.entry(selector).or_default().push(sender);
            }
        }
    }
    let sentence = |(selector, mut senders): (Name, Vec<String>)| {
        senders.dedup();
        format!(
            "{} sends {selector}, of which the image has lost every method",
            senders.join(", ")
        )
    };
    lost.into_iter().map(sentence).collect()
}

/// The selectors of all methods that an image has.
fn selectors_of(vm: &Vm) -> FxHashSet<Name> {
    let heap = &vm.heap;
    let dictionaries = heap
        .classes()
        .map(|(_, class)| heap.slot(class, behavior::METHOD_DICTIONARY));
    let dictionaries = dictionaries.filter(|it| it.is_object() && *it != heap.nil());
    let entries = dictionaries.flat_map(|dictionary| MethodDictionary(dictionary).entries(heap));
    let methods = entries.filter(|(_, value)| value.is_object() && heap.format(*value).is_code());
    methods
        .filter_map(|(selector, _)| heap.string_text(selector).map(Name::from))
        .collect()
}
