//! What the image is told of packages that were installed: arrays for `PackageInstaller class>>install:`.
//!
//! They are made straight in the heap, without a collection between the first and the message that
//! takes them.

use std::collections::BTreeMap;

use imprint_heap::{Heap, NeedsSpace};
use imprint_isa::{BehaviorName, Name, Package, PackagedMethod};
use imprint_model::{ClassIndex, Oop};
use imprint_vm::install::{ClassShape, Names};
use rustc_hash::FxHashMap;

use crate::customs::array_of;
use crate::install::{Entered, Selectors, Stood, WasVariable};
use crate::plan::{Plan, PlannedClass};

/// A method of a plan: the positions of its package, and in that.
type Place = (usize, usize);
/// By protocol: the methods.
type Protocols<'p> = BTreeMap<&'p str, Vec<Place>>;
/// By behaviour: the protocols that packages bring.
pub(crate) type ProtocolsOfBehaviors<'p> = FxHashMap<&'p BehaviorName, Protocols<'p>>;

/// A class as the image is told of it.
struct Told {
    class: Oop,
    /// The protocols of both sides.
    protocols: [Oop; 2],
}

/// What is classified where, with the selectors that are symbols of the heap already.
struct Classified<'a, 'p> {
    plan: &'a Plan<'p>,
    protocols: &'a ProtocolsOfBehaviors<'p>,
    selectors: &'a Selectors,
}

impl Classified<'_, '_> {
    fn selector(&self, (package, method): Place, heap: &mut Heap) -> Result<Oop, NeedsSpace> {
        match self.selectors.get(package) {
            Some(selectors) => Ok(selectors[method]),
            None => heap.intern(&self.plan.packages[package].methods[method].draft.selector),
        }
    }
}

/// Makes arrays in a heap.
pub(crate) struct Orders<'a> {
    pub heap: &'a mut Heap,
    pub names: &'a Names,
}

