//! Class definitions as drafts, against a register of names.

use imprint_isa::{BehaviorName, ClassDraft, MetaDraft, Name};
use imprint_loader::{ClassDefinition, ClassKind};
use imprint_model::layout::class;
use imprint_model::{Format, InstanceSpec};
use imprint_vm::install::{ClassShape, Names};

use crate::error::BuildError;

/// The draft of a class whose superclass the register knows.
///
/// # Errors
/// Where it does not.
pub fn class_draft(names: &Names, definition: &ClassDefinition) -> Result<ClassDraft, BuildError> {
    let superclass: Option<Name> = definition.superclass.as_deref().map(Name::from);
    let inherited = match &superclass {
        Some(superclass) => spec_of(names, superclass)?,
        None => InstanceSpec {
            spec: 0,
            fixed_fields: 0,
        },
    };
    let fixed_fields = inherited.fixed_fields + definition.instance_variables.len() as u16;
    let instance_spec = InstanceSpec {
        spec: spec_number(definition.kind, inherited.spec, fixed_fields),
        fixed_fields,
    };
    let meta = meta_draft(names, definition, superclass.as_ref());
    Ok(ClassDraft {
        name: definition.name.as_str().into(),
        superclass,
        instance_spec,
        instance_variables: all(&definition.instance_variables),
        class_variables: all(&definition.class_variables),
        pools: all(&definition.pools),
        package: definition.package.as_str().into(),
        tag: definition.tag.as_str().into(),
        methods: Vec::new(),
        slots: Vec::new(),
        meta: Some(meta),
    })
}

/// What a register notes of a class with this draft.
pub(crate) fn shape_of(draft: &ClassDraft) -> ClassShape {
    let meta = draft.meta.as_ref();
    ClassShape {
        superclass: draft.superclass.clone(),
        spec: draft.instance_spec,
        instance_variables: draft.instance_variables.clone(),
        class_variables_of_meta: meta.map(|meta| meta.instance_variables.clone()),
        class_variables: draft.class_variables.clone(),
        pools: draft.pools.clone(),
    }
}

fn all(names: &[String]) -> Vec<Name> {
    names.iter().map(|name| name.as_str().into()).collect()
}

fn meta_draft(names: &Names, definition: &ClassDefinition, superclass: Option<&Name>) -> MetaDraft {
    let of_superclass = |name: &Name| BehaviorName::meta(name.clone());
    let inherited = superclass.and_then(|it| names.all_instance_variables(&of_superclass(it)));
    let inherited = inherited.map_or(class::SIZE, |variables| variables.len());
    let own = definition.class_instance_variables.len();
    MetaDraft {
        name: definition.name.as_str().into(),
        superclass: superclass.map_or(BehaviorName::class("Class"), of_superclass),
        class_slots: (inherited + own) as u16,
        instance_variables: all(&definition.class_instance_variables),
        methods: Vec::new(),
        slots: Vec::new(),
    }
}

fn spec_of(names: &Names, name: &Name) -> Result<InstanceSpec, BuildError> {
    let shape = names.class(name).and_then(|entry| entry.shape.as_ref());
    shape
        .map(|shape| shape.spec)
        .ok_or_else(|| BuildError::Lacking(format!("class {name}")))
}

/// The kind of a class whose instances are so: what [`class_draft`] makes this of again.
pub fn kind_of_spec(spec: InstanceSpec) -> ClassKind {
    const KINDS: [(u8, ClassKind); 10] = [
        (Format::ARRAY.bits(), ClassKind::Variable),
        (Format::FIXED_AND_INDEXED.bits(), ClassKind::Variable),
        (Format::BYTES.bits(), ClassKind::Bytes),
        (Format::WORDS_16.bits(), ClassKind::DoubleBytes),
        (Format::WORDS_32.bits(), ClassKind::Words),
        (Format::WORDS_64.bits(), ClassKind::DoubleWords),
        (Format::WEAK.bits(), ClassKind::Weak),
        (Format::EPHEMERON.bits(), ClassKind::Ephemeron),
        (InstanceSpec::IMMEDIATE, ClassKind::Immediate),
        (Format::CODE.bits(), ClassKind::CompiledMethod),
    ];
    let known = KINDS.iter().find(|(bits, _)| *bits == spec.spec);
    known.map_or(ClassKind::Normal, |(_, kind)| *kind)
}

/// The instance specification number of a class of this kind; kinds that say nothing of indexed
/// fields inherit the superclass's.
fn spec_number(kind: ClassKind, inherited: u8, fixed_fields: u16) -> u8 {
    match kind {
        ClassKind::Variable if fixed_fields == 0 => Format::ARRAY.bits(),
        ClassKind::Variable => Format::FIXED_AND_INDEXED.bits(),
        ClassKind::Bytes => Format::BYTES.bits(),
        ClassKind::DoubleBytes => Format::WORDS_16.bits(),
        ClassKind::Words => Format::WORDS_32.bits(),
        ClassKind::DoubleWords => Format::WORDS_64.bits(),
        ClassKind::Weak => Format::WEAK.bits(),
        ClassKind::Ephemeron => Format::EPHEMERON.bits(),
        ClassKind::Immediate => InstanceSpec::IMMEDIATE,
        ClassKind::CompiledMethod => Format::CODE.bits(),
        ClassKind::Normal if inherited > 1 && inherited != InstanceSpec::IMMEDIATE => {
            match inherited {
                2 if fixed_fields > 0 => Format::FIXED_AND_INDEXED.bits(),
                other => other,
            }
        }
        ClassKind::Normal if fixed_fields == 0 => Format::EMPTY.bits(),
        ClassKind::Normal => Format::FIXED.bits(),
    }
}
