//! What will be installed, in which order, and whether it can be: nothing is changed here.

use imprint_heap::Heap;
use imprint_isa::{BehaviorName, ClassDraft, Name, Need, NeedKind, Package, PackagedClass, Ref};
use imprint_model::Oop;
use imprint_model::layout::{association, class};
use imprint_vm::Vm;
use imprint_vm::install::{ClassShape, Names};
use imprint_vm::revise::Holding;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::PackageError;
use crate::verification::{Receivers, verify_all, verify_frame};

/// The classes that an image must have to keep packages.
pub const INSTALLER: &str = "PackageInstaller";

/// Classes above a class, at most: those of an image may inherit in a circle.
const SUPERCLASSES_MAX: usize = 1024;

/// What will be installed.
pub struct Plan<'p> {
    /// The packages, each behind those that it needs something of.
    pub packages: Vec<&'p Package>,
    /// All classes, each behind its superclass.
    pub classes: Vec<PlannedClass<'p>>,
    /// The classes that are there and will look otherwise, with how they look now.
    pub reshaped: FxHashMap<&'p Name, ClassShape>,
    /// Who runs the methods.
    pub(crate) receivers: Receivers<'p>,
    /// By package: where its classes stand among all.
    own: FxHashMap<&'p Name, Vec<usize>>,
}

impl<'p> Plan<'p> {
    /// The classes that a package brings, each behind its superclass.
    pub fn classes_of(&self, package: &Package) -> impl Iterator<Item = &PlannedClass<'p>> {
        let own = self.own.get(&package.name).into_iter().flatten();
        own.map(|position| &self.classes[*position])
    }

    /// Looks at the methods and objects of all packages.
    ///
    /// # Errors
    /// The first rule that one breaks.
    pub fn verify(&self) -> Result<(), PackageError> {
        verify_all(self)
    }
}

/// A class that will be installed.
#[derive(Clone, Copy)]
pub struct PlannedClass<'p> {
    /// The package that brings it.
    pub package: &'p Package,
    /// The class.
    pub class: &'p PackagedClass,
    /// Whether the image has no class of the name.
    pub is_new: bool,
}

/// Looks at everything that could keep packages from being installed, but for methods and objects, which
/// [`Plan::verify`] looks at.
///
/// # Errors
/// All that is missing or in the way, a sentence for each; or the first class that breaks a rule.
pub fn plan<'p>(
    packages: &'p [Package],
    heap: &Heap,
    names: &Names,
) -> Result<Plan<'p>, PackageError> {
    plan_for(packages, heap, names, None)
}

/// The same, for a machine whose image may be slim: what was pruned is not there, whatever stands for it.
///
/// # Errors
/// As [`plan`].
pub fn plan_for_running<'p>(packages: &'p [Package], vm: &Vm) -> Result<Plan<'p>, PackageError> {
    plan_for(packages, &vm.heap, &vm.names, Some(vm))
}

fn plan_for<'p>(
    packages: &'p [Package],
    heap: &Heap,
    names: &Names,
    running: Option<&Vm>,
) -> Result<Plan<'p>, PackageError> {
    let mut target = Target {
        running,
        heap,
        names,
        brought: FxHashMap::default(),
        globals: FxHashSet::default(),
        faults: Vec::new(),
    };
    target.note_brought(packages);
    target.check_needs(packages);
    let classes = target.classes(packages);
    for planned in &classes {
        target.check_class(planned);
    }
    if !target.faults.is_empty() {
        return Err(PackageError::Lacking(target.faults));
    }
    packages.iter().try_for_each(verify_frame)?;
    let reshaped = target.reshaped(&classes);
    let mut own: FxHashMap<&Name, Vec<usize>> = FxHashMap::default();
    for (position, planned) in classes.iter().enumerate() {
        own.entry(&planned.package.name).or_default().push(position);
    }
    Ok(Plan {
        packages: in_order(packages),
        classes,
        reshaped,
        receivers: Receivers::of(packages, |behavior| target.fields_of_behavior(behavior)),
        own,
    })
}

/// The image that packages go to, and what they bring.
struct Target<'a, 'p> {
    /// The machine that knows what a slim image lost.
    running: Option<&'a Vm>,
    heap: &'a Heap,
    names: &'a Names,
    brought: FxHashMap<&'p str, (&'p Package, &'p PackagedClass)>,
    globals: FxHashSet<&'p str>,
    faults: Vec<String>,
}

