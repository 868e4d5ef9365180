//! A newer version of packages over what an older one brought: instances are migrated as a push does it.
//!
//! ```text
//!   what goes (asked of the image) ── revise: shapes, instances, code ── what stood, for the image to keep
//! ```
//!
//! Methods that the older version brought and the newer one does not go away; what others put into its
//! classes stays. Classes go too, unless others inherit from them.

use imprint_isa::expression::message_with_self;
use imprint_isa::{BehaviorName, ClassDraft, MethodDraft, Name};
use imprint_model::Oop;
use imprint_vm::Vm;
use imprint_vm::revise::{NewMethod, Revision};
use rustc_hash::FxHashMap;

use crate::customs::slots_of;
use crate::error::PackageError;
use crate::initialisers::{is_initialiser, is_same_code};
use crate::install::{
    Entered, Installation, Losing, Selectors, Stood, StoodByPackage, TextKeeper, keep, no_space,
};
use crate::manner::Manner;
use crate::orders::{Orders, ProtocolsOfBehaviors};
use crate::plan::{INSTALLER, PlannedClass};

/// What an older version brought and the newer one does not.
#[derive(Default)]
pub(crate) struct Leaving {
    classes: Vec<Name>,
    methods: Vec<(BehaviorName, Name)>,
}

impl Leaving {
    /// Whether nothing goes.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.methods.is_empty()
    }
}

