//! Whether the code of an image keeps the rules that code from outside must keep: what is asked of an image
//! that nobody trusts, before anything of it runs.

use imprint_isa::verifier::{Rejection, verify};
use imprint_isa::{BehaviorName, Draft, Name};
use imprint_model::Oop;

use super::{Extractor, Place};

/// What code is called that no class has.
const STRAY: (&str, &str) = ("UndefinedObject", "DoIt");

impl Extractor<'_> {
    /// Verifies all methods with their blocks, those in dictionaries and those that lie elsewhere; answers
    /// which break a rule, and which rule.
    pub fn unsound_code(&self) -> Vec<Rejection> {
        let mut methods: Vec<Oop> = Vec::new();
        self.heap.for_each_object(|oop| {
            if self.heap.format(oop).is_code() && !self.is_block(oop) {
                methods.push(oop);
            }
        });
        let verified = methods.into_iter().map(|oop| self.verify_method(oop));
        verified.filter_map(Result::err).collect()
    }

    fn verify_method(&self, oop: Oop) -> Result<(), Rejection> {
        let (behavior, selector) = match self.index.place(oop) {
            Some(Place::Method(behavior, selector)) => (behavior.clone(), selector.clone()),
            _ => (BehaviorName::class(STRAY.0), Name::from(STRAY.1)),
        };
        let placed = self.method(oop, &behavior, &selector);
        let fields = match self.index.place(oop) {
            Some(_) => self.index.names().all_instance_variables(&behavior),
            None => None,
        };
        let fields = fields.map(|variables| variables.len());
        verify(&Draft::Method(placed.draft), fields)
    }

    /// Whether code is a block, which is verified with its method.
    fn is_block(&self, oop: Oop) -> bool {
        let class = self.class_of(oop);
        class.is_some_and(|class| self.index.inherits(&class.class, "CompiledBlock"))
    }
}
