//! Whether the code of packages keeps to its bounds. Code is trusted to do so, so none runs unseen.
//!
//! It is looked at by itself, without the heap: so a thread may look ahead of another one that enters
//! the code of one package after the other, as long as nothing runs before all was seen.

use std::sync::mpsc::{self, Receiver};
use std::thread::Scope;

use imprint_isa::verifier::{
    Rejection, verify_class_draft, verify_method_draft, verify_object_draft,
};
use imprint_isa::{BehaviorName, Package};
use rustc_hash::FxHashMap;

use crate::error::PackageError;
use crate::file::side_by_side;
use crate::plan::Plan;

/// How many fields the receivers of methods have.
pub(crate) struct Receivers<'p> {
    /// Of classes that packages bring: of instances, and of the classes.
    brought: FxHashMap<&'p str, [Option<usize>; 2]>,
    /// Of others that they extend; `None` for those that the image does not know.
    extended: FxHashMap<&'p BehaviorName, Option<usize>>,
}

impl<'p> Receivers<'p> {
    /// Those of the methods of packages; of classes that the packages do not bring somebody else says it.
    pub fn of(
        packages: &'p [Package],
        fields_of: impl Fn(&BehaviorName) -> Option<usize>,
    ) -> Receivers<'p> {
        let classes = packages.iter().flat_map(|package| &package.classes);
        let brought: FxHashMap<&str, [Option<usize>; 2]> = classes
            .map(|class| {
                let draft = &class.draft;
                let of_meta = draft.meta.as_ref().map(|it| usize::from(it.class_slots));
                let of_class = usize::from(draft.instance_spec.fixed_fields);
                (&*draft.name, [Some(of_class), of_meta])
            })
            .collect();
        let mut extended = FxHashMap::default();
        for package in packages {
            let same = package
                .methods
                .chunk_by(|one, other| one.draft.behavior == other.draft.behavior);
            for methods in same {
                let behavior = &methods[0].draft.behavior;
                if !brought.contains_key(&*behavior.class) {
                    extended
                        .entry(behavior)
                        .or_insert_with(|| fields_of(behavior));
                }
            }
        }
        Receivers { brought, extended }
    }

    fn fields_of(&self, behavior: &BehaviorName) -> Option<usize> {
        match self.brought.get(&*behavior.class) {
            Some(fields) => fields[usize::from(behavior.meta)],
            None => self.extended.get(behavior).copied().flatten(),
        }
    }

    /// Looks at the methods and the objects of a package.
    fn verify(&self, package: &Package) -> Result<(), Box<Rejection>> {
        let mut last: Option<(&BehaviorName, Option<usize>)> = None;
        for method in package.methods.iter().map(|it| &it.draft) {
            let fields = match last {
                Some((behavior, fields)) if *behavior == method.behavior => fields,
                _ => self.fields_of(&method.behavior),
            };
            last = Some((&method.behavior, fields));
            verify_method_draft(method, fields)?;
        }
        for object in &package.objects {
            verify_object_draft(object)?;
        }
        Ok(())
    }
}

/// Looks at the classes of a package, and at what it has run before and after, of which nil is the receiver.
pub(crate) fn verify_frame(package: &Package) -> Result<(), Box<Rejection>> {
    let classes = package.classes.iter().map(|class| &class.draft);
    for class in classes.chain(&package.lineage) {
        verify_class_draft(class)?;
    }
    for expression in package.before.iter().chain(&package.after) {
        verify_method_draft(expression, Some(0))?;
    }
    Ok(())
}

/// Looks at the methods and objects of all packages of a plan.
///
/// # Errors
/// Of the first package in order that breaks a rule: the first rule.
pub(crate) fn verify_all(plan: &Plan<'_>) -> Result<(), PackageError> {
    let checked = side_by_side(&plan.packages, |package| plan.receivers.verify(package));
    let checked: Result<(), Box<Rejection>> = checked.into_iter().collect();
    Ok(checked?)
}

/// A thread that looks at the packages of a plan in their order, and what it says of each.
pub(crate) struct Lookout {
    verdicts: Receiver<Result<(), Box<Rejection>>>,
}

impl Lookout {
    /// Begins to look.
    pub fn begin<'scope>(scope: &'scope Scope<'scope, '_>, plan: &'scope Plan<'_>) -> Lookout {
        let (sender, verdicts) = mpsc::channel();
        scope.spawn(move || {
            for package in &plan.packages {
                let verdict = plan.receivers.verify(package);
                let is_last = verdict.is_err();
                // Whoever installs may have failed by itself, and listens no more.
                if sender.send(verdict).is_err() || is_last {
                    break;
                }
            }
        });
        Lookout { verdicts }
    }

    /// Waits until the next package was looked at.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn pass(&self) -> Result<(), PackageError> {
        let verdict = self.verdicts.recv();
        Ok(verdict.expect("there is a verdict for each package until the first refusal")?)
    }
}
