//! The names of a system that exists as descriptions only: what a builder compiles against before
//! there is a heap. A `Library` holds the descriptions, a `ClassNames` is what the methods of one
//! behaviour see of it.

use std::sync::Arc;

use imprint_isa::draft::{BehaviorName, ClassDraft, Name, shape_hash};
use imprint_model::InstanceSpec;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Site;
use crate::names::{Names, Resolved};

/// Classes whose instances, and those of whose subclasses, may be contexts.
const CONTEXT_ROOT: &str = "InstructionStream";
const CONTEXT: &str = "Context";
/// What a metaclass at the root inherits from.
const CLASS: &str = "Class";
/// The instance specification of objects with named fields only.
const FIXED: u8 = 1;

/// What the compiler must know of a class.
#[derive(Clone, Debug)]
pub struct ClassDescription {
    /// The superclass; `None` at the root.
    pub superclass: Option<Name>,
    /// What its instances are, inherited fields counted.
    pub spec: InstanceSpec,
    /// Its own instance variables.
    pub instance_variables: Vec<Name>,
    /// Its own class-side instance variables.
    pub class_instance_variables: Vec<Name>,
    /// Its class variables.
    pub class_variables: Vec<Name>,
    /// The pools it uses.
    pub pools: Vec<Name>,
}

impl From<&ClassDraft> for ClassDescription {
    fn from(class: &ClassDraft) -> Self {
        let meta = class.meta.as_ref();
        Self {
            superclass: class.superclass.clone(),
            spec: class.instance_spec,
            instance_variables: class.instance_variables.clone(),
            class_instance_variables: meta
                .map(|meta| meta.instance_variables.clone())
                .unwrap_or_default(),
            class_variables: class.class_variables.clone(),
            pools: class.pools.clone(),
        }
    }
}

/// Classes and globals by name.
#[derive(Clone, Debug, Default)]
pub struct Library {
    classes: FxHashMap<Name, ClassDescription>,
    globals: FxHashSet<Name>,
}

impl Library {
    /// Declares a class, or declares it anew.
    pub fn declare_class(&mut self, name: impl Into<Name>, class: ClassDescription) {
        self.classes.insert(name.into(), class);
    }

    /// Declares a global that is no class.
    pub fn declare_global(&mut self, name: impl Into<Name>) {
        self.globals.insert(name.into());
    }

    /// Whether a class of this name is declared.
    #[must_use]
    pub fn has_class(&self, name: &str) -> bool {
        self.classes.contains_key(name)
    }

    /// All fields of the instances of a behaviour, inherited ones first. A superclass that is not
    /// declared ends the search.
    #[must_use]
    pub fn instance_variables(&self, behavior: &BehaviorName) -> Vec<Name> {
        let lineage = self.lineage(&behavior.class);
        let own = lineage.iter().rev();
        if !behavior.meta {
            return own
                .flat_map(|(_, class)| &class.instance_variables)
                .cloned()
                .collect();
        }
        let of_class = self.lineage(CLASS);
        let of_class = of_class
            .iter()
            .rev()
            .flat_map(|(_, class)| &class.instance_variables);
        of_class
            .chain(own.flat_map(|(_, class)| &class.class_instance_variables))
            .cloned()
            .collect()
    }

    /// The `shape_hash` of a behaviour; 0, which fits any shape, where the class is not declared.
    #[must_use]
    pub fn shape(&self, behavior: &BehaviorName) -> u64 {
        let Some(description) = self.classes.get(&behavior.class) else {
            return 0;
        };
        let variables = self.instance_variables(behavior);
        let fixed_fields = u16::try_from(variables.len()).unwrap_or(u16::MAX);
        let spec = if behavior.meta {
            InstanceSpec {
                spec: FIXED,
                fixed_fields,
            }
        } else {
            description.spec
        };
        shape_hash(spec, variables.iter().map(Arc::as_ref))
    }