impl<'p> Target<'_, 'p> {
    fn note_brought(&mut self, packages: &'p [Package]) {
        let mut names = FxHashSet::default();
        for package in packages {
            if !names.insert(&package.name) {
                let name = &package.name;
                self.faults
                    .push(format!("the package {name} comes twice; leave one out"));
            }
            for class in &package.classes {
                let name: &str = &class.draft.name;
                if let Some((other, _)) = self.brought.insert(name, (package, class)) {
                    let (one, other) = (&package.name, &other.name);
                    let fault = format!("the class {name} comes with {other} and with {one}");
                    self.faults.push(fault);
                }
            }
            let roots = package
                .objects
                .iter()
                .filter_map(|object| match &object.root {
                    Ref::Global(name) => Some(&**name),
                    _ => None,
                });
            self.globals.extend(roots);
        }
    }

    fn check_needs(&mut self, packages: &[Package]) {
        for package in packages {
            let missing = package.needs.iter().filter(|need| !self.has(need));
            let sentence =
                |need| format!("{}: {need}, which the image does not have", package.name);
            let sentences: Vec<String> = missing.map(sentence).collect();
            self.faults.extend(sentences);
        }
    }

    fn has(&self, need: &Need) -> bool {
        let has_class =
            |name: &str| self.brought.contains_key(name) || self.class_object(name).is_some();
        match need.kind {
            NeedKind::Superclass | NeedKind::Extended | NeedKind::Class => has_class(&need.name),
            NeedKind::Pool => has_class(&need.name) || self.has_global(&need.name),
            NeedKind::Global => self.has_global(&need.name),
            NeedKind::ClassVariable => self.has_class_variable(&need.name),
        }
    }

    /// A class of the image, and nothing that stands for one that was pruned.
    fn class_object(&self, name: &str) -> Option<Oop> {
        let class = self.names.class_object(self.heap, name)?;
        (!self.is_stand_in(class)).then_some(class)
    }

    fn is_stand_in(&self, class: Oop) -> bool {
        self.running.is_some_and(|vm| vm.is_stand_in(class))
    }

    fn has_global(&self, name: &str) -> bool {
        let is_here = || match self.running {
            Some(vm) => vm.holding_of_global(name) == Holding::Here,
            None => self.names.global(name).is_some(),
        };
        self.globals.contains(name) || is_here()
    }

    fn has_class_variable(&self, full_name: &str) -> bool {
        let Some((class, variable)) = full_name.split_once(">>") else {
            return false;
        };
        let declares =
            |class: &ClassDraft| class.class_variables.iter().any(|it| **it == *variable);
        match self.brought.get(class) {
            Some((_, class)) => declares(&class.draft),
            None => {
                let (class, variable) = (class.into(), variable.into());
                match self.running {
                    Some(vm) => vm.holding_of_variable(&class, &variable) == Holding::Here,
                    None => self.names.class_variable(&class, &variable).is_some(),
                }
            }
        }
    }

    /// All classes, superclasses first; those that inherit in a circle are faults.
    fn classes(&mut self, packages: &'p [Package]) -> Vec<PlannedClass<'p>> {
        let mut done: FxHashSet<&str> = FxHashSet::default();
        let mut ordered = Vec::with_capacity(self.brought.len());
        for class in packages.iter().flat_map(|package| &package.classes) {
            let mut way: Vec<&'p str> = Vec::new();
            let mut at: Option<&'p str> = Some(&class.draft.name);
            while let Some(name) = at.filter(|name| !done.contains(name)) {
                let Some((_, class)) = self.brought.get(name) else {
                    break;
                };
                if way.contains(&name) {
                    self.faults
                        .push(format!("the class {name} inherits from itself"));
                    break;
                }
                way.push(name);
                at = class.draft.superclass.as_deref();
            }
            for name in way.into_iter().rev().filter(|name| done.insert(name)) {
                let (package, class) = self.brought[name];
                let is_new = self.class_object(name).is_none();
                ordered.push(PlannedClass {
                    package,
                    class,
                    is_new,
                });
            }
        }
        ordered
    }

    fn check_class(&mut self, planned: &PlannedClass<'p>) {
        let draft = &planned.class.draft;
        let fault = match draft.meta {
            None => Some("it has no class side".to_owned()),
            Some(_) if planned.is_new => self.fault_of_new(draft),
            Some(_) => self.fault_of_present(draft, &planned.package.name),
        };
        if let Some(fault) = fault {
            let package = &planned.package.name;
            self.faults
                .push(format!("{package}: the class {}: {fault}", draft.name));
        }
    }

    fn fault_of_new(&self, draft: &ClassDraft) -> Option<String> {
        let is_taken = |binding| {
            let value = self.heap.slot(binding, association::VALUE);
            let stands_in = self.heap.looks_like_behavior(value) && self.is_stand_in(value);
            value != self.heap.nil() && !value.is_ghost() && !stands_in
        };
        if self.names.global(&draft.name).is_some_and(is_taken) {
            return Some("the image has a global of that name, which is no class".to_owned());
        }
        self.fault_of_fields(draft)
    }

    /// Code is compiled for so many inherited variables as the superclass had.
    fn fault_of_fields(&self, draft: &ClassDraft) -> Option<String> {
        let superclass = draft.superclass.as_ref()?;
        let (fields, meta_fields) = self.fields_of(superclass)?;
        let own = usize::from(draft.instance_spec.fixed_fields);
        if own != fields + draft.instance_variables.len() {
            let was = own.saturating_sub(draft.instance_variables.len());
            return Some(format!(
                "it was compiled where its superclass {superclass} has {was} instance variables, and \
                 here it has {fields}"
            ));
        }
        let meta = draft.meta.as_ref()?;
        (usize::from(meta.class_slots) != meta_fields + meta.instance_variables.len()).then(|| {
            format!("its superclass {superclass} has other class-side variables in this image")
        })
    }

    /// The number of fields that a class's instances, and the class, will have.
    fn fields_of(&self, name: &str) -> Option<(usize, usize)> {
        if let Some((_, class)) = self.brought.get(name) {
            let meta = class.draft.meta.as_ref()?;
            let fields = class.draft.instance_spec.fixed_fields;
            return Some((usize::from(fields), usize::from(meta.class_slots)));
        }
        let of = |behavior: &BehaviorName| {
            let oop = self.names.behavior(self.heap, behavior)?;
            let spec = self.heap.instance_spec(oop)?;
            Some(usize::from(spec.fixed_fields))
        };
        let class = of(&BehaviorName::class(name))?;
        let meta = of(&BehaviorName::meta(name)).unwrap_or(class::SIZE);
        let (grown, grown_meta) = self.growth_of(name).unwrap_or_default();
        Some((
            class.saturating_add_signed(grown),
            meta.saturating_add_signed(grown_meta),
        ))
    }

    /// By how much a class that stays as it is will grow with the nearest superclass that comes anew.
    fn growth_of(&self, name: &str) -> Option<(isize, isize)> {
        let mut at = Name::from(name);
        for _ in 0..SUPERCLASSES_MAX {
            at = self.names.class(&at)?.shape.as_ref()?.superclass.clone()?;
            if let Some((_, class)) = self.brought.get(&*at) {
                let meta = class.draft.meta.as_ref()?;
                let fields = |behavior: BehaviorName| {
                    self.names
                        .all_instance_variables(&behavior)
                        .map(|all| all.len())
                };
                let was = fields(BehaviorName::class(at.clone()))?;
                let meta_was = fields(BehaviorName::meta(at.clone()))?;
                let will = usize::from(class.draft.instance_spec.fixed_fields);
                let meta_will = usize::from(meta.class_slots);
                return Some((
                    will as isize - was as isize,
                    meta_will as isize - meta_was as isize,
                ));
            }
        }
        None
    }

    fn fault_of_present(&self, draft: &ClassDraft, package: &Name) -> Option<String> {
        let oop = self.class_object(&draft.name)?;
        let (owner, _) = self.names.package_of(self.heap, oop);
        if owner != *package && !owner.is_empty() {
            return Some(format!(
                "the image has a class of that name in the package {owner}"
            ));
        }
        self.fault_of_fields(draft)
    }

    /// The classes that will look otherwise than they do, inherit from another one, or declare other
    /// class variables.
    fn reshaped(&self, classes: &[PlannedClass<'p>]) -> FxHashMap<&'p Name, ClassShape> {
        let present = classes.iter().filter(|it| !it.is_new);
        let former = present.filter_map(|it| {
            let draft = &it.class.draft;
            let mut shape = self.names.class(&draft.name)?.shape.clone()?;
            let variables = self.names.class_variables_of(&draft.name).into_iter();
            shape.class_variables = variables.map(|(name, _)| name).collect();
            (!is_as_it_was(&shape, draft)).then_some((&draft.name, shape))
        });
        former.collect()
    }

    fn fields_of_behavior(&self, behavior: &BehaviorName) -> Option<usize> {
        let (fields, meta_fields) = self.fields_of(&behavior.class)?;
        Some(if behavior.meta { meta_fields } else { fields })
    }
}

fn is_as_it_was(shape: &ClassShape, draft: &ClassDraft) -> bool {
    let of_meta = draft.meta.as_ref().map(|meta| &meta.instance_variables);
    let declares = |variable: &Name| draft.class_variables.contains(variable);
    shape.superclass == draft.superclass
        && shape.spec == draft.instance_spec
        && shape.instance_variables == draft.instance_variables
        && shape.class_variables_of_meta.as_ref() == of_meta
        && shape.class_variables.iter().all(declares)
}

/// Packages behind those that they need something of; where two need each other, in the order in which
/// they were named.
fn in_order(packages: &[Package]) -> Vec<&Package> {
    let by_name: FxHashMap<&Name, &Package> = packages
        .iter()
        .map(|package| (&package.name, package))
        .collect();
    let mut ordered = Vec::with_capacity(packages.len());
    let mut entered = FxHashSet::default();
    // What is still to be visited; a second visit puts the package behind what it needs.
    let mut open: Vec<(&Package, bool)> = packages.iter().rev().map(|it| (it, false)).collect();
    while let Some((package, is_second)) = open.pop() {
        if is_second {
            ordered.push(package);
        } else if entered.insert(&package.name) {
            open.push((package, true));
            let needed = package.needed_packages().into_iter().rev();
            open.extend(needed.filter_map(|name| Some((*by_name.get(name)?, false))));
        }
    }
    ordered
}
