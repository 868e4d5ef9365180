//! What a package names and does not bring.

use imprint_isa::{BehaviorName, ClassDraft, LocalObject, Name, Need, NeedKind, Package, Ref};
use imprint_isa::{Body, MethodDraft};
use imprint_vm::install::Names;
use rustc_hash::FxHashSet;

use crate::membership::Membership;

/// All needs of a package, each said once, by whoever has it first.
pub(crate) fn needs_of(package: &Package, names: &Names, membership: &Membership) -> Vec<Need> {
    let mut needs = Needs {
        names,
        membership,
        own: package
            .classes
            .iter()
            .map(|it| it.draft.name.clone())
            .collect(),
        seen: FxHashSet::default(),
        found: Vec::new(),
    };
    for class in &package.classes {
        needs.of_class(&class.draft);
    }
    let expressions = package.before.iter().chain(&package.after);
    for method in package
        .methods
        .iter()
        .map(|it| &it.draft)
        .chain(expressions)
    {
        needs.of_method(method);
    }
    for object in &package.objects {
        let by: Name = match &object.root {
            Ref::Global(name) => name.clone(),
            Ref::ClassVariable { class, name } => format!("{class}>>{name}").into(),
            _ => "an object".into(),
        };
        if matches!(object.root, Ref::ClassVariable { .. }) {
            needs.of_reference(&object.root, &by);
        }
        needs.of_locals(&object.locals, &by);
    }
    needs.found
}

struct Needs<'a> {
    names: &'a Names,
    membership: &'a Membership,
    own: FxHashSet<Name>,
    seen: FxHashSet<(NeedKind, Name)>,
    found: Vec<Need>,
}

impl Needs<'_> {
    fn add(&mut self, kind: NeedKind, name: &Name, class: &Name, by: &Name) {
        if self.own.contains(class) || !self.seen.insert((kind, name.clone())) {
            return;
        }
        self.found.push(Need {
            kind,
            name: name.clone(),
            by: by.clone(),
            from: self.membership.package_of(class),
        });
    }

    fn of_class(&mut self, class: &ClassDraft) {
        if let Some(superclass) = &class.superclass {
            self.add(NeedKind::Superclass, superclass, superclass, &class.name);
        }
        for pool in &class.pools {
            self.add(NeedKind::Pool, pool, pool, &class.name);
        }
    }

    fn of_method(&mut self, method: &MethodDraft) {
        let BehaviorName { class, .. } = &method.behavior;
        let title = || Name::from(format!("{}>>{}", method.behavior, method.selector));
        if !self.own.contains(class) {
            self.add(NeedKind::Extended, class, class, &title());
        }
        self.of_references(&method.code.literals, &title);
        self.of_local_references(&method.locals, &title);
    }

    fn of_locals(&mut self, locals: &[LocalObject], by: &Name) {
        self.of_local_references(locals, &|| by.clone());
    }

    fn of_local_references(&mut self, locals: &[LocalObject], by: &dyn Fn() -> Name) {
        for local in locals {
            self.of_references(std::slice::from_ref(&local.class), by);
            match &local.body {
                Body::Slots(slots) => self.of_references(slots, by),
                Body::Code(code) => self.of_references(&code.literals, by),
                Body::Bytes(_) => {}
            }
        }
    }

    fn of_references(&mut self, references: &[Ref], by: &dyn Fn() -> Name) {
        for reference in references {
            if let Some((kind, class)) = self.kind_of(reference)
                && !self.own.contains(class)
                && !self.seen.contains(&(kind, full_name(reference, class)))
            {
                self.of_reference(reference, &by());
            }
        }
    }

    fn of_reference(&mut self, reference: &Ref, by: &Name) {
        if let Some((kind, class)) = self.kind_of(reference) {
            self.add(kind, &full_name(reference, class), class, by);
        }
    }

    /// What a reference needs, and the class or global that it is about.
    fn kind_of<'r>(&self, reference: &'r Ref) -> Option<(NeedKind, &'r Name)> {
        Some(match reference {
            Ref::Global(name) if self.names.class(name).is_some() => (NeedKind::Class, name),
            Ref::Global(name) => (NeedKind::Global, name),
            Ref::ClassVariable { class, .. } => (NeedKind::ClassVariable, class),
            Ref::MetaBinding(name) => (NeedKind::Class, name),
            Ref::Class(behavior) | Ref::Method(behavior, _) => (NeedKind::Class, &behavior.class),
            _ => return None,
        })
    }
}

/// How a need calls what a reference is about.
fn full_name(reference: &Ref, class: &Name) -> Name {
    match reference {
        Ref::ClassVariable { class, name } => format!("{class}>>{name}").into(),
        _ => class.clone(),
    }
}