    /// What the methods of a behaviour see, and where they go. Made once for all methods of the
    /// behaviour: `ClassNames::site` takes each one's protocol.
    #[must_use]
    pub fn names(&self, behavior: &BehaviorName) -> ClassNames<'_> {
        let lineage = self.lineage(&behavior.class);
        let is_context = lineage
            .iter()
            .any(|(name, _)| [CONTEXT_ROOT, CONTEXT].contains(&&***name));
        let instance_variables = self.instance_variables(behavior);
        let shape = self.shape(behavior);
        let is_context = is_context && !behavior.meta;
        ClassNames {
            library: self,
            behavior: behavior.clone(),
            lineage,
            instance_variables,
            shape,
            is_context,
        }
    }

    /// The class and its superclasses, from the class up; each once, whatever was declared.
    fn lineage(&self, name: &str) -> Vec<(&Name, &ClassDescription)> {
        let mut lineage: Vec<(&Name, &ClassDescription)> = Vec::new();
        let mut next = self.classes.get_key_value(name);
        while let Some((name, class)) = next {
            if lineage.iter().any(|(known, _)| *known == name) {
                break;
            }
            lineage.push((name, class));
            next = class
                .superclass
                .as_ref()
                .and_then(|superclass| self.classes.get_key_value(superclass));
        }
        lineage
    }
}

/// What the methods of one behaviour see.
pub struct ClassNames<'l> {
    library: &'l Library,
    behavior: BehaviorName,
    lineage: Vec<(&'l Name, &'l ClassDescription)>,
    instance_variables: Vec<Name>,
    shape: u64,
    is_context: bool,
}

impl ClassNames<'_> {
    /// Where a method of this behaviour goes.
    #[must_use]
    pub fn site(&self, protocol: impl Into<Name>) -> Site {
        Site {
            protocol: protocol.into(),
            shape: self.shape,
            is_context: self.is_context,
            ..Site::new(self.behavior.clone())
        }
    }

    /// For the class and each superclass: its class variables, then those of its pools.
    fn shared_variable(&self, name: &str) -> Option<Resolved> {
        self.lineage.iter().find_map(|(class_name, class)| {
            let pools = class
                .pools
                .iter()
                .filter_map(|pool| self.library.classes.get_key_value(pool));
            let mut declaring = std::iter::once((*class_name, *class)).chain(pools);
            declaring.find_map(|(class, description)| {
                let variable = description
                    .class_variables
                    .iter()
                    .find(|variable| ***variable == *name)?;
                Some(Resolved::ClassVariable {
                    class: class.clone(),
                    name: variable.clone(),
                })
            })
        })
    }

    fn global(&self, name: &str) -> Option<Resolved> {
        if let Some((name, _)) = self.library.classes.get_key_value(name) {
            return Some(Resolved::Global {
                name: name.clone(),
                is_class: true,
            });
        }
        let name = self.library.globals.get(name)?;
        Some(Resolved::Global {
            name: name.clone(),
            is_class: false,
        })
    }
}

impl Names for ClassNames<'_> {
    fn resolve(&self, name: &str) -> Resolved {
        let field = self
            .instance_variables
            .iter()
            .position(|field| **field == *name);
        if let Some(index) = field.and_then(|index| u16::try_from(index).ok()) {
            return Resolved::InstanceVariable(index);
        }
        self.shared_variable(name)
            .or_else(|| self.global(name))
            .unwrap_or(Resolved::Undeclared)
    }
}

#[cfg(test)]
mod tests {
    use imprint_isa::draft::{BehaviorName, Name};
    use imprint_model::InstanceSpec;

    use super::{ClassDescription, Library};
    use crate::names::{Names, Resolved};

