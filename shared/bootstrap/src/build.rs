//! The whole way: packages to an image that can be run, saved or served.

use std::time::{Duration, Instant};

use imprint_heap::Heap;
use imprint_isa::{BehaviorName, ClassDraft, Draft, MetaDraft, Name, Placed};
use imprint_loader::{ClassDefinition, ClassKind};
use imprint_model::layout::{association, behavior, class};
use imprint_model::{Format, InstanceSpec, Oop};
use imprint_vm::install::{Installer, Names, Unbound};
use imprint_vm::{Presence, Vm};

use crate::error::BuildError;
use crate::sources::{PackageSet, Sources};
use crate::{compile, order, organise, seed};

/// Globals that are no classes and that the first code may name.
const FIRST_GLOBALS: [&str; 4] = ["Processor", "Smalltalk", "Transcript", "Undeclared"];

/// An image built from sources, ready to run.
pub struct FullImage {
    /// The machine that holds it; it is between two safepoints and runs nothing.
    pub vm: Vm,
    /// The texts of its methods.
    pub sources: Sources,
    /// How many classes it has.
    pub class_count: usize,
    /// How many methods it has.
    pub method_count: usize,
    /// How long the build took.
    pub built_in: Duration,
}

/// Builds an image of packages; `machine` makes the machine that runs its first code.
///
/// # Errors
/// [`BuildError`]: sources that do not compile, classes that cannot be ordered, initialisers that
/// fail.
pub fn build(
    set: &PackageSet,
    heap: Heap,
    machine: impl FnOnce(Heap, Names) -> Vm,
) -> Result<FullImage, BuildError> {
    let start = Instant::now();
    let mut shell = Shell {
        heap,
        names: Names::default(),
        presence: Presence::default(),
    };
    let classes = order::in_order(&set.packages)?;
    shell.install_classes(&classes)?;
    let jobs = compile::jobs(set);
    let drafts = compile::compile_all(&jobs, set, &shell.names)?;
    let mut sources = Sources::default();
    let method_count = drafts.len();
    for (job, draft) in jobs.iter().zip(drafts) {
        let pointer = sources.add(
            &job.behavior.to_string(),
            &job.method.protocol,
            &job.method.source,
        );
        let placed = Placed::nowhere(Draft::Method(draft));
        let Draft::Method(method) = &placed.draft else {
            continue;
        };
        shell.installer().install_method(method, &placed, pointer)?;
    }
    seed::known_objects(&mut shell.heap, &mut shell.names)?;
    let mut vm = machine(shell.heap, shell.names);
    organise::organise(&mut vm, set, &classes)?;
    organise::initialise(&mut vm, set, &classes)?;
    Ok(FullImage {
        vm,
        sources,
        class_count: classes.len(),
        method_count,
        built_in: start.elapsed(),
    })
}

/// A heap that no code runs in yet.
struct Shell {
    heap: Heap,
    names: Names,
    presence: Presence,
}

