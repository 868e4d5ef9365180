//! Many methods at once: what is the same for all methods of a behaviour is looked at once.

use imprint_isa::MethodDraft;
use imprint_model::Oop;
use imprint_model::layout::behavior;

use super::{InstallError, Installer, MethodDictionary};

/// A method that was installed.
#[derive(Clone, Copy, Debug)]
pub struct InstalledMethod {
    /// The symbol under which it stands.
    pub selector: Oop,
    /// The method.
    pub method: Oop,
}

/// Methods that were installed together.
#[derive(Clone, Debug, Default)]
pub struct InstalledMethods {
    /// Each of them.
    pub all: Vec<InstalledMethod>,
    /// Whether one replaced another.
    pub is_over: bool,
}

impl Installer<'_> {
    /// Installs methods of one behaviour; each comes with the place of its source, 0 for nowhere.
    /// Methods that stood there are replaced. Answers the new ones.
    ///
    /// # Errors
    /// As [`Installer::install`], of the first that is refused; those before it stay.
    pub fn install_methods(
        &mut self,
        methods: &[(&MethodDraft, u64)],
    ) -> Result<InstalledMethods, InstallError> {
        let Some((first, _)) = methods.first() else {
            return Ok(InstalledMethods::default());
        };
        let class = self.names.behavior(self.heap, &first.behavior);
        let class = class.ok_or_else(|| self.missing_behavior(first, &first.behavior))?;
        let shape = (self.names.fields_of(&first.behavior)).map(|fields| fields.shape);
        let dictionary = MethodDictionary(self.heap.slot(class, behavior::METHOD_DICTIONARY));
        if dictionary.capacity(self.heap) == 0 {
            return Err(InstallError::Malformed {
                title: first.to_string(),
                what: "its class has no method dictionary",
            });
        }
        let dictionary = dictionary.with_room(self.heap, methods.len())?;
        self.heap
            .store(class, behavior::METHOD_DICTIONARY, dictionary.0);
        let before = dictionary.tally(self.heap);
        let mut made = Vec::with_capacity(methods.len());
        for (draft, source_pointer) in methods {
            debug_assert_eq!(draft.behavior, first.behavior, "one behaviour at a time");
            if shape.is_some_and(|shape| shape != draft.shape && draft.shape != 0) {
                return Err(InstallError::Shape(draft.to_string()));
            }
            let method = self.make_code(draft, draft, &[], *source_pointer)?;
            let selector = self.heap.intern(&draft.selector)?;
            let fits = dictionary.put(self.heap, selector, method);
            debug_assert!(fits, "room was made for all of them");
            made.push(InstalledMethod { selector, method });
        }
        let is_over = dictionary.tally(self.heap) != before + made.len();
        Ok(InstalledMethods { all: made, is_over })
    }
}
