//! Packages taken out of an image.

use std::collections::HashMap;

use imprint_heap::Heap;
use imprint_isa::{
    BehaviorName, Draft, MethodDraft, Name, ObjectDraft, Package, PackagedClass, PackagedMethod,
    Ref,
};
use imprint_model::layout::class;
use imprint_vm::extract::{Customs, Extractor, ImageIndex};
use rustc_hash::FxHashSet;

use crate::error::PackageError;
use crate::file::side_by_side;
use crate::membership::{Member, Members, Membership};
use crate::needs::needs_of;
use crate::uninstall::class_draft;

/// The text of a method, where somebody has it.
pub type TextOf<'a> = dyn Fn(&Member) -> Option<String> + Sync + 'a;

/// What is exported beside classes and methods.
#[derive(Clone, Default)]
pub struct Extras {
    /// What the maker calls this state of the packages.
    pub version: Name,
    /// Bindings whose values come along: with the last package.
    pub objects: Vec<Ref>,
    /// What runs before the first package is there, in place of what it says itself.
    pub before: Option<MethodDraft>,
    /// What runs when all packages are there, in place of what the last says itself.
    pub after: Option<MethodDraft>,
    /// What packages say themselves of what runs before and after them.
    pub said: HashMap<Name, Said>,
}

/// What a package says itself of what runs around it.
#[derive(Clone, Default)]
pub struct Said {
    /// What runs before anything of its file is there.
    pub before: Option<MethodDraft>,
    /// What runs when everything is there.
    pub after: Option<MethodDraft>,
}

/// Takes packages out of an image that nobody changes meanwhile.
pub struct Exporter<'a> {
    heap: &'a Heap,
    index: &'a ImageIndex,
    extractor: Extractor<'a>,
    membership: Membership,
    text_of: &'a TextOf<'a>,
}