impl<'p> Installation<'_, 'p> {
    /// Enters classes and methods over those that are there.
    pub fn enter_over(
        &mut self,
        leaving: Leaving,
        losing: Losing,
        keep_text: &mut TextKeeper<'_>,
    ) -> Result<Entered<'p>, PackageError> {
        let mut losses = self.part_with(&leaving.classes, losing)?;
        let new_globals = self.unbound_classes();
        self.bind_globals_of_objects()?;
        let revision = self.revision(leaving.methods, keep_text);
        let revised = self.vm.revise(&revision, losing == Losing::Accepted)?;
        losses.extend(revised.losses.iter().map(ToString::to_string));
        self.done.migrated = revised.instances();
        self.done.adapted = revised.adapted();
        self.done.losses = losses;
        let mut bound = new_globals;
        bound.retain(|name| self.vm.names.global(name).is_some());
        self.globals.extend(bound.into_iter().cloned());
        if self.manner == Manner::Aside {
            self.make_room()?;
        }
        let stood = self.what_was_replaced();
        if self.manner == Manner::Alone {
            // A package is taken back by uninstalling it.
            self.vm.keep_undos(0);
        }
        Ok(Entered {
            stood,
            selectors: Selectors::new(),
            is_over: true,
        })
    }

    /// What is lost with classes that the newer version does not bring. They go with the image's own part;
    /// only out of a machine that runs they do not, since nobody could take that back.
    fn part_with(&mut self, leaving: &[Name], losing: Losing) -> Result<Vec<String>, PackageError> {
        if self.manner == Manner::Aside {
            let sentence = |name: &Name| {
                format!(
                    "the class {name} of the older version stays until its package is uninstalled"
                )
            };
            self.done.warnings.extend(leaving.iter().map(sentence));
            self.staying = leaving.to_vec();
            return Ok(Vec::new());
        }
        self.refuse_heirs(leaving)?;
        let losses = self.instances_of(leaving);
        match losing {
            Losing::Refused if !losses.is_empty() => Err(PackageError::Losses(losses)),
            _ => Ok(losses),
        }
    }

    /// Asks the image what an older version brought that goes now.
    pub fn foresee(
        &mut self,
        protocols: &ProtocolsOfBehaviors<'p>,
    ) -> Result<Leaving, PackageError> {
        let mut orders = Orders {
            heap: &mut self.vm.heap,
            names: &self.vm.names,
        };
        let orders = orders.foresee(self.plan, protocols).map_err(no_space)?;
        let expression = message_with_self(INSTALLER, "foresee:");
        let step = "looking at older versions";
        let answer = self.manner.run_on(self.vm, step, &expression, orders)?;
        let [classes, methods] = slots_of(&self.vm.heap, answer)[..] else {
            return Ok(Leaving::default());
        };
        let classes = slots_of(&self.vm.heap, classes).into_iter();
        let classes = classes.filter_map(|oop| Some(behavior_of(self.vm, oop)?.class));
        let methods = slots_of(&self.vm.heap, methods).into_iter();
        let methods = methods.filter_map(|pair| match slots_of(&self.vm.heap, pair)[..] {
            [behavior, selector] => Some((
                behavior_of(self.vm, behavior)?,
                self.vm.heap.string_text(selector)?.into(),
            )),
            _ => None,
        });
        Ok(Leaving {
            classes: classes.collect(),
            methods: methods.collect(),
        })
    }

    /// Refuses that classes go from which others inherit.
    fn refuse_heirs(&self, leaving: &[Name]) -> Result<(), PackageError> {
        if leaving.is_empty() {
            return Ok(());
        }
        let names = &self.vm.names;
        let planned: FxHashMap<&Name, Option<&Name>> = (self.plan.classes.iter())
            .map(|it| (&it.class.draft.name, it.class.draft.superclass.as_ref()))
            .collect();
        let superclass = |name: &Name| match planned.get(name) {
            Some(superclass) => superclass.cloned(),
            None => names.class(name)?.shape.as_ref()?.superclass.clone(),
        };
        let is_staying = |name: &&Name| !leaving.contains(name);
        let all = names.class_names().chain(planned.keys().copied());
        let mut heirs: Vec<String> = all
            .filter(is_staying)
            .filter_map(|name| Some((name, superclass(name)?)))
            .filter(|(_, superclass)| leaving.contains(superclass))
            .map(|(name, superclass)| {
                format!("{name} inherits from {superclass}, which the newer version does not bring")
            })
            .collect();
        heirs.sort();
        heirs.dedup();
        match heirs.is_empty() {
            true => Ok(()),
            false => Err(PackageError::InTheWay(heirs.join("\n"))),
        }
    }

    /// A sentence for each class that goes and has instances.
    fn instances_of(&self, leaving: &[Name]) -> Vec<String> {
        if leaving.is_empty() {
            return Vec::new();
        }
        let heap = &self.vm.heap;
        let indices = leaving.iter().map(|name| self.vm.names.class_index(name));
        let mut counts: FxHashMap<u32, usize> = indices.flatten().map(|it| (it, 0)).collect();
        heap.for_each_object(|oop| {
            if let Some(count) = counts.get_mut(&heap.class_index_of(oop)) {
                *count += 1;
            }
        });
        let counted = leaving.iter().filter_map(|name| {
            let count = counts.get(&self.vm.names.class_index(name)?)?;
            let plural = match count {
                0 => return None,
                1 => "is 1 instance".to_owned(),
                _ => format!("are {count} instances"),
            };
            Some(format!("the class {name}, of which there {plural}"))
        });
        counted.collect()
    }

    /// The classes whose globals are not there yet.
    fn unbound_classes(&self) -> Vec<&'p Name> {
        let fresh = self.plan.classes.iter().filter(|class| class.is_new);
        let names = fresh.map(|class| &class.class.draft.name);
        let is_unbound = |name: &&Name| self.vm.names.global(name).is_none();
        names.filter(is_unbound).collect()
    }

    fn revision(
        &self,
        removed: Vec<(BehaviorName, Name)>,
        keep_text: &mut TextKeeper<'_>,
    ) -> Revision {
        let packages = self.plan.packages.iter();
        let methods = packages.clone().flat_map(|package| &package.methods);
        let is_own = |class: &&ClassDraft| {
            let mut own = self.plan.classes.iter();
            !own.any(|it| it.class.draft.name == class.name)
        };
        let lineage = packages.flat_map(|package| &package.lineage).filter(is_own);
        Revision {
            classes: (self.plan.classes.iter())
                .map(|it| it.class.draft.clone())
                .collect(),
            methods: methods
                .map(|method| NewMethod {
                    draft: method.draft.clone(),
                    source_pointer: keep(method, keep_text),
                })
                .collect(),
            removed,
            buried: Vec::new(),
            places: Vec::new(),
            assumed: lineage.cloned().collect(),
        }
    }

    /// What the revision replaced, for the image to keep; and which classes have another `initialize`.
    fn what_was_replaced(&mut self) -> StoodByPackage<'p> {
        let classes = self.plan.classes.iter();
        let classes: FxHashMap<&Name, &PlannedClass<'p>> =
            classes.map(|it| (&it.class.draft.name, it)).collect();
        let drafts = self.drafts();
        let mut all = StoodByPackage::default();
        for entered in self.vm.last_entered() {
            let class = classes.get(&entered.behavior.class);
            let draft = drafts.get(&(entered.behavior, entered.selector));
            let owner = draft.map(|(owner, _)| *owner);
            let owner = owner.or_else(|| Some(&class?.package.name));
            let nil = self.vm.heap.nil();
            let before = entered.before.unwrap_or(nil);
            if let (Some(owner), false) = (owner, class.is_some_and(|it| it.is_new)) {
                let stood = all.entry(owner).or_default();
                stood.extend(stood_by(
                    self.vm,
                    entered.behavior,
                    entered.selector,
                    before,
                ));
            }
            let initialiser = draft.map(|(_, draft)| *draft);
            let initialiser = initialiser.filter(|draft| is_initialiser(draft));
            let made = entered.after.unwrap_or(nil);
            if let Some(draft) = initialiser
                && !is_same_code(&self.vm.heap, before, made)
            {
                self.initialisers.push(&draft.behavior.class);
            }
        }
        all
    }

    /// By behaviour and selector: the methods of the packages, with the names of these.
    fn drafts(&self) -> FxHashMap<(&'p BehaviorName, &'p Name), (&'p Name, &'p MethodDraft)> {
        let packages = self.plan.packages.iter();
        let methods = packages.flat_map(|package| {
            let drafts = package.methods.iter().map(|it| &it.draft);
            drafts.map(|draft| ((&draft.behavior, &draft.selector), (&package.name, draft)))
        });
        methods.collect()
    }
}

fn stood_by(vm: &Vm, behavior: &BehaviorName, selector: &Name, method: Oop) -> Option<Stood> {
    Some(Stood {
        behavior: vm.names.behavior(&vm.heap, behavior)?,
        selector: vm.heap.symbol(selector)?,
        method,
    })
}

pub(crate) fn behavior_of(vm: &Vm, class: Oop) -> Option<BehaviorName> {
    let index = vm.heap.index_of_class(class)?;
    vm.names.behavior_at(index).cloned()
}