impl Orders<'_> {
    /// Everything: see the comment of `PackageInstaller class>>install:`.
    pub fn make<'p>(
        &mut self,
        plan: &Plan<'p>,
        protocols: &ProtocolsOfBehaviors<'p>,
        globals: &[Oop],
        staying: &[Name],
        entered: &Entered<'p>,
        variables: &FxHashMap<&Name, Vec<WasVariable>>,
    ) -> Result<Oop, NeedsSpace> {
        let protocols = Classified {
            plan,
            protocols,
            selectors: &entered.selectors,
        };
        let globals = self.array(globals)?;
        let mut classes = Vec::with_capacity(plan.classes.len());
        let mut contents: FxHashMap<&Name, Vec<Oop>> = FxHashMap::default();
        for planned in &plan.classes {
            let (order, told) = self.class(planned, plan, &protocols)?;
            classes.push(order);
            let told = self.array(&[told.class, told.protocols[0], told.protocols[1]])?;
            contents
                .entry(&planned.package.name)
                .or_default()
                .push(told);
        }
        let extensions = self.extensions(plan, entered.is_over)?;
        let mut packages = Vec::with_capacity(plan.packages.len());
        for package in &plan.packages {
            let contents = contents.remove(&package.name).unwrap_or_default();
            packages.push(self.package(
                package,
                plan,
                staying,
                &entered.stood,
                variables,
                &contents,
            )?);
        }
        let parts = [
            globals,
            self.array(&classes)?,
            extensions,
            self.array(&packages)?,
        ];
        self.array(&parts)
    }

    /// What `PackageInstaller class>>foresee:` wants to know.
    pub fn foresee<'p>(
        &mut self,
        plan: &Plan<'p>,
        protocols: &ProtocolsOfBehaviors<'p>,
    ) -> Result<Oop, NeedsSpace> {
        let protocols = Classified {
            plan,
            protocols,
            selectors: &Selectors::new(),
        };
        let mut packages = Vec::with_capacity(plan.packages.len());
        for package in &plan.packages {
            let mut present = Vec::new();
            for planned in plan.classes_of(package).filter(|it| !it.is_new) {
                let told = self.told(&planned.class.draft.name, &protocols)?;
                present.push(self.array(&[told.class, told.protocols[0], told.protocols[1]])?);
            }
            let parts = [
                self.heap.intern(&package.name)?,
                self.symbols(package.classes.iter().map(|class| &class.draft.name))?,
                self.array(&present)?,
            ];
            packages.push(self.array(&parts)?);
        }
        self.array(&packages)
    }

    /// How a class looked: see `ReplacedClass>>shape`.
    fn former(&mut self, shape: &ClassShape) -> Result<Oop, NeedsSpace> {
        let superclass = match &shape.superclass {
            Some(name) => self.heap.intern(name)?,
            None => self.heap.nil(),
        };
        let spec = Oop::small_integer(shape.spec.to_small_integer());
        let parts = [
            superclass,
            spec.unwrap_or(Oop::small(0)),
            self.symbols(&shape.instance_variables)?,
            self.symbols(shape.class_variables_of_meta.iter().flatten())?,
            self.symbols(&shape.class_variables)?,
        ];
        self.array(&parts)
    }

    /// What `SystemBootstrap class>>reshape:as:` wants to know of classes, which look so now.
    pub fn reshaped<'n>(
        &mut self,
        classes: impl Iterator<Item = (&'n Name, &'n ClassShape)>,
    ) -> Result<Oop, NeedsSpace> {
        let mut pairs = Vec::new();
        for (name, shape) in classes {
            let parts = [
                self.binding(shape.spec.layout_class()),
                self.symbols(&shape.instance_variables)?,
                self.symbols(shape.class_variables_of_meta.iter().flatten())?,
            ];
            let description = self.array(&parts)?;
            let class = self.behavior(&BehaviorName::class(name.clone()));
            pairs.push(self.array(&[class, description])?);
        }
        self.array(&pairs)
    }

    fn array(&mut self, items: &[Oop]) -> Result<Oop, NeedsSpace> {
        array_of(self.heap, items)
    }

    fn symbols<'n>(
        &mut self,
        names: impl IntoIterator<Item = &'n Name>,
    ) -> Result<Oop, NeedsSpace> {
        let names = names.into_iter().map(|name| self.heap.intern(name));
        let symbols: Vec<Oop> = names.collect::<Result<_, _>>()?;
        self.array(&symbols)
    }

    fn string(&mut self, text: &str) -> Result<Oop, NeedsSpace> {
        let wide = self.names.class_index("WideString").unwrap_or(0);
        self.heap.new_string(ClassIndex::BYTE_STRING, wide, text)
    }

    fn behavior(&self, behavior: &BehaviorName) -> Oop {
        let found = self.names.behavior(self.heap, behavior);
        found.unwrap_or(self.heap.nil())
    }

    fn flag(&self, flag: bool) -> Oop {
        if flag {
            self.heap.true_object()
        } else {
            self.heap.false_object()
        }
    }

    fn binding(&self, name: &str) -> Oop {
        self.names.global(name).unwrap_or(self.heap.nil())
    }

    fn told(&mut self, name: &Name, classified: &Classified<'_, '_>) -> Result<Told, NeedsSpace> {
        let sides = [
            BehaviorName::class(name.clone()),
            BehaviorName::meta(name.clone()),
        ];
        Ok(Told {
            class: self.behavior(&sides[0]),
            protocols: [
                self.protocols(&sides[0], classified)?,
                self.protocols(&sides[1], classified)?,
            ],
        })
    }

    /// A class with what `SystemBootstrap class>>describe:as:` wants to know of it, and what changed.
    fn class(
        &mut self,
        planned: &PlannedClass<'_>,
        plan: &Plan<'_>,
        classified: &Classified<'_, '_>,
    ) -> Result<(Oop, Told), NeedsSpace> {
        let draft = &planned.class.draft;
        let name = &draft.name;
        let variables: Vec<Oop> = (draft.class_variables.iter())
            .filter_map(|variable| self.names.class_variable(name, variable))
            .collect();
        let pools: Vec<Oop> = draft.pools.iter().map(|pool| self.binding(pool)).collect();
        let meta_variables = draft.meta.as_ref().map(|meta| &meta.instance_variables);
        let tag = if draft.tag.is_empty() {
            &planned.package.name
        } else {
            &draft.tag
        };
        let told = self.told(name, classified)?;
        let description = [
            self.binding(draft.instance_spec.layout_class()),
            self.symbols(&draft.instance_variables)?,
            self.symbols(meta_variables.into_iter().flatten())?,
            self.array(&variables)?,
            self.array(&pools)?,
            told.protocols[0],
            told.protocols[1],
            self.heap.intern(&planned.package.name)?,
            self.heap.intern(tag)?,
            self.string(&planned.class.comment)?,
        ];
        let description = self.array(&description)?;
        let former = match plan.reshaped.get(name) {
            Some(shape) => self.former(shape)?,
            None => self.heap.nil(),
        };
        let is_new = self.flag(planned.is_new);
        let order = self.array(&[told.class, description, is_new, former])?;
        Ok((order, told))
    }

    /// The protocols of a behaviour, with their selectors.
    fn protocols(
        &mut self,
        behavior: &BehaviorName,
        classified: &Classified<'_, '_>,
    ) -> Result<Oop, NeedsSpace> {
        let mut pairs = Vec::new();
        for (name, places) in classified.protocols.get(behavior).into_iter().flatten() {
            let selectors = places.iter().map(|it| classified.selector(*it, self.heap));
            let selectors: Vec<Oop> = selectors.collect::<Result<_, _>>()?;
            let selectors = self.array(&selectors)?;
            let name = self.heap.intern(protocol_name(name))?;
            pairs.push(self.array(&[name, selectors])?);
        }
        self.array(&pairs)
    }

    /// Methods in classes of others: behavior, protocol, selectors, and whether some of these may be
    /// classified already.
    fn extensions(&mut self, plan: &Plan<'_>, is_over: bool) -> Result<Oop, NeedsSpace> {
        let mut all: BTreeMap<(&BehaviorName, &str), Vec<&Name>> = BTreeMap::new();
        for package in &plan.packages {
            for PackagedMethod { draft, .. } in extending(package) {
                let key = (&draft.behavior, &*draft.protocol);
                all.entry(key).or_default().push(&draft.selector);
            }
        }
        let is_over = self.flag(is_over);
        let mut orders = Vec::with_capacity(all.len());
        for ((behavior, protocol), selectors) in all {
            let protocol = self.heap.intern(protocol_name(protocol))?;
            let selectors = self.symbols(selectors)?;
            let behavior = self.behavior(behavior);
            orders.push(self.array(&[behavior, protocol, selectors, is_over])?);
        }
        self.array(&orders)
    }

    /// What `InstalledPackage class>>note:` and `InstalledPackage>>contents:` want to know.
    fn package(
        &mut self,
        package: &Package,
        plan: &Plan<'_>,
        staying: &[Name],
        stood: &FxHashMap<&Name, Vec<Stood>>,
        variables: &FxHashMap<&Name, Vec<WasVariable>>,
        contents: &[Oop],
    ) -> Result<Oop, NeedsSpace> {
        let fresh = plan.classes_of(package).filter(|it| it.is_new);
        let fresh: Vec<Oop> = fresh
            .map(|it| self.behavior(&BehaviorName::class(it.class.draft.name.clone())))
            .collect();
        let mut methods = Vec::new();
        for it in stood.get(&package.name).into_iter().flatten() {
            methods.push(self.array(&[it.behavior, it.selector, it.method])?);
        }
        let mut were = Vec::new();
        for it in variables.get(&package.name).into_iter().flatten() {
            let was_there = self.flag(it.was_there);
            were.push(self.array(&[it.binding, it.value, was_there])?);
        }
        let needed: Vec<&Name> = package.needed_packages();
        let others = needed.into_iter().filter(|name| **name != package.name);
        let parts = [
            self.heap.intern(&package.name)?,
            self.string(&package.version)?,
            self.symbols(others)?,
            self.symbols(
                package
                    .classes
                    .iter()
                    .map(|class| &class.draft.name)
                    .chain(staying),
            )?,
            self.array(&fresh)?,
            self.array(&methods)?,
            self.array(&were)?,
            self.array(contents)?,
        ];
        self.array(&parts)
    }
}

/// The methods of a package that go to classes which it does not bring.
pub(crate) fn extending(package: &Package) -> impl Iterator<Item = &PackagedMethod> {
    let is_extension = |method: &&PackagedMethod| method.draft.protocol.starts_with('*');
    package.methods.iter().filter(is_extension)
}

/// What is classified in the classes that packages bring: the plan says it, so that the heap is not needed.
pub(crate) fn protocols_of<'p>(plan: &Plan<'p>) -> ProtocolsOfBehaviors<'p> {
    let mut all = ProtocolsOfBehaviors::default();
    for (position, package) in plan.packages.iter().enumerate() {
        let methods = package.methods.iter().enumerate();
        for (method, PackagedMethod { draft, .. }) in methods {
            if !draft.protocol.starts_with('*') {
                let side = all.entry(&draft.behavior).or_default();
                let places = side.entry(&draft.protocol).or_default();
                places.push((position, method));
            }
        }
    }
    all
}

fn protocol_name(name: &str) -> &str {
    if name.is_empty() {
        "as yet unclassified"
    } else {
        name
    }
}
