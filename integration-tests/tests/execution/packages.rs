//! Packages that cannot be installed: each is refused with a sentence before anything changes.

use imprint_heap::HeapSettings;
use imprint_isa::{
    BehaviorName, ClassDraft, MetaDraft, Name, Need, NeedKind, Package, PackagedClass,
};
use imprint_model::InstanceSpec;
use imprint_model::layout::class;
use imprint_package::plan::plan;
use imprint_vm::VmSettings;

use crate::machine::Machine;

/// A class with instance variables, below a class whose instances have `inherited` of them.
fn class_below(name: &str, superclass: &str, inherited: u16, variables: &[&str]) -> PackagedClass {
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| Name::from(*name))
            .collect::<Vec<_>>()
    };
    let fixed_fields = inherited + variables.len() as u16;
    let meta = MetaDraft {
        name: name.into(),
        superclass: BehaviorName::meta(superclass),
        class_slots: class::SIZE as u16,
        instance_variables: Vec::new(),
        methods: Vec::new(),
        slots: Vec::new(),
    };
    PackagedClass {
        draft: ClassDraft {
            name: name.into(),
            superclass: Some(superclass.into()),
            instance_spec: InstanceSpec {
                spec: u8::from(fixed_fields > 0),
                fixed_fields,
            },
            instance_variables: names(variables),
            class_variables: Vec::new(),
            pools: Vec::new(),
            package: "Refused".into(),
            tag: "".into(),
            methods: Vec::new(),
            slots: Vec::new(),
            meta: Some(meta),
        },
        comment: "".into(),
    }
}

fn package(classes: Vec<PackagedClass>) -> Package {
    Package {
        name: "Refused".into(),
        classes,
        ..Package::default()
    }
}

fn needing(kind: NeedKind, name: &str) -> Package {
    let need = Need {
        kind,
        name: name.into(),
        by: "Foo>>bar".into(),
        from: "".into(),
    };
    Package {
        needs: vec![need],
        ..package(Vec::new())
    }
}

#[test]
fn what_cannot_be_installed_is_refused_with_a_sentence() {
    let machine = Machine::new(HeapSettings::default(), VmSettings::default());
    let vm = &machine.vm;
    let mut faceless = class_below("Foo", "Object", 0, &[]);
    faceless.draft.meta = None;
    let twice = || package(vec![class_below("Foo", "Object", 0, &[])]);
    let rows: [(Vec<Package>, &str); 11] = [
        (
            vec![package(vec![
                class_below("Foo", "Bar", 0, &[]),
                class_below("Bar", "Foo", 0, &[]),
            ])],
            "inherits from itself",
        ),
        (vec![twice(), twice()], "the package Refused comes twice"),
        (
            vec![
                twice(),
                Package {
                    name: "Other".into(),
                    ..twice()
                },
            ],
            "the class Foo comes with Refused and with Other",
        ),
        (
            vec![package(vec![class_below("Foo", "Point", 3, &[])])],
            "its superclass Point has 3 instance variables, and here it has 2",
        ),
        (
            vec![package(vec![class_below(
                "Point",
                "Object",
                0,
                &["x", "y"],
            )])],
            "the image has a class of that name in the package Numbers",
        ),
        (
            vec![package(vec![class_below("Processor", "Object", 0, &[])])],
            "the image has a global of that name, which is no class",
        ),
        (vec![package(vec![faceless])], "it has no class side"),
        (
            vec![needing(NeedKind::Pool, "FooPool")],
            "Foo>>bar needs the shared pool FooPool",
        ),
        (
            vec![needing(NeedKind::Global, "Fooglobal")],
            "needs the global Fooglobal",
        ),
        (
            vec![needing(NeedKind::ClassVariable, "Object>>Nothing")],
            "needs the class variable Object>>Nothing, which the image does not have",
        ),
        (
            vec![needing(NeedKind::Extended, "Nobody")],
            "needs the class to be extended Nobody",
        ),
    ];
    for (packages, words) in rows {
        let refused = plan(&packages, &vm.heap, &vm.names).err();
        let sentence = refused.map(|error| error.to_string()).unwrap_or_default();
        assert!(sentence.contains(words), "{words}: '{sentence}'");
    }
    let fine = [package(vec![class_below("Foo", "Point", 2, &["z"])])];
    let plan = plan(&fine, &vm.heap, &vm.names).map(|plan| plan.classes.len());
    assert_eq!(plan.ok(), Some(1));
}