impl Shell {
    fn installer(&mut self) -> Installer<'_> {
        Installer {
            heap: &mut self.heap,
            names: &mut self.names,
            presence: &mut self.presence,
            unbound: Unbound::Create,
        }
    }

    fn install_classes(&mut self, classes: &[&ClassDefinition]) -> Result<(), BuildError> {
        let no_space = |space| BuildError::Install(imprint_vm::install::InstallError::from(space));
        seed::singletons(&mut self.heap).map_err(no_space)?;
        seed::indices(
            &mut self.heap,
            &mut self.names,
            classes.iter().map(|class| class.name.as_str()),
        )?;
        for class in classes {
            let draft = self.draft(class)?;
            self.installer()
                .install(&Placed::nowhere(Draft::Class(draft)))?;
        }
        self.join_roots_to_class();
        self.heap
            .enter_class_alias(self.class_object("SmallInteger")?, 3);
        for name in FIRST_GLOBALS {
            self.installer()
                .bind_global(&name.into())
                .map_err(no_space)?;
        }
        for class in classes {
            self.bind_names(class).map_err(no_space)?;
        }
        Ok(())
    }

    fn class_object(&self, name: &str) -> Result<Oop, BuildError> {
        let found = self.names.class_object(&self.heap, name);
        found.ok_or_else(|| BuildError::Lacking(format!("class {name}")))
    }

    /// The metaclasses of root classes inherit from Class, which did not exist when they were made.
    fn join_roots_to_class(&mut self) {
        let Some(class_class) = self.names.class_object(&self.heap, "Class") else {
            return;
        };
        let metas: Vec<_> = self.heap.classes().map(|(_, oop)| oop).collect();
        for meta in metas {
            let is_meta = imprint_vm::install::is_metaclass(&self.heap, self.names.family, meta);
            if is_meta && self.heap.slot(meta, behavior::SUPERCLASS) == self.heap.nil() {
                self.heap.store(meta, behavior::SUPERCLASS, class_class);
            }
        }
    }

    fn bind_names(&mut self, definition: &ClassDefinition) -> Result<(), imprint_heap::NeedsSpace> {
        let name: Name = definition.name.as_str().into();
        let object = self
            .names
            .class_object(&self.heap, &name)
            .unwrap_or(self.heap.nil());
        let binding = self.installer().bind_global(&name)?;
        self.heap.store(binding, association::VALUE, object);
        for variable in &definition.class_variables {
            self.installer()
                .bind_class_variable(&name, &variable.as_str().into())?;
        }
        Ok(())
    }

    fn draft(&self, definition: &ClassDefinition) -> Result<ClassDraft, BuildError> {
        let names = |list: &[String]| {
            list.iter()
                .map(|name| Name::from(name.as_str()))
                .collect::<Vec<_>>()
        };
        let name: Name = definition.name.as_str().into();
        let superclass: Option<Name> = definition.superclass.as_deref().map(Name::from);
        let inherited = match &superclass {
            Some(superclass) => self.spec_of(superclass)?,
            None => InstanceSpec {
                spec: 0,
                fixed_fields: 0,
            },
        };
        let own = definition.instance_variables.len() as u16;
        let instance_spec = InstanceSpec {
            spec: spec_number(
                definition.kind,
                inherited.spec,
                inherited.fixed_fields + own,
            ),
            fixed_fields: inherited.fixed_fields + own,
        };
        let meta = self.meta(definition, superclass.as_ref());
        Ok(ClassDraft {
            name,
            superclass,
            instance_spec,
            instance_variables: names(&definition.instance_variables),
            class_variables: names(&definition.class_variables),
            pools: names(&definition.pools),
            package: definition.package.as_str().into(),
            tag: definition.tag.as_str().into(),
            methods: Vec::new(),
            slots: Vec::new(),
            meta: Some(meta),
        })
    }

    fn meta(&self, definition: &ClassDefinition, superclass: Option<&Name>) -> MetaDraft {
        let own = definition.class_instance_variables.len() as u16;
        let inherited = superclass.and_then(|name| {
            self.names
                .behavior(&self.heap, &BehaviorName::meta(name.clone()))
        });
        let inherited = inherited.and_then(|meta| self.heap.instance_spec(meta));
        let inherited = inherited.map_or(class::SIZE as u16, |spec| spec.fixed_fields);
        MetaDraft {
            name: definition.name.as_str().into(),
            superclass: superclass.map_or(BehaviorName::class("Class"), |name| {
                BehaviorName::meta(name.clone())
            }),
            class_slots: inherited + own,
            instance_variables: definition
                .class_instance_variables
                .iter()
                .map(|name| name.as_str().into())
                .collect(),
            methods: Vec::new(),
            slots: Vec::new(),
        }
    }

    fn spec_of(&self, name: &Name) -> Result<InstanceSpec, BuildError> {
        let shape = self
            .names
            .class(name)
            .and_then(|entry| entry.shape.as_ref());
        shape
            .map(|shape| shape.spec)
            .ok_or_else(|| BuildError::Lacking(format!("class {name}")))
    }
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
