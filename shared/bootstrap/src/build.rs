//! The whole way: packages to an image that can be run, saved or served.

use std::time::{Duration, Instant};

use imprint_heap::Heap;
use imprint_image::Sources;
use imprint_isa::{Draft, Name, Placed};
use imprint_loader::ClassDefinition;
use imprint_model::Oop;
use imprint_model::layout::{association, behavior};
use imprint_vm::install::{Installer, Names, Unbound};
use imprint_vm::{Presence, Vm};

use crate::drafting::class_draft;
use crate::error::BuildError;
use crate::sources::PackageSet;
use crate::{compile, order, organise, seed};

/// Globals that are no classes and that the first code may name.
pub(crate) const FIRST_GLOBALS: [&str; 4] = ["Processor", "Smalltalk", "Transcript", "Undeclared"];

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
            let draft = class_draft(&self.names, class)?;
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
}
