//! Packages out of an image again: what they brought, and nothing else.
//!
//! The image's own `InstalledPackage` does it, but for one thing: instances of a class that was there
//! before look again as they did, which is a revision.

use imprint_isa::expression::{message, message_with_self};
use imprint_isa::{BehaviorName, ClassDraft, MetaDraft, Name, Ref};
use imprint_model::layout::class;
use imprint_model::{InstanceSpec, Oop};
use imprint_vm::Vm;
use imprint_vm::install::ClassShape;
use imprint_vm::revise::Revision;

use crate::customs::slots_of;
use crate::error::PackageError;
use crate::install::no_space;
use crate::manner::Manner;
use crate::newer::behavior_of;
use crate::orders::Orders;
use crate::plan::INSTALLER;

/// The class that remembers what packages brought.
pub(crate) const REGISTRY: &str = "InstalledPackage";

/// Takes a package out that was installed: what it brought, and nothing else.
///
/// # Errors
/// Where it was not installed, or something that stays needs it; then nothing changed.
pub fn uninstall(vm: &mut Vm, name: &str) -> Result<(), PackageError> {
    uninstall_in(vm, name, Manner::Alone)?;
    vm.keep_undos(0);
    Ok(())
}

pub(crate) fn uninstall_in(vm: &mut Vm, name: &str, manner: Manner) -> Result<(), PackageError> {
    if vm.names.class_object(&vm.heap, REGISTRY).is_none() {
        return Err(PackageError::NoInstaller(REGISTRY));
    }
    let shapes = former_shapes(vm, name, manner)?;
    let step = format!("taking {name} out");
    let answer = manner.run(vm, &step, &about(name, "uninstall:"))?;
    match vm.heap.string_text(answer).as_deref() {
        Some("") => {}
        in_the_way => {
            return Err(PackageError::InTheWay(
                in_the_way.unwrap_or_default().to_owned(),
            ));
        }
    }
    vm.flush_caches();
    reshape(vm, &shapes, manner)?;
    vm.names.forget_renamed(&vm.heap);
    Ok(())
}

/// A message about a package to the registry.
pub(crate) fn about(name: &str, selector: &str) -> imprint_isa::MethodDraft {
    message(REGISTRY, selector, vec![Ref::symbol(name)], Vec::new())
}

/// The classes that were there before a package and look otherwise since, with how they looked.
fn former_shapes(
    vm: &mut Vm,
    name: &str,
    manner: Manner,
) -> Result<Vec<(Name, ClassShape)>, PackageError> {
    let step = format!("looking at what {name} brought");
    let answer = manner.run(vm, &step, &about(name, "formerShapes:"))?;
    let shapes = slots_of(&vm.heap, answer).into_iter();
    Ok(shapes.filter_map(|shape| former_shape(vm, shape)).collect())
}

/// Reads what `ReplacedClass>>shape` answers.
fn former_shape(vm: &Vm, shape: Oop) -> Option<(Name, ClassShape)> {
    let heap = &vm.heap;
    let [class, superclass, spec, own, of_meta, of_class] = slots_of(heap, shape)[..] else {
        return None;
    };
    let text = |oop: Oop| heap.string_text(oop).map(Name::from);
    let texts = |array: Oop| slots_of(heap, array).into_iter().filter_map(text).collect();
    let shape = ClassShape {
        superclass: text(superclass),
        spec: InstanceSpec::from_small_integer(spec.as_small_integer()?)?,
        instance_variables: texts(own),
        class_variables_of_meta: Some(texts(of_meta)),
        class_variables: texts(of_class),
        pools: Vec::new(),
    };
    Some((behavior_of(vm, class)?.class, shape))
}

/// Lets classes look as they did. What only the package's variables held goes with them.
fn reshape(vm: &mut Vm, shapes: &[(Name, ClassShape)], manner: Manner) -> Result<(), PackageError> {
    if shapes.is_empty() {
        return Ok(());
    }
    let revision = Revision {
        classes: shapes
            .iter()
            .map(|(name, shape)| class_draft(name, shape))
            .collect(),
        ..Revision::default()
    };
    vm.revise(&revision, true)?;
    let mut orders = Orders {
        heap: &mut vm.heap,
        names: &vm.names,
    };
    let shapes = shapes.iter().map(|(name, shape)| (name, shape));
    let orders = orders.reshaped(shapes).map_err(no_space)?;
    let expression = message_with_self(INSTALLER, "reshape:");
    manner.run_on(vm, "giving classes their former shape", &expression, orders)?;
    Ok(())
}

/// A class of a shape as a draft, without its methods.
pub(crate) fn class_draft(name: &Name, shape: &ClassShape) -> ClassDraft {
    let of_meta = shape.class_variables_of_meta.clone().unwrap_or_default();
    let superclass = match &shape.superclass {
        Some(superclass) => BehaviorName::meta(superclass.clone()),
        None => BehaviorName::class("Class"),
    };
    ClassDraft {
        name: name.clone(),
        superclass: shape.superclass.clone(),
        instance_spec: shape.spec,
        instance_variables: shape.instance_variables.clone(),
        class_variables: shape.class_variables.clone(),
        pools: Vec::new(),
        package: "".into(),
        tag: "".into(),
        methods: Vec::new(),
        slots: Vec::new(),
        meta: Some(MetaDraft {
            name: name.clone(),
            superclass,
            class_slots: class::SIZE as u16,
            instance_variables: of_meta,
            methods: Vec::new(),
            slots: Vec::new(),
        }),
    }
}
