//! Named primitives: module name, then name, then function.

use rustc_hash::FxHashMap;

use crate::args::Primitive;

/// A primitive that methods call by module and name (primitive 117).
#[derive(Clone, Copy, Debug)]
pub struct NamedPrimitive {
    /// What computes it.
    pub function: Primitive,
    /// Depth to which the receiver, then each argument, is resolved before it runs (0 = identity
    /// is enough, 1 = the object, 2 = the objects in its slots too). Operands beyond are depth 0.
    pub depths: &'static [u8],
}

/// The registry of named primitives.
#[derive(Default)]
pub struct Modules {
    modules: FxHashMap<String, FxHashMap<String, NamedPrimitive>>,
}

impl Modules {
    /// Offers `primitive` under a module (empty for the machine itself) and a name; a later offer
    /// replaces an earlier one.
    pub fn register(&mut self, module: &str, name: &str, primitive: NamedPrimitive) {
        self.modules
            .entry(module.to_string())
            .or_default()
            .insert(name.to_string(), primitive);
    }

    /// The primitive of a module and name.
    pub fn find(&self, module: &str, name: &str) -> Option<NamedPrimitive> {
        self.modules.get(module)?.get(name).copied()
    }

    /// Whether a module offers anything.
    pub fn has_module(&self, module: &str) -> bool {
        self.modules.contains_key(module)
    }

    /// The modules' names, sorted.
    pub fn module_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.modules.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}