    /// Name, superclass, fields, class variables, pools; each class has one class-side field.
    type Row = (
        &'static str,
        Option<&'static str>,
        &'static [&'static str],
        &'static [&'static str],
        &'static [&'static str],
    );

    const CLASSES: [Row; 5] = [
        ("Class", None, &["superclass", "name"], &[], &[]),
        ("Base", None, &["a"], &["Shared", "Hidden"], &["Pool"]),
        ("Leaf", Some("Base"), &["b"], &["Hidden"], &[]),
        ("Pool", None, &[], &["Letter"], &[]),
        ("Context", None, &["pc"], &[], &[]),
    ];

    fn declare(library: &mut Library, (name, superclass, fields, shared, pools): Row) {
        let names = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| Name::from(*text))
                .collect::<Vec<Name>>()
        };
        let description = ClassDescription {
            superclass: superclass.map(Name::from),
            spec: InstanceSpec {
                spec: 1,
                fixed_fields: 0,
            },
            instance_variables: names(fields),
            class_instance_variables: names(&[&format!("{name}Side")]),
            class_variables: names(shared),
            pools: names(pools),
        };
        library.declare_class(name, description);
    }

    fn library() -> Library {
        let mut library = Library::default();
        for row in CLASSES {
            declare(&mut library, row);
        }
        library.declare_global("Transcript");
        library
    }

    fn shared(class: &str, name: &str) -> Resolved {
        Resolved::ClassVariable {
            class: class.into(),
            name: name.into(),
        }
    }

    #[test]
    fn names_are_looked_up_from_the_class_to_the_globals() {
        let library = library();
        let names = library.names(&BehaviorName::class("Leaf"));
        let cases = [
            ("a", Resolved::InstanceVariable(0)),
            ("b", Resolved::InstanceVariable(1)),
            ("Shared", shared("Base", "Shared")),
            ("Hidden", shared("Leaf", "Hidden")),
            ("Letter", shared("Pool", "Letter")),
            (
                "Base",
                Resolved::Global {
                    name: "Base".into(),
                    is_class: true,
                },
            ),
            (
                "Transcript",
                Resolved::Global {
                    name: "Transcript".into(),
                    is_class: false,
                },
            ),
            ("c", Resolved::Undeclared),
            ("LeafSide", Resolved::Undeclared),
        ];
        for (name, expected) in cases {
            assert_eq!(names.resolve(name), expected, "{name}");
        }
    }

    #[test]
    fn a_class_side_sees_the_fields_of_class_and_then_its_own() {
        let library = library();
        let names = library.names(&BehaviorName::meta("Leaf"));
        assert_eq!(names.resolve("name"), Resolved::InstanceVariable(1));
        assert_eq!(names.resolve("BaseSide"), Resolved::InstanceVariable(2));
        assert_eq!(names.resolve("LeafSide"), Resolved::InstanceVariable(3));
        assert_eq!(names.resolve("Shared"), shared("Base", "Shared"));
        assert_eq!(names.resolve("a"), Resolved::Undeclared);
    }

    #[test]
    fn only_instances_of_contexts_are_contexts() {
        let library = library();
        assert!(
            library
                .names(&BehaviorName::class("Context"))
                .site("")
                .is_context
        );
        assert!(
            !library
                .names(&BehaviorName::meta("Context"))
                .site("")
                .is_context
        );
        assert!(
            !library
                .names(&BehaviorName::class("Leaf"))
                .site("")
                .is_context
        );
    }

    #[test]
    fn a_shape_changes_with_inherited_fields() {
        let mut library = library();
        let before = library.shape(&BehaviorName::class("Leaf"));
        declare(&mut library, ("Base", None, &["a", "z"], &[], &[]));
        assert_ne!(library.shape(&BehaviorName::class("Leaf")), before);
        assert_eq!(library.shape(&BehaviorName::class("Unknown")), 0);
    }

    #[test]
    fn a_circle_of_superclasses_is_walked_once() {
        let mut library = library();
        declare(&mut library, ("Base", Some("Leaf"), &["a"], &[], &[]));
        assert_eq!(
            library
                .names(&BehaviorName::class("Leaf"))
                .resolve("nowhere"),
            Resolved::Undeclared
        );
    }
}