impl<'a> Exporter<'a> {
    /// An exporter of an image; `customs` is what the image says of objects that travel.
    pub fn new(
        heap: &'a Heap,
        index: &'a ImageIndex,
        customs: &'a Customs,
        text_of: &'a TextOf<'a>,
    ) -> Exporter<'a> {
        Exporter {
            heap,
            index,
            extractor: Extractor::portable(heap, index).with_customs(customs),
            membership: Membership::of(heap, index),
            text_of,
        }
    }

    /// What belongs to whom.
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    /// The packages of these names with the extras.
    ///
    /// # Errors
    /// Where there is no such package, or something in it means nothing in another image.
    pub fn packages(&self, names: &[Name], extras: &Extras) -> Result<Vec<Package>, PackageError> {
        let made = side_by_side(names, |name| self.package(name, &extras.version));
        let mut packages = made.into_iter().collect::<Result<Vec<_>, _>>()?;
        for package in &mut packages {
            let said = extras.said.get(&package.name).cloned().unwrap_or_default();
            (package.before, package.after) = (said.before, said.after);
        }
        if let Some(last) = packages.last_mut() {
            for reference in &extras.objects {
                last.objects.push(self.object(reference)?);
            }
            last.after = extras.after.clone().or(last.after.take());
        }
        if let Some(first) = packages.first_mut() {
            first.before = extras.before.clone().or(first.before.take());
        }
        let needs = side_by_side(&packages, |package| {
            needs_of(package, self.index.names(), &self.membership)
        });
        for (package, needs) in packages.iter_mut().zip(needs) {
            package.needs = needs;
        }
        self.trace_lineage(&mut packages);
        Ok(packages)
    }

    /// Says in each package how the classes look that it stands on, superclasses first, unless one before it
    /// says that, or one of the packages brings them.
    fn trace_lineage(&self, packages: &mut [Package]) {
        let brought = packages.iter().flat_map(|package| &package.classes);
        let brought: FxHashSet<Name> = brought.map(|it| it.draft.name.clone()).collect();
        let mut walked: FxHashSet<Name> = FxHashSet::default();
        let names = self.index.names();
        for package in packages {
            let own = package.classes.iter().map(|it| it.draft.name.clone());
            let extended = package.methods.iter().map(|it| &it.draft.behavior.class);
            // The side of each class ends in class Class.
            let mut starts: Vec<Name> = own.chain(extended.cloned()).collect();
            starts.push("Class".into());
            starts.dedup();
            for start in starts {
                let mut way = Vec::new();
                let mut at = Some(start);
                while let Some(name) = at.filter(|name| !walked.contains(name)) {
                    let shape = names.class(&name).and_then(|it| it.shape.as_ref());
                    at = shape.and_then(|shape| shape.superclass.clone());
                    walked.insert(name.clone());
                    way.extend(shape.map(|shape| class_draft(&name, shape)));
                }
                way.retain(|class| !brought.contains(&class.name));
                package.lineage.extend(way.into_iter().rev());
            }
        }
    }

    fn package(&self, name: &Name, version: &Name) -> Result<Package, PackageError> {
        let members = self.membership.members(name);
        let members = members.ok_or_else(|| PackageError::Unknown {
            name: name.to_string(),
            present: self.membership.names().map(ToString::to_string).collect(),
        })?;
        let methods = members.methods.iter().map(|member| self.method(member));
        Ok(Package {
            name: name.clone(),
            version: version.clone(),
            classes: self.classes(members),
            methods: methods.collect::<Result<_, _>>()?,
            ..Package::default()
        })
    }

    /// The classes, each behind its superclass.
    fn classes(&self, members: &Members) -> Vec<PackagedClass> {
        let own: FxHashSet<&Name> = members.classes.iter().collect();
        let mut done = FxHashSet::default();
        let mut ordered = Vec::with_capacity(own.len());
        for name in &members.classes {
            let mut way = Vec::new();
            let mut at = Some(name.clone());
            while let Some(name) = at.filter(|name| own.contains(name) && !done.contains(name)) {
                let entry = self.index.names().class(&name);
                let shape = entry.and_then(|entry| entry.shape.as_ref());
                at = shape.and_then(|shape| shape.superclass.clone());
                done.insert(name.clone());
                way.push(name);
            }
            let classes = way.iter().rev().filter_map(|name| self.class(name));
            ordered.extend(classes);
        }
        ordered
    }

    fn class(&self, name: &Name) -> Option<PackagedClass> {
        let names = self.index.names();
        let oop = names.class_object(self.heap, name)?;
        let meta = names.behavior(self.heap, &BehaviorName::meta(name.clone()))?;
        let mut draft = self.extractor.class(oop).draft;
        draft.pools = names.pools_of(self.heap, oop);
        draft.meta = Some(self.extractor.meta(meta).draft);
        let comment = self.heap.slot(oop, class::COMMENT_SOURCE_POINTER);
        Some(PackagedClass {
            draft,
            comment: self.heap.string_text(comment).unwrap_or_default().into(),
        })
    }

    fn method(&self, member: &Member) -> Result<PackagedMethod, PackageError> {
        let placed = self
            .extractor
            .method(member.method, &member.behavior, &member.selector);
        let draft = Draft::Method(placed.draft);
        check_bound(&draft)?;
        let Draft::Method(draft) = draft else {
            unreachable!("it was made a method above");
        };
        Ok(PackagedMethod {
            draft,
            text: (self.text_of)(member).unwrap_or_default().into(),
        })
    }

    fn object(&self, reference: &Ref) -> Result<ObjectDraft, PackageError> {
        let names = self.index.names();
        let binding = match reference {
            Ref::Global(name) => names.global(name),
            Ref::ClassVariable { class, name } => names.class_variable(class, name),
            _ => None,
        };
        let binding = binding.ok_or_else(|| PackageError::Lacking(vec![lacking(reference)]))?;
        let draft = Draft::Object(self.extractor.binding(binding, reference).draft);
        check_bound(&draft)?;
        match draft {
            Draft::Object(object) => Ok(object),
            _ => unreachable!("it was made an object above"),
        }
    }
}

fn lacking(reference: &Ref) -> String {
    match reference {
        Ref::ClassVariable { class, name } => {
            format!("the image has no class variable {name} in {class}")
        }
        Ref::Global(name) => format!("the image has no global {name}"),
        _ => "an object is named by a global, or by Class>>Variable".to_owned(),
    }
}

/// Refuses what only the image knows that it was taken from.
fn check_bound(draft: &Draft) -> Result<(), PackageError> {
    let bound = |what: &str| PackageError::Bound {
        owner: draft.to_string(),
        what: what.to_owned(),
    };
    if draft
        .references()
        .iter()
        .any(|it| matches!(it, Ref::Master(_)))
    {
        return Err(bound("an object that cannot travel"));
    }
    let is_chosen = |class: &Ref| match class {
        Ref::SmallInteger(index) => *index >= i64::from(imprint_model::ClassIndex::FIRST_FREE),
        _ => false,
    };
    if draft.locals().iter().any(|local| is_chosen(&local.class)) {
        return Err(bound("an instance of a class without a name"));
    }
    Ok(())
}
