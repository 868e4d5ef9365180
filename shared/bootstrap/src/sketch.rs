//! What the compiler must know of an image, of its sources alone: no heap is built.
//!
//! A sketch answers what a name means and how classes look. So code that changed is compiled in the time
//! that reading it takes, for whatever image has these classes.

use imprint_isa::{BehaviorName, ClassDraft, MethodDraft, Name};
use imprint_loader::{ClassDefinition, PackageDefinition};
use imprint_model::{ClassIndex, Oop};
use imprint_vm::install::Names;

use crate::build::FIRST_GLOBALS;
use crate::compile::compile_for;
use crate::drafting::{class_draft, shape_of};
use crate::error::BuildError;
use crate::order::in_order;

/// What bindings hold here: only whether there is one matters.
const NOTHING: Oop = Oop::small(0);

/// The names and shapes of some packages.
#[derive(Default)]
pub struct Sketch {
    names: Names,
    classes: Vec<ClassDraft>,
}

impl Sketch {
    /// The sketch of all that stands in these packages.
    ///
    /// # Errors
    /// Where classes cannot be ordered.
    pub fn of(packages: &[PackageDefinition]) -> Result<Sketch, BuildError> {
        let mut sketch = Sketch::default();
        for global in FIRST_GLOBALS {
            sketch.names.bind_global(global.into(), NOTHING);
        }
        for class in in_order(packages)? {
            sketch.add(class)?;
        }
        Ok(sketch)
    }

    fn add(&mut self, definition: &ClassDefinition) -> Result<(), BuildError> {
        let draft = class_draft(&self.names, definition)?;
        let name = draft.name.clone();
        let (index, meta_index) = self.names.assign_indices(&name, ClassIndex::FIRST_FREE);
        self.names.declare(&name, index, meta_index).shape = Some(shape_of(&draft));
        self.names.bind_global(name.clone(), NOTHING);
        for variable in &draft.class_variables {
            self.names
                .bind_class_variable(name.clone(), variable.clone(), NOTHING);
        }
        self.classes.push(draft);
        Ok(())
    }

    /// The register of names; its bindings hold nothing.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The classes, superclasses first.
    pub fn classes(&self) -> &[ClassDraft] {
        &self.classes
    }

    /// A class.
    pub fn class(&self, name: &str) -> Option<&ClassDraft> {
        self.classes.iter().find(|draft| &*draft.name == name)
    }

    /// The draft of a definition that takes the place of one in the sketch.
    ///
    /// # Errors
    /// Where its superclass is not there.
    pub fn draft(&self, definition: &ClassDefinition) -> Result<ClassDraft, BuildError> {
        class_draft(&self.names, definition)
    }

    /// Compiles a method.
    ///
    /// # Errors
    /// The findings, as they are shown.
    pub fn compile(
        &self,
        behavior: &BehaviorName,
        protocol: &str,
        source: &str,
    ) -> Result<MethodDraft, String> {
        compile_for(&self.names, behavior, protocol, source)
    }

    /// Takes in a global that is no class.
    pub fn add_global(&mut self, name: Name) {
        self.names.bind_global(name, NOTHING);
    }

    /// Whether a name means something everywhere.
    pub fn has_global(&self, name: &Name) -> bool {
        self.names.global(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::embedded_packages;

    #[test]
    fn what_is_compiled_with_a_sketch_is_what_a_build_compiles() {
        let set = embedded_packages(|_| false).expect("the kernel reads");
        let sketch = Sketch::of(&set.packages).expect("the kernel is in order");
        let heap = imprint_heap::Heap::new(Default::default()).expect("there is memory");
        let built = crate::build(&set, heap, |heap, names| {
            let mut vm = imprint_vm::Vm::new(heap, Box::new(Nobody), Default::default());
            vm.names = names;
            vm
        });
        let built = built.unwrap_or_else(|error| panic!("{error}"));
        let jobs = crate::compile::jobs(&set);
        assert!(jobs.len() > 1000);
        for job in jobs {
            let (protocol, source) = (&job.method.protocol, &job.method.source);
            let sketched = sketch.compile(&job.behavior, protocol, source);
            let full = compile_for(&built.vm.names, &job.behavior, protocol, source);
            assert_eq!(sketched, full, "{}", job.method.full_name());
        }
    }

    struct Nobody;

    impl imprint_vm::Outside for Nobody {
        fn request(
            &mut self,
            _: &[imprint_isa::Miss],
        ) -> Result<imprint_vm::Answer, imprint_vm::OutsideError> {
            Err(imprint_vm::OutsideError::NoMaster)
        }
        fn wait(&mut self, _: Option<std::time::Instant>) -> Vec<imprint_vm::Event> {
            Vec::new()
        }
        fn poll(&mut self) -> Vec<imprint_vm::Event> {
            Vec::new()
        }
        fn compile(
            &mut self,
            _: imprint_isa::CompileRequest,
            _: &Names,
        ) -> Result<MethodDraft, String> {
            Err("nobody compiles here".to_string())
        }
        fn method_source(&mut self, _: &BehaviorName, _: &str, _: u64) -> Option<String> {
            None
        }
        fn pruned(&mut self, _: &BehaviorName, _: &str) {}
        fn now_micros(&self) -> u64 {
            0
        }
    }
}
