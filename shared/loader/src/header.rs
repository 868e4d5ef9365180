//! The map that describes a class or trait, as typed fields: Tonel's STON after the keyword, FileTree's
//! `properties.json`. They differ in the names of their keys only.

use crate::definition::{ClassDefinition, ClassKind, MethodDefinition, Origin, TraitDefinition};
use crate::problem::Defect;
use crate::ston::{Fields, Value};

/// The names of the keys in one of the formats.
pub(crate) struct Keys {
    superclass: &'static str,
    traits: &'static str,
    class_traits: &'static str,
    instance_variables: &'static str,
    class_variables: &'static str,
    class_instance_variables: &'static str,
}

/// Tonel's keys, in all its versions.
pub(crate) const TONEL: Keys = Keys {
    superclass: "superclass",
    traits: "traits",
    class_traits: "classTraits",
    instance_variables: "instVars",
    class_variables: "classVars",
    class_instance_variables: "classInstVars",
};

/// FileTree's keys.
pub(crate) const FILETREE: Keys = Keys {
    superclass: "super",
    traits: "traitcomposition",
    class_traits: "classtraitcomposition",
    instance_variables: "instvars",
    class_variables: "classvars",
    class_instance_variables: "classinstvars",
};

/// The fields of any definition; those that were not there are empty.
#[derive(Debug, Default)]
pub(crate) struct Header {
    /// `#name`
    pub(crate) name: String,
    superclass: Option<String>,
    kind: ClassKind,
    traits: String,
    class_traits: String,
    instance_variables: Vec<String>,
    class_variables: Vec<String>,
    pools: Vec<String>,
    class_instance_variables: Vec<String>,
    package: String,
    tag: String,
    /// `#before` of a package
    pub(crate) before: String,
    /// `#after` of a package
    pub(crate) after: String,
}

impl Header {
    /// Reads the fields and says what is wrong with them; without a name there is no header.
    pub(crate) fn read(value: &Value, keys: &Keys) -> (Option<Self>, Vec<Defect>) {
        let mut fields = Fields::of(value);
        let name = fields.text("name");
        if name.is_empty() {
            fields.defects.push(Defect::MissingKey { key: "name" });
            return (None, fields.defects);
        }
        let header = Self {
            name,
            superclass: Some(fields.text(keys.superclass))
                .filter(|name| !matches!(name.as_str(), "" | "nil")),
            kind: kind(&mut fields),
            traits: composition(&mut fields, keys.traits),
            class_traits: composition(&mut fields, keys.class_traits),
            instance_variables: variables(&mut fields, keys.instance_variables),
            class_variables: variables(&mut fields, keys.class_variables),
            pools: variables(&mut fields, "pools"),
            class_instance_variables: variables(&mut fields, keys.class_instance_variables),
            before: fields.text("before"),
            after: fields.text("after"),
            ..Self::default()
        };
        let (package, tag) = package_and_tag(&mut fields);
        (
            Some(Self {
                package,
                tag,
                ..header
            }),
            fields.defects,
        )
    }

    /// The class it describes.
    pub(crate) fn into_class(
        self,
        comment: String,
        methods: Vec<MethodDefinition>,
        origin: Origin,
    ) -> ClassDefinition {
        ClassDefinition {
            name: self.name,
            superclass: self.superclass,
            kind: self.kind,
            instance_variables: self.instance_variables,
            class_variables: self.class_variables,
            pools: self.pools,
            class_instance_variables: self.class_instance_variables,
            traits: self.traits,
            class_traits: self.class_traits,
            package: self.package,
            tag: self.tag,
            comment,
            methods,
            origin,
        }
    }

    /// The trait it describes.
    pub(crate) fn into_trait(
        self,
        comment: String,
        methods: Vec<MethodDefinition>,
        origin: Origin,
    ) -> TraitDefinition {
        TraitDefinition {
            name: self.name,
            instance_variables: self.instance_variables,
            class_instance_variables: self.class_instance_variables,
            traits: self.traits,
            class_traits: self.class_traits,
            package: self.package,
            tag: self.tag,
            comment,
            methods,
            origin,
        }
    }
}

/// A trait composition: an expression in a string, or `{}` for none.
fn composition(fields: &mut Fields<'_>, key: &'static str) -> String {
    match fields.at(key) {
        Some(Value::Map(_)) => String::new(),
        _ => Some(fields.text(key))
            .filter(|text| text.trim() != "{}")
            .unwrap_or_default(),
    }
}

fn kind(fields: &mut Fields<'_>) -> ClassKind {
    let name = fields
        .optional_text("type")
        .or_else(|| fields.optional_text("layout"));
    let Some(name) = name else {
        return ClassKind::Normal;
    };
    ClassKind::from_name(&name).unwrap_or_else(|| {
        fields.defects.push(Defect::UnknownKind { name });
        ClassKind::Normal
    })
}

/// Names of variables. A slot with behaviour (`#x => WeakSlot`) is noted and stands for its name.
fn variables(fields: &mut Fields<'_>, key: &'static str) -> Vec<String> {
    let texts = fields.texts(key);
    let special = texts.iter().filter(|text| text.contains("=>"));
    fields
        .defects
        .extend(special.map(|slot| Defect::SpecialSlot { slot: slot.clone() }));
    let name = |text: &String| {
        let name = text.split("=>").next().unwrap_or(text);
        name.trim().trim_start_matches('#').to_owned()
    };
    texts.iter().map(name).collect()
}

/// `#package` and `#tag`; older files join both in `#category`, which is parted when the package's name is
/// known (there is no telling which hyphen it is).
fn package_and_tag(fields: &mut Fields<'_>) -> (String, String) {
    match fields.optional_text("package") {
        Some(package) => (package, fields.text("tag")),
        None => (fields.text("category"), String::new()),
    }
}
